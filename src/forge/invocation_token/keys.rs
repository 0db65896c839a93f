//! The keys that sign invocations, fetched as one set and kept.
//!
//! Keys rotate without notice, so an unknown name asks the host again; anybody can make a name up,
//! so it does that once a minute at most, whoever asks. Requests that meet share one fetch, and a
//! fetch once begun is finished even if whoever wanted it has gone. A set that was fetched replaces
//! the one before, so that a withdrawn key stops working; a failure, an empty set or one that
//! cannot be read replaces nothing.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use reqwest::header::CACHE_CONTROL;
use tokio::sync::Mutex;

use super::jwks;

/// How long a fetch may take: an event must be answered within 5 s, this included.
const PATIENCE: Duration = Duration::from_millis(2500);
/// The largest set read, in bytes; six keys have about 4 KB.
const LARGEST: usize = 256 * 1024;
/// How long the host is not asked again because of an unknown name, or after it failed, in seconds.
const PAUSE_S: i64 = 60;
/// The same after a failure while there are no keys at all.
const PAUSE_WITHOUT_KEYS_S: i64 = 1;

/// Why there is no key.
#[derive(Debug, Clone)]
pub(super) enum NoKey {
    /// The set has no key of that name.
    Unknown,
    /// The set could not be had, so nobody knows.
    Unavailable(String),
}

/// The key set of one address.
#[derive(Debug)]
pub(super) struct Keys {
    url: String,
    http: reqwest::Client,
    held: RwLock<Arc<Set>>,
    /// Held while the set is fetched: who needs a key that is not there waits for the same answer.
    past: Mutex<Past>,
}

#[derive(Debug, Default)]
struct Set {
    keys: HashMap<String, Arc<DecodingKey>>,
    /// Until when it is used without asking again, in seconds since the Unix epoch.
    fresh_until_s: i64,
}

/// What was tried before.
#[derive(Debug, Default)]
struct Past {
    /// When an unknown name last led to a fetch.
    unknown_at_s: Option<i64>,
    /// When and why the last fetch failed; none after one that did not.
    failure: Option<(i64, String)>,
}

impl Keys {
    pub(super) fn new(url: &str) -> Result<Self, reqwest::Error> {
        Ok(Self {
            url: url.to_owned(),
            http: reqwest::Client::builder()
                .timeout(PATIENCE)
                .redirect(reqwest::redirect::Policy::none())
                .build()?,
            held: RwLock::default(),
            past: Mutex::default(),
        })
    }

    /// Fetches the set if there is none.
    pub(super) async fn load(&self, now_s: i64) {
        let mut past = self.past.lock().await;
        if self.set().keys.is_empty() {
            self.renew(&mut past, now_s).await;
        }
    }

    /// The key of a name.
    pub(super) async fn get(
        self: &Arc<Self>,
        name: &str,
        now_s: i64,
    ) -> Result<Arc<DecodingKey>, NoKey> {
        let set = self.set();
        // While somebody renews a set whose time is over, it serves the others a moment longer.
        if let Some(key) = set.keys.get(name)
            && (set.is_fresh(now_s) || self.past.try_lock().is_err())
        {
            return Ok(Arc::clone(key));
        }
        let (keys, name) = (Arc::clone(self), name.to_owned());
        let asked = tokio::spawn(async move { keys.ask(&name, now_s).await });
        asked
            .await
            .unwrap_or_else(|why| Err(NoKey::Unavailable(why.to_string())))
    }

    /// The key of a name, from a set that is renewed first where that is due and allowed.
    async fn ask(&self, name: &str, now_s: i64) -> Result<Arc<DecodingKey>, NoKey> {
        let mut past = self.past.lock().await;
        let set = self.set();
        let is_known = set.keys.contains_key(name);
        let is_due = !is_known || !set.is_fresh(now_s);
        if is_due && past.allows(&set, is_known, now_s) {
            self.renew(&mut past, now_s).await;
            // A first set that has the name answered no doubt about it.
            let is_first = set.keys.is_empty() && self.set().keys.contains_key(name);
            if !is_known && !is_first && past.failure.is_none() {
                past.unknown_at_s = Some(now_s);
            }
        }
        match (self.set().keys.get(name), &past.failure) {
            (Some(key), _) => Ok(Arc::clone(key)),
            (None, None) => Err(NoKey::Unknown),
            (None, Some((_, why))) => Err(NoKey::Unavailable(why.clone())),
        }
    }

    async fn renew(&self, past: &mut Past, now_s: i64) {
        match self.fetch(now_s).await {
            Ok(set) => {
                *self.held.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
                past.failure = None;
            }
            Err(why) => {
                tracing::warn!("the keys of Forge's invocation tokens cannot be fetched: {why}");
                past.failure = Some((now_s, why));
            }
        }
    }

    async fn fetch(&self, now_s: i64) -> Result<Set, String> {
        let told = |why: reqwest::Error| why.without_url().to_string();
        let mut answer = self.http.get(&self.url).send().await.map_err(told)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(format!("the host answered {}", answer.status()));
        }
        let said = answer.headers().get(CACHE_CONTROL);
        let lifetime_s = jwks::lifetime_s(said.and_then(|value| value.to_str().ok()));
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(told)? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                return Err(format!("the set has over {LARGEST} bytes"));
            }
        }
        Ok(Set {
            keys: jwks::read(&body)?,
            fresh_until_s: now_s.saturating_add(lifetime_s),
        })
    }

    fn set(&self) -> Arc<Set> {
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Set {
    fn is_fresh(&self, now_s: i64) -> bool {
        now_s < self.fresh_until_s
    }
}

impl Past {
    /// Whether the host may be asked now.
    fn allows(&self, set: &Set, is_known: bool, now_s: i64) -> bool {
        let pause_s = if set.keys.is_empty() {
            PAUSE_WITHOUT_KEYS_S
        } else {
            PAUSE_S
        };
        let failed_at_s = self.failure.as_ref().map(|(at_s, _)| *at_s);
        let is_paused = is_within(failed_at_s, pause_s, now_s);
        let is_storm = !is_known && is_within(self.unknown_at_s, PAUSE_S, now_s);
        !is_paused && !is_storm
    }
}

/// Whether something happened less than `span_s` ago; what is in the future, because the clock was
/// set back, does not count.
fn is_within(at_s: Option<i64>, span_s: i64, now_s: i64) -> bool {
    at_s.is_some_and(|at_s| (0..span_s).contains(&now_s.saturating_sub(at_s)))
}
