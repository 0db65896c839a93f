//! The gadget of a dashboard: how many issues of one project have which status.
//!
//! Which project is chosen by who edits the dashboard, and kept by the product beside the gadget. What
//! is shown is decided here for who looks: somebody who may not see the project is told so.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::overview::{STATUSES, heading, segments};
use crate::app::App;
use crate::app::project_coverage::of_project;
use crate::connect::auth::FrameCaller;
use crate::problem::Problem;
use crate::web::fragment::Fragment;
use crate::web::frame::{Frame, page, problem_page, root};
use crate::web::panel::look;
use crate::web::panel::view::{Look, Segment};
use crate::web::viewer::Viewer;

/// The gadget before it knows which project it shows.
#[derive(Debug, Template)]
#[template(path = "project/gadget_page.html")]
struct Page {
    frame: Frame,
    page: &'static str,
    title: &'static str,
    root: String,
}

#[derive(Debug, Template)]
#[template(path = "project/gadget.html")]
struct Gadget {
    base: String,
    chosen: Option<Chosen>,
}

/// What is shown of the chosen project.
#[derive(Debug)]
struct Chosen {
    project: String,
    url: String,
    heading: String,
    worst: Option<(Look, &'static str)>,
    segments: Vec<Segment>,
    open_defects: i64,
}

#[derive(Debug, Template)]
#[template(path = "project/settings.html")]
struct Settings {
    base: String,
    project: String,
    is_checked: bool,
}

/// What the gadget was told to show.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    project: String,
}

impl Choice {
    /// The key, however it was typed; empty when nothing was chosen.
    fn key(&self) -> String {
        self.project.trim().to_ascii_uppercase()
    }
}

/// What the reader has done with the settings.
#[derive(Debug, Deserialize)]
pub(super) struct Saving {
    /// Present when they are to be kept.
    save: Option<String>,
}

/// `GET /connect/gadget`: the page Jira loads into the dashboard.
pub(super) async fn show_frame(
    request: HttpRequest,
    caller: Result<FrameCaller, Problem>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = match caller {
        Ok(caller) => caller,
        Err(problem) => {
            let problem = problem.detail("Reload the page in Jira.");
            return Ok(problem_page(&app, &request, None, &problem, None));
        }
    };
    let gadget = Page {
        frame: Frame::new(&app.config),
        page: "gadget",
        title: "Test coverage",
        root: root(&app.config),
    };
    page(&app, Some(&caller.site), StatusCode::OK, &gadget)
}

/// `GET /ui/gadget?project=`
pub(super) async fn show(
    viewer: Viewer,
    choice: Query<Choice>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let base = format!("{}/ui/gadget", root(&app.config));
    let project = choice.key();
    if project.is_empty() {
        return Fragment::of(&Gadget { base, chosen: None });
    }
    viewer.demand_project(&app, &project).await?;
    let coverage = of_project(&app, &viewer.site, &project).await?;
    let mut worst = STATUSES.into_iter();
    let worst = worst.find(|status| coverage.count(*status) > 0);
    let chosen = Chosen {
        url: format!("{}/browse/{project}", viewer.site.link_base()),
        heading: heading(&coverage, worst, &project),
        worst: worst.map(look::of_issue),
        segments: segments(&coverage),
        open_defects: coverage.open_defects,
        project,
    };
    Fragment::of(&Gadget {
        base,
        chosen: Some(chosen),
    })
}

/// `GET /ui/gadget/settings?project=&save=`: what can be chosen; with `save`, whether it can be kept.
pub(super) async fn settings(
    viewer: Viewer,
    choice: Query<Choice>,
    saving: Query<Saving>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let project = choice.key();
    let is_checked = saving.save.is_some();
    if is_checked {
        viewer.demand_project(&app, &project).await?;
    }
    Fragment::of(&Settings {
        base: format!("{}/ui/gadget", root(&app.config)),
        project,
        is_checked,
    })
}
