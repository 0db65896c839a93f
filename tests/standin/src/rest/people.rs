//! Accounts and what they may do.

use serde_json::{Map, Value, json};

use crate::model::{PERMISSIONS, State};
use crate::refusal::Refusal;
use crate::rest::{Answer, Call, Reply};
use crate::tokens;

pub(crate) fn route(call: &mut Call<'_>, path: &[&str]) -> Option<Answer> {
    let method = call.method;
    Some(match (method, path) {
        ("GET", ["myself"]) => myself(call),
        ("GET", ["user"]) => user(call),
        ("GET", ["user", "bulk"]) => users(call),
        ("GET", ["user", "search"]) => find(call, |_, _| true),
        ("GET", ["user", "assignable", "search"]) => assignable(call),
        ("GET", ["mypermissions"]) => my_permissions(call),
        ("POST", ["permissions", "check"]) => check(call),
        _ => return None,
    })
}

fn myself(call: &mut Call<'_>) -> Answer {
    let mut out = call.state.user_json(call.account(), call.api);
    let email = call
        .state
        .account(call.account())
        .map(|it| it.email.clone());
    tokens::set(&mut out, "emailAddress", json!(email));
    tokens::set(&mut out, "locale", json!("en_US"));
    tokens::set(&mut out, "groups", json!({ "size": 0, "items": [] }));
    tokens::set(
        &mut out,
        "applicationRoles",
        json!({ "size": 0, "items": [] }),
    );
    Reply::ok(out)
}

fn user(call: &mut Call<'_>) -> Answer {
    let id = call.param("accountId").unwrap_or_default();
    match call.state.account(id) {
        Some(account) => Reply::ok(call.state.user_json(&account.id, call.api)),
        None => Err(Refusal::missing(
            "Specified user does not exist or you do not have required permissions",
        )),
    }
}

fn users(call: &mut Call<'_>) -> Answer {
    let ids = call.list("accountId");
    if ids.is_empty() {
        return Err(Refusal::bad("The accountId parameter is required."));
    }
    let (start, most) = call.page(10, 200);
    let known: Vec<&String> = ids
        .iter()
        .filter(|id| call.state.account(id).is_some())
        .collect();
    let values: Vec<Value> = known
        .iter()
        .skip(start)
        .take(most)
        .map(|id| call.state.user_json(id, call.api))
        .collect();
    Reply::ok(json!({
        "startAt": start, "maxResults": most, "total": known.len(),
        "isLast": start + values.len() >= known.len(), "values": values,
    }))
}

fn find(call: &mut Call<'_>, fits: impl Fn(&State, &str) -> bool) -> Answer {
    let wanted = call.param("query").unwrap_or_default().to_lowercase();
    let by_id = call.param("accountId").map(str::to_owned);
    let of = call.state.accounts.iter().filter(|it| {
        let named =
            it.name.to_lowercase().contains(&wanted) || it.email.to_lowercase().contains(&wanted);
        !it.is_app && named && by_id.as_ref().is_none_or(|id| *id == it.id)
    });
    let found = of.filter(|it| fits(call.state, &it.id));
    Reply::ok(
        found
            .map(|it| call.state.user_json(&it.id, call.api))
            .collect(),
    )
}

fn assignable(call: &mut Call<'_>) -> Answer {
    let project = match (
        call.param("issueKey").or(call.param("issueId")),
        call.param("project"),
    ) {
        (Some(name), _) => call.state.get(call.issue(name)?)?.project,
        (None, Some(name)) => call.state.visible_project(call.account(), name)?.id,
        (None, None) => return Err(Refusal::bad("Name a project or an issue.")),
    };
    find(call, move |state, id| {
        state.may(id, project, "BROWSE_PROJECTS")
    })
}

fn my_permissions(call: &mut Call<'_>) -> Answer {
    let wanted = call.list("permissions");
    if wanted.is_empty() {
        return Err(Refusal::bad(
            "The 'permissions' query parameter is required.",
        ));
    }
    let issue = call.param("issueKey").or(call.param("issueId"));
    let issue = issue.map(|name| call.issue(name)).transpose()?;
    let named = call.param("projectKey").or(call.param("projectId"));
    let project = match (issue, named) {
        (Some(id), _) => Some(call.state.get(id)?.project),
        (None, Some(name)) => Some(call.state.visible_project(call.account(), name)?.id),
        (None, None) => None,
    };
    let mut out = Map::new();
    for name in wanted {
        let global = name == "ADMINISTER";
        if !global && !PERMISSIONS.contains(&name.as_str()) {
            return Err(Refusal::bad(format!("Unrecognized permission: {name}.")));
        }
        let has = match project {
            _ if global => call.state.administers(call.account()),
            Some(project) => call.state.may(call.account(), project, &name),
            // Without a context the question is: in any project?
            None => call
                .state
                .projects
                .iter()
                .any(|it| call.state.may(call.account(), it.id, &name)),
        };
        let entry = json!({
            "id": "0", "key": name, "name": name, "description": "",
            "type": if global { "GLOBAL" } else { "PROJECT" }, "havePermission": has,
        });
        out.insert(name, entry);
    }
    Reply::ok(json!({ "permissions": out }))
}

/// `permissions/check`: an app may ask about anyone, people only about themselves unless they
/// administer. The answer lists only what is granted.
fn check(call: &mut Call<'_>) -> Answer {
    let body = call.body()?.clone();
    let asked = body
        .get("accountId")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let account = asked.unwrap_or_else(|| call.account().to_owned());
    let may_ask =
        account == call.account() || call.caller.by_app || call.state.administers(call.account());
    if !may_ask {
        return Err(Refusal::forbidden(
            "You may ask only about your own permissions.",
        ));
    }
    let state = &*call.state;
    let words = |value: Option<&Value>| -> Vec<String> {
        let list = value.and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let global: Vec<String> = words(body.get("globalPermissions"));
    if let Some(strange) = global.iter().find(|it| *it != "ADMINISTER") {
        return Err(Refusal::bad(format!(
            "Unrecognized global permission: {strange}"
        )));
    }
    let granted: Vec<String> = global
        .into_iter()
        .filter(|_| state.administers(&account))
        .collect();
    let mut projects = Vec::new();
    let blocks = body
        .get("projectPermissions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for block in blocks {
        let projects_asked = ids(block.get("projects"))?;
        let issues_asked = ids(block.get("issues"))?;
        for name in words(block.get("permissions")) {
            if !PERMISSIONS.contains(&name.as_str()) {
                return Err(Refusal::bad(format!("Unrecognized permission: {name}")));
            }
            let in_projects: Vec<u64> = projects_asked
                .iter()
                .copied()
                .filter(|id| state.may(&account, *id, &name))
                .collect();
            let on_issues: Vec<u64> = issues_asked
                .iter()
                .copied()
                .filter(|id| state.may_on(&account, *id, &name))
                .collect();
            if !in_projects.is_empty() || !on_issues.is_empty() {
                projects.push(json!({
                    "permission": name, "projects": in_projects, "issues": on_issues,
                }));
            }
        }
    }
    Reply::ok(json!({ "globalPermissions": granted, "projectPermissions": projects }))
}

fn ids(value: Option<&Value>) -> Result<Vec<u64>, Refusal> {
    let list = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(Refusal::bad("Invalid request payload.")),
    };
    if list.len() > 1_000 {
        return Err(Refusal::bad(
            "At most 1000 projects and 1000 issues can be asked about.",
        ));
    }
    list.iter()
        .map(|it| {
            it.as_u64()
                .ok_or_else(|| Refusal::bad("Ids are given as numbers."))
        })
        .collect()
}
