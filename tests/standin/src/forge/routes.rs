//! The Forge side over HTTP: the key set, and what tests and the page do that no REST call can.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::{Settings, install, keys, remote};
use crate::acts::Actor;
use crate::control::{drawn, find_account};
use crate::model::State;
use crate::refusal::Refusal;
use crate::server::Shared;

/// Registers the routes of the Forge side.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/forge/.well-known/jwks.json", web::get().to(key_set))
        .route("/_edge/tenant_info", web::get().to(tenant_info))
        .route("/_standin/forge", web::get().to(look))
        .route("/_standin/forge/settings", web::put().to(put_settings))
        .route("/_standin/forge/uninstall", web::post().to(uninstall))
        .route("/_standin/forge/invoke", web::post().to(invoke))
        .route("/_standin/forge/{act}", web::post().to(act));
}

async fn key_set(shared: web::Data<Shared>) -> HttpResponse {
    match shared.act(|state| state.forge.keys.fetch()) {
        Ok(set) => HttpResponse::Ok().json(set),
        Err(status) => {
            HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap_or_default())
                .content_type("text/html")
                .body("<h1>The key set is away</h1>")
        }
    }
}

/// What anybody may ask a site without a token: what Atlassian calls it.
async fn tenant_info(shared: web::Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().json(shared.read(|state| json!({ "cloudId": state.site.cloud_id })))
}

async fn look(shared: web::Data<Shared>) -> HttpResponse {
    let app_url = format!("{}/forge/.well-known/jwks.json", shared.own_url);
    HttpResponse::Ok().json(shared.read(|state| {
        let side = &state.forge;
        let installations = side.installations.iter().map(|it| {
            json!({
                "id": it.id, "version": it.version, "live": it.live,
                "environmentType": it.environment_type, "environmentId": it.environment_id,
            })
        });
        let pages = side.manifest.pages.iter();
        let pages = pages.map(|it| json!({ "type": it.kind, "key": it.key, "title": it.title }));
        json!({
            "appId": side.app_id, "apiBaseUrl": side.api_url, "jwksUrl": app_url,
            "appAccount": side.account, "keyFetches": side.keys.fetches,
            "installations": installations.collect::<Vec<Value>>(),
            "pages": pages.collect::<Vec<Value>>(), "settings": side.settings,
        })
    }))
}

async fn put_settings(shared: web::Data<Shared>, settings: web::Json<Settings>) -> HttpResponse {
    shared.act(|state| state.forge.settings = settings.into_inner());
    HttpResponse::NoContent().finish()
}

async fn uninstall(shared: web::Data<Shared>, body: web::Bytes) -> HttpResponse {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let shared = shared.into_inner();
    let runtime = shared.runtime.clone();
    let task = runtime.spawn(async move {
        let id = body.get("installation").and_then(Value::as_str);
        let quietly = body.get("quietly") == Some(&Value::Bool(true));
        install::uninstall(&shared, id, quietly).await
    });
    drawn(match task.await {
        Ok(Ok(())) => Ok(json!({})),
        Ok(Err(error)) => Err(Refusal::missing(format!("{error:#}"))),
        Err(error) => Err(Refusal::new(500, error.to_string())),
    })
}

/// A call of a page of the app.
async fn invoke(shared: web::Data<Shared>, body: web::Json<Value>) -> HttpResponse {
    let shared = shared.into_inner();
    let runtime = shared.runtime.clone();
    let task = runtime.spawn(async move { remote::invoke(&shared, &body).await });
    drawn(match task.await {
        Ok(outcome) => outcome,
        Err(error) => Err(Refusal::new(500, error.to_string())),
    })
}

async fn act(shared: web::Data<Shared>, act: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    drawn(shared.act(|state| perform(state, &act, &body)))
}

/// `install`, `upgrade`, `hourly`, `redeliver`, `rotate-keys`, `keys`, `fit`, `tokens`, `gadget`,
/// `emit`.
fn perform(state: &mut State, act: &str, body: &Value) -> Result<Value, Refusal> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let on = |name: &str| body.get(name) == Some(&Value::Bool(true));
    let named = Some(text("installation")).filter(|it| !it.is_empty());
    let none = || Refusal::missing("There is no such installation.");
    let own = |state: &State| state.installation(named).cloned().ok_or_else(none);
    match act {
        "install" => {
            let environment = match text("environmentType") {
                "" => "PRODUCTION",
                name => name,
            };
            let known = state.installation(None).map(|it| it.app_url.clone());
            let url = Some(text("url").to_owned()).filter(|it| !it.is_empty());
            let url = url
                .or(known)
                .or(state.app.as_ref().map(|it| it.base_url.clone()));
            let url = url.ok_or_else(|| Refusal::bad("Name the app's address in 'url'."))?;
            Ok(json!({ "installation": state.install_forge(&url, environment) }))
        }
        "upgrade" => {
            state
                .upgrade_forge(named, text("version"))
                .ok_or_else(none)?;
            Ok(json!({}))
        }
        "hourly" => {
            state.call_hourly(named).ok_or_else(none)?;
            Ok(json!({}))
        }
        "redeliver" => {
            state.forge.hurried += 1;
            Ok(json!({}))
        }
        "rotate-keys" => {
            let rotated = state.forge.keys.rotate(on("keepOld"));
            rotated.map_err(|error| Refusal::new(500, format!("{error:#}")))?;
            Ok(json!({ "kid": state.forge.keys.current.kid }))
        }
        "keys" => {
            let keys = &mut state.forge.keys;
            keys.padded = on("padded");
            keys.strange = on("strange");
            let status = body.get("outage").and_then(Value::as_u64);
            keys.outage = status.and_then(|it| u16::try_from(it).ok());
            Ok(json!({}))
        }
        "fit" => fit(state, &own(state)?, body),
        "tokens" => {
            let (own, account) = (own(state)?, find_account(state, text("as"))?);
            Ok(json!({
                "system": state.system_token(&own.id),
                "user": state.user_token(&own.id, &account),
            }))
        }
        "gadget" => {
            state.forge.gadget = body.get("configuration").cloned().unwrap_or_default();
            Ok(json!({}))
        }
        "emit" => {
            let actor = Actor::account(&find_account(state, text("as"))?);
            let members = body.get("body").cloned().unwrap_or_else(|| json!({}));
            state.tell_forge(&actor, text("event"), None, &members);
            Ok(json!({}))
        }
        _ => Err(Refusal::missing(format!("There is no act '{act}'."))),
    }
}

/// A token of a page (`module`) or an event (`endpoint`), with `claims` and `header` put in, and
/// signed by a `stranger` if asked.
fn fit(state: &mut State, own: &super::Installation, body: &Value) -> Result<Value, Refusal> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut claims = if text("module").is_empty() {
        state.event_claims(own, text("endpoint"))
    } else {
        let account = find_account(state, text("as"))?;
        let place = state.place(text("module"), &account, text("issue"), text("project"))?;
        state.page_claims(own, Some(&account), &place)
    };
    if let Some(changed) = body.get("claims") {
        keys::merge(&mut claims, changed);
    }
    let broken = |error: anyhow::Error| Refusal::new(500, format!("{error:#}"));
    let key = if body.get("stranger") == Some(&Value::Bool(true)) {
        state.forge.keys.stranger().map_err(broken)?
    } else {
        std::sync::Arc::clone(&state.forge.keys.current)
    };
    let header = body.get("header").unwrap_or(&Value::Null);
    let token = key.sign(&claims, header).map_err(broken)?;
    Ok(json!({ "token": token, "claims": claims }))
}
