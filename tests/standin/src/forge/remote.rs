//! `invokeRemote`: a call of the app's page, carried to its server with an invocation token and
//! lent tokens, and what of the answer reaches the page.
//!
//! The page gets a promise fulfilled for JSON alone: 2xx, or an error whose content type, if it
//! has one, is `application/json`. Everything else rejects, as does 401 whatever it carries.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::fit::Place;
use crate::clock;
use crate::control::find_account;
use crate::refusal::Refusal;
use crate::server::Shared;

const MOST_SENT: usize = 500 * 1024;
const MOST_GOT: usize = 5 * 1024 * 1024;

/// A call as it leaves the page.
struct Call {
    url: url::Url,
    method: Method,
    headers: HeaderMap,
    body: Option<Value>,
}

/// Carries a call: `{as, module, issue?, project?, edit?, extension?, call: {path, method,
/// headers?, body?}}` becomes `{resolved}` or `{rejected}`.
pub(crate) async fn invoke(shared: &Shared, asked: &Value) -> Result<Value, Refusal> {
    let call = match prepare(shared, asked)? {
        Ok(call) => call,
        Err(reason) => return Ok(json!({ "rejected": reason })),
    };
    let mut request = shared
        .http
        .request(call.method, call.url)
        .timeout(Duration::from_millis(shared.options.forge.ui_timeout_ms))
        .headers(call.headers);
    if let Some(body) = call.body {
        request = request.json(&body);
    }
    let outcome = match request.send().await {
        Ok(answer) => judge(answer).await,
        Err(error) if error.is_timeout() => Err("The request to the remote timed out.".to_owned()),
        Err(_error) => Err("The remote could not be reached.".to_owned()),
    };
    Ok(match outcome {
        Ok(value) => json!({ "resolved": value }),
        Err(reason) => json!({ "rejected": reason }),
    })
}

/// The call with everything Forge adds, or why the bridge does not take it.
fn prepare(shared: &Shared, asked: &Value) -> Result<Result<Call, String>, Refusal> {
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    let wanted = asked.get("call").cloned().unwrap_or_default();
    let of_call = |name: &str| wanted.get(name).and_then(Value::as_str).unwrap_or_default();
    let body = wanted.get("body").filter(|it| !it.is_null()).cloned();
    let method = match of_call("method") {
        "" => "GET",
        name => name,
    };
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method);
    let method = Method::from_bytes(method.as_bytes()).ok().filter(|_| known);
    let Some(method) = method else {
        return Ok(Err("The method is not one of those allowed.".to_owned()));
    };
    if body.as_ref().is_some_and(|it| !it.is_object()) {
        return Ok(Err("The body must be an object.".to_owned()));
    }
    if body
        .as_ref()
        .is_some_and(|it| it.to_string().len() > MOST_SENT)
    {
        return Ok(Err("The body is too large.".to_owned()));
    }
    let mut headers = HeaderMap::new();
    let own = wanted.get("headers").and_then(Value::as_object);
    for (name, value) in own.into_iter().flatten() {
        put(&mut headers, name, value.as_str().unwrap_or_default());
    }
    let account = shared.read(|state| find_account(state, text("as")))?;
    shared.act(|state| {
        let place = Place {
            edit: asked.get("edit") == Some(&Value::Bool(true)),
            extension: asked.get("extension").cloned().unwrap_or_default(),
            ..state.place(text("module"), &account, text("issue"), text("project"))?
        };
        let own = state.installation(None).cloned();
        let own = own.ok_or_else(|| Refusal::missing("No Forge app is installed."))?;
        let claims = state.page_claims(&own, Some(&account), &place);
        let fit = state.forge.keys.current.sign(&claims, &Value::Null);
        let fit = fit.map_err(|error| Refusal::new(500, format!("{error:#}")))?;
        put(&mut headers, "authorization", &format!("Bearer {fit}"));
        put(&mut headers, "x-b3-traceid", &clock::random_hex(16));
        put(&mut headers, "x-b3-spanid", &clock::random_hex(8));
        for name in ["x-forge-oauth-system", "x-forge-oauth-user"] {
            headers.remove(name);
        }
        let page = state.forge.manifest.page(&place.key);
        let endpoint = page.map(|it| it.endpoint.clone()).unwrap_or_default();
        let lends = state.forge.manifest.endpoint(&endpoint);
        let settings = state.forge.settings.clone();
        if lends.system_token && !settings.withhold_system_token {
            let token = state.system_token(&own.id).unwrap_or_default();
            put(&mut headers, "x-forge-oauth-system", &token);
        }
        if lends.user_token && !settings.withhold_user_token {
            let token = state.user_token(&own.id, &account).unwrap_or_default();
            put(&mut headers, "x-forge-oauth-user", &token);
        }
        let base = url::Url::parse(&own.app_url).and_then(|base| base.join(of_call("path")));
        let url = base.map_err(|error| Refusal::bad(format!("The path: {error}")))?;
        Ok(Ok(Call {
            url,
            method,
            headers,
            body,
        }))
    })
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

/// What the page is given of an answer.
async fn judge(answer: reqwest::Response) -> Result<Value, String> {
    let status = answer.status().as_u16();
    if status == 401 {
        return Err("The remote could not verify the invocation token.".to_owned());
    }
    let mut headers = json!({});
    for name in answer.headers().keys() {
        let all = answer.headers().get_all(name).iter();
        let all: Vec<&str> = all.filter_map(|value| value.to_str().ok()).collect();
        crate::tokens::set(&mut headers, name.as_str(), json!(all));
    }
    let kind = answer.headers().get("content-type").cloned();
    let kind = kind.as_ref().and_then(|it| it.to_str().ok());
    let kind = kind.map(|it| it.split(';').next().unwrap_or_default().trim().to_owned());
    let bytes = answer.bytes().await;
    let bytes = bytes.map_err(|_cut| "The remote's answer was cut off.".to_owned())?;
    if bytes.len() > MOST_GOT {
        return Err("The remote's answer is too large.".to_owned());
    }
    let good = (200..300).contains(&status);
    let unreadable = || format!("The remote's answer is not JSON. Status: {status}.");
    let body = match serde_json::from_slice::<Value>(&bytes) {
        Ok(body) => Some(body),
        Err(_not_json) if good && bytes.is_empty() => None,
        Err(_not_json) => return Err(unreadable()),
    };
    let as_json = kind.is_none_or(|it| it.eq_ignore_ascii_case("application/json"));
    if !good && !as_json {
        return Err(unreadable());
    }
    let mut part = json!({ "status": status, "headers": headers });
    if let Some(body) = body {
        crate::tokens::set(&mut part, "body", body);
    }
    Ok(if good {
        json!({ "success": true, "payload": part })
    } else {
        json!({ "success": false, "error": part })
    })
}
