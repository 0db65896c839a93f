//! Bodies of Forge's events, with what a test wants to say and the few fields Forge shows.

use serde_json::{Value, json};

use super::events::Status;

/// An issue as an event of Forge shows it.
#[derive(Debug, Clone)]
pub struct SmallIssue {
    pub id: u64,
    pub key: String,
    pub summary: &'static str,
    pub status: Status,
}

impl SmallIssue {
    pub fn new(id: u64, key: &str) -> Self {
        Self {
            id,
            key: key.to_owned(),
            summary: "It breaks",
            status: super::events::TO_DO,
        }
    }

    fn body(&self) -> Value {
        let project = self.key.split('-').next().unwrap();
        json!({
            "id": self.id.to_string(),
            "key": self.key,
            "fields": {
                "summary": self.summary,
                "issuetype": { "id": "10004", "name": "Bug", "subtask": false },
                "project": { "id": "10000", "key": project, "name": "Web shop" },
                "status": status(self.status),
            },
        })
    }

    /// An event of this issue: `jira:updated:issue` and the like.
    pub fn event(&self, name: &str, at_ms: i64) -> Value {
        json!({
            "eventType": format!("avi:{name}"),
            "selfGenerated": false,
            "timestamp": at_ms.to_string(),
            "atlassianId": "5b10a-person",
            "issue": self.body(),
        })
    }

    /// The issue was edited: entries of the changelog as they stand.
    pub fn edited(&self, at_ms: i64, changelog: i64, items: &[Value]) -> Value {
        let mut event = self.event("jira:updated:issue", at_ms);
        event["changelog"] = json!({ "id": changelog.to_string(), "items": items });
        event
    }

    /// The issue entered a status, and is in it from now on.
    pub fn moves(&mut self, at_ms: i64, changelog: i64, to: Status, with: &[Value]) -> Value {
        let from = std::mem::replace(&mut self.status, to);
        let mut items = with.to_vec();
        items.push(item("status", Some(from.0), from.1, Some(to.0), to.1));
        let mut event = self.edited(at_ms, changelog, &items);
        event["associatedStatuses"] = json!([status(from), status(to)]);
        event
    }
}

fn status(Status(id, name, category): Status) -> Value {
    json!({ "id": id, "name": name, "statusCategory": { "key": category, "name": name } })
}

/// An entry of a changelog.
pub fn item(
    field: &str,
    from: Option<&str>,
    from_text: &str,
    to: Option<&str>,
    to_text: &str,
) -> Value {
    json!({
        "field": field, "fieldId": field,
        "from": from, "fromString": from_text, "to": to, "toString": to_text,
    })
}
