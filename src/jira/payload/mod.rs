//! Bodies of Jira's webhooks and of Forge's events, read into domain events.
//!
//! Two readings of the same body. [`envelope()`] is the one before the answer: a single pass that
//! borrows, looks at a handful of names and skips the rest, so that a large body costs little.
//! [`parse`] is the worker's: everything the mirror and the rules need. Both take Cloud's and Data
//! Center's shapes, and an event nobody knows is passed over, never refused: a refused event is lost
//! for good (`jira-webhooks-rest.md` 2.2). Never read a site, host or id out of `self`, except for
//! the one body that has its issue nowhere else.

use std::borrow::Cow;

use serde::Deserialize;

use lenient::{Scalar, Shape};

mod envelope;
mod event;
mod fields;
pub mod forge;
mod history;
mod lenient;
mod sprint;

#[cfg(test)]
mod corpus;

pub use envelope::{Envelope, change_key, envelope};
pub use event::parse;
pub(crate) use fields::snapshot_of_rest;
pub use history::{History, HistoryEntry};
pub(crate) use history::{
    changes_of, deletion_event, newest_event, older_event, take_history, take_links,
};

/// Deepest nesting taken. Jira's own bodies stay under 20; the JSON reader's own limit is 128.
const MAX_DEPTH: usize = 100;

/// A body that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// JSON is UTF-8.
    #[error("the body is not UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// Not JSON, or a name that Jira uses once stands twice.
    #[error("the body is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// JSON, but a list or a single value.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// Nested deeper than anything Jira sends.
    #[error("the body is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The event cannot be applied without this.
    #[error("the body of {event} has no {what}")]
    Missing {
        /// Jira's name of the event.
        event: String,
        /// What is not there.
        what: &'static str,
    },
}

/// Reads a body that is an object, once it is known to be safe to read.
fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, PayloadError> {
    let text = std::str::from_utf8(body).map_err(|why| PayloadError::NotUtf8(why.valid_up_to()))?;
    if is_deeper_than(body, MAX_DEPTH) {
        return Err(PayloadError::TooDeep);
    }
    let Shape(object) = serde_json::from_str(text)?;
    object.ok_or(PayloadError::NotAnObject)
}

/// Whether brackets are open deeper than `limit` somewhere. Skipping a value does not look at its
/// depth, so this does; strings, which are most of a body, are jumped over.
fn is_deeper_than(body: &[u8], limit: usize) -> bool {
    // Counting is ten times as fast as following, and ends the matter for all but large bodies.
    let opened = memchr::memchr2_iter(b'{', b'[', body);
    if opened.take(limit + 1).count() <= limit {
        return false;
    }
    let mut depth = 0_usize;
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => rest = after_string(rest),
            _ => {}
        }
    }
    false
}

/// What follows the string whose opening quote was just read.
fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        let is_quote = rest.get(at) == Some(&b'"');
        let next = if is_quote { at + 1 } else { at + 2 };
        rest = rest.get(next..).unwrap_or_default();
        if is_quote {
            return rest;
        }
    }
    &[]
}

/// Jira's name of the event. `user_deleted` has been seen without one (`jira-webhooks-rest.md` 3).
fn event_name(named: Scalar<'_>, is_user: bool) -> Cow<'_, str> {
    match named.into_text() {
        Some(name) => name,
        None if is_user => Cow::Borrowed("user_deleted"),
        None => Cow::Borrowed(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_that_of_brackets_outside_of_strings() {
        assert!(!is_deeper_than(br#"{"a":["[[[[{{{{", "\"[[[[", "\\"]}"#, 2));
        assert!(is_deeper_than(br#"{"a":["\\",[1]]}"#, 2));
        assert!(!is_deeper_than(br"[[],[],[],{}]", 2));
        assert!(!is_deeper_than(br#"{"never closed [[[["#, 1));
        assert!(!is_deeper_than(br#""ends in a backslash\"#, 1));
    }

    #[test]
    fn a_million_brackets_are_refused_and_do_not_overflow_the_stack() {
        let deep = format!(
            r#"{{"issue":{{"fields":{}1{}}}}}"#,
            "[".repeat(1_000_000),
            "]".repeat(1_000_000)
        );
        assert!(matches!(
            envelope(deep.as_bytes()),
            Err(PayloadError::TooDeep)
        ));
        assert!(matches!(parse(deep.as_bytes()), Err(PayloadError::TooDeep)));
    }

    #[test]
    fn what_is_not_a_json_object_is_refused_with_the_place() {
        for (body, says) in [
            (&b""[..], "EOF while parsing a value at line 1 column 0"),
            (b"[]", "not a JSON object"),
            (b"null", "not a JSON object"),
            (
                b"{\"a\":1",
                "EOF while parsing an object at line 1 column 6",
            ),
            (b"{}x", "trailing characters at line 1 column 3"),
            (b"{\"a\":\"\xff\"}", "not UTF-8 at byte 6"),
        ] {
            let error = envelope(body).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
            assert!(parse(body).is_err());
        }
    }
}
