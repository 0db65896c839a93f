//! The status of an issue from the statuses of its tests: section 3, steps 1, 3 and 5.

use uuid::Uuid;

use super::reason::{Decider, DecidingRun, Excluded, ExcludedRun, Exclusion, Reason, Rule};
use super::test_status::Circumstances;
use super::{Latest, Pick, Scope, Settings, TestStatus, Window};
use crate::domain::exemption::Exemption;
use crate::domain::quarantine::Quarantine;
use crate::domain::run::Effect;

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
    /// Every status, in the order lists show them.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::Nok,
        Self::NotRun,
        Self::Unknown,
        Self::Uncovered,
        Self::Exempt,
    ];

    /// The status of an issue whose counted tests say `effects`: the worst decides, and without any
    /// the issue is not covered.
    #[must_use]
    pub fn of_effects(effects: impl IntoIterator<Item = Effect>) -> Self {
        effects.into_iter().max().map_or(Self::Uncovered, Self::of)
    }

    /// The status of an issue of which the worst that is said is this.
    pub(super) const fn of(effect: Effect) -> Self {
        match effect {
            Effect::Ok => Self::Ok,
            Effect::NotRun => Self::NotRun,
            Effect::Unknown => Self::Unknown,
            Effect::Nok => Self::Nok,
        }
    }

    /// What a status says of the issue above; nothing when there is nothing to say.
    pub(super) const fn effect(self) -> Option<Effect> {
        match self {
            Self::Ok => Some(Effect::Ok),
            Self::NotRun => Some(Effect::NotRun),
            Self::Unknown => Some(Effect::Unknown),
            Self::Nok => Some(Effect::Nok),
            Self::Uncovered | Self::Exempt => None,
        }
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

    /// The status with this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
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

/// An issue, as much of it as its status follows from.
#[derive(Debug, Clone, Copy)]
pub struct CoveredIssue<'a> {
    /// The tests that are linked to it.
    pub tests: &'a [LinkedTest<'a>],
    /// What a person recorded about its needing no test.
    pub exemption: Option<&'a Exemption>,
    /// When its summary, description or acceptance criteria last changed, milliseconds since the Unix
    /// epoch.
    pub text_changed_ms: Option<i64>,
}

/// A test that is linked to the issue.
#[derive(Debug, Clone, Copy)]
pub struct LinkedTest<'a> {
    /// Its id.
    pub id: Uuid,
    /// Its key.
    pub key: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: i32,
    /// Whether it has been put away.
    pub is_archived: bool,
    /// Where it stands in its own workflow.
    pub workflow_status: Option<&'a str>,
    /// Its labels.
    pub labels: &'a [String],
    /// Whether somebody put it into the plan in scope.
    pub is_planned: bool,
    /// What takes it out of what counts for a time.
    pub quarantine: Option<&'a Quarantine>,
    /// Whether the service cannot read it any more.
    pub is_unreadable: bool,
    /// Its runs in scope.
    pub latest: &'a Latest,
    /// All its runs; the same when all are in scope.
    pub history: &'a Latest,
    /// Its newest results in any scope, unless they are all alike.
    pub window: Option<&'a Window>,
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

/// Works out the status of an issue from its linked tests, in one scope, at `now_ms` (milliseconds
/// since the Unix epoch). What its children say is joined by [`with_children`](super::with_children).
#[must_use]
pub fn of_issue<'a>(
    issue: &CoveredIssue<'a>,
    settings: &Settings,
    scope: &Scope,
    now_ms: i64,
) -> Coverage<'a> {
    let tests: Vec<TestStatus<'a>> = issue
        .tests
        .iter()
        .map(|test| test.status(issue.text_changed_ms, settings, scope, now_ms))
        .collect();
    let pairs = || issue.tests.iter().zip(&tests);
    let counted = || pairs().filter(|(_, status)| status.exclusion.is_none());
    let mut counts = Counts::default();
    for (_, status) in counted() {
        counts.add(status.effect);
    }
    let effect = counted().map(|(_, status)| status.effect).max();
    let (mut status, mut rule) = judge(effect, &tests);
    let exemption = issue.exemption.filter(|exemption| exemption.holds(now_ms));
    if exemption.is_some() {
        (status, rule) = (CoverageStatus::Exempt, Rule::Exempt);
    }
    let decides = |status: &TestStatus<'_>| exemption.is_none() && Some(status.effect) == effect;
    let decided_by = counted()
        .filter(|(_, status)| decides(status))
        .map(|(test, status)| decider(test, status, settings))
        .collect();
    let excluded = pairs()
        .flat_map(|(test, status)| exclusions(test, status, settings, scope))
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
            exemption: exemption.cloned(),
            children: None,
            computed_ms: now_ms,
        },
        tests,
    }
}

/// The join of step 3: NOK beats UNKNOWN beats NOTRUN beats OK.
fn judge(worst: Option<Effect>, tests: &[TestStatus<'_>]) -> (CoverageStatus, Rule) {
    let left_out = |is_why: fn(&Exclusion) -> bool| {
        let mut why = tests.iter().filter_map(|test| test.exclusion.as_ref());
        why.any(is_why)
    };
    let rule = match worst {
        Some(Effect::Nok) => Rule::ATestFailed,
        Some(Effect::Unknown) => Rule::AResultIsUncertain,
        Some(Effect::NotRun) => Rule::ATestHasNotPassed,
        Some(Effect::Ok) => Rule::EveryTestPassed,
        None if tests.is_empty() => Rule::NoTest,
        None if left_out(|why| matches!(why, Exclusion::Quarantined(_))) => {
            Rule::AllTestsQuarantined
        }
        None if left_out(|why| *why == Exclusion::NotInPlan) => Rule::NotInPlan,
        None => Rule::NoTestCounts,
    };
    (CoverageStatus::of_effects(worst), rule)
}

impl Counts {
    /// Counts a test.
    pub const fn add(&mut self, effect: Effect) {
        self.total += 1;
        match effect {
            Effect::Ok => self.passed += 1,
            Effect::NotRun => self.not_run += 1,
            Effect::Unknown => self.unknown += 1,
            Effect::Nok => self.failed += 1,
        }
    }
}

impl<'a> LinkedTest<'a> {
    /// Its status in scope, and why it does not count if it does not.
    fn status(
        &self,
        text_changed_ms: Option<i64>,
        settings: &Settings,
        scope: &Scope,
        now_ms: i64,
    ) -> TestStatus<'a> {
        let around = Circumstances {
            version: self.version,
            text_changed_ms,
            window: self.window,
            now_ms,
        };
        let status = if self.is_unreadable {
            TestStatus::unreadable()
        } else {
            let environment = scope.environment.as_deref();
            self.latest.status_in(settings, environment, &around)
        };
        TestStatus {
            exclusion: self.exclusion(settings, scope, now_ms),
            ..status
        }
    }

    /// Step 1, in its order.
    fn exclusion(&self, settings: &Settings, scope: &Scope, now_ms: i64) -> Option<Exclusion> {
        let status = self.workflow_status.unwrap_or_default();
        let quarantine = self
            .quarantine
            .filter(|quarantine| quarantine.holds(now_ms));
        if self.is_archived {
            Some(Exclusion::Archived)
        } else if settings.excludes_status(status) {
            Some(Exclusion::Status(status.to_owned()))
        } else if let Some(label) = settings.excluding_label(self.labels) {
            Some(Exclusion::Label(label.to_owned()))
        } else if !self.is_planned && scope.is_plan() && self.latest.is_empty() {
            Some(Exclusion::NotInPlan)
        } else {
            Some(Exclusion::Quarantined(quarantine?.clone()))
        }
    }
}

/// What of a test decided: its picks of the deciding effect; the others stand beside them.
fn decider(test: &LinkedTest<'_>, status: &TestStatus<'_>, settings: &Settings) -> Decider {
    let run_of = |pick: &Pick<'_>| DecidingRun {
        environment: pick.environment.to_owned(),
        execution_key: pick.run.execution_key.clone(),
        number: pick.run.number,
        status: settings.statuses.named(pick.run.status),
        doubt: pick.doubt,
        outdated: pick.outdated,
        flaky: pick.flaky.clone(),
        finished_ms: pick.run.finished_ms,
    };
    let decides = |pick: &&Pick<'_>| pick.effect == status.effect;
    Decider {
        test_id: test.id,
        test_key: test.key.to_owned(),
        test_name: test.name.to_owned(),
        status: settings.statuses.named(status.status),
        is_unreadable: status.is_unreadable,
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
fn exclusions(
    test: &LinkedTest<'_>,
    status: &TestStatus<'_>,
    settings: &Settings,
    scope: &Scope,
) -> Vec<Excluded> {
    let excluded = |why| Excluded {
        test_id: test.id,
        test_key: test.key.to_owned(),
        test_name: test.name.to_owned(),
        why,
    };
    if let Some(why) = &status.exclusion {
        return vec![excluded(why.clone())];
    }
    let run_of = |run: &super::RunFact, environments: Vec<String>| ExcludedRun {
        execution_key: run.execution_key.clone(),
        number: run.number,
        environments,
        status: settings.statuses.named(run.status),
    };
    let unfinished = status.picks.iter().filter_map(|pick| {
        let run = pick.unfinished?;
        let named = (!pick.environment.is_empty()).then(|| pick.environment.to_owned());
        Some(Exclusion::NotFinal(run_of(
            run,
            named.into_iter().collect(),
        )))
    });
    let left_out = scope.leaves_out(test.history, test.latest);
    let left_out = left_out.map(|run| Exclusion::OutOfScope(run_of(run, run.environments.clone())));
    unfinished.chain(left_out).map(excluded).collect()
}
