//! The traceability matrix of a project for people: the issues with what hangs on them, the same seen
//! from defects and from tests, what hangs on nothing, and stored matrices.
//!
//! Every number and status is what the API says for the same question. Issues the reader may not see
//! are left out, and how many that was is said. Files travel as JSON (name, type, base64): a frame
//! cannot send its proof along with a link, and Forge hands on nothing else.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use uuid::Uuid;

mod choice;
mod lists;
mod snapshots;
mod view;

use self::choice::{Choice, List};
use self::lists::Rows;
use self::view::{Issue, Menus, Totals};
use super::tabs::{Tab, View, tabs};
use crate::app::App;
use crate::app::matrix::{Eyes, forward};
use crate::jira::permissions::Asker;
use crate::problem::Problem;
use crate::web::fields::{self, Fields};
use crate::web::fragment::Fragment;
use crate::web::frame::root;
use crate::web::matrix::{Format, export as export_file};
use crate::web::viewer::Viewer;

/// Bytes of a file that Forge hands on: it takes answers of 5 MB, and base64 makes four of three.
const FORGE_LIMIT: usize = 3_600_000;

/// The routes of the matrix.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(
        web::scope("/ui/project/{project}/matrix")
            .app_data(fields::refusal_of_path())
            .route("", web::get().to(show))
            .route("/totals", web::get().to(totals))
            .route("/issues/{issue}", web::get().to(issue))
            .route("/export", web::get().to(export))
            .route("/snapshots", web::post().to(snapshots::take))
            .route("/snapshots/{id}", web::get().to(snapshots::compare)),
    );
}

/// What every form of the page has.
#[derive(Debug)]
struct Head {
    project: String,
    tabs: Vec<Tab>,
    /// Where the page's fragment lives.
    base: String,
    choice: Choice,
    menus: Menus,
    /// Files that can be had: how they are called, and where they are.
    files: Vec<(&'static str, String)>,
    say: String,
}

#[derive(Debug, Template)]
#[template(path = "project/matrix.html")]
struct Page {
    head: Head,
    list: lists::Shown,
}

impl Head {
    async fn of(
        app: &App,
        viewer: &Viewer,
        project: &str,
        choice: Choice,
    ) -> Result<Self, Problem> {
        let root = root(&app.config);
        let base = format!("{root}/ui/project/{project}/matrix");
        let asked = choice.asked(project);
        let menus = forward::choices(app, viewer.site.id, project).await?;
        let file = |format: &str| format!("{base}/export?format={format}&{}", choice.query());
        Ok(Self {
            tabs: tabs(&root, project, View::Matrix),
            menus: Menus::of(&menus, &asked),
            files: vec![
                ("CSV", file("csv")),
                ("CSV of tests", file("tests")),
                ("Excel (XLSX)", file("xlsx")),
                ("JSON", file("json")),
                ("Page to print", file("html")),
            ],
            project: project.to_owned(),
            base,
            choice,
            say: String::new(),
        })
    }
}

/// What the reader may see: the project itself was looked at.
fn eyes<'a>(viewer: &'a Viewer, asker: &'a Asker<'a>) -> Eyes<'a> {
    Eyes::Person {
        site: &viewer.site,
        asker,
    }
}

/// `GET /ui/project/{project}/matrix`
async fn show(
    viewer: Viewer,
    project: Path<String>,
    request: HttpRequest,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let choice = Choice::of(&Fields::parse(request.query_string().as_bytes()));
    page(&app, &viewer, &project, choice, "").await
}

/// The whole page; `say` stands before what it says by itself.
async fn page(
    app: &App,
    viewer: &Viewer,
    project: &str,
    choice: Choice,
    say: &str,
) -> Result<Fragment, Problem> {
    let asker = viewer.demand_project(app, project).await?;
    let eyes = eyes(viewer, &asker);
    let mut head = Head::of(app, viewer, project, choice).await?;
    let list = lists::find(app, viewer, &eyes, &head).await?;
    head.say = format!("{say}{}", list.spoken());
    Fragment::of(&Page { head, list })
}

#[derive(Debug, Template)]
#[template(path = "project/matrix_totals.html")]
struct TotalsFragment {
    totals: Totals,
}

/// `GET /ui/project/{project}/matrix/totals`: how many issues have which status, which takes longer
/// than the first page of them.
async fn totals(
    viewer: Viewer,
    project: Path<String>,
    request: HttpRequest,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let choice = Choice::of(&Fields::parse(request.query_string().as_bytes()));
    let asker = viewer.demand_project(&app, &project).await?;
    let asked = choice.without_status().asked(&project);
    let now_ms = app.clock.now_ms();
    let found = forward::totals(&app, &eyes(&viewer, &asker), &asked, now_ms).await?;
    let base = format!("{}/ui/project/{}/matrix", root(&app.config), *project);
    let totals = Totals::of(&found, &base, &choice);
    Fragment::of(&TotalsFragment { totals })
}

#[derive(Debug, Template)]
#[template(path = "project/matrix_issue.html")]
struct IssueFragment {
    row: Issue,
}

/// `GET /ui/project/{project}/matrix/issues/{issue}?open=`: one row, with or without what is inside.
async fn issue(
    viewer: Viewer,
    path: Path<(String, i64)>,
    request: HttpRequest,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let (project, issue) = path.into_inner();
    let fields = Fields::parse(request.query_string().as_bytes());
    let choice = Choice::of(&fields);
    let asker = viewer.demand_project(&app, &project).await?;
    let (asked, now_ms) = (choice.without_filters().asked(&project), app.clock.now_ms());
    let found = forward::one(&app, &eyes(&viewer, &asker), &asked, issue, now_ms).await?;
    let found = found.ok_or_else(|| {
        Problem::not_found("There is no such issue in this matrix, or you may not see it.")
    })?;
    let base = format!("{}/ui/project/{project}/matrix", root(&app.config));
    let row = Issue::of(
        &found,
        &view::Setting {
            base: &base,
            choice: &choice,
            site_url: viewer.site.link_base(),
            now_ms,
        },
    );
    Fragment::of(&IssueFragment {
        row: if fields.has("open") {
            row
        } else {
            row.closed()
        },
    })
}

/// A file on its way through a frame.
#[derive(Debug, Serialize)]
struct Carried {
    name: String,
    #[serde(rename = "type")]
    media_type: &'static str,
    base64: String,
}

/// `GET /ui/project/{project}/matrix/export?format=csv|tests|xlsx|json|html`
async fn export(
    viewer: Viewer,
    project: Path<String>,
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let fields = Fields::parse(request.query_string().as_bytes());
    let format = match fields.chosen("format") {
        Some("csv") => Format::Csv,
        Some("tests") => Format::CsvOfTests,
        Some("xlsx") => Format::Xlsx,
        Some("json") => Format::Json,
        Some("html") => Format::Html,
        _ => return Err(Problem::bad_request("There is no such kind of file.")),
    };
    let asker = viewer.demand_project(&app, &project).await?;
    let asked = Choice::of(&fields).asked(&project);
    let file = export_file(&app, &eyes(&viewer, &asker), &asked, format).await?;
    if viewer.user_token.is_some() && file.content.len() > FORGE_LIMIT {
        return Err(
            Problem::unprocessable("The file is larger than Jira hands on to a page.").detail(
                "Choose fewer issues, or have it from the API: an administrator makes a token.",
            ),
        );
    }
    let carried = Carried {
        name: file.name,
        media_type: file.media_type,
        base64: STANDARD.encode(&file.content),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(carried))
}

/// The id of a snapshot in a path.
fn snapshot_id(text: &str) -> Result<Uuid, Problem> {
    let unknown = || Problem::not_found("There is no such snapshot in this project.");
    text.parse().map_err(|why| unknown().because(why))
}
