//! xUnit.net v1 (`assembly` as the root), v2 and v3 (`assemblies`).
//!
//! A theory's rows are tests of the same method, told apart by the arguments behind their name. What
//! breaks outside the tests stands in `errors` (v2, v3) or in the class (v1): a warning each.

use super::case::{Case, without_arguments};
use super::collect::Collector;
use super::error::ReadError;
use super::limits::Limits;
use super::model::Report;
use super::suites::{SuiteStart, Suites};
use super::text::{first_line, one_line, shortened};
use super::when::instant_ms;
use super::xml::{Element, Record, Source, Token, Xml};
use crate::domain::run::RunStatus;

/// Reads a document whose root is known to be xUnit.net's; `warnings` are those of the decoding.
pub fn read(text: &str, limits: &Limits, warnings: Vec<String>) -> Result<Report, ReadError> {
    let source = Source::new(text, limits);
    let mut reading = Reading {
        source: &source,
        xml: Xml::new(&source),
        found: Collector::new(&source, warnings),
        suites: Suites::default(),
        open: Vec::new(),
    };
    loop {
        match reading.xml.next()? {
            Token::Open(element) => reading.open(&element)?,
            Token::Close => {
                if reading.open.pop() == Some(true) {
                    reading.suites.close(&mut reading.found.warnings);
                }
            }
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
    /// For each open element, whether it is an assembly.
    open: Vec<bool>,
}

impl Reading<'_> {
    fn open(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        match element.name() {
            "assembly" => return self.open_assembly(element),
            "test" => return self.take_test(element),
            "error" | "failure" => {
                let record = Record::read(&mut self.xml, element, self.source)?;
                self.warn_of(&record);
                return Ok(());
            }
            _ => element.check()?,
        }
        self.open.push(false);
        Ok(())
    }

    fn open_assembly(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        let mut start = SuiteStart {
            at: element.at,
            ..SuiteStart::default()
        };
        let (mut precise, mut date, mut time) = (None, String::new(), String::new());
        element.each_attribute(|attribute| match attribute.name {
            "name" => start.name = file_name(&attribute.value),
            "total" => start.declared = attribute.value.trim().parse().unwrap_or(0),
            "start-rtf" => precise = instant_ms(&attribute.value),
            "run-date" => date = attribute.value.into_owned(),
            "run-time" => time = attribute.value.into_owned(),
            _ => {}
        })?;
        start.started_ms = precise.or_else(|| instant_ms(&format!("{date}T{time}")));
        self.open.push(true);
        self.suites.enter(start, self.source)
    }

    /// Something broke outside the tests.
    fn warn_of(&mut self, record: &Record) {
        let failure = record.child("failure").unwrap_or(record);
        let why = failure
            .text_of("message")
            .and_then(|text| first_line(text, 200));
        let why = why.unwrap_or_else(|| "it does not say why".to_owned());
        let suite = self.suites.name();
        let place = record.attribute("name").unwrap_or(suite);
        let kind = record.attribute("type").unwrap_or("class");
        self.found.warnings.at(record.at, || {
            let (kind, place) = (shortened(kind, 60), shortened(place, 100));
            format!("something failed outside the tests ({kind} {place:?}): {why}")
        });
    }

    fn take_test(&mut self, element: &Element<'_>) -> Result<(), ReadError> {
        let record = Record::read(&mut self.xml, element, self.source)?;
        let limits = self.source.limits;
        let place = self.suites.place_case(record.at, self.source)?;
        let mut case = Case::new(record.at, status(record.attribute("result")));
        name(&mut case, &record);
        case.duration_ms = self.found.duration(record.at, record.attribute("time"));
        case.started_ms = self.found.instant(record.at, record.attribute("start-rtf"));
        case.finished_ms = self
            .found
            .instant(record.at, record.attribute("finish-rtf"));
        if let Some(why) = record.child("failure") {
            let kind = why.attribute("exception-type");
            case.explain(
                why.text_of("message").or(kind),
                why.text_of("stack-trace"),
                limits,
            );
        }
        if let Some(why) = record.child("reason") {
            case.explain(why.text().or(why.text_of("message")), None, limits);
        }
        for list in record.children("warnings") {
            for warning in list.children("warning").filter_map(Record::text) {
                case.print(warning, limits);
            }
        }
        if let Some(output) = record.text_of("output") {
            case.print(output, limits);
        }
        let traits = record
            .children("traits")
            .flat_map(|list| list.children("trait"));
        for one in traits {
            if let (Some(name), Some(value)) = (one.attribute("name"), one.attribute("value")) {
                case.property(name, value, limits, &mut self.found.warnings);
            }
        }
        self.found.add(case, place)
    }
}

/// An assembly is named by its path, which differs between machines.
fn file_name(path: &str) -> String {
    one_line(path.rsplit(['/', '\\']).next().unwrap_or(path))
}

/// v3 writes `NotRun` for explicit tests that nobody asked for.
fn status(result: Option<&str>) -> RunStatus {
    match result.unwrap_or_default().to_ascii_lowercase().as_str() {
        "pass" => RunStatus::Passed,
        "fail" => RunStatus::Failed,
        "skip" | "notrun" => RunStatus::Skipped,
        _ => RunStatus::Unknown,
    }
}

/// The display name is the full name unless the code gives another; rows have their arguments there.
fn name(case: &mut Case, record: &Record) {
    let shown = record.attribute("name").unwrap_or_default();
    let class = record.attribute("type").unwrap_or_default();
    let base = without_arguments(shown);
    let title = base.unwrap_or(shown);
    let short = (title.strip_prefix(class)).map_or(title, |rest| rest.trim_start_matches('.'));
    let method = record.attribute("method").unwrap_or(short);
    class.clone_into(&mut case.class);
    method.clone_into(&mut case.name);
    if base.is_some() {
        let row = shown.strip_prefix(class).unwrap_or(shown);
        case.row = Some(row.trim_start_matches('.').to_owned());
    }
    if short != method && !short.is_empty() {
        case.title = Some(short.to_owned());
    }
}
