//! Why a status is what it is, as data: what decided, what was left out, by which rule, and when.
//!
//! Whoever shows it writes it in words ([`Reason::sentence`], [`Reason::lines`]) or hands it on as
//! [`Explanation`](super::Explanation).

use uuid::Uuid;

use super::children::ChildExclusion;
use super::flaky::FlakyEvidence;
use super::test_status::{Doubt, Outdated};
use super::{CoverageStatus, Scope};
use crate::domain::exemption::Exemption;
use crate::domain::quarantine::Quarantine;
use crate::domain::statuses::NamedStatus;

/// The rule that gave the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A person recorded that the issue needs no test.
    Exempt,
    /// No test is linked.
    NoTest,
    /// Tests are linked, and every one is excluded.
    NoTestCounts,
    /// Tests are linked, and all that would count are in quarantine.
    AllTestsQuarantined,
    /// Tests are linked, and none of them is in the plan.
    NotInPlan,
    /// At least one counted test failed or broke.
    ATestFailed,
    /// Nothing failed, and a counted result cannot be trusted.
    AResultIsUncertain,
    /// Nothing failed, and a counted test has no passing result.
    ATestHasNotPassed,
    /// Every counted test passed.
    EveryTestPassed,
    /// A child is failing, and no test of the issue itself.
    AChildIsFailing,
    /// Nothing fails, and a child has a result that cannot be trusted.
    AChildIsUncertain,
    /// Nothing fails, and a child has not passed.
    AChildHasNotPassed,
    /// What is covered passed, and a child is not covered.
    ChildrenUncovered,
    /// Every child passed, and so did every counted test of the issue itself.
    EveryChildPassed,
}

impl Rule {
    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exempt => "exempt",
            Self::NoTest => "no-test",
            Self::NoTestCounts => "no-test-counts",
            Self::AllTestsQuarantined => "all-tests-quarantined",
            Self::NotInPlan => "not-in-plan",
            Self::ATestFailed => "a-test-failed",
            Self::AResultIsUncertain => "a-result-is-uncertain",
            Self::ATestHasNotPassed => "a-test-has-not-passed",
            Self::EveryTestPassed => "every-test-passed",
            Self::AChildIsFailing => "a-child-is-failing",
            Self::AChildIsUncertain => "a-child-is-uncertain",
            Self::AChildHasNotPassed => "a-child-has-not-passed",
            Self::ChildrenUncovered => "children-uncovered",
            Self::EveryChildPassed => "every-child-passed",
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
    pub status: NamedStatus,
    /// Why that is not taken at its word.
    pub doubt: Option<Doubt>,
    /// What has changed since it was made.
    pub outdated: Option<Outdated>,
    /// Why the test is flaky in this environment.
    pub flaky: Option<FlakyEvidence>,
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
    pub status: NamedStatus,
    /// Whether the service cannot read it any more.
    pub is_unreadable: bool,
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
    /// The test is in a workflow status that does not count.
    Status(String),
    /// The test has a label that does not count.
    Label(String),
    /// Nobody put the test into the plan in scope, and none of its executions has run it.
    NotInPlan,
    /// The test is in quarantine.
    Quarantined(Quarantine),
    /// It is the test's last run, and its execution was made for something else.
    OutOfScope(ExcludedRun),
    /// The run has no final result yet, and the environment has an older one that does.
    NotFinal(ExcludedRun),
}

/// A run that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcludedRun {
    /// The key of the execution.
    pub execution_key: String,
    /// The number of the run within it.
    pub number: i64,
    /// The environments in which it does not count; none when the execution named none.
    pub environments: Vec<String>,
    /// Where the run stands.
    pub status: NamedStatus,
}

impl Exclusion {
    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Archived => "archived",
            Self::Status(_) => "excluded-status",
            Self::Label(_) => "excluded-label",
            Self::NotInPlan => "not-in-plan",
            Self::Quarantined(_) => "quarantined",
            Self::OutOfScope(_) => "out-of-scope",
            Self::NotFinal(_) => "not-final",
        }
    }
}

/// A child of the issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildLine {
    /// Its key.
    pub key: String,
    /// Its summary.
    pub summary: String,
    /// Its status.
    pub status: CoverageStatus,
}

/// What the children of the issue have to do with its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Children {
    /// How many there are.
    pub total: usize,
    /// How many of those that count are not covered.
    pub uncovered: usize,
    /// Those that decided, in the order given.
    pub decided_by: Vec<ChildLine>,
    /// Those that were left out, and why.
    pub left_out: Vec<(ChildLine, ChildExclusion)>,
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
    /// What a person recorded about the needing no test, while it holds.
    pub exemption: Option<Exemption>,
    /// What its children say, when it has any.
    pub children: Option<Children>,
    /// When it was worked out, milliseconds since the Unix epoch.
    pub computed_ms: i64,
}
