//! What Forge tells about the app itself: installed, upgraded, about to be removed, another hour.
//! Takes invocations of an endpoint only; meeting the caller is most of the work.

use actix_web::HttpResponse;

use super::auth::EventCaller;

/// The largest body, in bytes; real ones have less than one kilobyte.
pub const BODY_LIMIT: usize = 64 * 1024;

/// `POST /forge/events/lifecycle`
pub async fn changed(_: EventCaller) -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// `POST /forge/events/pre-uninstall`
pub async fn leaving(_: EventCaller) -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// `POST /forge/scheduled/hourly`
pub async fn hourly(_: EventCaller) -> HttpResponse {
    HttpResponse::NoContent().finish()
}
