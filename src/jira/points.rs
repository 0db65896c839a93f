//! The app's points of the hour: what Jira Cloud lets it ask in all, over every site
//! (`jira-webhooks-rest.md` 12).
//!
//! One site must not use up what all share, and nobody's click must wait an hour because a storm was
//! sent on. So work that nobody waits for leaves a tenth of the pool, and while several sites are
//! called a site takes no more of it than its share. Calls that a person waits for always pass: Jira
//! answers them or says how long to wait. This is a ledger of one process; what Jira says is left
//! (`RateLimit: …;r=`) corrects it for what other replicas and the site's own count know.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::client::Urgency;
use super::error::JiraError;
use super::limits::{Endpoint, Scope};
use crate::domain::site::SiteId;

const HOUR_MS: i64 = 3_600_000;
/// Sites that share the pool equally; more of them take no smaller share each, because they are
/// seldom busy in the same hour.
const SHARES: u64 = 4;

/// What was spent of the hour.
#[derive(Debug)]
pub(super) struct Points {
    /// Points of an hour.
    pool: u64,
    spent: Mutex<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    /// Which hour, counted from the Unix epoch.
    hour: i64,
    in_all: u64,
    by_site: HashMap<SiteId, u64>,
}

impl Points {
    pub(super) fn new(pool: u64) -> Self {
        Self {
            pool,
            spent: Mutex::default(),
        }
    }

    /// Whether a call may be made this hour.
    ///
    /// # Errors
    ///
    /// [`JiraError::RateLimited`] until the next hour.
    pub(super) fn admit(
        &self,
        site: SiteId,
        urgency: Urgency,
        now_ms: i64,
    ) -> Result<(), JiraError> {
        if urgency == Urgency::Interactive {
            return Ok(());
        }
        let spent = self.of_hour(now_ms);
        let of_site = spent.by_site.get(&site).copied().unwrap_or(0);
        let others = spent.in_all.saturating_sub(of_site);
        let sites = u64::try_from(spent.by_site.len()).unwrap_or(SHARES);
        let share = self.pool.saturating_sub(others) / sites.clamp(1, SHARES);
        let what = if spent.in_all >= self.pool - self.pool / 10 {
            "this hour's points of every site"
        } else if of_site >= share {
            "this hour's points of the site"
        } else {
            return Ok(());
        };
        let scope = Scope::Background(site);
        let left_ms = HOUR_MS - now_ms.rem_euclid(HOUR_MS);
        let after = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
        Err(JiraError::RateLimited { scope, what, after })
    }

    /// Counts a call that was answered.
    pub(super) fn spend(&self, site: SiteId, points: u64, now_ms: i64) {
        let mut spent = self.of_hour(now_ms);
        spent.in_all += points;
        *spent.by_site.entry(site).or_default() += points;
    }

    /// Learns from an answer how much is left of what all sites share.
    pub(super) fn learn(&self, headers: &HeaderMap, now_ms: i64) {
        let told = headers.get("ratelimit").and_then(|text| text.to_str().ok());
        if let Some(left) = told.and_then(left_of_pool) {
            let mut spent = self.of_hour(now_ms);
            spent.in_all = spent.in_all.max(self.pool.saturating_sub(left));
        }
    }

    /// What was spent in the hour of `now_ms`; another hour begins with nothing.
    fn of_hour(&self, now_ms: i64) -> std::sync::MutexGuard<'_, Spent> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = now_ms.div_euclid(HOUR_MS);
        if spent.hour != hour {
            *spent = Spent {
                hour,
                ..Spent::default()
            };
        }
        spent
    }
}

/// What is left of the app's pool: `"global-app-quota";r=11000;t=600`, possibly among others.
fn left_of_pool(text: &str) -> Option<u64> {
    let mut policies = text.split(',').map(str::trim);
    let pool = policies.find(|policy| policy.starts_with("\"global-app-quota\""))?;
    let mut parts = pool.split(';').map(str::trim);
    parts.find_map(|part| part.strip_prefix("r=")?.parse().ok())
}

/// What a call costs that was answered so: one, and one for each object that came; people and
/// permissions are two. Writes are one.
pub(super) fn cost(endpoint: Endpoint, answer: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Found {
        #[serde(default)]
        issues: Vec<IgnoredAny>,
    }
    match (endpoint.method, endpoint.path) {
        ("GET", "issue" | "project") => 2,
        ("GET", "myself" | "mypermissions") | ("POST", "permissions/check") => 3,
        ("POST", "search/jql" | "issue/bulkfetch") => {
            let found: Option<Found> = serde_json::from_slice(answer).ok();
            let count = found.map_or(0, |found| found.issues.len());
            1 + u64::try_from(count).unwrap_or(0)
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SiteId = SiteId(1);
    const OTHER: SiteId = SiteId(2);
    /// Ten minutes after an hour.
    const NOW: i64 = 500_000 * HOUR_MS + 600_000;

    fn stops(points: &Points, site: SiteId, now_ms: i64) -> Option<u64> {
        match points.admit(site, Urgency::Background, now_ms) {
            Ok(()) => None,
            Err(JiraError::RateLimited { scope, after, .. }) => {
                assert_eq!(scope, Scope::Background(site), "a click passes");
                Some(after.as_secs())
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn work_nobody_waits_for_leaves_a_tenth_until_the_hour_ends() {
        let points = Points::new(1_000);
        points.spend(ONE, 899, NOW);
        assert_eq!(stops(&points, ONE, NOW), None);
        points.spend(ONE, 1, NOW);
        assert_eq!(stops(&points, ONE, NOW), Some(3_000));
        assert!(points.admit(ONE, Urgency::Interactive, NOW).is_ok());
        assert_eq!(stops(&points, ONE, NOW + 3_000_000), None, "another hour");
    }

    #[test]
    fn a_site_takes_its_share_and_leaves_the_others_theirs() {
        let points = Points::new(1_000);
        points.spend(OTHER, 100, NOW);
        points.spend(ONE, 449, NOW);
        assert_eq!(stops(&points, ONE, NOW), None);
        points.spend(ONE, 1, NOW);
        assert_eq!(stops(&points, ONE, NOW), Some(3_000));
        assert_eq!(stops(&points, OTHER, NOW), None);
    }

    #[test]
    fn what_jira_says_is_left_counts_more_than_what_we_saw() {
        let points = Points::new(65_000);
        let mut headers = HeaderMap::new();
        points.learn(&headers, NOW);
        let told = r#""jira-burst";r=90;t=1, "global-app-quota";r=500;t=600"#;
        headers.insert("ratelimit", told.parse().unwrap());
        points.learn(&headers, NOW);
        assert_eq!(stops(&points, ONE, NOW), Some(3_000));
        assert_eq!(left_of_pool(r#""global-app-quota";q=65000"#), None);
    }

    #[test]
    fn a_search_costs_what_it_finds() {
        let of = |method, path, answer: &str| cost(Endpoint { method, path }, answer.as_bytes());
        assert_eq!(
            of(
                "POST",
                "search/jql",
                r#"{"issues":[{"a":1},{}],"isLast":true}"#
            ),
            3
        );
        assert_eq!(of("POST", "search/jql", "not json"), 1);
        assert_eq!(of("GET", "issue", "{}"), 2);
        assert_eq!(of("PUT", "issue/properties", ""), 1);
    }
}
