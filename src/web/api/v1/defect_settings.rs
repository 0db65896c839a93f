//! `/api/v1/projects/{KEY}/defect-settings`: how defects are made in a project. Takes an API client's
//! token.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, get, put};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::ApiCaller;
use super::body::{self, JSON_LIMIT};
use super::edit::{self, Answer, IfMatch, etag};
use crate::app::App;
use crate::domain::defect_settings::DefectChoices;
use crate::problem::Problem;
use crate::store::settings::{self, Decision, Scope};
use crate::store::{Conn, SiteId, projects};

/// How defects are made in a project.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectDefects {
    /// What holds, with everything that is inherited.
    holds: DefectChoices,
    /// What the project decides itself; the rest is inherited from the site.
    chosen: DefectChoices,
}

/// How defects are made in a project
#[utoipa::path(
    operation_id = "showDefectSettings",
    tag = "settings",
    params(("key" = String, Path, description = "The project's key.", example = "SHOP")),
    responses((status = 200, description = "The settings.", body = ProjectDefects))
)]
#[get("/api/v1/projects/{key}/defect-settings")]
pub async fn show(
    caller: ApiCaller,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = caller.project(&key)?;
    let held = of_project(app.store.read(), caller.0.site, &key).await?;
    Ok(Answer::ok(&held).response())
}

/// Set how defects are made in a project
///
/// In the place of what the project had decided; what is not named is inherited from the site. Holds
/// for defects that are made from now on.
#[utoipa::path(
    operation_id = "setDefectSettings",
    tag = "settings",
    params(("key" = String, Path, description = "The project's key.", example = "SHOP")),
    request_body = DefectChoices,
    responses(
        (status = 200, description = "They are set.", body = ProjectDefects),
        (status = 412, description = "They have changed since they were read.", body = Problem,
         content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[put("/api/v1/projects/{key}/defect-settings")]
pub async fn set(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = caller.project(&key)?;
    let expected = IfMatch::required(&request)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let choices: DefectChoices = body::read(&sent)?;
    choices.check().map_err(|why| {
        Problem::unprocessable("The settings are refused; nothing was stored.")
            .detail(format!("Here {why}."))
    })?;
    let (site, by, now_ms) = (caller.0.site, &caller.0.name, app.clock.now_ms());
    edit::change(&app, async |txn| {
        let on = &**txn;
        projects::hold(on, site, &key).await?;
        let held = of_project(on, site, &key).await?;
        expected.check(&etag(&held))?;
        let decision = Decision::Defect(choices.clone());
        let scope = Scope::Project(&key);
        settings::decide(on, site, scope, &decision, Some(by), now_ms).await?;
        Ok(Answer::ok(&of_project(on, site, &key).await?))
    })
    .await
}

async fn of_project(on: &impl Conn, site: SiteId, key: &str) -> Result<ProjectDefects, Problem> {
    let decided = settings::of_site(on, site).await?;
    let chosen = decided.projects.get(key).map(|over| over.defect.clone());
    Ok(ProjectDefects {
        holds: decided.of_project(key).defect.in_full(),
        chosen: chosen.unwrap_or_default(),
    })
}
