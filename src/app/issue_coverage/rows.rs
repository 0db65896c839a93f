//! The tests of an issue as views list them.

use std::cmp::Reverse;
use std::collections::HashMap;

use uuid::Uuid;

use super::{PickedRun, TestRow};
use crate::domain::coverage::{Pick, TestStatus};
use crate::domain::statuses::Statuses;
use crate::store::issue_tests::{Annotations, CoveringTest};

/// The worst first, and what does not count last; within that by key, as they are.
pub(super) fn of(
    tests: &[CoveringTest],
    judged: &[TestStatus<'_>],
    annotations: Annotations,
    statuses: &Statuses,
    now_ms: i64,
) -> Vec<TestRow> {
    let mut marks = by_test(annotations.marks);
    let mut defects = by_test(annotations.defects);
    let mut rows: Vec<TestRow> = tests
        .iter()
        .zip(judged)
        .map(|(test, status)| TestRow {
            marks: marks.remove(&test.case.id).unwrap_or_default(),
            defects: defects.remove(&test.case.id).unwrap_or_default(),
            quarantine: (test.quarantine.clone()).filter(|quarantine| quarantine.holds(now_ms)),
            ..row(test, status, statuses)
        })
        .collect();
    rows.sort_by_key(|row| {
        let badness = (row.effect, statuses.rank(row.status));
        (row.exclusion.is_some(), Reverse(badness))
    });
    rows
}

fn by_test<T>(pairs: Vec<(Uuid, T)>) -> HashMap<Uuid, Vec<T>> {
    let mut found: HashMap<Uuid, Vec<T>> = HashMap::new();
    for (test, item) in pairs {
        found.entry(test).or_default().push(item);
    }
    found
}

fn row(test: &CoveringTest, status: &TestStatus<'_>, statuses: &Statuses) -> TestRow {
    let runs = || status.picks.iter().map(|pick| pick.run);
    let newer = status.picks.iter().filter_map(|pick| pick.unfinished);
    let mut worst = (status.picks.iter()).filter(|pick| pick.counted_status() == status.status);
    TestRow {
        id: test.case.id,
        key: test.case.key.to_string(),
        name: test.case.name.clone(),
        kind: test.case.kind,
        exclusion: status.exclusion.clone(),
        status: status.status,
        named: statuses.named(status.status),
        effect: status.effect,
        is_final: runs().any(|run| statuses.is_final(run.status)),
        is_outdated: status.is_outdated(),
        flaky: status.flaky().cloned(),
        quarantine: None,
        picks: status
            .picks
            .iter()
            .map(|pick| picked(pick, statuses))
            .collect(),
        last_run: runs()
            .chain(newer)
            .max_by_key(|run| run.finished_ms)
            .cloned(),
        message: worst.find_map(|pick| pick.run.message.clone()),
        recent: test.latest.recent().to_vec(),
        marks: Vec::new(),
        defects: Vec::new(),
    }
}

fn picked(pick: &Pick<'_>, statuses: &Statuses) -> PickedRun {
    let status = pick.counted_status();
    PickedRun {
        environment: pick.environment.to_owned(),
        status,
        named: statuses.named(status),
        effect: pick.effect,
        doubt: pick.doubt,
        outdated: pick.outdated,
        execution_id: pick.run.execution_id,
        execution_key: pick.run.execution_key.clone(),
        number: pick.run.number,
        finished_ms: pick.run.finished_ms,
        is_flaky: pick.run.is_flaky,
        attempts: pick.run.attempts,
    }
}
