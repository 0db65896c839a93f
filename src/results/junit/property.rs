//! Properties of suites and cases, and the test-management names among them
//! (`reference/test-management.md` section 10.5).

use super::super::annotations::take_requirements;
use super::super::error::ReadError;
use super::super::evidence;
use super::super::limits::Limits;
use super::super::model::{Evidence, Requirement};
use super::super::text::{Capped, shortened};
use super::super::warnings::Warnings;
use super::super::xml::Element;

/// A `property` element; its value is an attribute or its text.
#[derive(Debug)]
pub struct Property {
    /// The byte at which it begins.
    pub at: usize,
    /// Its name.
    pub name: String,
    /// The `item` that is being read.
    pub item: Option<Item>,
    value: Option<String>,
    text: Capped,
}

impl Property {
    /// Begins a property.
    pub fn open(element: &Element<'_>) -> Result<Self, ReadError> {
        let (mut name, mut value) = (String::new(), None);
        element.each_attribute(|attribute| match attribute.name {
            "name" => attribute.value.trim().clone_into(&mut name),
            "value" => value = Some(attribute.value.into_owned()),
            _ => {}
        })?;
        Ok(Self {
            at: element.at,
            name,
            item: None,
            value,
            text: Capped::default(),
        })
    }

    /// Adds text, to the open item if there is one.
    pub fn push(&mut self, text: &str, limits: &Limits) {
        match &mut self.item {
            // Four characters of base64 are three bytes; twice the room allows for line ends.
            Some(item) => item.text.push(text, 2 * limits.evidence_bytes),
            None => self.text.push(text, limits.details_bytes),
        }
    }

    /// The value: the attribute, else the text.
    pub fn text(&self) -> &str {
        self.value
            .as_deref()
            .unwrap_or_else(|| self.text.as_str())
            .trim()
    }

    /// The value as text of some length; none if blank.
    pub fn long_text(self, limits: &Limits) -> Option<String> {
        let mut text = self.text;
        if let Some(value) = self.value {
            text = Capped::default();
            text.push(&value, limits.details_bytes);
        }
        text.finish()
    }

    /// Hands the issue keys that the value lists to `found`, which says whether it had room.
    pub fn requirements(
        &self,
        warnings: &mut Warnings<'_>,
        found: impl FnMut(Requirement) -> bool,
    ) {
        take_requirements(self.text(), self.at, warnings, found);
    }
}

/// An `item` element: a name and a content.
#[derive(Debug)]
pub struct Item {
    name: String,
    text: Capped,
}

impl Item {
    /// Begins an item.
    pub fn open(element: &Element<'_>) -> Result<Self, ReadError> {
        let mut name = String::new();
        element.each_attribute(|attribute| {
            if attribute.name == "name" {
                name = shortened(&attribute.value, 255);
            }
        })?;
        Ok(Self {
            name,
            text: Capped::default(),
        })
    }

    /// The content as a file of at most `room` bytes, or why it was dropped.
    pub fn evidence(self, room: usize) -> Result<Evidence, String> {
        let name = if self.name.is_empty() {
            "evidence".to_owned()
        } else {
            self.name
        };
        if self.text.is_cut() {
            return Err(evidence::too_large(&name));
        }
        evidence::decoded(&name, self.text.as_str(), room)
    }

    /// The content as a custom field.
    pub fn custom_field(self) -> (String, String) {
        (self.name, self.text.finish().unwrap_or_default())
    }
}
