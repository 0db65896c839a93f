//! What several results of the same test amount to: attempts of one run, or its iterations.
//!
//! Rules: `reference/test-management.md` sections 5.1 (iterations), 5.2 (attempts), 5.3 (repeated
//! identities), with the worked example W12 as tests. The care taken with unmarked repeats is for
//! pytest-rerunfailures, which writes each failed attempt as an element that looks like a pass.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::run::{Effect, RunStatus};
use super::statuses::Statuses;

/// Which of several attempts decides; a project's setting that an upload may override.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Aggregation {
    /// The worst attempt by rank.
    #[default]
    Worst,
    /// The last attempt.
    Last,
    /// A pass if any attempt passed.
    Best,
    /// A mix of pass and failure passes, with the flaky mark; anything else is the worst.
    Flaky,
}

impl Aggregation {
    /// The policy with this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "worst" => Some(Self::Worst),
            "last" => Some(Self::Last),
            "best" => Some(Self::Best),
            "flaky" => Some(Self::Flaky),
            _ => None,
        }
    }
}

/// How we know that several results belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sequence {
    /// The file says which results are retries, in this order. A single result is this too.
    Marked,
    /// The same identity stands in the file more than once, without a word why.
    Repeated,
    /// Different data for the same test: every one of them has to pass.
    Iterations,
}

/// The status of a run from the statuses of its parts in order, and whether they make it flaky.
///
/// No part at all is [`RunStatus::Unknown`].
#[must_use]
pub fn aggregate(
    parts: &[RunStatus],
    sequence: Sequence,
    policy: Aggregation,
    statuses: &Statuses,
) -> (RunStatus, bool) {
    let Some(worst) = statuses.worst(parts.iter().copied()) else {
        return (RunStatus::Unknown, false);
    };
    if sequence == Sequence::Iterations {
        return (of_iterations(parts, worst, statuses), false);
    }
    let is_flaky = is_flaky(parts, sequence, statuses);
    let may_forgive = is_flaky || sequence == Sequence::Marked;
    let status = match policy {
        Aggregation::Last => parts.last().copied().unwrap_or(worst),
        Aggregation::Best if may_forgive => best(parts, worst, statuses),
        Aggregation::Flaky if is_flaky => RunStatus::Passed,
        Aggregation::Worst | Aggregation::Best | Aggregation::Flaky => worst,
    };
    (status, is_flaky)
}

/// Whether the parts hold a failure and a pass; when unmarked, in this order only.
fn is_flaky(parts: &[RunStatus], sequence: Sequence, statuses: &Statuses) -> bool {
    let says = |effect| move |part: &RunStatus| statuses.effect(*part) == effect;
    let first_failure = parts.iter().position(says(Effect::Nok));
    let pass = match sequence {
        Sequence::Marked => parts.iter().position(says(Effect::Ok)),
        Sequence::Repeated => parts.iter().rposition(says(Effect::Ok)),
        Sequence::Iterations => None,
    };
    match (first_failure, pass) {
        (Some(failure), Some(pass)) => sequence == Sequence::Marked || failure < pass,
        _ => false,
    }
}

/// A pass if there is one; else the mildest part that ran to an outcome; else the mildest.
fn best(parts: &[RunStatus], worst: RunStatus, statuses: &Statuses) -> RunStatus {
    let effect = |part: &RunStatus| statuses.effect(*part);
    let badness = |part: &RunStatus| (effect(part), statuses.rank(*part));
    let ran = |part: &RunStatus| matches!(effect(part), Effect::Ok | Effect::Nok);
    let all = || parts.iter().copied();
    let mildest_that_ran = all().filter(ran).min_by_key(badness);
    mildest_that_ran
        .or_else(|| all().min_by_key(badness))
        .unwrap_or(worst)
}

/// Section 5.1: one failure fails the run, one open iteration keeps it open.
fn of_iterations(parts: &[RunStatus], worst: RunStatus, statuses: &Statuses) -> RunStatus {
    if statuses.effect(worst) == Effect::Nok {
        return RunStatus::Failed;
    }
    let some_passed = (parts.iter()).any(|part| statuses.effect(*part) == Effect::Ok);
    let worst_is_open = matches!(worst, RunStatus::Todo | RunStatus::Pending);
    if some_passed && worst_is_open {
        RunStatus::Executing
    } else {
        worst
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RunStatus::{Error, Failed, Passed, Skipped, Todo};
    use proptest::prelude::*;

    fn marked(parts: &[RunStatus], policy: Aggregation) -> (RunStatus, bool) {
        aggregate(parts, Sequence::Marked, policy, &Statuses::default())
    }

    #[test]
    fn w12_failed_then_passed() {
        let parts = [Failed, Passed];
        assert_eq!(marked(&parts, Aggregation::Worst), (Failed, true));
        assert_eq!(marked(&parts, Aggregation::Last), (Passed, true));
        assert_eq!(marked(&parts, Aggregation::Best), (Passed, true));
        assert_eq!(marked(&parts, Aggregation::Flaky), (Passed, true));
    }

    #[test]
    fn w12_passed_then_failed_and_twice_failed() {
        assert_eq!(marked(&[Passed, Failed], Aggregation::Last), (Failed, true));
        for policy in [
            Aggregation::Worst,
            Aggregation::Last,
            Aggregation::Best,
            Aggregation::Flaky,
        ] {
            assert_eq!(marked(&[Failed, Failed], policy), (Failed, false));
        }
    }

    #[test]
    fn bogus_passes_before_a_failure_never_win() {
        let parts = [Passed, Passed, Passed, Failed];
        for policy in [
            Aggregation::Worst,
            Aggregation::Last,
            Aggregation::Best,
            Aggregation::Flaky,
        ] {
            assert_eq!(
                aggregate(&parts, Sequence::Repeated, policy, &Statuses::default()),
                (Failed, false)
            );
        }
    }

    #[test]
    fn an_unmarked_failure_before_a_pass_is_a_retry() {
        let parts = [Failed, Error, Passed];
        let of = |policy| aggregate(&parts, Sequence::Repeated, policy, &Statuses::default());
        assert_eq!(of(Aggregation::Worst), (Failed, true));
        assert_eq!(of(Aggregation::Best), (Passed, true));
        assert_eq!(of(Aggregation::Flaky), (Passed, true));
    }

    #[test]
    fn every_iteration_has_to_pass() {
        let built_in = Statuses::default();
        let of = |parts: &[RunStatus]| {
            aggregate(parts, Sequence::Iterations, Aggregation::Best, &built_in)
        };
        assert_eq!(of(&[Failed, Passed]), (Failed, false));
        assert_eq!(of(&[Error, Passed]), (Failed, false));
        assert_eq!(of(&[Passed, Todo]), (RunStatus::Executing, false));
        assert_eq!(of(&[Todo, Todo]), (Todo, false));
        assert_eq!(of(&[Passed, Skipped]), (Skipped, false));
        assert_eq!(of(&[Passed, Passed]), (Passed, false));
    }

    #[test]
    fn best_does_not_hide_a_failure_behind_a_skip() {
        assert_eq!(
            marked(&[Skipped, Failed], Aggregation::Best),
            (Failed, false)
        );
        assert_eq!(marked(&[Skipped, Todo], Aggregation::Best), (Todo, false));
        assert_eq!(marked(&[], Aggregation::Best), (RunStatus::Unknown, false));
    }

    fn statuses() -> impl Strategy<Value = Vec<RunStatus>> {
        proptest::collection::vec(proptest::sample::select(RunStatus::ALL.to_vec()), 1..8)
    }

    proptest! {
        #[test]
        fn equal_attempts_are_what_they_are(
            status in proptest::sample::select(RunStatus::ALL.to_vec()), count in 1_usize..6,
        ) {
            let parts = vec![status; count];
            for policy in
                [Aggregation::Worst, Aggregation::Last, Aggregation::Best, Aggregation::Flaky]
            {
                for sequence in [Sequence::Marked, Sequence::Repeated] {
                    let amounts_to = aggregate(&parts, sequence, policy, &Statuses::default());
                    prop_assert_eq!(amounts_to, (status, false));
                }
            }
        }

        #[test]
        fn worst_ignores_order_and_no_policy_is_worse(parts in statuses()) {
            let (worst, is_flaky) = marked(&parts, Aggregation::Worst);
            let mut turned = parts.clone();
            turned.reverse();
            prop_assert_eq!(marked(&turned, Aggregation::Worst), (worst, is_flaky));
            for policy in [Aggregation::Last, Aggregation::Best, Aggregation::Flaky] {
                prop_assert!(marked(&parts, policy).0 <= worst);
                prop_assert!(parts.contains(&marked(&parts, policy).0));
            }
        }

        #[test]
        fn unmarked_is_never_milder_than_marked(parts in statuses()) {
            for policy in [Aggregation::Worst, Aggregation::Best, Aggregation::Flaky] {
                let (unmarked, guessed) =
                    aggregate(&parts, Sequence::Repeated, policy, &Statuses::default());
                let (marked, known) = marked(&parts, policy);
                prop_assert!(unmarked >= marked);
                prop_assert!(known || !guessed);
            }
        }
    }
}
