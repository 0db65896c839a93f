//! What is answered about readiness, as types: what is sent is what is described.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::super::words::one_of;
use crate::app::readiness::Report;
use crate::domain::readiness::{
    Actual, Answers, DAY_MS, FailingTest, IssueNote, Judgement, Level, Measures, Outcome, Ratio,
    RuleName, RuleSetting, Score, Target, Unit, Verdict,
};
use crate::store::readiness::{Day, Decided, Ending};

/// What was asked.
pub(super) struct Question {
    pub project: String,
    pub target: Target,
    pub environment: Option<String>,
}

/// How a version or a sprint stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Readiness<'a> {
    /// The verdict, and the rules that led to it.
    gate: Gate<'a>,
    /// The measures.
    measures: ReadinessMeasures<'a>,
    /// A number beside the verdict; it decides nothing.
    score: ReadinessScore,
    /// Which issues are fully tested, have open defects, were never run, are not covered.
    answers: Vec<ReadinessAnswer<'a>>,
    /// What risks remain.
    risks: ReadinessRisks<'a>,
}

/// A verdict.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Gate<'a> {
    /// The project's key.
    #[schema(example = "SHOP")]
    project: &'a str,
    /// The version or the sprint.
    #[schema(example = "version:1.4")]
    scope: String,
    /// The environment it is confined to.
    environment: Option<&'a str>,
    /// The verdict.
    #[schema(schema_with = verdict)]
    verdict: &'static str,
    /// The verdict in one sentence.
    sentence: String,
    /// Every rule that is on.
    rules: Vec<GateOutcome<'a>>,
    /// When it was worked out, milliseconds since 1970.
    computed_ms: i64,
}

/// A rule, and whether it holds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct GateOutcome<'a> {
    /// The rule.
    #[schema(schema_with = rule_name)]
    rule: &'static str,
    /// The rule with its limit, in words.
    text: String,
    /// What it means when it fails.
    #[schema(schema_with = level)]
    level: &'static str,
    /// Its limit: percents, a count, or days.
    limit: f64,
    /// What was found, in the unit of the limit; none when there is nothing to measure.
    actual: Option<f64>,
    /// The same in words.
    said: &'a str,
    /// Whether it holds.
    holds: bool,
    /// The issues that keep it from holding.
    issues: Vec<ReadinessIssue<'a>>,
}

/// An issue, and why it is named.
#[derive(Debug, Serialize, ToSchema)]
struct ReadinessIssue<'a> {
    /// The key.
    #[schema(example = "SHOP-7")]
    key: &'a str,
    /// The summary.
    summary: &'a str,
    /// What there is to say about it; may be empty.
    note: &'a str,
    /// Keys of its open defects; of a defect, the issues it puts at risk.
    related: Vec<&'a str>,
}

/// A part of a whole.
#[derive(Debug, Serialize, ToSchema)]
struct ReadinessShare {
    /// How many.
    part: usize,
    /// Of how many.
    whole: usize,
    /// The same in percent, rounded down to tenths; none of nothing.
    percent: Option<f64>,
}

/// The measures of a version or a sprint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReadinessMeasures<'a> {
    /// Coverable issues, less the exempt ones.
    issues: usize,
    /// Issues that need no test.
    exempt: usize,
    /// Issues that are not uncovered.
    coverage: ReadinessShare,
    /// Issues whose tests all passed.
    verified: ReadinessShare,
    /// Counted tests with a final result in scope.
    executed: ReadinessShare,
    /// Counted tests that passed, of those with a final result.
    pass_rate: ReadinessShare,
    /// Issues with a failing test.
    failing_issues: usize,
    /// Counted tests that failed or broke.
    failing_tests: usize,
    /// Counted tests without any result in scope.
    never_run_tests: usize,
    /// Unresolved defects of counted tests or of the issues.
    open_defects: OpenDefects<'a>,
    /// How old the results are.
    freshness: Freshness,
    /// Passing issues that depend on a flaky or quarantined test.
    flaky_exposure: ReadinessShare,
    /// Tests whose defect was resolved and that have no later final result.
    retest_queue: usize,
}

/// Unresolved defects.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OpenDefects<'a> {
    /// All of them.
    total: usize,
    /// Blockers and criticals.
    severe: usize,
    /// By priority, the worst first.
    by_priority: Vec<DefectsOfPriority<'a>>,
}

/// Unresolved defects of one priority.
#[derive(Debug, Serialize, ToSchema)]
struct DefectsOfPriority<'a> {
    /// The name of the priority; empty for those without.
    priority: &'a str,
    /// How many there are.
    count: usize,
}

/// How old the results are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Freshness {
    /// When the oldest counting result ended, milliseconds since 1970.
    oldest_ms: Option<i64>,
    /// Tests with a result older than the freshness limit.
    stale: ReadinessShare,
    /// Tests with a result of an older test, or from before the issue changed.
    outdated: ReadinessShare,
}

/// A score from 0 to 100.
#[derive(Debug, Serialize, ToSchema)]
struct ReadinessScore {
    /// The score.
    value: f64,
    /// How it is made.
    formula: &'static str,
    /// What it is made of.
    inputs: Vec<ReadinessScoreInput>,
}

/// A part of the score.
#[derive(Debug, Serialize, ToSchema)]
struct ReadinessScoreInput {
    /// What it measures.
    name: &'static str,
    /// What it weighs.
    weight: f64,
    /// How much of it there is.
    value: ReadinessShare,
}

/// An answer with the issues it speaks of.
#[derive(Debug, Serialize, ToSchema)]
struct ReadinessAnswer<'a> {
    /// The name of the question.
    #[schema(example = "never-run")]
    name: &'static str,
    /// The question.
    question: &'static str,
    /// The answer in one sentence.
    sentence: &'a str,
    /// The issues.
    issues: Vec<ReadinessIssue<'a>>,
}

/// What risks remain.
#[derive(Debug, Serialize, ToSchema)]
struct ReadinessRisks<'a> {
    /// The question.
    question: &'static str,
    /// The answer in one sentence.
    sentence: &'a str,
    /// The risks.
    risks: Vec<ReadinessRisk<'a>>,
}

/// A risk that remains.
#[derive(Debug, Serialize, ToSchema)]
struct ReadinessRisk<'a> {
    /// What kind of risk.
    #[schema(example = "failing")]
    kind: &'static str,
    /// The risk in one sentence.
    sentence: &'a str,
    /// Failing tests, those first that put the most important issues at risk.
    tests: Vec<ReadinessTest<'a>>,
    /// The issues, or the defects, it is about.
    issues: Vec<ReadinessIssue<'a>>,
}

/// A failing test and the issues it puts at risk.
#[derive(Debug, Serialize, ToSchema)]
struct ReadinessTest<'a> {
    /// The key.
    #[schema(example = "SHOP-T12")]
    key: &'a str,
    /// The name.
    name: &'a str,
    /// The issues; the note says how important each is.
    issues: Vec<ReadinessIssue<'a>>,
}

/// How a version or a sprint stood each day.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Trend<'a> {
    /// The project's key.
    project: &'a str,
    /// The version or the sprint.
    #[schema(example = "version:1.4")]
    scope: String,
    /// The days that were kept, the oldest first.
    days: Vec<TrendDay<'a>>,
}

/// How a version or a sprint stood on one day.
#[derive(Debug, Serialize, ToSchema)]
struct TrendDay<'a> {
    /// The day, UTC.
    #[schema(example = "2026-11-24", format = Date)]
    day: String,
    /// The verdict.
    #[schema(schema_with = verdict)]
    verdict: &'static str,
    /// The measures.
    measures: ReadinessMeasures<'a>,
}

/// How a version or a sprint stood each time it came to its end.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Endings<'a> {
    /// The latest first.
    items: Vec<ReadinessEnding<'a>>,
}

/// How a version or a sprint stood when it was released or closed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReadinessEnding<'a> {
    /// When this was worked out, milliseconds since 1970.
    at_ms: i64,
    /// What told of its end.
    cause: &'a str,
    /// The verdict.
    #[schema(schema_with = verdict)]
    verdict: &'static str,
    /// The measures.
    measures: ReadinessMeasures<'a>,
}

impl<'a> Endings<'a> {
    pub fn of(endings: &'a [Ending]) -> Self {
        let item = |ending: &'a Ending| ReadinessEnding {
            at_ms: ending.at_ms,
            cause: &ending.cause,
            verdict: ending.verdict.name(),
            measures: ReadinessMeasures::of(&ending.measures),
        };
        Self {
            items: endings.iter().map(item).collect(),
        }
    }
}

/// The rules of a project's gate.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GateRules<'a> {
    /// The project's key.
    project: &'a str,
    /// Every rule, those that are off too.
    rules: Vec<GateRule>,
}

/// A rule as it is set.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct GateRule {
    /// The rule.
    #[schema(schema_with = rule_name)]
    rule: &'static str,
    /// The rule with its limit, in words.
    text: String,
    /// What it means when it fails.
    #[schema(schema_with = level)]
    level: &'static str,
    /// Its limit: percents, a count, or days.
    limit: f64,
    /// Where that was decided.
    #[schema(schema_with = decided_by)]
    decided_by: &'static str,
}

impl<'a> Readiness<'a> {
    pub fn of(question: &'a Question, report: &'a ReportParts) -> Self {
        let measures = &report.measures;
        Self {
            gate: Gate::of(question, &report.judgement, report.computed_ms),
            measures: ReadinessMeasures::of(measures),
            score: ReadinessScore::of(&Score::of(measures)),
            answers: report
                .answers
                .answers
                .iter()
                .map(|answer| ReadinessAnswer {
                    name: answer.question.name(),
                    question: answer.question.text(),
                    sentence: &answer.sentence,
                    issues: issues(&answer.issues),
                })
                .collect(),
            risks: ReadinessRisks::of(&report.answers),
        }
    }
}

/// A report worked out, to be borrowed from.
pub(super) struct ReportParts {
    measures: Measures,
    judgement: Judgement,
    answers: Answers,
    computed_ms: i64,
}

impl ReportParts {
    pub fn of(report: &Report) -> Self {
        Self {
            measures: report.measures(),
            judgement: report.judgement(),
            answers: report.answers(),
            computed_ms: report.computed_ms,
        }
    }
}

impl<'a> Gate<'a> {
    pub fn of(question: &'a Question, judgement: &'a Judgement, computed_ms: i64) -> Self {
        Self {
            project: &question.project,
            scope: question.target.name(),
            environment: question.environment.as_deref(),
            verdict: judgement.verdict.name(),
            sentence: judgement.sentence(&question.target.to_string()),
            rules: judgement.outcomes.iter().map(GateOutcome::of).collect(),
            computed_ms,
        }
    }
}

impl<'a> GateOutcome<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        Self {
            rule: outcome.rule.code(),
            text: outcome.rule.in_words(outcome.setting.limit),
            level: outcome.setting.level.name(),
            limit: limit(outcome.rule, outcome.setting),
            actual: match outcome.actual {
                Actual::Share(share) => percent(share),
                Actual::Count(count) => u32::try_from(count).ok().map(f64::from),
                Actual::Days(days) => days
                    .and_then(|days| u32::try_from(days).ok())
                    .map(f64::from),
            },
            said: &outcome.said,
            holds: outcome.holds,
            issues: issues(&outcome.issues),
        }
    }
}

impl<'a> ReadinessIssue<'a> {
    fn of(note: &'a IssueNote) -> Self {
        let related = note.related.iter();
        Self {
            key: &note.key,
            summary: &note.summary,
            note: &note.note,
            related: related.map(|other| other.key.as_str()).collect(),
        }
    }
}

impl<'a> ReadinessMeasures<'a> {
    fn of(measures: &'a Measures) -> Self {
        let by_priority = measures.by_priority.iter();
        Self {
            issues: measures.issues,
            exempt: measures.exempt,
            coverage: share(measures.coverage()),
            verified: share(measures.verified()),
            executed: share(measures.executed()),
            pass_rate: share(measures.pass_rate()),
            failing_issues: measures.nok,
            failing_tests: measures.failing,
            never_run_tests: measures.never_run,
            open_defects: OpenDefects {
                total: measures.open_defects,
                severe: measures.severe_defects,
                by_priority: by_priority
                    .map(|(priority, count)| DefectsOfPriority {
                        priority,
                        count: *count,
                    })
                    .collect(),
            },
            freshness: Freshness {
                oldest_ms: measures.oldest_ms,
                stale: share(measures.stale()),
                outdated: share(measures.outdated()),
            },
            flaky_exposure: share(measures.flaky_exposure()),
            retest_queue: measures.retest,
        }
    }
}

impl ReadinessScore {
    fn of(score: &Score) -> Self {
        let inputs = score.inputs.iter().map(|input| ReadinessScoreInput {
            name: input.name,
            weight: f64::from(input.weight) / 100.0,
            value: share(input.value),
        });
        Self {
            value: f64::from(score.tenths) / 10.0,
            formula: Score::FORMULA,
            inputs: inputs.collect(),
        }
    }
}

impl<'a> ReadinessRisks<'a> {
    fn of(answers: &'a Answers) -> Self {
        let risks = answers.risks.iter().map(|risk| ReadinessRisk {
            kind: risk.kind.name(),
            sentence: &risk.sentence,
            tests: risk.tests.iter().map(ReadinessTest::of).collect(),
            issues: issues(&risk.issues),
        });
        Self {
            question: Answers::RISKS,
            sentence: &answers.risks_sentence,
            risks: risks.collect(),
        }
    }
}

impl<'a> ReadinessTest<'a> {
    fn of(test: &'a FailingTest) -> Self {
        Self {
            key: &test.key,
            name: &test.name,
            issues: issues(&test.issues),
        }
    }
}

impl<'a> Trend<'a> {
    pub fn of(question: &'a Question, days: &'a [Day]) -> Self {
        Self {
            project: &question.project,
            scope: question.target.name(),
            days: days
                .iter()
                .map(|day| TrendDay {
                    day: date(day.day),
                    verdict: day.verdict.name(),
                    measures: ReadinessMeasures::of(&day.measures),
                })
                .collect(),
        }
    }
}

impl<'a> GateRules<'a> {
    pub fn of(project: &'a str, decided: &Decided) -> Self {
        let gate = decided.gate();
        let rules = RuleName::ALL.into_iter().map(|rule| {
            let setting = gate.setting(rule);
            GateRule {
                rule: rule.code(),
                text: rule.in_words(setting.limit),
                level: setting.level.name(),
                limit: limit(rule, setting),
                decided_by: match (decided.project.decided(rule), decided.site.decided(rule)) {
                    (Some(_), _) => "project",
                    (None, Some(_)) => "site",
                    (None, None) => "default",
                },
            }
        });
        Self {
            project,
            rules: rules.collect(),
        }
    }
}

fn issues(notes: &[IssueNote]) -> Vec<ReadinessIssue<'_>> {
    notes.iter().map(ReadinessIssue::of).collect()
}

fn share(ratio: Ratio) -> ReadinessShare {
    ReadinessShare {
        part: ratio.part,
        whole: ratio.whole,
        percent: percent(ratio),
    }
}

fn percent(ratio: Ratio) -> Option<f64> {
    ratio.per_mille().map(|tenths| f64::from(tenths) / 10.0)
}

fn limit(rule: RuleName, setting: RuleSetting) -> f64 {
    let limit = f64::from(setting.limit);
    match rule.unit() {
        Unit::AtLeastPerMille | Unit::AtMostPerMille => limit / 10.0,
        Unit::AtLeast | Unit::AtMost | Unit::AtMostDays => limit,
    }
}

/// The day as a date.
fn date(day: i64) -> String {
    let at = Timestamp::from_millisecond(day.saturating_mul(DAY_MS)).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).date().to_string()
}

fn verdict() -> Object {
    one_of(Verdict::ALL.map(Verdict::name))
}

pub(super) fn rule_name() -> Object {
    one_of(RuleName::ALL.map(RuleName::code))
}

pub(super) fn level() -> Object {
    one_of(Level::ALL.map(Level::name))
}

fn decided_by() -> Object {
    one_of(["project", "site", "default"])
}
