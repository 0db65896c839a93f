//! JUnit files of the model's tests: each case dated by itself.

use std::fmt::Write;

use serde_json::{Value, json};

/// How a reported case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed,
    Broke,
    Skipped,
    /// Failed, then passed when it was tried again.
    FailedThenPassed,
    /// Failed, and failed again.
    FailedTwice,
}

/// As often as they should come, of tests that mostly pass.
pub const OUTCOMES: [(usize, Outcome); 5] = [
    (80, Outcome::Passed),
    (3, Outcome::Skipped),
    (1, Outcome::Failed),
    (1, Outcome::Broke),
    (1, Outcome::FailedThenPassed),
];
/// And of those that fail a lot.
pub const ROUGH_OUTCOMES: [(usize, Outcome); 6] = [
    (40, Outcome::Passed),
    (10, Outcome::Skipped),
    (15, Outcome::Failed),
    (10, Outcome::Broke),
    (10, Outcome::FailedThenPassed),
    (10, Outcome::FailedTwice),
];

/// Whether a test fails a lot: one in six, by the number in its key.
pub fn is_rough(key: &str) -> bool {
    let (_, number) = key.rsplit_once('T').unwrap();
    number.parse::<usize>().unwrap().is_multiple_of(6)
}

impl Outcome {
    /// The status of the run, and whether its attempts disagree: 5.2 with the policy *worst*.
    pub fn status(self) -> (&'static str, bool) {
        match self {
            Self::Passed => ("PASSED", false),
            Self::Failed | Self::FailedTwice => ("FAILED", false),
            Self::Broke => ("ERROR", false),
            Self::Skipped => ("SKIPPED", false),
            Self::FailedThenPassed => ("FAILED", true),
        }
    }

    fn elements(self) -> &'static str {
        match self {
            Self::Passed => "",
            Self::Failed => "<failure message='expected 1, got 2'/>",
            Self::Broke => "<error message='reset'/>",
            Self::Skipped => "<skipped/>",
            Self::FailedThenPassed => "<flakyFailure message='timeout'/>",
            Self::FailedTwice => "<failure message='no'/><rerunFailure message='again'/>",
        }
    }
}

/// A reported case.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    /// The key of its test.
    pub test: String,
    pub outcome: Outcome,
    pub finished_ms: i64,
    pub took_ms: i64,
    /// The issue it says it covers.
    pub issue: Option<String>,
}

pub fn file(cases: &[Case]) -> String {
    let mut file = "<testsuite name='model'>".to_owned();
    for case in cases {
        let began = jiff::Timestamp::from_millisecond(case.finished_ms - case.took_ms).unwrap();
        let took = format!("{}.{:03}", case.took_ms / 1_000, case.took_ms % 1_000);
        write!(
            file,
            "<testcase classname='model.Case' name='{}' timestamp='{began}' time='{took}'>",
            case.name
        )
        .unwrap();
        if let Some(issue) = &case.issue {
            write!(
                file,
                "<properties><property name='requirement' value='{issue}'/></properties>"
            )
            .unwrap();
        }
        file.push_str(case.outcome.elements());
        file.push_str("</testcase>");
    }
    file.push_str("</testsuite>");
    file
}

/// The attempts of an outcome, as the interface for single runs writes them.
pub fn attempts(outcome: Outcome) -> Value {
    let statuses: &[&str] = match outcome {
        Outcome::FailedThenPassed => &["FAILED", "PASSED"],
        Outcome::FailedTwice => &["FAILED", "FAILED"],
        _ => &["PASSED"],
    };
    statuses
        .iter()
        .map(|status| json!({ "status": status }))
        .collect()
}
