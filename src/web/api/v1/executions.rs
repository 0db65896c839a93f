//! `GET /api/v1/executions/{KEY}`: an execution and its runs, a page at a time. Takes an API
//! client's token.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::auth::ApiCaller;
use super::query::Query;
use super::results::execution_url;
use crate::app::App;
use crate::domain::keys::ExecutionKey;
use crate::problem::Problem;
use crate::store::runs::ListedRun;
use crate::store::{executions, runs};

/// Runs on a page.
const PAGE: i64 = 200;

/// Answers the execution; `after` is the number of the last run of the page before.
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
    let counts: serde_json::Map<_, _> = counts
        .iter()
        .map(|(status, count)| (status.name().to_owned(), json!(count)))
        .collect();
    Ok(HttpResponse::Ok().json(json!({
        "key": key.to_string(),
        "url": execution_url(&app.config.server.base_url, &key.to_string()),
        "name": found.name,
        "environments": particulars.environments,
        "fixVersion": particulars.fix_version,
        "plan": particulars.plan,
        "sprint": particulars.sprint,
        "revision": particulars.revision,
        "branch": particulars.branch,
        "source": found.source,
        "createdBy": found.created_by,
        "createdMs": found.created_ms,
        "startedMs": found.started_ms,
        "finishedMs": found.finished_ms,
        "incomplete": found.incomplete,
        "counts": counts,
        "runs": page.iter().map(run).collect::<Vec<_>>(),
        "next": (!is_last).then(|| page.last().map(|run| run.number)).flatten(),
    })))
}

fn run(run: &ListedRun) -> serde_json::Value {
    json!({
        "number": run.number,
        "test": { "key": run.test_key.to_string(), "name": run.test_name },
        "status": run.status.name(),
        "flaky": run.is_flaky,
        "startedMs": run.started_ms,
        "finishedMs": run.finished_ms,
        "durationMs": run.duration_ms,
        "message": run.message,
    })
}
