//! Changes of tests and of their steps. What a test says is changed as a whole, so that each change is
//! a version; another version than the one there is cannot be changed.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use serde_json::Value;

use super::super::desk::{Answer, Desk, refused};
use super::super::names::step_of;
use super::super::page::Texts;
use super::super::query::find;
use super::super::test::{GivenType, Step, Test, steps_of};
use super::document::{Document, long};
use super::folders::into_folder;
use super::hold;
use crate::app::edit_test::{Surroundings, create_test, edit_test};
use crate::domain::folder::FolderPath;
use crate::domain::keys::GroupKind;
use crate::domain::test::{CUCUMBER, GENERIC, MANUAL, TestContent, TestStep};
use crate::store::stored_tests::StoredTest;
use crate::store::{Txn, groups, projects};

/// Most steps of a test.
const STEPS: usize = 500;

/// What came of making a test.
#[derive(Debug, SimpleObject)]
struct CreateTestResult {
    test: Test,
    warnings: Vec<String>,
}

/// What came of changing a step.
#[derive(Debug, SimpleObject)]
struct UpdateTestStepResult {
    added_attachments: Vec<String>,
    removed_attachments: Vec<String>,
    warnings: Vec<String>,
}

/// A step, as it is given.
#[derive(Debug, InputObject)]
#[graphql(name = "CreateStepInput")]
struct GivenStep {
    action: Option<String>,
    data: Option<String>,
    result: Option<String>,
    call_test_issue_id: Option<String>,
    attachments: Option<Vec<Option<StepFile>>>,
    custom_fields: Option<Vec<Option<StepField>>>,
}

/// A file of a step.
#[derive(Debug, InputObject)]
#[graphql(name = "AttachmentInput")]
struct StepFile {
    filename: Option<String>,
    mime_type: Option<String>,
    data: Option<String>,
}

/// Files of a step to add and to remove.
#[derive(Debug, InputObject)]
#[graphql(name = "AttachmentOperationsInput")]
struct StepFiles {
    add: Option<Vec<Option<StepFile>>>,
    remove_ids: Texts,
    remove_filenames: Texts,
}

/// A field of one's own of a step.
#[derive(Debug, InputObject)]
#[graphql(name = "CustomStepFieldInput")]
struct StepField {
    id: Option<String>,
    value: Option<Value>,
}

/// Refuses what is not kept of steps.
fn demand_plain(has_files: bool, fields: Option<&Vec<Option<StepField>>>) -> Answer<()> {
    if has_files {
        return Err(refused("Files of the steps of a test are not kept here."));
    }
    if fields.is_some_and(|fields| !fields.is_empty()) {
        return Err(refused("Steps have no custom fields here."));
    }
    Ok(())
}

/// What is to change in a step.
#[derive(Debug, InputObject)]
#[graphql(name = "UpdateStepInput")]
struct StepChange {
    action: Option<String>,
    data: Option<String>,
    result: Option<String>,
    attachments: Option<StepFiles>,
    custom_fields: Option<Vec<Option<StepField>>>,
}

impl GivenStep {
    async fn step(&self, desk: &Desk) -> Answer<TestStep> {
        let has_files = self.attachments.as_ref().is_some_and(|all| !all.is_empty());
        demand_plain(has_files, self.custom_fields.as_ref())?;
        let called = match &self.call_test_issue_id {
            Some(id) => Some(find::test(desk, Some(id)).await?.0),
            None => None,
        };
        let action = long("action", self.action.as_deref())?;
        let named = called
            .as_ref()
            .map(|called| format!("Carry out {}.", called.key));
        let action = action.or(named);
        Ok(TestStep {
            id: None,
            action: action.ok_or_else(|| refused("The `action` of a step is missing."))?,
            data: long("data", self.data.as_deref())?,
            expected: long("result", self.result.as_deref())?,
            calls: called.map(|called| called.id),
        })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct TestMutation;

#[Object]
impl TestMutation {
    /// Makes a test.
    #[expect(clippy::too_many_arguments, reason = "clients know these")]
    async fn create_test(
        &self,
        context: &Context<'_>,
        test_type: Option<GivenType>,
        steps: Option<Vec<Option<GivenStep>>>,
        unstructured: Option<String>,
        gherkin: Option<String>,
        precondition_issue_ids: Texts,
        folder_path: Option<String>,
        jira: Value,
    ) -> Answer<Option<CreateTestResult>> {
        let desk = Desk::of(context)?;
        let document = Document::read(desk, &jira).await?;
        let mut said = Vec::new();
        for step in steps.iter().flatten().flatten() {
            said.push(step.step(desk).await?);
        }
        let given = Given {
            test_type: test_type.as_ref().map(GivenType::name).transpose()?,
            steps: said,
            unstructured,
            gherkin,
        };
        let content = given.content(&document)?;
        let conditions = hold::groups_of(desk, GroupKind::Precondition, precondition_issue_ids);
        let conditions = conditions.await?;
        let path = folder_path.as_deref().map(FolderPath::parse).transpose();
        let path = path.map_err(|why| refused(why.to_string()))?;
        let surroundings = Surroundings {
            labels: document.labels,
            workflow_status: None,
        };
        let txn = desk.write().await?;
        let (site, by, now_ms) = (desk.site(), desk.by(), desk.now_ms);
        let project = projects::hold(&*txn, site, &document.project).await?;
        let made = create_test(&*txn, site, &project, &content, &surroundings, by, now_ms).await?;
        let groups: Vec<_> = conditions.found.iter().map(|group| group.id).collect();
        groups::add_tests(&*txn, site, &groups, &[made.id]).await?;
        if let Some(path) = path {
            into_folder(&*txn, desk, project.id, &path, &[(made.id, true)]).await?;
        }
        desk.commit(txn).await?;
        Ok(Some(CreateTestResult {
            test: Test(made),
            warnings: [document.warnings, conditions.warnings].concat(),
        }))
    }

    /// Puts a test away: it covers nothing any more and is found no more; its runs stay.
    async fn delete_test(&self, context: &Context<'_>, issue_id: String) -> Answer<Option<String>> {
        let desk = Desk::of(context)?;
        let (txn, held) = hold::test(desk, &issue_id).await?;
        let changed = StoredTest {
            archived_ms: Some(desk.now_ms),
            ..held.clone()
        };
        save(desk, txn, &held, changed).await?;
        Ok(Some(format!("{} is put away.", held.key)))
    }

    /// Gives a test another type.
    async fn update_test_type(
        &self,
        context: &Context<'_>,
        issue_id: String,
        version_id: Option<i32>,
        test_type: GivenType,
    ) -> Answer<Option<Test>> {
        let name = test_type.name()?;
        change(Desk::of(context)?, &issue_id, version_id, |content| {
            content.test_type = Some(name.to_owned());
            Ok(())
        })
        .await
        .map(Some)
    }

    /// Gives a generic test another text.
    async fn update_unstructured_test_definition(
        &self,
        context: &Context<'_>,
        issue_id: String,
        version_id: Option<i32>,
        unstructured: String,
    ) -> Answer<Option<Test>> {
        let text = long("unstructured", Some(&unstructured))?;
        change(Desk::of(context)?, &issue_id, version_id, |content| {
            demand_type(content, GENERIC)?;
            content.definition = text;
            Ok(())
        })
        .await
        .map(Some)
    }

    /// Gives a Cucumber test other Gherkin.
    async fn update_gherkin_test_definition(
        &self,
        context: &Context<'_>,
        issue_id: String,
        version_id: Option<i32>,
        gherkin: String,
    ) -> Answer<Option<Test>> {
        let text = long("gherkin", Some(&gherkin))?;
        change(Desk::of(context)?, &issue_id, version_id, |content| {
            demand_type(content, CUCUMBER)?;
            content.definition = text;
            Ok(())
        })
        .await
        .map(Some)
    }

    /// Adds a step to a test, behind the others.
    async fn add_test_step(
        &self,
        context: &Context<'_>,
        issue_id: String,
        version_id: Option<i32>,
        step: GivenStep,
    ) -> Answer<Option<Step>> {
        let desk = Desk::of(context)?;
        let mut step = step.step(desk).await?;
        let test = change(desk, &issue_id, version_id, |content| {
            demand_type(content, MANUAL)?;
            let known = named_steps(content);
            step.id = Some(known.max().unwrap_or(0) + 1);
            content.steps.push(step);
            check_count(content)
        })
        .await?
        .0;
        let added = steps_of(test.id, &test.content).pop();
        added
            .ok_or_else(|| refused("The step was not added."))
            .map(Some)
    }

    /// Changes a step; what is not named stays.
    async fn update_test_step(
        &self,
        context: &Context<'_>,
        step_id: String,
        step: StepChange,
    ) -> Answer<Option<UpdateTestStepResult>> {
        demand_plain(step.attachments.is_some(), step.custom_fields.as_ref())?;
        let (test, id) = step_named(&step_id)?;
        change(Desk::of(context)?, &test, None, |content| {
            let place = place_of(content, id)?;
            let held = content
                .steps
                .get_mut(place)
                .ok_or_else(|| unknown_step(&step_id))?;
            if let Some(action) = long("action", step.action.as_deref())? {
                held.action = action;
            }
            if step.data.is_some() {
                held.data = long("data", step.data.as_deref())?;
            }
            if step.result.is_some() {
                held.expected = long("result", step.result.as_deref())?;
            }
            Ok(())
        })
        .await?;
        Ok(Some(UpdateTestStepResult {
            added_attachments: Vec::new(),
            removed_attachments: Vec::new(),
            warnings: Vec::new(),
        }))
    }

    /// Removes a step; the others keep their ids.
    async fn remove_test_step(
        &self,
        context: &Context<'_>,
        step_id: String,
    ) -> Answer<Option<String>> {
        let (test, id) = step_named(&step_id)?;
        change(Desk::of(context)?, &test, None, |content| {
            let place = place_of(content, id)?;
            content.steps.remove(place);
            Ok(())
        })
        .await?;
        Ok(Some("The step is removed.".to_owned()))
    }

    /// Removes every step of a test.
    async fn remove_all_test_steps(
        &self,
        context: &Context<'_>,
        issue_id: String,
        version_id: Option<i32>,
    ) -> Answer<Option<String>> {
        change(Desk::of(context)?, &issue_id, version_id, |content| {
            content.steps.clear();
            Ok(())
        })
        .await?;
        Ok(Some("The steps are removed.".to_owned()))
    }
}

/// What is given of a new test.
struct Given {
    test_type: Option<&'static str>,
    steps: Vec<TestStep>,
    unstructured: Option<String>,
    gherkin: Option<String>,
}

impl Given {
    /// What the test says; its type is the one that is named, else the one it is given as.
    fn content(&self, document: &Document) -> Answer<TestContent> {
        let by_shape = match (&self.gherkin, &self.unstructured) {
            (Some(_), _) => CUCUMBER,
            (None, Some(_)) => GENERIC,
            (None, None) => MANUAL,
        };
        let name = self.test_type.unwrap_or(by_shape);
        let fits = match name {
            CUCUMBER => self.steps.is_empty() && self.unstructured.is_none(),
            GENERIC => self.steps.is_empty() && self.gherkin.is_none(),
            _ => self.unstructured.is_none() && self.gherkin.is_none(),
        };
        if !fits {
            return Err(refused(
                "A Manual test has `steps`, a Cucumber test `gherkin` and a Generic test \
                 `unstructured`, and none of the others.",
            ));
        }
        let definition = self.gherkin.as_deref().or(self.unstructured.as_deref());
        let content = TestContent {
            name: document.summary.clone(),
            description: document.description.clone(),
            steps: self.steps.clone(),
            test_type: Some(name.to_owned()),
            definition: long("definition", definition)?,
        };
        check_count(&content)?;
        Ok(content)
    }
}

fn check_count(content: &TestContent) -> Answer<()> {
    if content.steps.len() > STEPS {
        return Err(refused(format!("A test has at most {STEPS} steps.")));
    }
    Ok(())
}

/// Names every step by what it is known by, so that it keeps that when others go.
fn named_steps(content: &mut TestContent) -> impl Iterator<Item = i32> {
    let ids = content.step_ids();
    for (step, id) in content.steps.iter_mut().zip(&ids) {
        step.id = Some(*id);
    }
    ids.into_iter()
}

fn place_of(content: &mut TestContent, id: i32) -> Answer<usize> {
    let place = named_steps(content).position(|known| known == id);
    place.ok_or_else(|| refused("The test has no such step."))
}

fn unknown_step(id: &str) -> super::super::desk::Failure {
    let short: String = id.chars().take(80).collect();
    refused(format!("There is no step with the id `{short}`."))
}

/// The test of a step, by its id, and what the step is known by.
fn step_named(id: &str) -> Answer<(String, i32)> {
    let (test, step) = step_of(id).ok_or_else(|| unknown_step(id))?;
    Ok((super::super::super::ids::of(test), step))
}

fn demand_type(content: &TestContent, name: &str) -> Answer<()> {
    if content.test_type.as_deref().is_none_or(|held| held == name) {
        return Ok(());
    }
    Err(refused(format!("The test is not of the type {name}.")))
}

/// Changes what a test says.
async fn change(
    desk: &Desk,
    id: &str,
    version: Option<i32>,
    change: impl FnOnce(&mut TestContent) -> Answer<()> + Send,
) -> Answer<Test> {
    let (txn, held) = hold::test(desk, id).await?;
    if version.is_some_and(|version| version != held.version) {
        let now = held.version;
        return Err(refused(format!(
            "Only the version there is, {now}, can be changed."
        )));
    }
    let mut changed = held.clone();
    // A type that follows from how the test is carried out is one like any other from here on.
    changed.content.test_type = Some(held.content.type_name(held.kind).to_owned());
    change(&mut changed.content)?;
    Ok(Test(save(desk, txn, &held, changed).await?))
}

async fn save(desk: &Desk, txn: Txn, held: &StoredTest, changed: StoredTest) -> Answer<StoredTest> {
    let (site, by, now_ms) = (desk.site(), desk.by(), desk.now_ms);
    let stored = edit_test(&*txn, site, held, changed, by, now_ms).await?;
    desk.commit(txn).await?;
    Ok(stored)
}
