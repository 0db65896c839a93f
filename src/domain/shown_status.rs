//! What Jira is told of an issue's coverage: the value of its property, and the words of its lozenge.
//!
//! The property is what JQL, Jira's automation and workflow conditions see (D12 of
//! `test-management.md` 8.3), so it holds what they ask for and nothing that changes with every run:
//! each value costs a call. The descriptor and the manifest name its fields; rename nothing here
//! without them (`tests/it/statuses_in_jira.rs` compares).

use serde::{Deserialize, Serialize};

use super::coverage::{Counts, CoverageStatus};

/// Key of the property.
pub const PROPERTY: &str = "touchstone.coverage";

/// What an issue is shown with. Equal values need no call to Jira.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownStatus {
    /// The status, as interfaces write it: `OK`.
    pub status: String,
    /// Its own tests that count.
    pub total: usize,
    /// Those that passed.
    pub passed: usize,
    /// Those that failed or broke.
    pub failed: usize,
    /// Those without a passing result, and nothing against them.
    pub not_run: usize,
    /// Those with a result that cannot be trusted.
    pub unknown: usize,
    /// What was asked: `latest` is the newest result of every environment.
    pub scope: String,
}

impl ShownStatus {
    /// The status over all environments and everything that was ever run.
    #[must_use]
    pub fn latest(status: CoverageStatus, counts: Counts) -> Self {
        Self {
            status: status.name().to_owned(),
            total: counts.total,
            passed: counts.passed,
            failed: counts.failed,
            not_run: counts.not_run,
            unknown: counts.unknown,
            scope: "latest".to_owned(),
        }
    }

    /// The status; `None` for one that another build wrote.
    #[must_use]
    pub fn status(&self) -> Option<CoverageStatus> {
        CoverageStatus::from_name(&self.status)
    }

    /// The words of the lozenge beside an issue, and Jira's name of its colour (`connect.md` 5.4).
    #[must_use]
    pub fn lozenge(&self) -> (String, &'static str) {
        let Some(status) = self.status() else {
            return (self.status.clone(), "default");
        };
        let colour = match status {
            CoverageStatus::Ok => "success",
            CoverageStatus::Nok => "removed",
            CoverageStatus::NotRun => "inprogress",
            CoverageStatus::Unknown => "moved",
            CoverageStatus::Uncovered | CoverageStatus::Exempt => "default",
        };
        let words = match status {
            CoverageStatus::Nok if self.failed > 0 => format!("{} failed", self.failed),
            CoverageStatus::NotRun if self.not_run > 0 => format!("{} not run", self.not_run),
            _ => status.word().to_owned(),
        };
        (words, colour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(status: CoverageStatus) -> ShownStatus {
        let counts = Counts {
            total: 4,
            passed: 2,
            failed: 1,
            not_run: 1,
            unknown: 0,
        };
        ShownStatus::latest(status, counts)
    }

    #[test]
    fn the_property_is_flat_so_that_jql_finds_every_field() {
        let value = serde_json::to_value(shown(CoverageStatus::Nok)).unwrap();
        let expected = serde_json::json!({
            "status": "NOK", "total": 4, "passed": 2, "failed": 1, "notRun": 1, "unknown": 0,
            "scope": "latest",
        });
        assert_eq!(value, expected);
        let read: ShownStatus = serde_json::from_value(value).unwrap();
        assert_eq!(read.status(), Some(CoverageStatus::Nok));
    }

    #[test]
    fn the_lozenge_says_how_many_where_that_helps() {
        let of = |status| shown(status).lozenge();
        assert_eq!(of(CoverageStatus::Nok), ("1 failed".to_owned(), "removed"));
        assert_eq!(
            of(CoverageStatus::NotRun),
            ("1 not run".to_owned(), "inprogress")
        );
        assert_eq!(of(CoverageStatus::Ok), ("Passing".to_owned(), "success"));
        let mut newer = shown(CoverageStatus::Ok);
        newer.status = "SPLENDID".to_owned();
        assert_eq!(newer.lozenge(), ("SPLENDID".to_owned(), "default"));
        // Failing because of its children alone.
        let parent = ShownStatus::latest(CoverageStatus::Nok, Counts::default());
        assert_eq!(parent.lozenge().0, "Failing");
    }
}
