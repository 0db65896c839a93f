//! Properties of suites and cases, and the test-management names among them
//! (`reference/test-management.md` section 10.5).

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::super::error::ReadError;
use super::super::keys;
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

/// Reads a list of required issue keys that stands at `at`; `found` says whether it had room.
pub fn take_requirements(
    list: &str,
    at: usize,
    warnings: &mut Warnings<'_>,
    mut found: impl FnMut(Requirement) -> bool,
) {
    let mut has_room = true;
    let refuse = |word: &str| {
        warnings.at(at, || {
            let word = shortened(word, 60);
            format!("the requirement {word:?} is not an issue key and was passed over")
        });
    };
    keys::stated(list, |requirement| has_room &= found(requirement), refuse);
    if !has_room {
        warnings.at(at, || {
            "too many requirements; the last ones were passed over".into()
        });
    }
}

/// The labels in a list; with a comma or semicolon in it, spaces belong to the labels.
pub fn labels_of(list: &str, limits: &Limits) -> Vec<String> {
    let by_comma = list.contains([',', ';']);
    list.split(|c: char| {
        if by_comma {
            matches!(c, ',' | ';')
        } else {
            c.is_whitespace()
        }
    })
    .map(str::trim)
    .filter(|label| !label.is_empty())
    .map(|label| shortened(label, limits.line_chars))
    .collect()
}

/// An `item` element: a name and a content.
#[derive(Debug)]
pub struct Item {
    name: String,
    text: Capped,
}

/// Base64 as people write it, with or without the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

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
        let text: String = self.text.as_str().split_ascii_whitespace().collect();
        if self.text.is_cut() || text.len() / 4 * 3 > room + 2 {
            return Err(format!(
                "the evidence {name:?} is too large and was dropped"
            ));
        }
        match BASE64.decode(text) {
            Ok(content) => Ok(Evidence {
                name,
                media_type: None,
                step: 0,
                content,
            }),
            Err(_) => Err(format!(
                "the evidence {name:?} is not base64 and was dropped"
            )),
        }
    }

    /// The content as a custom field.
    pub fn custom_field(self) -> (String, String) {
        (self.name, self.text.finish().unwrap_or_default())
    }
}
