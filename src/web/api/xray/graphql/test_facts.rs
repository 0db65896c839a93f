//! What holds for a test whatever version of it is looked at: where it belongs, how it stands.

use async_graphql::{Context, Object};
use serde_json::Value;

use super::super::ids;
use super::desk::{Answer, Desk};
use super::execution::TestExecution;
use super::folder::Folder;
use super::group::{Precondition, TestSet};
use super::history::{self, HistoryEntry};
use super::issue::CoverableIssue;
use super::jira::{Facts, fields_of};
use super::names::time;
use super::page::{Page, Part, Texts, rows, weight};
use super::plan::TestPlan;
use super::query::find::{self, Search};
use super::run::{self, TestRun};
use super::settings::{TestStatusType, test_status_type};
use super::test::{TestVersion, scope, type_named};
use crate::app::test_status::test_status;
use crate::domain::keys::GroupKind;
use crate::store::folders;
use crate::store::run_search;
use crate::store::search::{Kind, Of};
use crate::store::stored_tests::{self, StoredTest};

/// See the module.
#[derive(Debug, Clone)]
pub(in crate::web::api::xray) struct TestFacts(pub StoredTest);

impl TestFacts {
    /// What Jira would say of it if it was an issue there.
    pub async fn told(&self, desk: &Desk, fields: Texts) -> Answer<Value> {
        let test = &self.0;
        let facts = Facts {
            id: ids::of(test.id),
            key: test.key.to_string(),
            summary: &test.content.name,
            description: test.content.description.as_deref(),
            labels: &test.labels,
            status: test.workflow_status.as_deref(),
            created_by: test.created_by.as_deref(),
            created_ms: test.created_ms,
            updated_ms: test.version_ms,
            project_id: desk.project_id(test.project_id).await?,
            project_key: &test.key.project,
            ..Facts::default()
        };
        fields_of(Kind::Test, &facts, fields)
    }
}

#[Object]
impl TestFacts {
    /// Its id.
    async fn issue_id(&self) -> String {
        ids::of(self.0.id)
    }

    /// The id of its project.
    async fn project_id(&self, context: &Context<'_>) -> Answer<String> {
        Desk::of(context)?.project_id(self.0.project_id).await
    }

    /// The folder of its project that it lies in.
    async fn folder(&self, context: &Context<'_>) -> Answer<Folder> {
        let desk = Desk::of(context)?;
        let path = folders::of_item(desk.read(), desk.site(), self.0.project_id, self.0.id);
        Ok(Folder::at(path.await?))
    }

    /// Its preconditions.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn preconditions(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<Precondition>> {
        let of = [Of::TestGroups(self.0.id)];
        let search = Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?);
        let kind = GroupKind::Precondition;
        find::groups(Desk::of(context)?, kind, search, Precondition).await
    }

    /// The sets it is in.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn test_sets(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<TestSet>> {
        let of = [Of::TestGroups(self.0.id)];
        let search = Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?);
        find::groups(Desk::of(context)?, GroupKind::TestSet, search, TestSet).await
    }

    /// The plans it is in.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn test_plans(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<TestPlan>> {
        let of = [Of::TestPlans(self.0.id)];
        let search = Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?);
        find::plans(Desk::of(context)?, search).await
    }

    /// The executions that have a run of it.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn test_executions(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<TestExecution>> {
        let of = [Of::TestExecutions(self.0.id)];
        let search = Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?);
        find::executions(Desk::of(context)?, search).await
    }

    /// Its runs: of each execution the newest.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn test_runs(
        &self,
        context: &Context<'_>,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<TestRun>> {
        let search = run_search::Search {
            tests: Some(&[self.0.id]),
            ..run_search::Search::default()
        };
        run::find(Desk::of(context)?, search, Part::read(limit, start)?).await
    }

    /// Its versions, the newest first.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn test_versions(
        &self,
        context: &Context<'_>,
        limit: Option<i32>,
        start: Option<i32>,
        archived: Option<bool>,
        test_type_id: Option<String>,
    ) -> Answer<Page<TestVersion>> {
        let (desk, part) = (Desk::of(context)?, Part::read(limit, start)?);
        // None is ever put away by itself, so it makes no difference whether those are wanted.
        let _ = archived;
        let wanted = test_type_id.as_deref().map(|id| type_named(Some(id)));
        let wanted = wanted.transpose()?;
        let all = stored_tests::all_versions(desk.read(), desk.site(), &self.0).await?;
        let is_wanted = |version: &stored_tests::TestVersion| {
            wanted.is_none_or(|wanted| version.content.type_name(self.0.kind) == wanted)
        };
        let versions = all
            .into_iter()
            .filter(is_wanted)
            .map(|version| TestVersion {
                test: self.0.clone(),
                version,
            });
        Ok(part.of(versions.collect()))
    }

    /// The issues it covers.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn coverable_issues(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<CoverableIssue>> {
        let (desk, part) = (Desk::of(context)?, Part::read(limit, start)?);
        let of = [Of::CoveredIssues(self.0.id)];
        let ids = find::issue_rows(desk, issue_ids).await?;
        find::issues(desk, Search::of(&of, ids, part)).await
    }

    /// What Jira would say of it if it was an issue there.
    async fn jira(&self, context: &Context<'_>, fields: Texts) -> Answer<Value> {
        self.told(Desk::of(context)?, fields).await
    }

    /// Its status: over all its runs, or those of one environment, version or plan.
    async fn status(
        &self,
        context: &Context<'_>,
        environment: Option<String>,
        is_final: Option<bool>,
        version: Option<String>,
        test_plan: Option<String>,
    ) -> Answer<TestStatusType> {
        let desk = Desk::of(context)?;
        let scope = scope(desk, environment, version, test_plan).await?;
        let mut settings = desk.settings(&self.0.key.project).await?.coverage;
        settings.final_precedence = is_final.unwrap_or(settings.final_precedence);
        let (test, now_ms) = ((self.0.id, self.0.version), desk.now_ms);
        let status = test_status(
            &desk.app.store,
            desk.site(),
            test,
            &scope,
            &settings,
            now_ms,
        );
        Ok(test_status_type(status.await?, &settings.statuses))
    }

    /// Since when it says what it says.
    async fn last_modified(&self) -> String {
        time(self.0.version_ms)
    }

    /// What was changed of it, the newest first.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn history(
        &self,
        context: &Context<'_>,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<HistoryEntry>> {
        let part = Part::read(limit, start)?;
        Ok(part.of(history::of_test(Desk::of(context)?, &self.0).await?))
    }
}
