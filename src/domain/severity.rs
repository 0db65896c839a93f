//! How bad a defect is, read from Jira's priority: an order over names that sites choose themselves.
//!
//! The names are those of Jira's default schemes, old and new. A name nobody knows (a site in another
//! language) is told by its id where Jira's own ids of 1 to 5 say it, and otherwise stands in the
//! middle: neither hidden among the trivial nor counted as a blocker.

use serde::{Deserialize, Serialize};

use super::issue::Named;

/// How bad a defect is; the worse is the greater.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Without a priority.
    #[default]
    Unrated,
    /// Lowest, trivial.
    Lowest,
    /// Low, minor.
    Low,
    /// Medium, and whatever nobody knows.
    Medium,
    /// High, major.
    High,
    /// Critical.
    Critical,
    /// Blocker, highest.
    Blocker,
}

impl Severity {
    /// Every one, the worst first.
    pub const ALL: [Self; 7] = [
        Self::Blocker,
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Lowest,
        Self::Unrated,
    ];

    /// What a priority says.
    #[must_use]
    pub fn of(priority: Option<&Named>) -> Self {
        let Some(priority) = priority else {
            return Self::Unrated;
        };
        match priority.name.trim().to_lowercase().as_str() {
            "blocker" | "highest" => Self::Blocker,
            "critical" => Self::Critical,
            "high" | "major" => Self::High,
            "medium" | "normal" => Self::Medium,
            "low" | "minor" => Self::Low,
            "lowest" | "trivial" => Self::Lowest,
            _ => match priority.id.as_str() {
                "1" => Self::Blocker,
                "2" => Self::High,
                "4" => Self::Low,
                "5" => Self::Lowest,
                _ => Self::Medium,
            },
        }
    }

    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unrated => "unrated",
            Self::Lowest => "lowest",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
            Self::Blocker => "blocker",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_schemes_are_ordered_and_unknown_ones_stand_in_the_middle() {
        let of = |id: &str, name: &str| {
            Severity::of(Some(&Named {
                id: id.to_owned(),
                name: name.to_owned(),
            }))
        };
        assert_eq!(of("10000", "Blocker"), of("1", "Highest"));
        assert_eq!(
            of("2", "HIGH"),
            of("3", "Major"),
            "the name comes before the id"
        );
        assert_eq!(of("1", "Höchste"), Severity::Blocker);
        assert_eq!(of("10007", "Lila"), Severity::Medium);
        assert_eq!(Severity::of(None), Severity::Unrated);
        assert!(Severity::ALL.is_sorted_by(|worse, better| worse > better));
    }
}
