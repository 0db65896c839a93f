//! The stand-in's own door, `/_standin/…`: what tests and the page can do that no REST call can.
//!
//! Every act is a POST with a JSON body; the acting account stands in `as` (an account id, an
//! e-mail address or a first name; the developer, if absent).

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::acts::{Actor, links, planning, talk, workflow};
use crate::clock::Dice;
use crate::faults::Faults;
use crate::model::State;
use crate::refusal::Refusal;
use crate::server::Shared;
use crate::view::Api;
use crate::{frames, install, seed};

type Outcome = Result<Value, Refusal>;

/// Registers the control routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/_standin/keys/{kid}", web::get().to(key))
        .route("/_standin/app/{act}", web::post().to(app_act))
        .route("/_standin/settle", web::get().to(settle))
        .route("/_standin/faults", web::put().to(put_faults))
        .route("/_standin/act/{act}", web::post().to(act))
        .route("/_standin/{what}", web::get().to(look))
        .route("/_standin/issue/{key}", web::get().to(issue));
}

/// The key host of installation keys: an unknown key is answered 403 with a page of HTML.
async fn key(shared: web::Data<Shared>, kid: web::Path<String>) -> HttpResponse {
    if *kid == shared.key.kid {
        HttpResponse::Ok()
            .content_type("text/plain")
            .body(shared.key.public_pem.clone())
    } else {
        HttpResponse::Forbidden()
            .content_type("text/html")
            .body("<html><body><h1>403 Forbidden</h1></body></html>")
    }
}

pub(crate) fn drawn(outcome: Outcome) -> HttpResponse {
    match outcome {
        Ok(body) => HttpResponse::Ok().json(body),
        Err(refusal) => HttpResponse::build(
            actix_web::http::StatusCode::from_u16(refusal.status).unwrap_or_default(),
        )
        .json(refusal.body()),
    }
}

/// `install {url}`, `uninstall`, `rotate-secret`, `enable`, `disable`, `rename-site {name}`.
async fn app_act(
    shared: web::Data<Shared>,
    act: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let shared = shared.into_inner();
    let runtime = shared.runtime.clone();
    let task = runtime.spawn(async move {
        let installed = shared.read(|state| state.app.as_ref().map(|app| app.base_url.clone()));
        let url = body
            .get("url")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .or(installed);
        match (act.as_str(), url) {
            ("install" | "rotate-secret", Some(url)) => install::install(&shared, &url).await,
            ("uninstall", _) => install::uninstall(&shared).await,
            ("enable", _) => install::set_enabled(&shared, true).await,
            ("disable", _) => install::set_enabled(&shared, false).await,
            ("rename-site", Some(url)) => {
                let name = body
                    .get("baseUrl")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                rename_site(&shared, name, &url).await
            }
            (act, _) => Err(anyhow::anyhow!(
                "unknown act {act}, or no app to do it with"
            )),
        }
    });
    match task.await {
        Ok(Ok(())) => HttpResponse::NoContent().finish(),
        Ok(Err(error)) => {
            HttpResponse::BadGateway().json(Refusal::new(502, format!("{error:#}")).body())
        }
        Err(error) => {
            HttpResponse::InternalServerError().json(Refusal::new(500, error.to_string()).body())
        }
    }
}

/// Gives the site another address and tells the app by installing again.
pub(crate) async fn rename_site(shared: &Shared, base: &str, app: &str) -> anyhow::Result<()> {
    let old = shared.act(|state| {
        std::mem::replace(
            &mut state.site.base_url,
            base.trim_end_matches('/').to_owned(),
        )
    });
    let outcome = install::install(shared, app).await;
    if outcome.is_err() {
        shared.act(|state| state.site.base_url = old);
    }
    outcome
}

async fn settle(shared: web::Data<Shared>) -> HttpResponse {
    let mut changed = shared.watch();
    let waited = tokio::time::timeout(std::time::Duration::from_mins(1), async {
        while shared.read(State::open_deliveries) > 0 {
            if changed.changed().await.is_err() {
                return;
            }
        }
    });
    match waited.await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(_elapsed) => drawn(Err(Refusal::new(504, "Deliveries are still open."))),
    }
}

async fn put_faults(shared: web::Data<Shared>, faults: web::Json<Faults>) -> HttpResponse {
    shared.act(|state| set_faults(state, faults.into_inner()));
    HttpResponse::NoContent().finish()
}

/// Sets what goes wrong from now on.
pub(crate) fn set_faults(state: &mut State, faults: Faults) {
    state.dice = Dice::new(faults.seed);
    state.faults = faults;
}

async fn act(
    shared: web::Data<Shared>,
    act: web::Path<String>,
    body: web::Json<Value>,
) -> HttpResponse {
    drawn(shared.act(|state| perform(state, &act, &body)))
}

struct Asked<'a>(&'a Value);

impl Asked<'_> {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_u64).unwrap_or_default()
    }

    fn actor(&self, state: &State) -> Result<Actor, Refusal> {
        let account = find_account(state, self.text("as"))?;
        Ok(Actor {
            bulk: self.0.get("bulk") == Some(&json!(true)),
            ..Actor::account(&account)
        })
    }

    fn issue(&self, state: &State) -> Result<u64, Refusal> {
        state
            .issue_id(self.text("issue"))
            .ok_or_else(Refusal::no_issue)
    }
}

/// An account by id, e-mail address or first name; the developer for an empty name.
pub(crate) fn find_account(state: &State, name: &str) -> Result<String, Refusal> {
    if name.is_empty() {
        return Ok(seed::DEVELOPER.to_owned());
    }
    let first = |full: &str| full.split(' ').next().unwrap_or_default().to_owned();
    state
        .accounts
        .iter()
        .find(|it| it.id == name || it.email == name || first(&it.name).eq_ignore_ascii_case(name))
        .map(|it| it.id.clone())
        .ok_or_else(|| Refusal::missing(format!("There is no account '{name}'.")))
}

/// Performs one act; also called by the library's own methods.
pub(crate) fn perform(state: &mut State, act: &str, body: &Value) -> Outcome {
    let asked = Asked(body);
    let actor = asked.actor(state)?;
    match act {
        "create" => {
            let created = state.create_issue(&actor, Api::V2, &create_body(&asked))?;
            let issue = state.get(created.id)?;
            Ok(json!({ "id": issue.id, "key": issue.key }))
        }
        "edit" => {
            let id = asked.issue(state)?;
            state.edit_issue(&actor, Api::V2, id, body)?;
            Ok(json!({}))
        }
        "transition" => {
            let id = asked.issue(state)?;
            let resolution = match asked.text("resolution") {
                "" => "Done",
                resolution => resolution,
            };
            workflow::perform_to(state, &actor, id, asked.text("to"), resolution)?;
            Ok(json!({}))
        }
        "comment" => {
            let id = asked.issue(state)?;
            let text = json!({ "body": asked.text("text") });
            let number = talk::add_comment(state, &actor, Api::V2, id, &text)?;
            Ok(json!({ "id": number }))
        }
        "link" => {
            let link = json!({
                "type": { "name": asked.text("type") },
                "inwardIssue": { "key": asked.text("issue") },
                "outwardIssue": { "key": asked.text("other") },
            });
            Ok(json!({ "id": links::link(state, &actor, &link)? }))
        }
        "unlink" => {
            links::unlink(state, &actor, asked.number("id"))?;
            Ok(json!({}))
        }
        "delete" => {
            let id = asked.issue(state)?;
            state.delete_issue(&actor, id, true)?;
            Ok(json!({}))
        }
        "move" => {
            let id = asked.issue(state)?;
            Ok(json!({ "key": state.move_issue(&actor, id, asked.text("project"))? }))
        }
        "bulk-transition" => bulk_transition(state, &actor, &asked),
        _ => perform_site(state, &actor, act, &asked),
    }
}

fn perform_site(state: &mut State, actor: &Actor, act: &str, asked: &Asked<'_>) -> Outcome {
    match act {
        "property" => {
            let id = asked.issue(state)?;
            let value = asked.0.get("value").cloned().unwrap_or_default();
            talk::set_property(state, actor, id, asked.text("key"), value)?;
            Ok(json!({}))
        }
        "version" => Ok(json!({ "id": planning::create_version(state, actor, asked.0)? })),
        "edit-version" => {
            planning::edit_version(state, actor, asked.number("id"), asked.0)?;
            Ok(json!({}))
        }
        "sprint" => {
            planning::set_sprint_state(state, actor, asked.number("id"), asked.text("state"))?;
            Ok(json!({}))
        }
        "grant" | "revoke" => {
            let account = find_account(state, asked.text("account"))?;
            let grants = act == "grant";
            set_permission(
                state,
                &account,
                asked.text("project"),
                asked.text("permission"),
                grants,
            )?;
            Ok(json!({}))
        }
        "emit" => {
            // An event as it stands, for families the site has no act for.
            let event = asked.0.get("body").cloned().unwrap_or_default();
            state.emit(actor, asked.text("event"), None, event);
            Ok(json!({}))
        }
        "stop-clock" => {
            state.clock.stop();
            Ok(json!({}))
        }
        "advance" => {
            let by = asked
                .0
                .get("ms")
                .and_then(Value::as_i64)
                .unwrap_or_default();
            state.clock.advance_ms(by);
            Ok(json!({}))
        }
        _ => Err(Refusal::missing(format!("There is no act '{act}'."))),
    }
}

/// `project`, `type` and `summary` may stand beside `fields`, for short.
fn create_body(asked: &Asked<'_>) -> Value {
    let mut fields = asked.0.get("fields").cloned().unwrap_or_else(|| json!({}));
    if let Some(map) = fields.as_object_mut() {
        if !asked.text("project").is_empty() {
            map.insert(
                "project".to_owned(),
                json!({ "key": asked.text("project") }),
            );
        }
        if !asked.text("type").is_empty() {
            map.insert(
                "issuetype".to_owned(),
                json!({ "name": asked.text("type") }),
            );
        }
        if !asked.text("summary").is_empty() {
            map.insert("summary".to_owned(), json!(asked.text("summary")));
        }
    }
    let properties = asked
        .0
        .get("properties")
        .cloned()
        .unwrap_or_else(|| json!([]));
    json!({ "fields": fields, "properties": properties })
}

/// A bulk change: every issue that can takes the step; its events go the slow way.
fn bulk_transition(state: &mut State, actor: &Actor, asked: &Asked<'_>) -> Outcome {
    let actor = Actor {
        bulk: true,
        ..actor.clone()
    };
    let names = asked
        .0
        .get("issues")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut done = 0_u64;
    for name in names.iter().filter_map(Value::as_str) {
        let id = state.issue_id(name).ok_or_else(Refusal::no_issue)?;
        done +=
            u64::from(workflow::perform_to(state, &actor, id, asked.text("to"), "Done").is_ok());
    }
    Ok(json!({ "changed": done }))
}

/// Grants or takes a permission; `ADMINISTER` belongs to the site.
pub(crate) fn set_permission(
    state: &mut State,
    account: &str,
    project: &str,
    permission: &str,
    granted: bool,
) -> Result<(), Refusal> {
    if permission == "ADMINISTER" {
        let found = state.accounts.iter_mut().find(|it| it.id == account);
        found
            .ok_or_else(|| Refusal::missing("There is no such account."))?
            .administers = granted;
        return Ok(());
    }
    let found = state.projects.iter_mut().find(|it| it.key == project);
    let project = found.ok_or_else(|| Refusal::missing("There is no such project."))?;
    let held = project.grants.entry(account.to_owned()).or_default();
    if granted {
        held.insert(permission.to_owned());
    } else {
        held.remove(permission);
    }
    Ok(())
}

async fn issue(shared: web::Data<Shared>, key: web::Path<String>) -> HttpResponse {
    let view = shared.read(|state| state.issue(&key));
    drawn(view.map(|view| json!(view)).ok_or_else(Refusal::no_issue))
}

/// `accounts`, `deliveries`, `requests`, `state`, `faults`, and the addresses and tokens of
/// frames: `frame-url`, `admin-frame-url`, `url-token`, `context-token`, `context`.
async fn look(
    shared: web::Data<Shared>,
    what: web::Path<String>,
    query: web::Query<Vec<(String, String)>>,
) -> HttpResponse {
    drawn(shared.read(|state| shown(state, &what, &query)))
}

fn shown(state: &State, what: &str, query: &[(String, String)]) -> Outcome {
    let text = |name: &str| {
        query
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    };
    let account = find_account(state, text("as"))?;
    let issue = match text("issue") {
        "" => None,
        name => Some(state.visible_issue(&account, name)?),
    };
    match what {
        "accounts" => Ok(state
            .accounts
            .iter()
            .map(|it| {
                json!({
                    "accountId": it.id, "name": it.name, "email": it.email, "token": it.token,
                    "administers": it.administers, "app": it.is_app,
                })
            })
            .collect()),
        "deliveries" => Ok(json!(state.deliveries())),
        "requests" => Ok(json!(state.requests())),
        "faults" => Ok(json!(state.faults)),
        "state" => Ok(json!({
            "clientKey": state.site.client_key,
            "baseUrl": state.site.base_url,
            "cloudId": state.site.cloud_id,
            "appIsLive": state.app_is_live(),
            "appAccount": state.app_account(),
            "issues": state.issues.len(),
            "openDeliveries": state.open_deliveries(),
            "eventsSent": state.events_sent,
            "limitViolations": state.limit_violations(),
        })),
        "url-token" => {
            let method = if text("method").is_empty() {
                "GET"
            } else {
                text("method")
            };
            Ok(json!({ "token": state.url_token(method, text("path"), Some(&account))? }))
        }
        "context-token" => Ok(json!({ "token": state.context_token(issue, &account)? })),
        "context" => Ok(json!({ "jira": state.frame_context(issue) })),
        "frame-url" | "admin-frame-url" => {
            let app = state.installed_app();
            let found = app.and_then(|app| match (text("module"), what) {
                ("", "frame-url") => frames::issue_module(app),
                ("", _) => frames::admin_module(app),
                (key, _) => frames::modules(app).into_iter().find(|it| it.key == key),
            });
            let module = found.ok_or_else(|| Refusal::missing("The app has no such page."))?;
            let custom: Vec<(String, String)> = query
                .iter()
                .filter_map(|(name, value)| {
                    Some((name.strip_prefix("ac.")?.to_owned(), value.clone()))
                })
                .collect();
            let url = state.module_url(&module, issue, &account, &custom)?;
            Ok(json!({ "url": url, "moduleKey": module.key, "name": module.name }))
        }
        _ => Err(Refusal::missing(format!(
            "There is nothing named '{what}' to look at."
        ))),
    }
}
