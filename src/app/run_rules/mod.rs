//! Runs the rules on what just became known, inside the transaction that made it known.
//!
//! Both entries take one batch, ask once whether any rule is concerned, and return at once when none
//! is. What follows is decided by `domain::rule` from the newest state; this file fetches that state,
//! keeps marks, audit and work for Jira, and guards against loops and repetition
//! (`test-management.md` 8.4, `jira-webhooks-rest.md` 8.5).
//!
//! Call [`on_transitions`] after the mirror and [`on_results`] after the latest runs were written.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

pub use crate::domain::issue::IssueTransition;
use crate::domain::issue::{IssueChanged, MirroredIssue};
use crate::domain::mirror::Field;
use crate::domain::rule::{ExecutionFacts, Reopening, Trigger};
use crate::domain::run::{Effect, RunStatus};
use crate::store::inbox::OpenEvent;
use crate::store::issues::Learnt;
use crate::store::{Conn, SiteId, StoreError, defects, rules, settings};

mod carry_out;
mod world;

use carry_out::{Occasion, carry_out};
use world::{Reach, World};

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
        cause: format!("event:{}", event.id),
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

/// An execution that was just stored, with the results that came with it.
#[derive(Debug, Clone, Copy)]
pub struct ImportedResults<'a> {
    /// The key of the project.
    pub project_key: &'a str,
    /// The execution.
    pub execution_id: Uuid,
    /// Its key, `SHOP-E7`.
    pub execution_key: &'a str,
    /// Its environments; none is a group of its own.
    pub environments: &'a [String],
    /// The name of its fix version.
    pub fix_version: Option<&'a str>,
    /// Its results.
    pub runs: &'a [ImportedRun<'a>],
}

/// One result of an [`ImportedResults`].
#[derive(Debug, Clone, Copy)]
pub struct ImportedRun<'a> {
    /// The test.
    pub test_id: Uuid,
    /// Its key, `SHOP-T12`.
    pub test_key: &'a str,
    /// The number of the run within the execution.
    pub number: i64,
    /// How it ended.
    pub status: RunStatus,
    /// Whether its attempts disagreed.
    pub is_flaky: bool,
    /// When it ended, milliseconds since the Unix epoch.
    pub finished_ms: i64,
}

/// Runs D5, D6, D9 and D13 on issues that changed status.
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
    let concerned = defects::with_tests(on, site, &issues).await?;
    if concerned.is_empty() {
        return Ok(());
    }
    let settings = settings::of_site(on, site).await?;
    let world = World::load(on, site, &concerned, Reach::WithCovering, settings).await?;
    let own_accounts = rules::own_accounts(on, site).await?;
    for (issue_id, transitions) in of_issue {
        let Some(issue) = world.issue(issue_id) else {
            continue;
        };
        let mut heard = Heard::default();
        for transition in transitions {
            let is_own = is_own(on, site, transition, &own_accounts, now_ms).await?;
            heard.add(transition, issue, is_own);
        }
        let decisions = world.follow(issue_id, heard.trigger(), heard.reopening);
        let occasion = Occasion {
            cause: heard.cause,
            execution: None,
            is_own: heard.is_own,
        };
        carry_out(on, site, now_ms, &world, &occasion, decisions).await?;
    }
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
    /// The latest news of its leaving a done status.
    reopening: Option<Reopening>,
}

impl Heard {
    fn add(&mut self, transition: &IssueTransition, issue: &MirroredIssue, is_own: bool) {
        let at_ms = transition.event_ms;
        if self.newest_ms.is_none_or(|newest_ms| newest_ms <= at_ms) {
            self.newest_ms = Some(at_ms);
            self.cause.clone_from(&transition.cause);
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

/// Runs D2, D3, D4, D6, D9 and the end of D13 on results that came in.
pub async fn on_results(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    results: &ImportedResults<'_>,
) -> Result<(), StoreError> {
    let settings = settings::of_site(on, site).await?;
    let statuses = Arc::clone(&settings.statuses);
    let is_final = |run: &&ImportedRun<'_>| statuses.is_final(run.status);
    let finished = || results.runs.iter().filter(is_final);
    let mut tests: Vec<Uuid> = finished().map(|run| run.test_id).collect();
    tests.sort_unstable();
    tests.dedup();
    let touched = defects::touched_by(on, site, &tests).await?;
    if touched.is_empty() {
        return Ok(());
    }
    let mut issues: Vec<Uuid> = touched.into_iter().map(|(issue, _)| issue).collect();
    issues.dedup();
    let world = World::load(on, site, &issues, Reach::OfMarks, settings).await?;
    let execution = ExecutionFacts {
        key: results.execution_key,
        environments: results.environments,
        fix_version: results.fix_version,
    };
    let occasion = Occasion {
        cause: format!("execution:{}", results.execution_key),
        execution: Some(execution),
        is_own: false,
    };
    let failed = finished().filter(|run| statuses.effect(run.status) == Effect::Nok);
    let failed: Vec<&ImportedRun<'_>> = failed.collect();
    for issue_id in issues {
        let mut decisions = world.judge(issue_id, &failed, execution);
        decisions.extend(world.follow(issue_id, Trigger::Ran, None));
        carry_out(on, site, now_ms, &world, &occasion, decisions).await?;
    }
    Ok(())
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
    let settings = settings::of_site(on, site).await?;
    let world = World::load(on, site, &[issue_id], Reach::OfMarks, settings).await?;
    let decisions = world.follow(issue_id, Trigger::Linked, None);
    let occasion = Occasion {
        cause: cause.to_owned(),
        execution: None,
        is_own: false,
    };
    carry_out(on, site, now_ms, &world, &occasion, decisions).await
}
