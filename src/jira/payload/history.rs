//! The history of an issue, as the REST API tells it, and the events it is made of.
//!
//! Whoever missed an event finds its change in the issue's history. It is then told to the inbox as
//! the event that was lost would have been: the newest change with the whole issue, as a webhook has
//! it, and one that others followed with what the history says of it, in the manner of Forge, which
//! tells parts. Only what rules may act on is handed on of those: status, summary, description.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::lenient::Scalar;
use crate::domain::issue::{IssueLink, StatusCategory};

/// What an issue of the REST API says of its past.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// When it was created, milliseconds since the Unix epoch.
    pub created_ms: Option<i64>,
    /// Its changes, the oldest first.
    pub changes: Vec<HistoryEntry>,
    /// How many there are in all; more than are listed here when the oldest were left out.
    pub total: usize,
}

/// A change in the history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    /// The changelog's id.
    pub id: i64,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The account that did it.
    pub author: Option<String>,
    /// What changed, as Jira writes it.
    pub items: Vec<Value>,
}

/// Fields whose changes stand in the history and are told by events of their own.
const LINKS: [&str; 3] = ["Link", "RemoteIssueLink", "RemoteWorkItemLink"];

impl HistoryEntry {
    /// Whether Jira tells of it as a change of the issue: links are told by themselves, and an entry
    /// in which the status comes from nowhere is the issue's creation.
    #[must_use]
    pub fn is_told(&self) -> bool {
        let is_creation = self.status().is_some_and(|[(from, _), _]| from.is_empty());
        !is_creation && self.items.iter().any(|item| !LINKS.contains(&field(item)))
    }

    /// The status this change left and the one it led to, each as id and name.
    #[must_use]
    pub fn status(&self) -> Option<[(&str, &str); 2]> {
        let item = self.items.iter().find(|item| field(item) == "status")?;
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        Some([
            (text("from"), text("fromString")),
            (text("to"), text("toString")),
        ])
    }
}

fn field(item: &Value) -> &str {
    let named = item.get("fieldId").or_else(|| item.get("field"));
    named.and_then(Value::as_str).unwrap_or_default()
}

fn scalar(value: Option<&Value>) -> Scalar<'_> {
    value
        .and_then(|value| Scalar::deserialize(value).ok())
        .unwrap_or_default()
}

/// Takes the links out of an issue of the REST API and reads them: an issue shows the words of the
/// other's side, so what it links to outward begins at it.
pub(crate) fn take_links(issue: &mut Value) -> Vec<IssueLink> {
    let own = scalar(issue.get("id")).id();
    let fields = issue.get_mut("fields").and_then(Value::as_object_mut);
    let listed = fields.and_then(|fields| fields.remove("issuelinks"));
    let listed = listed.as_ref().and_then(Value::as_array);
    let read = |link: &Value| {
        let end = |name: &str| scalar(link.get(name)?.get("id")).id();
        let (source, destination) = match (end("outwardIssue"), end("inwardIssue")) {
            (Some(other), _) => (own?, other),
            (None, other) => (other?, own?),
        };
        Some(IssueLink {
            source_jira_id: source,
            destination_jira_id: destination,
            type_id: scalar(link.pointer("/type/id")).into_string(),
            type_name: scalar(link.pointer("/type/name")).into_string(),
            is_removed: false,
        })
    };
    listed.into_iter().flatten().filter_map(read).collect()
}

/// Takes the changelog out of an issue of the REST API and reads it.
pub(crate) fn take_history(issue: &mut Value) -> History {
    let created = issue.pointer("/fields/created");
    let created_ms = scalar(created).time_ms();
    let log = issue.as_object_mut().and_then(|it| it.remove("changelog"));
    let log = log.unwrap_or_default();
    let listed = log.get("histories").and_then(Value::as_array);
    let listed: &[Value] = listed.map_or(&[], Vec::as_slice);
    let total = log.get("total").and_then(Value::as_u64).unwrap_or_default();
    History {
        created_ms,
        changes: changes_of(listed),
        total: usize::try_from(total).unwrap_or_default(),
    }
}

/// Reads entries of a changelog, in whatever order they are listed.
pub(crate) fn changes_of(listed: &[Value]) -> Vec<HistoryEntry> {
    let mut changes: Vec<HistoryEntry> = listed.iter().filter_map(entry).collect();
    changes.sort_by_key(|change| (change.at_ms, change.id));
    changes
}

fn entry(listed: &Value) -> Option<HistoryEntry> {
    let author = listed.pointer("/author/accountId").and_then(Value::as_str);
    let items = listed.get("items").and_then(Value::as_array);
    Some(HistoryEntry {
        id: scalar(listed.get("id")).id()?,
        at_ms: scalar(listed.get("created")).time_ms()?,
        author: author.map(str::to_owned),
        items: items.cloned().unwrap_or_default(),
    })
}

/// The event of the newest change of an issue: the issue as it is now.
pub(crate) fn newest_event(issue: &Value, change: &HistoryEntry, at_ms: i64) -> Vec<u8> {
    let body = json!({
        "timestamp": at_ms,
        "webhookEvent": "jira:issue_updated",
        "user": change.author.as_ref().map(|author| json!({ "accountId": author })),
        "issue": issue,
        "changelog": { "id": change.id.to_string(), "items": change.items },
    });
    body.to_string().into_bytes()
}

/// The event of a change that others followed, `category` being that of the status it led to; `None`
/// when it is none of those that matter then.
pub(crate) fn older_event(
    jira_id: i64,
    key: &str,
    change: &HistoryEntry,
    category: Option<StatusCategory>,
) -> Option<Vec<u8>> {
    let matters = |item: &&Value| matches!(field(item), "status" | "summary" | "description");
    let items: Vec<&Value> = change.items.iter().filter(matters).collect();
    if items.is_empty() {
        return None;
    }
    let mut fields = Map::new();
    for item in &items {
        let text = |name: &str| item.get(name).cloned().unwrap_or_default();
        match field(item) {
            "status" => {
                let category = category.map(|category| json!({ "key": category.key() }));
                let entered = json!({
                    "id": text("to"), "name": text("toString"), "statusCategory": category,
                });
                fields.insert("status".to_owned(), entered);
            }
            "summary" => {
                fields.insert("summary".to_owned(), text("toString"));
            }
            _ => {}
        }
    }
    let body = json!({
        "eventType": "avi:jira:updated:issue",
        "timestamp": change.at_ms,
        "atlassianId": change.author,
        "issue": { "id": jira_id.to_string(), "key": key, "fields": fields },
        "changelog": { "id": change.id.to_string(), "items": items },
    });
    Some(body.to_string().into_bytes())
}

/// The event of a deletion that was found out at `at_ms`, milliseconds since the Unix epoch.
pub(crate) fn deletion_event(jira_id: i64, key: &str, at_ms: i64) -> Vec<u8> {
    let body = json!({
        "eventType": "avi:jira:deleted:issue",
        "timestamp": at_ms,
        "issue": { "id": jira_id.to_string(), "key": key },
    });
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::issue::JiraEvent;
    use crate::domain::mirror::Field;
    use crate::jira::payload::{self, forge};

    fn issue() -> Value {
        json!({
            "id": "10042", "key": "SHOP-7",
            "fields": {
                "created": "2026-11-20T10:00:00.000+0000", "updated": "2026-11-20T11:00:00.000+0000",
                "summary": "Pay", "status": { "id": "3", "name": "Doing", "statusCategory": { "key": "indeterminate" } },
                "labels": ["pay"], "issuetype": { "id": "1", "name": "Story" },
            },
            "changelog": { "total": 3, "histories": [
                { "id": "12", "created": "2026-11-20T10:30:00.000+0000", "author": { "accountId": "ann" }, "items": [
                    { "field": "status", "fieldId": "status", "from": "5", "fromString": "Done", "to": "3", "toString": "Doing" } ] },
                { "id": "11", "created": "2026-11-20T10:20:00.000+0000", "items": [
                    { "field": "labels", "fieldId": "labels", "fromString": "", "toString": "pay" },
                    { "field": "status", "fieldId": "status", "from": "1", "fromString": "To Do", "to": "5", "toString": "Done" } ] },
                { "created": "never", "items": [] },
            ] },
        })
    }

    #[test]
    fn a_history_is_read_oldest_first_and_without_what_has_no_id_or_time() {
        let mut issue = issue();
        let history = take_history(&mut issue);
        assert!(issue.get("changelog").is_none());
        assert_eq!(history.total, 3);
        let ids: Vec<_> = history.changes.iter().map(|change| change.id).collect();
        assert_eq!(ids, [11, 12]);
        assert_eq!(history.changes[0].author, None);
        assert_eq!(
            history.changes[1].status(),
            Some([("5", "Done"), ("3", "Doing")])
        );
        assert_eq!(history.created_ms, Some(1_795_168_800_000));
    }

    #[test]
    fn the_newest_change_tells_the_whole_issue_under_the_key_of_the_lost_webhook() {
        let mut issue = issue();
        let history = take_history(&mut issue);
        let body = newest_event(&issue, &history.changes[1], history.changes[1].at_ms);
        let seen = payload::envelope(&body).unwrap();
        assert_eq!(seen.content_key, payload::change_key(10_042, 12));
        assert_eq!(
            (seen.lane.as_str(), seen.event_ms),
            ("10042", Some(1_795_170_600_000))
        );
        let JiraEvent::IssueChanged(change) = payload::parse(&body).unwrap() else {
            panic!("not a change");
        };
        assert_eq!(change.actor.as_deref(), Some("ann"));
        assert_eq!(change.transition().unwrap().from.as_deref(), Some("5"));
        assert_eq!(change.issue.labels, ["pay"]);
    }

    #[test]
    fn an_older_change_tells_only_the_part_that_rules_may_act_on() {
        let history = take_history(&mut issue());
        let done = Some(StatusCategory::Done);
        let body = older_event(10_042, "SHOP-7", &history.changes[0], done).unwrap();
        assert_eq!(forge::envelope(&body).unwrap().lane, "10042");
        let JiraEvent::IssueChanged(change) = forge::parse(&body).unwrap() else {
            panic!("not a change");
        };
        assert_eq!(change.issue.status.id, "5");
        assert_eq!(change.issue.status_category, StatusCategory::Done);
        assert!(change.told.has(Field::Status));
        assert_eq!(change.changelog_id, Some(11));
        assert!(change.untold.is_empty(), "nothing is to be asked for");
        assert!(!change.told.has(Field::Labels));
        let only_labels = HistoryEntry {
            items: vec![history.changes[0].items[0].clone()],
            ..history.changes[0].clone()
        };
        assert_eq!(older_event(10_042, "SHOP-7", &only_labels, None), None);
    }

    #[test]
    fn links_and_the_creation_stand_in_the_history_and_are_no_change_of_the_issue() {
        let link =
            json!({ "field": "Link", "to": "SHOP-8", "toString": "This issue relates to SHOP-8" });
        let mut change = take_history(&mut issue()).changes.remove(0);
        assert!(change.is_told());
        change.items = vec![link];
        assert!(!change.is_told());
        change.items = vec![
            json!({ "fieldId": "summary", "toString": "Pay" }),
            json!({ "fieldId": "status", "from": null, "to": "1", "toString": "To Do" }),
        ];
        assert!(!change.is_told());
    }

    #[test]
    fn links_are_read_from_either_end() {
        let mut issue = json!({ "id": "1", "fields": { "issuelinks": [
            { "id": "5", "type": { "id": "10", "name": "Blocks" }, "outwardIssue": { "id": "2" } },
            { "id": "6", "type": { "id": "10", "name": "Blocks" }, "inwardIssue": { "id": "3" } },
            { "id": "7", "type": { "id": "10", "name": "Blocks" } },
        ] } });
        let ends: Vec<_> = take_links(&mut issue)
            .into_iter()
            .map(|link| (link.source_jira_id, link.destination_jira_id, link.type_id))
            .collect();
        assert_eq!(ends, [(1, 2, "10".to_owned()), (3, 1, "10".to_owned())]);
        assert_eq!(issue["fields"], json!({}));
    }

    #[test]
    fn a_deletion_that_was_found_out_reads_like_one_that_was_told() {
        let body = deletion_event(10_042, "SHOP-7", 5);
        let JiraEvent::IssueDeleted(last, told) = forge::parse(&body).unwrap() else {
            panic!("not a deletion");
        };
        assert_eq!((last.jira_id, last.key.as_str()), (10_042, "SHOP-7"));
        assert!(!told.has(Field::Summary));
    }
}
