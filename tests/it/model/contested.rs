//! Things that several clients edit at once, with the tag of what they saw: their edits must come to
//! some serial order, in which nobody's edit was made on top of something unseen.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::Execution;

/// An edit that was taken.
#[derive(Debug, Clone)]
pub struct Claim {
    pub execution: String,
    /// The tag of what the client had seen.
    pub seen: String,
    /// The name the edit gave it, which no other edit gave.
    pub name: String,
    /// Everything else the edit said.
    pub particulars: Execution,
}

/// One client's edits of contested things.
#[derive(Debug, Default)]
pub struct Contest {
    pub won: Vec<Claim>,
    /// Edits refused because somebody else's came first.
    pub lost: usize,
}

impl Contest {
    /// What became of each execution, from the names they have in the end.
    pub fn outcome(
        contests: &[Contest],
        names: &BTreeMap<String, String>,
    ) -> BTreeMap<String, Execution> {
        let won: Vec<&Claim> = contests.iter().flat_map(|contest| &contest.won).collect();
        let mut seen = BTreeSet::new();
        for claim in &won {
            let is_first = seen.insert((&claim.execution, &claim.seen));
            assert!(is_first, "two edits were made of the same state: {claim:?}");
        }
        let mut outcome = BTreeMap::new();
        for (execution, name) in names {
            let of_it = || won.iter().filter(|claim| claim.execution == *execution);
            let last = of_it().find(|claim| claim.name == *name);
            if let Some(last) = last {
                outcome.insert(execution.clone(), last.particulars.clone());
            } else {
                assert_eq!(
                    of_it().count(),
                    0,
                    "{execution} is called {name}, which no edit said"
                );
            }
        }
        outcome
    }
}
