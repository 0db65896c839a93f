//! Time and chance of the stand-in.
//!
//! Every moment the site knows comes from one [`Clock`], which a test may push forward; every
//! random name comes from the system's generator. Nothing else here reads the wall clock.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// The site's clock: the wall clock plus what tests have added, unless it was stopped.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_ms: Arc<AtomicI64>,
    /// The moment it was stopped at; 0 while it runs.
    stopped_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Milliseconds since the epoch.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the clock"
    )]
    pub fn now_ms(&self) -> i64 {
        let stopped = self.stopped_ms.load(Ordering::Relaxed);
        let now = if stopped == 0 {
            jiff::Timestamp::now().as_millisecond()
        } else {
            stopped
        };
        now + self.ahead_ms.load(Ordering::Relaxed)
    }

    /// Whether only [`Clock::advance_ms`] moves it.
    pub fn is_stopped(&self) -> bool {
        self.stopped_ms.load(Ordering::Relaxed) != 0
    }

    /// Stops the clock; from then on only [`Clock::advance_ms`] moves it.
    pub fn stop(&self) {
        let now = self.now_ms() - self.ahead_ms.load(Ordering::Relaxed);
        self.stopped_ms.store(now, Ordering::Relaxed);
    }

    /// Pushes the clock forward (or, negative, back).
    pub fn advance_ms(&self, by: i64) {
        self.ahead_ms.fetch_add(by, Ordering::Relaxed);
    }
}

/// A time as Jira's REST API writes it: offset without a colon.
pub fn jira_time(ms: i64) -> String {
    timestamp(ms)
        .strftime("%Y-%m-%dT%H:%M:%S%.3f+0000")
        .to_string()
}

/// A time as the agile API writes it: RFC 3339 with `Z`.
pub fn agile_time(ms: i64) -> String {
    timestamp(ms).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The date of a moment, `YYYY-MM-DD`.
pub fn date(ms: i64) -> String {
    timestamp(ms).strftime("%Y-%m-%d").to_string()
}

fn timestamp(ms: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default()
}

/// `bytes` random bytes in lower-case hex.
pub fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0_u8; bytes];
    // The generator of the operating system does not fail on the systems we run on; a zeroed
    // buffer would only make two stand-ins share a name.
    let _ = SystemRandom::new().fill(&mut buffer);
    hex(&buffer)
}

/// A random UUID in its usual form.
pub fn random_uuid() -> String {
    let hex = random_hex(16);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-4{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

/// Bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A small repeatable generator for faults: the same seed gives the same mishaps.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// A generator that starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `end` (0 when `end` is 0).
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.checked_rem(end).unwrap_or(0)
    }

    /// True in about `percent` of a hundred throws.
    pub fn happens(&mut self, percent: u8) -> bool {
        percent > 0 && self.below(100) < u64::from(percent)
    }
}
