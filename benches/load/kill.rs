//! G12: SIGKILL in the middle of a load with repeats and forgeries; what was acknowledged is there,
//! applied, once.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use tokio::task::LocalSet;

use super::client::{Connection, Requests};
use super::database::{Database, Kind, all};
use super::events::{Events, ISSUES, T0};
use super::ingest::Installed;
use super::process::Program;
use super::report::{Goal, judge, median, say};

const CONNECTIONS: usize = 64;
const KILLS: u64 = 5;
/// How long the load runs before each kill.
const LOAD: Duration = Duration::from_millis(1_500);
/// One request in so many repeats an acknowledged one; one in so many is forged.
const REPEAT_EVERY: u64 = 20;
const FORGE_EVERY: u64 = 20;
/// Numbers of forged events are out of the reach of honest ones.
const FORGED: u64 = 500_000_000;

#[derive(Default)]
struct Load {
    next: Cell<u64>,
    acknowledged: RefCell<BTreeSet<u64>>,
    forged: Cell<u64>,
    forged_taken: Cell<u64>,
    repeats: Cell<u64>,
}

/// Kills the product again and again under load, then counts what its database holds.
pub async fn kill(kind: Kind) {
    let Some(mut product) = Installed::new(kind).await else {
        return;
    };
    let port = product.program.port;
    let load = Rc::new(Load::default());
    let mut back = Vec::new();
    for _ in 0..KILLS {
        let events = Events::signed(&product.site);
        let forgeries = Events::forged(&product.site);
        let tasks = LocalSet::new();
        for _ in 0..CONNECTIONS {
            let sender = send(port, Rc::clone(&load), events.clone(), forgeries.clone());
            tasks.spawn_local(sender);
        }
        tasks
            .run_until(async {
                tokio::time::sleep(LOAD).await;
                product.program.kill();
            })
            .await;
        tasks.await;
        product.program = Program::product(&product.database, &product.keys, Some(port)).await;
        back.push(product.program.start.as_secs_f64());
    }
    product.program.applied().await;
    let sent = load.next.get();
    say(
        "events sent, acknowledged",
        format!("{sent}, {}", load.acknowledged.borrow().len()),
    );
    say(
        "repeats, forgeries",
        format!("{}, {}", load.repeats.get(), load.forged.get()),
    );
    let count = |what: &str, number: u64| {
        judge(
            "G12",
            &format!("{what}, {kind}"),
            number as f64,
            "",
            Goal::AtMost(0.0),
        );
    };
    let acknowledged = load.acknowledged.borrow().clone();
    let found = look(&product.database, &acknowledged).await;
    count("acknowledged events lost", found.lost);
    count("events kept twice", found.twice);
    count(
        "forged events kept or acknowledged",
        found.forged + load.forged_taken.get(),
    );
    count("issues behind their newest event", found.behind);
    say(
        &format!("back after a kill, {kind} (aim 0.1)"),
        format!("{:.3} s", median(&back)),
    );
    product.end().await;
}

/// Sends until the connection breaks.
async fn send(port: u16, load: Rc<Load>, events: Events, forgeries: Events) {
    let mut connection = Connection::open(port).await.unwrap();
    let mut request = Vec::new();
    let mut last = None;
    loop {
        let number = load.next.get();
        load.next.set(number + 1);
        if number % FORGE_EVERY == 7 {
            forgeries.write(FORGED + number, &mut request);
            load.forged.set(load.forged.get() + 1);
            let Ok(answer) = connection.exchange(&request).await else {
                return;
            };
            if answer.status != 401 {
                load.forged_taken.set(load.forged_taken.get() + 1);
            }
            continue;
        }
        if number % REPEAT_EVERY == 13
            && let Some(last) = last
        {
            events.write(last, &mut request);
            load.repeats.set(load.repeats.get() + 1);
            let Ok(answer) = connection.exchange(&request).await else {
                return;
            };
            assert_eq!(answer.status, 204, "a repeat is acknowledged");
            continue;
        }
        events.write(number, &mut request);
        let Ok(answer) = connection.exchange(&request).await else {
            return;
        };
        assert_eq!(answer.status, 204, "an honest event is acknowledged");
        load.acknowledged.borrow_mut().insert(number);
        last = Some(number);
    }
}

struct Found {
    lost: u64,
    twice: u64,
    forged: u64,
    behind: u64,
}

/// When each applied event happened.
const APPLIED: &str = "SELECT event_ms FROM inbox i WHERE NOT EXISTS (SELECT 1 FROM waiting_event w WHERE w.id = i.id)";

async fn look(database: &Database, acknowledged: &BTreeSet<u64>) -> Found {
    let connection = database.connect().await;
    let mut kept: BTreeMap<u64, u64> = BTreeMap::new();
    let mut newest: BTreeMap<u64, i64> = BTreeMap::new();
    let mut found = Found {
        lost: 0,
        twice: 0,
        forged: 0,
        behind: 0,
    };
    for row in all(&connection, APPLIED).await {
        let event_ms: i64 = row.try_get_by_index(0).unwrap();
        let number = u64::try_from(event_ms).unwrap() - T0;
        *kept.entry(number).or_default() += 1;
        let newest = newest.entry(number % ISSUES).or_default();
        *newest = event_ms.max(*newest);
        found.forged += u64::from(number >= FORGED);
    }
    found.lost = acknowledged
        .iter()
        .filter(|number| !kept.contains_key(number))
        .count() as u64;
    found.twice = kept.values().filter(|times| **times > 1).count() as u64;
    for row in all(&connection, "SELECT jira_id, event_ms FROM issue").await {
        let jira_id: i64 = row.try_get_by_index(0).unwrap();
        let event_ms: i64 = row.try_get_by_index(1).unwrap();
        let issue = u64::try_from(jira_id).unwrap() % ISSUES;
        found.behind += u64::from(newest.get(&issue) != Some(&event_ms));
    }
    connection.close().await.unwrap();
    found
}
