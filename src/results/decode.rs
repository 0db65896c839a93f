//! From bytes to text: the encoding, damaged bytes and control characters.
//!
//! Damage is replaced with U+FFFD and reported, never a reason to lose a result. Clean UTF-8, the
//! usual case, is borrowed. The reader after this may rely on: no byte-order mark, and no control
//! characters but tab and line ends.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::error::{Fault, Position, ReadError};
use super::text::shortened;

/// The declaration has to end within this many bytes.
const DECLARATION_BYTES: usize = 1024;

/// A file's text, and what had to be replaced in it.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// The text without a byte-order mark.
    pub text: Cow<'a, str>,
    /// Sentences for the uploader.
    pub warnings: Vec<String>,
}

/// Decodes `bytes` by byte-order mark, by XML declaration, or as UTF-8, in this order.
pub fn decode(bytes: &[u8]) -> Result<Decoded<'_>, ReadError> {
    let (encoding, bytes) = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => (encoding, bytes.get(mark..).unwrap_or_default()),
        None => (without_mark(bytes)?, bytes),
    };
    let mut warnings = Vec::new();
    let text = if encoding == UTF_8 {
        utf8(bytes, &mut warnings)
    } else {
        let (text, is_damaged) = encoding.decode_without_bom_handling(bytes);
        if is_damaged {
            let name = encoding.name();
            warnings.push(format!(
                "bytes that are not {name} were replaced with U+FFFD"
            ));
        }
        text
    };
    let text = without_controls(text, &mut warnings);
    Ok(Decoded { text, warnings })
}

fn without_mark(bytes: &[u8]) -> Result<&'static Encoding, ReadError> {
    match bytes {
        [0, 0, 0, b'<', ..] | [b'<', 0, 0, 0, ..] => Err(ReadError::whole(Fault::UnknownEncoding(
            "UTF-32".to_owned(),
        ))),
        [b'<', 0, ..] => Ok(UTF_16LE),
        [0, b'<', ..] => Ok(UTF_16BE),
        _ => declared(bytes),
    }
}

/// The encoding that the XML declaration names; UTF-8 when it names none.
fn declared(bytes: &[u8]) -> Result<&'static Encoding, ReadError> {
    let Some(label) = declared_label(bytes) else {
        return Ok(UTF_8);
    };
    match Encoding::for_label(label.as_bytes()) {
        // The declaration was read as ASCII, so it is mistaken (.NET string writers do this).
        Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => Ok(UTF_8),
        Some(encoding) if encoding != encoding_rs::REPLACEMENT => Ok(encoding),
        _ => Err(ReadError::whole(Fault::UnknownEncoding(shortened(
            label, 40,
        )))),
    }
}

fn declared_label(bytes: &[u8]) -> Option<&str> {
    let head = bytes.get(..bytes.len().min(DECLARATION_BYTES))?;
    let head = head.strip_prefix(b"<?xml")?;
    let end = head.windows(2).position(|pair| pair == b"?>")?;
    let declaration = std::str::from_utf8(head.get(..end)?).ok()?;
    let (_, rest) = declaration.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest.get(1..)?.split(quote).next()
}

fn utf8<'a>(bytes: &'a [u8], warnings: &mut Vec<String>) -> Cow<'a, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(why) => {
            let text = String::from_utf8_lossy(bytes);
            let first = Position::of(&text, why.valid_up_to());
            warnings.push(format!(
                "bytes that are not UTF-8 were replaced with U+FFFD, the first at {first}"
            ));
            text
        }
    }
}

/// XML 1.0 allows three characters below the space.
const fn is_forbidden(byte: u8) -> bool {
    byte < b' ' && byte != b'\t' && byte != b'\n' && byte != b'\r'
}

fn without_controls<'a>(text: Cow<'a, str>, warnings: &mut Vec<String>) -> Cow<'a, str> {
    // Without an early exit the compiler looks at many bytes at once.
    let chunk_is_bad = |chunk: &[u8]| chunk.iter().fold(false, |bad, b| bad | is_forbidden(*b));
    if !text.as_bytes().chunks(4096).any(chunk_is_bad) {
        return text;
    }
    let mut replaced = 0_usize;
    let clean: String = text
        .chars()
        .map(|c| {
            if u8::try_from(c).is_ok_and(is_forbidden) {
                replaced += 1;
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect();
    warnings.push(format!(
        "control characters were replaced with U+FFFD, {replaced} in all"
    ));
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> (String, usize) {
        let decoded = decode(bytes).unwrap();
        (decoded.text.into_owned(), decoded.warnings.len())
    }

    #[test]
    fn clean_utf8_is_borrowed() {
        assert!(matches!(
            decode("<a>ü</a>".as_bytes()).unwrap().text,
            Cow::Borrowed(_)
        ));
        assert_eq!(text("\u{feff}<a/>".as_bytes()), ("<a/>".to_owned(), 0));
    }

    #[test]
    fn utf16_is_known_by_its_mark_or_its_first_character() {
        let with_mark: Vec<u8> = "\u{feff}<日/>"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        assert_eq!(text(&with_mark), ("<日/>".to_owned(), 0));
        let without: Vec<u8> = "<日/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(text(&without), ("<日/>".to_owned(), 0));
    }

    #[test]
    fn the_declared_encoding_is_used_unless_it_cannot_be() {
        let latin = b"<?xml version='1.0' encoding = 'ISO-8859-1'?><a>na\xefve</a>";
        assert!(text(latin).0.ends_with("<a>naïve</a>"));
        let cyrillic = b"<?xml version=\"1.0\" encoding=\"windows-1251\"?><a>\xcf</a>";
        assert!(text(cyrillic).0.ends_with("<a>П</a>"));
        let mistaken = "<?xml version=\"1.0\" encoding=\"utf-16\"?><a>ü</a>".as_bytes();
        assert!(text(mistaken).0.ends_with("<a>ü</a>"));
    }

    #[test]
    fn an_encoding_that_nobody_knows_is_named() {
        let why = decode(b"<?xml version='1.0' encoding='x-martian'?><a/>").unwrap_err();
        assert_eq!(why.fault, Fault::UnknownEncoding("x-martian".to_owned()));
        assert!(decode(b"<\0\0\0a\0\0\0").is_err());
    }

    #[test]
    fn damage_is_replaced_and_reported() {
        assert_eq!(
            text(b"<a>\n x\xff\xfe</a>"),
            ("<a>\n x\u{fffd}\u{fffd}</a>".to_owned(), 1)
        );
        assert_eq!(
            text(b"<a>\x1b[0m\0\t\r\n</a>").0,
            "<a>\u{fffd}[0m\u{fffd}\t\r\n</a>"
        );
        let warnings = decode(b"<a>\n x\xff</a>").unwrap().warnings;
        assert!(
            warnings[0].ends_with("the first at line 2, column 3"),
            "{warnings:?}"
        );
    }
}
