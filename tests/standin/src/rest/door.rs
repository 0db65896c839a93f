//! The door of the REST API.
//!
//! In this order: faults a test asked for, who is calling, what the app's scopes allow, rate
//! limits, the call itself. Every request is noted, so that tests can ask what the app sent.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use crate::acts::Actor;
use crate::auth::{self, Caller, Credentials};
use crate::faults::FailNext;
use crate::log::Request;
use crate::model::State;
use crate::refusal::Refusal;
use crate::rest::{Answer, Call, Reply, meta, not_here, route};
use crate::server::Shared;
use crate::tokens;
use crate::view::Api;

/// The door.
pub(crate) async fn handle(
    request: HttpRequest,
    bytes: web::Bytes,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let method = request.method().as_str().to_owned();
    let whole = request
        .uri()
        .path_and_query()
        .map_or("/", |it| it.as_str())
        .to_owned();
    let (cloud_id, target) = place_of(&whole);
    let path = target.split('?').next().unwrap_or_default().to_owned();
    if !path.starts_with("/rest/") {
        return HttpResponse::NotFound()
            .content_type("text/html")
            .body("<h1>Dead link</h1>");
    }
    let failure = shared.act(|state| state.faults.take(&method, &path));
    if let Some(failure) = failure.as_ref().filter(|failure| !failure.carried_out) {
        note(
            &shared,
            &method,
            target,
            &bytes,
            None,
            failure.status,
            false,
        );
        return fail(failure, shared.clock.now_ms()).await;
    }
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let (caller, answer) = shared.act(|state| {
        let credentials = Credentials {
            method: &method,
            target,
            authorization: header("authorization"),
            viewer: header("x-standin-as"),
        };
        let known = match cloud_id {
            Some(id) => auth::identify_by_token(state, id, credentials.authorization).map(Some),
            None => auth::identify(state, &credentials),
        };
        let caller = match known {
            Ok(caller) => caller,
            Err(refusal) => return (None, Err(refusal)),
        };
        let incoming = Incoming {
            method: &method,
            target,
            bytes: &bytes,
            content_type: header("content-type").unwrap_or_default(),
            trace: header("x-atlassian-webhook-trace").map(str::to_owned),
        };
        let answer = answer(state, caller.clone(), &incoming);
        (caller, answer)
    });
    let status = answer
        .as_ref()
        .map_or_else(|refusal| refusal.status, |reply| reply.status);
    let account = caller.as_ref().map(|caller| caller.account.clone());
    if let Some(failure) = failure {
        note(
            &shared,
            &method,
            target,
            &bytes,
            caller.as_ref(),
            failure.status,
            false,
        );
        return fail(&failure, shared.clock.now_ms()).await;
    }
    note(
        &shared,
        &method,
        target,
        &bytes,
        caller.as_ref(),
        status,
        status == 429,
    );
    draw(answer, account)
}

/// The cloud a target names, if it stands at the API's own address, and the target below it.
fn place_of(whole: &str) -> (Option<&str>, &str) {
    let named = whole.strip_prefix("/ex/jira/").and_then(|rest| {
        let end = rest.find('/')?;
        Some((rest.get(..end)?, rest.get(end..)?))
    });
    match named {
        Some((cloud_id, target)) => (Some(cloud_id), target),
        None => (None, whole),
    }
}

struct Incoming<'a> {
    method: &'a str,
    target: &'a str,
    bytes: &'a [u8],
    content_type: &'a str,
    trace: Option<String>,
}

fn note(
    shared: &Shared,
    method: &str,
    target: &str,
    bytes: &[u8],
    caller: Option<&Caller>,
    status: u16,
    over_limit: bool,
) {
    let kept: Vec<&str> = target.split('?').collect();
    let query: Vec<&str> = kept
        .get(1)
        .map(|query| {
            query
                .split('&')
                .filter(|piece| !piece.starts_with("jwt="))
                .collect()
        })
        .unwrap_or_default();
    let path = kept.first().copied().unwrap_or_default();
    let target = if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", query.join("&"))
    };
    shared.act(|state| {
        state.requests.push(Request {
            at_ms: state.now(),
            method: method.to_owned(),
            target,
            account: caller.map(|it| it.account.clone()),
            by_app: caller.is_some_and(|it| it.by_app),
            by_forge: caller.is_some_and(|it| it.forge),
            status,
            body: serde_json::from_slice(bytes).ok(),
            over_limit,
        });
    });
}

/// An answer a test asked to be wrong.
async fn fail(failure: &FailNext, now: i64) -> HttpResponse {
    if failure.status == 0 {
        tokio::time::sleep(Duration::from_millis(failure.hang_ms)).await;
        return HttpResponse::GatewayTimeout().finish();
    }
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut answer = HttpResponse::build(status);
    if let Some(wait) = failure.retry_after {
        answer.insert_header(("Retry-After", wait.to_string()));
    }
    if let Some(reason) = &failure.reason {
        answer.insert_header(("RateLimit-Reason", reason.as_str()));
        let wait = i64::try_from(failure.retry_after.unwrap_or(1)).unwrap_or(1);
        let reset = crate::clock::agile_time(now + wait * 1000);
        answer.insert_header(("X-RateLimit-Reset", reset));
        answer.insert_header(("X-RateLimit-Remaining", "0"));
    }
    answer.json(Refusal::new(failure.status, "A fault on command.").body())
}

fn draw(answer: Answer, account: Option<String>) -> HttpResponse {
    let (status, body, headers) = match answer {
        Ok(reply) => (reply.status, reply.body, Vec::new()),
        Err(refusal) => (refusal.status, Some(refusal.body()), refusal.headers),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut out = HttpResponse::build(status);
    if let Some(account) = account {
        out.insert_header(("X-AAccountId", account));
    }
    for (name, value) in headers {
        out.insert_header((name, value));
    }
    match body {
        Some(body) => out.json(body),
        None => out.finish(),
    }
}

fn answer(state: &mut State, caller: Option<Caller>, incoming: &Incoming<'_>) -> Answer {
    let (path, query) = incoming
        .target
        .split_once('?')
        .unwrap_or((incoming.target, ""));
    if let Some(caller) = caller.as_ref().filter(|it| it.within_scopes) {
        check_app_request(state, caller, incoming, path)?;
    }
    let now = state.now();
    let is_of_app = caller.as_ref().is_some_and(|it| it.by_app || it.forge);
    if is_of_app {
        state.limits.take_point(now)?;
    }
    state.limits.take_burst(incoming.method, path, now)?;
    let segments: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(tokens::percent_decode)
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let body = parse_body(incoming)?;
    let (api, rest) = match segments.as_slice() {
        ["rest", "api", "2", rest @ ..] => (Api::V2, rest),
        ["rest", "api", "3" | "latest", rest @ ..] => (Api::V3, rest),
        ["rest", "agile", "1.0", ..] | ["rest", "atlassian-connect", "1", ..] => {
            (Api::V2, segments.get(1..).unwrap_or_default())
        }
        _ => return Err(not_here()),
    };
    if let (["serverInfo"], "GET") = (rest, incoming.method) {
        return Reply::ok(meta::server_info(state));
    }
    let caller = caller.ok_or_else(Refusal::unauthorized)?;
    limit_writes(state, incoming.method, rest, body.as_ref())?;
    let actor = Actor {
        account: caller.account.clone(),
        trace: incoming
            .trace
            .clone()
            .filter(|_| caller.by_app || caller.forge),
        bulk: false,
        cascading: false,
    };
    let mut call = Call {
        state,
        caller,
        actor,
        api,
        method: incoming.method,
        query: parse_query(query),
        body,
    };
    let answer = route(&mut call, rest)?;
    if is_of_app {
        state.limits.spend(objects(&answer));
    }
    Ok(answer)
}

/// How many issues or other objects an answer holds, as points count them.
fn objects(answer: &Reply) -> usize {
    let Some(body) = &answer.body else { return 0 };
    match body.get("issues").and_then(Value::as_array) {
        Some(issues) => issues.len(),
        None => usize::from(body.get("fields").is_some()),
    }
}

fn check_app_request(
    state: &State,
    caller: &Caller,
    incoming: &Incoming<'_>,
    path: &str,
) -> Result<(), Refusal> {
    if incoming.method == "GET" && !incoming.bytes.is_empty() {
        return Err(Refusal::forbidden("A GET request must not have a body."));
    }
    let scope = auth::scope_of(incoming.method, path);
    let connect = state.app.as_ref();
    let held = if caller.forge {
        state.forge_scope_held(scope, path)
    } else {
        connect.is_some_and(|app| app.scopes.contains(scope))
    };
    if scope == "NONE" || held {
        Ok(())
    } else {
        Err(Refusal::forbidden(format!(
            "The app does not have the scope {scope}."
        )))
    }
}

fn parse_body(incoming: &Incoming<'_>) -> Result<Option<Value>, Refusal> {
    if incoming.bytes.is_empty() || incoming.method == "GET" {
        return Ok(None);
    }
    if !incoming.content_type.to_ascii_lowercase().contains("json") {
        return Err(Refusal::new(415, "Unsupported Media Type"));
    }
    serde_json::from_slice(incoming.bytes)
        .map(Some)
        .map_err(|error| Refusal::bad(format!("Unexpected character or end of input: {error}")))
}

fn parse_query(query: &str) -> Vec<(String, String)> {
    let pieces = query.split('&').filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| piece.split_once('=').unwrap_or((piece, "")))
        .map(|(name, value)| (tokens::form_decode(name), tokens::form_decode(value)))
        .collect()
}

/// The limits on writes to one issue.
fn limit_writes(
    state: &mut State,
    method: &str,
    path: &[&str],
    body: Option<&Value>,
) -> Result<(), Refusal> {
    if method == "GET" {
        return Ok(());
    }
    let names: Vec<String> = match path {
        ["issue", name, ..] => vec![(*name).to_owned()],
        ["issueLink"] => ["inwardIssue", "outwardIssue"]
            .iter()
            .filter_map(|end| {
                let named = body?.get(end)?;
                named.get("key").or_else(|| named.get("id"))?.as_str()
            })
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    };
    let now = state.now();
    for id in names
        .iter()
        .filter_map(|name| state.issue_id(name))
        .collect::<Vec<_>>()
    {
        state.limits.take_write(id, now)?;
    }
    Ok(())
}
