//! Issue keys in the texts of a report.
//!
//! Stated keys come from a property or attribute that is there to name requirements. Guessed keys
//! merely look like one (`UTF-8` does too): the importer keeps a guess only if the project has
//! such an issue. Key syntax: Jira's default, `[A-Z][A-Z0-9_]+-[1-9][0-9]*`.

use super::model::{Certainty, Requirement};
use crate::domain::keys::TestKey;

/// The longest project key that is believed; Jira's own limit is at most this.
const PROJECT_CHARS: usize = 32;
/// The longest issue number that is believed.
const NUMBER_DIGITS: usize = 10;
/// In tags and names, this before a key says that the issue is covered.
const REQUIREMENT_PREFIX: &str = "REQ_";
/// In tags and names, this before a key says that it names the test.
const TEST_PREFIX: &str = "TEST_";

/// Whether the whole of `text` is an issue key.
#[must_use]
pub fn is_key(text: &str) -> bool {
    text.split_once('-').is_some_and(|(project, number)| {
        is_project(project)
            && number.len() <= NUMBER_DIGITS
            && !number.starts_with('0')
            && !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
    })
}

/// Whether the whole of `text` is the key of one of our own tests, as it is written: `SHOP-T12`.
fn is_test_key(text: &str) -> bool {
    let is_read = |key: TestKey| key.to_string() == text;
    text.parse().is_ok_and(is_read)
}

fn is_project(text: &str) -> bool {
    (2..=PROJECT_CHARS).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(is_project_byte)
}

const fn is_project_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

/// The keys in a list that people write with commas, semicolons or spaces; the rest is `refused`.
pub fn stated(list: &str, mut found: impl FnMut(Requirement), mut refused: impl FnMut(&str)) {
    for word in list
        .split([',', ';', ' ', '\t', '\n'])
        .filter(|word| !word.is_empty())
    {
        let key = word.to_ascii_uppercase();
        if is_key(&key) {
            found(Requirement {
                key,
                certainty: Certainty::Stated,
            });
        } else {
            refused(word);
        }
    }
}

/// What one tag says.
#[derive(Debug, PartialEq, Eq)]
pub enum Tag<'a> {
    /// It names the test.
    Test(&'a str),
    /// It names an issue that the test covers.
    Covers(Requirement),
    /// Just a label.
    Label,
}

/// Reads `TEST_SHOP-101`, `SHOP-T12`, `REQ_SHOP-7` and `SHOP-7`, each with or without an `@`.
#[must_use]
pub fn tag(word: &str) -> Tag<'_> {
    let word = word.trim_start_matches('@');
    let covers = |key: &str, certainty| {
        Tag::Covers(Requirement {
            key: key.to_owned(),
            certainty,
        })
    };
    let named = word.strip_prefix(TEST_PREFIX);
    if let Some(key) = named.filter(|key| is_key(key) || is_test_key(key)) {
        return Tag::Test(key);
    }
    if is_test_key(word) {
        return Tag::Test(word);
    }
    match word
        .strip_prefix(REQUIREMENT_PREFIX)
        .filter(|key| is_key(key))
    {
        Some(key) => covers(key, Certainty::Stated),
        None if is_key(word) => covers(word, Certainty::Guessed),
        None => Tag::Label,
    }
}

/// Everything in `text` that looks like an issue key and stands on its own.
///
/// `HTTP-2.0`, `ISO-8859-1` and `v1-SHOP-7` are not keys; `SHOP-7` in `test_SHOP-7_pays` is one.
pub fn guess(text: &str, mut found: impl FnMut(Requirement)) {
    for (dash, _) in text.match_indices('-') {
        let (before, after) = text.split_at(dash);
        let project_len = before
            .bytes()
            .rev()
            .take_while(|b| is_project_byte(*b))
            .count();
        let (left, token) = before.split_at(before.len() - project_len);
        let Some(number) = number_at_start(after.get(1..).unwrap_or_default()) else {
            continue;
        };
        if left.ends_with(|c: char| c.is_alphanumeric() || c == '-') && !token.starts_with('_') {
            continue;
        }
        let token = token.trim_start_matches('_');
        if token.starts_with(TEST_PREFIX) {
            continue;
        }
        let (project, certainty) = match token.strip_prefix(REQUIREMENT_PREFIX) {
            Some(project) => (project, Certainty::Stated),
            None => (token, Certainty::Guessed),
        };
        if is_project(project) {
            found(Requirement {
                key: format!("{project}-{number}"),
                certainty,
            });
        }
    }
}

/// The issue number that `text` begins with, unless it goes on in a way that no key does.
fn number_at_start(text: &str) -> Option<&str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    if number.is_empty() || number.len() > NUMBER_DIGITS || number.starts_with('0') {
        return None;
    }
    let mut next = rest.chars();
    let goes_on = match next.next() {
        Some('-' | '.') => next.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => c.is_alphanumeric(),
        None => false,
    };
    (!goes_on).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guesses(text: &str) -> Vec<String> {
        let mut keys = Vec::new();
        guess(text, |found| {
            let mark = if found.certainty == Certainty::Stated {
                "!"
            } else {
                ""
            };
            keys.push(format!("{}{mark}", found.key));
        });
        keys
    }

    #[test]
    fn keys_in_names_stand_on_their_own() {
        for (text, keys) in [
            ("SHOP-7 pays by card", vec!["SHOP-7"]),
            ("[SHOP-7][WEB2-12]: pays", vec!["SHOP-7", "WEB2-12"]),
            ("pays (SHOP-7, SHOP-8).", vec!["SHOP-7", "SHOP-8"]),
            ("@REQ_SHOP-7 pays", vec!["SHOP-7!"]),
            ("test_SHOP-7_pays", vec!["SHOP-7"]),
            ("MY_SHOP-7", vec!["MY_SHOP-7"]),
            ("SHOP-7-pays", vec!["SHOP-7"]),
            ("see SHOP-7.", vec!["SHOP-7"]),
            ("UTF-8 and SHA-256", vec!["UTF-8", "SHA-256"]),
            (
                "ISO-8859-1 HTTP-2.0 X-1 shop-7 SHOP-07 SHOP-7b aSHOP-7 2FA-12 x-SHOP-7",
                vec![],
            ),
            ("TEST_SHOP-7", vec![]),
            ("SHOP-12345678901", vec![]),
            ("--A-", vec![]),
            ("ÄSHOP-7 SHOP-7ä", vec![]),
        ] {
            assert_eq!(guesses(text), keys, "{text}");
        }
    }

    #[test]
    fn lists_of_requirements_are_read_as_people_write_them() {
        let (mut keys, mut bad) = (Vec::new(), Vec::new());
        stated(
            "SHOP-7, shop-8;WEB-1\n SHOP-x",
            |r| keys.push(r.key),
            |w| bad.push(w.to_owned()),
        );
        assert_eq!(keys, ["SHOP-7", "SHOP-8", "WEB-1"]);
        assert_eq!(bad, ["SHOP-x"]);
    }

    #[test]
    fn tags_name_tests_requirements_or_nothing() {
        assert_eq!(tag("@TEST_SHOP-101"), Tag::Test("SHOP-101"));
        assert_eq!(tag("@TEST_SHOP-T12"), Tag::Test("SHOP-T12"));
        assert_eq!(tag("SHOP-T12"), Tag::Test("SHOP-T12"));
        assert_eq!(tag("shop-t12"), Tag::Label);
        assert_eq!(tag("smoke"), Tag::Label);
        let covers = |certainty| {
            Tag::Covers(Requirement {
                key: "SHOP-7".to_owned(),
                certainty,
            })
        };
        assert_eq!(tag("REQ_SHOP-7"), covers(Certainty::Stated));
        assert_eq!(tag("@SHOP-7"), covers(Certainty::Guessed));
    }

    #[test]
    fn a_key_is_a_whole_word() {
        assert!(is_key("AB-1") && is_key("A_1-99"));
        for text in ["A-1", "AB-0", "AB-", "AB-1 ", "aB-1", "1B-1", "AB-1-1", ""] {
            assert!(!is_key(text), "{text}");
        }
    }
}
