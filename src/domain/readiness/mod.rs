//! Whether a version or a sprint can go out: measures, answers, and a gate with a verdict.
//!
//! Rules: `reference/test-management.md` section 7. Issues come in one by one as [`IssueFacts`] and are
//! folded by [`Gathering`] into a [`Standing`], which holds a few words about each issue and each test
//! and no history; measures, answers and the verdict are read off it. Nothing here decides the status
//! of an issue or of a test: [`coverage`](super::coverage) did. Shares are kept as whole numbers, so a
//! limit is met or missed exactly.

mod answers;
mod facts;
mod gate;
#[cfg(test)]
mod laws;
mod measures;
mod rule;
mod score;
mod standing;
#[cfg(test)]
mod tables;
mod target;

pub use answers::{Answer, Answers, FailingTest, Question, Risk, RiskKind};
pub use facts::{DefectFacts, IssueFacts, TestFacts};
pub use gate::{Actual, Judgement, Outcome, Verdict};
pub use measures::{Measures, Ratio};
pub use rule::{Gate, Level, LimitError, RuleName, RuleSetting, Unit};
pub use score::{Score, ScoreInput};
pub use standing::{Gathering, IssueNote, Related, Standing};
pub use target::{Target, TargetError};

/// Milliseconds of a day.
pub const DAY_MS: i64 = 24 * 3600 * 1000;

/// `1 issue`, `2 issues`.
fn many(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

/// `1 of 3 issues`.
fn part_of(count: usize, whole: usize, what: &str) -> String {
    format!("{count} of {}", many(whole, what))
}

/// The word that goes with `count` things.
const fn verb<'a>(count: usize, one: &'a str, more: &'a str) -> &'a str {
    if count == 1 { one } else { more }
}
