//! Test plans.

use async_graphql::{Context, Object};
use serde_json::Value;

use super::super::ids;
use super::desk::{Answer, Desk};
use super::execution::TestExecution;
use super::folder::{FolderResults, Tree};
use super::history::{self, HistoryEntry};
use super::jira::{Facts, fields_of};
use super::names::time;
use super::page::{Page, Part, Texts, rows, weight};
use super::query::find::{self, Search};
use super::test::Test;
use crate::domain::folder::FolderPath;
use crate::store::plans::Plan;
use crate::store::search::{Kind, Of};

/// A test plan.
#[derive(Debug, Clone)]
pub(in crate::web::api::xray) struct TestPlan(pub Plan);

impl TestPlan {
    /// What Jira would say of it if it was an issue there.
    pub async fn told(&self, desk: &Desk, fields: Texts) -> Answer<Value> {
        let plan = &self.0;
        let facts = Facts {
            id: ids::of(plan.id),
            key: plan.key.to_string(),
            summary: &plan.name,
            description: plan.description.as_deref(),
            created_by: plan.created_by.as_deref(),
            created_ms: plan.created_ms,
            updated_ms: plan.created_ms,
            project_id: desk.project_id(plan.project_id).await?,
            project_key: &plan.key.project,
            ..Facts::default()
        };
        fields_of(Kind::Plan, &facts, fields)
    }
}

#[Object]
impl TestPlan {
    /// Its id.
    async fn issue_id(&self) -> String {
        ids::of(self.0.id)
    }

    /// The id of its project.
    async fn project_id(&self, context: &Context<'_>) -> Answer<String> {
        Desk::of(context)?.project_id(self.0.project_id).await
    }

    /// The tests that were put into it.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn tests(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<Test>> {
        let of = [Of::PlanTests(self.0.id)];
        let search = Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?);
        find::tests(Desk::of(context)?, search).await
    }

    /// The executions that belong to it.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn test_executions(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<TestExecution>> {
        let of = [Of::PlanExecutions(self.0.key.to_string())];
        let search = Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?);
        find::executions(Desk::of(context)?, search).await
    }

    /// What Jira would say of it if it was an issue there.
    async fn jira(&self, context: &Context<'_>, fields: Texts) -> Answer<Value> {
        self.told(Desk::of(context)?, fields).await
    }

    /// Its folders.
    async fn folders(&self, context: &Context<'_>) -> Answer<FolderResults> {
        let tree = Tree::read(Desk::of(context)?, self.0.id).await?;
        Ok(tree.at(&FolderPath::root()))
    }

    /// When it was made.
    async fn last_modified(&self) -> String {
        time(self.0.created_ms)
    }

    /// What was changed of it, as far as that is kept.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn history(&self, limit: Option<i32>, start: Option<i32>) -> Answer<Page<HistoryEntry>> {
        let made = history::of_made(self.0.created_by.as_deref(), self.0.created_ms);
        Ok(Part::read(limit, start)?.of(made))
    }
}
