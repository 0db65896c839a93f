//! One result on its way from an XML report to the model, for the readers besides `JUnit`'s.
//!
//! A reader fills in what its dialect says; this module knows what the names of properties mean
//! (`reference/test-management.md` section 10.5) and what a [`ReportedRun`] needs.

use super::annotations::{labels_of, take_requirements};
use super::keys::{self, Tag};
use super::limits::Limits;
use super::model::{Attempt, Explicit, Identity, Remarks, ReportedRun, Requirement, Scope};
use super::repeats::{add_label, add_requirement};
use super::suites::CasePlace;
use super::text::{Capped, first_line, one_line, shortened};
use super::warnings::Warnings;
use crate::domain::attempts::Sequence;
use crate::domain::run::RunStatus;

/// A result that is being read.
#[derive(Debug)]
pub struct Case {
    /// The byte at which it begins.
    pub at: usize,
    /// The class; empty in dialects without one.
    pub class: String,
    /// The name that identifies it.
    pub name: String,
    /// The name for people, where it is another.
    pub title: Option<String>,
    /// Which data it ran with; several rows of a test are iterations of one run.
    pub row: Option<String>,
    /// How it ended.
    pub status: RunStatus,
    /// The first line of why.
    pub message: Option<String>,
    /// All of why.
    pub details: Capped,
    /// What it printed.
    pub output: Capped,
    /// Tries that the file marks as repeated since.
    pub before: Vec<Attempt>,
    /// When it began, in milliseconds since 1970.
    pub started_ms: Option<i64>,
    /// When it ended, in milliseconds since 1970.
    pub finished_ms: Option<i64>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// What it is about, for a test that the import creates.
    pub description: Option<String>,
    /// Whether a test that it names by an issue's key is made when nobody knows the key.
    pub makes_test: bool,
    test_key: Option<String>,
    test_id: Option<String>,
    requirements: Vec<Requirement>,
    labels: Vec<String>,
    summary: Option<String>,
    comment: Option<String>,
}

impl Case {
    /// A result that begins at `at` and ended with `status`.
    pub const fn new(at: usize, status: RunStatus) -> Self {
        Self {
            at,
            class: String::new(),
            name: String::new(),
            title: None,
            row: None,
            status,
            message: None,
            details: Capped::new(),
            output: Capped::new(),
            before: Vec::new(),
            started_ms: None,
            finished_ms: None,
            duration_ms: None,
            description: None,
            makes_test: false,
            test_key: None,
            test_id: None,
            requirements: Vec::new(),
            labels: Vec::new(),
            summary: None,
            comment: None,
        }
    }

    /// Why it ended as it did: what it said, and where in the code that was.
    pub fn explain(&mut self, message: Option<&str>, trace: Option<&str>, limits: &Limits) {
        let line = |text: Option<&str>| text.and_then(|t| first_line(t, limits.line_chars));
        let first = line(message).or_else(|| line(trace));
        if self.message.is_none() {
            self.message = first;
        }
        let says_more = |text: &&str| {
            trace.is_none_or(|trace| !trace.contains(*text))
                && (text.lines().nth(1).is_some() || text.len() > limits.line_chars)
        };
        for text in message.filter(says_more).into_iter().chain(trace) {
            self.details.separate(limits.details_bytes);
            self.details.push(text, limits.details_bytes);
        }
    }

    /// Something it printed.
    pub fn print(&mut self, text: &str, limits: &Limits) {
        self.output.separate(limits.output_bytes);
        self.output.push(text, limits.output_bytes);
    }

    /// A property, trait or attribute with a name.
    pub fn property(
        &mut self,
        name: &str,
        value: &str,
        limits: &Limits,
        warnings: &mut Warnings<'_>,
    ) {
        let line = || {
            let line = value.split_whitespace().collect::<Vec<_>>().join(" ");
            Some(shortened(&line, limits.line_chars)).filter(|line| !line.is_empty())
        };
        let at = self.at;
        match name.trim().to_ascii_lowercase().as_str() {
            "requirement" | "requirements" => take_requirements(value, at, warnings, |found| {
                add_requirement(&mut self.requirements, found, limits)
            }),
            "category" => self.tag(line().unwrap_or_default(), limits),
            "labels" | "tags" => {
                for label in labels_of(value, limits) {
                    self.tag(label, limits);
                }
            }
            "test_key" => self.test_key = line(),
            "test_id" => self.test_id = line(),
            "test_summary" => self.summary = line(),
            "description" | "test_description" => self.description = kept(value, limits),
            "testrun_comment" => self.comment = kept(value, limits),
            // The runner's own notes.
            name if name.starts_with('_') => {}
            _ => self.guess_in(value, limits),
        }
    }

    /// A label, which may name the test or an issue that it covers.
    pub fn tag(&mut self, label: String, limits: &Limits) {
        match keys::tag(&label) {
            Tag::Test(key) => self.test_key = Some(key.to_owned()),
            Tag::Covers(found) => {
                add_requirement(&mut self.requirements, found, limits);
            }
            Tag::Label if label.is_empty() => {}
            Tag::Label => {
                add_label(&mut self.labels, label, limits);
            }
        }
    }

    fn guess_in(&mut self, text: &str, limits: &Limits) {
        keys::guess(text, |found| {
            add_requirement(&mut self.requirements, found, limits);
        });
    }

    /// The finished result of this case, which stands at `place`.
    pub fn finish(
        mut self,
        place: CasePlace,
        limits: &Limits,
        warnings: &mut Warnings<'_>,
    ) -> ReportedRun {
        let (mut class, mut name) = (one_line(&self.class), one_line(&self.name));
        if name.is_empty() && !class.is_empty() {
            (class, name) = (String::new(), class);
        }
        if name.is_empty() {
            name = format!("unnamed test {}", place.ordinal);
            warnings.at(self.at, || {
                "a test has no name; it is known by its place only".into()
            });
        }
        self.guess_in(&name, limits);
        self.guess_in(&class, limits);
        if let Some(title) = self.title.take() {
            self.guess_in(&title, limits);
            self.title = Some(title);
        }
        for requirement in place.requirements {
            add_requirement(&mut self.requirements, requirement, limits);
        }
        for label in place.labels {
            add_label(&mut self.labels, label, limits);
        }
        let is_row = self.row.is_some();
        let label = self.row.map(|row| shortened(&row, limits.line_chars));
        let mut attempts = self.before;
        attempts.push(Attempt {
            status: self.status,
            label: label.clone(),
            message: self.message,
            details: self.details.finish(),
            output: self.output.finish(),
            iteration: None,
        });
        for attempt in &mut attempts {
            attempt.label.clone_from(&label);
        }
        let started_ms = self.started_ms.or(place.started_ms);
        let took = || self.duration_ms.unwrap_or(0);
        let explicit = self.test_id.map(Explicit::Id);
        ReportedRun {
            name: shortened(self.title.as_deref().unwrap_or(&name), limits.line_chars),
            attempts,
            sequence: if is_row {
                Sequence::Iterations
            } else {
                Sequence::Marked
            },
            started_ms,
            finished_ms: (self.finished_ms)
                .or_else(|| started_ms.map(|start| start.saturating_add(took()))),
            duration_ms: self.duration_ms,
            requirements: self.requirements,
            labels: self.labels,
            remarks: Remarks {
                summary: self.summary,
                description: self.description,
                comment: self.comment,
                makes_test: self.makes_test && self.test_key.is_some(),
                ..Remarks::default()
            }
            .boxed(),
            identity: Identity {
                explicit: explicit.or_else(|| self.test_key.map(Explicit::Key)),
                suite: place.path,
                class,
                name,
                file: String::new(),
                scope: Scope::Name,
            },
        }
    }
}

fn kept(text: &str, limits: &Limits) -> Option<String> {
    let mut kept = Capped::default();
    kept.push(text, limits.details_bytes);
    kept.finish()
}

/// The class and the method that a full name such as `Shop.Cart(1).Adds("a.b")` is made of, the
/// method with its arguments. None when it has no class, or is a sentence rather than a name.
#[must_use]
pub fn dotted(full: &str) -> Option<(&str, &str)> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let (mut dot, mut arguments) = (None, full.len());
    for (at, c) in full.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if depth > 0 => quoted = !quoted,
            _ if quoted => {}
            '(' | '<' => {
                if depth == 0 && c == '(' {
                    arguments = at;
                }
                depth += 1;
            }
            ')' | '>' => depth = depth.saturating_sub(1),
            '.' if depth == 0 => (dot, arguments) = (Some(at), full.len()),
            c if depth == 0 && c.is_whitespace() => return None,
            _ => {}
        }
    }
    let (class, method) = full.split_at(dot?);
    let method = method.get(1..)?;
    let is_named = !class.is_empty() && !method.is_empty() && arguments > class.len() + 1;
    is_named.then_some((class, method))
}

/// A name without the arguments in brackets at its end, if it has any.
#[must_use]
pub fn without_arguments(name: &str) -> Option<&str> {
    let (base, _) = name.strip_suffix(')')?.split_once('(')?;
    Some(base.trim_end()).filter(|base| !base.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_names_come_apart_at_the_last_dot_outside_brackets() {
        for (full, parts) in [
            ("Shop.Cart.Adds", Some(("Shop.Cart", "Adds"))),
            (
                "Cart.Adds(1.5,\"a)b.c\")",
                Some(("Cart", "Adds(1.5,\"a)b.c\")")),
            ),
            (
                "Shop.Cart(1.5).Adds(2)",
                Some(("Shop.Cart(1.5)", "Adds(2)")),
            ),
            (
                "Cart<A.B>.Adds<C.D>(2)",
                Some(("Cart<A.B>", "Adds<C.D>(2)")),
            ),
            ("Cart.Adds(\"\\\".x\")", Some(("Cart", "Adds(\"\\\".x\")"))),
            ("Adds", None),
            ("Adds(1.5)", None),
            ("A cart. It adds", None),
            (".Adds", None),
            ("Cart.", None),
            ("", None),
        ] {
            assert_eq!(dotted(full), parts, "{full}");
        }
    }

    #[test]
    fn arguments_are_what_stands_in_brackets_at_the_end() {
        assert_eq!(without_arguments("Adds(value: 1)"), Some("Adds"));
        assert_eq!(without_arguments("Adds up (1, (2))"), Some("Adds up"));
        for name in ["Adds", "(1)", "Adds(1) twice", ""] {
            assert_eq!(without_arguments(name), None, "{name}");
        }
    }
}
