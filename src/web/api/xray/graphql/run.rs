//! Test runs: what an execution says of a test.

use async_graphql::{Context, Object, SimpleObject};

use super::desk::{Answer, Desk, refused};
use super::execution::TestExecution;
use super::names::{run_id, run_step_id, time};
use super::page::{Page, Part, weight};
use super::settings::{Status, StepStatus, status_of, step_status_of};
use super::test::{Attachment, CustomStepField, Says, Test, TestType, TestVersion};
use crate::domain::execution::Execution;
use crate::domain::run::RunStatus;
use crate::domain::run_detail::{AttemptDetail, StepDetail};
use crate::domain::statuses::Statuses;
use crate::store::evidence::Evidence as StoredEvidence;
use crate::store::run_defects::RunDefect;
use crate::store::stored_runs::{self, StoredRun};
use crate::store::stored_tests::{self, StoredTest};
use crate::store::{evidence, executions, run_defects, run_search};

/// A run.
#[derive(Debug, Clone)]
pub(super) struct TestRun {
    pub execution: Execution,
    pub run: StoredRun,
}

/// A file that proves a result.
#[derive(Debug, SimpleObject)]
pub(super) struct Evidence {
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
    custom_fields: Vec<CustomStepField>,
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
}

/// The same test with other data.
#[derive(Debug)]
pub(super) struct TestRunIteration {
    rank: usize,
    status: StepStatus,
    parameters: Vec<TestRunParameter>,
    steps: Vec<StepDetail>,
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
}

/// A field of one's own.
#[derive(Debug, SimpleObject)]
#[graphql(name = "TestRunCustomFieldValue")]
struct CustomField {
    id: String,
    name: String,
    values: serde_json::Value,
}

/// Searches for runs.
pub(super) async fn find(
    desk: &Desk,
    search: run_search::Search<'_>,
    part: Part,
) -> Answer<Page<TestRun>> {
    let search = run_search::Search {
        projects: &desk.client.0.projects,
        start: part.start,
        limit: part.limit,
        ..search
    };
    let found = run_search::find(desk.read(), desk.site(), &search).await?;
    Ok(part.page(found.total, load(desk, &found.places).await?))
}

/// Runs by execution and number, in the order given; those that are not there, or not for the client
/// to see, are left out.
pub(super) async fn load(desk: &Desk, places: &[(uuid::Uuid, i64)]) -> Answer<Vec<TestRun>> {
    let (on, site) = (desk.read(), desk.site());
    let of: Vec<uuid::Uuid> = places.iter().map(|(execution, _)| *execution).collect();
    let executions = executions::by_ids(on, site, &of).await?;
    let mut runs = stored_runs::by_places(on, site, places).await?;
    let may = |execution: &Execution| desk.check(&execution.key.project).is_ok();
    let run = |place: &(uuid::Uuid, i64)| {
        let execution = executions.get(&place.0).filter(|found| may(found))?;
        Some(TestRun {
            execution: execution.clone(),
            run: runs.remove(place)?,
        })
    };
    Ok(places.iter().filter_map(run).collect())
}

impl Evidence {
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

/// What is remembered as the status of a part; what was a status once, and is none now, is unknown.
pub(super) fn part_status(name: &str, statuses: &Statuses) -> RunStatus {
    statuses.parse(name).unwrap_or(RunStatus::Unknown)
}

fn iteration(rank: usize, attempt: &AttemptDetail, statuses: &Statuses) -> TestRunIteration {
    TestRunIteration {
        rank,
        status: step_status_of(part_status(&attempt.status, statuses), statuses),
        parameters: parameters(attempt),
        steps: attempt.steps.clone(),
    }
}

/// The data of an iteration; of one that only has a name, that.
fn parameters(attempt: &AttemptDetail) -> Vec<TestRunParameter> {
    let parameter = |name: &str, value: &str| TestRunParameter {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let given = attempt.parameters.iter();
    let given: Vec<_> = given.map(|(name, value)| parameter(name, value)).collect();
    match &attempt.label {
        Some(label) if given.is_empty() => vec![parameter("name", label)],
        _ => given,
    }
}

impl TestRun {
    pub fn id(&self) -> String {
        run_id(self.execution.id, self.run.number)
    }

    async fn statuses(&self, desk: &Desk) -> Answer<std::sync::Arc<Statuses>> {
        let settings = desk.settings(&self.execution.key.project).await?;
        Ok(settings.coverage.statuses)
    }

    /// Its test, as it is now.
    pub async fn stored_test(&self, desk: &Desk) -> Answer<StoredTest> {
        let id = self.run.test_id;
        let mut found = stored_tests::by_ids(desk.read(), desk.site(), &[id]).await?;
        found
            .remove(&id)
            .ok_or_else(|| refused("The test of this run is gone."))
    }

    /// The version of its test that it was made with; the one there is now, when that was not noted.
    pub async fn version(&self, desk: &Desk) -> Answer<TestVersion> {
        let test = self.stored_test(desk).await?;
        let number = self.run.test_version.unwrap_or(test.version);
        let found = stored_tests::version(desk.read(), desk.site(), &test, number).await?;
        Ok(TestVersion {
            version: found.unwrap_or_else(|| test.current()),
            test,
        })
    }

    async fn files(&self, desk: &Desk) -> Answer<Vec<StoredEvidence>> {
        let (on, site) = (desk.read(), desk.site());
        Ok(evidence::of_run(on, site, self.execution.id, self.run.number).await?)
    }

    async fn all_defects(&self, desk: &Desk) -> Answer<Vec<RunDefect>> {
        let (on, site) = (desk.read(), desk.site());
        Ok(run_defects::of_run(on, site, self.execution.id, self.run.number).await?)
    }

    fn evidence_of(&self, files: &[StoredEvidence], step: i32, desk: &Desk) -> Vec<Evidence> {
        let (id, base_url) = (self.id(), desk.base_url());
        let of_step = files.iter().filter(|file| file.step == step);
        of_step
            .map(|file| Evidence::of(file, &id, base_url))
            .collect()
    }
}

/// Jira's id of a defect, or its key while Jira has not told of it.
fn defect_id(defect: &RunDefect) -> String {
    defect
        .jira_id
        .map_or_else(|| defect.key.clone(), |id| id.to_string())
}

fn defects_of(all: &[RunDefect], step: i32) -> Vec<String> {
    let of_step = all.iter().filter(|defect| defect.step == step);
    of_step.map(defect_id).collect()
}

#[Object]
impl TestRun {
    /// Its id.
    #[graphql(name = "id")]
    async fn shown_id(&self) -> String {
        self.id()
    }

    /// How it ended.
    async fn status(&self, context: &Context<'_>) -> Answer<Status> {
        let statuses = self.statuses(Desk::of(context)?).await?;
        Ok(status_of(self.run.status, &statuses))
    }

    /// The type of its test.
    async fn test_type(&self, context: &Context<'_>) -> Answer<TestType> {
        let version = self.version(Desk::of(context)?).await?;
        Ok(says(&version).test_type())
    }

    /// The text of a generic test.
    async fn unstructured(&self, context: &Context<'_>) -> Answer<Option<String>> {
        let version = self.version(Desk::of(context)?).await?;
        Ok(says(&version).unstructured())
    }

    /// The Gherkin of a Cucumber test.
    async fn gherkin(&self, context: &Context<'_>) -> Answer<Option<String>> {
        let version = self.version(Desk::of(context)?).await?;
        Ok(says(&version).gherkin())
    }

    /// `scenario` or `scenario_outline`, of a Cucumber test.
    async fn scenario_type(&self, context: &Context<'_>) -> Answer<Option<&'static str>> {
        let version = self.version(Desk::of(context)?).await?;
        Ok(says(&version).scenario_type())
    }

    /// What the tester remarked.
    async fn comment(&self) -> Option<&str> {
        self.run.detail.comment.as_deref()
    }

    /// Who ran the test, as the report or whoever changed the run names them.
    async fn executed_by_id(&self) -> Option<&str> {
        self.run.detail.executed_by.as_deref()
    }

    /// Who is to run it, as the report or whoever changed the run names them.
    async fn assignee_id(&self) -> Option<&str> {
        self.run.detail.assignee.as_deref()
    }

    /// When it began.
    async fn started_on(&self) -> Option<String> {
        self.run.started_ms.map(time)
    }

    /// When it ended; nothing while it has no final status.
    async fn finished_on(&self, context: &Context<'_>) -> Answer<Option<String>> {
        let statuses = self.statuses(Desk::of(context)?).await?;
        let is_over = statuses.is_final(self.run.status);
        Ok(is_over.then(|| time(self.run.finished_ms)))
    }

    /// Files that prove it.
    async fn evidence(&self, context: &Context<'_>) -> Answer<Vec<Evidence>> {
        let desk = Desk::of(context)?;
        let files = self.files(desk).await?;
        Ok(self.evidence_of(&files, 0, desk))
    }

    /// Jira's ids of its defects.
    async fn defects(&self, context: &Context<'_>) -> Answer<Vec<String>> {
        let all = self.all_defects(Desk::of(context)?).await?;
        Ok(defects_of(&all, 0))
    }

    /// How the steps of its test went, in order.
    async fn steps(&self, context: &Context<'_>) -> Answer<Vec<TestRunStep>> {
        let desk = Desk::of(context)?;
        let version = self.version(desk).await?;
        let statuses = self.statuses(desk).await?;
        let (files, defects) = (self.files(desk).await?, self.all_defects(desk).await?);
        let (said, went) = (&version.version.content.steps, &self.run.detail.steps);
        let step = |n: usize| {
            let (said, went) = (said.get(n), went.get(n));
            let status = went.map_or(RunStatus::Todo, |went| part_status(&went.status, &statuses));
            let place = i32::try_from(n + 1).unwrap_or(i32::MAX);
            TestRunStep {
                id: run_step_id(self.execution.id, self.run.number, n + 1),
                status: step_status_of(status, &statuses),
                action: said.map(|said| said.action.clone()),
                data: said.and_then(|said| said.data.clone()),
                result: said.and_then(|said| said.expected.clone()),
                comment: went.and_then(|went| went.comment.clone()),
                actual_result: went.and_then(|went| went.actual.clone()),
                evidence: self.evidence_of(&files, place, desk),
                defects: defects_of(&defects, place),
                attachments: Vec::new(),
                custom_fields: Vec::new(),
            }
        };
        Ok((0..said.len().max(went.len())).map(step).collect())
    }

    /// Attempts of an automated test.
    async fn results(&self, context: &Context<'_>) -> Answer<Vec<Attempt>> {
        let statuses = self.statuses(Desk::of(context)?).await?;
        let attempts = self.run.detail.attempts.iter();
        let shown = attempts.map(|attempt| Attempt {
            log: attempt.details.clone().or_else(|| attempt.message.clone()),
            status: step_status_of(part_status(&attempt.status, &statuses), &statuses),
            name: attempt.label.clone(),
        });
        Ok(shown.collect())
    }

    /// The same with other data.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn iterations(
        &self,
        context: &Context<'_>,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<TestRunIteration>> {
        let part = Part::read(limit, start)?;
        let statuses = self.statuses(Desk::of(context)?).await?;
        let attempts = self.run.detail.attempts.iter();
        let labelled = attempts.filter(|attempt| attempt.label.is_some());
        let all = labelled
            .enumerate()
            .map(|(n, one)| iteration(n + 1, one, &statuses));
        Ok(part.of(all.collect()))
    }

    /// Its test.
    async fn test(&self, context: &Context<'_>) -> Answer<Test> {
        Ok(Test(self.stored_test(Desk::of(context)?).await?))
    }

    /// The version of its test that it was made with.
    async fn test_version(&self, context: &Context<'_>) -> Answer<TestVersion> {
        self.version(Desk::of(context)?).await
    }

    /// Its execution.
    async fn test_execution(&self) -> TestExecution {
        TestExecution(self.execution.clone())
    }

    /// When it reached us, or ended.
    async fn last_modified(&self) -> String {
        time(self.run.arrived_ms.max(self.run.finished_ms))
    }

    /// Fields of one's own.
    async fn custom_fields(&self) -> Vec<CustomField> {
        let fields = self.run.detail.custom_fields.iter();
        let field = |(name, value): &(String, String)| CustomField {
            id: name.clone(),
            name: name.clone(),
            values: serde_json::Value::from(value.as_str()),
        };
        fields.map(field).collect()
    }
}

const fn says(version: &TestVersion) -> Says<'_> {
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
    async fn status(&self) -> StepStatus {
        self.status.clone()
    }

    /// Which data it ran with.
    async fn parameters(&self) -> &[TestRunParameter] {
        &self.parameters
    }

    /// How its steps went, in order.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn step_results(
        &self,
        context: &Context<'_>,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<IterationStep>> {
        let statuses = Desk::of(context)?.settings("").await?.coverage.statuses;
        let steps = self
            .steps
            .iter()
            .zip(1..)
            .map(|(step, place)| IterationStep {
                id: format!("{}-{place}", self.rank),
                status: step_status_of(part_status(&step.status, &statuses), &statuses),
                comment: step.comment.clone(),
                actual_result: step.actual.clone(),
            });
        Ok(Part::read(limit, start)?.of(steps.collect()))
    }
}
