//! What an operation that was answered well has changed, for the plain model.
//!
//! Operations of different clients meet in the same tests, issues and scopes, yet each fact has one
//! client that edits it, so what all of them come to does not hang on who came first. Where several
//! clients do edit the same thing, the answers themselves say in which order (see `contested`).

use super::rules::{Execution, Kind, Run, Test, World};

#[derive(Debug, Clone)]
pub enum Change {
    /// A new execution, or what an edit made of an old one; its runs stay.
    Execution(String, Execution),
    ExecutionGone(String),
    /// A new run, or what an edit made of an old one.
    Run(String, i64, Run),
    RunGone(String, i64),
    Linked(String, String),
    Unlinked(String, String),
    /// A new test, or what an edit made of an old one.
    Test(String, Test),
    Quarantined(String, Option<i64>),
    /// Until when, if it is; [`super::rules::FOR_GOOD`] without an end.
    Exempt(String, Option<i64>),
    TextChanged(String, i64),
    Moved(String, &'static str, Option<&'static str>),
    Plan(String),
    PlanGone(String),
    InPlan(String, String),
    NotInPlan(String, String),
    Status(String, Kind),
}

impl World {
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Execution(key, mut execution) => {
                if let Some(held) = self.executions.remove(&key) {
                    execution.runs = held.runs;
                }
                self.executions.insert(key, execution);
            }
            Change::ExecutionGone(key) => {
                self.executions.remove(&key).unwrap();
            }
            Change::Run(execution, number, run) => {
                let execution = self.executions.get_mut(&execution).unwrap();
                execution.runs.insert(number, run);
            }
            Change::RunGone(execution, number) => {
                let execution = self.executions.get_mut(&execution).unwrap();
                execution.runs.remove(&number).unwrap();
            }
            Change::Linked(test, issue) => {
                self.links.insert((test, issue));
            }
            Change::Unlinked(test, issue) => {
                self.links.remove(&(test, issue));
            }
            Change::Test(key, mut test) => {
                let held = self.tests.get(&key);
                test.quarantined_until_ms = held.and_then(|held| held.quarantined_until_ms);
                self.tests.insert(key, test);
            }
            Change::Quarantined(key, until_ms) => {
                self.tests.get_mut(&key).unwrap().quarantined_until_ms = until_ms;
            }
            Change::Exempt(key, until_ms) => {
                self.issues.get_mut(&key).unwrap().exempt_until_ms = until_ms;
            }
            Change::TextChanged(key, at_ms) => {
                let issue = self.issues.get_mut(&key).unwrap();
                issue.text_changed_ms = issue.text_changed_ms.max(Some(at_ms));
            }
            Change::Moved(key, status, resolution) => {
                let issue = self.issues.get_mut(&key).unwrap();
                status.clone_into(&mut issue.status);
                issue.resolution = resolution.map(str::to_owned);
            }
            Change::Plan(key) => {
                self.plans.entry(key).or_default();
            }
            Change::PlanGone(key) => {
                self.plans.remove(&key).unwrap();
                for execution in self.executions.values_mut() {
                    execution.plan = execution.plan.take().filter(|plan| *plan != key);
                }
            }
            Change::InPlan(plan, test) => {
                self.plans.get_mut(&plan).unwrap().insert(test);
            }
            Change::NotInPlan(plan, test) => {
                self.plans.get_mut(&plan).unwrap().remove(&test);
            }
            Change::Status(name, kind) => {
                self.custom.insert(name, kind);
            }
        }
    }
}
