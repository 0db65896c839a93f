//! Test sets and preconditions.

use async_graphql::{Context, Object};
use serde_json::Value;

use super::super::ids;
use super::desk::{Answer, Desk};
use super::folder::Folder;
use super::history::{self, HistoryEntry};
use super::jira::{Facts, fields_of};
use super::names::time;
use super::page::{Page, Part, Texts, rows, weight};
use super::query::find::{self, Search};
use super::test::{Test, TestType, TestVersion, type_named};
use crate::domain::test::MANUAL;
use crate::store::folders;
use crate::store::groups::Group;
use crate::store::search::{Kind, Of};

/// A test set.
#[derive(Debug, Clone)]
pub(super) struct TestSet(pub Group);

/// What must hold before tests can be run.
#[derive(Debug, Clone)]
pub(super) struct Precondition(pub Group);

async fn tests_of(
    group: &Group,
    context: &Context<'_>,
    issue_ids: Texts,
    part: Part,
) -> Answer<Page<Test>> {
    let of = [Of::GroupTests(group.id)];
    find::tests(Desk::of(context)?, Search::of(&of, rows(issue_ids)?, part)).await
}

/// What Jira would say of a test set or precondition if it was an issue there.
pub(in crate::web::api::xray) async fn told(
    group: &Group,
    desk: &Desk,
    fields: Texts,
) -> Answer<Value> {
    let facts = Facts {
        id: ids::of(group.id),
        key: group.key.to_string(),
        summary: &group.content.name,
        description: group.content.description.as_deref(),
        created_by: group.created_by.as_deref(),
        created_ms: group.created_ms,
        updated_ms: group.changed_ms,
        project_id: desk.project_id(group.project_id).await?,
        project_key: &group.key.project,
        ..Facts::default()
    };
    fields_of(Kind::Group(group.key.kind), &facts, fields)
}

#[Object]
impl TestSet {
    /// Its id.
    async fn issue_id(&self) -> String {
        ids::of(self.0.id)
    }

    /// The id of its project.
    async fn project_id(&self, context: &Context<'_>) -> Answer<String> {
        Desk::of(context)?.project_id(self.0.project_id).await
    }

    /// Its tests.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn tests(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<Test>> {
        tests_of(&self.0, context, issue_ids, Part::read(limit, start)?).await
    }

    /// What Jira would say of it if it was an issue there.
    async fn jira(&self, context: &Context<'_>, fields: Texts) -> Answer<Value> {
        told(&self.0, Desk::of(context)?, fields).await
    }

    /// When what it says last changed.
    async fn last_modified(&self) -> String {
        time(self.0.changed_ms)
    }

    /// What was changed of it, as far as that is kept.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn history(&self, limit: Option<i32>, start: Option<i32>) -> Answer<Page<HistoryEntry>> {
        let made = history::of_made(self.0.created_by.as_deref(), self.0.created_ms);
        Ok(Part::read(limit, start)?.of(made))
    }
}

#[Object]
impl Precondition {
    /// Its id.
    async fn issue_id(&self) -> String {
        ids::of(self.0.id)
    }

    /// The id of its project.
    async fn project_id(&self, context: &Context<'_>) -> Answer<String> {
        Desk::of(context)?.project_id(self.0.project_id).await
    }

    /// The type of the tests it is for.
    async fn precondition_type(&self) -> TestType {
        TestType::named(self.0.content.test_type.as_deref().unwrap_or(MANUAL))
    }

    /// What must hold.
    async fn definition(&self) -> Option<&str> {
        self.0.content.definition.as_deref()
    }

    /// Its tests.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn tests(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<Test>> {
        tests_of(&self.0, context, issue_ids, Part::read(limit, start)?).await
    }

    /// What Jira would say of it if it was an issue there.
    async fn jira(&self, context: &Context<'_>, fields: Texts) -> Answer<Value> {
        told(&self.0, Desk::of(context)?, fields).await
    }

    /// The versions of its tests, each as it is now.
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
        let mut of = vec![Of::GroupTests(self.0.id)];
        // Tests that are put away are in no list.
        if archived == Some(true) {
            return Ok(part.of(Vec::new()));
        }
        if let Some(id) = test_type_id.as_deref() {
            of.push(find::of_type(type_named(Some(id))?));
        }
        let found = find::tests(desk, Search::of(&of, None, part)).await?;
        let versions = found.results.into_iter().map(|test| TestVersion {
            version: test.0.current(),
            test: test.0,
        });
        Ok(part.page(found.total, versions.collect()))
    }

    /// The folder of its project that it lies in.
    async fn folder(&self, context: &Context<'_>) -> Answer<Folder> {
        let desk = Desk::of(context)?;
        let path = folders::of_item(desk.read(), desk.site(), self.0.project_id, self.0.id);
        Ok(Folder::at(path.await?))
    }

    /// When what it says last changed.
    async fn last_modified(&self) -> String {
        time(self.0.changed_ms)
    }

    /// What was changed of it, as far as that is kept.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn history(&self, limit: Option<i32>, start: Option<i32>) -> Answer<Page<HistoryEntry>> {
        let made = history::of_made(self.0.created_by.as_deref(), self.0.created_ms);
        Ok(Part::read(limit, start)?.of(made))
    }
}
