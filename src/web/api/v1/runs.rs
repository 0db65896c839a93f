//! `/api/v1/executions/{KEY}/runs/{n}`: one result of one test. Takes an API client's token.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use uuid::Uuid;

use super::auth::ApiCaller;
use super::body::{self, Checks, JSON_LIMIT};
use super::edit::{self, Answer, IfMatch, etag, once, repeatable};
use super::executions::{self, answer::url as execution_url, execution_key};
use crate::app::App;
use crate::app::edit_run::{Occasion, delete_run, edit_run, is_status_held, record_run};
use crate::domain::execution::Execution;
use crate::domain::keys::{ExecutionKey, TestKey};
use crate::domain::run::RunStatus;
use crate::domain::settings::Settings;
use crate::problem::Problem;
use crate::store::stored_runs::StoredRun;
use crate::store::{
    Conn, SiteId, evidence, executions as stored_executions, issues, run_defects, settings,
    stored_runs, tests,
};

pub(super) mod answer;
mod given;

use answer::{Parts, Run};
use given::{Checked, NewRun, RunChange};

/// Store a run
///
/// One result of one test of the project. It counts at once.
#[utoipa::path(
    operation_id = "createRun",
    tag = "runs",
    params(("key" = String, Path, description = "The execution's key.", example = "SHOP-E7")),
    request_body = NewRun,
    responses((status = 201, description = "It is stored.", body = Run))
)]
#[post("/api/v1/executions/{key}/runs")]
pub async fn create(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = execution_key(&caller, &key)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: NewRun = body::read(&sent)?;
    let repeatable = repeatable(&caller, &request, &sent)?;
    let (site, now_ms) = (caller.0.site, app.clock.now_ms());
    once(&app, &caller, repeatable, async |txn| {
        let on = &**txn;
        let execution = executions::held(on, site, &key).await?;
        let settings = settings::of_project(on, site, &key.project).await?;
        let checked = given.checked(&settings.coverage, now_ms)?;
        let run = new_run(on, site, &execution, &given.test, &checked, now_ms).await?;
        let run = checked_run(run)?;
        hold_status(on, site, run.status).await?;
        let defects = defects_of(on, site, &settings, &checked).await?;
        let occasion = Occasion {
            by: &caller.0.name,
            now_ms,
        };
        record_run(on, site, &execution, &run, &defects, occasion).await?;
        let place = Place::of(&app, &key, run.number);
        let answer = place.show(on, site, &execution, &settings).await?;
        Ok(Answer::created(place.url, &answer))
    })
    .await
}

/// A run with everything that is known of it
#[utoipa::path(
    operation_id = "showRun",
    tag = "runs",
    params(
        ("key" = String, Path, description = "The execution's key.", example = "SHOP-E7"),
        ("number" = i64, Path, minimum = 1, description = "The run's number within it.", example = 1)
    ),
    responses((status = 200, description = "The run.", body = Run))
)]
#[get("/api/v1/executions/{key}/runs/{number}")]
pub async fn show(
    caller: ApiCaller,
    path: Path<(String, i64)>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = execution_key(&caller, &path.0)?;
    let (on, site) = (app.store.read(), caller.0.site);
    let execution = stored_executions::by_key(on, site, &key).await?;
    let execution = execution.ok_or_else(executions::unknown)?;
    let settings = settings::of_project(on, site, &key.project).await?;
    let place = Place::of(&app, &key, path.1);
    let answer = place.show(on, site, &execution, &settings).await?;
    Ok(Answer::ok(&answer).response())
}

/// Change a run
///
/// What follows from it, and what the rules do about it, follows at once.
#[utoipa::path(
    operation_id = "changeRun",
    tag = "runs",
    params(
        ("key" = String, Path, description = "The execution's key.", example = "SHOP-E7"),
        ("number" = i64, Path, minimum = 1, description = "The run's number within it.", example = 1)
    ),
    request_body = RunChange,
    responses(
        (status = 200, description = "It is changed.", body = Run),
        (status = 412, description = "It has changed since it was read.", body = Problem,
         content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[patch("/api/v1/executions/{key}/runs/{number}")]
pub async fn change(
    caller: ApiCaller,
    request: HttpRequest,
    path: Path<(String, i64)>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = execution_key(&caller, &path.0)?;
    let expected = IfMatch::required(&request)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: RunChange = body::read(&sent)?;
    let (site, now_ms) = (caller.0.site, app.clock.now_ms());
    let place = Place::of(&app, &key, path.1);
    edit::change(&app, async |txn| {
        let on = &**txn;
        let execution = executions::held(on, site, &key).await?;
        let settings = settings::of_project(on, site, &key.project).await?;
        let shown = place.show(on, site, &execution, &settings).await?;
        expected.check(&etag(&shown))?;
        let held = place.run(on, site, &execution).await?;
        let checked = given.checked(&settings.coverage, now_ms)?;
        let changed = checked_run(changed(&held, &checked, &settings, now_ms))?;
        hold_status(on, site, changed.status).await?;
        let defects = changed_defects(on, site, (&execution, &held), &settings, &checked).await?;
        let occasion = Occasion {
            by: &caller.0.name,
            now_ms,
        };
        let both = (&held, &changed);
        edit_run(on, site, &execution, both, defects.as_deref(), occasion).await?;
        Ok(Answer::ok(
            &place.show(on, site, &execution, &settings).await?,
        ))
    })
    .await
}

/// Delete a run
#[utoipa::path(
    operation_id = "deleteRun",
    tag = "runs",
    params(
        ("key" = String, Path, description = "The execution's key.", example = "SHOP-E7"),
        ("number" = i64, Path, minimum = 1, description = "The run's number within it.", example = 1)
    ),
    responses(
        (status = 204, description = "It is gone; its number is not given again."),
        (status = 412, description = "It has changed since it was read.", body = Problem,
         content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[delete("/api/v1/executions/{key}/runs/{number}")]
pub async fn delete(
    caller: ApiCaller,
    request: HttpRequest,
    path: Path<(String, i64)>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = execution_key(&caller, &path.0)?;
    let expected = IfMatch::required(&request)?;
    let (site, now_ms) = (caller.0.site, app.clock.now_ms());
    let place = Place::of(&app, &key, path.1);
    edit::change(&app, async |txn| {
        let on = &**txn;
        let execution = executions::held(on, site, &key).await?;
        let settings = settings::of_project(on, site, &key.project).await?;
        let shown = place.show(on, site, &execution, &settings).await?;
        expected.check(&etag(&shown))?;
        let held = place.run(on, site, &execution).await?;
        let occasion = Occasion {
            by: &caller.0.name,
            now_ms,
        };
        delete_run(on, site, &execution, &held, occasion).await?;
        Ok(Answer::nothing())
    })
    .await
}

/// Which run, and where it can be looked at.
#[derive(Debug)]
pub(super) struct Place {
    execution: String,
    number: i64,
    pub url: String,
}

impl Place {
    pub fn of(app: &App, execution: &ExecutionKey, number: i64) -> Self {
        let execution = execution.to_string();
        let base = execution_url(&app.config.server.base_url, &execution);
        Self {
            url: format!("{base}/runs/{number}"),
            execution,
            number,
        }
    }

    pub async fn run(
        &self,
        on: &impl Conn,
        site: SiteId,
        execution: &Execution,
    ) -> Result<StoredRun, Problem> {
        let run = stored_runs::by_number(on, site, execution.id, self.number).await?;
        run.ok_or_else(|| Problem::not_found("There is no such run."))
    }

    async fn show(
        &self,
        on: &impl Conn,
        site: SiteId,
        execution: &Execution,
        settings: &Settings,
    ) -> Result<Run, Problem> {
        let run = self.run(on, site, execution).await?;
        let defects = run_defects::of_run(on, site, execution.id, self.number).await?;
        let evidence = evidence::of_run(on, site, execution.id, self.number).await?;
        Ok(Run::of(Parts {
            execution: &self.execution,
            url: &self.url,
            run,
            defects,
            evidence,
            settings: &settings.coverage,
        }))
    }
}

/// The run that a checked body makes in an execution.
async fn new_run(
    on: &impl Conn,
    site: SiteId,
    execution: &Execution,
    test: &str,
    checked: &Checked,
    now_ms: i64,
) -> Result<StoredRun, Problem> {
    let project = &execution.key.project;
    let key = test.parse::<TestKey>().ok();
    let key = key.filter(|key| key.project == *project);
    let unknown = || {
        let mut checks = Checks::default();
        let short: String = test.chars().take(80).collect();
        checks.refuse("/test", format!("There is no test `{short}` in {project}."));
        checks
    };
    let Some(key) = key else {
        return Err(refused(unknown()));
    };
    let known = tests::by_numbers(on, site, execution.project_id, &[key.number]).await?;
    let Some(test) = known.get(&key.number) else {
        return Err(refused(unknown()));
    };
    Ok(StoredRun {
        number: execution.next_run,
        test_id: test.id,
        test_key: key,
        test_name: String::new(),
        test_version: Some(test.version),
        status: checked.status.unwrap_or(RunStatus::Unknown),
        is_flaky: checked.is_flaky,
        started_ms: checked.started_ms.flatten(),
        finished_ms: checked.finished_ms.unwrap_or(now_ms),
        arrived_ms: now_ms,
        duration_ms: checked.duration_ms,
        message: checked.message.clone().flatten(),
        detail: checked.applied_to(&crate::domain::run_detail::RunDetail::default()),
    })
}

/// The run with what a checked body changes.
fn changed(held: &StoredRun, checked: &Checked, settings: &Settings, now_ms: i64) -> StoredRun {
    let statuses = &settings.coverage.statuses;
    let status = checked.status.unwrap_or(held.status);
    let ends_now = !statuses.is_final(held.status) && statuses.is_final(status);
    let finished_ms =
        checked
            .finished_ms
            .unwrap_or(if ends_now { now_ms } else { held.finished_ms });
    StoredRun {
        status,
        started_ms: checked.started_ms.unwrap_or(held.started_ms),
        finished_ms,
        message: (checked.message.clone()).unwrap_or_else(|| held.message.clone()),
        detail: checked.applied_to(&held.detail),
        ..held.clone()
    }
}

/// Refuses a run that ended before it began.
fn checked_run(run: StoredRun) -> Result<StoredRun, Problem> {
    let mut checks = Checks::default();
    if run
        .started_ms
        .is_some_and(|started| started > run.finished_ms)
    {
        checks.refuse("/startedMs", "It is after the end of the run.");
    }
    checks.finish()?;
    Ok(run)
}

/// Keeps a status of the site's own from being deleted before the run that has it is there.
async fn hold_status(on: &impl Conn, site: SiteId, status: RunStatus) -> Result<(), Problem> {
    let mut checks = Checks::default();
    if !is_status_held(on, site, status).await? {
        checks.refuse("/status", "This status was deleted a moment ago.");
    }
    checks.finish()
}

/// The issues that a body names as defects: such as the mirror knows, of a type that is a defect.
async fn defects_of(
    on: &impl Conn,
    site: SiteId,
    settings: &Settings,
    checked: &Checked,
) -> Result<Vec<(i32, Uuid)>, Problem> {
    let mut checks = Checks::default();
    let mut found = Vec::new();
    for (step, pointer, key) in &checked.defects {
        let known = match key.parse::<crate::domain::issue::IssueKey>() {
            Ok(key) => issues::by_key(on, site, key.as_str()).await?,
            Err(_) => None,
        };
        let short: String = key.chars().take(80).collect();
        match known.filter(|issue| !issue.is_placeholder() && issue.deleted_ms.is_none()) {
            None => checks.refuse(pointer, format!("`{short}` is not known here.")),
            Some(issue) if !settings.is_defect(&issue.snapshot.issue_type.name) => checks.refuse(
                pointer,
                format!(
                    "{short} is a {}, which is no type of defect.",
                    issue.snapshot.issue_type.name
                ),
            ),
            Some(issue) => found.push((*step, issue.id)),
        }
    }
    checks.finish()?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// All defects of a run after a change; none when the change says nothing of them.
async fn changed_defects(
    on: &impl Conn,
    site: SiteId,
    (execution, run): (&Execution, &StoredRun),
    settings: &Settings,
    checked: &Checked,
) -> Result<Option<Vec<(i32, Uuid)>>, Problem> {
    let (sets_own, sets_steps) = checked.sets_defects;
    if !sets_own && !sets_steps {
        return Ok(None);
    }
    let mut all = defects_of(on, site, settings, checked).await?;
    for kept in run_defects::of_run(on, site, execution.id, run.number).await? {
        let is_set = if kept.step == 0 { sets_own } else { sets_steps };
        if !is_set {
            all.push((kept.step, kept.issue_id));
        }
    }
    Ok(Some(all))
}

fn refused(checks: Checks) -> Problem {
    checks.finish().err().unwrap_or_else(Problem::internal)
}
