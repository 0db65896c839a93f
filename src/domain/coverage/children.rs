//! What the children of an issue say about it: section 3, step 4.
//!
//! Each child is judged by itself, in the same scope and by the rules of its own project, before it is
//! joined here; which issues are children, and where that is cut off, is `domain::hierarchy`.

use super::reason::{ChildLine, Children, Rule};
use super::{Coverage, CoverageStatus, Settings};

/// A child of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its summary.
    pub summary: &'a str,
    /// What it says.
    pub says: ChildSays,
}

/// What a child says about the issue above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChildSays {
    /// Its own status, with that of its children.
    Status(CoverageStatus),
    /// Nothing: it is left out like an exempt one.
    Nothing(ChildExclusion),
}

/// Why a child is left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ChildExclusion {
    /// A person recorded that it needs no test.
    Exempt,
    /// It is in a workflow status that counts like an exemption.
    Status(String),
    /// It was resolved in a way that counts like an exemption.
    Resolution(String),
    /// It is above its parent as well.
    Cycle,
    /// It is too far below the issue that was asked for.
    TooDeep,
}

impl ChildExclusion {
    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Exempt => "exempt",
            Self::Status(_) => "status",
            Self::Resolution(_) => "resolution",
            Self::Cycle => "cycle",
            Self::TooDeep => "too-deep",
        }
    }
}

/// Joins what the children of an issue say with what its own tests say (`own`, of
/// [`of_issue`](super::of_issue)). An issue that is exempt itself stays so.
#[must_use]
pub fn with_children<'a>(
    own: Coverage<'a>,
    children: &[Child<'_>],
    settings: &Settings,
) -> Coverage<'a> {
    if children.is_empty() {
        return own;
    }
    let (mut said, mut left_out) = (Vec::new(), Vec::new());
    for child in children {
        match &child.says {
            ChildSays::Status(CoverageStatus::Exempt) => {
                left_out.push((line(child, CoverageStatus::Exempt), ChildExclusion::Exempt));
            }
            ChildSays::Nothing(why) => {
                left_out.push((line(child, CoverageStatus::Exempt), why.clone()));
            }
            ChildSays::Status(status) => said.push(line(child, *status)),
        }
    }
    let uncovered = |child: &&ChildLine| child.status == CoverageStatus::Uncovered;
    let (status, rule) = join(own.status, said.iter().map(|child| child.status), settings);
    let rule = rule.unwrap_or(own.reason.rule);
    let decides = |child: &&ChildLine| match rule {
        Rule::ChildrenUncovered => child.status == CoverageStatus::Uncovered,
        Rule::Exempt => false,
        _ => child.status == status,
    };
    Coverage {
        status,
        reason: super::Reason {
            status,
            rule,
            // Tests that say something milder than the children decide nothing.
            decided_by: if status == own.status {
                own.reason.decided_by
            } else {
                Vec::new()
            },
            children: Some(Children {
                total: children.len(),
                uncovered: said.iter().filter(uncovered).count(),
                decided_by: said.iter().filter(decides).cloned().collect(),
                left_out,
            }),
            ..own.reason
        },
        ..own
    }
}

/// The status alone that [`with_children`] gives; a child that is left out is exempt.
#[must_use]
pub fn status_with_children(
    own: CoverageStatus,
    children: impl IntoIterator<Item = CoverageStatus>,
    settings: &Settings,
) -> CoverageStatus {
    join(own, children, settings).0
}

fn line(child: &Child<'_>, status: CoverageStatus) -> ChildLine {
    ChildLine {
        key: child.key.to_owned(),
        summary: child.summary.to_owned(),
        status,
    }
}

/// The status, and the rule that gave it where that is not the issue's own.
fn join(
    own: CoverageStatus,
    children: impl IntoIterator<Item = CoverageStatus>,
    settings: &Settings,
) -> (CoverageStatus, Option<Rule>) {
    if own == CoverageStatus::Exempt {
        return (own, None);
    }
    let (mut of_children, mut is_blocked) = (None, false);
    for child in children {
        of_children = of_children.max(child.effect());
        is_blocked |= child == CoverageStatus::Uncovered && settings.uncovered_children_block;
    }
    let of_tests = own.effect();
    let status = CoverageStatus::of_effects(of_tests.max(of_children));
    let rule = match status {
        CoverageStatus::Ok if is_blocked => {
            return (CoverageStatus::NotRun, Some(Rule::ChildrenUncovered));
        }
        CoverageStatus::Ok if of_children.is_some() => Rule::EveryChildPassed,
        CoverageStatus::Nok if of_tests < of_children => Rule::AChildIsFailing,
        CoverageStatus::Unknown if of_tests < of_children => Rule::AChildIsUncertain,
        CoverageStatus::NotRun if of_tests < of_children => Rule::AChildHasNotPassed,
        _ => return (status, None),
    };
    (status, Some(rule))
}
