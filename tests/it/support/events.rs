//! Webhook bodies in Jira Cloud's shape, with what a test wants to say and believable rest.

use serde_json::{Value, json};

/// A status of the sample workflow: id, name, category.
#[derive(Debug, Clone, Copy)]
pub struct Status(pub &'static str, pub &'static str, pub &'static str);

pub const TO_DO: Status = Status("10000", "To Do", "new");
pub const IN_PROGRESS: Status = Status("3", "In Progress", "indeterminate");
pub const DONE: Status = Status("10001", "Done", "done");

/// An issue as a webhook shows it.
#[derive(Debug, Clone)]
pub struct Issue {
    pub id: i64,
    pub key: String,
    pub kind: &'static str,
    pub summary: String,
    pub status: Status,
    pub resolution: Option<&'static str>,
}

impl Issue {
    pub fn new(id: i64, key: &str) -> Self {
        Self {
            id,
            key: key.to_owned(),
            kind: "Story",
            summary: format!("Summary of {key}"),
            status: TO_DO,
            resolution: None,
        }
    }

    pub fn body(&self) -> Value {
        let project = self.key.split('-').next().unwrap();
        json!({
            "id": self.id.to_string(),
            "self": format!("https://example.atlassian.net/rest/api/2/{}", self.id),
            "key": self.key,
            "fields": {
                "summary": self.summary,
                "issuetype": { "id": "10001", "name": self.kind, "subtask": false },
                "project": { "id": "10000", "key": project, "name": "Webshop" },
                "status": {
                    "id": self.status.0, "name": self.status.1,
                    "statusCategory": { "key": self.status.2 },
                },
                "resolution": self.resolution.map(|name| json!({ "id": "10100", "name": name })),
                "priority": { "id": "3", "name": "Medium" },
                "labels": [],
                "fixVersions": [],
                "updated": "2026-11-20T10:00:00.000+0000",
            },
        })
    }

    /// Its creation at `ms`.
    pub fn created(&self, ms: i64) -> Value {
        json!({
            "timestamp": ms, "webhookEvent": "jira:issue_created",
            "issue_event_type_name": "issue_created",
            "user": person(), "issue": self.body(),
        })
    }

    /// An edit of its summary at `ms`, with a changelog entry of its own.
    pub fn edited(&self, ms: i64, changelog: i64, summary: &str) -> Value {
        let after = Self {
            summary: summary.to_owned(),
            ..self.clone()
        };
        let item = json!({
            "field": "summary", "fieldtype": "jira", "fieldId": "summary",
            "from": null, "fromString": self.summary, "to": null, "toString": summary,
        });
        after.updated(ms, changelog, &[item])
    }

    /// A transition to `to` at `ms`.
    pub fn moved_to(
        &self,
        ms: i64,
        changelog: i64,
        to: Status,
        resolution: Option<&'static str>,
    ) -> Value {
        let after = Self {
            status: to,
            resolution,
            ..self.clone()
        };
        let item = json!({
            "field": "status", "fieldtype": "jira", "fieldId": "status",
            "from": self.status.0, "fromString": self.status.1, "to": to.0, "toString": to.1,
        });
        after.updated(ms, changelog, &[item])
    }

    fn updated(&self, ms: i64, changelog: i64, items: &[Value]) -> Value {
        json!({
            "timestamp": ms, "webhookEvent": "jira:issue_updated",
            "issue_event_type_name": "issue_generic",
            "user": person(), "issue": self.body(),
            "changelog": { "id": changelog.to_string(), "items": items },
        })
    }

    /// Its deletion at `ms`.
    pub fn deleted(&self, ms: i64) -> Value {
        json!({
            "timestamp": ms, "webhookEvent": "jira:issue_deleted",
            "user": person(), "issue": self.body(),
        })
    }
}

fn person() -> Value {
    json!({ "accountId": "5b10a-person", "displayName": "A Person", "active": true, "accountType": "atlassian" })
}
