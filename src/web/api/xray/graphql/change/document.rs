//! The document that makes an issue in Jira, as clients send it to make a test, an execution and the
//! like: `{"fields": {"project": {"key": …}, "summary": …}}`.

use serde_json::Value;

use super::super::desk::{Answer, Desk, refused};
use crate::domain::issue::is_project_key;

/// Longest name, label or version, in characters.
const NAME: usize = 255;
/// Longest description or definition, in characters.
pub(in crate::web::api::xray) const TEXT: usize = 32_000;
/// Most labels.
const LABELS: usize = 50;

/// What such a document says, as far as it means something here.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::web::api::xray) struct Document {
    pub project: String,
    pub summary: String,
    pub description: Option<String>,
    pub labels: Vec<String>,
    pub fix_version: Option<String>,
    /// What it says that means nothing here.
    pub warnings: Vec<String>,
}

impl Document {
    /// Reads such a document.
    pub async fn read(desk: &Desk, document: &Value) -> Answer<Self> {
        let mut read = Self::default();
        let members = document.as_object().ok_or_else(shapeless)?;
        for name in members.keys().filter(|name| *name != "fields") {
            read.warnings
                .push(format!("`{name}` means nothing here and was passed over."));
        }
        let fields = members.get("fields").and_then(Value::as_object);
        for (name, value) in fields.ok_or_else(shapeless)? {
            match name.as_str() {
                "project" => read.project = project(desk, value).await?,
                "summary" => read.summary = line("summary", value)?,
                "description" => read.description = description(value, &mut read.warnings)?,
                "labels" => read.labels = labels(value)?,
                "fixVersions" => read.fix_version = version(value, &mut read.warnings)?,
                "issuetype" => {}
                _ => {
                    let why = format!("The field `{name}` is not kept here and was passed over.");
                    read.warnings.push(why);
                }
            }
        }
        if read.project.is_empty() {
            return Err(refused(
                "`fields.project` is missing: name it by `key` or `id`.",
            ));
        }
        if read.summary.is_empty() {
            return Err(refused("`fields.summary` is missing."));
        }
        Ok(read)
    }
}

fn shapeless() -> super::super::desk::Failure {
    refused("`jira` is an object with `fields`, as it makes an issue in Jira.")
}

async fn project(desk: &Desk, value: &Value) -> Answer<String> {
    let text = |name: &str| match value.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    if let Some(key) = text("key") {
        let key = key.trim().to_ascii_uppercase();
        if !is_project_key(&key) {
            return Err(refused("`fields.project.key` is no key of a project."));
        }
        desk.check(&key)?;
        return Ok(key);
    }
    match text("id") {
        Some(id) => Ok(desk.project(&id).await?.key),
        None => Err(refused(
            "`fields.project` names no project by `key` or `id`.",
        )),
    }
}

/// A text on one line.
fn line(name: &str, value: &Value) -> Answer<String> {
    let text = value.as_str().map(str::trim).unwrap_or_default();
    let is_line = !text.is_empty() && !text.contains(['\n', '\r']);
    if !is_line || text.chars().count() > NAME {
        return Err(refused(format!(
            "`{name}` is a text of one line with 1 to {NAME} characters."
        )));
    }
    Ok(text.to_owned())
}

/// A text that is not too long; nothing when it is empty.
pub(in crate::web::api::xray) fn long(name: &str, text: Option<&str>) -> Answer<Option<String>> {
    let text = text.filter(|text| !text.trim().is_empty());
    if text.is_some_and(|text| text.chars().count() > TEXT) {
        return Err(refused(format!(
            "`{name}` has more than {TEXT} characters."
        )));
    }
    Ok(text.map(str::to_owned))
}

fn description(value: &Value, warnings: &mut Vec<String>) -> Answer<Option<String>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => long("description", Some(text)),
        _ => {
            warnings.push("A description that is no plain text was passed over.".to_owned());
            Ok(None)
        }
    }
}

fn labels(value: &Value) -> Answer<Vec<String>> {
    let labels = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if labels.len() > LABELS {
        return Err(refused(format!("There are more than {LABELS} labels.")));
    }
    let read = labels.iter().map(|label| line("labels", label));
    let mut read: Vec<String> = read.collect::<Answer<_>>()?;
    read.sort_unstable();
    read.dedup();
    Ok(read)
}

fn version(value: &Value, warnings: &mut Vec<String>) -> Answer<Option<String>> {
    let versions = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if versions.len() > 1 {
        warnings.push("Only the first of `fixVersions` counts here.".to_owned());
    }
    let name = versions.first().and_then(|version| version.get("name"));
    name.map(|name| line("fixVersions", name)).transpose()
}

/// The names of environments: sorted, each once.
pub(in crate::web::api::xray) fn environments(given: &[String]) -> Answer<Vec<String>> {
    /// Most environments of an execution.
    const MOST: usize = 20;
    let read = given
        .iter()
        .map(|name| line("testEnvironments", &Value::from(name.as_str())));
    let mut read: Vec<String> = read.collect::<Answer<_>>()?;
    read.sort_unstable();
    read.dedup();
    if read.len() > MOST {
        return Err(refused(format!(
            "An execution has at most {MOST} environments."
        )));
    }
    Ok(read)
}
