//! Any bytes as a result file: the reader answers with a report or a refusal, never a panic, and
//! a report accounts for every case that it counted.
#![no_main]
#![expect(
    dead_code,
    reason = "only the reader is driven, not all that the service asks of it"
)]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/domain"]
mod domain {
    pub mod attempts;
    pub mod run;
}
#[path = "../../../src/results/mod.rs"]
mod results;

use domain::attempts::Aggregation;

fuzz_target!(|bytes: &[u8]| {
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
});
