//! The five answers of section 7 in words, each with the issues behind it.

use super::measures::Measures;
use super::standing::{IssueNote, Standing, is_older, is_severe};
use super::{many, part_of, verb};
use crate::domain::coverage::CoverageStatus;
use crate::domain::severity::Severity;

/// A question people ask before a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Which issues are fully tested?
    Tested,
    /// Which have open defects?
    WithDefects,
    /// Which were never run?
    NeverRun,
    /// Which are not covered?
    NotCovered,
}

/// An answer, with the issues it speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The question.
    pub question: Question,
    /// The answer in one sentence.
    pub sentence: String,
    /// The issues.
    pub issues: Vec<IssueNote>,
}

/// What can still go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RiskKind {
    /// Tests fail.
    Failing,
    /// Blockers or criticals are open.
    SevereDefects,
    /// Important issues are not covered.
    UncoveredImportant,
    /// Results are outdated, or older than the freshness limit.
    OldResults,
    /// Passing issues depend on tests one cannot lean on.
    FlakyExposure,
}

/// A risk that remains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// What kind of risk.
    pub kind: RiskKind,
    /// The risk in one sentence.
    pub sentence: String,
    /// Failing tests, those first that put the most important issues at risk.
    pub tests: Vec<FailingTest>,
    /// The issues, or the defects, it is about.
    pub issues: Vec<IssueNote>,
}

/// A failing test and the issues it puts at risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingTest {
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The issues, in the order of the population; the note is the issue's severity.
    pub issues: Vec<IssueNote>,
}

/// The answers to all five questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The answers to four of them.
    pub answers: [Answer; 4],
    /// What risks remain, in one sentence.
    pub risks_sentence: String,
    /// The risks.
    pub risks: Vec<Risk>,
}

impl Question {
    /// The question itself.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Tested => "Which issues are fully tested?",
            Self::WithDefects => "Which have open defects?",
            Self::NeverRun => "Which were never run?",
            Self::NotCovered => "Which are not covered?",
        }
    }

    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tested => "tested",
            Self::WithDefects => "with-defects",
            Self::NeverRun => "never-run",
            Self::NotCovered => "not-covered",
        }
    }
}

impl RiskKind {
    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::SevereDefects => "severe-defects",
            Self::UncoveredImportant => "uncovered-important",
            Self::OldResults => "old-results",
            Self::FlakyExposure => "flaky-exposure",
        }
    }
}

impl Answers {
    /// The fifth question.
    pub const RISKS: &'static str = "What risks remain?";
}

impl Standing {
    /// The answers; `freshness_days` and `now_ms` as for [`Standing::measures`].
    #[must_use]
    pub fn answers(&self, freshness_days: u32, now_ms: i64) -> Answers {
        let measures = self.measures(freshness_days, now_ms);
        let status = |wanted: CoverageStatus| {
            self.named(|issue| (issue.facts.status == wanted).then(String::new))
        };
        let with_defects = self.named(|issue| {
            let is_one = issue.defects.contains(&issue.facts.id);
            let said = if is_one {
                "is an open defect itself"
            } else {
                ""
            };
            (!issue.defects.is_empty()).then(|| said.to_owned())
        });
        let never_run = self.named(|issue| self.is_never_run(issue).then(String::new));
        let answer = |question, sentence, issues| Answer {
            question,
            sentence,
            issues,
        };
        let risks = self.risks(&measures, freshness_days, now_ms);
        Answers {
            answers: [
                answer(
                    Question::Tested,
                    tested(&measures),
                    status(CoverageStatus::Ok),
                ),
                answer(
                    Question::WithDefects,
                    open_defects(&measures, with_defects.len()),
                    with_defects,
                ),
                answer(
                    Question::NeverRun,
                    unexecuted(&measures, never_run.len()),
                    never_run,
                ),
                answer(
                    Question::NotCovered,
                    uncovered(&measures),
                    status(CoverageStatus::Uncovered),
                ),
            ],
            risks_sentence: match risks.len() {
                _ if measures.issues == 0 => NOTHING_PLANNED.to_owned(),
                0 => "No risk is known.".to_owned(),
                count => {
                    let remain = verb(count, "remains", "remain");
                    format!("{} {remain}.", many(count, "risk"))
                }
            },
            risks,
        }
    }

    fn risks(&self, measures: &Measures, freshness_days: u32, now_ms: i64) -> Vec<Risk> {
        let failing: Vec<FailingTest> = self
            .failing()
            .into_iter()
            .map(|test| FailingTest {
                key: test.facts.key.clone(),
                name: test.facts.name.clone(),
                issues: self
                    .at(&test.issues)
                    .map(|issue| self.note(issue, issue.facts.severity.name().to_owned()))
                    .collect(),
            })
            .collect();
        let important = self.named(|issue| {
            let facts = &issue.facts;
            let is_one =
                facts.status == CoverageStatus::Uncovered && facts.severity >= Severity::High;
            is_one.then(|| facts.severity.name().to_owned())
        });
        let old = self.with_tests("has an old or outdated result", |test| {
            test.is_outdated || is_older(test, freshness_days, now_ms)
        });
        let severe = self.defects(is_severe);
        let exposed = self.exposed();
        let risks = [
            (
                RiskKind::Failing,
                failing_said(&failing, measures),
                failing,
                Vec::new(),
            ),
            (
                RiskKind::SevereDefects,
                severe_said(severe.len()),
                Vec::new(),
                severe,
            ),
            (
                RiskKind::UncoveredImportant,
                important_said(important.len()),
                Vec::new(),
                important,
            ),
            (
                RiskKind::OldResults,
                old_said(measures, freshness_days),
                Vec::new(),
                old,
            ),
            (
                RiskKind::FlakyExposure,
                exposed_said(measures),
                Vec::new(),
                exposed,
            ),
        ];
        risks
            .into_iter()
            .filter(|(_, _, tests, issues)| !tests.is_empty() || !issues.is_empty())
            .map(|(kind, sentence, tests, issues)| Risk {
                kind,
                sentence,
                tests,
                issues,
            })
            .collect()
    }
}

const NOTHING_PLANNED: &str = "No issue is planned.";

fn tested(measures: &Measures) -> String {
    match (measures.ok, measures.issues) {
        (_, 0) => NOTHING_PLANNED.to_owned(),
        (1, 1) => "The one issue is fully tested.".to_owned(),
        (ok, all) if ok == all => format!("All {all} issues are fully tested."),
        (0, 1) => "The one issue is not fully tested.".to_owned(),
        (0, all) => format!("None of the {all} issues is fully tested."),
        (ok, all) => format!(
            "{} {} fully tested.",
            part_of(ok, all, "issue"),
            verb(ok, "is", "are")
        ),
    }
}

fn open_defects(measures: &Measures, issues: usize) -> String {
    let Measures {
        open_defects,
        severe_defects,
        ..
    } = *measures;
    if measures.issues == 0 && open_defects == 0 {
        return NOTHING_PLANNED.to_owned();
    }
    if open_defects == 0 {
        return "No issue has an open defect.".to_owned();
    }
    let severe = match severe_defects {
        0 => "none of them blocking or critical".to_owned(),
        count => format!("{count} of them blocking or critical"),
    };
    format!(
        "{} {} open defects: {} in all, {severe}.",
        part_of(issues, measures.issues, "issue"),
        verb(issues, "has", "have"),
        many(open_defects, "defect"),
    )
}

fn unexecuted(measures: &Measures, issues: usize) -> String {
    let covered = measures.coverage().part;
    match (issues, measures.never_run) {
        _ if measures.issues == 0 => NOTHING_PLANNED.to_owned(),
        _ if covered == 0 => "No issue is covered, so there is nothing to run.".to_owned(),
        (0, 0) => "Every test of every covered issue has been run.".to_owned(),
        (0, tests) => format!(
            "Every covered issue has been run; {} {} not.",
            part_of(tests, measures.tests, "test"),
            verb(tests, "was", "were")
        ),
        (issues, tests) => format!(
            "{} {} never run; {} {} no result.",
            part_of(issues, measures.issues, "issue"),
            verb(issues, "was", "were"),
            part_of(tests, measures.tests, "test"),
            verb(tests, "has", "have"),
        ),
    }
}

fn uncovered(measures: &Measures) -> String {
    match measures.uncovered {
        _ if measures.issues == 0 => NOTHING_PLANNED.to_owned(),
        0 => "Every issue is covered.".to_owned(),
        count => format!(
            "{} {} not covered.",
            part_of(count, measures.issues, "issue"),
            verb(count, "is", "are")
        ),
    }
}

fn failing_said(failing: &[FailingTest], measures: &Measures) -> String {
    let widest = failing.iter().max_by_key(|test| test.issues.len());
    let widest = widest.filter(|test| test.issues.len() > 1);
    let reach = widest.map_or_else(String::new, |test| {
        format!(
            " {} alone puts {} at risk.",
            test.key,
            many(test.issues.len(), "issue")
        )
    });
    format!(
        "{} {}.{reach}",
        part_of(failing.len(), measures.tests, "test"),
        verb(failing.len(), "fails", "fail")
    )
}

fn severe_said(count: usize) -> String {
    let are = verb(count, "is", "are");
    format!("{} {are} open.", many(count, "blocking or critical defect"))
}

fn important_said(count: usize) -> String {
    let are = verb(count, "is", "are");
    format!(
        "{} of high priority {are} not covered.",
        many(count, "issue")
    )
}

fn old_said(measures: &Measures, freshness_days: u32) -> String {
    let days = usize::try_from(freshness_days).unwrap_or(usize::MAX);
    format!(
        "{} outdated, {} older than {}.",
        part_of(measures.outdated, measures.results, "result"),
        measures.stale,
        many(days, "day")
    )
}

fn exposed_said(measures: &Measures) -> String {
    format!(
        "{} {} on a flaky or quarantined test.",
        part_of(measures.exposed, measures.ok, "passing issue"),
        verb(measures.exposed, "depends", "depend")
    )
}
