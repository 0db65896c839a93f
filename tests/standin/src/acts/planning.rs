//! Versions and sprints: creating them, releasing, starting and closing.

use serde_json::{Value, json};

use crate::acts::Actor;
use crate::clock;
use crate::model::{Project, State, Version};
use crate::refusal::Refusal;
use crate::view::Api;

/// Makes a version from a request body.
pub(crate) fn create_version(
    state: &mut State,
    actor: &Actor,
    body: &Value,
) -> Result<u64, Refusal> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let number = body
        .get("projectId")
        .and_then(Value::as_u64)
        .map(|id| id.to_string());
    let project = number.as_deref().or(text("project")).unwrap_or_default();
    let project = state.visible_project(&actor.account, project)?;
    let (id, key) = (project.id, project.key.clone());
    if !state.may(&actor.account, id, "ADMINISTER_PROJECTS") {
        return Err(Refusal::missing(format!(
            "No project could be found with key '{key}'."
        )));
    }
    let name = text("name").filter(|it| !it.is_empty());
    let name =
        name.ok_or_else(|| Refusal::field("name", "You must specify a valid version name"))?;
    if project_has(state.project(id), name) {
        return Err(Refusal::field(
            "name",
            "A version with this name already exists in this project.",
        ));
    }
    let version = Version {
        id: state.fresh_id(),
        name: name.to_owned(),
        description: text("description").unwrap_or_default().to_owned(),
        released: body
            .get("released")
            .and_then(Value::as_bool)
            .unwrap_or_default(),
        archived: body
            .get("archived")
            .and_then(Value::as_bool)
            .unwrap_or_default(),
        start_date: text("startDate").map(str::to_owned),
        release_date: text("releaseDate").map(str::to_owned),
    };
    let number = version.id;
    if let Some(project) = state.project_mut(id) {
        project.versions.push(version);
    }
    emit_version(state, actor, "jira:version_created", number);
    Ok(number)
}

fn project_has(project: Option<&Project>, name: &str) -> bool {
    project.is_some_and(|it| it.versions.iter().any(|version| version.name == name))
}

/// Changes a version from a request body: name, dates, released, archived.
pub(crate) fn edit_version(
    state: &mut State,
    actor: &Actor,
    id: u64,
    body: &Value,
) -> Result<(), Refusal> {
    let missing = || Refusal::missing(format!("Could not find version for id '{id}'"));
    let project = state
        .version(id)
        .map(|(project, _)| project.id)
        .ok_or_else(missing)?;
    if !state.may(&actor.account, project, "ADMINISTER_PROJECTS") {
        return Err(missing());
    }
    let today = clock::date(state.now());
    let versions = &mut state.project_mut(project).ok_or_else(missing)?.versions;
    let version = versions
        .iter_mut()
        .find(|it| it.id == id)
        .ok_or_else(missing)?;
    let was = version.released;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let flag = |name: &str| body.get(name).and_then(Value::as_bool);
    version.name = text("name").unwrap_or_else(|| version.name.clone());
    version.description = text("description").unwrap_or_else(|| version.description.clone());
    version.released = flag("released").unwrap_or(version.released);
    version.archived = flag("archived").unwrap_or(version.archived);
    version.release_date = text("releaseDate")
        .or_else(|| version.release_date.clone())
        .or_else(|| version.released.then_some(today));
    let event = match (was, version.released) {
        (false, true) => "jira:version_released",
        (true, false) => "jira:version_unreleased",
        _ => "jira:version_updated",
    };
    emit_version(state, actor, event, id);
    Ok(())
}

fn emit_version(state: &mut State, actor: &Actor, event: &str, id: u64) {
    let Some((project, version)) = state.version(id) else {
        return;
    };
    let mut body = state.version_json(project, version, Api::V2);
    if let Some(map) = body.as_object_mut() {
        map.insert("overdue".to_owned(), json!(false));
    }
    state.emit(actor, event, None, json!({ "version": body }));
}

/// Starts or closes a sprint.
pub(crate) fn set_sprint_state(
    state: &mut State,
    actor: &Actor,
    id: u64,
    to: &str,
) -> Result<(), Refusal> {
    let now = state.now();
    let old = state
        .sprint(id)
        .map(|sprint| state.sprint_json(sprint))
        .ok_or_else(|| Refusal::missing("Sprint does not exist."))?;
    let sprint = state.sprints.iter_mut().find(|it| it.id == id);
    let sprint = sprint.ok_or_else(|| Refusal::missing("Sprint does not exist."))?;
    let event = match (sprint.state.as_str(), to) {
        ("future", "active") => {
            sprint.start_ms = Some(now);
            "sprint_started"
        }
        ("active", "closed") => {
            sprint.complete_ms = Some(now);
            "sprint_closed"
        }
        (from, to) => {
            return Err(Refusal::bad(format!(
                "A sprint cannot go from {from} to {to}."
            )));
        }
    };
    to.clone_into(&mut sprint.state);
    let new = state
        .sprint(id)
        .map(|sprint| state.sprint_json(sprint))
        .unwrap_or_default();
    state.emit(
        actor,
        event,
        None,
        json!({ "sprint": new, "oldValue": old }),
    );
    Ok(())
}
