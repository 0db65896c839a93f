//! A person's word that an issue needs no test: `test-management.md` section 2.3.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why an issue needs no test, who said so, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exemption {
    /// Why.
    pub reason: String,
    /// The account or API client that said so.
    pub by: Option<String>,
    /// When it was said, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// The moment from which it no longer holds, milliseconds since the Unix epoch; none is for good.
    pub ends_ms: Option<i64>,
}

impl Exemption {
    /// Whether it holds at `now_ms` (milliseconds since the Unix epoch).
    #[must_use]
    pub fn holds(&self, now_ms: i64) -> bool {
        self.ends_ms.is_none_or(|ends_ms| now_ms < ends_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_by_itself() {
        let mut exemption = Exemption {
            reason: "only a text".to_owned(),
            by: None,
            created_ms: 1,
            ends_ms: Some(10),
        };
        assert!(exemption.holds(9) && !exemption.holds(10));
        exemption.ends_ms = None;
        assert!(exemption.holds(i64::MAX));
    }
}
