//! `/api/v1/executions/{KEY}/runs/{n}/evidence`: files that prove a result. Takes an API client's
//! token.
//!
//! Bytes are given back as they came and never as something a browser would run: always a download.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::ApiCaller;
use super::body::{self, Checks};
use super::edit::{self, Answer, once, repeatable};
use super::executions::{self, execution_key};
use super::query::Query;
use super::runs::Place;
use super::runs::answer::Evidence;
use crate::app::App;
use crate::crypto::sha256;
use crate::ids;
use crate::problem::Problem;
use crate::store::evidence::{self, OfRun, Which};
use crate::store::executions as stored_executions;

/// Most bytes of a file.
const LIMIT: usize = 10 * 1024 * 1024;
/// Most files of a run.
const FILES: usize = 100;
/// Longest name of a file, in characters.
const NAME: usize = 255;

/// The files of a run.
#[derive(Debug, Serialize, ToSchema)]
struct AllEvidence {
    /// In the order they came.
    items: Vec<Evidence>,
}

/// Attach a file to a run
///
/// Its bytes, at most 10 MB, are the body. The same bytes are kept once, however many runs have them.
#[utoipa::path(
    operation_id = "attachEvidence",
    tag = "evidence",
    params(
        ("key" = String, Path, description = "The execution's key.", example = "SHOP-E1"),
        ("number" = i64, Path, minimum = 1, description = "The run's number within it.", example = 1),
        ("name" = String, Query, min_length = 1, max_length = 255, description = "The name of the file.", example = "screen.png"),
        ("step" = Option<i32>, Query, minimum = 0, maximum = 500, description = "The step it belongs to; 0 is the run itself.")
    ),
    request_body(content = String, content_type = "application/octet-stream", description = "The file."),
    responses(
        (status = 201, description = "It is attached.", body = Evidence),
        (status = 409, description = "The run has as many files as it can.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[post("/api/v1/executions/{key}/runs/{number}/evidence")]
pub async fn attach(
    caller: ApiCaller,
    request: HttpRequest,
    path: Path<(String, i64)>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = execution_key(&caller, &path.0)?;
    let query = Query::read(request.query_string(), &["name", "step"])?;
    let name = query.one("name")?.ok_or_else(|| {
        Problem::bad_request("`name` is missing.")
            .detail("A file needs a name: `?name=screen.png`.")
    })?;
    let step: i32 = match query.word("step")?.map(str::parse) {
        None => 0,
        Some(Ok(step)) if (0..=500).contains(&step) => step,
        Some(_) => return Err(Problem::bad_request("`step` is not the number of a step.")),
    };
    let mut checks = Checks::default();
    let name = checks.line("/name", name, NAME);
    checks.finish()?;
    let file = body::collect(&request, body, LIMIT).await?;
    if file.is_empty() {
        return Err(Problem::unprocessable(
            "The file is empty; nothing was stored.",
        ));
    }
    let repeatable = repeatable(&caller, &request, &file)?;
    let (site, now_ms) = (caller.0.site, app.clock.now_ms());
    let place = Place::of(&app, &key, path.1);
    let new = evidence::Evidence {
        id: ids::next(),
        step,
        name,
        media_type: media_type(&request),
        hash: sha256(&file).to_vec(),
        size: i64::try_from(file.len()).unwrap_or(i64::MAX),
        created_by: Some(caller.0.name.clone()),
        created_ms: now_ms,
    };
    once(&app, &caller, repeatable, async |txn| {
        let on = &**txn;
        let execution = executions::held(on, site, &key).await?;
        let run = place.run(on, site, &execution).await?;
        let held = evidence::of_run(on, site, execution.id, run.number).await?;
        if held.len() >= FILES {
            return Err(Problem::conflict("The run has as many files as it can.")
                .detail(format!("It can have {FILES}.")));
        }
        let of_run = OfRun {
            project: execution.project_id,
            execution: execution.id,
            number: run.number,
        };
        evidence::insert(on, site, &of_run, &new, &file).await?;
        let answer = Evidence::of(&new, &place.url);
        Ok(Answer::created(answer.url.clone(), &answer))
    })
    .await
}

/// The files of a run
#[utoipa::path(
    operation_id = "listEvidence",
    tag = "evidence",
    params(
        ("key" = String, Path, description = "The execution's key.", example = "SHOP-E1"),
        ("number" = i64, Path, minimum = 1, description = "The run's number within it.", example = 1)
    ),
    responses((status = 200, description = "The files.", body = AllEvidence))
)]
#[get("/api/v1/executions/{key}/runs/{number}/evidence")]
pub async fn list(
    caller: ApiCaller,
    path: Path<(String, i64)>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = execution_key(&caller, &path.0)?;
    let (on, site) = (app.store.read(), caller.0.site);
    let execution = stored_executions::by_key(on, site, &key).await?;
    let execution = execution.ok_or_else(executions::unknown)?;
    let place = Place::of(&app, &key, path.1);
    place.run(on, site, &execution).await?;
    let held = evidence::of_run(on, site, execution.id, path.1).await?;
    let items = held.iter().map(|file| Evidence::of(file, &place.url));
    Ok(HttpResponse::Ok().json(AllEvidence {
        items: items.collect(),
    }))
}

/// The bytes of a file
#[utoipa::path(
    operation_id = "downloadEvidence",
    tag = "evidence",
    params(
        ("key" = String, Path, description = "The execution's key.", example = "SHOP-E1"),
        ("number" = i64, Path, minimum = 1, description = "The run's number within it.", example = 1),
        ("id" = String, Path, description = "The file's id.")
    ),
    responses((status = 200, description = "The bytes, as they came.", body = String,
               content_type = "application/octet-stream"))
)]
#[get("/api/v1/executions/{key}/runs/{number}/evidence/{id}")]
pub async fn download(
    caller: ApiCaller,
    path: Path<(String, i64, String)>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = execution_key(&caller, &path.0)?;
    let (on, site) = (app.store.read(), caller.0.site);
    let execution = stored_executions::by_key(on, site, &key).await?;
    let execution = execution.ok_or_else(executions::unknown)?;
    let of_run = OfRun {
        project: execution.project_id,
        execution: execution.id,
        number: path.1,
    };
    let found = evidence::content(on, site, &of_run, file_id(&path.2)?).await?;
    let (file, bytes) = found.ok_or_else(unknown)?;
    let name = utf8_percent_encode(&file.name, NON_ALPHANUMERIC);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/octet-stream"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename*=UTF-8''{name}"),
        ))
        .body(bytes))
}

/// Delete a file of a run
#[utoipa::path(
    operation_id = "deleteEvidence",
    tag = "evidence",
    params(
        ("key" = String, Path, description = "The execution's key.", example = "SHOP-E1"),
        ("number" = i64, Path, minimum = 1, description = "The run's number within it.", example = 1),
        ("id" = String, Path, description = "The file's id.")
    ),
    responses((status = 204, description = "It is gone."))
)]
#[delete("/api/v1/executions/{key}/runs/{number}/evidence/{id}")]
pub async fn delete(
    caller: ApiCaller,
    path: Path<(String, i64, String)>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = execution_key(&caller, &path.0)?;
    let id = file_id(&path.2)?;
    let site = caller.0.site;
    edit::change(&app, async |txn| {
        let on = &**txn;
        let execution = executions::held(on, site, &key).await?;
        let place = (execution.project_id, execution.id);
        if evidence::delete(on, site, place, Which::One(path.1, id)).await? == 0 {
            return Err(unknown());
        }
        Ok(Answer::nothing())
    })
    .await
}

fn file_id(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|why| unknown().because(why))
}

fn unknown() -> Problem {
    Problem::not_found("There is no such file.")
}

/// What the client says the file is, when it says anything that is a media type.
fn media_type(request: &HttpRequest) -> String {
    let given = request.headers().get(CONTENT_TYPE);
    let given = given.and_then(|given| given.to_str().ok());
    let is_one = |text: &&str| text.contains('/') && text.len() <= 127;
    given
        .filter(is_one)
        .unwrap_or("application/octet-stream")
        .to_owned()
}
