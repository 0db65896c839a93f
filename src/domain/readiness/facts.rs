//! What readiness asks about one issue of the population, one test and one defect.

use uuid::Uuid;

use crate::domain::coverage::CoverageStatus;
use crate::domain::run::Effect;
use crate::domain::severity::Severity;

/// An issue of the population with its status in scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueFacts {
    /// Our id of it.
    pub id: Uuid,
    /// Jira's id of it.
    pub jira_id: i64,
    /// Its key.
    pub key: String,
    /// Its summary.
    pub summary: String,
    /// How bad it would be to get it wrong, from its priority.
    pub severity: Severity,
    /// Its status in scope.
    pub status: CoverageStatus,
    /// Why, in one sentence.
    pub why: String,
    /// Its tests that count, and those that are quarantined; no others.
    pub tests: Vec<TestFacts>,
}

/// A test of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four answers to four questions that have nothing to do with each other"
)]
pub struct TestFacts {
    /// Its id.
    pub id: Uuid,
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Whether it is quarantined, so that it does not count.
    pub is_quarantined: bool,
    /// Whether there is evidence that it passes and fails by chance.
    pub is_flaky: bool,
    /// Whether a counting result was made with an older test, or before the issue changed.
    pub is_outdated: bool,
    /// What its status in scope says about the issue.
    pub effect: Effect,
    /// Whether a counting result of it is final.
    pub is_final: bool,
    /// When its oldest counting result ended, milliseconds since the Unix epoch; none without any.
    pub oldest_ms: Option<i64>,
    /// When its newest final result ended, in scope or not, milliseconds since the Unix epoch.
    pub final_ms: Option<i64>,
    /// Since when a rule wants it run again, milliseconds since the Unix epoch.
    pub retest_ms: Option<i64>,
    /// Defects that are linked to it (our ids).
    pub defects: Vec<Uuid>,
}

/// A defect of the population: linked to a test of it, or itself part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefectFacts {
    /// Our id of it.
    pub id: Uuid,
    /// Jira's id of it.
    pub jira_id: i64,
    /// Its key.
    pub key: String,
    /// Its summary.
    pub summary: String,
    /// The name of its priority; empty without one.
    pub priority: String,
    /// How bad it is, from its priority.
    pub severity: Severity,
    /// The name of its status.
    pub status: String,
    /// Whether it is unresolved.
    pub is_open: bool,
    /// When it was resolved with a fix, milliseconds since the Unix epoch: its tests have to show that
    /// the fix holds.
    pub fixed_ms: Option<i64>,
}

impl TestFacts {
    /// Whether it counts.
    #[must_use]
    pub const fn counts(&self) -> bool {
        !self.is_quarantined
    }

    /// Whether its final result in scope is a pass.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.is_final && self.effect == Effect::Ok
    }

    /// Whether it has no result in scope.
    #[must_use]
    pub const fn is_never_run(&self) -> bool {
        self.oldest_ms.is_none()
    }
}
