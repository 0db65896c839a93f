//! Robot Framework's `output.json`, written since version 7.2, and a suite alone.
//!
//! What was run is passed over; the status of a test says how it went. As in `output.xml`, a failed
//! tear-down of a suite fails every test below it, and a skipped one skips them.

use serde::Deserialize;

use super::case::Case;
use super::collect::Collector;
use super::error::ReadError;
use super::json::{self, List, Number, Text};
use super::limits::Limits;
use super::model::Report;
use super::suites::{CasePlace, SuiteStart, Suites};
use super::text::{Capped, first_line, one_line, shortened};
use super::when::instant_ms;
use super::xml::Source;
use crate::domain::run::RunStatus;

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Document<'a> {
    #[serde(borrow)]
    suite: Option<Suite<'a>>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Suite<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    suites: List<Self>,
    #[serde(borrow)]
    tests: List<Test<'a>>,
    #[serde(borrow)]
    teardown: Option<Keyword<'a>>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Keyword<'a> {
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Test<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    doc: Text<'a>,
    #[serde(borrow)]
    tags: List<Text<'a>>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow)]
    start_time: Text<'a>,
    elapsed_time: Number,
}

/// Reads a document known to be Robot Framework's; `warnings` are those of the decoding.
pub fn read(text: &str, limits: &Limits, warnings: Vec<String>) -> Result<Report, ReadError> {
    let document: Document<'_> = json::parse(text)?;
    let suite = match document.suite {
        Some(suite) => suite,
        None => json::parse(text)?,
    };
    let source = Source::new(text, limits);
    let mut reading = Reading {
        source: &source,
        found: Collector::new(&source, warnings),
        suites: Suites::default(),
        at: 0,
        done: Vec::new(),
    };
    reading.suite(&suite)?;
    for (case, place) in std::mem::take(&mut reading.done) {
        reading.found.add(case, place)?;
    }
    Ok(reading.found.finish())
}

struct Reading<'a> {
    source: &'a Source<'a>,
    found: Collector<'a>,
    suites: Suites,
    at: usize,
    done: Vec<(Case, CasePlace)>,
}

impl Reading<'_> {
    /// A suite with those in it; they stand no deeper than [`Limits::depth`] allows.
    fn suite(&mut self, suite: &Suite<'_>) -> Result<(), ReadError> {
        self.at = json::offset(self.source.text, suite.name.get()).unwrap_or(self.at);
        let start = SuiteStart {
            at: self.at,
            name: one_line(suite.name.or_empty()),
            ..SuiteStart::default()
        };
        self.suites.enter(start, self.source)?;
        let first = self.done.len();
        for inner in &suite.suites.0 {
            self.suite(inner)?;
        }
        for test in &suite.tests.0 {
            self.test(test)?;
        }
        if let Some(teardown) = &suite.teardown {
            self.tear_down(teardown, first);
        }
        self.suites.close(&mut self.found.warnings);
        Ok(())
    }

    fn test(&mut self, test: &Test<'_>) -> Result<(), ReadError> {
        let limits = self.source.limits;
        self.at = json::offset(self.source.text, test.name.get()).unwrap_or(self.at);
        let mut case = Case::new(self.at, status(test.status.or_empty()));
        case.name = one_line(test.name.or_empty());
        case.explain(test.message.get(), None, limits);
        let mut doc = Capped::default();
        doc.push(test.doc.or_empty(), limits.details_bytes);
        case.description = doc.finish();
        for tag in test.tags.0.iter().filter_map(Text::get) {
            case.tag(shortened(&one_line(tag), limits.line_chars), limits);
        }
        case.started_ms = test.start_time.get().and_then(instant_ms);
        case.duration_ms = test.elapsed_time.scaled(1000.0);
        let place = self.suites.place_case(self.at, self.source)?;
        self.done.push((case, place));
        Ok(())
    }

    fn tear_down(&mut self, teardown: &Keyword<'_>, first: usize) {
        let status = status(teardown.status.or_empty());
        let word = match (status, teardown.status.or_empty()) {
            (RunStatus::Failed, _) => "failed",
            (RunStatus::Skipped, "SKIP") => "was skipped",
            _ => return,
        };
        let why = (teardown.message.get())
            .and_then(|why| first_line(why, 200))
            .unwrap_or_else(|| "it does not say why".to_owned());
        for (case, _) in self.done.iter_mut().skip(first) {
            if case.status == RunStatus::Skipped {
                continue;
            }
            if case.status != RunStatus::Failed || status == RunStatus::Skipped {
                case.message = Some(format!(
                    "the tear-down of a suite around this test {word}: {why}"
                ));
            }
            case.status = status;
        }
    }
}

fn status(word: &str) -> RunStatus {
    match word {
        "PASS" => RunStatus::Passed,
        "FAIL" => RunStatus::Failed,
        "SKIP" | "NOT RUN" | "NOT_RUN" => RunStatus::Skipped,
        _ => RunStatus::Unknown,
    }
}
