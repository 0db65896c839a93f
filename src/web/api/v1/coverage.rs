//! `GET /api/v1/issues/{KEY}/coverage?scope=latest|version:V|plan:P|sprint:S&environment=E`: the
//! status of an issue, why it is that one, and its tests. Takes an API client's token.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};

use super::auth::ApiCaller;
use super::query::Query;
use crate::app::App;
use crate::app::issue_coverage::{IssueRef, of_issue};
use crate::domain::coverage::Scope;
use crate::domain::issue::IssueKey;
use crate::problem::Problem;

mod answer;

use answer::Coverage;

/// The coverage of an issue
///
/// Its status, why it is that one, and its tests.
#[utoipa::path(
    operation_id = "showCoverage",
    tag = "issues",
    params(
        ("key" = String, Path, description = "The issue's key.", example = "SHOP-7"),
        ("scope" = Option<String>, Query, example = "latest",
         description = "Which runs count: `latest`, or those made for one: `version:V`, `plan:P`, \
                        `sprint:S`."),
        ("environment" = Option<String>, Query, max_length = 255,
         description = "Only runs that were made in this environment.")
    ),
    responses((status = 200, description = "The coverage.", body = Coverage))
)]
#[get("/api/v1/issues/{key}/coverage")]
pub async fn show(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key: IssueKey = key
        .parse()
        .map_err(|why| Problem::bad_request("That is no issue key.").because(why))?;
    caller.check_project(key.project())?;
    let query = Query::read(request.query_string(), &["scope", "environment"])?;
    let scope = scope(query.one("scope")?, query.one("environment")?)?;
    let (site, now_ms) = (caller.0.site, app.clock.now_ms());
    let issue = IssueRef::ByKey(key.as_str());
    let found = of_issue(&app.store, site, issue, &scope, now_ms).await?;
    let coverage = found.ok_or_else(|| {
        Problem::not_found(format!("{key} is not known here."))
            .detail("Touchstone knows issues it has had an event or a result for.")
    })?;
    caller.check_project(&coverage.issue.snapshot.project_key)?;
    Ok(HttpResponse::Ok().json(Coverage::of(&coverage)))
}

pub(super) fn scope(text: Option<&str>, environment: Option<&str>) -> Result<Scope, Problem> {
    let text = text.unwrap_or("latest");
    Scope::named(text, environment).map_err(|why| {
        let text: String = text.chars().take(80).collect();
        Problem::bad_request(format!("`{text}` is no scope.")).detail(format!("Here {why}."))
    })
}
