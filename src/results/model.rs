//! The one model that every reader of result files fills, and that the importer takes.
//!
//! Strings are data from outside: bounded, but never escaped. A [`ReportedRun`] is one result of
//! one test; what the file says about its retries stays in the attempts.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::domain::attempts::{Aggregation, Sequence, aggregate};
use crate::domain::run::{Effect, RunStatus};
use crate::domain::statuses::Statuses;

mod info;

pub use info::{ExecutionInfo, Iteration, ReportedStep, TestDefinition};

/// What a result file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// What people call its format, for the source of the execution: `JUnit`.
    pub format: &'static str,
    /// One per test, in the order in which the file first names them.
    pub runs: Vec<ReportedRun>,
    /// How many test cases the file holds, by outcome.
    pub counts: Counts,
    /// What the uploader should know, in sentences; the last one may say how many more there are.
    pub warnings: Vec<String>,
    /// Why results are missing, when the file itself says that some are.
    pub incomplete: Option<String>,
    /// What the file says of the execution, when it is of a format that does.
    pub info: Option<Box<ExecutionInfo>>,
}

/// Test cases as the file holds them, before repeats are joined: every number counts elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All of them.
    pub tests: usize,
    /// Passed, the flaky ones among them.
    pub passed: usize,
    /// An assertion failed.
    pub failed: usize,
    /// Broke outside their assertions.
    pub error: usize,
    /// Deliberately not run.
    pub skipped: usize,
    /// To do, pending, inconclusive or unknown.
    pub other: usize,
    /// Passed, and marked by the file as having failed first.
    pub flaky: usize,
}

impl Counts {
    /// Counts one test case.
    pub const fn add(&mut self, status: RunStatus, is_marked_flaky: bool) {
        self.tests += 1;
        match status {
            RunStatus::Passed => self.passed += 1,
            RunStatus::Failed => self.failed += 1,
            RunStatus::Error => self.error += 1,
            RunStatus::Skipped => self.skipped += 1,
            _ => self.other += 1,
        }
        if is_marked_flaky && matches!(status, RunStatus::Passed) {
            self.flaky += 1;
        }
    }
}

/// One test's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedRun {
    /// What makes it the same test as in another file.
    pub identity: Identity,
    /// Its name for people.
    pub name: String,
    /// At least one, in order; with one attempt nothing was retried.
    pub attempts: Vec<Attempt>,
    /// How the attempts belong together.
    pub sequence: Sequence,
    /// When it began, in milliseconds since 1970: by its own time, else by that of its suite.
    pub started_ms: Option<i64>,
    /// When it ended, in milliseconds since 1970; the start plus the duration.
    pub finished_ms: Option<i64>,
    /// How long it took, in milliseconds, all attempts together.
    pub duration_ms: Option<i64>,
    /// Issues that the test covers, each once, in the order found.
    pub requirements: Vec<Requirement>,
    /// Labels, each once, in the order found.
    pub labels: Vec<String>,
    /// What few results bring; apart, because a file has a hundred thousand of those that do not.
    pub remarks: Option<Box<Remarks>>,
}

/// What a result brings beyond its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remarks {
    /// The summary for a test that the import creates.
    pub summary: Option<String>,
    /// The description for a test that the import creates.
    pub description: Option<String>,
    /// What the tester or the run's script remarked.
    pub comment: Option<String>,
    /// Files that prove the result.
    pub evidence: Vec<Evidence>,
    /// Custom fields of the run: name and value.
    pub custom_fields: Vec<(String, String)>,
    /// The outcome as the file states it outright; it goes before what attempts or steps come to.
    pub status: Option<RunStatus>,
    /// How the steps of the test went, in order.
    pub steps: Vec<ReportedStep>,
    /// Keys of issues that broke the run.
    pub defects: Vec<String>,
    /// Who ran the test.
    pub executed_by: Option<String>,
    /// Who is to run it.
    pub assignee: Option<String>,
    /// What it takes to make the test.
    pub definition: Option<Box<TestDefinition>>,
    /// Whether a test that is named by the key of an issue is made when nobody knows the key.
    pub makes_test: bool,
}

impl Remarks {
    /// These, if there are any.
    #[must_use]
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

impl ReportedRun {
    /// The status under `policy`, and whether the attempts make the test flaky
    /// (`reference/test-management.md` sections 5.1 to 5.3).
    #[must_use]
    pub fn status(&self, policy: Aggregation) -> (RunStatus, bool) {
        if let Some(stated) = self.remarks.as_ref().and_then(|remarks| remarks.status) {
            return (stated, stated == RunStatus::Passed && self.is_mixed());
        }
        if let [only] = self.attempts.as_slice() {
            return (only.status, false);
        }
        let statuses: Vec<RunStatus> = self.attempts.iter().map(|a| a.status).collect();
        aggregate(&statuses, self.sequence, policy, &Statuses::default())
    }

    /// Whether some attempt passed and another failed.
    fn is_mixed(&self) -> bool {
        let statuses = Statuses::default();
        let effects = || self.attempts.iter().map(|a| statuses.effect(a.status));
        let any = |wanted| effects().any(|effect| effect == wanted);
        any(Effect::Ok) && any(Effect::Nok)
    }
}

/// One try of a test, or one of its iterations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The outcome.
    pub status: RunStatus,
    /// Which data it ran with, when the parts of a run are iterations.
    pub label: Option<String>,
    /// The first line of what it said about its outcome.
    pub message: Option<String>,
    /// The stack trace or whatever explains the outcome.
    pub details: Option<String>,
    /// What the test printed.
    pub output: Option<String>,
    /// What an iteration brings; apart, because few attempts are one that does.
    pub iteration: Option<Box<Iteration>>,
}

impl Attempt {
    /// An attempt of which no more than its outcome is known.
    #[must_use]
    pub const fn of(status: RunStatus) -> Self {
        Self {
            status,
            label: None,
            message: None,
            details: None,
            output: None,
            iteration: None,
        }
    }
}

/// An issue that a test covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The key.
    pub key: String,
    /// Whether the file means it as a requirement.
    pub certainty: Certainty,
}

/// How sure it is that an issue key names a covered issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// It stands in a place that is there to name requirements.
    Stated,
    /// It merely looks like an issue key; to be believed only if there is such an issue.
    Guessed,
}

/// A file attached to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Its name, as the file gives it: not a path to trust.
    pub name: String,
    /// Its media type when the file names one.
    pub media_type: Option<String>,
    /// Its bytes.
    pub content: Vec<u8>,
    /// The step it belongs to, from 1; 0 is the run itself.
    pub step: i32,
}

/// What makes two results results of the same test.
///
/// Section 5.3 of the reference names suite path, class name and name; section 10.5 class name and
/// name. The suite path differs when a test runs alone (`PHPUnit`, Karma), so it is left out as long
/// as class name and name are enough: [`Scope`] says what is needed to tell apart the tests of
/// *this* file, and [`Identity::key`] writes just that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The test that the file names outright.
    pub explicit: Option<Explicit>,
    /// The names of the suites around it, outermost first, joined with ` > `.
    pub suite: Arc<str>,
    /// The class name; empty in dialects without one.
    pub class: String,
    /// The name; may be empty when there is a class.
    pub name: String,
    /// The source file, empty if not given.
    pub file: String,
    /// How much of this it takes.
    pub scope: Scope,
}

/// A test named by key or id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Explicit {
    /// Its key.
    Key(String),
    /// Its id.
    Id(String),
}

/// How much of an [`Identity`] tells the tests of a file apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Class name and name; suite path and name without a class.
    Name,
    /// With the suite path, because the class and name occur in several suites.
    Suite,
    /// With the source file too, because they occur in several files of the same suite.
    File,
}

/// A longer key ends in a digest, so that it fits a database index.
const KEY_BYTES: usize = 400;

impl Identity {
    /// The text under which the test is known: at most 400 bytes, equal for equal identities.
    ///
    /// Parts are separated by line ends, which names cannot hold.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.explicit {
            Some(Explicit::Id(id)) => return bounded(format!("id:{id}")),
            Some(Explicit::Key(key)) => return bounded(format!("key:{key}")),
            None => {}
        }
        let mut key = String::with_capacity(self.class.len() + self.name.len() + 1);
        if self.class.is_empty() || self.scope >= Scope::Suite {
            key.push_str("suite:");
            key.push_str(&self.suite);
            key.push('\n');
        }
        if !self.class.is_empty() {
            key.push_str(&self.class);
            key.push('\n');
        }
        key.push_str(&self.name);
        if self.scope >= Scope::File {
            key.push_str("\nfile:");
            key.push_str(&self.file);
        }
        bounded(key)
    }
}

fn bounded(mut key: String) -> String {
    if key.len() > KEY_BYTES {
        let digest = digest::digest(&digest::SHA256, key.as_bytes());
        let digest = BASE64_URL_SAFE_NO_PAD.encode(digest);
        key.truncate(key.floor_char_boundary(KEY_BYTES - digest.len() - 1));
        key.push('\n');
        key.push_str(&digest);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(class: &str, name: &str, scope: Scope) -> Identity {
        Identity {
            explicit: None,
            suite: Arc::from("all > unit"),
            class: class.to_owned(),
            name: name.to_owned(),
            file: "a.rs".to_owned(),
            scope,
        }
    }

    #[test]
    fn a_key_says_as_much_as_the_scope_asks_for() {
        let key = |class, scope| identity(class, "pays", scope).key();
        assert_eq!(key("shop.Cart", Scope::Name), "shop.Cart\npays");
        assert_eq!(key("", Scope::Name), "suite:all > unit\npays");
        assert_eq!(
            key("shop.Cart", Scope::Suite),
            "suite:all > unit\nshop.Cart\npays"
        );
        assert_eq!(key("", Scope::File), "suite:all > unit\npays\nfile:a.rs");
        let named = Explicit::Key("SHOP-T1".to_owned());
        let explicit = Identity {
            explicit: Some(named),
            ..identity("C", "n", Scope::Name)
        };
        assert_eq!(explicit.key(), "key:SHOP-T1");
    }

    #[test]
    fn long_keys_stay_short_and_different() {
        let long = "ü".repeat(50_000);
        let one = identity("C", &format!("{long}1"), Scope::Name).key();
        let two = identity("C", &format!("{long}2"), Scope::Name).key();
        assert!(one.len() <= KEY_BYTES && one != two);
        assert_eq!(one, identity("C", &format!("{long}1"), Scope::Name).key());
    }

    #[test]
    fn counts_add_up() {
        let mut counts = Counts::default();
        for status in RunStatus::ALL {
            counts.add(status, true);
        }
        let Counts {
            tests,
            passed,
            failed,
            error,
            skipped,
            other,
            flaky,
        } = counts;
        assert_eq!(
            [tests, passed, failed, error, skipped, other, flaky],
            [10, 1, 1, 1, 1, 6, 1]
        );
    }
}
