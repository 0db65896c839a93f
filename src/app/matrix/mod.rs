//! The traceability matrix: which issues, tests, runs and defects hang together, forward from the
//! issues ([`forward`]), backward from defects and tests ([`backward`]), and what hangs on nothing
//! ([`orphans`]). Section 6 of `test-management.md`.
//!
//! A status here is what [`issue_coverage`](super::issue_coverage) says, the same as in the panel.
//! What may not be seen is left out before anything is counted ([`eyes`]), and how much that was is
//! said. Issues are read in batches and folded, so that a project of any size fits in memory.

pub mod backward;
pub mod eyes;
pub mod forward;
pub mod orphans;
mod row;
pub mod snapshots;

use crate::domain::coverage::Scope;
use crate::domain::matrix::Filters;
use crate::jira::JiraError;
use crate::store::StoreError;

pub use eyes::Eyes;
pub use row::{Counts, Defects, Issue, Row, RowDefect, RowRun, RowTest};

/// Issues whose coverage is read at once.
const BATCH: usize = 250;

/// What stands in the place of an issue that the reader may not see, where it counts all the same.
const UNSEEN: &str = "an issue you may not see";

/// What a matrix is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The key of the project.
    pub project: String,
    /// Which runs count.
    pub scope: Scope,
    /// Which issues are wanted.
    pub filters: Filters,
}

/// Why there is no matrix.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Jira did not say what the reader may see.
    #[error(transparent)]
    Jira(#[from] JiraError),
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// How many are left out because the reader may not see them.
    pub hidden: usize,
    /// Where the next page begins; none on the last.
    pub next: Option<String>,
}

/// The project in an issue's key.
fn project_of(key: &str) -> &str {
    key.rsplit_once('-').map_or("", |(project, _)| project)
}
