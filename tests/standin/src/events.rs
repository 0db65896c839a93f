//! What the site tells its webhooks: which events go where, and what they carry.
//!
//! Bodies are snapshots taken when the change happens, in API version 2, as Jira Cloud sends them.

use serde_json::{Map, Value, json};

use crate::acts::Actor;
use crate::acts::changes::changelog_json;
use crate::clock;
use crate::jql_match;
use crate::model::{App, Comment, History, Issue, Link, State};
use crate::tokens;
use crate::view::Api;
use crate::webhooks::Delivery;

impl State {
    /// An event about a whole issue.
    pub(crate) fn emit_issue(
        &mut self,
        actor: &Actor,
        event: &str,
        event_type: Option<&str>,
        id: u64,
        entry: Option<&History>,
    ) {
        self.tell_forge_of_issue(actor, event, event_type, id, entry);
        let Some(issue) = self.issues.get(&id) else {
            return;
        };
        let mut body = json!({
            "user": self.user_json(&actor.account, Api::V2),
            "issue": self.event_issue_json(issue),
        });
        if let Some(event_type) = event_type {
            tokens::set(&mut body, "issue_event_type_name", json!(event_type));
        }
        if let Some(entry) = entry {
            tokens::set(&mut body, "changelog", changelog_json(entry));
        }
        self.emit(actor, event, Some(id), body);
    }

    /// What follows the deletion of an issue, as side effects.
    pub(crate) fn emit_children_of_deleted(&mut self, actor: &Actor, id: u64) {
        let aside = Actor {
            bulk: true,
            cascading: true,
            ..actor.clone()
        };
        let comments = self
            .issues
            .get(&id)
            .map(|it| it.comments.clone())
            .unwrap_or_default();
        for comment in comments {
            self.emit_comment(&aside, "comment_deleted", id, &comment);
        }
        let of = self
            .links
            .iter()
            .filter(|it| it.source == id || it.destination == id);
        for link in of.cloned().collect::<Vec<_>>() {
            self.emit_link(&aside, "issuelink_deleted", &link);
        }
    }

    pub(crate) fn emit_comment(&mut self, actor: &Actor, event: &str, id: u64, comment: &Comment) {
        if !actor.cascading {
            self.tell_forge_of_comment(actor, event, id, comment);
        }
        let Some(issue) = self.issues.get(&id) else {
            return;
        };
        let body = json!({
            "comment": self.comment_json(id, comment, Api::V2),
            "issue": self.event_reference_json(issue),
        });
        self.emit(actor, event, Some(id), body);
    }

    pub(crate) fn emit_property(&mut self, actor: &Actor, event: &str, id: u64, property: &Value) {
        let Some(issue) = self.issues.get(&id) else {
            return;
        };
        let body = json!({ "issue": self.event_reference_json(issue), "property": property });
        self.emit(actor, event, Some(id), body);
    }

    pub(crate) fn emit_link(&mut self, actor: &Actor, event: &str, link: &Link) {
        if !actor.cascading {
            self.tell_forge_of_link(actor, event, link);
        }
        let number = |id: &str| id.parse::<u64>().unwrap_or_default();
        let body = json!({
            "issueLink": {
                "id": link.id,
                "sourceIssueId": link.source,
                "destinationIssueId": link.destination,
                "issueLinkType": {
                    "id": number(link.kind.id),
                    "name": link.kind.name,
                    "outwardName": link.kind.outward,
                    "inwardName": link.kind.inward,
                    "isSubTaskLinkType": false,
                    "isSystemLinkType": false,
                },
                "systemLink": false,
            },
        });
        self.emit(actor, event, None, body);
    }

    /// Hands an event to every webhook of the app that wants it.
    pub(crate) fn emit(&mut self, actor: &Actor, event: &str, issue: Option<u64>, mut body: Value) {
        self.tell_forge_of_plan(actor, event, &body);
        let app = self.installed_app();
        let Some(app) = app.filter(|app| app.enabled && !app.taken_over).cloned() else {
            return;
        };
        tokens::set(&mut body, "timestamp", json!(self.now()));
        tokens::set(&mut body, "webhookEvent", json!(event));
        let issue_data = issue.and_then(|id| self.issues.get(&id));
        let wanted: Vec<(String, bool)> = webhooks_of(&app)
            .filter(|hook| hook.get("event").and_then(Value::as_str) == Some(event))
            .filter(|hook| self.hook_wants(&app, hook, event, issue_data))
            .filter_map(|hook| {
                let url = hook.get("url").and_then(Value::as_str)?;
                let bare = hook
                    .get("excludeBody")
                    .and_then(Value::as_bool)
                    .unwrap_or(false);
                Some((fill(url, issue_data, actor), bare))
            })
            .collect();
        for (target, bare) in wanted {
            let bytes = if bare {
                Vec::new()
            } else {
                body.to_string().into_bytes()
            };
            self.enqueue(Delivery {
                identifier: clock::random_hex(20),
                event: event.to_owned(),
                issue_id: issue,
                target,
                body: bytes,
                secondary: actor.bulk,
                trace: actor.trace.clone(),
                subject: Some(actor.account.clone()),
                attempt: 0,
            });
        }
    }

    fn hook_wants(&self, app: &App, hook: &Value, event: &str, issue: Option<&Issue>) -> bool {
        let filter = hook
            .get("filter")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let filtered = event.starts_with("jira:issue_") || event.starts_with("comment_");
        match (filter.is_empty() || !filtered, issue) {
            (true, _) => true,
            (false, Some(issue)) => jql_match::filter_matches(self, &app.account, filter, issue),
            (false, None) => false,
        }
    }

    fn enqueue(&mut self, delivery: Delivery) {
        self.events_sent += 1;
        let twins = self.dice.happens(self.faults.twin_percent);
        let mut copies = vec![delivery];
        if let (true, Some(first)) = (twins, copies.first().cloned()) {
            copies.push(Delivery {
                identifier: clock::random_hex(20),
                ..first
            });
        }
        for copy in copies {
            let sent = self
                .outgoing
                .as_ref()
                .is_some_and(|outgoing| outgoing.send(copy).is_ok());
            self.open_deliveries += usize::from(sent);
        }
    }
}

fn webhooks_of(app: &App) -> impl Iterator<Item = &Value> {
    let modules = app.descriptor.get("modules");
    let hooks = modules
        .and_then(|it| it.get("webhooks"))
        .and_then(Value::as_array);
    hooks.into_iter().flatten()
}

/// Fills the `${…}` variables of a webhook's URL.
fn fill(url: &str, issue: Option<&Issue>, actor: &Actor) -> String {
    let mut values = Map::new();
    if let Some(issue) = issue {
        values.insert("issue.id".to_owned(), json!(issue.id.to_string()));
        values.insert("issue.key".to_owned(), json!(issue.key));
        values.insert("project.id".to_owned(), json!(issue.project.to_string()));
        let project = issue.key.split('-').next().unwrap_or_default();
        values.insert("project.key".to_owned(), json!(project));
    }
    values.insert("modifiedUser.accountId".to_owned(), json!(actor.account));
    let mut out = String::new();
    let mut rest = url;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(&tokens::encode(
            values.get(name).and_then(Value::as_str).unwrap_or_default(),
        ));
        rest = tail;
    }
    out.push_str(rest);
    out
}
