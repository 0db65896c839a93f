//! The end does not depend on the way: a seeded history of two thousand changes in Jira, with results
//! coming in between, told with losses, repeats, delays and in any order, Jira refusing calls at times
//! and the service killed five times, leaves Jira exactly as the same history does undisturbed.
//!
//! Results are compared with what Jira says at the time, so before each report the service compares
//! itself with Jira, as it does every few minutes by itself: what was lost until then must be made up
//! for. What the service writes because of the report, its echoes and everything in the meantime are
//! disturbed like the rest. `CONVERGENCE_SEED` gives another history.

mod mirror;
mod people;
mod report;
mod town;

use std::collections::BTreeMap;

use jira_standin::{FailNext, Faults, IssueView};

use crate::both_databases;
use crate::support::Database;
use people::People;
use town::Town;

const ROUNDS: u64 = 5;
const CHANGES: usize = 400;

/// What is left when a history is over.
#[derive(Debug, PartialEq)]
struct End {
    /// Jira's issues, by key.
    jira: BTreeMap<String, IssueView>,
    /// Tests that are marked, by the issue that is why.
    marks: Vec<String>,
    /// Comments and transitions that the app made.
    written: usize,
}

fn seed() -> u64 {
    let given = std::env::var("CONVERGENCE_SEED").ok();
    given.map_or(7, |text| text.parse().unwrap())
}

/// What goes wrong from here on, for a while.
fn trouble(round: u64) -> Faults {
    let refuse = |path: &str, status: u16, count: u32, reason: Option<&str>| FailNext {
        path: Some(path.to_owned()),
        status,
        count,
        retry_after: reason.map(|_| 1),
        reason: reason.map(str::to_owned),
        ..FailNext::default()
    };
    let lost_answer = FailNext {
        method: Some("POST".to_owned()),
        path: Some("/comment".to_owned()),
        status: 503,
        carried_out: true,
        ..FailNext::default()
    };
    Faults {
        duplicate_percent: 10,
        twin_percent: 5,
        drop_percent: 5,
        reorder_ms: 60,
        seed: seed() * 1_000 + round,
        fail_next: vec![
            refuse("/transitions", 429, 1, Some("jira-burst-based")),
            refuse("/comment", 429, 2, Some("jira-per-issue-on-write")),
            refuse("/search", 503, 1, None),
            refuse("/bulkfetch", 429, 1, Some("jira-quota-tenant-based")),
            lost_answer,
            refuse("/rest/api/3/", 503, 1, None),
        ],
        ..Faults::default()
    }
}

async fn run(database: Database, is_disturbed: bool) -> End {
    let seed = seed();
    let mut town = Town::begin(database).await;
    let mut people = People::new(seed, &town.jira);
    let mut found = 0;
    for round in 0..ROUNDS {
        if is_disturbed {
            town.jira.set_faults(trouble(round));
        }
        for change in 0..CHANGES {
            people.change(&town.jira);
            if is_disturbed && round % 2 == 0 && change == CHANGES / 2 {
                // One process dies; where there are two, the other goes on.
                town.kill(usize::try_from(round / 2).unwrap()).await;
            } else if !is_disturbed {
                // Two events of the same millisecond could overtake one another.
                town.lets_events_pass(0).await;
            } else if change % 20 == 0 {
                town.lets_events_pass(10).await;
            }
        }
        found += town.catches_up().await;
        let written = town.written();
        town.report(seed, round).await;
        if is_disturbed && round % 2 == 1 {
            town.writes_more_than(written).await;
            town.kill_all().await;
        }
        town.is_idle().await;
    }
    // Echoes of the last writes may be lost as well.
    found += town.catches_up().await;
    println!(
        "seed {seed}: {} changes, {} of {} deliveries lost, {found} issues were behind, {} comments and transitions of the app",
        people.changes,
        town.lost(),
        town.deliveries(),
        town.written()
    );
    if is_disturbed {
        assert!(town.lost() > 50 && found > 20, "nothing was disturbed");
    } else {
        assert_eq!(
            (town.lost(), found),
            (0, 0),
            "something is found that was not lost"
        );
    }
    town.mirror_is_as_jira().await;
    assert_eq!(
        town.jira.read(jira_standin::State::limit_violations),
        0,
        "a limit was overstepped"
    );
    let end = End {
        jira: town.issues(),
        marks: town.marks().await,
        written: town.written(),
    };
    assert!(
        end.written > 10 && !end.marks.is_empty(),
        "the rules had nothing to do"
    );
    town.end().await;
    end
}

fn compare(calm: &End, stormy: &End) {
    for (key, issue) in &calm.jira {
        assert_eq!(stormy.jira.get(key), Some(issue), "{key} differs");
    }
    assert_eq!(calm, stormy);
    for (key, issue) in &stormy.jira {
        let mut said: Vec<&str> = issue.comments.iter().map(|one| one.text.as_str()).collect();
        let all = said.len();
        said.sort_unstable();
        said.dedup();
        assert_eq!(said.len(), all, "{key} has a comment twice");
    }
}

both_databases! {
    async fn a_stormy_history_ends_as_a_calm_one_does(database: Database) {
        let other = if database.is_sqlite() { Some(Database::sqlite()) } else { Database::postgres().await };
        let calm = run(other.unwrap(), false).await;
        let stormy = run(database, true).await;
        compare(&calm, &stormy);
    }
}
