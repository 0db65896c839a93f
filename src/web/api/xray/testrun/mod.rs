//! `/rest/raven/…/api/testrun`: what clients of the Data Center interface read and change of single runs.
//!
//! A run's id is the one that GraphQL has; a step's and an iteration's are their places, from 1. What is
//! asked for in one call happens at once or not at all.

use actix_web::web::{self, Bytes, Data, Json, Path, Query, ServiceConfig};
use actix_web::{HttpResponse, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::auth::XrayCaller;
use super::graphql::change::draft::{Draft, Place, StepSaid};
use super::graphql::change::evidence::{File, Unwanted};
use super::graphql::change::runs::name;
use super::graphql::desk::{Answer, Desk, Failure, refused};
use super::graphql::page::Part;
use super::graphql::query::find;
use super::graphql::run::{self, TestRun};
use crate::app::App;
use crate::problem::Problem;
use crate::store::run_search;
use crate::store::search::Kind;

mod given;
mod shown;

use given::{GivenFile, GivenRun};
use shown::Shown;

/// Most bytes of a body: files come in it as base64.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// The routes of this part.
pub(super) fn routes(routes: &mut ServiceConfig) {
    let run = web::scope("/testrun")
        .app_data(
            web::JsonConfig::default()
                .limit(BODY_LIMIT)
                .error_handler(|why, _| {
                    let wrong = refused("The body is not the JSON that is taken here.");
                    tracing::debug!("a body was refused: {why}");
                    wrong.into()
                }),
        )
        .route("", web::get().to(by_keys))
        .route("/{run}", web::get().to(by_id))
        .route("/{run}", web::put().to(change))
        .route("/{run}/status", web::get().to(status))
        .route("/{run}/status", web::put().to(set_status))
        .route("/{run}/comment", web::get().to(comment))
        .route("/{run}/comment", web::put().to(set_comment))
        .route("/{run}/assignee", web::get().to(assignee))
        .route("/{run}/assignee", web::put().to(set_assignee))
        .route("/{run}/defect", web::get().to(defects))
        .route("/{run}/defect", web::post().to(add_defects))
        .route("/{run}/defect/{issue}", web::delete().to(remove_defect))
        .route("/{run}/attachment", web::get().to(files))
        .route("/{run}/attachment", web::post().to(attach))
        .route("/{run}/attachment", web::delete().to(remove_named))
        .route("/{run}/attachment/{file}", web::delete().to(remove_file))
        .route("/{run}/step", web::get().to(steps))
        .route("/{run}/step/{step}", web::get().to(step))
        .route("/{run}/step/{step}", web::put().to(change_step))
        .route("/{run}/step/{step}/status", web::get().to(step_status))
        .route("/{run}/step/{step}/status", web::put().to(set_step_status))
        .route(
            "/{run}/step/{step}/attachment",
            web::post().to(attach_to_step),
        )
        .route("/{run}/iteration", web::get().to(iterations))
        .route("/{run}/iteration/{rank}", web::get().to(iteration))
        .route("/{run}/iteration/{rank}", web::put().to(change_iteration))
        .route(
            "/{run}/iteration/{rank}/step",
            web::get().to(iteration_steps),
        )
        .route(
            "/{run}/iteration/{rank}/step/{step}",
            web::put().to(change_iteration_step),
        );
    routes.service(run);
}

/// The run that a request is about, and whatever else its path names.
type At<T> = Path<(String, T)>;
/// The version of the interface, a run, a part of it.
type Within = Path<(String, String, usize)>;

/// `GET …/testrun?testExecIssueKey=&testIssueKey=`: the run of a test in an execution.
async fn by_keys(caller: XrayCaller, app: Data<App>, asked: Query<Keys>) -> Answer<HttpResponse> {
    let desk = Desk::new(app, caller.caller.0);
    let test = keyed(&desk, Kind::Test, &asked.test_issue_key).await?;
    let execution = keyed(&desk, Kind::Execution, &asked.test_exec_issue_key).await?;
    let search = run_search::Search {
        tests: Some(&[test]),
        executions: Some(&[execution]),
        ..run_search::Search::default()
    };
    let found = run::find(&desk, search, Part { start: 0, limit: 1 }).await?;
    let run = found.results.into_iter().next().ok_or_else(|| {
        let (test, execution) = (&asked.test_issue_key, &asked.test_exec_issue_key);
        Failure::from(Problem::not_found(format!(
            "There is no run of {test} in {execution}."
        )))
    })?;
    Ok(ok(&Shown::of(&desk, &run).await?.whole()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    test_exec_issue_key: String,
    test_issue_key: String,
}

/// The one thing with this key.
async fn keyed(desk: &Desk, kind: Kind, key: &str) -> Answer<Uuid> {
    let found = find::keyed(desk, kind, key).await?;
    found.ok_or_else(|| {
        let short: String = key.chars().take(80).collect();
        Problem::not_found(format!(
            "There is nothing of this kind with the key `{short}`."
        ))
        .into()
    })
}

fn ok(body: &Value) -> HttpResponse {
    HttpResponse::Ok().json(body)
}

/// What a change without an answer of its own answers.
fn done(warnings: &[String]) -> HttpResponse {
    HttpResponse::build(StatusCode::OK).json(json!({ "warnings": warnings }))
}

async fn shown(caller: XrayCaller, app: Data<App>, id: &str) -> Answer<Shown> {
    let desk = Desk::new(app, caller.caller.0);
    let run = find_run(&desk, id).await?;
    Shown::of(&desk, &run).await
}

async fn find_run(desk: &Desk, id: &str) -> Answer<TestRun> {
    let found = find::run_if_there(desk, id).await?;
    found.ok_or_else(|| {
        let short: String = id.chars().take(80).collect();
        Problem::not_found(format!("There is no test run with the id `{short}`.")).into()
    })
}

/// A change of a run, held.
macro_rules! drafted {
    ($desk:ident, $draft:ident, $caller:expr, $app:expr, $id:expr) => {
        let $desk = Desk::new($app, $caller.caller.0);
        find_run(&$desk, $id).await?;
        let mut $draft = Draft::open(&$desk, $id).await?;
    };
}

async fn by_id(caller: XrayCaller, app: Data<App>, at: At<String>) -> Answer<HttpResponse> {
    Ok(ok(&shown(caller, app, &at.1).await?.whole()))
}

async fn change(
    caller: XrayCaller,
    app: Data<App>,
    at: At<String>,
    body: Json<GivenRun>,
) -> Answer<HttpResponse> {
    drafted!(desk, draft, caller, app, &at.1);
    body.into_inner().apply(&mut draft).await?;
    Ok(done(&draft.save().await?))
}

async fn status(caller: XrayCaller, app: Data<App>, at: At<String>) -> Answer<HttpResponse> {
    let shown = shown(caller, app, &at.1).await?;
    Ok(HttpResponse::Ok().json(shown.status()))
}

/// A value that some clients send as a parameter and others in the body.
#[derive(Deserialize)]
struct Asked {
    status: Option<String>,
    user: Option<String>,
    name: Option<String>,
}

impl Asked {
    /// The parameter; else what the body says: JSON text, an object with this member, or plain text.
    fn value(parameter: Option<&str>, member: &str, body: &Bytes) -> Answer<String> {
        if let Some(given) = parameter {
            return Ok(given.to_owned());
        }
        let text = std::str::from_utf8(body).map_err(|why| {
            Failure::from(Problem::bad_request("The body is no text.").because(why))
        })?;
        Ok(match serde_json::from_str(text) {
            Ok(Value::String(text)) => text,
            Ok(Value::Object(mut given)) => match given.remove(member) {
                Some(Value::String(text)) => text,
                _ => return Err(refused(format!("`{member}` is missing."))),
            },
            _ => text.to_owned(),
        })
    }
}

async fn set_status(
    caller: XrayCaller,
    app: Data<App>,
    at: At<String>,
    asked: Query<Asked>,
    body: Bytes,
) -> Answer<HttpResponse> {
    let status = Asked::value(asked.status.as_deref(), "status", &body)?;
    drafted!(desk, draft, caller, app, &at.1);
    draft.status(&status).await?;
    Ok(done(&draft.save().await?))
}

async fn comment(caller: XrayCaller, app: Data<App>, at: At<String>) -> Answer<HttpResponse> {
    Ok(ok(&shown(caller, app, &at.1).await?.comment()))
}

async fn set_comment(
    caller: XrayCaller,
    app: Data<App>,
    at: At<String>,
    body: Bytes,
) -> Answer<HttpResponse> {
    let comment = Asked::value(None, "comment", &body)?;
    drafted!(desk, draft, caller, app, &at.1);
    draft.comment(&comment)?;
    Ok(done(&draft.save().await?))
}

async fn assignee(caller: XrayCaller, app: Data<App>, at: At<String>) -> Answer<HttpResponse> {
    Ok(ok(&shown(caller, app, &at.1).await?.assignee()))
}

async fn set_assignee(
    caller: XrayCaller,
    app: Data<App>,
    at: At<String>,
    asked: Query<Asked>,
    body: Bytes,
) -> Answer<HttpResponse> {
    let user = Asked::value(asked.user.as_deref(), "assignee", &body)?;
    drafted!(desk, draft, caller, app, &at.1);
    draft.changed.detail.assignee = name("assignee", Some(user))?;
    Ok(done(&draft.save().await?))
}

async fn defects(caller: XrayCaller, app: Data<App>, at: At<String>) -> Answer<HttpResponse> {
    Ok(ok(&shown(caller, app, &at.1).await?.defects(Place::Run)))
}

async fn add_defects(
    caller: XrayCaller,
    app: Data<App>,
    at: At<String>,
    body: Json<Vec<String>>,
) -> Answer<HttpResponse> {
    drafted!(desk, draft, caller, app, &at.1);
    draft.add_defects(Place::Run, &body).await?;
    Ok(done(&draft.save().await?))
}

async fn remove_defect(
    caller: XrayCaller,
    app: Data<App>,
    at: Path<(String, String, String)>,
) -> Answer<HttpResponse> {
    drafted!(desk, draft, caller, app, &at.1);
    draft
        .remove_defects(Place::Run, std::slice::from_ref(&at.2))
        .await?;
    Ok(done(&draft.save().await?))
}

async fn files(caller: XrayCaller, app: Data<App>, at: At<String>) -> Answer<HttpResponse> {
    Ok(ok(&shown(caller, app, &at.1).await?.files(Place::Run)))
}

async fn attach(
    caller: XrayCaller,
    app: Data<App>,
    at: At<String>,
    body: Json<GivenFile>,
) -> Answer<HttpResponse> {
    let desk = Desk::new(app, caller.caller.0);
    Box::pin(attached(&desk, &at.1, Place::Run, body.read()?)).await
}

async fn attached(desk: &Desk, id: &str, place: Place, file: File) -> Answer<HttpResponse> {
    find_run(desk, id).await?;
    let draft = Draft::open(desk, id).await?;
    draft.attach(place, &[file]).await?;
    draft.save().await?;
    let run = find_run(desk, id).await?;
    Ok(ok(&Shown::of(desk, &run).await?.files(place)))
}

async fn remove_named(
    caller: XrayCaller,
    app: Data<App>,
    at: At<String>,
    asked: Query<Asked>,
) -> Answer<HttpResponse> {
    let wanted = asked.name.clone();
    let wanted = wanted.ok_or_else(|| refused("`name` says which file is to go."))?;
    drafted!(desk, draft, caller, app, &at.1);
    let unwanted = Unwanted::of(Place::Run, None, Some(vec![wanted]));
    draft.remove_files(&unwanted).await?;
    Ok(done(&draft.save().await?))
}

async fn remove_file(
    caller: XrayCaller,
    app: Data<App>,
    at: Path<(String, String, String)>,
) -> Answer<HttpResponse> {
    drafted!(desk, draft, caller, app, &at.1);
    let unwanted = Unwanted::of(Place::Run, Some(vec![at.2.clone()]), None);
    draft.remove_files(&unwanted).await?;
    Ok(done(&draft.save().await?))
}

async fn steps(caller: XrayCaller, app: Data<App>, at: At<String>) -> Answer<HttpResponse> {
    Ok(ok(&shown(caller, app, &at.1).await?.steps()))
}

/// A part of a list, by its place from 1.
fn nth(all: &Value, place: usize) -> Answer<Value> {
    let found = place.checked_sub(1).and_then(|n| all.get(n)).cloned();
    found.ok_or_else(|| Problem::not_found("The run has no such part.").into())
}

/// A member of a part, as it is answered alone.
fn member(part: &Value, name: &str) -> Value {
    part.get(name).cloned().unwrap_or_default()
}

async fn step(caller: XrayCaller, app: Data<App>, at: Within) -> Answer<HttpResponse> {
    let all = shown(caller, app, &at.1).await?.steps();
    Ok(ok(&nth(&all, at.2)?))
}

async fn change_step(
    caller: XrayCaller,
    app: Data<App>,
    at: Within,
    body: Json<given::GivenStep>,
) -> Answer<HttpResponse> {
    drafted!(desk, draft, caller, app, &at.1);
    body.into_inner()
        .apply(&mut draft, Place::step(None, at.2)?)
        .await?;
    Ok(done(&draft.save().await?))
}

async fn step_status(caller: XrayCaller, app: Data<App>, at: Within) -> Answer<HttpResponse> {
    let all = shown(caller, app, &at.1).await?.steps();
    Ok(ok(&member(&nth(&all, at.2)?, "status")))
}

async fn set_step_status(
    caller: XrayCaller,
    app: Data<App>,
    at: Within,
    asked: Query<Asked>,
    body: Bytes,
) -> Answer<HttpResponse> {
    let status = Asked::value(asked.status.as_deref(), "status", &body)?;
    drafted!(desk, draft, caller, app, &at.1);
    let said = StepSaid {
        status: Some(&status),
        ..StepSaid::default()
    };
    draft.step(Place::step(None, at.2)?, &said).await?;
    Ok(done(&draft.save().await?))
}

async fn attach_to_step(
    caller: XrayCaller,
    app: Data<App>,
    at: Within,
    body: Json<GivenFile>,
) -> Answer<HttpResponse> {
    let place = Place::step(None, at.2)?;
    let desk = Desk::new(app, caller.caller.0);
    Box::pin(attached(&desk, &at.1, place, body.read()?)).await
}

async fn iterations(caller: XrayCaller, app: Data<App>, at: At<String>) -> Answer<HttpResponse> {
    Ok(ok(&shown(caller, app, &at.1).await?.iterations()))
}

async fn iteration(caller: XrayCaller, app: Data<App>, at: Within) -> Answer<HttpResponse> {
    let all = shown(caller, app, &at.1).await?.iterations();
    Ok(ok(&nth(&all, at.2)?))
}

async fn change_iteration(
    caller: XrayCaller,
    app: Data<App>,
    at: Within,
    body: Json<given::GivenIteration>,
) -> Answer<HttpResponse> {
    drafted!(desk, draft, caller, app, &at.1);
    body.into_inner().apply(&mut draft, at.2).await?;
    Ok(done(&draft.save().await?))
}

async fn iteration_steps(caller: XrayCaller, app: Data<App>, at: Within) -> Answer<HttpResponse> {
    let all = shown(caller, app, &at.1).await?.iterations();
    Ok(ok(&member(&nth(&all, at.2)?, "steps")))
}

async fn change_iteration_step(
    caller: XrayCaller,
    app: Data<App>,
    at: Path<(String, String, usize, usize)>,
    body: Json<given::GivenStep>,
) -> Answer<HttpResponse> {
    drafted!(desk, draft, caller, app, &at.1);
    let place = Place::step(Some(at.2), at.3)?;
    body.into_inner().apply(&mut draft, place).await?;
    Ok(done(&draft.save().await?))
}
