//! The statuses a test run can have, with what each means for the issue the test covers.
//!
//! Rules: `reference/test-management.md` section 2.2. `code` is what the store keeps, so a variant is
//! never moved or re-used. What statuses that a site made mean is `domain::statuses`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::statuses::{CustomStatus, word};

/// What a run's status says about the issue its test covers; the worst last.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Effect {
    /// The test vouches for the issue.
    Ok,
    /// The test says nothing yet.
    NotRun,
    /// The result exists but cannot be trusted.
    Unknown,
    /// The test speaks against the issue.
    Nok,
}

/// The outcome of one run, or of one attempt of it. The built-in ones are ordered by rank, the worst
/// last; where a custom one may be among them, [`Statuses::rank`] is the order.
///
/// [`Statuses::rank`]: super::statuses::Statuses::rank
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RunStatus {
    /// Ran to its end and every assertion held.
    Passed,
    /// Planned and not yet started.
    Todo,
    /// Known to be unfinished: a pending step, a failing test that is marked as to do.
    Pending,
    /// Running now.
    Executing,
    /// Deliberately not run.
    Skipped,
    /// Stopped before it had an outcome.
    Aborted,
    /// Could not run because of something else.
    Blocked,
    /// Has an outcome that maps to none of the others.
    Unknown,
    /// Broke outside its assertions: set-up, exception, timeout.
    Error,
    /// An assertion did not hold.
    Failed,
    /// A status that the site made, by its number.
    Custom(i16),
}

impl RunStatus {
    /// Every built-in status, by rank.
    pub const ALL: [Self; 10] = [
        Self::Passed,
        Self::Todo,
        Self::Pending,
        Self::Executing,
        Self::Skipped,
        Self::Aborted,
        Self::Blocked,
        Self::Unknown,
        Self::Error,
        Self::Failed,
    ];

    /// Whether a later look at the same run can no longer change it, when it is built in.
    #[must_use]
    pub(super) const fn is_final(self) -> bool {
        match self {
            Self::Passed
            | Self::Skipped
            | Self::Aborted
            | Self::Blocked
            | Self::Error
            | Self::Failed => true,
            Self::Todo | Self::Pending | Self::Executing | Self::Unknown | Self::Custom(_) => false,
        }
    }

    /// What the status says about the covered issue, when it is built in.
    #[must_use]
    pub(super) const fn effect(self) -> Effect {
        match self {
            Self::Passed => Effect::Ok,
            Self::Todo
            | Self::Pending
            | Self::Executing
            | Self::Skipped
            | Self::Aborted
            | Self::Blocked => Effect::NotRun,
            Self::Unknown | Self::Custom(_) => Effect::Unknown,
            Self::Error | Self::Failed => Effect::Nok,
        }
    }

    /// The status that an API client or a person means by `text`; case, spaces, `_` and `-` do
    /// not matter. `None` is for the caller to refuse by name, never to be read as UNKNOWN.
    ///
    /// Result files use some of these words differently (GoogleTest's `notrun` is *skipped*);
    /// their readers map such words themselves.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match word(text).as_str() {
            "PASS" | "PASSED" | "SUCCESS" | "OK" => Self::Passed,
            "TODO" | "NOTEXECUTED" | "NOTRUN" | "UNEXECUTED" | "IDLE" | "UNTESTED" => Self::Todo,
            "PENDING" => Self::Pending,
            "EXECUTING" | "RUNNING" | "INPROGRESS" => Self::Executing,
            "SKIP" | "SKIPPED" | "IGNORED" | "DISABLED" | "WAIVED" => Self::Skipped,
            "ABORTED" | "CANCELLED" => Self::Aborted,
            "BLOCKED" => Self::Blocked,
            "UNKNOWN" | "INCONCLUSIVE" => Self::Unknown,
            "ERROR" | "BROKEN" | "TIMEDOUT" => Self::Error,
            "FAIL" | "FAILED" | "FAILURE" => Self::Failed,
            _ => return None,
        })
    }

    /// The name as interfaces and pages write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Todo => "TODO",
            Self::Pending => "PENDING",
            Self::Executing => "EXECUTING",
            Self::Skipped => "SKIPPED",
            Self::Aborted => "ABORTED",
            Self::Blocked => "BLOCKED",
            Self::Unknown | Self::Custom(_) => "UNKNOWN",
            Self::Error => "ERROR",
            Self::Failed => "FAILED",
        }
    }

    /// The number the store keeps.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Self::Passed => 0,
            Self::Todo => 1,
            Self::Pending => 2,
            Self::Executing => 3,
            Self::Skipped => 4,
            Self::Aborted => 5,
            Self::Blocked => 6,
            Self::Unknown => 7,
            Self::Error => 8,
            Self::Failed => 9,
            Self::Custom(code) => code,
        }
    }

    /// The status with this number, if there is one; a custom one may have been removed.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        if code >= CustomStatus::FIRST_CODE {
            return Some(Self::Custom(code));
        }
        Self::ALL.into_iter().find(|status| status.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_code_and_name_agree() {
        for pair in RunStatus::ALL.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].code() < pair[1].code());
        }
        for status in RunStatus::ALL {
            assert_eq!(RunStatus::from_code(status.code()), Some(status));
            assert_eq!(RunStatus::parse(status.name()), Some(status));
        }
        assert_eq!(RunStatus::from_code(100), Some(RunStatus::Custom(100)));
        assert_eq!(RunStatus::from_code(10), None);
        assert_eq!(RunStatus::from_code(-1), None);
    }

    #[test]
    fn spellings_of_both_client_families_are_read() {
        for (text, status) in [
            ("to do", RunStatus::Todo),
            ("NOT_RUN", RunStatus::Todo),
            ("Not Executed", RunStatus::Todo),
            ("in-progress", RunStatus::Executing),
            ("Pass", RunStatus::Passed),
            ("FAIL", RunStatus::Failed),
            ("timed out", RunStatus::Error),
            ("inconclusive", RunStatus::Unknown),
            ("disabled", RunStatus::Skipped),
        ] {
            assert_eq!(RunStatus::parse(text), Some(status), "{text}");
        }
        assert_eq!(RunStatus::parse("${STATUS}"), None);
        assert_eq!(RunStatus::parse(""), None);
    }

    #[test]
    fn only_passed_vouches_and_only_error_and_failed_object() {
        let with = |effect| {
            RunStatus::ALL
                .into_iter()
                .filter(|s| s.effect() == effect)
                .count()
        };
        assert_eq!(
            [Effect::Ok, Effect::NotRun, Effect::Unknown, Effect::Nok].map(with),
            [1, 6, 1, 2]
        );
        assert!(!RunStatus::Todo.is_final() && !RunStatus::Unknown.is_final());
        assert!(RunStatus::Skipped.is_final() && RunStatus::Blocked.is_final());
    }
}
