//! Reading values whose shape Jira does not keep to.
//!
//! Ids are text in one event and a number in the next, times come in four forms, a boolean may be
//! the word `"true"` (`jira-webhooks-rest.md` sections 4, 5 and 7). A value of an unexpected shape
//! reads as absent: an unknown event may use a known name for something else, and that must not
//! refuse the event. Everything borrows from the body.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A text, a number or a truth value; anything else is [`Scalar::Absent`].
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Scalar<'a> {
    /// Missing, null, or not a scalar.
    #[default]
    Absent,
    /// A text.
    Text(Cow<'a, str>),
    /// A whole number.
    Int(i64),
    /// `true` or `false`.
    Bool(bool),
}

impl<'a> Scalar<'a> {
    /// An id, which Jira writes as a number or as its decimal digits.
    pub fn id(&self) -> Option<i64> {
        match self {
            Self::Int(id) => Some(*id),
            Self::Text(text) => text.parse().ok(),
            Self::Absent | Self::Bool(_) => None,
        }
    }

    /// The text, or a number written out; `None` when empty.
    pub fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => (!text.is_empty()).then_some(text),
            Self::Int(number) => Some(number.to_string().into()),
            Self::Absent | Self::Bool(_) => None,
        }
    }

    /// The text, empty when it is not one.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Absent | Self::Int(_) | Self::Bool(_) => "",
        }
    }

    /// The text as an owned value, empty when absent.
    pub fn into_string(self) -> String {
        self.into_text().map(Cow::into_owned).unwrap_or_default()
    }

    /// Whether it is `true`, as a truth value or as the word.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Bool(truth) => *truth,
            Self::Text(word) => word.eq_ignore_ascii_case("true"),
            Self::Absent | Self::Int(_) => false,
        }
    }

    /// An instant, in milliseconds since the Unix epoch: a number, its digits, an ISO 8601 time with
    /// or without a colon in the offset, or the log format of old servers, which names no zone and is
    /// taken as UTC.
    pub fn time_ms(&self) -> Option<i64> {
        match self {
            Self::Int(ms) => Some(*ms),
            Self::Text(text) => time_ms(text),
            Self::Absent | Self::Bool(_) => None,
        }
    }
}

/// See [`Scalar::time_ms`].
fn time_ms(text: &str) -> Option<i64> {
    if let Ok(ms) = text.parse() {
        return Some(ms);
    }
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(instant.as_millisecond());
    }
    let (seconds, fraction) = text.split_once(',')?;
    let civil = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", seconds).ok()?;
    let instant = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(instant.timestamp().as_millisecond() + fraction.parse::<i64>().ok()?)
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for Read<'a> {
            type Value = Scalar<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Scalar::Int(number))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(i64::try_from(number).map_or(Scalar::Absent, Scalar::Int))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Scalar::Absent)
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
                Ok(Scalar::Bool(truth))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Scalar::Absent)
            }
            fn visit_seq<S: SeqAccess<'de>>(self, items: S) -> Result<Self::Value, S::Error> {
                skip_items(items)?;
                Ok(Scalar::Absent)
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
                skip_entries(map)?;
                Ok(Scalar::Absent)
            }
        }
        from.deserialize_any(Read(PhantomData))
    }
}

/// An object read as `T`; anything else is absent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape<T>(pub Option<T>);

impl<T> Default for Shape<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shape<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = Shape<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|value| Shape(Some(value)))
            }
            fn visit_seq<S: SeqAccess<'de>>(self, items: S) -> Result<Self::Value, S::Error> {
                skip_items(items)?;
                Ok(Shape(None))
            }
            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Shape(None))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Shape(None))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Shape(None))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Shape(None))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Shape(None))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Shape(None))
            }
        }
        from.deserialize_any(Read(PhantomData))
    }
}

/// A list, each entry read as `T`; anything but a list is empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Many<T>(pub Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = Many<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Self::Value, S::Error> {
                let mut read = Vec::new();
                while let Some(item) = items.next_element()? {
                    read.push(item);
                }
                Ok(Many(read))
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
                skip_entries(map)?;
                Ok(Many(Vec::new()))
            }
            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Many(Vec::new()))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Many(Vec::new()))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Many(Vec::new()))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Many(Vec::new()))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Many(Vec::new()))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Many(Vec::new()))
            }
        }
        from.deserialize_any(Read(PhantomData))
    }
}

/// Passes over the rest of a list.
pub(super) fn skip_items<'de, S: SeqAccess<'de>>(mut items: S) -> Result<(), S::Error> {
    while items.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Passes over the rest of an object.
pub(super) fn skip_entries<'de, M: MapAccess<'de>>(mut map: M) -> Result<(), M::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(json: &str) -> Scalar<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn ids_are_read_from_text_and_number() {
        assert_eq!(scalar("10181").id(), Some(10181));
        assert_eq!(scalar(r#""10181""#).id(), Some(10181));
        assert_eq!(scalar(r#""new""#).id(), None);
        assert_eq!(scalar("18446744073709551615").id(), None);
        assert_eq!(scalar("1.5").id(), None);
        assert_eq!(scalar(r#"{"id":[1]}"#).id(), None);
    }

    #[test]
    fn times_are_read_in_every_form_jira_writes() {
        for (json, ms) in [
            ("1545123444746", 1_545_123_444_746),
            (r#""1545123444746""#, 1_545_123_444_746),
            (r#""2018-12-18T11:57:24.746+0300""#, 1_545_123_444_746),
            (r#""2018-12-18T08:57:24.746Z""#, 1_545_123_444_746),
            (r#""2018-12-18T08:57:24.746+00:00""#, 1_545_123_444_746),
            (r#""2018-12-18 08:57:24,746""#, 1_545_123_444_746),
            (r#""2019-1-3 9:05:04,007""#, 1_546_506_304_007),
        ] {
            assert_eq!(scalar(json).time_ms(), Some(ms), "{json}");
        }
        assert_eq!(scalar(r#""yesterday""#).time_ms(), None);
    }

    #[test]
    fn truth_may_be_a_word() {
        assert!(scalar("true").is_true() && scalar(r#""true""#).is_true());
        assert!(!scalar("false").is_true() && !scalar(r#""false""#).is_true());
        assert!(!scalar("null").is_true() && !scalar("1").is_true());
    }

    #[test]
    fn an_unexpected_shape_reads_as_absent() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Inner {
            id: i64,
        }
        for json in ["1", "-1", "1.5", "null", "true", r#""x""#, "[[1],2]"] {
            assert_eq!(
                serde_json::from_str::<Shape<Inner>>(json).unwrap(),
                Shape(None),
                "{json}"
            );
        }
        for json in [
            "1",
            "-1",
            "1.5",
            "null",
            "true",
            r#""x""#,
            r#"{"a":{"b":1}}"#,
        ] {
            assert!(
                serde_json::from_str::<Many<Inner>>(json)
                    .unwrap()
                    .0
                    .is_empty(),
                "{json}"
            );
        }
        let read: Shape<Inner> = serde_json::from_str(r#"{"id":1,"more":[2]}"#).unwrap();
        assert_eq!(read, Shape(Some(Inner { id: 1 })));
    }
}
