//! Which word, sign and colour each status has.

use std::borrow::Cow;

use super::view::{Look, RunLook};
use crate::domain::coverage::CoverageStatus;
use crate::domain::issue::StatusCategory;
use crate::domain::run::{Effect, RunStatus};
use crate::domain::statuses::NamedStatus;

/// How a run or a test stands. A status that a site made is named as it named it, and has the sign and
/// the colour of what it means.
#[must_use]
pub fn of_run(status: &NamedStatus, effect: Effect) -> RunLook {
    let (word, icon, tone) = match status.status {
        RunStatus::Passed => ("Passed", "passed", "passed"),
        RunStatus::Todo => ("Not run", "notrun", "notrun"),
        RunStatus::Pending => ("Pending", "notrun", "notrun"),
        RunStatus::Executing => ("Running", "running", "running"),
        RunStatus::Skipped => ("Skipped", "skipped", "notrun"),
        RunStatus::Aborted => ("Aborted", "skipped", "notrun"),
        RunStatus::Blocked => ("Blocked", "skipped", "notrun"),
        RunStatus::Unknown => ("Unknown", "unknown", "unknown"),
        RunStatus::Error => ("Error", "failed", "failed"),
        RunStatus::Failed => ("Failed", "failed", "failed"),
        RunStatus::Custom(_) => {
            let tone = tone(effect);
            return RunLook {
                word: status.name.clone(),
                icon: tone,
                tone,
                sign: sign(effect),
            };
        }
    };
    RunLook {
        word: Cow::Borrowed(word),
        icon,
        tone,
        sign: sign(effect),
    }
}

/// The small sign before an environment's name.
const fn sign(effect: Effect) -> &'static str {
    match effect {
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
