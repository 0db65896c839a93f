//! Test executions.

use async_graphql::{Context, Object};
use serde_json::Value;

use super::super::ids;
use super::desk::{Answer, Desk};
use super::history::{self, HistoryEntry};
use super::jira::{Facts, fields_of};
use super::names::time;
use super::page::{Page, Part, Texts, rows, weight};
use super::plan::TestPlan;
use super::query::find::{self, Search};
use super::run::{self, TestRun};
use super::test::Test;
use crate::domain::execution::Execution;
use crate::domain::keys::PlanKey;
use crate::store::run_search;
use crate::store::search::{Kind, Of};

/// A test execution.
#[derive(Debug, Clone)]
pub(in crate::web::api::xray) struct TestExecution(pub Execution);

impl TestExecution {
    /// What Jira would say of it if it was an issue there.
    pub async fn told(&self, desk: &Desk, fields: Texts) -> Answer<Value> {
        let execution = &self.0;
        let facts = Facts {
            id: ids::of(execution.id),
            key: execution.key.to_string(),
            summary: &execution.name,
            fix_version: execution.particulars.fix_version.as_deref(),
            created_by: execution.created_by.as_deref(),
            created_ms: execution.created_ms,
            updated_ms: execution.finished_ms.max(execution.created_ms),
            project_id: desk.project_id(execution.project_id).await?,
            project_key: &execution.key.project,
            ..Facts::default()
        };
        fields_of(Kind::Execution, &facts, fields)
    }
}

#[Object]
impl TestExecution {
    /// Its id.
    async fn issue_id(&self) -> String {
        ids::of(self.0.id)
    }

    /// The id of its project.
    async fn project_id(&self, context: &Context<'_>) -> Answer<String> {
        Desk::of(context)?.project_id(self.0.project_id).await
    }

    /// The environments every run of it counts for.
    async fn test_environments(&self) -> &[String] {
        &self.0.particulars.environments
    }

    /// The tests it has runs of.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn tests(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<Test>> {
        let of = [Of::ExecutionTests(self.0.id)];
        let search = Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?);
        find::tests(Desk::of(context)?, search).await
    }

    /// The plan it belongs to, if it belongs to one that is kept here.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn test_plans(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<TestPlan>> {
        let part = Part::read(limit, start)?;
        let name = self.0.particulars.plan.as_deref();
        let Some(Ok(key)) = name.map(str::parse::<PlanKey>) else {
            return Ok(part.of(Vec::new()));
        };
        let of = [Of::PlanNamed(key)];
        find::plans(Desk::of(context)?, Search::of(&of, rows(issue_ids)?, part)).await
    }

    /// Its runs: of each test the newest.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn test_runs(
        &self,
        context: &Context<'_>,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<TestRun>> {
        let search = run_search::Search {
            executions: Some(&[self.0.id]),
            ..run_search::Search::default()
        };
        run::find(Desk::of(context)?, search, Part::read(limit, start)?).await
    }

    /// What Jira would say of it if it was an issue there.
    async fn jira(&self, context: &Context<'_>, fields: Texts) -> Answer<Value> {
        self.told(Desk::of(context)?, fields).await
    }

    /// When it was made, or its last run ended.
    async fn last_modified(&self) -> String {
        time(self.0.finished_ms.max(self.0.created_ms))
    }

    /// What was changed of it, as far as that is kept.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn history(&self, limit: Option<i32>, start: Option<i32>) -> Answer<Page<HistoryEntry>> {
        let made = history::of_made(self.0.created_by.as_deref(), self.0.created_ms);
        Ok(Part::read(limit, start)?.of(made))
    }
}
