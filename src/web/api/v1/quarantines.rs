//! `/api/v1/tests/{KEY}/quarantine`: that a test does not count for a time, why, and who sees to it.
//! Takes an API client's token.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, put};
use serde::Deserialize;
use utoipa::ToSchema;

use super::auth::ApiCaller;
use super::body::{self, JSON_LIMIT};
use super::edit::Answer;
use super::tests::{self, forms::Quarantined, test_key};
use crate::app::App;
use crate::app::clear_flaky::clear_flaky;
use crate::app::quarantine_test::{QuarantineError, Wanted, end_quarantine, quarantine_test};
use crate::problem::Problem;
use crate::store::{Conn, quarantines, stored_tests};

/// Why and until when a test should not count.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WantedQuarantine {
    /// Why.
    #[schema(min_length = 1)]
    reason: String,
    /// Who sees to it that the test counts again.
    #[schema(min_length = 1)]
    owner: String,
    /// When it counts again, milliseconds since 1970.
    ends_ms: i64,
}

/// Whether and why a test does not count
#[utoipa::path(
    operation_id = "showQuarantine",
    tag = "tests",
    params(("key" = String, Path, description = "The test's key.", example = "SHOP-T1")),
    responses((status = 200, description = "The quarantine.", body = Quarantined))
)]
#[get("/api/v1/tests/{key}/quarantine")]
pub async fn show(
    caller: ApiCaller,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let (on, site) = (app.store.read(), caller.0.site);
    let test = id_of(on, &caller, &key).await?;
    let held = quarantines::of_tests(on, site, &[test]).await?;
    let held = held.get(&test).ok_or_else(none)?;
    let answer = Quarantined::of(held, app.clock.now_ms());
    Ok(Answer::ok(&answer).response())
}

/// Take a test out of what counts for a time
///
/// Its results go on being recorded. In place of the quarantine it had.
#[utoipa::path(
    operation_id = "quarantineTest",
    tag = "tests",
    params(("key" = String, Path, description = "The test's key.", example = "SHOP-T1")),
    request_body = WantedQuarantine,
    responses((status = 200, description = "It does not count.", body = Quarantined))
)]
#[put("/api/v1/tests/{key}/quarantine")]
pub async fn set(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: WantedQuarantine = body::read(&sent)?;
    let test = id_of(app.store.read(), &caller, &key).await?;
    let wanted = Wanted {
        reason: &given.reason,
        owner: &given.owner,
        ends_ms: given.ends_ms,
    };
    let (by, now_ms) = (Some(caller.0.name.as_str()), app.clock.now_ms());
    let set = quarantine_test(&app.store, caller.0.site, test, &wanted, by, now_ms).await?;
    Ok(Answer::ok(&Quarantined::of(&set, now_ms)).response())
}

/// Let a test count again
#[utoipa::path(
    operation_id = "endQuarantine",
    tag = "tests",
    params(("key" = String, Path, description = "The test's key.", example = "SHOP-T1")),
    responses((status = 204, description = "It counts."))
)]
#[delete("/api/v1/tests/{key}/quarantine")]
pub async fn clear(
    caller: ApiCaller,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let test = id_of(app.store.read(), &caller, &key).await?;
    if end_quarantine(&app.store, caller.0.site, test).await? {
        return Ok(Answer::nothing().response());
    }
    Err(none())
}

/// Say that a test is not flaky any more
///
/// Its results until now are no evidence any more; it is flaky again when new ones say so.
#[utoipa::path(
    operation_id = "clearFlaky",
    tag = "tests",
    params(("key" = String, Path, description = "The test's key.", example = "SHOP-T1")),
    responses((status = 204, description = "The mark is off."))
)]
#[delete("/api/v1/tests/{key}/flaky")]
pub async fn clear_flaky_mark(
    caller: ApiCaller,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let test = id_of(app.store.read(), &caller, &key).await?;
    let (by, now_ms) = (Some(caller.0.name.as_str()), app.clock.now_ms());
    clear_flaky(&app.store, caller.0.site, test, by, now_ms).await?;
    Ok(Answer::nothing().response())
}

async fn id_of(on: &impl Conn, caller: &ApiCaller, key: &str) -> Result<uuid::Uuid, Problem> {
    let key = test_key(caller, key)?;
    let found = stored_tests::by_key(on, caller.0.site, &key).await?;
    found.map(|test| test.id).ok_or_else(tests::unknown)
}

fn none() -> Problem {
    Problem::not_found("The test is not in quarantine.")
}

impl From<QuarantineError> for Problem {
    fn from(error: QuarantineError) -> Self {
        match error {
            QuarantineError::Words(why) => {
                Self::unprocessable("The body is refused; nothing was stored.")
                    .detail(format!("Here {why}."))
            }
            QuarantineError::Store(why) => why.into(),
        }
    }
}
