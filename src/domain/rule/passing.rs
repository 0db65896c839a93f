//! D7: every test of an open defect passes now. It is said once, and nothing is closed for it: that a
//! failure went away by itself is no fix.

use super::{Action, Comment, Decision, IssueFacts, RuleId, RunRef, TestFacts};
use crate::domain::settings::{RuleName, Settings};

/// What follows for a defect when tests of it passed in an execution.
#[must_use]
pub fn judge_passes(facts: &IssueFacts<'_>, settings: &Settings) -> Vec<Decision> {
    let key = facts.key();
    let issue = facts.issue;
    if issue.is_done() || issue.deleted_ms.is_some() || issue.is_placeholder() {
        // Verifying, and what is not known of, are other rules' matters.
        return Vec::new();
    }
    let decide = |action, reason| vec![Decision::about(facts, RuleId::D7, action, reason)];
    let mut tests: Vec<&TestFacts> = facts.tests.iter().collect();
    tests.sort_unstable_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
    let passes = |test: &&TestFacts| {
        let run = test.verified_since(i64::MIN)?;
        Some((test.key.clone(), run.clone()))
    };
    let runs: Vec<(String, RunRef)> = tests.iter().filter_map(passes).collect();
    if runs.len() < tests.len() {
        let others = tests.iter().filter(|test| passes(test).is_none());
        let others: Vec<&str> = others.map(|test| test.key.as_str()).collect();
        let reason = format!(
            "{key} is open, and {} does not pass yet.",
            others.join(", ")
        );
        return decide(Action::Nothing, reason);
    }
    if !settings.is_on(RuleName::D7) {
        let reason = format!("Every test of {key} passes, and the rule is switched off here.");
        return decide(Action::Nothing, reason);
    }
    let reason = format!("Every test of {key} passes now, and it is still open.");
    decide(Action::Comment(Comment::PassesNow { runs }), reason)
}
