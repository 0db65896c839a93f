//! Issue links, link types and remote links.

use serde_json::{Value, json};

use crate::acts::links;
use crate::refusal::Refusal;
use crate::rest::{Answer, Call, Reply};
use crate::scheme::LINK_TYPES;

pub(crate) fn route(call: &mut Call<'_>, path: &[&str]) -> Option<Answer> {
    let method = call.method;
    Some(match (method, path) {
        ("GET", ["issueLinkType"]) => {
            let all: Vec<Value> = LINK_TYPES
                .iter()
                .map(|it| call.state.link_type_json(it, call.api))
                .collect();
            Reply::ok(json!({ "issueLinkTypes": all }))
        }
        ("GET", ["issueLinkType", id]) => match LINK_TYPES.iter().find(|it| it.id == *id) {
            Some(kind) => Reply::ok(call.state.link_type_json(kind, call.api)),
            None => Err(Refusal::missing("No issue link type with this id.")),
        },
        ("POST", ["issueLink"]) => link(call),
        ("GET", ["issueLink", number]) => read(call, number),
        ("DELETE", ["issueLink", number]) => unlink(call, number),
        ("GET", ["issue", name, "remotelink"]) => remote_list(call, name),
        ("POST", ["issue", name, "remotelink"]) => remote_put(call, name, None),
        ("DELETE", ["issue", name, "remotelink"]) => remote_delete_global(call, name),
        ("GET", ["issue", name, "remotelink", number]) => remote_read(call, name, number),
        ("PUT", ["issue", name, "remotelink", number]) => remote_put(call, name, Some(number)),
        ("DELETE", ["issue", name, "remotelink", number]) => remote_delete(call, name, number),
        _ => return None,
    })
}

fn number_of(text: &str, what: &str) -> Result<u64, Refusal> {
    text.parse()
        .map_err(|_text| Refusal::missing(format!("No {what} with id '{text}' exists.")))
}

/// 201 with neither body nor id, also for a link that is there already.
fn link(call: &mut Call<'_>) -> Answer {
    let body = call.body()?.clone();
    let actor = call.actor.clone();
    links::link(call.state, &actor, &body)?;
    if let Some(comment) = body.get("comment").filter(|it| !it.is_null()) {
        let name = body
            .get("inwardIssue")
            .and_then(|it| it.get("key"))
            .and_then(Value::as_str);
        let id = call.issue(name.unwrap_or_default())?;
        crate::acts::talk::add_comment(call.state, &actor, call.api, id, comment)?;
    }
    Reply::empty(201)
}

fn read(call: &mut Call<'_>, number: &str) -> Answer {
    let number = number_of(number, "issue link")?;
    let state = &*call.state;
    let seen = |id: u64| state.may_on(call.account(), id, "BROWSE_PROJECTS");
    let found = state.links.iter().find(|it| it.id == number);
    let link = found
        .filter(|it| seen(it.source) && seen(it.destination))
        .ok_or_else(|| Refusal::missing(format!("No issue link with id '{number}' exists.")))?;
    Reply::ok(state.link_json(link, None, call.api))
}

fn unlink(call: &mut Call<'_>, number: &str) -> Answer {
    let number = number_of(number, "issue link")?;
    let actor = call.actor.clone();
    links::unlink(call.state, &actor, number)?;
    Reply::empty(204)
}

fn remote_list(call: &mut Call<'_>, name: &str) -> Answer {
    let id = call.issue(name)?;
    let state = &*call.state;
    let all = &state.get(id)?.remote_links;
    if let Some(global_id) = call.param("globalId") {
        let found = all
            .iter()
            .find(|it| it.global_id.as_deref() == Some(global_id));
        return match found {
            Some(link) => Reply::ok(state.remote_link_json(id, link, call.api)),
            None => Err(Refusal::missing("Remote link not found.")),
        };
    }
    Reply::ok(
        all.iter()
            .map(|it| state.remote_link_json(id, it, call.api))
            .collect(),
    )
}

fn remote_read(call: &mut Call<'_>, name: &str, number: &str) -> Answer {
    let id = call.issue(name)?;
    let number = number_of(number, "remote link")?;
    let link = call
        .state
        .get(id)?
        .remote_links
        .iter()
        .find(|it| it.id == number);
    match link {
        Some(link) => Reply::ok(call.state.remote_link_json(id, link, call.api)),
        None => Err(Refusal::missing("Remote link not found.")),
    }
}

fn remote_put(call: &mut Call<'_>, name: &str, number: Option<&str>) -> Answer {
    let id = call.issue(name)?;
    let number = number.map(|it| number_of(it, "remote link")).transpose()?;
    let body = call.body()?.clone();
    let actor = call.actor.clone();
    let (link, new) = links::put_remote_link(call.state, &actor, id, &body, number)?;
    if number.is_some() {
        return Reply::empty(204);
    }
    let site = &call.state.site.base_url;
    let address = format!(
        "{site}/rest/api/{}/issue/{id}/remotelink/{link}",
        call.api.number()
    );
    let out = json!({ "id": link, "self": address });
    if new {
        Reply::created(out)
    } else {
        Reply::ok(out)
    }
}

fn remote_delete_global(call: &mut Call<'_>, name: &str) -> Answer {
    let id = call.issue(name)?;
    let wanted = call.param("globalId").map(str::to_owned);
    let wanted = wanted.ok_or_else(|| Refusal::field("globalId", "'globalId' is required."))?;
    let actor = call.actor.clone();
    links::delete_remote_link(call.state, &actor, id, |it| {
        it.global_id.as_ref() == Some(&wanted)
    })?;
    Reply::empty(204)
}

fn remote_delete(call: &mut Call<'_>, name: &str, number: &str) -> Answer {
    let id = call.issue(name)?;
    let number = number_of(number, "remote link")?;
    let actor = call.actor.clone();
    links::delete_remote_link(call.state, &actor, id, |it| it.id == number)?;
    Reply::empty(204)
}
