//! `NUnit` 2 (`test-results`) and `NUnit` 3 (`test-run`).
//!
//! Both nest suites of many kinds around cases; a parameterised method is a suite as well, and its
//! cases are the rows of one test. Totals are never believed, the cases are counted.

use super::case::{Case, dotted, without_arguments};
use super::collect::Collector;
use super::error::ReadError;
use super::limits::Limits;
use super::model::Report;
use super::suites::{SuiteStart, Suites};
use super::text::{one_line, shortened};
use super::when::instant_ms;
use super::xml::{Element, Record, Source, Token, Xml};
use crate::domain::run::RunStatus;

/// Suites that stand for one method and its rows.
const METHODS: [&str; 3] = ["ParameterizedMethod", "ParameterizedTest", "Theory"];

/// Reads a document whose root is known to be `NUnit`'s; `warnings` are those of the decoding.
pub fn read(text: &str, limits: &Limits, warnings: Vec<String>) -> Result<Report, ReadError> {
    let source = Source::new(text, limits);
    let mut reading = Reading {
        source: &source,
        xml: Xml::new(&source),
        found: Collector::new(&source, warnings),
        suites: Suites::default(),
        open: Vec::new(),
        began_ms: None,
    };
    loop {
        match reading.xml.next()? {
            Token::Open(element) => reading.open(&element)?,
            Token::Close => reading.close(),
            Token::Text(_) => {}
            Token::End => return Ok(reading.found.finish()),
        }
    }
}

struct Reading<'a> {
    source: &'a Source<'a>,
    xml: Xml<'a>,
    found: Collector<'a>,
    suites: Suites,
    /// For each open element, whether it is a suite.
    open: Vec<bool>,
    /// When the whole run began.
    began_ms: Option<i64>,
}

impl Reading<'_> {
    fn open(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        match element.name() {
            "test-suite" => self.open_suite(element)?,
            "test-case" => self.take_case(element)?,
            "properties" | "categories" => {
                let record = Record::read(&mut self.xml, element, self.source)?;
                self.take_annotations(&record);
            }
            name => {
                if self.open.is_empty() {
                    self.take_root(name, element)?;
                } else {
                    element.check()?;
                }
                self.open.push(false);
            }
        }
        Ok(())
    }

    fn close(&mut self) {
        if self.open.pop() == Some(true) {
            self.suites.close(&mut self.found.warnings);
        }
    }

    /// The root says when all of it began: `NUnit` 2 in two attributes, of local time.
    fn take_root(&mut self, name: &str, element: &Element<'_>) -> Result<(), ReadError> {
        let (mut start, mut date, mut time) = (None, String::new(), String::new());
        element.each_attribute(|attribute| match attribute.name {
            "start-time" => start = Some(attribute.value.into_owned()),
            "date" => date = attribute.value.into_owned(),
            "time" => time = attribute.value.into_owned(),
            _ => {}
        })?;
        self.began_ms = match start {
            Some(start) => self.found.instant(element.at, Some(&start)),
            None if name == "test-results" => instant_ms(&format!("{date}T{time}")),
            None => None,
        };
        Ok(())
    }

    fn open_suite(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        let (mut kind, mut result, mut site) = (String::new(), String::new(), String::new());
        let mut start = SuiteStart {
            at: element.at,
            started_ms: self.began_ms,
            ..SuiteStart::default()
        };
        element.each_attribute(|attribute| match attribute.name {
            "name" => start.name = one_line(&attribute.value),
            "type" => kind = attribute.value.into_owned(),
            "result" => result = attribute.value.into_owned(),
            "site" => site = attribute.value.into_owned(),
            "start-time" => start.started_ms = instant_ms(&attribute.value).or(start.started_ms),
            _ => {}
        })?;
        let what = match site.as_str() {
            "SetUp" => "set-up",
            "TearDown" => "tear-down",
            _ => "",
        };
        if !what.is_empty() && result.starts_with("Failed") {
            let suite = shortened(&start.name, 100);
            self.found.warnings.at(element.at, || {
                format!("the {what} of the suite {suite:?} failed")
            });
        }
        match kind.as_str() {
            kind if METHODS.contains(&kind) => start.name.clear(),
            "Assembly" | "Project" | "Test Project" => {
                start.name = last_part(&start.name);
            }
            _ => {}
        }
        self.open.push(true);
        self.suites.enter(start, self.source)
    }

    /// Properties and categories of the innermost suite.
    fn take_annotations(&mut self, record: &Record) {
        let limits = self.source.limits;
        for (name, value) in annotations(record) {
            match name.to_ascii_lowercase().as_str() {
                "requirement" | "requirements" => {
                    let suites = &mut self.suites;
                    super::annotations::take_requirements(
                        value,
                        record.at,
                        &mut self.found.warnings,
                        |found| suites.add_requirement(found, limits),
                    );
                }
                "category" => {
                    let label = shortened(&one_line(value), limits.line_chars);
                    self.suites.add_tag(label, limits);
                }
                _ => {}
            }
        }
    }

    fn take_case(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        let record = Record::read(&mut self.xml, element, self.source)?;
        let limits = self.source.limits;
        let place = self.suites.place_case(record.at, self.source)?;
        let mut case = Case::new(record.at, status(&record));
        name(&mut case, &record);
        case.started_ms = self
            .found
            .instant(record.at, record.attribute("start-time"));
        case.finished_ms = self.found.instant(record.at, record.attribute("end-time"));
        let took = record.attribute("duration").or(record.attribute("time"));
        case.duration_ms = self.found.duration(record.at, took);
        for why in ["failure", "reason"] {
            if let Some(why) = record.child(why) {
                case.explain(why.text_of("message"), why.text_of("stack-trace"), limits);
            }
        }
        self.take_assertions(&mut case, &record);
        if let Some(output) = record.text_of("output") {
            case.print(output, limits);
        }
        let about = (record.attribute("description")).map(|text| ("description", text));
        let lists = ["properties", "categories"].map(|list| record.child(list));
        let inside = lists.into_iter().flatten().flat_map(annotations);
        for (name, value) in about.into_iter().chain(inside) {
            case.property(name, value, limits, &mut self.found.warnings);
        }
        self.found.add(case, place)
    }

    /// Warnings leave a test passed; the uploader hears of them, and the run shows them.
    fn take_assertions(&mut self, case: &mut Case, record: &Record) {
        let limits = self.source.limits;
        let assertions = record.child("assertions").into_iter();
        for assertion in assertions.flat_map(|list| list.children("assertion")) {
            if assertion.attribute("result") == Some("Warning") {
                let message = assertion.text_of("message");
                case.explain(message, assertion.text_of("stack-trace"), limits);
            }
        }
        if record
            .attribute("result")
            .is_some_and(|result| result.starts_with("Warning"))
        {
            let name = shortened(&case.name, 100);
            let why = case.message.as_deref().unwrap_or("it does not say why");
            self.found.warnings.at(case.at, || {
                format!("{name:?} passed with a warning: {}", shortened(why, 200))
            });
        }
    }
}

/// An assembly is named by its path, which differs between machines.
fn last_part(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next();
    last.unwrap_or(name).to_owned()
}

/// Names and values of the properties or categories that a list holds.
fn annotations(list: &Record) -> impl Iterator<Item = (&str, &str)> {
    let properties = list.children("property").filter_map(|property| {
        let value = property.attribute("value").or(property.text())?;
        Some((property.attribute("name")?, value))
    });
    let categories = list.children("category");
    properties.chain(categories.filter_map(|one| Some(("category", one.attribute("name")?))))
}

/// `result` with its label, which some writers put behind it: `Failed`, `Skipped:Ignored`,
/// `Failed(Error)`. `NUnit` before 2.5 has `executed` and `success` instead.
fn status(record: &Record) -> RunStatus {
    let Some(result) = record.attribute("result") else {
        return match (record.attribute("executed"), record.attribute("success")) {
            (Some("False"), _) => RunStatus::Skipped,
            (_, Some("True")) => RunStatus::Passed,
            (_, Some("False")) => RunStatus::Failed,
            _ => RunStatus::Unknown,
        };
    };
    let (word, inner) = result.split_once([':', '(']).unwrap_or((result, ""));
    let label = record
        .attribute("label")
        .unwrap_or(inner.trim_end_matches(')'));
    match (word.trim().to_ascii_lowercase().as_str(), label) {
        ("passed" | "success" | "warning", _) => RunStatus::Passed,
        ("failed" | "failure", "Error" | "Invalid") | ("error", _) => RunStatus::Error,
        ("failed" | "failure", _) => RunStatus::Failed,
        ("skipped" | "ignored" | "notrunnable" | "explicit", _) => RunStatus::Skipped,
        ("cancelled", _) => RunStatus::Aborted,
        _ => RunStatus::Unknown,
    }
}

/// Class, name and row. `NUnit` 2 has the full name only.
fn name(case: &mut Case, record: &Record) {
    let name = record.attribute("name").unwrap_or_default();
    let full = record.attribute("fullname").unwrap_or(name);
    let (class, method) = match (
        record.attribute("classname"),
        record.attribute("methodname"),
    ) {
        (Some(class), Some(method)) => (class, method),
        (Some(class), None) => (class, name),
        (None, method) => match dotted(full) {
            Some((class, whole)) => (class, method.unwrap_or(whole)),
            None => ("", method.unwrap_or(name)),
        },
    };
    class.clone_into(&mut case.class);
    let base = without_arguments(method).filter(|base| !base.contains(char::is_whitespace));
    base.unwrap_or(method).clone_into(&mut case.name);
    let shown = dotted(name).map_or(name, |(_, method)| method);
    if base.is_some() || shown != method {
        case.row = Some(shown.to_owned());
    }
}
