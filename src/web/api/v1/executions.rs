//! `GET /api/v1/executions/{KEY}`: an execution and its runs, a page at a time. Takes an API
//! client's token.

use std::collections::BTreeMap;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::ApiCaller;
use super::query::Query;
use super::results::execution_url;
use super::words;
use crate::app::App;
use crate::domain::keys::ExecutionKey;
use crate::problem::Problem;
use crate::store::runs::ListedRun;
use crate::store::{executions, runs};

/// Runs on a page.
const PAGE: i64 = 200;

/// An execution with a page of its runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Execution<'a> {
    /// The key.
    #[schema(example = "SHOP-E7")]
    key: &'a str,
    /// Where it can be looked at.
    url: String,
    /// The name.
    name: &'a str,
    /// Environments every run counts for.
    environments: &'a [String],
    /// The version the runs were made for.
    fix_version: Option<&'a str>,
    /// The key of the test plan.
    plan: Option<&'a str>,
    /// The sprint.
    sprint: Option<&'a str>,
    /// The revision of the tested software.
    revision: Option<&'a str>,
    /// The branch of it.
    branch: Option<&'a str>,
    /// The format the results came in.
    source: &'a str,
    /// The API client that sent them.
    created_by: Option<&'a str>,
    /// When it was made, milliseconds since 1970.
    created_ms: i64,
    /// When its first run began, milliseconds since 1970.
    started_ms: Option<i64>,
    /// When its last run ended, milliseconds since 1970.
    finished_ms: i64,
    /// Why results are known to be missing; none when nothing says so.
    incomplete: Option<&'a str>,
    /// How many runs have which status.
    counts: BTreeMap<&'static str, i64>,
    /// A page of runs, by number.
    runs: Vec<Run<'a>>,
    /// The value of `after` for the next page; none on the last.
    next: Option<i64>,
}

/// One result of one test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    /// Its number within the execution.
    number: i64,
    /// The test.
    test: RunTest<'a>,
    /// How it ended.
    #[schema(schema_with = words::run_status)]
    status: &'static str,
    /// Whether its attempts disagreed.
    flaky: bool,
    /// When it began, milliseconds since 1970.
    started_ms: Option<i64>,
    /// When it ended, milliseconds since 1970.
    finished_ms: i64,
    /// How long it took, milliseconds.
    duration_ms: Option<i64>,
    /// The first line of what it said about its outcome.
    message: Option<&'a str>,
}

/// The test of a run.
#[derive(Debug, Serialize, ToSchema)]
struct RunTest<'a> {
    /// The key.
    #[schema(example = "SHOP-T12")]
    key: String,
    /// The name.
    name: &'a str,
}

/// An execution and its runs
///
/// 200 runs at a time, by number.
#[utoipa::path(
    operation_id = "showExecution",
    tag = "executions",
    params(
        ("key" = String, Path, description = "The execution's key.", example = "SHOP-E7"),
        ("after" = Option<i64>, Query, description = "The `next` of the page before.")
    ),
    responses((status = 200, description = "The execution.", body = Execution))
)]
#[get("/api/v1/executions/{key}")]
pub async fn show(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(request.query_string(), &["after"])?;
    let after: i64 = match query.one("after")?.map(str::parse) {
        None => 0,
        Some(Ok(number)) => number,
        Some(Err(_)) => return Err(Problem::bad_request("`after` is not the number of a run.")),
    };
    let unknown = || Problem::not_found("There is no such execution.");
    let key: ExecutionKey = key.parse().map_err(|why| unknown().because(why))?;
    caller.check_project(&key.project)?;
    let (on, site) = (app.store.read(), caller.0.site);
    let found = executions::by_key(on, site, &key)
        .await?
        .ok_or_else(unknown)?;
    let counts = runs::count_by_status(on, site, found.id).await?;
    let page = runs::of_execution(on, site, found.id, after, PAGE).await?;
    let is_last = page
        .last()
        .is_none_or(|run| run.number + 1 >= found.next_run);
    let particulars = &found.particulars;
    let key = key.to_string();
    Ok(HttpResponse::Ok().json(Execution {
        key: &key,
        url: execution_url(&app.config.server.base_url, &key),
        name: &found.name,
        environments: &particulars.environments,
        fix_version: particulars.fix_version.as_deref(),
        plan: particulars.plan.as_deref(),
        sprint: particulars.sprint.as_deref(),
        revision: particulars.revision.as_deref(),
        branch: particulars.branch.as_deref(),
        source: &found.source,
        created_by: found.created_by.as_deref(),
        created_ms: found.created_ms,
        started_ms: found.started_ms,
        finished_ms: found.finished_ms,
        incomplete: found.incomplete.as_deref(),
        counts: counts
            .iter()
            .map(|(status, count)| (status.name(), *count))
            .collect(),
        runs: page.iter().map(Run::of).collect(),
        next: (!is_last)
            .then(|| page.last().map(|run| run.number))
            .flatten(),
    }))
}

impl<'a> Run<'a> {
    fn of(run: &'a ListedRun) -> Self {
        Self {
            number: run.number,
            test: RunTest {
                key: run.test_key.to_string(),
                name: &run.test_name,
            },
            status: run.status.name(),
            flaky: run.is_flaky,
            started_ms: run.started_ms,
            finished_ms: run.finished_ms,
            duration_ms: run.duration_ms,
            message: run.message.as_deref(),
        }
    }
}
