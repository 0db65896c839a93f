//! A stand-in Jira, the service's processes on one database, and what can be asked of them.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jira_standin::{IssueView, Options, Seed, Standin, State, accounts};
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement};
use serde_json::json;

use super::report::{file, first_report};
use crate::model::Dice;
use crate::support::service::SECRET_KEY;
use crate::support::{Database, TestApp, eventually};

pub const STORIES: usize = 24;
pub const BUGS: usize = 12;
/// The longest the service may take to come to rest: waits that Jira asked for, leases of the dead.
const PATIENCE: Duration = Duration::from_secs(100);
/// A claim older than this is of a process that was killed, milliseconds before its lease ends.
const LEASE_OF_THE_DEAD_MS: i64 = 160_000;

/// What the app's account is called here.
const APP: &str = "the app";

/// A process of the service; it dies with the test, however that ends.
struct Process(Child);

impl Process {
    /// SIGKILL: nothing is flushed, nothing is given up.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it is dead already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// See the module.
pub struct Town {
    pub jira: Standin,
    database: Database,
    on: DatabaseConnection,
    http: reqwest::Client,
    token: String,
    base: String,
    ports: Vec<u16>,
    processes: Vec<Process>,
}

impl Town {
    /// Issues, tests that cover the stories and found the bugs, and the service at work.
    pub async fn begin(database: Database) -> Self {
        let options = Options {
            seed: Seed::Empty,
            ..Options::default()
        };
        let jira = Standin::start(options).await.unwrap();
        let mut app = TestApp::spawn_on(database, &jira).await;
        for (kind, count) in [("Story", STORIES), ("Bug", BUGS)] {
            for number in 0..count {
                let summary = format!("{kind} {number}");
                jira.create_issue(accounts::DEVELOPER, "SHOP", kind, &summary, &json!({}))
                    .unwrap();
            }
        }
        jira.settle().await.unwrap();
        app.applied().await;
        let token = first_report(&app, &jira).await;
        app.running.take().unwrap().stop().await.unwrap();
        let base = app.base.clone();
        let port = url::Url::parse(&base).unwrap().port().unwrap();
        let TestApp { database, .. } = app;
        let on = sea_orm::Database::connect(&database.url).await.unwrap();
        let mut town = Self {
            ports: if database.is_sqlite() {
                vec![port]
            } else {
                // Two replicas; Jira knows the address of the first.
                vec![port, free_port()]
            },
            jira,
            database,
            on,
            http: reqwest::Client::new(),
            token,
            base,
            processes: vec![],
        };
        for port in town.ports.clone() {
            let process = town.start(port).await;
            town.processes.push(process);
        }
        town
    }

    async fn start(&self, port: u16) -> Process {
        let child = Command::new(env!("CARGO_BIN_EXE_touchstone"))
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .args(["--base-url", &self.base, "--secret-key", SECRET_KEY])
            .args(["--database-url", &self.database.url, "--threads", "2"])
            .args(["--key-host", &self.jira.key_host()])
            .args(["--insecure-sites", "true", "--reconcile-minutes", "0"])
            .env_remove("TOUCHSTONE_LOG")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let process = Process(child);
        eventually("the service is ready", async || {
            let url = format!("http://127.0.0.1:{port}/health/ready");
            let answer = reqwest::get(url).await.ok()?;
            (answer.status() == 200).then_some(())
        })
        .await;
        process
    }

    /// SIGKILL for one of the processes, and a new one in its place.
    pub async fn kill(&mut self, which: usize) {
        let which = which % self.processes.len();
        self.processes[which].kill();
        self.processes[which] = self.start(self.ports[which]).await;
    }

    /// SIGKILL for all of them at once.
    pub async fn kill_all(&mut self) {
        for process in &mut self.processes {
            process.kill();
        }
        for which in 0..self.processes.len() {
            self.processes[which] = self.start(self.ports[which]).await;
        }
    }

    pub async fn end(mut self) {
        for process in &mut self.processes {
            process.kill();
        }
        self.on.close().await.unwrap();
    }

    pub(super) async fn ask(&self, sql: &str) -> Vec<QueryResult> {
        let statement = Statement::from_string(self.on.get_database_backend(), sql);
        self.on.query_all_raw(statement).await.unwrap()
    }

    async fn count(&self, sql: &str) -> i64 {
        self.ask(sql).await[0].try_get_by_index(0).unwrap()
    }

    /// Waits until all that was sent has arrived but this many.
    pub async fn lets_events_pass(&self, left: usize) {
        self.jira
            .wait_until("deliveries have arrived", PATIENCE, |state| {
                state.open_deliveries() <= left
            })
            .await
            .unwrap();
    }

    /// Waits until the service has begun to write.
    pub async fn writes_more_than(&self, before: usize) {
        eventually("the service writes", async || {
            (self.written() > before).then_some(())
        })
        .await;
    }

    /// Waits until every event is delivered or lost, applied, and every piece of work has ended.
    pub async fn is_idle(&self) {
        let since = Instant::now();
        loop {
            self.jira.settle().await.unwrap();
            let waiting = self.count("SELECT count(*) FROM waiting_event").await;
            let work = self
                .count("SELECT count(*) FROM outbox WHERE state = 0")
                .await;
            // What is about to be judged, and may be told to Jira.
            let due = self
                .count("SELECT count(*) FROM shown_status WHERE due_ms IS NOT NULL")
                .await;
            if (waiting, work, due) == (0, 0, 0) && self.jira.read(State::open_deliveries) == 0 {
                break;
            }
            assert!(
                since.elapsed() < PATIENCE,
                "{waiting} events, {work} pieces of work and {due} statuses wait"
            );
            self.let_go_of_the_dead().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let parked = "SELECT note FROM outbox WHERE state = 2";
        let parked = self.ask(parked).await;
        let why: Vec<String> = parked
            .iter()
            .map(|row| row.try_get_by_index(0).unwrap())
            .collect();
        assert!(why.is_empty(), "work was put aside: {why:?}");
    }

    /// What a killed process had claimed is free in three minutes; here a little earlier.
    async fn let_go_of_the_dead(&self) {
        let now_ms = crate::support::site::now_s() * 1_000;
        let sql = format!(
            "UPDATE outbox SET lease_until_ms = 0 WHERE state = 0 AND lease_until_ms > 0 AND lease_until_ms < {}",
            now_ms + LEASE_OF_THE_DEAD_MS
        );
        self.on.execute_unprepared(&sql).await.unwrap();
    }

    /// The service compares itself with Jira; returns how many issues were behind.
    pub async fn catches_up(&self) -> i64 {
        self.is_idle().await;
        let before = self.finished().await;
        eventually("the comparison is asked for", async || {
            let token = self.jira.context_jwt(None, accounts::ADMIN).unwrap();
            let url = format!("{}/ui/admin/reconcile", self.base);
            let request = self
                .http
                .post(url)
                .header("Authorization", format!("JWT {token}"));
            let answer = request.send().await.ok()?;
            (answer.status() == 200).then_some(())
        })
        .await;
        let since = Instant::now();
        while self
            .finished()
            .await
            .iter()
            .zip(&before)
            .any(|(now, then)| now <= then)
            || self.finished().await.len() < 2
        {
            assert!(since.elapsed() < PATIENCE, "the comparison does not end");
            self.let_go_of_the_dead().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.is_idle().await;
        self.count("SELECT CAST(COALESCE(sum(found), 0) AS bigint) FROM scan WHERE kind <> 'all'")
            .await
    }

    /// When the comparisons that were asked for last ended.
    async fn finished(&self) -> Vec<i64> {
        let sql = "SELECT finished_ms FROM scan WHERE kind <> 'all' AND finished_ms IS NOT NULL ORDER BY kind";
        let rows = self.ask(sql).await;
        rows.iter()
            .map(|row| row.try_get_by_index(0).unwrap())
            .collect()
    }

    /// Results come in, through either process.
    pub async fn report(&self, seed: u64, round: u64) {
        let mut dice = Dice::new(seed * 100 + round);
        let file = file(|_| dice.happens(55));
        let which = usize::try_from(round).unwrap() % self.ports.len();
        let url = format!(
            "http://127.0.0.1:{}/api/v1/projects/SHOP/results?environment=chrome",
            self.ports[which]
        );
        let request = self.http.post(url).bearer_auth(&self.token).body(file);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    pub fn lost(&self) -> usize {
        self.jira.read(|state| {
            let is_lost = |status: &Option<u16>| status.is_none();
            state
                .deliveries()
                .iter()
                .filter(|one| is_lost(&one.status))
                .count()
        })
    }

    pub fn deliveries(&self) -> usize {
        self.jira.read(|state| state.deliveries().len())
    }

    /// Every issue there is, without what differs from run to run: ids, and the service's address.
    pub fn issues(&self) -> BTreeMap<String, IssueView> {
        let all = self.jira.read(|state| {
            let mut all = state.issues_of("SHOP");
            all.extend(state.issues_of("OPS"));
            all
        });
        let app = self.app_account();
        let port = self.ports[0].to_string();
        let no_app = |who: &mut String| *who = who.replace(&app, APP);
        all.into_iter()
            .map(|mut issue| {
                issue.id = 0;
                for property in issue.properties.values_mut() {
                    // A time of day; everything else in it is compared.
                    property.as_object_mut().map(|it| it.remove("since"));
                }
                for comment in &mut issue.comments {
                    comment.id = 0;
                    comment.text = comment.text.replace(&port, "PORT");
                    no_app(&mut comment.author);
                }
                issue
                    .history
                    .iter_mut()
                    .for_each(|change| no_app(&mut change.author));
                (issue.key.clone(), issue)
            })
            .collect()
    }

    fn app_account(&self) -> String {
        self.jira
            .read(|state| state.app_account().unwrap().to_owned())
    }

    /// How many comments and transitions are the app's.
    pub fn written(&self) -> usize {
        let of_issue = |issue: &IssueView| {
            let said = issue
                .comments
                .iter()
                .filter(|one| one.author == APP)
                .count();
            said + issue.history.iter().filter(|one| one.author == APP).count()
        };
        self.issues().values().map(of_issue).sum()
    }

    pub async fn marks(&self) -> Vec<String> {
        let rows = self
            .ask(
                "SELECT i.key, t.number, m.kind, m.rule, m.environments FROM mark m \
                 JOIN issue i ON i.site_id = m.site_id AND i.id = m.issue_id \
                 JOIN test_case t ON t.site_id = m.site_id AND t.id = m.test_id",
            )
            .await;
        let mut marks: Vec<String> = rows
            .iter()
            .map(|row| {
                let key: String = row.try_get_by_index(0).unwrap();
                let test: i64 = row.try_get_by_index(1).unwrap();
                let kind: i16 = row.try_get_by_index(2).unwrap();
                let rule: String = row.try_get_by_index(3).unwrap();
                let environments: String = row.try_get_by_index(4).unwrap();
                format!("{key} T{test} {kind} {rule} {environments}")
            })
            .collect();
        marks.sort_unstable();
        marks
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
