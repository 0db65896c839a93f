//! What is kept of a test's runs so that its status needs no history.
//!
//! [`Latest`] holds, for each environment, the latest run *of each status*, and the ten most recent
//! results. That is enough to answer for any [`Settings`], so a changed setting takes effect at
//! once. Recording is commutative and idempotent: whatever the order in which results arrive, the
//! same value comes out ("latest" is by finish, then start, then arrival).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::test_status::{Circumstances, TestStatus, pick};
use super::{Settings, Window};
use crate::domain::run::{Effect, RunStatus};
use crate::domain::statuses::Statuses;

/// The name of the group of runs whose execution named no environment.
pub const NO_ENVIRONMENT: &str = "";

/// How many results are kept for the strip beside a test.
const RECENT: usize = 10;

/// One run, as much of it as a status and its reason need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFact {
    /// The execution it is part of.
    #[serde(rename = "i")]
    pub execution_id: Uuid,
    /// The key of the execution, `SHOP-E7`.
    #[serde(rename = "x")]
    pub execution_key: String,
    /// Its number within the execution.
    #[serde(rename = "n")]
    pub number: i64,
    /// How it ended.
    #[serde(rename = "s", with = "status_code")]
    pub status: RunStatus,
    /// The environments of its execution; none is a group of its own.
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
    /// Whether its attempts disagreed.
    #[serde(rename = "k", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_flaky: bool,
    /// How many attempts it took.
    #[serde(rename = "t", default = "one", skip_serializing_if = "is_one")]
    pub attempts: u32,
    /// The first line of what it said about its failure.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The version of the test it was made with.
    #[serde(rename = "v", default = "first", skip_serializing_if = "is_first")]
    pub version: i32,
    /// The revision of the tested software.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The branch of it.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Whether it came with an import that says results are missing; a pass is then not believed.
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_incomplete: bool,
}

/// Characters of a message a list shows.
const SHOWN_MESSAGE: usize = 300;

impl RunFact {
    /// What is kept of a run's message: the first line, as far as a list shows it; nothing of a pass.
    #[must_use]
    pub fn shown_message(status: RunStatus, message: Option<&str>) -> Option<String> {
        let line = message
            .filter(|_| status != RunStatus::Passed)?
            .lines()
            .next();
        Some(
            line.unwrap_or_default()
                .chars()
                .take(SHOWN_MESSAGE)
                .collect(),
        )
    }
}

/// A result in the strip of the last ten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// The key of the execution.
    #[serde(rename = "x")]
    pub execution_key: String,
    /// The number of the run within it.
    #[serde(rename = "n")]
    pub number: i64,
    /// How it ended.
    #[serde(rename = "s", with = "status_code")]
    pub status: RunStatus,
    /// When it began, milliseconds since the Unix epoch.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<i64>,
    /// When it ended, milliseconds since the Unix epoch.
    #[serde(rename = "f")]
    pub finished_ms: i64,
    /// When it reached us, milliseconds since the Unix epoch.
    #[serde(rename = "a")]
    pub arrived_ms: i64,
}

/// What is later: finish, then start, then arrival; the run's name only makes the order total.
pub(super) type Moment<'a> = (i64, Option<i64>, i64, &'a str, i64);

impl RunFact {
    pub(super) fn moment(&self) -> Moment<'_> {
        (
            self.finished_ms,
            self.started_ms,
            self.arrived_ms,
            &self.execution_key,
            self.number,
        )
    }

    /// Whether it counts before `other` where both do.
    pub(super) fn is_later_than(&self, other: &Self) -> bool {
        self.moment() > other.moment()
    }

    /// The groups it belongs to.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        groups(&self.environments)
    }

    /// Whether it passed and that is believed: of an import that is missing results it is not.
    #[must_use]
    pub fn vouches(&self, statuses: &Statuses) -> bool {
        statuses.effect(self.status) == Effect::Ok && !self.is_incomplete
    }
}

/// The groups that a run with these environments belongs to.
pub(super) fn groups(environments: &[String]) -> impl Iterator<Item = &str> {
    let unnamed = environments.is_empty().then_some(NO_ENVIRONMENT);
    environments.iter().map(String::as_str).chain(unnamed)
}

impl Recent {
    fn of(run: &RunFact) -> Self {
        Self {
            execution_key: run.execution_key.clone(),
            number: run.number,
            status: run.status,
            started_ms: run.started_ms,
            finished_ms: run.finished_ms,
            arrived_ms: run.arrived_ms,
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
}

/// The runs of one test that can still matter, of all its runs or of those in a scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Latest {
    /// Latest first: every run that is the latest of its status in one of its environments.
    runs: Vec<RunFact>,
    /// Latest first.
    recent: Vec<Recent>,
}

/// [`Latest`] read without the strip, for those who show none: most of what is kept is the strip.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct WithoutStrip {
    runs: Vec<RunFact>,
}

impl From<WithoutStrip> for Latest {
    fn from(kept: WithoutStrip) -> Self {
        Self {
            runs: kept.runs,
            recent: Vec::new(),
        }
    }
}

impl Latest {
    /// Takes one more run in.
    ///
    /// A run is known by its execution and number; one that is already here changes nothing.
    pub fn record(&mut self, run: &RunFact) {
        let moment = run.moment();
        let place = |held: Moment<'_>| Reverse(held).cmp(&Reverse(moment));
        if let Err(at) = self.recent.binary_search_by(|held| place(held.moment()))
            && at < RECENT
        {
            self.recent.insert(at, Recent::of(run));
            self.recent.truncate(RECENT);
        }
        if let Err(at) = self.runs.binary_search_by(|held| place(held.moment())) {
            self.runs.insert(at, run.clone());
            self.forget_superseded();
        }
    }

    /// Drops runs that are not the latest of their status in any of their environments.
    fn forget_superseded(&mut self) {
        let mut seen: BTreeSet<(RunStatus, bool, &str)> = BTreeSet::new();
        let is_needed: Vec<bool> = self
            .runs
            .iter()
            .map(|run| {
                let mut is_needed = false;
                for group in run.groups() {
                    is_needed |= seen.insert((run.status, run.is_incomplete, group));
                }
                is_needed
            })
            .collect();
        let mut is_needed = is_needed.into_iter();
        self.runs.retain(|_| is_needed.next().unwrap_or(true));
    }

    /// Whether the test has never been run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.recent.is_empty()
    }

    /// Every run that is the latest of its status in one of its environments, the latest first.
    #[must_use]
    pub fn runs(&self) -> &[RunFact] {
        &self.runs
    }

    /// The ten most recent results, the latest first.
    #[must_use]
    pub fn recent(&self) -> &[Recent] {
        &self.recent
    }

    /// The run that finished last, whatever its status.
    #[must_use]
    pub fn last_run(&self) -> Option<&RunFact> {
        self.runs.first()
    }

    /// The run that finished last, in one environment if one is given.
    #[must_use]
    pub fn last_run_in(&self, environment: Option<&str>) -> Option<&RunFact> {
        let is_in = |run: &&RunFact| {
            environment.is_none_or(|wanted| run.groups().any(|group| group == wanted))
        };
        self.runs.iter().find(is_in)
    }

    /// The environments it has been run in, by name.
    #[must_use]
    pub fn environments(&self) -> BTreeSet<&str> {
        self.runs.iter().flat_map(RunFact::groups).collect()
    }

    /// The test's status over all environments, or in `environment` alone: section 3, step 2.
    ///
    /// With an environment only *its* group counts: a run made on chrome and firefox together says
    /// nothing about firefox to someone who asks for chrome.
    #[must_use]
    pub fn status_in<'a>(
        &'a self,
        settings: &Settings,
        environment: Option<&str>,
        around: &Circumstances<'_>,
    ) -> TestStatus<'a> {
        let mut by_group: BTreeMap<&str, Vec<&RunFact>> = BTreeMap::new();
        for run in &self.runs {
            // A project may pass results over, but nobody knows what an incomplete report left out.
            if settings.effect(run.status).is_none() && !run.is_incomplete {
                continue;
            }
            for group in run.groups() {
                if environment.is_none_or(|wanted| wanted == group) {
                    by_group.entry(group).or_default().push(run);
                }
            }
        }
        let picks = by_group
            .into_iter()
            .filter_map(|(group, runs)| pick(group, &runs, settings, around))
            .collect();
        TestStatus::of(picks, settings)
    }

    /// The status of a test by its runs alone, over all environments: nothing is outdated, stale or
    /// flaky.
    #[must_use]
    pub fn status(&self, settings: &Settings) -> TestStatus<'_> {
        self.status_in(settings, None, &Circumstances::default())
    }
}

/// What is kept of all runs of a test.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// The runs that can count.
    pub latest: Latest,
    /// The newest results.
    pub window: Window,
}

impl Kept {
    /// Takes one more run in; one that is already here changes nothing.
    pub fn record(&mut self, run: &RunFact) {
        self.latest.record(run);
        self.window.record(run);
    }

    /// What these runs come to.
    #[must_use]
    pub fn of<'a>(runs: impl IntoIterator<Item = &'a RunFact>) -> Self {
        let mut kept = Self::default();
        for run in runs {
            kept.record(run);
        }
        kept
    }
}

const fn one() -> u32 {
    1
}

const fn first() -> i32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
fn is_first(value: &i32) -> bool {
    *value == 1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
fn is_one(value: &u32) -> bool {
    *value == 1
}

/// A status as the number the store keeps.
pub(super) mod status_code {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::domain::run::RunStatus;

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature serde asks for"
    )]
    pub fn serialize<S: Serializer>(status: &RunStatus, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i16(status.code())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<RunStatus, D::Error> {
        let code = i16::deserialize(from)?;
        RunStatus::from_code(code)
            .ok_or_else(|| D::Error::custom(format!("no run status has the number {code}")))
    }
}
