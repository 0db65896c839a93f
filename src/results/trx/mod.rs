//! TRX, what `dotnet test` and Visual Studio write (`TestRun`).
//!
//! Results come first and say which test they belong to; what that test is called stands in
//! `TestDefinitions` behind them, so names are given at the end. A data-driven test has a result
//! around those of its rows: only the rows count.

mod definition;

use std::collections::HashMap;

use super::case::Case;
use super::collect::Collector;
use super::error::{Fault, ReadError};
use super::limits::Limits;
use super::model::Report;
use super::suites::{SuiteStart, Suites};
use super::text::{first_line, one_line, shortened};
use super::when::instant_ms;
use super::xml::{Element, Record, Source, Token, Xml};
use crate::domain::run::RunStatus;
use definition::Definition;

/// Reads a document whose root is known to be TRX's; `warnings` are those of the decoding.
pub fn read(text: &str, limits: &Limits, warnings: Vec<String>) -> Result<Report, ReadError> {
    let source = Source::new(text, limits);
    let mut reading = Reading {
        source: &source,
        xml: Xml::new(&source),
        found: Collector::new(&source, warnings),
        open: Vec::new(),
        results: Vec::new(),
        current: None,
        definitions: HashMap::new(),
        began_ms: None,
    };
    loop {
        match reading.xml.next()? {
            Token::Open(element) => reading.open(&element)?,
            Token::Close => reading.close(),
            Token::Text(_) => {}
            Token::End => return reading.finish(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Results,
    Result,
    Definitions,
    Other,
}

/// A result, of a test or around others.
#[derive(Debug)]
pub struct Found {
    case: Case,
    test: String,
    name: String,
    around: Option<usize>,
    /// How many results stand directly inside.
    inside: usize,
}

struct Reading<'a> {
    source: &'a Source<'a>,
    xml: Xml<'a>,
    found: Collector<'a>,
    open: Vec<Place>,
    results: Vec<Found>,
    /// The innermost open result.
    current: Option<usize>,
    definitions: HashMap<String, Definition>,
    began_ms: Option<i64>,
}

impl Reading<'_> {
    fn open(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        let name = element.name();
        let place = match (self.open.last(), name) {
            (Some(Place::Results | Place::Result), _) if is_result(name) => {
                self.open_result(element)?;
                Place::Result
            }
            (Some(Place::Result), "Output") => return self.take_output(element),
            (Some(Place::Definitions), _) => {
                let record = Record::read(&mut self.xml, element, self.source)?;
                if let Some(id) = record.attribute("id") {
                    let definition = Definition::of(&record, self.source.limits);
                    self.definitions.insert(id.to_ascii_lowercase(), definition);
                }
                return Ok(());
            }
            (Some(Place::Result), "InnerResults") | (_, "Results") => {
                checked(element, Place::Results)?
            }
            (_, "TestDefinitions") => checked(element, Place::Definitions)?,
            (_, "RunInfo") => return self.take_run_info(element),
            (_, "Times") => {
                element.each_attribute(|attribute| {
                    if attribute.name == "start" {
                        self.began_ms = instant_ms(&attribute.value);
                    }
                })?;
                Place::Other
            }
            (_, "ResultSummary") => {
                self.take_summary(element)?;
                Place::Other
            }
            _ => checked(element, Place::Other)?,
        };
        self.open.push(place);
        Ok(())
    }

    fn close(&mut self) {
        if self.open.pop() == Some(Place::Result) {
            let result = self.current.and_then(|index| self.results.get(index));
            self.current = result.and_then(|result| result.around);
        }
    }

    fn open_result(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        let limit = self.source.limits.cases;
        if self.results.len() >= limit {
            let what = "test results in one file";
            return Err(self.source.fault(element.at, Fault::Limit { what, limit }));
        }
        let mut result = Found {
            case: Case::new(element.at, RunStatus::Error),
            test: String::new(),
            name: String::new(),
            around: self.current,
            inside: 0,
        };
        let (mut start, mut end, mut took) = (None, None, None);
        element.each_attribute(|attribute| {
            let value = attribute.value.trim();
            match attribute.name {
                "testId" => result.test = value.to_ascii_lowercase(),
                "testName" => result.name = one_line(value),
                "outcome" => result.case.status = outcome(value),
                "startTime" => start = Some(value.to_owned()),
                "endTime" => end = Some(value.to_owned()),
                "duration" => took = Some(value.to_owned()),
                _ => {}
            }
        })?;
        let at = element.at;
        result.case.started_ms = self.found.instant(at, start.as_deref());
        result.case.finished_ms = self.found.instant(at, end.as_deref());
        result.case.duration_ms = self.found.duration(at, took.as_deref());
        if let Some(around) = self.current.and_then(|index| self.results.get_mut(index)) {
            around.inside += 1;
        }
        self.current = Some(self.results.len());
        self.results.push(result);
        Ok(())
    }

    fn take_output(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        let record = Record::read(&mut self.xml, element, self.source)?;
        let limits = self.source.limits;
        let current = self.current.and_then(|index| self.results.get_mut(index));
        let Some(Found { case, .. }) = current else {
            return Ok(());
        };
        if let Some(why) = record.child("ErrorInfo") {
            case.explain(why.text_of("Message"), why.text_of("StackTrace"), limits);
        }
        let said = ["StdOut", "StdErr", "DebugTrace"].map(|name| record.text_of(name));
        let messages = record
            .children("TextMessages")
            .flat_map(|list| list.children("Message"));
        for text in said
            .into_iter()
            .flatten()
            .chain(messages.filter_map(Record::text))
        {
            case.print(text, limits);
        }
        Ok(())
    }

    /// What the runner says about the run as a whole.
    fn take_run_info(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        let record = Record::read(&mut self.xml, element, self.source)?;
        let is_bad = matches!(
            record.attribute("outcome"),
            Some("Error" | "Failed" | "Aborted")
        );
        let text = record
            .text_of("Text")
            .and_then(|text| first_line(text, 300));
        if let Some(text) = text.filter(|_| is_bad) {
            self.found
                .warnings
                .at(record.at, || format!("the test runner says: {text}"));
        }
        Ok(())
    }

    fn take_summary(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        let mut outcome = String::new();
        element.each_attribute(|attribute| {
            if attribute.name == "outcome" {
                outcome = attribute.value.into_owned();
            }
        })?;
        if matches!(
            outcome.as_str(),
            "Aborted" | "Timeout" | "Disconnected" | "InProgress"
        ) {
            let word = outcome.to_lowercase();
            self.found.incomplete = Some(format!("the test run did not end: {word}"));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Report, ReadError> {
        self.warn_of_failed_parents();
        let mut suites = Suites::default();
        let results = std::mem::take(&mut self.results);
        let names: Vec<_> = (0..results.len())
            .map(|index| self.defined(&results, index))
            .collect();
        for (mut result, (id, is_row)) in results.into_iter().zip(names) {
            if result.inside > 0 {
                continue;
            }
            let none = Definition::default();
            let definition = id.and_then(|id| self.definitions.get(&id)).unwrap_or(&none);
            let at = result.case.at;
            suites.spend(definition.bytes(), at, self.source)?;
            let start = SuiteStart {
                at,
                name: definition.storage.clone(),
                started_ms: self.began_ms,
                ..SuiteStart::default()
            };
            suites.enter(start, self.source)?;
            let place = suites.place_case(at, self.source)?;
            suites.close(&mut self.found.warnings);
            let warnings = &mut self.found.warnings;
            definition.give(
                &mut result.case,
                &result.name,
                is_row,
                self.source.limits,
                warnings,
            );
            self.found.add(result.case, place)?;
        }
        Ok(self.found.finish())
    }

    /// The test that a result belongs to, its own or that of the nearest result around it, and
    /// whether it is one of several rows of it.
    fn defined(&self, results: &[Found], index: usize) -> (Option<String>, bool) {
        let above = |index: usize| results.get(index).and_then(|result| result.around);
        let line = std::iter::successors(Some(index), |index| above(*index));
        let mut tests = line
            .filter_map(|index| results.get(index))
            .map(|result| &result.test);
        let own = results.get(index).map(|result| &result.test);
        let Some(test) = tests.find(|test| self.definitions.contains_key(*test)) else {
            return (None, false);
        };
        let is_row = own != Some(test) || tests.any(|around| around == test);
        (Some(test.clone()), is_row)
    }

    /// Rows may pass where what was around them failed: a set-up, a clean-up.
    fn warn_of_failed_parents(&mut self) {
        let is_bad = |status| matches!(status, RunStatus::Failed | RunStatus::Error);
        let mut has_bad_row = vec![false; self.results.len()];
        for (index, result) in self.results.iter().enumerate().rev() {
            let is_leaf = result.inside == 0;
            let bad =
                has_bad_row.get(index) == Some(&true) || (is_leaf && is_bad(result.case.status));
            if let Some(around) = result.around.and_then(|index| has_bad_row.get_mut(index)) {
                *around |= bad;
            }
            if !is_leaf && !bad && is_bad(result.case.status) {
                let name = shortened(&result.name, 100);
                self.found.warnings.at(result.case.at, || {
                    format!("{name:?} failed although none of its rows did; the rows were counted")
                });
            }
        }
    }
}

/// `UnitTestResult`, `WebTestResult`, `TestResultAggregation`, …
fn is_result(name: &str) -> bool {
    name.ends_with("Result") || name == "TestResultAggregation"
}

fn checked(element: &Element<'_>, place: Place) -> Result<Place, ReadError> {
    element.check().map(|()| place)
}

/// A result without an outcome is an error; so is every way of not getting to an end.
fn outcome(word: &str) -> RunStatus {
    match word {
        "Passed" | "PassedButRunAborted" | "Completed" | "Warning" => RunStatus::Passed,
        "Failed" => RunStatus::Failed,
        "NotExecuted" | "NotRunnable" => RunStatus::Skipped,
        "InProgress" => RunStatus::Executing,
        "Pending" => RunStatus::Pending,
        "Inconclusive" => RunStatus::Unknown,
        _ => RunStatus::Error,
    }
}
