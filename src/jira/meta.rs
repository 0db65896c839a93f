//! What a site is made of: the app's account, projects, issue types, fields of the create screen.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::client::{Call, SiteClient, encoded, id};
use super::error::JiraError;
use crate::domain::issue::StatusCategory;

/// Entries asked for in one page of create metadata.
const PAGE: &str = "200";
/// Pages read at most.
const PAGES: usize = 20;

/// The account the app acts as.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Myself {
    /// Its id on the site.
    pub account_id: String,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Project {
    /// Jira's id.
    #[serde(deserialize_with = "id")]
    pub id: i64,
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
}

/// A type of issue that can be created in a project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IssueType {
    /// Jira's id.
    pub id: String,
    /// Its name, in the site's language.
    pub name: String,
    /// Whether it is a sub-task's type.
    #[serde(default, rename = "subtask")]
    pub is_subtask: bool,
}

/// A field of the create screen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateField {
    /// Its id (`customfield_10010`, `summary`).
    pub field_id: String,
    /// Its name, in the site's language.
    pub name: String,
    /// Whether an issue cannot be created without it.
    #[serde(rename = "required")]
    pub is_required: bool,
    /// Whether Jira fills it in when it is not sent.
    #[serde(default)]
    pub has_default_value: bool,
    /// What kind of value it takes.
    #[serde(default)]
    pub schema: FieldSchema,
    /// What can be chosen, where Jira says it.
    #[serde(default, deserialize_with = "choices")]
    pub allowed_values: Vec<Choice>,
}

/// The kind of a field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct FieldSchema {
    /// `string`, `number`, `array`, `option`, …
    #[serde(default, rename = "type")]
    pub kind: String,
    /// What an array holds.
    pub items: Option<String>,
    /// The full name of a custom field's kind.
    pub custom: Option<String>,
}

/// A value that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Jira's id.
    pub id: String,
    /// What people read.
    pub name: String,
}

/// The values that can be chosen; entries without an id are passed over.
fn choices<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Choice>, D::Error> {
    #[derive(Deserialize)]
    struct Entry {
        id: Option<Value>,
        name: Option<String>,
        value: Option<String>,
    }
    let entries: Option<Vec<Value>> = Option::deserialize(from)?;
    let read = |entry: Value| {
        let entry: Entry = serde_json::from_value(entry).ok()?;
        let id = match entry.id? {
            Value::String(id) => id,
            Value::Number(id) => id.to_string(),
            _ => return None,
        };
        let name = entry.name.or(entry.value).unwrap_or_else(|| id.clone());
        Some(Choice { id, name })
    };
    Ok(entries.into_iter().flatten().filter_map(read).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    id: String,
    #[serde(default)]
    status_category: Option<Category>,
}

#[derive(Deserialize)]
struct Category {
    key: String,
}

/// A page of create metadata; the list has another name in each call.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(alias = "issueTypes", alias = "fields", alias = "values")]
    entries: Vec<T>,
    total: Option<usize>,
}

impl SiteClient<'_> {
    /// Who Jira takes the app for.
    pub async fn myself(&self) -> Result<Myself, JiraError> {
        self.ask(Call::get("myself", "/rest/api/3/myself".into(), &[]))
            .await
    }

    /// A project by its key, which is case-sensitive here, or its id.
    pub async fn project(&self, key_or_id: &str) -> Result<Project, JiraError> {
        let address = format!("/rest/api/3/project/{}", encoded(key_or_id));
        self.ask(Call::get("project", address, &[])).await
    }

    /// The category of every status the app may see, by the status's id.
    pub async fn status_categories(&self) -> Result<HashMap<String, StatusCategory>, JiraError> {
        let all: Vec<Status> = self
            .ask(Call::get("status", "/rest/api/3/status".into(), &[]))
            .await?;
        let known = all.into_iter().filter_map(|status| {
            let category = StatusCategory::from_key(&status.status_category?.key);
            Some((status.id, category))
        });
        Ok(known.collect())
    }

    /// The types of issue the app may create in a project.
    pub async fn issue_types(&self, project: &str) -> Result<Vec<IssueType>, JiraError> {
        let address = format!(
            "/rest/api/3/issue/createmeta/{}/issuetypes",
            encoded(project)
        );
        self.pages("createmeta/issuetypes", &address).await
    }

    /// The fields of the create screen of a type of issue.
    pub async fn create_fields(
        &self,
        project: &str,
        issue_type_id: &str,
    ) -> Result<Vec<CreateField>, JiraError> {
        let (project, kind) = (encoded(project), encoded(issue_type_id));
        let address = format!("/rest/api/3/issue/createmeta/{project}/issuetypes/{kind}");
        self.pages("createmeta/fields", &address).await
    }

    /// Every entry of a paged list. Jira may send fewer than were asked for: the next page begins
    /// after what came, and an empty one is the end.
    async fn pages<T: serde::de::DeserializeOwned>(
        &self,
        endpoint: &'static str,
        address: &str,
    ) -> Result<Vec<T>, JiraError> {
        let mut all = Vec::new();
        for _ in 0..PAGES {
            let start = all.len().to_string();
            let query = [("startAt", start.as_str()), ("maxResults", PAGE)];
            let page: Page<T> = self
                .ask(Call::get(endpoint, address.to_owned(), &query))
                .await?;
            let is_empty = page.entries.is_empty();
            all.extend(page.entries);
            if is_empty || page.total.is_none_or(|total| all.len() >= total) {
                break;
            }
        }
        Ok(all)
    }
}
