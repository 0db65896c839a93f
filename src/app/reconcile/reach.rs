//! The walk over the issues that tests refer to: a search cannot find what is not there any more.
//!
//! Jira answers for an issue that was deleted as it does for one that the app may not see. When the
//! app still sees the project, the issue is taken for deleted (one that is hidden by a security level
//! looks the same, and comes back with its next event); else it is out of reach, which is noted and
//! changes nothing: a permission that is given back brings everything back.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::changes::count;
use super::lost::make_up;
use super::{LONGEST_MS, PAGES, PART_MS, ScanError, begin, complete, go_on};
use crate::app::App;
use crate::app::accept_event::{Found, accept_found};
use crate::domain::issue::IssueSnapshot;
use crate::domain::site::Site;
use crate::domain::work::Scan;
use crate::jira::{SiteClient, payload};
use crate::store::inbox::Channel;
use crate::store::scans::{self, LinkedIssue, ScanState};

/// Issues looked at together.
const TOGETHER: i64 = 100;

pub(super) async fn scan(
    app: &App,
    site: &Site,
    client: &SiteClient<'_>,
    mut state: ScanState,
) -> Result<(), ScanError> {
    let now_ms = app.clock.now_ms();
    begin(&mut state, now_ms);
    let mut after: Option<Uuid> = state.place.as_deref().and_then(|it| it.parse().ok());
    let mut projects = HashMap::new();
    for _ in 0..PAGES {
        let linked = scans::linked_after(app.store.read(), site.id, after, TOGETHER).await?;
        let Some(last) = linked.last() else {
            return Ok(complete(app, site, Scan::Reach, state).await?);
        };
        after = Some(last.id);
        state.seen += count(linked.len());
        let ids: Vec<i64> = linked.iter().map(|issue| issue.jira_id).collect();
        let seen = client.look_at_issues(&ids).await?;
        let changed = changed(&linked, &seen);
        state.found += make_up(app, site, client, &changed, now_ms - LONGEST_MS).await?;
        let seen: HashSet<i64> = seen.iter().map(|issue| issue.jira_id).collect();
        let missing: Vec<&LinkedIssue> = linked
            .iter()
            .filter(|issue| !seen.contains(&issue.jira_id))
            .collect();
        let (deleted, hidden) = judge(client, &missing, &mut projects).await?;
        state.found += tell_deletions(app, site, &deleted).await?;
        let seen: Vec<i64> = seen.into_iter().collect();
        let txn = app.store.write().await?;
        scans::set_reach(&*txn, site.id, &hidden, &seen, app.clock.now_ms()).await?;
        txn.commit().await?;
        if app.clock.now_ms() - now_ms > PART_MS {
            break;
        }
    }
    let place = after.map(|after| after.to_string()).unwrap_or_default();
    Ok(go_on(app, site.id, Scan::Reach, state, place).await?)
}

/// Those that were moved, or changed since the mirror heard of them.
fn changed(linked: &[LinkedIssue], seen: &[IssueSnapshot]) -> Vec<i64> {
    let known: HashMap<i64, &LinkedIssue> =
        linked.iter().map(|issue| (issue.jira_id, issue)).collect();
    let has_changed = |issue: &&IssueSnapshot| {
        known
            .get(&issue.jira_id)
            .is_some_and(|known| known.key != issue.key || known.updated_ms < issue.updated_ms)
    };
    seen.iter()
        .filter(has_changed)
        .map(|issue| issue.jira_id)
        .collect()
}

/// Tells what was deleted from what is hidden; `projects` remembers which ones the app sees.
async fn judge<'a>(
    client: &SiteClient<'_>,
    missing: &[&'a LinkedIssue],
    projects: &mut HashMap<String, bool>,
) -> Result<(Vec<&'a LinkedIssue>, Vec<i64>), ScanError> {
    let (mut deleted, mut hidden) = (Vec::new(), Vec::new());
    for issue in missing {
        let is_seen = match projects.get(&issue.project_key) {
            Some(is_seen) => *is_seen,
            None => client.sees_project(&issue.project_key).await?,
        };
        projects.insert(issue.project_key.clone(), is_seen);
        if is_seen {
            deleted.push(*issue);
        } else {
            hidden.push(issue.jira_id);
        }
    }
    Ok((deleted, hidden))
}

async fn tell_deletions(
    app: &App,
    site: &Site,
    deleted: &[&LinkedIssue],
) -> Result<i64, ScanError> {
    let now_ms = app.clock.now_ms();
    let found = deleted.iter().map(|issue| Found {
        channel: Channel::Forge,
        body: payload::deletion_event(issue.jira_id, &issue.key, now_ms),
        content_key: None,
    });
    let told = accept_found(app, site.id, found.collect()).await?;
    Ok(count(told.len()))
}
