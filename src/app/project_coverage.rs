//! How the issues of a project stand: what the project page and the gadget show.
//!
//! Asks what every view asks ([`of_issues`]), batch by batch, and keeps a line of each issue. The work
//! grows with the number of issues and links of the project, not with how often tests were run.

use std::cmp::Reverse;

use uuid::Uuid;

use super::App;
use super::issue_coverage::{IssueCoverage, of_issues};
use crate::domain::coverage::{Counts, CoverageStatus, Scope};
use crate::domain::issue::{MirroredIssue, key_number};
use crate::domain::settings::Settings;
use crate::domain::site::Site;
use crate::store::{StoreError, issues, project_issues, settings};

/// Issues held in memory at once.
const BATCH: usize = 250;

/// The issues of a project that tests cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectCoverage {
    /// The issues, the worst first, and by key within a status.
    pub issues: Vec<IssueStatus>,
    /// How many different defects of their tests are open.
    pub open_defects: i64,
}

/// An issue and its status over all environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueStatus {
    /// Our id of it.
    pub id: Uuid,
    /// Jira's id of it.
    pub jira_id: i64,
    /// Its key.
    pub key: String,
    /// Its status.
    pub status: CoverageStatus,
    /// What its tests say.
    pub counts: Counts,
}

/// An issue with what a list shows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedIssue {
    /// The issue as the mirror has it.
    pub issue: MirroredIssue,
    /// Its status.
    pub status: CoverageStatus,
    /// What its tests say.
    pub counts: Counts,
    /// Open defects of its tests.
    pub open_defects: i64,
}

impl ProjectCoverage {
    /// How many issues have a status.
    #[must_use]
    pub fn count(&self, status: CoverageStatus) -> usize {
        let mut issues = self.issues.iter().map(|issue| issue.status);
        issues.by_ref().filter(|one| *one == status).count()
    }
}

/// The project's coverage over all environments.
pub async fn of_project(
    app: &App,
    site: &Site,
    project_key: &str,
) -> Result<ProjectCoverage, StoreError> {
    let on = app.store.read();
    let (ids, settings, open_defects) = tokio::try_join!(
        project_issues::with_tests_or_children(on, site.id, project_key),
        settings::of_project(on, site.id, project_key),
        project_issues::count_open_defects(on, site.id, project_key),
    )?;
    let (everything, now_ms) = (Scope::default(), app.clock.now_ms());
    let mut issues = Vec::with_capacity(ids.len());
    for batch in ids.chunks(BATCH) {
        let read = of_issues(&app.store, site.id, batch, &everything, now_ms).await?;
        let covered = read.into_iter().filter(|issue| is_listed(issue, &settings));
        issues.extend(covered.map(IssueStatus::of));
    }
    worst_first(&mut issues);
    Ok(ProjectCoverage {
        issues,
        open_defects,
    })
}

/// Whether tests have something to say about an issue: its own, or those of its children.
fn is_listed(coverage: &IssueCoverage, settings: &Settings) -> bool {
    let is_covered = coverage.status != CoverageStatus::Uncovered || !coverage.tests.is_empty();
    is_covered && settings.is_coverable(&coverage.issue.snapshot.issue_type.name)
}

impl IssueStatus {
    fn of(coverage: IssueCoverage) -> Self {
        Self {
            id: coverage.issue.id,
            jira_id: coverage.issue.snapshot.jira_id,
            key: coverage.issue.snapshot.key,
            status: coverage.status,
            counts: coverage.counts,
        }
    }
}

/// The worst first, and by key within a status.
fn worst_first(issues: &mut [IssueStatus]) {
    issues.sort_by(|a, b| {
        let order = |issue: &IssueStatus| (Reverse(urgency(issue.status)), key_number(&issue.key));
        (order(a), &a.key).cmp(&(order(b), &b.key))
    });
}

/// How much an issue of this status wants to be looked at.
const fn urgency(status: CoverageStatus) -> u8 {
    match status {
        CoverageStatus::Nok => 5,
        CoverageStatus::Unknown => 4,
        CoverageStatus::NotRun => 3,
        CoverageStatus::Uncovered => 2,
        CoverageStatus::Ok => 1,
        CoverageStatus::Exempt => 0,
    }
}

/// What a list shows of some of the issues, in their order.
pub async fn listed(
    app: &App,
    site: &Site,
    chosen: &[IssueStatus],
) -> Result<Vec<ListedIssue>, StoreError> {
    let on = app.store.read();
    let ids: Vec<Uuid> = chosen.iter().map(|issue| issue.id).collect();
    let (mut mirrored, defects) = tokio::try_join!(
        issues::by_ids(on, site.id, &ids),
        project_issues::open_defects(on, site.id, &ids),
    )?;
    let listed = chosen.iter().filter_map(|issue| {
        Some(ListedIssue {
            issue: mirrored.remove(&issue.id)?,
            status: issue.status,
            counts: issue.counts,
            open_defects: defects.get(&issue.id).copied().unwrap_or(0),
        })
    });
    Ok(listed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first_and_keys_are_in_order_of_their_numbers() {
        let issue = |key: &str, status| IssueStatus {
            id: Uuid::nil(),
            jira_id: 1,
            key: key.to_owned(),
            status,
            counts: Counts::default(),
        };
        let mut issues = [
            issue("SHOP-10", CoverageStatus::Ok),
            issue("SHOP-9", CoverageStatus::Ok),
            issue("SHOP-2", CoverageStatus::Uncovered),
            issue("SHOP-11", CoverageStatus::Nok),
            issue("SHOP-1", CoverageStatus::NotRun),
        ];
        worst_first(&mut issues);
        let keys = issues.each_ref().map(|issue| issue.key.as_str());
        assert_eq!(keys, ["SHOP-11", "SHOP-1", "SHOP-2", "SHOP-9", "SHOP-10"]);
    }
}
