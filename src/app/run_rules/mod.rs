//! Runs the rules on what just became known, inside the transaction that made it known.
//!
//! Both entries take one batch, ask once whether any rule is concerned, and return at once when none
//! is. What follows is decided by `domain::rule` from the newest state; this file fetches that state,
//! keeps marks, audit and work for Jira, and guards against loops and repetition
//! (`test-management.md` 8.4, `jira-webhooks-rest.md` 8.5).
//!
//! Call [`on_transitions`] after the mirror and [`on_results`] after the latest runs were written,
//! [`on_coverage`] when the status of issues is known to have changed.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

pub use crate::domain::issue::IssueTransition;
use crate::domain::issue::{IssueChanged, MirroredIssue, StatusCategory};
use crate::domain::mirror::Field;
use crate::domain::rule::{Reopening, Trigger, When};
use crate::domain::settings::RuleName;
use crate::domain::work::Work;
use crate::store::inbox::OpenEvent;
use crate::store::issues::Learnt;
use crate::store::outbox::{self, NewWork};
use crate::store::{Conn, SiteId, StoreError, defects, rules, settings};

mod carry_out;
mod coverage;
mod ended;
mod plan;
mod results;
mod world;

pub use coverage::{on_coverage, on_done};
pub use ended::on_ended;
pub use results::{ImportedResults, ImportedRun, on_results};

use carry_out::{Cause, carry_out};
pub(in crate::app) use carry_out::{Refusal, cause_of, pause_of, target_of};
use world::Reach;
pub(in crate::app) use world::{Happened, World};

/// The transition in an event, if it is one. `before` is the issue as the mirror held it.
///
/// A superseded event is worth handing on too: it may be the only witness that the issue was done
/// before.
#[must_use]
pub fn transition_in(
    event: &OpenEvent,
    before: &MirroredIssue,
    change: &IssueChanged,
) -> Option<IssueTransition> {
    let moved = change.transition()?;
    let held = &before.snapshot;
    let is_known = Some(&held.status.id) == moved.from.as_ref();
    Some(IssueTransition {
        issue_id: before.id,
        // One change may be told by two channels.
        cause: match change.changelog_id {
            Some(id) => format!("change:{id}"),
            None => format!("event:{}", event.id),
        },
        event_ms: event.event_ms,
        from_category: is_known.then_some(held.status_category),
        to_status_id: moved
            .to
            .clone()
            .unwrap_or_else(|| change.issue.status.id.clone()),
        to_category: change.issue.status_category,
        actor: change.actor.clone(),
        trace: event.trace.clone().or_else(|| change.trace.clone()),
        is_own: change.is_own,
    })
}

/// Runs D5, D6, D9, D11, D13 and the site's own rules on issues that changed status.
pub async fn on_transitions(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    transitions: &[IssueTransition],
) -> Result<(), StoreError> {
    let mut of_issue: BTreeMap<Uuid, Vec<&IssueTransition>> = BTreeMap::new();
    for transition in transitions {
        of_issue
            .entry(transition.issue_id)
            .or_default()
            .push(transition);
    }
    let issues: Vec<Uuid> = of_issue.keys().copied().collect();
    let with_tests = defects::with_tests(on, site, &issues).await?;
    let settings = settings::of_site(on, site).await?;
    let has_own = |when| settings.own_rules_for(when).next().is_some();
    let concerned = if has_own(When::IssueMoved) || has_own(When::DefectMoved) {
        issues
    } else {
        with_tests
    };
    if concerned.is_empty() {
        return Ok(());
    }
    let world = World::load(on, site, &concerned, Reach::WithCovering, settings).await?;
    let own_accounts = rules::own_accounts(on, site).await?;
    let concerned: BTreeSet<Uuid> = concerned.into_iter().collect();
    for (issue_id, transitions) in of_issue {
        let Some(issue) = world
            .issue(issue_id)
            .filter(|_| concerned.contains(&issue_id))
        else {
            continue;
        };
        let mut heard = Heard::default();
        for transition in transitions {
            let is_own = is_own(on, site, transition, &own_accounts, now_ms).await?;
            heard.add(transition, issue, is_own);
        }
        let mut decisions = world.follow(issue_id, heard.trigger(), heard.reopening);
        if heard.is_news {
            decisions.extend(world.own_of_move(issue_id, heard.happened()));
            ask_for_tests(on, site, now_ms, &world, issue, &heard).await?;
        }
        let cause = Cause {
            name: heard.cause,
            execution: None,
            is_own: heard.is_own,
        };
        carry_out(on, site, now_ms, &world, &cause, decisions).await?;
    }
    Ok(())
}

/// D11: has it looked up how an issue that is done is covered; that takes more than a rule reads.
async fn ask_for_tests(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    world: &World,
    issue: &MirroredIssue,
    heard: &Heard,
) -> Result<(), StoreError> {
    let settings = world.settings_of(issue);
    let type_name = &issue.snapshot.issue_type.name;
    let is_asked = settings.is_on(RuleName::D11) && settings.is_coverable(type_name);
    if heard.is_own || !issue.is_done() || !is_asked {
        return Ok(());
    }
    let work = Work::CompareWithTests {
        issue_jira_id: issue.snapshot.jira_id,
    };
    let since_ms = issue.in_category_since_ms();
    let new = NewWork::new(&work, heard.cause.clone(), now_ms)
        .once(format!("D11:{}:{since_ms}", issue.id));
    outbox::put(on, site, &new).await?;
    Ok(())
}

/// What the transitions of one issue in one batch come down to.
#[derive(Default)]
struct Heard {
    newest_ms: Option<i64>,
    cause: String,
    is_own: bool,
    /// Whether one of them brought the issue into the state it is in now.
    is_news: bool,
    /// The category of the status the newest of them left.
    category_before: Option<StatusCategory>,
    /// The latest news of its leaving a done status.
    reopening: Option<Reopening>,
}

impl Heard {
    fn add(&mut self, transition: &IssueTransition, issue: &MirroredIssue, is_own: bool) {
        let at_ms = transition.event_ms;
        if self.newest_ms.is_none_or(|newest_ms| newest_ms <= at_ms) {
            self.newest_ms = Some(at_ms);
            self.cause.clone_from(&transition.cause);
            self.category_before = transition.from_category;
            self.is_own = is_own;
        }
        let is_in_it = transition.to_status_id == issue.snapshot.status.id;
        self.is_news |= is_in_it || at_ms >= issue.event_ms;
        let (from, to) = (transition.from_category, transition.to_category);
        let told = Reopening::told_by(issue, from, to, at_ms);
        let newer = told.filter(|told| {
            let known = self.reopening.map(|known| known.done_ms);
            known.is_none_or(|known| known < told.done_ms)
        });
        self.reopening = newer.or(self.reopening);
    }

    fn happened(&self) -> Happened<'static> {
        Happened {
            category_before: self.category_before,
            at_ms: self.newest_ms.unwrap_or_default(),
            ..Happened::default()
        }
    }

    fn trigger(&self) -> Trigger {
        if self.is_news {
            Trigger::Moved
        } else {
            Trigger::Linked
        }
    }
}

/// Whether a transition is the echo of a write of ours; four ways to tell, the surest first.
async fn is_own(
    on: &impl Conn,
    site: SiteId,
    transition: &IssueTransition,
    own_accounts: &[String],
    now_ms: i64,
) -> Result<bool, StoreError> {
    let status = ("status", transition.to_status_id.as_str());
    // An expectation is closed by what meets it, however else that is known to be ours.
    let is_expected = rules::meet(on, site, transition.issue_id, status, now_ms).await?;
    let actor = transition.actor.as_ref();
    let is_our_account = actor.is_some_and(|actor| own_accounts.contains(actor));
    if transition.is_own || is_our_account {
        return Ok(true);
    }
    let trace = transition
        .trace
        .as_deref()
        .and_then(|trace| trace.parse().ok());
    Ok(match trace {
        Some(trace) => is_expected || rules::is_our_write(on, site, trace).await?,
        None => is_expected,
    })
}

/// Runs the rules on an issue that was read from Jira: on the changes of status that waited for that,
/// and on what the reading itself showed to have changed.
pub async fn on_reading(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    read: &Learnt,
    undecided: &[IssueTransition],
    cause: &str,
) -> Result<(), StoreError> {
    let state = &read.after.snapshot;
    let mut transitions = Vec::new();
    for waiting in undecided {
        let mut transition = waiting.clone();
        transition.issue_id = read.after.id;
        if transition.to_status_id == state.status.id {
            transition.to_category = state.status_category;
        }
        transitions.push(transition);
    }
    let Some(before) = &read.before else {
        return on_transitions(on, site, now_ms, &transitions).await;
    };
    let (held, told) = (&before.snapshot, state);
    let is_told = |one: &IssueTransition| one.to_status_id == told.status.id;
    if held.status.id != told.status.id && !transitions.iter().any(is_told) {
        transitions.push(IssueTransition {
            issue_id: read.after.id,
            cause: cause.to_owned(),
            event_ms: read.after.told_at(Field::Status).0,
            from_category: Some(held.status_category),
            to_status_id: told.status.id.clone(),
            to_category: told.status_category,
            actor: None,
            trace: None,
            is_own: false,
        });
    }
    if !transitions.is_empty() {
        return on_transitions(on, site, now_ms, &transitions).await;
    }
    if held.resolution == told.resolution
        && before.in_category_since_ms() == read.after.in_category_since_ms()
    {
        return Ok(());
    }
    on_defect_link(on, site, now_ms, read.after.id, cause).await
}

/// Brings the marks about a defect up to date after a person linked or unlinked a test and it.
pub async fn on_defect_link(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    issue_id: Uuid,
    cause: &str,
) -> Result<(), StoreError> {
    look_again(on, site, now_ms, &[issue_id], cause).await
}

/// Brings the marks about issues up to date that were deleted in Jira; `cause` is the event that told.
pub async fn on_deletions(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    issues: &[Uuid],
    cause: &str,
) -> Result<(), StoreError> {
    let concerned = defects::with_tests(on, site, issues).await?;
    look_again(on, site, now_ms, &concerned, cause).await
}

async fn look_again(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    issues: &[Uuid],
    cause: &str,
) -> Result<(), StoreError> {
    if issues.is_empty() {
        return Ok(());
    }
    let settings = settings::of_site(on, site).await?;
    let world = World::load(on, site, issues, Reach::OfMarks, settings).await?;
    for issue_id in issues {
        let decisions = world.follow(*issue_id, Trigger::Linked, None);
        let cause = Cause {
            name: cause.to_owned(),
            execution: None,
            is_own: false,
        };
        carry_out(on, site, now_ms, &world, &cause, decisions).await?;
    }
    Ok(())
}
