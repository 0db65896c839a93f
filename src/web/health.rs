//! Health of the service, for the operator and his tools. Takes no token and tells no tenant's data.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::web::Data;
use serde_json::json;

use crate::app::App;
use crate::problem::Problem;
use crate::store::{inbox, outbox};

/// `GET /health/live`: the process answers.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(json!({ "status": "live" }))
}

/// `GET /health/ready`: the database answers; how much waits and how much is parked.
pub async fn ready(app: Data<App>) -> Result<HttpResponse, Problem> {
    let depths = async {
        let inbox = inbox::depth(app.store.read(), None).await?;
        let outbox = outbox::counts(app.store.read(), None).await?;
        Ok::<_, crate::store::StoreError>((inbox, outbox))
    };
    let (inbox, outbox) = match depths.await {
        Ok(depths) => depths,
        Err(why) => {
            tracing::error!("the database does not answer: {why:?}");
            return Ok(HttpResponse::ServiceUnavailable()
                .insert_header((CACHE_CONTROL, "no-store"))
                .insert_header(ContentType::json())
                .json(json!({ "database": "unreachable" })));
        }
    };
    let lag_ms = inbox
        .oldest_ms
        .map_or(0, |since| (app.clock.now_ms() - since).max(0));
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(json!({
            "database": "ok",
            "inbox": { "waiting": inbox.waiting, "parked": inbox.parked, "lagMs": lag_ms },
            "outbox": { "waiting": outbox.waiting, "parked": outbox.parked },
        })))
}
