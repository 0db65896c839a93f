//! The one form in which an error leaves the service: a problem document (RFC 9457).
//!
//! The title says what was wrong, the detail what to do about it. Security failures carry one
//! sentence; why a token was refused goes to the log. A failure of ours (5xx) is logged once, here,
//! when it becomes an answer.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::accept_event::AcceptError;
use crate::app::install_site::InstallSiteError;
use crate::app::join_halves::JoinError;
use crate::app::sites::SitesError;
use crate::store::StoreError;

/// What went wrong, ready to be answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A stable name of the kind of problem, `urn:touchstone:problem:…`.
    #[serde(rename = "type")]
    pub kind: String,
    /// One sentence for people: what was wrong.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What exactly, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where in a JSON body reading stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Box<Position>>,
    /// Every member of the body that is refused.
    #[serde(skip_serializing_if = "<[Refused]>::is_empty")]
    #[schema(value_type = Vec<Refused>)]
    pub errors: Box<[Refused]>,
    /// Seconds after which trying again makes sense.
    #[serde(skip)]
    pub retry_after_s: Option<u32>,
    /// The cause, for the log only.
    #[serde(skip)]
    cause: Option<anyhow::Error>,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1; 0 is the end of the line before.
    pub column: usize,
}

/// A member of a body that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Refused {
    /// Which member: a JSON pointer (RFC 6901).
    #[schema(example = "/steps/0/action")]
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Problem {
    /// A problem of a given status; `kind` is the last part of the type name.
    #[must_use]
    pub fn new(status: StatusCode, kind: &str, title: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:touchstone:problem:{kind}"),
            title: title.into(),
            status: status.as_u16(),
            detail: None,
            position: None,
            errors: Box::default(),
            retry_after_s: None,
            cause: None,
        }
    }

    /// 400: the request cannot be understood.
    #[must_use]
    pub fn bad_request(title: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", title)
    }

    /// 401: the token is missing or does not verify.
    #[must_use]
    pub fn unauthorized(title: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", title)
    }

    /// 403: the caller is known and may not do this.
    #[must_use]
    pub fn forbidden(title: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", title)
    }

    /// 404: no such thing for this caller.
    #[must_use]
    pub fn not_found(title: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", title)
    }

    /// 405: there is something at this address, for another method.
    #[must_use]
    pub fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "This address does not take this method.",
        )
    }

    /// 409: the request contradicts what is stored.
    #[must_use]
    pub fn conflict(title: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", title)
    }

    /// 413: the body is over the limit.
    #[must_use]
    pub fn too_large(limit_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "The body is too large.",
        )
        .detail(format!("The limit here is {limit_bytes} bytes."))
    }

    /// A body that could not be taken in: over the limit, or cut off.
    #[must_use]
    pub fn unreadable_body(error: &actix_web::Error, limit_bytes: usize) -> Self {
        if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::too_large(limit_bytes);
        }
        Self::bad_request("The body could not be read to its end.").detail(error.to_string())
    }

    /// 412: what is to be changed is not what the caller has seen.
    #[must_use]
    pub fn stale() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "stale",
            "It has changed since it was read; nothing was stored.",
        )
        .detail("Read it again, and send its `ETag` as `If-Match`.")
    }

    /// 428: a change must say what it changes.
    #[must_use]
    pub fn no_precondition() -> Self {
        Self::new(
            StatusCode::PRECONDITION_REQUIRED,
            "no-precondition",
            "A change needs the header `If-Match`.",
        )
        .detail("Send the `ETag` of what was read, or `*` to change it whatever it is by now.")
    }

    /// 429: the caller has used up what it may ask for.
    #[must_use]
    pub fn too_many_requests(limit: u32, retry_after_s: u32) -> Self {
        let mut problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "This API client has asked too often.",
        )
        .detail(format!(
            "It may ask {limit} times a minute; ask again in {retry_after_s} s."
        ));
        problem.retry_after_s = Some(retry_after_s);
        problem
    }

    /// 422: the body was understood and is refused.
    #[must_use]
    pub fn unprocessable(title: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", title)
    }

    /// 502: Jira did not do what it was asked.
    #[must_use]
    pub fn jira(title: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "jira", title)
    }

    /// 503: the service cannot take the request now; it is safe to send it again.
    #[must_use]
    pub fn unavailable() -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The service cannot take this right now.",
        )
        .detail("Nothing was stored; send it again.");
        problem.retry_after_s = Some(5);
        problem
    }

    /// 500: our fault.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong in Touchstone.",
        )
        .detail("The error is in the service's log; trying again may help.")
    }

    /// Adds what exactly is wrong and what to do.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Logs a failure of ours, and at a finer level why something was refused.
    pub fn log(&self) {
        match &self.cause {
            Some(cause) if self.status >= 500 => {
                tracing::error!(status = self.status, "{}: {cause:#}", self.title);
            }
            Some(cause) => tracing::debug!(status = self.status, "{}: {cause:#}", self.title),
            None => {}
        }
    }

    /// Keeps the cause for the log; it is never part of the answer.
    #[must_use]
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(_) | StoreError::Closed | StoreError::Batch(_) => {
                Self::unavailable().because(error)
            }
            StoreError::Corrupt { .. } | StoreError::UnknownDatabase(_) => {
                Self::internal().because(error)
            }
        }
    }
}

impl From<SitesError> for Problem {
    fn from(error: SitesError) -> Self {
        match error {
            SitesError::Store(error) => error.into(),
            SitesError::Sealed { .. } | SitesError::NotText(_) => Self::internal().because(error),
        }
    }
}

impl From<AcceptError> for Problem {
    fn from(why: AcceptError) -> Self {
        match why {
            AcceptError::Payload(why) => {
                Self::bad_request("The body is not an event that can be read.")
                    .detail(why.to_string())
            }
            // Whatever failed, it was not kept: whoever sent it should send it again.
            AcceptError::Store(why) => Self::unavailable().because(why),
        }
    }
}

impl From<InstallSiteError> for Problem {
    fn from(error: InstallSiteError) -> Self {
        match error {
            InstallSiteError::Store(error) | InstallSiteError::Join(JoinError::Store(error)) => {
                error.into()
            }
            InstallSiteError::Seal(_)
            | InstallSiteError::Join(JoinError::Seal(_) | JoinError::Results) => {
                Self::internal().because(error)
            }
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.title)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.log();
        let mut answer = HttpResponse::build(self.status_code());
        answer
            .insert_header((CACHE_CONTROL, "no-store"))
            .content_type("application/problem+json");
        if let Some(seconds) = self.retry_after_s {
            answer.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        answer.body(serde_json::to_string(self).unwrap_or_default())
    }
}
