//! The page of a project, and the gadget that shows the same in short: which issues pass their tests.
//!
//! The page lists what the reader may see of it: Jira is asked for the issues of each page of the
//! list, because a security level can hide one from somebody who sees its project. The counts are of
//! all issues; they name none.

use std::collections::HashSet;

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

mod gadget;
mod matrix;
pub(super) mod overview;
mod readiness;
mod retests;
pub mod tabs;

use super::fields;
use super::fragment::Fragment;
use super::frame::{Frame, page, problem_page, root};
use super::viewer::Viewer;
use crate::app::App;
use crate::app::project_coverage::{listed, of_project};
use crate::connect::auth::FrameCaller;
use crate::domain::coverage::CoverageStatus;
use crate::problem::Problem;
use overview::{Overview, STATUSES, Shown};

/// The routes of the project page and the gadget.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .route("/connect/project", web::get().to(show_frame))
        .route("/connect/gadget", web::get().to(gadget::show_frame));
    routes.service(
        web::resource("/ui/project/{project}")
            .app_data(fields::refusal_of_path())
            .route(web::get().to(show)),
    );
    routes.service(
        web::scope("/ui/project/{project}/readiness")
            .app_data(fields::refusal_of_path())
            .route("", web::get().to(readiness::show))
            .route("/rules", web::get().to(readiness::show_rules))
            .route("/rules", web::post().to(readiness::save_rules)),
    );
    routes.service(
        web::resource("/ui/project/{project}/retests")
            .app_data(fields::refusal_of_path())
            .route(web::get().to(retests::show)),
    );
    routes.configure(matrix::routes);
    routes
        .route("/ui/gadget", web::get().to(gadget::show))
        .route("/ui/gadget/settings", web::get().to(gadget::settings));
}

/// Issues on one page of the list.
const ROWS: usize = 50;

#[derive(Debug, Template)]
#[template(path = "project/page.html")]
struct Page {
    frame: Frame,
    overview: Overview,
}

/// The page without what is around it.
#[derive(Debug, Template)]
#[template(path = "project/body.html")]
struct Body {
    overview: Overview,
}

/// What Jira fills into the address of the frame; covered by the signature.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Address {
    project_key: String,
}

/// What the reader chose to see.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    /// Issues of this status only: its name as interfaces write it.
    status: String,
    /// The page of the list; the first is 1.
    page: usize,
}

impl Choice {
    fn status(&self) -> Option<CoverageStatus> {
        STATUSES
            .into_iter()
            .find(|status| status.name() == self.status)
    }
}

/// `GET /connect/project`: the page Jira loads into the project.
async fn show_frame(
    request: HttpRequest,
    caller: Result<FrameCaller, Problem>,
    address: Result<Query<Address>, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = match caller {
        Ok(caller) => caller,
        Err(problem) => {
            let problem = problem.detail("Reload the page in Jira.");
            return Ok(problem_page(&app, &request, None, &problem, None));
        }
    };
    let viewer = Viewer::of_frame(caller);
    let site = Some(viewer.site.as_ref());
    let key = address.map_or_else(|_| String::new(), |address| address.project_key.clone());
    match find(&app, &viewer, &key, &Choice::default()).await {
        Ok(overview) => {
            let frame = Frame::new(&app.config);
            page(&app, site, StatusCode::OK, &Page { frame, overview })
        }
        Err(problem) => {
            let again = format!("{}/ui/project/{key}", root(&app.config));
            let again = Some(again).filter(|_| viewer.account_id.is_some());
            Ok(problem_page(&app, &request, site, &problem, again))
        }
    }
}

/// `GET /ui/project/{project}?status=&page=`
async fn show(
    viewer: Viewer,
    project: Path<String>,
    choice: Query<Choice>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let mut overview = find(&app, &viewer, &project, &choice).await?;
    overview.say = overview.spoken();
    Fragment::of(&Body { overview })
}

async fn find(
    app: &App,
    viewer: &Viewer,
    project: &str,
    choice: &Choice,
) -> Result<Overview, Problem> {
    let asker = viewer.demand_project(app, project).await?;
    let site = &viewer.site;
    let coverage = of_project(app, site, project).await?;
    let status = choice.status();
    let chosen: Vec<_> = coverage
        .issues
        .iter()
        .filter(|issue| status.is_none_or(|status| issue.status == status))
        .cloned()
        .collect();
    let pages = chosen.len().div_ceil(ROWS).max(1);
    let number = choice.page.clamp(1, pages);
    let on_page = chosen.chunks(ROWS).nth(number - 1).unwrap_or_default();
    let ids: Vec<i64> = on_page.iter().map(|issue| issue.jira_id).collect();
    let visible: HashSet<i64> = app.jira.visible_issues(site, &asker, &ids).await?;
    let mut rows = listed(app, site, on_page).await?;
    rows.retain(|row| visible.contains(&row.issue.snapshot.jira_id));
    Ok(Overview::new(
        &coverage,
        &Shown {
            root: &root(&app.config),
            site_url: site.link_base(),
            project,
            status,
            number,
            pages,
            hidden: on_page.len() - rows.len(),
            rows: &rows,
        },
    ))
}
