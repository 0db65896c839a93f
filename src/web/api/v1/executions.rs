//! `/api/v1/executions/{KEY}` and `/api/v1/projects/{KEY}/executions`: containers of runs made
//! together. Take an API client's token.
//!
//! The tag of an execution is that of what can be edited in it: results that come in meanwhile do not
//! stand in the way of an edit.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::auth::ApiCaller;
use super::body::{self, Checks, JSON_LIMIT, nullable};
use super::edit::{self, Answer, IfMatch, etag, once, repeatable};
use super::page::{Listed, Page};
use super::query::Query;
use crate::app::App;
use crate::app::edit_execution::{create_execution, delete_execution, edit_execution};
use crate::domain::execution::{self, Particulars};
use crate::domain::keys::{ExecutionKey, PlanKey};
use crate::problem::Problem;
use crate::store::executions::Filter;
use crate::store::{Conn, SiteId, executions, plans, projects, runs, settings};

pub(in crate::web::api) mod answer;

use answer::Execution;

/// Runs on a page.
const PAGE: i64 = 200;
/// Longest name of an execution, version and the like, in characters.
const NAME: usize = 255;
/// Most environments of an execution.
const ENVIRONMENTS: usize = 20;

/// An execution to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewExecution {
    /// The name.
    #[schema(min_length = 1, max_length = 255, example = "Smoke test on staging")]
    name: String,
    /// Environments every run counts for.
    #[serde(default)]
    #[schema(max_items = 20)]
    environments: Vec<String>,
    /// The version the runs are made for.
    #[schema(max_length = 255)]
    fix_version: Option<String>,
    /// The key of the test plan; one that looks like a plan's key must be one of this project.
    #[schema(max_length = 255)]
    plan: Option<String>,
    /// The sprint.
    #[schema(max_length = 255)]
    sprint: Option<String>,
    /// The revision of the tested software.
    #[schema(max_length = 255)]
    revision: Option<String>,
    /// The branch of it.
    #[schema(max_length = 255)]
    branch: Option<String>,
}

/// What is to change in an execution; what is not named stays, `null` takes it away.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent is not null here")]
struct ExecutionChange {
    /// The name.
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    /// Environments every run counts for.
    #[schema(max_items = 20)]
    environments: Option<Vec<String>>,
    /// The version the runs are made for.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 255)]
    fix_version: Option<Option<String>>,
    /// The key of the test plan; one that looks like a plan's key must be one of this project.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 255)]
    plan: Option<Option<String>>,
    /// The sprint.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 255)]
    sprint: Option<Option<String>>,
    /// The revision of the tested software.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 255)]
    revision: Option<Option<String>>,
    /// The branch of it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 255)]
    branch: Option<Option<String>>,
}

/// The executions of a project
///
/// The newest first.
#[utoipa::path(
    operation_id = "listExecutions",
    tag = "executions",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 50 by default."),
        ("fixVersion" = Option<String>, Query, max_length = 255, description = "Only of this version."),
        ("plan" = Option<String>, Query, max_length = 255, description = "Only of this plan."),
        ("sprint" = Option<String>, Query, max_length = 255, description = "Only of this sprint."),
        ("revision" = Option<String>, Query, max_length = 255, description = "Only of this revision."),
        ("branch" = Option<String>, Query, max_length = 255, description = "Only of this branch.")
    ),
    responses((status = 200, description = "A page of executions.", body = Listed<Execution>))
)]
#[get("/api/v1/projects/{key}/executions")]
pub async fn list(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = caller.project(&key)?;
    let known = [
        "cursor",
        "limit",
        "fixVersion",
        "plan",
        "sprint",
        "revision",
        "branch",
    ];
    let query = Query::read(request.query_string(), &known)?;
    let text = |name| Ok::<_, Problem>(query.one(name)?.map(str::to_owned));
    let filter = Filter {
        fix_version: text("fixVersion")?,
        plan: text("plan")?,
        sprint: text("sprint")?,
        revision: text("revision")?,
        branch: text("branch")?,
    };
    let page = Page::read(&query)?;
    let (on, site) = (app.store.read(), caller.0.site);
    let found = match projects::by_key(on, site, &key).await? {
        Some(project) => {
            let wanted = page.wanted();
            executions::list(on, site, project.id, &filter, page.after, wanted).await?
        }
        None => Vec::new(),
    };
    let base_url = &app.config.server.base_url;
    let listed = page.of(
        found,
        |execution| execution.key.number,
        |execution| Execution::of(&execution, base_url),
    );
    Ok(HttpResponse::Ok().json(listed))
}

/// Make an execution without runs
#[utoipa::path(
    operation_id = "createExecution",
    tag = "executions",
    params(("key" = String, Path, description = "The project's key.", example = "SHOP")),
    request_body = NewExecution,
    responses((status = 201, description = "It is made.", body = Execution))
)]
#[post("/api/v1/projects/{key}/executions")]
pub async fn create(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = caller.project(&key)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: NewExecution = body::read(&sent)?;
    let mut checks = Checks::default();
    let mut line =
        |pointer: &str, text: &Option<String>| checks.optional_line(pointer, text.as_deref(), NAME);
    let mut particulars = Particulars {
        environments: Vec::new(),
        fix_version: line("/fixVersion", &given.fix_version),
        plan: line("/plan", &given.plan).map(plan_name),
        sprint: line("/sprint", &given.sprint),
        revision: line("/revision", &given.revision),
        branch: line("/branch", &given.branch),
    };
    let name = checks.line("/name", &given.name, NAME);
    particulars.environments =
        checks.lines("/environments", &given.environments, ENVIRONMENTS, NAME);
    checks.finish()?;

    let (site, by, now_ms) = (caller.0.site, caller.0.name.clone(), app.clock.now_ms());
    let base_url = app.config.server.base_url.clone();
    let repeatable = repeatable(&caller, &request, &sent)?;
    once(&app, &caller, repeatable, async |txn| {
        let project = projects::hold(&**txn, site, &key).await?;
        demand_plan(&**txn, site, &key, particulars.plan.as_deref()).await?;
        let made =
            create_execution(&**txn, site, &project, &name, &particulars, &by, now_ms).await?;
        let answer = Execution::of(&made, &base_url);
        let location = answer::url(&base_url, &made.key.to_string());
        Ok(Answer::created(location, &answer).tagged(tag(&made)))
    })
    .await
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
    let after: i64 = match query.word("after")?.map(str::parse) {
        None => 0,
        Some(Ok(number)) => number,
        Some(Err(_)) => return Err(Problem::bad_request("`after` is not the number of a run.")),
    };
    let key = execution_key(&caller, &key)?;
    let (on, site) = (app.store.read(), caller.0.site);
    let found = executions::by_key(on, site, &key)
        .await?
        .ok_or_else(unknown)?;
    let counts = runs::count_by_status(on, site, found.id).await?;
    let page = runs::of_execution(on, site, found.id, after, PAGE).await?;
    let settings = settings::of_project(on, site, &key.project).await?;
    let statuses = &settings.coverage.statuses;
    let counts = counts
        .iter()
        .map(|(status, count)| (statuses.name(*status).to_owned(), *count))
        .collect();
    let is_full = i64::try_from(page.len()).is_ok_and(|length| length == PAGE);
    let last = page.last().filter(|_| is_full).map(|run| run.number);
    let next = last.filter(|last| last + 1 < found.next_run);
    let answer = Execution::of(&found, &app.config.server.base_url);
    let answer = answer.with_runs(counts, &page, statuses, next);
    Ok(Answer::ok(&answer).tagged(tag(&found)).response())
}

/// Change what holds for all runs of an execution
///
/// What its runs count for follows at once.
#[utoipa::path(
    operation_id = "changeExecution",
    tag = "executions",
    params(("key" = String, Path, description = "The execution's key.", example = "SHOP-E7")),
    request_body = ExecutionChange,
    responses(
        (status = 200, description = "It is changed.", body = Execution),
        (status = 412, description = "It has changed since it was read.", body = Problem,
         content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[patch("/api/v1/executions/{key}")]
pub async fn change(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = execution_key(&caller, &key)?;
    let expected = IfMatch::required(&request)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: ExecutionChange = body::read(&sent)?;
    let change = given.checked()?;
    let (site, now_ms) = (caller.0.site, app.clock.now_ms());
    edit::change(&app, async |txn| {
        let held = held(&**txn, site, &key).await?;
        expected.check(&tag(&held))?;
        let mut changed = held.clone();
        change.apply(&mut changed);
        if changed.particulars.plan != held.particulars.plan {
            let plan = changed.particulars.plan.as_deref();
            demand_plan(&**txn, site, &key.project, plan).await?;
        }
        edit_execution(&**txn, site, &held, &changed, now_ms).await?;
        let answer = Execution::of(&changed, &app.config.server.base_url);
        Ok(Answer::ok(&answer).tagged(tag(&changed)))
    })
    .await
}

/// Delete an execution with its runs
#[utoipa::path(
    operation_id = "deleteExecution",
    tag = "executions",
    params(("key" = String, Path, description = "The execution's key.", example = "SHOP-E7")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 412, description = "It has changed since it was read.", body = Problem,
         content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[delete("/api/v1/executions/{key}")]
pub async fn delete(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = execution_key(&caller, &key)?;
    let expected = IfMatch::required(&request)?;
    let site = caller.0.site;
    edit::change(&app, async |txn| {
        let held = held(&**txn, site, &key).await?;
        expected.check(&tag(&held))?;
        delete_execution(&**txn, site, &held).await?;
        Ok(Answer::nothing())
    })
    .await
}

/// Reads the key in a path, of a project the client may use.
pub(super) fn execution_key(caller: &ApiCaller, text: &str) -> Result<ExecutionKey, Problem> {
    let key: ExecutionKey = text.parse().map_err(|why| unknown().because(why))?;
    caller.check_project(&key.project)?;
    Ok(key)
}

/// The execution, whose project is held until the transaction ends.
pub(super) async fn held(
    on: &impl Conn,
    site: SiteId,
    key: &ExecutionKey,
) -> Result<execution::Execution, Problem> {
    projects::hold(on, site, &key.project).await?;
    executions::by_key(on, site, key).await?.ok_or_else(unknown)
}

pub(super) fn unknown() -> Problem {
    Problem::not_found("There is no such execution.")
}

fn tag(execution: &execution::Execution) -> String {
    let particulars = &execution.particulars;
    etag(&(
        execution.key.to_string(),
        &execution.name,
        &particulars.environments,
        [
            &particulars.fix_version,
            &particulars.plan,
            &particulars.sprint,
            &particulars.revision,
            &particulars.branch,
        ],
    ))
}

/// The name of a plan as it is stored: a key as keys are written.
fn plan_name(text: String) -> String {
    let key = text.parse::<PlanKey>();
    key.map_or(text, |key| key.to_string())
}

/// Refuses the key of a plan that is none of the project's. Names that are no keys are taken as they
/// are, as in imports: a plan may be kept elsewhere.
async fn demand_plan(
    on: &impl Conn,
    site: SiteId,
    project: &str,
    plan: Option<&str>,
) -> Result<(), Problem> {
    let Some(Ok(key)) = plan.map(str::parse::<PlanKey>) else {
        return Ok(());
    };
    if key.project == project && plans::by_key(on, site, &key).await?.is_some() {
        return Ok(());
    }
    let mut checks = Checks::default();
    checks.refuse("/plan", format!("There is no plan {key} in {project}."));
    checks.finish()
}

impl ExecutionChange {
    /// The same, checked and trimmed.
    fn checked(self) -> Result<Self, Problem> {
        let mut checks = Checks::default();
        let mut line = |pointer: &str, text: Option<Option<String>>| {
            text.map(|text| checks.optional_line(pointer, text.as_deref(), NAME))
        };
        let mut checked = Self {
            fix_version: line("/fixVersion", self.fix_version),
            plan: line("/plan", self.plan).map(|plan| plan.map(plan_name)),
            sprint: line("/sprint", self.sprint),
            revision: line("/revision", self.revision),
            branch: line("/branch", self.branch),
            ..Self::default()
        };
        checked.name = self.name.map(|name| checks.line("/name", &name, NAME));
        checked.environments = self
            .environments
            .map(|names| checks.lines("/environments", &names, ENVIRONMENTS, NAME));
        checks.finish()?;
        Ok(checked)
    }

    fn apply(&self, execution: &mut execution::Execution) {
        let particulars = &mut execution.particulars;
        for (given, held) in [
            (&self.fix_version, &mut particulars.fix_version),
            (&self.plan, &mut particulars.plan),
            (&self.sprint, &mut particulars.sprint),
            (&self.revision, &mut particulars.revision),
            (&self.branch, &mut particulars.branch),
        ] {
            if let Some(given) = given {
                held.clone_from(given);
            }
        }
        if let Some(environments) = &self.environments {
            particulars.environments.clone_from(environments);
        }
        if let Some(name) = &self.name {
            execution.name.clone_from(name);
        }
    }
}
