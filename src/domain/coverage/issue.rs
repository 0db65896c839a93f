//! The status of an issue from the statuses of its tests: section 3, steps 1, 3 and 5.

use uuid::Uuid;

use super::reason::{Decider, DecidingRun, Excluded, Exclusion, Reason, Rule};
use super::{Latest, Pick, Scope, Settings, TestStatus};
use crate::domain::run::{Effect, RunStatus};

/// What the tests of an issue say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CoverageStatus {
    /// Every counted test passed.
    Ok,
    /// At least one counted test failed.
    Nok,
    /// Nothing failed, and at least one counted test has not passed.
    NotRun,
    /// Nothing failed, and at least one counted result cannot be trusted.
    Unknown,
    /// No test counts.
    Uncovered,
    /// A person recorded that the issue needs no test.
    Exempt,
}

impl CoverageStatus {
    /// The status of an issue whose counted tests say `effects`: the worst decides, and without any
    /// the issue is not covered.
    #[must_use]
    pub fn of_effects(effects: impl IntoIterator<Item = Effect>) -> Self {
        judge(effects.into_iter().max(), &[]).0
    }

    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Nok => "NOK",
            Self::NotRun => "NOTRUN",
            Self::Unknown => "UNKNOWN",
            Self::Uncovered => "UNCOVERED",
            Self::Exempt => "EXEMPT",
        }
    }

    /// The word people read.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "Passing",
            Self::Nok => "Failing",
            Self::NotRun => "Not run",
            Self::Unknown => "Unknown",
            Self::Uncovered => "Not covered",
            Self::Exempt => "Exempt",
        }
    }
}

/// A test that is linked to the issue.
#[derive(Debug, Clone)]
pub struct LinkedTest<'a> {
    /// Its id.
    pub id: Uuid,
    /// Its key.
    pub key: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Why it does not count although it is linked.
    pub exclusion: Option<Exclusion>,
    /// Its runs in scope.
    pub latest: &'a Latest,
    /// All its runs; the same when all are in scope.
    pub history: &'a Latest,
}

/// How many tests count, by what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All that count.
    pub total: usize,
    /// Passed.
    pub passed: usize,
    /// Failed or broke.
    pub failed: usize,
    /// Without a passing result, and nothing against them.
    pub not_run: usize,
    /// With a result that cannot be trusted.
    pub unknown: usize,
}

/// The status of an issue, and everything that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage<'a> {
    /// The status.
    pub status: CoverageStatus,
    /// What its counted tests say.
    pub counts: Counts,
    /// Why it is that status.
    pub reason: Reason,
    /// The status of every linked test, counted or not, in the order given.
    pub tests: Vec<TestStatus<'a>>,
}

/// Works out the status of an issue from its linked tests, in one scope.
///
/// `now_ms` (milliseconds since the Unix epoch) is only written into the reason.
#[must_use]
pub fn of_issue<'a>(
    linked: &[LinkedTest<'a>],
    settings: &Settings,
    scope: &Scope,
    now_ms: i64,
) -> Coverage<'a> {
    let tests: Vec<TestStatus<'a>> = linked
        .iter()
        .map(|test| test.latest.status(settings, scope.environment.as_deref()))
        .collect();
    let counted = || {
        let pairs = linked.iter().zip(&tests);
        pairs.filter(|(test, _)| test.exclusion.is_none())
    };
    let mut counts = Counts::default();
    for (_, status) in counted() {
        counts.add(status.effect);
    }
    let effect = counted().map(|(_, status)| status.effect).max();
    let (status, rule) = judge(effect, linked);
    let decided_by = counted()
        .filter(|(_, status)| Some(status.effect) == effect)
        .map(|(test, status)| decider(test, status, settings))
        .collect();
    let excluded = linked
        .iter()
        .zip(&tests)
        .flat_map(|(test, status)| exclusions(test, status, scope))
        .collect();
    Coverage {
        status,
        counts,
        reason: Reason {
            status,
            rule,
            scope: scope.clone(),
            counted: counts.total,
            decided_by,
            excluded,
            computed_ms: now_ms,
        },
        tests,
    }
}

/// The join of step 3: NOK beats UNKNOWN beats NOTRUN beats OK.
fn judge(worst: Option<Effect>, linked: &[LinkedTest<'_>]) -> (CoverageStatus, Rule) {
    let is_left_out = |test: &LinkedTest<'_>| test.exclusion == Some(Exclusion::NotInPlan);
    match worst {
        Some(Effect::Nok) => (CoverageStatus::Nok, Rule::ATestFailed),
        Some(Effect::Unknown) => (CoverageStatus::Unknown, Rule::AResultIsUncertain),
        Some(Effect::NotRun) => (CoverageStatus::NotRun, Rule::ATestHasNotPassed),
        Some(Effect::Ok) => (CoverageStatus::Ok, Rule::EveryTestPassed),
        None if linked.is_empty() => (CoverageStatus::Uncovered, Rule::NoTest),
        None if linked.iter().any(is_left_out) => (CoverageStatus::Uncovered, Rule::NotInPlan),
        None => (CoverageStatus::Uncovered, Rule::NoTestCounts),
    }
}

impl Counts {
    /// Counts a test.
    pub fn add(&mut self, effect: Effect) {
        self.total += 1;
        match effect {
            Effect::Ok => self.passed += 1,
            Effect::NotRun => self.not_run += 1,
            Effect::Unknown => self.unknown += 1,
            Effect::Nok => self.failed += 1,
        }
    }
}

/// What of a test decided: its picks of the deciding effect; the others stand beside them.
fn decider(test: &LinkedTest<'_>, status: &TestStatus<'_>, settings: &Settings) -> Decider {
    let run_of = |pick: &Pick<'_>| DecidingRun {
        environment: pick.environment.to_owned(),
        execution_key: pick.run.execution_key.clone(),
        number: pick.run.number,
        status: pick.run.status,
        is_incomplete: pick.run.counted_status() != pick.run.status,
        finished_ms: pick.run.finished_ms,
    };
    let decides =
        |pick: &&Pick<'_>| settings.effect(pick.run.counted_status()) == Some(status.effect);
    Decider {
        test_id: test.id,
        test_key: test.key.to_owned(),
        test_name: test.name.to_owned(),
        status: status.status,
        runs: status.picks.iter().filter(decides).map(run_of).collect(),
        others: status
            .picks
            .iter()
            .filter(|pick| !decides(pick))
            .map(run_of)
            .collect(),
    }
}

/// What of a test does not count: the test itself, newer runs without a final result, or its last
/// run when the scope leaves that out.
fn exclusions(test: &LinkedTest<'_>, status: &TestStatus<'_>, scope: &Scope) -> Vec<Excluded> {
    let excluded = |why| Excluded {
        test_id: test.id,
        test_key: test.key.to_owned(),
        test_name: test.name.to_owned(),
        why,
    };
    if let Some(why) = &test.exclusion {
        return vec![excluded(why.clone())];
    }
    let unfinished = status.picks.iter().filter_map(|pick| {
        let run = pick.unfinished?;
        Some(Exclusion::NotFinal {
            execution_key: run.execution_key.clone(),
            number: run.number,
            environment: pick.environment.to_owned(),
            status: run.status,
        })
    });
    let left_out = scope.leaves_out(test.history, test.latest);
    let left_out = left_out.map(|run| Exclusion::OutOfScope {
        execution_key: run.execution_key.clone(),
        number: run.number,
        environments: run.environments.clone(),
        status: run.status,
    });
    unfinished.chain(left_out).map(excluded).collect()
}

impl TestStatus<'_> {
    /// Whether the test has no result in scope.
    #[must_use]
    pub fn is_never_run(&self) -> bool {
        self.picks.is_empty() && self.status == RunStatus::Todo
    }
}
