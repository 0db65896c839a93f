//! The status of one test: which run counts in each environment, and what it is taken to say. Section
//! 3, step 2; outdated marks, doubts and what being flaky means.

use super::flaky::{FlakyEvidence, Window};
use super::reason::Exclusion;
use super::settings::FlakyEffect;
use super::{RunFact, Settings};
use crate::domain::run::{Effect, RunStatus};

/// What must be known of a test and its issue beside the runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circumstances<'a> {
    /// The version of the test; 0 when it does not matter with which version a run was made.
    pub version: i32,
    /// When summary, description or acceptance criteria of the issue last changed, milliseconds
    /// since the Unix epoch.
    pub text_changed_ms: Option<i64>,
    /// The newest results of the test, unless they are all alike.
    pub window: Option<&'a Window>,
    /// When it is worked out, milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// Why a result is not taken at its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// It came with a report that says results are missing.
    Incomplete,
    /// Nobody has said what its status means.
    Unmapped,
    /// It is older than results may be.
    Stale,
    /// The test is flaky, and the project does not count such tests as they are.
    Flaky,
    /// It is outdated, and the project counts such results as none.
    Outdated,
}

impl Doubt {
    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Unmapped => "unmapped",
            Self::Stale => "stale",
            Self::Flaky => "flaky",
            Self::Outdated => "outdated",
        }
    }
}

/// What has changed since a run was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outdated {
    /// The test: the run was made with an older version.
    Test {
        /// The version it was made with.
        made_with: i32,
        /// The version now.
        now: i32,
    },
    /// The text of the issue.
    Issue {
        /// When, milliseconds since the Unix epoch.
        changed_ms: i64,
    },
}

impl Outdated {
    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Test { .. } => "test-changed",
            Self::Issue { .. } => "issue-changed",
        }
    }
}

/// The run that counts for one environment, and what it is taken to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick<'a> {
    /// The environment; [`NO_ENVIRONMENT`](super::NO_ENVIRONMENT) when the execution named none.
    pub environment: &'a str,
    /// The run.
    pub run: &'a RunFact,
    /// A newer run that does not count because it has no final result yet.
    pub unfinished: Option<&'a RunFact>,
    /// What it says about the issue.
    pub effect: Effect,
    /// Why that is not what its status says.
    pub doubt: Option<Doubt>,
    /// What has changed since it was made.
    pub outdated: Option<Outdated>,
    /// Why the test is flaky in this environment.
    pub flaky: Option<FlakyEvidence>,
}

impl Pick<'_> {
    /// The status it counts with.
    #[must_use]
    pub const fn counted_status(&self) -> RunStatus {
        match (self.doubt, self.effect) {
            (None, _) => self.run.status,
            (Some(_), Effect::Unknown) => RunStatus::Unknown,
            (Some(_), Effect::Nok) => RunStatus::Failed,
            (Some(_), Effect::NotRun | Effect::Ok) => RunStatus::Todo,
        }
    }
}

/// The status of one test, and the runs that make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestStatus<'a> {
    /// The worst of the picked runs; *to do* when there is none.
    pub status: RunStatus,
    /// What that means for the issue.
    pub effect: Effect,
    /// One run for each environment, by name.
    pub picks: Vec<Pick<'a>>,
    /// Why the test does not count although it is linked.
    pub exclusion: Option<Exclusion>,
    /// Whether the service cannot read the test any more.
    pub is_unreadable: bool,
}

impl<'a> TestStatus<'a> {
    /// The worst of these picks: the worst effect wins, and within it the worst rank (step 2.5).
    pub(super) fn of(picks: Vec<Pick<'a>>, settings: &Settings) -> Self {
        let badness = |pick: &Pick<'_>| {
            let status = pick.counted_status();
            (pick.effect, settings.statuses.rank(status), status)
        };
        let worst = picks.iter().map(badness).max();
        let none = (Effect::NotRun, (0, 0), RunStatus::Todo);
        let (effect, _, status) = worst.unwrap_or(none);
        Self {
            status,
            effect,
            picks,
            exclusion: None,
            is_unreadable: false,
        }
    }

    /// The status of a test that cannot be read: nothing it says can be trusted.
    pub(super) const fn unreadable() -> Self {
        Self {
            status: RunStatus::Unknown,
            effect: Effect::Unknown,
            picks: Vec::new(),
            exclusion: None,
            is_unreadable: true,
        }
    }

    /// Whether the test has no result in scope.
    #[must_use]
    pub const fn is_never_run(&self) -> bool {
        self.picks.is_empty() && !self.is_unreadable
    }

    /// Whether a run that counts is outdated.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.picks.iter().any(|pick| pick.outdated.is_some())
    }

    /// Why the test is flaky, in the first environment in which it is.
    #[must_use]
    pub fn flaky(&self) -> Option<&FlakyEvidence> {
        self.picks.iter().find_map(|pick| pick.flaky.as_ref())
    }
}

/// The pick among the runs of one environment, the latest first (step 2.4).
pub(super) fn pick<'a>(
    environment: &'a str,
    runs: &[&'a RunFact],
    settings: &Settings,
    around: &Circumstances<'_>,
) -> Option<Pick<'a>> {
    let newest = *runs.first()?;
    let is_final = |run: &&RunFact| settings.statuses.is_final(run.status);
    let newest_final = runs.iter().copied().find(is_final);
    let run = match newest_final {
        Some(run) if settings.final_precedence => run,
        _ => newest,
    };
    let outdated = outdated(run, around);
    let flaky = (around.window).and_then(|window| window.flaky_in(environment, settings));
    let (effect, doubt) = said(run, outdated.is_some(), flaky.is_some(), settings, around);
    Some(Pick {
        environment,
        run,
        unfinished: (!std::ptr::eq(run, newest)).then_some(newest),
        effect,
        doubt,
        outdated,
        flaky,
    })
}

fn outdated(run: &RunFact, around: &Circumstances<'_>) -> Option<Outdated> {
    if run.version < around.version {
        return Some(Outdated::Test {
            made_with: run.version,
            now: around.version,
        });
    }
    let changed_ms = around.text_changed_ms?;
    (run.finished_ms < changed_ms).then_some(Outdated::Issue { changed_ms })
}

/// What a run is taken to say, and why that is not what its status says. A failure stands: that it is
/// old or its report incomplete is no reason to believe it less.
fn said(
    run: &RunFact,
    is_outdated: bool,
    is_flaky: bool,
    settings: &Settings,
    around: &Circumstances<'_>,
) -> (Effect, Option<Doubt>) {
    let says = settings.effect(run.status).unwrap_or(Effect::NotRun);
    let doubted = |why| (Effect::Unknown, Some(why));
    let fresh_since = settings.fresh_since_ms(around.now_ms);
    let is_stale = fresh_since.is_some_and(|since| run.finished_ms < since);
    match settings.flaky.effect {
        _ if is_outdated && settings.strict_outdated => (Effect::NotRun, Some(Doubt::Outdated)),
        FlakyEffect::Nok if is_flaky && says != Effect::Nok => (Effect::Nok, Some(Doubt::Flaky)),
        FlakyEffect::Unknown if is_flaky => doubted(Doubt::Flaky),
        _ if says == Effect::Nok => (says, None),
        _ if run.is_incomplete => doubted(Doubt::Incomplete),
        _ if says == Effect::Unknown => {
            let is_mapped = settings.statuses.made(run.status).is_some();
            (says, (!is_mapped).then_some(Doubt::Unmapped))
        }
        _ if is_stale && settings.statuses.is_final(run.status) => doubted(Doubt::Stale),
        _ => (says, None),
    }
}
