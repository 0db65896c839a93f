//! Making a defect, and finding one that a call without an answer made after all.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::adf;
use super::client::{Call, SiteClient, id};
use super::error::JiraError;
use super::issues::quoted;
use crate::domain::issue::Named;
use crate::domain::work::DefectDraft;

/// Property of an issue we created: the marker of its creation.
const DEFECT_PROPERTY: &str = "touchstone.defect";
/// Longest summary and label Jira takes, in UTF-16 units.
const LINE: usize = 255;

/// An issue that was just made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CreatedIssue {
    /// Jira's id.
    #[serde(deserialize_with = "id")]
    pub id: i64,
    /// Its key.
    pub key: String,
}

/// What of a covered issue its defect takes over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CoveredFields {
    /// Its components, with their ids.
    pub components: Option<Vec<Named>>,
    /// Whose it is.
    pub assignee: Option<Assignee>,
}

/// Whose an issue is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignee {
    /// The account.
    pub account_id: String,
    /// The name people read; never kept.
    #[serde(default)]
    pub display_name: String,
}

#[derive(Deserialize)]
struct CoveredBody {
    #[serde(default)]
    fields: CoveredFields,
}

#[derive(Deserialize)]
struct LinkedBody {
    fields: LinkedFields,
}

#[derive(Deserialize)]
struct LinkedFields {
    #[serde(default)]
    issuelinks: Vec<LinkBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkBody {
    #[serde(rename = "type")]
    kind: LinkKind,
    outward_issue: Option<CreatedIssue>,
}

#[derive(Deserialize)]
struct LinkKind {
    name: String,
}

impl SiteClient<'_> {
    /// What of an issue a defect about it takes over.
    pub async fn covered_fields(&self, issue: i64) -> Result<CoveredFields, JiraError> {
        let address = format!("/rest/api/3/issue/{issue}");
        let query = [
            ("fields", "components,assignee"),
            ("updateHistory", "false"),
        ];
        let read: CoveredBody = self.ask(Call::get("issue", address, &query)).await?;
        Ok(read.fields)
    }

    /// The issue that an issue duplicates, by the link of this type that leads away from it; the first,
    /// when there are several.
    pub async fn duplicate_of(
        &self,
        issue: i64,
        link_type: &str,
    ) -> Result<Option<i64>, JiraError> {
        let address = format!("/rest/api/3/issue/{issue}");
        let query = [("fields", "issuelinks"), ("updateHistory", "false")];
        let read: LinkedBody = self.ask(Call::get("issue", address, &query)).await?;
        let wanted = link_type.to_lowercase();
        let leads_away = |link: LinkBody| {
            let is_it = link.kind.name.to_lowercase() == wanted;
            link.outward_issue.filter(|_| is_it)
        };
        let mut found = read.fields.issuelinks.into_iter().filter_map(leads_away);
        Ok(found.next().map(|one| one.id))
    }

    /// Creates a defect, its marker in the same call.
    pub async fn create_defect(&self, draft: &DefectDraft) -> Result<CreatedIssue, JiraError> {
        let mut fields: Map<String, Value> = draft.fields.clone().into_iter().collect();
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        set("project", json!({ "key": draft.project_key }));
        set("issuetype", json!({ "id": draft.issue_type_id }));
        set(
            "summary",
            adf::cut(&one_line(&draft.summary), LINE).to_owned().into(),
        );
        if !draft.description.is_empty() {
            set("description", adf::document(&draft.description));
        }
        if !draft.labels.is_empty() {
            let labels: Vec<_> = draft.labels.iter().map(|label| one_word(label)).collect();
            set("labels", labels.into());
        }
        let body = json!({
            "fields": fields,
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
    fn text_for_single_lines_is_made_safe() {
        assert_eq!(one_line("a\r\n b\t c "), "a b c");
        assert_eq!(one_word("flaky test"), "flaky-test");
    }
}
