//! Jira's screen for a new defect: what it takes, what it demands, and what can be asked of a person.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::DefectError;
use crate::domain::defect_settings::DefectSettings;
use crate::domain::plain_text;
use crate::domain::settings::Settings;
use crate::domain::work::{DefectDraft, Wishes};
use crate::jira::{Choice, CoveredFields, CreateField, IssueType, JiraError, SiteClient, adf};

/// Fields the app fills, or that Jira fills with the account that creates.
const FILLED: [&str; 6] = [
    "project",
    "issuetype",
    "summary",
    "description",
    "labels",
    "reporter",
];
/// Fields a person is always asked for where the screen has them.
const OFFERED: [&str; 4] = ["priority", "versions", "components", "assignee"];

/// The screen of one type in one project.
pub(crate) struct Screen {
    pub(super) issue_type: IssueType,
    fields: Vec<CreateField>,
}

/// A field as it is asked of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedField {
    /// Its id, `customfield_10010`.
    pub id: String,
    /// Its name, in the site's language.
    pub name: String,
    /// Whether the issue cannot be created without it.
    pub is_required: bool,
    /// What it takes.
    pub input: Input,
    /// What is filled in already: texts, or ids of what is chosen.
    pub given: Vec<String>,
}

/// What a field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// One line.
    Line,
    /// Text of any length.
    Text,
    /// A number.
    Number,
    /// A day.
    Day,
    /// Words without blanks, any number of them.
    Words,
    /// One of these: id and name.
    One(Vec<(String, String)>),
    /// Any number of these: id and name.
    Several(Vec<(String, String)>),
}

impl AskedField {
    /// What is filled in, as one text.
    #[must_use]
    pub fn given(&self) -> String {
        self.given.join(" ")
    }
}

impl Screen {
    /// Asks Jira for the first configured defect type that the project has, and its screen.
    pub(crate) async fn of(
        client: &SiteClient<'_>,
        project_key: &str,
        settings: &Settings,
    ) -> Result<Self, DefectError> {
        let offered = client.issue_types(project_key).await?;
        let named = |name: &str| {
            let name = name.to_lowercase();
            let mut offered = offered.iter().filter(|one| !one.is_subtask);
            offered.find(|one| one.name.to_lowercase() == name).cloned()
        };
        let found = settings.defects.iter().find_map(named);
        let issue_type = found.ok_or_else(|| DefectError::NoDefectType {
            project: project_key.to_owned(),
            wanted: settings.defects.iter().collect::<Vec<_>>().join(" or "),
        })?;
        let fields = client.create_fields(project_key, &issue_type.id).await?;
        Ok(Self { issue_type, fields })
    }

    pub(super) fn field(&self, id: &str) -> Option<&CreateField> {
        self.fields.iter().find(|field| field.field_id == id)
    }

    /// What component and assignee come from, when the screen has either and settings name neither.
    pub(crate) async fn covered(
        &self,
        client: &SiteClient<'_>,
        settings: &DefectSettings,
        wishes: &Wishes,
    ) -> Result<CoveredFields, JiraError> {
        let parts = self.field("components").is_some() && settings.components.is_empty();
        let person = self.field("assignee").is_some() && settings.assignee.is_none();
        match wishes.covered_jira_id.filter(|_| parts || person) {
            Some(issue) => client.covered_fields(issue).await,
            None => Ok(CoveredFields::default()),
        }
    }

    /// The fields of the template, as far as the screen takes them.
    pub(crate) fn suggested(
        &self,
        settings: &DefectSettings,
        wishes: &Wishes,
        covered: &CoveredFields,
    ) -> BTreeMap<String, Value> {
        let mut found = BTreeMap::new();
        for field in &self.fields {
            let id = field.field_id.as_str();
            let choices = &field.allowed_values;
            let value = match id {
                "priority" => wishes.priority.as_ref().and_then(|wanted| {
                    let is_it = |one: &&Choice| one.id == wanted.id || one.name == wanted.name;
                    let one = choices.iter().find(is_it)?;
                    Some(json!({ "id": one.id }))
                }),
                "versions" => wishes
                    .version
                    .as_ref()
                    .and_then(|name| by_names(choices, [name.as_str()])),
                "components" if settings.components.is_empty() => {
                    let parts = covered.components.iter().flatten();
                    by_names(choices, parts.map(|part| part.name.as_str()))
                }
                "components" => by_names(choices, settings.components.iter().map(String::as_str)),
                "assignee" => {
                    let theirs = covered.assignee.as_ref().map(|one| &one.account_id);
                    let account = settings.assignee.as_ref().or(theirs);
                    account.map(|account| json!({ "accountId": account }))
                }
                _ => settings.fields.get(id).and_then(|text| {
                    let typed = typed(field, text);
                    value_of(field, &typed).ok().flatten()
                }),
            };
            found.extend(value.map(|value| (id.to_owned(), value)));
        }
        found
    }

    /// The fields a person is asked for; what is demanded and cannot be asked is in
    /// [`Self::missing`].
    pub(super) fn asked(
        &self,
        given: &BTreeMap<String, Value>,
        covered: &CoveredFields,
        settings: &DefectSettings,
    ) -> Vec<AskedField> {
        let wanted = |field: &&CreateField| {
            let id = field.field_id.as_str();
            is_demanded(field) || OFFERED.contains(&id) || given.contains_key(id)
        };
        let asked = |field: &CreateField| {
            let given = given.get(&field.field_id);
            let input = match field.field_id.as_str() {
                "assignee" => Input::One(people(given, covered)),
                _ => input(field)?,
            };
            Some(AskedField {
                id: field.field_id.clone(),
                name: field.name.clone(),
                is_required: is_demanded(field),
                given: match &input {
                    // A document does not go back into text; what it was made of does.
                    Input::Text => settings
                        .fields
                        .get(&field.field_id)
                        .cloned()
                        .into_iter()
                        .collect(),
                    _ => given.map(shown).unwrap_or_default(),
                },
                input,
            })
        };
        let mut all: Vec<_> = self
            .fields
            .iter()
            .filter(wanted)
            .filter_map(asked)
            .collect();
        all.retain(
            |one| !matches!(&one.input, Input::One(all) | Input::Several(all) if all.is_empty()),
        );
        all.sort_by_key(|one| !one.is_required);
        all
    }

    /// What a person chose of the fields they were asked for. A field that is not among the answers
    /// keeps what is suggested; one that is there and empty is left out.
    pub(super) fn answered(
        &self,
        suggested: &BTreeMap<String, Value>,
        answers: &BTreeMap<String, Vec<String>>,
    ) -> Result<BTreeMap<String, Value>, DefectError> {
        let mut fields = suggested.clone();
        for (id, texts) in answers {
            let Some(field) = self.field(id) else {
                continue;
            };
            if FILLED.contains(&id.as_str()) {
                continue;
            }
            let value = value_of(field, texts).map_err(|why| DefectError::BadField {
                field: field.name.clone(),
                why,
            })?;
            match value {
                Some(value) => fields.insert(id.clone(), value),
                None => fields.remove(id),
            };
        }
        Ok(fields)
    }

    /// Names of the fields Jira demands that are not among `given`; of all of them, or of those no
    /// person can be asked for.
    pub(super) fn missing(&self, given: &BTreeMap<String, Value>, askable: bool) -> Vec<String> {
        self.fields
            .iter()
            .filter(|field| is_demanded(field) && !given.contains_key(&field.field_id))
            .filter(|field| !askable || input(field).is_none())
            .map(|field| field.name.clone())
            .collect()
    }
}

/// Completes the draft of a rule with what Jira has to be asked for: its type, and what the screen
/// takes and demands. What is demanded and not there is an error before anything is sent.
pub(crate) async fn completed(
    client: &SiteClient<'_>,
    settings: &Settings,
    draft: &DefectDraft,
) -> Result<DefectDraft, DefectError> {
    let screen = Screen::of(client, &draft.project_key, settings).await?;
    let covered = screen
        .covered(client, &settings.defect, &draft.wishes)
        .await?;
    let fields = screen.suggested(&settings.defect, &draft.wishes, &covered);
    let missing = screen.missing(&fields, false);
    if !missing.is_empty() {
        return Err(DefectError::MissingFields {
            project: draft.project_key.clone(),
            issue_type: screen.issue_type.name,
            fields: missing,
        });
    }
    let keep = |id: &str| screen.field(id).is_some();
    Ok(DefectDraft {
        issue_type_id: screen.issue_type.id.clone(),
        description: if keep("description") {
            draft.description.clone()
        } else {
            Vec::new()
        },
        labels: if keep("labels") {
            draft.labels.clone()
        } else {
            Vec::new()
        },
        fields,
        ..draft.clone()
    })
}

fn is_demanded(field: &CreateField) -> bool {
    field.is_required && !field.has_default_value && !FILLED.contains(&field.field_id.as_str())
}

fn by_names<'a>(choices: &[Choice], names: impl IntoIterator<Item = &'a str>) -> Option<Value> {
    let named = |name: &str| choices.iter().find(|one| one.name == name);
    let ids: Vec<Value> = names
        .into_iter()
        .filter_map(named)
        .map(|one| json!({ "id": one.id }))
        .collect();
    (!ids.is_empty()).then(|| ids.into())
}

/// The people an assignee is chosen from: the one suggested, and the covered issue's.
fn people(given: Option<&Value>, covered: &CoveredFields) -> Vec<(String, String)> {
    let theirs = covered
        .assignee
        .as_ref()
        .map(|one| (one.account_id.clone(), one.display_name.clone()));
    let suggested = given.map(shown).unwrap_or_default();
    let others = suggested
        .into_iter()
        .filter(|id| theirs.as_ref().is_none_or(|(known, _)| known != id))
        .map(|id| (id.clone(), id));
    others.chain(theirs.clone()).collect()
}

/// What a field takes, when a person can be asked for it here.
fn input(field: &CreateField) -> Option<Input> {
    let pairs = || {
        let choices = field.allowed_values.iter();
        let pairs: Vec<_> = choices
            .map(|one| (one.id.clone(), one.name.clone()))
            .collect();
        (!pairs.is_empty()).then_some(pairs)
    };
    let schema = &field.schema;
    match (schema.kind.as_str(), schema.items.as_deref()) {
        ("string", _) => Some(if is_document(field) {
            Input::Text
        } else {
            Input::Line
        }),
        ("number", _) => Some(Input::Number),
        ("date", _) => Some(Input::Day),
        ("array", Some("string")) if field.allowed_values.is_empty() => Some(Input::Words),
        ("array", Some("option" | "version" | "component")) => pairs().map(Input::Several),
        ("option" | "priority" | "version" | "component" | "resolution", _) => {
            pairs().map(Input::One)
        }
        _ => None,
    }
}

/// Whether Jira takes a document for it instead of a text.
fn is_document(field: &CreateField) -> bool {
    let custom = field.schema.custom.as_deref().unwrap_or_default();
    field.field_id == "environment" || custom.ends_with(":textarea")
}

/// The setting of a field as a person would have given it in the dialog: names become ids.
fn typed(field: &CreateField, text: &str) -> Vec<String> {
    let id_of = |name: &str| {
        let is_it =
            |one: &&Choice| one.id == name || one.name.to_lowercase() == name.to_lowercase();
        let found = field.allowed_values.iter().find(is_it);
        found.map_or_else(|| name.to_owned(), |one| one.id.clone())
    };
    match input(field) {
        Some(Input::One(_)) => vec![id_of(text.trim())],
        Some(Input::Several(_)) => text.split(',').map(|one| id_of(one.trim())).collect(),
        _ => vec![text.to_owned()],
    }
}

/// What a person gave as Jira takes it; `None` when they gave nothing. The error says what is wrong.
fn value_of(field: &CreateField, texts: &[String]) -> Result<Option<Value>, &'static str> {
    let first = texts.first().map(|text| text.trim()).unwrap_or_default();
    if texts.iter().all(|text| text.trim().is_empty()) {
        return Ok(None);
    }
    let ids = |choices: &[(String, String)]| {
        let known = |id: &&String| choices.iter().any(|(known, _)| known == *id);
        let given: Vec<_> = texts.iter().filter(|text| !text.is_empty()).collect();
        if !given.iter().all(known) {
            return Err("choose one of what Jira offers");
        }
        Ok(given
            .into_iter()
            .map(|id| json!({ "id": id }))
            .collect::<Vec<_>>())
    };
    if field.field_id == "assignee" {
        return Ok(Some(json!({ "accountId": first })));
    }
    Ok(Some(match input(field) {
        Some(Input::Line) => first.into(),
        Some(Input::Text) => adf::document(&plain_text::read(&texts.join("\n"))),
        Some(Input::Number) => {
            let number: f64 = first.parse().map_err(|_nan| "give a number")?;
            serde_json::Number::from_f64(number)
                .map(Value::Number)
                .ok_or("give a number")?
        }
        Some(Input::Day) => {
            jiff::civil::Date::strptime("%Y-%m-%d", first)
                .map_err(|_no_day| "give a day like 2026-11-24")?;
            first.into()
        }
        Some(Input::Words) => first.split_whitespace().collect::<Vec<_>>().into(),
        Some(Input::One(choices)) => match ids(&choices)?.into_iter().next() {
            Some(one) => one,
            None => return Ok(None),
        },
        Some(Input::Several(choices)) => ids(&choices)?.into(),
        None => return Err("this kind of field cannot be filled in here"),
    }))
}

/// What is filled in, as the dialog shows it.
fn shown(value: &Value) -> Vec<String> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(entry) => entry
            .get("id")
            .or_else(|| entry.get("accountId"))
            .and_then(Value::as_str)
            .map(str::to_owned),
        _ => None,
    };
    match value {
        Value::Array(all) if all.iter().all(Value::is_string) => {
            let words: Vec<_> = all.iter().filter_map(Value::as_str).collect();
            vec![words.join(" ")]
        }
        Value::Array(all) => all.iter().filter_map(one).collect(),
        value => one(value).into_iter().collect(),
    }
}
