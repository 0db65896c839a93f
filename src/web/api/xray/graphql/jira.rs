//! What Jira would say of a test, an execution and the like, if it was an issue there: the fields that
//! are asked for, of those that are known here. An issue of Jira is told of from its mirror.

use serde_json::{Map, Value, json};

use super::desk::Answer;
use super::names::time;
use super::page::{Texts, texts};
use crate::domain::issue::{MirroredIssue, Named};
use crate::store::search::Kind;

/// What is known of something that could be an issue.
#[derive(Debug, Default)]
pub(in crate::web::api::xray) struct Facts<'a> {
    pub id: String,
    pub key: String,
    pub summary: &'a str,
    pub description: Option<&'a str>,
    pub labels: &'a [String],
    pub status: Option<&'a str>,
    pub fix_version: Option<&'a str>,
    pub created_by: Option<&'a str>,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub project_id: String,
    pub project_key: &'a str,
}

/// The fields that are asked for; all, when none is named.
pub(in crate::web::api::xray) fn fields_of(
    kind: Kind,
    facts: &Facts<'_>,
    wanted: Texts,
) -> Answer<Value> {
    let versions = facts.fix_version.into_iter();
    let versions: Vec<Value> = versions.map(|name| json!({ "name": name })).collect();
    let person = |name: &str| json!({ "displayName": name });
    let mut all = Map::new();
    let mut put = |name: &str, value: Value| {
        all.insert(name.to_owned(), value);
    };
    put("id", json!(facts.id));
    put("key", json!(facts.key));
    put("summary", json!(facts.summary));
    put("description", json!(facts.description));
    put("labels", json!(facts.labels));
    put(
        "status",
        json!(facts.status.map(|name| json!({ "name": name }))),
    );
    put("fixVersions", Value::Array(versions));
    put("issuetype", json!({ "name": kind.issue_type() }));
    put(
        "project",
        json!({ "id": facts.project_id, "key": facts.project_key }),
    );
    put("reporter", json!(facts.created_by.map(person)));
    put("creator", json!(facts.created_by.map(person)));
    put("assignee", Value::Null);
    put("created", json!(time(facts.created_ms)));
    put("updated", json!(time(facts.updated_ms)));
    chosen(all, wanted)
}

/// The fields of an issue that are asked for; all, when none is named.
pub(in crate::web::api::xray) fn fields_of_issue(
    issue: &MirroredIssue,
    wanted: Texts,
) -> Answer<Value> {
    let it = &issue.snapshot;
    let one = |named: &Named| json!({ "id": named.id, "name": named.name });
    let all_of = |named: &[Named]| Value::Array(named.iter().map(one).collect());
    let mut all = Map::new();
    let mut put = |name: &str, value: Value| {
        all.insert(name.to_owned(), value);
    };
    put("id", json!(it.jira_id.to_string()));
    put("key", json!(it.key));
    put("summary", json!(it.summary));
    put("labels", json!(it.labels));
    put(
        "status",
        json!({ "id": it.status.id, "name": it.status.name,
        "statusCategory": { "key": it.status_category.key() } }),
    );
    put("fixVersions", all_of(&it.fix_versions));
    put("sprint", all_of(&it.sprints));
    put(
        "issuetype",
        json!({ "id": it.issue_type.id, "name": it.issue_type.name,
        "subtask": it.is_subtask }),
    );
    put("project", json!({ "key": it.project_key }));
    put("priority", json!(it.priority.as_ref().map(one)));
    put("resolution", json!(it.resolution.as_ref().map(one)));
    put(
        "parent",
        json!(it.parent_jira_id.map(|id| json!({ "id": id.to_string() }))),
    );
    put("updated", json!(time(it.updated_ms)));
    chosen(all, wanted)
}

fn chosen(mut all: Map<String, Value>, wanted: Texts) -> Answer<Value> {
    let Some(wanted) = texts(wanted)? else {
        return Ok(Value::Object(all));
    };
    if wanted
        .iter()
        .any(|name| name == "*all" || name == "*navigable")
    {
        return Ok(Value::Object(all));
    }
    let taken = wanted.into_iter();
    let taken = taken.filter_map(|name| all.remove_entry(&name));
    Ok(Value::Object(taken.collect()))
}
