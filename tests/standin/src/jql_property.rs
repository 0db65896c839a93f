//! JQL over properties of issues: by key and path, and by the aliases that apps gave them.
//!
//! An alias exists while the app that declares it is installed: a Connect app in its descriptor
//! (`jiraEntityProperties`), a Forge app in its manifest (`jira:entityProperty`).

use std::cmp::Ordering;

use serde_json::Value;

use crate::jql::{Clause, Operand, Operator};
use crate::jql_match::{Test, moment, unsupported};
use crate::model::{Issue, State};
use crate::refusal::Refusal;

/// A name that JQL knows a value of a property by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) name: String,
    pub(crate) key: String,
    /// The way to the value, its parts parted by dots.
    pub(crate) path: String,
    /// `string`, `number`, `date` and so on.
    pub(crate) kind: String,
}

impl State {
    /// What an installed app named so.
    pub(crate) fn search_alias(&self, name: &str) -> Option<Alias> {
        let app = self.app.as_ref();
        let connect = app.filter(|app| app.installed && app.enabled && !app.taken_over);
        let declared = connect.map(|app| of_descriptor(&app.descriptor));
        let forge = self
            .installation(None)
            .map(|_| self.forge.manifest.aliases.clone());
        let mut all = declared.into_iter().chain(forge).flatten();
        all.find(|alias| alias.name.eq_ignore_ascii_case(name))
    }
}

/// The aliases of issue properties that a descriptor declares.
fn of_descriptor(descriptor: &Value) -> Vec<Alias> {
    let list = |value: &Value, name: &str| -> Vec<Value> {
        let found = value.get(name).and_then(Value::as_array);
        found.cloned().unwrap_or_default()
    };
    let modules = descriptor.get("modules").cloned().unwrap_or_default();
    let mut aliases = Vec::new();
    for module in list(&modules, "jiraEntityProperties") {
        for keyed in list(&module, "keyConfigurations") {
            for extraction in list(&keyed, "extractions") {
                let text = |of: &Value, name: &str| {
                    of.get(name)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                aliases.push(Alias {
                    name: text(&extraction, "alias"),
                    key: text(&keyed, "propertyKey"),
                    path: text(&extraction, "objectName"),
                    kind: text(&extraction, "type").to_lowercase(),
                });
            }
        }
    }
    aliases
}

/// `issue.property[key].path = value`.
pub(crate) fn named(state: &State, clause: &Clause) -> Result<Test, Refusal> {
    let inner = clause
        .field
        .get("issue.property".len()..)
        .unwrap_or_default();
    let (key, path) = inner
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .ok_or_else(|| Refusal::bad("Error in the JQL Query: Invalid property reference."))?;
    let alias = Alias {
        name: String::new(),
        key: key.trim_matches(['"', '\'']).to_owned(),
        path: path.to_owned(),
        kind: "string".to_owned(),
    };
    compared(state, clause, alias)
}

/// Compares the value that an alias stands for.
pub(crate) fn compared(state: &State, clause: &Clause, alias: Alias) -> Result<Test, Refusal> {
    let is_in_order: fn(Ordering) -> bool = match clause.operator {
        Operator::Equal | Operator::In | Operator::Is | Operator::Contains => {
            let hit = same(clause, alias);
            return Ok(Box::new(move |_, issue| hit(issue)));
        }
        Operator::NotEqual | Operator::NotIn | Operator::IsNot | Operator::ContainsNot => {
            let hit = same(clause, alias);
            return Ok(Box::new(move |_, issue| !hit(issue)));
        }
        Operator::Less => Ordering::is_lt,
        Operator::LessOrEqual => Ordering::is_le,
        Operator::Greater => Ordering::is_gt,
        Operator::GreaterOrEqual => Ordering::is_ge,
    };
    let limit = match (alias.kind.as_str(), clause.values.first()) {
        ("number", Some(Operand::Text(text))) => text.parse().ok(),
        ("date", Some(operand)) => moment(state.now(), operand),
        _ => None,
    };
    let limit: i64 = limit.ok_or_else(|| unsupported(clause))?;
    Ok(Box::new(move |_, issue| {
        let mut found = values(&alias, issue).into_iter();
        found.any(|value| comparable(&value).is_some_and(|it| is_in_order(it.cmp(&limit))))
    }))
}

fn same(clause: &Clause, alias: Alias) -> impl Fn(&Issue) -> bool + use<> {
    let wanted = clause.values.clone();
    move |issue| {
        let found: Vec<String> = values(&alias, issue).iter().map(plain).collect();
        wanted.iter().any(|value| match value {
            Operand::Text(text) => found.iter().any(|it| it.eq_ignore_ascii_case(text)),
            Operand::Empty => found.is_empty(),
            Operand::Call(..) => false,
        })
    }
}

/// What an issue has there; the elements of a list each.
fn values(alias: &Alias, issue: &Issue) -> Vec<Value> {
    let parts = alias.path.split('.').filter(|part| !part.is_empty());
    let root = issue.properties.get(&alias.key);
    match parts.fold(root, |value, part| value.and_then(|it| it.get(part))) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(value) => vec![value.clone()],
    }
}

/// A number, or a date as milliseconds.
fn comparable(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let moment: jiff::Timestamp = value.as_str()?.parse().ok()?;
        Some(moment.as_millisecond())
    })
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
