//! What can come of a call to Jira, named by what is to be done about it.
//!
//! Jira's texts are localised and its error bodies may be HTML (`jira-webhooks-rest.md` section 9):
//! statuses, headers and field names decide, texts are only shown.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use super::limits::{Endpoint, Scope};
use crate::domain::site::SiteId;

/// Longest text of Jira's that is kept, in characters.
const TEXT: usize = 300;
/// How long to wait when Jira asks for patience without saying how long.
const DEFAULT_WAIT: Duration = Duration::from_secs(2);
/// Longest wait believed.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// A call that gave no result.
#[derive(Debug, thiserror::Error)]
pub enum JiraError {
    /// Jira, or the limiter before it, wants us to wait. Nothing was done.
    #[error("Jira wants {what} left alone for {}s", .after.as_secs())]
    RateLimited {
        /// What may not be called.
        scope: Scope,
        /// The same in words.
        what: &'static str,
        /// For how long at least.
        after: Duration,
    },
    /// Someone else changed the same thing just then. Nothing was done; look again and repeat.
    #[error("Jira reports a conflicting change")]
    Conflict,
    /// Jira could not be reached. Nothing was done.
    #[error("Jira cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The request left and no usable answer came: it may have been done or not.
    #[error("Jira gave no answer: {0}")]
    Unanswered(String),
    /// Forge has delivered no token that is still good. Nothing was done; one comes within the hour.
    #[error("Forge has not handed the app a valid token for this site; it sends one every hour")]
    NoToken,
    /// The app may not do this on the site, or not any more; repeating does not help.
    #[error("{0}")]
    Gone(Gone),
    /// Jira understood the request and refused it.
    #[error("Jira refused the request ({0})")]
    Refused(Refusal),
    /// The answer is not what the API promises.
    #[error("Jira's answer cannot be read: {0}")]
    Unreadable(String),
}

/// Why the app may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Gone {
    /// There is nothing to call with: the app was removed.
    #[error("the app is not installed on the site")]
    NotInstalled,
    /// 401: the secret or token is stale, or the app was removed.
    #[error("the site does not accept the app's signature or token")]
    Unauthorized,
    /// 403: a scope, a permission or a data security policy.
    #[error("the app lacks a permission for this on the site")]
    Forbidden,
    /// 404: no such thing, or one the app may not see.
    #[error("Jira has no such thing, or the app may not see it")]
    NotFound,
    /// 3xx: the site has another address now; a redirect is never followed.
    #[error("the site has moved to another address")]
    Moved,
}

/// Why Jira refused a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What Jira says, in the site's language.
    pub messages: Vec<String>,
    /// What Jira says of single fields, by field id.
    pub fields: BTreeMap<String, String>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "status {}", self.status)?;
        for message in &self.messages {
            write!(f, "; {message}")?;
        }
        for (field, message) in &self.fields {
            write!(f, "; {field}: {message}")?;
        }
        Ok(())
    }
}

impl JiraError {
    /// One word for what it is, for counting.
    #[must_use]
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "limited",
            Self::Conflict => "conflict",
            Self::Unreachable(_) | Self::Unanswered(_) => "unanswered",
            Self::NoToken => "no_token",
            Self::Gone(_) => "gone",
            Self::Refused(_) => "refused",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Whether the request may have been carried out although no answer says so.
    #[must_use]
    pub fn may_be_done(&self) -> bool {
        matches!(self, Self::Unanswered(_) | Self::Unreadable(_))
    }

    /// What a failure to exchange a request means.
    pub(super) fn of_exchange(error: reqwest::Error) -> Self {
        if error.is_connect() || error.is_builder() {
            Self::Unreachable(error.without_url())
        } else if error.is_timeout() {
            Self::Unanswered("it took too long".to_owned())
        } else {
            Self::Unanswered(error.without_url().to_string())
        }
    }

    /// What an answer outside of 2xx means. `now_ms` is the time its headers are judged by.
    pub(super) fn of_answer(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        call: &Asked,
        now_ms: i64,
    ) -> Self {
        let wait = wait(headers, now_ms);
        match status.as_u16() {
            429 => {
                let (scope, what) = call.scope(text(headers, "ratelimit-reason"));
                Self::RateLimited {
                    scope,
                    what,
                    after: wait.unwrap_or(DEFAULT_WAIT),
                }
            }
            503 if headers.contains_key(RETRY_AFTER) => Self::RateLimited {
                scope: Scope::Site(call.site),
                what: "the site",
                after: wait.unwrap_or(DEFAULT_WAIT),
            },
            300..=399 => Self::Gone(Gone::Moved),
            401 => Self::Gone(Gone::Unauthorized),
            403 => Self::Gone(Gone::Forbidden),
            404 | 410 => Self::Gone(Gone::NotFound),
            409 => Self::Conflict,
            400..=499 => Self::Refused(refusal(status.as_u16(), body)),
            status => Self::Unanswered(format!("status {status}")),
        }
    }
}

/// What was asked, as far as it matters to what a refusal stops.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub site: SiteId,
    pub endpoint: Endpoint,
    /// The issue a write concerns.
    pub written_issue: Option<i64>,
}

impl Asked {
    /// What a 429 with this reason stops (`jira-webhooks-rest.md` 12). A reason that is not known
    /// stops the site: too wide costs a moment, too narrow costs the next 429.
    fn scope(&self, reason: Option<&str>) -> (Scope, &'static str) {
        let is = |part: &str| reason.is_some_and(|reason| reason.contains(part));
        if is("quota-global") {
            return (Scope::App, "every site");
        }
        if is("burst") {
            return (Scope::Endpoint(self.site, self.endpoint), "this call");
        }
        match self.written_issue {
            Some(issue) if is("per-issue-on-write") => {
                (Scope::Issue(self.site, issue), "this issue")
            }
            _ => (Scope::Site(self.site), "the site"),
        }
    }
}

/// How long the headers ask to wait: `Retry-After` in seconds, else until `X-RateLimit-Reset`.
fn wait(headers: &HeaderMap, now_ms: i64) -> Option<Duration> {
    let seconds = text(headers, "retry-after").and_then(|text| text.trim().parse().ok());
    let asked = if let Some(seconds) = seconds {
        Duration::from_secs(seconds)
    } else {
        let reset: jiff::Timestamp = text(headers, "x-ratelimit-reset")?.parse().ok()?;
        let left_ms = reset.as_millisecond().saturating_sub(now_ms);
        Duration::from_millis(u64::try_from(left_ms).ok()?)
    };
    Some(asked.min(LONGEST_WAIT))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ErrorBody {
    error_messages: Vec<String>,
    errors: BTreeMap<String, String>,
    message: Option<String>,
}

/// Reads an error body, which need not be JSON.
fn refusal(status: u16, body: &[u8]) -> Refusal {
    let read: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let cut = |text: &String| text.chars().take(TEXT).collect::<String>();
    Refusal {
        status,
        messages: (read.error_messages.iter().chain(&read.message))
            .map(cut)
            .collect(),
        fields: (read.errors.iter())
            .map(|(field, text)| (field.clone(), cut(text)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked = Asked {
        site: SiteId(7),
        endpoint: Endpoint {
            method: "POST",
            path: "issue/comment",
        },
        written_issue: Some(42),
    };

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> JiraError {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let status = StatusCode::from_u16(status).unwrap();
        JiraError::of_answer(status, &headers, body.as_bytes(), &ASKED, 1_763_984_400_000)
    }

    #[test]
    fn each_reason_of_a_429_stops_its_own_breadth() {
        for (reason, expected) in [
            ("jira-quota-global-based", Scope::App),
            ("jira-quota-tenant-based", Scope::Site(SiteId(7))),
            (
                "jira-burst-based",
                Scope::Endpoint(SiteId(7), ASKED.endpoint),
            ),
            ("jira-per-issue-on-write", Scope::Issue(SiteId(7), 42)),
            ("jira-cost-based", Scope::Site(SiteId(7))),
        ] {
            let headers = [("ratelimit-reason", reason), ("retry-after", "17")];
            let JiraError::RateLimited { scope, after, .. } = answer(429, &headers, "<html>")
            else {
                panic!("{reason} is not a limit");
            };
            assert_eq!((scope, after.as_secs()), (expected, 17), "{reason}");
        }
    }

    #[test]
    fn the_wait_is_what_the_headers_say_in_whichever_way() {
        let after = |headers: &[(&'static str, &str)]| match answer(429, headers, "") {
            JiraError::RateLimited { after, .. } => after.as_secs(),
            other => panic!("{other}"),
        };
        assert_eq!(
            after(&[("x-ratelimit-reset", "2025-11-24T11:40:30.000Z")]),
            30
        );
        assert_eq!(after(&[("x-ratelimit-reset", "2025-11-24T11:41Z")]), 60);
        assert_eq!(after(&[]), 2);
        assert_eq!(after(&[("retry-after", "99999999")]), 86_400);
    }

    #[test]
    fn statuses_become_decisions() {
        use JiraError as E;
        assert!(matches!(answer(401, &[], ""), E::Gone(Gone::Unauthorized)));
        assert!(matches!(answer(404, &[], ""), E::Gone(Gone::NotFound)));
        assert!(matches!(answer(302, &[], ""), E::Gone(Gone::Moved)));
        assert!(matches!(answer(409, &[], ""), E::Conflict));
        let waiting = answer(503, &[("retry-after", "5")], "");
        assert!(matches!(waiting, E::RateLimited { .. }) && !waiting.may_be_done());
        assert!(answer(503, &[], "<html>").may_be_done());
        assert!(answer(500, &[], "{}").may_be_done());
    }

    #[test]
    fn a_refusal_names_the_fields_and_survives_html() {
        let body = r#"{"errorMessages":["No."],"errors":{"customfield_1":"Team is required."}}"#;
        assert_eq!(
            answer(400, &[], body).to_string(),
            "Jira refused the request (status 400; No.; customfield_1: Team is required.)"
        );
        assert_eq!(
            answer(400, &[], "<html><body>Bad</body>").to_string(),
            "Jira refused the request (status 400)"
        );
    }
}
