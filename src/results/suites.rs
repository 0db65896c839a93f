//! The suites around a case, and what they hand down to it: path, start, issue keys, labels.
//!
//! What is handed down is counted against [`Limits::inherited_bytes`]:
//! without it a small file could make every case carry its suites' whole text. Readers say when a
//! suite begins and ends; what they read in between belongs to the innermost one.

use std::sync::Arc;

use super::error::{Fault, ReadError};
use super::keys::{self, Tag};
use super::limits::Limits;
use super::model::Requirement;
use super::repeats::{add_label, add_requirement};
use super::text::shortened;
use super::warnings::Warnings;
use super::xml::Source;

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

/// What the beginning of a suite says of it.
#[derive(Debug, Default)]
pub struct SuiteStart {
    /// The byte at which it begins.
    pub at: usize,
    /// Its name; a suite without one leaves no trace in the path.
    pub name: String,
    /// How many cases it says it holds.
    pub declared: usize,
    /// When it began, in milliseconds since 1970.
    pub started_ms: Option<i64>,
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
    pub fn enter(&mut self, start: SuiteStart, source: &Source<'_>) -> Result<(), ReadError> {
        let mut suite = Suite {
            at: start.at,
            name: start.name,
            declared: start.declared,
            started_ms: start.started_ms,
            ..Suite::default()
        };
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
        self.spend(bytes, start.at, source)
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

    /// The innermost suite says that its cases cover an issue; whether there was room for it.
    pub fn add_requirement(&mut self, found: Requirement, limits: &Limits) -> bool {
        (self.open.last_mut())
            .is_none_or(|suite| add_requirement(&mut suite.requirements, found, limits))
    }

    /// A label of the innermost suite, which may name a covered issue.
    pub fn add_tag(&mut self, label: String, limits: &Limits) {
        let Some(suite) = self.open.last_mut() else {
            return;
        };
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

    /// Counts bytes that a case which begins at `at` gets a copy of, because many others do too.
    pub fn spend(&mut self, bytes: usize, at: usize, source: &Source<'_>) -> Result<(), ReadError> {
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
