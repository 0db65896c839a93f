//! The readiness of a version or a sprint as a page: the verdict and its rules, the five answers, the
//! measures, the trend. Which rules there are is changed here too, by administrators.
//!
//! Counts are of all issues. Issues are named as far as the reader may see them, which Jira is asked
//! about for those that are shown.

use std::collections::{BTreeSet, HashSet};

use actix_web::web::{Data, Path, Query};
use askama::Template;
use serde::Deserialize;

mod rules;
mod trend;
mod view;

pub(super) use rules::{save as save_rules, show as show_rules};

use self::view::{Page, Shown, named};
use super::tabs::{Tab, View, tabs};
use crate::app::App;
use crate::app::readiness::{Asked, readiness};
use crate::domain::readiness::{DAY_MS, Target};
use crate::jira::permissions::Asker;
use crate::problem::Problem;
use crate::store::readiness::{self as kept, Day, Planned};
use crate::web::fragment::Fragment;
use crate::web::frame::root;
use crate::web::viewer::Viewer;

/// Days the trend shows.
const DAYS: u32 = 90;
/// Issues Jira is asked about at once.
const AT_ONCE: usize = 1_000;

#[derive(Debug, Template)]
#[template(path = "project/readiness.html")]
struct Body {
    /// Where the page's fragments live.
    base: String,
    project: String,
    tabs: Vec<Tab>,
    /// None when no issue names a version or a sprint.
    page: Option<Page>,
    say: String,
}

/// What the reader chose to see.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    /// The version or the sprint, as interfaces name it; the one that changed last when it is empty.
    scope: String,
}

/// `GET /ui/project/{project}/readiness?scope=`
pub(super) async fn show(
    viewer: Viewer,
    project: Path<String>,
    choice: Query<Choice>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let mut body = body(&app, &viewer, &project, &choice.scope).await?;
    body.say = match &body.page {
        Some(page) => page.sentence.clone(),
        None => format!(
            "No issue of {} names a version or a sprint yet.",
            body.project
        ),
    };
    Fragment::of(&body)
}

async fn body(app: &App, viewer: &Viewer, project: &str, scope: &str) -> Result<Body, Problem> {
    let asker = viewer.demand_project(app, project).await?;
    let planned = kept::planned(app.store.read(), viewer.site.id, Some(project)).await?;
    let target = Target::named(scope)
        .ok()
        .or_else(|| planned.first().map(|first| first.target.clone()));
    let page = match target {
        Some(target) => Some(page(app, viewer, &asker, project, target, &planned).await?),
        None => None,
    };
    Ok(Body {
        base: format!("{}/ui/project/{project}/readiness", root(&app.config)),
        tabs: tabs(&root(&app.config), project, View::Readiness),
        project: project.to_owned(),
        page,
        say: String::new(),
    })
}

async fn page(
    app: &App,
    viewer: &Viewer,
    asker: &Asker<'_>,
    project: &str,
    target: Target,
    planned: &[Planned],
) -> Result<Page, Problem> {
    let (site, now_ms) = (&viewer.site, app.clock.now_ms());
    let asked = Asked {
        project,
        target: &target,
        environment: None,
    };
    let (report, mut days) = tokio::try_join!(
        readiness(&app.store, site.id, asked, now_ms),
        kept::days(app.store.read(), site.id, project, &target, DAYS),
    )?;
    let (judgement, answers) = (report.judgement(), report.answers());
    let today = Day {
        day: now_ms.div_euclid(DAY_MS),
        verdict: judgement.verdict,
        measures: report.measures(),
    };
    // What holds now, in the place of what held when the day's snapshot was taken.
    days.retain(|day| day.day < today.day);
    days.push(today);
    let ids = named(&judgement, &answers);
    let visible = visible(app, viewer, asker, ids).await?;
    Ok(Page::of(&Shown {
        site_url: site.link_base(),
        target: &target,
        planned,
        judgement: &judgement,
        answers: &answers,
        days: &days,
        visible: &visible,
        now_ms,
    }))
}

/// Which of these issues the reader may see.
async fn visible(
    app: &App,
    viewer: &Viewer,
    asker: &Asker<'_>,
    ids: BTreeSet<i64>,
) -> Result<HashSet<i64>, Problem> {
    let ids: Vec<i64> = ids.into_iter().collect();
    let mut visible = HashSet::with_capacity(ids.len());
    for chunk in ids.chunks(AT_ONCE) {
        visible.extend(app.jira.visible_issues(&viewer.site, asker, chunk).await?);
    }
    Ok(visible)
}
