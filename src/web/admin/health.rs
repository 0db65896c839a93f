//! How the line to Jira is doing: what waits, what was put aside and why, and trying it again.

use std::collections::BTreeMap;

use actix_web::web::Data;
use askama::Template;
use uuid::Uuid;

use super::base;
use crate::app::App;
use crate::app::reconcile::want_now;
use crate::domain::heartbeat::Heartbeat;
use crate::domain::settings::OwnRule;
use crate::domain::site::Site;
use crate::domain::work::Scan;
use crate::problem::Problem;
use crate::store::inbox::ParkedEvent;
use crate::store::scans::{self, ScanState};
use crate::store::{inbox, installations, outbox, settings, site_health};
use crate::web::fields::{Fields, SentForm};
use crate::web::fragment::Fragment;
use crate::web::times::When;
use crate::web::viewer::Viewer;

/// Parked entries shown at most.
const SHOWN: i64 = 50;
/// How long an event may wait before that is worth a word, in milliseconds.
const LATE_MS: i64 = 60_000;

/// The state of the line to Jira.
#[derive(Debug, Template)]
#[template(path = "admin/health.html")]
pub(super) struct Health {
    base: String,
    site_url: String,
    is_enabled: bool,
    tint: &'static str,
    icon: &'static str,
    word: &'static str,
    sentence: String,
    installed: When,
    forge: Option<Forge>,
    last_event: Option<When>,
    events_waiting: i64,
    events_parked: Vec<Parked>,
    events_parked_count: i64,
    work_waiting: i64,
    work_parked: Vec<Parked>,
    work_parked_count: i64,
    /// Rules of the site's own that cannot run, with the reason.
    rules_at_fault: Vec<(String, String)>,
    compared: Compared,
    say: String,
}

/// How the comparisons with Jira go.
#[derive(Debug, Default)]
struct Compared {
    /// When the last one came to its end.
    last: Option<When>,
    /// Issues it found behind.
    behind: i64,
    /// What goes on right now, as sentences.
    under_way: Vec<String>,
    /// Issues out of reach: how many of which project.
    hidden: Vec<(String, i64)>,
}

impl Compared {
    fn of(scans: &[ScanState], hidden: BTreeMap<String, i64>, now_ms: i64) -> Self {
        let of_kind = |kind: Scan| scans.iter().find(move |scan| scan.kind == kind.name());
        let changes = of_kind(Scan::Changes);
        let going_on = |kind: Scan, what: &str| {
            let scan = of_kind(kind).filter(|scan| scan.started_ms.is_some())?;
            let of = match scan.total {
                Some(total) => format!(" of about {}", total.max(scan.seen)),
                None => String::new(),
            };
            Some(format!("{what}: {}{of} so far.", scan.seen))
        };
        let under_way = [
            going_on(Scan::All, "Reading the issues there are"),
            going_on(Scan::Changes, "Looking for lost changes"),
            going_on(Scan::Reach, "Looking for deleted issues"),
        ];
        Self {
            last: changes
                .and_then(|scan| scan.finished_ms)
                .map(|at_ms| When::new(at_ms, now_ms)),
            behind: changes.map_or(0, |scan| scan.found),
            under_way: under_way.into_iter().flatten().collect(),
            hidden: hidden.into_iter().collect(),
        }
    }
}

/// The site's Forge installation.
#[derive(Debug)]
struct Forge {
    environment: String,
    version: String,
    last_seen: When,
    /// Until when the app may call Jira; absent without a token that is still good.
    token_until: Option<When>,
    sentence: &'static str,
}

/// Something that was put aside.
#[derive(Debug)]
struct Parked {
    id: Uuid,
    what: String,
    why: String,
    attempts: i32,
    when: When,
}

impl Health {
    pub(super) async fn of(app: &App, site: &Site) -> Result<Self, Problem> {
        let (on, now_ms) = (app.store.read(), app.clock.now_ms());
        let (line, forge, events, work, events_parked, work_parked, scans, hidden) = tokio::try_join!(
            site_health::of_site(on, site.id),
            installations::live(on, site.id),
            inbox::depth(on, Some(site.id)),
            outbox::counts(on, Some(site.id)),
            inbox::parked(on, site.id, SHOWN),
            outbox::parked(on, site.id, SHOWN),
            scans::of_site(on, site.id),
            scans::out_of_reach(on, site.id),
        )?;
        let rules_at_fault = at_fault(settings::of_site(on, site.id).await?.own_rules);
        let line = line.ok_or_else(|| Problem::not_found("This site is not known any more."))?;
        let when = |at_ms| When::new(at_ms, now_ms);
        let forge = forge.as_ref();
        let heartbeat = forge.map(|forge| forge.pulse().heartbeat(now_ms));
        // While Connect works too, nothing waits for Forge.
        let trouble = heartbeat.filter(|beat| *beat != Heartbeat::Good && site.secret.is_none());
        let parked = events.parked + work.parked;
        let late = events.oldest_ms.filter(|at_ms| now_ms - at_ms > LATE_MS);
        let (word, tint, icon, sentence) = if parked > 0 {
            let what = if parked == 1 {
                "thing was"
            } else {
                "things were"
            };
            let sentence = format!("{parked} {what} put aside after an error; see below.");
            ("Needs attention", "nok", "failed", sentence)
        } else if !rules_at_fault.is_empty() {
            let sentence = "A rule of your own cannot run; see below.";
            ("Needs attention", "nok", "failed", sentence.to_owned())
        } else if let Some(trouble) = trouble {
            let (word, tint, icon) = match trouble {
                Heartbeat::ProbablyRemoved => ("Probably removed", "nok", "failed"),
                Heartbeat::Silent => ("Silent", "nok", "failed"),
                Heartbeat::NoToken | Heartbeat::Good => ("Waiting", "notrun", "notrun"),
            };
            (word, tint, icon, trouble.sentence().to_owned())
        } else if line.paused_until_ms > now_ms {
            let why = line.pause_reason.clone().unwrap_or_default();
            let sentence = format!("Jira asked for a pause; what waits is sent after it. {why}");
            ("Paused", "notrun", "notrun", sentence)
        } else if let Some(at_ms) = late {
            let since = when(at_ms).relative;
            let sentence = format!("The oldest event that is not applied yet came {since}.");
            ("Behind", "notrun", "notrun", sentence)
        } else if line.last_event_ms.is_none() {
            let sentence = "Jira has not told of any change yet. Change an issue to try.";
            ("Waiting", "neutral", "notrun", sentence.to_owned())
        } else {
            let sentence = "Everything that Jira told is applied.";
            ("Healthy", "ok", "passed", sentence.to_owned())
        };
        Ok(Self {
            base: base(app),
            site_url: site.link_base().to_owned(),
            is_enabled: site.is_enabled,
            tint,
            icon,
            word,
            sentence,
            installed: when(line.installed_ms),
            forge: forge.zip(heartbeat).map(|(live, heartbeat)| Forge {
                environment: site.environment.to_lowercase(),
                version: (live.told.as_ref())
                    .map(|told| told.app_version.clone())
                    .unwrap_or_default(),
                last_seen: when(live.last_seen_ms),
                token_until: (live.token_expires_ms)
                    .filter(|until_ms| *until_ms > now_ms)
                    .map(when),
                sentence: heartbeat.sentence(),
            }),
            last_event: line.last_event_ms.map(when),
            events_waiting: events.waiting,
            events_parked_count: events.parked,
            events_parked: parked_events(events_parked, now_ms),
            rules_at_fault,
            work_waiting: work.waiting,
            work_parked_count: work.parked,
            work_parked: work_parked
                .into_iter()
                .map(|work| Parked {
                    id: work.id,
                    what: work.kind,
                    why: work.note.unwrap_or_default(),
                    attempts: work.attempts,
                    when: when(work.created_ms),
                })
                .collect(),
            compared: Compared::of(&scans, hidden, now_ms),
            say: String::new(),
        })
    }
}

fn parked_events(events: Vec<ParkedEvent>, now_ms: i64) -> Vec<Parked> {
    let parked = events.into_iter().map(|event| Parked {
        id: event.id,
        what: event.event,
        why: event.note.unwrap_or_default(),
        attempts: event.attempts,
        when: When::new(event.received_ms, now_ms),
    });
    parked.collect()
}

/// The rules that cannot run, each with the reason.
fn at_fault(rules: Vec<OwnRule>) -> Vec<(String, String)> {
    let fault = |own: OwnRule| {
        let why = own.fault?.to_string();
        Some((own.rule.map_or(own.name, |rule| rule.title), why))
    };
    rules.into_iter().filter_map(fault).collect()
}

/// `GET /ui/admin/health`
pub(super) async fn show(viewer: Viewer, app: Data<App>) -> Result<Fragment, Problem> {
    viewer.demand_administration(&app).await?;
    let mut health = Health::of(&app, &viewer.site).await?;
    health.say = format!("{}. {}", health.word, health.sentence);
    Fragment::of(&health)
}

/// `POST /ui/admin/events/replay` with `id`, or for all that are parked.
pub(super) async fn replay_events(
    viewer: Viewer,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_administration(&app).await?;
    let fields = sent.fields()?;
    let txn = app.store.write().await?;
    let which = which(&fields)?;
    let count = inbox::replay(&*txn, viewer.site.id, which, app.clock.now_ms()).await?;
    txn.commit().await?;
    answer(&app, &viewer, format!("{count} events go through again")).await
}

/// `POST /ui/admin/work/retry` with `id`, or for all that is parked.
pub(super) async fn retry_work(
    viewer: Viewer,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_administration(&app).await?;
    let fields = sent.fields()?;
    let txn = app.store.write().await?;
    let which = which(&fields)?;
    let count = outbox::replay(&*txn, viewer.site.id, which, app.clock.now_ms()).await?;
    txn.commit().await?;
    app.outbox_filled.notify_one();
    answer(&app, &viewer, format!("{count} changes are sent again")).await
}

/// `POST /ui/admin/reconcile`: compares the site with Jira now.
pub(super) async fn compare(viewer: Viewer, app: Data<App>) -> Result<Fragment, Problem> {
    viewer.demand_administration(&app).await?;
    want_now(&app, viewer.site.id, &[Scan::Changes, Scan::Reach]).await?;
    let said = "The site is being compared with Jira. Refresh to see how far that is.";
    answer(&app, &viewer, said.to_owned()).await
}

async fn answer(app: &App, viewer: &Viewer, said: String) -> Result<Fragment, Problem> {
    let mut health = Health::of(app, &viewer.site).await?;
    health.say = said;
    Fragment::of(&health)
}

fn which(fields: &Fields) -> Result<Option<Uuid>, Problem> {
    let id = fields.chosen("id").map(str::parse).transpose();
    id.map_err(|why: uuid::Error| Problem::bad_request("The id cannot be read.").because(why))
}
