//! The panel inside a Jira issue: the page a frame loads, and the fragments its script asks for.
//!
//! Reading costs no call to Jira; every action asks Jira first whether the person may. A fragment
//! that changes something answers with the whole panel, which the script morphs into place, so that
//! what is seen is what is stored.

use actix_web::HttpRequest;
use actix_web::web::{self, Data, Path, ServiceConfig};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

mod children;
mod decisions;
mod defects;
mod frame;
mod links;
pub(super) mod look;
pub(super) mod present;
mod rights;
mod scope;
#[cfg(test)]
mod states;
pub mod view;

use super::fields::{self, Fields};
use super::fragment::Fragment;
use super::frame::root;
use super::times::When;
use super::viewer::Viewer;
use crate::app::App;
use crate::app::issue_coverage::{IssueRef, TestRow};
use crate::app::issue_panel::{self, IssuePanel};
use crate::domain::site::Site;
use crate::problem::Problem;
use present::Setting;
use scope::Choice;
use view::{Notice, Panel, Row, RunLook};

/// The routes of the panel.
pub fn routes(routes: &mut ServiceConfig) {
    routes.route("/connect/issue", web::get().to(frame::show));
    routes.route("/connect/context", web::get().to(frame::show_context));
    routes.service(
        web::scope("/ui/issue/{issue}")
            .app_data(fields::refusal_of_path())
            .route("", web::get().to(show))
            .route("/context", web::get().to(show_context))
            .route("/scope", web::post().to(scope::choose))
            .route("/rights", web::get().to(rights::show))
            .route("/children", web::get().to(children::show))
            .route("/exemption", web::get().to(decisions::exemption_form))
            .route("/exemption", web::post().to(decisions::exempt))
            .route("/exemption/end", web::post().to(decisions::unexempt))
            .route("/link", web::get().to(links::form))
            .route("/link", web::post().to(links::link))
            .route("/candidates", web::get().to(links::candidates))
            .route("/tests/{test}", web::get().to(details))
            .route("/tests/{test}/unlink", web::post().to(links::unlink))
            .route(
                "/tests/{test}/quarantine",
                web::get().to(decisions::quarantine_form),
            )
            .route(
                "/tests/{test}/quarantine",
                web::post().to(decisions::quarantine),
            )
            .route(
                "/tests/{test}/quarantine/end",
                web::post().to(decisions::unquarantine),
            )
            .route("/tests/{test}/defect", web::get().to(defects::preview))
            .route("/tests/{test}/defect", web::post().to(defects::create))
            .route("/tests/{test}/link-defect", web::get().to(defects::form))
            .route("/tests/{test}/link-defect", web::post().to(defects::link))
            .route(
                "/tests/{test}/defects/{defect}/unlink",
                web::post().to(defects::unlink),
            ),
    );
}

/// The panel without the page around it.
#[derive(Debug, Template)]
#[template(path = "panel/body.html")]
struct Body {
    panel: Panel,
}

/// The answer alone, for the narrow place beside an issue.
#[derive(Debug, Template)]
#[template(path = "panel/context.html")]
struct Context {
    panel: Panel,
}

/// A test of an issue, as addresses name them.
#[derive(Debug, Clone, Copy, Deserialize)]
struct TestOfIssue {
    /// Jira's id of the issue.
    issue: i64,
    /// Our id of the test.
    test: Uuid,
}

/// Tests that are shown before the reader asks for all of them.
const ROWS: usize = 50;

/// `GET /ui/issue/{issue}?scope=&environment=&all=`
async fn show(
    viewer: Viewer,
    issue: Path<i64>,
    request: HttpRequest,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_sight(&app, *issue).await?;
    let fields = Fields::parse(request.query_string().as_bytes());
    let mut panel = find(&app, &viewer, *issue, &Choice::of(&fields)?).await?;
    panel.say = spoken(&panel);
    Fragment::of(&Body { panel })
}

/// `GET /ui/issue/{issue}/context`
async fn show_context(
    viewer: Viewer,
    issue: Path<i64>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_sight(&app, *issue).await?;
    let mut panel = find(&app, &viewer, *issue, &Choice::default()).await?;
    panel.say = spoken(&panel);
    Fragment::of(&Context { panel })
}

/// What is said aloud when the panel was asked for again.
fn spoken(panel: &Panel) -> String {
    let Some(coverage) = &panel.coverage else {
        return String::new();
    };
    let within = &coverage.within;
    format!("{}{within}: {}.", coverage.look.word, coverage.tally)
}

/// What somebody did to an issue's panel.
struct Done {
    /// What to say of it.
    words: String,
    /// Whether the issue itself changed, so that the product's page should look again.
    is_issue_changed: bool,
}

impl Done {
    /// Something that only changed what we hold.
    const fn here(words: String) -> Self {
        Self {
            words,
            is_issue_changed: false,
        }
    }
}

/// The panel after something was done, if anything was, as the reader chose to see it.
async fn after(
    app: &App,
    viewer: &Viewer,
    issue: i64,
    fields: &Fields,
    done: Option<Done>,
) -> Result<Fragment, Problem> {
    let mut panel = find(app, viewer, issue, &Choice::of(fields)?).await?;
    panel.say = spoken(&panel);
    if let Some(done) = done {
        panel.say.clone_from(&done.words);
        panel.done = Some(done.words);
        panel.is_issue_changed = done.is_issue_changed;
    }
    Fragment::of(&Body { panel })
}

/// The panel of an issue; Jira is asked when the mirror has never heard of it, and which of its
/// children the reader may see.
async fn find(app: &App, viewer: &Viewer, issue: i64, choice: &Choice) -> Result<Panel, Problem> {
    let found = find_facts(app, viewer, issue, choice).await?;
    let setting = setting(app, &viewer.site, &found);
    let children = children::beside(app, viewer, &found).await;
    let panel = view_of(setting, root(&app.config), &found, choice.is_all);
    let may_edit = rights::remembered(app, viewer, issue).await;
    Ok(Panel {
        children,
        may_edit,
        ..panel
    })
}

async fn find_facts(
    app: &App,
    viewer: &Viewer,
    issue: i64,
    choice: &Choice,
) -> Result<IssuePanel, Problem> {
    let site = &viewer.site;
    let (account, scope) = (viewer.account_id.as_deref(), choice.scope.as_ref());
    let by_id = IssueRef::ByJiraId(issue);
    if let Some(found) = issue_panel::of_issue(app, site, by_id, account, scope).await? {
        return Ok(found);
    }
    let gone = || {
        Problem::not_found("Jira does not know this issue.")
            .detail("It may have been deleted, or the app may not see its project.")
    };
    if !issue_panel::meet(app, site, issue).await? {
        return Err(gone());
    }
    let found = issue_panel::of_issue(app, site, by_id, account, scope).await?;
    found.ok_or_else(gone)
}

fn view_of(setting: Setting<'_>, root: String, found: &IssuePanel, is_all: bool) -> Panel {
    let issue = &found.coverage.issue;
    let coverage = found
        .is_coverable()
        .then(|| setting.coverage(found, is_all));
    let is_found_by = found.is_defect() && (coverage.is_none() || !found.found_by.is_empty());
    Panel {
        root,
        jira_id: issue.snapshot.jira_id,
        key: issue.snapshot.key.clone(),
        type_name: issue.snapshot.issue_type.name.clone(),
        notices: notices(found, setting.now_ms),
        coverage,
        children: (!found.coverage.children.is_empty()).then(|| children::later(found)),
        found_by: is_found_by.then(|| setting.found_by(issue, &found.found_by)),
        may_edit: None,
        say: String::new(),
        done: None,
        is_issue_changed: false,
    }
}

fn setting<'a>(app: &App, site: &'a Site, found: &'a IssuePanel) -> Setting<'a> {
    Setting {
        site_url: site.link_base(),
        now_ms: app.clock.now_ms(),
        statuses: &found.settings.coverage.statuses,
    }
}

/// How long an event may wait before the reader is told, in milliseconds.
const LATE_MS: i64 = 60_000;

fn notices(found: &IssuePanel, now_ms: i64) -> Vec<Notice> {
    let mut notices = Vec::new();
    let warning = |title: &str, text: String| Notice {
        kind: "warning",
        title: title.to_owned(),
        text,
    };
    if let Some(at_ms) = found.coverage.issue.deleted_ms {
        let when = When::new(at_ms, now_ms).relative;
        notices.push(warning(
            "This issue was deleted in Jira",
            format!("Deleted {when}. Its tests and their results are kept."),
        ));
    }
    if let Some(at_ms) = found.behind.parked_ms {
        let when = When::new(at_ms, now_ms).relative;
        notices.push(warning(
            "A change of this issue could not be taken in",
            format!(
                "Statuses of defects may be out of date since {when}. \
                 A Jira administrator can see why in Touchstone's settings, and try again."
            ),
        ));
    } else if let Some(at_ms) = found.behind.waiting_ms
        && now_ms - at_ms > LATE_MS
    {
        let when = When::new(at_ms, now_ms).relative;
        notices.push(warning(
            "Changes from Jira are late",
            format!("What changed in Jira since {when} is not shown yet. Results are up to date."),
        ));
    }
    notices
}

/// One row of the table in a test's details.
#[derive(Debug)]
struct Pick {
    environment: String,
    look: RunLook,
    execution: String,
    when: When,
    attempts: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "panel/details.html")]
struct Details {
    row: Row,
    picks: Vec<Pick>,
}

/// `GET /ui/issue/{issue}/tests/{test}?scope=&environment=`
async fn details(
    viewer: Viewer,
    path: Path<TestOfIssue>,
    request: HttpRequest,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_sight(&app, path.issue).await?;
    let fields = Fields::parse(request.query_string().as_bytes());
    let found = find_facts(&app, &viewer, path.issue, &Choice::of(&fields)?).await?;
    let test = test_of(&found, path.test)?;
    let setting = setting(&app, &viewer.site, &found);
    let picks = test.picks.iter().map(|pick| Pick {
        environment: match pick.environment.as_str() {
            "" => "–".to_owned(),
            name => name.to_owned(),
        },
        look: look::of_run(&pick.named, pick.effect),
        execution: pick.execution_key.clone(),
        when: When::new(pick.finished_ms, setting.now_ms),
        attempts: (pick.attempts > 1).then(|| format!("{} attempts", pick.attempts)),
    });
    let details = Details {
        row: setting.row(test),
        picks: picks.collect(),
    };
    Fragment::of(&details)
}

/// A test that is linked to the issue in one way or the other; a person who sees the issue sees it.
fn test_of(found: &IssuePanel, test: Uuid) -> Result<&TestRow, Problem> {
    let mut linked = found.coverage.tests.iter().chain(&found.found_by);
    linked.find(|row| row.id == test).ok_or_else(|| {
        Problem::not_found("This test is not linked to the issue any more.")
            .detail("Reload the page to see what is.")
    })
}
