//! Issues: reading, creating, editing, deleting, transitions, changelog, create metadata.

use serde_json::{Map, Value, json};

use crate::acts::{issues, workflow};
use crate::refusal::Refusal;
use crate::rest::{Answer, Call, Reply, meta};
use crate::scheme;
use crate::tokens;
use crate::view::{Api, FieldSet};

pub(crate) fn route(call: &mut Call<'_>, path: &[&str]) -> Option<Answer> {
    let method = call.method;
    Some(match (method, path) {
        ("POST", ["issue"]) => create(call),
        ("POST", ["issue", "bulk"]) => create_many(call),
        ("POST", ["issue", "bulkfetch"]) => bulk_fetch(call),
        ("GET", ["issue", "createmeta", project, "issuetypes"]) => create_types(call, project),
        ("GET", ["issue", "createmeta", project, "issuetypes", kind]) => {
            create_fields(call, project, kind)
        }
        ("GET", ["issue", name]) => read(call, name),
        ("PUT", ["issue", name]) => edit(call, name),
        ("DELETE", ["issue", name]) => delete(call, name),
        ("PUT", ["issue", name, "assignee"]) => assign(call, name),
        ("GET", ["issue", name, "changelog"]) => changelog(call, name),
        ("GET", ["issue", name, "editmeta"]) => edit_meta(call, name),
        ("GET", ["issue", name, "transitions"]) => transitions(call, name),
        ("POST", ["issue", name, "transitions"]) => transition(call, name),
        _ => return None,
    })
}

fn read(call: &mut Call<'_>, name: &str) -> Answer {
    let id = call.issue(name)?;
    let set = FieldSet::parse(&call.list("fields"), true);
    let expand = call.list("expand");
    let properties = call.list("properties");
    Reply::ok(drawn(call, id, &set, &properties, &expand)?)
}

/// An issue with its fields, its properties and what `expand` asks for.
pub(crate) fn drawn(
    call: &Call<'_>,
    id: u64,
    set: &FieldSet,
    properties: &[String],
    expand: &[String],
) -> Result<Value, Refusal> {
    let state = &*call.state;
    let issue = state.get(id)?;
    let mut out = state.issue_json(issue, call.api, set);
    if !properties.is_empty() {
        let all = properties.iter().any(|it| it == "*all");
        let wanted = issue
            .properties
            .iter()
            .filter(|(key, _)| all || properties.contains(key));
        let map: Map<String, Value> = wanted.map(|(key, it)| (key.clone(), it.clone())).collect();
        tokens::set(&mut out, "properties", Value::Object(map));
    }
    for asked in expand {
        match asked.as_str() {
            "changelog" => {
                let newest_first: Vec<Value> = issue
                    .history
                    .iter()
                    .rev()
                    .map(|it| state.history_json(it, call.api))
                    .collect();
                let log = json!({
                    "startAt": 0, "maxResults": newest_first.len(), "total": newest_first.len(),
                    "histories": newest_first,
                });
                tokens::set(&mut out, "changelog", log);
            }
            "transitions" => {
                let list = workflow::list_json(state, call.account(), issue, call.api, false);
                tokens::set(
                    &mut out,
                    "transitions",
                    list.get("transitions").cloned().unwrap_or_default(),
                );
            }
            "names" => tokens::set(&mut out, "names", meta::field_names()),
            "schema" => tokens::set(&mut out, "schema", meta::field_schemas()),
            _ => {}
        }
    }
    Ok(out)
}

fn create(call: &mut Call<'_>) -> Answer {
    let body = call.body()?.clone();
    let (actor, api) = (call.actor.clone(), call.api);
    let created = call.state.create_issue(&actor, api, &body)?;
    Reply::created(created_json(call, &created)?)
}

fn created_json(call: &Call<'_>, created: &issues::Created) -> Result<Value, Refusal> {
    let issue = call.state.get(created.id)?;
    let site = &call.state.site.base_url;
    let mut out = json!({
        "id": issue.id.to_string(),
        "key": issue.key,
        "self": format!("{site}/rest/api/{}/issue/{}", call.api.number(), issue.id),
    });
    if let Some(outcome) = &created.transition {
        tokens::set(&mut out, "transition", issues::nested_response(outcome));
    }
    Ok(out)
}

fn create_many(call: &mut Call<'_>) -> Answer {
    let updates = call
        .body()?
        .get("issueUpdates")
        .and_then(Value::as_array)
        .cloned();
    let updates = updates.filter(|it| !it.is_empty() && it.len() <= 50);
    let updates = updates
        .ok_or_else(|| Refusal::bad("Between 1 and 50 issues can be created in one request."))?;
    let (actor, api) = (call.actor.clone(), call.api);
    let (mut made, mut errors) = (Vec::new(), Vec::new());
    for (index, update) in updates.iter().enumerate() {
        match call.state.create_issue(&actor, api, update) {
            Ok(created) => made.push(created_json(call, &created)?),
            Err(refusal) => errors.push(json!({
                "status": refusal.status,
                "elementErrors": refusal.body(),
                "failedElementNumber": index,
            })),
        }
    }
    if made.is_empty() {
        return Err(Refusal::bad("None of the issues could be created."));
    }
    Reply::created(json!({ "issues": made, "errors": errors }))
}

fn bulk_fetch(call: &mut Call<'_>) -> Answer {
    let body = call.body()?.clone();
    let words = |name: &str| -> Vec<String> {
        let list = body.get(name).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let names: Vec<String> = words("issueIdsOrKeys");
    if names.is_empty() || names.len() > 100 {
        return Err(Refusal::bad(
            "issueIdsOrKeys must hold between 1 and 100 ids or keys.",
        ));
    }
    let set = FieldSet::parse(&words("fields"), true);
    let (properties, expand) = (words("properties"), words("expand"));
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for name in &names {
        match call.issue(name) {
            Ok(id) => found.push(id),
            Err(_) => errors.push(json!({
                "id": name,
                "errorMessage": "Issue does not exist or you do not have permission to see it.",
            })),
        }
    }
    found.sort_unstable();
    found.dedup();
    let issues: Result<Vec<Value>, Refusal> = found
        .iter()
        .map(|id| drawn(call, *id, &set, &properties, &expand))
        .collect();
    Reply::ok(json!({ "expand": "names,schema", "issues": issues?, "issueErrors": errors }))
}

fn edit(call: &mut Call<'_>, name: &str) -> Answer {
    let id = call.issue(name)?;
    let body = call.body()?.clone();
    let (actor, api) = (call.actor.clone(), call.api);
    call.state.edit_issue(&actor, api, id, &body)?;
    if call.param("returnIssue") == Some("true") {
        return Reply::ok(drawn(call, id, &FieldSet::all(), &[], &[])?);
    }
    Reply::empty(204)
}

fn assign(call: &mut Call<'_>, name: &str) -> Answer {
    let id = call.issue(name)?;
    let body = json!({ "fields": { "assignee": call.body()? } });
    let (actor, api) = (call.actor.clone(), call.api);
    call.state.edit_issue(&actor, api, id, &body)?;
    Reply::empty(204)
}

fn delete(call: &mut Call<'_>, name: &str) -> Answer {
    let id = call.issue(name)?;
    let subtasks_too = call.param("deleteSubtasks") == Some("true");
    let actor = call.actor.clone();
    call.state.delete_issue(&actor, id, subtasks_too)?;
    Reply::empty(204)
}

fn changelog(call: &mut Call<'_>, name: &str) -> Answer {
    let id = call.issue(name)?;
    let (start, most) = call.page(100, 100);
    let history = &call.state.get(id)?.history;
    let values: Vec<Value> = history
        .iter()
        .skip(start)
        .take(most)
        .map(|entry| call.state.history_json(entry, call.api))
        .collect();
    Reply::ok(json!({
        "startAt": start, "maxResults": most, "total": history.len(),
        "isLast": start + values.len() >= history.len(), "values": values,
    }))
}

fn edit_meta(call: &mut Call<'_>, name: &str) -> Answer {
    let id = call.issue(name)?;
    let issue = call.state.get(id)?;
    if !call.state.may(call.account(), issue.project, "EDIT_ISSUES") {
        return Reply::ok(json!({ "fields": {} }));
    }
    let fields = create_field_list(call, issue.project, issue.kind);
    let map: Map<String, Value> = fields
        .into_iter()
        .filter_map(|mut field| {
            // Here the id is the name of the entry.
            let id = field
                .as_object_mut()?
                .remove("fieldId")?
                .as_str()?
                .to_owned();
            (id != "project").then_some((id, field))
        })
        .collect();
    Reply::ok(json!({ "fields": map }))
}

fn transitions(call: &mut Call<'_>, name: &str) -> Answer {
    let id = call.issue(name)?;
    let issue = call.state.get(id)?;
    let with_fields = call
        .list("expand")
        .iter()
        .any(|it| it == "transitions.fields");
    let mut list = workflow::list_json(call.state, call.account(), issue, call.api, with_fields);
    if let (Some(wanted), Some(all)) = (
        call.param("transitionId"),
        list.get_mut("transitions").and_then(Value::as_array_mut),
    ) {
        all.retain(|it| it.get("id").and_then(Value::as_str) == Some(wanted));
    }
    Reply::ok(list)
}

fn transition(call: &mut Call<'_>, name: &str) -> Answer {
    let id = call.issue(name)?;
    let body = call.body()?.clone();
    let (actor, api) = (call.actor.clone(), call.api);
    workflow::perform(call.state, &actor, api, id, &body)?;
    Reply::empty(204)
}

fn creatable_project(call: &Call<'_>, name: &str) -> Result<u64, Refusal> {
    let project = call.state.visible_project(call.account(), name)?;
    if call.state.may(call.account(), project.id, "CREATE_ISSUES") {
        Ok(project.id)
    } else {
        Err(Refusal::missing(
            "You do not have permission to create issues in this project.",
        ))
    }
}

fn create_types(call: &mut Call<'_>, project: &str) -> Answer {
    creatable_project(call, project)?;
    let (start, most) = call.page(50, 200);
    let all = scheme::ISSUE_TYPES
        .iter()
        .map(|kind| call.state.type_json(kind, call.api));
    let types: Vec<Value> = all.skip(start).take(most).collect();
    Reply::ok(json!({
        "startAt": start, "maxResults": most, "total": scheme::ISSUE_TYPES.len(),
        "issueTypes": types,
    }))
}

fn create_fields(call: &mut Call<'_>, project: &str, kind: &str) -> Answer {
    let project = creatable_project(call, project)?;
    let kind = scheme::ISSUE_TYPES
        .iter()
        .find(|it| it.id == kind)
        .ok_or_else(|| Refusal::missing("The issue type was not found in this project."))?;
    let (start, most) = call.page(50, 200);
    let all = create_field_list(call, project, kind.id);
    let total = all.len();
    let fields: Vec<Value> = all.into_iter().skip(start).take(most).collect();
    Reply::ok(json!({ "startAt": start, "maxResults": most, "total": total, "fields": fields }))
}

fn create_field_list(call: &Call<'_>, project: u64, kind: &str) -> Vec<Value> {
    let state = &*call.state;
    let api: Api = call.api;
    let subtask = scheme::issue_type(kind).subtask;
    let project = state.project(project);
    let versions: Vec<Value> = project
        .map(|it| {
            it.versions
                .iter()
                .map(|version| state.version_json(it, version, api))
                .collect()
        })
        .unwrap_or_default();
    let components: Vec<Value> = project
        .map(|it| {
            let of = it.components.iter();
            of.map(|part| json!({ "id": part.id.to_string(), "name": part.name }))
                .collect()
        })
        .unwrap_or_default();
    let priorities: Vec<Value> = scheme::PRIORITIES
        .iter()
        .map(|it| state.priority_json(it, api))
        .collect();
    let types = vec![state.type_json(scheme::issue_type(kind), api)];
    let projects: Vec<Value> = project
        .iter()
        .map(|it| state.project_json(it, api))
        .collect();
    let allowed = |id: &str| match id {
        "fixVersions" | "versions" => Some(versions.clone()),
        "components" => Some(components.clone()),
        "priority" => Some(priorities.clone()),
        "issuetype" => Some(types.clone()),
        "project" => Some(projects.clone()),
        _ => None,
    };
    let fields = meta::FIELDS.iter().filter(|field| field.on_screen);
    fields
        .map(|field| {
            let required = matches!(field.id, "summary" | "project" | "issuetype")
                || (field.id == "parent" && subtask)
                || state.demanded.iter().any(|id| id == field.id);
            let mut out = json!({
                "fieldId": field.id,
                "key": field.id,
                "name": field.name,
                "required": required,
                "hasDefaultValue": matches!(field.id, "priority" | "reporter"),
                "operations": field.operations(),
                "schema": field.schema(),
            });
            if let Some(values) = allowed(field.id) {
                tokens::set(&mut out, "allowedValues", Value::Array(values));
            }
            out
        })
        .collect()
}
