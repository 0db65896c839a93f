//! Comments and issue properties.

use serde_json::{Value, json};

use crate::acts::{Actor, fields};
use crate::model::{Comment, State};
use crate::refusal::Refusal;
use crate::view::Api;

/// Jira's cap on comments of one issue.
const MOST_COMMENTS: usize = 5_000;

/// Adds a comment from a request body and answers its id.
pub(crate) fn add_comment(
    state: &mut State,
    actor: &Actor,
    api: Api,
    id: u64,
    body: &Value,
) -> Result<u64, Refusal> {
    if !state.may_on(&actor.account, id, "ADD_COMMENTS") {
        return Err(Refusal::forbidden(
            "You do not have the permission to comment on this issue.",
        ));
    }
    let text = comment_text(body, api)?;
    if state.get(id)?.comments.len() >= MOST_COMMENTS {
        return Err(Refusal::new(
            413,
            "The issue holds the most comments it may hold.",
        ));
    }
    let now = state.now();
    let comment = Comment {
        id: state.fresh_id(),
        author: actor.account.clone(),
        update_author: actor.account.clone(),
        body: text,
        created_ms: now,
        updated_ms: now,
        visibility: body.get("visibility").filter(|it| !it.is_null()).cloned(),
        properties: comment_properties(body)?,
    };
    let number = comment.id;
    let issue = state.get_mut(id)?;
    issue.comments.push(comment.clone());
    issue.updated_ms = now;
    state.emit_comment(actor, "comment_created", id, &comment);
    Ok(number)
}

fn comment_properties(body: &Value) -> Result<std::collections::BTreeMap<String, Value>, Refusal> {
    let list = body.get("properties").and_then(Value::as_array);
    let pairs = list.into_iter().flatten().map(|entry| {
        let key = entry.get("key").and_then(Value::as_str).unwrap_or_default();
        let value = entry.get("value").cloned().unwrap_or_default();
        check_property(key, &value).map(|()| (key.to_owned(), value))
    });
    pairs.collect()
}

fn comment_text(body: &Value, api: Api) -> Result<crate::text::Text, Refusal> {
    let value = body.get("body").unwrap_or(&Value::Null);
    let text = fields::text(value, api, "comment").map_err(|text| {
        if text.contains("too long") {
            Refusal::field("comment", format!("CONTENT_LIMIT_EXCEEDED: {text}"))
        } else {
            Refusal::bad("Comment body is not valid!")
        }
    })?;
    text.filter(|it| !it.wiki().trim().is_empty())
        .ok_or_else(|| Refusal::field("comment", "Comment body can not be empty!"))
}

/// Changes the text of a comment.
pub(crate) fn edit_comment(
    state: &mut State,
    actor: &Actor,
    api: Api,
    id: u64,
    number: u64,
    body: &Value,
) -> Result<(), Refusal> {
    let text = comment_text(body, api)?;
    let now = state.now();
    let may_edit = state.may_on(&actor.account, id, "EDIT_ISSUES");
    let comment = find_comment(state, id, number)?;
    if comment.author != actor.account && !may_edit {
        return Err(Refusal::bad(
            "You do not have the permission to edit this comment.",
        ));
    }
    comment.body = text;
    comment.update_author.clone_from(&actor.account);
    comment.updated_ms = now;
    let comment = comment.clone();
    state.get_mut(id)?.updated_ms = now;
    state.emit_comment(actor, "comment_updated", id, &comment);
    Ok(())
}

/// Deletes a comment.
pub(crate) fn delete_comment(
    state: &mut State,
    actor: &Actor,
    id: u64,
    number: u64,
) -> Result<(), Refusal> {
    let comment = find_comment(state, id, number)?.clone();
    let owns = comment.author == actor.account;
    if !owns && !state.may_on(&actor.account, id, "DELETE_ISSUES") {
        return Err(Refusal::bad(
            "You do not have permission to delete this comment.",
        ));
    }
    let now = state.now();
    let issue = state.get_mut(id)?;
    issue.comments.retain(|it| it.id != number);
    issue.updated_ms = now;
    state.emit_comment(actor, "comment_deleted", id, &comment);
    Ok(())
}

fn find_comment(state: &mut State, id: u64, number: u64) -> Result<&mut Comment, Refusal> {
    let issue = state.get_mut(id)?;
    issue
        .comments
        .iter_mut()
        .find(|it| it.id == number)
        .ok_or_else(|| Refusal::missing(format!("Can not find a comment for the id: {number}.")))
}

/// Refuses a property key or value that Jira would not store.
pub(crate) fn check_property(key: &str, value: &Value) -> Result<(), Refusal> {
    if key.is_empty() || key.chars().count() > 255 {
        Err(Refusal::bad(
            "The property key cannot be longer than 255 characters.",
        ))
    } else if value.to_string().chars().count() > 32_768 {
        Err(Refusal::bad(
            "The property value cannot be longer than 32768 characters.",
        ))
    } else {
        Ok(())
    }
}

/// Sets an issue property; answers whether it is new.
pub(crate) fn set_property(
    state: &mut State,
    actor: &Actor,
    id: u64,
    key: &str,
    value: Value,
) -> Result<bool, Refusal> {
    if !state.may_on(&actor.account, id, "EDIT_ISSUES") {
        return Err(Refusal::forbidden(
            "You do not have permission to edit this issue.",
        ));
    }
    check_property(key, &value)?;
    let event = json!({ "key": key, "value": value.clone() });
    let new = state
        .get_mut(id)?
        .properties
        .insert(key.to_owned(), value)
        .is_none();
    state.emit_property(actor, "issue_property_set", id, &event);
    Ok(new)
}

/// Takes an issue property away.
pub(crate) fn delete_property(
    state: &mut State,
    actor: &Actor,
    id: u64,
    key: &str,
) -> Result<(), Refusal> {
    if !state.may_on(&actor.account, id, "EDIT_ISSUES") {
        return Err(Refusal::forbidden(
            "You do not have permission to edit this issue.",
        ));
    }
    state
        .get_mut(id)?
        .properties
        .remove(key)
        .ok_or_else(|| Refusal::missing("The property with the given key was not found."))?;
    state.emit_property(actor, "issue_property_deleted", id, &json!({ "key": key }));
    Ok(())
}
