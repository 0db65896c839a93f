//! Finding the changes of issues that no event told of, and telling the inbox of them.

use std::collections::{HashMap, HashSet};

use super::ScanError;
use super::changes::count;
use super::links::follow_links;
use crate::app::App;
use crate::app::accept_event::{Found, accept_found};
use crate::domain::issue::{JiraEvent, MirroredIssue, Named, StatusCategory};
use crate::domain::mirror::Order;
use crate::domain::site::Site;
use crate::domain::work::{Priority, Work};
use crate::jira::payload::{self, HistoryEntry};
use crate::jira::{PAGE, ReadIssue, SiteClient};
use crate::store::inbox::Channel;
use crate::store::outbox::{self, NewWork};
use crate::store::{SiteId, StoreError, issues, scans, site_health};

/// How much earlier than its change an event may have been kept, milliseconds: clocks differ.
const EARLY_MS: i64 = 5 * 60_000;

/// Reads issues (Jira's ids) and makes up for what was lost of them since `since_ms` (milliseconds
/// since the Unix epoch); returns how many were behind.
pub(super) async fn make_up(
    app: &App,
    site: &Site,
    client: &SiteClient<'_>,
    wanted: &[i64],
    since_ms: i64,
) -> Result<i64, ScanError> {
    let installed = site_health::of_site(app.store.read(), site.id).await?;
    // What happened before the app was there is nothing it missed.
    let since_ms = installed.map_or(since_ms, |line| since_ms.max(line.installed_ms));
    let mut behind = 0;
    for ids in wanted.chunks(PAGE) {
        let read = client.read_issues(ids).await?;
        let mut changes = Vec::with_capacity(read.len());
        for issue in &read {
            changes.push(changes_since(client, issue, since_ms).await?);
        }
        let places: Vec<_> = read
            .iter()
            .map(|issue| (site.id, issue.snapshot.jira_id))
            .collect();
        let known = issues::by_jira_ids(app.store.read(), &places).await?;
        let had = had_of(app, site, &read, &changes, since_ms).await?;
        let mut look = Look {
            site: site.id,
            categories: categories_of(app, site, client, &changes).await?,
            found: Vec::new(),
            unknown: Vec::new(),
            unlike: Vec::new(),
        };
        for (issue, changes) in read.iter().zip(&changes) {
            let known = known.get(&(site.id, issue.snapshot.jira_id));
            look.at(issue, changes, known, &had);
        }
        let mut found = look.make_up(app).await?;
        let with_links = follow_links(app, site.id, &read).await?;
        found.extend(with_links.iter().map(i64::to_string));
        behind += count(found.len());
        let looked_at: Vec<_> = read
            .iter()
            .map(|issue| (issue.snapshot.jira_id, issue.snapshot.updated_ms))
            .collect();
        let txn = app.store.write().await?;
        scans::note(&*txn, site.id, &looked_at, app.clock.now_ms()).await?;
        txn.commit().await?;
    }
    Ok(behind)
}

/// The changes of an issue since a moment, the oldest first.
async fn changes_since(
    client: &SiteClient<'_>,
    issue: &ReadIssue,
    since_ms: i64,
) -> Result<Vec<HistoryEntry>, ScanError> {
    let history = &issue.history;
    let is_cut = history.total > history.changes.len();
    let is_lately = |change: &HistoryEntry| change.at_ms >= since_ms;
    let all = if is_cut && history.changes.first().is_some_and(is_lately) {
        let id = issue.snapshot.jira_id;
        client.newest_changes(id, history.total).await?
    } else {
        history.changes.clone()
    };
    Ok(all.into_iter().filter(is_lately).collect())
}

/// The categories of the statuses that issues went through, as far as anybody knows: from the mirror,
/// or else from Jira.
async fn categories_of(
    app: &App,
    site: &Site,
    client: &SiteClient<'_>,
    changes: &[Vec<HistoryEntry>],
) -> Result<HashMap<String, StatusCategory>, ScanError> {
    let all = changes.iter().flatten().filter_map(HistoryEntry::status);
    let wanted: HashSet<&str> = all.flatten().map(|(id, _)| id).collect();
    let mut known = HashMap::new();
    for id in wanted {
        match issues::category_of_status(app.store.read(), site.id, id).await? {
            Some(category) => known.insert(id.to_owned(), category),
            None => return Ok(client.status_categories().await?),
        };
    }
    Ok(known)
}

/// Which changes the inbox has had, by issue and changelog. A webhook is found by the key of its
/// content, an event of Forge by its changelog.
async fn had_of(
    app: &App,
    site: &Site,
    read: &[ReadIssue],
    changes: &[Vec<HistoryEntry>],
    since_ms: i64,
) -> Result<HashSet<(i64, i64)>, StoreError> {
    let on = app.store.read();
    let mut of_key = HashMap::new();
    for (issue, changes) in read.iter().zip(changes) {
        for change in changes {
            let id = (issue.snapshot.jira_id, change.id);
            of_key.insert(payload::change_key(id.0, id.1).to_vec(), id);
        }
    }
    let keys: Vec<[u8; 16]> = of_key
        .values()
        .map(|(issue, change)| payload::change_key(*issue, *change))
        .collect();
    let known = scans::known_keys(on, site.id, &keys).await?;
    let mut had: HashSet<(i64, i64)> = known
        .iter()
        .filter_map(|key| of_key.get(key).copied())
        .collect();
    if site.forge.is_some() && !of_key.is_empty() {
        let lanes: Vec<String> = read
            .iter()
            .map(|issue| issue.snapshot.jira_id.to_string())
            .collect();
        let events = scans::forge_events(on, site.id, &lanes, since_ms - EARLY_MS).await?;
        had.extend(events.iter().filter_map(|(lane, body)| {
            let Ok(JiraEvent::IssueChanged(change)) = payload::forge::parse(body) else {
                return None;
            };
            Some((lane.parse().ok()?, change.changelog_id?))
        }));
    }
    Ok(had)
}

/// What a look at some issues has brought.
struct Look<'a> {
    site: SiteId,
    /// Of statuses, by id.
    categories: HashMap<String, StatusCategory>,
    /// Events that were lost.
    found: Vec<Found>,
    /// Issues the mirror does not know, with the status they had first.
    unknown: Vec<(&'a ReadIssue, Option<Named>)>,
    /// Issues that differ from the mirror although no change of theirs was lost.
    unlike: Vec<i64>,
}

impl<'a> Look<'a> {
    fn at(
        &mut self,
        issue: &'a ReadIssue,
        changes: &[HistoryEntry],
        known: Option<&MirroredIssue>,
        had: &HashSet<(i64, i64)>,
    ) {
        let jira_id = issue.snapshot.jira_id;
        let told = |change: &&HistoryEntry| change.is_told();
        let first_status = changes.iter().filter(told).find_map(|change| {
            let [(id, name), _] = change.status()?;
            Some(Named {
                id: id.to_owned(),
                name: name.to_owned(),
            })
        });
        let newest = changes.iter().rfind(told).map(|change| change.id);
        let mut is_behind = false;
        for change in changes.iter().filter(told) {
            if had.contains(&(jira_id, change.id)) {
                continue;
            }
            let event = if Some(change.id) == newest {
                let at_ms = place_in_time(change, known);
                let body = payload::newest_event(&issue.body, change, at_ms);
                Some((Channel::Connect, body))
            } else {
                let entered = change.status().map(|[_, (id, _)]| id);
                let category = entered.and_then(|id| self.categories.get(id).copied());
                let key = &issue.snapshot.key;
                let body = payload::older_event(jira_id, key, change, category);
                body.map(|body| (Channel::Forge, body))
            };
            if let Some((channel, body)) = event {
                is_behind = true;
                self.found.push(Found {
                    channel,
                    body,
                    content_key: Some(payload::change_key(jira_id, change.id)),
                });
            }
        }
        match known {
            None => self.unknown.push((issue, first_status)),
            Some(known) if !is_behind && is_unlike(known, issue) => self.unlike.push(jira_id),
            Some(_) => {}
        }
    }

    /// Tells the inbox, the mirror and the outbox; returns the lanes of the issues that were behind.
    async fn make_up(self, app: &App) -> Result<HashSet<String>, ScanError> {
        let mut behind: HashSet<String> = HashSet::new();
        self.learn_unknown(app).await?;
        behind.extend(
            self.unknown
                .iter()
                .map(|(issue, _)| issue.snapshot.jira_id.to_string()),
        );
        behind.extend(accept_found(app, self.site, self.found).await?);
        let lanes: Vec<String> = self.unlike.iter().map(i64::to_string).collect();
        let waiting = scans::waiting(app.store.read(), self.site, &lanes).await?;
        let txn = app.store.write().await?;
        for jira_id in self.unlike {
            // What waits may be the very difference.
            if waiting.contains(&jira_id.to_string()) {
                continue;
            }
            let work = Work::ReadIssue {
                issue_jira_id: jira_id,
                undecided: Vec::new(),
            };
            let new = NewWork::new(&work, "scan", app.clock.now_ms())
                .once(work.lane())
                .with_priority(Priority::Background);
            outbox::put(&*txn, self.site, &new).await?;
            behind.insert(jira_id.to_string());
        }
        txn.commit().await?;
        app.outbox_filled.notify_one();
        Ok(behind)
    }

    /// Takes issues in that were created unheard: as they were then, as far as their status goes, for
    /// what happened since follows.
    async fn learn_unknown(&self, app: &App) -> Result<(), StoreError> {
        if self.unknown.is_empty() {
            return Ok(());
        }
        let now_ms = app.clock.now_ms();
        let txn = app.store.write().await?;
        for (issue, first_status) in &self.unknown {
            let mut snapshot = issue.snapshot.clone();
            if let Some(status) = first_status {
                let category = self.categories.get(&status.id).copied();
                snapshot.status = status.clone();
                snapshot.status_category = category.unwrap_or(StatusCategory::Undefined);
                snapshot.category_changed_ms = issue.history.created_ms;
                snapshot.updated_ms = issue.history.created_ms.unwrap_or(snapshot.updated_ms);
            }
            issues::learn_snapshot(&*txn, self.site, &snapshot, Order::NEVER, now_ms).await?;
        }
        txn.commit().await
    }
}

/// When the newest change of an issue is said to have happened: webhooks are dated a little later than
/// history is, so one that follows what the mirror knows must not seem to be before it.
fn place_in_time(change: &HistoryEntry, known: Option<&MirroredIssue>) -> i64 {
    let before = known.filter(|known| known.changelog_id != 0 && known.changelog_id < change.id);
    before.map_or(change.at_ms, |known| change.at_ms.max(known.event_ms))
}

/// Whether the mirror holds something else than Jira does; names may have been changed alone.
fn is_unlike(known: &MirroredIssue, issue: &ReadIssue) -> bool {
    let (held, told) = (&known.snapshot, &issue.snapshot);
    let ids = |all: &[Named]| -> Vec<String> { all.iter().map(|one| one.id.clone()).collect() };
    let id = |one: &Option<Named>| one.as_ref().map(|one| one.id.clone());
    known.deleted_ms.is_some()
        || (&held.key, &held.issue_type.id) != (&told.key, &told.issue_type.id)
        || (&held.status.id, &held.summary) != (&told.status.id, &told.summary)
        || (held.parent_jira_id, &held.labels) != (told.parent_jira_id, &told.labels)
        || ids(&held.fix_versions) != ids(&told.fix_versions)
        || ids(&held.sprints) != ids(&told.sprints)
        || id(&held.resolution) != id(&told.resolution)
        || id(&held.priority) != id(&told.priority)
}
