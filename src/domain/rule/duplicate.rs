//! D8: the tests of a defect that was closed as a duplicate move to the issue that stays.
//!
//! Which one that is only Jira's link says; it is read when the move is made. Until then the tests
//! stay where they are.

use super::{Action, Decision, IssueFacts, RuleId, Trigger};
use crate::domain::settings::{RuleName, Settings};

/// What follows when a defect is closed as a duplicate, or linked to what it duplicates.
#[must_use]
pub fn follow_duplicate(
    facts: &IssueFacts<'_>,
    settings: &Settings,
    trigger: Trigger,
) -> Vec<Decision> {
    let issue = facts.issue;
    let resolution = issue.snapshot.resolution.as_ref();
    let resolution = resolution.filter(|one| settings.defect.is_duplicate(one));
    let Some(resolution) = resolution.filter(|_| issue.is_done() && issue.deleted_ms.is_none())
    else {
        return Vec::new();
    };
    if facts.tests.is_empty() || trigger == Trigger::Ran {
        return Vec::new();
    }
    let key = facts.key();
    let decide = |action, reason| vec![Decision::about(facts, RuleId::D8, action, reason)];
    if !settings.is_on(RuleName::D8) {
        let reason = format!("{key} is a duplicate, and the rule is switched off here.");
        return decide(Action::Nothing, reason);
    }
    let reason = format!(
        "{key} was closed as \"{}\": its tests move to the issue it duplicates.",
        resolution.name
    );
    decide(Action::FollowDuplicate, reason)
}
