//! Properties of issues, projects and the gadgets of a dashboard.

use serde_json::{Value, json};

use crate::acts::talk;
use crate::refusal::Refusal;
use crate::rest::{Answer, Call, Reply};

pub(crate) fn route(call: &mut Call<'_>, path: &[&str]) -> Option<Answer> {
    let method = call.method;
    Some(match (method, path) {
        ("GET", ["issue", name, "properties"]) => list(call, name),
        ("GET", ["issue", name, "properties", key]) => read(call, name, key),
        ("PUT", ["issue", name, "properties", key]) => put(call, name, key),
        ("DELETE", ["issue", name, "properties", key]) => delete(call, name, key),
        (_, ["project", project, "properties", key]) => project_property(call, project, key),
        ("GET" | "PUT", ["dashboard", _, "items", item, "properties", key]) => {
            gadget_property(call, item, key)
        }
        _ => return None,
    })
}

fn missing() -> Refusal {
    Refusal::missing("The property with the given key was not found.")
}

fn list(call: &mut Call<'_>, name: &str) -> Answer {
    let id = call.issue(name)?;
    let site = &call.state.site.base_url;
    let keys = call.state.get(id)?.properties.keys().map(|key| {
        let path = format!("issue/{id}/properties/{key}");
        json!({ "key": key, "self": format!("{site}/rest/api/{}/{path}", call.api.number()) })
    });
    Reply::ok(json!({ "keys": keys.collect::<Vec<Value>>() }))
}

fn read(call: &mut Call<'_>, name: &str, key: &str) -> Answer {
    let id = call.issue(name)?;
    let value = call
        .state
        .get(id)?
        .properties
        .get(key)
        .ok_or_else(missing)?;
    Reply::ok(json!({ "key": key, "value": value }))
}

fn put(call: &mut Call<'_>, name: &str, key: &str) -> Answer {
    let id = call.issue(name)?;
    let value = call.body()?.clone();
    let actor = call.actor.clone();
    let new = talk::set_property(call.state, &actor, id, key, value)?;
    Reply::empty(if new { 201 } else { 200 })
}

fn delete(call: &mut Call<'_>, name: &str, key: &str) -> Answer {
    let id = call.issue(name)?;
    let actor = call.actor.clone();
    talk::delete_property(call.state, &actor, id, key)?;
    Reply::empty(204)
}

fn project_property(call: &mut Call<'_>, project: &str, key: &str) -> Answer {
    let id = call.state.visible_project(call.account(), project)?.id;
    let may_write = call.caller.by_app || call.state.may(call.account(), id, "ADMINISTER_PROJECTS");
    if call.method != "GET" && !may_write {
        return Err(Refusal::forbidden(
            "You do not have permission to edit this project.",
        ));
    }
    let body = if call.method == "PUT" {
        Some(call.body()?.clone())
    } else {
        None
    };
    let properties = &mut call.state.project_mut(id).ok_or_else(missing)?.properties;
    match (call.method, body) {
        ("GET", _) => {
            let value = properties.get(key).ok_or_else(missing)?;
            Reply::ok(json!({ "key": key, "value": value }))
        }
        ("PUT", Some(value)) => {
            talk::check_property(key, &value)?;
            let new = properties.insert(key.to_owned(), value).is_none();
            Reply::empty(if new { 201 } else { 200 })
        }
        ("DELETE", _) => {
            properties.remove(key).ok_or_else(missing)?;
            Reply::empty(204)
        }
        _ => Err(Refusal::new(405, "Method not allowed.")),
    }
}

/// Anybody may edit the one dashboard there is.
fn gadget_property(call: &mut Call<'_>, item: &str, key: &str) -> Answer {
    let place = (item.to_owned(), key.to_owned());
    if call.method == "GET" {
        let value = call.state.gadgets.get(&place).ok_or_else(missing)?;
        return Reply::ok(json!({ "key": key, "value": value }));
    }
    let value = call.body()?.clone();
    talk::check_property(key, &value)?;
    let new = call.state.gadgets.insert(place, value).is_none();
    Reply::empty(if new { 201 } else { 200 })
}
