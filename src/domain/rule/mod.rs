//! What follows for tests and defects when an issue moves or a test runs.
//!
//! The rules of `test-management.md` 8.3, and those a site makes of its own. A [`Rule`] is data: when,
//! if, then. What the built-in ones conclude is a pure function of the *newest* state: of an issue as
//! the mirror holds it, of a test as its latest runs tell it. So the marks that come out do not depend
//! on the order in which events and results arrived, nor on how often. A site's own rules are judged
//! by the facts of one [`Occasion`]. Every answer is a list of [`Decision`]s: what is done, and what
//! is deliberately not done, each with its rule and a sentence that says why.
//!
//! Nothing here knows how a comment is written into Jira or how often a rule may speak; that is
//! `app::run_rules`, and for a trial against history `app::try_rules`.

mod built_in;
mod coverage;
mod defect;
mod definition;
mod evidence;
mod failure;
mod note;
mod own;
mod passing;
mod reopened;
mod template;
mod unclaimed;
mod version;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tables;

use uuid::Uuid;

use super::issue::MirroredIssue;
use super::work::{Block, TransitionTarget};

pub use built_in::built_in;
pub use coverage::{CoverageChange, ask_for_coverage, follow_coverage};
pub use defect::follow_defect;
pub use definition::{Condition, FieldChange, Is, Rule, RuleFault, Then, When};
pub use evidence::{Evidence, RunRef};
pub use failure::{Failure, judge_failures};
pub use own::{Occasion, Ran, Role, follow_own_marks, judge_own};
pub use passing::judge_passes;
pub use reopened::{Reopening, follow_reopened};
pub use unclaimed::{Unclaimed, judge_unclaimed};

/// A rule of `test-management.md` 8.3, a rule of the site's own, or a guard of 8.4 that speaks in its
/// place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleId {
    /// A test failed that has no open defect: create one.
    D1,
    /// A test failed and an open defect is linked: comment once per execution.
    D2,
    /// A test failed although its defect is resolved: reopen the defect.
    D3,
    /// The failure is flaky: link it, do not create, do not reopen.
    D4,
    /// A defect is resolved: its tests need a retest.
    D5,
    /// Every test of a resolved defect has passed since: the defect is verified.
    D6,
    /// Every test of an open defect passes now: say so once.
    D7,
    /// A defect is closed as a duplicate: follow it.
    D8,
    /// A defect is closed without a fix: a failure that stays is accepted.
    D9,
    /// A defect is gone from Jira: its last known state is kept.
    D10,
    /// An issue is done although its tests do not say so.
    D11,
    /// The coverage of an issue changed.
    D12,
    /// An issue is reopened: its tests need a retest.
    D13,
    /// A version was released or a sprint closed: keep how it stood.
    D14,
    /// The change is our own: nothing is written to Jira because of it.
    OwnChange,
    /// A rule of the site's own, by its name.
    Own(String),
}

impl RuleId {
    /// All but the site's own.
    const BUILT_IN: [Self; 15] = [
        Self::D1,
        Self::D2,
        Self::D3,
        Self::D4,
        Self::D5,
        Self::D6,
        Self::D7,
        Self::D8,
        Self::D9,
        Self::D10,
        Self::D11,
        Self::D12,
        Self::D13,
        Self::D14,
        Self::OwnChange,
    ];

    /// The name the audit and the store keep.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::D1 => "D1",
            Self::D2 => "D2",
            Self::D3 => "D3",
            Self::D4 => "D4",
            Self::D5 => "D5",
            Self::D6 => "D6",
            Self::D7 => "D7",
            Self::D8 => "D8",
            Self::D9 => "D9",
            Self::D10 => "D10",
            Self::D11 => "D11",
            Self::D12 => "D12",
            Self::D13 => "D13",
            Self::D14 => "D14",
            Self::OwnChange => "own-change",
            Self::Own(name) => name,
        }
    }

    /// The rule with this name, if there can be one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let own = || definition::is_own_name(name).then(|| Self::Own(name.to_owned()));
        let mut known = Self::BUILT_IN.into_iter();
        known.find(|rule| rule.name() == name).or_else(own)
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

/// What made the rules look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The issue entered another status.
    Moved,
    /// Tests of the issue ran.
    Ran,
    /// A person linked or unlinked a test and the issue.
    Linked,
}

/// A test, as much of it as the rules need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestFacts {
    /// Its id.
    pub id: Uuid,
    /// Its key, `SHOP-T12`.
    pub key: String,
    /// What its latest runs say, one entry for each environment.
    pub evidence: Vec<Evidence>,
}

/// An issue with the tests that are linked to it, and the marks they carry because of it.
#[derive(Debug, Clone, Copy)]
pub struct IssueFacts<'a> {
    /// The issue in its newest known state.
    pub issue: &'a MirroredIssue,
    /// Its tests, in any order.
    pub tests: &'a [TestFacts],
    /// The marks about it, in any order.
    pub marks: &'a [Mark],
}

impl IssueFacts<'_> {
    fn mark(&self, test_id: Uuid, kind: MarkKind) -> Option<&Mark> {
        self.marks
            .iter()
            .find(|mark| mark.test_id == test_id && mark.kind == kind)
    }

    fn key(&self) -> &str {
        &self.issue.snapshot.key
    }

    fn test_key(&self, test_id: Uuid) -> &str {
        let test = self.tests.iter().find(|test| test.id == test_id);
        test.map_or("a test that is no longer linked", |test| test.key.as_str())
    }
}

/// One thing a rule decided, to do or not to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The rule.
    pub rule: RuleId,
    /// The issue it is about.
    pub issue_id: Uuid,
    /// The test it is about, when it is about one.
    pub test_id: Option<Uuid>,
    /// What is to be done.
    pub action: Action,
    /// Why, in one sentence.
    pub reason: String,
}

/// What a decision does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing, on purpose.
    Nothing,
    /// Put a mark on a test, or bring the one it has up to date.
    Set(Mark),
    /// Take the mark of this kind off the test.
    Clear(MarkKind),
    /// Comment on the issue in Jira.
    Comment(Comment),
    /// Take the issue out of its done status in Jira.
    Reopen {
        /// What to say on the issue with it.
        comment: Comment,
        /// What to say when its workflow offers no way.
        otherwise: Vec<Block>,
    },
    /// Move the issue on in Jira.
    MoveTo(TransitionTarget),
    /// Comment on the issue in Jira, in the words of a rule of the site's own.
    Say(Vec<Block>),
    /// Change fields of the issue in Jira.
    Edit(FieldChange),
    /// Link the issue to another one in Jira, given by its key, with this type of link.
    Link {
        /// The other issue.
        key: String,
        /// Name of the link type.
        link_type: String,
    },
    /// Make an execution of these tests, for somebody to carry out.
    Plan(Vec<Uuid>),
    /// Create a defect of the test's failure.
    CreateDefect,
    /// Keep how a version or a sprint stands.
    Snapshot,
}

impl Action {
    /// The name the audit keeps.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Set(mark) => match mark.kind {
                MarkKind::RetestNeeded => "mark retest needed",
                MarkKind::AcceptedFailure => "mark accepted failure",
            },
            Self::Clear(MarkKind::RetestNeeded) => "clear retest needed",
            Self::Clear(MarkKind::AcceptedFailure) => "clear accepted failure",
            Self::Comment(_) | Self::Say(_) => "comment",
            Self::Reopen { .. } => "reopen",
            Self::MoveTo(_) => "move",
            Self::Edit(_) => "set fields",
            Self::Link { .. } => "link",
            Self::Plan(_) => "make execution",
            Self::CreateDefect => "create defect",
            Self::Snapshot => "keep readiness",
        }
    }
}

/// A comment before it is put into words; the wording is [`Comment::blocks`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comment {
    /// Tests of the issue failed in an execution.
    Failed {
        /// Their keys, in order.
        test_keys: Vec<String>,
    },
    /// Tests of the resolved issue failed in an execution, so it is reopened.
    Reopened {
        /// Their keys, in order.
        test_keys: Vec<String>,
    },
    /// Every test of the resolved issue has passed since.
    Verified {
        /// Each test with the run that vouches for it, in order of keys.
        runs: Vec<(String, RunRef)>,
    },
    /// Every test of the open issue passes now.
    PassesNow {
        /// Each test with the run that shows it, in order of keys.
        runs: Vec<(String, RunRef)>,
    },
    /// The issue is done, and its tests do not say so.
    NotCovered {
        /// What they say, in a sentence.
        why: String,
    },
}

/// The execution that a comment speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutionFacts<'a> {
    /// Its key, `SHOP-E7`.
    pub key: &'a str,
    /// Its environments.
    pub environments: &'a [String],
    /// The name of its fix version.
    pub fix_version: Option<&'a str>,
    /// The branch that was tested.
    pub branch: Option<&'a str>,
}

impl Decision {
    fn about(facts: &IssueFacts<'_>, rule: RuleId, action: Action, reason: String) -> Self {
        Self {
            rule,
            issue_id: facts.issue.id,
            test_id: None,
            action,
            reason,
        }
    }

    fn on_test(mut self, test_id: Uuid) -> Self {
        self.test_id = Some(test_id);
        self
    }
}

/// Environments as a person reads them: `chrome, firefox`, or `no environment`.
fn listed(environments: &[String]) -> String {
    let words = environments.iter().map(|name| match name.as_str() {
        "" => "no environment",
        name => name,
    });
    words.collect::<Vec<_>>().join(", ")
}
