//! What Forge tells about the app itself: installed, upgraded, about to be removed, another hour.
//!
//! Takes invocations of an endpoint only. Meeting the caller is most of the work: it keeps the
//! installation, the token and the sign of life, so an event that never comes costs nothing. Bodies
//! name neither site nor installation in a form to rely on (`forge.md` 2.3), so nothing is read from
//! them but who did it; one that cannot be read is no reason to ask for it four times more. There is
//! no event for an uninstall, only one before it, which may not come.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use serde::Deserialize;

use super::auth::EventCaller;
use crate::app::App;
use crate::app::note_hour::note_hour;
use crate::app::note_lifecycle::note_lifecycle;
use crate::app::remove_site::remove_installation;
use crate::problem::Problem;

/// The largest body, in bytes; real ones have less than one kilobyte.
pub const BODY_LIMIT: usize = 64 * 1024;

/// A lifecycle event, bare or in an envelope.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Lifecycle {
    payload: Option<Box<Lifecycle>>,
    installer_account_id: Option<String>,
    upgrader_account_id: Option<String>,
}

impl Lifecycle {
    fn actor(self) -> Option<String> {
        match self.payload {
            Some(inner) => inner.actor(),
            None => self.installer_account_id.or(self.upgrader_account_id),
        }
    }
}

/// `POST /forge/events/lifecycle`
pub async fn changed(
    caller: EventCaller,
    body: Bytes,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let told: Lifecycle = serde_json::from_slice(&body).unwrap_or_default();
    let installation = &caller.invocation.installation_id;
    note_lifecycle(&app, caller.site.id, installation, told.actor()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /forge/events/pre-uninstall`
pub async fn leaving(caller: EventCaller, app: Data<App>) -> Result<HttpResponse, Problem> {
    let installation = &caller.invocation.installation_id;
    remove_installation(&app, &caller.site, installation).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /forge/scheduled/hourly`
pub async fn hourly(caller: EventCaller, app: Data<App>) -> Result<HttpResponse, Problem> {
    note_hour(&app, &caller.site, &caller.invocation.installation_id).await?;
    Ok(HttpResponse::NoContent().finish())
}
