//! The documents beside a result file: `info` describes the execution as Jira's interface describes a
//! new issue, `testInfo` in the same way the tests that the import makes.
//!
//! What has no place here (components, assignees, custom fields) is not kept, and that is said.

use serde_json::{Map, Value};

use crate::app::import_results::ForNewTests;
use crate::problem::Problem;
use crate::web::api::xray::around::{ENVIRONMENTS_FIELD, PLAN_FIELD, REVISION_FIELD};

/// Longest line that is taken, in characters.
const LINE_CHARS: usize = 255;
/// Longest text that is taken, in characters.
const TEXT_CHARS: usize = 32_000;
/// Most labels, and most environments.
const MOST: usize = 100;
/// Members of `fields` that say nothing we would keep: what kind of issue it is, we know.
const UNDERSTOOD: [&str; 9] = [
    "project",
    "summary",
    "description",
    "issuetype",
    "fixVersions",
    "labels",
    PLAN_FIELD,
    ENVIRONMENTS_FIELD,
    REVISION_FIELD,
];

/// What `info` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Info {
    pub project: Option<String>,
    pub summary: Option<String>,
    pub fix_version: Option<String>,
    pub plan: Option<String>,
    pub revision: Option<String>,
    pub environments: Vec<String>,
    /// What the uploader should know.
    pub warnings: Vec<String>,
}

impl Info {
    /// Reads `info`.
    pub fn read(document: &[u8]) -> Result<Self, Problem> {
        let document = object("info", document)?;
        let fields = fields("info", &document)?;
        let mut info = Self {
            project: line("info", fields, "project", |value| value["key"].as_str())?,
            summary: line("info", fields, "summary", Value::as_str)?,
            plan: line("info", fields, PLAN_FIELD, first_text)?,
            revision: line("info", fields, REVISION_FIELD, Value::as_str)?,
            environments: fields
                .get(ENVIRONMENTS_FIELD)
                .map(texts)
                .unwrap_or_default(),
            ..Self::default()
        };
        let versions = fields.get("fixVersions").and_then(Value::as_array);
        info.fix_version = line("info", fields, "fixVersions", |value| {
            value.get(0)?.get("name")?.as_str()
        })?;
        if versions.is_some_and(|versions| versions.len() > 1) {
            info.warnings
                .push("an execution has one fix version; the first of `info` was taken".to_owned());
        }
        if let Some(own) = document.get("xrayFields").and_then(Value::as_object) {
            let plan = line("info", own, "testPlanKey", Value::as_str)?;
            info.plan = plan.or(info.plan);
            if let Some(environments) = own.get("environments") {
                info.environments = texts(environments);
            }
        }
        if info.environments.len() > MOST {
            return Err(refused(
                "info",
                "environments",
                &format!("more than {MOST} of them"),
            ));
        }
        info.warnings.extend(left_out("info", fields));
        Ok(info)
    }
}

/// Reads `testInfo`; with what the uploader should know.
pub(super) fn for_new_tests(document: &[u8]) -> Result<(ForNewTests, Vec<String>), Problem> {
    let document = object("testInfo", document)?;
    let fields = fields("testInfo", &document)?;
    let labels = fields.get("labels").map(texts).unwrap_or_default();
    if labels.len() > MOST
        || labels
            .iter()
            .any(|label| label.chars().count() > LINE_CHARS)
    {
        return Err(refused(
            "testInfo",
            "labels",
            "too many, or a very long one",
        ));
    }
    let description = fields.get("description").and_then(Value::as_str);
    if description.is_some_and(|text| text.chars().count() > TEXT_CHARS) {
        return Err(refused("testInfo", "description", "too long"));
    }
    let told = left_out("testInfo", fields);
    let description = description.map(str::to_owned);
    Ok((
        ForNewTests {
            labels,
            description,
        },
        told.into_iter().collect(),
    ))
}

fn object(part: &str, document: &[u8]) -> Result<Map<String, Value>, Problem> {
    serde_json::from_slice(document).map_err(|why| {
        Problem::bad_request(format!("The part `{part}` is not a JSON object."))
            .detail(format!("{why}."))
    })
}

fn fields<'a>(
    part: &str,
    document: &'a Map<String, Value>,
) -> Result<&'a Map<String, Value>, Problem> {
    let fields = document.get("fields").and_then(Value::as_object);
    fields.ok_or_else(|| Problem::bad_request(format!("The part `{part}` has no object `fields`.")))
}

/// A line of text at some place in a member, if it is there.
fn line(
    part: &str,
    fields: &Map<String, Value>,
    name: &str,
    place: impl Fn(&Value) -> Option<&str>,
) -> Result<Option<String>, Problem> {
    let text = fields.get(name).and_then(place).map(str::trim);
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.chars().count() > LINE_CHARS || text.chars().any(char::is_control) {
        let what = format!("longer than {LINE_CHARS} characters, or has control characters");
        return Err(refused(part, name, &what));
    }
    Ok(Some(text.to_owned()))
}

fn refused(part: &str, name: &str, what: &str) -> Problem {
    Problem::bad_request(format!("`{name}` in `{part}` cannot be taken: {what}."))
}

/// A text, or the first of a list of them.
fn first_text(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get(0)?.as_str())
}

/// A list of texts, of objects that hold one, or one text with semicolons; sorted, each once.
pub(super) fn texts(value: &Value) -> Vec<String> {
    let mut found: Vec<String> = match value {
        Value::Array(items) => items
            .iter()
            .filter_map(|item| item.as_str().or_else(|| item["value"].as_str()))
            .map(|text| text.trim().to_owned())
            .collect(),
        Value::String(list) => list.split(';').map(|text| text.trim().to_owned()).collect(),
        _ => Vec::new(),
    };
    found.retain(|text| !text.is_empty());
    found.sort_unstable();
    found.dedup();
    found
}

fn left_out(part: &str, fields: &Map<String, Value>) -> Option<String> {
    let is_said = |name: &&String| !UNDERSTOOD.contains(&name.as_str());
    let names: Vec<&str> = fields.keys().filter(is_said).map(String::as_str).collect();
    let names: String = names.join(", ").chars().take(300).collect();
    (!names.is_empty()).then(|| format!("not kept of `{part}`: {names}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(document: &Value) -> Result<Info, Problem> {
        Info::read(document.to_string().as_bytes())
    }

    #[test]
    fn both_families_say_the_same_in_their_own_ways() {
        let common = json!({
            "project": {"key": "SHOP"}, "summary": " Nightly ", "issuetype": {"name": "Test Execution"},
            "fixVersions": [{"name": "1.4"}],
        });
        let cloud = json!({
            "fields": common,
            "xrayFields": {"testPlanKey": "SHOP-P1", "environments": ["firefox", "chrome", "chrome"]},
        });
        let mut data_center = json!({ "fields": common });
        data_center["fields"][PLAN_FIELD] = json!(["SHOP-P1"]);
        data_center["fields"][ENVIRONMENTS_FIELD] = json!("firefox; chrome");
        let read = read(&cloud).unwrap();
        assert_eq!(
            read,
            Info {
                project: Some("SHOP".into()),
                summary: Some("Nightly".into()),
                fix_version: Some("1.4".into()),
                plan: Some("SHOP-P1".into()),
                revision: None,
                environments: vec!["chrome".into(), "firefox".into()],
                warnings: vec![],
            }
        );
        assert_eq!(super::tests::read(&data_center).unwrap(), read);
    }

    #[test]
    fn what_is_not_kept_is_said() {
        let info = read(&json!({"fields": {
            "components": [], "fixVersions": [{"name": "1"}, {"name": "2"}],
        }}))
        .unwrap();
        assert_eq!(
            info.warnings,
            [
                "an execution has one fix version; the first of `info` was taken",
                "not kept of `info`: components",
            ]
        );
    }

    #[test]
    fn what_cannot_be_taken_is_refused_by_name() {
        let said = |document: &Value| read(document).unwrap_err().title;
        assert!(said(&json!([])).contains("not a JSON object"));
        assert!(said(&json!({})).contains("no object `fields`"));
        assert!(said(&json!({"fields": {"summary": "a\nb"}})).contains("`summary`"));
        let long = json!({"fields": {"labels": ["x".repeat(256)]}});
        assert!(for_new_tests(long.to_string().as_bytes()).is_err());
    }
}
