//! `GET /connect/issue` and `/connect/context`: the pages Jira loads into the issue.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::rights::remembered;
use super::scope::Choice;
use super::view::Panel;
use super::{find_facts, setting, view_of};
use crate::app::App;
use crate::connect::auth::FrameCaller;
use crate::problem::Problem;
use crate::web::frame::{Frame, page, problem_page, root};
use crate::web::viewer::Viewer;

/// The panel with the page around it.
#[derive(Debug, Template)]
#[template(path = "panel/page.html")]
struct Page {
    frame: Frame,
    panel: Panel,
}

/// The answer alone with the page around it, for the narrow place beside an issue.
#[derive(Debug, Template)]
#[template(path = "panel/context_page.html")]
struct ContextPage {
    frame: Frame,
    panel: Panel,
}

/// What Jira fills into the address of the frame; covered by the signature.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Address {
    issue_id: Option<i64>,
}

/// The panel as the frame first shows it: Jira is asked nothing, so what needs its word comes later.
async fn open(app: &App, viewer: &Viewer, issue: i64) -> Result<Panel, Problem> {
    let found = find_facts(app, viewer, issue, &Choice::default()).await?;
    let setting = setting(app, &viewer.site, &found);
    let panel = view_of(setting, root(&app.config), &found, false);
    let may_edit = remembered(app, viewer, issue).await;
    Ok(Panel { may_edit, ..panel })
}

/// The issue's panel.
pub(super) async fn show(
    request: HttpRequest,
    caller: Result<FrameCaller, Problem>,
    address: Result<Query<Address>, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    draw(&request, caller, address, &app, "", |frame, panel| Page {
        frame,
        panel,
    })
    .await
}

/// The issue's status, beside it.
pub(super) async fn show_context(
    request: HttpRequest,
    caller: Result<FrameCaller, Problem>,
    address: Result<Query<Address>, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let page = |frame, panel| ContextPage { frame, panel };
    draw(&request, caller, address, &app, "/context", page).await
}

/// Draws a page of an issue. That Jira signed this address for this person proves that they see the
/// issue. `part` is where the same is had again, below the issue's address.
async fn draw<T: Template>(
    request: &HttpRequest,
    caller: Result<FrameCaller, Problem>,
    address: Result<Query<Address>, actix_web::Error>,
    app: &App,
    part: &str,
    template: impl FnOnce(Frame, Panel) -> T,
) -> Result<HttpResponse, Problem> {
    let caller = match caller {
        Ok(caller) => caller,
        Err(problem) => {
            let problem = problem.detail("Reload the page in Jira.");
            return Ok(problem_page(app, request, None, &problem, None));
        }
    };
    let viewer = Viewer::of_frame(caller);
    let site = &viewer.site;
    let issue = address.ok().and_then(|address| address.issue_id);
    let shown = match issue {
        _ if viewer.account_id.is_none() => Err(Problem::forbidden("Log in to see tests.")
            .detail("Results are shown to people who are logged in to Jira.")),
        Some(issue) => open(app, &viewer, issue).await,
        None => Err(
            Problem::bad_request("Jira did not say which issue this is.").detail(
                "Reload the page; if that does not help, the app needs an update on this site.",
            ),
        ),
    };
    match shown {
        Ok(panel) => {
            let page_of = template(Frame::new(&app.config), panel);
            page(app, Some(site), StatusCode::OK, &page_of)
        }
        Err(problem) => {
            let again = issue.map(|issue| format!("{}/ui/issue/{issue}{part}", root(&app.config)));
            Ok(problem_page(app, request, Some(site), &problem, again))
        }
    }
}
