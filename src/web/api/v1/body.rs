//! JSON bodies: taken in whole, read strictly, and judged whole, so that one answer tells everything
//! that is wrong with them.

use actix_web::HttpRequest;
use actix_web::dev::Decompress;
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::problem::{Position, Problem, Refused};

/// Most bytes of a JSON body.
pub const JSON_LIMIT: usize = 1024 * 1024;

/// The body, decompressed, of at most `limit` bytes.
///
/// A little more than that is read and thrown away, so that the client has sent its file and looks
/// at the answer instead of finding the connection closed.
pub(in crate::web::api) async fn collect(
    request: &HttpRequest,
    body: Payload,
    limit: usize,
) -> Result<Bytes, Problem> {
    let mut chunks = Decompress::from_headers(body, request.headers());
    let mut file = BytesMut::new();
    let mut thrown_away = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|why| {
            Problem::bad_request("The body broke off or is not compressed as it says.")
                .because(anyhow::anyhow!("{why}"))
        })?;
        if thrown_away > 0 || file.len() + chunk.len() > limit {
            thrown_away += chunk.len();
        } else {
            file.extend_from_slice(&chunk);
        }
        if thrown_away > limit {
            break;
        }
    }
    if thrown_away > 0 {
        return Err(Problem::too_large(limit));
    }
    Ok(file.freeze())
}

/// Reads a JSON body; members that mean nothing are refused.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|why| {
        let mut problem = if why.is_data() {
            Problem::unprocessable("The body does not say what is described.")
        } else {
            Problem::bad_request("The body is not JSON.")
        };
        problem.position = Some(Box::new(Position {
            line: why.line(),
            column: why.column(),
        }));
        let said = why.to_string();
        let short: String = said.chars().take(300).collect();
        problem.detail(format!("{short}."))
    })
}

/// Tells a member that is `null` from one that is not there: the first takes a value away, the second
/// leaves it as it is.
#[expect(clippy::option_option, reason = "the two absences are the point")]
pub(super) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// What is wrong with a body, gathered.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<Refused>);

impl Checks {
    /// Notes what is wrong with a member, named by its JSON pointer.
    pub fn refuse(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Refused {
            pointer: pointer.into(),
            detail: detail.into(),
        });
    }

    /// A line of 1 to `most` characters, trimmed.
    pub fn line(&mut self, pointer: &str, text: &str, most: usize) -> String {
        let text = text.trim();
        if text.is_empty() {
            self.refuse(pointer, "It is empty.");
        } else if text.chars().any(char::is_control) {
            self.refuse(pointer, "It has control characters.");
        }
        self.length(pointer, text, most);
        text.to_owned()
    }

    /// A line as [`Checks::line`] takes it; one that is empty or `null` is none.
    pub fn optional_line(
        &mut self,
        pointer: &str,
        text: Option<&str>,
        most: usize,
    ) -> Option<String> {
        let text = text.filter(|text| !text.trim().is_empty())?;
        Some(self.line(pointer, text, most))
    }

    /// A text of at most `most` characters, which may have several lines; an empty one is none.
    pub fn text(&mut self, pointer: &str, text: Option<&str>, most: usize) -> Option<String> {
        let text = text?;
        let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.chars().any(is_odd) {
            self.refuse(pointer, "It has control characters.");
        }
        self.length(pointer, text, most);
        (!text.trim().is_empty()).then(|| text.to_owned())
    }

    /// Lines, sorted, each once; at most `count` of at most `most` characters.
    pub fn lines(
        &mut self,
        pointer: &str,
        texts: &[String],
        count: usize,
        most: usize,
    ) -> Vec<String> {
        if texts.len() > count {
            self.refuse(pointer, format!("It has more than {count} items."));
            return Vec::new();
        }
        let mut lines: Vec<String> = texts
            .iter()
            .enumerate()
            .map(|(n, text)| self.line(&format!("{pointer}/{n}"), text, most))
            .collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    }

    /// Notes a list that is too long.
    pub fn count(&mut self, pointer: &str, count: usize, most: usize) {
        if count > most {
            self.refuse(pointer, format!("It has more than {most} items."));
        }
    }

    /// An instant at which something ended; a little ahead is taken for a clock that goes fast.
    pub fn past(&mut self, pointer: &str, at_ms: Option<i64>, now_ms: i64) {
        /// How far ahead of ours a client's clock may be, milliseconds.
        const TOLERANCE_MS: i64 = 5 * 60 * 1000;
        if at_ms.is_some_and(|at_ms| at_ms > now_ms.saturating_add(TOLERANCE_MS)) {
            self.refuse(pointer, "It is in the future.");
        }
        if at_ms.is_some_and(|at_ms| at_ms < 0) {
            self.refuse(pointer, "It is before 1970.");
        }
    }

    fn length(&mut self, pointer: &str, text: &str, most: usize) {
        if text.chars().count() > most {
            self.refuse(pointer, format!("It has more than {most} characters."));
        }
    }

    /// Refuses the body if anything is wrong with it.
    pub fn finish(self) -> Result<(), Problem> {
        let Some(first) = self.0.first() else {
            return Ok(());
        };
        let more = match self.0.len() - 1 {
            0 => String::new(),
            more => format!(" {more} more are in `errors`."),
        };
        let mut problem = Problem::unprocessable("The body is refused; nothing was stored.")
            .detail(format!("`{}`: {}{more}", first.pointer, first.detail));
        // A body of a million wrong items is told of its first ones.
        problem.errors = self.0.into_iter().take(50).collect();
        Err(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let mut checks = Checks::default();
        assert_eq!(checks.line("/name", " Pays ", 10), "Pays");
        checks.line("/name", " ", 10);
        checks.line("/name", "a\nb", 10);
        checks.text("/description", Some("a\nb\u{0}"), 10);
        assert_eq!(checks.text("/description", Some(" \n"), 10), None);
        checks.lines("/labels", &["x".repeat(11), "y".into()], 5, 10);
        checks.past("/finishedMs", Some(3_600_000), 0);
        let problem = checks.finish().unwrap_err();
        let pointers: Vec<_> = problem.errors.iter().map(|one| &one.pointer).collect();
        assert_eq!(
            pointers,
            ["/name", "/name", "/description", "/labels/0", "/finishedMs"]
        );
        assert_eq!(problem.status, 422);
        assert_eq!(Checks::default().finish().map_err(|why| why.status), Ok(()));
    }

    #[test]
    fn a_body_that_cannot_be_read_is_told_where() {
        let why = read::<Vec<i64>>(b"[1,\n x]").unwrap_err();
        assert_eq!(
            (why.status, why.position),
            (400, Some(Box::new(Position { line: 2, column: 2 })))
        );
        assert_eq!(read::<Vec<i64>>(b"[\"a\"]").unwrap_err().status, 422);
    }
}
