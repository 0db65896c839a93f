//! `POST /forge/events/jira`: an event of Jira, as Forge delivers it. Takes invocations of an
//! endpoint only.

use actix_web::HttpResponse;
use actix_web::web::Bytes;

use super::auth::EventCaller;
use crate::problem::Problem;

/// The largest body Forge sends, in bytes.
pub const BODY_LIMIT: usize = 5 * 1024 * 1024;

/// Takes the event.
pub async fn receive(
    caller: EventCaller,
    body: Result<Bytes, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    let body = body.map_err(|why| Problem::unreadable_body(&why, BODY_LIMIT))?;
    tracing::debug!(site.id = caller.site.id.0, bytes = body.len(), "an event");
    Ok(HttpResponse::NoContent().finish())
}
