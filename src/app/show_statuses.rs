//! Tells Jira how the tests of issues stand (D12 of `test-management.md` 8.3).
//!
//! Acts on the aggregate and never on a single result: whoever changes a fact only marks the issues
//! that it may matter to (`store::shown_status`); here marked issues are judged, many at once, by the
//! function every view uses, and what differs from what Jira was told goes to the outbox. An issue
//! whose status changed marks those above it. This is the one place that knows a status from before
//! and after; the rules are told of it here.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::App;
use super::issue_coverage::{IssueCoverage, of_issues};
use super::run_rules::on_coverage;
use crate::domain::coverage::{CoverageStatus, Scope};
use crate::domain::rule::CoverageChange;
use crate::domain::settings::SiteSettings;
use crate::domain::shown_status::ShownStatus;
use crate::domain::work::{Priority, Work};
use crate::store::audit::{self, NewEntry};
use crate::store::outbox::{self, NewWork};
use crate::store::shown_status::{self, Marked};
use crate::store::{Conn, SiteId, StoreError, settings};

/// Issues judged at once.
const BATCH: i64 = 250;

/// An issue that is to be shown with another status.
struct Different<'a> {
    marked: &'a Marked,
    jira_id: i64,
    shown: ShownStatus,
    after: CoverageStatus,
    /// Why, in a sentence.
    reason: String,
}

impl Different<'_> {
    /// The change of its status; none if only its counts changed.
    fn change(&self, now_ms: i64) -> Option<CoverageChange> {
        let from = self.marked.shown.as_ref().and_then(ShownStatus::status);
        (from != Some(self.after)).then(|| CoverageChange {
            issue_id: self.marked.issue,
            from,
            to: self.after,
            reason: self.reason.clone(),
            cause: format!("coverage:{now_ms}"),
        })
    }
}

/// Judges issues that are due; tells whether there were any.
pub async fn show_statuses(app: &App) -> Result<bool, StoreError> {
    let now_ms = app.clock.now_ms();
    if !shown_status::has_due(app.store.read(), now_ms).await? {
        return Ok(false);
    }
    let mut of_site: BTreeMap<SiteId, Vec<Marked>> = BTreeMap::new();
    for marked in shown_status::take(&app.store, now_ms, BATCH).await? {
        of_site.entry(marked.site).or_default().push(marked);
    }
    for (site, marked) in of_site {
        judge(app, site, &marked).await?;
    }
    Ok(true)
}

/// Has issues judged again that were not for an hour, or never.
pub async fn look_again_at_old(app: &App) -> Result<(), StoreError> {
    let txn = app.store.write().await?;
    shown_status::mark_old(&*txn, app.clock.now_ms()).await?;
    txn.commit().await
}

async fn judge(app: &App, site: SiteId, marked: &[Marked]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = marked.iter().map(|one| one.issue).collect();
    let (everything, now_ms) = (Scope::default(), app.clock.now_ms());
    let (judged, settings) = tokio::try_join!(
        of_issues(&app.store, site, &ids, &everything, now_ms),
        settings::of_site(app.store.read(), site),
    )?;
    let judged: HashMap<Uuid, IssueCoverage> =
        judged.into_iter().map(|one| (one.issue.id, one)).collect();
    let different: Vec<Different<'_>> = marked
        .iter()
        .filter_map(|one| different(one, judged.get(&one.issue)?, &settings))
        .collect();
    let changes: Vec<CoverageChange> = different
        .iter()
        .filter_map(|one| one.change(now_ms))
        .collect();
    if !changes.is_empty() {
        // In a transaction of its own: rows are touched in the order of their keys in each.
        let changed: Vec<Uuid> = changes.iter().map(|change| change.issue_id).collect();
        let txn = app.store.write().await?;
        shown_status::mark_above(&*txn, site, &changed, now_ms).await?;
        txn.commit().await?;
    }
    let txn = app.store.write().await?;
    for one in marked {
        let is_shown =
            one.shown.is_some() || different.iter().any(|it| it.marked.issue == one.issue);
        shown_status::settle(&*txn, one, is_shown, now_ms).await?;
    }
    tell(&*txn, site, &different, now_ms).await?;
    keep_changes(&*txn, site, &changes, now_ms).await?;
    on_coverage(&*txn, site, now_ms, &changes).await?;
    txn.commit().await?;
    app.outbox_filled.notify_one();
    Ok(())
}

/// What an issue is to be shown with, if that is something else than before. An issue that tests say
/// nothing about is shown only if it was once.
fn different<'a>(
    marked: &'a Marked,
    judged: &IssueCoverage,
    settings: &SiteSettings,
) -> Option<Different<'a>> {
    let issue = &judged.issue;
    let held = settings.of_project(&issue.snapshot.project_key);
    let is_covered = judged.status != CoverageStatus::Uncovered || !judged.tests.is_empty();
    let is_wanted = is_covered && held.is_coverable(&issue.snapshot.issue_type.name);
    let is_known = issue.snapshot.jira_id > 0 && issue.deleted_ms.is_none();
    if !is_known || !(is_wanted || marked.shown.is_some()) {
        return None;
    }
    let shown = ShownStatus::latest(judged.status, judged.counts);
    (marked.shown.as_ref() != Some(&shown)).then_some(Different {
        marked,
        jira_id: issue.snapshot.jira_id,
        shown,
        after: judged.status,
        reason: judged.reason.sentence().to_string(),
    })
}

/// Keeps what Jira is to be told, and lets the outbox tell it.
async fn tell(
    on: &impl Conn,
    site: SiteId,
    different: &[Different<'_>],
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut lanes = Vec::with_capacity(different.len());
    for one in different {
        shown_status::keep(on, one.marked, &one.shown, now_ms).await?;
        let issue_jira_id = one.jira_id;
        let work = Work::SetProperty { issue_jira_id };
        let new = NewWork::new(&work, format!("D12 {}", one.marked.issue), now_ms)
            .once(work.lane())
            .with_priority(Priority::Background);
        outbox::put(on, site, &new).await?;
        lanes.push(new.lane);
    }
    // A try that was given up is made up for by this one.
    outbox::forget_parked(on, site, &lanes).await
}

/// Writes down which statuses changed.
async fn keep_changes(
    on: &impl Conn,
    site: SiteId,
    changes: &[CoverageChange],
    now_ms: i64,
) -> Result<(), StoreError> {
    let entries: Vec<NewEntry> = changes.iter().map(entry).collect();
    audit::insert_all(on, site, &entries, now_ms).await
}

fn entry(change: &CoverageChange) -> NewEntry {
    let after = change.to.word();
    let reason = match change.from {
        Some(before) => format!("Its test status went from {} to {after}.", before.word()),
        None => format!("Its test status is {after}."),
    };
    NewEntry {
        rule: "D12".into(),
        actor: None,
        issue_id: Some(change.issue_id),
        test_id: None,
        action: "set property",
        is_done: true,
        reason,
        cause: format!("status:{}", change.to.name()),
    }
}
