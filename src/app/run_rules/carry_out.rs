//! Carries decisions out: marks at once, work for Jira through the outbox, and every one of them into
//! the audit.
//!
//! Marks follow their issue's state and are not held back; only what is written to Jira stands
//! under the guards: our own echo, once for each cause, and once an hour.

use super::World;
use crate::domain::issue::{MirroredIssue, StatusCategory};
use crate::domain::rule::{Action, Comment, Decision, ExecutionFacts, RuleId};
use crate::domain::work::{TransitionTarget, Work};
use crate::store::audit::{self, NewEntry};
use crate::store::outbox::{self, NewWork};
use crate::store::rules::{self, Turn};
use crate::store::{Conn, SiteId, StoreError, defects, marks};

/// How long a rule waits before it writes to the same issue again, milliseconds.
const PAUSE_MS: i64 = 3_600_000;

/// What made the rules look.
pub(super) struct Occasion<'a> {
    /// The event, execution or request.
    pub cause: String,
    /// The execution, when results came in.
    pub execution: Option<ExecutionFacts<'a>>,
    /// Whether it is the echo of a write of ours.
    pub is_own: bool,
}

pub(super) async fn carry_out(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    world: &World,
    occasion: &Occasion<'_>,
    decisions: Vec<Decision>,
) -> Result<(), StoreError> {
    let mut entries = Vec::with_capacity(decisions.len());
    for decision in decisions {
        let refusal = match &decision.action {
            Action::Nothing => None,
            Action::Set(mark) => {
                marks::set(on, site, mark).await?;
                None
            }
            Action::Clear(kind) => {
                if let Some(test) = decision.test_id {
                    marks::clear(on, site, test, decision.issue_id, *kind).await?;
                }
                None
            }
            Action::Comment(_) | Action::Reopen { .. } | Action::MoveTo(_) => {
                let Some(issue) = world.issue(decision.issue_id) else {
                    continue;
                };
                write(on, site, now_ms, issue, occasion, &decision).await?
            }
        };
        entries.push(entry(&decision, refusal.as_ref(), &occasion.cause));
    }
    audit::insert_all(on, site, &entries, now_ms).await
}

/// Why a write was not made after all.
enum Refusal {
    OwnChange,
    Again,
    TooSoon,
}

fn entry(decision: &Decision, refusal: Option<&Refusal>, cause: &str) -> NewEntry {
    let (rule, note) = match refusal {
        None => (decision.rule, ""),
        Some(Refusal::OwnChange) => (
            RuleId::OwnChange,
            " Nothing is written, because the change was Touchstone's own.",
        ),
        Some(Refusal::Again) => (decision.rule, " This was done before for the same cause."),
        Some(Refusal::TooSoon) => (
            decision.rule,
            " Nothing is written, because the rule did so less than an hour ago.",
        ),
    };
    NewEntry {
        rule: rule.name(),
        actor: None,
        issue_id: Some(decision.issue_id),
        test_id: decision.test_id,
        action: decision.action.name(),
        is_done: note.is_empty() && decision.action != Action::Nothing,
        reason: format!("{}{note}", decision.reason),
        cause: cause.to_owned(),
    }
}

/// Puts what a decision wants from Jira into the outbox, unless a guard holds it back.
async fn write(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    issue: &MirroredIssue,
    occasion: &Occasion<'_>,
    decision: &Decision,
) -> Result<Option<Refusal>, StoreError> {
    if occasion.is_own {
        return Ok(Some(Refusal::OwnChange));
    }
    // Verified once for each resolution, whatever event or execution shows it.
    let cause = match decision.rule {
        RuleId::D6 => format!("resolution:{}", issue.in_category_since_ms()),
        _ => occasion.cause.clone(),
    };
    let target = format!("{}/{}", decision.issue_id, decision.action.name());
    let turn = rules::take_turn(on, site, decision.rule, &target, &cause, now_ms, PAUSE_MS).await?;
    match turn {
        Turn::Again => return Ok(Some(Refusal::Again)),
        Turn::TooSoon => return Ok(Some(Refusal::TooSoon)),
        Turn::Now => {}
    }
    let failures = match &decision.action {
        Action::Comment(Comment::Failed { .. }) => {
            defects::count_failures(on, site, decision.issue_id).await?
        }
        _ => 0,
    };
    for (n, work) in works(issue, occasion, &decision.action, failures)
        .iter()
        .enumerate()
    {
        let rule = decision.rule.name();
        let new = NewWork::new(work, format!("{rule} {cause} {}", issue.id), now_ms);
        let new = match work {
            Work::StatusComment { issue_jira_id, .. } => {
                new.newest(format!("says:{issue_jira_id}"))
            }
            _ => new.once(format!("{rule}:{target}:{cause}:{n}")),
        };
        outbox::put(on, site, &new).await?;
    }
    Ok(None)
}

fn works(
    issue: &MirroredIssue,
    occasion: &Occasion<'_>,
    action: &Action,
    failures: u64,
) -> Vec<Work> {
    let issue_jira_id = issue.snapshot.jira_id;
    let body = |comment: &Comment| comment.blocks(occasion.execution, failures);
    let say = |comment: &Comment| Work::Comment {
        issue_jira_id,
        body: body(comment),
    };
    let go = |target, otherwise| Work::Transition {
        issue_jira_id,
        target,
        otherwise,
    };
    match action {
        // How often it failed is told anew each time, and needs one comment.
        Action::Comment(comment @ Comment::Failed { .. }) => vec![Work::StatusComment {
            issue_jira_id,
            body: body(comment),
        }],
        Action::Comment(comment) => vec![say(comment)],
        Action::Reopen { comment, otherwise } => {
            let open = vec![
                StatusCategory::Indeterminate,
                StatusCategory::New,
                StatusCategory::Undefined,
            ];
            let target = TransitionTarget::Categories(open);
            vec![say(comment), go(target, otherwise.clone())]
        }
        Action::MoveTo(target) => vec![go(target.clone(), Vec::new())],
        Action::Nothing | Action::Set(_) | Action::Clear(_) => Vec::new(),
    }
}
