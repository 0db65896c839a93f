//! Projects, their statuses and versions.

use serde_json::{Value, json};

use crate::acts::planning;
use crate::model::Project;
use crate::refusal::Refusal;
use crate::rest::{Answer, Call, Reply};
use crate::scheme;
use crate::tokens;

pub(crate) fn route(call: &mut Call<'_>, path: &[&str]) -> Option<Answer> {
    let method = call.method;
    Some(match (method, path) {
        ("GET", ["project"]) => Reply::ok(
            visible(call)
                .iter()
                .map(|it| call.state.project_json(it, call.api))
                .collect(),
        ),
        ("GET", ["project", "search"]) => search(call),
        ("GET", ["project", name]) => read(call, name),
        ("GET", ["project", name, "statuses"]) => statuses(call, name),
        ("GET", ["project", name, "versions"]) => versions(call, name),
        ("GET", ["project", name, "version"]) => version_page(call, name),
        ("GET", ["project", name, "components"]) => components(call, name),
        ("POST", ["version"]) => create_version(call),
        ("GET", ["version", id]) => version(call, id),
        ("PUT", ["version", id]) => edit_version(call, id),
        ("GET", ["version", id, "relatedIssueCounts"]) => issue_counts(call, id),
        ("GET", ["version", id, "unresolvedIssueCount"]) => unresolved_count(call, id),
        _ => return None,
    })
}

fn visible<'a>(call: &'a Call<'_>) -> Vec<&'a Project> {
    let state = &*call.state;
    let seen = |it: &&Project| state.may(call.account(), it.id, "BROWSE_PROJECTS");
    state.projects.iter().filter(seen).collect()
}

fn search(call: &mut Call<'_>) -> Answer {
    let (start, most) = call.page(50, 100);
    let keys = call.list("keys");
    let ids = call.list("id");
    let create_only = call.param("action") == Some("create");
    let wanted = call.param("query").unwrap_or_default().to_lowercase();
    let fits = |it: &&&Project| {
        (keys.is_empty() || keys.contains(&it.key))
            && (ids.is_empty() || ids.contains(&it.id.to_string()))
            && (!create_only || call.state.may(call.account(), it.id, "CREATE_ISSUES"))
            && (it.name.to_lowercase().contains(&wanted) || it.key.to_lowercase().contains(&wanted))
    };
    let all = visible(call);
    let found: Vec<&&Project> = all.iter().filter(fits).collect();
    let values: Vec<Value> = found
        .iter()
        .skip(start)
        .take(most)
        .map(|it| call.state.project_json(it, call.api))
        .collect();
    Reply::ok(json!({
        "startAt": start, "maxResults": most, "total": found.len(),
        "isLast": start + values.len() >= found.len(), "values": values,
        "self": format!("{}/rest/api/{}/project/search", call.state.site.base_url, call.api.number()),
    }))
}

fn read(call: &mut Call<'_>, name: &str) -> Answer {
    let state = &*call.state;
    let project = state.visible_project(call.account(), name)?;
    let mut out = state.project_json(project, call.api);
    let types: Vec<Value> = scheme::ISSUE_TYPES
        .iter()
        .map(|it| state.type_json(it, call.api))
        .collect();
    tokens::set(&mut out, "issueTypes", Value::Array(types));
    tokens::set(&mut out, "lead", state.user_json(&project.lead, call.api));
    tokens::set(&mut out, "versions", version_list(call, project));
    tokens::set(&mut out, "components", component_list(project));
    tokens::set(&mut out, "assigneeType", json!("UNASSIGNED"));
    tokens::set(&mut out, "description", json!(""));
    tokens::set(&mut out, "roles", json!({}));
    Reply::ok(out)
}

fn statuses(call: &mut Call<'_>, name: &str) -> Answer {
    let state = &*call.state;
    state.visible_project(call.account(), name)?;
    let all: Vec<Value> = scheme::STATUSES
        .iter()
        .map(|it| state.status_json(it, call.api))
        .collect();
    let of = scheme::ISSUE_TYPES.iter().map(|kind| {
        json!({
            "self": format!(
                "{}/rest/api/{}/issuetype/{}", state.site.base_url, call.api.number(), kind.id
            ),
            "id": kind.id, "name": kind.name, "subtask": kind.subtask, "statuses": all,
        })
    });
    Reply::ok(of.collect())
}

fn version_list(call: &Call<'_>, project: &Project) -> Value {
    let of = project.versions.iter();
    of.map(|it| call.state.version_json(project, it, call.api))
        .collect()
}

fn component_list(project: &Project) -> Value {
    let of = project.components.iter();
    of.map(|it| json!({ "id": it.id.to_string(), "name": it.name }))
        .collect()
}

fn versions(call: &mut Call<'_>, name: &str) -> Answer {
    let project = call.state.visible_project(call.account(), name)?;
    Reply::ok(version_list(call, project))
}

fn components(call: &mut Call<'_>, name: &str) -> Answer {
    Reply::ok(component_list(
        call.state.visible_project(call.account(), name)?,
    ))
}

fn version_page(call: &mut Call<'_>, name: &str) -> Answer {
    let (start, most) = call.page(50, 50);
    let wanted = call.list("status");
    let project = call.state.visible_project(call.account(), name)?;
    let fits = |it: &&crate::model::Version| {
        let status = match (it.archived, it.released) {
            (true, _) => "archived",
            (false, true) => "released",
            (false, false) => "unreleased",
        };
        wanted.is_empty() || wanted.iter().any(|it| it == status)
    };
    let mut found: Vec<_> = project.versions.iter().filter(fits).collect();
    if call.param("orderBy").is_some_and(|it| it.starts_with('-')) {
        found.reverse();
    }
    let total = found.len();
    let page = found.into_iter().skip(start).take(most);
    let values: Vec<Value> = page
        .map(|it| call.state.version_json(project, it, call.api))
        .collect();
    Reply::ok(json!({
        "startAt": start, "maxResults": most, "total": total,
        "isLast": start + values.len() >= total, "values": values,
    }))
}

fn version_id(call: &Call<'_>, id: &str) -> Result<u64, Refusal> {
    let missing = || Refusal::missing(format!("Could not find version for id '{id}'"));
    let number: u64 = id.parse().map_err(|_text| missing())?;
    let (project, _) = call.state.version(number).ok_or_else(missing)?;
    if call
        .state
        .may(call.account(), project.id, "BROWSE_PROJECTS")
    {
        Ok(number)
    } else {
        Err(missing())
    }
}

fn drawn_version(call: &Call<'_>, id: u64) -> Value {
    call.state
        .version(id)
        .map(|(project, it)| call.state.version_json(project, it, call.api))
        .unwrap_or_default()
}

fn version(call: &mut Call<'_>, id: &str) -> Answer {
    Reply::ok(drawn_version(call, version_id(call, id)?))
}

fn create_version(call: &mut Call<'_>) -> Answer {
    let body = call.body()?.clone();
    let actor = call.actor.clone();
    let id = planning::create_version(call.state, &actor, &body)?;
    Reply::created(drawn_version(call, id))
}

fn edit_version(call: &mut Call<'_>, id: &str) -> Answer {
    let id = version_id(call, id)?;
    let body = call.body()?.clone();
    let actor = call.actor.clone();
    planning::edit_version(call.state, &actor, id, &body)?;
    Reply::ok(drawn_version(call, id))
}

fn issue_counts(call: &mut Call<'_>, id: &str) -> Answer {
    let id = version_id(call, id)?;
    let issues = call.state.issues.values();
    let (fixed, affected) = issues.fold((0, 0), |(fixed, affected), it| {
        (
            fixed + u64::from(it.fix_versions.contains(&id)),
            affected + u64::from(it.versions.contains(&id)),
        )
    });
    let site = &call.state.site.base_url;
    Reply::ok(json!({
        "self": format!("{site}/rest/api/{}/version/{id}", call.api.number()),
        "issuesFixedCount": fixed, "issuesAffectedCount": affected,
        "issueCountWithCustomFieldsShowingVersion": 0, "customFieldUsage": [],
    }))
}

fn unresolved_count(call: &mut Call<'_>, id: &str) -> Answer {
    let id = version_id(call, id)?;
    let of = call
        .state
        .issues
        .values()
        .filter(|it| it.fix_versions.contains(&id));
    let (open, all) = of.fold((0, 0), |(open, all), it| {
        (open + u64::from(it.resolution.is_none()), all + 1)
    });
    let site = &call.state.site.base_url;
    Reply::ok(json!({
        "self": format!("{site}/rest/api/{}/version/{id}", call.api.number()),
        "issuesUnresolvedCount": open, "issuesCount": all,
    }))
}
