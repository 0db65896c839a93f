//! What the readiness page says, in words and signs: the template's only input.

use std::collections::{BTreeSet, HashSet};

use super::trend::Trend;
use crate::domain::readiness::{
    Answers, IssueNote, Judgement, Level, Measures, Outcome, Ratio, Related, Risk, Score, Target,
    Verdict,
};
use crate::store::readiness::{Day, Planned};
use crate::web::panel::present::{bar, counted};
use crate::web::panel::view::Segment;
use crate::web::times::When;

/// Issues a list names; the rest is counted.
const SHOWN: usize = 25;
/// Further issues named beside one.
const RELATED: usize = 5;

/// What the page is made of.
pub(super) struct Shown<'a> {
    /// Where people see the site, without a slash at its end.
    pub site_url: &'a str,
    pub target: &'a Target,
    /// Versions and sprints to choose from.
    pub planned: &'a [Planned],
    pub judgement: &'a Judgement,
    pub answers: &'a Answers,
    /// The days of the trend; the last is now.
    pub days: &'a [Day],
    /// Issues the reader may see, by Jira's id.
    pub visible: &'a HashSet<i64>,
    pub now_ms: i64,
}

/// A word with its sign and tint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub text: &'static str,
    pub icon: &'static str,
    pub tint: &'static str,
}

/// The page.
#[derive(Debug)]
pub(super) struct Page {
    pub verdict: Word,
    /// The verdict in one sentence.
    pub sentence: String,
    /// Versions and sprints under way, and the others.
    pub open: Vec<Choice>,
    pub done: Vec<Choice>,
    /// The bar of issues by status.
    pub segments: Vec<Segment>,
    pub when: When,
    pub rules: Vec<Rule>,
    pub answers: Vec<Answer>,
    pub risks: Risks,
    pub measures: Vec<Measure>,
    pub score: String,
    pub score_parts: Vec<Measure>,
    pub formula: &'static str,
    pub trend: Trend,
}

/// A version or a sprint to choose.
#[derive(Debug)]
pub(super) struct Choice {
    pub name: String,
    pub label: String,
    pub is_chosen: bool,
}

/// A rule of the gate.
#[derive(Debug)]
pub(super) struct Rule {
    pub text: String,
    pub is_advisory: bool,
    pub said: String,
    pub state: Word,
    pub issues: List,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub question: &'static str,
    pub sentence: String,
    pub issues: List,
}

/// The answer to the fifth question.
#[derive(Debug)]
pub(super) struct Risks {
    pub question: &'static str,
    pub sentence: String,
    pub lines: Vec<RiskLine>,
}

/// One risk.
#[derive(Debug)]
pub(super) struct RiskLine {
    pub sentence: String,
    pub issues: List,
    /// Failing tests by what they put at risk.
    pub tests: Vec<TestLine>,
    /// Failing tests that are not among them.
    pub more: usize,
}

/// A failing test.
#[derive(Debug)]
pub(super) struct TestLine {
    pub key: String,
    pub name: String,
    pub issues: List,
}

/// Issues by name, and how many are not.
#[derive(Debug, Default)]
pub(super) struct List {
    pub items: Vec<Item>,
    /// For example `25 issues`.
    pub label: String,
    /// What is said of those that are not named; empty when all are.
    pub rest: String,
}

/// An issue that is named.
#[derive(Debug)]
pub(super) struct Item {
    pub link: Link,
    pub summary: String,
    pub note: String,
    pub related: Vec<Link>,
}

/// An issue's key and its page.
#[derive(Debug)]
pub(super) struct Link {
    pub key: String,
    pub url: String,
}

/// A measure in words.
#[derive(Debug)]
pub(super) struct Measure {
    pub name: &'static str,
    pub value: String,
    pub detail: String,
}

/// The issues a page would name, by Jira's id.
pub(super) fn named(judgement: &Judgement, answers: &Answers) -> BTreeSet<i64> {
    let failed = judgement.outcomes.iter().map(|outcome| &outcome.issues);
    let answered = answers.answers.iter().map(|answer| &answer.issues);
    let risks = answers.risks.iter().map(|risk| &risk.issues);
    let tests = answers
        .risks
        .iter()
        .flat_map(|risk| risk.tests.iter().take(SHOWN));
    let tests = tests.map(|test| &test.issues);
    let lists = failed.chain(answered).chain(risks).chain(tests);
    let notes = lists.flat_map(|list| list.iter().take(SHOWN));
    notes
        .flat_map(|note| {
            let related = note.related.iter().take(RELATED).map(|one| one.jira_id);
            std::iter::once(note.jira_id).chain(related)
        })
        .filter(|id| *id > 0)
        .collect()
}

impl Page {
    pub fn of(shown: &Shown<'_>) -> Self {
        let (open, done) = shown.choices();
        let measures = shown.days.last().map(|day| day.measures.clone());
        let measures = measures.unwrap_or_default();
        let score = Score::of(&measures);
        Self {
            verdict: of_verdict(shown.judgement.verdict),
            sentence: shown.judgement.sentence(&shown.target.to_string()),
            open,
            done,
            segments: segments(&measures),
            when: When::new(shown.now_ms, shown.now_ms),
            rules: shown
                .judgement
                .outcomes
                .iter()
                .map(|one| shown.rule(one))
                .collect(),
            answers: shown
                .answers
                .answers
                .iter()
                .map(|answer| Answer {
                    question: answer.question.text(),
                    sentence: answer.sentence.clone(),
                    issues: shown.list(&answer.issues),
                })
                .collect(),
            risks: Risks {
                question: Answers::RISKS,
                sentence: shown.answers.risks_sentence.clone(),
                lines: shown
                    .answers
                    .risks
                    .iter()
                    .map(|risk| shown.risk(risk))
                    .collect(),
            },
            measures: in_words(&measures, shown.now_ms),
            score: tenths(score.tenths),
            score_parts: score
                .inputs
                .iter()
                .map(|input| Measure {
                    name: input.name,
                    value: input.value.in_words(),
                    detail: format!("weighs {} %", input.weight),
                })
                .collect(),
            formula: Score::FORMULA,
            trend: Trend::of(shown.days),
        }
    }
}

impl Shown<'_> {
    /// What can be chosen; what is shown is among it, whether or not an issue names it.
    fn choices(&self) -> (Vec<Choice>, Vec<Choice>) {
        let choice = |target: &Target| Choice {
            name: target.name(),
            label: target.to_string(),
            is_chosen: target == self.target,
        };
        let of = |is_open: bool| {
            let planned = self
                .planned
                .iter()
                .filter(move |one| one.is_open == is_open);
            planned.map(|one| choice(&one.target)).collect::<Vec<_>>()
        };
        let (open, mut done) = (of(true), of(false));
        if !open.iter().chain(&done).any(|one| one.is_chosen) {
            done.push(choice(self.target));
        }
        (open, done)
    }

    fn rule(&self, outcome: &Outcome) -> Rule {
        let is_advisory = outcome.setting.level == Level::Advisory;
        Rule {
            text: outcome.rule.in_words(outcome.setting.limit),
            is_advisory,
            said: outcome.said.clone(),
            state: match (outcome.holds, is_advisory) {
                (true, _) => word("Holds", "passed", "ok"),
                (false, true) => word("At risk", "warning", "notrun"),
                (false, false) => word("Fails", "failed", "nok"),
            },
            issues: self.list(&outcome.issues),
        }
    }

    fn risk(&self, risk: &Risk) -> RiskLine {
        let tests = risk.tests.iter().take(SHOWN).map(|test| TestLine {
            key: test.key.clone(),
            name: test.name.clone(),
            issues: self.list(&test.issues),
        });
        RiskLine {
            sentence: risk.sentence.clone(),
            issues: self.list(&risk.issues),
            tests: tests.collect(),
            more: risk.tests.len().saturating_sub(SHOWN),
        }
    }

    fn list(&self, notes: &[IssueNote]) -> List {
        let named = notes.iter().take(SHOWN);
        let seen = named
            .clone()
            .filter(|note| self.visible.contains(&note.jira_id));
        let items: Vec<Item> = seen.map(|note| self.item(note)).collect();
        let hidden = named.len() - items.len();
        let more = notes.len().saturating_sub(SHOWN);
        let hidden = match hidden {
            0 => None,
            1 => Some("1 issue is left out because you may not see it.".to_owned()),
            count => Some(format!(
                "{count} issues are left out because you may not see them."
            )),
        };
        let more = (more > 0).then(|| format!("And {more} more."));
        let rest: Vec<String> = hidden.into_iter().chain(more).collect();
        List {
            items,
            label: counted(notes.len(), "issue"),
            rest: rest.join(" "),
        }
    }

    fn item(&self, note: &IssueNote) -> Item {
        let related = note.related.iter().take(RELATED);
        let related = related.filter(|one| self.visible.contains(&one.jira_id));
        Item {
            link: self.link(&note.key),
            summary: note.summary.clone(),
            note: note.note.clone(),
            related: related.map(|one: &Related| self.link(&one.key)).collect(),
        }
    }

    fn link(&self, key: &str) -> Link {
        Link {
            key: key.to_owned(),
            url: format!("{}/browse/{key}", self.site_url),
        }
    }
}

impl List {
    /// Whether there is nothing to list.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.rest.is_empty()
    }
}

const fn word(text: &'static str, icon: &'static str, tint: &'static str) -> Word {
    Word { text, icon, tint }
}

/// The word of a verdict.
pub(super) const fn of_verdict(verdict: Verdict) -> Word {
    match verdict {
        Verdict::Ready => word("Ready", "passed", "ok"),
        Verdict::AtRisk => word("At risk", "warning", "notrun"),
        Verdict::NotReady => word("Not ready", "failed", "nok"),
    }
}

fn segments(measures: &Measures) -> Vec<Segment> {
    bar(&[
        ("passed", measures.ok, "fully tested"),
        ("failed", measures.nok, "failing"),
        ("unknown", measures.unknown, "unknown"),
        ("notrun", measures.not_run, "not run"),
        ("uncovered", measures.uncovered, "not covered"),
    ])
}

fn tenths(tenths: u32) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn in_words(measures: &Measures, now_ms: i64) -> Vec<Measure> {
    let measure = |name, value: String, detail: String| Measure {
        name,
        value,
        detail,
    };
    let share = |name, ratio: Ratio, what: &str| {
        let detail = match ratio.whole {
            0 => format!("no {what} yet"),
            whole => format!("{} of {}", ratio.part, counted(whole, what)),
        };
        measure(name, ratio.in_words(), detail)
    };
    let count = |name, count: usize, detail: String| measure(name, count.to_string(), detail);
    let by_priority: Vec<String> = measures
        .by_priority
        .iter()
        .map(|(priority, count)| match priority.as_str() {
            "" => format!("{count} without a priority"),
            priority => format!("{count} {priority}"),
        })
        .collect();
    let oldest = measures
        .oldest_ms
        .map(|oldest_ms| When::new(oldest_ms, now_ms));
    vec![
        share("Coverage", measures.coverage(), "issue"),
        share("Verified", measures.verified(), "issue"),
        share("Executed", measures.executed(), "test"),
        share("Pass rate", measures.pass_rate(), "final result"),
        count(
            "Failing issues",
            measures.nok,
            format!("with {}", counted(measures.failing, "failing test")),
        ),
        count(
            "Open defects",
            measures.open_defects,
            by_priority.join(", "),
        ),
        measure(
            "Oldest result",
            oldest.map_or_else(|| "–".to_owned(), |when| when.relative),
            format!(
                "{} of {} too old, {} outdated",
                measures.stale,
                counted(measures.results, "result"),
                measures.outdated
            ),
        ),
        share("Flaky exposure", measures.flaky_exposure(), "passing issue"),
        count(
            "Retest queue",
            measures.retest,
            format!("of {}", counted(measures.tests, "test")),
        ),
        count(
            "Exempt",
            measures.exempt,
            "issues that need no test".to_owned(),
        ),
    ]
}
