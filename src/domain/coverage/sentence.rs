//! The reason in one plain sentence, for someone who has never seen a legend.

use std::fmt;

use super::reason::{Decider, Reason, Rule, by_outcome};
use crate::domain::run::RunStatus;

/// Tests that a sentence names before it only counts the rest.
const NAMED: usize = 2;

/// A sentence with its names marked; pages escape both kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence(pub Vec<Span>);

impl Sentence {
    fn after(mut self, lead: String) -> Self {
        self.0.insert(0, Span::Plain(lead));
        self
    }
}

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Words.
    Plain(String),
    /// The name of a test.
    Name(String),
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|span| match span {
            Span::Plain(text) | Span::Name(text) => f.write_str(text),
        })
    }
}

impl Reason {
    /// The reason in one sentence.
    #[must_use]
    pub fn sentence(&self) -> Sentence {
        let said = match self.rule {
            Rule::NoTest => return plain("No test covers this issue.".to_owned()),
            Rule::NoTestCounts => {
                return plain(match self.excluded.len() {
                    1 => "The only test of this issue is archived.".to_owned(),
                    count => format!("All {count} tests of this issue are archived."),
                });
            }
            Rule::NotInPlan => {
                let within = self.scope.within();
                return plain(format!("No test of this issue has been run{within}."));
            }
            Rule::EveryTestPassed => {
                let on = on_environments(self.scope.environment.as_slice());
                plain(match self.counted {
                    1 => format!("The only test passed{on}."),
                    2 => format!("Both tests passed{on}."),
                    count => format!("All {count} tests passed{on}."),
                })
            }
            Rule::ATestFailed | Rule::AResultIsUncertain | Rule::ATestHasNotPassed => {
                self.name_deciders()
            }
        };
        match &self.scope.made_for {
            Some(made_for) => said.after(format!("In {made_for}: ")),
            None => said,
        }
    }

    /// "A failed on safari, and B failed.": two tests by name, the rest by number.
    fn name_deciders(&self) -> Sentence {
        let in_scope = self.scope.environment.as_slice();
        let count = self.decided_by.len();
        let named = if count == NAMED + 1 { count } else { NAMED };
        let rest = count.saturating_sub(named);
        let mut spans = Vec::new();
        for (n, decider) in self.decided_by.iter().take(named).enumerate() {
            if n > 0 {
                let is_last = rest == 0 && n + 1 == count;
                spans.push(Span::Plain(
                    if is_last { ", and " } else { ", " }.to_owned(),
                ));
            }
            spans.push(Span::Name(decider.test_name.clone()));
            spans.push(Span::Plain(format!(" {}", decider.clause(in_scope))));
        }
        let tail = match (rest, self.rule) {
            (0, _) => ".".to_owned(),
            (_, Rule::ATestFailed) => format!(", and {rest} more failed."),
            (_, Rule::AResultIsUncertain) => format!(", and {rest} more cannot be trusted."),
            _ => format!(", and {rest} more have not passed."),
        };
        spans.push(Span::Plain(tail));
        Sentence(spans)
    }
}

impl Decider {
    /// What happened to the test: `failed on chrome and firefox`.
    fn clause(&self, in_scope: &[String]) -> String {
        if self.runs.is_empty() {
            let on = on_environments(in_scope);
            return format!("has not been run{on}");
        }
        let clauses: Vec<String> = by_outcome(&self.runs)
            .into_iter()
            .map(|(run, environments)| {
                let on = on_environments(&environments);
                format!("{}{on}", outcome(run.status, run.is_incomplete))
            })
            .collect();
        list(&clauses)
    }
}

fn plain(text: String) -> Sentence {
    Sentence(vec![Span::Plain(text)])
}

/// What a run did, in the past tense where it is over.
pub(super) fn outcome(status: RunStatus, is_incomplete: bool) -> &'static str {
    if is_incomplete {
        return "has a result from an incomplete report";
    }
    match status {
        RunStatus::Passed => "passed",
        RunStatus::Todo => "is still to do",
        RunStatus::Pending => "is pending",
        RunStatus::Executing => "is running",
        RunStatus::Skipped => "was skipped",
        RunStatus::Aborted => "was aborted",
        RunStatus::Blocked => "was blocked",
        RunStatus::Unknown | RunStatus::Custom(_) => "has an unknown outcome",
        RunStatus::Error => "broke",
        RunStatus::Failed => "failed",
    }
}

/// ` on chrome and firefox`; nothing for the group without an environment alone.
pub(super) fn on_environments<T: AsRef<str>>(environments: &[T]) -> String {
    let names: Vec<String> = environments
        .iter()
        .map(|name| match name.as_ref() {
            "" => "no named environment".to_owned(),
            name => name.to_owned(),
        })
        .collect();
    match environments {
        [] => String::new(),
        [only] if only.as_ref().is_empty() => String::new(),
        _ => format!(" on {}", list(&names)),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
