//! Why a result file is refused: a place and a sentence that says what to do.
//!
//! A file is refused whole; nothing of it is stored. The texts are shown to whoever uploads, so
//! they quote names from the file at most, shortened, and never its contents.

use std::fmt;

/// A place in a file, both numbers from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Position {
    /// The place of the byte `offset` in `text`.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..text.floor_char_boundary(offset)).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}, column {}", self.line, self.column)
    }
}

/// What is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing but white space.
    #[error("the file is empty; send the report that the test run wrote")]
    Empty,
    /// More bytes than allowed.
    #[error("the file has {bytes} bytes, at most {limit} are read; split the report")]
    TooLarge {
        /// Bytes of the file.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Neither XML nor anything else that is known.
    #[error("this is not a result file; send the report that the test run wrote")]
    NotAResultFile,
    /// JSON that no format has.
    #[error(
        "this JSON is no report that is known; Cucumber, Behave, CTRF, Allure 2, Robot Framework and \
         Xray JSON are"
    )]
    UnknownJson,
    /// XML with a root that no format has.
    #[error(
        "no known report has the root element <{0}>; JUnit has <testsuites> or <testsuite>, NUnit \
         <test-run>, xUnit.net <assemblies>, TestNG <testng-results>, TRX <TestRun>, Robot Framework \
         <robot>"
    )]
    UnknownRoot(String),
    /// An encoding that cannot be decoded.
    #[error("the encoding {0:?} is not known; write the report in UTF-8")]
    UnknownEncoding(String),
    /// A document type declaration that does more than name the root.
    #[error(
        "the document type declaration defines or fetches something, which is never done; \
         remove the <!DOCTYPE …>"
    )]
    Doctype,
    /// A reference to an entity that XML does not define.
    #[error("the entity &{0}; is not one of XML's five; write the character itself")]
    UnknownEntity(String),
    /// Not JSON at this place.
    #[error("not well-formed JSON: {0}; the report is cut off or was not written by a JSON writer")]
    NotJson(String),
    /// JSON of a known format, with something in it that the format does not have there.
    #[error("{0}; a report of this format is not written so")]
    NotAsExpected(String),
    /// A list of results that is empty.
    #[error("the list `tests` is missing or empty; send at least one result")]
    NoTests,
    /// A status that no run can have.
    #[error("the test {test:?} has the status {status:?}, which there is not")]
    UnknownStatus {
        /// What the file calls the test.
        test: String,
        /// The word.
        status: String,
    },
    /// Not XML at this place.
    #[error("not well-formed XML: {0}; the report is cut off or was not written by an XML writer")]
    NotWellFormed(String),
    /// A test case inside a test case: neither can be counted.
    #[error("a <testcase> stands inside a <testcase>; close the outer one first")]
    NestedCase,
    /// Compressed data that breaks off or was changed.
    #[error("{what} breaks off or is damaged ({why}); send it again")]
    DamagedArchive {
        /// The archive, or the file in it.
        what: String,
        /// What the unpacking says.
        why: String,
    },
    /// A zip that is encrypted, or compressed in a way that is not read.
    #[error("the zip archive is encrypted or compressed in an unusual way; use plain deflate")]
    UnreadableArchive,
    /// More came out of an archive than can be.
    #[error("{0} becomes too large when it is unpacked; split the report")]
    Expands(String),
    /// A file in an archive whose name leads out of it.
    #[error("the archive holds the path {0:?}, which leads out of it; pack it anew")]
    ArchivePath(String),
    /// An archive in an archive.
    #[error("there is an archive inside the archive; pack the result files only once")]
    ArchiveInArchive,
    /// An archive without any result file.
    #[error("the archive holds no result file; pack the reports that the test run wrote")]
    NoResultFile,
    /// More of something than allowed.
    #[error("more than {limit} {what}; split the report")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

/// A refused file: what is wrong, and where when it has a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// The file of an archive that is meant; none when it is the upload itself.
    pub file: Option<String>,
    /// Where; none when the whole file is meant.
    pub position: Option<Position>,
    /// What.
    pub fault: Fault,
}

impl ReadError {
    /// A fault of the file as a whole.
    #[must_use]
    pub const fn whole(fault: Fault) -> Self {
        Self {
            file: None,
            position: None,
            fault,
        }
    }

    /// A fault at the byte `offset` of `text`.
    #[must_use]
    pub fn at(text: &str, offset: usize, fault: Fault) -> Self {
        Self {
            file: None,
            position: Some(Position::of(text, offset)),
            fault,
        }
    }

    /// The same fault, of one file of an archive.
    #[must_use]
    pub fn in_file(self, name: String) -> Self {
        Self {
            file: Some(name),
            ..self
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(out, "{file}: ")?;
        }
        match self.position {
            Some(position) => write!(out, "{position}: {}", self.fault),
            None => write!(out, "{}", self.fault),
        }
    }
}

impl std::error::Error for ReadError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let text = "ab\nü€d\n";
        let of = |offset| {
            let place = Position::of(text, offset);
            (place.line, place.column)
        };
        assert_eq!(of(0), (1, 1));
        assert_eq!(of(3), (2, 1));
        assert_eq!(of(8), (2, 3));
        assert_eq!(of(6), (2, 2), "inside a character is that character");
        assert_eq!(of(99), (3, 1));
    }
}
