//! The keys of Touchstone's own things as people see them: `SHOP-T12` a case, `SHOP-E7` an execution,
//! `SHOP-P3` a plan.
//!
//! A key is made of the project's key, a letter and a number that is taken once and never again.

use std::fmt;
use std::str::FromStr;

use super::issue::is_project_key;

/// A text that is not a key of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the key of a test {kind}; a key looks like {example}")]
pub struct NotAKey {
    /// What was given, cut at 80 characters.
    pub text: String,
    /// What it should have named.
    pub kind: &'static str,
    /// What such a key looks like.
    pub example: &'static str,
}

/// The key of a test case: `SHOP-T12`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TestKey {
    /// The project's key.
    pub project: String,
    /// The number within the project, from 1.
    pub number: i64,
}

/// The key of a test execution: `SHOP-E7`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExecutionKey {
    /// The project's key.
    pub project: String,
    /// The number within the project, from 1.
    pub number: i64,
}

/// The key of a test plan: `SHOP-P3`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlanKey {
    /// The project's key.
    pub project: String,
    /// The number within the project, from 1.
    pub number: i64,
}

impl fmt::Display for TestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-T{}", self.project, self.number)
    }
}

impl fmt::Display for ExecutionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-E{}", self.project, self.number)
    }
}

impl fmt::Display for PlanKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-P{}", self.project, self.number)
    }
}

impl FromStr for TestKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let (project, number) =
            split(text, 'T').ok_or_else(|| not_a_key(text, "case", "SHOP-T12"))?;
        Ok(Self { project, number })
    }
}

impl FromStr for ExecutionKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let (project, number) =
            split(text, 'E').ok_or_else(|| not_a_key(text, "execution", "SHOP-E7"))?;
        Ok(Self { project, number })
    }
}

impl FromStr for PlanKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let (project, number) =
            split(text, 'P').ok_or_else(|| not_a_key(text, "plan", "SHOP-P3"))?;
        Ok(Self { project, number })
    }
}

fn not_a_key(text: &str, kind: &'static str, example: &'static str) -> NotAKey {
    NotAKey {
        text: text.chars().take(80).collect(),
        kind,
        example,
    }
}

/// Project key and number; letters are folded to upper case, as Jira does with issue keys.
fn split(text: &str, letter: char) -> Option<(String, i64)> {
    let key = text.trim().to_ascii_uppercase();
    let (project, number) = key.rsplit_once('-')?;
    let digits = number.strip_prefix(letter)?;
    let is_number = (1..=12).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number || !is_project_key(project) {
        return None;
    }
    Some((project.to_owned(), digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let test: TestKey = " shop-t12 ".parse().unwrap();
        assert_eq!((test.to_string(), test.number), ("SHOP-T12".into(), 12));
        let execution: ExecutionKey = "MY_SHOP2-E7".parse().unwrap();
        assert_eq!(execution.to_string(), "MY_SHOP2-E7");
        for bad in [
            "", "SHOP-12", "SHOP-T", "SHOP-T0", "SHOP-T01", "SHOP-E7", "T12", "SHOP-T1x",
        ] {
            assert!(bad.parse::<TestKey>().is_err(), "{bad}");
        }
        let why = "SHOP-7".parse::<ExecutionKey>().unwrap_err();
        assert_eq!(
            why.to_string(),
            "`SHOP-7` is not the key of a test execution; a key looks like SHOP-E7"
        );
    }
}
