//! A person's word that an issue needs no test, with the reason, and an end if it has one.
//!
//! It ends by itself: nothing is written when it does, so whoever asks brings the time along.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// See the module; `test-management.md` section 2.3, EXEMPT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exemption {
    /// Why the issue needs no test.
    pub reason: String,
    /// The account that recorded it; `None` when an API client did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was recorded, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// When it ends, milliseconds since the Unix epoch; `None` when it was recorded for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_ms: Option<i64>,
}

impl Exemption {
    /// Whether the issue is exempt at `now_ms`.
    #[must_use]
    pub fn holds(&self, now_ms: i64) -> bool {
        self.ends_ms.is_none_or(|ends_ms| now_ms < ends_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_until_the_moment_it_ends() {
        let until = |ends_ms| Exemption {
            reason: "Only words change".to_owned(),
            by: None,
            created_ms: 0,
            ends_ms,
        };
        assert!(until(None).holds(i64::MAX));
        assert!(until(Some(10)).holds(9));
        assert!(!until(Some(10)).holds(10));
    }
}
