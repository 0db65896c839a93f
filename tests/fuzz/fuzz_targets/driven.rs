// What every target does; included by each of them, so that the reader's source files stand at the
// root of the crate, where they look for each other.

#[path = "../../../src/domain"]
mod domain {
    pub mod attempts;
    pub mod issue;
    pub mod keys;
    pub mod mirror;
    pub mod run;
    pub mod statuses;
    pub mod test;
}
#[path = "../../../src/results/mod.rs"]
mod results;

use domain::attempts::Aggregation;

/// Any bytes as a result file: the answer is a report or a refusal, never a panic, and a report
/// accounts for every case that it counted.
fn drive(bytes: &[u8]) {
    let limits = results::Limits {
        bytes: 1 << 20,
        depth: 20,
        ..results::Limits::default()
    };
    let Ok(report) = results::read(bytes, &limits) else {
        return;
    };
    let attempts: usize = report.runs.iter().map(|run| run.attempts.len()).sum();
    assert!(attempts >= report.counts.tests);
    for run in &report.runs {
        assert!(!run.attempts.is_empty() && run.identity.key().len() <= 400);
        let _ = run.status(Aggregation::Worst);
    }
}
