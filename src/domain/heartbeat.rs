//! How alive a Forge installation seems.
//!
//! Forge tells of no uninstall (`forge.md` 4.2): an installation that misses its hourly calls and whose
//! last token Jira came to refuse is probably gone. Probably is not surely, so this is shown and
//! nothing is ever deleted by it.

/// How long without a call until that is worth a word: a token lasts as long. Milliseconds.
const SILENT_MS: i64 = 4 * 60 * 60_000;

/// What is known of an installation. Instants are milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// When it was last heard of.
    pub last_seen_ms: i64,
    /// When its token expires, if there is one.
    pub token_expires_ms: Option<i64>,
    /// When Jira last refused a call under its token.
    pub refused_ms: Option<i64>,
}

/// How alive an installation seems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// It is heard of, and Jira can be called.
    Good,
    /// It is heard of, but there is no token; what is wanted of Jira waits.
    NoToken,
    /// It has not been heard of for hours.
    Silent,
    /// It has not been heard of for hours, and Jira refused the last token.
    ProbablyRemoved,
}

impl Pulse {
    /// How alive it seems at `now_ms`.
    #[must_use]
    pub fn heartbeat(self, now_ms: i64) -> Heartbeat {
        let is_silent = now_ms - self.last_seen_ms > SILENT_MS;
        let was_refused = (self.refused_ms).is_some_and(|at_ms| at_ms > self.last_seen_ms);
        let has_token = (self.token_expires_ms).is_some_and(|until_ms| until_ms > now_ms);
        match (is_silent, was_refused, has_token) {
            (true, true, _) => Heartbeat::ProbablyRemoved,
            (true, false, _) => Heartbeat::Silent,
            (false, _, false) => Heartbeat::NoToken,
            (false, _, true) => Heartbeat::Good,
        }
    }
}

impl Heartbeat {
    /// What it means, in one sentence.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Good => "Forge calls, and the app may call Jira.",
            Self::NoToken => {
                "Forge calls, but the app has no valid token for Jira; what is wanted of Jira waits for the next one, which comes within the hour."
            }
            Self::Silent => {
                "Forge has not called for more than four hours, though it should every hour; what is wanted of Jira waits."
            }
            Self::ProbablyRemoved => {
                "Forge has not called for more than four hours and Jira refused the app before that: it was probably removed from the site. Nothing is deleted until Forge says so."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_alone_is_no_removal() {
        let now_ms = 100 * 60 * 60_000;
        let ago = |minutes: i64| now_ms - minutes * 60_000;
        for (last, token, refused, expected) in [
            (10, Some(60), None, Heartbeat::Good),
            (10, None, None, Heartbeat::NoToken),
            (10, Some(-1), None, Heartbeat::NoToken),
            (239, Some(1), Some(10), Heartbeat::Good),
            (241, None, None, Heartbeat::Silent),
            (241, None, Some(300), Heartbeat::Silent),
            (241, None, Some(200), Heartbeat::ProbablyRemoved),
        ] {
            let pulse = Pulse {
                last_seen_ms: ago(last),
                token_expires_ms: token.map(|minutes| ago(-minutes)),
                refused_ms: refused.map(ago),
            };
            assert_eq!(pulse.heartbeat(now_ms), expected, "{pulse:?}");
        }
    }
}
