//! Setting fields of an issue from `fields` and `update` of a request.
//!
//! A change is made on a copy of the issue; `changes` compares the copy with the original, so the
//! history says what happened however it was asked for.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::adf::check_adf;
use crate::model::{Issue, State};
use crate::refusal::Refusal;
use crate::scheme::{self, Named};
use crate::text::Text;
use crate::view::Api;

/// What `update` asks for beside fields.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) comments: Vec<Value>,
    pub(crate) links: Vec<Value>,
}

/// Whether the screen that is shown holds the resolution.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    Edit,
    Resolve,
    /// A transition without a screen takes no fields at all.
    None,
}

const NO_SCREEN: &str = "It is not on the appropriate screen, or unknown.";

/// Applies `fields` and `update` of a request body to a copy of an issue.
pub(crate) fn apply(
    state: &State,
    issue: &mut Issue,
    api: Api,
    body: &Value,
    screen: Screen,
) -> Result<Extras, Refusal> {
    let nothing = Map::new();
    let part = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(&nothing),
        Some(Value::Object(map)) => Ok(map),
        Some(_) => Err(Refusal::bad("INVALID_INPUT")),
    };
    let (fields, update) = (part("fields")?, part("update")?);
    let mut errors = BTreeMap::new();
    let mut extras = Extras::default();
    for (name, value) in fields {
        if update.contains_key(name) {
            errors.insert(
                name.clone(),
                format!("Field '{name}' cannot appear in both 'fields' and 'update'."),
            );
        } else if let Err(text) =
            check_screen(name, screen).and_then(|()| set_field(state, issue, api, name, value))
        {
            errors.insert(name.clone(), text);
        }
    }
    for (name, verbs) in update {
        let outcome = match (name.as_str(), verbs) {
            ("comment", Value::Array(verbs)) => take_added(verbs, &mut extras.comments),
            ("issuelinks", Value::Array(verbs)) => take_added(verbs, &mut extras.links),
            (_, Value::Array(verbs)) => check_screen(name, screen).and_then(|()| {
                verbs
                    .iter()
                    .try_for_each(|verb| update_field(state, issue, api, name, verb))
            }),
            _ => Err("data was not an array".to_owned()),
        };
        if let Err(text) = outcome {
            errors.insert(name.clone(), text);
        }
    }
    if errors.is_empty() {
        Ok(extras)
    } else {
        Err(Refusal {
            status: 400,
            errors,
            ..Refusal::default()
        })
    }
}

fn check_screen(name: &str, screen: Screen) -> Result<(), String> {
    let on_screen = match screen {
        Screen::Edit => name != "resolution",
        Screen::Resolve => matches!(name, "resolution" | "assignee" | "fixVersions" | "labels"),
        Screen::None => false,
    };
    if on_screen {
        Ok(())
    } else {
        Err(format!("Field '{name}' cannot be set. {NO_SCREEN}"))
    }
}

fn take_added(verbs: &[Value], into: &mut Vec<Value>) -> Result<(), String> {
    for verb in verbs {
        let added = verb.get("add").ok_or("only 'add' is possible here")?;
        into.push(added.clone());
    }
    Ok(())
}

fn update_field(
    state: &State,
    issue: &mut Issue,
    api: Api,
    name: &str,
    verb: &Value,
) -> Result<(), String> {
    let (verb, value) = verb
        .as_object()
        .and_then(|map| map.iter().next())
        .ok_or("an update is an object with one verb")?;
    match verb.as_str() {
        "set" => set_field(state, issue, api, name, value),
        "add" | "remove" => {
            let adds = verb == "add";
            match name {
                "labels" => {
                    let label = label(value)?;
                    add_or_remove(&mut issue.labels, label, adds);
                    Ok(())
                }
                "fixVersions" | "versions" | "components" => {
                    let id = part_id(state, issue.project, name, value)?;
                    add_or_remove(list_of(issue, name), id, adds);
                    Ok(())
                }
                _ => Err(format!(
                    "Field '{name}' does not support the operation '{verb}'."
                )),
            }
        }
        _ => Err(format!(
            "Field '{name}' does not support the operation '{verb}'."
        )),
    }
}

fn add_or_remove<T: PartialEq>(list: &mut Vec<T>, item: T, adds: bool) {
    if adds && !list.contains(&item) {
        list.push(item);
    } else if !adds {
        list.retain(|it| *it != item);
    }
}

fn list_of<'a>(issue: &'a mut Issue, name: &str) -> &'a mut Vec<u64> {
    match name {
        "fixVersions" => &mut issue.fix_versions,
        "versions" => &mut issue.versions,
        _ => &mut issue.components,
    }
}

fn set_field(
    state: &State,
    issue: &mut Issue,
    api: Api,
    name: &str,
    value: &Value,
) -> Result<(), String> {
    match name {
        "summary" => issue.summary = summary(value)?,
        "description" => issue.description = text(value, api, name)?,
        "environment" => issue.environment = text(value, api, name)?,
        "priority" => issue.priority = named(&scheme::PRIORITIES, value, "priority")?,
        "resolution" => {
            issue.resolution = Some(named(&scheme::RESOLUTIONS, value, "resolution")?);
        }
        "assignee" => issue.assignee = person(state, issue.project, value)?,
        "reporter" => {
            issue.reporter = person(state, issue.project, value)?.ok_or("Reporter is required.")?;
        }
        "labels" => {
            let items = value.as_array().ok_or("data was not an array")?;
            issue.labels = items.iter().map(label).collect::<Result<_, _>>()?;
        }
        "fixVersions" | "versions" | "components" => {
            let items = value.as_array().ok_or("data was not an array")?;
            let ids = items
                .iter()
                .map(|it| part_id(state, issue.project, name, it));
            *list_of(issue, name) = ids.collect::<Result<_, _>>()?;
        }
        "parent" => issue.parent = parent(state, issue, value)?,
        "duedate" => issue.due = date(value)?,
        "issuetype" => issue.kind = issue_type(value)?,
        scheme::SPRINT_FIELD => issue.sprints = sprint(state, &issue.sprints, value)?,
        scheme::POINTS_FIELD => issue.points = number(value)?,
        _ => return Err(format!("Field '{name}' cannot be set. {NO_SCREEN}")),
    }
    Ok(())
}

fn summary(value: &Value) -> Result<String, String> {
    let text = value.as_str().unwrap_or_default().trim();
    if text.is_empty() {
        Err("You must specify a summary of the issue.".to_owned())
    } else if text.contains(['\n', '\r']) {
        Err("The summary is invalid because it contains newline characters.".to_owned())
    } else if text.encode_utf16().count() > 255 {
        Err("Summary can't exceed 255 characters.".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// A rich text as the API version spells it.
pub(crate) fn text(value: &Value, api: Api, name: &str) -> Result<Option<Text>, String> {
    let text = match (api, value) {
        (_, Value::Null) => return Ok(None),
        (Api::V2, Value::String(text)) => Text::Wiki(text.clone()),
        (Api::V2, _) => return Err("Operation value must be a string".to_owned()),
        (Api::V3, document) => {
            check_adf(document).map_err(|_reason| {
                "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
                    .to_owned()
            })?;
            Text::Adf(document.clone())
        }
    };
    if text.wiki().encode_utf16().count() > 32_767 {
        return Err(format!(
            "The entered text is too long. It exceeds the allowed limit of 32,767 characters. ({name})"
        ));
    }
    Ok(Some(text))
}

fn named(all: &'static [Named], value: &Value, field: &str) -> Result<&'static str, String> {
    let (id, name) = id_and_name(value);
    all.iter()
        .find(|it| {
            Some(it.id) == id.as_deref()
                || name.is_some_and(|text| text.eq_ignore_ascii_case(it.name))
        })
        .map(|it| it.id)
        .ok_or_else(|| format!("Specify a valid value for {field}"))
}

fn id_and_name(value: &Value) -> (Option<String>, Option<&str>) {
    let id = match value.get("id") {
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    (id, value.get("name").and_then(Value::as_str))
}

/// An issue type by id or name.
pub(crate) fn issue_type(value: &Value) -> Result<&'static str, String> {
    let (id, name) = id_and_name(value);
    scheme::ISSUE_TYPES
        .iter()
        .find(|it| Some(it.id) == id.as_deref() || Some(it.name) == name)
        .map(|it| it.id)
        .ok_or_else(|| "Specify a valid issue type".to_owned())
}

fn person(state: &State, project: u64, value: &Value) -> Result<Option<String>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let id = value.get("accountId").or_else(|| value.get("id"));
    match id {
        Some(Value::Null) => Ok(None),
        Some(Value::String(id)) if state.account(id).is_some() => {
            if state.may(id, project, "BROWSE_PROJECTS") {
                Ok(Some(id.clone()))
            } else {
                Err(format!("User '{id}' cannot be assigned issues."))
            }
        }
        _ => Err("The user does not exist or you do not have permission to view it.".to_owned()),
    }
}

fn label(value: &Value) -> Result<String, String> {
    let label = value.as_str().ok_or("The label is no text.")?;
    if label.is_empty() || label.contains(char::is_whitespace) {
        Err(format!(
            "The label '{label}' contains spaces which is invalid."
        ))
    } else if label.chars().count() > 255 {
        Err("The label exceeds 255 characters.".to_owned())
    } else {
        Ok(label.to_owned())
    }
}

fn part_id(state: &State, project: u64, field: &str, value: &Value) -> Result<u64, String> {
    let (id, name) = id_and_name(value);
    let project = state
        .project(project)
        .ok_or("The project does not exist.")?;
    let found = if field == "components" {
        let of = project
            .components
            .iter()
            .map(|it| (it.id, it.name.as_str()));
        find_part(of, id.as_deref(), name)
    } else {
        find_part(
            project.versions.iter().map(|it| (it.id, it.name.as_str())),
            id.as_deref(),
            name,
        )
    };
    let what = if field == "components" {
        "Component"
    } else {
        "Version"
    };
    let asked = name.map(str::to_owned).or(id).unwrap_or_default();
    found.ok_or_else(|| format!("{what} name '{asked}' is not valid"))
}

fn find_part<'a>(
    mut all: impl Iterator<Item = (u64, &'a str)>,
    id: Option<&str>,
    name: Option<&str>,
) -> Option<u64> {
    all.find(|(own, own_name)| match id {
        Some(id) => own.to_string() == id,
        None => Some(*own_name) == name,
    })
    .map(|(id, _)| id)
}

fn parent(state: &State, issue: &Issue, value: &Value) -> Result<Option<u64>, String> {
    if value.is_null() || value.get("none").is_some() {
        return Ok(None);
    }
    let name = value
        .get("key")
        .or_else(|| value.get("id"))
        .and_then(Value::as_str);
    let id = name.and_then(|name| state.issue_id(name));
    let found = id
        .and_then(|id| state.issues.get(&id))
        .ok_or("Could not find issue by id or key.")?;
    let above = scheme::issue_type(found.kind).level > scheme::issue_type(issue.kind).level;
    if found.id != issue.id && above {
        Ok(Some(found.id))
    } else {
        Err("Given parent work item does not belong to appropriate hierarchy.".to_owned())
    }
}

fn date(value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.parse::<jiff::civil::Date>().is_ok() => Ok(Some(text.clone())),
        _ => Err("Error parsing date string. Expected yyyy-MM-dd.".to_owned()),
    }
}

fn number(value: &Value) -> Result<Option<f64>, String> {
    match value {
        Value::Null => Ok(None),
        value => value
            .as_f64()
            .map(Some)
            .ok_or_else(|| "Specify a valid number".to_owned()),
    }
}

/// A sprint is set by its number; closed sprints an issue was in stay with it.
fn sprint(state: &State, current: &[u64], value: &Value) -> Result<Vec<u64>, String> {
    let closed = |id: &&u64| {
        state
            .sprint(**id)
            .is_some_and(|sprint| sprint.state == "closed")
    };
    let mut kept: Vec<u64> = current.iter().filter(closed).copied().collect();
    if value.is_null() {
        return Ok(kept);
    }
    let id = value
        .as_u64()
        .ok_or("Number value expected as the Sprint id.")?;
    let sprint = state
        .sprint(id)
        .ok_or_else(|| format!("Sprint with id '{id}' does not exist"))?;
    if !kept.contains(&sprint.id) {
        kept.push(sprint.id);
    }
    Ok(kept)
}
