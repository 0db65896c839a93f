//! `/api/v1/projects/{KEY}/settings`: how results count in a project. Takes an API client's token.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, get, patch};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::auth::ApiCaller;
use super::body::{self, JSON_LIMIT};
use super::edit::{self, Answer, IfMatch, etag};
use crate::app::App;
use crate::domain::coverage::Choices;
use crate::problem::Problem;
use crate::store::settings::{self, Scope};
use crate::store::{Conn, SiteId, projects, statuses};

/// How results count in a project.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectSettings {
    /// What holds, with everything that is inherited.
    holds: Choices,
    /// What the project decides itself; the rest is inherited from the site.
    chosen: Choices,
}

/// How results count in a project
#[utoipa::path(
    operation_id = "showSettings",
    tag = "settings",
    params(("key" = String, Path, description = "The project's key.", example = "SHOP")),
    responses((status = 200, description = "The settings.", body = ProjectSettings))
)]
#[get("/api/v1/projects/{key}/settings")]
pub async fn show(
    caller: ApiCaller,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = caller.project(&key)?;
    let settings = of_project(app.store.read(), caller.0.site, &key).await?;
    Ok(Answer::ok(&settings).response())
}

/// Change how results count in a project
///
/// What is not named stays, `null` lets it be inherited again. Takes effect at once.
#[utoipa::path(
    operation_id = "changeSettings",
    tag = "settings",
    params(("key" = String, Path, description = "The project's key.", example = "SHOP")),
    request_body = Choices,
    responses(
        (status = 200, description = "They are changed.", body = ProjectSettings),
        (status = 412, description = "They have changed since they were read.", body = Problem,
         content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[patch("/api/v1/projects/{key}/settings")]
pub async fn change(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = caller.project(&key)?;
    let expected = IfMatch::required(&request)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    // Read as what it should be first: what is wrong with it is told with its place in the body.
    let _: Choices = body::read(&sent)?;
    let given: Map<String, Value> = body::read(&sent)?;
    let (site, by, now_ms) = (caller.0.site, &caller.0.name, app.clock.now_ms());
    edit::change(&app, async |txn| {
        let on = &**txn;
        projects::hold(on, site, &key).await?;
        statuses::hold(on, site).await?;
        let held = of_project(on, site, &key).await?;
        expected.check(&etag(&held))?;
        let choices = merged(&held.chosen, &given)?;
        let decided = settings::of_project(on, site, &key).await?;
        choices.check(&decided.coverage.statuses).map_err(|why| {
            Problem::unprocessable("The settings are refused; nothing was stored.")
                .detail(format!("Here {why}."))
        })?;
        let scope = Scope::Project(&key);
        settings::decide_coverage(on, site, scope, &choices, Some(by), now_ms).await?;
        Ok(Answer::ok(&of_project(on, site, &key).await?))
    })
    .await
}

async fn of_project(on: &impl Conn, site: SiteId, key: &str) -> Result<ProjectSettings, Problem> {
    let decided = settings::of_site(on, site).await?;
    let chosen = decided.projects.get(key).map(|over| over.coverage.clone());
    Ok(ProjectSettings {
        holds: Choices::of(&decided.of_project(key).coverage),
        chosen: chosen.unwrap_or_default(),
    })
}

/// Choices with others in their place; `null` takes one back.
fn merged(chosen: &Choices, given: &Map<String, Value>) -> Result<Choices, Problem> {
    let internal = |why: serde_json::Error| Problem::internal().because(why);
    let mut all = match serde_json::to_value(chosen).map_err(internal)? {
        Value::Object(all) => all,
        _ => Map::new(),
    };
    for (name, value) in given {
        if value.is_null() {
            all.remove(name);
        } else {
            all.insert(name.clone(), value.clone());
        }
    }
    serde_json::from_value(Value::Object(all)).map_err(internal)
}
