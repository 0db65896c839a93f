//! What a run consists of: steps, iterations, examples, attempts, and the files and defects of each.

use std::time::Duration;

use async_graphql::{Context, Object, SimpleObject};
use serde_json::Value;

use super::change::draft::Place;
use super::desk::{Answer, Desk};
use super::group::Precondition;
use super::names::{example_id, iteration_step_id, run_step_id, time};
use super::page::{Page, Part, weight};
use super::run::TestRun;
use super::settings::{StepStatus, step_status_of};
use super::test::{Attachment, Says, TestVersion};
use crate::domain::run::RunStatus;
use crate::domain::run_detail::{AttemptDetail, StepDetail};
use crate::domain::statuses::Statuses;
use crate::domain::test::example_rows;
use crate::store::evidence::Evidence as StoredEvidence;
use crate::store::run_defects::RunDefect;

/// A file that proves a result.
#[derive(Debug, SimpleObject)]
pub(in crate::web::api::xray) struct Evidence {
    /// Its id.
    id: String,
    /// Its name, as it was given.
    filename: String,
    /// Files are kept here.
    stored_in_jira: bool,
    /// Where its bytes can be had, under the same credential.
    download_link: String,
    /// How many they are.
    size: i64,
    /// When it was stored.
    created_on: String,
}

/// How a step of the test went.
#[derive(Debug, SimpleObject)]
pub(super) struct TestRunStep {
    /// Its id.
    id: String,
    /// How it went.
    status: StepStatus,
    /// What to do.
    action: Option<String>,
    /// With what.
    data: Option<String>,
    /// What should happen.
    result: Option<String>,
    /// What the tester remarked.
    comment: Option<String>,
    /// What happened.
    actual_result: Option<String>,
    /// Files that prove it.
    evidence: Vec<Evidence>,
    /// Jira's ids of its defects.
    defects: Vec<String>,
    /// Files of the step: none are kept here.
    attachments: Vec<Attachment>,
    /// Fields of one's own: none are kept here.
    custom_fields: Vec<TestRunCustomStepField>,
}

/// A field of one's own of a step.
#[derive(Debug, SimpleObject)]
pub(super) struct TestRunCustomStepField {
    id: String,
    name: String,
    value: Value,
}

/// A row of the examples of a scenario outline, and how it went.
#[derive(Debug, SimpleObject)]
pub(super) struct Example {
    /// Its id.
    id: String,
    /// How it went.
    status: StepStatus,
    /// How long it took, milliseconds.
    duration: Option<f64>,
}

/// A precondition of a run.
#[derive(Debug, SimpleObject)]
#[graphql(name = "TestRunPrecondition")]
pub(super) struct RunPrecondition {
    /// What must hold.
    pub definition: Option<String>,
    /// The precondition.
    pub precondition_ref: Precondition,
}

/// A value that an iteration ran with.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct TestRunParameter {
    name: String,
    value: String,
}

/// How a step of an iteration went.
#[derive(Debug, SimpleObject)]
#[graphql(name = "TestRunIterationStepResult")]
pub(super) struct IterationStep {
    /// Its id.
    id: String,
    /// How it went.
    status: StepStatus,
    /// What the tester remarked.
    comment: Option<String>,
    /// What happened.
    actual_result: Option<String>,
    /// Files that prove it.
    evidence: Vec<Evidence>,
    /// Jira's ids of its defects.
    defects: Vec<String>,
}

/// The same test with other data.
#[derive(Debug)]
pub(super) struct TestRunIteration {
    run: TestRun,
    rank: usize,
    said: AttemptDetail,
}

/// One attempt of an automated test.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Result")]
pub(super) struct Attempt {
    /// What it said.
    log: Option<String>,
    /// How it ended.
    status: StepStatus,
    /// Its name, when it has one.
    name: Option<String>,
    /// How long it took, milliseconds.
    duration: Option<f64>,
    /// How its steps went, in order.
    steps: Vec<AttemptStep>,
    /// What ran before each scenario: not kept apart from the steps here.
    backgrounds: Vec<AttemptStep>,
    /// What ran around each scenario: not kept apart from the steps here.
    hooks: Vec<AttemptStep>,
}

/// A step of an attempt.
#[derive(Debug, SimpleObject)]
#[graphql(name = "ResultsStep")]
struct AttemptStep {
    /// What the tester remarked, or the step printed.
    log: Option<String>,
    /// What happened, when it is not what should have.
    error: Option<String>,
    /// How it ended.
    status: StepStatus,
}

/// A field of one's own.
#[derive(Debug, SimpleObject)]
#[graphql(name = "TestRunCustomFieldValue")]
pub(super) struct CustomField {
    id: String,
    name: String,
    values: Value,
}

impl CustomField {
    pub fn of((name, value): &(String, String)) -> Self {
        Self {
            id: name.clone(),
            name: name.clone(),
            values: Value::from(value.as_str()),
        }
    }
}

/// What is remembered as the status of a part; what was a status once, and is none now, is unknown.
pub(in crate::web::api::xray) fn part_status(name: &str, statuses: &Statuses) -> RunStatus {
    statuses.parse(name).unwrap_or(RunStatus::Unknown)
}

impl Evidence {
    /// The files of a part of a run.
    pub(super) fn of_place(
        all: &[StoredEvidence],
        place: i32,
        run: &str,
        base_url: &str,
    ) -> Vec<Self> {
        let own = all.iter().filter(|file| file.step == place);
        own.map(|file| Self::of(file, run, base_url)).collect()
    }

    fn of(file: &StoredEvidence, run: &str, base_url: &str) -> Self {
        let id = file.id.simple().to_string();
        Self {
            download_link: format!("{base_url}/xray/api/v2/attachments/{run}/{id}"),
            id,
            filename: file.name.clone(),
            stored_in_jira: false,
            size: file.size,
            created_on: time(file.created_ms),
        }
    }
}

/// The data of an iteration; of one that only has a name, that.
pub(in crate::web::api::xray) fn parameters(said: &AttemptDetail) -> Vec<(String, String)> {
    match &said.label {
        Some(label) if said.parameters.is_empty() => vec![("name".to_owned(), label.clone())],
        _ => said.parameters.clone(),
    }
}

/// The attempts of a run; of a scenario outline, with an iteration for each of its examples that the run
/// says nothing of yet.
pub(in crate::web::api::xray) fn with_examples(
    says: &Says<'_>,
    mut held: Vec<AttemptDetail>,
) -> Vec<AttemptDetail> {
    let rows = says
        .gherkin()
        .map_or_else(Vec::new, |text| example_rows(&text));
    let known = held.iter().filter(|one| one.label.is_some()).count();
    let missing = rows.into_iter().zip(1..).skip(known);
    held.extend(missing.map(|(row, number)| AttemptDetail {
        status: RunStatus::Todo.name().to_owned(),
        label: Some(format!("example {number}")),
        parameters: row,
        ..AttemptDetail::default()
    }));
    held
}

/// Milliseconds as GraphQL has numbers that are no small integers.
fn duration(ms: i64) -> f64 {
    let ms = u64::try_from(ms).unwrap_or_default();
    Duration::from_millis(ms).as_secs_f64() * 1_000.0
}

impl Attempt {
    pub fn of(said: &AttemptDetail, statuses: &Statuses) -> Self {
        let status = |name: &str| step_status_of(part_status(name, statuses), statuses);
        let step = |step: &StepDetail| AttemptStep {
            log: step.comment.clone(),
            error: step.actual.clone(),
            status: status(&step.status),
        };
        Self {
            log: said.details.clone().or_else(|| said.message.clone()),
            status: status(&said.status),
            name: said.label.clone(),
            duration: said.duration_ms.map(duration),
            steps: said.steps.iter().map(step).collect(),
            backgrounds: Vec::new(),
            hooks: Vec::new(),
        }
    }
}

impl TestRun {
    /// The steps of its test, in order, and how they went.
    pub(super) fn shown_steps(
        &self,
        version: &TestVersion,
        statuses: &Statuses,
        (files, defects): (&[StoredEvidence], &[RunDefect]),
        base_url: &str,
    ) -> Vec<TestRunStep> {
        let (said, went) = (&version.version.content.steps, &self.run.detail.steps);
        let step = |n: usize| {
            let (said, went) = (said.get(n), went.get(n));
            let status = went.map_or(RunStatus::Todo, |went| part_status(&went.status, statuses));
            let place = Place::Step(n + 1).number();
            TestRunStep {
                id: run_step_id(self.execution.id, self.run.number, n + 1),
                status: step_status_of(status, statuses),
                action: said.map(|said| said.action.clone()),
                data: said.and_then(|said| said.data.clone()),
                result: said.and_then(|said| said.expected.clone()),
                comment: went.and_then(|went| went.comment.clone()),
                actual_result: went.and_then(|went| went.actual.clone()),
                evidence: Evidence::of_place(files, place, &self.id(), base_url),
                defects: defects_of(defects, place),
                attachments: Vec::new(),
                custom_fields: Vec::new(),
            }
        };
        (0..said.len().max(went.len())).map(step).collect()
    }

    /// Its iterations, in order.
    pub(super) fn shown_iterations(&self) -> Vec<TestRunIteration> {
        let labelled = self.run.detail.attempts.iter();
        let labelled = labelled.filter(|one| one.label.is_some());
        let one = |(said, rank): (&AttemptDetail, usize)| TestRunIteration {
            run: self.clone(),
            rank,
            said: said.clone(),
        };
        labelled.zip(1..).map(one).collect()
    }

    /// The examples of a scenario outline, in order.
    pub(super) fn shown_examples(&self, says: &Says<'_>, statuses: &Statuses) -> Vec<Example> {
        if says.scenario_type() != Some("scenario_outline") {
            return Vec::new();
        }
        let all = with_examples(says, self.run.detail.attempts.clone());
        let labelled = all.iter().filter(|one| one.label.is_some());
        let one = |(said, rank): (&AttemptDetail, usize)| Example {
            id: example_id(self.execution.id, self.run.number, rank),
            status: step_status_of(part_status(&said.status, statuses), statuses),
            duration: said.duration_ms.map(duration),
        };
        labelled.zip(1..).map(one).collect()
    }
}

/// Jira's id of a defect, or its key while Jira has not told of it.
fn defect_id(defect: &RunDefect) -> String {
    defect
        .jira_id
        .map_or_else(|| defect.key.clone(), |id| id.to_string())
}

pub(super) fn defects_of(all: &[RunDefect], step: i32) -> Vec<String> {
    let of_step = all.iter().filter(|defect| defect.step == step);
    of_step.map(defect_id).collect()
}

/// What a version says.
pub(in crate::web::api::xray) const fn says(version: &TestVersion) -> Says<'_> {
    Says {
        kind: version.test.kind,
        content: &version.version.content,
    }
}

#[Object]
impl TestRunIteration {
    /// Its place, from 1.
    async fn rank(&self) -> String {
        self.rank.to_string()
    }

    /// How it ended.
    async fn status(&self, context: &Context<'_>) -> Answer<StepStatus> {
        let statuses = self.run.statuses(Desk::of(context)?).await?;
        Ok(step_status_of(
            part_status(&self.said.status, &statuses),
            &statuses,
        ))
    }

    /// Which data it ran with.
    async fn parameters(&self) -> Vec<TestRunParameter> {
        let all = parameters(&self.said).into_iter();
        all.map(|(name, value)| TestRunParameter { name, value })
            .collect()
    }

    /// How its steps went, in order.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn step_results(
        &self,
        context: &Context<'_>,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<IterationStep>> {
        let (desk, part) = (Desk::of(context)?, Part::read(limit, start)?);
        let statuses = self.run.statuses(desk).await?;
        let (files, defects) = (
            self.run.files(desk).await?,
            self.run.all_defects(desk).await?,
        );
        let (run, number) = (self.run.id(), self.run.run.number);
        let step = |(step, place): (&StepDetail, usize)| {
            let own = Place::IterationStep(self.rank, place).number();
            IterationStep {
                id: iteration_step_id(self.run.execution.id, number, self.rank, place),
                status: step_status_of(part_status(&step.status, &statuses), &statuses),
                comment: step.comment.clone(),
                actual_result: step.actual.clone(),
                evidence: Evidence::of_place(&files, own, &run, desk.base_url()),
                defects: defects_of(&defects, own),
            }
        };
        Ok(part.of(self.said.steps.iter().zip(1..).map(step).collect()))
    }
}
