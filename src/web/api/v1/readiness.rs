//! `GET /api/v1/projects/{KEY}/readiness?scope=version:V|sprint:S`, with `/gate` (the verdict alone,
//! for machines), `/trend` (how it stood each day) and `/rules` (what the gate asks, to be changed). Takes an API
//! client's token.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, get, patch};

use super::auth::ApiCaller;
use super::body::{self, Checks, JSON_LIMIT};
use super::edit::{self, Answer, IfMatch, etag};
use super::query::Query;
use crate::app::App;
use crate::app::readiness::{Asked, Report, readiness};
use crate::domain::readiness::{Target, Verdict};
use crate::problem::Problem;
use crate::store::settings::Scope;
use crate::store::{projects, readiness as kept};

mod answer;

mod change;

use answer::{Endings, Gate, GateRules, Question, Readiness, ReportParts, Trend};
use change::GateChange;

/// Days of a trend when nobody says how many, and the most there are.
const DAYS: u32 = 90;
const MOST_DAYS: u32 = 366;

/// The readiness of a version or a sprint
///
/// Every measure, the five answers in words, the verdict with the rules, and the score beside it.
#[utoipa::path(
    operation_id = "showReadiness",
    tag = "readiness",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("scope" = String, Query, description = "`version:V` or `sprint:S`.", example = "version:1.4"),
        ("environment" = Option<String>, Query, max_length = 255,
         description = "Only runs that were made in this environment.")
    ),
    responses((status = 200, description = "How it stands.", body = Readiness))
)]
#[get("/api/v1/projects/{key}/readiness")]
pub async fn show(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(request.query_string(), &["scope", "environment"])?;
    let (question, report) = ask(&caller, &app, &key, &query).await?;
    let parts = ReportParts::of(&report);
    Ok(HttpResponse::Ok().json(Readiness::of(&question, &parts)))
}

/// The verdict on a version or a sprint
///
/// For pipelines and workflow conditions: `verdict` is `READY`, `AT RISK` or `NOT READY`. With
/// `strict=true` *not ready* is answered 409 in place of 200, so that `curl --fail` fails.
#[utoipa::path(
    operation_id = "showGate",
    tag = "readiness",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("scope" = String, Query, description = "`version:V` or `sprint:S`.", example = "version:1.4"),
        ("environment" = Option<String>, Query, max_length = 255,
         description = "Only runs that were made in this environment."),
        ("strict" = Option<bool>, Query,
         description = "Whether *not ready* is answered 409 in place of 200.")
    ),
    responses(
        (status = 200, description = "The verdict.", body = Gate),
        (status = 409, description = "Not ready, and `strict` is true.", body = Gate)
    )
)]
#[get("/api/v1/projects/{key}/readiness/gate")]
pub async fn show_gate(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(request.query_string(), &["scope", "environment", "strict"])?;
    let is_strict = match query.word("strict")? {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Problem::bad_request("`strict` is `true` or `false`.")),
    };
    let (question, report) = ask(&caller, &app, &key, &query).await?;
    let judgement = report.judgement();
    let status = match judgement.verdict {
        Verdict::NotReady if is_strict => StatusCode::CONFLICT,
        _ => StatusCode::OK,
    };
    let gate = Gate::of(&question, &judgement, report.computed_ms);
    Ok(HttpResponse::build(status).json(gate))
}

/// How a version or a sprint stood each day
///
/// Kept once a day (UTC) while issues of it are open, over all environments; the oldest day first.
#[utoipa::path(
    operation_id = "showReadinessTrend",
    tag = "readiness",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("scope" = String, Query, description = "`version:V` or `sprint:S`.", example = "version:1.4"),
        ("days" = Option<u32>, Query, minimum = 1, maximum = 366,
         description = "How many of the newest days; 90 by default.")
    ),
    responses((status = 200, description = "The days.", body = Trend))
)]
#[get("/api/v1/projects/{key}/readiness/trend")]
pub async fn show_trend(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(request.query_string(), &["scope", "days"])?;
    let days = match query.word("days")?.map(str::parse) {
        None => DAYS,
        Some(Ok(days @ 1..=MOST_DAYS)) => days,
        Some(_) => {
            return Err(Problem::bad_request(format!(
                "`days` is a number from 1 to {MOST_DAYS}."
            )));
        }
    };
    let question = question(&caller, &key, &query)?;
    let (site, target) = (caller.0.site, &question.target);
    let days = kept::days(app.store.read(), site, &question.project, target, days).await?;
    Ok(HttpResponse::Ok().json(Trend::of(&question, &days)))
}

/// How a version or a sprint stood at its end
///
/// Kept when Jira tells that the version was released or the sprint closed (rule D14), each time, the
/// latest first. Never changed.
#[utoipa::path(
    operation_id = "showReadinessEndings",
    tag = "readiness",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("scope" = String, Query, description = "`version:V` or `sprint:S`.", example = "version:1.4")
    ),
    responses((status = 200, description = "The endings.", body = Endings))
)]
#[get("/api/v1/projects/{key}/readiness/endings")]
pub async fn show_endings(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(request.query_string(), &["scope"])?;
    let question = question(&caller, &key, &query)?;
    let (site, target) = (caller.0.site, &question.target);
    let endings = kept::endings(app.store.read(), site, &question.project, target).await?;
    Ok(HttpResponse::Ok().json(Endings::of(&endings)))
}

/// The rules of the gate
///
/// What holds in the project, and what was decided for it, for the whole site, or nowhere.
#[utoipa::path(
    operation_id = "showGateRules",
    tag = "readiness",
    params(("key" = String, Path, description = "The project's key.", example = "SHOP")),
    responses((status = 200, description = "The rules.", body = GateRules))
)]
#[get("/api/v1/projects/{key}/readiness/rules")]
pub async fn show_rules(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let project = caller.project(&key)?;
    let decided = kept::rules(app.store.read(), caller.0.site, &project).await?;
    Ok(Answer::ok(&GateRules::of(&project, &decided)).response())
}

/// Change the rules of the gate
///
/// Rules that are not named stay. Takes effect at once.
#[utoipa::path(
    operation_id = "changeGateRules",
    tag = "readiness",
    params(("key" = String, Path, description = "The project's key.", example = "SHOP")),
    request_body = GateChange,
    responses(
        (status = 200, description = "They are changed.", body = GateRules),
        (status = 412, description = "They have changed since they were read.", body = Problem,
         content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[patch("/api/v1/projects/{key}/readiness/rules")]
pub async fn change_rules(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let project = caller.project(&key)?;
    let expected = IfMatch::required(&request)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let mut checks = Checks::default();
    let decisions = body::read::<GateChange>(&sent)?.decisions(&mut checks);
    checks.finish()?;
    let (site, by, now_ms) = (
        caller.0.site,
        Some(caller.0.name.as_str()),
        app.clock.now_ms(),
    );
    edit::change(&app, async |txn| {
        let on = &**txn;
        projects::hold(on, site, &project).await?;
        let held = kept::rules(on, site, &project).await?;
        expected.check(&etag(&GateRules::of(&project, &held)))?;
        for decision in &decisions {
            let decision = decision.in_place_of(&held.gate());
            kept::decide(on, site, Scope::Project(&project), decision, by, now_ms).await?;
        }
        let changed = kept::rules(on, site, &project).await?;
        Ok(Answer::ok(&GateRules::of(&project, &changed)))
    })
    .await
}

async fn ask(
    caller: &ApiCaller,
    app: &App,
    key: &str,
    query: &Query,
) -> Result<(Question, Report), Problem> {
    let question = question(caller, key, query)?;
    let asked = Asked {
        project: &question.project,
        target: &question.target,
        environment: question.environment.as_deref(),
    };
    let report = readiness(&app.store, caller.0.site, asked, app.clock.now_ms()).await?;
    Ok((question, report))
}

fn question(caller: &ApiCaller, key: &str, query: &Query) -> Result<Question, Problem> {
    let project = caller.project(key)?;
    let needs = "Name a version or a sprint: `scope=version:1.4` or `scope=sprint:Sprint 7`.";
    let text = query
        .one("scope")?
        .ok_or_else(|| Problem::bad_request("The scope is missing.").detail(needs))?;
    let target = Target::named(text).map_err(|why| {
        let text: String = text.chars().take(80).collect();
        Problem::bad_request(format!("`{text}` names no version and no sprint."))
            .detail(format!("Here {why}."))
    })?;
    let environment = query.one("environment")?;
    Ok(Question {
        project,
        target,
        environment: environment.map(str::to_owned),
    })
}
