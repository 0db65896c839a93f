//! Issues: read, create, move through the workflow, link, find.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::adf;
use super::client::{Call, SiteClient, encoded, id};
use super::error::JiraError;
use super::payload;
use crate::domain::issue::{IssueSnapshot, Named, StatusCategory};
use crate::domain::rule::FieldChange;
use crate::domain::work::DefectDraft;

/// Property of an issue we created: the marker of its creation.
const DEFECT_PROPERTY: &str = "touchstone.defect";
/// All that the mirror keeps, whatever the sprint's field is called here, without what is long.
pub(super) const FIELDS: &str =
    "*all,-comment,-worklog,-attachment,-description,-environment,-issuelinks";
/// Longest summary and label Jira takes, in UTF-16 units.
const LINE: usize = 255;
/// Pages of a search read at most.
const PAGES: usize = 20;

/// An issue that was just made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CreatedIssue {
    /// Jira's id.
    #[serde(deserialize_with = "id")]
    pub id: i64,
    /// Its key.
    pub key: String,
}

/// An issue that a search found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FoundIssue {
    /// Jira's id.
    #[serde(deserialize_with = "id")]
    pub id: i64,
    /// Its key.
    pub key: String,
    /// The properties that were asked for.
    #[serde(default)]
    pub properties: BTreeMap<String, Value>,
}

/// A transition an issue can make now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// Its id within the workflow.
    pub id: String,
    /// The status it leads to.
    pub to: Named,
    /// That status's category.
    pub to_category: StatusCategory,
    /// Names of the fields its screen demands and Jira has no default for.
    pub demands: Vec<String>,
}

#[derive(Deserialize)]
struct Transitions {
    transitions: Vec<TransitionBody>,
}

#[derive(Deserialize)]
struct TransitionBody {
    id: String,
    to: StatusBody,
    #[serde(default)]
    fields: BTreeMap<String, ScreenField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusBody {
    id: String,
    name: String,
    status_category: Option<CategoryBody>,
}

#[derive(Deserialize)]
struct CategoryBody {
    key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScreenField {
    required: bool,
    #[serde(default)]
    has_default_value: bool,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SearchPage<T> {
    pub issues: Vec<T>,
    #[serde(default)]
    pub is_last: bool,
    pub next_page_token: Option<String>,
}

impl SiteClient<'_> {
    /// An issue by its key, old keys included, or its id.
    pub async fn issue(&self, key_or_id: &str) -> Result<IssueSnapshot, JiraError> {
        let address = format!("/rest/api/3/issue/{}", encoded(key_or_id));
        let query = [("fields", FIELDS), ("updateHistory", "false")];
        let body = self.send(Call::get("issue", address, &query)).await?;
        payload::snapshot_of_rest(&body).map_err(|why| JiraError::Unreadable(why.to_string()))
    }

    /// The transitions the app may make on an issue now. Without the permission for it the list is
    /// empty, as it is at the end of a workflow.
    pub async fn transitions(&self, issue: i64) -> Result<Vec<Transition>, JiraError> {
        let address = format!("/rest/api/3/issue/{issue}/transitions");
        let query = [("expand", "transitions.fields")];
        let read: Transitions = self
            .ask(Call::get("issue/transitions", address, &query))
            .await?;
        Ok(read.transitions.into_iter().map(Transition::from).collect())
    }

    /// Makes a transition.
    pub async fn do_transition(&self, issue: i64, transition: &str) -> Result<(), JiraError> {
        let address = format!("/rest/api/3/issue/{issue}/transitions");
        let body = json!({ "transition": { "id": transition } });
        self.send(Call::post("issue/transitions", address, &body)?.writing(issue))
            .await?;
        Ok(())
    }

    /// Changes fields of an issue. Jira comes to the same when it is told twice.
    pub async fn edit_issue(&self, issue: i64, change: &FieldChange) -> Result<(), JiraError> {
        let address = format!("/rest/api/3/issue/{issue}");
        let call = Call::put("issue", address, &edit_body(change))?;
        self.send(call.writing(issue)).await?;
        Ok(())
    }

    /// Creates a defect, its marker in the same call.
    pub async fn create_defect(&self, draft: &DefectDraft) -> Result<CreatedIssue, JiraError> {
        let labels: Vec<_> = draft.labels.iter().map(|label| one_word(label)).collect();
        let body = json!({
            "fields": {
                "project": { "key": draft.project_key },
                "issuetype": { "id": draft.issue_type_id },
                "summary": adf::cut(&one_line(&draft.summary), LINE),
                "description": adf::document(&draft.description),
                "labels": labels,
            },
            "properties": [{ "key": DEFECT_PROPERTY, "value": { "marker": draft.marker } }],
        });
        self.ask(Call::post("issue", "/rest/api/3/issue".into(), &body)?)
            .await
    }

    /// The defect that a creation without an answer has made after all, if it has: an issue that the
    /// app, or the person it acted for, made within the last `minutes` and that carries the marker.
    /// The search index lags by seconds; a miss is clear only after that.
    pub async fn find_defect(
        &self,
        draft: &DefectDraft,
        minutes: i64,
    ) -> Result<Option<CreatedIssue>, JiraError> {
        let creators = match &draft.creator {
            Some(person) => format!("currentUser(), {}", quoted(person)),
            None => "currentUser()".to_owned(),
        };
        let jql = format!(
            "project = {} AND creator in ({creators}) AND created >= \"-{minutes}m\" ORDER BY created DESC",
            quoted(&draft.project_key)
        );
        let marker = draft.marker.to_string();
        let found = self
            .find(&jql, &[DEFECT_PROPERTY], |issue| {
                let property = issue.properties.get(DEFECT_PROPERTY);
                let held = property.and_then(|value| value.get("marker"));
                held.and_then(Value::as_str) == Some(marker.as_str())
            })
            .await?;
        Ok(found.map(|issue| CreatedIssue {
            id: issue.id,
            key: issue.key,
        }))
    }

    /// The first issue of a search that is the one looked for.
    async fn find(
        &self,
        jql: &str,
        properties: &[&str],
        is_it: impl Fn(&FoundIssue) -> bool,
    ) -> Result<Option<FoundIssue>, JiraError> {
        let mut token: Option<String> = None;
        let mut seen = HashSet::new();
        for _ in 0..PAGES {
            let mut body = json!({ "jql": jql, "fields": ["key"], "properties": properties });
            if let (Some(token), Some(body)) = (&token, body.as_object_mut()) {
                body.insert("nextPageToken".to_owned(), token.as_str().into());
            }
            let call = Call::post("search/jql", "/rest/api/3/search/jql".into(), &body)?;
            let page: SearchPage<FoundIssue> = self.ask(call).await?;
            if let Some(issue) = page.issues.into_iter().find(&is_it) {
                return Ok(Some(issue));
            }
            // A token that comes again would go round for ever.
            token = page
                .next_page_token
                .filter(|next| seen.insert(next.clone()));
            if page.is_last || token.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// Links two issues. Jira answers a repeat like the first time, and keeps one link.
    pub async fn link_issues(
        &self,
        type_name: &str,
        inward: i64,
        outward: i64,
    ) -> Result<(), JiraError> {
        let body = json!({
            "type": { "name": type_name },
            "inwardIssue": { "id": inward.to_string() },
            "outwardIssue": { "id": outward.to_string() },
        });
        let call = Call::post("issueLink", "/rest/api/3/issueLink".into(), &body)?;
        self.send(call.writing(outward)).await?;
        Ok(())
    }
}

impl From<TransitionBody> for Transition {
    fn from(body: TransitionBody) -> Self {
        let category = body.to.status_category;
        let demanded = |(id, field): (String, ScreenField)| {
            let is_demanded = field.required && !field.has_default_value;
            is_demanded.then(|| field.name.unwrap_or(id))
        };
        Self {
            id: body.id,
            to: Named {
                id: body.to.id,
                name: body.to.name,
            },
            to_category: category.map_or(StatusCategory::Undefined, |category| {
                StatusCategory::from_key(&category.key)
            }),
            demands: body.fields.into_iter().filter_map(demanded).collect(),
        }
    }
}

/// A text as a JQL string.
/// A change as Jira takes it: what replaces under `fields`, what adds and removes under `update`, and
/// no field under both.
fn edit_body(change: &FieldChange) -> Value {
    let mut fields = serde_json::Map::new();
    if let Some(name) = &change.priority {
        fields.insert("priority".to_owned(), json!({ "name": name }));
    }
    if let Some(account) = &change.assignee {
        fields.insert("assignee".to_owned(), json!({ "accountId": account }));
    }
    let added = change
        .add_labels
        .iter()
        .map(|label| json!({ "add": label }));
    let removed = change.remove_labels.iter();
    let removed = removed.map(|label| json!({ "remove": label }));
    let labels: Vec<Value> = added.chain(removed).collect();
    let mut update = serde_json::Map::new();
    if !labels.is_empty() {
        update.insert("labels".to_owned(), Value::Array(labels));
    }
    if let Some(name) = &change.fix_version {
        let added = json!([{ "add": { "name": name } }]);
        update.insert("fixVersions".to_owned(), added);
    }
    json!({ "fields": fields, "update": update })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A text with all white space made single blanks: Jira refuses a summary with line breaks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text as a label, which has no white space.
fn one_word(text: &str) -> String {
    let word = text.split_whitespace().collect::<Vec<_>>().join("-");
    adf::cut(&word, LINE).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_replaces_what_is_single_and_adds_to_what_is_not() {
        let change = FieldChange {
            priority: Some("High".to_owned()),
            add_labels: vec!["flaky".to_owned()],
            remove_labels: vec!["new".to_owned()],
            fix_version: Some("1.4".to_owned()),
            assignee: None,
        };
        assert_eq!(
            edit_body(&change),
            json!({
                "fields": { "priority": { "name": "High" } },
                "update": {
                    "labels": [{ "add": "flaky" }, { "remove": "new" }],
                    "fixVersions": [{ "add": { "name": "1.4" } }],
                },
            })
        );
    }

    #[test]
    fn text_for_jql_and_for_single_lines_is_made_safe() {
        assert_eq!(quoted(r#"A" OR "\"#), r#""A\" OR \"\\""#);
        assert_eq!(one_line("a\r\n b\t c "), "a b c");
        assert_eq!(one_word("flaky test"), "flaky-test");
    }

    #[test]
    fn a_transition_says_which_fields_it_demands() {
        let body = r#"{"transitions":[{"id":"31","name":"Fertig","to":{"id":"10002","name":"Fertig",
            "statusCategory":{"id":3,"key":"done"}},"fields":{
            "resolution":{"required":true,"hasDefaultValue":false,"name":"Lösung"},
            "assignee":{"required":true,"hasDefaultValue":true},"labels":{"required":false}}},
            {"id":"11","to":{"id":"3","name":"x"}}]}"#;
        let read: Transitions = serde_json::from_str(body).unwrap();
        let all: Vec<_> = read.transitions.into_iter().map(Transition::from).collect();
        assert_eq!(all[0].demands, ["Lösung"]);
        assert_eq!(all[0].to_category, StatusCategory::Done);
        assert_eq!(all[1].to_category, StatusCategory::Undefined);
    }
}
