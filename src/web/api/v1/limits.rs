//! How often an API client may ask: so many requests in each minute by the clock, counted by this
//! process. What is left is told with every answer, and what is refused is told when to come back,
//! to the second.
//!
//! Headers: `RateLimit-Policy` and `RateLimit` of the IETF's draft (draft-ietf-httpapi-ratelimit-headers).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use uuid::Uuid;

/// Length of the window, seconds.
const WINDOW_S: i64 = 60;

/// What every client has used of the minute that runs.
#[derive(Debug, Default)]
pub struct RateLimits(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    number: i64,
    used: HashMap<Uuid, u32>,
}

/// What a client may still ask, put beside the request for [`publish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests a minute.
    pub limit: u32,
    /// Requests left of them.
    pub left: u32,
    /// Seconds until all are there again.
    pub reset_s: u32,
    /// Whether this request may be answered.
    pub is_granted: bool,
}

impl RateLimits {
    /// Counts a request of a client at `now_s` (seconds since the Unix epoch).
    pub fn count(&self, client: Uuid, limit: u32, now_s: i64) -> Allowance {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now_s.div_euclid(WINDOW_S);
        if window.number != number {
            window.number = number;
            window.used.clear();
        }
        let used = window.used.entry(client).or_default();
        let is_granted = *used < limit;
        *used += u32::from(is_granted);
        Allowance {
            limit,
            left: limit - *used,
            reset_s: u32::try_from(WINDOW_S - now_s.rem_euclid(WINDOW_S)).unwrap_or_default(),
            is_granted,
        }
    }
}

/// Tells the caller what is left, when its request was counted.
pub async fn publish<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut answer = next.call(request).await?;
    let counted = answer.request().extensions().get::<Allowance>().copied();
    if let Some(counted) = counted {
        let policy = format!("\"client\";q={};w={WINDOW_S}", counted.limit);
        let left = format!("\"client\";r={};t={}", counted.left, counted.reset_s);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                answer
                    .headers_mut()
                    .insert(HeaderName::from_static(name), value);
            }
        }
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minute_begins_anew_and_each_client_has_its_own() {
        let (limits, ann, bob) = (
            RateLimits::default(),
            Uuid::from_u128(1),
            Uuid::from_u128(2),
        );
        let first = limits.count(ann, 2, 120);
        assert_eq!((first.left, first.reset_s, first.is_granted), (1, 60, true));
        assert!(limits.count(ann, 2, 150).is_granted);
        let third = limits.count(ann, 2, 179);
        assert_eq!((third.left, third.reset_s, third.is_granted), (0, 1, false));
        assert!(limits.count(bob, 2, 179).is_granted);
        assert!(limits.count(ann, 2, 180).is_granted);
    }
}
