//! One element with all that stands in it, for elements that are small: a test case, a definition.
//!
//! What is kept of a text is bounded, and so is the number of elements; depth is [`Xml`]'s matter.

use super::super::error::{Fault, ReadError};
use super::super::text::Capped;
use super::{Element, Source, Token, Xml};

/// An element that was read to its end.
#[derive(Debug, Default)]
pub struct Record {
    /// The byte at which it begins.
    pub at: usize,
    name: String,
    attributes: Vec<(String, String)>,
    text: Option<String>,
    inside: Vec<Record>,
}

impl Record {
    /// Reads the element that was just opened, up to and with its end.
    pub fn read(
        xml: &mut Xml<'_>,
        element: &Element<'_>,
        source: &Source<'_>,
    ) -> Result<Self, ReadError> {
        let limits = source.limits;
        let text_bytes = limits.details_bytes.max(limits.output_bytes);
        let root = Self::begin(element)?;
        let mut parts = 1 + root.attributes.len();
        let mut open = vec![(root, Capped::default())];
        loop {
            match xml.next()? {
                Token::Open(element) => {
                    let record = Self::begin(&element)?;
                    parts += 1 + record.attributes.len();
                    let limit = limits.properties;
                    if parts > limit {
                        let what = "elements and attributes in one test case";
                        return Err(source.fault(element.at, Fault::Limit { what, limit }));
                    }
                    open.push((record, Capped::default()));
                }
                Token::Text(more) => {
                    if let Some((_, text)) = open.last_mut() {
                        text.push(&more, text_bytes);
                    }
                }
                // `Xml` ends no element that it did not open, and says so if one stays open.
                Token::Close | Token::End => {
                    let Some((mut record, text)) = open.pop() else {
                        return Ok(Self::default());
                    };
                    record.text = text.finish();
                    match open.last_mut() {
                        Some((around, _)) => around.inside.push(record),
                        None => return Ok(record),
                    }
                }
            }
        }
    }

    fn begin(element: &Element<'_>) -> Result<Self, ReadError> {
        let mut record = Self {
            at: element.at,
            name: element.name().to_owned(),
            ..Self::default()
        };
        element.each_attribute(|attribute| {
            if attribute.value.trim().is_empty() {
                return;
            }
            (record.attributes).push((attribute.name.to_owned(), attribute.value.into_owned()));
        })?;
        Ok(record)
    }

    /// The value of an attribute, without white space around it; none if blank.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(its, _)| its == name)?;
        Some(found.1.trim())
    }

    /// The text, without blank lines around it and with a mark if it was cut.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The first element of this name directly inside.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.inside.iter().find(|record| record.name == name)
    }

    /// The elements of this name directly inside.
    pub fn children<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r Self> {
        self.inside.iter().filter(move |record| record.name == name)
    }

    /// The text of the first element of this name directly inside.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name)?.text()
    }
}
