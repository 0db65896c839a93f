//! Which format a JSON report has, by the names of its members.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::detect::Format;
use super::error::{Fault, ReadError};
use super::json::{self, Text};

/// Members looked at of one object.
const MEMBERS: usize = 100;

/// The format of a checked text that begins as JSON does.
pub fn detect(text: &str) -> Result<Format, ReadError> {
    let outline: Outline = json::parse(text)?;
    let found = match &outline {
        Outline::Object(members) => of_object(members),
        Outline::List(first) => match first.as_deref() {
            Some(Outline::Object(members)) => of_items(members),
            // What Cucumber writes when it ran nothing.
            None => Some(Format::Cucumber),
            _ => None,
        },
        Outline::Other => None,
    };
    let begin = text.len() - text.trim_start().len();
    found.ok_or_else(|| ReadError::at(text, begin, Fault::UnknownJson))
}

fn of_object(members: &[(String, Outline)]) -> Option<Format> {
    let has = |name: &str| members.iter().any(|(member, _)| member == name);
    let has_inside = |outer: &str, name: &str| {
        members.iter().any(|(member, inner)| {
            let Outline::Object(inner) = inner else {
                return false;
            };
            member == outer && inner.iter().any(|(member, _)| member == name)
        })
    };
    if has_inside("results", "tests") {
        return Some(Format::Ctrf);
    }
    let is_suite = has("name") && (has("suites") || has("tests")) && has("status");
    if has_inside("suite", "name") || is_suite {
        return Some(Format::RobotJson);
    }
    if has("tests") || has("testExecutionKey") {
        return Some(Format::XrayJson);
    }
    is_allure(members).then_some(Format::Allure)
}

fn of_items(members: &[(String, Outline)]) -> Option<Format> {
    let has = |name: &str| members.iter().any(|(member, _)| member == name);
    if has("elements") || has("keyword") {
        let is_behave = has("location") && !has("uri");
        return Some(if is_behave {
            Format::Behave
        } else {
            Format::Cucumber
        });
    }
    is_allure(members).then_some(Format::Allure)
}

fn is_allure(members: &[(String, Outline)]) -> bool {
    let has = |name: &str| members.iter().any(|(member, _)| member == name);
    (has("uuid") || has("historyId")) && has("status") && (has("name") || has("fullName"))
}

/// A value, two levels deep.
#[derive(Debug)]
enum Outline {
    /// The names of the first members, with what they hold.
    Object(Vec<(String, Outline)>),
    /// The first item.
    List(Option<Box<Outline>>),
    Other,
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Outliner { levels: 2 })
    }
}

#[derive(Clone, Copy)]
struct Outliner {
    levels: usize,
}

impl<'de> serde::de::DeserializeSeed<'de> for Outliner {
    type Value = Outline;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Outline, D::Error> {
        if self.levels == 0 {
            return IgnoredAny::deserialize(from).map(|_| Outline::Other);
        }
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Outliner {
    type Value = Outline;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Outline, E> {
        Ok(Outline::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Outline, E> {
        Ok(Outline::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Outline, E> {
        Ok(Outline::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Outline, E> {
        Ok(Outline::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Outline, E> {
        Ok(Outline::Other)
    }

    fn visit_unit<E>(self) -> Result<Outline, E> {
        Ok(Outline::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Outline, A::Error> {
        let first = list.next_element_seed(Self {
            levels: self.levels - 1,
        })?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Outline::List(first.map(Box::new)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            let inner = Self {
                levels: self.levels - 1,
            };
            if members.len() < MEMBERS {
                let value = map.next_value_seed(inner)?;
                members.push((name.or_empty().to_owned(), value));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Outline::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_json_format_is_known_by_its_members() {
        for (text, format) in [
            (r#"{"results":{"tool":{},"tests":[]}}"#, Format::Ctrf),
            (
                r#"{"generator":"Robot","suite":{"name":"S"}}"#,
                Format::RobotJson,
            ),
            (
                r#"{"name":"S","tests":[],"status":"PASS"}"#,
                Format::RobotJson,
            ),
            (r#"{"tests":[{"testKey":"A-1"}]}"#, Format::XrayJson),
            (r#"{"info":{},"testExecutionKey":"A-1"}"#, Format::XrayJson),
            (
                r#"{"uuid":"1","name":"n","status":"passed"}"#,
                Format::Allure,
            ),
            (
                r#"[{"historyId":"1","fullName":"n","status":"passed"}]"#,
                Format::Allure,
            ),
            (r#"[{"uri":"a.feature","elements":[]}]"#, Format::Cucumber),
            (
                r#"[{"keyword":"Feature","location":"a:1"}]"#,
                Format::Behave,
            ),
            ("[]", Format::Cucumber),
        ] {
            assert_eq!(detect(text).unwrap(), format, "{text}");
        }
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for text in [
            "{}",
            "[1]",
            "[[]]",
            r#"{"uuid":"1","children":[]}"#,
            r#"{"a":{"tests":1}}"#,
        ] {
            assert_eq!(
                detect(text).unwrap_err().fault,
                Fault::UnknownJson,
                "{text}"
            );
        }
        let why = detect("{\"tests\": [").unwrap_err().to_string();
        assert!(
            why.starts_with("line 1, column 11: not well-formed JSON"),
            "{why}"
        );
    }
}
