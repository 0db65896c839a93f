//! The verdict: every rule against the standing, and the issues that a failed one is about.

use super::facts::TestFacts;
use super::measures::Ratio;
use super::rule::{Gate, Level, RuleName, RuleSetting, Unit};
use super::standing::{Held, IssueNote, Standing, is_older, is_severe};
use super::{DAY_MS, Measures, many, part_of, verb};
use crate::domain::coverage::CoverageStatus;

/// Whether a version or a sprint can go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Every rule holds.
    Ready,
    /// Only advisory rules fail.
    AtRisk,
    /// A required rule fails.
    NotReady,
}

/// What a rule found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actual {
    /// A share.
    Share(Ratio),
    /// A number of things.
    Count(usize),
    /// Whole days; none without a result.
    Days(Option<i64>),
}

/// A rule, and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The rule.
    pub rule: RuleName,
    /// How it is set.
    pub setting: RuleSetting,
    /// Whether it holds.
    pub holds: bool,
    /// What was found.
    pub actual: Actual,
    /// The same in one sentence.
    pub said: String,
    /// The issues that keep it from holding; none when it holds.
    pub issues: Vec<IssueNote>,
}

/// The verdict with everything that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Every rule that is on, in the order rules are shown.
    pub outcomes: Vec<Outcome>,
}

impl Verdict {
    /// Every verdict, the best first.
    pub const ALL: [Self; 3] = [Self::Ready, Self::AtRisk, Self::NotReady];

    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::AtRisk => "AT RISK",
            Self::NotReady => "NOT READY",
        }
    }

    /// The verdict with this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

impl Judgement {
    /// Rules that fail, the required ones first.
    pub fn failed(&self) -> impl Iterator<Item = &Outcome> {
        let with = |level| {
            let failed = self.outcomes.iter().filter(|outcome| !outcome.holds);
            failed.filter(move |outcome| outcome.setting.level == level)
        };
        with(Level::Required).chain(with(Level::Advisory))
    }

    /// The verdict in one sentence, about what `of` names.
    #[must_use]
    pub fn sentence(&self, of: &str) -> String {
        let rules = |level| {
            let failed = self.failed();
            failed
                .filter(|outcome| outcome.setting.level == level)
                .count()
        };
        match self.verdict {
            Verdict::Ready => format!("{of} is ready: every rule holds."),
            Verdict::AtRisk => {
                let count = rules(Level::Advisory);
                let fail = verb(count, "fails", "fail");
                format!("{of} is at risk: {} {fail}.", many(count, "advisory rule"))
            }
            Verdict::NotReady => {
                let count = rules(Level::Required);
                let fail = verb(count, "fails", "fail");
                format!("{of} is not ready: {} {fail}.", many(count, "rule"))
            }
        }
    }
}

impl Standing {
    /// Judges by the rules of `gate`. `now_ms` is milliseconds since the Unix epoch.
    #[must_use]
    pub fn judge(&self, gate: &Gate, now_ms: i64) -> Judgement {
        // Only counts are read of these; the limit of the freshness share is of no consequence.
        let measures = self.measures(0, now_ms);
        let rules = RuleName::ALL.into_iter();
        let outcomes: Vec<Outcome> = rules
            .map(|rule| (rule, gate.setting(rule)))
            .filter(|(_, setting)| setting.level != Level::Off)
            .map(|(rule, setting)| self.outcome(rule, setting, &measures, now_ms))
            .collect();
        let failed = outcomes.iter().filter(|outcome| !outcome.holds);
        let verdict = match failed.map(|outcome| outcome.setting.level).max() {
            Some(Level::Required) => Verdict::NotReady,
            Some(Level::Advisory) => Verdict::AtRisk,
            Some(Level::Off) | None => Verdict::Ready,
        };
        Judgement { verdict, outcomes }
    }

    fn outcome(
        &self,
        rule: RuleName,
        setting: RuleSetting,
        measures: &Measures,
        now_ms: i64,
    ) -> Outcome {
        let actual = actual(rule, measures, now_ms);
        let holds = match actual {
            // An age of fourteen days and an hour is more than fourteen days.
            Actual::Days(_) => !self
                .counted()
                .any(|test| is_older(&test.facts, setting.limit, now_ms)),
            _ => actual.meets(rule.unit(), setting.limit),
        };
        Outcome {
            rule,
            setting,
            holds,
            actual,
            said: said(rule, measures, actual),
            issues: if holds {
                Vec::new()
            } else {
                self.behind(rule, setting.limit, now_ms)
            },
        }
    }

    /// The issues a failed rule is about.
    fn behind(&self, rule: RuleName, limit: u32, now_ms: i64) -> Vec<IssueNote> {
        let status = |wanted: &dyn Fn(CoverageStatus) -> bool| {
            self.named(|issue| wanted(issue.facts.status).then(|| issue.facts.why.clone()))
        };
        match rule {
            RuleName::Planned => Vec::new(),
            RuleName::FailingIssues => status(&|one| one == CoverageStatus::Nok),
            RuleName::Coverage => status(&|one| one == CoverageStatus::Uncovered),
            RuleName::Verified => status(&|one| one != CoverageStatus::Ok),
            RuleName::SevereDefects => self.defects(is_severe),
            RuleName::OpenDefects => self.defects(|_| true),
            RuleName::Executed => self.with_tests("has no final result", |test| !test.is_final),
            RuleName::PassRate => {
                self.with_tests("did not pass", |test| test.is_final && !test.has_passed())
            }
            RuleName::RetestQueue => self.with_tests("waits for a retest", |test| {
                self.waits_since(test).is_some()
            }),
            RuleName::ResultAge => {
                self.with_tests("has an old result", |test| is_older(test, limit, now_ms))
            }
            RuleName::Outdated => {
                self.with_tests("has an outdated result", |test| test.is_outdated)
            }
            RuleName::FlakyExposure => self.exposed(),
        }
    }

    /// Issues of which there is something to say.
    pub(super) fn named(&self, say: impl Fn(&Held) -> Option<String>) -> Vec<IssueNote> {
        let issues = self.issues().iter();
        issues
            .filter_map(|issue| Some(self.note(issue, say(issue)?)))
            .collect()
    }

    /// Issues with a counted test of which `is` holds, each with those tests.
    pub(super) fn with_tests(&self, what: &str, is: impl Fn(&TestFacts) -> bool) -> Vec<IssueNote> {
        self.named(|issue| {
            let tests = self.tests_of(issue).filter(|test| test.counts());
            let keys: Vec<&str> = tests
                .filter(|test| is(test))
                .map(|test| test.key.as_str())
                .collect();
            named_tests(&keys, what)
        })
    }

    /// Passing issues that depend on a flaky or a quarantined test, each with those tests.
    pub(super) fn exposed(&self) -> Vec<IssueNote> {
        self.named(|issue| {
            let tests = self.tests_of(issue).filter(|_| self.is_exposed(issue));
            let keys: Vec<&str> = tests
                .filter(|test| test.is_flaky || test.is_quarantined)
                .map(|test| test.key.as_str())
                .collect();
            named_tests(&keys, "is flaky or quarantined")
        })
    }

    /// Open defects of which `is` holds, each with the issues at risk.
    pub(super) fn defects(&self, is: impl Fn(&super::DefectFacts) -> bool) -> Vec<IssueNote> {
        let open = self.open_defects().filter(|(defect, _)| is(defect));
        open.map(|(defect, at_risk)| self.note_defect(defect, at_risk))
            .collect()
    }
}

/// Tests a note names before it only counts the rest.
const NAMED: usize = 3;

fn named_tests(keys: &[&str], what: &str) -> Option<String> {
    let (first, rest) = keys.split_at_checked(NAMED).unwrap_or((keys, &[]));
    let names = first.join(", ");
    match (keys, rest.len()) {
        ([], _) => None,
        ([_], _) => Some(format!("{names} {what}")),
        (_, 0) => Some(format!("{names}: each {what}")),
        (_, more) => Some(format!("{names} and {more} more: each {what}")),
    }
}

fn actual(rule: RuleName, measures: &Measures, now_ms: i64) -> Actual {
    match rule {
        RuleName::Planned => Actual::Count(measures.issues),
        RuleName::FailingIssues => Actual::Count(measures.nok),
        RuleName::SevereDefects => Actual::Count(measures.severe_defects),
        RuleName::OpenDefects => Actual::Count(measures.open_defects),
        RuleName::RetestQueue => Actual::Count(measures.retest),
        RuleName::Coverage => Actual::Share(measures.coverage()),
        RuleName::Executed => Actual::Share(measures.executed()),
        RuleName::PassRate => Actual::Share(measures.pass_rate()),
        RuleName::Verified => Actual::Share(measures.verified()),
        RuleName::FlakyExposure => Actual::Share(measures.flaky_exposure()),
        RuleName::Outdated => Actual::Share(measures.outdated()),
        RuleName::ResultAge => {
            let age = measures
                .oldest_ms
                .map(|oldest_ms| now_ms.saturating_sub(oldest_ms));
            Actual::Days(age.map(|age| age.max(0) / DAY_MS))
        }
    }
}

impl Actual {
    fn meets(self, unit: Unit, limit: u32) -> bool {
        let limit_count = usize::try_from(limit).unwrap_or(usize::MAX);
        match (self, unit) {
            (Self::Share(share), Unit::AtLeastPerMille) => share.is_at_least(limit),
            (Self::Share(share), _) => share.is_at_most(limit),
            (Self::Count(count), Unit::AtLeast) => count >= limit_count,
            (Self::Count(count), _) => count <= limit_count,
            (Self::Days(days), _) => days.is_none_or(|days| days <= i64::from(limit)),
        }
    }
}

fn said(rule: RuleName, measures: &Measures, actual: Actual) -> String {
    let Measures { issues, tests, .. } = *measures;
    let share = |what: &str, of: &str| {
        let Actual::Share(Ratio { part, whole }) = actual else {
            return String::new();
        };
        match whole {
            0 => format!("There is no {of} yet."),
            _ => format!("{} {what}.", part_of(part, whole, of)),
        }
    };
    let count = |count: usize, what: &str, one: &str, more: &str| match count {
        0 => format!("No {what} {one}."),
        _ => format!("{} {}.", many(count, what), verb(count, one, more)),
    };
    match rule {
        RuleName::Planned => count(issues, "issue", "is planned", "are planned"),
        RuleName::FailingIssues => match measures.nok {
            0 => "No issue fails.".to_owned(),
            nok => format!(
                "{} {}.",
                part_of(nok, issues, "issue"),
                verb(nok, "fails", "fail")
            ),
        },
        RuleName::SevereDefects => count(
            measures.severe_defects,
            "blocking or critical defect",
            "is open",
            "are open",
        ),
        RuleName::OpenDefects => count(measures.open_defects, "defect", "is open", "are open"),
        RuleName::RetestQueue => match (measures.retest, tests) {
            (0, _) => "No test waits for a retest.".to_owned(),
            (waiting, tests) => format!(
                "{} {} for a retest.",
                part_of(waiting, tests, "test"),
                verb(waiting, "waits", "wait")
            ),
        },
        RuleName::Coverage => share("covered", "issue"),
        RuleName::Executed => share("with a final result", "test"),
        RuleName::PassRate => share("passed", "final result"),
        RuleName::Verified => share("fully tested", "issue"),
        RuleName::FlakyExposure => share("leaning on a flaky or quarantined test", "passing issue"),
        RuleName::Outdated => share("outdated", "result"),
        RuleName::ResultAge => match actual {
            Actual::Days(Some(0)) => "The oldest result is of the last 24 hours.".to_owned(),
            Actual::Days(Some(days)) => {
                let days = usize::try_from(days).unwrap_or(usize::MAX);
                format!("The oldest result is {} old.", many(days, "day"))
            }
            _ => "There is no result yet.".to_owned(),
        },
    }
}
