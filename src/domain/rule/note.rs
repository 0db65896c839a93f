//! What the rules say in Jira.
//!
//! Whole sentences that can be read without knowing Touchstone: what happened, where, and what it
//! means for the issue.

use super::{Comment, ExecutionFacts, listed};
use crate::domain::work::{Block, Inline};

/// Tests a comment lists before it counts the rest.
const LISTED: usize = 10;

impl Comment {
    /// The comment in words. `failures` is how often tests of the issue have failed since they were
    /// linked to it, this execution included.
    #[must_use]
    pub fn blocks(&self, execution: Option<ExecutionFacts<'_>>, failures: u64) -> Vec<Block> {
        match self {
            Self::Failed { test_keys } => {
                let mut text = vec![Inline::text(subject(
                    test_keys,
                    "still fails",
                    "still fail",
                ))];
                text.extend(place(execution));
                text.push(Inline::text(format!(
                    ". {} so far since this issue was linked.",
                    counted(failures, "failure", "failures")
                )));
                with_list(text, test_keys)
            }
            Self::Reopened { test_keys } => {
                let mut text = vec![Inline::text(subject(test_keys, "failed", "failed"))];
                text.extend(place(execution));
                text.push(Inline::text(" after this issue was resolved."));
                with_list(text, test_keys)
            }
            Self::Verified { runs } => passed(
                "Verified.",
                " Every linked test has passed since this issue was resolved:",
                runs,
            ),
            Self::PassesNow { runs } => passed(
                "Passes now.",
                " Every linked test passes, and this issue is still open:",
                runs,
            ),
            Self::NotCovered { why } => vec![Block::Paragraph(vec![
                Inline::text("This issue is done, and its tests do not say so. "),
                Inline::text(why.clone()),
            ])],
        }
    }
}

/// What is said when an issue should be reopened and its workflow offers no way.
pub(super) fn no_way_back() -> Vec<Block> {
    vec![Block::text(
        "This issue should be reopened, and its workflow offers no transition that does it. Please look at it.",
    )]
}

fn passed(word: &str, text: &str, runs: &[(String, super::RunRef)]) -> Vec<Block> {
    let line = |(test, run): &(String, super::RunRef)| {
        vec![
            Inline::Strong(test.clone()),
            Inline::text(" passed in "),
            Inline::Strong(run.execution_key.clone()),
            Inline::text(format!(" (run {})", run.number)),
        ]
    };
    let mut bullets: Vec<_> = runs.iter().take(LISTED).map(line).collect();
    if let Some(more) = runs.len().checked_sub(LISTED).filter(|more| *more > 0) {
        bullets.push(vec![Inline::text(format!("and {more} more"))]);
    }
    vec![
        Block::Paragraph(vec![Inline::Strong(word.to_owned()), Inline::text(text)]),
        Block::Bullets(bullets),
    ]
}

fn subject(test_keys: &[String], one: &str, many: &str) -> String {
    match test_keys {
        [only] => format!("{only} {one}"),
        all => format!("{} tests {many}", all.len()),
    }
}

fn place(execution: Option<ExecutionFacts<'_>>) -> Vec<Inline> {
    let Some(execution) = execution else {
        return Vec::new();
    };
    let mut text = vec![
        Inline::text(" in "),
        Inline::Strong(execution.key.to_owned()),
    ];
    let mut details = Vec::new();
    if !execution.environments.is_empty() {
        details.push(listed(execution.environments));
    }
    if let Some(version) = execution.fix_version {
        details.push(format!("version {version}"));
    }
    if !details.is_empty() {
        text.push(Inline::text(format!(" ({})", details.join("; "))));
    }
    text
}

fn with_list(text: Vec<Inline>, test_keys: &[String]) -> Vec<Block> {
    let mut blocks = vec![Block::Paragraph(text)];
    if test_keys.len() > 1 {
        let mut bullets: Vec<_> = test_keys
            .iter()
            .take(LISTED)
            .map(|key| vec![Inline::text(key)])
            .collect();
        if let Some(more) = test_keys.len().checked_sub(LISTED).filter(|more| *more > 0) {
            bullets.push(vec![Inline::text(format!("and {more} more"))]);
        }
        blocks.push(Block::Bullets(bullets));
    }
    blocks
}

fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
