//! Links between issues that were made or removed unheard: a link is a state, so the newest word on it
//! is all there is to make up for.

use std::collections::{HashMap, HashSet};

use super::ScanError;
use crate::app::App;
use crate::domain::issue::IssueLink;
use crate::jira::ReadIssue;
use crate::store::{SiteId, issue_links};

/// Brings the links of issues that were read up to date; returns Jira's ids of those whose were not.
pub(super) async fn follow_links(
    app: &App,
    site: SiteId,
    read: &[ReadIssue],
) -> Result<HashSet<i64>, ScanError> {
    // A link changes both its issues, so what they show is the state as of their last change.
    let as_of: HashMap<i64, i64> = read
        .iter()
        .map(|issue| (issue.snapshot.jira_id, issue.snapshot.updated_ms))
        .collect();
    let ids: Vec<i64> = as_of.keys().copied().collect();
    let held = issue_links::of_issues(app.store.read(), site, &ids).await?;
    let known: HashSet<_> = held.iter().map(|(link, _)| ends(link)).collect();
    let told: HashSet<_> = read
        .iter()
        .flat_map(|issue| &issue.links)
        .map(ends)
        .collect();
    let (mut behind, mut news) = (HashSet::new(), Vec::new());
    for issue in read {
        let (id, at_ms) = (issue.snapshot.jira_id, issue.snapshot.updated_ms);
        for link in issue
            .links
            .iter()
            .filter(|link| !known.contains(&ends(link)))
        {
            behind.insert(id);
            news.push((site, link.clone(), at_ms));
        }
    }
    for (link, told_ms) in held {
        let ends_at = [link.source_jira_id, link.destination_jira_id];
        let seen_at = ends_at.iter().find_map(|id| Some((*id, *as_of.get(id)?)));
        if let Some((id, at_ms)) = seen_at.filter(|(_, at_ms)| *at_ms >= told_ms)
            && !told.contains(&ends(&link))
        {
            behind.insert(id);
            let gone = IssueLink {
                is_removed: true,
                ..link
            };
            news.push((site, gone, at_ms));
        }
    }
    if !news.is_empty() {
        let txn = app.store.write().await?;
        issue_links::learn_all(&*txn, &news).await?;
        txn.commit().await?;
    }
    Ok(behind)
}

fn ends(link: &IssueLink) -> (i64, i64, String) {
    (
        link.source_jira_id,
        link.destination_jira_id,
        link.type_id.clone(),
    )
}
