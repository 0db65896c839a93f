//! Carries decisions out: marks at once, work for Jira through the outbox, and every one of them into
//! the audit.
//!
//! Marks follow their issue's state and are not held back; only what is written to Jira, and what
//! makes something new, stands under the guards: our own echo, once for each cause, and once an hour.

use std::borrow::Cow;
use std::collections::HashMap;

use super::World;
use super::plan::plan;
use crate::domain::issue::{MirroredIssue, StatusCategory};
use crate::domain::rule::{Action, Comment, Decision, ExecutionFacts, RuleId};
use crate::domain::work::{TransitionTarget, Work};
use crate::store::audit::{self, NewEntry};
use crate::store::outbox::{self, NewWork};
use crate::store::rules::{self, Turn};
use crate::store::{Conn, SiteId, StoreError, defects, issues, marks};

/// How long a built-in rule waits before it writes to the same issue again, milliseconds.
const PAUSE_MS: i64 = 3_600_000;

/// What made the rules look.
pub(super) struct Cause<'a> {
    /// The event, execution or request.
    pub name: String,
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
    cause: &Cause<'_>,
    decisions: Vec<Decision>,
) -> Result<(), StoreError> {
    let mut entries = Vec::with_capacity(decisions.len());
    let mut targets = Targets::default();
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
            _ => {
                let Some(issue) = world.issue(decision.issue_id) else {
                    continue;
                };
                let turn = turn(world, issue, cause, &decision, &mut targets);
                act(on, site, now_ms, issue, &turn, &decision).await?
            }
        };
        entries.push(entry(&decision, refusal.as_ref(), &cause.name));
    }
    audit::insert_all(on, site, &entries, now_ms).await
}

/// How often each rule has acted on the same target for this cause: a rule may comment twice.
type Targets = HashMap<String, usize>;

/// What the guards know an action by.
pub(super) struct Guarded<'a> {
    pub cause: Cow<'a, str>,
    pub target: String,
    pub pause_ms: i64,
    pub occasion: &'a Cause<'a>,
}

fn turn<'a>(
    world: &World,
    issue: &MirroredIssue,
    cause: &'a Cause<'a>,
    decision: &Decision,
    targets: &mut Targets,
) -> Guarded<'a> {
    let target = target_of(decision, targets);
    Guarded {
        cause: cause_of(issue, decision, &cause.name),
        target,
        pause_ms: pause_of(world, &decision.rule),
        occasion: cause,
    }
}

/// What an action acts on, as the guards know it; the second of its kind has a number.
pub(in crate::app) fn target_of(decision: &Decision, targets: &mut Targets) -> String {
    let target = format!("{}/{}", decision.issue_id, decision.action.name());
    let count = targets
        .entry(format!("{}:{target}", decision.rule.name()))
        .or_default();
    *count += 1;
    match *count {
        1 => target,
        n => format!("{target}/{n}"),
    }
}

/// What an action must not be repeated for: verified is said once for each resolution, whatever event
/// or execution shows it.
pub(in crate::app) fn cause_of<'a>(
    issue: &MirroredIssue,
    decision: &Decision,
    cause: &'a str,
) -> Cow<'a, str> {
    let since_ms = issue.in_category_since_ms();
    match (&decision.rule, &decision.action) {
        (RuleId::D6 | RuleId::D11, _) | (RuleId::D5, Action::Plan(_)) => {
            Cow::Owned(format!("resolution:{since_ms}"))
        }
        (RuleId::D7, _) => Cow::Owned(format!("open:{since_ms}")),
        _ => Cow::Borrowed(cause),
    }
}

/// How long a rule waits before it acts on the same target again, milliseconds.
pub(in crate::app) fn pause_of(world: &World, rule: &RuleId) -> i64 {
    let mut own = world.settings.own_rules.iter();
    match rule {
        RuleId::Own(name) => own
            .find(|one| one.name == *name)
            .and_then(|one| one.rule.as_ref())
            .map_or(PAUSE_MS, |rule| i64::from(rule.pause_minutes) * 60_000),
        _ => PAUSE_MS,
    }
}

/// Why something was not done after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) enum Refusal {
    OwnChange,
    Again,
    TooSoon,
    /// It cannot be done, as a sentence says.
    Impossible(String),
}

impl Refusal {
    /// What the audit adds to the reason of the decision.
    pub(in crate::app) fn note(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::OwnChange => " Nothing is done, because the change was Touchstone's own.",
            Self::Again => " This was done before for the same cause.",
            Self::TooSoon => " Nothing is done, because the rule did so a short while ago.",
            Self::Impossible(why) => return Cow::Owned(format!(" {why}")),
        })
    }
}

fn entry(decision: &Decision, refusal: Option<&Refusal>, cause: &str) -> NewEntry {
    let rule = match refusal {
        Some(Refusal::OwnChange) => RuleId::OwnChange,
        _ => decision.rule.clone(),
    };
    let note = refusal.map_or(Cow::Borrowed(""), Refusal::note);
    NewEntry {
        rule: rule.name().to_owned().into(),
        actor: None,
        issue_id: Some(decision.issue_id),
        test_id: decision.test_id,
        action: decision.action.name(),
        is_done: refusal.is_none() && decision.action != Action::Nothing,
        reason: format!("{}{note}", decision.reason),
        cause: cause.to_owned(),
    }
}

/// Does what a decision wants, or puts it into the outbox, unless a guard holds it back.
async fn act(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    issue: &MirroredIssue,
    guarded: &Guarded<'_>,
    decision: &Decision,
) -> Result<Option<Refusal>, StoreError> {
    if guarded.occasion.is_own {
        return Ok(Some(Refusal::OwnChange));
    }
    let wanted = match works(on, site, issue, guarded.occasion, &decision.action).await? {
        Ok(wanted) => wanted,
        Err(why) => return Ok(Some(Refusal::Impossible(why))),
    };
    let (rule, target, cause) = (&decision.rule, &guarded.target, guarded.cause.as_ref());
    match rules::take_turn(on, site, rule, target, cause, now_ms, guarded.pause_ms).await? {
        Turn::Again => return Ok(Some(Refusal::Again)),
        Turn::TooSoon => return Ok(Some(Refusal::TooSoon)),
        Turn::Now => {}
    }
    for (n, work) in wanted.iter().enumerate() {
        let rule = rule.name();
        let new = NewWork::new(work, format!("{rule} {cause} {}", issue.id), now_ms);
        let new = match work {
            Work::StatusComment { issue_jira_id, .. } => {
                new.newest(format!("says:{issue_jira_id}"))
            }
            _ => new.once(format!("{rule}:{target}:{cause}:{n}")),
        };
        outbox::put(on, site, &new).await?;
    }
    if let Action::Plan(tests) = &decision.action {
        plan(on, site, issue, tests, rule, now_ms).await?;
    }
    Ok(None)
}

/// What an action wants from Jira, in order; or why it cannot be had.
async fn works(
    on: &impl Conn,
    site: SiteId,
    issue: &MirroredIssue,
    occasion: &Cause<'_>,
    action: &Action,
) -> Result<Result<Vec<Work>, String>, StoreError> {
    let issue_jira_id = issue.snapshot.jira_id;
    let go = |target, otherwise| Work::Transition {
        issue_jira_id,
        target,
        otherwise,
    };
    let comment = |body| Work::Comment {
        issue_jira_id,
        body,
    };
    let failures = match action {
        Action::Comment(Comment::Failed { .. }) => {
            defects::count_failures(on, site, issue.id).await?
        }
        _ => 0,
    };
    let say = |words: &Comment| comment(words.blocks(occasion.execution, failures));
    Ok(Ok(match action {
        // How often it failed is told anew each time, and needs one comment.
        Action::Comment(words @ Comment::Failed { .. }) => vec![Work::StatusComment {
            issue_jira_id,
            body: words.blocks(occasion.execution, failures),
        }],
        Action::Comment(words) => vec![say(words)],
        Action::Say(body) => vec![comment(body.clone())],
        Action::Reopen {
            comment: words,
            otherwise,
        } => {
            let open = vec![
                StatusCategory::Indeterminate,
                StatusCategory::New,
                StatusCategory::Undefined,
            ];
            let target = TransitionTarget::Categories(open);
            vec![say(words), go(target, otherwise.clone())]
        }
        Action::MoveTo(target) => vec![go(target.clone(), Vec::new())],
        Action::Edit(change) => vec![Work::EditIssue {
            issue_jira_id,
            change: change.clone(),
        }],
        Action::Link { key, link_type } => match issues::by_key(on, site, key).await? {
            Some(other) if !other.is_placeholder() => vec![Work::LinkIssues {
                type_name: link_type.clone(),
                inward_jira_id: other.snapshot.jira_id,
                outward_jira_id: issue_jira_id,
            }],
            _ => return Ok(Err(format!("Jira has not told of {key}."))),
        },
        Action::Nothing
        | Action::Set(_)
        | Action::Clear(_)
        | Action::Plan(_)
        | Action::CreateDefect
        | Action::Snapshot => Vec::new(),
    }))
}
