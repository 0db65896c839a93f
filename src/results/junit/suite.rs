//! The suites around a case, and what they hand down to it: path, start, issue keys, labels.
//!
//! What is handed down is counted against [`Limits::inherited_bytes`]:
//! without it a small file could make every case carry its suites' whole text.

use std::sync::Arc;

use super::super::error::{Fault, ReadError};
use super::super::keys::{self, Tag};
use super::super::limits::Limits;
use super::super::model::Requirement;
use super::super::repeats::{add_label, add_requirement};
use super::super::text::shortened;
use super::super::warnings::Warnings;
use super::super::when::instant_ms;
use super::super::xml::{Element, Source};
use super::property::{Property, labels_of};

/// What a case gets from the suites around it.
#[derive(Debug, Default)]
pub struct CasePlace {
    /// The suites' names, outermost first.
    pub path: Arc<str>,
    /// How many cases the innermost suite holds, this one included.
    pub ordinal: usize,
    /// When the nearest suite that says so began, in milliseconds since 1970.
    pub started_ms: Option<i64>,
    /// Issues that the suites say are covered.
    pub requirements: Vec<Requirement>,
    /// Labels of the suites.
    pub labels: Vec<String>,
}

#[derive(Debug, Default)]
struct Suite {
    at: usize,
    name: String,
    path: Arc<str>,
    declared: usize,
    cases: usize,
    started_ms: Option<i64>,
    requirements: Vec<Requirement>,
    labels: Vec<String>,
}

/// The open suites, outermost first.
#[derive(Debug, Default)]
pub struct Suites {
    open: Vec<Suite>,
    inherited_bytes: usize,
    /// Cases that stand in no suite.
    loose_cases: usize,
}

impl Suites {
    /// The name of the innermost suite.
    pub fn name(&self) -> &str {
        self.open.last().map_or("", |suite| &suite.name)
    }

    /// Enters a suite.
    pub fn open(
        &mut self,
        element: &Element<'_>,
        source: &Source<'_>,
        warnings: &mut Warnings<'_>,
    ) -> Result<(), ReadError> {
        let mut suite = Suite {
            at: element.at,
            ..Suite::default()
        };
        let mut timestamp = None;
        element.each_attribute(|attribute| match attribute.name {
            "name" => attribute.value.trim().clone_into(&mut suite.name),
            "tests" => suite.declared = attribute.value.trim().parse().unwrap_or(0),
            "timestamp" => timestamp = Some(attribute.value.into_owned()),
            _ => {}
        })?;
        if let Some(text) = timestamp.filter(|text| !text.trim().is_empty()) {
            suite.started_ms = instant_ms(&text);
            if suite.started_ms.is_none() {
                warnings.at(element.at, || {
                    "the suite's timestamp cannot be read; write it as 2026-01-31T12:00:00Z".into()
                });
            }
        }
        if let Some(parent) = self.open.last() {
            suite.requirements.clone_from(&parent.requirements);
            suite.labels.clone_from(&parent.labels);
            suite.started_ms = suite.started_ms.or(parent.started_ms);
        }
        suite.path = match self.open.last() {
            Some(parent) if !parent.path.is_empty() && !suite.name.is_empty() => {
                Arc::from(format!("{} > {}", parent.path, suite.name))
            }
            Some(parent) if suite.name.is_empty() => Arc::clone(&parent.path),
            _ => Arc::from(suite.name.as_str()),
        };
        let bytes = suite.path.len() - suite.name.len() + bytes_of(&suite);
        keys::guess(&suite.name, |found| {
            add_requirement(&mut suite.requirements, found, source.limits);
        });
        self.open.push(suite);
        self.spend(bytes, element.at, source)
    }

    /// Leaves the innermost suite; one that declares cases and holds none is worth a word.
    pub fn close(&mut self, warnings: &mut Warnings<'_>) {
        let Some(suite) = self.open.pop() else { return };
        if suite.cases == 0 && suite.declared > 0 {
            warnings.at(suite.at, || {
                format!(
                    "the suite {:?} declares {} tests and holds none; nothing was counted for it",
                    shortened(&suite.name, 100),
                    suite.declared
                )
            });
        }
        if let Some(parent) = self.open.last_mut() {
            parent.cases += suite.cases;
        }
    }

    /// What a case that begins at `at` gets from the suites around it.
    pub fn place_case(&mut self, at: usize, source: &Source<'_>) -> Result<CasePlace, ReadError> {
        let Some(suite) = self.open.last_mut() else {
            self.loose_cases += 1;
            return Ok(CasePlace {
                ordinal: self.loose_cases,
                ..CasePlace::default()
            });
        };
        suite.cases += 1;
        let place = CasePlace {
            path: Arc::clone(&suite.path),
            ordinal: suite.cases,
            started_ms: suite.started_ms,
            requirements: suite.requirements.clone(),
            labels: suite.labels.clone(),
        };
        let bytes = bytes_of(suite);
        self.spend(bytes, at, source)?;
        Ok(place)
    }

    /// A property of the innermost suite. Only those that are there to say so hand down issue
    /// keys: system properties, such as a branch's name, would link every case of the suite.
    pub fn take_property(
        &mut self,
        property: &Property,
        limits: &Limits,
        warnings: &mut Warnings<'_>,
    ) {
        let Some(suite) = self.open.last_mut() else {
            return;
        };
        match property.name.as_str() {
            "requirement" | "requirements" => {
                property.requirements(warnings, |found| {
                    add_requirement(&mut suite.requirements, found, limits)
                });
            }
            "tags" => {
                for label in labels_of(property.text(), limits) {
                    match keys::tag(&label) {
                        Tag::Covers(found) => {
                            add_requirement(&mut suite.requirements, found, limits);
                        }
                        Tag::Label => {
                            add_label(&mut suite.labels, label, limits);
                        }
                        Tag::Test(_) => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn spend(&mut self, bytes: usize, at: usize, source: &Source<'_>) -> Result<(), ReadError> {
        self.inherited_bytes += bytes;
        let limit = source.limits.inherited_bytes;
        if self.inherited_bytes > limit {
            let what = "bytes that suites hand down to their cases";
            return Err(source.fault(at, Fault::Limit { what, limit }));
        }
        Ok(())
    }
}

/// The bytes that one copy of a suite's keys and labels takes, their bookkeeping included.
fn bytes_of(suite: &Suite) -> usize {
    let keys = suite.requirements.iter().map(|found| found.key.len());
    let labels = suite.labels.iter().map(String::len);
    keys.chain(labels)
        .map(|len| len + size_of::<Requirement>())
        .sum()
}
