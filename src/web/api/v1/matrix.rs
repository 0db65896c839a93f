//! `GET /api/v1/projects/{KEY}/matrix`: the traceability matrix, a page at a time, with `/totals` (how
//! many issues have which status), `/backward` (from defects or tests to issues), `/orphans` (what
//! hangs on nothing) and `/export` (the whole as a file). Takes an API client's token.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};

use super::auth::ApiCaller;
use super::query::Query;
use crate::app::App;
use crate::app::matrix::orphans::{self, Kind};
use crate::app::matrix::{backward, forward};
use crate::problem::Problem;
use crate::web::matrix::{Format, export as export_file};

mod answer;
pub(super) mod asked;

use answer::{Backward, List, Matrix, Orphans, Totals};
use asked::{CHOICES, Paging, Question, place, words_of};

/// The traceability matrix of a project
///
/// One row for each coverable issue, by the number in its key: its coverage status in scope with the
/// reason, its tests, runs and defects. Issues can be narrowed; every criterion that is given has to
/// hold.
#[utoipa::path(
    operation_id = "showMatrix",
    tag = "matrix",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("expand" = Option<String>, Query, description = "`tests` shows the tests of each issue with their runs and defects.", example = "tests"),
        Question,
        Paging
    ),
    responses((status = 200, description = "A page of the matrix.", body = Matrix))
)]
#[get("/api/v1/projects/{key}/matrix")]
pub async fn show(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(
        request.query_string(),
        &words_of(&CHOICES, &["cursor", "limit", "expand"]),
    )?;
    let asked = asked::read(&caller, &key, &query)?;
    let is_expanded = match query.word("expand")? {
        None => false,
        Some("tests") => true,
        Some(_) => {
            return Err(Problem::bad_request(
                "`expand` can be `tests` and nothing else.",
            ));
        }
    };
    let (after, limit) = asked::page(&query)?;
    let after = after.map_or(Ok(0), |text| place(&text))?;
    let (eyes, now_ms) = (asked::eyes(&caller), app.clock.now_ms());
    let mut page = forward::page(&app, &eyes, &asked, after, limit, now_ms).await?;
    if !is_expanded {
        for row in &mut page.items {
            row.tests = None;
        }
    }
    Ok(HttpResponse::Ok().json(Matrix::of(&asked, page, now_ms)))
}

/// How many issues have which status
///
/// Of the same issues as the matrix; each number opens the list behind it with `status`.
#[utoipa::path(
    operation_id = "showMatrixTotals",
    tag = "matrix",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        Question
    ),
    responses((status = 200, description = "The numbers.", body = Totals))
)]
#[get("/api/v1/projects/{key}/matrix/totals")]
pub async fn show_totals(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(request.query_string(), &CHOICES)?;
    let asked = asked::read(&caller, &key, &query)?;
    let now_ms = app.clock.now_ms();
    let totals = forward::totals(&app, &asked::eyes(&caller), &asked, now_ms).await?;
    Ok(HttpResponse::Ok().json(Totals::of(&asked, &totals, now_ms)))
}

/// From defects or tests back to issues
///
/// From a defect the tests it broke and the issues at risk; from a test the issues it protects.
#[utoipa::path(
    operation_id = "showMatrixBackward",
    tag = "matrix",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("from" = Option<String>, Query, description = "`defects` (the default) or `tests`.", example = "defects"),
        ("scope" = Option<String>, Query, example = "latest",
         description = "Which runs count: `latest`, or those made for one: `version:V`, `plan:P`, `sprint:S`."),
        ("environment" = Option<String>, Query, max_length = 255,
         description = "Only runs that were made in this environment."),
        Paging
    ),
    responses((status = 200, description = "A page of the list.", body = Backward))
)]
#[get("/api/v1/projects/{key}/matrix/backward")]
pub async fn show_backward(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let known = ["from", "scope", "environment", "cursor", "limit"];
    let query = Query::read(request.query_string(), &known)?;
    let asked = asked::read(&caller, &key, &query)?;
    let (eyes, now_ms) = (asked::eyes(&caller), app.clock.now_ms());
    let (after, limit) = asked::page(&query)?;
    let mut answer = Backward::new(&asked, now_ms);
    match query.word("from")? {
        None | Some("defects") => {
            let after = after.map(|text| asked::issue_key(&text)).transpose()?;
            let after = after.as_deref();
            let page = backward::from_defects(&app, &eyes, &asked, after, limit, now_ms).await?;
            answer.defects = Some(List::of(page));
        }
        Some("tests") => {
            let after = after.map_or(Ok(0), |text| place(&text))?;
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let page = backward::from_tests(&app, &eyes, &asked, after, limit, now_ms).await?;
            answer.tests = Some(List::of(page));
        }
        Some(_) => {
            return Err(Problem::bad_request("`from` is `defects` or `tests`."));
        }
    }
    Ok(HttpResponse::Ok().json(answer))
}

/// What hangs on nothing
///
/// Issues that no test covers, tests that cover no issue, defects of no test, results whose test is
/// archived or gone. Without `kind` the first page of each; with it, that list alone, page by page.
#[utoipa::path(
    operation_id = "showMatrixOrphans",
    tag = "matrix",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("kind" = Option<String>, Query, description = "One list only: `issues`, `tests`, `defects` or `results`.", example = "tests"),
        ("scope" = Option<String>, Query, example = "latest",
         description = "Which runs count: `latest`, or those made for one: `version:V`, `plan:P`, `sprint:S`."),
        ("environment" = Option<String>, Query, max_length = 255,
         description = "Only runs that were made in this environment."),
        Paging
    ),
    responses((status = 200, description = "The lists.", body = Orphans))
)]
#[get("/api/v1/projects/{key}/matrix/orphans")]
pub async fn show_orphans(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let known = ["kind", "scope", "environment", "cursor", "limit"];
    let query = Query::read(request.query_string(), &known)?;
    let asked = asked::read(&caller, &key, &query)?;
    let kind = query.word("kind")?.map(|name| {
        Kind::named(name).ok_or_else(|| {
            Problem::bad_request("`kind` is `issues`, `tests`, `defects` or `results`.")
        })
    });
    let kind = kind.transpose()?;
    let (after, limit) = asked::page(&query)?;
    let after = match (kind, after) {
        (_, None) => 0,
        (Some(_), Some(text)) => place(&text)?,
        (None, Some(_)) => {
            return Err(Problem::bad_request(
                "`cursor` needs `kind`: each list has its own pages.",
            ));
        }
    };
    let (eyes, now_ms) = (asked::eyes(&caller), app.clock.now_ms());
    let project = asked.project.as_str();
    let mut answer = Orphans::new(&asked, now_ms);
    for one in Kind::ALL {
        if kind.is_some_and(|kind| kind != one) {
            continue;
        }
        match one {
            Kind::Issues => {
                let page = orphans::issues(&app, &eyes, &asked, after, limit, now_ms).await?;
                answer.issues = Some(List::of(page));
            }
            Kind::Tests => {
                let page = orphans::tests(&app, &eyes, project, after, limit).await?;
                answer.tests = Some(List::of(page));
            }
            Kind::Defects => {
                let page = orphans::defects(&app, &eyes, project, after, limit).await?;
                answer.defects = Some(List::of(page));
            }
            Kind::Results => {
                let page = orphans::results(&app, &eyes, project, after, limit).await?;
                answer.results = Some(List::of(page));
            }
        }
    }
    Ok(HttpResponse::Ok().json(answer))
}

/// The whole matrix as a file
///
/// Each form says scope, filters, settings and time. `format` is `csv`, `xlsx`, `json` or `html` (a
/// page to print).
#[utoipa::path(
    operation_id = "exportMatrix",
    tag = "matrix",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("format" = Option<String>, Query, description = "`csv` (the default), `xlsx`, `json` or `html`.", example = "json"),
        ("detail" = Option<String>, Query, description = "What a line of CSV is: `issues` (the default) or `tests`, one for each counting run.", example = "issues"),
        Question
    ),
    responses((status = 200, description = "The file.", content(
        (String = "text/csv"),
        (serde_json::Value = "application/json"),
        (String = "text/html"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    )))
)]
#[get("/api/v1/projects/{key}/matrix/export")]
pub async fn export(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(
        request.query_string(),
        &words_of(&CHOICES, &["format", "detail"]),
    )?;
    let asked = asked::read(&caller, &key, &query)?;
    let format = match (query.one("format")?, query.one("detail")?) {
        (None | Some("csv"), None | Some("issues")) => Format::Csv,
        (None | Some("csv"), Some("tests")) => Format::CsvOfTests,
        (Some("xlsx"), None) => Format::Xlsx,
        (Some("json"), None) => Format::Json,
        (Some("html"), None) => Format::Html,
        (_, None) => {
            return Err(Problem::bad_request(
                "`format` is `csv`, `xlsx`, `json` or `html`.",
            ));
        }
        (_, Some(_)) => {
            return Err(
                Problem::bad_request("`detail` is `issues` or `tests`, and for CSV only.")
                    .detail("The other formats show both."),
            );
        }
    };
    let file = export_file(&app, &asked::eyes(&caller), &asked, format).await?;
    let disposition = format!("attachment; filename=\"{}\"", file.name);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_DISPOSITION, disposition))
        .content_type(file.media_type)
        .body(file.content))
}
