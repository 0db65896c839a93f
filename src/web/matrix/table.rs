//! The matrix as rows and columns: what CSV and XLSX have in common.

use crate::app::matrix::{Row, RowDefect, RowRun, RowTest};

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A count.
    Number(usize),
    /// A moment, milliseconds since 1970; none stays empty.
    Moment(Option<i64>),
}

/// The columns that say something of an issue.
pub const ISSUE: [&str; 19] = [
    "Issue",
    "Summary",
    "Type",
    "Priority",
    "Workflow status",
    "Fix versions",
    "Sprints",
    "Coverage",
    "Reason",
    "Tests",
    "Passed",
    "Failed",
    "Not run",
    "Unknown",
    "Last run (UTC)",
    "Environments",
    "Open defects",
    "Resolved defects",
    "Worst open severity",
];

/// The columns that say something of a test and one of its runs.
pub const TEST: [&str; 11] = [
    "Issue",
    "Coverage",
    "Test",
    "Name",
    "Kind",
    "Status",
    "Counts",
    "Environment",
    "Run",
    "Finished (UTC)",
    "Defects",
];

/// The cells of an issue.
pub fn of_issue(row: &Row) -> [Cell; ISSUE.len()] {
    let issue = &row.issue;
    [
        text(&issue.key),
        text(&issue.summary),
        text(&issue.type_name),
        text(issue.priority.as_deref().unwrap_or("")),
        text(&issue.workflow_status),
        text(&issue.fix_versions.join(", ")),
        text(&issue.sprints.join(", ")),
        text(row.status),
        text(&row.reason.sentence),
        Cell::Number(row.counts.tests),
        Cell::Number(row.counts.passed),
        Cell::Number(row.counts.failed),
        Cell::Number(row.counts.not_run),
        Cell::Number(row.counts.unknown),
        Cell::Moment(row.last_run_ms),
        text(&row.environments.join(", ")),
        text(&keys(&row.defects.open)),
        text(&keys(&row.defects.resolved)),
        text(row.defects.worst_open_severity.unwrap_or("")),
    ]
}

/// The cells of every test of an issue: a line for each run that counts, one for a test without any,
/// and one for an issue without tests.
pub fn of_tests(row: &Row) -> Vec<[Cell; TEST.len()]> {
    let tests = row.tests.as_deref().unwrap_or_default();
    let lines = tests.iter().flat_map(|test| {
        let without = test.runs.is_empty().then(|| of_test(row, Some(test), None));
        let runs = test.runs.iter();
        let with = runs.map(move |run| of_test(row, Some(test), Some(run)));
        with.chain(without)
    });
    let mut lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        lines.push(of_test(row, None, None));
    }
    lines
}

fn of_test(row: &Row, test: Option<&RowTest>, run: Option<&RowRun>) -> [Cell; TEST.len()] {
    let of = |said: fn(&RowTest) -> &str| text(test.map_or("", said));
    let environment = run.and_then(|run| run.environment.as_deref());
    let counts = |test: &RowTest| {
        if test.counted {
            "yes"
        } else {
            test.excluded.unwrap_or("no")
        }
    };
    [
        text(&row.issue.key),
        text(row.status),
        of(|test| &test.key),
        of(|test| &test.name),
        of(|test| test.kind),
        of(|test| &test.status),
        text(test.map_or("", counts)),
        text(environment.unwrap_or("")),
        text(&run.map_or_else(String::new, |run| format!("{}/{}", run.execution, run.run))),
        Cell::Moment(run.map(|run| run.finished_ms)),
        text(&test.map_or_else(String::new, |test| keys(&test.defects))),
    ]
}

fn text(said: &str) -> Cell {
    Cell::Text(said.to_owned())
}

fn keys(defects: &[RowDefect]) -> String {
    let keys: Vec<&str> = defects.iter().map(|defect| defect.key.as_str()).collect();
    keys.join(", ")
}
