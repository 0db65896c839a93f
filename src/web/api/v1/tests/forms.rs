//! A test as it is given and as it is answered.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::body::{Checks, nullable};
use crate::app::edit_test::Surroundings;
use crate::domain::quarantine::Quarantine;
use crate::domain::test::{TestContent, TestStep};
use crate::problem::Problem;
use crate::store::stored_tests::{StoredTest, TestVersion};

/// Longest name, label or workflow status, in characters.
const NAME: usize = 255;
/// Longest description or part of a step, in characters.
const TEXT: usize = 32_000;
/// Most steps of a test.
const STEPS: usize = 500;
/// Most labels of a test.
const LABELS: usize = 50;

/// A test to be made, for people to carry out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewTest {
    /// The name.
    #[schema(
        min_length = 1,
        max_length = 255,
        example = "Pays with an expired card"
    )]
    name: String,
    /// What it checks.
    #[schema(max_length = 32_000)]
    description: Option<String>,
    /// What to do, in order.
    #[serde(default)]
    #[schema(max_items = 500)]
    steps: Vec<Step>,
    /// Its labels.
    #[serde(default)]
    #[schema(max_items = 50)]
    labels: Vec<String>,
    /// Where it stands in its own workflow.
    #[schema(max_length = 255)]
    workflow_status: Option<String>,
}

/// What is to change in a test; what is not named stays, `null` takes it away. Another name,
/// description or steps are another version.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent is not null here")]
pub(super) struct TestChange {
    /// The name.
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    /// What it checks.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 32_000)]
    description: Option<Option<String>>,
    /// What to do, in order.
    #[schema(max_items = 500)]
    steps: Option<Vec<Step>>,
    /// Its labels.
    #[schema(max_items = 50)]
    labels: Option<Vec<String>>,
    /// Where it stands in its own workflow.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 255)]
    workflow_status: Option<Option<String>>,
    /// Whether it is put away: an archived test covers nothing.
    archived: Option<bool>,
}

/// One step of a test.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TestStep)]
pub(super) struct Step {
    /// What to do.
    #[schema(min_length = 1, max_length = 32_000)]
    action: String,
    /// With what.
    #[schema(max_length = 32_000)]
    data: Option<String>,
    /// What should happen.
    #[schema(max_length = 32_000)]
    expected: Option<String>,
}

/// A test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Test {
    /// The key.
    #[schema(example = "SHOP-T12")]
    key: String,
    /// The name.
    name: String,
    /// How it is carried out.
    #[schema(example = "automated")]
    kind: &'static str,
    /// Its type: `Manual` is a list of steps, `Cucumber` is Gherkin, `Generic` is a text.
    #[serde(rename = "type")]
    #[schema(example = "Manual")]
    type_name: String,
    /// What it says instead of steps.
    definition: Option<String>,
    /// Its class in the code, empty where there is none.
    class_name: String,
    /// The suites around it in the code, empty where there are none.
    suite: String,
    /// What it checks.
    description: Option<String>,
    /// What to do, in order.
    steps: Vec<Step>,
    /// Its labels.
    labels: Vec<String>,
    /// Where it stands in its own workflow.
    workflow_status: Option<String>,
    /// Its version, from 1.
    version: i32,
    /// Since when it has this version, milliseconds since 1970.
    version_ms: i64,
    /// The API client that made this version.
    version_by: Option<String>,
    /// The API client that made the test; none for one that results brought.
    created_by: Option<String>,
    /// When it was made, milliseconds since 1970.
    created_ms: i64,
    /// Since when it is put away, milliseconds since 1970; none is not.
    archived_ms: Option<i64>,
    /// Keys of the issues it covers; only of one that is asked for by its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    issues: Option<Vec<String>>,
    /// Its quarantine; only of one that is asked for by its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine: Option<Quarantined>,
}

/// Why and until when a test does not count.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Quarantined {
    /// Why.
    reason: String,
    /// Who sees to it that it counts again.
    owner: String,
    /// The account or API client that set it.
    by: Option<String>,
    /// When it was set, milliseconds since 1970.
    created_ms: i64,
    /// When the test counts again, milliseconds since 1970.
    ends_ms: i64,
    /// Whether it holds now.
    holds: bool,
}

impl Quarantined {
    pub fn of(quarantine: &Quarantine, now_ms: i64) -> Self {
        Self {
            reason: quarantine.reason.clone(),
            owner: quarantine.owner.clone(),
            by: quarantine.by.clone(),
            created_ms: quarantine.created_ms,
            ends_ms: quarantine.ends_ms,
            holds: quarantine.holds(now_ms),
        }
    }
}

/// A version of a test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TestVersion)]
pub(super) struct Version {
    /// Its number, from 1.
    #[serde(rename = "version")]
    number: i32,
    /// The name.
    name: String,
    /// What it checks.
    description: Option<String>,
    /// What to do, in order.
    steps: Vec<Step>,
    /// The API client that made it.
    created_by: Option<String>,
    /// When it was made, milliseconds since 1970.
    created_ms: i64,
}

impl NewTest {
    /// What it comes to.
    pub fn checked(&self) -> Result<(TestContent, Surroundings), Problem> {
        let mut checks = Checks::default();
        let content = TestContent {
            name: checks.line("/name", &self.name, NAME),
            description: checks.text("/description", self.description.as_deref(), TEXT),
            steps: checked_steps(&mut checks, &self.steps),
            ..TestContent::default()
        };
        let status = self.workflow_status.as_deref();
        let surroundings = Surroundings {
            labels: checks.lines("/labels", &self.labels, LABELS, NAME),
            workflow_status: checks.optional_line("/workflowStatus", status, NAME),
        };
        checks.finish()?;
        Ok((content, surroundings))
    }
}

impl TestChange {
    /// The test with what is to change.
    pub fn applied_to(&self, held: &StoredTest, now_ms: i64) -> Result<StoredTest, Problem> {
        let mut checks = Checks::default();
        let mut test = held.clone();
        if let Some(name) = &self.name {
            test.content.name = checks.line("/name", name, NAME);
        }
        if let Some(description) = &self.description {
            test.content.description = checks.text("/description", description.as_deref(), TEXT);
        }
        if let Some(steps) = &self.steps {
            test.content.steps = checked_steps(&mut checks, steps);
            for (step, held) in test.content.steps.iter_mut().zip(&held.content.steps) {
                step.id = held.id;
            }
        }
        if let Some(labels) = &self.labels {
            test.labels = checks.lines("/labels", labels, LABELS, NAME);
        }
        if let Some(status) = &self.workflow_status {
            test.workflow_status = checks.optional_line("/workflowStatus", status.as_deref(), NAME);
        }
        match self.archived {
            Some(true) => test.archived_ms = held.archived_ms.or(Some(now_ms)),
            Some(false) => test.archived_ms = None,
            None => {}
        }
        checks.finish()?;
        Ok(test)
    }
}

fn checked_steps(checks: &mut Checks, steps: &[Step]) -> Vec<TestStep> {
    checks.count("/steps", steps.len(), STEPS);
    let checked = steps.iter().take(STEPS).enumerate().map(|(n, step)| {
        let at = |member: &str| format!("/steps/{n}/{member}");
        let action = checks.text(&at("action"), Some(&step.action), TEXT);
        if action.is_none() {
            checks.refuse(at("action"), "It is empty.");
        }
        TestStep {
            calls: None,
            action: action.unwrap_or_default(),
            id: None,
            data: checks.text(&at("data"), step.data.as_deref(), TEXT),
            expected: checks.text(&at("expected"), step.expected.as_deref(), TEXT),
        }
    });
    checked.collect()
}

fn shown_steps(steps: &[TestStep]) -> Vec<Step> {
    let step = |step: &TestStep| Step {
        action: step.action.clone(),
        data: step.data.clone(),
        expected: step.expected.clone(),
    };
    steps.iter().map(step).collect()
}

impl Test {
    /// A test by itself.
    pub fn of(test: &StoredTest) -> Self {
        Self {
            key: test.key.to_string(),
            name: test.content.name.clone(),
            kind: test.kind.name(),
            type_name: test.content.type_name(test.kind).to_owned(),
            definition: test.content.definition.clone(),
            class_name: test.class_name.clone(),
            suite: test.suite.clone(),
            description: test.content.description.clone(),
            steps: shown_steps(&test.content.steps),
            labels: test.labels.clone(),
            workflow_status: test.workflow_status.clone(),
            version: test.version,
            version_ms: test.version_ms,
            version_by: test.version_by.clone(),
            created_by: test.created_by.clone(),
            created_ms: test.created_ms,
            archived_ms: test.archived_ms,
            issues: None,
            quarantine: None,
        }
    }

    /// The same with what hangs on it.
    pub fn with(mut self, issues: Vec<String>, quarantine: Option<Quarantined>) -> Self {
        self.issues = Some(issues);
        self.quarantine = quarantine;
        self
    }
}

impl Version {
    pub fn of(version: &TestVersion) -> Self {
        Self {
            number: version.version,
            name: version.content.name.clone(),
            description: version.content.description.clone(),
            steps: shown_steps(&version.content.steps),
            created_by: version.created_by.clone(),
            created_ms: version.created_ms,
        }
    }
}
