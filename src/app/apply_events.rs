//! Applying events: what the inbox kept becomes the mirror's state and the rules' effects.
//!
//! A worker claims lanes, reads their open events, folds them in memory and writes everything in one
//! transaction: mirror, rules, the events' end, the lanes' release. So an event has its effects once
//! or not at all, whatever kills the process. An event that cannot be read is parked; when the
//! transaction itself fails, lanes are tried one at a time, so that one bad event does not hold up
//! the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use crate::app::App;
use crate::app::ask_jira::{Question, ask_jira};
use crate::app::run_rules;
use crate::domain::issue::{
    Ended, IssueChanged, IssueLink, IssueSnapshot, IssueTransition, JiraEvent, MirroredIssue,
    ProjectChanged, StatusCategory,
};
use crate::domain::mirror::{Field, Fields, Order};
use crate::domain::sprint::SprintNews;
use crate::ids;
use crate::jira::payload::{self, PayloadError};
use crate::metrics::Step;
use crate::store::inbox::{self, ClaimedLane, Finished, OpenEvent};
use crate::store::{
    Dialect, SiteId, StoreError, Txn, issue_links, issues, projects, shown_status, site_health,
    sprints,
};

/// Lanes taken and events read at once, at the most; a lane with more goes on in the next round.
///
/// SQLite has one writer, which must be free again soon. On PostgreSQL accepting goes on meanwhile,
/// and the more events of one issue come together, the fewer rows are written.
#[must_use]
pub fn batch(dialect: Dialect) -> (i64, i64) {
    match dialect {
        Dialect::Sqlite => (128, 256),
        Dialect::Postgres => (256, 512),
    }
}

/// How long a claim holds; a batch takes milliseconds, a killed process's lanes wait this long.
const LEASE_MS: i64 = 10_000;
/// Tries before an event is parked.
const TRIES: i32 = 5;

/// Applies what is ready, one batch; returns how many lanes were taken, 0 when nothing is.
pub async fn apply_events(app: &App, worker: Uuid) -> Result<i64, StoreError> {
    let now_ms = app.clock.now_ms();
    let most = batch(app.store.dialect());
    let (lanes, events) = inbox::take(&app.store, worker, now_ms, LEASE_MS, most).await?;
    if lanes.is_empty() {
        return Ok(0);
    }
    let applied = apply_batch(app, worker, &lanes, &events).await;
    if !matches!(applied, Ok(Applied::All)) {
        tracing::warn!(
            "a batch of {} events was not applied, trying lane by lane: {applied:?}",
            events.len()
        );
        for lane in &lanes {
            apply_lane(app, worker, lane, &events).await?;
        }
    }
    Ok(i64::try_from(lanes.len()).unwrap_or(i64::MAX))
}

/// One lane of a failed batch, by itself; its first event takes the blame when it fails again.
async fn apply_lane(
    app: &App,
    worker: Uuid,
    lane: &ClaimedLane,
    events: &[OpenEvent],
) -> Result<(), StoreError> {
    let of_lane: Vec<_> = events
        .iter()
        .filter(|event| is_of(event, lane))
        .cloned()
        .collect();
    let Err(error) = apply_batch(app, worker, std::slice::from_ref(lane), &of_lane).await else {
        return Ok(());
    };
    let why = format!("{error}: {error:?}");
    let txn = app.store.write().await?;
    let mut parked = 0;
    if let Some(first) = of_lane.first() {
        if first.attempts + 1 >= TRIES {
            tracing::error!(event.id = %first.id, "an event is parked after {TRIES} tries: {why}");
            inbox::park(&*txn, first, &why, app.clock.now_ms()).await?;
            parked = 1;
        } else {
            let wait_ms = 1_000_i64 << first.attempts.clamp(0, 8);
            inbox::retry_later(&*txn, first, app.clock.now_ms() + wait_ms, &why).await?;
        }
    }
    inbox::release_lane(&*txn, worker, lane).await?;
    txn.commit().await?;
    app.metrics.event(Step::Parked, parked);
    Ok(())
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Applied {
    /// Every event has its effects.
    All,
    /// Nothing was written: another worker took one of the lanes, or applied its events.
    Overtaken,
}

async fn apply_batch(
    app: &App,
    worker: Uuid,
    lanes: &[ClaimedLane],
    events: &[OpenEvent],
) -> Result<Applied, StoreError> {
    let read: Vec<_> = events.iter().map(|event| (event, read(event))).collect();

    let txn = app.store.write().await?;
    let mirror = Mirror::read(&txn, &read).await?;
    let mut batch = Batch {
        mirror,
        ..Batch::default()
    };
    let mut parked = 0;
    for (event, payload) in read {
        match payload {
            Ok(payload) => batch.fold(event, payload, app.clock.now_ms()),
            Err(why) => {
                tracing::warn!(event.id = %event.id, "an event is parked: {why}");
                inbox::park(&*txn, event, &why.to_string(), app.clock.now_ms()).await?;
                parked += 1;
            }
        }
    }
    let finished = batch.write(app, &txn).await?;
    // Last, because whoever accepts an event of a lane waits while its row is locked.
    let is_held = inbox::held(&*txn, worker, lanes).await?.len() == lanes.len();
    if !is_held || !inbox::finish(&*txn, &finished).await? {
        return Ok(Applied::Overtaken);
    }
    inbox::release(&*txn, worker, lanes).await?;
    txn.commit().await?;
    let applied = u64::try_from(finished.len()).unwrap_or(0);
    app.metrics.event(Step::Applied, applied);
    app.metrics.event(Step::Parked, parked);
    Ok(Applied::All)
}

/// What an event says; its name tells in which of the two languages.
fn read(event: &OpenEvent) -> Result<JiraEvent, PayloadError> {
    if payload::forge::is_name(&event.event) {
        payload::forge::parse(&event.body)
    } else {
        payload::parse(&event.body)
    }
}

fn is_of(event: &OpenEvent, lane: &ClaimedLane) -> bool {
    event.site_id == lane.site_id && event.lane == lane.lane
}

type Parsed<'a> = (&'a OpenEvent, Result<JiraEvent, PayloadError>);

/// What the mirror knew of a batch's issues before it.
#[derive(Debug, Default)]
struct Mirror {
    issues: HashMap<(SiteId, i64), MirroredIssue>,
    placeholders: HashMap<(SiteId, String), Uuid>,
    /// Categories of statuses that events named without one.
    categories: HashMap<(SiteId, String), StatusCategory>,
}

impl Mirror {
    async fn read(txn: &Txn, events: &[Parsed<'_>]) -> Result<Self, StoreError> {
        let snapshots: Vec<(SiteId, &IssueSnapshot)> = events
            .iter()
            .filter_map(|(event, payload)| {
                Some((SiteId(event.site_id), payload.as_ref().ok()?.snapshot()?))
            })
            .collect();
        let mut wanted: Vec<_> = snapshots
            .iter()
            .map(|(site, issue)| (*site, issue.jira_id))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        // What a whole issue replaces need not be held still.
        let told_in_part: Vec<_> = events
            .iter()
            .filter_map(|(event, payload)| {
                let payload = payload.as_ref().ok()?;
                let is_part = !payload.told()?.has_all(Fields::DETAILS);
                is_part.then_some((SiteId(event.site_id), payload.snapshot()?.jira_id))
            })
            .collect();
        issues::hold(&**txn, &told_in_part).await?;
        let issues = issues::by_jira_ids(&**txn, &wanted).await?;
        let unknown: Vec<_> = snapshots
            .iter()
            .filter(|(site, issue)| !issues.contains_key(&(*site, issue.jira_id)))
            .map(|(site, issue)| (*site, issue.key.as_str()))
            .collect();
        let placeholders = issues::placeholders(&**txn, &unknown).await?;
        let mut categories = HashMap::new();
        for (site, status_id) in events.iter().filter_map(status_without_category) {
            let place = (site, status_id.to_owned());
            if let Some(known) = issues::category_of_status(&**txn, site, status_id).await? {
                categories.insert(place, known);
            }
        }
        Ok(Self {
            issues,
            placeholders,
            categories,
        })
    }
}

/// The status an event brings an issue into without saying what category it is of.
fn status_without_category<'a>((event, payload): &'a Parsed<'_>) -> Option<(SiteId, &'a str)> {
    let Ok(JiraEvent::IssueChanged(change)) = payload else {
        return None;
    };
    let status = change.issue.status.id.as_str();
    let is_wanted = !change.told.has(Field::Status) && !status.is_empty();
    is_wanted.then_some((SiteId(event.site_id), status))
}

/// What test statuses follow from, of an issue itself: where it belongs, and how a child ends.
#[derive(PartialEq)]
struct Place {
    parent: Option<i64>,
    project: String,
    kind: String,
    /// Of a child: a parent may leave it out when it ended in a certain way.
    end: Option<(String, Option<String>)>,
}

impl Place {
    fn of(issue: &MirroredIssue) -> Self {
        let held = &issue.snapshot;
        let end = || {
            let resolution = held.resolution.as_ref().map(|named| named.id.clone());
            (held.status.id.clone(), resolution)
        };
        Self {
            parent: held.parent_jira_id,
            project: held.project_key.clone(),
            kind: held.issue_type.name.clone(),
            end: held.parent_jira_id.map(|_| end()),
        }
    }
}

/// A batch being folded: the state after it, and what has to be written.
#[derive(Debug, Default)]
struct Batch {
    mirror: Mirror,
    changed: BTreeSet<(SiteId, i64)>,
    adopted: Vec<(SiteId, Uuid, i64)>,
    aliases: Vec<(SiteId, String, Uuid)>,
    /// Issues whose key the mirror did not know them by before.
    newly_named: BTreeSet<(SiteId, i64)>,
    transitions: Vec<(SiteId, IssueTransition)>,
    projects: Vec<(SiteId, ProjectChanged, i64)>,
    links: Vec<(SiteId, IssueLink, i64)>,
    /// When sprints ran.
    sprints: Vec<sprints::Told>,
    /// Sprints that were deleted, by Jira's ids.
    gone_sprints: Vec<(SiteId, String)>,
    /// When the text of issues changed.
    texts: Vec<(SiteId, i64, i64)>,
    /// Issues whose test status, or that of those above them, may be another now.
    unsettled: BTreeSet<(SiteId, i64)>,
    questions: Vec<Question>,
    /// Versions and sprints that came to their end, each with the event that told.
    ended: Vec<(SiteId, Ended, String)>,
    /// Issues that are gone, each with the event that told.
    deletions: Vec<(SiteId, i64, String)>,
    finished: Vec<Finished>,
}

impl Batch {
    fn fold(&mut self, event: &OpenEvent, payload: JiraEvent, now_ms: i64) {
        let site = SiteId(event.site_id);
        let note = match payload {
            JiraEvent::IssueChanged(change) => self.fold_change(site, event, change, now_ms),
            JiraEvent::IssueDeleted(last, told) => {
                self.fold_deletion(site, event, last, told, now_ms)
            }
            JiraEvent::Project(change) => {
                self.projects.push((site, change, event.event_ms));
                None
            }
            JiraEvent::Sprint(change) => {
                let mut sprint = change.sprint;
                match change.news {
                    SprintNews::Gone => self.gone_sprints.push((site, sprint.named.id)),
                    SprintNews::Changed => self.sprints.push((site, sprint, event.event_ms)),
                    SprintNews::Started => {
                        // Forge says no dates.
                        sprint.began_ms = sprint.began_ms.or(Some(event.event_ms));
                        self.sprints.push((site, sprint, event.event_ms));
                    }
                }
                None
            }
            JiraEvent::Ended(ended) => {
                if let Ended::Sprint(sprint) = &ended {
                    let mut sprint = sprint.clone();
                    sprint.ended_ms = sprint.ended_ms.or(Some(event.event_ms));
                    self.sprints.push((site, sprint, event.event_ms));
                }
                self.ended
                    .push((site, ended, format!("event:{}", event.id)));
                None
            }
            JiraEvent::IssueLink(link) => {
                self.links.push((site, link, event.event_ms));
                None
            }
            JiraEvent::PassedOver(why) => Some(why),
        };
        self.finished.push(Finished {
            site,
            lane: event.lane.clone(),
            event_ms: event.event_ms,
            id: event.id,
            note,
        });
    }

    fn fold_change(
        &mut self,
        site: SiteId,
        event: &OpenEvent,
        mut change: IssueChanged,
        now_ms: i64,
    ) -> Option<&'static str> {
        let place = (site, change.issue.jira_id);
        let order = Order(event.event_ms, change.changelog_id.unwrap_or(0));
        if !change.told.has(Field::Status) {
            let status = (site, change.issue.status.id.clone());
            if let Some(known) = self.mirror.categories.get(&status) {
                change.issue.status_category = *known;
                change.told = change.told.with(Field::Status);
            }
        }
        let mut issue = self.known_or_new(place, &change.issue, now_ms);
        // Told by both channels, or assigned and updated at once.
        let is_known = change.changelog_id == Some(issue.changelog_id);
        let transition = run_rules::transition_in(event, &issue, &change).filter(|_| !is_known);
        let has_questions = !is_known && change.leaves_questions(&issue, order);
        if change.changes_text() {
            self.texts.push((site, place.1, event.event_ms));
        }
        let sprints = std::mem::take(&mut change.issue.sprints_told).into_iter();
        self.sprints
            .extend(sprints.map(|sprint| (site, sprint, event.event_ms)));
        let (told, old_key) = (change.told, issue.snapshot.key.clone());
        let old_place = Place::of(&issue);
        let (was_known, changes_text) = (!old_key.is_empty(), change.changes_text());
        let is_news = issue.learn(change.issue, told, order);
        if was_known && (changes_text || old_place != Place::of(&issue)) {
            self.unsettled.insert(place);
        }
        self.decide_or_ask(site, event, &issue, told, transition, has_questions);
        if is_news {
            if old_key != issue.snapshot.key {
                if !old_key.is_empty() {
                    self.aliases.push((site, old_key, issue.id));
                }
                self.newly_named.insert(place);
            }
            issue.seen_ms = now_ms;
            self.changed.insert(place);
        }
        self.mirror.issues.insert(place, issue);
        match (is_news, is_known) {
            (false, _) => Some("superseded: the mirror holds a newer state"),
            (true, true) => Some("known: the same change was told before"),
            (true, false) => None,
        }
    }

    /// Hands a change of status to the rules, unless what they need of the issue is not known; then,
    /// and when the event leaves other questions, Jira is to be asked.
    fn decide_or_ask(
        &mut self,
        site: SiteId,
        event: &OpenEvent,
        issue: &MirroredIssue,
        told: Fields,
        transition: Option<IssueTransition>,
        has_questions: bool,
    ) {
        let is_decidable = |transition: &IssueTransition| {
            let is_resolved = transition.to_category == StatusCategory::Done;
            let is_resolution_known = issue.told_at(Field::Resolution) > Order::NEVER;
            told.has(Field::Status) && (!is_resolved || is_resolution_known)
        };
        let (decidable, undecided) = match transition {
            Some(transition) if is_decidable(&transition) => (Some(transition), None),
            undecided => (None, undecided),
        };
        self.transitions.extend(decidable.map(|seen| (site, seen)));
        if has_questions || undecided.is_some() {
            self.questions.push(Question {
                site,
                issue_jira_id: issue.snapshot.jira_id,
                event_id: event.id,
                undecided,
            });
        }
    }

    fn fold_deletion(
        &mut self,
        site: SiteId,
        event: &OpenEvent,
        last: IssueSnapshot,
        told: Fields,
        now_ms: i64,
    ) -> Option<&'static str> {
        let place = (site, last.jira_id);
        let mut issue = self.known_or_new(place, &last, now_ms);
        // Nothing can follow a deletion, so it stands whatever its place in time.
        let order = issue.order().max(Order(event.event_ms, issue.changelog_id));
        issue.learn(last, told, order);
        issue.deleted_ms = Some(event.event_ms);
        issue.seen_ms = now_ms;
        self.deletions
            .push((site, place.1, format!("event:{}", event.id)));
        self.mirror.issues.insert(place, issue);
        self.changed.insert(place);
        self.unsettled.insert(place);
        None
    }

    /// The issue as the mirror holds it, taken out of there.
    fn known_or_new(
        &mut self,
        place: (SiteId, i64),
        told: &IssueSnapshot,
        now_ms: i64,
    ) -> MirroredIssue {
        let known = self.mirror.issues.remove(&place);
        known
            .unwrap_or_else(|| MirroredIssue::unknown(self.new_row(place.0, told), place.1, now_ms))
    }

    /// The id of the row for an issue the mirror does not know: its placeholder's, or a new one.
    fn new_row(&mut self, site: SiteId, issue: &IssueSnapshot) -> Uuid {
        if let Some(id) = self.mirror.placeholders.remove(&(site, issue.key.clone())) {
            self.adopted.push((site, id, issue.jira_id));
            return id;
        }
        self.newly_named.insert((site, issue.jira_id));
        ids::next()
    }

    /// A result may have named an issue between the reading of the mirror and this transaction.
    async fn absorb_placeholders(&self, txn: &Txn) -> Result<(), StoreError> {
        let named = |place: &(SiteId, i64)| {
            let issue = self.mirror.issues.get(place)?;
            Some((place.0, issue.snapshot.key.as_str(), issue.id))
        };
        let named: Vec<_> = self.newly_named.iter().filter_map(named).collect();
        let sites: BTreeSet<SiteId> = named.iter().map(|(site, ..)| *site).collect();
        for site in sites {
            issues::hold_keys(&**txn, site).await?;
        }
        issues::absorb_placeholders(&**txn, &named).await
    }

    /// A read of the REST API may have made an issue's row between the reading of the mirror and this
    /// transaction: then that row's id is the one everything else must name.
    async fn take_over_ids(&mut self, txn: &Txn) -> Result<(), StoreError> {
        let places: Vec<_> = self.newly_named.iter().copied().collect();
        let stored = issues::by_jira_ids(&**txn, &places).await?;
        for place in places {
            let (Some(held), Some(stored)) =
                (self.mirror.issues.get_mut(&place), stored.get(&place))
            else {
                continue;
            };
            let (ours, theirs) = (std::mem::replace(&mut held.id, stored.id), stored.id);
            if ours != theirs {
                let transitions = self
                    .transitions
                    .iter_mut()
                    .map(|(_, moved)| &mut moved.issue_id);
                let aliases = self.aliases.iter_mut().map(|(.., issue)| issue);
                transitions
                    .chain(aliases)
                    .filter(|id| **id == ours)
                    .for_each(|id| *id = theirs);
            }
        }
        Ok(())
    }

    /// Lets statuses be looked at again that follow from what was told.
    async fn mark_unsettled(&self, txn: &Txn, now_ms: i64) -> Result<(), StoreError> {
        let mut of_site: BTreeMap<SiteId, Vec<Uuid>> = BTreeMap::new();
        let adopted = self
            .adopted
            .iter()
            .map(|(site, _, jira_id)| (*site, *jira_id));
        let places: BTreeSet<_> = adopted.chain(self.unsettled.iter().copied()).collect();
        for place in &places {
            let issue = self.mirror.issues.get(place).map(|issue| issue.id);
            of_site.entry(place.0).or_default().extend(issue);
        }
        for (site, issues) in of_site {
            shown_status::mark_issues(&**txn, site, &issues, now_ms).await?;
        }
        Ok(())
    }

    /// Writes the effects; returns the events that have them now.
    async fn write(mut self, app: &App, txn: &Txn) -> Result<Vec<Finished>, StoreError> {
        let now_ms = app.clock.now_ms();
        for (site, placeholder, jira_id) in &self.adopted {
            issues::adopt(&**txn, *site, *placeholder, *jira_id).await?;
        }
        let changed: Vec<_> = self
            .changed
            .iter()
            .filter_map(|place| Some((place.0, self.mirror.issues.get(place)?)))
            .collect();
        issues::upsert_all(&**txn, &changed).await?;
        self.take_over_ids(txn).await?;
        self.absorb_placeholders(txn).await?;
        for (site, old_key, id) in &self.aliases {
            issues::insert_alias(&**txn, *site, old_key, *id).await?;
        }
        issues::note_text_changes(&**txn, &self.texts).await?;
        issue_links::learn_all(&**txn, &self.links).await?;
        for (site, change, event_ms) in &self.projects {
            projects::follow(&**txn, *site, change, *event_ms).await?;
        }
        sprints::learn_all(&**txn, &self.sprints).await?;
        for (site, id) in &self.gone_sprints {
            sprints::delete(&**txn, *site, id).await?;
        }
        self.mark_unsettled(txn, now_ms).await?;
        ask_jira(&**txn, self.questions, now_ms).await?;
        let mut transitions: BTreeMap<SiteId, Vec<IssueTransition>> = BTreeMap::new();
        for (site, transition) in self.transitions {
            transitions.entry(site).or_default().push(transition);
        }
        for (site, transitions) in transitions {
            run_rules::on_transitions(&**txn, site, now_ms, &transitions).await?;
        }
        for (site, link, event_ms) in &self.links {
            run_rules::on_issue_link(&**txn, *site, now_ms, link, *event_ms).await?;
        }
        for (site, ended, cause) in &self.ended {
            run_rules::on_ended(&**txn, *site, now_ms, ended, cause).await?;
        }
        for (site, jira_id, cause) in &self.deletions {
            if let Some(issue) = self.mirror.issues.get(&(*site, *jira_id)) {
                run_rules::on_deletions(&**txn, *site, now_ms, &[issue.id], cause).await?;
            }
        }
        let mut heard: Vec<_> = self.finished.iter().map(|event| event.site).collect();
        heard.sort_unstable();
        heard.dedup();
        site_health::note_heard(&**txn, &heard, now_ms).await?;
        Ok(self.finished)
    }
}
