//! The public keys of signed installs, fetched by name from Atlassian's key host and kept.
//!
//! Anybody can make up a key's name, and scanners do so daily: names are kept apart into known and
//! unknown ones, misses are capped, and a host that cannot be asked is told apart from one that
//! says no. A rotation brings a new name, so a key may be kept for hours.
//!
//! Source: <https://developer.atlassian.com/cloud/jira/platform/security-for-connect-apps>.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jsonwebtoken::DecodingKey;
use moka::future::Cache;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::StatusCode;

/// How long a request to the key host may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer read, in bytes; a key has about 450.
const LARGEST: usize = 16 * 1024;
/// How long a key is kept.
const KNOWN: Duration = Duration::from_hours(6);
/// How long a name stays unknown.
const UNKNOWN: Duration = Duration::from_mins(1);
/// Keys kept at most; Atlassian uses one or two at a time.
const KNOWN_MOST: u64 = 64;
/// Unknown names kept at most.
const UNKNOWN_MOST: u64 = 10_000;
/// Requests to the key host a minute.
const REQUESTS_A_MINUTE: NonZeroU32 = match NonZeroU32::new(300) {
    Some(number) => number,
    None => NonZeroU32::MIN,
};

/// Why there is no key.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// The key host has no such key, or what it has is none.
    #[error("the key host has no such key: {0}")]
    Unknown(String),
    /// The key host cannot be asked now.
    #[error("the key host cannot be asked: {0}")]
    Unavailable(String),
}

/// The keys of signed installs.
#[derive(Debug)]
pub struct InstallKeys {
    host: String,
    http: reqwest::Client,
    known: Cache<String, Arc<DecodingKey>>,
    unknown: Cache<String, ()>,
    requests: DefaultDirectRateLimiter,
}

impl InstallKeys {
    /// Keys of `host`, an address to which the key's name is appended as one path segment.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be set up.
    pub fn new(host: &str) -> Result<Self, reqwest::Error> {
        Ok(Self {
            host: host.trim_end_matches('/').to_owned(),
            http: reqwest::Client::builder()
                .timeout(PATIENCE)
                .redirect(reqwest::redirect::Policy::none())
                .build()?,
            known: Cache::builder()
                .max_capacity(KNOWN_MOST)
                .time_to_live(KNOWN)
                .build(),
            unknown: Cache::builder()
                .max_capacity(UNKNOWN_MOST)
                .time_to_live(UNKNOWN)
                .build(),
            requests: RateLimiter::direct(Quota::per_minute(REQUESTS_A_MINUTE)),
        })
    }

    /// The key of this name, which [`install_key_name`](super::token::install_key_name) has checked.
    /// Requests for one name that meet share one fetch.
    pub async fn get(&self, name: &str) -> Result<Arc<DecodingKey>, KeyError> {
        if self.unknown.get(name).await.is_some() {
            return Err(KeyError::Unknown("it did not a moment ago".into()));
        }
        let found = self.known.try_get_with_by_ref(name, self.fetch(name)).await;
        match found {
            Ok(key) => Ok(key),
            Err(why) => {
                if matches!(*why, KeyError::Unknown(_)) {
                    self.unknown.insert(name.to_owned(), ()).await;
                }
                Err(KeyError::clone(&why))
            }
        }
    }

    async fn fetch(&self, name: &str) -> Result<Arc<DecodingKey>, KeyError> {
        if self.requests.check().is_err() {
            return Err(KeyError::Unavailable("too many keys were asked for".into()));
        }
        let address = format!(
            "{}/{}",
            self.host,
            utf8_percent_encode(name, NON_ALPHANUMERIC)
        );
        let mut answer = self.http.get(address).send().await.map_err(unavailable)?;
        let status = answer.status();
        if status != StatusCode::OK {
            return Err(refusal(status));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unavailable)? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                return Err(KeyError::Unknown(format!("over {LARGEST} bytes")));
            }
        }
        public_key(&body).map(Arc::new)
    }
}

fn unavailable(error: reqwest::Error) -> KeyError {
    KeyError::Unavailable(format!("{:#}", anyhow::Error::new(error)))
}

/// A status that says no for good, or one that says not now.
fn refusal(status: StatusCode) -> KeyError {
    let is_passing = status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT;
    if is_passing {
        KeyError::Unavailable(format!("it answered {status}"))
    } else {
        KeyError::Unknown(format!("it answered {status}"))
    }
}

fn public_key(body: &[u8]) -> Result<DecodingKey, KeyError> {
    let pem = body.trim_ascii();
    if !pem.starts_with(b"-----BEGIN PUBLIC KEY-----") {
        return Err(KeyError::Unknown("the answer is not a public key".into()));
    }
    DecodingKey::from_rsa_pem(pem).map_err(|why| KeyError::Unknown(why.to_string()))
}

#[cfg(test)]
#[path = "install_keys_tests.rs"]
mod install_keys_tests;
