//! Test runs: what an execution says of a test.

use async_graphql::{Context, Object};

use super::desk::{Answer, Desk, refused};
use super::execution::TestExecution;
use super::group::Precondition;
use super::names::{run_id, time};
use super::page::{Page, Part, weight};
use super::query::{self, find::Search};
use super::run_parts::{
    Attempt, CustomField, Evidence, Example, RunPrecondition, TestRunIteration, TestRunParameter,
    TestRunStep, defects_of, says,
};
use super::settings::{Status, status_of};
use super::test::{Test, TestType, TestVersion};
use crate::domain::execution::Execution;
use crate::domain::keys::GroupKind;
use crate::domain::statuses::Statuses;
use crate::store::evidence::Evidence as StoredEvidence;
use crate::store::groups::Group;
use crate::store::run_defects::RunDefect;
use crate::store::search::Of;
use crate::store::stored_runs::{self, StoredRun};
use crate::store::stored_tests::{self, StoredTest};
use crate::store::{evidence, executions, run_defects, run_search};

/// A run.
#[derive(Debug, Clone)]
pub(in crate::web::api::xray) struct TestRun {
    pub execution: Execution,
    pub run: StoredRun,
}

/// Searches for runs.
pub(in crate::web::api::xray) async fn find(
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

impl TestRun {
    pub fn id(&self) -> String {
        run_id(self.execution.id, self.run.number)
    }

    /// The statuses that its project has.
    pub async fn statuses(&self, desk: &Desk) -> Answer<std::sync::Arc<Statuses>> {
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

    /// Its files and those of its parts.
    pub async fn files(&self, desk: &Desk) -> Answer<Vec<StoredEvidence>> {
        let (on, site) = (desk.read(), desk.site());
        Ok(evidence::of_run(on, site, self.execution.id, self.run.number).await?)
    }

    /// Its defects and those of its parts.
    pub async fn all_defects(&self, desk: &Desk) -> Answer<Vec<RunDefect>> {
        let (on, site) = (desk.read(), desk.site());
        Ok(run_defects::of_run(on, site, self.execution.id, self.run.number).await?)
    }
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
        Ok(Evidence::of_place(&files, 0, &self.id(), desk.base_url()))
    }

    /// Jira's ids of its defects.
    async fn defects(&self, context: &Context<'_>) -> Answer<Vec<String>> {
        let all = self.all_defects(Desk::of(context)?).await?;
        Ok(defects_of(&all, 0))
    }

    /// How the steps of its test went, in order.
    async fn steps(&self, context: &Context<'_>) -> Answer<Vec<TestRunStep>> {
        let desk = Desk::of(context)?;
        let (version, statuses) = (self.version(desk).await?, self.statuses(desk).await?);
        let (files, defects) = (self.files(desk).await?, self.all_defects(desk).await?);
        Ok(self.shown_steps(&version, &statuses, (&files, &defects), desk.base_url()))
    }

    /// The examples of a scenario outline, in order.
    async fn examples(&self, context: &Context<'_>) -> Answer<Vec<Example>> {
        let desk = Desk::of(context)?;
        let (version, statuses) = (self.version(desk).await?, self.statuses(desk).await?);
        Ok(self.shown_examples(&says(&version), &statuses))
    }

    /// Attempts of an automated test.
    async fn results(&self, context: &Context<'_>) -> Answer<Vec<Attempt>> {
        let statuses = self.statuses(Desk::of(context)?).await?;
        let attempts = self.run.detail.attempts.iter();
        Ok(attempts.map(|one| Attempt::of(one, &statuses)).collect())
    }

    /// The data of a run without iterations: none is kept apart from them here.
    async fn parameters(&self) -> Vec<TestRunParameter> {
        Vec::new()
    }

    /// What must hold before its test can be run, as it is now.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn preconditions(
        &self,
        context: &Context<'_>,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<RunPrecondition>> {
        let of = [Of::TestGroups(self.run.test_id)];
        let search = Search::of(&of, None, Part::read(limit, start)?);
        let kind = GroupKind::Precondition;
        let shown = |group: Group| RunPrecondition {
            definition: group.content.definition.clone(),
            precondition_ref: Precondition(group),
        };
        query::find::groups(Desk::of(context)?, kind, search, shown).await
    }

    /// The same with other data.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn iterations(
        &self,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<TestRunIteration>> {
        Ok(Part::read(limit, start)?.of(self.shown_iterations()))
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
        fields.map(CustomField::of).collect()
    }
}
