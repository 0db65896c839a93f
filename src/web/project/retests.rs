//! The retest queue of a project as a page: what has to run again, where, and because of which issue.
//!
//! Issues are named as far as the reader may see them, which Jira is asked about for the page shown.

use std::collections::{BTreeSet, HashSet};

use actix_web::web::{Data, Path, Query};
use askama::Template;
use serde::Deserialize;

use super::tabs::{Tab, View, tabs};
use crate::app::App;
use crate::problem::Problem;
use crate::store::retests::{self, Because, Waiting};
use crate::store::{environments, projects};
use crate::web::fragment::Fragment;
use crate::web::frame::root;
use crate::web::times::When;
use crate::web::viewer::Viewer;

/// Tests on one page.
const ROWS: i64 = 50;

#[derive(Debug, Template)]
#[template(path = "project/retests.html")]
struct Body {
    base: String,
    project: String,
    tabs: Vec<Tab>,
    heading: String,
    /// Environments to choose from, and whether one is chosen.
    environments: Vec<(String, bool)>,
    rows: Vec<Row>,
    /// The test the next page begins after.
    next: Option<i64>,
    is_first: bool,
    say: String,
}

#[derive(Debug)]
struct Row {
    key: String,
    name: String,
    reasons: Vec<Reason>,
}

#[derive(Debug)]
struct Reason {
    /// Key, address and summary; none when the reader may not see the issue.
    issue: Option<(String, String, String)>,
    status: String,
    environments: Vec<String>,
    since: When,
}

/// What the reader chose to see.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    environment: String,
    after: i64,
}

/// `GET /ui/project/{project}/retests?environment=&after=`
pub(super) async fn show(
    viewer: Viewer,
    project: Path<String>,
    choice: Query<Choice>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let asker = viewer.demand_project(&app, &project).await?;
    let (on, site) = (app.store.read(), &viewer.site);
    let environment = Some(choice.environment.as_str()).filter(|name| !name.is_empty());
    let after = Some(choice.after);
    let mut found =
        retests::of_project(on, site.id, &project, environment, after, ROWS + 1).await?;
    let is_last = i64::try_from(found.len()).is_ok_and(|rows| rows <= ROWS);
    found.truncate(usize::try_from(ROWS).unwrap_or(usize::MAX));
    let next = found.last().map(|test| test.number).filter(|_| !is_last);
    let issues = found.iter().flat_map(|test| &test.because);
    let issues: BTreeSet<i64> = issues.filter_map(|one| one.jira_id).collect();
    let issues: Vec<i64> = issues.into_iter().collect();
    let seen: HashSet<i64> = app.jira.visible_issues(site, &asker, &issues).await?;
    let names = match projects::by_key(on, site.id, &project).await? {
        Some(known) => environments::of_project(on, site.id, known.id).await?,
        None => Vec::new(),
    };
    let now_ms = app.clock.now_ms();
    let link_base = site.link_base();
    let heading = match (found.len(), choice.after) {
        (0, 0) => "No test waits for a retest".to_owned(),
        (1, 0) => "1 test waits for a retest".to_owned(),
        (n, 0) if next.is_none() => format!("{n} tests wait for a retest"),
        _ => "Tests that wait for a retest".to_owned(),
    };
    let reason = |because: Because| Reason {
        issue: because.jira_id.filter(|id| seen.contains(id)).map(|_| {
            let address = format!("{link_base}/browse/{}", because.key);
            (because.key, address, because.summary)
        }),
        status: because.status,
        environments: because.environments,
        since: When::new(because.since_ms, now_ms),
    };
    let row = |test: Waiting| Row {
        key: format!("{project}-T{}", test.number),
        name: test.name,
        reasons: test.because.into_iter().map(reason).collect(),
    };
    let chosen = |name: String| (name.clone(), name == choice.environment);
    Fragment::of(&Body {
        base: format!("{}/ui/project/{project}/retests", root(&app.config)),
        tabs: tabs(&root(&app.config), &project, View::Retests),
        project: project.to_string(),
        say: format!("{heading}."),
        heading,
        environments: names.into_iter().map(chosen).collect(),
        rows: found.into_iter().map(row).collect(),
        next,
        is_first: choice.after == 0,
    })
}
