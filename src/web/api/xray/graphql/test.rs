//! Tests and their versions.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use serde_json::Value;

use super::super::ids;
use super::desk::{Answer, Desk, refused};
use super::execution::TestExecution;
use super::group::Precondition;
use super::names::{step_id, time};
use super::page::{Page, Part, Texts, rows, weight};
use super::query::find::{self, Search};
use super::run::{self, TestRun};
use super::test_facts::TestFacts;
use crate::domain::coverage::{MadeFor, Scope};
use crate::domain::keys::GroupKind;
use crate::domain::test::{self, CUCUMBER, GENERIC, MANUAL, TestContent, TestKind};
use crate::store::run_search;
use crate::store::search::Of;
use crate::store::stored_tests::{self, StoredTest};

/// A test.
#[derive(Debug, Clone)]
pub(in crate::web::api::xray) struct Test(pub StoredTest);

/// A version of a test.
#[derive(Debug)]
pub(in crate::web::api::xray) struct TestVersion {
    pub test: StoredTest,
    pub version: stored_tests::TestVersion,
}

/// The type of a test.
#[derive(Debug, Clone, SimpleObject)]
pub(in crate::web::api::xray) struct TestType {
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

    /// Its name.
    pub fn called(&self) -> &str {
        &self.name
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

pub(super) fn type_named(name: Option<&str>) -> Answer<&'static str> {
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
    /// The test that is to be carried out in its place.
    pub call_test_issue_id: Option<String>,
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
        call_test_issue_id: step.calls.map(ids::of),
        attachments: Vec::new(),
        custom_fields: Vec::new(),
    };
    named.map(step).collect()
}

#[Object]
impl Test {
    #[graphql(flatten)]
    #[expect(clippy::unused_async, reason = "what is merged in is awaited")]
    async fn facts(&self, _context: &Context<'_>) -> TestFacts {
        TestFacts(self.0.clone())
    }

    #[graphql(flatten)]
    #[expect(clippy::unused_async, reason = "what is merged in is awaited")]
    async fn definition(&self, _context: &Context<'_>) -> Definition {
        Definition {
            kind: self.0.kind,
            content: self.0.content.clone(),
        }
    }

    /// What to do, in order.
    async fn steps(&self) -> Vec<Step> {
        steps_of(self.0.id, &self.0.content)
    }
}

/// What a version of a test says, apart from its steps.
#[derive(Debug)]
pub(super) struct Definition {
    pub kind: TestKind,
    pub content: TestContent,
}

#[Object]
impl Definition {
    /// Its type.
    async fn test_type(&self) -> TestType {
        self.says().test_type()
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
}

impl Definition {
    const fn says(&self) -> Says<'_> {
        Says {
            kind: self.kind,
            content: &self.content,
        }
    }
}

/// What a version says, by the names of this interface.
pub(in crate::web::api::xray) struct Says<'a> {
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

#[Object]
impl TestVersion {
    #[graphql(flatten)]
    #[expect(clippy::unused_async, reason = "what is merged in is awaited")]
    async fn definition(&self, _context: &Context<'_>) -> Definition {
        Definition {
            kind: self.test.kind,
            content: self.version.content.clone(),
        }
    }

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

    /// What to do, in order.
    async fn steps(&self) -> Vec<Step> {
        steps_of(self.test.id, &self.version.content)
    }

    /// The test.
    async fn test(&self) -> Test {
        Test(self.test.clone())
    }

    /// The preconditions of the test: which they are is no part of its versions here.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn preconditions(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<Precondition>> {
        let of = [Of::TestGroups(self.test.id)];
        let search = Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?);
        let kind = GroupKind::Precondition;
        find::groups(Desk::of(context)?, kind, search, Precondition).await
    }

    /// The executions that have a run of this version.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn test_executions(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<TestExecution>> {
        let of = [Of::VersionExecutions(self.test.id, self.version.version)];
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
