//! What the issues at risk say about a new defect.

use std::collections::BTreeSet;

use crate::domain::defect::IssueAtRisk;
use crate::domain::issue::Named;
use crate::domain::severity::Severity;
use crate::domain::site::Site;
use crate::store::defects::CoveredIssue;

/// The highest priority among them.
pub(super) fn worst(covered: &[CoveredIssue]) -> Option<Named> {
    let rated = covered.iter().filter_map(|issue| issue.priority.as_ref());
    rated
        .max_by_key(|priority| Severity::of(Some(priority)))
        .cloned()
}

/// The one that component and assignee come from: the one of the highest priority.
pub(super) fn foremost(covered: &[CoveredIssue]) -> Option<i64> {
    let known = covered.iter().filter(|issue| issue.jira_id.is_some());
    let most = known
        .rev()
        .max_by_key(|issue| Severity::of(issue.priority.as_ref()));
    most.and_then(|issue| issue.jira_id)
}

/// Them as the description lists them, each once.
pub(super) fn at_risk(site: &Site, covered: &[CoveredIssue]) -> Vec<IssueAtRisk> {
    let mut seen = BTreeSet::new();
    covered
        .iter()
        .filter(|issue| seen.insert(issue.id))
        .map(|issue| IssueAtRisk {
            href: format!("{}/browse/{}", site.link_base(), issue.key),
            key: issue.key.clone(),
            summary: issue.summary.clone(),
        })
        .collect()
}
