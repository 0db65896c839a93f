//! Changes that clients want in issues of Jira: put into the outbox, which makes them under the app's own
//! rights, with an entry in the audit that names the client.

use crate::domain::issue::MirroredIssue;
use crate::domain::rule::FieldChange;
use crate::domain::work::{Priority, TransitionTarget, Work};
use crate::problem::Problem;
use crate::store::audit::{self, NewEntry};
use crate::store::outbox::{self, NewWork};

use super::super::graphql::desk::{Answer, Desk, refused};
use super::issues::Change;

/// Changes the labels of an issue; the rest of it is Jira's to change.
pub(super) async fn edit(desk: &Desk, issue: &MirroredIssue, change: &Change) -> Answer<()> {
    let key = &issue.snapshot.key;
    if change.summary.is_some() || change.description.is_some() {
        return Err(refused(format!(
            "{key} is an issue of Jira, of which only the labels can be changed here."
        )));
    }
    let (held, wanted) = (
        &issue.snapshot.labels,
        change.labels.as_deref().unwrap_or(&[]),
    );
    if change.labels.is_none() {
        return Ok(());
    }
    let change = FieldChange {
        add_labels: without(wanted, held),
        remove_labels: without(held, wanted),
        ..FieldChange::default()
    };
    if change == FieldChange::default() {
        return Ok(());
    }
    let work = Work::EditIssue {
        issue_jira_id: issue.snapshot.jira_id,
        change,
    };
    put(
        desk,
        issue,
        &work,
        ("edit issue", format!("The labels of {key} were changed.")),
    )
    .await
}

fn without(all: &[String], those: &[String]) -> Vec<String> {
    let left = all.iter().filter(|one| !those.contains(one));
    left.cloned().collect()
}

/// Makes a transition of an issue, one of those that Jira offers now.
pub(super) async fn transition(desk: &Desk, issue: &MirroredIssue, id: &str) -> Answer<()> {
    let key = &issue.snapshot.key;
    let site = desk.app.sites.by_id(desk.site()).await?;
    let site = site.ok_or_else(Problem::internal)?;
    let client = desk.app.jira.for_site(&site);
    let offered = client.transitions(issue.snapshot.jira_id).await;
    let offered = offered.map_err(|why| Problem::unavailable().because(why))?;
    let chosen = offered.into_iter().find(|offered| offered.id == id);
    let chosen = chosen.ok_or_else(|| {
        let short: String = id.chars().take(40).collect();
        refused(format!("Jira offers no transition `{short}` of {key} now."))
    })?;
    let work = Work::Transition {
        issue_jira_id: issue.snapshot.jira_id,
        target: TransitionTarget::Statuses(vec![chosen.to.id]),
        otherwise: Vec::new(),
    };
    let reason = format!("{key} is to become {}.", chosen.to.name);
    put(desk, issue, &work, ("transition", reason)).await
}

async fn put(
    desk: &Desk,
    issue: &MirroredIssue,
    work: &Work,
    (action, reason): (&'static str, String),
) -> Answer<()> {
    let txn = desk.write().await?;
    let cause = format!("request:{}", desk.by());
    let entry = NewEntry {
        rule: "person".into(),
        actor: Some(desk.by().to_owned()),
        issue_id: Some(issue.id),
        test_id: None,
        action,
        is_done: true,
        reason,
        cause: cause.clone(),
    };
    let new = NewWork::new(work, cause, desk.now_ms).with_priority(Priority::Interactive);
    outbox::put(&*txn, desk.site(), &new).await?;
    audit::insert_all(&*txn, desk.site(), &[entry], desk.now_ms).await?;
    desk.commit(txn).await
}
