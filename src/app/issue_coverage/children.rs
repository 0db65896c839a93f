//! The status of parents: what is below an issue is read level by level, judged by the same rules in
//! the same scope, and joined from below.
//!
//! Each level is read once, [`BATCH`] issues at a time, and of an issue that is only somebody's child
//! no more is kept than those above it need. A parent's settings say which issues are its children and
//! what an uncovered one means; each issue's own say how its tests count.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use uuid::Uuid;

use super::{ChildStatus, IssueCoverage, read_own};
use crate::domain::coverage::{
    Child, ChildExclusion, ChildSays, Coverage, Hierarchy, Reason, Scope, with_children,
};
use crate::domain::hierarchy::{Children, Cut, CutWhy, DEPTH, Kin, Walk};
use crate::domain::issue::{Named, key_number};
use crate::domain::settings::Settings;
use crate::store::{SiteId, Store, StoreError};

/// Issues read at once.
const BATCH: usize = 250;

/// An issue with what its own tests say, and what may be below it.
#[derive(Debug)]
pub(super) struct Own {
    /// What its own tests say.
    pub coverage: IssueCoverage,
    /// What holds in its project.
    pub settings: Settings,
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
    let mut nodes: HashMap<Uuid, Node> = roots.iter().map(Node::of).collect();
    let mut level: Vec<Uuid> = nodes.keys().copied().collect();
    for _ in 0..DEPTH {
        level = below(&nodes, &level);
        for batch in level.chunks(BATCH) {
            let read = read_own(store, site, batch, scope, now_ms).await?;
            nodes.extend(read.iter().map(Node::of));
        }
    }
    Ok(join(&nodes, roots))
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
    reason: Reason,
    workflow_status: Named,
    resolution: Option<Named>,
    is_coverable: bool,
    settings: Settings,
    below: Vec<Uuid>,
}

/// What became of an issue together with what is below it.
#[derive(Debug)]
struct Joined {
    child: ChildStatus,
    reason: Reason,
    children: Vec<ChildStatus>,
}

fn join(nodes: &HashMap<Uuid, Node>, roots: Vec<Own>) -> Vec<IssueCoverage> {
    let children = children_of(nodes);
    let mut walk = Walk::new(
        &children,
        |issue, below: &[Option<Rc<Joined>>], cuts: &[Cut]| {
            let node = nodes.get(&issue)?;
            let below: Vec<&Joined> = below.iter().flatten().map(Rc::as_ref).collect();
            Some(Rc::new(node.join(&below, cuts, nodes)))
        },
    );
    let joined = roots.into_iter().map(|root| {
        let Some(joined) = walk.of(root.coverage.issue.id) else {
            return root.coverage;
        };
        IssueCoverage {
            status: joined.child.status,
            reason: joined.reason.clone(),
            children: joined.children.clone(),
            ..root.coverage
        }
    });
    joined.collect()
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
    fn of(own: &Own) -> (Uuid, Self) {
        let coverage = &own.coverage;
        let snapshot = &coverage.issue.snapshot;
        let id = coverage.issue.id;
        let node = Self {
            child: ChildStatus {
                id,
                jira_id: snapshot.jira_id,
                key: snapshot.key.clone(),
                summary: snapshot.summary.clone(),
                status: coverage.status,
                counts: coverage.counts,
                left_out: None,
            },
            reason: coverage.reason.clone(),
            workflow_status: snapshot.status.clone(),
            resolution: snapshot.resolution.clone(),
            is_coverable: own.settings.is_coverable(&snapshot.issue_type.name),
            settings: own.settings.clone(),
            below: own.below.clone(),
        };
        (id, node)
    }

    /// The issue with what its children say.
    fn join(&self, below: &[&Joined], cuts: &[Cut], nodes: &HashMap<Uuid, Self>) -> Joined {
        let listed: Vec<ChildStatus> = below
            .iter()
            .map(|joined| ChildStatus {
                left_out: nodes
                    .get(&joined.child.id)
                    .and_then(|node| node.left_out(&self.settings)),
                ..joined.child.clone()
            })
            .collect();
        let said = listed.iter().map(|child| Child {
            key: &child.key,
            summary: &child.summary,
            says: match &child.left_out {
                Some(why) => ChildSays::Nothing(why.clone()),
                None => ChildSays::Status(child.status),
            },
        });
        let cut = cuts.iter().map(|cut| {
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
            status: self.child.status,
            counts: self.child.counts,
            reason: self.reason.clone(),
            tests: Vec::new(),
        };
        let joined = with_children(own, &children, &self.settings.coverage);
        Joined {
            child: ChildStatus {
                status: joined.status,
                ..self.child.clone()
            },
            reason: joined.reason,
            children: listed,
        }
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
