//! Why a status is what it is, as data: what decided, what was left out, by which rule, and when.
//!
//! Pages and the API render it; nothing here is text for people except [`Reason::lines`].

use uuid::Uuid;

use super::sentence::{list, on_environments, outcome};
use super::{CoverageStatus, Scope};
use crate::domain::run::RunStatus;

/// The rule that gave the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// No test is linked.
    NoTest,
    /// Tests are linked, and every one is excluded.
    NoTestCounts,
    /// Tests are linked, and the plan runs none of them.
    NotInPlan,
    /// At least one counted test failed or broke.
    ATestFailed,
    /// Nothing failed, and a counted result cannot be trusted.
    AResultIsUncertain,
    /// Nothing failed, and a counted test has no passing result.
    ATestHasNotPassed,
    /// Every counted test passed.
    EveryTestPassed,
}

impl Rule {
    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoTest => "no-test",
            Self::NoTestCounts => "no-test-counts",
            Self::NotInPlan => "not-in-plan",
            Self::ATestFailed => "a-test-failed",
            Self::AResultIsUncertain => "a-result-is-uncertain",
            Self::ATestHasNotPassed => "a-test-has-not-passed",
            Self::EveryTestPassed => "every-test-passed",
        }
    }
}

/// A run that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidingRun {
    /// The environment it was picked for; empty when the execution named none.
    pub environment: String,
    /// The key of the execution.
    pub execution_key: String,
    /// The number of the run within it.
    pub number: i64,
    /// How it ended.
    pub status: RunStatus,
    /// Whether that is not believed, because the import said that results are missing.
    pub is_incomplete: bool,
    /// When it ended, milliseconds since the Unix epoch.
    pub finished_ms: i64,
}

/// A test that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decider {
    /// Its id.
    pub test_id: Uuid,
    /// Its key.
    pub test_key: String,
    /// Its name.
    pub test_name: String,
    /// Its status.
    pub status: RunStatus,
    /// The runs that gave it this status; none when it was never run.
    pub runs: Vec<DecidingRun>,
    /// What counted in other environments and was not as bad.
    pub others: Vec<DecidingRun>,
}

/// Something that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    /// The test's id.
    pub test_id: Uuid,
    /// The test's key.
    pub test_key: String,
    /// The test's name.
    pub test_name: String,
    /// Why.
    pub why: Exclusion,
}

/// Why a test, or a run of it, does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exclusion {
    /// The test is archived.
    Archived,
    /// No execution of the plan in scope has run the test.
    NotInPlan,
    /// It is the test's last run, and its execution was made for something else.
    OutOfScope {
        /// The key of the execution.
        execution_key: String,
        /// The number of the run within it.
        number: i64,
        /// The environments of the execution.
        environments: Vec<String>,
        /// How the run ended.
        status: RunStatus,
    },
    /// The run has no final result yet, and the environment has an older one that does.
    NotFinal {
        /// The key of the execution.
        execution_key: String,
        /// The number of the run within it.
        number: i64,
        /// The environment; empty when the execution named none.
        environment: String,
        /// Where the run stands.
        status: RunStatus,
    },
}

impl Exclusion {
    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Archived => "archived",
            Self::NotInPlan => "not-in-plan",
            Self::OutOfScope { .. } => "out-of-scope",
            Self::NotFinal { .. } => "not-final",
        }
    }
}

/// Why an issue has its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The status it explains.
    pub status: CoverageStatus,
    /// The rule that applied.
    pub rule: Rule,
    /// Which runs were looked at.
    pub scope: Scope,
    /// How many tests count.
    pub counted: usize,
    /// The tests and runs that decided, in the order of the tests.
    pub decided_by: Vec<Decider>,
    /// What was left out, and why.
    pub excluded: Vec<Excluded>,
    /// When it was worked out, milliseconds since the Unix epoch.
    pub computed_ms: i64,
}

/// One line of the full reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonLine {
    /// The test's key, which the text begins with.
    pub test_key: String,
    /// One or two sentences.
    pub text: String,
    /// When the latest run it speaks of ended, milliseconds since the Unix epoch.
    pub at_ms: Option<i64>,
}

impl Reason {
    /// The full reason for people: a line for every test that decided or was left out.
    #[must_use]
    pub fn lines(&self) -> Vec<ReasonLine> {
        let decided = self.decided_by.iter().map(|test| test.line(&self.scope));
        let excluded = self.excluded.iter().map(|item| item.line(&self.scope));
        decided.chain(excluded).collect()
    }
}

impl Decider {
    fn line(&self, scope: &Scope) -> ReasonLine {
        let key = &self.test_key;
        let Some(first) = self.runs.first() else {
            return ReasonLine {
                test_key: key.clone(),
                text: format!("{key} has not been run{}.", scope.within()),
                at_ms: None,
            };
        };
        let clauses: Vec<String> = by_outcome(&self.runs)
            .into_iter()
            .map(|(run, environments)| {
                let executions = executions_of(&self.runs, run);
                let on = on_environments(&environments);
                format!(
                    "{}{on} in {executions}",
                    outcome(run.status, run.is_incomplete)
                )
            })
            .collect();
        let mut text = format!("{key} {}.", list(&clauses));
        if !self.others.is_empty() {
            let others: Vec<String> = by_outcome(&self.others)
                .into_iter()
                .map(|(run, environments)| {
                    let on = on_environments(&environments);
                    format!("{}{on}", outcome(run.status, run.is_incomplete))
                })
                .collect();
            text = format!("{text} It {}; the worst environment counts.", list(&others));
        }
        let latest = self.runs.iter().map(|run| run.finished_ms).max();
        ReasonLine {
            test_key: key.clone(),
            text,
            at_ms: latest.or(Some(first.finished_ms)),
        }
    }
}

impl Excluded {
    fn line(&self, scope: &Scope) -> ReasonLine {
        let key = &self.test_key;
        let text = match &self.why {
            Exclusion::Archived => format!("{key} is archived and does not count."),
            Exclusion::NotInPlan => format!("{key} has not been run{}.", scope.within()),
            Exclusion::OutOfScope {
                execution_key,
                environments,
                status,
                ..
            } => format!(
                "{key} {}{} in {execution_key}, which does not count{}.",
                outcome(*status, false),
                on_environments(environments),
                scope.within(),
            ),
            Exclusion::NotFinal {
                execution_key,
                environment,
                status,
                ..
            } => format!(
                "{key} {}{} in {execution_key}; until it has a result the one before counts.",
                outcome(*status, false),
                on_environments(&[environment]),
            ),
        };
        ReasonLine {
            test_key: key.clone(),
            text,
            at_ms: None,
        }
    }
}

/// Runs that ended alike, each with the environments they were picked for; in the order found.
pub(super) fn by_outcome(runs: &[DecidingRun]) -> Vec<(&DecidingRun, Vec<&str>)> {
    let mut groups: Vec<(&DecidingRun, Vec<&str>)> = Vec::new();
    for run in runs {
        let alike = groups.iter_mut().find(|(held, _)| is_alike(held, run));
        match alike {
            Some((_, environments)) => environments.push(&run.environment),
            None => groups.push((run, vec![&run.environment])),
        }
    }
    groups
}

fn is_alike(one: &DecidingRun, other: &DecidingRun) -> bool {
    (one.status, one.is_incomplete) == (other.status, other.is_incomplete)
}

/// The executions of the runs that ended like `run`.
fn executions_of(runs: &[DecidingRun], run: &DecidingRun) -> String {
    let mut keys: Vec<String> = Vec::new();
    for held in runs.iter().filter(|held| is_alike(held, run)) {
        if !keys.contains(&held.execution_key) {
            keys.push(held.execution_key.clone());
        }
    }
    list(&keys)
}
