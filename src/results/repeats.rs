//! Joins the results of the same test within one file (`reference/test-management.md` 5.3).
//!
//! Elements are the same test when suite path, class name, name and source file are equal, or when
//! they name the same test outright. They become attempts in file order; when the file says which
//! data each ran with, or when they are named outright and differ in name, they are the rows of one
//! test, so iterations. While it joins, this module
//! finds out how much of an identity tells the file's tests apart ([`Scope`]).

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;

use super::limits::Limits;
use super::model::{Certainty, Identity, ReportedRun, Requirement, Scope};
use crate::domain::attempts::Sequence;

/// The runs of a file so far, each test once.
///
/// Lookups go by 64-bit hashes with a secret seed, to spare a copy of every name. Two tests whose
/// hashes collide (one file of 200 000 tests in a thousand million) are kept apart. A test that
/// shares its class name and name with no other, nearly every one, costs one lookup.
#[derive(Debug, Default)]
pub struct Repeats {
    runs: Vec<ReportedRun>,
    seed: RandomState,
    /// Hash of what scope `Name` writes → index of the first run that has it.
    by_name: HashMap<u64, usize>,
    /// Hash of what scope `Suite` writes → index of the first run that has it; only where
    /// `by_name` was not enough.
    by_suite: HashMap<u64, usize>,
    /// Hash of the whole identity → index of the run; only where `by_name` was not enough.
    by_identity: HashMap<u64, usize>,
}

impl Repeats {
    /// An empty list with room for so many runs.
    #[must_use]
    pub fn with_capacity(runs: usize) -> Self {
        Self {
            runs: Vec::with_capacity(runs),
            by_name: HashMap::with_capacity(runs),
            ..Self::default()
        }
    }

    /// Adds what one element of the file says.
    pub fn add(&mut self, run: ReportedRun, limits: &Limits) {
        let index = self.runs.len();
        let name = self.hash(&run.identity, Scope::Name);
        let first = match self.by_name.entry(name) {
            Entry::Vacant(free) => {
                free.insert(index);
                self.runs.push(run);
                return;
            }
            Entry::Occupied(first) => *first.get(),
        };
        let identity = self.hash(&run.identity, Scope::File);
        let other = self.by_identity.get(&identity).copied();
        for known in [Some(first), other].into_iter().flatten() {
            if let Some(known) = self.runs.get_mut(known)
                && is_same(&known.identity, &run.identity)
            {
                return join(known, run, limits);
            }
        }
        self.by_identity.insert(identity, index);
        self.add_namesake(first, run);
    }

    /// The joined runs, in the order in which the file first names them.
    #[must_use]
    pub fn finish(self) -> Vec<ReportedRun> {
        self.runs
    }

    /// Adds a run that shares class name and name with the run `first`, and is another test:
    /// both need a wider scope now.
    fn add_namesake(&mut self, first: usize, mut run: ReportedRun) {
        let index = self.runs.len();
        if let Some(its_suite) = self.widen(first, Scope::Suite) {
            self.by_suite.entry(its_suite).or_insert(first);
        }
        let suite = self.hash(&run.identity, Scope::Suite);
        run.identity.scope = match self.by_suite.entry(suite) {
            Entry::Vacant(free) => {
                free.insert(index);
                Scope::Suite
            }
            Entry::Occupied(second) => {
                let second = *second.get();
                self.widen(second, Scope::File);
                Scope::File
            }
        };
        self.runs.push(run);
    }

    /// Widens the scope of the run `index` and gives the hash of its identity in that scope.
    fn widen(&mut self, index: usize, scope: Scope) -> Option<u64> {
        let identity = &mut self.runs.get_mut(index)?.identity;
        identity.scope = identity.scope.max(scope);
        let run = self.runs.get(index)?;
        Some(self.hash(&run.identity, scope))
    }

    fn hash(&self, identity: &Identity, scope: Scope) -> u64 {
        if let Some(explicit) = &identity.explicit {
            return self.seed.hash_one(explicit);
        }
        let with_suite = scope >= Scope::Suite || identity.class.is_empty();
        let suite = if with_suite { &*identity.suite } else { "" };
        let file = if scope >= Scope::File {
            identity.file.as_str()
        } else {
            ""
        };
        self.seed
            .hash_one((suite, &identity.class, &identity.name, file))
    }
}

fn is_same(one: &Identity, other: &Identity) -> bool {
    match (&one.explicit, &other.explicit) {
        (Some(one), Some(other)) => one == other,
        (None, None) => {
            one.class == other.class
                && one.name == other.name
                && one.file == other.file
                && one.suite == other.suite
        }
        _ => false,
    }
}

fn join(known: &mut ReportedRun, mut run: ReportedRun, limits: &Limits) {
    let is_other_row =
        known.identity.name != run.identity.name || known.identity.class != run.identity.class;
    let has_rows = [known.sequence, run.sequence].contains(&Sequence::Iterations);
    if is_other_row || has_rows {
        known.sequence = Sequence::Iterations;
        label_rows(known);
        label_rows(&mut run);
    } else {
        known.sequence = Sequence::Repeated;
    }
    known.attempts.append(&mut run.attempts);
    known.duration_ms = match (known.duration_ms, run.duration_ms) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    };
    known.started_ms = known.started_ms.into_iter().chain(run.started_ms).min();
    known.finished_ms = known.finished_ms.into_iter().chain(run.finished_ms).max();
    for requirement in run.requirements {
        add_requirement(&mut known.requirements, requirement, limits);
    }
    for label in run.labels {
        add_label(&mut known.labels, label, limits);
    }
    match (&mut known.remarks, run.remarks) {
        (Some(known), Some(more)) => {
            known.summary = known.summary.take().or(more.summary);
            known.description = known.description.take().or(more.description);
            known.comment = known.comment.take().or(more.comment);
            known.evidence.extend(more.evidence);
            known.custom_fields.extend(more.custom_fields);
            known.steps.extend(more.steps);
            known.defects.extend(more.defects);
            known.executed_by = known.executed_by.take().or(more.executed_by);
            known.assignee = known.assignee.take().or(more.assignee);
            known.definition = known.definition.take().or(more.definition);
            known.makes_test |= more.makes_test;
            known.status = known.status.into_iter().chain(more.status).max();
        }
        (none @ None, more) => *none = more,
        (Some(_), None) => {}
    }
}

/// Names the row that each attempt ran with, by the test where the file does not say.
fn label_rows(run: &mut ReportedRun) {
    for attempt in &mut run.attempts {
        if attempt.label.is_none() {
            attempt.label = Some(run.name.clone());
        }
    }
}

/// Adds a requirement unless it is there or there are too many; stated beats guessed.
///
/// Returns whether there was room for it.
pub fn add_requirement(to: &mut Vec<Requirement>, new: Requirement, limits: &Limits) -> bool {
    if let Some(known) = to.iter_mut().find(|known| known.key == new.key) {
        if new.certainty == Certainty::Stated {
            known.certainty = Certainty::Stated;
        }
        return true;
    }
    let has_room = to.len() < limits.annotations;
    if has_room {
        to.push(new);
    }
    has_room
}

/// Adds a label unless it is there or there are too many; returns whether there was room.
pub fn add_label(to: &mut Vec<String>, new: String, limits: &Limits) -> bool {
    if to.contains(&new) {
        return true;
    }
    let has_room = to.len() < limits.annotations;
    if has_room {
        to.push(new);
    }
    has_room
}
