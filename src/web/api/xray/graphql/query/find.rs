//! Finding what arguments name: one thing by its id, or a page of them by a search. What the client
//! may not see is not there.

use uuid::Uuid;

use super::super::desk::{Answer, Desk, refused};
use super::super::execution::TestExecution;
use super::super::issue::CoverableIssue;
use super::super::names::run_of;
use super::super::page::{Page, Part, Texts, row, texts};
use super::super::plan::TestPlan;
use super::super::run::{self, TestRun};
use super::super::test::Test;
use crate::domain::folder::FolderPath;
use crate::domain::jql::{self, Condition, Field, Query};
use crate::domain::keys::GroupKind;
use crate::domain::run::RunStatus;
use crate::domain::test::{GENERIC, MANUAL, TestKind};
use crate::store::groups::Group;
use crate::store::search::{self, Kind, Of};
use crate::store::{
    Conn, SiteId, executions as stored_executions, folders, groups as stored_groups,
    issues as stored_issues, plans as stored_plans, stored_tests,
};

/// A search by the arguments of a list.
#[derive(Debug, Clone)]
pub(in crate::web::api::xray) struct Search<'a> {
    pub jql: Option<&'a str>,
    pub project: Option<&'a str>,
    pub ids: Option<Vec<Uuid>>,
    pub of: &'a [Of],
    pub part: Part,
}

impl<'a> Search<'a> {
    pub const fn of(of: &'a [Of], ids: Option<Vec<Uuid>>, part: Part) -> Self {
        Self {
            jql: None,
            project: None,
            ids,
            of,
            part,
        }
    }
}

/// The ids that a search finds, and the page they belong on.
async fn search(desk: &Desk, kind: Kind, asked: &Search<'_>) -> Answer<search::Found> {
    let query = asked.jql.map(jql::parse).transpose();
    let query = query.map_err(|why| refused(format!("The JQL is not understood: {why}.")))?;
    let search = search::Search {
        kind,
        projects: &desk.client.0.projects,
        query: query.as_ref(),
        ids: asked.ids.as_deref(),
        project: asked.project,
        of: asked.of,
        start: asked.part.start,
        limit: asked.part.limit,
    };
    Ok(search::find(desk.read(), desk.site(), &search).await?)
}

/// The one thing of a kind that an id names.
async fn one(desk: &Desk, kind: Kind, id: Option<&str>) -> Answer<Uuid> {
    let asked = Search::of(
        &[],
        Some(row(id).into_iter().collect()),
        Part { start: 0, limit: 1 },
    );
    let found = search(desk, kind, &asked).await?;
    found
        .ids
        .into_iter()
        .next()
        .ok_or_else(|| unknown(kind, id))
}

/// What is said of an id that names nothing of a kind.
fn unknown(kind: Kind, id: Option<&str>) -> super::super::desk::Failure {
    let short: String = id.unwrap_or_default().chars().take(80).collect();
    let what = kind.issue_type().unwrap_or("issue");
    refused(format!("There is no {what} with the id `{short}`."))
}

/// Tests of this type; a test nobody said a type of has one by how it is carried out.
pub(in crate::web::api::xray) fn of_type(name: &str) -> Of {
    let kind = match name {
        MANUAL => Some(TestKind::Manual.code()),
        GENERIC => Some(TestKind::Automated.code()),
        _ => None,
    };
    Of::TestType(name.to_owned(), kind)
}

/// Tests.
pub(in crate::web::api::xray) async fn tests(desk: &Desk, asked: Search<'_>) -> Answer<Page<Test>> {
    let found = search(desk, Kind::Test, &asked).await?;
    let mut all = stored_tests::by_ids(desk.read(), desk.site(), &found.ids).await?;
    let tests = found.ids.iter().filter_map(|id| all.remove(id)).map(Test);
    Ok(asked.part.page(found.total, tests.collect()))
}

/// The test with this id.
pub(in crate::web::api::xray) async fn test(desk: &Desk, id: Option<&str>) -> Answer<Test> {
    let row = one(desk, Kind::Test, id).await?;
    let mut all = stored_tests::by_ids(desk.read(), desk.site(), &[row]).await?;
    all.remove(&row)
        .map(Test)
        .ok_or_else(|| unknown(Kind::Test, id))
}

/// Executions.
pub(in crate::web::api::xray) async fn executions(
    desk: &Desk,
    asked: Search<'_>,
) -> Answer<Page<TestExecution>> {
    let found = search(desk, Kind::Execution, &asked).await?;
    let mut all = stored_executions::by_ids(desk.read(), desk.site(), &found.ids).await?;
    let executions = found.ids.iter().filter_map(|id| all.remove(id));
    Ok(asked
        .part
        .page(found.total, executions.map(TestExecution).collect()))
}

/// The execution with this id.
pub(in crate::web::api::xray) async fn execution(
    desk: &Desk,
    id: Option<&str>,
) -> Answer<TestExecution> {
    let row = one(desk, Kind::Execution, id).await?;
    let mut all = stored_executions::by_ids(desk.read(), desk.site(), &[row]).await?;
    let found = all.remove(&row).map(TestExecution);
    found.ok_or_else(|| unknown(Kind::Execution, id))
}

/// Plans.
pub(in crate::web::api::xray) async fn plans(
    desk: &Desk,
    asked: Search<'_>,
) -> Answer<Page<TestPlan>> {
    let found = search(desk, Kind::Plan, &asked).await?;
    let mut all = stored_plans::by_ids(desk.read(), desk.site(), &found.ids).await?;
    let plans = found.ids.iter().filter_map(|id| all.remove(id));
    Ok(asked.part.page(found.total, plans.map(TestPlan).collect()))
}

/// The plan with this id.
pub(in crate::web::api::xray) async fn plan(desk: &Desk, id: Option<&str>) -> Answer<TestPlan> {
    let row = one(desk, Kind::Plan, id).await?;
    let mut all = stored_plans::by_ids(desk.read(), desk.site(), &[row]).await?;
    all.remove(&row)
        .map(TestPlan)
        .ok_or_else(|| unknown(Kind::Plan, id))
}

/// The keys of the plans with these ids; unknown ones have none.
pub(in crate::web::api::xray) async fn plan_keys(
    desk: &Desk,
    ids: Option<Vec<Uuid>>,
) -> Answer<Option<Vec<String>>> {
    let Some(ids) = ids else {
        return Ok(None);
    };
    let all = stored_plans::by_ids(desk.read(), desk.site(), &ids).await?;
    Ok(Some(
        all.values().map(|plan| plan.key.to_string()).collect(),
    ))
}

/// Test sets or preconditions, all that are found.
pub(in crate::web::api::xray) async fn all_groups(
    desk: &Desk,
    kind: GroupKind,
    asked: Search<'_>,
) -> Answer<Vec<Group>> {
    let found = search(desk, Kind::Group(kind), &asked).await?;
    let mut all = stored_groups::by_ids(desk.read(), desk.site(), &found.ids).await?;
    Ok(found.ids.iter().filter_map(|id| all.remove(id)).collect())
}

/// Test sets or preconditions.
pub(in crate::web::api::xray) async fn groups<T: async_graphql::OutputType>(
    desk: &Desk,
    kind: GroupKind,
    asked: Search<'_>,
    shown: fn(Group) -> T,
) -> Answer<Page<T>> {
    let found = search(desk, Kind::Group(kind), &asked).await?;
    let mut all = stored_groups::by_ids(desk.read(), desk.site(), &found.ids).await?;
    let groups = found.ids.iter().filter_map(|id| all.remove(id));
    Ok(asked.part.page(found.total, groups.map(shown).collect()))
}

/// The test set or precondition with this id.
pub(in crate::web::api::xray) async fn group(
    desk: &Desk,
    kind: GroupKind,
    id: Option<&str>,
) -> Answer<Group> {
    let row = one(desk, Kind::Group(kind), id).await?;
    let mut all = stored_groups::by_ids(desk.read(), desk.site(), &[row]).await?;
    all.remove(&row)
        .ok_or_else(|| unknown(Kind::Group(kind), id))
}

/// Issues.
pub(in crate::web::api::xray) async fn issues(
    desk: &Desk,
    asked: Search<'_>,
) -> Answer<Page<CoverableIssue>> {
    let found = search(desk, Kind::Issue, &asked).await?;
    let mut all = stored_issues::by_ids(desk.read(), desk.site(), &found.ids).await?;
    let issues = found.ids.iter().filter_map(|id| all.remove(id));
    Ok(asked
        .part
        .page(found.total, issues.map(CoverableIssue).collect()))
}

/// The mirror's ids of issues that are named by Jira's.
pub(in crate::web::api::xray) async fn issue_rows(
    desk: &Desk,
    ids: Texts,
) -> Answer<Option<Vec<Uuid>>> {
    let Some(ids) = texts(ids)? else {
        return Ok(None);
    };
    let site = desk.site();
    let ids = ids.iter().filter_map(|id| id.trim().parse().ok());
    let wanted: Vec<(SiteId, i64)> = ids.map(|id| (site, id)).collect();
    let known = stored_issues::by_jira_ids(desk.read(), &wanted).await?;
    Ok(Some(known.values().map(|issue| issue.id).collect()))
}

/// Issues of a type that tests cover, by query and by Jira's ids.
pub(super) async fn coverable(
    desk: &Desk,
    jql: Option<&str>,
    ids: Texts,
    part: Part,
) -> Answer<Page<CoverableIssue>> {
    let ids = issue_rows(desk, ids).await?;
    // A project may cover other types than its site; what a page holds is decided by the site's.
    let types = desk.settings("").await?.coverable;
    let of = [Of::IssueTypes(types.iter().map(str::to_owned).collect())];
    let search = Search {
        jql,
        ..Search::of(&of, ids, part)
    };
    issues(desk, search).await
}

/// The run with this id, if there is one.
pub(in crate::web::api::xray) async fn run_if_there(
    desk: &Desk,
    id: &str,
) -> Answer<Option<TestRun>> {
    let place = run_of(id);
    let places: Vec<(Uuid, i64)> = place.into_iter().collect();
    Ok(run::load(desk, &places).await?.pop())
}

/// The thing of a kind with this key, if there is one.
pub(in crate::web::api::xray) async fn keyed(
    desk: &Desk,
    kind: Kind,
    key: &str,
) -> Answer<Option<Uuid>> {
    let is_key = jql::Test::In(vec![key.trim().to_owned()], false);
    let query = Query {
        condition: Some(Condition::Clause(Field::Key, is_key)),
        order: Vec::new(),
    };
    let search = search::Search {
        kind,
        projects: &desk.client.0.projects,
        query: Some(&query),
        ids: None,
        project: None,
        of: &[],
        start: 0,
        limit: 1,
    };
    let found = search::find(desk.read(), desk.site(), &search).await?;
    Ok(found.ids.first().copied())
}

/// The run with this id.
pub(in crate::web::api::xray) async fn run(desk: &Desk, id: &str) -> Answer<TestRun> {
    run_if_there(desk, id).await?.ok_or_else(|| {
        let short: String = id.chars().take(80).collect();
        refused(format!("There is no test run with the id `{short}`."))
    })
}

/// The statuses of these names.
pub(super) async fn statuses(
    desk: &Desk,
    names: Option<Vec<String>>,
) -> Answer<Option<Vec<RunStatus>>> {
    let Some(names) = names else {
        return Ok(None);
    };
    let statuses = desk.settings("").await?.coverage.statuses;
    let status = |name: &String| {
        let short: String = name.chars().take(80).collect();
        let known = statuses.parse(name);
        known.ok_or_else(|| refused(format!("`{short}` is no status of a run.")))
    };
    Ok(Some(names.iter().map(status).collect::<Answer<_>>()?))
}

/// Whose folders are meant: a plan's, or a project's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web::api::xray) struct Owner {
    /// Our id of it.
    pub id: Uuid,
    /// The key of its project.
    pub project: String,
    /// Whether it is a plan.
    pub is_plan: bool,
}

/// The project or plan that the arguments of a folder name.
pub(in crate::web::api::xray) async fn owner(
    desk: &Desk,
    project: Option<&str>,
    test_plan: Option<&str>,
) -> Answer<Owner> {
    match (project, test_plan) {
        (_, Some(id)) => {
            let plan = plan(desk, Some(id)).await?.0;
            Ok(Owner {
                id: plan.id,
                project: plan.key.project,
                is_plan: true,
            })
        }
        (Some(name), None) => {
            let project = desk.project(name).await?;
            Ok(Owner {
                id: project.id,
                project: project.key,
                is_plan: false,
            })
        }
        (None, None) => Err(refused(
            "A folder belongs to a project or a plan: name one by `projectId` or `testPlanId`.",
        )),
    }
}

/// Refuses a folder that is not there.
pub(in crate::web::api::xray) async fn demand_folder(
    on: &impl Conn,
    site: SiteId,
    owner: Uuid,
    path: &FolderPath,
) -> Answer<()> {
    if folders::exists(on, site, owner, path).await? {
        return Ok(());
    }
    Err(refused(format!("There is no folder `{path}`.")))
}
