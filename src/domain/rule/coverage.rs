//! D11 and D12: what follows from the coverage of an issue, the aggregate of all its tests.

use uuid::Uuid;

use super::{Action, Comment, Decision, IssueFacts, RuleId};
use crate::domain::coverage::CoverageStatus;
use crate::domain::issue::StatusCategory;
use crate::domain::settings::{RuleName, Settings};
use crate::domain::work::TransitionTarget;

/// The coverage status of an issue became another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageChange {
    /// Our id of the issue.
    pub issue_id: Uuid,
    /// What it was, if it was ever told.
    pub from: Option<CoverageStatus>,
    /// What it is.
    pub to: CoverageStatus,
    /// Why, in a sentence.
    pub reason: String,
    /// What it follows from.
    pub cause: String,
}

/// D12: whether the issue is to be moved because of its coverage.
#[must_use]
pub fn follow_coverage(
    facts: &IssueFacts<'_>,
    change: &CoverageChange,
    settings: &Settings,
) -> Vec<Decision> {
    let key = facts.key();
    let (statuses, word) = match change.to {
        CoverageStatus::Ok => (&settings.good_statuses, "good"),
        CoverageStatus::Nok => (&settings.bad_statuses, "bad"),
        _ => return Vec::new(),
    };
    if !settings.is_on(RuleName::D12Transition) || facts.issue.deleted_ms.is_some() {
        return Vec::new();
    }
    let decide = |action, reason| vec![Decision::about(facts, RuleId::D12, action, reason)];
    let nothing = |reason| decide(Action::Nothing, reason);
    let status = &facts.issue.snapshot.status;
    if statuses.is_empty() {
        return nothing(format!(
            "{key} is {}, and no status for issues with {word} tests is set.",
            change.to.name()
        ));
    }
    if statuses.contains(&status.id) {
        return nothing(format!("{key} is in {} already.", status.name));
    }
    let is_at_work = facts.issue.snapshot.status_category != StatusCategory::New;
    if change.to == CoverageStatus::Nok && !is_at_work {
        return nothing(format!(
            "{key} is still to do, so there is nothing to take back."
        ));
    }
    let target = TransitionTarget::Statuses(statuses.clone());
    decide(
        Action::MoveTo(target),
        format!("{key} is {} now. {}", change.to.name(), change.reason),
    )
}

/// D11: what is said of an issue that is done, when its coverage is this for that reason.
#[must_use]
pub fn ask_for_coverage(
    facts: &IssueFacts<'_>,
    status: CoverageStatus,
    why: &str,
    settings: &Settings,
) -> Vec<Decision> {
    let key = facts.key();
    let decide = |action, reason| vec![Decision::about(facts, RuleId::D11, action, reason)];
    let nothing = |reason| decide(Action::Nothing, reason);
    if !settings.is_on(RuleName::D11) {
        return Vec::new();
    }
    if !facts.issue.is_done() || facts.issue.deleted_ms.is_some() {
        return nothing(format!("{key} is not done any more."));
    }
    if matches!(status, CoverageStatus::Ok | CoverageStatus::Exempt) {
        return nothing(format!("{key} is done and {}.", status.name()));
    }
    let comment = Action::Comment(Comment::NotCovered {
        why: why.to_owned(),
    });
    decide(
        comment,
        format!("{key} is done although it is {}. {why}", status.name()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rule::tables::issue;
    use crate::domain::settings::Overrides;

    fn settings(rule: RuleName) -> Settings {
        let mut over = Overrides {
            good_statuses: Some(vec!["10001".to_owned()]),
            ..Overrides::default()
        };
        over.rules.insert(rule, true);
        Settings::default().with(&over)
    }

    fn told(decisions: &[Decision]) -> Vec<(&'static str, &str)> {
        decisions
            .iter()
            .map(|one| (one.action.name(), one.reason.as_str()))
            .collect()
    }

    #[test]
    fn an_issue_moves_with_its_coverage_where_a_status_is_set() {
        let open = issue(StatusCategory::Indeterminate, None);
        let facts = IssueFacts {
            issue: &open,
            tests: &[],
            marks: &[],
        };
        let change = |to| CoverageChange {
            issue_id: open.id,
            from: None,
            to,
            reason: "Both tests passed.".to_owned(),
            cause: "execution:SHOP-E1".to_owned(),
        };
        let on = settings(RuleName::D12Transition);
        let ok = follow_coverage(&facts, &change(CoverageStatus::Ok), &on);
        assert_eq!(
            told(&ok),
            [("move", "SHOP-9 is OK now. Both tests passed.")]
        );
        let nok = follow_coverage(&facts, &change(CoverageStatus::Nok), &on);
        assert_eq!(
            told(&nok),
            [(
                "nothing",
                "SHOP-9 is NOK, and no status for issues with bad tests is set."
            )]
        );
        assert!(follow_coverage(&facts, &change(CoverageStatus::NotRun), &on).is_empty());
        let off = follow_coverage(&facts, &change(CoverageStatus::Ok), &Settings::default());
        assert!(off.is_empty());
    }

    #[test]
    fn a_done_issue_is_asked_for_its_tests_once_it_is_not_good() {
        let done = issue(StatusCategory::Done, Some("Done"));
        let facts = IssueFacts {
            issue: &done,
            tests: &[],
            marks: &[],
        };
        let on = settings(RuleName::D11);
        let nok = ask_for_coverage(&facts, CoverageStatus::Nok, "SHOP-T1 failed.", &on);
        assert_eq!(
            told(&nok),
            [(
                "comment",
                "SHOP-9 is done although it is NOK. SHOP-T1 failed."
            )]
        );
        let ok = ask_for_coverage(&facts, CoverageStatus::Ok, "Both passed.", &on);
        assert_eq!(told(&ok), [("nothing", "SHOP-9 is done and OK.")]);
        let off = ask_for_coverage(&facts, CoverageStatus::Nok, "", &Settings::default());
        assert!(off.is_empty());
    }
}
