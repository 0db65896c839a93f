//! What Jira tells about the app itself: installed, uninstalled, enabled, disabled.
//!
//! Success is answered only after the commit: on any other answer Jira keeps the former state and
//! the administrator tries again. The order of checks is part of the protocol; a body is not read
//! before the token is verified. `disabled` sometimes trails an uninstall without a token or under
//! the secret just dropped: that is noise, refused and without effect.
//!
//! Source: <https://developer.atlassian.com/cloud/jira/platform/connect-app-descriptor/#lifecycle>.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, PayloadConfig, ServiceConfig};
use anyhow::anyhow;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::error::Category;
use uuid::Uuid;

use super::auth::{LifecycleCaller, WebhookCaller};
use super::token::Refused;
use crate::app::App;
use crate::app::install_site::install_site;
use crate::app::remove_site::remove_site;
use crate::app::switch_site::switch_site;
use crate::config::Config;
use crate::domain::site_address::{Allowed, display_address, site_address};
use crate::problem::Problem;
use crate::store::sites::Installation;

/// The largest body, in bytes; real ones have about one kilobyte.
const LARGEST: usize = 64 * 1024;
/// The longest client key, in bytes.
const CLIENT_KEY_LIMIT: usize = 255;

/// The routes of the lifecycle.
pub fn routes(cfg: &mut ServiceConfig) {
    let post = |path: &str| web::resource(path).app_data(PayloadConfig::new(LARGEST));
    cfg.service(post("/connect/installed").route(web::post().to(installed)))
        .service(post("/connect/uninstalled").route(web::post().to(uninstalled)))
        .service(post("/connect/enabled").route(web::post().to(enabled)))
        .service(post("/connect/disabled").route(web::post().to(disabled)));
}

/// The body of a lifecycle event. What is not read here is ignored, whatever it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    key: String,
    client_key: String,
    base_url: String,
    event_type: String,
    product_type: Option<String>,
    shared_secret: Option<SecretString>,
    display_url: Option<String>,
    oauth_client_id: Option<String>,
    account_id: Option<String>,
    installation_id: Option<String>,
    cloud_id: Option<String>,
}

async fn installed(
    caller: LifecycleCaller,
    body: Result<Bytes, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let body = read(body)?;
    let base_url = check(&body, &caller.client_key, "installed", &app.config)?;
    let secret = secret_of(&body)?.clone();
    let told = Installation {
        display_url: body
            .display_url
            .and_then(|text| display_address(&text, allowed(&app.config))),
        forge_installation_id: body.installation_id.map(|id| installation_id(&id)),
        client_key: body.client_key,
        base_url,
        oauth_client_id: body.oauth_client_id,
        app_account_id: body.account_id,
        cloud_id: body.cloud_id,
    };
    install_site(&app, &told, &secret).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn uninstalled(
    caller: LifecycleCaller,
    body: Result<Bytes, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    check(&read(body)?, &caller.client_key, "uninstalled", &app.config)?;
    remove_site(&app, &caller.client_key).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn enabled(
    caller: WebhookCaller,
    body: Result<Bytes, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    switch(&caller, &read(body)?, true, &app).await
}

async fn disabled(
    caller: WebhookCaller,
    body: Result<Bytes, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    switch(&caller, &read(body)?, false, &app).await
}

async fn switch(
    caller: &WebhookCaller,
    body: &Body,
    is_enabled: bool,
    app: &App,
) -> Result<HttpResponse, Problem> {
    let client_key = caller.site.client_key.as_deref().unwrap_or_default();
    let event = if is_enabled { "enabled" } else { "disabled" };
    check(body, client_key, event, &app.config)?;
    switch_site(app, &caller.site, is_enabled).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Reads a body: 400 for what is not JSON; JSON that is no lifecycle event is refused as such.
fn read(body: Result<Bytes, actix_web::Error>) -> Result<Body, Problem> {
    let body = body.map_err(|why| match why.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(LARGEST),
        _ => Problem::bad_request("The body could not be read.").because(anyhow!("{why}")),
    })?;
    serde_json::from_slice(&body).map_err(|why| match why.classify() {
        Category::Data => Refused::Body("a field is missing or of another type").into(),
        Category::Syntax | Category::Eof | Category::Io => {
            Problem::bad_request("The body is not JSON.").detail(why.to_string())
        }
    })
}

/// Checks that a body is for this app and event and of the site that the token names. Gives the
/// site's address, which is one of those allowed.
fn check(body: &Body, client_key: &str, event: &str, config: &Config) -> Result<String, Refused> {
    if body.client_key != client_key {
        return Err(Refused::Issuer);
    }
    if client_key.is_empty() || client_key.len() > CLIENT_KEY_LIMIT {
        return Err(Refused::Body("the client key is empty or too long"));
    }
    if body.key != config.connect.app_key {
        return Err(Refused::Body("it is for another app"));
    }
    if body.event_type != event {
        return Err(Refused::Body("it is another event"));
    }
    if body
        .product_type
        .as_deref()
        .is_some_and(|product| product != "jira")
    {
        return Err(Refused::Body("it is of another product"));
    }
    site_address(&body.base_url, allowed(config))
        .ok_or(Refused::Body("the site's address is not an allowed one"))
}

/// The secret of an installation. Under an empty one anybody could sign, and none must not wipe the
/// one that is stored.
fn secret_of(body: &Body) -> Result<&SecretString, Refused> {
    let secret = body.shared_secret.as_ref();
    secret
        .filter(|secret| !secret.expose_secret().is_empty())
        .ok_or(Refused::Body("there is no secret"))
}

fn allowed(config: &Config) -> Allowed<'_> {
    Allowed {
        suffixes: &config.connect.site_suffixes,
        loopback: config.server.insecure_sites,
    }
}

/// The one spelling of an installation's id. Whether Connect bodies carry Forge's resource name or
/// the bare UUID is not documented; the UUID at its end says which installation it is.
fn installation_id(text: &str) -> String {
    match text.rsplit('/').next().map(Uuid::parse_str) {
        Some(Ok(id)) => format!("ari:cloud:ecosystem::installation/{id}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "vectors_tests.rs"]
mod vectors_tests;
