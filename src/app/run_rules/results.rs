//! Results came in: what they mean for defects, for covered issues, and for tests that have neither.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::carry_out::{Cause, carry_out};
use super::world::{Happened, Reach, World};
use crate::domain::rule::{ExecutionFacts, Trigger, When};
use crate::domain::run::{Effect, RunStatus};
use crate::store::{Conn, SiteId, StoreError, defects, settings};

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
    /// The branch that was tested.
    pub branch: Option<&'a str>,
    /// Its results.
    pub runs: &'a [ImportedRun<'a>],
}

impl<'a> ImportedResults<'a> {
    /// The execution as rules speak of it.
    #[must_use]
    pub const fn execution(&self) -> ExecutionFacts<'a> {
        ExecutionFacts {
            key: self.execution_key,
            environments: self.environments,
            fix_version: self.fix_version,
            branch: self.branch,
        }
    }
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

/// Runs D2, D3, D4, D6, D7, D9, the end of D13 and the site's own rules on results that came in.
pub async fn on_results(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    results: &ImportedResults<'_>,
) -> Result<(), StoreError> {
    let settings = settings::of_site(on, site).await?;
    let statuses = Arc::clone(&settings.statuses);
    let finished = results
        .runs
        .iter()
        .filter(|run| statuses.is_final(run.status));
    let finished: Vec<&ImportedRun<'_>> = finished.collect();
    let with = |wanted: Effect| {
        let runs = finished.iter().copied();
        let runs = runs.filter(|run| statuses.effect(run.status) == wanted);
        runs.collect::<Vec<_>>()
    };
    let (failed, passed) = (with(Effect::Nok), with(Effect::Ok));

    let tests: BTreeSet<Uuid> = finished.iter().map(|run| run.test_id).collect();
    let tests: Vec<Uuid> = tests.into_iter().collect();
    let mut touched = defects::touched_by(on, site, &tests).await?;
    let has_own = |when| settings.own_rules_for(when).next().is_some();
    let reach = if has_own(When::RunFailed) || has_own(When::RunPassed) {
        touched.extend(defects::covered_pairs(on, site, &tests).await?);
        Reach::WithCovering
    } else {
        Reach::OfMarks
    };
    if touched.is_empty() {
        return Ok(());
    }
    let issues: BTreeSet<Uuid> = touched.iter().map(|(issue, _)| *issue).collect();
    let issues: Vec<Uuid> = issues.into_iter().collect();
    let of_issues: BTreeSet<Uuid> = touched.into_iter().map(|(_, test)| test).collect();
    let failing = failed.iter().map(|run| run.test_id);
    let failing: BTreeSet<Uuid> = failing.filter(|test| of_issues.contains(test)).collect();
    let failing: Vec<Uuid> = failing.into_iter().collect();

    let world = World::load(on, site, &issues, reach, settings).await?;
    let world = world.with_windows(on, site, &failing).await?;
    let happened = Happened {
        execution: Some(results.execution()),
        at_ms: now_ms,
        ..Happened::default()
    };
    let cause = Cause {
        name: format!("execution:{}", results.execution_key),
        execution: happened.execution,
        is_own: false,
    };
    for issue_id in issues {
        let mut decisions = world.judge(issue_id, &failed, &passed, happened);
        decisions.extend(world.follow(issue_id, Trigger::Ran, None));
        carry_out(on, site, now_ms, &world, &cause, decisions).await?;
    }
    Ok(())
}
