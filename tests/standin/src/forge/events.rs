//! What the site tells a Forge app of a change: names, the small payload, and who is not told.
//!
//! Users are account ids alone, an issue is a handful of fields, the time is a string. Whatever the
//! Connect side sends a webhook for comes through here, except what Forge has no event for: issue
//! properties, and what goes along with a deleted issue.

use serde_json::{Value, json};

use super::deliver::Delivery;
use crate::acts::Actor;
use crate::acts::changes::changelog_json;
use crate::clock::{self, jira_time};
use crate::model::{Comment, History, Issue, Link, State};
use crate::scheme;
use crate::tokens::set;
use crate::view::Api;

impl State {
    /// An event about an issue; an assignment is told twice.
    pub(crate) fn tell_forge_of_issue(
        &mut self,
        actor: &Actor,
        event: &str,
        event_type: Option<&str>,
        id: u64,
        entry: Option<&History>,
    ) {
        let Some(issue) = self.issues.get(&id) else {
            return;
        };
        let changed = |field: &str| {
            let changes = entry.map(|it| it.changes.as_slice()).unwrap_or_default();
            changes.iter().rfind(|it| it.field_id == Some(field))
        };
        let assigned = changed("assignee").filter(|_| event == "jira:issue_updated");
        let mut people = vec![actor.account.clone()];
        people.extend(assigned.and_then(|it| it.from.clone()));
        people.extend(assigned.and_then(|it| it.to.clone()));
        people.dedup();
        let people: Vec<Value> = people.iter().map(|id| json!({ "accountId": id })).collect();
        let mut body = json!({
            "issue": self.small_issue_json(issue),
            "atlassianId": actor.account,
            "associatedUsers": people,
        });
        let is_change = event == "jira:issue_updated";
        if let Some(entry) = entry.filter(|_| is_change) {
            set(&mut body, "changelog", changelog_json(entry));
        }
        if let Some(status) = changed("status").filter(|_| is_change) {
            let ids = [status.to.as_deref(), status.from.as_deref()];
            let mut statuses: Vec<Value> = ids
                .into_iter()
                .flatten()
                .map(|id| self.status_json(scheme::status(id), Api::V2))
                .collect();
            if self.dice.happens(50) {
                statuses.reverse();
            }
            set(&mut body, "associatedStatuses", json!(statuses));
        }
        let was_assigned = assigned.is_some();
        if was_assigned {
            self.tell_forge(actor, "avi:jira:assigned:issue", Some(id), &body);
        }
        let kind = match (was_assigned, event_type) {
            (true, _) => Some("issue_assigned"),
            (false, Some("issue_updated")) => Some("issue_generic"),
            (false, other) => other,
        };
        if let Some(kind) = kind {
            set(&mut body, "jiraEventTypeName", json!(kind));
        }
        let name = match event {
            "jira:issue_created" => "avi:jira:created:issue",
            "jira:issue_deleted" => "avi:jira:deleted:issue",
            _ => "avi:jira:updated:issue",
        };
        self.tell_forge(actor, name, Some(id), &body);
    }

    /// The few fields an event shows of an issue.
    fn small_issue_json(&self, issue: &Issue) -> Value {
        let person = |id: &str| json!({ "accountId": id });
        let project = self.project(issue.project);
        json!({
            "id": issue.id.to_string(),
            "key": issue.key,
            "fields": {
                "summary": issue.summary,
                "issuetype": self.type_json(scheme::issue_type(issue.kind), Api::V2),
                "creator": person(&issue.creator),
                "created": jira_time(issue.created_ms),
                "project": project.map_or(Value::Null, |it| self.project_json(it, Api::V2)),
                "reporter": person(&issue.reporter),
                "assignee": issue.assignee.as_deref().map_or(Value::Null, person),
                "updated": jira_time(issue.updated_ms),
                "status": self.status_json(scheme::status(issue.status), Api::V2),
            },
        })
    }

    /// A comment made, changed (told like one made) or deleted.
    pub(crate) fn tell_forge_of_comment(
        &mut self,
        actor: &Actor,
        event: &str,
        id: u64,
        comment: &Comment,
    ) {
        let Some(issue) = self.issues.get(&id) else {
            return;
        };
        let body = json!({
            "issue": self.small_issue_json(issue),
            "atlassianId": actor.account,
            "associatedUsers": [{ "accountId": actor.account }],
            "comment": {
                "id": comment.id.to_string(),
                "author": { "accountId": comment.author },
                "updateAuthor": { "accountId": comment.update_author },
                "body": comment.body.adf(),
                "created": jira_time(comment.created_ms),
                "updated": jira_time(comment.updated_ms),
                "jsdPublic": true,
            },
        });
        let name = if event == "comment_deleted" {
            "avi:jira:deleted:comment"
        } else {
            "avi:jira:commented:issue"
        };
        self.tell_forge(actor, name, Some(id), &body);
    }

    /// A link made or taken away: ids alone, and nobody's name.
    pub(crate) fn tell_forge_of_link(&mut self, actor: &Actor, event: &str, link: &Link) {
        let numeric = self.forge.settings.numeric_link_ids;
        let id = |number: u64| {
            if numeric {
                json!(number)
            } else {
                json!(number.to_string())
            }
        };
        let project = |issue: u64| id(self.issues.get(&issue).map_or(0, |it| it.project));
        let body = json!({
            "id": id(link.id),
            "sourceIssueId": id(link.source),
            "destinationIssueId": id(link.destination),
            "sourceProjectId": project(link.source),
            "destinationProjectId": project(link.destination),
            "issueLinkType": {
                "id": link.kind.id, "name": link.kind.name,
                "inward": link.kind.inward, "outward": link.kind.outward,
            },
        });
        let name = if event == "issuelink_created" {
            "avi:jira:created:issuelink"
        } else {
            "avi:jira:deleted:issuelink"
        };
        self.tell_forge(actor, name, None, &body);
    }

    /// Versions and sprints, whose bodies are those of webhooks.
    pub(crate) fn tell_forge_of_plan(&mut self, actor: &Actor, event: &str, body: &Value) {
        let (area, what) = match event.rsplit_once('_') {
            Some(("jira:version", act)) => ("avi:jira", format!("{act}:version")),
            Some(("sprint", act)) => ("avi:jira-software", format!("{act}:sprint")),
            _ => return,
        };
        let mut body = body.clone();
        set(&mut body, "atlassianId", json!(actor.account));
        self.tell_forge(actor, &format!("{area}:{what}"), None, &body);
    }

    /// Hands an event to every live installation whose triggers ask for it.
    pub(crate) fn tell_forge(
        &mut self,
        actor: &Actor,
        event: &str,
        issue: Option<u64>,
        members: &Value,
    ) {
        let own = self.forge.account.as_deref() == Some(actor.account.as_str());
        let mut body = members.clone();
        set(&mut body, "eventType", json!(event));
        if !event.starts_with("avi:jira-software:") {
            set(&mut body, "selfGenerated", json!(own));
            set(&mut body, "timestamp", json!(self.now().to_string()));
        }
        if let Some(trace) = &actor.trace {
            set(&mut body, "webhookTraceValue", json!(trace));
        }
        let settings = &self.forge.settings;
        let of_all = settings.events.as_ref();
        let wants = |trigger: &&super::manifest::Trigger| {
            let ignores = settings.ignore_self.unwrap_or(trigger.ignores_self);
            of_all.unwrap_or(&trigger.events).contains(event) && !(ignores && own)
        };
        let endpoints: Vec<String> = self
            .forge
            .manifest
            .triggers
            .iter()
            .filter(wants)
            .map(|it| it.endpoint.clone())
            .take(if of_all.is_some() { 1 } else { usize::MAX })
            .collect();
        let live: Vec<String> = self
            .forge
            .installations
            .iter()
            .filter(|it| it.live)
            .map(|it| it.id.clone())
            .collect();
        for installation in &live {
            for endpoint in &endpoints {
                self.queue_forge(Delivery {
                    identifier: clock::random_hex(20),
                    event: event.to_owned(),
                    issue_id: issue,
                    installation: installation.clone(),
                    endpoint: endpoint.clone(),
                    body: body.clone(),
                    is_event: true,
                });
            }
        }
    }
}
