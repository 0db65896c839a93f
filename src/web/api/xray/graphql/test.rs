//! Tests and their versions.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use serde_json::Value;

use super::super::ids;
use super::desk::{Answer, Desk, refused};
use super::execution::TestExecution;
use super::folder::Folder;
use super::group::{Precondition, TestSet};
use super::issue::CoverableIssue;
use super::jira::{Facts, fields_of};
use super::names::{step_id, time};
use super::page::{Page, Part, Texts, rows, weight};
use super::plan::TestPlan;
use super::query::find::{self, Search};
use super::run::{self, TestRun};
use super::settings::{TestStatusType, test_status_type};
use crate::app::test_status::test_status;
use crate::domain::coverage::{MadeFor, Scope};
use crate::domain::keys::GroupKind;
use crate::domain::test::{self, CUCUMBER, GENERIC, MANUAL, TestContent, TestKind};
use crate::store::folders;
use crate::store::run_search;
use crate::store::search::{Kind, Of};
use crate::store::stored_tests::{self, StoredTest};

/// A test.
#[derive(Debug, Clone)]
pub(super) struct Test(pub StoredTest);

/// A version of a test.
#[derive(Debug)]
pub(super) struct TestVersion {
    pub test: StoredTest,
    pub version: stored_tests::TestVersion,
}

/// The type of a test.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct TestType {
    /// Its id, which is its name.
    id: String,
    /// Its name.
    name: String,
    /// What a test of it is made of: `Steps`, `Gherkin` or `Unstructured`.
    kind: &'static str,
}

impl TestType {
    pub fn named(name: &str) -> Self {
        Self {
            id: name.to_owned(),
            name: name.to_owned(),
            kind: match name {
                MANUAL => "Steps",
                CUCUMBER => "Gherkin",
                _ => "Unstructured",
            },
        }
    }

    pub fn all() -> Vec<Self> {
        [MANUAL, CUCUMBER, GENERIC].map(Self::named).to_vec()
    }
}

/// The type of a test, as it is given: by id or by name.
#[derive(Debug, InputObject)]
#[graphql(name = "UpdateTestTypeInput")]
pub(super) struct GivenType {
    pub id: Option<String>,
    pub name: Option<String>,
}

/// Which type of tests is looked for.
#[derive(Debug, InputObject)]
#[graphql(name = "TestTypeInput")]
pub(super) struct WantedType {
    pub id: Option<String>,
    pub name: Option<String>,
    pub kind: Option<String>,
}

impl GivenType {
    pub fn name(&self) -> Answer<&'static str> {
        type_named(self.id.as_deref().or(self.name.as_deref()))
    }
}

impl WantedType {
    pub fn name(&self) -> Answer<&'static str> {
        if let Some(kind) = &self.kind {
            let all = TestType::all();
            let found = all.iter().find(|one| one.kind.eq_ignore_ascii_case(kind));
            return type_named(found.map(|one| one.name.as_str()));
        }
        type_named(self.id.as_deref().or(self.name.as_deref()))
    }
}

fn type_named(name: Option<&str>) -> Answer<&'static str> {
    let known = name.and_then(test::test_type);
    known.ok_or_else(|| {
        refused("The type of a test is Manual, Cucumber or Generic, named by `name` or `id`.")
    })
}

/// A step of a test.
#[derive(Debug, SimpleObject)]
pub(super) struct Step {
    /// Its id.
    pub id: String,
    /// What to do.
    pub action: String,
    /// With what.
    pub data: Option<String>,
    /// What should happen.
    pub result: Option<String>,
    /// Files of the step: none are kept here.
    pub attachments: Vec<Attachment>,
    /// Fields of one's own: none are kept here.
    pub custom_fields: Vec<CustomStepField>,
}

/// A file of a step.
#[derive(Debug, SimpleObject)]
pub(super) struct Attachment {
    id: String,
    filename: String,
    stored_in_jira: bool,
    download_link: String,
}

/// A field of one's own of a step.
#[derive(Debug, SimpleObject)]
pub(super) struct CustomStepField {
    id: String,
    name: String,
    value: Value,
}

/// The steps of what a version says.
pub(super) fn steps_of(test: uuid::Uuid, content: &TestContent) -> Vec<Step> {
    let named = content.steps.iter().zip(content.step_ids());
    let step = |(step, id): (&test::TestStep, i32)| Step {
        id: step_id(test, id),
        action: step.action.clone(),
        data: step.data.clone(),
        result: step.expected.clone(),
        attachments: Vec::new(),
        custom_fields: Vec::new(),
    };
    named.map(step).collect()
}

/// What a version says, by the names of this interface.
pub(super) struct Says<'a> {
    pub kind: TestKind,
    pub content: &'a TestContent,
}

impl Says<'_> {
    pub fn test_type(&self) -> TestType {
        TestType::named(self.content.type_name(self.kind))
    }

    pub fn unstructured(&self) -> Option<String> {
        let is_one = self.test_type().kind == "Unstructured";
        self.content.definition.clone().filter(|_| is_one)
    }

    pub fn gherkin(&self) -> Option<String> {
        let is_one = self.test_type().kind == "Gherkin";
        self.content.definition.clone().filter(|_| is_one)
    }

    pub fn scenario_type(&self) -> Option<&'static str> {
        let text = self.gherkin()?;
        let is_outline = text.lines().any(|line| {
            let line = line.trim_start();
            line.starts_with("Examples:") || line.starts_with("Scenario Outline:")
        });
        Some(if is_outline {
            "scenario_outline"
        } else {
            "scenario"
        })
    }
}

impl Test {
    fn says(&self) -> Says<'_> {
        Says {
            kind: self.0.kind,
            content: &self.0.content,
        }
    }
}

#[Object]
impl Test {
    /// Its id.
    async fn issue_id(&self) -> String {
        ids::of(self.0.id)
    }

    /// The id of its project.
    async fn project_id(&self, context: &Context<'_>) -> Answer<String> {
        Desk::of(context)?.project_id(self.0.project_id).await
    }

    /// Its type.
    async fn test_type(&self) -> TestType {
        self.says().test_type()
    }

    /// What to do, in order.
    async fn steps(&self) -> Vec<Step> {
        steps_of(self.0.id, &self.0.content)
    }

    /// The text of a generic test.
    async fn unstructured(&self) -> Option<String> {
        self.says().unstructured()
    }

    /// The Gherkin of a Cucumber test.
    async fn gherkin(&self) -> Option<String> {
        self.says().gherkin()
    }

    /// `scenario` or `scenario_outline`, of a Cucumber test.
    async fn scenario_type(&self) -> Option<&'static str> {
        self.says().scenario_type()
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
        let (before, most) = (i64::from(self.0.version), i64::from(self.0.version));
        let mut all = vec![self.0.current()];
        let (on, site) = (desk.read(), desk.site());
        all.extend(stored_tests::versions_before(on, site, self.0.id, before, most).await?);
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
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<CoverableIssue>> {
        let of = [Of::CoveredIssues(self.0.id)];
        let search = Search::of(&of, None, Part::read(limit, start)?);
        find::issues(Desk::of(context)?, search).await
    }

    /// What Jira would say of it if it was an issue there.
    async fn jira(&self, context: &Context<'_>, fields: Texts) -> Answer<Value> {
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
            project_id: Desk::of(context)?.project_id(test.project_id).await?,
            project_key: &test.key.project,
            ..Facts::default()
        };
        fields_of(Kind::Test, &facts, fields)
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
}

/// The scope that the arguments of a status name: a version by its name, a plan by its id.
pub(super) async fn scope(
    desk: &Desk,
    environment: Option<String>,
    version: Option<String>,
    test_plan: Option<String>,
) -> Answer<Scope> {
    let made_for = match (version, test_plan) {
        (Some(_), Some(_)) => {
            return Err(refused(
                "A status is of a version or of a plan, not of both.",
            ));
        }
        (Some(name), None) => Some(MadeFor::Version(name)),
        (None, Some(plan)) => {
            let plan = find::plan(desk, Some(&plan)).await?;
            Some(MadeFor::Plan(plan.0.key.to_string()))
        }
        (None, None) => None,
    };
    Ok(Scope {
        made_for,
        environment,
    })
}

impl TestVersion {
    fn says(&self) -> Says<'_> {
        Says {
            kind: self.test.kind,
            content: &self.version.content,
        }
    }
}

#[Object]
impl TestVersion {
    /// Its number, from 1.
    async fn id(&self) -> i32 {
        self.version.version
    }

    /// Its name.
    async fn name(&self) -> String {
        format!("Version {}", self.version.version)
    }

    /// Whether it is the one the test has now.
    async fn default(&self) -> bool {
        self.version.version == self.test.version
    }

    /// Whether it was put away.
    async fn archived(&self) -> bool {
        self.test.archived_ms.is_some()
    }

    /// Its type.
    async fn test_type(&self) -> TestType {
        self.says().test_type()
    }

    /// What to do, in order.
    async fn steps(&self) -> Vec<Step> {
        steps_of(self.test.id, &self.version.content)
    }

    /// The text of a generic test.
    async fn unstructured(&self) -> Option<String> {
        self.says().unstructured()
    }

    /// The Gherkin of a Cucumber test.
    async fn gherkin(&self) -> Option<String> {
        self.says().gherkin()
    }

    /// `scenario` or `scenario_outline`, of a Cucumber test.
    async fn scenario_type(&self) -> Option<&'static str> {
        self.says().scenario_type()
    }

    /// The test.
    async fn test(&self) -> Test {
        Test(self.test.clone())
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
            tests: Some(&[self.test.id]),
            version: Some(self.version.version),
            ..run_search::Search::default()
        };
        run::find(Desk::of(context)?, search, Part::read(limit, start)?).await
    }

    /// Since when the test says this.
    async fn last_modified(&self) -> String {
        time(self.version.created_ms)
    }
}
