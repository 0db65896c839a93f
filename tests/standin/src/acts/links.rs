//! Links between issues, and remote links to other places.

use serde_json::{Map, Value, json};

use crate::acts::Actor;
use crate::model::{Change, Link, RemoteLink, State};
use crate::refusal::Refusal;
use crate::scheme::{LINK_TYPES, LinkType};

const MOST_LINKS: usize = 2_000;

/// Links two issues from a request body.
///
/// As in Jira the `inwardIssue` is the source: it shows the outward words.
pub(crate) fn link(state: &mut State, actor: &Actor, body: &Value) -> Result<u64, Refusal> {
    let known = ["type", "inwardIssue", "outwardIssue", "comment"];
    if let Some(strange) = body
        .as_object()
        .and_then(|map| map.keys().find(|name| !known.contains(&name.as_str())))
    {
        return Err(Refusal::bad(format!("Unrecognized field \"{strange}\"")));
    }
    let kind = link_type(body.get("type").unwrap_or(&Value::Null))?;
    let source = issue_of(state, actor, body.get("inwardIssue"))?;
    let destination = issue_of(state, actor, body.get("outwardIssue"))?;
    connect(state, actor, kind, source, destination)
}

/// `update.issuelinks[].add` names only the other issue.
pub(crate) fn link_from_update(
    state: &mut State,
    actor: &Actor,
    id: u64,
    added: &Value,
) -> Result<u64, Refusal> {
    let kind = link_type(added.get("type").unwrap_or(&Value::Null))?;
    match (added.get("outwardIssue"), added.get("inwardIssue")) {
        (Some(other), None) => {
            let other = issue_of(state, actor, Some(other))?;
            connect(state, actor, kind, id, other)
        }
        (None, Some(other)) => {
            let other = issue_of(state, actor, Some(other))?;
            connect(state, actor, kind, other, id)
        }
        _ => Err(Refusal::field(
            "issuelinks",
            "Name either 'inwardIssue' or 'outwardIssue'.",
        )),
    }
}

fn link_type(value: &Value) -> Result<&'static LinkType, Refusal> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let (id, name) = (text("id"), text("name"));
    LINK_TYPES
        .iter()
        .find(|it| id.map_or(Some(it.name) == name, |id| it.id == id))
        .ok_or_else(|| {
            let asked = name.or(id).unwrap_or_default();
            Refusal::missing(format!("No issue link type with name '{asked}' found."))
        })
}

fn issue_of(state: &State, actor: &Actor, value: Option<&Value>) -> Result<u64, Refusal> {
    let name = value
        .and_then(|value| value.get("key").or_else(|| value.get("id")))
        .and_then(Value::as_str)
        .ok_or_else(|| Refusal::bad("Both 'inwardIssue' and 'outwardIssue' are required."))?;
    state.visible_issue(&actor.account, name)
}

fn connect(
    state: &mut State,
    actor: &Actor,
    kind: &'static LinkType,
    source: u64,
    destination: u64,
) -> Result<u64, Refusal> {
    let allowed = [source, destination]
        .iter()
        .any(|issue| state.may_on(&actor.account, *issue, "LINK_ISSUES"));
    if !allowed {
        return Err(Refusal::new(401, "No Link Issue Permission for issue."));
    }
    if source == destination {
        return Err(Refusal::bad("You cannot link an issue to itself."));
    }
    let same = |it: &&Link| it.kind == kind && it.source == source && it.destination == destination;
    // A second link of the same kind is answered like the first one, and changes nothing.
    if let Some(link) = state.links.iter().find(same) {
        return Ok(link.id);
    }
    let of = |id: u64| move |it: &&Link| it.source == id || it.destination == id;
    if state.links.iter().filter(of(source)).count() >= MOST_LINKS {
        return Err(Refusal::new(
            413,
            "The issue holds the most links it may hold.",
        ));
    }
    let link = Link {
        id: state.fresh_id(),
        kind,
        source,
        destination,
    };
    state.links.push(link.clone());
    note_link(state, actor, &link, true)?;
    state.emit_link(actor, "issuelink_created", &link);
    Ok(link.id)
}

/// Takes a link away.
pub(crate) fn unlink(state: &mut State, actor: &Actor, number: u64) -> Result<(), Refusal> {
    let link = state
        .links
        .iter()
        .find(|it| it.id == number)
        .cloned()
        .ok_or_else(|| Refusal::missing(format!("No issue link with id '{number}' exists.")))?;
    if !state.may_on(&actor.account, link.source, "LINK_ISSUES") {
        return Err(Refusal::new(401, "No Link Issue Permission for issue."));
    }
    state.links.retain(|it| it.id != number);
    note_link(state, actor, &link, false)?;
    state.emit_link(actor, "issuelink_deleted", &link);
    Ok(())
}

/// Writes a link into the history of both ends; this alone sends no issue event.
fn note_link(state: &mut State, actor: &Actor, link: &Link, made: bool) -> Result<(), Refusal> {
    let ends = [
        (link.source, link.destination, link.kind.outward),
        (link.destination, link.source, link.kind.inward),
    ];
    for (own, other, words) in ends {
        let other = state.get(other)?.key.clone();
        let text = format!("This issue {words} {other}");
        let (from, to) = if made {
            (None, Some(other))
        } else {
            (Some(other), None)
        };
        let change = Change {
            field: "Link",
            field_id: None,
            custom: false,
            from_string: from.as_ref().map(|_| text.clone()),
            from,
            to_string: to.as_ref().map(|_| text),
            to,
        };
        let entry = state.history_entry(actor, vec![change]);
        let now = state.now();
        let issue = state.get_mut(own)?;
        issue.history.push(entry);
        issue.updated_ms = now;
    }
    Ok(())
}

/// Makes or updates a remote link; answers its id and whether it is new.
pub(crate) fn put_remote_link(
    state: &mut State,
    actor: &Actor,
    id: u64,
    body: &Value,
    number: Option<u64>,
) -> Result<(u64, bool), Refusal> {
    if !state.may_on(&actor.account, id, "LINK_ISSUES") {
        return Err(Refusal::forbidden(
            "You do not have permission to link issues.",
        ));
    }
    let object = remote_object(body)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let global_id = text("globalId").filter(|it| !it.is_empty());
    if global_id
        .as_ref()
        .is_some_and(|it| it.chars().count() > 255)
    {
        return Err(Refusal::field(
            "globalId",
            "The global id is longer than 255 characters.",
        ));
    }
    let issue = state.get(id)?;
    let existing = issue.remote_links.iter().find(|it| match number {
        Some(number) => it.id == number,
        None => global_id.is_some() && it.global_id == global_id,
    });
    let known = existing.map(|it| it.id);
    if number.is_some() && known.is_none() {
        return Err(Refusal::missing("Remote link not found."));
    }
    if known.is_none() && issue.remote_links.len() >= MOST_LINKS {
        return Err(Refusal::new(
            413,
            "The issue holds the most remote links it may hold.",
        ));
    }
    let link = RemoteLink {
        id: known.unwrap_or_else(|| state.fresh_id()),
        global_id,
        application: body
            .get("application")
            .filter(|it| it.is_object())
            .cloned()
            .unwrap_or_else(|| Value::Object(Map::new())),
        relationship: text("relationship"),
        object,
    };
    let number = link.id;
    // An update replaces everything: what is not sent becomes empty.
    let links = &mut state.get_mut(id)?.remote_links;
    links.retain(|it| it.id != number);
    links.push(link);
    Ok((number, known.is_none()))
}

fn remote_object(body: &Value) -> Result<Value, Refusal> {
    let object = body.get("object").filter(|it| it.is_object());
    let mut object = object
        .cloned()
        .ok_or_else(|| Refusal::field("object", "'object' is required."))?;
    for name in ["url", "title"] {
        let text = object.get(name).and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() {
            return Err(Refusal::field(name, format!("'{name}' is required.")));
        }
    }
    let map = object.as_object_mut();
    if let Some(map) = map {
        map.entry("icon").or_insert_with(|| json!({}));
        map.entry("status").or_insert_with(|| json!({ "icon": {} }));
    }
    Ok(object)
}

/// Takes remote links away, by id or global id.
pub(crate) fn delete_remote_link(
    state: &mut State,
    actor: &Actor,
    id: u64,
    wanted: impl Fn(&RemoteLink) -> bool,
) -> Result<(), Refusal> {
    if !state.may_on(&actor.account, id, "LINK_ISSUES") {
        return Err(Refusal::forbidden(
            "You do not have permission to link issues.",
        ));
    }
    let links = &mut state.get_mut(id)?.remote_links;
    let before = links.len();
    links.retain(|it| !wanted(it));
    if links.len() == before {
        return Err(Refusal::missing("Remote link not found."));
    }
    Ok(())
}
