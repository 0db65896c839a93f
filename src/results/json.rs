//! JSON that strangers wrote, made safe to read into structs.
//!
//! One look over the text bounds what a parser could be made to build of it: values, objects and
//! depth. It also mends what JSON allows and text does not: halves of surrogate pairs and control
//! characters become U+FFFD. Readers then take structs of [`Text`], [`Number`] and [`List`], which
//! forgive a number where a word is meant, but not a list where there is none.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::decode::Decoded;
use super::error::{Fault, Position, ReadError};
use super::limits::Limits;

/// Values of all kinds in one text.
const VALUES: usize = 4_000_000;
/// Objects and lists in one text.
const CONTAINERS: usize = 500_000;

/// Makes a text ready to be parsed without harm: every byte stays where it was. What is wrong
/// beyond this the parser says.
pub fn mend(decoded: &mut Decoded<'_>, limits: &Limits) -> Result<(), ReadError> {
    let mut scan = Scan {
        text: &decoded.text,
        at: 0,
        depth: 0,
        values: 0,
        containers: 0,
        mended: None,
        replaced: 0,
    };
    scan.run(limits)?;
    if let Some(bytes) = scan.mended {
        decoded.warnings.push(format!(
            "escapes of what is no character were read as U+FFFD, {} in all",
            scan.replaced
        ));
        // Only ASCII was put in place of ASCII.
        decoded.text = Cow::Owned(String::from_utf8_lossy(&bytes).into_owned());
    }
    Ok(())
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    values: usize,
    containers: usize,
    mended: Option<Vec<u8>>,
    replaced: usize,
}

impl Scan<'_> {
    fn run(&mut self, limits: &Limits) -> Result<(), ReadError> {
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'{' | b'[' => {
                    self.depth += 1;
                    self.containers += 1;
                    self.demand(self.depth, limits.depth, "objects inside objects")?;
                    self.demand(self.containers, CONTAINERS, "objects and lists")?;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b',' => {
                    self.values += 1;
                    self.demand(self.values, VALUES, "values")?;
                }
                _ => {}
            }
            self.at += 1;
        }
        Ok(())
    }

    fn demand(&self, count: usize, limit: usize, what: &'static str) -> Result<(), ReadError> {
        if count <= limit {
            return Ok(());
        }
        Err(ReadError::at(
            self.text,
            self.at,
            Fault::Limit { what, limit },
        ))
    }

    /// Passes over a string, mending its escapes.
    fn string(&mut self) {
        self.at += 1;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let Some(next) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
                self.at = self.text.len();
                return;
            };
            self.at += next;
            match rest.get(next..) {
                Some([b'"', ..]) => {
                    self.at += 1;
                    return;
                }
                Some([b'\\', b'u', ..]) => self.escape(),
                _ => self.at += 2,
            }
        }
    }

    /// An escape of four digits, or two that make up one character.
    fn escape(&mut self) {
        const LENGTH: usize = 6;
        let unit = self.unit(self.at);
        let follower = self.unit(self.at + LENGTH);
        let is_bad = match unit {
            Some(0xD800..=0xDBFF) if matches!(follower, Some(0xDC00..=0xDFFF)) => {
                self.at += 2 * LENGTH;
                return;
            }
            Some(0xD800..=0xDFFF) => true,
            Some(unit) => unit < 0x20 && !matches!(unit, 0x09 | 0x0A | 0x0D),
            None => false,
        };
        if is_bad {
            let bytes = self.mended.get_or_insert_with(|| self.text.into());
            if let Some(escape) = bytes.get_mut(self.at..self.at + LENGTH) {
                escape.copy_from_slice(b"\\ufffd");
            }
            self.replaced += 1;
        }
        self.at += if unit.is_some() { LENGTH } else { 2 };
    }

    /// What the escape at `at` stands for, if there is one.
    fn unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
    }
}

/// Parses a checked text.
pub fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ReadError> {
    serde_json::from_str(text).map_err(|why| refused(text, &why))
}

fn refused(text: &str, why: &serde_json::Error) -> ReadError {
    let said = why.to_string();
    let said = said
        .rfind(" at line ")
        .and_then(|end| said.get(..end))
        .unwrap_or(&said);
    let fault = if why.is_data() {
        Fault::NotAsExpected(said.to_owned())
    } else {
        Fault::NotJson(said.to_owned())
    };
    // The parser counts columns in bytes.
    let line = text
        .split('\n')
        .nth(why.line().saturating_sub(1))
        .unwrap_or_default();
    let before = line
        .get(..line.floor_char_boundary(why.column()))
        .unwrap_or_default();
    ReadError {
        position: Some(Position {
            line: why.line().max(1),
            column: before.chars().count().max(1),
        }),
        ..ReadError::whole(fault)
    }
}

/// Where in `text` a part of it stands, when it was borrowed from there.
#[must_use]
pub fn offset(text: &str, part: Option<&str>) -> Option<usize> {
    let at = part?.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    (at <= text.len()).then_some(at)
}

/// A word or text; a number or truth value where one is expected is written out, anything else is
/// nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Option<Cow<'a, str>>);

impl Text<'_> {
    /// The text without white space around it; none if blank.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }

    /// As [`Text::get`], empty if blank.
    #[must_use]
    pub fn or_empty(&self) -> &str {
        self.get().unwrap_or_default()
    }

    /// A copy of it.
    #[must_use]
    pub fn owned(&self) -> Option<String> {
        self.get().map(str::to_owned)
    }
}

/// A number; a text that can be read as one counts too, anything else is nothing.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Number(pub Option<f64>);

impl Number {
    /// The number times `factor`, rounded, if it is not negative and no nonsense.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Option<i64> {
        /// Above this an `f64` is no longer exact.
        const MOST: f64 = 9_007_199_254_740_992.0;
        let scaled = (self.0? * factor).round();
        let text = (0.0..=MOST)
            .contains(&scaled)
            .then(|| format!("{scaled:.0}"));
        text?.parse().ok()
    }
}

/// A list; nothing and `null` are an empty one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

struct Scalar;

/// What a [`Scalar`] was.
enum Found<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    Word(&'static str),
    Whole(i128),
    Nothing,
}

impl<'de> Visitor<'de> for Scalar {
    type Value = Found<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text or number")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Found<'de>, E> {
        Ok(Found::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Found<'de>, E> {
        Ok(Found::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Found<'de>, E> {
        Ok(Found::Word(if value { "true" } else { "false" }))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Found<'de>, E> {
        Ok(Found::Whole(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Found<'de>, E> {
        Ok(Found::Whole(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Found<'de>, E> {
        Ok(Found::Number(value))
    }

    fn visit_unit<E>(self) -> Result<Found<'de>, E> {
        Ok(Found::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Found::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Found::Nothing)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(match from.deserialize_any(Scalar)? {
            Found::Text(text) => Some(text),
            Found::Number(number) => Some(number.to_string().into()),
            Found::Whole(number) => Some(number.to_string().into()),
            Found::Word(word) => Some(word.into()),
            Found::Nothing => None,
        }))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(match from.deserialize_any(Scalar)? {
            Found::Text(text) => text.trim().parse().ok(),
            Found::Number(number) => Some(number),
            Found::Whole(number) => number.to_string().parse().ok(),
            Found::Word(_) | Found::Nothing => None,
        }))
    }
}

struct Items<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
    type Value = Vec<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(items)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Items(PhantomData)).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let limits = Limits {
            depth: 3,
            ..Limits::default()
        };
        let mut decoded = decoded(text);
        match mend(&mut decoded, &limits) {
            Ok(()) => parse::<Vec<Number>>(&decoded.text).unwrap_err().to_string(),
            Err(why) => why.to_string(),
        }
    }

    fn decoded(text: &str) -> Decoded<'_> {
        Decoded {
            text: Cow::Borrowed(text),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn what_is_no_character_is_mended_in_place() {
        let text = r#"["\ud83d\ude00 \ud83d \ude00 \u0000 \u001B[1m \\u0000 \u00e9 \ud83"#;
        let mut mended = decoded(text);
        mend(&mut mended, &Limits::default()).unwrap();
        let warning = "escapes of what is no character were read as U+FFFD, 4 in all";
        assert_eq!(mended.warnings, [warning]);
        assert_eq!(
            mended.text,
            r#"["\ud83d\ude00 \ufffd \ufffd \ufffd \ufffd[1m \\u0000 \u00e9 \ud83"#
        );
        let mut clean = decoded(r#"["a\nb \u000a"]"#);
        mend(&mut clean, &Limits::default()).unwrap();
        assert!(matches!(clean.text, Cow::Borrowed(_)) && clean.warnings.is_empty());
    }

    #[test]
    fn refusals_have_a_place_and_say_what_to_do() {
        assert!(refusal("[[[[").starts_with("line 1, column 4: more than 3 objects inside"));
        assert!(
            refusal("[1,\n 2").starts_with("line 2, column 2: not well-formed JSON: EOF while")
        );
        let place = refusal("[\"é\", 1] x");
        assert!(
            place.starts_with("line 1, column 10: not well-formed JSON: trailing"),
            "{place}"
        );
        assert!(refusal("{\"a\": 1}").contains("invalid type: map, expected a sequence"));
    }

    #[test]
    fn scalars_are_forgiven_and_lists_may_be_null() {
        let text = |json: &str| parse::<Text<'_>>(json).unwrap().owned();
        assert_eq!(text("\" a \"").as_deref(), Some("a"));
        assert_eq!(text("1.5").as_deref(), Some("1.5"));
        assert_eq!(text("true").as_deref(), Some("true"));
        for nothing in ["null", "\" \"", "[1]", "{\"a\":[]}"] {
            assert_eq!(text(nothing), None);
        }
        let ms = |json: &str| parse::<Number>(json).unwrap().scaled(1000.0);
        assert_eq!(
            [ms("1.5"), ms("\"2\""), ms("-1"), ms("1e300"), ms("{}")],
            [Some(1500), Some(2000), None, None, None]
        );
        assert_eq!(parse::<List<Number>>("null").unwrap().0, []);
        assert!(parse::<List<Number>>("\"a\"").is_err());
    }

    #[test]
    fn a_borrowed_part_knows_its_place() {
        let json = "[\"ab\"]".to_owned();
        let parts: Vec<Text<'_>> = parse(&json).unwrap();
        assert_eq!(offset(&json, parts[0].get()), Some(2));
        assert_eq!(offset(&json, Some("elsewhere")), None);
    }
}
