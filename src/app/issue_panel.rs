//! Everything the panel of an issue shows, from projections only; and the one moment Jira is asked:
//! when a person opens an issue that is older than the app and was never heard of.

use std::sync::Arc;

use super::App;
use super::issue_coverage::{self, IssueCoverage, IssueRef, TestRow};
use crate::domain::coverage::{MadeFor, Scope};
use crate::domain::settings::Settings;
use crate::domain::site::Site;
use crate::jira::{Gone, JiraError};
use crate::store::inbox::Behind;
use crate::store::{StoreError, issues};

/// What the panel of an issue shows.
#[derive(Debug, Clone)]
pub struct IssuePanel {
    /// The issue, its status and its tests.
    pub coverage: IssueCoverage,
    /// The tests that found it, when it is a defect.
    pub found_by: Vec<TestRow>,
    /// What holds in its project.
    pub settings: Arc<Settings>,
    /// What Jira told of the issue and is not in the mirror yet.
    pub behind: Behind,
    /// The scope it is shown in.
    pub scope: Scope,
    /// What the last executions of its project were made for.
    pub made_for: Vec<MadeFor>,
}

impl IssuePanel {
    /// Whether tests cover issues of its type here.
    #[must_use]
    pub fn is_coverable(&self) -> bool {
        self.settings
            .is_coverable(&self.coverage.issue.snapshot.issue_type.name)
    }

    /// Whether issues of its type are defects here.
    #[must_use]
    pub fn is_defect(&self) -> bool {
        self.settings
            .is_defect(&self.coverage.issue.snapshot.issue_type.name)
    }
}

/// Why an issue cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum MeetError {
    /// Jira could not be asked.
    #[error(transparent)]
    Jira(#[from] JiraError),
    /// It could not be read or stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The panel of the issue, for the person with this account id, in the scope they chose on the page
/// or else last in this project; `None` when the mirror does not know it.
pub async fn of_issue(
    app: &App,
    site: &Site,
    issue: IssueRef<'_>,
    looking: Option<&str>,
    scope: Option<&Scope>,
) -> Result<Option<IssuePanel>, StoreError> {
    let found = issue_coverage::find(&app.store, site.id, issue, looking).await?;
    let Some(mut found) = found else {
        return Ok(None);
    };
    let (settings, behind) = (found.settings.clone(), found.behind);
    let made_for = std::mem::take(&mut found.made_for);
    let scope = scope
        .cloned()
        .or_else(|| found.chosen.take())
        .unwrap_or_default();
    let now_ms = app.clock.now_ms();
    let coverage = issue_coverage::of_linked(&app.store, site.id, found, &scope, now_ms).await?;
    let Some(coverage) = coverage else {
        return Ok(None);
    };
    let snapshot = &coverage.issue.snapshot;
    let found_by = if settings.is_defect(&snapshot.issue_type.name) {
        issue_coverage::found_by(&app.store, site.id, coverage.issue.id, now_ms).await?
    } else {
        Vec::new()
    };
    Ok(Some(IssuePanel {
        coverage,
        found_by,
        settings,
        behind,
        scope,
        made_for,
    }))
}

/// Asks Jira for an issue the mirror does not know, and keeps it; tells whether there is one.
pub async fn meet(app: &App, site: &Site, jira_id: i64) -> Result<bool, MeetError> {
    let snapshot = match app.jira.for_site(site).issue(&jira_id.to_string()).await {
        Ok(snapshot) => snapshot,
        Err(JiraError::Gone(Gone::NotFound)) => return Ok(false),
        Err(why) => return Err(why.into()),
    };
    let txn = app.store.write().await?;
    issues::upsert_snapshot(&*txn, site.id, &snapshot, app.clock.now_ms()).await?;
    txn.commit().await?;
    Ok(true)
}
