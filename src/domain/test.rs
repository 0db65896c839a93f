//! A test case: a repeatable check with a stable identity.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys::TestKey;

/// How a test is carried out; `code` is what the store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TestKind {
    /// By a machine; its results come from files.
    Automated,
    /// By a person.
    Manual,
}

impl TestKind {
    /// The number the store keeps.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Self::Automated => 1,
            Self::Manual => 2,
        }
    }

    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::Automated),
            2 => Some(Self::Manual),
            _ => None,
        }
    }

    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Automated => "automated",
            Self::Manual => "manual",
        }
    }
}

/// Types of issues that stand for a test in the apps people come from, in lower case.
const TEST_TYPES: [&str; 4] = ["test", "test case", "xray test", "zephyr test"];

/// Whether an issue of this type is a test: results that name it by its key are those of a test.
#[must_use]
pub fn is_test_type(name: &str) -> bool {
    TEST_TYPES.contains(&name.trim().to_lowercase().as_str())
}

/// One step of a test that a person carries out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TestStep {
    /// What it is known by within its test, from 1; a step without one is known by its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i32>,
    /// What to do.
    pub action: String,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// What should happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The test that is carried out in place of this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<Uuid>,
}

/// What a version of a test says: a change of it is a new version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TestContent {
    /// Its name for people.
    pub name: String,
    /// What it checks.
    pub description: Option<String>,
    /// What to do, in order.
    pub steps: Vec<TestStep>,
    /// The name of its type; what follows from the kind of the test when nobody said.
    pub test_type: Option<String>,
    /// What it says instead of steps: Gherkin, or text that a machine knows.
    pub definition: Option<String>,
}

impl TestContent {
    /// Its type: the one it was given, else what its kind stands for.
    #[must_use]
    pub fn type_name(&self, kind: TestKind) -> &str {
        self.test_type.as_deref().unwrap_or(match kind {
            TestKind::Manual => MANUAL,
            TestKind::Automated => GENERIC,
        })
    }

    /// What each step is known by, in order.
    #[must_use]
    pub fn step_ids(&self) -> Vec<i32> {
        let places = self.steps.iter().zip(1..);
        places
            .map(|(step, place)| step.id.unwrap_or(place))
            .collect()
    }
}

/// The type of a test that is a list of steps.
pub const MANUAL: &str = "Manual";
/// The type of a test that is Gherkin.
pub const CUCUMBER: &str = "Cucumber";
/// The type of a test that is a text.
pub const GENERIC: &str = "Generic";

/// The type of tests that is meant by `name`, compared without case.
#[must_use]
pub fn test_type(name: &str) -> Option<&'static str> {
    let types = [MANUAL, CUCUMBER, GENERIC].into_iter();
    types
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(name.trim()))
}

/// The rows of the examples of a scenario outline, in order: for each the names of the columns with its
/// values. Gherkin writes them as tables below `Examples:` (or `Scenarios:`); a table's first row names
/// its columns. Tables of steps are not meant.
#[must_use]
pub fn example_rows(gherkin: &str) -> Vec<Vec<(String, String)>> {
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim_start_matches('|').trim_end_matches('|');
        inner
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    let (mut rows, mut names, mut is_inside) = (Vec::new(), None, false);
    for line in gherkin.lines().map(str::trim) {
        if line.starts_with("Examples:") || line.starts_with("Scenarios:") {
            (names, is_inside) = (None, true);
        } else if line.starts_with('|') && is_inside {
            match &names {
                None => names = Some(cells(line)),
                Some(names) => rows.push(names.iter().cloned().zip(cells(line)).collect()),
            }
        } else if !line.is_empty() && !line.starts_with(['#', '@']) {
            is_inside = is_inside && names.is_none();
        }
    }
    rows
}

/// A test case as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCase {
    /// Its id.
    pub id: Uuid,
    /// Its key.
    pub key: TestKey,
    /// Its name for people.
    pub name: String,
    /// How it is carried out.
    pub kind: TestKind,
    /// Whether it has been put away; an archived test covers nothing.
    pub is_archived: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_the_rows_below_their_heads() {
        let outline = "Given a table\n| not | these |\n| 1 | 2 |\nExamples: of cards\n  some words\n\
             | card | sum |\n| visa | 5 |\n# a remark\n| amex | 7 |\n\nExamples:\n| card | sum |\n| cash | 9 |";
        let rows = example_rows(outline);
        let cards: Vec<&str> = rows.iter().map(|row| row[0].1.as_str()).collect();
        assert_eq!(cards, ["visa", "amex", "cash"]);
        assert_eq!(rows[0][1], ("sum".to_owned(), "5".to_owned()));
        assert!(example_rows("Given a card").is_empty());
    }
}
