//! Questions.

use async_graphql::{Context, InputObject, MergedObject, Object};

use super::desk::{Answer, Desk, refused};
use super::execution::TestExecution;
use super::folder::{FolderResults, Tree};
use super::group::{Precondition, TestSet};
use super::issue::CoverableIssue;
use super::names::{run_of, time_ms};
use super::page::{Page, Part, Texts, row, rows, texts, weight};
use super::plan::TestPlan;
use super::run::{self, TestRun};
use super::settings::SettingsQuery;
use super::test::WantedType;
use crate::domain::folder::FolderPath;
use crate::domain::keys::GroupKind;
use crate::store::run_search;
use crate::store::search::Of;

pub(in crate::web::api::xray) mod find;
mod tests;

use find::Search;
pub(in crate::web::api::xray) use tests::VersionedTest;

/// All of them.
#[derive(Debug, MergedObject, Default)]
pub(super) struct Query(
    tests::TestQuery,
    ContainerQuery,
    RunQuery,
    IssueQuery,
    FolderQuery,
    SettingsQuery,
);

/// A time that a list begins at.
fn since(modified: Option<&str>) -> Answer<Option<Of>> {
    let Some(text) = modified else {
        return Ok(None);
    };
    let since_ms = time_ms(text).ok_or_else(|| {
        refused("`modifiedSince` is no time; one is written like 2026-11-20T10:00:00Z.")
    })?;
    Ok(Some(Of::ChangedSince(since_ms)))
}

/// Questions about executions and plans.
#[derive(Debug, Default)]
struct ContainerQuery;

#[Object]
impl ContainerQuery {
    /// An execution.
    async fn get_test_execution(
        &self,
        context: &Context<'_>,
        issue_id: Option<String>,
    ) -> Answer<Option<TestExecution>> {
        find::execution(Desk::of(context)?, issue_id.as_deref())
            .await
            .map(Some)
    }

    /// Executions.
    #[expect(clippy::too_many_arguments, reason = "clients know these")]
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn get_test_executions(
        &self,
        context: &Context<'_>,
        jql: Option<String>,
        issue_ids: Texts,
        project_id: Option<String>,
        limit: Option<i32>,
        start: Option<i32>,
        modified_since: Option<String>,
    ) -> Answer<Option<Page<TestExecution>>> {
        let of: Vec<Of> = since(modified_since.as_deref())?.into_iter().collect();
        let search = Search {
            jql: jql.as_deref(),
            project: project_id.as_deref(),
            ..Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?)
        };
        find::executions(Desk::of(context)?, search).await.map(Some)
    }

    /// A plan.
    async fn get_test_plan(
        &self,
        context: &Context<'_>,
        issue_id: Option<String>,
    ) -> Answer<Option<TestPlan>> {
        find::plan(Desk::of(context)?, issue_id.as_deref())
            .await
            .map(Some)
    }

    /// Plans.
    #[expect(clippy::too_many_arguments, reason = "clients know these")]
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn get_test_plans(
        &self,
        context: &Context<'_>,
        jql: Option<String>,
        issue_ids: Texts,
        project_id: Option<String>,
        limit: Option<i32>,
        start: Option<i32>,
        modified_since: Option<String>,
    ) -> Answer<Option<Page<TestPlan>>> {
        let of: Vec<Of> = since(modified_since.as_deref())?.into_iter().collect();
        let search = Search {
            jql: jql.as_deref(),
            project: project_id.as_deref(),
            ..Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?)
        };
        find::plans(Desk::of(context)?, search).await.map(Some)
    }

    /// A test set.
    async fn get_test_set(
        &self,
        context: &Context<'_>,
        issue_id: Option<String>,
    ) -> Answer<Option<TestSet>> {
        let (desk, kind) = (Desk::of(context)?, GroupKind::TestSet);
        Ok(Some(TestSet(
            find::group(desk, kind, issue_id.as_deref()).await?,
        )))
    }

    /// Test sets.
    #[expect(clippy::too_many_arguments, reason = "clients know these")]
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn get_test_sets(
        &self,
        context: &Context<'_>,
        jql: Option<String>,
        issue_ids: Texts,
        project_id: Option<String>,
        limit: Option<i32>,
        start: Option<i32>,
        modified_since: Option<String>,
    ) -> Answer<Option<Page<TestSet>>> {
        let of: Vec<Of> = since(modified_since.as_deref())?.into_iter().collect();
        let search = Search {
            jql: jql.as_deref(),
            project: project_id.as_deref(),
            ..Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?)
        };
        find::groups(Desk::of(context)?, GroupKind::TestSet, search, TestSet)
            .await
            .map(Some)
    }

    /// A precondition.
    async fn get_precondition(
        &self,
        context: &Context<'_>,
        issue_id: Option<String>,
    ) -> Answer<Option<Precondition>> {
        let (desk, kind) = (Desk::of(context)?, GroupKind::Precondition);
        Ok(Some(Precondition(
            find::group(desk, kind, issue_id.as_deref()).await?,
        )))
    }

    /// Preconditions.
    #[expect(clippy::too_many_arguments, reason = "clients know these")]
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn get_preconditions(
        &self,
        context: &Context<'_>,
        jql: Option<String>,
        issue_ids: Texts,
        project_id: Option<String>,
        precondition_type: Option<WantedType>,
        limit: Option<i32>,
        start: Option<i32>,
        modified_since: Option<String>,
        folder: Option<WantedPreconditionFolder>,
    ) -> Answer<Option<Page<Precondition>>> {
        let desk = Desk::of(context)?;
        let mut of: Vec<Of> = since(modified_since.as_deref())?.into_iter().collect();
        if let Some(wanted) = precondition_type {
            of.push(Of::GroupType(wanted.name()?.to_owned()));
        }
        if let Some(folder) = folder {
            let owner = find::owner(desk, project_id.as_deref(), None).await?;
            let path = FolderPath::parse(&folder.path).map_err(|why| refused(why.to_string()))?;
            let is_deep = folder.include_descendants.unwrap_or(false);
            of.push(Of::Folder(owner.id, path, is_deep));
        }
        let search = Search {
            jql: jql.as_deref(),
            project: project_id.as_deref(),
            ..Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?)
        };
        find::groups(desk, GroupKind::Precondition, search, Precondition)
            .await
            .map(Some)
    }
}

/// In which folder preconditions are looked for.
#[derive(Debug, InputObject)]
#[graphql(name = "PreconditionFolderSearchInput")]
struct WantedPreconditionFolder {
    path: String,
    include_descendants: Option<bool>,
}

/// Questions about runs.
#[derive(Debug, Default)]
struct RunQuery;

#[Object]
impl RunQuery {
    /// The run of a test in an execution: the newest, when there are several.
    async fn get_test_run(
        &self,
        context: &Context<'_>,
        test_issue_id: Option<String>,
        test_exec_issue_id: Option<String>,
    ) -> Answer<Option<TestRun>> {
        let desk = Desk::of(context)?;
        let test = row(test_issue_id.as_deref())
            .into_iter()
            .collect::<Vec<_>>();
        let execution = row(test_exec_issue_id.as_deref())
            .into_iter()
            .collect::<Vec<_>>();
        let search = run_search::Search {
            tests: Some(&test),
            executions: Some(&execution),
            ..run_search::Search::default()
        };
        let found = run::find(desk, search, Part { start: 0, limit: 1 }).await?;
        let run = found.results.into_iter().next();
        run.ok_or_else(|| refused("There is no run of that test in that execution."))
            .map(Some)
    }

    /// The run with this id.
    async fn get_test_run_by_id(
        &self,
        context: &Context<'_>,
        id: Option<String>,
    ) -> Answer<Option<TestRun>> {
        find::run(Desk::of(context)?, id.as_deref().unwrap_or_default())
            .await
            .map(Some)
    }

    /// Runs with these ids.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn get_test_runs_by_id(
        &self,
        context: &Context<'_>,
        ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Option<Page<TestRun>>> {
        let (desk, part) = (Desk::of(context)?, Part::read(limit, start)?);
        let places = texts(ids)?.unwrap_or_default();
        let places: Vec<_> = places.iter().filter_map(|id| run_of(id)).collect();
        Ok(Some(part.of(run::load(desk, &places).await?)))
    }

    /// Runs of tests, executions or plans: of each test in each execution the newest.
    #[expect(clippy::too_many_arguments, reason = "clients know these")]
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn get_test_runs(
        &self,
        context: &Context<'_>,
        test_issue_ids: Texts,
        test_exec_issue_ids: Texts,
        statuses: Texts,
        test_plan_issue_ids: Texts,
        test_run_assignees: Texts,
        limit: Option<i32>,
        start: Option<i32>,
        modified_since: Option<String>,
    ) -> Answer<Option<Page<TestRun>>> {
        let (desk, part) = (Desk::of(context)?, Part::read(limit, start)?);
        let (tests, executions) = (rows(test_issue_ids)?, rows(test_exec_issue_ids)?);
        let plans = find::plan_keys(desk, rows(test_plan_issue_ids)?).await?;
        if tests.is_none() && executions.is_none() && plans.is_none() {
            return Err(refused(
                "Runs are asked for by tests, executions or plans; name some of either.",
            ));
        }
        let statuses = find::statuses(desk, texts(statuses)?).await?;
        let assignees = texts(test_run_assignees)?;
        let since = match since(modified_since.as_deref())? {
            Some(Of::ChangedSince(since_ms)) => Some(since_ms),
            _ => None,
        };
        let search = run_search::Search {
            tests: tests.as_deref(),
            executions: executions.as_deref(),
            plans: plans.as_deref(),
            statuses: statuses.as_deref(),
            assignees: assignees.as_deref(),
            arrived_since_ms: since,
            ..run_search::Search::default()
        };
        run::find(desk, search, part).await.map(Some)
    }
}

/// Questions about issues of Jira.
#[derive(Debug, Default)]
struct IssueQuery;

#[Object]
impl IssueQuery {
    /// An issue that tests can cover, by Jira's id.
    async fn get_coverable_issue(
        &self,
        context: &Context<'_>,
        issue_id: String,
    ) -> Answer<Option<CoverableIssue>> {
        let ids = Some(vec![Some(issue_id)]);
        let part = Part { start: 0, limit: 1 };
        let found = find::coverable(Desk::of(context)?, None, ids, part).await?;
        let issue = found.results.into_iter().next();
        issue
            .ok_or_else(|| refused("There is no such issue that tests can cover."))
            .map(Some)
    }

    /// Issues that tests can cover.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn get_coverable_issues(
        &self,
        context: &Context<'_>,
        jql: Option<String>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Option<Page<CoverableIssue>>> {
        let part = Part::read(limit, start)?;
        find::coverable(Desk::of(context)?, jql.as_deref(), issue_ids, part)
            .await
            .map(Some)
    }
}

/// Questions about folders.
#[derive(Debug, Default)]
struct FolderQuery;

#[Object]
impl FolderQuery {
    /// A folder of a project or a plan, with what lies below it.
    async fn get_folder(
        &self,
        context: &Context<'_>,
        project_id: Option<String>,
        test_plan_id: Option<String>,
        path: String,
    ) -> Answer<Option<FolderResults>> {
        let desk = Desk::of(context)?;
        let owner = find::owner(desk, project_id.as_deref(), test_plan_id.as_deref()).await?;
        let path = FolderPath::parse(&path).map_err(|why| refused(why.to_string()))?;
        find::demand_folder(desk.read(), desk.site(), owner.id, &path).await?;
        Ok(Some(Tree::read(desk, owner.id).await?.at(&path)))
    }
}
