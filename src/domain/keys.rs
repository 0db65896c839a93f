//! The keys of Touchstone's own things as people see them: `SHOP-T12` a case, `SHOP-E7` an execution,
//! `SHOP-P3` a plan, `SHOP-S1` a test set, `SHOP-C2` a precondition.
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

/// The key of a test set, `SHOP-S1`, or of a precondition, `SHOP-C2`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey {
    /// The project's key.
    pub project: String,
    /// Which of the two.
    pub kind: GroupKind,
    /// The number within the project, from 1; sets and preconditions share them.
    pub number: i64,
}

/// What a group of tests is; `code` is what the store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupKind {
    /// Tests that are looked at together.
    TestSet,
    /// What must hold before its tests can be run.
    Precondition,
}

impl GroupKind {
    /// The number the store keeps.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Self::TestSet => 1,
            Self::Precondition => 2,
        }
    }

    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::TestSet),
            2 => Some(Self::Precondition),
            _ => None,
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::TestSet => 'S',
            Self::Precondition => 'C',
        }
    }
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

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}{}", self.project, self.kind.letter(), self.number)
    }
}

impl FromStr for GroupKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let kinds = [GroupKind::TestSet, GroupKind::Precondition].into_iter();
        kinds
            .filter_map(|kind| Some((kind, split(text, kind.letter())?)))
            .map(|(kind, (project, number))| Self {
                project,
                kind,
                number,
            })
            .next()
            .ok_or_else(|| not_a_key(text, "set or precondition", "SHOP-S1 or SHOP-C2"))
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
        let group: GroupKey = "shop-c2".parse().unwrap();
        assert_eq!(group.kind, GroupKind::Precondition);
        assert_eq!(group.to_string(), "SHOP-C2");
        assert!("SHOP-T2".parse::<GroupKey>().is_err());
        let why = "SHOP-7".parse::<ExecutionKey>().unwrap_err();
        assert_eq!(
            why.to_string(),
            "`SHOP-7` is not the key of a test execution; a key looks like SHOP-E7"
        );
    }
}
