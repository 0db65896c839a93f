//! How the issues of a project stand: what the project page and the gadget show.
//!
//! Reads projections only. The work grows with the number of links and tests of the project, not with
//! how often they were run; a test that covers many issues is judged once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::App;
use crate::domain::coverage::{Counts, CoverageStatus, Latest, Settings};
use crate::domain::issue::{MirroredIssue, key_number};
use crate::domain::run::Effect;
use crate::domain::site::Site;
use crate::store::project_issues::{self, CoveringLink};
use crate::store::{Conn, SiteId, StoreError, issues, latest, settings};

/// Projections held in memory at once.
const BATCH: usize = 500;

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
    let (links, settings, open_defects) = tokio::try_join!(
        project_issues::covering_links(on, site.id, project_key),
        settings::of_project(on, site.id, project_key),
        project_issues::count_open_defects(on, site.id, project_key),
    )?;
    let mut links = links;
    links.retain(|link| settings.is_coverable(&link.type_name));
    let effects = effects(on, site.id, &links).await?;
    Ok(ProjectCoverage {
        issues: statuses(links, &effects),
        open_defects,
    })
}

/// What each test says.
async fn effects(
    on: &impl Conn,
    site: SiteId,
    links: &[CoveringLink],
) -> Result<HashMap<Uuid, Effect>, StoreError> {
    let mut tests: Vec<Uuid> = links.iter().map(|link| link.test_id).collect();
    tests.sort_unstable();
    tests.dedup();
    let never_run = Latest::default();
    let mut effects = HashMap::with_capacity(tests.len());
    for batch in tests.chunks(BATCH) {
        let found = latest::by_tests(on, site, batch).await?;
        for test in batch {
            let latest = found.get(test).unwrap_or(&never_run);
            effects.insert(*test, latest.status(&Settings::default()).effect);
        }
    }
    Ok(effects)
}

fn statuses(links: Vec<CoveringLink>, effects: &HashMap<Uuid, Effect>) -> Vec<IssueStatus> {
    let mut by_issue: BTreeMap<Uuid, (CoveringLink, Vec<Effect>)> = BTreeMap::new();
    for link in links {
        let counted = effects.get(&link.test_id).copied();
        let counted = counted.filter(|_| link.archived_ms.is_none());
        let entry = by_issue.entry(link.issue_id);
        let (_, says) = entry.or_insert_with(|| (link, Vec::new()));
        says.extend(counted);
    }
    let mut issues: Vec<IssueStatus> = by_issue
        .into_values()
        .map(|(link, says)| {
            let mut counts = Counts::default();
            for effect in &says {
                counts.add(*effect);
            }
            IssueStatus {
                id: link.issue_id,
                jira_id: link.jira_id,
                key: link.key,
                status: CoverageStatus::of_effects(says),
                counts,
            }
        })
        .collect();
    issues.sort_by(|a, b| {
        let order = |issue: &IssueStatus| (Reverse(urgency(issue.status)), key_number(&issue.key));
        (order(a), &a.key).cmp(&(order(b), &b.key))
    });
    issues
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

    fn link(issue: u128, key: &str, test: u128) -> CoveringLink {
        CoveringLink {
            issue_id: Uuid::from_u128(issue),
            jira_id: 1,
            key: key.to_owned(),
            type_name: "Story".to_owned(),
            test_id: Uuid::from_u128(test),
            archived_ms: None,
        }
    }

    #[test]
    fn the_worst_comes_first_and_keys_are_in_order_of_their_numbers() {
        let effects = [(1, Effect::Ok), (2, Effect::Nok), (3, Effect::NotRun)];
        let effects = effects.map(|(test, effect)| (Uuid::from_u128(test), effect));
        let archived = CoveringLink {
            archived_ms: Some(5),
            ..link(5, "SHOP-2", 2)
        };
        let links = vec![
            link(1, "SHOP-10", 1),
            link(2, "SHOP-9", 1),
            link(3, "SHOP-11", 1),
            link(3, "SHOP-11", 2),
            link(4, "SHOP-1", 3),
            link(4, "SHOP-1", 1),
            archived,
        ];
        let found = statuses(links, &HashMap::from(effects));
        let said: Vec<_> = found
            .iter()
            .map(|issue| (issue.key.as_str(), issue.status, issue.counts.total))
            .collect();
        assert_eq!(
            said,
            [
                ("SHOP-11", CoverageStatus::Nok, 2),
                ("SHOP-1", CoverageStatus::NotRun, 2),
                ("SHOP-2", CoverageStatus::Uncovered, 0),
                ("SHOP-9", CoverageStatus::Ok, 1),
                ("SHOP-10", CoverageStatus::Ok, 1),
            ]
        );
    }
}
