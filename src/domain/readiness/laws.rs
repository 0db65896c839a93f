//! What holds for every population: order never matters, better results never make a verdict worse,
//! and every failed rule about issues names some.

use proptest::prelude::*;

use super::tables::{defect, id, issue, test};
use super::*;
use crate::domain::coverage::CoverageStatus;
use crate::domain::run::Effect;
use crate::domain::severity::Severity;

const NOW: i64 = 1_795_521_600_000;

prop_compose! {
    fn any_test()(
        number in 0..12_i64,
        effect in prop::sample::select(vec![Effect::Ok, Effect::Ok, Effect::NotRun, Effect::Unknown, Effect::Nok]),
        days in prop::option::weighted(0.8, 0..30_i64),
        is_quarantined in prop::bool::weighted(0.1),
        is_flaky in prop::bool::weighted(0.1),
        retest_days in prop::option::weighted(0.1, 0..30_i64),
        defects in prop::collection::vec(20..24_i64, 0..2),
    ) -> TestFacts {
        let ran_ms = days.map(|days| NOW - days * DAY_MS);
        TestFacts {
            is_quarantined,
            is_flaky,
            is_final: ran_ms.is_some() && matches!(effect, Effect::Ok | Effect::Nok),
            effect: if ran_ms.is_some() { effect } else { Effect::NotRun },
            oldest_ms: ran_ms,
            final_ms: ran_ms,
            retest_ms: retest_days.map(|days| NOW - days * DAY_MS),
            defects: defects.into_iter().map(|number| id(1, number)).collect(),
            ..test(number, effect)
        }
    }
}

/// Issues that share a dozen tests; the status of each is what its counted tests say.
fn any_population() -> impl Strategy<Value = (Vec<IssueFacts>, Vec<DefectFacts>)> {
    let tests = prop::collection::vec(any_test(), 12);
    let covers = prop::collection::vec(prop::collection::btree_set(0..12_usize, 0..5), 0..10);
    let severity = || prop::sample::select(Severity::ALL.to_vec());
    let defects = prop::collection::vec((severity(), any::<bool>()), 4);
    (tests, covers, defects).prop_map(|(tests, covers, defects)| {
        let tests: Vec<TestFacts> = tests
            .into_iter()
            .zip(0_i64..)
            .map(|(facts, number)| TestFacts {
                id: id(2, number),
                key: format!("SHOP-T{number}"),
                ..facts
            })
            .collect();
        let issues = covers.into_iter().zip(1_i64..).map(|(covers, number)| {
            let own: Vec<_> = covers
                .into_iter()
                .filter_map(|place| tests.get(place).cloned())
                .collect();
            let says = own
                .iter()
                .filter(|test| test.counts())
                .map(|test| test.effect);
            issue(number, CoverageStatus::of_effects(says), &own)
        });
        let defects = defects
            .into_iter()
            .zip(20_i64..)
            .map(|((severity, is_open), number)| DefectFacts {
                is_open,
                fixed_ms: (!is_open).then_some(NOW - 7 * DAY_MS),
                ..defect(number, severity)
            });
        (issues.collect(), defects.collect())
    })
}

fn standing(issues: &[IssueFacts], defects: &[DefectFacts]) -> Standing {
    let mut gathering = Gathering::default();
    for issue in issues {
        gathering.add(issue.clone());
    }
    gathering.finish(defects.to_vec())
}

fn strict() -> Gate {
    let mut gate = Gate::default();
    for rule in RuleName::ALL {
        let limit = rule.default_setting().limit;
        gate.set(
            rule,
            RuleSetting {
                level: Level::Required,
                limit,
            },
        );
    }
    gate
}

proptest! {
    #[test]
    fn the_order_of_the_issues_never_matters(
        (issues, defects) in any_population(),
        turn in 0..10_usize,
    ) {
        let mut turned = issues.clone();
        turned.rotate_left(turn.min(issues.len()));
        turned.reverse();
        let (one, other) = (standing(&issues, &defects), standing(&turned, &defects));
        prop_assert_eq!(one.measures(14, NOW), other.measures(14, NOW));
        let (one, other) = (one.judge(&strict(), NOW), other.judge(&strict(), NOW));
        prop_assert_eq!(one.verdict, other.verdict);
        for (one, other) in one.outcomes.iter().zip(&other.outcomes) {
            let keys = |outcome: &Outcome| {
                let mut keys: Vec<String> = outcome.issues.iter().map(|note| note.key.clone()).collect();
                keys.sort();
                keys
            };
            prop_assert_eq!(keys(one), keys(other), "{:?}", one.rule);
        }
    }

    #[test]
    fn a_failed_rule_names_issues_and_one_that_holds_names_none((issues, defects) in any_population()) {
        let judgement = standing(&issues, &defects).judge(&strict(), NOW);
        for outcome in &judgement.outcomes {
            let names_some = !outcome.issues.is_empty();
            let expected = !outcome.holds && outcome.rule != RuleName::Planned;
            prop_assert_eq!(names_some, expected, "{:?}", outcome);
        }
        let fails = judgement.outcomes.iter().any(|outcome| !outcome.holds);
        prop_assert_eq!(judgement.verdict == Verdict::NotReady, fails);
    }

    #[test]
    fn measures_are_parts_of_their_wholes((issues, defects) in any_population()) {
        let standing = standing(&issues, &defects);
        let all = standing.measures(14, NOW);
        prop_assert_eq!(all.ok + all.nok + all.not_run + all.unknown + all.uncovered, all.issues);
        for share in [
            all.coverage(), all.verified(), all.executed(), all.pass_rate(), all.stale(),
            all.outdated(), all.flaky_exposure(),
        ] {
            prop_assert!(share.part <= share.whole, "{:?}", all);
        }
        prop_assert!(all.severe_defects <= all.open_defects && all.retest <= all.tests);
        let by_priority: usize = all.by_priority.iter().map(|(_, count)| count).sum();
        prop_assert_eq!(by_priority, all.open_defects);
        prop_assert!(Score::of(&all).tenths <= 1000);
        let kept = serde_json::to_string(&all).unwrap();
        prop_assert_eq!(serde_json::from_str::<Measures>(&kept).unwrap(), all);
    }

    #[test]
    fn a_test_that_passes_now_never_makes_the_verdict_worse(
        (issues, defects) in any_population(),
        number in 0..12_i64,
    ) {
        let before = standing(&issues, &defects).judge(&Gate::default(), NOW);
        let better: Vec<IssueFacts> = issues
            .iter()
            .map(|held| {
                let mut held = held.clone();
                for test in &mut held.tests {
                    if test.id == id(2, number) {
                        test.effect = Effect::Ok;
                        test.is_final = true;
                        (test.oldest_ms, test.final_ms) = (Some(NOW), Some(NOW));
                    }
                }
                let says = held.tests.iter().filter(|test| test.counts()).map(|test| test.effect);
                held.status = CoverageStatus::of_effects(says);
                held
            })
            .collect();
        let after = standing(&better, &defects).judge(&Gate::default(), NOW);
        // Only the exposure may grow: an issue that passes now may lean on a flaky test.
        let required = |judgement: &Judgement| judgement.failed().any(|one| one.setting.level == Level::Required);
        prop_assert!(!required(&after) || required(&before));
    }
}
