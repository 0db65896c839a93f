//! The administration page: settings by project, API clients, and how the line to Jira is doing.
//!
//! For Jira administrators only, asked of Jira with every request (`connect.md` 4.5). Each part of
//! the page is a fragment of its own that answers a change with itself.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

mod clients;
mod counting;
mod health;
mod rules;
mod settings;

use super::fields;
use super::fragment::Fragment;
use super::frame::{Frame, page, problem_page, root};
use super::viewer::Viewer;
use crate::app::App;
use crate::connect::auth::FrameCaller;
use crate::problem::Problem;

/// The routes of the administration page.
pub fn routes(routes: &mut ServiceConfig) {
    routes.route("/connect/admin", web::get().to(show));
    routes.service(
        web::scope("/ui/admin")
            .app_data(fields::refusal_of_path())
            .route("", web::get().to(show_body))
            .route("/health", web::get().to(health::show))
            .route("/events/replay", web::post().to(health::replay_events))
            .route("/reconcile", web::post().to(health::compare))
            .route("/work/retry", web::post().to(health::retry_work))
            .route("/settings", web::get().to(settings::show))
            .route("/settings", web::post().to(settings::save))
            .route("/counting", web::get().to(counting::show))
            .route("/counting", web::post().to(counting::save))
            .route("/rules", web::post().to(rules::save))
            .route("/rules/try", web::post().to(rules::attempt))
            .route("/rules/{name}/switch", web::post().to(rules::switch))
            .route("/rules/{name}/delete", web::post().to(rules::delete))
            .route("/clients", web::post().to(clients::create))
            .route("/clients/{client}/revoke", web::post().to(clients::revoke)),
    );
}

#[derive(Debug, Template)]
#[template(path = "admin/page.html")]
struct Page {
    frame: Frame,
    parts: Parts,
}

/// The page without what is around it.
#[derive(Debug, Template)]
#[template(path = "admin/body.html")]
struct Body {
    parts: Parts,
}

#[derive(Debug)]
struct Parts {
    health: health::Health,
    settings: settings::Form,
    rules: rules::List,
    counting: counting::Form,
    clients: clients::List,
}

/// `GET /connect/admin`
async fn show(
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
    let viewer = Viewer::of_frame(caller);
    let site = Some(viewer.site.as_ref());
    match gather(&app, &viewer).await {
        Ok(parts) => {
            let frame = Frame::new(&app.config);
            page(&app, site, StatusCode::OK, &Page { frame, parts })
        }
        Err(problem) => Ok(problem_page(&app, &request, site, &problem, None)),
    }
}

/// `GET /ui/admin`
async fn show_body(viewer: Viewer, app: Data<App>) -> Result<Fragment, Problem> {
    let parts = gather(&app, &viewer).await?;
    Fragment::of(&Body { parts })
}

async fn gather(app: &App, viewer: &Viewer) -> Result<Parts, Problem> {
    viewer.demand_administration(app).await?;
    let site = &viewer.site;
    Ok(Parts {
        health: health::Health::of(app, site).await?,
        settings: settings::Form::of(app, site, None).await?,
        rules: rules::List::of(app, site).await?,
        counting: counting::Form::of(app, site, None).await?,
        clients: clients::List::of(app, site).await?,
    })
}

/// Where the fragments of this page live.
fn base(app: &App) -> String {
    format!("{}/ui/admin", root(&app.config))
}
