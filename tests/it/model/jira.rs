//! What Jira tells of the issues of the model's world.

use serde_json::{Value, json};

use crate::support::events::{Issue as Told, Status};

pub const TO_DO: Status = Status("10000", "To Do", "new");
pub const IN_PROGRESS: Status = Status("3", "In Progress", "indeterminate");
pub const DONE: Status = Status("10001", "Done", "done");

/// An issue of Jira's, as its owner last told of it.
#[derive(Debug, Clone)]
pub struct JiraIssue {
    told: Told,
    parent: Option<i64>,
    /// When it last changed; its changes follow one another.
    pub at_ms: i64,
    changelog: i64,
}

impl JiraIssue {
    pub fn new(number: i64, is_epic: bool, parent: Option<i64>, at_ms: i64) -> Self {
        let mut told = Told::new(10_000 + number, &format!("SHOP-{number}"));
        told.kind = if is_epic { "Epic" } else { "Story" };
        Self {
            told,
            parent,
            at_ms,
            changelog: number * 1_000,
        }
    }

    pub fn key(&self) -> &str {
        &self.told.key
    }

    fn with_parent(&self, mut event: Value) -> Value {
        if let Some(parent) = self.parent {
            let parent =
                json!({ "id": (10_000 + parent).to_string(), "key": format!("SHOP-{parent}") });
            event["issue"]["fields"]["parent"] = parent;
        }
        event
    }

    /// Its creation.
    pub fn created(&self) -> Value {
        self.with_parent(self.told.created(self.at_ms))
    }

    /// Another summary, so much later.
    pub fn edited(&mut self, later_ms: i64) -> Value {
        self.at_ms += later_ms;
        self.changelog += 1;
        let summary = format!("{} at {}", self.told.key, self.at_ms);
        let event = self.told.edited(self.at_ms, self.changelog, &summary);
        self.told.summary = summary;
        self.with_parent(event)
    }

    /// Another status, so much later.
    pub fn moved(&mut self, later_ms: i64, to: Status, resolution: Option<&'static str>) -> Value {
        self.at_ms += later_ms;
        self.changelog += 1;
        let event = self
            .told
            .moved_to(self.at_ms, self.changelog, to, resolution);
        self.told.status = to;
        self.told.resolution = resolution;
        self.with_parent(event)
    }
}
