//! Allure 2 results: one, a list of them, or the many files of an `allure-results` folder.
//!
//! Each file is one try of one test. Tries of the same history are attempts by their start, the
//! last of which is the result; the same test with other parameters is another iteration.

use std::collections::HashMap;

use serde::Deserialize;

use super::case::{Case, dotted};
use super::collect::Collector;
use super::error::ReadError;
use super::json::{self, List, Number, Text};
use super::keys;
use super::limits::Limits;
use super::model::{Attempt, Report};
use super::suites::{SuiteStart, Suites};
use super::text::{Capped, first_line, one_line, shortened};
use super::xml::Source;
use crate::domain::run::RunStatus;

/// Attempts kept of one test.
const ATTEMPTS: usize = 100;

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Try<'a> {
    #[serde(borrow)]
    uuid: Text<'a>,
    #[serde(borrow)]
    history_id: Text<'a>,
    #[serde(borrow)]
    full_name: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    description: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    status_details: Option<Details<'a>>,
    start: Number,
    stop: Number,
    #[serde(borrow)]
    labels: List<Named<'a>>,
    #[serde(borrow)]
    links: List<Link<'a>>,
    #[serde(borrow)]
    parameters: List<Parameter<'a>>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Details<'a> {
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow)]
    trace: Text<'a>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    value: Text<'a>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Link<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Parameter<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    value: Text<'a>,
    #[serde(borrow)]
    excluded: Text<'a>,
    #[serde(borrow)]
    mode: Text<'a>,
}

/// Reads texts known to be Allure's; `warnings` are those of the decoding.
pub fn read(texts: &[&str], limits: &Limits, warnings: Vec<String>) -> Result<Report, ReadError> {
    let mut tries: Vec<Try<'_>> = Vec::new();
    for text in texts {
        if text.trim_start().starts_with('[') {
            tries.extend(json::parse::<List<Try<'_>>>(text)?.0);
        } else {
            tries.push(json::parse(text)?);
        }
    }
    // Lines of many files would say nothing.
    let text = match texts {
        [only] => *only,
        _ => "",
    };
    let source = Source::new(text, limits);
    let mut found = Collector::new(&source, warnings);
    for tries in by_history(tries) {
        for word in tries.iter().filter_map(|one| one.status.get()) {
            if status(word).is_none() {
                let word = shortened(word, 60);
                found
                    .warnings
                    .whole(format!("the status {word:?} is none of Allure's"));
            }
        }
        let Some((last, before)) = tries.split_last() else {
            continue;
        };
        let mut case = case(last, limits);
        let start = SuiteStart {
            name: suite(last),
            ..SuiteStart::default()
        };
        let mut suites = Suites::default();
        suites.enter(start, &source)?;
        let place = suites.place_case(0, &source)?;
        let earlier = before.iter().rev().take(ATTEMPTS).rev();
        case.before = earlier.map(|one| attempt(one, limits)).collect();
        found.add(case, place)?;
    }
    Ok(found.finish())
}

/// The tries of each test, the first of which stands where the file first names it; in order of
/// their start.
fn by_history(tries: Vec<Try<'_>>) -> Vec<Vec<Try<'_>>> {
    let mut groups: Vec<Vec<Try<'_>>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for one in tries {
        let key = match (one.history_id.get(), one.full_name.get()) {
            (Some(id), _) => format!("history {id}"),
            (None, Some(name)) => format!("name {name} {}", row(&one).unwrap_or_default()),
            (None, None) => format!("only {} {}", one.uuid.or_empty(), groups.len()),
        };
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    for group in &mut groups {
        group.sort_by_key(|one| one.start.scaled(1.0));
    }
    groups
}

fn label<'t>(one: &'t Try<'_>, names: &[&str]) -> Option<&'t str> {
    let mut labels = one.labels.0.iter();
    let found = labels.find(|label| label.name.get().is_some_and(|name| names.contains(&name)));
    found?.value.get()
}

fn suite(one: &Try<'_>) -> String {
    let names = ["parentSuite", "suite", "subSuite"];
    let names = names.iter().filter_map(|name| label(one, &[name]));
    names.map(one_line).collect::<Vec<_>>().join(" > ")
}

/// Class and name, as `JUnit` would have them.
fn class_and_name<'t>(one: &'t Try<'_>) -> (&'t str, &'t str) {
    let name = one.name.or_empty();
    let class = label(one, &["testClass", "class"]);
    let method = label(one, &["testMethod", "method"]);
    if let (Some(class), Some(method)) = (class, method) {
        return (class, method);
    }
    let full = one
        .full_name
        .get()
        .filter(|full| !full.contains(char::is_whitespace));
    let parts = full.and_then(|full| full.split_once('#').or_else(|| dotted(full)));
    parts
        .filter(|(class, name)| !class.is_empty() && !name.is_empty())
        .unwrap_or(("", name))
}

fn case(one: &Try<'_>, limits: &Limits) -> Case {
    let mut case = Case::new(0, one.status());
    let (class, name) = class_and_name(one);
    (case.class, case.name) = (one_line(class), one_line(name));
    if case.name.is_empty() {
        case.name = match one.full_name.get().or_else(|| one.uuid.get()) {
            Some(name) => one_line(name),
            None => "unnamed test".to_owned(),
        };
    }
    case.title = one.name.owned();
    case.row = row(one);
    case.started_ms = one.start.scaled(1.0).filter(|ms| *ms > 0);
    case.finished_ms = one.stop.scaled(1.0).filter(|ms| *ms > 0);
    let took = || case.finished_ms?.checked_sub(case.started_ms?);
    case.duration_ms = took().filter(|ms| *ms >= 0);
    let mut description = Capped::default();
    description.push(one.description.or_empty(), limits.details_bytes);
    case.description = description.finish();
    if let Some(details) = &one.status_details {
        case.explain(details.message.get(), details.trace.get(), limits);
    }
    for label in &one.labels.0 {
        if let (Some("tag"), Some(value)) = (label.name.get(), label.value.get()) {
            case.tag(shortened(value, limits.line_chars), limits);
        }
    }
    for link in &one.links.0 {
        if let (Some("issue" | "tms"), Some(name)) = (link.kind.get(), link.name.get())
            && keys::tag(name) != keys::Tag::Label
        {
            case.tag(name.to_owned(), limits);
        }
    }
    case
}

/// Which data it ran with.
fn row(one: &Try<'_>) -> Option<String> {
    let is_shown = |parameter: &&Parameter<'_>| {
        parameter.excluded.get() != Some("true")
            && !matches!(parameter.mode.get(), Some("hidden" | "masked"))
    };
    let shown = one.parameters.0.iter().filter(is_shown);
    let pair = |one: &Parameter<'_>| format!("{}={}", one.name.or_empty(), one.value.or_empty());
    let row = shown.map(pair).collect::<Vec<_>>().join(", ");
    (!row.is_empty()).then(|| one_line(&row))
}

fn attempt(one: &Try<'_>, limits: &Limits) -> Attempt {
    let said = one.status_details.as_ref();
    let mut details = Capped::default();
    let trace = said.and_then(|said| said.trace.get()).unwrap_or_default();
    details.push(trace, limits.details_bytes);
    Attempt {
        message: said
            .and_then(|said| said.message.get())
            .and_then(|message| first_line(message, limits.line_chars)),
        details: details.finish(),
        ..Attempt::of(one.status())
    }
}

impl Try<'_> {
    fn status(&self) -> RunStatus {
        status(self.status.or_empty()).unwrap_or(RunStatus::Unknown)
    }
}

fn status(word: &str) -> Option<RunStatus> {
    Some(match word {
        "passed" => RunStatus::Passed,
        "failed" => RunStatus::Failed,
        "broken" => RunStatus::Error,
        "skipped" => RunStatus::Skipped,
        "unknown" => RunStatus::Unknown,
        _ => return None,
    })
}
