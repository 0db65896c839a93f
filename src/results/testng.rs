//! `TestNG` (`testng-results`).
//!
//! Methods stand in classes, those in tests, those in suites. Configuration methods are no tests. A
//! data provider's rows are the same method with other parameters; a retried try is marked as such.

use std::collections::HashMap;
use std::sync::Arc;

use super::case::Case;
use super::collect::Collector;
use super::error::{Fault, ReadError};
use super::limits::Limits;
use super::model::{Attempt, Report};
use super::suites::{CasePlace, SuiteStart, Suites};
use super::text::{first_line, one_line, shortened};
use super::when::instant_ms;
use super::xml::{Element, Record, Source, Token, Xml};
use crate::domain::run::RunStatus;

/// Reads a document whose root is known to be `TestNG`'s; `warnings` are those of the decoding.
pub fn read(text: &str, limits: &Limits, warnings: Vec<String>) -> Result<Report, ReadError> {
    let source = Source::new(text, limits);
    let mut reading = Reading {
        source: &source,
        xml: Xml::new(&source),
        found: Collector::new(&source, warnings),
        suites: Suites::default(),
        open: Vec::new(),
        class: String::new(),
        group: Arc::default(),
        groups: Vec::new(),
        retried: HashMap::new(),
        retries: 0,
    };
    loop {
        match reading.xml.next()? {
            Token::Open(element) => reading.open(&element)?,
            Token::Close => reading.close()?,
            Token::Text(_) => {}
            Token::End => return Ok(reading.found.finish()),
        }
    }
}

/// A method, its class and its row: what a retried try and the last one have in common.
type Same = (String, String, Option<String>);

struct Reading<'a> {
    source: &'a Source<'a>,
    xml: Xml<'a>,
    found: Collector<'a>,
    suites: Suites,
    open: Vec<Place>,
    class: String,
    /// The name of the open group.
    group: Arc<str>,
    /// The open suite's groups: class and method of each member, and the group's name; sorted when
    /// a test begins, for groups stand before the tests.
    groups: Vec<(String, String, Arc<str>)>,
    /// Tries that were repeated, and whose last one has not come yet.
    retried: HashMap<Same, Vec<(Case, CasePlace)>>,
    /// How many there were in all.
    retries: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Suite,
    Test,
    Group,
    Other,
}

impl Reading<'_> {
    fn open(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        match element.name() {
            "suite" => self.open_suite(element, Place::Suite)?,
            "test" => {
                self.groups.sort_unstable();
                self.open_suite(element, Place::Test)?;
            }
            "test-method" => {
                let record = Record::read(&mut self.xml, element, self.source)?;
                self.take_method(&record)?;
            }
            "class" => {
                self.class = one_line(&name_of(element)?);
                self.open.push(Place::Other);
            }
            "group" => {
                let name = shortened(&name_of(element)?, self.source.limits.line_chars);
                self.group = Arc::from(name);
                self.open.push(Place::Group);
            }
            "method" if self.open.last() == Some(&Place::Group) => self.open_member(element)?,
            _ => {
                element.check()?;
                self.open.push(Place::Other);
            }
        }
        Ok(())
    }

    fn open_suite(&mut self, element: &Element<'_>, place: Place) -> Result<(), ReadError> {
        let mut start = SuiteStart {
            at: element.at,
            ..SuiteStart::default()
        };
        element.each_attribute(|attribute| match attribute.name {
            "name" => start.name = one_line(&attribute.value),
            "started-at" => start.started_ms = instant_ms(&attribute.value),
            _ => {}
        })?;
        self.open.push(place);
        self.suites.enter(start, self.source)
    }

    fn close(&mut self) -> Result<(), ReadError> {
        match self.open.pop() {
            Some(Place::Test) => {
                // The last try is missing: what there is has to do.
                let mut left: Vec<_> = self.retried.drain().flat_map(|(_, tries)| tries).collect();
                left.sort_by_key(|(case, _)| case.at);
                for (case, place) in left {
                    self.found.add(case, place)?;
                }
                self.suites.close(&mut self.found.warnings);
            }
            Some(Place::Suite) => {
                self.groups.clear();
                self.suites.close(&mut self.found.warnings);
            }
            _ => {}
        }
        Ok(())
    }

    /// A method that belongs to the open group.
    fn open_member(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        let (mut class, mut method) = (String::new(), String::new());
        element.each_attribute(|attribute| match attribute.name {
            "class" => class = one_line(&attribute.value),
            "name" => method = one_line(&attribute.value),
            _ => {}
        })?;
        self.groups.push((class, method, Arc::clone(&self.group)));
        self.open.push(Place::Other);
        Ok(())
    }

    fn take_method(&mut self, record: &Record) -> Result<(), ReadError> {
        let is = |name: &str| record.attribute(name) == Some("true");
        let name = record.attribute("name").unwrap_or_default();
        if is("is-config") {
            self.warn_of_configuration(record, name);
            return Ok(());
        }
        let place = self.suites.place_case(record.at, self.source)?;
        let groups = self.groups_of(name);
        let bytes = groups.iter().map(String::len).sum::<usize>() + self.class.len();
        self.suites.spend(bytes, record.at, self.source)?;
        let mut case = self.case(record, name);
        for label in groups {
            case.tag(label, self.source.limits);
        }
        let same = (case.class.clone(), case.name.clone(), case.row.clone());
        if is("retried") {
            if case.status == RunStatus::Skipped && record.child("exception").is_some() {
                case.status = RunStatus::Failed;
            }
            self.retries += 1;
            let limit = self.source.limits.cases;
            if self.retries > limit {
                let what = "retried tests in one file";
                return Err(self.source.fault(record.at, Fault::Limit { what, limit }));
            }
            self.retried.entry(same).or_default().push((case, place));
            return Ok(());
        }
        let before = self.retried.remove(&same).unwrap_or_default();
        case.before = before.into_iter().map(|(one, _)| attempt(one)).collect();
        self.found.add(case, place)
    }

    fn case(&mut self, record: &Record, name: &str) -> Case {
        let limits = self.source.limits;
        let mut case = Case::new(record.at, status(record.attribute("status")));
        self.class.clone_into(&mut case.class);
        case.name = one_line(name);
        case.row = row(record);
        case.started_ms = self
            .found
            .instant(record.at, record.attribute("started-at"));
        case.finished_ms = self
            .found
            .instant(record.at, record.attribute("finished-at"));
        let took = record
            .attribute("duration-ms")
            .map(|text| format!("{text}ms"));
        case.duration_ms = self.found.duration(record.at, took.as_deref());
        if let Some(exception) = record.child("exception") {
            let trace = (exception.text_of("full-stacktrace"))
                .or_else(|| exception.text_of("short-stacktrace"));
            let message = exception
                .text_of("message")
                .or(exception.attribute("class"));
            case.explain(message, trace, limits);
        }
        let lines = record
            .children("reporter-output")
            .flat_map(|output| output.children("line"));
        for line in lines.filter_map(Record::text) {
            case.output.push("\n", limits.output_bytes);
            case.output.push(line, limits.output_bytes);
        }
        let about = record
            .attribute("description")
            .map(|text| ("description", text));
        let attributes = record
            .children("attributes")
            .flat_map(|list| list.children("attribute"));
        let given = attributes.filter_map(|one| Some((attribute_name(one)?, one.text()?)));
        for (name, value) in about.into_iter().chain(given) {
            case.property(name, value, limits, &mut self.found.warnings);
        }
        case
    }

    /// The groups that a method of the open class belongs to.
    fn groups_of(&self, method: &str) -> Vec<String> {
        let key = (self.class.as_str(), method);
        let of =
            |member: &(String, String, Arc<str>)| (member.0.as_str(), member.1.as_str()).cmp(&key);
        let first = self.groups.partition_point(|member| of(member).is_lt());
        let members = self
            .groups
            .iter()
            .skip(first)
            .take_while(|member| of(member).is_eq());
        let names = members.map(|(.., group)| group.to_string());
        names.take(self.source.limits.annotations).collect()
    }

    fn warn_of_configuration(&mut self, record: &Record, name: &str) {
        if record.attribute("status") != Some("FAIL") {
            return;
        }
        let exception = record.child("exception");
        let why = exception.and_then(|it| it.text_of("message").or(it.attribute("class")));
        let why = why.and_then(|text| first_line(text, 200));
        let class = &self.class;
        self.found.warnings.at(record.at, || {
            let place = shortened(&format!("{class}.{name}"), 200);
            let why = why.unwrap_or_else(|| "it does not say why".to_owned());
            format!("the configuration method {place:?} failed: {why}")
        });
    }
}

fn name_of(element: &Element<'_>) -> Result<String, ReadError> {
    let mut name = String::new();
    element.each_attribute(|attribute| {
        if attribute.name == "name" {
            name = attribute.value.into_owned();
        }
    })?;
    Ok(name)
}

/// Names that upload clients' annotations write stand for those that all formats share.
fn attribute_name(attribute: &Record) -> Option<&str> {
    Some(match attribute.attribute("name")? {
        "test" => "test_key",
        "summary" => "test_summary",
        name => name,
    })
}

fn attempt(case: Case) -> Attempt {
    Attempt {
        status: case.status,
        label: case.row,
        message: case.message,
        details: case.details.finish(),
        output: case.output.finish(),
        iteration: None,
    }
}

fn status(word: Option<&str>) -> RunStatus {
    match word {
        // The long one failed, but not often enough to fail the method.
        Some("PASS" | "SUCCESS_PERCENTAGE_FAILURE") => RunStatus::Passed,
        Some("FAIL") => RunStatus::Failed,
        Some("SKIP") => RunStatus::Skipped,
        _ => RunStatus::Unknown,
    }
}

/// The values that a data provider gave.
fn row(record: &Record) -> Option<String> {
    let params = record.child("params")?;
    let values: Vec<String> = params
        .children("param")
        .filter_map(|param| param.child("value"))
        .map(|value| match value.text() {
            Some(text) => one_line(text),
            None if value.attribute("is-null") == Some("true") => "null".to_owned(),
            None => "\"\"".to_owned(),
        })
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}
