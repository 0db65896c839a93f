//! Creating, editing, moving and deleting issues.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::acts::fields::Screen;
use crate::acts::{Actor, changes, fields, links, talk, workflow};
use crate::model::{Change, History, Issue, State};
use crate::refusal::Refusal;
use crate::rest::meta;
use crate::scheme;
use crate::view::Api;

/// An issue that was made, and what became of a transition asked for in the same call.
pub(crate) struct Created {
    pub(crate) id: u64,
    pub(crate) transition: Option<Result<(), Refusal>>,
}

impl State {
    /// Creates an issue from a request body.
    pub(crate) fn create_issue(
        &mut self,
        actor: &Actor,
        api: Api,
        body: &Value,
    ) -> Result<Created, Refusal> {
        let fields = body
            .get("fields")
            .and_then(Value::as_object)
            .ok_or_else(|| Refusal::bad("one of 'fields' or 'update' required"))?;
        let (project, kind) = self.place_of_new_issue(actor, fields)?;
        let mut issue = self.blank_issue(actor, project, kind);
        let mut rest = body.clone();
        if let Some(map) = rest.get_mut("fields").and_then(Value::as_object_mut) {
            map.remove("project");
            map.remove("issuetype");
        }
        let mut missing = BTreeMap::new();
        if !fields.contains_key("summary") {
            missing.insert(
                "summary".to_owned(),
                "You must specify a summary of the issue.".to_owned(),
            );
        }
        for id in &self.demanded {
            if fields.get(id).is_none_or(Value::is_null) {
                let name = meta::FIELDS.iter().find(|field| field.id == id);
                let name = name.map_or(id.as_str(), |field| field.name);
                missing.insert(id.clone(), format!("{name} is required."));
            }
        }
        let subtask = scheme::issue_type(kind).subtask;
        if subtask && !fields.contains_key("parent") {
            missing.insert(
                "parent".to_owned(),
                "Issue type is a sub-task but parent issue key or id not specified.".to_owned(),
            );
        }
        if !missing.is_empty() {
            return Err(Refusal {
                status: 400,
                errors: missing,
                ..Refusal::default()
            });
        }
        let extras = fields::apply(self, &mut issue, api, &rest, Screen::Edit)?;
        issue.properties = new_properties(body)?;

        let id = self.fresh_id();
        issue.id = id;
        issue.key = self.next_key(project);
        // As in Jira, a transition in the same call shows only in the final status.
        let transition = body
            .get("transition")
            .map(|wanted| workflow::apply_quietly(self, actor, &mut issue, wanted));
        self.keys.insert(issue.key.clone(), id);
        let entry = self.history_entry(actor, creation_changes(self, &issue));
        issue.history.push(entry.clone());
        self.issues.insert(id, issue);
        self.emit_issue(
            actor,
            "jira:issue_created",
            Some("issue_created"),
            id,
            Some(&entry),
        );
        self.follow_extras(actor, api, id, extras)?;
        Ok(Created { id, transition })
    }

    fn place_of_new_issue(
        &self,
        actor: &Actor,
        fields: &Map<String, Value>,
    ) -> Result<(u64, &'static str), Refusal> {
        let project = fields.get("project").and_then(|value| {
            let name = value.get("key").or_else(|| value.get("id"))?;
            name.as_str()
                .map(str::to_owned)
                .or_else(|| name.as_u64().map(|id| id.to_string()))
        });
        let project = project
            .and_then(|name| self.visible_project(&actor.account, &name).ok())
            .ok_or_else(|| Refusal::field("project", "valid project is required"))?;
        if !self.may(&actor.account, project.id, "CREATE_ISSUES") {
            return Err(Refusal {
                status: 400,
                messages: vec![
                    "You do not have permission to create issues in this project.".to_owned(),
                ],
                ..Refusal::default()
            });
        }
        let kind = fields
            .get("issuetype")
            .ok_or_else(|| "Specify an issue type".to_owned())
            .and_then(fields::issue_type)
            .map_err(|text| Refusal::field("issuetype", text))?;
        Ok((project.id, kind))
    }

    fn blank_issue(&self, actor: &Actor, project: u64, kind: &'static str) -> Issue {
        let now = self.now();
        Issue {
            id: 0,
            project,
            key: String::new(),
            old_keys: Vec::new(),
            kind,
            status: scheme::TO_DO,
            summary: String::new(),
            description: None,
            environment: None,
            priority: "3",
            resolution: None,
            resolved_ms: None,
            assignee: None,
            reporter: actor.account.clone(),
            creator: actor.account.clone(),
            labels: Vec::new(),
            fix_versions: Vec::new(),
            versions: Vec::new(),
            components: Vec::new(),
            sprints: Vec::new(),
            points: None,
            parent: None,
            due: None,
            created_ms: now,
            updated_ms: now,
            category_changed_ms: now,
            comments: Vec::new(),
            properties: BTreeMap::new(),
            remote_links: Vec::new(),
            history: Vec::new(),
        }
    }

    fn next_key(&mut self, project: u64) -> String {
        let Some(project) = self.project_mut(project) else {
            return String::new();
        };
        project.next_number += 1;
        format!("{}-{}", project.key, project.next_number)
    }

    pub(crate) fn history_entry(&mut self, actor: &Actor, changes: Vec<Change>) -> History {
        History {
            id: self.fresh_id(),
            author: actor.account.clone(),
            created_ms: self.now(),
            changes,
        }
    }

    pub(crate) fn follow_extras(
        &mut self,
        actor: &Actor,
        api: Api,
        id: u64,
        extras: fields::Extras,
    ) -> Result<(), Refusal> {
        for comment in extras.comments {
            talk::add_comment(self, actor, api, id, &comment)?;
        }
        for link in extras.links {
            links::link_from_update(self, actor, id, &link)?;
        }
        Ok(())
    }

    /// Edits an issue: `fields`, `update` and `properties` of a request body.
    pub(crate) fn edit_issue(
        &mut self,
        actor: &Actor,
        api: Api,
        id: u64,
        body: &Value,
    ) -> Result<(), Refusal> {
        if !self.may_on(&actor.account, id, "EDIT_ISSUES") {
            return Err(Refusal::forbidden(
                "You do not have permission to edit this issue.",
            ));
        }
        let asked = ["fields", "update", "properties"]
            .iter()
            .any(|name| body.get(name).is_some());
        if !asked {
            return Err(Refusal::bad("one of 'fields' or 'update' required"));
        }
        let mut issue = self.get(id)?.clone();
        let extras = fields::apply(self, &mut issue, api, body, Screen::Edit)?;
        let properties = new_properties(body)?;
        self.store_change(actor, issue, "issue_updated")?;
        for (key, value) in properties {
            talk::set_property(self, actor, id, &key, value)?;
        }
        self.follow_extras(actor, api, id, extras)
    }

    /// Puts a changed copy in the place of an issue; history and webhooks say what changed.
    pub(crate) fn store_change(
        &mut self,
        actor: &Actor,
        mut issue: Issue,
        event_type: &str,
    ) -> Result<bool, Refusal> {
        let id = issue.id;
        let changes = changes::changes(self, self.get(id)?, &issue);
        if changes.is_empty() {
            return Ok(false);
        }
        let entry = self.history_entry(actor, changes);
        issue.history.push(entry.clone());
        issue.updated_ms = self.now();
        self.issues.insert(id, issue);
        self.emit_issue(
            actor,
            "jira:issue_updated",
            Some(event_type),
            id,
            Some(&entry),
        );
        Ok(true)
    }

    /// Deletes an issue with its links; sub-tasks only when asked.
    pub(crate) fn delete_issue(
        &mut self,
        actor: &Actor,
        id: u64,
        subtasks_too: bool,
    ) -> Result<(), Refusal> {
        if !self.may_on(&actor.account, id, "DELETE_ISSUES") {
            return Err(Refusal::forbidden(
                "You do not have permission to delete issues in this project.",
            ));
        }
        let below: Vec<u64> = self
            .issues
            .values()
            .filter(|it| it.parent == Some(id) && scheme::issue_type(it.kind).subtask)
            .map(|it| it.id)
            .collect();
        if !below.is_empty() && !subtasks_too {
            let key = self.get(id)?.key.clone();
            return Err(Refusal::bad(format!(
                "The issue '{key}' has subtasks. You must specify the 'deleteSubtasks' parameter to delete this issue and all its subtasks."
            )));
        }
        for subtask in below {
            self.delete_issue(actor, subtask, true)?;
        }
        self.emit_issue(actor, "jira:issue_deleted", None, id, None);
        self.emit_children_of_deleted(actor, id);
        self.links
            .retain(|link| link.source != id && link.destination != id);
        if let Some(issue) = self.issues.remove(&id) {
            self.keys.retain(|_, value| *value != issue.id);
        }
        Ok(())
    }

    /// Moves an issue to another project: its id stays, its key changes, old keys still lead to it.
    pub(crate) fn move_issue(
        &mut self,
        actor: &Actor,
        id: u64,
        project_key: &str,
    ) -> Result<String, Refusal> {
        let target = self.visible_project(&actor.account, project_key)?.clone();
        let mut issue = self.get(id)?.clone();
        let source = self
            .project(issue.project)
            .cloned()
            .ok_or_else(Refusal::no_issue)?;
        if source.id == target.id {
            return Err(Refusal::bad("The issue is already in this project."));
        }
        let old_key = issue.key.clone();
        let new_key = self.next_key(target.id);
        let mut changes = vec![
            change(
                "project",
                Some("project"),
                Some((&source.id.to_string(), &source.name)),
                Some((&target.id.to_string(), &target.name)),
            ),
            change("Key", None, None, None),
            change(
                "Workflow",
                None,
                Some(("10001", "Software workflow")),
                Some(("10002", "Software workflow")),
            ),
        ];
        if let Some(key) = changes.get_mut(1) {
            key.from_string = Some(old_key.clone());
            key.to_string = Some(new_key.clone());
        }
        issue.project = target.id;
        issue.key.clone_from(&new_key);
        issue.old_keys.push(old_key);
        issue.fix_versions.clear();
        issue.versions.clear();
        issue.components.clear();
        changes.extend(changes::changes(self, self.get(id)?, &issue));
        let entry = self.history_entry(actor, changes);
        issue.history.push(entry.clone());
        issue.updated_ms = self.now();
        self.issues.insert(id, issue);
        self.keys.insert(new_key.clone(), id);
        self.emit_issue(
            actor,
            "jira:issue_updated",
            Some("issue_moved"),
            id,
            Some(&entry),
        );
        Ok(new_key)
    }
}

fn change(
    field: &'static str,
    field_id: Option<&'static str>,
    from: Option<(&str, &str)>,
    to: Option<(&str, &str)>,
) -> Change {
    Change {
        field,
        field_id,
        custom: false,
        from: from.map(|(id, _)| id.to_owned()),
        from_string: from.map(|(_, name)| name.to_owned()),
        to: to.map(|(id, _)| id.to_owned()),
        to_string: to.map(|(_, name)| name.to_owned()),
    }
}

/// What the changelog of a creation holds: the first values, with nothing before them.
fn creation_changes(state: &State, issue: &Issue) -> Vec<Change> {
    let status = scheme::status(issue.status);
    let priority = scheme::priority(issue.priority);
    let reporter = state
        .account(&issue.reporter)
        .map_or("", |account| account.name.as_str());
    let mut summary = change("summary", Some("summary"), None, None);
    summary.to_string = Some(issue.summary.clone());
    vec![
        summary,
        change(
            "priority",
            Some("priority"),
            None,
            Some((priority.id, priority.name)),
        ),
        change(
            "reporter",
            Some("reporter"),
            None,
            Some((&issue.reporter, reporter)),
        ),
        change(
            "Status",
            Some("status"),
            None,
            Some((status.id, status.name)),
        ),
    ]
}

/// `properties` of a create or edit: `[{key, value}]`.
fn new_properties(body: &Value) -> Result<BTreeMap<String, Value>, Refusal> {
    let mut out = BTreeMap::new();
    let list = match body.get("properties") {
        None | Some(Value::Null) => return Ok(out),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(Refusal::bad("INVALID_INPUT")),
    };
    for entry in list {
        let key = entry.get("key").and_then(Value::as_str);
        let value = entry.get("value");
        let (Some(key), Some(value)) = (key, value) else {
            return Err(Refusal::bad("A property needs a key and a value."));
        };
        talk::check_property(key, value)?;
        out.insert(key.to_owned(), value.clone());
    }
    Ok(out)
}

/// A transition's outcome inside the answer to a create.
pub(crate) fn nested_response(outcome: &Result<(), Refusal>) -> Value {
    match outcome {
        Ok(()) => {
            json!({ "status": 200, "errorCollection": { "errorMessages": [], "errors": {} } })
        }
        Err(refusal) => json!({ "status": refusal.status, "errorCollection": refusal.body() }),
    }
}
