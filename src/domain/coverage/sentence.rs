//! The reason in one plain sentence, for someone who has never seen a legend.

use std::fmt;

use super::CoverageStatus;
use super::reason::{Children, Decider, DecidingRun, Exclusion, Reason, Rule};
use super::test_status::{Doubt, Outdated};
use crate::domain::exemption::Exemption;
use crate::domain::run::RunStatus;
use crate::domain::statuses::NamedStatus;

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

    /// This and that, in one sentence.
    fn and(mut self, mut other: Vec<Span>) -> Self {
        if let Some(Span::Plain(end)) = self.0.last_mut()
            && end.ends_with('.')
        {
            end.pop();
        }
        self.0.push(Span::Plain(", and ".to_owned()));
        self.0.append(&mut other);
        self.0.push(Span::Plain(".".to_owned()));
        self
    }
}

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Words.
    Plain(String),
    /// The name of a test, or the key of a child.
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
            Rule::Exempt
            | Rule::NoTest
            | Rule::NoTestCounts
            | Rule::AllTestsQuarantined
            | Rule::NotInPlan => return self.uncovered(),
            Rule::EveryTestPassed => plain(self.tests_passed()),
            Rule::EveryChildPassed => self.children_passed(),
            Rule::ChildrenUncovered => self.children_uncovered(),
            Rule::ATestFailed | Rule::AResultIsUncertain | Rule::ATestHasNotPassed => {
                let said = self.name_deciders();
                match self.deciding_children() {
                    Some(children) => said.and(children.clause(self.status)),
                    None => said,
                }
            }
            Rule::AChildIsFailing | Rule::AChildIsUncertain | Rule::AChildHasNotPassed => {
                let mut spans =
                    (self.deciding_children()).map_or_else(Vec::new, |it| it.clause(self.status));
                if let Some(Span::Plain(lead)) = spans.first_mut() {
                    *lead = lead.replacen("its only", "Its only", 1);
                }
                spans.push(Span::Plain(".".to_owned()));
                Sentence(spans)
            }
        };
        match &self.scope.made_for {
            Some(made_for) => said.after(format!("In {made_for}: ")),
            None => said,
        }
    }

    /// What is said of an issue of which no test counts.
    fn uncovered(&self) -> Sentence {
        let count = self.excluded.len();
        let all = |is_why: fn(&Exclusion) -> bool| self.excluded.iter().all(|it| is_why(&it.why));
        let quarantined = |why: &Exclusion| matches!(why, Exclusion::Quarantined(_));
        let of_issue = match (self.rule, count) {
            (Rule::Exempt, _) => {
                return plain(
                    (self.exemption.as_ref()).map_or_else(String::new, Exemption::sentence),
                );
            }
            (Rule::NotInPlan, _) => {
                format!("No test of this issue has been run{}", self.scope.within())
            }
            (Rule::AllTestsQuarantined, 1) => {
                "The only test of this issue is in quarantine".to_owned()
            }
            (Rule::AllTestsQuarantined, _) if all(quarantined) => {
                format!("All {count} tests of this issue are in quarantine")
            }
            (Rule::AllTestsQuarantined, _) => {
                "Every test of this issue that would count is in quarantine".to_owned()
            }
            (Rule::NoTestCounts, 1) if all(|why| *why == Exclusion::Archived) => {
                "The only test of this issue is archived".to_owned()
            }
            (Rule::NoTestCounts, _) if all(|why| *why == Exclusion::Archived) => {
                format!("All {count} tests of this issue are archived")
            }
            (Rule::NoTestCounts, 1) => "The only test of this issue does not count".to_owned(),
            (Rule::NoTestCounts, _) => format!("None of the {count} tests of this issue counts"),
            _ => "No test covers this issue".to_owned(),
        };
        let of_children = match &self.children {
            None => "",
            Some(children) if children.left_out.len() == children.total => {
                ", and none of its children counts"
            }
            Some(_) => ", and none of its children is covered",
        };
        plain(format!("{of_issue}{of_children}."))
    }

    fn tests_passed(&self) -> String {
        let on = on_environments(self.scope.environment.as_slice());
        match self.counted {
            1 => format!("The only test passed{on}."),
            2 => format!("Both tests passed{on}."),
            count => format!("All {count} tests passed{on}."),
        }
    }

    fn children_passed(&self) -> Sentence {
        let Some(children) = &self.children else {
            return plain(String::new());
        };
        let are_all = children.decided_by.len() == children.total;
        let said = match children.decided_by.len() {
            1 if are_all => "its only child passes".to_owned(),
            1 => "its only child that counts passes".to_owned(),
            2 if are_all => "both its children pass".to_owned(),
            count if are_all => format!("all its {count} children pass"),
            count => format!("all its {count} children that count pass"),
        };
        if self.counted > 0 {
            return plain(self.tests_passed()).and(vec![Span::Plain(said)]);
        }
        let (first, rest) = said.split_at(1);
        plain(format!("{}{rest}.", first.to_uppercase()))
    }

    fn children_uncovered(&self) -> Sentence {
        let Some(children) = &self.children else {
            return plain(String::new());
        };
        let mut spans = vec![Span::Plain("What is covered passed, but ".to_owned())];
        spans.extend(children.clause(CoverageStatus::Uncovered));
        spans.push(Span::Plain(".".to_owned()));
        Sentence(spans)
    }

    fn deciding_children(&self) -> Option<&Children> {
        let children = self.children.as_ref()?;
        (!children.decided_by.is_empty()).then_some(children)
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

impl Children {
    /// `2 of 5 children are failing: SHOP-7 and SHOP-9`.
    fn clause(&self, status: CoverageStatus) -> Vec<Span> {
        let count = self.decided_by.len();
        let says = match (status, count) {
            (CoverageStatus::Nok, 1) => "is failing",
            (CoverageStatus::Nok, _) => "are failing",
            (CoverageStatus::Unknown, 1) => "has a result that cannot be trusted",
            (CoverageStatus::Unknown, _) => "have results that cannot be trusted",
            (CoverageStatus::Uncovered, 1) => "is not covered",
            (CoverageStatus::Uncovered, _) => "are not covered",
            (_, 1) => "has not passed",
            _ => "have not passed",
        };
        let plain = |text: String| Span::Plain(text);
        let keys: Vec<&String> = self.decided_by.iter().map(|child| &child.key).collect();
        match keys.as_slice() {
            [only] if self.total == 1 => vec![
                plain("its only child ".to_owned()),
                Span::Name((*only).clone()),
                plain(format!(" {says}")),
            ],
            [only] => vec![
                plain(format!("1 of {} children {says}: ", self.total)),
                Span::Name((*only).clone()),
            ],
            _ => {
                let named = if count == NAMED + 1 { count } else { NAMED };
                let rest = count.saturating_sub(named);
                let mut spans = vec![plain(format!(
                    "{count} of {} children {says}: ",
                    self.total
                ))];
                for (n, key) in keys.iter().take(named).enumerate() {
                    let is_last = rest == 0 && n + 1 == named;
                    match n {
                        0 => {}
                        _ if is_last => spans.push(plain(" and ".to_owned())),
                        _ => spans.push(plain(", ".to_owned())),
                    }
                    spans.push(Span::Name((*key).clone()));
                }
                if rest > 0 {
                    spans.push(plain(format!(" and {rest} more")));
                }
                spans
            }
        }
    }
}

impl Exemption {
    fn sentence(&self) -> String {
        let until = (self.ends_ms).map_or_else(String::new, |ms| format!(" until {}", day(ms)));
        let reason = self.reason.trim().trim_end_matches('.');
        format!("This issue needs no test{until}: {reason}.")
    }
}

impl Decider {
    /// What happened to the test: `failed on chrome and firefox`.
    fn clause(&self, in_scope: &[String]) -> String {
        if self.is_unreadable {
            return "cannot be read any more".to_owned();
        }
        if self.runs.is_empty() {
            let on = on_environments(in_scope);
            return format!("has not been run{on}");
        }
        let clauses: Vec<String> = by_outcome(&self.runs)
            .into_iter()
            .map(|(said, runs)| {
                let environments: Vec<&str> =
                    runs.iter().map(|run| run.environment.as_str()).collect();
                format!("{said}{}", on_environments(&environments))
            })
            .collect();
        list(&clauses)
    }
}

fn plain(text: String) -> Sentence {
    Sentence(vec![Span::Plain(text)])
}

/// What a run that decided did, in the past tense where it is over, and why that is not believed.
pub(super) fn outcome(run: &DecidingRun) -> String {
    let did = status_clause(&run.status);
    match (run.doubt, run.outdated) {
        (None | Some(Doubt::Unmapped), _) => did,
        (Some(Doubt::Incomplete), _) => "has a result from an incomplete report".to_owned(),
        (Some(Doubt::Stale), _) => format!("{did} too long ago"),
        (Some(Doubt::Flaky), _) => format!("{did} but is flaky"),
        (Some(Doubt::Outdated), Some(Outdated::Test { .. })) => {
            format!("{did} before it was changed")
        }
        (Some(Doubt::Outdated), _) => format!("{did} before the issue was changed"),
    }
}

/// What a run with this status did.
pub(super) fn status_clause(status: &NamedStatus) -> String {
    let said = match status.status {
        RunStatus::Passed => "passed",
        RunStatus::Todo => "is still to do",
        RunStatus::Pending => "is pending",
        RunStatus::Executing => "is running",
        RunStatus::Skipped => "was skipped",
        RunStatus::Aborted => "was aborted",
        RunStatus::Blocked => "was blocked",
        RunStatus::Unknown => "has an unknown outcome",
        RunStatus::Error => "broke",
        RunStatus::Failed => "failed",
        RunStatus::Custom(_) => return format!("is {}", status.name),
    };
    said.to_owned()
}

/// Runs of which the same is said; in the order found.
pub(super) fn by_outcome(runs: &[DecidingRun]) -> Vec<(String, Vec<&DecidingRun>)> {
    let mut groups: Vec<(String, Vec<&DecidingRun>)> = Vec::new();
    for run in runs {
        let said = outcome(run);
        match groups.iter_mut().find(|(held, _)| *held == said) {
            Some((_, alike)) => alike.push(run),
            None => groups.push((said, vec![run])),
        }
    }
    groups
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

/// The day of a moment, UTC: `2026-11-24`.
pub(super) fn day(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(
        |_| "further notice".to_owned(),
        |at| at.strftime("%F").to_string(),
    )
}
