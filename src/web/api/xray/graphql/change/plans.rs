//! Changes of test plans.

use async_graphql::{Context, Object, SimpleObject};
use serde_json::Value;

use super::super::super::ids;
use super::super::desk::{Answer, Desk, refused};
use super::super::page::Texts;
use super::super::plan::TestPlan;
use super::document::Document;
use super::hold::{self, warning};
use crate::app::edit_execution::edit_execution;
use crate::app::edit_plan::create_plan;
use crate::store::{plans, projects};

/// What came of making a plan.
#[derive(Debug, SimpleObject)]
struct CreateTestPlanResult {
    test_plan: TestPlan,
    warnings: Vec<String>,
}

/// Which executions were added.
#[derive(Debug, SimpleObject)]
#[graphql(name = "AddTestExecutionsResult")]
pub(super) struct AddedExecutions {
    pub added_test_executions: Vec<String>,
    pub warning: Option<String>,
}

/// Which tests were added.
#[derive(Debug, SimpleObject)]
#[graphql(name = "AddTestsResult")]
pub(super) struct AddedTests {
    pub added_tests: Vec<String>,
    pub warning: Option<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct PlanMutation;

#[Object]
impl PlanMutation {
    /// Makes a plan of tests.
    async fn create_test_plan(
        &self,
        context: &Context<'_>,
        test_issue_ids: Texts,
        saved_filter: Option<String>,
        jira: Value,
    ) -> Answer<Option<CreateTestPlanResult>> {
        if saved_filter.is_some() {
            return Err(refused(
                "A plan is made of the tests that are named, not of a saved filter of Jira.",
            ));
        }
        let desk = Desk::of(context)?;
        let document = Document::read(desk, &jira).await?;
        let named = hold::tests(desk, test_issue_ids).await?;
        let named = named.of_project(&document.project, hold::test_name);
        let tests: Vec<_> = named.found.iter().map(|test| test.id).collect();
        let txn = desk.write().await?;
        let project = projects::hold(&*txn, desk.site(), &document.project).await?;
        let texts = (document.summary.as_str(), document.description.as_deref());
        let (site, by, now_ms) = (desk.site(), desk.by(), desk.now_ms);
        let made = create_plan(&*txn, site, &project, texts, &tests, by, now_ms).await?;
        desk.commit(txn).await?;
        Ok(Some(CreateTestPlanResult {
            test_plan: TestPlan(made),
            warnings: [document.warnings, named.warnings].concat(),
        }))
    }

    /// Deletes a plan; its tests and executions stay.
    async fn delete_test_plan(
        &self,
        context: &Context<'_>,
        issue_id: String,
    ) -> Answer<Option<String>> {
        let desk = Desk::of(context)?;
        let (txn, plan) = hold::plan(desk, &issue_id).await?;
        plans::delete(&*txn, desk.site(), &plan).await?;
        desk.commit(txn).await?;
        Ok(Some(format!("{} is deleted.", plan.key)))
    }

    /// Puts tests into a plan.
    async fn add_tests_to_test_plan(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<AddedTests>> {
        let desk = Desk::of(context)?;
        let named = hold::tests(desk, Some(test_issue_ids)).await?;
        let (txn, plan) = hold::plan(desk, &issue_id).await?;
        let mut named = named.of_project(&plan.key.project, hold::test_name);
        let held = plans::tests_of(&*txn, desk.site(), plan.id).await?;
        let is_held = |test: &crate::store::stored_tests::StoredTest| held.contains(&test.key);
        let old = named.found.iter().filter(|test| is_held(test));
        let old = old.map(|test| format!("{} is in the plan already.", test.key));
        named.warnings.extend(old.collect::<Vec<_>>());
        named.found.retain(|test| !is_held(test));
        let tests: Vec<_> = named.found.iter().map(|test| test.id).collect();
        plans::add_tests(&*txn, desk.site(), plan.id, &tests).await?;
        desk.commit(txn).await?;
        Ok(Some(AddedTests {
            added_tests: tests.into_iter().map(ids::of).collect(),
            warning: warning(&named.warnings),
        }))
    }

    /// Takes tests out of a plan.
    async fn remove_tests_from_test_plan(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<String>> {
        let desk = Desk::of(context)?;
        let named = hold::tests(desk, Some(test_issue_ids)).await?;
        let (txn, plan) = hold::plan(desk, &issue_id).await?;
        for test in &named.found {
            plans::remove_test(&*txn, desk.site(), plan.id, test.id).await?;
        }
        desk.commit(txn).await?;
        Ok(Some(done(&named.warnings)))
    }

    /// Lets executions belong to a plan. An execution belongs to one plan at the most.
    async fn add_test_executions_to_test_plan(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_exec_issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<AddedExecutions>> {
        let desk = Desk::of(context)?;
        let named = hold::executions_of(desk, Some(test_exec_issue_ids)).await?;
        let (txn, plan) = hold::plan(desk, &issue_id).await?;
        let named = named.of_project(&plan.key.project, hold::execution_name);
        let (mut added, mut warnings) = (Vec::new(), named.warnings);
        let key = plan.key.to_string();
        for found in named.found {
            let Some(held) = hold::again(&txn, desk, found.id).await? else {
                continue;
            };
            match &held.particulars.plan {
                Some(plan) if *plan == key => {
                    warnings.push(format!("{} belongs to it already.", held.key));
                }
                Some(plan) => warnings.push(format!(
                    "{} belongs to {plan}, and an execution belongs to one plan here.",
                    held.key
                )),
                None => {
                    let mut changed = held.clone();
                    changed.particulars.plan = Some(key.clone());
                    edit_execution(&*txn, desk.site(), &held, &changed, desk.now_ms).await?;
                    added.push(ids::of(held.id));
                }
            }
        }
        desk.commit(txn).await?;
        Ok(Some(AddedExecutions {
            added_test_executions: added,
            warning: warning(&warnings),
        }))
    }

    /// Lets executions belong to the plan no more.
    async fn remove_test_executions_from_test_plan(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_exec_issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<String>> {
        let desk = Desk::of(context)?;
        let named = hold::executions_of(desk, Some(test_exec_issue_ids)).await?;
        let (txn, plan) = hold::plan(desk, &issue_id).await?;
        let named = named.of_project(&plan.key.project, hold::execution_name);
        let key = plan.key.to_string();
        for found in named.found {
            let held = hold::again(&txn, desk, found.id).await?;
            let held = held.filter(|held| held.particulars.plan.as_ref() == Some(&key));
            if let Some(held) = held {
                let mut changed = held.clone();
                changed.particulars.plan = None;
                edit_execution(&*txn, desk.site(), &held, &changed, desk.now_ms).await?;
            }
        }
        desk.commit(txn).await?;
        Ok(Some(done(&named.warnings)))
    }
}

/// What a change without a result says.
pub(super) fn done(warnings: &[String]) -> String {
    warning(warnings).map_or_else(|| "Done.".to_owned(), |why| format!("Done. {why}"))
}
