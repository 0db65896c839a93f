//! What people write beside a decision, and until when it holds: read once, so that the page and the
//! API take and refuse the same.

/// Characters a reason or a name may have.
pub const LONGEST: usize = 1_000;
/// How far ahead an end may lie, in milliseconds: ten years of 366 days.
pub const FARTHEST_MS: i64 = 10 * 366 * 86_400_000;

/// A text that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(pub String);

/// A moment ahead, milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End(pub i64);

/// Why a decision cannot be kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// Nothing was written.
    #[error("the {0} is missing")]
    Missing(&'static str),
    /// Too much was written.
    #[error("the {what} has {length} characters; at most {LONGEST} are kept")]
    TooLong {
        /// What it is.
        what: &'static str,
        /// How long it is.
        length: usize,
    },
    /// The end lies in the past.
    #[error("the end lies in the past")]
    Past,
    /// The end lies too far ahead to be an end.
    #[error("the end lies more than ten years ahead")]
    TooFar,
}

impl Words {
    /// Reads what was written as `what`, without the space around it.
    ///
    /// # Errors
    ///
    /// When nothing is left, or more than [`LONGEST`] characters.
    pub fn read(what: &'static str, text: &str) -> Result<Self, WordsError> {
        let text = text.trim();
        match text.chars().count() {
            0 => Err(WordsError::Missing(what)),
            length if length > LONGEST => Err(WordsError::TooLong { what, length }),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl End {
    /// Reads an end.
    ///
    /// # Errors
    ///
    /// When it is not ahead of `now_ms`, or too far.
    pub fn read(at_ms: i64, now_ms: i64) -> Result<Self, WordsError> {
        match at_ms.saturating_sub(now_ms) {
            ..=0 => Err(WordsError::Past),
            ahead if ahead > FARTHEST_MS => Err(WordsError::TooFar),
            _ => Ok(Self(at_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_or_too_much_is_refused() {
        assert_eq!(
            Words::read("reason", " Only words "),
            Ok(Words("Only words".into()))
        );
        assert_eq!(
            Words::read("owner", " \n"),
            Err(WordsError::Missing("owner"))
        );
        let long = "ß".repeat(LONGEST);
        assert!(Words::read("reason", &long).is_ok());
        let why = Words::read("reason", &format!("{long}s")).unwrap_err();
        assert_eq!(
            why.to_string(),
            "the reason has 1001 characters; at most 1000 are kept"
        );
    }

    #[test]
    fn an_end_is_ahead_and_an_end() {
        assert_eq!(End::read(11, 10), Ok(End(11)));
        assert_eq!(End::read(10, 10), Err(WordsError::Past));
        assert_eq!(End::read(i64::MIN, 10), Err(WordsError::Past));
        assert_eq!(End::read(FARTHEST_MS + 10, 10), Ok(End(FARTHEST_MS + 10)));
        assert_eq!(End::read(i64::MAX, 10), Err(WordsError::TooFar));
    }
}
