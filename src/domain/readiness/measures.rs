//! The measures of section 7 as plain numbers: what pages show, and what is kept for each day.

use serde::{Deserialize, Serialize};

/// A part of a whole, both counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ratio {
    /// How many of them.
    pub part: usize,
    /// How many there are.
    pub whole: usize,
}

impl Ratio {
    /// In tenths of a percent, rounded down so that a missed limit never looks met; none of nothing.
    #[must_use]
    pub fn per_mille(self) -> Option<u32> {
        let per_mille = (self.part * 1000).checked_div(self.whole)?;
        u32::try_from(per_mille).ok()
    }

    /// Whether it is at least so many tenths of a percent; nothing of nothing is enough.
    #[must_use]
    pub fn is_at_least(self, per_mille: u32) -> bool {
        u128::from(per_mille) * widened(self.whole) <= widened(self.part) * 1000
    }

    /// Whether it is at most so many tenths of a percent.
    #[must_use]
    pub fn is_at_most(self, per_mille: u32) -> bool {
        u128::from(per_mille) * widened(self.whole) >= widened(self.part) * 1000
    }

    /// `95 %`, `99.5 %`; a dash of nothing.
    #[must_use]
    pub fn in_words(self) -> String {
        self.per_mille().map_or_else(|| "–".to_owned(), percent)
    }
}

fn widened(count: usize) -> u128 {
    u128::try_from(count).unwrap_or(u128::MAX)
}

/// Tenths of a percent as people write them: `95 %`, `99.5 %`.
#[must_use]
pub(super) fn percent(per_mille: u32) -> String {
    match (per_mille / 10, per_mille % 10) {
        (whole, 0) => format!("{whole} %"),
        (whole, tenth) => format!("{whole}.{tenth} %"),
    }
}

/// How a population stands, in numbers. A number this build does not know of is read as 0, so days
/// that an older build kept stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Measures {
    /// Coverable issues, less the exempt ones.
    pub issues: usize,
    /// Issues that need no test.
    pub exempt: usize,
    /// Issues whose tests all passed.
    pub ok: usize,
    /// Issues with a failing test.
    pub nok: usize,
    /// Issues with a test that has not passed, and none that failed.
    pub not_run: usize,
    /// Issues with a result that is not certain, and none that failed.
    pub unknown: usize,
    /// Issues without a test that counts.
    pub uncovered: usize,
    /// Tests that count, each once however many issues it covers.
    pub tests: usize,
    /// Of those, with a final result in scope.
    pub executed: usize,
    /// Of those with a final result, passed.
    pub passed: usize,
    /// Failed or broke.
    pub failing: usize,
    /// Without any result in scope.
    pub never_run: usize,
    /// Unresolved defects of counted tests or of the population.
    pub open_defects: usize,
    /// Of those, blockers and criticals.
    pub severe_defects: usize,
    /// Open defects by the name of their priority, the worst first.
    pub by_priority: Vec<(String, usize)>,
    /// When the oldest counting result ended, milliseconds since the Unix epoch.
    pub oldest_ms: Option<i64>,
    /// Tests with a counting result.
    pub results: usize,
    /// Of those, with one older than the freshness limit.
    pub stale: usize,
    /// Of those, with one that is outdated.
    pub outdated: usize,
    /// Passing issues that depend on a flaky or a quarantined test.
    pub exposed: usize,
    /// Tests whose defect was resolved and that have no later final result.
    pub retest: usize,
}

impl Measures {
    /// Issues that are covered.
    #[must_use]
    pub const fn coverage(&self) -> Ratio {
        Ratio {
            part: self.issues.saturating_sub(self.uncovered),
            whole: self.issues,
        }
    }

    /// Issues whose tests all passed.
    #[must_use]
    pub const fn verified(&self) -> Ratio {
        Ratio {
            part: self.ok,
            whole: self.issues,
        }
    }

    /// Counted tests with a final result in scope.
    #[must_use]
    pub const fn executed(&self) -> Ratio {
        Ratio {
            part: self.executed,
            whole: self.tests,
        }
    }

    /// Counted tests with a final result that passed.
    #[must_use]
    pub const fn pass_rate(&self) -> Ratio {
        Ratio {
            part: self.passed,
            whole: self.executed,
        }
    }

    /// Results older than the freshness limit.
    #[must_use]
    pub const fn stale(&self) -> Ratio {
        Ratio {
            part: self.stale,
            whole: self.results,
        }
    }

    /// Results that are outdated.
    #[must_use]
    pub const fn outdated(&self) -> Ratio {
        Ratio {
            part: self.outdated,
            whole: self.results,
        }
    }

    /// Passing issues that depend on a flaky or a quarantined test.
    #[must_use]
    pub const fn flaky_exposure(&self) -> Ratio {
        Ratio {
            part: self.exposed,
            whole: self.ok,
        }
    }
}
