//! Mishaps on command: what goes wrong between Jira and the app, as much as a test asks for.

use serde::{Deserialize, Serialize};

/// Everything that may go wrong. The default is that nothing does.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Faults {
    /// Percent of deliveries that are sent twice under one identifier, as after a lost answer.
    pub duplicate_percent: u8,
    /// Percent of events that are sent once more under an identifier of their own, as through a
    /// second registration.
    pub twin_percent: u8,
    /// Percent of deliveries that are never sent.
    pub drop_percent: u8,
    /// Deliveries wait a random time up to this many milliseconds, so later ones overtake.
    pub reorder_ms: u64,
    /// Every delivery waits this many milliseconds.
    pub delay_ms: u64,
    /// Deliveries are kept back until this is taken off again.
    pub hold: bool,
    /// API requests that fail, each rule as often as it says.
    pub fail_next: Vec<FailNext>,
    /// Search does not see issues younger than this many milliseconds.
    pub index_lag_ms: i64,
    /// Where the dice start: the same seed gives the same mishaps.
    pub seed: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            duplicate_percent: 0,
            twin_percent: 0,
            drop_percent: 0,
            reorder_ms: 0,
            delay_ms: 0,
            hold: false,
            fail_next: Vec::new(),
            index_lag_ms: 0,
            seed: 1,
        }
    }
}

/// The next API requests that match fail.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct FailNext {
    /// Only requests with this method; any, if absent.
    pub method: Option<String>,
    /// Only requests whose path contains this text; any, if absent.
    pub path: Option<String>,
    /// The status of the answer; 0 gives no answer at all until `hang_ms` have passed.
    pub status: u16,
    /// How many requests fail.
    pub count: u32,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// `RateLimit-Reason`.
    pub reason: Option<String>,
    /// The request is carried out before its answer is lost.
    pub carried_out: bool,
    /// How long a request without an answer is kept open, in milliseconds.
    pub hang_ms: u64,
}

impl Default for FailNext {
    fn default() -> Self {
        Self {
            method: None,
            path: None,
            status: 503,
            count: 1,
            retry_after: None,
            reason: None,
            carried_out: false,
            hang_ms: 30_000,
        }
    }
}

impl Faults {
    /// Takes the failure that is due for a request, if one is.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<FailNext> {
        let due = self.fail_next.iter_mut().find(|rule| {
            rule.count > 0
                && rule
                    .method
                    .as_deref()
                    .is_none_or(|it| it.eq_ignore_ascii_case(method))
                && rule.path.as_deref().is_none_or(|part| path.contains(part))
        })?;
        due.count -= 1;
        let rule = due.clone();
        self.fail_next.retain(|rule| rule.count > 0);
        Some(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_taken_as_often_as_it_says_and_only_where_it_fits() {
        let rule = FailNext {
            method: Some("POST".to_owned()),
            path: Some("/issue".to_owned()),
            count: 2,
            ..FailNext::default()
        };
        let mut faults = Faults {
            fail_next: vec![rule],
            ..Faults::default()
        };
        assert!(faults.take("GET", "/rest/api/3/issue").is_none());
        assert!(faults.take("POST", "/rest/api/3/search/jql").is_none());
        assert!(faults.take("POST", "/rest/api/3/issue").is_some());
        assert!(
            faults
                .take("post", "/rest/api/3/issue/A-1/comment")
                .is_some()
        );
        assert!(faults.take("POST", "/rest/api/3/issue").is_none());
    }
}
