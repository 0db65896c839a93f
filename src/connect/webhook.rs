//! `POST /connect/webhook`: an event of a Connect site. Takes URL-bound HS256 tokens only.
//!
//! Answered 204 once the event is durable. Jira repeats a delivery only after 408, 409, 425, 429 and
//! 5xx: what cannot be stored now is answered 503, and 401 or 400 only what will never be right.

use actix_web::http::header::HeaderMap;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::auth::WebhookCaller;
use crate::app::App;
use crate::app::accept_event::{Received, accept_event};
use crate::problem::Problem;
use crate::store::inbox::Channel;

/// Jira sends bodies of up to 25 MB (`jira-webhooks-rest.md` 2.4); a little more leaves room for the
/// unit being meant either way.
pub const BODY_LIMIT: usize = 26_214_400;

/// Longest identifier or trace that is looked at; Jira's own limit for traces is 1024 characters.
const HEADER_LIMIT: usize = 1024;

/// Keeps the event and answers.
pub async fn receive(
    caller: WebhookCaller,
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let body = body.map_err(|why| Problem::unreadable_body(&why, BODY_LIMIT))?;
    let received = Received {
        site: caller.site.id,
        channel: Channel::Connect,
        delivery: header(request.headers(), "x-atlassian-webhook-identifier"),
        trace: header(request.headers(), "x-atlassian-webhook-trace"),
        body: body.into(),
    };
    accept_event(&app, received).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    (!value.is_empty() && value.len() <= HEADER_LIMIT).then(|| value.to_owned())
}
