//! What follows for tests and defects when an issue moves or a test runs.
//!
//! Rules D2 to D6, D9 and D13 of `test-management.md` 8.3. Everything here is a pure function of the
//! *newest* state: of an issue as the mirror holds it, of a test as its latest runs tell it. So the
//! marks that come out do not depend on the order in which events and results arrived, nor on how
//! often. Every answer is a list of [`Decision`]s: what is done, and what is deliberately not done,
//! each with its rule and a sentence that says why.
//!
//! Nothing here knows how a comment is written into Jira or how often a rule may speak; that is
//! `app::run_rules`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::issue::Named;

/// A rule of `test-management.md` 8.3, or a guard of 8.4 that speaks in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RuleId {
    /// A test failed and an open defect is linked: comment once per execution.
    D2,
    /// A test failed although its defect is resolved: reopen the defect.
    D3,
    /// The failure is flaky: link it, do not reopen.
    D4,
    /// A defect is resolved: its tests need a retest.
    D5,
    /// Every test of a resolved defect has passed since: the defect is verified.
    D6,
    /// A defect is closed without a fix: a failure that stays is accepted.
    D9,
    /// An issue is reopened: its tests need a retest.
    D13,
    /// The change is our own: nothing is written to Jira because of it.
    OwnChange,
}

impl RuleId {
    /// The rules a person can switch on and off, in the order pages list them.
    pub const SWITCHABLE: [Self; 7] = [
        Self::D2,
        Self::D3,
        Self::D4,
        Self::D5,
        Self::D6,
        Self::D9,
        Self::D13,
    ];

    /// The name the audit and the settings keep.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::D2 => "D2",
            Self::D3 => "D3",
            Self::D4 => "D4",
            Self::D5 => "D5",
            Self::D6 => "D6",
            Self::D9 => "D9",
            Self::D13 => "D13",
            Self::OwnChange => "own-change",
        }
    }

    /// What the rule does, in one line for the settings page.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::D2 => "Comment on an open defect when its test fails again, once per execution.",
            Self::D3 => "Reopen a resolved defect when its test fails in a version with the fix.",
            Self::D4 => "Do not reopen a defect because of a flaky failure.",
            Self::D5 => "Mark the tests of a resolved defect as retest needed.",
            Self::D6 => {
                "When every test of a resolved defect has passed since, clear the marks and comment."
            }
            Self::D9 => "Mark a failure as accepted when its defect is closed without a fix.",
            Self::D13 => "Mark the tests of a reopened issue as retest needed.",
            Self::OwnChange => "Write nothing to Jira because of a change Touchstone made.",
        }
    }
}

/// How the rules behave in one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleSettings {
    /// The rules that are switched off; all are on by default.
    pub off: BTreeSet<RuleId>,
    /// Resolutions that close a defect without a fix, by id or by name. Names are localised, so a
    /// site in another language sets its own.
    pub resolutions_without_fix: Vec<String>,
    /// The status (Jira's id) D6 moves a verified defect to; `None`, the default, leaves it alone.
    pub verified_status_id: Option<String>,
    /// The status (Jira's id) D3 reopens to; `None`, the default, takes a transition to a status
    /// that is not done.
    pub reopened_status_id: Option<String>,
}

impl Default for RuleSettings {
    fn default() -> Self {
        Self {
            off: BTreeSet::new(),
            resolutions_without_fix: ["Won't Do", "Won't Fix", "Cannot Reproduce"]
                .map(str::to_owned)
                .to_vec(),
            verified_status_id: None,
            reopened_status_id: None,
        }
    }
}

impl RuleSettings {
    /// Whether a rule is on.
    #[must_use]
    pub fn is_on(&self, rule: RuleId) -> bool {
        !self.off.contains(&rule)
    }

    /// Whether a resolution says that nothing was fixed. The id is compared exactly, the name
    /// without case and with straight apostrophes.
    #[must_use]
    pub fn is_without_fix(&self, resolution: &Named) -> bool {
        let folded = |text: &str| text.trim().replace('’', "'").to_lowercase();
        self.resolutions_without_fix
            .iter()
            .any(|wanted| *wanted == resolution.id || folded(wanted) == folded(&resolution.name))
    }
}

/// What a mark on a test says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MarkKind {
    /// The test has to run again before its result means anything for the issue (D5, D13).
    RetestNeeded,
    /// The test fails, and it was decided to live with it (D9).
    AcceptedFailure,
}

impl MarkKind {
    /// The number the store keeps.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Self::RetestNeeded => 1,
            Self::AcceptedFailure => 2,
        }
    }

    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::RetestNeeded),
            2 => Some(Self::AcceptedFailure),
            _ => None,
        }
    }

    /// The words people read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RetestNeeded => "retest needed",
            Self::AcceptedFailure => "accepted failure",
        }
    }
}

/// A mark on a test because of an issue; there is at most one of a kind for the pair.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The test.
    pub test_id: Uuid,
    /// The defect or issue it is about.
    pub issue_id: Uuid,
    /// What it says.
    pub kind: MarkKind,
    /// Since when: the moment the issue entered the status that calls for the mark, milliseconds
    /// since the Unix epoch.
    pub since_ms: i64,
    /// The environments it is about (retest: where the test has yet to pass), in order; empty when
    /// none is named, and then any will do.
    pub environments: Vec<String>,
    /// The rule it comes from.
    pub rule: RuleId,
}
