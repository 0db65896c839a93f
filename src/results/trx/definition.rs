//! What `TestDefinitions` says of a test: what it is called, where it is from, what it is marked with.

use super::super::case::{Case, dotted, without_arguments};
use super::super::limits::Limits;
use super::super::text::{one_line, shortened};
use super::super::warnings::Warnings;
use super::super::xml::Record;

/// A test that results belong to.
#[derive(Debug, Clone, Default)]
pub struct Definition {
    /// The name of the assembly's file.
    pub storage: String,
    class: String,
    method: String,
    /// Names and values.
    properties: Vec<(String, String)>,
}

impl Definition {
    /// Reads a definition.
    pub fn of(record: &Record, limits: &Limits) -> Self {
        let method = record.child("TestMethod");
        let class = method.and_then(|method| method.attribute("className"));
        // Older writers put the assembly behind the class: `Shop.CartTest, Shop.Tests, Version=…`.
        let class = class.map_or("", |class| class.split(',').next().unwrap_or(class).trim());
        let its = method
            .and_then(|method| method.attribute("name"))
            .unwrap_or_default();
        let short = its
            .strip_prefix(class)
            .and_then(|rest| rest.strip_prefix('.'));
        let storage = record.attribute("storage").unwrap_or_default();
        let storage = storage.rsplit(['/', '\\']).next().unwrap_or(storage);
        Self {
            storage: one_line(storage),
            class: one_line(class),
            method: one_line(short.filter(|_| !class.is_empty()).unwrap_or(its)),
            properties: properties(record, limits),
        }
    }

    /// How many bytes each of its results gets a copy of.
    pub fn bytes(&self) -> usize {
        let marks = self
            .properties
            .iter()
            .map(|(name, value)| name.len() + value.len());
        self.storage.len() + self.class.len() + self.method.len() + marks.sum::<usize>()
    }

    /// Gives a result its class, name and marks. `shown` is the name in the result, which has the
    /// row's data; rows of the same test are one run.
    pub fn give(
        &self,
        case: &mut Case,
        shown: &str,
        is_row: bool,
        limits: &Limits,
        warnings: &mut Warnings<'_>,
    ) {
        let (class, method) = if self.method.is_empty() {
            dotted(shown).unwrap_or(("", shown))
        } else {
            (self.class.as_str(), self.method.as_str())
        };
        let short = match shown.strip_prefix(class) {
            Some(rest) if !class.is_empty() => rest.trim_start_matches('.'),
            _ => shown,
        };
        let base = without_arguments(method).filter(|base| !base.contains(char::is_whitespace));
        let shown_base = without_arguments(short).unwrap_or(short);
        class.clone_into(&mut case.class);
        base.unwrap_or(method).clone_into(&mut case.name);
        if is_row || base.is_some() || (shown_base != short && short != method) {
            case.row = Some(short.to_owned());
        }
        if !is_row && !shown_base.is_empty() && shown_base != case.name && short != method {
            case.title = Some(shown_base.to_owned());
        }
        for (name, value) in &self.properties {
            case.property(name, value, limits, warnings);
        }
    }
}

/// Description, categories and properties.
fn properties(record: &Record, limits: &Limits) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut add = |name: &str, value: &str| {
        if found.len() < limits.annotations {
            found.push((name.to_owned(), shortened(value, limits.line_chars)));
        }
    };
    if let Some(text) = record.text_of("Description") {
        add("description", text);
    }
    for name in ["TestCategory", "Category"] {
        for list in record.children(name) {
            for item in list.children("TestCategoryItem") {
                if let Some(category) = item.attribute("TestCategory") {
                    add("category", category);
                }
            }
        }
    }
    for list in record.children("Properties") {
        for property in list.children("Property") {
            if let (Some(name), Some(value)) = (property.text_of("Key"), property.text_of("Value"))
            {
                add(name, value);
            }
        }
    }
    found
}
