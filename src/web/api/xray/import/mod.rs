//! `…/import/execution[/FORMAT][/multipart]`: results in, in every form that clients send them.
//!
//! The format in the address is not looked at: what a file is, its content says.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::json;

use super::auth::{Family, XrayCaller};
use super::error::XrayError;
use super::ids;
use crate::app::App;
use crate::app::import_results::{Imported, import_into, prepare};
use crate::problem::Problem;
use crate::results::{Limits, Report, read};
use crate::store::settings;
use crate::web::api::v1::edit::{Answer, once, repeatable_upload};
use crate::web::api::v1::executions::answer::url;
use crate::web::api::v1::results::refused;

mod asked;
mod info;
pub(super) mod parts;

use asked::Asked;

/// Formats that have an address of their own, as a pattern of routes.
pub(super) const FORMATS: &str = "{format:cucumber|behave|junit|testng|nunit|xunit|robot|bundle}";

/// Takes results in and answers with the execution that holds them, once they are stored.
pub(super) async fn receive(
    caller: XrayCaller,
    request: HttpRequest,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, XrayError> {
    let parts = parts::take(&request, body).await?;
    let mut asked = Asked::read(request.query_string(), &parts)?;
    let told = std::mem::take(&mut asked.warnings);
    let repeatable = repeatable_upload(&caller.caller, &request, &parts.all())?;
    let arrived_ms = app.clock.now_ms();
    let reading = move || read(&parts.file, &Limits::default());
    let report: Report = tokio::task::spawn_blocking(reading)
        .await
        .map_err(|why| Problem::internal().because(why))?
        .map_err(|why| refused(&why))?;
    if report.runs.is_empty() {
        return Err(Problem::bad_request("The file holds no results.").into());
    }
    let upload = asked.upload(&app, &caller.caller, &report).await?;
    let site = caller.caller.0.site;
    let policy = settings::of_project(app.store.read(), site, &upload.project).await?;
    let policy = policy.coverage.retries;
    let report = tokio::task::spawn_blocking(move || prepare(report, policy, arrived_ms))
        .await
        .map_err(|why| Problem::internal().because(why))?;
    let answer = once(&app, &caller.caller, Some(repeatable), async |txn| {
        let mut imported = import_into(&**txn, site, &upload, report).await?;
        imported.warnings.extend(told);
        let stored = Stored::of(&imported, &app.config.server.base_url);
        Ok(match caller.family {
            Family::Cloud => Answer::done(&stored),
            Family::DataCenter => Answer::done(&json!({
                "testExecIssue": stored.execution,
                "counts": stored.counts,
                "warnings": stored.warnings,
            })),
        })
    });
    Ok(answer.await?)
}

/// An execution as Jira describes an issue.
#[derive(Debug, Serialize)]
struct Execution {
    id: String,
    key: String,
    /// Where it can be looked at.
    #[serde(rename = "self")]
    address: String,
}

/// What became of an upload.
#[derive(Debug, Serialize)]
struct Stored<'a> {
    #[serde(flatten)]
    execution: Execution,
    counts: Counted,
    warnings: &'a [String],
}

/// Test cases of the file, by outcome.
#[derive(Debug, Serialize)]
struct Counted {
    tests: usize,
    passed: usize,
    failed: usize,
    error: usize,
    skipped: usize,
    other: usize,
    flaky: usize,
}

impl<'a> Stored<'a> {
    fn of(imported: &'a Imported, base_url: &str) -> Self {
        let key = imported.execution.to_string();
        let counts = imported.counts;
        Self {
            execution: Execution {
                id: ids::of(imported.execution_id),
                address: url(base_url, &key),
                key,
            },
            counts: Counted {
                tests: counts.tests,
                passed: counts.passed,
                failed: counts.failed,
                error: counts.error,
                skipped: counts.skipped,
                other: counts.other,
                flaky: counts.flaky,
            },
            warnings: &imported.warnings,
        }
    }
}
