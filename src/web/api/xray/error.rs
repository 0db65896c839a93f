//! Errors in the one form that every client of this interface reads: `{"error": "sentence"}`.

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;

use crate::problem::Problem;

/// A problem, told as clients of this interface expect it.
#[derive(Debug)]
pub struct XrayError(pub Problem);

impl<P: Into<Problem>> From<P> for XrayError {
    /// What is refused is a bad request here, whatever the reason: clients know no finer codes.
    fn from(problem: P) -> Self {
        let mut problem = problem.into();
        let is_refusal = |status: StatusCode| problem.status == status.as_u16();
        if is_refusal(StatusCode::UNPROCESSABLE_ENTITY) || is_refusal(StatusCode::CONFLICT) {
            problem.status = StatusCode::BAD_REQUEST.as_u16();
        }
        Self(problem)
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
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        #[derive(Serialize)]
        struct Body {
            error: String,
        }
        // The problem's own answer has the right status and headers, and logs what is ours.
        let answer = self.0.error_response();
        let body = Body {
            error: self.to_string(),
        };
        let mut answer = answer.set_body(serde_json::to_string(&body).unwrap_or_default());
        let json = actix_web::http::header::HeaderValue::from_static("application/json");
        answer.headers_mut().insert(CONTENT_TYPE, json);
        answer.map_into_boxed_body()
    }
}

/// What an unknown address of this interface is told.
pub async fn unknown(request: HttpRequest) -> Result<HttpResponse, XrayError> {
    let (method, path) = (request.method(), request.path());
    Err(Problem::not_found("There is nothing at this address.")
        .detail(format!("{method} {path} is not part of Touchstone."))
        .into())
}
