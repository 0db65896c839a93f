//! D2, D3 and D4: a test failed that has a defect.

use std::cmp::Ordering;

use uuid::Uuid;

use super::{Action, Comment, Decision, ExecutionFacts, IssueFacts, RuleId, note, version};
use crate::domain::settings::{RuleName, Settings};

/// A failed run of a test that is linked to the defect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The test.
    pub test_id: Uuid,
    /// Its key.
    pub test_key: String,
    /// Whether it is flaky: its attempts disagreed, or its newest results do (5.4).
    pub is_flaky: bool,
    /// When it ended, milliseconds since the Unix epoch.
    pub finished_ms: i64,
}

/// What follows for a defect from the failures of one execution. `failures` is not empty.
#[must_use]
pub fn judge_failures(
    facts: &IssueFacts<'_>,
    failures: &[Failure],
    execution: ExecutionFacts<'_>,
    settings: &Settings,
) -> Vec<Decision> {
    let key = facts.key();
    let nothing = |rule, reason| vec![Decision::about(facts, rule, Action::Nothing, reason)];
    if facts.issue.deleted_ms.is_some() {
        return nothing(RuleId::D2, format!("{key} was deleted in Jira."));
    }
    if facts.issue.is_placeholder() {
        return nothing(RuleId::D2, format!("Jira has not told of {key} yet."));
    }
    let tests = keys(failures.iter());
    if facts.issue.is_done() {
        return reopen(facts, failures, execution, settings);
    }
    if !settings.is_on(RuleName::D2) {
        let reason = format!(
            "{} failed, and the rule is switched off here.",
            tests.join(", ")
        );
        return nothing(RuleId::D2, reason);
    }
    let reason = format!(
        "{} failed in {} while {key} is open.",
        tests.join(", "),
        execution.key
    );
    let comment = Action::Comment(Comment::Failed { test_keys: tests });
    vec![Decision::about(facts, RuleId::D2, comment, reason)]
}

fn reopen(
    facts: &IssueFacts<'_>,
    failures: &[Failure],
    execution: ExecutionFacts<'_>,
    settings: &Settings,
) -> Vec<Decision> {
    let key = facts.key();
    let nothing = |rule, reason| vec![Decision::about(facts, rule, Action::Nothing, reason)];
    let resolution = facts.issue.snapshot.resolution.as_ref();
    if let Some(without_fix) = resolution.filter(|one| settings.is_without_fix(one)) {
        let reason = format!(
            "{key} was closed as \"{}\": the failure is known and is not to be fixed.",
            without_fix.name
        );
        return nothing(RuleId::D3, reason);
    }
    let resolved_ms = facts.issue.in_category_since_ms();
    let since: Vec<_> = failures
        .iter()
        .filter(|failure| failure.finished_ms > resolved_ms)
        .collect();
    if since.is_empty() {
        let tests = keys(failures.iter()).join(", ");
        return nothing(
            RuleId::D3,
            format!("{tests} failed before {key} was resolved."),
        );
    }
    let is_steady = |failure: &&&Failure| !failure.is_flaky || !settings.is_on(RuleName::D4);
    let steady: Vec<_> = since.iter().filter(is_steady).collect();
    if steady.is_empty() {
        let tests = keys(since.into_iter()).join(", ");
        let reason = format!("The failure of {tests} is flaky; {key} is not reopened for it.");
        return nothing(RuleId::D4, reason);
    }
    let tests = keys(steady.into_iter().copied());
    if let Some((run, fix)) = runs_before_the_fix(facts, execution) {
        let reason = format!(
            "{} ran {run}, and {key} is fixed in {fix}.",
            tests.join(", ")
        );
        return nothing(RuleId::D3, reason);
    }
    if !settings.is_on(RuleName::D3) {
        let reason = format!(
            "{} failed after {key} was resolved, and the rule is switched off here.",
            tests.join(", ")
        );
        return nothing(RuleId::D3, reason);
    }
    let reason = format!(
        "{} failed in {} after {key} was resolved.",
        tests.join(", "),
        execution.key
    );
    let otherwise = note::no_way_back();
    let comment = Comment::Reopened { test_keys: tests };
    let action = Action::Reopen { comment, otherwise };
    vec![Decision::about(facts, RuleId::D3, action, reason)]
}

/// The version that ran and the ones the defect is fixed in, when the run is certainly older than
/// every one of them. What cannot be compared counts as unknown, and unknown does not protect.
fn runs_before_the_fix(
    facts: &IssueFacts<'_>,
    execution: ExecutionFacts<'_>,
) -> Option<(String, String)> {
    let run = execution.fix_version?;
    let fixes = &facts.issue.snapshot.fix_versions;
    let is_older = |fix: &str| version::compare(run, fix) == Some(Ordering::Less);
    if fixes.is_empty() || !fixes.iter().all(|fix| is_older(&fix.name)) {
        return None;
    }
    let names: Vec<_> = fixes.iter().map(|fix| fix.name.as_str()).collect();
    Some((run.to_owned(), names.join(", ")))
}

fn keys<'a>(failures: impl Iterator<Item = &'a Failure>) -> Vec<String> {
    let mut keys: Vec<_> = failures.map(|failure| failure.test_key.clone()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
