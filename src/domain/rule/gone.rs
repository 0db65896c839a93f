//! D10: a defect that is gone from Jira stays with its tests as a tombstone, with its last key and
//! state.

use super::{Action, Decision, IssueFacts, RuleId, Trigger};
use crate::domain::settings::{RuleName, Settings};

/// What is said when a defect was deleted, or its project with it.
#[must_use]
pub fn follow_gone(facts: &IssueFacts<'_>, settings: &Settings, trigger: Trigger) -> Vec<Decision> {
    let is_gone = facts.issue.deleted_ms.is_some();
    if !is_gone || trigger == Trigger::Ran || !settings.is_on(RuleName::D10) {
        return Vec::new();
    }
    let mut tests: Vec<_> = facts.tests.iter().collect();
    tests.sort_unstable_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
    let status = &facts.issue.snapshot.status.name;
    let key = facts.key();
    tests
        .into_iter()
        .map(|test| {
            let reason = format!(
                "{key} was deleted in Jira; {} keeps it with its last status, {status}.",
                test.key
            );
            Decision::about(facts, RuleId::D10, Action::KeepLink, reason).on_test(test.id)
        })
        .collect()
}
