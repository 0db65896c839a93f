//! A test taken out of what counts, while its results go on being recorded.
//!
//! Quarantine without an exit is a known failure (`test-management.md` section 5.4), so it has a
//! reason, an owner and an end. It ends by itself: nothing is written when it does.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quarantine {
    /// Why the test does not count.
    pub reason: String,
    /// Who sees to it that it does again.
    pub owner: String,
    /// The account that recorded it; `None` when an API client did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was recorded, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// When the test counts again, milliseconds since the Unix epoch.
    pub ends_ms: i64,
}

impl Quarantine {
    /// Whether the test is out at `now_ms`.
    #[must_use]
    pub const fn holds(&self, now_ms: i64) -> bool {
        now_ms < self.ends_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_by_itself() {
        let quarantine = Quarantine {
            reason: "Times out when the network is slow".to_owned(),
            owner: "Ann".to_owned(),
            by: None,
            created_ms: 0,
            ends_ms: 10,
        };
        assert!(quarantine.holds(9));
        assert!(!quarantine.holds(10));
    }
}
