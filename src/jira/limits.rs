//! Jira's limits, kept before a call leaves rather than met after it.
//!
//! Three kinds, from `jira-webhooks-rest.md` section 12: a rate for each (site, endpoint, method), a
//! rhythm for writes to one issue, and pauses that a 429 or 503 asked for, each as wide as its
//! reason. We use half of what is published, because the site's other apps draw on the same. A call
//! that a person waits for may use all of a bucket, one that nobody waits for leaves a reserve.
//!
//! This is the state of one process. What must be known to all of them, that a site wants to be left
//! alone, is stored by whoever meets it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::client::Urgency;
use super::error::{Asked, JiraError};
use crate::domain::site::SiteId;

/// A kind of call: the unit that Jira counts bursts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The HTTP method.
    pub method: &'static str,
    /// The path without its ids.
    pub path: &'static str,
}

/// What a pause stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every call to every site: the app's hourly quota is used up.
    App,
    /// Every call to one site.
    Site(SiteId),
    /// One kind of call to one site.
    Endpoint(SiteId, Endpoint),
    /// Writes to one issue.
    Issue(SiteId, i64),
    /// What nobody waits for, on one site: the rest of the hour's points is for others.
    Background(SiteId),
}

/// Calls a bucket holds at most: a small burst leaves at once.
const BURST: u32 = 10;
/// Calls of a bucket that are kept for those a person waits for.
const RESERVE: u32 = 3;
/// Shortest time between two writes to one issue.
const WRITE_SPACING: Duration = Duration::from_millis(150);
/// Writes to one issue in a span of time; Jira's own limits are 20 in 2 s and 100 in 30 s.
const WRITES: [(usize, Duration); 2] =
    [(15, Duration::from_secs(2)), (50, Duration::from_secs(30))];
/// Entries of each table that are tolerated before the idle ones are dropped.
const KEPT: usize = 10_000;

/// Lets calls through when Jira would.
#[derive(Debug, Default)]
pub struct Limiter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pauses: HashMap<Scope, Instant>,
    /// When the bucket will be full again (the cell rate algorithm's one number).
    buckets: HashMap<(SiteId, Endpoint), Instant>,
    writes: HashMap<(SiteId, i64), VecDeque<Instant>>,
}

impl Limiter {
    /// Waits until the call may leave, and counts it.
    ///
    /// # Errors
    ///
    /// [`JiraError::RateLimited`] when that takes longer than somebody of this urgency waits.
    pub(super) async fn admit(&self, asked: &Asked, urgency: Urgency) -> Result<(), JiraError> {
        let deadline = Instant::now() + urgency.patience();
        loop {
            let (scope, what, at) = match self.try_admit(asked, urgency, Instant::now()) {
                Ok(()) => return Ok(()),
                Err(blocked) => blocked,
            };
            if at > deadline {
                let after = at.saturating_duration_since(Instant::now());
                return Err(JiraError::RateLimited { scope, what, after });
            }
            sleep_until(at).await;
        }
    }

    /// Stops what `scope` names for `after`; a longer pause that is on already stays.
    pub fn pause(&self, scope: Scope, after: Duration) {
        self.pause_from(scope, after, Instant::now());
    }

    fn pause_from(&self, scope: Scope, after: Duration, now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.pauses.retain(|_, until| *until > now);
        let until = state.pauses.entry(scope).or_insert(now);
        *until = (*until).max(now + after);
    }

    fn try_admit(
        &self,
        asked: &Asked,
        urgency: Urgency,
        now: Instant,
    ) -> Result<(), (Scope, &'static str, Instant)> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoint = Scope::Endpoint(asked.site, asked.endpoint);
        let issue = (asked.written_issue).map(|issue| Scope::Issue(asked.site, issue));
        let pauses = [
            (Some(Scope::App), "every site"),
            (Some(Scope::Site(asked.site)), "the site"),
            (Some(endpoint), "this call"),
            (issue, "this issue"),
        ];
        for (scope, what) in pauses {
            let Some(scope) = scope else { continue };
            if let Some(until) = state.pauses.get(&scope)
                && *until > now
            {
                return Err((scope, what, *until));
            }
        }
        if let (Some(id), Some(scope)) = (asked.written_issue, issue) {
            let at = state.next_write((asked.site, id));
            if at.is_some_and(|at| at > now) {
                return Err((scope, "this issue", at.unwrap_or(now)));
            }
        }
        state
            .take((asked.site, asked.endpoint), urgency, now)
            .map_err(|at| (endpoint, "this call", at))?;
        if let Some(id) = asked.written_issue {
            state.count_write((asked.site, id), now);
        }
        Ok(())
    }
}

impl State {
    /// Takes one call out of a bucket, or says when there will be one.
    fn take(
        &mut self,
        key: (SiteId, Endpoint),
        urgency: Urgency,
        now: Instant,
    ) -> Result<(), Instant> {
        let interval = Duration::from_secs(1) / rate(key.1);
        let usable = match urgency {
            Urgency::Interactive => BURST,
            Urgency::Background => BURST - RESERVE,
        };
        if self.buckets.len() >= KEPT {
            self.buckets.retain(|_, full_at| *full_at > now);
        }
        let full_at = self.buckets.entry(key).or_insert(now);
        let tolerated = interval * (usable - 1);
        if *full_at > now + tolerated {
            return Err(*full_at - tolerated);
        }
        *full_at = (*full_at).max(now) + interval;
        Ok(())
    }

    /// When the next write to an issue may leave; `None` when it was not written to lately.
    fn next_write(&self, issue: (SiteId, i64)) -> Option<Instant> {
        let times = self.writes.get(&issue)?;
        let spaced = times.back().map(|last| *last + WRITE_SPACING);
        let windows = WRITES.iter().map(|(most, span)| {
            let first_of_window = times.len().checked_sub(*most)?;
            times.get(first_of_window).map(|at| *at + *span)
        });
        windows.flatten().chain(spaced).max()
    }

    fn count_write(&mut self, issue: (SiteId, i64), now: Instant) {
        let [_, (most, span)] = WRITES;
        if self.writes.len() >= KEPT {
            (self.writes).retain(|_, times| times.back().is_some_and(|last| *last + span > now));
        }
        let times = self.writes.entry(issue).or_default();
        if times.len() == most {
            times.pop_front();
        }
        times.push_back(now);
    }
}

/// Calls of a kind we send in a second: half of what Jira publishes.
fn rate(endpoint: Endpoint) -> u32 {
    match (endpoint.method, endpoint.path) {
        ("GET", "issue") => 75,
        ("GET" | "POST", _) => 50,
        _ => 25,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Endpoint = Endpoint {
        method: "GET",
        path: "project",
    };
    const POST: Endpoint = Endpoint {
        method: "POST",
        path: "issue/comment",
    };

    fn ask(site: i64, endpoint: Endpoint, written_issue: Option<i64>) -> Asked {
        Asked {
            site: SiteId(site),
            endpoint,
            written_issue,
        }
    }

    /// When a call that comes at `now` and is patient leaves.
    fn leaves(limiter: &Limiter, asked: &Asked, urgency: Urgency, now: Instant) -> Instant {
        let mut at = now;
        while let Err((_, _, later)) = limiter.try_admit(asked, urgency, at) {
            assert!(later > at, "time goes on");
            at = later;
        }
        at
    }

    /// When the last of `n` calls one after another leaves, counted from `now`.
    fn last_of(n: usize, limiter: &Limiter, asked: &Asked, urgency: Urgency) -> Duration {
        let now = Instant::now();
        let mut at = now;
        for _ in 0..n {
            at = leaves(limiter, asked, urgency, at);
        }
        at - now
    }

    #[test]
    fn a_burst_leaves_at_once_and_the_rest_at_half_the_published_rate() {
        let limiter = Limiter::default();
        let took = last_of(110, &limiter, &ask(1, GET, None), Urgency::Interactive);
        assert_eq!(took, Duration::from_secs(2));
        let other_site = last_of(10, &limiter, &ask(2, GET, None), Urgency::Interactive);
        assert_eq!(other_site, Duration::ZERO);
    }

    #[test]
    fn what_a_person_waits_for_goes_ahead_of_what_nobody_does() {
        let limiter = Limiter::default();
        let (asked, now) = (ask(1, GET, None), Instant::now());
        for _ in 0..7 {
            assert_eq!(leaves(&limiter, &asked, Urgency::Background, now), now);
        }
        assert!(limiter.try_admit(&asked, Urgency::Background, now).is_err());
        for _ in 0..3 {
            assert_eq!(leaves(&limiter, &asked, Urgency::Interactive, now), now);
        }
        let later = leaves(&limiter, &asked, Urgency::Background, now) - now;
        assert_eq!(
            later,
            Duration::from_millis(80),
            "the reserve fills up first"
        );
    }

    #[test]
    fn writes_to_one_issue_keep_their_rhythm() {
        let limiter = Limiter::default();
        let asked = ask(1, POST, Some(42));
        let mut at = Instant::now();
        let times: Vec<_> = std::iter::repeat_with(|| {
            at = leaves(&limiter, &asked, Urgency::Background, at);
            at
        })
        .take(120)
        .collect();
        for (most, span) in [(2, WRITE_SPACING), (16, WRITES[0].1), (51, WRITES[1].1)] {
            for window in times.windows(most) {
                assert!(
                    window[most - 1] - window[0] >= span,
                    "{most} within {span:?}"
                );
            }
        }
        let other = ask(1, POST, Some(43));
        assert_eq!(leaves(&limiter, &other, Urgency::Background, at), at);
    }

    #[test]
    fn a_pause_stops_its_breadth_and_nothing_else() {
        let limiter = Limiter::default();
        let now = Instant::now();
        let pause = |scope, s| limiter.pause_from(scope, Duration::from_secs(s), now);
        let is_open = |asked: Asked| limiter.try_admit(&asked, Urgency::Interactive, now).is_ok();
        pause(Scope::Issue(SiteId(1), 42), 60);
        assert!(!is_open(ask(1, POST, Some(42))) && is_open(ask(1, POST, Some(43))));
        pause(Scope::Endpoint(SiteId(1), POST), 60);
        assert!(!is_open(ask(1, POST, None)));
        assert!(is_open(ask(1, GET, None)) && is_open(ask(2, POST, None)));
        pause(Scope::Site(SiteId(1)), 60);
        assert!(!is_open(ask(1, GET, None)) && is_open(ask(2, GET, None)));
        pause(Scope::App, 60);
        assert!(!is_open(ask(2, GET, None)));
        pause(Scope::App, 1);
        let asked = ask(2, GET, None);
        let opens = leaves(&limiter, &asked, Urgency::Interactive, now) - now;
        assert_eq!(
            opens,
            Duration::from_mins(1),
            "a shorter pause does not end a longer one"
        );
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_they_would() {
        let limiter = Limiter::default();
        limiter.pause(Scope::Site(SiteId(1)), Duration::from_mins(1));
        let refused = limiter
            .admit(&ask(1, GET, None), Urgency::Interactive)
            .await;
        let Err(JiraError::RateLimited { scope, after, .. }) = refused else {
            panic!("admitted");
        };
        assert_eq!((scope, after.as_secs()), (Scope::Site(SiteId(1)), 59));
    }
}
