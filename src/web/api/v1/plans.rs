//! `/api/v1/plans/{KEY}` and `/api/v1/projects/{KEY}/plans`: sets of tests. Take an API client's token.
//!
//! What counts towards a plan: its tests, and those that executions of the plan have run.

use std::collections::BTreeSet;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::ApiCaller;
use super::body::{self, Checks, JSON_LIMIT, nullable};
use super::edit::{self, Answer, IfMatch, etag, once, repeatable};
use super::page::{Listed, Page};
use super::query::Query;
use super::tests::{self as test_resource, test_key};
use crate::app::App;
use crate::app::edit_plan::create_plan;
use crate::domain::keys::{PlanKey, TestKey};
use crate::problem::Problem;
use crate::store::projects::Project;
use crate::store::{Conn, SiteId, plans, projects, tests};

/// Longest name, in characters.
const NAME: usize = 255;
/// Longest description, in characters.
const TEXT: usize = 32_000;
/// Most tests a plan is made with.
const TESTS: usize = 5_000;

/// A plan to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewPlan {
    /// The name.
    #[schema(min_length = 1, max_length = 255, example = "Release 1.4")]
    name: String,
    /// What it is for.
    #[schema(max_length = 32_000)]
    description: Option<String>,
    /// Keys of its tests, of the same project.
    #[serde(default)]
    #[schema(max_items = 5000)]
    tests: Vec<String>,
}

/// What is to change in a plan; what is not named stays, `null` takes it away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent is not null here")]
struct PlanChange {
    /// The name.
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    /// What it is for.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 32_000)]
    description: Option<Option<String>>,
}

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Plan {
    /// The key.
    #[schema(example = "SHOP-P3")]
    key: String,
    /// The name.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// The API client that made it.
    created_by: Option<String>,
    /// When it was made, milliseconds since 1970.
    created_ms: i64,
    /// Keys of its tests; only of one that is asked for by its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    tests: Option<Vec<String>>,
}

/// The plans of a project
///
/// The newest first.
#[utoipa::path(
    operation_id = "listPlans",
    tag = "plans",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 50 by default.")
    ),
    responses((status = 200, description = "A page of plans.", body = Listed<Plan>))
)]
#[get("/api/v1/projects/{key}/plans")]
pub async fn list(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = caller.project(&key)?;
    let page = Page::read(&Query::read(request.query_string(), &["cursor", "limit"])?)?;
    let (on, site) = (app.store.read(), caller.0.site);
    let found = match projects::by_key(on, site, &key).await? {
        Some(project) => plans::list(on, site, project.id, page.after, page.wanted()).await?,
        None => Vec::new(),
    };
    let listed = page.of(found, |plan| plan.key.number, |plan| Plan::of(&plan));
    Ok(HttpResponse::Ok().json(listed))
}

/// Make a plan
#[utoipa::path(
    operation_id = "createPlan",
    tag = "plans",
    params(("key" = String, Path, description = "The project's key.", example = "SHOP")),
    request_body = NewPlan,
    responses((status = 201, description = "It is made.", body = Plan))
)]
#[post("/api/v1/projects/{key}/plans")]
pub async fn create(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = caller.project(&key)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: NewPlan = body::read(&sent)?;
    let mut checks = Checks::default();
    let name = checks.line("/name", &given.name, NAME);
    let description = checks.text("/description", given.description.as_deref(), TEXT);
    checks.count("/tests", given.tests.len(), TESTS);
    checks.finish()?;
    let repeatable = repeatable(&caller, &request, &sent)?;
    let (site, by, now_ms) = (caller.0.site, &caller.0.name, app.clock.now_ms());
    once(&app, &caller, repeatable, async |txn| {
        let on = &**txn;
        let project = projects::hold(on, site, &key).await?;
        let tests = tests_named(on, site, &project, &given.tests).await?;
        let texts = (name.as_str(), description.as_deref());
        let made = create_plan(on, site, &project, texts, &tests, by, now_ms).await?;
        let base = app.config.server.base_url.trim_end_matches('/');
        let location = format!("{base}/api/v1/plans/{}", made.key);
        Ok(Answer::created(location, &whole(on, site, &made).await?))
    })
    .await
}

/// A plan and its tests
#[utoipa::path(
    operation_id = "showPlan",
    tag = "plans",
    params(("key" = String, Path, description = "The plan's key.", example = "SHOP-P1")),
    responses((status = 200, description = "The plan.", body = Plan))
)]
#[get("/api/v1/plans/{key}")]
pub async fn show(
    caller: ApiCaller,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = plan_key(&caller, &key)?;
    let (on, site) = (app.store.read(), caller.0.site);
    let plan = plans::by_key(on, site, &key).await?.ok_or_else(unknown)?;
    Ok(Answer::ok(&whole(on, site, &plan).await?).response())
}

/// Change a plan
#[utoipa::path(
    operation_id = "changePlan",
    tag = "plans",
    params(("key" = String, Path, description = "The plan's key.", example = "SHOP-P1")),
    request_body = PlanChange,
    responses(
        (status = 200, description = "It is changed.", body = Plan),
        (status = 412, description = "It has changed since it was read.", body = Problem,
         content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[patch("/api/v1/plans/{key}")]
pub async fn change(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = plan_key(&caller, &key)?;
    let expected = IfMatch::required(&request)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: PlanChange = body::read(&sent)?;
    let site = caller.0.site;
    edit::change(&app, async |txn| {
        let on = &**txn;
        let mut plan = held(on, site, &key).await?;
        expected.check(&etag(&whole(on, site, &plan).await?))?;
        let mut checks = Checks::default();
        if let Some(name) = &given.name {
            plan.name = checks.line("/name", name, NAME);
        }
        if let Some(description) = &given.description {
            plan.description = checks.text("/description", description.as_deref(), TEXT);
        }
        checks.finish()?;
        plans::put(on, site, &plan).await?;
        Ok(Answer::ok(&whole(on, site, &plan).await?))
    })
    .await
}

/// Delete a plan
///
/// Its tests and executions stay; the executions belong to no plan then.
#[utoipa::path(
    operation_id = "deletePlan",
    tag = "plans",
    params(("key" = String, Path, description = "The plan's key.", example = "SHOP-P1")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 412, description = "It has changed since it was read.", body = Problem,
         content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[delete("/api/v1/plans/{key}")]
pub async fn delete(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = plan_key(&caller, &key)?;
    let expected = IfMatch::required(&request)?;
    let site = caller.0.site;
    edit::change(&app, async |txn| {
        let on = &**txn;
        let plan = held(on, site, &key).await?;
        expected.check(&etag(&whole(on, site, &plan).await?))?;
        plans::delete(on, site, &plan).await?;
        Ok(Answer::nothing())
    })
    .await
}

/// Put a test into a plan
#[utoipa::path(
    operation_id = "addToPlan",
    tag = "plans",
    params(
        ("key" = String, Path, description = "The plan's key.", example = "SHOP-P1"),
        ("test" = String, Path, description = "The test's key, of the same project.", example = "SHOP-T1")
    ),
    responses((status = 204, description = "The test is in the plan."))
)]
#[put("/api/v1/plans/{key}/tests/{test}")]
pub async fn add(
    caller: ApiCaller,
    path: Path<(String, String)>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let (key, test) = (plan_key(&caller, &path.0)?, test_key(&caller, &path.1)?);
    let site = caller.0.site;
    edit::change(&app, async |txn| {
        let on = &**txn;
        let plan = held(on, site, &key).await?;
        if test.project != key.project {
            return Err(test_resource::unknown());
        }
        let test = test_resource::held(on, site, &test).await?;
        plans::add_tests(on, site, plan.id, &[test.id]).await?;
        Ok(Answer::nothing())
    })
    .await
}

/// Take a test out of a plan
#[utoipa::path(
    operation_id = "removeFromPlan",
    tag = "plans",
    params(
        ("key" = String, Path, description = "The plan's key.", example = "SHOP-P1"),
        ("test" = String, Path, description = "The test's key.", example = "SHOP-T1")
    ),
    responses((status = 204, description = "The test is not in the plan."))
)]
#[delete("/api/v1/plans/{key}/tests/{test}")]
pub async fn remove(
    caller: ApiCaller,
    path: Path<(String, String)>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let (key, test) = (plan_key(&caller, &path.0)?, test_key(&caller, &path.1)?);
    let site = caller.0.site;
    edit::change(&app, async |txn| {
        let on = &**txn;
        let plan = held(on, site, &key).await?;
        let test = test_resource::held(on, site, &test).await?;
        if plans::remove_test(on, site, plan.id, test.id).await? {
            return Ok(Answer::nothing());
        }
        Err(Problem::not_found("The test is not in the plan."))
    })
    .await
}

fn plan_key(caller: &ApiCaller, text: &str) -> Result<PlanKey, Problem> {
    let key: PlanKey = text.parse().map_err(|why| unknown().because(why))?;
    caller.check_project(&key.project)?;
    Ok(key)
}

async fn held(on: &impl Conn, site: SiteId, key: &PlanKey) -> Result<plans::Plan, Problem> {
    projects::hold(on, site, &key.project).await?;
    plans::by_key(on, site, key).await?.ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::not_found("There is no such plan.")
}

async fn whole(on: &impl Conn, site: SiteId, plan: &plans::Plan) -> Result<Plan, Problem> {
    let tests = plans::tests_of(on, site, plan.id).await?;
    let mut answer = Plan::of(plan);
    answer.tests = Some(tests.iter().map(TestKey::to_string).collect());
    Ok(answer)
}

/// The tests of the project with these keys.
async fn tests_named(
    on: &impl Conn,
    site: SiteId,
    project: &Project,
    keys: &[String],
) -> Result<Vec<Uuid>, Problem> {
    let number = |text: &String| {
        let key = text.parse::<TestKey>().ok();
        key.filter(|key| key.project == project.key)
            .map(|key| key.number)
    };
    let numbers: Vec<i64> = keys.iter().filter_map(number).collect();
    let known = tests::by_numbers(on, site, project.id, &numbers).await?;
    let mut checks = Checks::default();
    let mut found = BTreeSet::new();
    for (n, text) in keys.iter().enumerate() {
        let test = number(text).and_then(|number| known.get(&number));
        found.extend(test.map(|test| test.id));
        if test.is_none() {
            let short: String = text.chars().take(80).collect();
            let why = format!("There is no test `{short}` in {}.", project.key);
            checks.refuse(format!("/tests/{n}"), why);
        }
    }
    checks.finish()?;
    Ok(found.into_iter().collect())
}

impl Plan {
    fn of(plan: &plans::Plan) -> Self {
        Self {
            key: plan.key.to_string(),
            name: plan.name.clone(),
            description: plan.description.clone(),
            created_by: plan.created_by.clone(),
            created_ms: plan.created_ms,
            tests: None,
        }
    }
}
