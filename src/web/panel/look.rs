//! Which word, sign and colour each status has.

use super::view::Look;
use crate::domain::coverage::CoverageStatus;
use crate::domain::issue::StatusCategory;
use crate::domain::run::{Effect, RunStatus};

/// A test's status.
#[must_use]
pub const fn of_run(status: RunStatus) -> Look {
    let (word, icon, tone) = match status {
        RunStatus::Passed => ("Passed", "passed", "passed"),
        RunStatus::Todo => ("Not run", "notrun", "notrun"),
        RunStatus::Pending => ("Pending", "notrun", "notrun"),
        RunStatus::Executing => ("Running", "running", "running"),
        RunStatus::Skipped => ("Skipped", "skipped", "notrun"),
        RunStatus::Aborted => ("Aborted", "skipped", "notrun"),
        RunStatus::Blocked => ("Blocked", "skipped", "notrun"),
        RunStatus::Unknown | RunStatus::Custom(_) => ("Unknown", "unknown", "unknown"),
        RunStatus::Error => ("Error", "failed", "failed"),
        RunStatus::Failed => ("Failed", "failed", "failed"),
    };
    Look { word, icon, tone }
}

/// The small sign before an environment's name.
#[must_use]
pub const fn sign(status: RunStatus) -> &'static str {
    match status.effect() {
        Effect::Ok => "check",
        Effect::Nok => "cross",
        Effect::NotRun => "dash",
        Effect::Unknown => "question",
    }
}

/// The tone of a bar.
#[must_use]
pub const fn tone(effect: Effect) -> &'static str {
    match effect {
        Effect::Ok => "passed",
        Effect::Nok => "failed",
        Effect::NotRun => "notrun",
        Effect::Unknown => "unknown",
    }
}

/// An issue's status, and the tint of its word.
#[must_use]
pub const fn of_issue(status: CoverageStatus) -> (Look, &'static str) {
    let (icon, tint) = match status {
        CoverageStatus::Ok => ("passed", "ok"),
        CoverageStatus::Nok => ("failed", "nok"),
        CoverageStatus::NotRun => ("notrun", "notrun"),
        CoverageStatus::Unknown => ("unknown", "neutral"),
        CoverageStatus::Uncovered => ("uncovered", "info"),
        CoverageStatus::Exempt => ("exempt", "neutral"),
    };
    let look = Look {
        word: status.word(),
        icon,
        tone: icon,
    };
    (look, tint)
}

/// The tint of a Jira status, as Jira itself tints it.
#[must_use]
pub const fn of_category(category: StatusCategory) -> &'static str {
    match category {
        StatusCategory::Undefined | StatusCategory::New => "neutral",
        StatusCategory::Indeterminate => "info",
        StatusCategory::Done => "ok",
    }
}
