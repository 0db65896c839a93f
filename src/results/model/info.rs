//! What Xray JSON says beyond outcomes: of the execution, of the tests, of steps and iterations
//! (`reference/test-management.md` section 10.4).

use super::{Explicit, Report, RunStatus};
use crate::domain::test::TestStep;

/// What a file says of the execution it reports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecutionInfo {
    /// The key of the execution to report into.
    pub execution: Option<String>,
    /// The key of the project.
    pub project: Option<String>,
    /// The name of a new execution.
    pub summary: Option<String>,
    /// What a new execution is about.
    pub description: Option<String>,
    /// The version of the tested software.
    pub version: Option<String>,
    /// Its revision.
    pub revision: Option<String>,
    /// Who ran the tests.
    pub user: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub started_ms: Option<i64>,
    /// When it ended, in milliseconds since 1970.
    pub finished_ms: Option<i64>,
    /// The key of the test plan.
    pub plan: Option<String>,
    /// Where the tests ran.
    pub environments: Vec<String>,
}

/// What a file says of a test so that it can be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TestDefinition {
    /// The key of the project it belongs to.
    pub project: Option<String>,
    /// Its type, as Xray calls it: `Manual`, `Cucumber`, `Generic` or a type of one's own.
    pub test_type: Option<String>,
    /// The text of a generic test, or the scenario of a Cucumber test.
    pub text: Option<String>,
    /// The steps of a manual test.
    pub steps: Vec<TestStep>,
}

impl TestDefinition {
    /// Whether a person carries the test out.
    #[must_use]
    pub fn is_manual(&self) -> bool {
        match &self.test_type {
            Some(name) => name.trim().eq_ignore_ascii_case("manual"),
            None => !self.steps.is_empty(),
        }
    }
}

/// How a step of a test went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedStep {
    /// The outcome.
    pub status: RunStatus,
    /// What happened.
    pub actual: Option<String>,
    /// What the tester remarked.
    pub comment: Option<String>,
    /// Keys of issues that broke it.
    pub defects: Vec<String>,
}

/// What an iteration says beyond its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Iteration {
    /// Its data: name and value.
    pub parameters: Vec<(String, String)>,
    /// How its steps went.
    pub steps: Vec<ReportedStep>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
}

impl Report {
    /// The key of the project that the file means, by what it says of the execution, else of a test
    /// that is to be made, else by the first key of a test.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        let info = self.info.as_deref();
        let of_info = info.and_then(|info| info.project.as_deref());
        let of_execution = || Some(info?.execution.as_deref()?.rsplit_once('-')?.0);
        let of_tests = || {
            let mut remarks = self.runs.iter().filter_map(|run| run.remarks.as_deref());
            remarks.find_map(|remarks| remarks.definition.as_deref()?.project.as_deref())
        };
        let of_keys = || {
            let mut named = self
                .runs
                .iter()
                .filter_map(|run| run.identity.explicit.as_ref());
            named.find_map(|named| match named {
                Explicit::Key(key) => Some(key.rsplit_once('-')?.0),
                Explicit::Id(_) => None,
            })
        };
        of_info
            .or_else(of_execution)
            .or_else(of_tests)
            .or_else(of_keys)
    }
}
