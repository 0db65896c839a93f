//! Statuses, and what holds in a project.

use async_graphql::{Context, Object, SimpleObject};

use super::desk::{Answer, Desk, refused};
use super::page::{Page, Part, Texts, texts, weight};
use super::test::TestType;
use crate::domain::run::{Effect, RunStatus};
use crate::domain::settings::Settings;
use crate::domain::statuses::Statuses;
use crate::domain::test::MANUAL;
use crate::store::projects::Project;
use crate::store::{environments, issue_links};

/// The status of a run.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Status {
    /// Its name.
    name: String,
    /// What it means.
    description: String,
    /// Whether a later look at the same run can no longer change it.
    #[graphql(name = "final")]
    is_final: bool,
    /// Its colour.
    color: String,
    /// What it says of the issue that the test covers.
    #[graphql(name = "coverageStatus")]
    effect: &'static str,
}

/// The status of a step, an iteration or an attempt: one of those a run can have.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct StepStatus {
    /// Its name.
    name: String,
    /// What it means.
    description: String,
    /// Its colour.
    color: String,
    /// What a run is that has only such steps.
    test_status: Status,
}

/// The status of a test.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct TestStatusType {
    /// Its name.
    name: String,
    /// What it means.
    description: String,
    /// Whether it is final.
    #[graphql(name = "final")]
    is_final: bool,
    /// Its colour.
    color: String,
}

/// The name of a status in this interface.
pub(super) fn shown_name(status: RunStatus, statuses: &Statuses) -> String {
    match status {
        RunStatus::Todo => "TO DO".to_owned(),
        _ => statuses.name(status).to_owned(),
    }
}

pub(super) fn status_of(status: RunStatus, statuses: &Statuses) -> Status {
    let (description, color) = match status {
        RunStatus::Passed => ("It ran to its end and everything held.", "#95c160"),
        RunStatus::Todo => ("It has not been started.", "#a2a6ae"),
        RunStatus::Pending => ("It is known to be unfinished.", "#a2a6ae"),
        RunStatus::Executing => ("It is running.", "#f1e069"),
        RunStatus::Skipped => ("It was left out on purpose.", "#c1c7d0"),
        RunStatus::Aborted => ("It was stopped before it had an outcome.", "#111111"),
        RunStatus::Blocked => ("Something else kept it from running.", "#f79232"),
        RunStatus::Unknown => ("Its outcome means nothing known.", "#7a869a"),
        RunStatus::Error => ("It broke outside of what it checks.", "#bf2600"),
        RunStatus::Failed => ("Something it checks did not hold.", "#d45d52"),
        RunStatus::Custom(_) => ("A status of this site's own.", "#7a869a"),
    };
    let own_color = statuses.made(status).map(|made| made.colour.clone());
    Status {
        name: shown_name(status, statuses),
        description: description.to_owned(),
        is_final: statuses.is_final(status),
        color: own_color.unwrap_or_else(|| color.to_owned()),
        effect: match statuses.effect(status) {
            Effect::Ok => "OK",
            Effect::NotRun => "NOTRUN",
            Effect::Unknown => "UNKNOWN",
            Effect::Nok => "NOK",
        },
    }
}

pub(super) fn step_status_of(status: RunStatus, statuses: &Statuses) -> StepStatus {
    let test_status = status_of(status, statuses);
    StepStatus {
        name: test_status.name.clone(),
        description: test_status.description.clone(),
        color: test_status.color.clone(),
        test_status,
    }
}

pub(super) fn test_status_type(status: RunStatus, statuses: &Statuses) -> TestStatusType {
    let status = status_of(status, statuses);
    TestStatusType {
        name: status.name,
        description: status.description,
        is_final: status.is_final,
        color: status.color,
    }
}

/// What holds in a project.
#[derive(Debug)]
pub(super) struct ProjectSettings {
    project: Project,
    settings: Settings,
}

/// Which issues tests cover, and where their children come from.
#[derive(Debug, SimpleObject)]
struct ProjectSettingsTestCoverage {
    /// The names of their types: types are chosen by name here.
    coverable_issue_type_ids: Vec<String>,
    /// Whether issues that name another as their parent are its children.
    epic_issues_relation: bool,
    /// Whether sub-tasks are children.
    issue_sub_tasks_relation: bool,
    /// The type of link that makes children, by name; the first, when there are several.
    issue_link_type_id: Option<String>,
    /// On which side of it the children are.
    issue_link_type_direction: Option<&'static str>,
}

/// The types of tests.
#[derive(Debug, SimpleObject)]
struct ProjectSettingsTestType {
    /// All of them.
    test_types: Vec<TestType>,
    /// The type of a test nobody said one of.
    default_test_type_id: &'static str,
}

/// The type of a link between issues.
#[derive(Debug, SimpleObject)]
struct IssueLinkType {
    id: String,
    name: String,
}

/// Which fields of one's own runs have.
#[derive(Debug, SimpleObject)]
struct ProjectSettingsTestRunCustomFields {
    /// None is set up here: a run just has those that it was given.
    fields: Vec<ProjectSettingsTestRunCustomField>,
}

/// A field of one's own of runs.
#[derive(Debug, SimpleObject)]
struct ProjectSettingsTestRunCustomField {
    id: String,
    name: String,
    #[graphql(name = "type")]
    kind: String,
    required: bool,
    values: Vec<String>,
}

/// Which fields of one's own steps have.
#[derive(Debug, SimpleObject)]
struct ProjectSettingsTestStepSettings {
    /// Steps have none here.
    fields: Vec<ProjectSettingsTestStepField>,
}

/// A field of one's own of steps.
#[derive(Debug, SimpleObject)]
struct ProjectSettingsTestStepField {
    id: String,
    name: String,
    #[graphql(name = "type")]
    kind: String,
    required: bool,
    disabled: bool,
    values: Vec<String>,
}

#[Object]
impl ProjectSettings {
    /// Fields of one's own of runs.
    async fn test_run_custom_field_settings(&self) -> ProjectSettingsTestRunCustomFields {
        ProjectSettingsTestRunCustomFields { fields: Vec::new() }
    }

    /// Fields of one's own of steps.
    async fn test_step_settings(&self) -> ProjectSettingsTestStepSettings {
        ProjectSettingsTestStepSettings { fields: Vec::new() }
    }

    /// The id of the project.
    async fn project_id(&self, context: &Context<'_>) -> Answer<String> {
        Desk::of(context)?.project_id(self.project.id).await
    }

    /// The environments that runs of the project were made in.
    async fn test_environments(&self, context: &Context<'_>) -> Answer<Vec<String>> {
        let desk = Desk::of(context)?;
        let names = environments::of_project(desk.read(), desk.site(), self.project.id);
        Ok(names.await?)
    }

    /// Which issues tests cover.
    async fn test_coverage_settings(&self) -> ProjectSettingsTestCoverage {
        let hierarchy = &self.settings.coverage.hierarchy;
        let link = hierarchy.links.first();
        ProjectSettingsTestCoverage {
            coverable_issue_type_ids: self.settings.coverable.iter().map(str::to_owned).collect(),
            epic_issues_relation: hierarchy.parent,
            issue_sub_tasks_relation: hierarchy.subtasks,
            issue_link_type_id: link.map(|link| link.link_type.clone()),
            issue_link_type_direction: link.map(|link| match link.children {
                crate::domain::coverage::Side::Outward => "outward",
                crate::domain::coverage::Side::Inward => "inward",
            }),
        }
    }

    /// The types of issues that are defects, by name.
    async fn defect_issue_types(&self) -> Vec<String> {
        self.settings.defects.iter().map(str::to_owned).collect()
    }

    /// The types of tests.
    async fn test_type_settings(&self) -> ProjectSettingsTestType {
        ProjectSettingsTestType {
            test_types: TestType::all(),
            default_test_type_id: MANUAL,
        }
    }
}

async fn read(desk: &Desk, name: &str) -> Answer<ProjectSettings> {
    let project = desk.project(name).await?;
    Ok(ProjectSettings {
        settings: desk.settings(&project.key).await?,
        project,
    })
}

/// Questions about statuses and settings.
#[derive(Debug, Default)]
pub(super) struct SettingsQuery;

impl SettingsQuery {
    /// Every status of the site; what a project makes of them is no status of its own.
    async fn statuses(context: &Context<'_>, project_id: Option<&str>) -> Answer<Settings> {
        let desk = Desk::of(context)?;
        match project_id {
            Some(name) => Ok(read(desk, name).await?.settings),
            None => desk.settings("").await,
        }
    }

    async fn named(context: &Context<'_>, name: Option<&str>) -> Answer<(RunStatus, Settings)> {
        let settings = Self::statuses(context, None).await?;
        let name = name.unwrap_or_default();
        let status = settings.coverage.statuses.parse(name).ok_or_else(|| {
            let short: String = name.chars().take(80).collect();
            refused(format!("`{short}` is no status of a run."))
        })?;
        Ok((status, settings))
    }
}

#[Object]
impl SettingsQuery {
    /// The statuses that a run can have.
    async fn get_statuses(
        &self,
        context: &Context<'_>,
        project_id: Option<String>,
    ) -> Answer<Option<Vec<Status>>> {
        let settings = Self::statuses(context, project_id.as_deref()).await?;
        let statuses = &settings.coverage.statuses;
        Ok(Some(
            statuses
                .all()
                .map(|status| status_of(status, statuses))
                .collect(),
        ))
    }

    /// The status with this name.
    async fn get_status(
        &self,
        context: &Context<'_>,
        name: Option<String>,
    ) -> Answer<Option<Status>> {
        let (status, settings) = Self::named(context, name.as_deref()).await?;
        Ok(Some(status_of(status, &settings.coverage.statuses)))
    }

    /// The statuses that a step can have.
    async fn get_step_statuses(
        &self,
        context: &Context<'_>,
        project_id: Option<String>,
    ) -> Answer<Option<Vec<StepStatus>>> {
        let settings = Self::statuses(context, project_id.as_deref()).await?;
        let statuses = &settings.coverage.statuses;
        let all = statuses.all();
        Ok(Some(
            all.map(|status| step_status_of(status, statuses)).collect(),
        ))
    }

    /// The status of a step with this name.
    async fn get_step_status(
        &self,
        context: &Context<'_>,
        name: Option<String>,
    ) -> Answer<Option<StepStatus>> {
        let (status, settings) = Self::named(context, name.as_deref()).await?;
        Ok(Some(step_status_of(status, &settings.coverage.statuses)))
    }

    /// The types that links between issues of the site have.
    async fn get_issue_link_types(
        &self,
        context: &Context<'_>,
    ) -> Answer<Option<Vec<IssueLinkType>>> {
        let desk = Desk::of(context)?;
        let known = issue_links::types(desk.read(), desk.site()).await?;
        let one = |(id, name): (String, String)| IssueLinkType { id, name };
        Ok(Some(known.into_iter().map(one).collect()))
    }

    /// What holds in a project, named by id or key.
    async fn get_project_settings(
        &self,
        context: &Context<'_>,
        project_id_or_key: Option<String>,
    ) -> Answer<Option<ProjectSettings>> {
        read(
            Desk::of(context)?,
            project_id_or_key.as_deref().unwrap_or_default(),
        )
        .await
        .map(Some)
    }

    /// What holds in several projects.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn get_projects_settings(
        &self,
        context: &Context<'_>,
        project_ids_or_keys: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Option<Page<ProjectSettings>>> {
        let (desk, part) = (Desk::of(context)?, Part::read(limit, start)?);
        let (mut found, mut warnings) = (Vec::new(), Vec::new());
        for name in texts(project_ids_or_keys)?.unwrap_or_default() {
            match read(desk, &name).await {
                Ok(settings) => found.push(settings),
                Err(why) => warnings.push(why.to_string()),
            }
        }
        let page = part.of(found);
        Ok(Some(Page {
            warnings: (!warnings.is_empty()).then_some(warnings),
            ..page
        }))
    }
}
