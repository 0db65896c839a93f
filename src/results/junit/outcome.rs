//! The elements and words that say how a case ended.

use super::super::limits::Limits;
use super::super::text::{Capped, first_line};
use crate::domain::run::RunStatus;

/// What an element inside a case says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Skipped,
    Failure,
    Error,
    /// Surefire: failed before it passed.
    Flaky(RunStatus),
    /// Surefire: failed again after it had failed.
    Rerun(RunStatus),
}

impl Outcome {
    /// The outcome that an element of this name stands for.
    pub fn of(element: &str) -> Option<Self> {
        Some(match element {
            "failure" => Self::Failure,
            "error" => Self::Error,
            "skipped" | "skip" | "ignored" | "disabled" => Self::Skipped,
            "flakyFailure" => Self::Flaky(RunStatus::Failed),
            "flakyError" => Self::Flaky(RunStatus::Error),
            "rerunFailure" => Self::Rerun(RunStatus::Failed),
            "rerunError" => Self::Rerun(RunStatus::Error),
            _ => return None,
        })
    }
}

/// What is known of an attempt while its element is open.
#[derive(Debug, Default)]
pub struct Explanation {
    /// The `message` attribute, whole.
    pub message: Option<String>,
    /// The `type` attribute.
    pub kind: Option<String>,
    /// The text.
    pub details: Capped,
    /// What the attempt printed.
    pub output: Capped,
}

impl Explanation {
    /// The first line of the message, of the text or of the type, whichever says something.
    pub fn message_line(&self, limits: &Limits) -> Option<String> {
        let of = |text: &str| first_line(text, limits.line_chars);
        self.message
            .as_deref()
            .and_then(of)
            .or_else(|| of(self.details.as_str()))
            .or_else(|| self.kind.as_deref().and_then(of))
    }

    /// The text, or the message where it says more than its first line.
    pub fn details(&mut self, limits: &Limits) -> Capped {
        let mut details = std::mem::take(&mut self.details);
        if details.is_blank() {
            details = Capped::default();
            let says_more =
                |text: &&str| text.lines().nth(1).is_some() || text.len() > limits.line_chars;
            if let Some(message) = self.message.as_deref().filter(says_more) {
                details.push(message, limits.details_bytes);
            }
        }
        details
    }
}

/// In one case an error beats a failure, which beats skipped.
pub const fn precedence(outcome: Option<RunStatus>) -> u8 {
    match outcome {
        Some(RunStatus::Error) => 3,
        Some(RunStatus::Failed) => 2,
        Some(_) => 1,
        None => 0,
    }
}

/// What `status` (`GoogleTest`, `CTest`) or `result` say when no element does.
pub fn worded(word: &str) -> Option<RunStatus> {
    let word = word.trim().to_ascii_lowercase();
    Some(match word.as_str() {
        "notrun" | "not_run" | "not run" | "disabled" | "skipped" | "skip" | "suppressed"
        | "ignored" => RunStatus::Skipped,
        "fail" | "failed" | "failure" => RunStatus::Failed,
        "error" | "errored" | "broken" => RunStatus::Error,
        "todo" | "pending" => RunStatus::Pending,
        "inconclusive" => RunStatus::Unknown,
        _ => return None,
    })
}
