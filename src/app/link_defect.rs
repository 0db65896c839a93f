//! A person says that an issue is the defect of a test, or that it is not.
//!
//! The issue may be one nobody told us of: then Jira is asked. It must be visible to the person who
//! names it; for one that is not, the answer is the same as for one that does not exist.

use uuid::Uuid;

use crate::app::{App, run_rules};
use crate::domain::issue::{IssueKey, IssueSnapshot, NotAnIssueKey};
use crate::domain::settings::Settings;
use crate::domain::site::Site;
use crate::jira::permissions::{Asker, Permission};
use crate::jira::{Gone, JiraError};
use crate::store::audit::{self, NewEntry};
use crate::store::defects::NewDefectLink;
use crate::store::{Conn, SiteId, StoreError, defects, issues, settings, tests};

/// Why a defect was neither linked nor unlinked.
#[derive(Debug, thiserror::Error)]
pub enum DefectLinkError {
    /// What was typed is no key.
    #[error(transparent)]
    NotAKey(#[from] NotAnIssueKey),
    /// There is no such issue, or the person may not see it.
    #[error("there is no issue {0} that you can see")]
    UnknownIssue(IssueKey),
    /// The issue is of another type.
    #[error("{key} is a {found}; defects are of type {wanted}")]
    NotADefect {
        /// The issue.
        key: String,
        /// Its type.
        found: String,
        /// The configured types.
        wanted: String,
    },
    /// There is no such test.
    #[error("this test does not exist any more")]
    UnknownTest,
    /// There is no such link.
    #[error("this issue is not linked to the test")]
    NotLinked,
    /// Jira could not be asked.
    #[error(transparent)]
    Jira(#[from] JiraError),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Links the issue a person typed to a test as its defect; returns its key. A link that is there
/// already stays as it is.
pub async fn link_defect(
    app: &App,
    site: &Site,
    test: Uuid,
    typed_key: &str,
    asker: &Asker<'_>,
) -> Result<String, DefectLinkError> {
    let on = app.store.read();
    let key: IssueKey = typed_key.parse()?;
    let found = tests::by_id(on, site.id, test).await?;
    let found = found.ok_or(DefectLinkError::UnknownTest)?;
    let issue = look_up(app, site, &key).await?;
    let may = Permission::BrowseIssue(issue.jira_id);
    if !app.jira.may(site, asker, may).await? {
        return Err(DefectLinkError::UnknownIssue(key));
    }
    let settings = settings::of_project(on, site.id, &issue.project_key).await?;
    demand_defect(&issue, &settings)?;

    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    let known = issues::by_jira_id(&*txn, site.id, issue.jira_id).await?;
    let issue_id = match known {
        Some(known) => known.id,
        None => issues::upsert_snapshot(&*txn, site.id, &issue, now_ms).await?,
    };
    let link = NewDefectLink {
        test,
        issue: issue_id,
        run: None,
        signature: None,
        created_by: Some(asker.account_id),
    };
    defects::link(&*txn, site.id, &link, now_ms).await?;
    let reason = format!("{} was linked to {} by hand.", issue.key, found.key);
    let pair = (issue_id, test);
    note(
        &*txn,
        site.id,
        pair,
        "link defect",
        reason,
        asker.account_id,
        now_ms,
    )
    .await?;
    txn.commit().await?;
    Ok(issue.key)
}

/// Takes the link between a test and a defect (the mirror's id of the issue) back.
pub async fn unlink_defect(
    app: &App,
    site: &Site,
    test: Uuid,
    issue_id: Uuid,
    account_id: &str,
) -> Result<(), DefectLinkError> {
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    if !defects::unlink(&*txn, site.id, test, issue_id, now_ms).await? {
        return Err(DefectLinkError::NotLinked);
    }
    let reason = "The link between test and defect was removed by hand.".to_owned();
    let pair = (issue_id, test);
    note(
        &*txn,
        site.id,
        pair,
        "unlink defect",
        reason,
        account_id,
        now_ms,
    )
    .await?;
    txn.commit().await?;
    Ok(())
}

/// The issue as the mirror has it, or as Jira has it.
async fn look_up(app: &App, site: &Site, key: &IssueKey) -> Result<IssueSnapshot, DefectLinkError> {
    let known = issues::by_key(app.store.read(), site.id, key.as_str()).await?;
    if let Some(known) = known.filter(|known| !known.is_placeholder()) {
        return match known.deleted_ms {
            None => Ok(known.snapshot),
            Some(_) => Err(DefectLinkError::UnknownIssue(key.clone())),
        };
    }
    match app.jira.for_site(site).issue(key.as_str()).await {
        Ok(found) => Ok(found),
        Err(JiraError::Gone(Gone::NotFound)) => Err(DefectLinkError::UnknownIssue(key.clone())),
        Err(why) => Err(why.into()),
    }
}

fn demand_defect(issue: &IssueSnapshot, settings: &Settings) -> Result<(), DefectLinkError> {
    if settings.is_defect(&issue.issue_type.name) {
        return Ok(());
    }
    Err(DefectLinkError::NotADefect {
        key: issue.key.clone(),
        found: issue.issue_type.name.clone(),
        wanted: settings.defects.iter().collect::<Vec<_>>().join(" or "),
    })
}

/// Writes the audit of what a person did, and brings the marks up to date.
async fn note(
    on: &impl Conn,
    site: SiteId,
    (issue_id, test): (Uuid, Uuid),
    action: &'static str,
    reason: String,
    account_id: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let entry = NewEntry {
        rule: "person".into(),
        actor: Some(account_id.to_owned()),
        issue_id: Some(issue_id),
        test_id: Some(test),
        action,
        is_done: true,
        reason,
        cause: "person".to_owned(),
    };
    audit::insert_all(on, site, &[entry], now_ms).await?;
    run_rules::on_defect_link(on, site, now_ms, issue_id, "person").await
}
