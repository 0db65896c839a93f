//! `POST /xray/api/v2/authenticate`: the id and secret of an API client for a session token.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::auth::{by_token, session_token};
use super::error::XrayError;
use crate::app::App;
use crate::problem::Problem;
use crate::store::api_clients::ApiClient;
use crate::web::api::v1::auth::ApiCaller;

/// What is sent; some clients send more.
#[derive(Deserialize)]
struct Credentials {
    /// The API client's id or name.
    client_id: String,
    /// Its token.
    client_secret: String,
}

/// Answers a token as a JSON string, whatever the client says it accepts.
pub async fn sign_in(
    request: HttpRequest,
    body: Bytes,
    app: Data<App>,
) -> Result<HttpResponse, XrayError> {
    // What is wrong with it is not said or logged: that text could hold the secret.
    let sent: Option<Credentials> = serde_json::from_slice(&body).ok();
    let sent = sent.ok_or_else(|| {
        Problem::bad_request("The body is not JSON with `client_id` and `client_secret`.")
    })?;
    let known = by_token(&app, sent.client_secret.trim()).await?;
    let client = known
        .filter(|client| is_named(client, sent.client_id.trim()))
        .ok_or_else(|| {
            Problem::unauthorized("The client id and secret are not those of an API client.")
        })?;
    let caller = ApiCaller::admit(&request, &app, client).await?;
    let token = session_token(&app.seal, &caller.0, app.clock.now_s())?;
    Ok(HttpResponse::Ok().json(token))
}

fn is_named(client: &ApiClient, id: &str) -> bool {
    let is_id = id.parse().is_ok_and(|id: uuid::Uuid| id == client.id);
    is_id || client.name == id
}
