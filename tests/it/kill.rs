//! Nothing accepted is ever lost: the real process is killed at any moment during a load of events
//! and started again, and every event it acknowledged is applied once.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::{ConnectionTrait, Statement};
use tokio::sync::Mutex;

use crate::both_databases;
use crate::support::events::Issue;
use crate::support::service::{SECRET_KEY, deliver};
use crate::support::site::{KeyHost, Site};
use crate::support::{Database, eventually};

const T0: i64 = 1_795_132_800_000;
const KILLS: usize = 4;
const SENDERS: i64 = 8;

/// A `touchstone serve` of its own process.
struct Process {
    child: Child,
    base: String,
}

impl Process {
    async fn start(database: &Database, keys: &KeyHost, port: u16) -> Self {
        let base = format!("http://127.0.0.1:{port}");
        let child = Command::new(env!("CARGO_BIN_EXE_touchstone"))
            .args([
                "serve",
                "--listen",
                &format!("127.0.0.1:{port}"),
                "--base-url",
                &base,
            ])
            .args(["--database-url", &database.url, "--secret-key", SECRET_KEY])
            .args(["--key-host", &keys.url, "--threads", "2"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let process = Self { child, base };
        eventually("the service is ready", async || {
            let url = format!("{}/health/ready", process.base);
            reqwest::get(url)
                .await
                .ok()
                .filter(|answer| answer.status() == 200)
        })
        .await;
        process
    }

    /// SIGKILL: nothing is flushed, nothing is given up.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    /// It dies with the test, however that ends.
    fn drop(&mut self) {
        // Fails when it is dead already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

both_databases! {
    async fn every_acknowledged_event_survives_being_killed(database: Database) {
        let (keys, site, http) = (KeyHost::start(), Site::new("acme"), reqwest::Client::new());
        let port = free_port();
        let mut process = Process::start(&database, &keys, port).await;
        install(&http, &keys, &site, &process.base).await;

        for round in 0..KILLS {
            let acknowledged = load_until_killed(process, &http, &site, round).await;
            process = Process::start(&database, &keys, port).await;
            settled(&http, &process.base).await;
            check(&database, &acknowledged).await;
        }
        process.kill();
    }
}

/// Sends events from several senders, kills the process in the middle of it, and returns the
/// acknowledged ones: for each issue the times of its events, by identifier.
async fn load_until_killed(
    process: Process,
    http: &reqwest::Client,
    site: &Site,
    round: usize,
) -> BTreeMap<String, (i64, i64)> {
    let acknowledged = Arc::new(Mutex::new(BTreeMap::new()));
    let is_over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (http, base, site) = (http.clone(), process.base.clone(), site.clone());
            let (acknowledged, is_over) = (Arc::clone(&acknowledged), Arc::clone(&is_over));
            tokio::spawn(async move {
                let offset = i64::try_from(round).unwrap() * 1_000_000 + sender * 100_000;
                for n in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let number = offset + n;
                    let id = 30_000 + number % 23;
                    let body = Issue::new(id, &format!("SHOP-{id}")).edited(
                        T0 + number,
                        number + 1,
                        &format!("edit {number}"),
                    );
                    let identifier = format!("k-{number}");
                    match deliver(&http, &base, &site, &identifier, &body).await {
                        Ok(answer) if answer.status() == 204 => {
                            acknowledged
                                .lock()
                                .await
                                .insert(identifier, (id, T0 + number));
                        }
                        _ => break,
                    }
                }
            })
        })
        .collect();
    // A different moment each round: some events are waiting, some being applied, some in flight.
    let enough = 40 + round * 97;
    eventually("events are acknowledged", async || {
        (acknowledged.lock().await.len() >= enough).then_some(())
    })
    .await;
    process.kill();
    is_over.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
    let acknowledged = acknowledged.lock().await.clone();
    assert!(acknowledged.len() >= enough);
    acknowledged
}

async fn install(http: &reqwest::Client, keys: &KeyHost, site: &Site, base: &str) {
    let descriptor: serde_json::Value = http
        .get(format!("{base}/atlassian-connect.json"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let token = keys.install_token(site, base, "/connect/installed");
    let answer = http
        .post(format!("{base}/connect/installed"))
        .header("Authorization", format!("JWT {token}"))
        .json(&site.lifecycle_body(descriptor["key"].as_str().unwrap(), "installed"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);
}

async fn settled(http: &reqwest::Client, base: &str) {
    eventually("every accepted event is applied", async || {
        let answer = http.get(format!("{base}/health/ready")).send().await.ok()?;
        let health: serde_json::Value = answer.json().await.ok()?;
        (health["inbox"]["waiting"] == 0).then_some(())
    })
    .await;
}

/// Every acknowledged event is there, applied, once; every issue stands at its newest one or at an
/// unacknowledged one that was kept all the same.
async fn check(database: &Database, acknowledged: &BTreeMap<String, (i64, i64)>) {
    let connection = sea_orm::Database::connect(&database.url).await.unwrap();
    let ask = async |sql: &str| {
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        connection.query_all_raw(statement).await.unwrap()
    };
    let mut kept: BTreeMap<(String, i64), i64> = BTreeMap::new();
    assert!(
        ask("SELECT 1 FROM waiting_event").await.is_empty(),
        "an event is not applied"
    );
    for row in ask("SELECT lane, event_ms FROM inbox").await {
        let lane: String = row.try_get_by_index(0).unwrap();
        let event_ms: i64 = row.try_get_by_index(1).unwrap();
        *kept.entry((lane, event_ms)).or_default() += 1;
    }
    for (id, event_ms) in acknowledged.values() {
        let times = kept.get(&(id.to_string(), *event_ms));
        assert_eq!(times, Some(&1), "event of {event_ms} on issue {id}");
    }
    for row in ask("SELECT jira_id, event_ms FROM issue").await {
        let id: i64 = row.try_get_by_index(0).unwrap();
        let event_ms: i64 = row.try_get_by_index(1).unwrap();
        let of_issue = kept.keys().filter(|(lane, _)| *lane == id.to_string());
        assert_eq!(
            of_issue.map(|(_, ms)| *ms).max(),
            Some(event_ms),
            "issue {id}"
        );
    }
    assert!(
        ask("SELECT 1 FROM lane").await.is_empty(),
        "a lane is left over"
    );
}
