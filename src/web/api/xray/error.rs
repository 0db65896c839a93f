//! Errors in the one form that every client of this interface reads: `{"error": "sentence"}`.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use crate::problem::Problem;

/// A problem, told as clients of this interface expect it.
#[derive(Debug)]
pub struct XrayError(pub Problem);

impl<P: Into<Problem>> From<P> for XrayError {
    fn from(problem: P) -> Self {
        Self(problem.into())
    }
}

impl std::fmt::Display for XrayError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0.detail {
            Some(detail) => write!(out, "{} {detail}", self.0.title),
            None => out.write_str(&self.0.title),
        }
    }
}

impl ResponseError for XrayError {
    fn status_code(&self) -> StatusCode {
        told_status(&self.0)
    }

    fn error_response(&self) -> HttpResponse {
        self.0.log();
        told(&self.0, &self.to_string())
    }
}

/// The status of a problem here. What is refused is a bad request, whatever the reason: clients know no
/// finer codes.
pub(super) fn told_status(problem: &Problem) -> StatusCode {
    match problem.status_code() {
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT => StatusCode::BAD_REQUEST,
        status => status,
    }
}

/// A problem in the form that clients of this interface read.
pub(super) fn told(problem: &Problem, said: &str) -> HttpResponse {
    let mut answer = HttpResponse::build(told_status(problem));
    answer.insert_header((CACHE_CONTROL, "no-store"));
    if let Some(seconds) = problem.retry_after_s {
        answer.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    answer.json(serde_json::json!({ "error": said }))
}

/// What an unknown address of this interface is told.
pub async fn unknown(request: HttpRequest) -> Result<HttpResponse, XrayError> {
    let (method, path) = (request.method(), request.path());
    Err(Problem::not_found("There is nothing at this address.")
        .detail(format!("{method} {path} is not part of Touchstone."))
        .into())
}
