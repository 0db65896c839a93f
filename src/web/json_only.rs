//! JSON under `/forge` and `/ui`, whatever goes wrong.
//!
//! Forge hands an answer to the page only when it is JSON, and repeats an event that was not
//! answered in time. So what handlers do not answer themselves (an unknown address, a wrong method,
//! a body over the limit, a panic, work that takes too long) becomes a problem document here. This
//! stands outside of everything else; a proxy in front must do the same for its own pages.
//!
//! Source: <https://developer.atlassian.com/platform/forge/apis-reference/ui-api-bridge/invokeRemote/>.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse, ResponseError};
use anyhow::anyhow;
use futures_util::FutureExt;

use crate::connect::Connect;
use crate::forge::auth::is_from_forge;
use crate::problem::Problem;

/// Who waits for the answer, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Forge with an event: 5 s.
    Event,
    /// A page: 25 s, if it is Forge's.
    Page,
}

impl Kind {
    fn of(request: &ServiceRequest) -> Option<Self> {
        let base = request.app_data::<Data<Connect>>();
        let base = base.map_or("", |connect| connect.base_path());
        let path = request.path();
        let path = path.strip_prefix(base).unwrap_or(path);
        match path.split('/').nth(1) {
            Some("forge") => Some(Self::Event),
            Some("ui") => Some(Self::Page),
            _ => None,
        }
    }

    /// How long a handler may take.
    const fn patience(self) -> Duration {
        match self {
            Self::Event => Duration::from_millis(4500),
            Self::Page => Duration::from_secs(24),
        }
    }
}

/// Answers in time and in JSON where that is owed; elsewhere changes nothing.
pub async fn json_only<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match Kind::of(&request) {
        Some(kind) => {
            let form = Form::of(kind, &request);
            answered_within(kind.patience(), form, request, next).await
        }
        None => Ok(next.call(request).await?.map_into_left_body()),
    }
}

async fn answered_within<B: MessageBody + 'static>(
    patience: Duration,
    form: Form,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let called = AssertUnwindSafe(async { next.call(request).await }).catch_unwind();
    let response = match tokio::time::timeout(patience, called).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(error))) => return Err(form.error(error.error_response(), &error.to_string())),
        Ok(Err(_)) => {
            let panicked = Problem::internal().because(anyhow!("a handler panicked"));
            return Err(form.error(panicked.error_response(), ""));
        }
        Err(_) => return Err(form.error(overdue(patience).error_response(), "")),
    };
    if !is_failure(response.status()) {
        return Ok(response.map_into_left_body());
    }
    if is_json(response.headers()) {
        let mut response = response;
        form.mark(response.status(), response.headers_mut());
        return Ok(response.map_into_left_body());
    }
    let said = response.response().error().map(ToString::to_string);
    let problem = problem(response.status(), &said.unwrap_or_default());
    let mut answer = problem.error_response();
    form.mark(answer.status(), answer.headers_mut());
    Ok(response.into_response(answer).map_into_right_body())
}

fn overdue(patience: Duration) -> Problem {
    let cause = anyhow!("a handler had not answered after {patience:?}");
    Problem::unavailable()
        .because(cause)
        .detail("It took too long. It may have been done all the same: look first, then try again.")
}

/// The form of JSON a caller takes.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// `application/problem+json`.
    Problem,
    /// `application/json`: Forge keeps any other from its page.
    Plain,
}

impl Form {
    fn of(kind: Kind, request: &ServiceRequest) -> Self {
        match kind {
            Kind::Page if is_from_forge(request.headers()) => Self::Plain,
            Kind::Page | Kind::Event => Self::Problem,
        }
    }

    /// Gives a problem the content type of this form; a page is told nothing of a 401 in any.
    fn mark(self, status: StatusCode, headers: &mut HeaderMap) {
        if matches!(self, Self::Plain) && status != StatusCode::UNAUTHORIZED {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
    }

    /// An error that carries its answer, because there is no request left to answer.
    fn error(self, answer: HttpResponse, said: &str) -> Error {
        let mut answer = if is_json(answer.headers()) {
            answer
        } else {
            problem(answer.status(), said).error_response()
        };
        self.mark(answer.status(), answer.headers_mut());
        InternalError::from_response(said.to_owned(), answer).into()
    }
}

fn is_failure(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| {
        kind.starts_with("application/json") || kind.starts_with("application/problem+json")
    })
}

/// A problem for what was refused before a handler saw it; `said` is what the server says of it.
fn problem(status: StatusCode, said: &str) -> Problem {
    let problem = match status {
        StatusCode::NOT_FOUND => Problem::not_found("There is nothing at this address."),
        StatusCode::METHOD_NOT_ALLOWED => Problem::wrong_method(),
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(status, "too-large", "The body is too large.")
        }
        _ if status.is_server_error() => {
            return Problem::internal().because(anyhow!("{status}: {said}"));
        }
        _ => Problem::new(status, "bad-request", "The request cannot be understood."),
    };
    match said {
        "" => problem,
        said => problem.detail(said),
    }
}

#[cfg(test)]
#[path = "json_only_tests.rs"]
mod json_only_tests;
