//! The scan of what changed lately.

use std::collections::{HashMap, HashSet};

use super::lost::make_up;
use super::{LONGEST_MS, OVERLAP_MS, PAGES, PART_MS, Place, ScanError, begin, complete, go_on};
use crate::app::App;
use crate::domain::issue::MirroredIssue;
use crate::domain::site::Site;
use crate::domain::work::Scan;
use crate::jira::{SeenIssue, SiteClient};
use crate::store::scans::{self, ScanState};
use crate::store::{StoreError, issues};

const MINUTE_MS: i64 = 60_000;

pub(super) async fn scan(
    app: &App,
    site: &Site,
    client: &SiteClient<'_>,
    mut state: ScanState,
) -> Result<(), ScanError> {
    let now_ms = app.clock.now_ms();
    let started_ms = begin(&mut state, now_ms);
    let since_ms = (state.checkpoint_ms - OVERLAP_MS).max(started_ms - LONGEST_MS);
    let mut place = Place::of(&state);
    for _ in 0..PAGES {
        let minutes = place.as_ref().map_or_else(
            || (now_ms - since_ms).max(0).div_euclid(MINUTE_MS) + 1,
            |place| place.minutes,
        );
        let token = place.as_ref().map(|place| place.token.as_str());
        let page = client.changed_page(minutes, token).await?;
        state.seen += count(page.issues.len());
        let wanted = worth_reading(app, site, &page.issues).await?;
        state.found += make_up(app, site, client, &wanted, since_ms).await?;
        let Some(token) = page.next else {
            return Ok(complete(app, site, Scan::Changes, state).await?);
        };
        place = Some(Place { token, minutes });
        if app.clock.now_ms() - now_ms > PART_MS {
            break;
        }
    }
    let place = place.map(|place| place.text()).unwrap_or_default();
    Ok(go_on(app, site.id, Scan::Changes, state, place).await?)
}

/// Which of the issues a search saw have to be read: those that were not looked at as of their newest
/// change, and are behind in the mirror or matter to tests. An issue may be up to date and a change of
/// it be lost all the same, when a later event told the whole issue.
async fn worth_reading(app: &App, site: &Site, seen: &[SeenIssue]) -> Result<Vec<i64>, StoreError> {
    let on = app.store.read();
    let ids: Vec<i64> = seen.iter().map(|issue| issue.jira_id).collect();
    let notes = scans::notes(on, site.id, &ids).await?;
    let is_new = |issue: &&SeenIssue| notes.get(&issue.jira_id) != Some(&issue.updated_ms);
    let new: Vec<&SeenIssue> = seen.iter().filter(is_new).collect();
    let places: Vec<_> = new.iter().map(|issue| (site.id, issue.jira_id)).collect();
    let known = issues::by_jira_ids(on, &places).await?;
    let ids: Vec<i64> = new.iter().map(|issue| issue.jira_id).collect();
    let linked = scans::linked(on, site.id, &ids).await?;
    let known: HashMap<i64, &MirroredIssue> = known
        .iter()
        .map(|((_, jira_id), issue)| (*jira_id, issue))
        .collect();
    let is_wanted = |issue: &&&SeenIssue| is_wanted(issue, &known, &linked);
    Ok(new
        .iter()
        .filter(is_wanted)
        .map(|issue| issue.jira_id)
        .collect())
}

fn is_wanted(
    seen: &SeenIssue,
    known: &HashMap<i64, &MirroredIssue>,
    linked: &HashSet<i64>,
) -> bool {
    linked.contains(&seen.jira_id)
        || known.get(&seen.jira_id).is_none_or(|known| {
            known.snapshot.updated_ms < seen.updated_ms
                || known.snapshot.status.id != seen.status_id
                || known.deleted_ms.is_some()
        })
}

pub(super) fn count(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}
