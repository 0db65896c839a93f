//! `GET /api/v1/projects/{KEY}/retests`: the tests that have to run again. Takes an API client's token.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::ApiCaller;
use super::page::{Listed, Page};
use super::query::Query;
use crate::app::App;
use crate::problem::Problem;
use crate::store::retests::{self, Because, Waiting};

/// A test that waits for a retest.
#[derive(Debug, Serialize, ToSchema)]
struct Retest {
    /// The test's key.
    #[schema(example = "SHOP-T1")]
    key: String,
    /// Its name.
    name: String,
    /// What for, the oldest first.
    because: Vec<Reason>,
}

/// Why a test waits for a retest.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Reason {
    /// The defect that was resolved, or the issue that was reopened.
    #[schema(example = "SHOP-7")]
    issue: String,
    /// Its status in Jira.
    status: String,
    /// Since when, milliseconds since 1970.
    since_ms: i64,
    /// The environments in which it has yet to pass; empty when any will do.
    environments: Vec<String>,
    /// The rule that asks for it.
    #[schema(example = "D5")]
    rule: String,
}

/// The retest queue
///
/// The tests of a project that have to run again because a defect of theirs was resolved or an issue
/// they cover was reopened, by number. A test leaves the queue when it has passed where it had failed.
#[utoipa::path(
    operation_id = "listRetests",
    tag = "tests",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("environment" = Option<String>, Query, description = "Only what has to run in this environment."),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 50 by default.")
    ),
    responses((status = 200, description = "A page of the queue.", body = Listed<Retest>))
)]
#[get("/api/v1/projects/{key}/retests")]
pub async fn list(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = caller.project(&key)?;
    let query = Query::read(request.query_string(), &["environment", "cursor", "limit"])?;
    let page = Page::read(&query)?;
    let (on, site) = (app.store.read(), caller.0.site);
    let environment = query.one("environment")?;
    let found = retests::of_project(on, site, &key, environment, page.after, page.wanted()).await?;
    let listed = page.of(found, |test| test.number, |test| Retest::of(&key, test));
    Ok(HttpResponse::Ok().json(listed))
}

impl Retest {
    fn of(project: &str, test: Waiting) -> Self {
        Self {
            key: format!("{project}-T{}", test.number),
            name: test.name,
            because: test.because.into_iter().map(Reason::of).collect(),
        }
    }
}

impl Reason {
    fn of(because: Because) -> Self {
        Self {
            issue: because.key,
            status: because.status,
            since_ms: because.since_ms,
            environments: because.environments,
            rule: because.rule,
        }
    }
}
