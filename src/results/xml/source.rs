//! The text of a document: faults with their place, references and what they stand for.
//!
//! Only XML's five entities and numbered characters are ever resolved, in text and in attributes
//! alike. Numbers of characters that XML forbids become U+FFFD and are counted.

use std::borrow::Cow;
use std::cell::Cell;

use super::super::error::{Fault, ReadError};
use super::super::limits::Limits;
use super::super::text::shortened;

/// Names quoted in errors are cut to this many characters.
pub(super) const QUOTED_CHARS: usize = 60;

/// The text that is read, its limits, and what was replaced on the way.
#[derive(Debug)]
pub struct Source<'a> {
    /// The whole document.
    pub text: &'a str,
    /// What is allowed.
    pub limits: &'a Limits,
    replaced_references: Cell<usize>,
}

impl<'a> Source<'a> {
    /// A document to read within `limits`.
    #[must_use]
    pub const fn new(text: &'a str, limits: &'a Limits) -> Self {
        Self {
            text,
            limits,
            replaced_references: Cell::new(0),
        }
    }

    /// How many references to characters that XML forbids were read as U+FFFD.
    #[must_use]
    pub const fn replaced_references(&self) -> usize {
        self.replaced_references.get()
    }

    /// A fault at the byte `offset`.
    #[must_use]
    pub fn fault(&self, offset: usize, fault: Fault) -> ReadError {
        ReadError::at(self.text, offset, fault)
    }

    pub(super) fn ill_formed(&self, offset: usize, why: impl Into<String>) -> ReadError {
        self.fault(offset, Fault::NotWellFormed(why.into()))
    }

    /// Where `part`, a piece of the text, begins; `otherwise` if it is not a piece of it.
    pub(super) fn offset_of(&self, part: &str, otherwise: usize) -> usize {
        let offset = part.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        if offset <= self.text.len() {
            offset
        } else {
            otherwise
        }
    }

    /// An attribute's value with references resolved and line ends turned into spaces.
    pub(super) fn value<'v>(
        &self,
        raw: Cow<'v, str>,
        at: usize,
    ) -> Result<Cow<'v, str>, ReadError> {
        if raw
            .bytes()
            .all(|byte| byte >= b' ' && byte != b'&' && byte != b'<')
        {
            return Ok(raw);
        }
        if let Some(inside) = raw.find('<') {
            return Err(self.ill_formed(at + inside, "an attribute value holds a bare <"));
        }
        let mut value = String::with_capacity(raw.len());
        let mut rest = &*raw;
        while let Some((plain, reference)) = rest.split_once('&') {
            push_spaced(&mut value, plain);
            let here = at + raw.len() - reference.len() - 1;
            let Some((name, after)) = reference.split_once(';') else {
                return Err(self.ill_formed(here, "an & begins a reference that has no ;"));
            };
            value.push(self.resolve(name, here)?);
            rest = after;
        }
        push_spaced(&mut value, rest);
        Ok(Cow::Owned(value))
    }

    /// The character that `&name;` stands for.
    pub(super) fn resolve(&self, name: &str, at: usize) -> Result<char, ReadError> {
        match name {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "apos" => Ok('\''),
            "quot" => Ok('"'),
            _ => match name.strip_prefix('#') {
                Some(number) => self.character(number, at),
                None => Err(self.fault(at, Fault::UnknownEntity(shortened(name, QUOTED_CHARS)))),
            },
        }
    }

    fn character(&self, number: &str, at: usize) -> Result<char, ReadError> {
        let (digits, radix) = match number.strip_prefix('x') {
            Some(hex) => (hex, 16),
            None => (number, 10),
        };
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return Err(self.ill_formed(at, "a character reference is not a number"));
        }
        let character = u32::from_str_radix(digits, radix)
            .ok()
            .and_then(char::from_u32);
        let allowed = character.filter(|c| {
            matches!(c, '\t' | '\n' | '\r' | ' '..) && !matches!(c, '\u{fffe}' | '\u{ffff}')
        });
        Ok(allowed.unwrap_or_else(|| {
            self.replaced_references
                .set(self.replaced_references.get() + 1);
            char::REPLACEMENT_CHARACTER
        }))
    }
}

/// XML 1.0 section 3.3.3: white space in an attribute is a space, a line end is one.
fn push_spaced(value: &mut String, plain: &str) {
    let mut rest = plain;
    while let Some(at) = rest.find(['\t', '\n', '\r']) {
        value.push_str(rest.get(..at).unwrap_or_default());
        value.push(' ');
        let tail = rest.get(at..).unwrap_or_default();
        rest = tail
            .strip_prefix("\r\n")
            .or_else(|| tail.get(1..))
            .unwrap_or_default();
    }
    value.push_str(rest);
}
