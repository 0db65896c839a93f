//! `POST /api/v1/projects/{KEY}/results`: one result file. Takes an API client's token.
//!
//! The file is the body, of any format `results` reads, gzipped as a file or by `Content-Encoding`.
//! It is read off the request's thread and before the transaction begins.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, post};
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::ApiCaller;
use super::body::collect;
use super::edit::{Answer, once, repeatable_upload};
use super::executions::answer::url as execution_url;
use super::query::Query;
use crate::app::App;
use crate::app::import_results::{ImportError, Imported, Prepared, Upload, import_into, prepare};
use crate::domain::attempts::Aggregation;
use crate::domain::execution::Particulars;
use crate::domain::keys::ExecutionKey;
use crate::problem::Problem;
use crate::results::{Limits, ReadError, read};
use crate::store::settings;

const PARAMETERS: [&str; 8] = [
    "environment",
    "fixVersion",
    "plan",
    "sprint",
    "revision",
    "branch",
    "execution",
    "retries",
];

/// What became of a result file.
#[derive(Debug, Serialize, ToSchema)]
struct Received<'a> {
    /// The execution that holds the runs.
    execution: ReceivedIn,
    /// How many test cases the file holds.
    counts: ReceivedCounts,
    /// Keys of the issues that the reported tests cover.
    issues: &'a [String],
    /// Sentences: what the uploader should know.
    warnings: &'a [String],
}

/// The execution that results were filed in.
#[derive(Debug, Serialize, ToSchema)]
struct ReceivedIn {
    /// The key.
    #[schema(example = "SHOP-E7")]
    key: String,
    /// Where it can be looked at.
    url: String,
}

/// Test cases of a file; repeated ones count once, with the worst outcome.
#[derive(Debug, Serialize, ToSchema)]
struct ReceivedCounts {
    /// All of them.
    tests: usize,
    /// Passed, the flaky ones among them.
    passed: usize,
    /// An assertion failed.
    failed: usize,
    /// Broke outside their assertions.
    error: usize,
    /// Deliberately not run.
    skipped: usize,
    /// To do, pending, inconclusive or unknown.
    other: usize,
    /// Passed, and marked by the file as having failed first.
    flaky: usize,
}

/// Send results
///
/// One result file is the body, of any format that is known by its content, or a zip archive of
/// several; at most 25 MB, unpacked. All of it is stored, or nothing. The same file with the same
/// parameters within ten minutes is a repeat: it gets the first answer and stores nothing.
#[utoipa::path(
    operation_id = "sendResults",
    tag = "results",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("environment" = Option<Vec<String>>, Query, max_items = 20,
         description = "Where the results were made; may be repeated, and every run counts for each."),
        ("fixVersion" = Option<String>, Query, max_length = 255,
         description = "The version they were made for."),
        ("plan" = Option<String>, Query, max_length = 255, description = "The key of the test plan."),
        ("sprint" = Option<String>, Query, max_length = 255, description = "The sprint."),
        ("revision" = Option<String>, Query, max_length = 255,
         description = "The revision of the tested software."),
        ("branch" = Option<String>, Query, max_length = 255, description = "The branch of it."),
        ("execution" = Option<String>, Query, example = "SHOP-E7",
         description = "Add to this execution instead of making one."),
        ("retries" = Option<Aggregation>, Query,
         description = "Which of several attempts decides; the project's setting when it is left out.")
    ),
    request_body(
        content((String = "application/xml"), (String = "application/octet-stream")),
        description = "The result file."
    ),
    responses(
        (status = 200, description = "It is stored.", body = Received),
        (status = 409, description = "It contradicts what the execution says.", body = Problem,
         content_type = "application/problem+json"),
        (status = 413, description = "The file is larger than 25 MB.", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "The file cannot be read, or names a test there is not.",
         body = Problem, content_type = "application/problem+json")
    )
)]
#[post("/api/v1/projects/{key}/results")]
pub async fn receive(
    caller: ApiCaller,
    request: HttpRequest,
    project: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(request.query_string(), &PARAMETERS)?;
    let upload = upload(&caller, &project, &query)?;
    let policy = if let Some(given) = retries(&query)? {
        given
    } else {
        let on = app.store.read();
        let settings = settings::of_project(on, caller.0.site, &upload.project).await?;
        settings.coverage.retries
    };
    let limits = Limits::default();
    let file = collect(&request, body, limits.bytes).await?;
    let arrived_ms = app.clock.now_ms();
    let repeatable = repeatable_upload(&caller, &request, &[&file])?;
    let reading = move || read_file(file, &limits, policy, arrived_ms);
    let report = tokio::task::spawn_blocking(reading)
        .await
        .map_err(|why| Problem::internal().because(why))??;
    once(&app, &caller, Some(repeatable), async |txn| {
        let imported = import_into(&**txn, caller.0.site, &upload, report).await?;
        Ok(Answer::done(&Received::of(
            &imported,
            &app.config.server.base_url,
        )))
    })
    .await
}

fn retries(query: &Query) -> Result<Option<Aggregation>, Problem> {
    let Some(name) = query.one("retries")? else {
        return Ok(None);
    };
    let policy = Aggregation::from_name(name)
        .ok_or_else(|| Problem::bad_request("`retries` is `worst`, `last`, `best` or `flaky`."))?;
    Ok(Some(policy))
}

fn upload(caller: &ApiCaller, project: &str, query: &Query) -> Result<Upload, Problem> {
    let project = caller.project(project)?;
    let text = |name| Ok::<_, Problem>(query.one(name)?.map(str::to_owned));
    let execution = query
        .one("execution")?
        .map(str::parse::<ExecutionKey>)
        .transpose();
    Ok(Upload {
        particulars: Particulars {
            environments: query.all("environment")?,
            fix_version: text("fixVersion")?,
            plan: text("plan")?,
            sprint: text("sprint")?,
            revision: text("revision")?,
            branch: text("branch")?,
        },
        execution: execution.map_err(|why| {
            Problem::bad_request("`execution` names no test execution.").detail(why.to_string())
        })?,
        source: String::new(),
        created_by: Some(caller.0.name.clone()),
        project,
        ..Upload::default()
    })
}

fn read_file(
    file: Bytes,
    limits: &Limits,
    policy: Aggregation,
    arrived_ms: i64,
) -> Result<Prepared, Problem> {
    let report = read(&file, limits).map_err(|why| refused(&why))?;
    // The report holds all that is wanted of it; both at once are the most memory an import takes.
    drop(file);
    Ok(prepare(report, policy, arrived_ms))
}

pub(in crate::web::api) fn refused(why: &ReadError) -> Problem {
    Problem::unprocessable("The result file cannot be read; nothing of it was stored.")
        .detail(why.to_string())
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        const TITLE: &str = "The results are refused; nothing of them was stored.";
        let sentence = |why: &ImportError| format!("{why}.");
        match error {
            ImportError::UnknownTest { .. } | ImportError::NotATest { .. } => {
                Self::unprocessable(TITLE).detail(format!(
                    "{} Correct the key, or leave it out to have the test made.",
                    sentence(&error)
                ))
            }
            ImportError::UnknownExecution(key) => {
                Self::not_found(format!("There is no execution {key} in this project."))
                    .detail("Leave `execution` out to have a new one made.")
            }
            ImportError::NotAnExecution(_) => Self::unprocessable(TITLE).detail(format!(
                "{} It has to be a key such as SHOP-E7.",
                sentence(&error)
            )),
            ImportError::OtherExecution { .. } => Self::conflict(TITLE).detail(format!(
                "{} Send them without `execution` to have a new one made.",
                sentence(&error)
            )),
            ImportError::Store(why) => why.into(),
        }
    }
}

impl<'a> Received<'a> {
    fn of(imported: &'a Imported, base_url: &str) -> Self {
        let counts = imported.counts;
        let key = imported.execution.to_string();
        Self {
            execution: ReceivedIn {
                url: execution_url(base_url, &key),
                key,
            },
            counts: ReceivedCounts {
                tests: counts.tests,
                passed: counts.passed,
                failed: counts.failed,
                error: counts.error,
                skipped: counts.skipped,
                other: counts.other,
                flaky: counts.flaky,
            },
            issues: &imported.issues,
            warnings: &imported.warnings,
        }
    }
}
