//! Comments of an issue.

use serde_json::{Value, json};

use crate::acts::talk;
use crate::refusal::Refusal;
use crate::rest::{Answer, Call, Reply};
use crate::tokens;

pub(crate) fn route(call: &mut Call<'_>, path: &[&str]) -> Option<Answer> {
    let method = call.method;
    Some(match (method, path) {
        ("GET", ["issue", name, "comment"]) => list(call, name),
        ("POST", ["issue", name, "comment"]) => add(call, name),
        ("GET", ["issue", name, "comment", number]) => read(call, name, number),
        ("PUT", ["issue", name, "comment", number]) => edit(call, name, number),
        ("DELETE", ["issue", name, "comment", number]) => delete(call, name, number),
        ("POST", ["comment", "list"]) => by_ids(call),
        _ => return None,
    })
}

fn number_of(text: &str) -> Result<u64, Refusal> {
    text.parse()
        .map_err(|_text| Refusal::missing(format!("Can not find a comment for the id: {text}.")))
}

fn drawn(call: &Call<'_>, id: u64, number: u64) -> Result<Value, Refusal> {
    let issue = call.state.get(id)?;
    let comment = issue
        .comments
        .iter()
        .find(|it| it.id == number)
        .ok_or_else(|| Refusal::missing(format!("Can not find a comment for the id: {number}.")))?;
    let mut out = call.state.comment_json(id, comment, call.api);
    if call.has_expand("properties") {
        let of = comment.properties.iter();
        let list = of
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        tokens::set(&mut out, "properties", list);
    }
    Ok(out)
}

fn list(call: &mut Call<'_>, name: &str) -> Answer {
    let id = call.issue(name)?;
    let (start, most) = call.page(5_000, 5_000);
    let mut comments: Vec<_> = call.state.get(id)?.comments.iter().collect();
    if call.param("orderBy").is_some_and(|it| it.starts_with('-')) {
        comments.reverse();
    }
    let total = comments.len();
    let page: Vec<Value> = comments
        .into_iter()
        .skip(start)
        .take(most)
        .map(|comment| call.state.comment_json(id, comment, call.api))
        .collect();
    Reply::ok(json!({ "startAt": start, "maxResults": most, "total": total, "comments": page }))
}

fn add(call: &mut Call<'_>, name: &str) -> Answer {
    let id = call.issue(name)?;
    let body = call.body()?.clone();
    let (actor, api) = (call.actor.clone(), call.api);
    let number = talk::add_comment(call.state, &actor, api, id, &body)?;
    Reply::created(drawn(call, id, number)?)
}

fn read(call: &mut Call<'_>, name: &str, number: &str) -> Answer {
    let id = call.issue(name)?;
    Reply::ok(drawn(call, id, number_of(number)?)?)
}

fn edit(call: &mut Call<'_>, name: &str, number: &str) -> Answer {
    let id = call.issue(name)?;
    let number = number_of(number)?;
    let body = call.body()?.clone();
    let (actor, api) = (call.actor.clone(), call.api);
    talk::edit_comment(call.state, &actor, api, id, number, &body)?;
    Reply::ok(drawn(call, id, number)?)
}

fn delete(call: &mut Call<'_>, name: &str, number: &str) -> Answer {
    let id = call.issue(name)?;
    let number = number_of(number)?;
    let actor = call.actor.clone();
    talk::delete_comment(call.state, &actor, id, number)?;
    Reply::empty(204)
}

fn by_ids(call: &mut Call<'_>) -> Answer {
    let ids: Vec<u64> = call
        .body()?
        .get("ids")
        .and_then(Value::as_array)
        .map(|ids| ids.iter().filter_map(Value::as_u64).collect())
        .unwrap_or_default();
    if ids.is_empty() || ids.len() > 1_000 {
        return Err(Refusal::bad("Between 1 and 1000 ids are needed."));
    }
    let with_properties = call.has_expand("properties");
    let state = &*call.state;
    let seen = state
        .issues
        .values()
        .filter(|it| state.may(call.account(), it.project, "BROWSE_PROJECTS"));
    let values: Vec<Value> = seen
        .flat_map(|issue| {
            issue
                .comments
                .iter()
                .map(move |comment| (issue.id, comment))
        })
        .filter(|(_, comment)| ids.contains(&comment.id))
        .map(|(id, comment)| {
            let mut out = state.comment_json(id, comment, call.api);
            if with_properties {
                let properties = comment.properties.iter();
                let list = properties.map(|(key, value)| json!({ "key": key, "value": value }));
                tokens::set(&mut out, "properties", list.collect());
            }
            out
        })
        .collect();
    Reply::ok(json!({
        "startAt": 0, "maxResults": 1_000, "total": values.len(), "isLast": true, "values": values,
    }))
}
