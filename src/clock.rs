//! The time, as a value that is handed in.
//!
//! Nothing else in the crate reads the system clock (a lint sees to it), so a test can set the
//! time and every rule that depends on it stays a pure function of its inputs.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the time comes from: the system, or a value that a test sets.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system clock.
    System,
    /// A fixed time in milliseconds since the Unix epoch, changed only by [`Clock::set_ms`].
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still at `ms` (milliseconds since the Unix epoch, UTC).
    #[must_use]
    pub fn fixed(ms: i64) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(ms)))
    }

    /// Milliseconds since the Unix epoch, UTC.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => {
                #[expect(clippy::disallowed_methods, reason = "the one place that may ask")]
                let since = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
            Self::Fixed(ms) => ms.load(Ordering::Relaxed),
        }
    }

    /// Seconds since the Unix epoch, UTC: the unit of token claims.
    #[must_use]
    pub fn now_s(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }

    /// Sets a fixed clock; the system clock is left alone.
    pub fn set_ms(&self, ms: i64) {
        if let Self::Fixed(held) = self {
            held.store(ms, Ordering::Relaxed);
        }
    }
}
