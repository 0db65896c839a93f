//! Whether an issue's tests say that it works: the status, and why it is that one.
//!
//! Rules: `reference/test-management.md` sections 2, 3 and 5. Everything here is a pure function of
//! runs, links, [`Scope`] and [`Settings`]; panel, API and reports all ask [`of_issue`], so they
//! cannot disagree. The store keeps a [`Latest`] of all runs of each test, so that the usual scope
//! reads no history; for another scope the same value is made of the runs in it.

mod children;
mod choices;
mod explanation;
mod flaky;
mod issue;
mod latest;
#[cfg(test)]
mod laws;
mod lines;
mod reason;
mod scope;
mod sentence;
mod settings;
mod test_status;
#[cfg(test)]
mod worked_children;
#[cfg(test)]
mod worked_doubts;
#[cfg(test)]
mod worked_examples;
#[cfg(test)]
mod worked_flaky;
#[cfg(test)]
mod worked_scopes;

pub use children::{Child, ChildExclusion, ChildSays, status_with_children, with_children};
pub use choices::{ChoiceError, Choices};
pub use explanation::Explanation;
pub use flaky::{FlakyEvidence, RunName, Window, WindowResult};
pub use issue::{Counts, Coverage, CoverageStatus, CoveredIssue, LinkedTest, of_issue};
pub use latest::{Kept, Latest, NO_ENVIRONMENT, Recent, RunFact, WithoutStrip};
pub use lines::ReasonLine;
pub use reason::{
    ChildLine, Children, Decider, DecidingRun, Excluded, ExcludedRun, Exclusion, Reason, Rule,
};
pub use scope::{MadeFor, Scope, ScopeError};
pub use sentence::{Sentence, Span};
pub use settings::{ChildLink, FlakyEffect, FlakySettings, Hierarchy, Settings, Side, Treatment};
pub use test_status::{Circumstances, Doubt, Outdated, Pick, TestStatus};
