//! `/api/v1/issues/{KEY}/exemption`: that an issue needs no test, why, and until when. Takes an API
//! client's token.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::ApiCaller;
use super::body::{self, JSON_LIMIT};
use super::edit::Answer;
use super::links::{issue_key, known_issue};
use crate::app::App;
use crate::app::exempt_issue::{ExemptionError, end_exemption, exempt_issue};
use crate::domain::exemption::Exemption;
use crate::problem::Problem;
use crate::store::exemptions;

/// Why an issue needs no test.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WantedExemption {
    /// Why.
    #[schema(min_length = 1)]
    reason: String,
    /// When it ends by itself, milliseconds since 1970; without it, never.
    ends_ms: Option<i64>,
}

/// That an issue needs no test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Exempted {
    /// The issue's key.
    #[schema(example = "SHOP-7")]
    issue: String,
    /// Why.
    reason: String,
    /// The account or API client that said so.
    by: Option<String>,
    /// When it was said, milliseconds since 1970.
    created_ms: i64,
    /// When it ends by itself, milliseconds since 1970.
    ends_ms: Option<i64>,
    /// Whether it holds now.
    holds: bool,
}

/// Whether and why an issue needs no test
#[utoipa::path(
    operation_id = "showExemption",
    tag = "issues",
    params(("key" = String, Path, description = "The issue's key.", example = "SHOP-7")),
    responses((status = 200, description = "What is said.", body = Exempted))
)]
#[get("/api/v1/issues/{key}/exemption")]
pub async fn show(
    caller: ApiCaller,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let (on, site) = (app.store.read(), caller.0.site);
    let issue = known_issue(on, &caller, &issue_key(&key)?).await?;
    let said = exemptions::of_issues(on, site, &[issue.id]).await?;
    let said = said.get(&issue.id).ok_or_else(none)?;
    let answer = Exempted::of(&issue.snapshot.key, said, app.clock.now_ms());
    Ok(Answer::ok(&answer).response())
}

/// Say that an issue needs no test
///
/// In place of what was said before.
#[utoipa::path(
    operation_id = "exemptIssue",
    tag = "issues",
    params(("key" = String, Path, description = "The issue's key.", example = "SHOP-7")),
    request_body = WantedExemption,
    responses((status = 200, description = "It holds.", body = Exempted))
)]
#[put("/api/v1/issues/{key}/exemption")]
pub async fn set(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = issue_key(&key)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: WantedExemption = body::read(&sent)?;
    let issue = known_issue(app.store.read(), &caller, &key).await?;
    let (by, now_ms) = (Some(caller.0.name.as_str()), app.clock.now_ms());
    let reason = given.reason.as_str();
    let said = exempt_issue(
        &app.store,
        caller.0.site,
        issue.id,
        reason,
        given.ends_ms,
        by,
        now_ms,
    )
    .await?;
    let answer = Exempted::of(&issue.snapshot.key, &said, now_ms);
    Ok(Answer::ok(&answer).response())
}

/// Take an exemption back
#[utoipa::path(
    operation_id = "endExemption",
    tag = "issues",
    params(("key" = String, Path, description = "The issue's key.", example = "SHOP-7")),
    responses((status = 204, description = "The issue needs tests again."))
)]
#[delete("/api/v1/issues/{key}/exemption")]
pub async fn clear(
    caller: ApiCaller,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let issue = known_issue(app.store.read(), &caller, &issue_key(&key)?).await?;
    if end_exemption(&app.store, caller.0.site, issue.id).await? {
        return Ok(Answer::nothing().response());
    }
    Err(none())
}

fn none() -> Problem {
    Problem::not_found("The issue is not exempt.")
}

impl Exempted {
    fn of(issue: &str, said: &Exemption, now_ms: i64) -> Self {
        Self {
            issue: issue.to_owned(),
            reason: said.reason.clone(),
            by: said.by.clone(),
            created_ms: said.created_ms,
            ends_ms: said.ends_ms,
            holds: said.holds(now_ms),
        }
    }
}

impl From<ExemptionError> for Problem {
    fn from(error: ExemptionError) -> Self {
        match error {
            ExemptionError::Words(why) => {
                Self::unprocessable("The body is refused; nothing was stored.")
                    .detail(format!("Here {why}."))
            }
            ExemptionError::Store(why) => why.into(),
        }
    }
}
