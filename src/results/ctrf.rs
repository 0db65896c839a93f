//! CTRF, the Common Test Report Format (`reference/test-management.md` section 11).
//!
//! The summary is not believed, the tests are counted. Retries that the file only counts become
//! attempts of which no more is known than that they failed.

use serde::Deserialize;

use super::case::Case;
use super::collect::Collector;
use super::error::ReadError;
use super::json::{self, List, Number, Text};
use super::limits::Limits;
use super::model::{Attempt, Report};
use super::suites::{SuiteStart, Suites};
use super::text::{first_line, one_line, shortened};
use super::xml::Source;
use crate::domain::run::RunStatus;

/// Attempts made up of a number of retries, and kept of a list of them.
const ATTEMPTS: usize = 20;

#[derive(Debug, Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    results: Results<'a>,
}

#[derive(Debug, Deserialize)]
struct Results<'a> {
    #[serde(borrow)]
    tests: List<Test<'a>>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Test<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    duration: Number,
    start: Number,
    stop: Number,
    #[serde(borrow)]
    suite: Suite<'a>,
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow)]
    trace: Text<'a>,
    #[serde(borrow)]
    tags: List<Text<'a>>,
    #[serde(borrow)]
    stdout: List<Text<'a>>,
    #[serde(borrow)]
    stderr: List<Text<'a>>,
    #[serde(borrow)]
    flaky: Text<'a>,
    retries: Number,
    #[serde(borrow)]
    retry_attempts: List<Retry<'a>>,
}

/// The suite: one text in old versions, the names from the outermost on since 1.0.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Suite<'a> {
    #[serde(borrow)]
    Names(Vec<Text<'a>>),
    #[serde(borrow)]
    Text(Text<'a>),
}

impl Default for Suite<'_> {
    fn default() -> Self {
        Self::Names(Vec::new())
    }
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Retry<'a> {
    attempt: Number,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow)]
    trace: Text<'a>,
}

/// Reads a document known to be CTRF; `warnings` are those of the decoding.
pub fn read(text: &str, limits: &Limits, warnings: Vec<String>) -> Result<Report, ReadError> {
    let document: Document<'_> = json::parse(text)?;
    let source = Source::new(text, limits);
    let mut found = Collector::new(&source, warnings);
    let mut at = 0;
    for test in document.results.tests.0 {
        at = json::offset(text, test.name.get()).unwrap_or(at);
        let mut suites = Suites::default();
        let start = SuiteStart {
            at,
            name: test.suite.path(),
            ..SuiteStart::default()
        };
        suites.enter(start, &source)?;
        let place = suites.place_case(at, &source)?;
        found.add(case(&test, at, limits), place)?;
    }
    Ok(found.finish())
}

impl Suite<'_> {
    fn path(&self) -> String {
        let names: Vec<String> = match self {
            Self::Names(names) => names.iter().filter_map(Text::get).map(one_line).collect(),
            Self::Text(text) => vec![one_line(text.or_empty())],
        };
        names.join(" > ")
    }
}

fn case(test: &Test<'_>, at: usize, limits: &Limits) -> Case {
    let mut case = Case::new(at, status(test.status.or_empty()));
    case.name = one_line(test.name.or_empty());
    case.explain(test.message.get(), test.trace.get(), limits);
    for text in test
        .stdout
        .0
        .iter()
        .chain(&test.stderr.0)
        .filter_map(Text::get)
    {
        case.print(text, limits);
    }
    for tag in test.tags.0.iter().filter_map(Text::get) {
        case.tag(shortened(tag, limits.line_chars), limits);
    }
    case.started_ms = test.start.scaled(1.0).filter(|ms| *ms > 0);
    case.finished_ms = test.stop.scaled(1.0).filter(|ms| *ms > 0);
    case.duration_ms = test.duration.scaled(1.0);
    case.before = before(test, case.status, limits);
    case
}

/// The attempts before the one that decided.
fn before(test: &Test<'_>, status: RunStatus, limits: &Limits) -> Vec<Attempt> {
    let mut listed: Vec<&Retry<'_>> = test.retry_attempts.0.iter().collect();
    listed.sort_by(|a, b| f64::total_cmp(&a.attempt.0.unwrap_or(0.0), &b.attempt.0.unwrap_or(0.0)));
    // The list ends with the attempt that decided, in files of most writers.
    if listed
        .last()
        .is_some_and(|last| self::status(last.status.or_empty()) == status)
    {
        listed.pop();
    }
    if !listed.is_empty() {
        let attempt = |retry: &&Retry<'_>| Attempt {
            message: retry
                .message
                .get()
                .and_then(|text| first_line(text, limits.line_chars)),
            details: retry
                .trace
                .get()
                .map(|text| shortened(text, limits.line_chars)),
            ..Attempt::of(self::status(retry.status.or_empty()))
        };
        return listed.iter().take(ATTEMPTS).map(attempt).collect();
    }
    let is_bad = matches!(status, RunStatus::Failed | RunStatus::Error);
    let is_flaky = status == RunStatus::Passed && test.flaky.get() != Some("false");
    let count = match (test.retries.scaled(1.0), test.flaky.get()) {
        (Some(count), _) if count > 0 && (is_bad || is_flaky) => count,
        (_, Some("true")) if is_flaky => 1,
        _ => 0,
    };
    let count = usize::try_from(count).unwrap_or(ATTEMPTS).min(ATTEMPTS);
    vec![Attempt::of(RunStatus::Failed); count]
}

fn status(word: &str) -> RunStatus {
    match word {
        "passed" => RunStatus::Passed,
        "failed" => RunStatus::Failed,
        // What runners call pending is left out on purpose, as `xit` does.
        "skipped" | "pending" => RunStatus::Skipped,
        _ => RunStatus::Unknown,
    }
}
