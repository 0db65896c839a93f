//! Robot Framework's `output.xml`, of every layout since version 2.
//!
//! What was logged is passed over, but for the messages of failed keywords where the test's status
//! says nothing. A failed tear-down of a suite fails every test below it, a skipped one skips them
//! (skipped tests stay skipped): the tear-down stands behind the tests, so results wait for the end.

use super::case::Case;
use super::collect::Collector;
use super::error::{Fault, ReadError};
use super::limits::Limits;
use super::model::Report;
use super::suites::{CasePlace, SuiteStart, Suites};
use super::text::{Capped, first_line, one_line, shortened};
use super::when::{duration_ms, instant_ms};
use super::xml::{Element, Source, Token, Xml};
use crate::domain::run::RunStatus;

/// Reads a document whose root is known to be Robot Framework's; `warnings` are those of the
/// decoding.
pub fn read(text: &str, limits: &Limits, warnings: Vec<String>) -> Result<Report, ReadError> {
    let source = Source::new(text, limits);
    let mut xml = Xml::new(&source);
    let mut reading = Reading {
        source: &source,
        found: Collector::new(&source, warnings),
        suites: Suites::default(),
        open: Vec::new(),
        firsts: Vec::new(),
        done: Vec::new(),
        test: None,
        text: Capped::default(),
        teardown: None,
        is_ancient: false,
    };
    loop {
        match xml.next()? {
            Token::Open(element) => reading.open(&element)?,
            Token::Text(text) => reading.take_text(&text),
            Token::Close => reading.close(),
            Token::End => return reading.finish(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Suite,
    Test,
    /// What was run: keywords, loops, branches, with or without a test around.
    Body,
    /// The tear-down of a suite.
    Teardown,
    /// Around the tags of a test.
    Tags,
    Tag,
    Doc,
    TestStatus,
    TeardownStatus,
    /// A message that a failed keyword logged.
    Failure,
    Other,
}

/// A test that is being read.
struct Test {
    case: Case,
    place: CasePlace,
    /// What failed keywords logged.
    failures: Capped,
}

struct Reading<'a> {
    source: &'a Source<'a>,
    found: Collector<'a>,
    suites: Suites,
    open: Vec<Place>,
    /// For each open suite, how many tests stood before it.
    firsts: Vec<usize>,
    done: Vec<(Case, CasePlace)>,
    test: Option<Test>,
    /// The text of the innermost place that wants it.
    text: Capped,
    /// How the tear-down that is open ended.
    teardown: Option<RunStatus>,
    /// Whether this is a layout of before version 2.7.
    is_ancient: bool,
}

impl Reading<'_> {
    fn open(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        use Place::{Body, Suite, Tags, Teardown};
        let name = element.name();
        let place = match (self.open.last(), name) {
            (Some(Suite | Place::Other), "suite") => self.open_suite(element)?,
            (Some(Suite), "test" | "task") => self.open_test(element)?,
            (Some(Suite | Place::Test | Body | Teardown), "kw") => self.open_keyword(element)?,
            (Some(Place::Test), "tags") => checked(element, Tags)?,
            (Some(Place::Test | Tags), "tag") => self.open_text(element, Place::Tag)?,
            (Some(Place::Test), "doc") => self.open_text(element, Place::Doc)?,
            (Some(Place::Test), "status") => self.open_test_status(element)?,
            (Some(Teardown), "status") => self.open_teardown_status(element)?,
            (Some(Body | Teardown), "msg") if self.test.is_some() => self.open_message(element)?,
            (Some(Place::Test | Body | Teardown), _)
            | (Some(Place::Other), "statistics" | "errors") => checked(element, Body)?,
            _ => checked(element, Place::Other)?,
        };
        self.open.push(place);
        Ok(())
    }

    fn open_suite(&mut self, element: &Element<'_>) -> Result<Place, ReadError> {
        let mut start = SuiteStart {
            at: element.at,
            ..SuiteStart::default()
        };
        element.each_attribute(|attribute| {
            if attribute.name == "name" {
                start.name = one_line(&attribute.value);
            }
        })?;
        self.firsts.push(self.done.len());
        self.suites.enter(start, self.source)?;
        Ok(Place::Suite)
    }

    fn open_test(&mut self, element: &Element<'_>) -> Result<Place, ReadError> {
        let limit = self.source.limits.cases;
        if self.done.len() >= limit {
            let what = "test cases in one file";
            return Err(self.source.fault(element.at, Fault::Limit { what, limit }));
        }
        let mut case = Case::new(element.at, RunStatus::Unknown);
        element.each_attribute(|attribute| {
            if attribute.name == "name" {
                case.name = one_line(&attribute.value);
            }
        })?;
        self.test = Some(Test {
            case,
            place: self.suites.place_case(element.at, self.source)?,
            failures: Capped::default(),
        });
        Ok(Place::Test)
    }

    /// The set-up and tear-down of a suite are keywords in it; `type` was lower case before version 4.
    ///
    /// Before version 2.7 every keyword had a type. Robot Framework itself no longer reads that
    /// layout, and there a test is taken at its word.
    fn open_keyword(&mut self, element: &Element<'_>) -> Result<Place, ReadError> {
        let mut kind = String::new();
        element.each_attribute(|attribute| {
            if attribute.name == "type" {
                kind = attribute.value.to_ascii_lowercase();
            }
        })?;
        self.is_ancient |= kind == "kw";
        let is_teardown = self.open.last() == Some(&Place::Suite) && kind == "teardown";
        Ok(if is_teardown && !self.is_ancient {
            Place::Teardown
        } else {
            Place::Body
        })
    }

    fn open_text(&mut self, element: &Element<'_>, place: Place) -> Result<Place, ReadError> {
        self.text = Capped::default();
        checked(element, place)
    }

    /// `start` and `elapsed` in seconds since version 7, `starttime` and `endtime` before.
    fn open_test_status(&mut self, element: &Element<'_>) -> Result<Place, ReadError> {
        let Some(Test { case, .. }) = &mut self.test else {
            return checked(element, Place::Other);
        };
        let mut elapsed = None;
        element.each_attribute(|attribute| match attribute.name {
            "status" => case.status = status(&attribute.value),
            "start" | "starttime" => case.started_ms = instant(&attribute.value),
            "end" | "endtime" => case.finished_ms = instant(&attribute.value),
            "elapsed" | "elapsedtime" => elapsed = duration_ms(&attribute.value),
            _ => {}
        })?;
        let between = || Some(case.finished_ms?.saturating_sub(case.started_ms?));
        case.duration_ms = elapsed.or_else(between).filter(|ms| *ms >= 0);
        self.open_text(element, Place::TestStatus)
    }

    fn open_teardown_status(&mut self, element: &Element<'_>) -> Result<Place, ReadError> {
        element.each_attribute(|attribute| {
            if attribute.name == "status" {
                self.teardown = Some(status(&attribute.value));
            }
        })?;
        self.open_text(element, Place::TeardownStatus)
    }

    fn open_message(&mut self, element: &Element<'_>) -> Result<Place, ReadError> {
        let mut is_failure = false;
        element.each_attribute(|attribute| {
            is_failure |= attribute.name == "level" && attribute.value == "FAIL";
        })?;
        let place = if is_failure {
            Place::Failure
        } else {
            Place::Other
        };
        self.open_text(element, place)
    }

    fn take_text(&mut self, text: &str) {
        let wants = [
            Place::Tag,
            Place::Doc,
            Place::TestStatus,
            Place::TeardownStatus,
            Place::Failure,
        ];
        if self.open.last().is_some_and(|place| wants.contains(place)) {
            self.text.push(text, self.source.limits.details_bytes);
        }
    }

    fn close(&mut self) {
        let place = self.open.pop();
        let limits = self.source.limits;
        match place {
            Some(Place::Suite) => {
                self.firsts.pop();
                self.suites.close(&mut self.found.warnings);
            }
            Some(Place::Test) => self.close_test(),
            Some(Place::TeardownStatus) => self.close_teardown(),
            Some(Place::Tag | Place::Doc | Place::TestStatus | Place::Failure) => {
                let text = std::mem::take(&mut self.text);
                let (Some(test), Some(text)) = (&mut self.test, text.finish()) else {
                    return;
                };
                match place {
                    Some(Place::Tag) => {
                        let tag = shortened(&one_line(&text), limits.line_chars);
                        test.case.tag(tag, limits);
                    }
                    Some(Place::Doc) => test.case.description = Some(text),
                    Some(Place::TestStatus) => test.case.explain(Some(&text), None, limits),
                    _ => {
                        test.failures.separate(limits.details_bytes);
                        test.failures.push(&text, limits.details_bytes);
                    }
                }
            }
            _ => {}
        }
    }

    fn close_test(&mut self) {
        let Some(mut test) = self.test.take() else {
            return;
        };
        let is_bad = test.case.status == RunStatus::Failed;
        if let Some(text) = test.failures.finish().filter(|_| is_bad)
            && test.case.message.is_none()
        {
            test.case.explain(Some(&text), None, self.source.limits);
        }
        self.done.push((test.case, test.place));
    }

    fn close_teardown(&mut self) {
        let why = std::mem::take(&mut self.text).finish();
        let (Some(status), Some(first)) = (self.teardown.take(), self.firsts.last()) else {
            return;
        };
        let word = match status {
            RunStatus::Failed => "failed",
            RunStatus::Skipped => "was skipped",
            _ => return,
        };
        // Every test below gets a copy, so it is a short one.
        let why = why.as_deref().map_or_else(
            || "it does not say why".to_owned(),
            |why| first_line(why, 200).unwrap_or_default(),
        );
        let below = self.done.iter_mut().skip(*first);
        for (case, _) in below.filter(|(case, _)| case.status != RunStatus::Skipped) {
            if case.status != RunStatus::Failed || status == RunStatus::Skipped {
                case.message = Some(format!(
                    "the tear-down of a suite around this test {word}: {why}"
                ));
            }
            case.status = status;
        }
    }

    fn finish(mut self) -> Result<Report, ReadError> {
        for (case, place) in std::mem::take(&mut self.done) {
            self.found.add(case, place)?;
        }
        Ok(self.found.finish())
    }
}

fn checked(element: &Element<'_>, place: Place) -> Result<Place, ReadError> {
    element.check().map(|()| place)
}

fn status(word: &str) -> RunStatus {
    match word {
        "PASS" => RunStatus::Passed,
        "FAIL" => RunStatus::Failed,
        "SKIP" | "NOT RUN" | "NOT_RUN" => RunStatus::Skipped,
        _ => RunStatus::Unknown,
    }
}

/// `20260131 12:00:00.000` before version 7, ISO 8601 since; `N/A` is nothing.
fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.split_once(' ') {
        Some((day, time)) if day.len() == 8 && day.is_ascii() => {
            let (year, rest) = day.split_at_checked(4)?;
            let (month, day) = rest.split_at_checked(2)?;
            instant_ms(&format!("{year}-{month}-{day}T{time}"))
        }
        _ => instant_ms(text),
    }
}
