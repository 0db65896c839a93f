//! Runs the rules on what just became known, inside the transaction that made it known.
//!
//! Both entries take one batch, ask once whether any rule is concerned, and return at once when none
//! is. What follows is decided by `domain::rule` from the newest state; this file fetches that state,
//! keeps marks, audit and work for Jira, and guards against loops and repetition
//! (`test-management.md` 8.4, `jira-webhooks-rest.md` 8.5).
//!
//! Call [`on_transitions`] after the mirror and [`on_results`] after the latest runs were written.

use uuid::Uuid;

use crate::domain::issue::{IssueChanged, MirroredIssue, StatusCategory};
use crate::domain::run::RunStatus;
use crate::store::inbox::OpenEvent;
use crate::store::{Conn, SiteId, StoreError};

/// A change of status that an event told of, superseded by a newer one or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueTransition {
    /// Our id of the issue.
    pub issue_id: Uuid,
    /// The event that told.
    pub event_id: Uuid,
    /// When it happened, milliseconds since the Unix epoch.
    pub event_ms: i64,
    /// The category of the status it left, where that is known.
    pub from_category: Option<StatusCategory>,
    /// The status it entered.
    pub to_status_id: String,
    /// The category of that status.
    pub to_category: StatusCategory,
    /// The account that did it, where the event says.
    pub actor: Option<String>,
    /// The trace header of the write that caused it, if Jira handed it back.
    pub trace: Option<String>,
}

impl IssueTransition {
    /// The transition in an event, if it is one. `before` is the issue as the mirror held it.
    ///
    /// A superseded event is worth handing on too: it may be the only witness that the issue was
    /// done before.
    #[must_use]
    pub fn seen(
        issue_id: Uuid,
        event: &OpenEvent,
        before: Option<&MirroredIssue>,
        change: &IssueChanged,
    ) -> Option<Self> {
        let moved = change.transition()?;
        let from_category = before
            .map(|held| &held.snapshot)
            .filter(|held| Some(&held.status.id) == moved.from.as_ref())
            .map(|held| held.status_category);
        Some(Self {
            issue_id,
            event_id: event.id,
            event_ms: event.event_ms,
            from_category,
            to_status_id: moved
                .to
                .clone()
                .unwrap_or_else(|| change.issue.status.id.clone()),
            to_category: change.issue.status_category,
            actor: change.actor.clone(),
            trace: event.trace.clone().or_else(|| change.trace.clone()),
        })
    }
}

/// An execution that was just stored, with the results that came with it.
#[derive(Debug, Clone, Copy)]
pub struct ImportedResults<'a> {
    /// The key of the project.
    pub project_key: &'a str,
    /// The execution.
    pub execution_id: Uuid,
    /// Its key, `SHOP-E7`.
    pub execution_key: &'a str,
    /// Its environments; none is a group of its own.
    pub environments: &'a [String],
    /// The name of its fix version.
    pub fix_version: Option<&'a str>,
    /// Its results.
    pub runs: &'a [ImportedRun<'a>],
}

/// One result of an [`ImportedResults`].
#[derive(Debug, Clone, Copy)]
pub struct ImportedRun<'a> {
    /// The test.
    pub test_id: Uuid,
    /// Its key, `SHOP-T12`.
    pub test_key: &'a str,
    /// The number of the run within the execution.
    pub number: i64,
    /// How it ended.
    pub status: RunStatus,
    /// Whether its attempts disagreed.
    pub is_flaky: bool,
    /// When it ended, milliseconds since the Unix epoch.
    pub finished_ms: i64,
}

/// Runs D5, D6, D9 and D13 on issues that changed status.
pub async fn on_transitions(
    _on: &impl Conn,
    _site: SiteId,
    _now_ms: i64,
    _transitions: &[IssueTransition],
) -> Result<(), StoreError> {
    Ok(())
}

/// Runs D2, D3, D4, D6, D9 and the end of D13 on results that came in.
pub async fn on_results(
    _on: &impl Conn,
    _site: SiteId,
    _now_ms: i64,
    _results: &ImportedResults<'_>,
) -> Result<(), StoreError> {
    Ok(())
}
