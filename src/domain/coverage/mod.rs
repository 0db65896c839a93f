//! Whether an issue's tests say that it works: the status, and why it is that one.
//!
//! Rules: `reference/test-management.md` sections 2, 3 and 5. Everything here is a pure function of
//! runs, links, [`Scope`] and [`Settings`]; panel, API and reports all ask [`of_issue`], so they
//! cannot disagree. The store keeps a [`Latest`] of all runs of each test, so that the usual scope
//! reads no history; for another scope the same value is made of the runs in it.

use super::run::{Effect, RunStatus};

mod issue;
mod latest;
#[cfg(test)]
mod laws;
mod reason;
mod scope;
mod sentence;
#[cfg(test)]
mod worked_examples;
#[cfg(test)]
mod worked_scopes;

pub use issue::{Counts, Coverage, CoverageStatus, LinkedTest, of_issue};
pub use latest::{Latest, NO_ENVIRONMENT, Pick, Recent, RunFact, TestStatus};
pub use reason::{Decider, DecidingRun, Excluded, Exclusion, Reason, ReasonLine, Rule};
pub use scope::{MadeFor, Scope, ScopeError};
pub use sentence::{Sentence, Span};

/// What a project may choose about counting results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Whether the latest final result of an environment counts although a newer one is unfinished.
    pub final_precedence: bool,
    /// What a skipped test means for the issue.
    pub skipped: Treatment,
    /// What a blocked test means for the issue.
    pub blocked: Treatment,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            final_precedence: true,
            skipped: Treatment::NotRun,
            blocked: Treatment::NotRun,
        }
    }
}

/// What a result that is neither a pass nor a failure means for the issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Treatment {
    /// The test has not been run: the issue is not OK.
    NotRun,
    /// As bad as a failure.
    Nok,
    /// As if the result had not come: the one before it counts.
    Ignore,
}

impl Settings {
    /// What `status` means under these settings; `None` when such a result is passed over.
    #[must_use]
    pub fn effect(self, status: RunStatus) -> Option<Effect> {
        let treatment = match status {
            RunStatus::Skipped => self.skipped,
            RunStatus::Blocked => self.blocked,
            _ => return Some(status.effect()),
        };
        match treatment {
            Treatment::NotRun => Some(Effect::NotRun),
            Treatment::Nok => Some(Effect::Nok),
            Treatment::Ignore => None,
        }
    }
}
