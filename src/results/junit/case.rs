//! One `testcase` from its start tag to its end tag.
//!
//! Outcome elements have a precedence (error, failure, skipped), to-do beats them all, and
//! Surefire's `flaky…` and `rerun…` elements are attempts before and after the main one. Only
//! without any outcome element do the words of the attributes `status` and `result` count.

use super::super::annotations::{labels_of, take_requirements};
use super::super::error::ReadError;
use super::super::keys::{self, Tag};
use super::super::limits::Limits;
use super::super::model::{
    Attempt, Evidence, Explicit, Identity, Remarks, ReportedRun, Requirement, Scope,
};
use super::super::repeats::{add_label, add_requirement};
use super::super::suites::CasePlace;
use super::super::text::{Capped, one_line, shortened};
use super::super::warnings::Warnings;
use super::super::when::{duration_ms, instant_ms};
use super::super::xml::Element;
use super::outcome::{Explanation, Outcome, precedence, worded};
use super::property::Property;
use crate::domain::attempts::Sequence;
use crate::domain::run::RunStatus;

/// A case that is being read.
#[derive(Debug, Default)]
pub struct CaseDraft {
    /// The byte at which it begins.
    pub at: usize,
    /// Evidence attached so far.
    pub evidence: Vec<Evidence>,
    /// Custom fields so far.
    pub custom_fields: Vec<(String, String)>,
    name: String,
    class: String,
    file: String,
    /// From the attributes `status` and `result`.
    worded: Option<RunStatus>,
    /// From the outcome elements.
    outcome: Option<RunStatus>,
    is_todo: bool,
    message: Option<String>,
    details: Capped,
    output: Capped,
    before: Vec<Attempt>,
    after: Vec<Attempt>,
    current: Option<(Outcome, Explanation)>,
    started_ms: Option<i64>,
    duration_ms: Option<i64>,
    test_key: Option<String>,
    test_id: Option<String>,
    tagged_key: Option<String>,
    requirements: Vec<Requirement>,
    labels: Vec<String>,
    summary: Option<String>,
    description: Option<String>,
    comment: Option<String>,
}

impl CaseDraft {
    /// Begins a case.
    pub fn open(
        element: &Element<'_>,
        limits: &Limits,
        warnings: &mut Warnings<'_>,
    ) -> Result<Self, ReadError> {
        let mut case = Self {
            at: element.at,
            ..Self::default()
        };
        let (mut other_class, mut other_duration) = (None, None);
        let mut bad = None;
        let mut requirements = None;
        element.each_attribute(|attribute| {
            let value = attribute.value;
            match attribute.name {
                "name" => case.name = one_line(&value),
                "classname" => case.class = one_line(&value),
                "class" => other_class = Some(one_line(&value)),
                "file" => value.trim().clone_into(&mut case.file),
                "time" => match duration_ms(&value) {
                    None if !value.trim().is_empty() => bad = Some("duration"),
                    duration => case.duration_ms = duration,
                },
                "duration" => other_duration = duration_ms(&value),
                "timestamp" => match instant_ms(&value) {
                    None if !value.trim().is_empty() => bad = Some("timestamp"),
                    instant => case.started_ms = instant,
                },
                "status" | "result" => case.worded = worded(&value).or(case.worded),
                "requirement" | "requirements" => requirements = Some(value.into_owned()),
                _ => {}
            }
        })?;
        if case.class.is_empty() {
            case.class = other_class.unwrap_or_default();
        }
        if case.class == NO_CLASS {
            case.class.clear();
        }
        case.duration_ms = case.duration_ms.or(other_duration);
        if let Some(what) = bad {
            warnings.at(case.at, || {
                format!("the {what} of a case cannot be read and was left out")
            });
        }
        if let Some(list) = requirements {
            take_requirements(&list, case.at, warnings, |found| {
                add_requirement(&mut case.requirements, found, limits)
            });
        }
        Ok(case)
    }

    /// Begins an outcome element.
    pub fn open_outcome(
        &mut self,
        outcome: Outcome,
        element: &Element<'_>,
        limits: &Limits,
    ) -> Result<(), ReadError> {
        let mut explanation = Explanation::default();
        element.each_attribute(|attribute| match attribute.name {
            "message" => {
                let mut message = Capped::default();
                message.push(&attribute.value, limits.details_bytes);
                explanation.message = message.finish();
            }
            "type" => explanation.kind = Some(shortened(&attribute.value, limits.line_chars)),
            _ => {}
        })?;
        let kind = explanation.kind.as_deref();
        if outcome == Outcome::Skipped && kind.is_some_and(|k| k.eq_ignore_ascii_case("todo")) {
            self.is_todo = true;
        }
        self.current = Some((outcome, explanation));
        Ok(())
    }

    /// Text of an outcome element.
    pub fn explain(&mut self, text: &str, limits: &Limits) {
        if let Some((_, explanation)) = &mut self.current {
            explanation.details.push(text, limits.details_bytes);
        }
    }

    /// Begins a piece of output, of the open attempt or of the case.
    pub fn open_output(&mut self, limits: &Limits) {
        self.open_capture().separate(limits.output_bytes);
    }

    /// Text that the test printed.
    pub fn print(&mut self, text: &str, limits: &Limits) {
        self.open_capture().push(text, limits.output_bytes);
    }

    fn open_capture(&mut self) -> &mut Capped {
        match &mut self.current {
            Some((_, explanation)) => &mut explanation.output,
            None => &mut self.output,
        }
    }

    /// Ends an outcome element.
    pub fn close_outcome(&mut self, limits: &Limits) {
        let Some((outcome, mut explanation)) = self.current.take() else {
            return;
        };
        let message = explanation.message_line(limits);
        let details = explanation.details(limits);
        let status = match outcome {
            Outcome::Skipped => RunStatus::Skipped,
            Outcome::Failure => RunStatus::Failed,
            Outcome::Error => RunStatus::Error,
            Outcome::Flaky(status) | Outcome::Rerun(status) => {
                let details = details.finish();
                let output = explanation.output.finish();
                let attempt = Attempt {
                    status,
                    label: None,
                    message,
                    details,
                    output,
                    iteration: None,
                };
                match outcome {
                    Outcome::Flaky(_) => self.before.push(attempt),
                    _ => self.after.push(attempt),
                }
                return;
            }
        };
        if precedence(Some(status)) > precedence(self.outcome) {
            self.outcome = Some(status);
            self.message = message;
        }
        self.details.separate(limits.details_bytes);
        self.details.append(&details, limits.details_bytes);
        self.output.append(&explanation.output, limits.output_bytes);
    }

    /// Takes a property that was read to its end.
    pub fn take_property(
        &mut self,
        property: Property,
        limits: &Limits,
        warnings: &mut Warnings<'_>,
    ) {
        let value = || {
            let line = property
                .text()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            Some(shortened(&line, limits.line_chars)).filter(|line| !line.is_empty())
        };
        match property.name.as_str() {
            "test_key" => self.test_key = value(),
            "test_id" => self.test_id = value(),
            "test_summary" => self.summary = value(),
            "test_description" => self.description = property.long_text(limits),
            "testrun_comment" => self.comment = property.long_text(limits),
            "testrun_evidence" | "testrun_customfields" => {}
            "requirement" | "requirements" => {
                property.requirements(warnings, |found| {
                    add_requirement(&mut self.requirements, found, limits)
                });
            }
            "tags" => self.take_tags(&property, limits, warnings),
            _ => {
                self.guess_in(&property.name, limits);
                self.guess_in(property.text(), limits);
            }
        }
    }

    fn take_tags(&mut self, tags: &Property, limits: &Limits, warnings: &mut Warnings<'_>) {
        let mut has_room = true;
        for label in labels_of(tags.text(), limits) {
            has_room &= match keys::tag(&label) {
                Tag::Test(key) => {
                    self.tagged_key = Some(key.to_owned());
                    true
                }
                Tag::Covers(found) => add_requirement(&mut self.requirements, found, limits),
                Tag::Label => add_label(&mut self.labels, label, limits),
            };
        }
        if !has_room {
            warnings.at(tags.at, || {
                "too many tags; the last ones were passed over".into()
            });
        }
    }

    fn guess_in(&mut self, text: &str, limits: &Limits) {
        keys::guess(text, |found| {
            add_requirement(&mut self.requirements, found, limits);
        });
    }

    /// The one outcome of the case.
    pub fn status(&self) -> RunStatus {
        if self.is_todo {
            return RunStatus::Pending;
        }
        self.outcome.or(self.worded).unwrap_or(RunStatus::Passed)
    }

    /// Whether the file marks the case as having failed before it passed.
    pub fn is_marked_flaky(&self) -> bool {
        !self.before.is_empty()
    }

    /// The finished result of this case, which stands at `place`.
    pub fn finish(
        mut self,
        place: CasePlace,
        limits: &Limits,
        warnings: &mut Warnings<'_>,
    ) -> ReportedRun {
        let status = self.status();
        if self.name.is_empty() && self.class.is_empty() {
            self.name = format!("unnamed test {}", place.ordinal);
            warnings.at(self.at, || {
                "a case has neither name nor class name; it is known by its place only".into()
            });
        }
        if self.name.contains('-') || self.class.contains('-') {
            let (name, class) = (
                std::mem::take(&mut self.name),
                std::mem::take(&mut self.class),
            );
            self.guess_in(&name, limits);
            self.guess_in(&class, limits);
            (self.name, self.class) = (name, class);
        }
        for requirement in place.requirements {
            add_requirement(&mut self.requirements, requirement, limits);
        }
        for label in place.labels {
            add_label(&mut self.labels, label, limits);
        }
        let (message, details) = (self.message, self.details.finish());
        let output = self.output.finish();
        let mut attempts = self.before;
        attempts.reserve_exact(1 + self.after.len());
        attempts.push(Attempt {
            status,
            label: None,
            message,
            details,
            output,
            iteration: None,
        });
        attempts.append(&mut self.after);
        let test_key = self.test_key.or(self.tagged_key);
        let explicit = match (self.test_id, test_key) {
            (Some(id), _) => Some(Explicit::Id(id)),
            (None, Some(key)) => Some(Explicit::Key(key)),
            (None, None) => None,
        };
        let readable = if self.name.is_empty() {
            &self.class
        } else {
            &self.name
        };
        let started_ms = self.started_ms.or(place.started_ms);
        ReportedRun {
            name: shortened(readable, limits.line_chars),
            attempts,
            sequence: Sequence::Marked,
            started_ms,
            finished_ms: started_ms
                .map(|start| start.saturating_add(self.duration_ms.unwrap_or(0))),
            duration_ms: self.duration_ms,
            requirements: self.requirements,
            labels: self.labels,
            remarks: Remarks {
                summary: self.summary,
                description: self.description,
                comment: self.comment,
                evidence: self.evidence,
                custom_fields: self.custom_fields,
                ..Remarks::default()
            }
            .boxed(),
            identity: Identity {
                explicit,
                suite: place.path,
                class: self.class,
                name: self.name,
                file: self.file,
                scope: Scope::Name,
            },
        }
    }
}

/// Node's runner gives every test this class name, so it tells none from another.
const NO_CLASS: &str = "test";
