//! `/api/v1/tests/{KEY}` and `/api/v1/projects/{KEY}/tests`: test cases and their versions. Take an
//! API client's token.
//!
//! The tag of a test is that of what can be edited in it: a link or a quarantine does not stand in the
//! way of an edit.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, get, patch, post};

use super::auth::ApiCaller;
use super::body::{self, JSON_LIMIT};
use super::edit::{self, Answer, IfMatch, etag, once, repeatable};
use super::page::{Listed, Page};
use super::query::Query;
use crate::app::App;
use crate::app::edit_test::{create_test, edit_test};
use crate::domain::keys::TestKey;
use crate::domain::test::TestKind;
use crate::problem::Problem;
use crate::store::stored_tests::{Filter, StoredTest};
use crate::store::{Conn, SiteId, links, projects, quarantines, stored_tests};

pub(super) mod forms;

use forms::{NewTest, Quarantined, Test, TestChange, Version};

/// The tests of a project
///
/// By number; the archived ones too, unless `archived=false`.
#[utoipa::path(
    operation_id = "listTests",
    tag = "tests",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 50 by default."),
        ("text" = Option<String>, Query, max_length = 255, description = "Only tests whose name holds this, in any case."),
        ("label" = Option<String>, Query, max_length = 255, description = "Only tests with this label."),
        ("workflowStatus" = Option<String>, Query, max_length = 255, description = "Only tests in this status of their workflow."),
        ("kind" = Option<String>, Query, description = "Only `automated` or only `manual` ones."),
        ("archived" = Option<bool>, Query, description = "Only tests that are put away, or only others.")
    ),
    responses((status = 200, description = "A page of tests.", body = Listed<Test>))
)]
#[get("/api/v1/projects/{key}/tests")]
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
        "text",
        "label",
        "workflowStatus",
        "kind",
        "archived",
    ];
    let query = Query::read(request.query_string(), &known)?;
    let (filter, page) = (filter(&query)?, Page::read(&query)?);
    let (on, site) = (app.store.read(), caller.0.site);
    let found = match projects::by_key(on, site, &key).await? {
        Some(project) => {
            let after = page.after.unwrap_or(0);
            stored_tests::list(on, site, project.id, &filter, after, page.wanted()).await?
        }
        None => Vec::new(),
    };
    let listed = page.of(found, |test| test.key.number, |test| Test::of(&test));
    Ok(HttpResponse::Ok().json(listed))
}

fn filter(query: &Query) -> Result<Filter, Problem> {
    let text = |name| Ok::<_, Problem>(query.one(name)?.map(str::to_owned));
    let kind = match query.word("kind")? {
        None => None,
        Some("automated") => Some(TestKind::Automated),
        Some("manual") => Some(TestKind::Manual),
        Some(_) => return Err(Problem::bad_request("`kind` is `automated` or `manual`.")),
    };
    let is_archived = match query.word("archived")? {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(Problem::bad_request("`archived` is `true` or `false`.")),
    };
    Ok(Filter {
        text: text("text")?,
        label: text("label")?,
        workflow_status: text("workflowStatus")?,
        kind,
        is_archived,
    })
}

/// Make a test for people to carry out
#[utoipa::path(
    operation_id = "createTest",
    tag = "tests",
    params(("key" = String, Path, description = "The project's key.", example = "SHOP")),
    request_body = NewTest,
    responses((status = 201, description = "It is made.", body = Test))
)]
#[post("/api/v1/projects/{key}/tests")]
pub async fn create(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = caller.project(&key)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: NewTest = body::read(&sent)?;
    let (content, surroundings) = given.checked()?;
    let repeatable = repeatable(&caller, &request, &sent)?;
    let (site, by, now_ms) = (caller.0.site, &caller.0.name, app.clock.now_ms());
    once(&app, &caller, repeatable, async |txn| {
        let on = &**txn;
        let project = projects::hold(on, site, &key).await?;
        let made = create_test(on, site, &project, &content, &surroundings, by, now_ms).await?;
        let location = url(&app.config.server.base_url, &made.key);
        Ok(Answer::created(location, &Test::of(&made)).tagged(tag(&made)))
    })
    .await
}

/// A test with what hangs on it
#[utoipa::path(
    operation_id = "showTest",
    tag = "tests",
    params(("key" = String, Path, description = "The test's key.", example = "SHOP-T1")),
    responses((status = 200, description = "The test.", body = Test))
)]
#[get("/api/v1/tests/{key}")]
pub async fn show(
    caller: ApiCaller,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = test_key(&caller, &key)?;
    let (on, site) = (app.store.read(), caller.0.site);
    let found = stored_tests::by_key(on, site, &key).await?;
    let found = found.ok_or_else(unknown)?;
    let issues = links::issue_keys_of_test(on, site, found.id).await?;
    let quarantine = quarantines::of_tests(on, site, &[found.id]).await?;
    let now_ms = app.clock.now_ms();
    let quarantine = quarantine.get(&found.id);
    let quarantine = quarantine.map(|held| Quarantined::of(held, now_ms));
    let answer = Test::of(&found).with(issues.into_iter().collect(), quarantine);
    Ok(Answer::ok(&answer).tagged(tag(&found)).response())
}

/// Change a test
///
/// Another name, description or steps make a new version.
#[utoipa::path(
    operation_id = "changeTest",
    tag = "tests",
    params(("key" = String, Path, description = "The test's key.", example = "SHOP-T1")),
    request_body = TestChange,
    responses(
        (status = 200, description = "It is changed.", body = Test),
        (status = 412, description = "It has changed since it was read.", body = Problem,
         content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[patch("/api/v1/tests/{key}")]
pub async fn change(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = test_key(&caller, &key)?;
    let expected = IfMatch::required(&request)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: TestChange = body::read(&sent)?;
    let (site, by, now_ms) = (caller.0.site, &caller.0.name, app.clock.now_ms());
    edit::change(&app, async |txn| {
        let on = &**txn;
        let held = held(on, site, &key).await?;
        expected.check(&tag(&held))?;
        let changed = given.applied_to(&held, now_ms)?;
        let stored = edit_test(on, site, &held, changed, by, now_ms).await?;
        Ok(Answer::ok(&Test::of(&stored)).tagged(tag(&stored)))
    })
    .await
}

/// The versions of a test
///
/// The newest first.
#[utoipa::path(
    operation_id = "listTestVersions",
    tag = "tests",
    params(
        ("key" = String, Path, description = "The test's key.", example = "SHOP-T1"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 50 by default.")
    ),
    responses((status = 200, description = "A page of versions.", body = Listed<Version>))
)]
#[get("/api/v1/tests/{key}/versions")]
pub async fn versions(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key = test_key(&caller, &key)?;
    let page = Page::read(&Query::read(request.query_string(), &["cursor", "limit"])?)?;
    let (on, site) = (app.store.read(), caller.0.site);
    let found = stored_tests::by_key(on, site, &key).await?;
    let found = found.ok_or_else(unknown)?;
    let before = page.after.unwrap_or(i64::from(i32::MAX));
    let current = found.current();
    let mut versions = Vec::new();
    if i64::from(current.version) < before {
        versions.push(current);
    }
    let wanted = page.wanted();
    versions.extend(stored_tests::versions_before(on, site, found.id, before, wanted).await?);
    versions.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
    let listed = page.of(
        versions,
        |version| i64::from(version.version),
        |version| Version::of(&version),
    );
    Ok(HttpResponse::Ok().json(listed))
}

/// Reads the key in a path, of a project the client may use.
pub(super) fn test_key(caller: &ApiCaller, text: &str) -> Result<TestKey, Problem> {
    let key: TestKey = text.parse().map_err(|why| unknown().because(why))?;
    caller.check_project(&key.project)?;
    Ok(key)
}

/// The test, whose project is held until the transaction ends.
pub(super) async fn held(
    on: &impl Conn,
    site: SiteId,
    key: &TestKey,
) -> Result<StoredTest, Problem> {
    projects::hold(on, site, &key.project).await?;
    let found = stored_tests::by_key(on, site, key).await?;
    found.ok_or_else(unknown)
}

pub(super) fn unknown() -> Problem {
    Problem::not_found("There is no such test.")
}

fn url(base_url: &str, key: &TestKey) -> String {
    format!("{}/api/v1/tests/{key}", base_url.trim_end_matches('/'))
}

fn tag(test: &StoredTest) -> String {
    etag(&Test::of(test))
}
