//! Walking down a hierarchy of issues: children before their parents, and an end to whatever has none.
//!
//! Parents and links come from Jira, in any order and with any mistake in them. A child that is
//! already on the way down is a cycle, one more than [`DEPTH`] below is too deep; both are cut, and the
//! parent is told. Rules: `test-management.md` section 3, step 4.

use std::collections::HashMap;

use uuid::Uuid;

/// How many generations below an issue count.
pub const DEPTH: usize = 10;

/// An issue that may be a child of another; what is one, settings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kin {
    /// It names the other as its parent.
    Child {
        /// Our id of it.
        issue: Uuid,
        /// Whether it is a sub-task.
        is_subtask: bool,
    },
    /// A link joins the two.
    Linked {
        /// Our id of it.
        issue: Uuid,
        /// The name of the link's type.
        type_name: String,
        /// Whether the link points at it.
        is_outward: bool,
    },
}

impl Kin {
    /// Our id of it.
    #[must_use]
    pub const fn issue(&self) -> Uuid {
        match self {
            Self::Child { issue, .. } | Self::Linked { issue, .. } => *issue,
        }
    }
}

/// Why a child does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CutWhy {
    /// It is above its parent as well.
    Cycle,
    /// It is too far below the issue that was asked for.
    TooDeep,
}

/// A child that was cut off its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The child.
    pub child: Uuid,
    /// Why.
    pub why: CutWhy,
}

/// The children of issues, those with none left out; the order of children is kept.
pub type Children = HashMap<Uuid, Vec<Uuid>>;

/// What became of an issue, and how much of what is below it that speaks for.
#[derive(Debug, Clone)]
struct Judged<T> {
    value: T,
    /// Generations below it.
    height: usize,
    /// Whether nothing below it was cut: then the same comes out wherever the issue stands.
    is_whole: bool,
}

/// Works something out for each issue from what came out for its children.
///
/// Every issue is judged once, or twice when something below it is cut, whatever the shape of the
/// hierarchy: the work grows with the number of issues and children.
#[derive(Debug)]
pub struct Walk<'a, T, J> {
    children: &'a Children,
    judge: J,
    whole: HashMap<Uuid, Judged<T>>,
    /// What was cut is so only under the issue that is asked for.
    cut: HashMap<Uuid, Judged<T>>,
    path: Vec<Uuid>,
}

impl<'a, T: Clone, J: FnMut(Uuid, &[T], &[Cut]) -> T> Walk<'a, T, J> {
    /// A walk over these children; `judge` gets an issue, what came out for its children, and those
    /// that were cut.
    pub fn new(children: &'a Children, judge: J) -> Self {
        Self {
            children,
            judge,
            whole: HashMap::new(),
            cut: HashMap::new(),
            path: Vec::new(),
        }
    }

    /// What comes out for this issue.
    pub fn of(&mut self, issue: Uuid) -> T {
        self.cut.clear();
        self.visit(issue).value
    }

    fn visit(&mut self, issue: Uuid) -> Judged<T> {
        let depth = self.path.len();
        let fits = |judged: &&Judged<T>| depth + judged.height <= DEPTH;
        if let Some(known) = self.whole.get(&issue).filter(fits) {
            return known.clone();
        }
        if let Some(known) = self.cut.get(&issue) {
            return known.clone();
        }
        let mut values = Vec::new();
        let mut cuts = Vec::new();
        let mut judged = (0, true);
        self.path.push(issue);
        let children = self.children;
        for &child in children.get(&issue).into_iter().flatten() {
            let why = if self.path.contains(&child) {
                Some(CutWhy::Cycle)
            } else {
                (depth == DEPTH).then_some(CutWhy::TooDeep)
            };
            if let Some(why) = why {
                cuts.push(Cut { child, why });
                continue;
            }
            let below = self.visit(child);
            judged = (judged.0.max(below.height + 1), judged.1 && below.is_whole);
            values.push(below.value);
        }
        self.path.pop();
        let judged = Judged {
            value: (self.judge)(issue, &values, &cuts),
            height: judged.0,
            is_whole: judged.1 && cuts.is_empty(),
        };
        let kept = if judged.is_whole {
            &mut self.whole
        } else {
            &mut self.cut
        };
        kept.insert(issue, judged.clone());
        judged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn children(pairs: &[(u128, &[u128])]) -> Children {
        let listed = pairs
            .iter()
            .map(|(parent, children)| (id(*parent), children.iter().map(|n| id(*n)).collect()));
        listed.collect()
    }

    /// Walks and writes down what it saw: `1(2 3(4))`, a cut child with the sign of its reason.
    fn written(children: &Children, root: u128) -> String {
        let mut walk = Walk::new(children, |issue: Uuid, below: &[String], cuts: &[Cut]| {
            let mut parts = below.to_vec();
            parts.extend(cuts.iter().map(|cut| match cut.why {
                CutWhy::Cycle => format!("{}!", cut.child.as_u128()),
                CutWhy::TooDeep => format!("{}…", cut.child.as_u128()),
            }));
            match parts.join(" ").as_str() {
                "" => issue.as_u128().to_string(),
                parts => format!("{}({parts})", issue.as_u128()),
            }
        });
        walk.of(id(root))
    }

    #[test]
    fn children_come_before_their_parents() {
        let tree = children(&[(1, &[2, 3]), (3, &[4])]);
        assert_eq!(written(&tree, 1), "1(2 3(4))");
        assert_eq!(written(&tree, 3), "3(4)");
    }

    #[test]
    fn a_child_of_two_parents_counts_for_both() {
        let shared = children(&[(1, &[2, 3]), (2, &[4]), (3, &[4])]);
        assert_eq!(written(&shared, 1), "1(2(4) 3(4))");
    }

    #[test]
    fn cycles_are_cut_where_they_close() {
        let ring = children(&[(1, &[2]), (2, &[3]), (3, &[1])]);
        assert_eq!(written(&ring, 1), "1(2(3(1!)))");
        assert_eq!(written(&ring, 2), "2(3(1(2!)))");
        assert_eq!(written(&children(&[(1, &[1])]), 1), "1(1!)");
    }

    #[test]
    fn what_is_too_deep_is_cut_for_whoever_is_too_far_above() {
        let pairs: Vec<(u128, [u128; 1])> = (0..=11).map(|n| (n, [n + 1])).collect();
        let pairs: Vec<(u128, &[u128])> = pairs.iter().map(|(n, next)| (*n, &next[..])).collect();
        let chain = children(&pairs);
        let mut walk = Walk::new(&chain, |_, below: &[(usize, usize)], cuts: &[Cut]| {
            below
                .iter()
                .fold((1, cuts.len()), |sum, one| (sum.0 + one.0, sum.1 + one.1))
        });
        assert_eq!(walk.of(id(4)), (9, 0), "the whole rest of the chain");
        assert_eq!(walk.of(id(0)), (DEPTH + 1, 1));
        assert_eq!(walk.of(id(2)), (DEPTH + 1, 0));
        assert_eq!(walk.of(id(1)), (DEPTH + 1, 1));
    }

    #[test]
    fn a_tangle_ends_soon() {
        let all: Vec<u128> = (0..60).collect();
        let tangle = children(&all.iter().map(|n| (*n, &all[..])).collect::<Vec<_>>());
        let mut count = 0;
        let mut walk = Walk::new(&tangle, |_, _: &[()], _: &[Cut]| count += 1);
        walk.of(id(0));
        assert!(count <= 120, "{count}");
    }
}
