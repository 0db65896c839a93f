//! D13: an issue left its done status, so its tests have to run again.
//!
//! The mark of a test goes when it has run since, anywhere: then its results speak for themselves,
//! whatever they are. (Asking for every environment would make the end depend on when an old result
//! from yet another one comes in.) It also goes when the issue is done again.

use super::{Action, Decision, IssueFacts, Mark, MarkKind, RuleId, TestFacts, Trigger, listed};
use crate::domain::issue::{MirroredIssue, StatusCategory};
use crate::domain::settings::{RuleName, Settings};

/// News that an issue left a done status. Instants are milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reopening {
    /// A moment at which it was still done.
    pub done_ms: i64,
    /// When it left.
    pub at_ms: i64,
}

impl Reopening {
    /// What a change of status tells about an issue in its newest state.
    ///
    /// It may tell directly; or it is news of the past, overtaken by a newer state that is not done:
    /// then the issue left at some time between the two, and the time it entered its category is the
    /// best that is known.
    #[must_use]
    pub fn told_by(
        issue: &MirroredIssue,
        from: Option<StatusCategory>,
        to: StatusCategory,
        event_ms: i64,
    ) -> Option<Self> {
        if issue.is_done() {
            return None;
        }
        if to == StatusCategory::Done {
            return (event_ms <= issue.event_ms).then(|| Self {
                done_ms: event_ms,
                at_ms: issue.in_category_since_ms(),
            });
        }
        (from == Some(StatusCategory::Done)).then_some(Self {
            done_ms: event_ms,
            at_ms: event_ms,
        })
    }

    /// Since when a retest is called for; a mark made after `done_ms` knows better.
    fn since_ms(reopening: Option<Self>, held: Option<&Mark>) -> Option<i64> {
        let known = held.map(|mark| mark.since_ms);
        match (reopening, known) {
            (Some(news), Some(known)) if known < news.done_ms => Some(news.at_ms),
            (_, Some(known)) => Some(known),
            (news, None) => news.map(|news| news.at_ms),
        }
    }
}

/// What follows for the tests that cover an issue; `reopening` is what was just heard.
#[must_use]
pub fn follow_reopened(
    facts: &IssueFacts<'_>,
    settings: &Settings,
    reopening: Option<Reopening>,
    trigger: Trigger,
) -> Vec<Decision> {
    let key = facts.key();
    let is_open = !facts.issue.is_done() && facts.issue.deleted_ms.is_none();
    let mut tests: Vec<_> = facts.tests.iter().collect();
    tests.sort_unstable_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
    let mut decisions = Vec::new();
    if is_open {
        for test in &tests {
            let held = own_mark(facts, test.id);
            if let Some(since_ms) = Reopening::since_ms(reopening, held) {
                decisions.extend(retest(facts, test, since_ms, settings, trigger));
            }
        }
    }
    let mut marks: Vec<_> = facts.marks.iter().collect();
    marks.sort_unstable();
    for mark in marks.into_iter().filter(|mark| mark.rule == RuleId::D13) {
        let is_linked = tests.iter().any(|test| test.id == mark.test_id);
        if is_open && is_linked {
            continue;
        }
        let reason = if is_linked {
            format!("{key} is done again, so no retest is awaited.")
        } else {
            format!("{key} is no longer covered by this test.")
        };
        let clear = Action::Clear(mark.kind);
        let decision = Decision::about(facts, RuleId::D13, clear, reason);
        decisions.push(decision.on_test(mark.test_id));
    }
    decisions
}

fn own_mark<'a>(facts: &IssueFacts<'a>, test_id: uuid::Uuid) -> Option<&'a Mark> {
    facts
        .marks
        .iter()
        .find(|mark| mark.test_id == test_id && mark.rule == RuleId::D13)
}

fn retest(
    facts: &IssueFacts<'_>,
    test: &TestFacts,
    since_ms: i64,
    settings: &Settings,
    trigger: Trigger,
) -> Option<Decision> {
    let key = facts.key();
    let held = own_mark(facts, test.id);
    let decide =
        |action, reason| Some(Decision::about(facts, RuleId::D13, action, reason).on_test(test.id));
    let environments = test.not_run_since(since_ms);
    if test.has_run_since(since_ms) {
        let reason = format!("{} has run since {key} was reopened.", test.key);
        return match (held, trigger) {
            (Some(_), _) => decide(Action::Clear(MarkKind::RetestNeeded), reason),
            (None, Trigger::Moved) => decide(Action::Nothing, reason),
            (None, _) => None,
        };
    }
    if !settings.is_on(RuleName::D13) {
        let reason = format!("{key} was reopened, and the rule is switched off here.");
        return (trigger == Trigger::Moved)
            .then(|| decide(Action::Nothing, reason))
            .flatten();
    }
    let reason = match environments.as_slice() {
        [] => format!("{key} was reopened; {} has to run again.", test.key),
        some => format!(
            "{key} was reopened; {} has to run again in {}.",
            test.key,
            listed(some)
        ),
    };
    let mark = Mark {
        test_id: test.id,
        issue_id: facts.issue.id,
        kind: MarkKind::RetestNeeded,
        since_ms,
        environments,
        rule: RuleId::D13,
    };
    (held != Some(&mark))
        .then(|| decide(Action::Set(mark), reason))
        .flatten()
}
