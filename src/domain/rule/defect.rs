//! D5, D6 and D9: what a defect's status means for its tests.
//!
//! The marks that should be there follow from the defect's newest state and from the evidence; the
//! decisions are the difference to the marks that are there. That is what makes them independent of
//! the order of events. A mark's environments are those in which the test has *yet to pass*; at the
//! moment of the resolution these are the ones in which it was failing.

use super::{Action, Comment, Decision, IssueFacts, Mark, MarkKind, RuleId, TestFacts, Trigger};
use super::{RunRef, listed};
use crate::domain::settings::{RuleName, Settings};
use crate::domain::work::TransitionTarget;

/// How a defect stands.
enum Stand<'a> {
    /// Not done, or gone from Jira: nothing is to be retested because of it.
    Open,
    /// Done, and a fix is claimed.
    Resolved,
    /// Done without a fix, with the resolution that says so.
    WithoutFix(&'a str),
}

fn stand<'a>(facts: &IssueFacts<'a>, settings: &Settings) -> Stand<'a> {
    if !facts.issue.is_done() || facts.issue.deleted_ms.is_some() {
        return Stand::Open;
    }
    match &facts.issue.snapshot.resolution {
        Some(resolution) if settings.is_on(RuleName::D9) && settings.is_without_fix(resolution) => {
            Stand::WithoutFix(&resolution.name)
        }
        _ => Stand::Resolved,
    }
}

/// What follows for the tests of a defect from its newest state and theirs.
#[must_use]
pub fn follow_defect(
    facts: &IssueFacts<'_>,
    settings: &Settings,
    trigger: Trigger,
) -> Vec<Decision> {
    let mut tests: Vec<_> = facts.tests.iter().collect();
    tests.sort_unstable_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
    let mut decisions = match stand(facts, settings) {
        Stand::Open => Vec::new(),
        Stand::Resolved => resolved(facts, &tests, settings, trigger),
        Stand::WithoutFix(resolution) => without_fix(facts, &tests, resolution, trigger),
    };
    decisions.extend(stale_marks(facts, settings));
    decisions
}

fn resolved(
    facts: &IssueFacts<'_>,
    tests: &[&TestFacts],
    settings: &Settings,
    trigger: Trigger,
) -> Vec<Decision> {
    let since_ms = facts.issue.in_category_since_ms();
    let verified: Option<Vec<(String, RunRef)>> = tests
        .iter()
        .map(|test| Some((test.key.clone(), test.verified_since(since_ms)?.clone())))
        .collect();
    match verified {
        Some(_) if tests.is_empty() => Vec::new(),
        Some(runs) => verify(facts, tests, runs, settings, trigger),
        None => await_retest(facts, tests, settings, trigger),
    }
}

/// D5, and why D6 does not act yet.
fn await_retest(
    facts: &IssueFacts<'_>,
    tests: &[&TestFacts],
    settings: &Settings,
    trigger: Trigger,
) -> Vec<Decision> {
    let key = facts.key();
    let since_ms = facts.issue.in_category_since_ms();
    let mut decisions = Vec::new();
    let mut waiting = Vec::new();
    for test in tests {
        let environments = test.failing();
        if test.verified_since(since_ms).is_none() {
            waiting.push(match environments.as_slice() {
                [] => test.key.clone(),
                some => format!("{} ({})", test.key, listed(some)),
            });
        }
        let mark = Mark {
            test_id: test.id,
            issue_id: facts.issue.id,
            kind: MarkKind::RetestNeeded,
            since_ms,
            environments,
            rule: RuleId::D5,
        };
        let held = facts.mark(test.id, MarkKind::RetestNeeded);
        if held == Some(&mark) {
            continue;
        }
        let decide =
            |action, reason| Decision::about(facts, RuleId::D5, action, reason).on_test(test.id);
        if settings.is_on(RuleName::D5) {
            let reason = match mark.environments.as_slice() {
                [] => format!("{key} is resolved; {} has to pass again.", test.key),
                some => format!(
                    "{key} is resolved; {} has to pass again in {}.",
                    test.key,
                    listed(some)
                ),
            };
            decisions.push(decide(Action::Set(mark), reason));
        } else if trigger == Trigger::Moved {
            let reason = format!("{key} is resolved, and the rule is switched off here.");
            decisions.push(decide(Action::Nothing, reason));
        }
    }
    if trigger == Trigger::Moved && settings.is_on(RuleName::D5Execution) {
        let mut planned: Vec<_> = tests.iter().map(|test| test.id).collect();
        planned.sort_unstable();
        let reason = format!("{key} is resolved; its tests wait in an execution of their own.");
        decisions.push(Decision::about(
            facts,
            RuleId::D5,
            Action::Plan(planned),
            reason,
        ));
    }
    if trigger == Trigger::Ran {
        let reason = format!(
            "{key} is not verified yet: {} still has to pass since it was resolved.",
            waiting.join(", ")
        );
        decisions.push(Decision::about(facts, RuleId::D6, Action::Nothing, reason));
    }
    decisions
}

/// D6: every test has passed since the resolution, wherever it had failed.
fn verify(
    facts: &IssueFacts<'_>,
    tests: &[&TestFacts],
    runs: Vec<(String, RunRef)>,
    settings: &Settings,
    trigger: Trigger,
) -> Vec<Decision> {
    let key = facts.key();
    let is_awaited = tests
        .iter()
        .any(|test| facts.mark(test.id, MarkKind::RetestNeeded).is_some());
    if !is_awaited && trigger != Trigger::Moved {
        return Vec::new();
    }
    let decide = |action, reason| Decision::about(facts, RuleId::D6, action, reason);
    if !settings.is_on(RuleName::D6) {
        let reason = format!("{key} is verified, and the rule is switched off here.");
        return vec![decide(Action::Nothing, reason)];
    }
    let mut decisions = Vec::new();
    for test in tests {
        if facts.mark(test.id, MarkKind::RetestNeeded).is_some() {
            let reason = format!("Every test of {key} has passed since it was resolved.");
            let clear = decide(Action::Clear(MarkKind::RetestNeeded), reason);
            decisions.push(clear.on_test(test.id));
        } else {
            let reason = format!("{} has passed since {key} was resolved.", test.key);
            let nothing = Decision::about(facts, RuleId::D5, Action::Nothing, reason);
            decisions.push(nothing.on_test(test.id));
        }
    }
    let reason = format!("Every test of {key} has passed since it was resolved: it is verified.");
    let comment = Action::Comment(Comment::Verified { runs });
    decisions.push(decide(comment, reason.clone()));
    if settings.is_on(RuleName::D6Transition) {
        decisions.push(match settings.verified_statuses.as_slice() {
            [] => decide(
                Action::Nothing,
                format!("{key} is verified, and no status for verified defects is set."),
            ),
            statuses => {
                let target = TransitionTarget::Statuses(statuses.to_vec());
                decide(Action::MoveTo(target), reason)
            }
        });
    }
    decisions
}

/// D9: the failure stays, and it was decided to live with it.
fn without_fix(
    facts: &IssueFacts<'_>,
    tests: &[&TestFacts],
    resolution: &str,
    trigger: Trigger,
) -> Vec<Decision> {
    let key = facts.key();
    let mut decisions = Vec::new();
    for test in tests {
        let decide =
            |action, reason| Decision::about(facts, RuleId::D9, action, reason).on_test(test.id);
        let environments = test.failing();
        let held = facts.mark(test.id, MarkKind::AcceptedFailure);
        if environments.is_empty() {
            let reason = format!("{} does not fail, so there is nothing to accept.", test.key);
            if held.is_some() {
                decisions.push(decide(Action::Clear(MarkKind::AcceptedFailure), reason));
            } else if trigger == Trigger::Moved {
                decisions.push(decide(Action::Nothing, reason));
            }
            continue;
        }
        let reason = format!(
            "{key} was closed as \"{resolution}\", so the failure of {} in {} is accepted; it still counts.",
            test.key,
            listed(&environments)
        );
        let mark = Mark {
            test_id: test.id,
            issue_id: facts.issue.id,
            kind: MarkKind::AcceptedFailure,
            since_ms: facts.issue.in_category_since_ms(),
            environments,
            rule: RuleId::D9,
        };
        if held != Some(&mark) {
            decisions.push(decide(Action::Set(mark), reason));
        }
    }
    decisions
}

/// Takes off the marks that no longer fit the defect's status, or whose test is no longer linked.
fn stale_marks(facts: &IssueFacts<'_>, settings: &Settings) -> Vec<Decision> {
    let key = facts.key();
    let stand = stand(facts, settings);
    let mut marks: Vec<_> = facts.marks.iter().collect();
    marks.sort_unstable();
    let fits = |mark: &Mark| match (&stand, &mark.rule) {
        // D13 and the site's own rules look after theirs.
        (_, RuleId::D13 | RuleId::Own(_)) => true,
        (Stand::Resolved, RuleId::D5) | (Stand::WithoutFix(_), RuleId::D9) => {
            facts.tests.iter().any(|test| test.id == mark.test_id)
        }
        _ => false,
    };
    marks
        .into_iter()
        .filter(|mark| !fits(mark))
        .map(|mark| {
            let test = facts.test_key(mark.test_id);
            let reason = match &stand {
                Stand::Open if facts.issue.deleted_ms.is_some() => {
                    format!("{key} was deleted in Jira.")
                }
                Stand::Open => {
                    format!("{key} is open again, so {test} waits for it, not for a retest.")
                }
                Stand::WithoutFix(resolution) if mark.rule == RuleId::D5 => {
                    format!("{key} was closed as \"{resolution}\", so no retest is awaited.")
                }
                Stand::Resolved if mark.rule == RuleId::D9 => {
                    format!("{key} is resolved with a fix, so the failure is no longer accepted.")
                }
                Stand::Resolved | Stand::WithoutFix(_) => {
                    format!("{key} is no longer linked to this test.")
                }
            };
            Decision::about(facts, mark.rule.clone(), Action::Clear(mark.kind), reason)
                .on_test(mark.test_id)
        })
        .collect()
}
