//! Whether an issue's tests say that it works: the status, and why it is that one.
//!
//! Rules: `reference/test-management.md` sections 2, 3 and 5. Everything here is a pure function of
//! runs, links, [`Scope`] and [`Settings`]; panel, API and reports all ask [`of_issue`], so they
//! cannot disagree. The store keeps a [`Latest`] of all runs of each test, so that the usual scope
//! reads no history; for another scope the same value is made of the runs in it.

mod issue;
mod latest;
#[cfg(test)]
mod laws;
mod reason;
mod scope;
mod sentence;
mod settings;
#[cfg(test)]
mod worked_examples;
#[cfg(test)]
mod worked_scopes;

pub use issue::{Counts, Coverage, CoverageStatus, LinkedTest, of_issue};
pub use latest::{Latest, NO_ENVIRONMENT, Pick, Recent, RunFact, TestStatus};
pub use reason::{Decider, DecidingRun, Excluded, Exclusion, Reason, ReasonLine, Rule};
pub use scope::{MadeFor, Scope, ScopeError};
pub use sentence::{Sentence, Span};
pub use settings::{
    ChildLink, ChoiceError, Choices, FlakyEffect, FlakySettings, Hierarchy, Settings, Side,
    Treatment,
};
