//! Jira Cloud's rate limits: bursts per endpoint and method, writes per issue, points per hour.
//!
//! Numbers of the page "Rate limiting" as of August 2026. A refused request is answered 429 with
//! Jira's headers and counted, so that a test can say "the app never overstepped".

use std::collections::{HashMap, VecDeque};

use crate::clock;
use crate::refusal::Refusal;

const HOUR_MS: i64 = 3_600_000;

/// What has been used of the limits.
#[derive(Debug)]
pub(crate) struct Limits {
    /// When false nothing is limited and nothing counted.
    pub(crate) enforced: bool,
    buckets: HashMap<String, Bucket>,
    writes: HashMap<u64, VecDeque<i64>>,
    violations: u64,
    /// Points the app has for an hour.
    pub(crate) pool: u64,
    /// The hour, and what was spent of it.
    spent: (i64, u64),
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at_ms: i64,
}

impl Limits {
    pub(crate) fn new(enforced: bool) -> Self {
        Self {
            enforced,
            buckets: HashMap::new(),
            writes: HashMap::new(),
            violations: 0,
            pool: 65_000,
            spent: (0, 0),
        }
    }

    /// Takes an app's request from its points of the hour; what it is answered with is added later.
    pub(crate) fn take_point(&mut self, now: i64) -> Result<(), Refusal> {
        if !self.enforced {
            return Ok(());
        }
        let hour = now.div_euclid(HOUR_MS);
        if self.spent.0 != hour {
            self.spent = (hour, 0);
        }
        if self.spent.1 >= self.pool {
            self.violations += 1;
            let wait_s = (HOUR_MS - now.rem_euclid(HOUR_MS)).div_euclid(1000) + 1;
            return Err(too_many("jira-quota-global-based", 65_000.0, wait_s, now));
        }
        self.spent.1 += 1;
        Ok(())
    }

    /// Adds a point for each object an answer holds.
    pub(crate) fn spend(&mut self, objects: usize) {
        self.spent.1 += u64::try_from(objects).unwrap_or(0);
    }

    /// What was spent of the hour.
    pub(crate) fn points(&self) -> u64 {
        self.spent.1
    }

    pub(crate) fn violations(&self) -> u64 {
        self.violations
    }

    /// Takes one request from the bucket of an endpoint.
    pub(crate) fn take_burst(&mut self, method: &str, path: &str, now: i64) -> Result<(), Refusal> {
        if !self.enforced {
            return Ok(());
        }
        let rate = burst_rate(method, path);
        let bucket = self
            .buckets
            .entry(format!("{method} {}", endpoint(path)))
            .or_insert(Bucket {
                tokens: rate,
                at_ms: now,
            });
        let passed = seconds(now - bucket.at_ms);
        bucket.tokens = (bucket.tokens + passed * rate).min(rate);
        bucket.at_ms = now;
        if bucket.tokens < 1.0 {
            self.violations += 1;
            return Err(too_many("jira-burst-based", rate, 1, now));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    /// Notes a write to an issue: at most 20 in 2 seconds and 100 in 30.
    pub(crate) fn take_write(&mut self, issue: u64, now: i64) -> Result<(), Refusal> {
        if !self.enforced {
            return Ok(());
        }
        let times = self.writes.entry(issue).or_default();
        while times.front().is_some_and(|at| *at <= now - 30_000) {
            times.pop_front();
        }
        let lately = times.iter().filter(|at| **at > now - 2_000).count();
        let wait = if times.len() >= 100 {
            Some((100.0, 30))
        } else if lately >= 20 {
            Some((20.0, 2))
        } else {
            None
        };
        if let Some((limit, seconds)) = wait {
            self.violations += 1;
            return Err(too_many("jira-per-issue-on-write", limit, seconds, now));
        }
        times.push_back(now);
        Ok(())
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "milliseconds are small"
)]
fn seconds(ms: i64) -> f64 {
    ms.max(0) as f64 / 1000.0
}

/// A 429 as Jira words it.
pub(crate) fn too_many(reason: &str, limit: f64, wait_s: i64, now: i64) -> Refusal {
    let mut refusal = Refusal::new(429, "Rate limit exceeded.");
    refusal.headers = vec![
        ("Retry-After", wait_s.to_string()),
        ("X-RateLimit-Limit", format!("{limit:.0}")),
        ("X-RateLimit-Remaining", "0".to_owned()),
        ("X-RateLimit-Reset", clock::agile_time(now + wait_s * 1000)),
        ("RateLimit-Reason", reason.to_owned()),
    ];
    refusal
}

fn burst_rate(method: &str, path: &str) -> f64 {
    let path = path
        .trim_start_matches("/rest/api/3")
        .trim_start_matches("/rest/api/2");
    let one_issue = path.starts_with("/issue/") && path.matches('/').count() == 2;
    match method {
        "GET" if path.ends_with("/changelog") => 200.0,
        "GET" if one_issue || path == "/user" => 150.0,
        "POST" if path.ends_with("/approximate-count") => 150.0,
        "PUT" | "DELETE" => 50.0,
        _ => 100.0,
    }
}

/// The path with ids and keys taken out, so that one endpoint has one bucket.
fn endpoint(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let mut out = Vec::with_capacity(parts.len());
    let mut previous = "";
    for part in parts {
        let names = ["issue", "properties", "addons", "project", "remotelink"];
        let digits = part.bytes().any(|byte| byte.is_ascii_digit());
        let is_id = digits && previous != "api" && previous != "atlassian-connect";
        let fixed = [
            "properties",
            "bulkfetch",
            "createmeta",
            "bulk",
            "search",
            "picker",
        ];
        let is_name = names.contains(&previous) && !fixed.contains(&part);
        out.push(if is_id || is_name { "{}" } else { part });
        previous = part;
    }
    out.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_takes_twenty_writes_in_two_seconds_and_a_hundred_in_thirty() {
        let mut limits = Limits::new(true);
        for _ in 0..20 {
            limits.take_write(1, 0).unwrap();
        }
        let refusal = limits.take_write(1, 100).unwrap_err();
        assert_eq!(refusal.status, 429);
        assert!(refusal.headers.contains(&("Retry-After", "2".to_owned())));
        assert!(
            refusal
                .headers
                .contains(&("RateLimit-Reason", "jira-per-issue-on-write".to_owned()))
        );
        limits.take_write(2, 100).unwrap();
        for round in 1..5 {
            for _ in 0..20 {
                limits.take_write(1, round * 2_500).unwrap();
            }
        }
        assert_eq!(limits.take_write(1, 20_000).unwrap_err().headers[0].1, "30");
        assert_eq!(limits.violations(), 2);
    }

    #[test]
    fn a_burst_belongs_to_an_endpoint_whatever_the_issue() {
        let mut limits = Limits::new(true);
        for number in 0..50 {
            limits
                .take_burst("PUT", &format!("/rest/api/3/issue/SHOP-{number}"), 0)
                .unwrap();
        }
        assert!(
            limits
                .take_burst("PUT", "/rest/api/3/issue/SHOP-99", 0)
                .is_err()
        );
        limits
            .take_burst("PUT", "/rest/api/3/issue/SHOP-1/comment/7", 0)
            .unwrap();
        limits
            .take_burst("PUT", "/rest/api/3/issue/SHOP-99", 100)
            .unwrap();
    }
}
