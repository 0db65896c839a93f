//! The full reason in words: a line for every test and child that decided or was left out.

use super::children::ChildExclusion;
use super::flaky::FlakyEvidence;
use super::reason::{ChildLine, Decider, DecidingRun, Excluded, Exclusion, Reason};
use super::sentence::{by_outcome, day, list, on_environments, status_clause};
use super::test_status::{Doubt, Outdated};
use super::{CoverageStatus, Scope};

/// One line of the full reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonLine {
    /// The key of the test or the child, which the text begins with.
    pub key: String,
    /// One or more sentences.
    pub text: String,
    /// When the latest run it speaks of ended, milliseconds since the Unix epoch.
    pub at_ms: Option<i64>,
}

impl Reason {
    /// The full reason for people: what decided, then what was left out.
    #[must_use]
    pub fn lines(&self) -> Vec<ReasonLine> {
        let tests = self.decided_by.iter().map(|test| test.line(&self.scope));
        let excluded = self.excluded.iter().map(|item| item.line(&self.scope));
        let children = self.children.iter();
        let deciding = (children.clone()).flat_map(|it| it.decided_by.iter().map(ChildLine::line));
        let left_out = children.flat_map(|it| it.left_out.iter().map(left_out));
        tests
            .chain(deciding)
            .chain(excluded)
            .chain(left_out)
            .collect()
    }
}

impl Decider {
    fn line(&self, scope: &Scope) -> ReasonLine {
        let key = &self.test_key;
        let line = |text, at_ms| ReasonLine {
            key: key.clone(),
            text,
            at_ms,
        };
        if self.is_unreadable {
            return line(format!("{key} cannot be read any more."), None);
        }
        if self.runs.is_empty() {
            return line(format!("{key} has not been run{}.", scope.within()), None);
        }
        let clauses: Vec<String> = by_outcome(&self.runs)
            .into_iter()
            .map(|(said, runs)| {
                let environments: Vec<&str> =
                    runs.iter().map(|run| run.environment.as_str()).collect();
                let on = on_environments(&environments);
                format!("{said}{on} in {}", executions_of(&runs))
            })
            .collect();
        let mut text = format!("{key} {}.", list(&clauses));
        if !self.others.is_empty() {
            let others: Vec<String> = by_outcome(&self.others)
                .into_iter()
                .map(|(said, runs)| {
                    let environments: Vec<&str> =
                        runs.iter().map(|run| run.environment.as_str()).collect();
                    format!("{said}{}", on_environments(&environments))
                })
                .collect();
            text = format!("{text} It {}; the worst environment counts.", list(&others));
        }
        for remark in remarks(&self.runs) {
            text = format!("{text} {remark}");
        }
        line(text, self.runs.iter().map(|run| run.finished_ms).max())
    }
}

/// What else is to be known of runs that decided, each thing once.
fn remarks(runs: &[DecidingRun]) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for run in runs {
        let outdated = run.outdated.filter(|_| run.doubt != Some(Doubt::Outdated));
        let outdated = outdated.map(|outdated| match outdated {
            Outdated::Test { made_with, now } => {
                format!("That was version {made_with} of the test; it has version {now} now.")
            }
            Outdated::Issue { .. } => "The issue has changed since.".to_owned(),
        });
        let flaky = run.flaky.as_ref().map(|why| why.remark(&run.environment));
        for remark in outdated.into_iter().chain(flaky) {
            if !said.contains(&remark) {
                said.push(remark);
            }
        }
    }
    said
}

impl FlakyEvidence {
    /// Why the test is flaky in an environment, in one sentence.
    #[must_use]
    pub fn remark(&self, environment: &str) -> String {
        let on = on_environments(&[environment]);
        match self {
            Self::Attempts(run) => {
                let execution = &run.execution_key;
                format!("It is flaky{on}: its attempts disagreed in {execution}.")
            }
            Self::SameRevision {
                revision: Some(revision),
                ..
            } => format!("It is flaky{on}: it passed and failed on revision {revision}."),
            Self::SameRevision { passed, .. } => {
                let execution = &passed.execution_key;
                format!("It is flaky{on}: it passed and failed in {execution}.")
            }
            Self::Flips {
                branch,
                flips,
                results,
            } => {
                let of = (branch.as_ref()).map_or_else(String::new, |name| format!(" of {name}"));
                format!("It is flaky{on}: it changed {flips} times in {results} results{of}.")
            }
        }
    }
}

/// The executions of these runs, each once.
fn executions_of(runs: &[&DecidingRun]) -> String {
    let mut keys: Vec<String> = Vec::new();
    for run in runs {
        if !keys.contains(&run.execution_key) {
            keys.push(run.execution_key.clone());
        }
    }
    list(&keys)
}

impl Excluded {
    fn line(&self, scope: &Scope) -> ReasonLine {
        let key = &self.test_key;
        let text = match &self.why {
            Exclusion::Archived => format!("{key} is archived and does not count."),
            Exclusion::Status(status) => {
                format!("{key} has the workflow status {status} and does not count.")
            }
            Exclusion::Label(label) => {
                format!("{key} has the label {label} and does not count.")
            }
            Exclusion::NotInPlan => format!("{key} has not been run{}.", scope.within()),
            Exclusion::Quarantined(quarantine) => format!(
                "{key} is in quarantine until {} and does not count: {} ({}).",
                day(quarantine.ends_ms),
                quarantine.reason.trim_end_matches('.'),
                quarantine.owner,
            ),
            Exclusion::OutOfScope(run) => format!(
                "{key} {}{} in {}, which does not count{}.",
                status_clause(&run.status),
                on_environments(&run.environments),
                run.execution_key,
                scope.within(),
            ),
            Exclusion::NotFinal(run) => format!(
                "{key} {}{} in {}; until it has a result the one before counts.",
                status_clause(&run.status),
                on_environments(&run.environments),
                run.execution_key,
            ),
        };
        ReasonLine {
            key: key.clone(),
            text,
            at_ms: None,
        }
    }
}

impl ChildLine {
    fn line(&self) -> ReasonLine {
        let says = match self.status {
            CoverageStatus::Ok => "is passing",
            CoverageStatus::Nok => "is failing",
            CoverageStatus::NotRun => "has not passed",
            CoverageStatus::Unknown => "has a result that cannot be trusted",
            CoverageStatus::Uncovered => "is not covered",
            CoverageStatus::Exempt => "is exempt",
        };
        self.said(says)
    }

    fn said(&self, says: &str) -> ReasonLine {
        ReasonLine {
            key: self.key.clone(),
            text: format!("{} {says}.", self.key),
            at_ms: None,
        }
    }
}

fn left_out((child, why): &(ChildLine, ChildExclusion)) -> ReasonLine {
    match why {
        ChildExclusion::Exempt => child.said("is exempt and is left out"),
        ChildExclusion::Status(name) | ChildExclusion::Resolution(name) => {
            child.said(&format!("is left out, because it is {name}"))
        }
        ChildExclusion::Cycle => child.said("is above this issue as well and is left out here"),
        ChildExclusion::TooDeep => child.said("is too many levels down and is left out"),
    }
}
