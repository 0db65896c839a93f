//! What the latest runs of a test prove about one environment.
//!
//! Only the last pass, the last failure and the last finished run matter to the rules, and each of
//! them is a maximum: so evidence does not depend on the order in which results arrived.

use std::collections::{BTreeMap, BTreeSet};

use super::TestFacts;
use crate::domain::coverage::{Latest, RunFact};
use crate::domain::run::Effect;
use crate::domain::statuses::Statuses;

/// A run, by its place in time; a later one is greater (`test-management.md` section 3, step 2.4:
/// by finish, then start, then arrival).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunRef {
    /// When it ended, milliseconds since the Unix epoch.
    pub finished_ms: i64,
    /// When it began, milliseconds since the Unix epoch.
    pub started_ms: Option<i64>,
    /// When it reached us, milliseconds since the Unix epoch.
    pub arrived_ms: i64,
    /// The key of its execution.
    pub execution_key: String,
    /// Its number within the execution.
    pub number: i64,
}

/// The runs of a test in one environment that the rules look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The environment; empty for executions that named none.
    pub environment: String,
    /// The last run that passed and is believed.
    pub passed: Option<RunRef>,
    /// The last run that failed or broke.
    pub failed: Option<RunRef>,
    /// The last run that finished, whatever came of it.
    pub ran: Option<RunRef>,
}

impl RunRef {
    fn of(run: &RunFact) -> Self {
        Self {
            finished_ms: run.finished_ms,
            started_ms: run.started_ms,
            arrived_ms: run.arrived_ms,
            execution_key: run.execution_key.clone(),
            number: run.number,
        }
    }
}

impl Evidence {
    /// What the kept runs of a test prove, by environment. A pass out of an incomplete import is
    /// not believed, as in coverage.
    #[must_use]
    pub fn of(latest: &Latest, statuses: &Statuses) -> Vec<Self> {
        let mut found: BTreeMap<&str, Self> = BTreeMap::new();
        for run in latest.runs() {
            for group in run.groups() {
                let evidence = found.entry(group).or_insert_with(|| Self {
                    environment: group.to_owned(),
                    ..Self::default()
                });
                evidence.add(run, statuses);
            }
        }
        found.into_values().collect()
    }

    fn add(&mut self, run: &RunFact, statuses: &Statuses) {
        let run_ref = Some(RunRef::of(run));
        if run.vouches(statuses) {
            self.passed = self.passed.take().max(run_ref.clone());
        }
        if statuses.effect(run.status) == Effect::Nok {
            self.failed = self.failed.take().max(run_ref.clone());
        }
        if statuses.is_final(run.status) {
            self.ran = self.ran.take().max(run_ref);
        }
    }

    /// Whether the test failed here and has not passed since. A skipped run changes nothing: it
    /// does not take back a failure.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failed > self.passed
    }

    fn has_run_since(&self, ms: i64) -> bool {
        self.ran.as_ref().is_some_and(|run| run.finished_ms > ms)
    }
}

impl TestFacts {
    /// The environments in which the test is failing, in order.
    pub(super) fn failing(&self) -> Vec<String> {
        self.environments(Evidence::is_failing)
    }

    /// The environments in which it has not run since a moment, in order.
    pub(super) fn not_run_since(&self, ms: i64) -> Vec<String> {
        self.environments(|evidence| !evidence.has_run_since(ms))
    }

    /// Whether it has run since a moment, anywhere.
    pub(super) fn has_run_since(&self, ms: i64) -> bool {
        let mut evidence = self.evidence.iter();
        evidence.any(|evidence| evidence.has_run_since(ms))
    }

    /// The newest pass since a moment, when the test is failing nowhere: the run that says the
    /// defect is gone.
    pub(super) fn verified_since(&self, ms: i64) -> Option<&RunRef> {
        if self.evidence.iter().any(Evidence::is_failing) {
            return None;
        }
        let passes = self.evidence.iter().filter_map(|one| one.passed.as_ref());
        passes.filter(|run| run.finished_ms > ms).max()
    }

    fn environments(&self, is_meant: impl Fn(&Evidence) -> bool) -> Vec<String> {
        let meant = self.evidence.iter().filter(|one| is_meant(one));
        let names: BTreeSet<_> = meant.map(|one| one.environment.clone()).collect();
        names.into_iter().collect()
    }
}
