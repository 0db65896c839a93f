//! Cucumber JSON and Behave JSON (`reference/test-management.md` section 11).
//!
//! Both list features with elements with steps; they differ in how tags, rows and durations are
//! written. Backgrounds are no tests, but what broke in one broke the scenario after it. Rows of an
//! outline are the iterations of one test.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize as Derive;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::case::Case;
use super::collect::Collector;
use super::error::ReadError;
use super::json::{self, List, Number, Text};
use super::limits::Limits;
use super::model::Report;
use super::suites::{SuiteStart, Suites};
use super::text::{one_line, shortened};
use super::when::instant_ms;
use super::xml::Source;
use crate::domain::run::RunStatus;

/// Who wrote the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// Any Cucumber.
    Cucumber,
    /// Behave.
    Behave,
}

#[derive(Debug, Derive, Default)]
#[serde(default)]
struct Feature<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    uri: Text<'a>,
    #[serde(borrow)]
    location: Text<'a>,
    #[serde(borrow)]
    tags: List<Words<'a>>,
    #[serde(borrow)]
    elements: List<Element<'a>>,
}

#[derive(Debug, Derive, Default)]
#[serde(default)]
struct Element<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    keyword: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    description: Words<'a>,
    #[serde(borrow)]
    line: Text<'a>,
    #[serde(borrow)]
    start_timestamp: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    tags: List<Words<'a>>,
    #[serde(borrow)]
    before: List<Step<'a>>,
    #[serde(borrow)]
    steps: List<Step<'a>>,
    #[serde(borrow)]
    after: List<Step<'a>>,
}

/// A step or a hook; steps can have hooks of their own.
#[derive(Debug, Derive, Default)]
#[serde(default)]
struct Step<'a> {
    #[serde(borrow)]
    keyword: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    result: Option<Outcome<'a>>,
    #[serde(borrow)]
    before: List<Hook<'a>>,
    #[serde(borrow)]
    after: List<Hook<'a>>,
}

#[derive(Debug, Derive, Default)]
#[serde(default)]
struct Hook<'a> {
    #[serde(borrow)]
    result: Option<Outcome<'a>>,
}

#[derive(Debug, Derive, Default)]
#[serde(default)]
struct Outcome<'a> {
    #[serde(borrow)]
    status: Text<'a>,
    duration: Number,
    #[serde(borrow)]
    error_message: Words<'a>,
}

/// Reads a document known to be of `writer`; `warnings` are those of the decoding.
pub fn read(
    text: &str,
    writer: Writer,
    limits: &Limits,
    warnings: Vec<String>,
) -> Result<Report, ReadError> {
    let features: List<Feature<'_>> = json::parse(text)?;
    let source = Source::new(text, limits);
    let mut reading = Reading {
        source: &source,
        writer,
        found: Collector::new(&source, warnings),
        suites: Suites::default(),
        at: 0,
    };
    for feature in features.0 {
        reading.feature(&feature)?;
    }
    Ok(reading.found.finish())
}

struct Reading<'a> {
    source: &'a Source<'a>,
    writer: Writer,
    found: Collector<'a>,
    suites: Suites,
    /// The place of the last name met.
    at: usize,
}

impl Reading<'_> {
    fn feature(&mut self, feature: &Feature<'_>) -> Result<(), ReadError> {
        let file = feature.uri.get().or_else(|| feature.location.get());
        let name = feature.name.get().or(file).unwrap_or_default();
        self.at = json::offset(self.source.text, Some(name)).unwrap_or(self.at);
        let start = SuiteStart {
            at: self.at,
            name: one_line(name),
            ..SuiteStart::default()
        };
        self.suites.enter(start, self.source)?;
        for tag in &feature.tags.0 {
            let tag = self.tag(tag);
            self.suites.add_tag(tag, self.source.limits);
        }
        let mut background = None;
        for element in &feature.elements.0 {
            let kind = element.kind.or_empty().to_ascii_lowercase();
            if kind == "background" {
                let mut case = Case::new(self.at, RunStatus::Unknown);
                self.fold(element, &mut case);
                background = Some(case);
            } else {
                self.scenario(element, background.take())?;
            }
        }
        self.suites.close(&mut self.found.warnings);
        Ok(())
    }

    fn tag(&self, tag: &Words<'_>) -> String {
        let line = shortened(tag.first(), self.source.limits.line_chars);
        line.trim_start_matches('@').to_owned()
    }

    fn scenario(
        &mut self,
        element: &Element<'_>,
        background: Option<Case>,
    ) -> Result<(), ReadError> {
        let limits = self.source.limits;
        self.at = json::offset(self.source.text, element.name.get()).unwrap_or(self.at);
        let mut case = Case::new(self.at, RunStatus::Unknown);
        self.fold(element, &mut case);
        if let Some(background) = background {
            before(background, &mut case);
        }
        let (name, row) = row_of(element, self.writer);
        case.name = one_line(&name);
        case.row = row;
        case.started_ms = element.start_timestamp.get().and_then(instant_ms);
        case.description = Some(element.description.joined()).filter(|text| !text.is_empty());
        for tag in &element.tags.0 {
            case.tag(self.tag(tag), limits);
        }
        // A tag that names a test stands at a scenario that says all it takes to make it.
        case.makes_test = true;
        let place = self.suites.place_case(self.at, self.source)?;
        self.found.add(case, place)
    }

    /// What hooks and steps come to.
    fn fold(&self, element: &Element<'_>, case: &mut Case) {
        let mut fold = Fold::default();
        let limits = self.source.limits;
        for hook in &element.before.0 {
            fold.take("a hook before", hook.result.as_ref(), case, limits);
        }
        for step in &element.steps.0 {
            for hook in &step.before.0 {
                fold.take("a hook before a step", hook.result.as_ref(), case, limits);
            }
            let what = format!("{} {}", step.keyword.or_empty(), step.name.or_empty());
            fold.take(what.trim(), step.result.as_ref(), case, limits);
            for hook in &step.after.0 {
                fold.take("a hook after a step", hook.result.as_ref(), case, limits);
            }
        }
        for hook in &element.after.0 {
            fold.take("a hook after", hook.result.as_ref(), case, limits);
        }
        let own = || element.status.get().and_then(status);
        case.status = fold.status.or_else(own).unwrap_or(RunStatus::Unknown);
        let factor = match self.writer {
            Writer::Cucumber => 1e-6,
            Writer::Behave => 1e3,
        };
        case.duration_ms = Number(fold.duration).scaled(factor);
    }
}

/// What steps come to so far.
#[derive(Debug, Default)]
struct Fold {
    status: Option<RunStatus>,
    duration: Option<f64>,
}

impl Fold {
    fn take(&mut self, what: &str, of: Option<&Outcome<'_>>, case: &mut Case, limits: &Limits) {
        let Some(outcome) = of else { return };
        if let Some(duration) = outcome.duration.0 {
            self.duration = Some(self.duration.unwrap_or(0.0) + duration);
        }
        let Some(word) = outcome.status.get() else {
            return;
        };
        let Some(status) = status(word) else { return };
        let error = outcome.error_message.joined();
        if is_bad(status) || status == RunStatus::Pending {
            let said = match (error.as_str(), word) {
                ("", "failed") => format!("failed: {what}"),
                ("", word) => format!("{word} step: {what}"),
                (error, _) => error.to_owned(),
            };
            case.explain(
                Some(&said),
                Some(&format!("{word}: {what}\n{error}")),
                limits,
            );
        }
        if weight(Some(status)) > weight(self.status) {
            self.status = Some(status);
        }
    }
}

/// Which status decides: broken before pending before skipped; of those broken, the first.
const fn weight(status: Option<RunStatus>) -> u8 {
    match status {
        None => 0,
        Some(RunStatus::Passed) => 1,
        Some(RunStatus::Todo) => 2,
        Some(RunStatus::Unknown) => 3,
        Some(RunStatus::Skipped) => 4,
        Some(RunStatus::Pending) => 5,
        Some(_) => 6,
    }
}

const fn is_bad(status: RunStatus) -> bool {
    matches!(status, RunStatus::Failed | RunStatus::Error)
}

/// What a step's word means; nothing for one that was not reached.
fn status(word: &str) -> Option<RunStatus> {
    Some(match word.to_ascii_lowercase().as_str() {
        "passed" => RunStatus::Passed,
        "failed" | "undefined" | "ambiguous" => RunStatus::Failed,
        "error" | "hook_error" | "cleanup_error" => RunStatus::Error,
        "pending" | "pending_warn" => RunStatus::Pending,
        "skipped" => RunStatus::Skipped,
        "untested" | "untested_pending" | "untested_undefined" | "executing" => return None,
        _ => RunStatus::Unknown,
    })
}

/// Takes in what happened in the background before the scenario.
fn before(background: Case, case: &mut Case) {
    if weight(Some(background.status)) > weight(Some(RunStatus::Skipped))
        && weight(Some(background.status)) > weight(Some(case.status))
    {
        case.status = background.status;
        case.message = background.message;
        case.details = background.details;
    }
    if let (Some(own), Some(more)) = (case.duration_ms, background.duration_ms) {
        case.duration_ms = Some(own.saturating_add(more));
    }
}

/// The name of a scenario, and which row of its examples it is.
fn row_of<'e>(element: &'e Element<'_>, writer: Writer) -> (Cow<'e, str>, Option<String>) {
    let name = element.name.or_empty();
    if writer == Writer::Behave {
        // `pays -- @1.2 by card`
        let marked = format!(" {name}");
        if let Some((name, row)) = marked.rsplit_once(" -- @") {
            return (
                Cow::Owned(name.trim().to_owned()),
                Some(format!("@{}", row.trim())),
            );
        }
        return (Cow::Borrowed(name), None);
    }
    let keyword = element.keyword.or_empty().to_lowercase();
    let parts: Vec<&str> = element.id.or_empty().split(';').collect();
    if !keyword.contains("outline") && !keyword.contains("template") && parts.len() < 4 {
        return (Cow::Borrowed(name), None);
    }
    let row = match (parts.as_slice(), element.line.get()) {
        ([_, _, _, .., row], _) if !row.is_empty() => format!("row {row}"),
        (_, Some(line)) => format!("line {line}"),
        _ => "a row".to_owned(),
    };
    (Cow::Borrowed(name), Some(row))
}

/// A text, an object that has it as `name`, or the lines of it as a list.
#[derive(Debug, Default)]
struct Words<'a>(Vec<Cow<'a, str>>);

impl Words<'_> {
    fn first(&self) -> &str {
        self.0.first().map_or("", |word| word.trim())
    }

    fn joined(&self) -> String {
        self.0.join("\n").trim().to_owned()
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text, its lines, or an object with a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Words<'de>, E> {
        Ok(Words(vec![Cow::Borrowed(text)]))
    }

    fn visit_str<E>(self, text: &str) -> Result<Words<'de>, E> {
        Ok(Words(vec![Cow::Owned(text.to_owned())]))
    }

    fn visit_unit<E>(self) -> Result<Words<'de>, E> {
        Ok(Words::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words<'de>, A::Error> {
        let mut lines = Vec::new();
        while let Some(line) = list.next_element::<Text<'de>>()? {
            lines.extend(line.0);
        }
        Ok(Words(lines))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Words<'de>, A::Error> {
        let mut name = None;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if key.get() == Some("name") {
                name = map.next_value::<Text<'de>>()?.0;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Words(name.into_iter().collect()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(WordsVisitor)
    }
}
