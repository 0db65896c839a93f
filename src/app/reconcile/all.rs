//! The first reading of a site: every issue once, the latest change first. What the mirror knows
//! already is left to events and the scan of changes.

use super::changes::count;
use super::{PAGES, PART_MS, Place, ScanError, begin, complete, go_on};
use crate::app::App;
use crate::domain::issue::IssueSnapshot;
use crate::domain::mirror::Order;
use crate::domain::site::Site;
use crate::domain::work::Scan;
use crate::jira::SiteClient;
use crate::store::scans::{self, ScanState};
use crate::store::{SiteId, StoreError, issues};

pub(super) async fn scan(
    app: &App,
    site: &Site,
    client: &SiteClient<'_>,
    mut state: ScanState,
) -> Result<(), ScanError> {
    let now_ms = app.clock.now_ms();
    begin(&mut state, now_ms);
    if state.total.is_none() {
        state.total = Some(client.count_any().await?);
    }
    let mut place = Place::of(&state);
    for _ in 0..PAGES {
        let token = place.as_ref().map(|place| place.token.as_str());
        let page = client.any_page(token).await?;
        state.seen += count(page.issues.len());
        state.found += learn(app, site.id, &page.issues).await?;
        let Some(token) = page.next else {
            return Ok(complete(app, site, Scan::All, state).await?);
        };
        let next = Place { token, minutes: 0 };
        // Seen on the health page while it goes on.
        state.place = Some(next.text());
        let txn = app.store.write().await?;
        scans::keep(&*txn, site.id, &state).await?;
        txn.commit().await?;
        place = Some(next);
        if app.clock.now_ms() - now_ms > PART_MS {
            break;
        }
    }
    let place = place.map(|place| place.text()).unwrap_or_default();
    Ok(go_on(app, site.id, Scan::All, state, place).await?)
}

/// Takes in the issues that the mirror does not know; returns how many those were.
async fn learn(app: &App, site: SiteId, found: &[IssueSnapshot]) -> Result<i64, StoreError> {
    let places: Vec<_> = found.iter().map(|issue| (site, issue.jira_id)).collect();
    let txn = app.store.write().await?;
    let known = issues::by_jira_ids(&*txn, &places).await?;
    let is_unknown = |issue: &&IssueSnapshot| !known.contains_key(&(site, issue.jira_id));
    let unknown: Vec<&IssueSnapshot> = found.iter().filter(is_unknown).collect();
    let now_ms = app.clock.now_ms();
    for issue in &unknown {
        issues::learn_snapshot(&*txn, site, issue, Order::NEVER, now_ms).await?;
    }
    txn.commit().await?;
    Ok(count(unknown.len()))
}
