//! XML as three kinds of token, strict where quick-xml is lenient, with a limit on everything.
//!
//! quick-xml finds the tokens; this module adds what makes a document well-formed (one root, no
//! text around it, closed elements, no `<` in attributes) and what makes it harmless (no document
//! type, no entities but XML's five, bounded depth and attributes). It is a pull reader without
//! recursion. Namespaces are not resolved: a prefix is dropped.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::attributes::AttrError;
use quick_xml::events::{BytesRef, BytesStart, Event};

mod record;
mod source;

pub use record::Record;
pub use source::Source;

use super::error::{Fault, ReadError};
use super::text::shortened;
use source::QUOTED_CHARS;

/// One step through a document.
#[derive(Debug)]
pub enum Token<'a> {
    /// An element begins; an empty one is followed by [`Token::Close`] too.
    Open(Element<'a>),
    /// The innermost open element ends.
    Close,
    /// Text inside the innermost open element, possibly not all of it.
    Text(Cow<'a, str>),
    /// The document is over and was well-formed.
    End,
}

/// The beginning of an element.
#[derive(Debug)]
pub struct Element<'a> {
    tag: BytesStart<'a>,
    source: &'a Source<'a>,
    /// The byte at which it begins.
    pub at: usize,
}

/// One attribute of an element.
#[derive(Debug)]
pub struct Attribute<'e> {
    /// Its name, with the prefix if it has one.
    pub name: &'e str,
    /// Its value, references resolved.
    pub value: Cow<'e, str>,
}

impl Element<'_> {
    /// The name without a prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        self.tag.local_name().into_inner()
    }

    /// Hands every attribute to `take`, in order; everything about them is checked.
    pub fn each_attribute(&self, mut take: impl FnMut(Attribute<'_>)) -> Result<(), ReadError> {
        let source = self.source;
        let mut previous_end = 0;
        for (count, attribute) in self.tag.attributes().enumerate() {
            let attribute = attribute.map_err(|why| self.bad_attribute(&why))?;
            let name = attribute.key.into_inner();
            let name_at = source.offset_of(name, self.at);
            if count >= source.limits.attributes {
                let limit = source.limits.attributes;
                let what = "attributes of one element";
                return Err(source.fault(name_at, Fault::Limit { what, limit }));
            }
            if name_at == previous_end {
                return Err(source.ill_formed(name_at, "no space between two attributes"));
            }
            if !is_name(name) {
                return Err(source.ill_formed(name_at, "this is not an attribute name"));
            }
            let value_at = source.offset_of(&attribute.value, self.at);
            previous_end = value_at + attribute.value.len() + 1;
            if attribute.value.len() > source.limits.attribute_bytes {
                let limit = source.limits.attribute_bytes;
                let what = "bytes in one attribute";
                return Err(source.fault(name_at, Fault::Limit { what, limit }));
            }
            take(Attribute {
                name,
                value: source.value(attribute.value, value_at)?,
            });
        }
        Ok(())
    }

    /// Checks the attributes of an element that nobody reads.
    pub fn check(&self) -> Result<(), ReadError> {
        self.each_attribute(|_| ())
    }

    fn bad_attribute(&self, why: &AttrError) -> ReadError {
        let (inside, why) = match why {
            AttrError::ExpectedEq(at) => (at, "an attribute without ="),
            AttrError::ExpectedValue(at) => (at, "an attribute without a value"),
            AttrError::UnquotedValue(at) => (at, "an attribute value without quotes"),
            AttrError::ExpectedQuote(at, _) => (at, "an attribute value without a closing quote"),
            AttrError::Duplicated(at, _) => (at, "an attribute that stands there twice"),
        };
        self.source.ill_formed(self.at + 1 + inside, why)
    }
}

/// Whether `name` can be the name of an element or attribute (a little more generous than XML).
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next();
    let begins = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b':' || !b.is_ascii();
    let goes_on = |b: u8| begins(b) || b.is_ascii_digit() || b == b'-' || b == b'.';
    first.is_some_and(begins) && bytes.all(goes_on)
}

/// A pull reader over a [`Source`].
#[derive(Debug)]
pub struct Xml<'a> {
    source: &'a Source<'a>,
    reader: Reader<&'a [u8]>,
    depth: usize,
    /// An empty element was opened and has to be closed.
    owes_close: bool,
    has_root: bool,
    has_doctype: bool,
}

impl<'a> Xml<'a> {
    /// Starts at the beginning of `source`.
    #[must_use]
    pub fn new(source: &'a Source<'a>) -> Self {
        let mut reader = Reader::from_str(source.text);
        reader.config_mut().enable_all_checks(true);
        Self {
            source,
            reader,
            depth: 0,
            owes_close: false,
            has_root: false,
            has_doctype: false,
        }
    }

    /// The next token. After an error the reader must not be used again.
    pub fn next(&mut self) -> Result<Token<'a>, ReadError> {
        if self.owes_close {
            self.owes_close = false;
            self.depth -= 1;
            return Ok(Token::Close);
        }
        loop {
            let at = offset(self.reader.buffer_position());
            let event = self.reader.read_event().map_err(|why| self.not_xml(&why))?;
            match event {
                Event::Start(tag) => return self.open(tag, at, false),
                Event::Empty(tag) => return self.open(tag, at, true),
                Event::End(_) => {
                    self.depth -= 1;
                    return Ok(Token::Close);
                }
                Event::Text(text) if self.depth > 0 => return Ok(Token::Text(text.into_inner())),
                Event::Text(text) => self.only_space_outside(&text.into_inner(), at)?,
                Event::CData(text) if self.depth > 0 => {
                    return Ok(Token::Text(text.into_inner()));
                }
                Event::GeneralRef(name) if self.depth > 0 => return self.reference(&name, at),
                Event::CData(_) | Event::GeneralRef(_) => return Err(self.text_outside(at)),
                Event::DocType(declaration) => self.only_a_name(&declaration.into_inner(), at)?,
                Event::Decl(_) if at > 0 => {
                    let why = "the XML declaration is not at the beginning";
                    return Err(self.source.ill_formed(at, why));
                }
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Eof => return self.end(),
            }
        }
    }

    fn open(
        &mut self,
        tag: BytesStart<'a>,
        at: usize,
        is_empty: bool,
    ) -> Result<Token<'a>, ReadError> {
        if self.depth == 0 && self.has_root {
            return Err(self.source.ill_formed(at, "a second root element begins"));
        }
        if !is_name(tag.name().into_inner()) {
            return Err(self.source.ill_formed(at, "this is not an element's name"));
        }
        let limit = self.source.limits.depth;
        if self.depth >= limit {
            let what = "elements inside each other";
            return Err(self.source.fault(at, Fault::Limit { what, limit }));
        }
        self.has_root = true;
        self.depth += 1;
        self.owes_close = is_empty;
        Ok(Token::Open(Element {
            tag,
            source: self.source,
            at,
        }))
    }

    fn reference(&self, name: &BytesRef<'a>, at: usize) -> Result<Token<'a>, ReadError> {
        let character = self.source.resolve(name, at)?;
        Ok(Token::Text(Cow::Owned(character.to_string())))
    }

    fn only_space_outside(&self, text: &str, at: usize) -> Result<(), ReadError> {
        let blank = text.len() - text.trim_start().len();
        if blank == text.len() {
            Ok(())
        } else {
            Err(self.text_outside(at + blank))
        }
    }

    fn text_outside(&self, at: usize) -> ReadError {
        self.source.ill_formed(at, "text outside the root element")
    }

    /// A document type that only names the root is harmless; anything more is refused unread.
    fn only_a_name(&mut self, declaration: &str, at: usize) -> Result<(), ReadError> {
        if self.has_root || self.has_doctype {
            return Err(self
                .source
                .ill_formed(at, "the document type is not at the beginning"));
        }
        self.has_doctype = true;
        if is_name(declaration.trim()) {
            return Ok(());
        }
        Err(self.source.fault(at, Fault::Doctype))
    }

    fn end(&self) -> Result<Token<'a>, ReadError> {
        let end = self.source.text.len();
        if self.depth > 0 {
            let why = format!("the file ends inside {} open elements", self.depth);
            return Err(self.source.ill_formed(end, why));
        }
        if !self.has_root {
            return Err(self.source.ill_formed(end, "there is no element"));
        }
        Ok(Token::End)
    }

    fn not_xml(&self, why: &quick_xml::Error) -> ReadError {
        let why = match why {
            quick_xml::Error::Syntax(why) => why.to_string(),
            quick_xml::Error::IllFormed(why) => why.to_string(),
            other => other.to_string(),
        };
        let at = offset(self.reader.error_position());
        self.source
            .ill_formed(at, shortened(&why, 4 * QUOTED_CHARS))
    }
}

/// quick-xml counts in `u64`, which a slice's length never exceeds.
fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::limits::Limits;
    use super::*;

    /// The document written as tokens, or the refusal.
    fn tokens(text: &str) -> Result<String, String> {
        let limits = Limits {
            depth: 4,
            attributes: 3,
            attribute_bytes: 20,
            ..Limits::default()
        };
        let source = Source::new(text, &limits);
        let mut xml = Xml::new(&source);
        let mut seen = String::new();
        loop {
            match xml.next().map_err(|why| why.to_string())? {
                Token::Open(element) => {
                    write!(seen, "<{}", element.name()).unwrap();
                    element
                        .each_attribute(|a| write!(seen, " {}={:?}", a.name, a.value).unwrap())
                        .map_err(|why| why.to_string())?;
                    seen.push('>');
                }
                Token::Text(text) => seen.push_str(&text),
                Token::Close => seen.push_str("</>"),
                Token::End => {
                    if source.replaced_references() > 0 {
                        write!(seen, " {} replaced", source.replaced_references()).unwrap();
                    }
                    return Ok(seen);
                }
            }
        }
    }

    #[test]
    fn elements_text_and_references_come_out() {
        let text = "<?xml version=\"1.0\"?><!DOCTYPE r><!-- c --><r a='1 &lt;&#x41;\r\n\t.'>x&amp;y\
                    <n:e b=\"\"/><![CDATA[<&>]]><?pi?></r>\n";
        assert_eq!(
            tokens(text).unwrap(),
            r#"<r a="1 <A  .">x&y<e b=""></><&></>"#
        );
    }

    #[test]
    fn forbidden_characters_by_reference_are_replaced() {
        let seen = tokens("<r a='&#0;&#27;'>&#xD800;&#x110000;&#xFFFE;&#99999999999;</r>").unwrap();
        assert_eq!(seen.matches('\u{fffd}').count(), 6);
        assert!(seen.ends_with("6 replaced"));
    }

    #[test]
    fn what_is_not_well_formed_is_refused_where_it_is() {
        for (text, place) in [
            ("<r>", "line 1, column 4: "),
            ("<r>\n</s>", "line 2, column 1: "),
            ("<r a='<'/>", "line 1, column 7: "),
            ("<r a='1'b='2'/>", "line 1, column 9: "),
            ("<r a='1' a='2'/>", "line 1, column 10: "),
            ("<r a=1/>", "line 1, column 6: "),
            ("<r a/>", "line 1, column 5: "),
            ("<r 1='1'/>", "line 1, column 4: "),
            ("<r>&#x;</r>", "line 1, column 4: "),
            ("<r a='&amp'/>", "line 1, column 7: "),
            ("<r>a & b</r>", "line 1, column 6: "),
            ("<1/>", "line 1, column 1: "),
            ("<r/><r/>", "line 1, column 5: "),
            ("<r/> x", "line 1, column 6: "),
            ("x <r/>", "line 1, column 1: "),
            (" <?xml version='1.0'?><r/>", "line 1, column 2: "),
            ("<r/><!DOCTYPE r>", "line 1, column 5: "),
            ("<r><![CDATA[x</r>", "line 1, column 4: "),
            ("<!-- -- --><r/>", "line 1, column 6: "),
            ("", "line 1, column 1: "),
        ] {
            let why = tokens(text).unwrap_err();
            assert!(
                why.starts_with(place) && why.contains("well-formed"),
                "{text}: {why}"
            );
        }
    }

    #[test]
    fn entities_and_document_types_are_refused() {
        for text in [
            "<!DOCTYPE r [<!ENTITY a 'b'>]><r>&a;</r>",
            "<!DOCTYPE r SYSTEM 'file:///etc/hosts'><r/>",
            "<!DOCTYPE r PUBLIC 'x' 'http://127.0.0.1/'><r/>",
        ] {
            assert!(
                tokens(text)
                    .unwrap_err()
                    .contains("document type declaration"),
                "{text}"
            );
        }
        assert!(tokens("<r>&a;</r>").unwrap_err().contains("the entity &a;"));
        assert!(
            tokens("<r b='&nbsp;'/>")
                .unwrap_err()
                .contains("the entity &nbsp;")
        );
    }

    #[test]
    fn depth_and_attributes_are_limited() {
        assert!(tokens("<a><a><a><a/></a></a></a>").is_ok());
        assert!(
            tokens("<a><a><a><a><a/></a></a></a></a>")
                .unwrap_err()
                .contains("more than 4")
        );
        assert!(tokens("<a a='' b='' c=''/>").is_ok());
        assert!(
            tokens("<a a='' b='' c='' d=''/>")
                .unwrap_err()
                .contains("more than 3")
        );
        assert!(
            tokens("<a a='123456789012345678901'/>")
                .unwrap_err()
                .contains("more than 20")
        );
    }
}
