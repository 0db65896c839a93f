//! `POST /forge/events/jira`: an event of Jira, as Forge delivers it. Takes invocations of an
//! endpoint only.
//!
//! Answered 204 once the event is durable, within the five seconds Forge waits: nothing is asked of
//! Jira here. Forge repeats everything that is not answered with 2xx, four times, a minute apart, so a
//! body that cannot be read is kept and parked instead of refused: it would come back the same. Only
//! what a later try may help is answered otherwise, 503 when the store cannot commit.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};

use super::auth::EventCaller;
use crate::app::App;
use crate::app::accept_event::{Received, accept_event};
use crate::problem::Problem;
use crate::store::inbox::Channel;

/// The largest body Forge sends, in bytes.
pub const BODY_LIMIT: usize = 5 * 1024 * 1024;

/// Keeps the event and answers.
pub async fn receive(
    caller: EventCaller,
    body: Result<Bytes, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let body = body.map_err(|why| Problem::unreadable_body(&why, BODY_LIMIT))?;
    let received = Received {
        site: caller.site.id,
        channel: Channel::Forge,
        delivery: None,
        trace: None,
        body: body.into(),
    };
    accept_event(&app, received).await?;
    Ok(HttpResponse::NoContent().finish())
}
