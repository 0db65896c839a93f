//! A population folded: every issue once, every test once, and which belongs to which.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::DAY_MS;
use super::facts::{DefectFacts, IssueFacts, TestFacts};
use super::measures::Measures;
use crate::domain::coverage::CoverageStatus;
use crate::domain::run::Effect;
use crate::domain::severity::Severity;

/// Takes issues in, one by one.
#[derive(Debug, Clone, Default)]
pub struct Gathering(Standing);

/// How the issues of a version or a sprint stand.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Issues that need tests, in the order they came.
    issues: Vec<Held>,
    exempt: usize,
    tests: BTreeMap<Uuid, Test>,
    defects: BTreeMap<Uuid, DefectFacts>,
    /// Open defects, each with the issues it puts at risk.
    open: Vec<(Uuid, Vec<usize>)>,
}

/// An issue; its tests are kept apart, because one may cover many issues.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub facts: IssueFacts,
    pub tests: Vec<Uuid>,
    /// Open defects of its counted tests, and itself if it is one.
    pub defects: Vec<Uuid>,
}

/// A test and the issues of the population it covers.
#[derive(Debug, Clone)]
pub(super) struct Test {
    pub facts: TestFacts,
    pub issues: Vec<usize>,
}

/// An issue named in an answer, with what there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueNote {
    /// Jira's id of it.
    pub jira_id: i64,
    /// Its key.
    pub key: String,
    /// Its summary.
    pub summary: String,
    /// What there is to say; of a parent it may name children by their keys. May be empty.
    pub note: String,
    /// Other issues it has to do with: defects of an issue, issues at risk of a defect.
    pub related: Vec<Related>,
}

/// Another issue, by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Jira's id of it.
    pub jira_id: i64,
    /// Its key.
    pub key: String,
}

impl Gathering {
    /// Takes one more issue of the population in.
    pub fn add(&mut self, mut issue: IssueFacts) {
        let standing = &mut self.0;
        if issue.status == CoverageStatus::Exempt {
            standing.exempt += 1;
            return;
        }
        let place = standing.issues.len();
        let mut tests = Vec::with_capacity(issue.tests.len());
        for facts in std::mem::take(&mut issue.tests) {
            tests.push(facts.id);
            let entry = standing.tests.entry(facts.id);
            let held = entry.or_insert_with(|| Test {
                facts: facts.clone(),
                issues: Vec::new(),
            });
            // The text of one issue may have changed after a result that is new enough for another.
            held.facts.is_outdated |= facts.is_outdated;
            held.issues.push(place);
        }
        standing.issues.push(Held {
            facts: issue,
            tests,
            defects: Vec::new(),
        });
    }

    /// The defects that are linked to the tests taken in.
    #[must_use]
    pub fn defects(&self) -> BTreeSet<Uuid> {
        let counted = self.0.counted();
        counted
            .flat_map(|test| test.facts.defects.clone())
            .collect()
    }

    /// The whole, with what is known of the defects: those that [`Gathering::defects`] names, and those
    /// that are themselves part of the population.
    #[must_use]
    pub fn finish(self, defects: impl IntoIterator<Item = DefectFacts>) -> Standing {
        let mut standing = self.0;
        let defects = defects.into_iter();
        standing.defects = defects.map(|defect| (defect.id, defect)).collect();
        let mut at_risk: BTreeMap<Uuid, BTreeSet<usize>> = BTreeMap::new();
        for test in standing.counted() {
            for defect in &test.facts.defects {
                at_risk.entry(*defect).or_default().extend(&test.issues);
            }
        }
        for (place, issue) in standing.issues.iter().enumerate() {
            at_risk.entry(issue.facts.id).or_default().insert(place);
        }
        let mut open: Vec<&DefectFacts> = standing.defects.values().collect();
        open.retain(|defect| defect.is_open);
        open.sort_by_key(|defect| (Reverse(defect.severity), defect.jira_id, defect.id));
        let open: Vec<(Uuid, Vec<usize>)> = open
            .into_iter()
            .map(|defect| {
                let places = at_risk.remove(&defect.id).unwrap_or_default();
                (defect.id, places.into_iter().collect())
            })
            .collect();
        for (defect, places) in &open {
            for place in places {
                if let Some(issue) = standing.issues.get_mut(*place) {
                    issue.defects.push(*defect);
                }
            }
        }
        standing.open = open;
        standing
    }
}

impl Standing {
    pub(super) fn issues(&self) -> &[Held] {
        &self.issues
    }

    /// Tests that count, by id.
    pub(super) fn counted(&self) -> impl Iterator<Item = &Test> {
        self.tests.values().filter(|test| test.facts.counts())
    }

    /// The tests of an issue, quarantined ones too.
    pub(super) fn tests_of<'a>(&'a self, issue: &'a Held) -> impl Iterator<Item = &'a TestFacts> {
        let tests = issue.tests.iter().filter_map(|id| self.tests.get(id));
        tests.map(|test| &test.facts)
    }

    /// Open defects, the worst first, with the issues each puts at risk.
    pub(super) fn open_defects(&self) -> impl Iterator<Item = (&DefectFacts, &[usize])> {
        self.open
            .iter()
            .filter_map(|(id, places)| Some((self.defects.get(id)?, places.as_slice())))
    }

    /// Failing tests, those first that put the most important issues at risk.
    pub(super) fn failing(&self) -> Vec<&Test> {
        let mut failing: Vec<&Test> = self.counted().filter(|test| fails(&test.facts)).collect();
        failing.sort_by_cached_key(|test| {
            let mut severities: Vec<Severity> = self
                .at(&test.issues)
                .map(|issue| issue.facts.severity)
                .collect();
            severities.sort_unstable_by_key(|severity| Reverse(*severity));
            (
                Reverse(severities),
                test.facts.key.len(),
                test.facts.key.clone(),
            )
        });
        failing
    }

    pub(super) fn at<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a Held> {
        places.iter().filter_map(|place| self.issues.get(*place))
    }

    /// Since when a test waits to be run again: a defect of it was fixed, or a rule asked for it, and
    /// no final result is newer.
    pub(super) fn waits_since(&self, test: &TestFacts) -> Option<i64> {
        let defects = test.defects.iter().filter_map(|id| self.defects.get(id));
        let fixed = defects.filter_map(|defect| defect.fixed_ms);
        let since = fixed.chain(test.retest_ms).max()?;
        let is_over = test.final_ms.is_some_and(|final_ms| final_ms > since);
        (!is_over).then_some(since)
    }

    /// Whether an issue passes because of, or without, a test one cannot lean on.
    pub(super) fn is_exposed(&self, issue: &Held) -> bool {
        let mut tests = self.tests_of(issue);
        issue.facts.status == CoverageStatus::Ok
            && tests.any(|test| test.is_flaky || test.is_quarantined)
    }

    /// Whether an issue is covered and none of its tests has a result in scope.
    pub(super) fn is_never_run(&self, issue: &Held) -> bool {
        let mut counted = self.tests_of(issue).filter(|test| test.counts()).peekable();
        counted.peek().is_some() && counted.all(TestFacts::is_never_run)
    }

    /// The measures. A result older than `freshness_days` is stale; `now_ms` is milliseconds since the
    /// Unix epoch.
    #[must_use]
    pub fn measures(&self, freshness_days: u32, now_ms: i64) -> Measures {
        let with = |status| {
            let statuses = self.issues.iter().map(|issue| issue.facts.status);
            statuses.filter(|one| *one == status).count()
        };
        let tests = |is: &dyn Fn(&TestFacts) -> bool| {
            let counted = self.counted().map(|test| &test.facts);
            counted.filter(|test| is(test)).count()
        };
        Measures {
            issues: self.issues.len(),
            exempt: self.exempt,
            ok: with(CoverageStatus::Ok),
            nok: with(CoverageStatus::Nok),
            not_run: with(CoverageStatus::NotRun),
            unknown: with(CoverageStatus::Unknown),
            uncovered: with(CoverageStatus::Uncovered),
            tests: tests(&|_| true),
            executed: tests(&|test| test.is_final),
            passed: tests(&TestFacts::has_passed),
            failing: tests(&fails),
            never_run: tests(&TestFacts::is_never_run),
            open_defects: self.open.len(),
            severe_defects: self
                .open_defects()
                .filter(|(one, _)| is_severe(one))
                .count(),
            by_priority: self.by_priority(),
            oldest_ms: self.counted().filter_map(|test| test.facts.oldest_ms).min(),
            results: tests(&|test| !test.is_never_run()),
            stale: tests(&|test| is_older(test, freshness_days, now_ms)),
            outdated: tests(&|test| test.is_outdated),
            exposed: self
                .issues
                .iter()
                .filter(|one| self.is_exposed(one))
                .count(),
            retest: tests(&|test| self.waits_since(test).is_some()),
        }
    }

    fn by_priority(&self) -> Vec<(String, usize)> {
        let mut counts: Vec<(String, usize)> = Vec::new();
        for (defect, _) in self.open_defects() {
            match counts.iter_mut().find(|(held, _)| *held == defect.priority) {
                Some((_, count)) => *count += 1,
                None => counts.push((defect.priority.clone(), 1)),
            }
        }
        counts
    }

    /// An issue, to be named, with the open defects it has to do with.
    pub(super) fn note(&self, issue: &Held, note: String) -> IssueNote {
        let defects = issue.defects.iter().filter(|id| **id != issue.facts.id);
        let defects = defects.filter_map(|id| self.defects.get(id));
        IssueNote {
            jira_id: issue.facts.jira_id,
            key: issue.facts.key.clone(),
            summary: issue.facts.summary.clone(),
            note,
            related: defects
                .map(|defect| Related {
                    jira_id: defect.jira_id,
                    key: defect.key.clone(),
                })
                .collect(),
        }
    }

    /// A defect, to be named, with the issues it puts at risk.
    pub(super) fn note_defect(&self, defect: &DefectFacts, at_risk: &[usize]) -> IssueNote {
        let others = self.at(at_risk).filter(|issue| issue.facts.id != defect.id);
        let said = [defect.priority.as_str(), defect.status.as_str()];
        let said: Vec<&str> = said.into_iter().filter(|word| !word.is_empty()).collect();
        IssueNote {
            jira_id: defect.jira_id,
            key: defect.key.clone(),
            summary: defect.summary.clone(),
            note: said.join(", "),
            related: others
                .map(|issue| Related {
                    jira_id: issue.facts.jira_id,
                    key: issue.facts.key.clone(),
                })
                .collect(),
        }
    }
}

/// Whether a test speaks against its issues.
pub(super) fn fails(test: &TestFacts) -> bool {
    test.effect == Effect::Nok
}

/// Whether a defect is a blocker or critical.
pub(super) fn is_severe(defect: &DefectFacts) -> bool {
    defect.severity >= Severity::Critical
}

/// Whether a test has a counting result that is older than so many days.
pub(super) fn is_older(test: &TestFacts, days: u32, now_ms: i64) -> bool {
    let before = now_ms.saturating_sub(i64::from(days).saturating_mul(DAY_MS));
    test.oldest_ms.is_some_and(|oldest_ms| oldest_ms < before)
}
