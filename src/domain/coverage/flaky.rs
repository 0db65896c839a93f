//! Whether a test is flaky: section 5.4, from a bounded window of its newest results.
//!
//! [`Window`] holds the newest [`SIZE`] results of each environment that say *passed* or *failed*, and as
//! many of each status that the site made; what was skipped or never finished is neither a flip nor a
//! streak. Recording is commutative and
//! idempotent, as with [`Latest`](super::Latest). What the results mean is asked of the settings when
//! somebody looks, so a changed setting takes effect at once.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::latest::{Moment, RunFact, groups, status_code};
use super::settings::{FlakySettings, Settings};
use crate::domain::run::{Effect, RunStatus};

/// Results kept for each environment.
pub const SIZE: usize = 20;

/// Results there must be before changes between them say anything.
const AT_LEAST: usize = 5;

/// A result of a test, as much of it as shows whether the test is flaky.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowResult {
    /// The key of the execution.
    #[serde(rename = "x")]
    pub execution_key: String,
    /// The number of the run within it.
    #[serde(rename = "n")]
    pub number: i64,
    /// How it ended.
    #[serde(rename = "s", with = "status_code")]
    pub status: RunStatus,
    /// The environments of its execution.
    #[serde(rename = "e", default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// When it began, milliseconds since the Unix epoch.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<i64>,
    /// When it ended, milliseconds since the Unix epoch.
    #[serde(rename = "f")]
    pub finished_ms: i64,
    /// When it reached us, milliseconds since the Unix epoch.
    #[serde(rename = "a")]
    pub arrived_ms: i64,
    /// The revision of the tested software.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The branch of it.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Whether its attempts disagreed.
    #[serde(rename = "k", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_flaky: bool,
}

impl WindowResult {
    fn of(run: &RunFact) -> Self {
        Self {
            execution_key: run.execution_key.clone(),
            number: run.number,
            status: run.status,
            environments: run.environments.clone(),
            started_ms: run.started_ms,
            finished_ms: run.finished_ms,
            arrived_ms: run.arrived_ms,
            revision: run.revision.clone(),
            branch: run.branch.clone(),
            is_flaky: run.is_flaky,
        }
    }

    fn moment(&self) -> Moment<'_> {
        (
            self.finished_ms,
            self.started_ms,
            self.arrived_ms,
            &self.execution_key,
            self.number,
        )
    }

    fn name(&self) -> RunName {
        RunName {
            execution_key: self.execution_key.clone(),
            number: self.number,
        }
    }

    /// What must not both pass and fail: one revision, or one execution where that is unknown.
    fn revision_or_execution(&self) -> (bool, &str) {
        match &self.revision {
            Some(revision) => (true, revision),
            None => (false, &self.execution_key),
        }
    }
}

/// The newest results of a test; the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Window {
    results: Vec<WindowResult>,
}

/// A run, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RunName {
    /// The key of the execution.
    pub execution_key: String,
    /// The number of the run within it.
    pub number: i64,
}

/// Why a test is flaky in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FlakyEvidence {
    /// Attempts of one run disagreed.
    Attempts(RunName),
    /// It passed and failed on one revision, or in one execution when the revision is unknown.
    SameRevision {
        /// The revision.
        revision: Option<String>,
        /// The newest run that passed there.
        passed: RunName,
        /// The newest run that failed there.
        failed: RunName,
    },
    /// It changed between pass and failure too often.
    Flips {
        /// On which branch.
        branch: Option<String>,
        /// How often.
        flips: usize,
        /// In how many results.
        results: usize,
    },
}

impl FlakyEvidence {
    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Attempts(_) => "attempts",
            Self::SameRevision { .. } => "same-revision",
            Self::Flips { .. } => "flips",
        }
    }
}

impl Window {
    /// Takes one more run in, if it can say anything; one that is already here changes nothing.
    pub fn record(&mut self, run: &RunFact) {
        let says = matches!(
            run.status,
            RunStatus::Passed | RunStatus::Error | RunStatus::Failed | RunStatus::Custom(_)
        );
        if !says || run.is_incomplete {
            return;
        }
        let moment = run.moment();
        let place = |held: &WindowResult| Reverse(held.moment()).cmp(&Reverse(moment));
        if let Err(at) = self.results.binary_search_by(place) {
            self.results.insert(at, WindowResult::of(run));
            self.forget_old();
        }
    }

    /// Drops results that are not among the newest in any of their environments.
    fn forget_old(&mut self) {
        // What a custom status says may change: it must not take the room of what is certain.
        let mut newer: BTreeMap<(&str, Option<RunStatus>), usize> = BTreeMap::new();
        let is_needed: Vec<bool> = self
            .results
            .iter()
            .map(|result| {
                let mut is_needed = false;
                let custom = matches!(result.status, RunStatus::Custom(_));
                let custom = custom.then_some(result.status);
                for group in groups(&result.environments) {
                    let count = newer.entry((group, custom)).or_default();
                    is_needed |= *count < SIZE;
                    *count += 1;
                }
                is_needed
            })
            .collect();
        let mut is_needed = is_needed.into_iter();
        self.results.retain(|_| is_needed.next().unwrap_or(true));
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// Whether the test may be flaky under any settings: its results are not all alike. The window
    /// of another test need not be read.
    #[must_use]
    pub fn is_mixed(&self) -> bool {
        let failed = |status| matches!(status, RunStatus::Error | RunStatus::Failed);
        let mut results = self.results.iter();
        let Some(first) = results.next() else {
            return false;
        };
        let is_like_first = |result: &WindowResult| failed(result.status) == failed(first.status);
        let is_custom = |result: &WindowResult| matches!(result.status, RunStatus::Custom(_));
        let has_other = !results.all(is_like_first);
        has_other || self.results.iter().any(|it| it.is_flaky || is_custom(it))
    }

    /// What there is that is newer than a moment, milliseconds since the Unix epoch: somebody who
    /// clears the mark by hand says that what came before is no evidence any more.
    #[must_use]
    pub fn since(mut self, ms: i64) -> Self {
        self.results.retain(|result| result.finished_ms > ms);
        self
    }

    /// What passed and failed in an environment, the latest first.
    fn told_in<'a>(
        &'a self,
        environment: &'a str,
        settings: &'a Settings,
    ) -> impl Iterator<Item = Told<'a>> {
        let says = |status| match settings.statuses.effect(status) {
            Effect::Ok if settings.statuses.is_final(status) => Some(true),
            Effect::Nok if settings.statuses.is_final(status) => Some(false),
            _ => None,
        };
        let of_environment = move |result: &&WindowResult| {
            groups(&result.environments).any(|group| group == environment)
        };
        let results = self.results.iter().filter(of_environment);
        results.filter_map(move |result| Some((says(result.status)?, result)))
    }

    /// How often the test has failed in a row on a branch, in the environment where that is most.
    #[must_use]
    pub fn failures_in_a_row(&self, branch: Option<&str>, settings: &Settings) -> usize {
        let environments = self.results.iter().flat_map(|it| groups(&it.environments));
        let in_a_row = |environment| {
            self.told_in(environment, settings)
                .filter(|(_, result)| result.branch.as_deref() == branch)
                .take_while(|(passed, _)| !passed)
                .count()
        };
        environments.map(in_a_row).max().unwrap_or(0)
    }

    /// Why the test is flaky in an environment, if it is.
    #[must_use]
    pub fn flaky_in(&self, environment: &str, settings: &Settings) -> Option<FlakyEvidence> {
        let results: Vec<Told<'_>> = self.told_in(environment, settings).collect();
        if is_steady(&results, settings.flaky) {
            return None;
        }
        // More may be held than are asked for: what another environment or a custom status needs.
        let newest = usize::from(settings.flaky.window).min(results.len());
        let newest = results.get(..newest).unwrap_or_default();
        in_attempts(newest)
            .or_else(|| on_one_revision(newest))
            .or_else(|| in_flips(newest, settings.flaky))
    }

    /// Why the test is flaky, by environment.
    #[must_use]
    pub fn flaky(&self, settings: &Settings) -> BTreeMap<&str, FlakyEvidence> {
        let all = self.results.iter().flat_map(|it| groups(&it.environments));
        let mut found = BTreeMap::new();
        for group in all {
            if !found.contains_key(group) {
                found.insert(group, self.flaky_in(group, settings));
            }
        }
        let flaky = found.into_iter();
        flaky
            .filter_map(|(group, why)| Some((group, why?)))
            .collect()
    }
}

/// Whether it passed, and the result that says so.
type Told<'a> = (bool, &'a WindowResult);

/// Whether the newest results are all equal, and enough of them that the mark clears.
fn is_steady(results: &[Told<'_>], settings: FlakySettings) -> bool {
    let Some(streak) = results.get(..usize::from(settings.clears_after)) else {
        return false;
    };
    let mut pairs = streak.iter().zip(streak.iter().skip(1));
    pairs.all(|(one, other)| one.0 == other.0) && !streak.iter().any(|(_, it)| it.is_flaky)
}

fn in_attempts(results: &[Told<'_>]) -> Option<FlakyEvidence> {
    let (_, found) = results.iter().find(|(_, result)| result.is_flaky)?;
    Some(FlakyEvidence::Attempts(found.name()))
}

fn on_one_revision(results: &[Told<'_>]) -> Option<FlakyEvidence> {
    let on_same = |result: &WindowResult, wanted: bool| {
        let mut others = results.iter();
        others
            .find(|(passed, other)| {
                *passed == wanted && other.revision_or_execution() == result.revision_or_execution()
            })
            .map(|(_, other)| other.name())
    };
    results.iter().find_map(|(_, result)| {
        Some(FlakyEvidence::SameRevision {
            revision: result.revision.clone(),
            passed: on_same(result, true)?,
            failed: on_same(result, false)?,
        })
    })
}

/// Soft evidence; a single change of state is something that was fixed, or broke.
fn in_flips(results: &[Told<'_>], settings: FlakySettings) -> Option<FlakyEvidence> {
    let mut branches: BTreeMap<Option<&str>, Vec<bool>> = BTreeMap::new();
    for (passed, result) in results {
        let of_branch = branches.entry(result.branch.as_deref()).or_default();
        of_branch.push(*passed);
    }
    branches.into_iter().find_map(|(branch, passed)| {
        let pairs = passed.iter().zip(passed.iter().skip(1));
        let flips = pairs.filter(|(one, other)| one != other).count();
        let is_flaky = passed.len() >= AT_LEAST
            && flips > 1
            && flips * 100 >= usize::from(settings.flip_percent) * (passed.len() - 1);
        is_flaky.then(|| FlakyEvidence::Flips {
            branch: branch.map(str::to_owned),
            flips,
            results: passed.len(),
        })
    })
}
