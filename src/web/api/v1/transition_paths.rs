//! `/api/v1/projects/{KEY}/transition-paths`: ways through the workflow that rules may walk. Takes an
//! API client's token.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, get, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::ApiCaller;
use super::body::{self, JSON_LIMIT};
use super::edit::{self, Answer};
use crate::app::App;
use crate::domain::transition_path::{self, check};
use crate::problem::Problem;
use crate::store::settings::Scope;
use crate::store::transition_paths;

/// Ways through the workflow of a project.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TransitionPaths {
    /// Each a list of Jira's ids of statuses, each to be entered from the one before.
    #[schema(example = json!([["10012", "10010", "3"]]))]
    paths: Vec<transition_path::Path>,
}

/// The ways through the workflow of a project
///
/// Where no single transition leads to the status a rule wants, it goes along such a way, status by
/// status.
#[utoipa::path(
    operation_id = "showTransitionPaths",
    tag = "settings",
    params(("key" = String, Path, description = "The project's key.", example = "SHOP")),
    responses((status = 200, description = "What holds.", body = TransitionPaths))
)]
#[get("/api/v1/projects/{key}/transition-paths")]
pub async fn show(
    caller: ApiCaller,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = caller.project(&key)?;
    let on = app.store.read();
    let paths = transition_paths::of_project(on, caller.0.site, &key).await?;
    Ok(Answer::ok(&TransitionPaths { paths }).response())
}

/// Write down the ways through the workflow of a project
///
/// In place of those there were; an empty list lets no way be walked.
#[utoipa::path(
    operation_id = "setTransitionPaths",
    tag = "settings",
    params(("key" = String, Path, description = "The project's key.", example = "SHOP")),
    request_body = TransitionPaths,
    responses((status = 200, description = "They hold.", body = TransitionPaths))
)]
#[put("/api/v1/projects/{key}/transition-paths")]
pub async fn set(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = caller.project(&key)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: TransitionPaths = body::read(&sent)?;
    check(&given.paths).map_err(|why| {
        Problem::unprocessable("The paths are refused; nothing was stored.")
            .detail(format!("Here {why}."))
    })?;
    let (site, by, now_ms) = (caller.0.site, &caller.0.name, app.clock.now_ms());
    edit::change(&app, async |txn| {
        let (scope, paths) = (Scope::Project(&key), Some(given.paths.as_slice()));
        transition_paths::decide(&**txn, site, scope, paths, Some(by), now_ms).await?;
        Ok(Answer::ok(&given))
    })
    .await
}
