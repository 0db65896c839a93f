//! What holds for every history of runs: what [`Latest`] keeps is enough, order does not matter, and
//! a pass never hurts.

use std::sync::Arc;

use proptest::prelude::*;

use super::worked_examples::{covered, judged, latest, linked, run};
use super::worked_scopes::{Made, in_scope, judged_of};
use super::*;
use crate::domain::execution::Particulars;
use crate::domain::run::Effect;
use crate::domain::run::RunStatus::{self, Passed, Todo, Unknown};
use crate::domain::statuses::{CustomStatus, Statuses};

const DAY_MS: i64 = 86_400_000;
const ENVIRONMENTS: [&str; 3] = ["chrome", "firefox", "safari"];

/// The statuses of a site that made one of each effect.
fn site_statuses() -> Statuses {
    let made = |(code, effect, is_final)| CustomStatus {
        code,
        name: format!("Made {code}"),
        colour: "#000000".to_owned(),
        is_final,
        effect,
        rank: 450,
    };
    let each = [
        (100, Effect::Ok, true),
        (101, Effect::NotRun, false),
        (102, Effect::Unknown, true),
        (103, Effect::Nok, true),
    ];
    Statuses {
        custom: each.map(made).to_vec(),
    }
}

prop_compose! {
    fn any_run()(
        status in prop::sample::select(site_statuses().all().collect::<Vec<_>>()),
        finished_ms in 0..20_i64,
        started_ms in prop::option::of(0..5_i64),
        environments in prop::sample::subsequence(ENVIRONMENTS.to_vec(), 0..=3),
        is_incomplete in prop::bool::weighted(0.1),
        is_flaky in prop::bool::weighted(0.1),
        version in 1..=2_i32,
        revision in prop::option::of(prop::sample::select(vec!["4f1c", "a001"])),
        branch in prop::option::of(prop::sample::select(vec!["main", "next"])),
    ) -> RunFact {
        RunFact {
            started_ms,
            is_incomplete,
            is_flaky,
            version,
            revision: revision.map(str::to_owned),
            branch: branch.map(str::to_owned),
            ..run(status, finished_ms, &environments)
        }
    }
}

/// Runs in the order of their arrival, each with a name of its own.
fn any_runs() -> impl Strategy<Value = Vec<RunFact>> {
    prop::collection::vec(any_run(), 0..30).prop_map(|runs| {
        let numbered = runs.into_iter().zip(1_i64..);
        numbered
            .map(|(run, number)| RunFact {
                number,
                arrived_ms: number / 3,
                ..run
            })
            .collect()
    })
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let treatment =
        || prop::sample::select(vec![Treatment::NotRun, Treatment::Nok, Treatment::Ignore]);
    (any::<bool>(), treatment(), treatment()).prop_map(|(final_precedence, skipped, blocked)| {
        Settings {
            final_precedence,
            skipped,
            blocked,
            statuses: Arc::new(site_statuses()),
            ..Settings::default()
        }
    })
}

/// Runs whose executions were made for one of two versions, plans and sprints each, or not.
fn any_made_runs() -> impl Strategy<Value = Vec<Made>> {
    (any_runs(), prop::collection::vec(any_particulars(), 30))
        .prop_map(|(runs, particulars)| particulars.into_iter().zip(runs).collect())
}

fn any_particulars() -> impl Strategy<Value = Particulars> {
    let name = || prop::sample::select(vec![None, Some("1".to_owned()), Some("2".to_owned())]);
    (name(), name(), name()).prop_map(|(fix_version, plan, sprint)| Particulars {
        fix_version,
        plan,
        sprint,
        ..Particulars::default()
    })
}

fn any_scope() -> impl Strategy<Value = Scope> {
    let scopes = ["latest", "version:1", "plan:1", "sprint:1"];
    let environments = prop::option::of(prop::sample::select(ENVIRONMENTS.to_vec()));
    (prop::sample::select(scopes.to_vec()), environments)
        .prop_map(|(text, environment)| Scope::named(text, environment).unwrap())
}

/// Particulars that every scope with the name 1 takes.
fn of_every_scope() -> Particulars {
    let one = || Some("1".to_owned());
    Particulars {
        fix_version: one(),
        plan: one(),
        sprint: one(),
        ..Particulars::default()
    }
}

/// The same runs, a day apart for each millisecond.
fn by_days(runs: &[RunFact]) -> Vec<RunFact> {
    let spread = |run: &RunFact| RunFact {
        finished_ms: run.finished_ms * DAY_MS,
        ..run.clone()
    };
    runs.iter().map(spread).collect()
}

fn any_child() -> impl Strategy<Value = ChildSays> {
    let nothing = [
        ChildExclusion::Exempt,
        ChildExclusion::Status("Dropped".to_owned()),
        ChildExclusion::Resolution("Won't Do".to_owned()),
        ChildExclusion::Cycle,
        ChildExclusion::TooDeep,
    ];
    let statuses = CoverageStatus::ALL.map(ChildSays::Status);
    let all: Vec<ChildSays> = (statuses.into_iter())
        .chain(nothing.map(ChildSays::Nothing))
        .collect();
    prop::sample::select(all)
}

/// Section 3, step 2, word for word over the whole history: what [`Latest`] must agree with.
fn status_from_history(runs: &[RunFact], settings: &Settings) -> RunStatus {
    let mut groups: Vec<&str> = ENVIRONMENTS.to_vec();
    groups.push(NO_ENVIRONMENT);
    let picked = groups.into_iter().filter_map(|group| {
        let of_group = runs.iter().filter(|run| {
            let is_in = run.environments.iter().any(|e| e == group)
                || (group == NO_ENVIRONMENT && run.environments.is_empty());
            is_in && (settings.effect(run.status).is_some() || run.is_incomplete)
        });
        let moment = |run: &&RunFact| {
            let key = run.execution_key.clone();
            (
                run.finished_ms,
                run.started_ms,
                run.arrived_ms,
                key,
                run.number,
            )
        };
        let is_final = |run: &&RunFact| settings.statuses.is_final(run.status);
        let newest_final = of_group.clone().filter(is_final).max_by_key(moment);
        let newest = of_group.max_by_key(moment);
        if settings.final_precedence {
            newest_final.or(newest)
        } else {
            newest
        }
    });
    let said = picked.map(|run| match settings.effect(run.status) {
        Some(Effect::Nok) => (Effect::Nok, run.status),
        Some(effect) if !run.is_incomplete => (effect, run.status),
        _ => (Effect::Unknown, Unknown),
    });
    said.max_by_key(|(effect, status)| (*effect, settings.statuses.rank(*status)))
        .map_or(Todo, |(_, status)| status)
}

/// How bad a status is: OK, not run, unknown, NOK.
fn severity(status: CoverageStatus) -> usize {
    use CoverageStatus::{Exempt, Nok, NotRun, Ok, Uncovered, Unknown};
    let order = [Exempt, Ok, NotRun, Unknown, Nok];
    order
        .iter()
        .position(|s| *s == status)
        .unwrap_or(usize::from(status == Uncovered))
}

proptest! {
    #[test]
    fn the_order_of_arrival_never_matters(
        (runs, shuffled) in any_runs()
            .prop_flat_map(|runs| (Just(runs.clone()), Just(runs).prop_shuffle())),
    ) {
        prop_assert_eq!(latest(&runs), latest(&shuffled));
    }

    #[test]
    fn recording_a_run_again_changes_nothing(runs in any_runs()) {
        let once = latest(&runs);
        let mut twice = once.clone();
        for run in &runs {
            twice.record(run);
        }
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn what_is_kept_gives_the_status_of_the_whole_history(
        runs in any_runs(), settings in any_settings(),
    ) {
        let kept = latest(&runs);
        let status = kept.status(&settings).status;
        prop_assert_eq!(status, status_from_history(&runs, &settings));
    }

    #[test]
    fn what_is_kept_survives_the_store(runs in any_runs()) {
        let kept = latest(&runs);
        let text = serde_json::to_string(&kept).unwrap();
        prop_assert_eq!(serde_json::from_str::<Latest>(&text).unwrap(), kept);
    }

    #[test]
    fn adding_a_pass_never_makes_a_status_worse(
        histories in prop::collection::vec(any_runs(), 1..4),
        pass in any_run(),
        settings in any_settings(),
    ) {
        let before: Vec<Latest> = histories.iter().map(|runs| latest(runs)).collect();
        let mut after = before.clone();
        let pass = RunFact { status: Passed, is_incomplete: false, number: 0, ..pass };
        after[0].record(&pass);
        let (before, _) = judged(&before, &settings, None);
        let (after, _) = judged(&after, &settings, None);
        prop_assert!(severity(after) <= severity(before), "{before:?} became {after:?}");
    }

    #[test]
    fn in_every_scope_the_order_of_arrival_never_matters(
        (runs, shuffled) in any_made_runs()
            .prop_flat_map(|runs| (Just(runs.clone()), Just(runs).prop_shuffle())),
        settings in any_settings(),
        scope in any_scope(),
    ) {
        let judged = |runs| judged_of(&[runs], &settings, &scope);
        prop_assert_eq!(judged(runs), judged(shuffled));
    }

    #[test]
    fn in_every_scope_adding_a_pass_never_makes_a_status_worse(
        mut histories in prop::collection::vec(any_made_runs(), 1..4),
        pass in any_run(),
        settings in any_settings(),
        scope in any_scope(),
    ) {
        // A plan that begins to run one more test is another plan.
        let in_plan = in_scope(&histories[0], scope.made_for.as_ref());
        prop_assume!(!scope.is_plan() || !in_plan.is_empty());
        let (before, _) = judged_of(&histories, &settings, &scope);
        let pass = RunFact { status: Passed, is_incomplete: false, number: 0, ..pass };
        histories[0].push((of_every_scope(), pass));
        let (after, _) = judged_of(&histories, &settings, &scope);
        prop_assert!(severity(after) <= severity(before), "{before:?} became {after:?}");
    }

    #[test]
    fn runs_made_for_something_else_decide_nothing(
        runs in any_made_runs(), settings in any_settings(), scope in any_scope(),
    ) {
        let takes = |made: &&Made| scope.made_for.as_ref().is_none_or(|it| it.takes(&made.0));
        let alone: Vec<Made> = runs.iter().filter(takes).cloned().collect();
        let (status, reason) = judged_of(&[runs], &settings, &scope);
        let (status_alone, reason_alone) = judged_of(&[alone], &settings, &scope);
        prop_assert_eq!(status, status_alone);
        prop_assert_eq!(reason.decided_by, reason_alone.decided_by);
    }

    #[test]
    fn every_status_names_what_decided_it(histories in prop::collection::vec(any_runs(), 1..4)) {
        let tests: Vec<Latest> = histories.iter().map(|runs| latest(runs)).collect();
        let (_, reason) = judged(&tests, &Settings::default(), None);
        prop_assert!(!reason.decided_by.is_empty());
        prop_assert_eq!(reason.computed_ms, 99);
        prop_assert!(reason.sentence().to_string().ends_with('.'));
    }

    #[test]
    fn a_pass_that_can_be_trusted_never_makes_a_status_worse(
        histories in prop::collection::vec(any_runs(), 1..4),
        pass in any_run(),
        settings in any_settings(),
        strict_outdated in any::<bool>(),
        freshness_days in prop::option::of(5..15_u32),
        text_changed_day in prop::option::of(0..20_i64),
    ) {
        let settings = Settings { freshness_days, strict_outdated, ..settings };
        let before: Vec<Kept> = histories.iter().map(|runs| Kept::of(&by_days(runs))).collect();
        let text_changed_ms = text_changed_day.map(|day| day * DAY_MS);
        let pass = RunFact {
            status: Passed,
            is_incomplete: false,
            number: 0,
            version: 2,
            finished_ms: (20 - pass.finished_ms % 5) * DAY_MS,
            ..pass
        };
        let mut after = before.clone();
        after[0].record(&pass);
        let judged = |kept: &[Kept]| {
            let tests: Vec<LinkedTest<'_>> = (kept.iter())
                .map(|kept| LinkedTest {
                    version: 2,
                    window: Some(&kept.window),
                    ..linked(&kept.latest)
                })
                .collect();
            let issue = CoveredIssue { text_changed_ms, ..covered(&tests) };
            of_issue(&issue, &settings, &Scope::default(), 20 * DAY_MS).status
        };
        // A pass from before the text changed says nothing of the text as it is now.
        prop_assume!(text_changed_ms.is_none_or(|at| pass.finished_ms >= at));
        let (before, after) = (judged(&before), judged(&after));
        prop_assert!(severity(after) <= severity(before), "{before:?} became {after:?}");
    }

    #[test]
    fn whatever_the_reason_it_leaves_the_service_whole(
        histories in prop::collection::vec(any_made_runs(), 0..4),
        settings in any_settings(),
        scope in any_scope(),
        children in prop::collection::vec(any_child(), 0..5),
    ) {
        let (_, reason) = judged_of(&histories, &settings, &scope);
        let own = Coverage {
            status: reason.status,
            counts: Counts::default(),
            reason,
            tests: Vec::new(),
        };
        let child = |says: &ChildSays| Child {
            key: "SHOP-1",
            summary: "A story",
            says: says.clone(),
        };
        let children: Vec<Child<'_>> = children.iter().map(child).collect();
        let whole = with_children(own, &children, &settings);
        let explained = Explanation::of(&whole.reason);
        prop_assert_eq!(&explained.status, whole.status.name());
        prop_assert!(explained.sentence.ends_with('.'), "{}", explained.sentence);
        prop_assert!(explained.lines.iter().all(|line| line.ends_with('.')));
        let text = serde_json::to_string(&explained).unwrap();
        prop_assert_eq!(serde_json::from_str::<Explanation>(&text).unwrap(), explained);
    }

    #[test]
    fn the_order_of_children_never_matters(
        (children, shuffled) in prop::collection::vec(any_child(), 0..6)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        runs in any_runs(),
        uncovered_children_block in any::<bool>(),
    ) {
        let settings = Settings { uncovered_children_block, ..Settings::default() };
        let kept = latest(&runs);
        let status = |children: &[ChildSays]| {
            let tests = [linked(&kept)];
            let own = of_issue(&covered(&tests), &settings, &Scope::default(), 99);
            let children: Vec<Child<'_>> = (children.iter())
                .map(|says| Child { key: "SHOP-1", summary: "A story", says: says.clone() })
                .collect();
            let whole = with_children(own, &children, &settings);
            (whole.status, whole.reason.rule)
        };
        prop_assert_eq!(status(&children), status(&shuffled));
    }
}
