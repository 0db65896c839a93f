//! Changes of test executions. A test belongs to an execution by a run of it: one that was only added
//! has a run that is still to do.

use std::collections::HashMap;

use async_graphql::{Context, Object, SimpleObject};
use serde_json::Value;
use uuid::Uuid;

use super::super::super::ids;
use super::super::desk::{Answer, Desk, refused};
use super::super::execution::TestExecution;
use super::super::page::{Texts, texts};
use super::super::query::VersionedTest;
use super::document::{Document, environments};
use super::hold::{self, Named, warning};
use super::plans::{AddedExecutions, AddedTests, done};
use crate::app::edit_execution::{create_execution, delete_execution, edit_execution};
use crate::app::edit_run::{Occasion, delete_run, record_run};
use crate::domain::execution::{Execution, Particulars};
use crate::domain::run::RunStatus;
use crate::domain::run_detail::RunDetail;
use crate::store::stored_runs::{self, StoredRun};
use crate::store::stored_tests::StoredTest;
use crate::store::{Conn, environments as stored_environments, plans, projects, run_search};

/// What came of making an execution.
#[derive(Debug, SimpleObject)]
struct CreateTestExecutionResult {
    test_execution: TestExecution,
    created_test_environments: Vec<String>,
    warnings: Vec<String>,
}

/// Which environments were added.
#[derive(Debug, SimpleObject)]
struct AddTestEnvironmentsResult {
    associated_test_environments: Vec<String>,
    created_test_environments: Vec<String>,
    warning: Option<String>,
}

/// Which plans were added.
#[derive(Debug, SimpleObject)]
struct AddTestPlansResult {
    added_test_plans: Vec<String>,
    warning: Option<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ExecutionMutation;

#[Object]
impl ExecutionMutation {
    /// Makes an execution of tests that are to be run.
    async fn create_test_execution(
        &self,
        context: &Context<'_>,
        test_issue_ids: Texts,
        tests: Option<Vec<Option<VersionedTest>>>,
        test_environments: Texts,
        jira: Value,
    ) -> Answer<Option<CreateTestExecutionResult>> {
        let desk = Desk::of(context)?;
        let document = Document::read(desk, &jira).await?;
        let (named, versions) = hold::versioned(desk, test_issue_ids, tests).await?;
        let named = named.of_project(&document.project, hold::test_name);
        let names = environments(&texts(test_environments)?.unwrap_or_default())?;
        let particulars = Particulars {
            environments: names.clone(),
            fix_version: document.fix_version.clone(),
            ..Particulars::default()
        };
        let txn = desk.write().await?;
        let (site, by, now_ms) = (desk.site(), desk.by(), desk.now_ms);
        let project = projects::hold(&*txn, site, &document.project).await?;
        let known = stored_environments::of_project(&*txn, site, project.id).await?;
        let name = document.summary.as_str();
        let mut made =
            create_execution(&*txn, site, &project, name, &particulars, by, now_ms).await?;
        add_runs(&*txn, desk, &mut made, (&named.found, &versions)).await?;
        desk.commit(txn).await?;
        let created = names.into_iter().filter(|name| !known.contains(name));
        Ok(Some(CreateTestExecutionResult {
            test_execution: TestExecution(made),
            created_test_environments: created.collect(),
            warnings: [document.warnings, named.warnings].concat(),
        }))
    }

    /// Deletes an execution with its runs.
    async fn delete_test_execution(
        &self,
        context: &Context<'_>,
        issue_id: String,
    ) -> Answer<Option<String>> {
        let desk = Desk::of(context)?;
        let (txn, execution) = hold::execution(desk, &issue_id).await?;
        delete_execution(&*txn, desk.site(), &execution).await?;
        desk.commit(txn).await?;
        Ok(Some(format!("{} is deleted.", execution.key)))
    }

    /// Adds tests that are to be run.
    async fn add_tests_to_test_execution(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_issue_ids: Texts,
        tests: Option<Vec<Option<VersionedTest>>>,
    ) -> Answer<Option<AddedTests>> {
        let desk = Desk::of(context)?;
        let (named, versions) = hold::versioned(desk, test_issue_ids, tests).await?;
        let (txn, mut execution) = hold::execution(desk, &issue_id).await?;
        let mut named = named.of_project(&execution.key.project, hold::test_name);
        leave_out_held(&*txn, desk, &execution, &mut named).await?;
        add_runs(&*txn, desk, &mut execution, (&named.found, &versions)).await?;
        desk.commit(txn).await?;
        Ok(Some(AddedTests {
            added_tests: named.found.iter().map(|test| ids::of(test.id)).collect(),
            warning: warning(&named.warnings),
        }))
    }

    /// Takes tests out of an execution, with their runs.
    async fn remove_tests_from_test_execution(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<String>> {
        let desk = Desk::of(context)?;
        let named = hold::tests(desk, Some(test_issue_ids)).await?;
        let (txn, execution) = hold::execution(desk, &issue_id).await?;
        for test in &named.found {
            remove_runs(&*txn, desk, &execution, test.id).await?;
        }
        desk.commit(txn).await?;
        Ok(Some(done(&named.warnings)))
    }

    /// Adds a test to executions.
    async fn add_test_executions_to_test(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_exec_issue_ids: Vec<Option<String>>,
        version_id: Option<i32>,
    ) -> Answer<Option<AddedExecutions>> {
        let desk = Desk::of(context)?;
        let named = hold::executions_of(desk, Some(test_exec_issue_ids)).await?;
        let (txn, test) = hold::test(desk, &issue_id).await?;
        let named = named.of_project(&test.key.project, hold::execution_name);
        let version = version_id.unwrap_or(test.version);
        if !(1..=test.version).contains(&version) {
            return Err(refused(format!("{} has no version {version}.", test.key)));
        }
        let versions = HashMap::from([(test.id, version)]);
        let (mut added, mut warnings) = (Vec::new(), named.warnings);
        for found in named.found {
            let Some(mut held) = hold::again(&txn, desk, found.id).await? else {
                continue;
            };
            let mut one = Named {
                found: vec![test.clone()],
                warnings: Vec::new(),
            };
            leave_out_held(&*txn, desk, &held, &mut one).await?;
            add_runs(&*txn, desk, &mut held, (&one.found, &versions)).await?;
            added.extend(one.found.iter().map(|_| ids::of(held.id)));
            warnings.extend(one.warnings);
        }
        desk.commit(txn).await?;
        Ok(Some(AddedExecutions {
            added_test_executions: added,
            warning: warning(&warnings),
        }))
    }

    /// Takes a test out of executions, with its runs.
    async fn remove_test_executions_from_test(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_exec_issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<String>> {
        let desk = Desk::of(context)?;
        let named = hold::executions_of(desk, Some(test_exec_issue_ids)).await?;
        let (txn, test) = hold::test(desk, &issue_id).await?;
        let named = named.of_project(&test.key.project, hold::execution_name);
        for found in named.found {
            if let Some(held) = hold::again(&txn, desk, found.id).await? {
                remove_runs(&*txn, desk, &held, test.id).await?;
            }
        }
        desk.commit(txn).await?;
        Ok(Some(done(&named.warnings)))
    }

    /// Puts a test into plans.
    async fn add_test_plans_to_test(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_plan_issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<AddTestPlansResult>> {
        let desk = Desk::of(context)?;
        let named = hold::plans_of(desk, Some(test_plan_issue_ids)).await?;
        let (txn, test) = hold::test(desk, &issue_id).await?;
        let named = named.of_project(&test.key.project, hold::plan_name);
        let (mut added, mut warnings) = (Vec::new(), named.warnings);
        for plan in &named.found {
            let held = plans::tests_of(&*txn, desk.site(), plan.id).await?;
            if held.contains(&test.key) {
                warnings.push(format!("{} is in {} already.", test.key, plan.key));
                continue;
            }
            plans::add_tests(&*txn, desk.site(), plan.id, &[test.id]).await?;
            added.push(ids::of(plan.id));
        }
        desk.commit(txn).await?;
        Ok(Some(AddTestPlansResult {
            added_test_plans: added,
            warning: warning(&warnings),
        }))
    }

    /// Takes a test out of plans.
    async fn remove_test_plans_from_test(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_plan_issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<String>> {
        let desk = Desk::of(context)?;
        let named = hold::plans_of(desk, Some(test_plan_issue_ids)).await?;
        let (txn, test) = hold::test(desk, &issue_id).await?;
        for plan in &named.found {
            plans::remove_test(&*txn, desk.site(), plan.id, test.id).await?;
        }
        desk.commit(txn).await?;
        Ok(Some(done(&named.warnings)))
    }

    /// Lets every run of an execution count for more environments.
    async fn add_test_environments_to_test_execution(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_environments: Vec<Option<String>>,
    ) -> Answer<Option<AddTestEnvironmentsResult>> {
        let desk = Desk::of(context)?;
        let given = texts(Some(test_environments))?.unwrap_or_default();
        let (txn, held) = hold::execution(desk, &issue_id).await?;
        let known = stored_environments::of_project(&*txn, desk.site(), held.project_id).await?;
        let mut changed = held.clone();
        let all = [held.particulars.environments.clone(), given].concat();
        changed.particulars.environments = environments(&all)?;
        edit_execution(&*txn, desk.site(), &held, &changed, desk.now_ms).await?;
        desk.commit(txn).await?;
        let is_new = |name: &&String| !held.particulars.environments.contains(name);
        let added: Vec<String> = changed
            .particulars
            .environments
            .iter()
            .filter(is_new)
            .cloned()
            .collect();
        let created = added.iter().filter(|name| !known.contains(name)).cloned();
        Ok(Some(AddTestEnvironmentsResult {
            created_test_environments: created.collect(),
            associated_test_environments: added,
            warning: None,
        }))
    }

    /// Lets the runs of an execution count for fewer environments.
    async fn remove_test_environments_from_test_execution(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_environments: Vec<Option<String>>,
    ) -> Answer<Option<String>> {
        let desk = Desk::of(context)?;
        let given = texts(Some(test_environments))?.unwrap_or_default();
        let (txn, held) = hold::execution(desk, &issue_id).await?;
        let mut changed = held.clone();
        changed
            .particulars
            .environments
            .retain(|name| !given.contains(name));
        edit_execution(&*txn, desk.site(), &held, &changed, desk.now_ms).await?;
        desk.commit(txn).await?;
        Ok(Some(done(&[])))
    }
}

/// The runs that an execution has of tests, of each the newest.
async fn runs_of(
    on: &impl Conn,
    desk: &Desk,
    execution: &Execution,
    tests: &[Uuid],
) -> Answer<Vec<StoredRun>> {
    let search = run_search::Search {
        tests: Some(tests),
        executions: Some(&[execution.id]),
        limit: i64::try_from(tests.len()).unwrap_or(i64::MAX),
        ..run_search::Search::default()
    };
    let found = run_search::find(on, desk.site(), &search).await?;
    let mut runs = stored_runs::by_places(on, desk.site(), &found.places).await?;
    Ok(found
        .places
        .iter()
        .filter_map(|place| runs.remove(place))
        .collect())
}

/// Leaves out the tests that an execution has runs of.
async fn leave_out_held(
    on: &impl Conn,
    desk: &Desk,
    execution: &Execution,
    named: &mut Named<StoredTest>,
) -> Answer<()> {
    let tests: Vec<Uuid> = named.found.iter().map(|test| test.id).collect();
    for run in runs_of(on, desk, execution, &tests).await? {
        named.found.retain(|test| test.id != run.test_id);
        let key = &execution.key;
        named
            .warnings
            .push(format!("{} is in {key} already.", run.test_key));
    }
    Ok(())
}

/// Adds a run for each of these tests, in the version given or the one there is, that is still to do.
async fn add_runs(
    on: &impl Conn,
    desk: &Desk,
    execution: &mut Execution,
    (tests, versions): (&[StoredTest], &HashMap<Uuid, i32>),
) -> Answer<()> {
    let occasion = Occasion {
        by: desk.by(),
        now_ms: desk.now_ms,
    };
    for test in tests {
        let run = StoredRun {
            number: execution.next_run,
            test_id: test.id,
            test_key: test.key.clone(),
            test_name: test.content.name.clone(),
            test_version: Some(versions.get(&test.id).copied().unwrap_or(test.version)),
            status: RunStatus::Todo,
            is_flaky: false,
            started_ms: None,
            finished_ms: desk.now_ms,
            arrived_ms: desk.now_ms,
            duration_ms: None,
            message: None,
            detail: RunDetail::default(),
        };
        record_run(on, desk.site(), execution, &run, &[], occasion).await?;
        execution.next_run += 1;
    }
    Ok(())
}

/// Deletes every run that an execution has of a test.
async fn remove_runs(on: &impl Conn, desk: &Desk, execution: &Execution, test: Uuid) -> Answer<()> {
    let occasion = Occasion {
        by: desk.by(),
        now_ms: desk.now_ms,
    };
    // The newest hides those before it, so they come up one after another.
    while let Some(run) = runs_of(on, desk, execution, &[test]).await?.pop() {
        delete_run(on, desk.site(), execution, &run, occasion).await?;
    }
    Ok(())
}
