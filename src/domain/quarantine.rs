//! A test that is recorded and does not count, for a time: `test-management.md` section 5.4.
//!
//! It always has a reason, an owner and an end: quarantine without an exit is how tests are lost.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a test does not count, who sees to it, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quarantine {
    /// Why.
    pub reason: String,
    /// Who sees to it that the test counts again.
    pub owner: String,
    /// The account or API client that set it.
    pub by: Option<String>,
    /// When it was set, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// The moment from which the test counts again, milliseconds since the Unix epoch.
    pub ends_ms: i64,
}

impl Quarantine {
    /// Whether it holds at `now_ms` (milliseconds since the Unix epoch).
    #[must_use]
    pub fn holds(&self, now_ms: i64) -> bool {
        now_ms < self.ends_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_by_itself() {
        let quarantine = Quarantine {
            reason: "fails on Mondays".to_owned(),
            owner: "ann".to_owned(),
            by: None,
            created_ms: 1,
            ends_ms: 10,
        };
        assert!(quarantine.holds(9) && !quarantine.holds(10));
    }
}
