//! What only the installed app may use: its own properties, and the list of lost webhooks.

use serde_json::{Value, json};

use crate::model::App;
use crate::refusal::Refusal;
use crate::rest::{Answer, Call, Reply};

pub(crate) fn route(call: &mut Call<'_>, path: &[&str]) -> Option<Answer> {
    let method = call.method;
    Some(match (method, path) {
        (
            "GET",
            [
                "atlassian-connect",
                "1",
                "addons",
                key,
                "properties",
                CLIENT_KEY,
            ],
        ) if call.caller.forge => client_key(call, key),
        ("GET", ["webhook", "failed"]) => failed(call),
        ("GET", ["webhook"]) => Reply::ok(json!({
            "startAt": 0, "maxResults": 100, "total": 0, "isLast": true, "values": [],
        })),
        (_, ["atlassian-connect", "1", "addons", key, "properties"]) if method == "GET" => {
            keys(call, key)
        }
        (
            _,
            [
                "atlassian-connect",
                "1",
                "addons",
                key,
                "properties",
                property,
            ],
        ) => property_call(call, key, property),
        _ => return None,
    })
}

/// The property under which a Forge app finds the client key of the Connect app it took over.
const CLIENT_KEY: &str = "connect_client_key_019cdff3-8bfb-71fe-9628-875b700aebb8";

fn client_key(call: &mut Call<'_>, key: &str) -> Answer {
    let state = &call.state;
    let own = state.forge.manifest.connect_key.as_deref() == Some(key) && call.caller.by_app;
    match state.app.as_ref().filter(|app| own && app.key == key) {
        Some(_) => Reply::ok(json!({ "key": CLIENT_KEY, "value": state.site.client_key })),
        None => Err(Refusal::missing(format!(
            "Property with key {CLIENT_KEY} not found."
        ))),
    }
}

fn own_app<'a>(call: &'a mut Call<'_>, key: &str) -> Result<&'a mut App, Refusal> {
    let by_app = call.caller.within_scopes;
    let reads = call.method == "GET";
    let only_page = !call.caller.by_app;
    let app = call
        .state
        .app
        .as_mut()
        .filter(|app| app.key == key && app.installed && by_app);
    match app {
        Some(app) if reads || !only_page => Ok(app),
        _ => Err(Refusal::new(
            401,
            "Access to this resource must be authenticated as an app.",
        )),
    }
}

fn keys(call: &mut Call<'_>, key: &str) -> Answer {
    let base = call.state.site.base_url.clone();
    let app = own_app(call, key)?;
    let list = app.properties.keys().map(|name| {
        let address = format!("{base}/rest/atlassian-connect/1/addons/{key}/properties/{name}");
        json!({ "key": name, "self": address })
    });
    Reply::ok(json!({ "keys": list.collect::<Vec<Value>>() }))
}

fn property_call(call: &mut Call<'_>, key: &str, property: &str) -> Answer {
    let base = call.state.site.base_url.clone();
    let method = call.method;
    let body = if method == "PUT" {
        Some(call.body()?.clone())
    } else {
        None
    };
    let app = own_app(call, key)?;
    let missing = || Refusal::missing(format!("Property with key {property} not found."));
    match (method, body) {
        ("GET", _) => {
            let value = app.properties.get(property).ok_or_else(missing)?;
            let address =
                format!("{base}/rest/atlassian-connect/1/addons/{key}/properties/{property}");
            Reply::ok(json!({ "key": property, "value": value, "self": address }))
        }
        ("PUT", Some(value)) => {
            if property.chars().count() > 127 || value.to_string().chars().count() > 32_768 {
                return Err(Refusal::bad("The property key or value is too long."));
            }
            let new = app.properties.insert(property.to_owned(), value).is_none();
            let (status, word) = if new {
                (201, "created")
            } else {
                (200, "updated")
            };
            let body = json!({ "message": format!("Property {word}."), "statusCode": status });
            if new {
                Reply::created(body)
            } else {
                Reply::ok(body)
            }
        }
        ("DELETE", _) => {
            app.properties.remove(property).ok_or_else(missing)?;
            Reply::empty(204)
        }
        _ => Err(Refusal::new(405, "Method not allowed.")),
    }
}

/// Deliveries that ran out of retries.
fn failed(call: &mut Call<'_>) -> Answer {
    if !call.caller.by_app || call.caller.forge {
        return Err(Refusal::forbidden("Only Connect apps may call this."));
    }
    let after = call
        .param("after")
        .and_then(|it| it.parse::<i64>().ok())
        .unwrap_or_default();
    let of = call
        .state
        .lost
        .iter()
        .filter(|it| it.at_ms > after)
        .take(100);
    let values: Vec<Value> = of
        .map(|it| {
            json!({ "id": it.identifier, "body": it.body, "url": it.url, "failureTime": it.at_ms })
        })
        .collect();
    Reply::ok(json!({ "maxResults": 100, "values": values }))
}
