//! The status of parents: what is below an issue is read level by level, judged by the same rules in
//! the same scope, and joined from below.
//!
//! Each level is read once, [`BATCH`] issues at a time, and of an issue that is only somebody's child
//! no more is kept than those above it need. A parent's settings say which issues are its children and
//! what an uncovered one means; each issue's own say how its tests count.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::{ChildStatus, IssueCoverage, judge_all, runs_in};
use crate::domain::coverage::{
    Child, ChildExclusion, ChildSays, Counts, Coverage, CoverageStatus, Hierarchy, Scope,
    status_with_children, with_children,
};
use crate::domain::hierarchy::{Children, Cut, CutWhy, DEPTH, Kin, Walk};
use crate::domain::issue::{MirroredIssue, Named, key_number};
use crate::domain::settings::Settings;
use crate::store::issue_tests::{self, Depth};
use crate::store::{SiteId, Store, StoreError};

/// Issues read at once.
const BATCH: usize = 250;

/// An issue with what its own tests say, and what may be below it.
#[derive(Debug)]
pub(super) struct Own {
    /// What its own tests say.
    pub coverage: IssueCoverage,
    /// What holds in its project.
    pub settings: Arc<Settings>,
    /// Our ids of its children, whether tests cover them or not.
    pub below: Vec<Uuid>,
}

/// Which of these issues are children, by our ids.
pub(super) fn chosen(kin: &[Kin], hierarchy: &Hierarchy) -> Vec<Uuid> {
    let is_chosen = |kin: &&Kin| match kin {
        Kin::Child { is_subtask, .. } if *is_subtask => hierarchy.subtasks,
        Kin::Child { .. } => hierarchy.parent,
        Kin::Linked {
            type_name,
            is_outward,
            ..
        } => hierarchy.takes(type_name, *is_outward),
    };
    let mut below: Vec<Uuid> = kin.iter().filter(is_chosen).map(Kin::issue).collect();
    below.sort_unstable();
    below.dedup();
    below
}

/// These issues, each with what is below it taken in.
pub(super) async fn take_in(
    store: &Store,
    site: SiteId,
    roots: Vec<Own>,
    scope: &Scope,
    now_ms: i64,
) -> Result<Vec<IssueCoverage>, StoreError> {
    if roots.iter().all(|root| root.below.is_empty()) {
        return Ok(roots.into_iter().map(|root| root.coverage).collect());
    }
    let mut nodes: HashMap<Uuid, Node> = roots.iter().map(Node::of_root).collect();
    let mut level: Vec<Uuid> = nodes.keys().copied().collect();
    for _ in 0..DEPTH {
        level = below(&nodes, &level);
        for batch in level.chunks(BATCH) {
            nodes.extend(read(store, site, batch, scope, now_ms).await?);
        }
    }
    Ok(join(&nodes, roots))
}

/// Issues that are only somebody's children.
async fn read(
    store: &Store,
    site: SiteId,
    issues: &[Uuid],
    scope: &Scope,
    now_ms: i64,
) -> Result<Vec<(Uuid, Node)>, StoreError> {
    let (found, runs) = tokio::try_join!(
        issue_tests::of_issues(store.read(), site, issues, Depth::Status),
        runs_in(store, site, issues, scope)
    )?;
    judge_all(
        store,
        site,
        found,
        runs,
        scope,
        now_ms,
        |found, _, coverage| {
            let below = chosen(&found.kin, &found.settings.coverage.hierarchy);
            let said = (coverage.status, coverage.counts);
            (
                found.issue.id,
                Node::new(&found.issue, said, found.settings, below),
            )
        },
    )
    .await
}

/// The children of these issues that are not read yet.
fn below(nodes: &HashMap<Uuid, Node>, level: &[Uuid]) -> Vec<Uuid> {
    let parents = level.iter().filter_map(|issue| nodes.get(issue));
    let children = parents.flat_map(|parent| &parent.below);
    let unread: HashSet<Uuid> = children
        .filter(|child| !nodes.contains_key(child))
        .copied()
        .collect();
    unread.into_iter().collect()
}

/// An issue, as far as those above it need it.
#[derive(Debug)]
struct Node {
    child: ChildStatus,
    workflow_status: Named,
    resolution: Option<Named>,
    is_coverable: bool,
    settings: Arc<Settings>,
    below: Vec<Uuid>,
}

/// What became of an issue together with what is below it.
#[derive(Debug)]
struct Joined {
    id: Uuid,
    status: CoverageStatus,
    /// What came out for those directly below, before it is asked whether they are left out.
    below: Vec<(Uuid, CoverageStatus)>,
    cuts: Vec<Cut>,
}

fn join(nodes: &HashMap<Uuid, Node>, roots: Vec<Own>) -> Vec<IssueCoverage> {
    let children = children_of(nodes);
    let mut walk = Walk::new(
        &children,
        |issue, below: &[Option<Arc<Joined>>], cuts: &[Cut]| {
            let below = below.iter().flatten();
            let below: Vec<_> = below.map(|child| (child.id, child.status)).collect();
            let node = nodes.get(&issue)?;
            Some(Arc::new(Joined {
                id: issue,
                status: node.join(&below, nodes),
                below,
                cuts: cuts.to_vec(),
            }))
        },
    );
    let joined = roots.into_iter().map(|root| {
        let joined = walk.of(root.coverage.issue.id);
        match joined {
            Some(joined) => explained(root, &joined, nodes),
            None => root.coverage,
        }
    });
    joined.collect()
}

/// An issue that was asked for, with its children and with the reason in full.
fn explained(root: Own, joined: &Joined, nodes: &HashMap<Uuid, Node>) -> IssueCoverage {
    let listed = joined.below.iter().filter_map(|(child, status)| {
        let node = nodes.get(child)?;
        Some(ChildStatus {
            status: *status,
            left_out: node.left_out(&root.settings),
            ..node.child.clone()
        })
    });
    let listed: Vec<ChildStatus> = listed.collect();
    let said = listed.iter().map(|child| Child {
        key: &child.key,
        summary: &child.summary,
        says: match &child.left_out {
            Some(why) => ChildSays::Nothing(why.clone()),
            None => ChildSays::Status(child.status),
        },
    });
    let cut = joined.cuts.iter().map(|cut| {
        let child = nodes.get(&cut.child).map(|node| &node.child);
        Child {
            key: child.map_or("", |child| &child.key),
            summary: child.map_or("", |child| &child.summary),
            says: ChildSays::Nothing(match cut.why {
                CutWhy::Cycle => ChildExclusion::Cycle,
                CutWhy::TooDeep => ChildExclusion::TooDeep,
            }),
        }
    });
    let children: Vec<Child<'_>> = said.chain(cut).collect();
    let own = Coverage {
        status: root.coverage.status,
        counts: root.coverage.counts,
        reason: root.coverage.reason,
        tests: Vec::new(),
    };
    let explained = with_children(own, &children, &root.settings.coverage);
    IssueCoverage {
        status: explained.status,
        reason: explained.reason,
        children: listed,
        ..root.coverage
    }
}

/// Each issue's children that tests cover, by the number of their key. A child that was never read is
/// too deep to be, and stays for the walk to say so.
fn children_of(nodes: &HashMap<Uuid, Node>) -> Children {
    let order = |id: &Uuid| {
        let key = nodes.get(id).map(|node| &node.child.key);
        (key.map(|key| key_number(key)), key.cloned())
    };
    let listed = nodes.iter().map(|(id, node)| {
        let mut below = node.below.clone();
        below.retain(|id| nodes.get(id).is_none_or(|child| child.is_coverable));
        below.sort_by_cached_key(order);
        (*id, below)
    });
    listed.collect()
}

impl Node {
    fn of_root(root: &Own) -> (Uuid, Self) {
        let (coverage, settings) = (&root.coverage, Arc::clone(&root.settings));
        let said = (coverage.status, coverage.counts);
        let node = Self::new(&coverage.issue, said, settings, root.below.clone());
        (coverage.issue.id, node)
    }

    fn new(
        issue: &MirroredIssue,
        (status, counts): (CoverageStatus, Counts),
        settings: Arc<Settings>,
        below: Vec<Uuid>,
    ) -> Self {
        let snapshot = &issue.snapshot;
        Self {
            child: ChildStatus {
                id: issue.id,
                jira_id: snapshot.jira_id,
                key: snapshot.key.clone(),
                summary: snapshot.summary.clone(),
                status,
                counts,
                left_out: None,
            },
            workflow_status: snapshot.status.clone(),
            resolution: snapshot.resolution.clone(),
            is_coverable: settings.is_coverable(&snapshot.issue_type.name),
            settings,
            below,
        }
    }

    /// The status of the issue with what its children say.
    fn join(
        &self,
        below: &[(Uuid, CoverageStatus)],
        nodes: &HashMap<Uuid, Self>,
    ) -> CoverageStatus {
        let said = below.iter().map(|(child, status)| {
            let node = nodes.get(child);
            match node.and_then(|node| node.left_out(&self.settings)) {
                Some(_) => CoverageStatus::Exempt,
                None => *status,
            }
        });
        status_with_children(self.child.status, said, &self.settings.coverage)
    }

    /// Why those above it leave it out, by the settings of the parent.
    fn left_out(&self, settings: &Settings) -> Option<ChildExclusion> {
        let (status, rules) = (&self.workflow_status, &settings.coverage);
        if rules.exempts_status(&status.name, &status.id) {
            return Some(ChildExclusion::Status(status.name.clone()));
        }
        let resolution = self.resolution.as_ref()?;
        rules
            .exempts_resolution(&resolution.name, &resolution.id)
            .then(|| ChildExclusion::Resolution(resolution.name.clone()))
    }
}
