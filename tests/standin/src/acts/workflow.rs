//! The workflow: which transitions an account has, and performing one.
//!
//! Bugs ask for a resolution on their way to Done and refuse to go without; other types get
//! "Done" set for them. Reopening clears the resolution.

use serde_json::{Map, Value, json};

use crate::acts::Actor;
use crate::acts::fields::{self, Screen};
use crate::model::{Issue, State};
use crate::refusal::Refusal;
use crate::scheme::{self, Category, TRANSITIONS, Transition};
use crate::view::Api;

impl Transition {
    /// Whether it shows the resolve screen for this issue.
    fn has_screen(&self, issue: &Issue) -> bool {
        self.asks_resolution && issue.kind == scheme::BUG
    }
}

/// The transitions an account can do on an issue now; without the permission there are none.
pub(crate) fn available(state: &State, account: &str, issue: &Issue) -> Vec<&'static Transition> {
    if !state.may(account, issue.project, "TRANSITION_ISSUES") {
        return Vec::new();
    }
    TRANSITIONS
        .iter()
        .filter(|it| it.from.contains(&issue.status))
        .collect()
}

/// The transitions as the REST API lists them.
pub(crate) fn list_json(
    state: &State,
    account: &str,
    issue: &Issue,
    api: Api,
    fields: bool,
) -> Value {
    let draw = |it: &'static Transition| {
        let mut out = json!({
            "id": it.id,
            "name": it.name,
            "to": state.status_json(scheme::status(it.to), api),
            "hasScreen": it.has_screen(issue),
            "isGlobal": false,
            "isInitial": false,
            "isAvailable": true,
            "isConditional": false,
            "isLooped": false,
        });
        if let (true, Some(map)) = (fields, out.as_object_mut()) {
            map.insert("fields".to_owned(), screen_json(state, it, issue, api));
        }
        out
    };
    let list: Vec<Value> = available(state, account, issue)
        .into_iter()
        .map(draw)
        .collect();
    json!({ "expand": "transitions", "transitions": list })
}

fn screen_json(state: &State, transition: &Transition, issue: &Issue, api: Api) -> Value {
    if !transition.has_screen(issue) {
        return Value::Object(Map::new());
    }
    let allowed: Vec<Value> = scheme::RESOLUTIONS
        .iter()
        .map(|it| state.resolution_json(it, api))
        .collect();
    json!({
        "resolution": {
            "required": true,
            "schema": { "type": "resolution", "system": "resolution" },
            "name": "Resolution",
            "key": "resolution",
            "hasDefaultValue": false,
            "operations": ["set"],
            "allowedValues": allowed,
        },
        "assignee": {
            "required": false,
            "schema": { "type": "user", "system": "assignee" },
            "name": "Assignee",
            "key": "assignee",
            "hasDefaultValue": false,
            "operations": ["set"],
        },
    })
}

/// Performs a transition from a request body.
pub(crate) fn perform(
    state: &mut State,
    actor: &Actor,
    api: Api,
    id: u64,
    body: &Value,
) -> Result<(), Refusal> {
    let wanted = body
        .get("transition")
        .ok_or_else(|| Refusal::bad("Missing 'transition' identifier"))?;
    let before = state.get(id)?.clone();
    let transition = find(state, actor, &before, wanted)?;
    let mut issue = before.clone();
    let screen = if transition.has_screen(&before) {
        Screen::Resolve
    } else {
        Screen::None
    };
    let extras = fields::apply(state, &mut issue, api, body, screen)?;
    move_on(state, &before, &mut issue, transition)?;
    state.store_change(actor, issue, "issue_generic")?;
    state.follow_extras(actor, api, id, extras)
}

/// Performs a transition by the name of its target, as a person does with a button.
pub(crate) fn perform_to(
    state: &mut State,
    actor: &Actor,
    id: u64,
    target: &str,
    resolution: &str,
) -> Result<(), Refusal> {
    let issue = state.get(id)?;
    let transition = available(state, &actor.account, issue)
        .into_iter()
        .find(|it| {
            scheme::status(it.to).name.eq_ignore_ascii_case(target)
                || it.name.eq_ignore_ascii_case(target)
        })
        .ok_or_else(|| Refusal::bad(format!("No transition leads from here to '{target}'.")))?;
    let mut body = json!({ "transition": { "id": transition.id } });
    if transition.has_screen(issue) {
        let fields = json!({ "resolution": { "name": resolution } });
        crate::tokens::set(&mut body, "fields", fields);
    }
    perform(state, actor, Api::V3, id, &body)
}

/// Takes a transition in the copy of an issue that is just being created.
pub(crate) fn apply_quietly(
    state: &State,
    actor: &Actor,
    issue: &mut Issue,
    wanted: &Value,
) -> Result<(), Refusal> {
    let transition = find(state, actor, issue, wanted)?;
    let before = issue.clone();
    move_on(state, &before, issue, transition)
}

fn find(
    state: &State,
    actor: &Actor,
    issue: &Issue,
    wanted: &Value,
) -> Result<&'static Transition, Refusal> {
    // Clients send the id as text or as a number; Jira takes both.
    let id = match wanted.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => return Err(Refusal::bad("Missing 'transition' identifier")),
    };
    if !id.bytes().all(|byte| byte.is_ascii_digit()) || id.is_empty() {
        return Err(Refusal::bad("Transition id must be an integer."));
    }
    available(state, &actor.account, issue).into_iter().find(|it| it.id == id).ok_or_else(|| {
        Refusal::bad(format!(
            "It seems that you have tried to perform an illegal workflow operation: transition '{id}' is not valid for this issue."
        ))
    })
}

fn move_on(
    state: &State,
    before: &Issue,
    issue: &mut Issue,
    transition: &Transition,
) -> Result<(), Refusal> {
    let (from, to) = (scheme::status(before.status), scheme::status(transition.to));
    issue.status = to.id;
    if to.category == Category::Done {
        if transition.has_screen(before) && issue.resolution.is_none() {
            return Err(Refusal::field("resolution", "Resolution is required."));
        }
        issue.resolution.get_or_insert(scheme::RESOLUTIONS[0].id);
        issue.resolved_ms = Some(state.now());
    } else {
        issue.resolution = None;
        issue.resolved_ms = None;
    }
    if from.category != to.category {
        issue.category_changed_ms = state.now();
    }
    Ok(())
}
