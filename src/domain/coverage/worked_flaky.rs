//! When a test is flaky, when it is not any more, and what that means for its issue: section 5.4.

use proptest::prelude::*;

use super::worked_examples::{covered, latest, linked, run};
use super::*;
use crate::domain::run::RunStatus::{self, Failed, Passed, Skipped};

/// Results in the order they finished: `P` passed, `F` failed, `S` skipped.
fn results(letters: &str) -> Vec<RunFact> {
    let status = |letter| match letter {
        'P' => Passed,
        'F' => Failed,
        _ => Skipped,
    };
    (1..)
        .zip(letters.chars())
        .map(|(at, letter)| run(status(letter), at, &[]))
        .collect()
}

fn on(revision: &str, runs: Vec<RunFact>) -> Vec<RunFact> {
    let made = |run| RunFact {
        revision: Some(revision.to_owned()),
        ..run
    };
    runs.into_iter().map(made).collect()
}

fn window(runs: &[RunFact]) -> Window {
    Kept::of(runs).window
}

fn flaky(runs: &[RunFact]) -> Option<FlakyEvidence> {
    window(runs).flaky_in(NO_ENVIRONMENT, &Settings::default())
}

fn name(execution: &str) -> RunName {
    RunName {
        execution_key: execution.to_owned(),
        number: 1,
    }
}

#[test]
fn a_pass_and_a_failure_on_one_revision_are_hard_evidence() {
    let evidence = flaky(&on("4f1c", results("FP")));
    assert_eq!(
        evidence,
        Some(FlakyEvidence::SameRevision {
            revision: Some("4f1c".to_owned()),
            passed: name("SHOP-E2"),
            failed: name("SHOP-E1"),
        })
    );
    let mut two = on("4f1c", results("F"));
    two.extend(on("a001", results("SP")));
    assert_eq!(flaky(&two), None, "it was fixed in between");
}

#[test]
fn without_a_revision_one_execution_takes_its_place() {
    let runs = results("FP");
    assert_eq!(flaky(&runs), None);
    let in_one: Vec<RunFact> = (1..)
        .zip(runs)
        .map(|(number, run)| RunFact {
            number,
            execution_key: "SHOP-E1".to_owned(),
            ..run
        })
        .collect();
    let evidence = flaky(&in_one).unwrap();
    assert_eq!(evidence.name(), "same-revision");
}

#[test]
fn attempts_that_disagree_are_hard_evidence() {
    let disagreed = RunFact {
        is_flaky: true,
        ..run(Passed, 1, &[])
    };
    assert_eq!(
        flaky(&[disagreed]),
        Some(FlakyEvidence::Attempts(name("SHOP-E1")))
    );
}

#[test]
fn soft_evidence_is_three_changes_in_ten_pairs() {
    let flips = |letters: &str| match flaky(&results(letters)) {
        Some(FlakyEvidence::Flips { flips, results, .. }) => Some((flips, results)),
        None => None,
        Some(other) => panic!("{other:?}"),
    };
    assert_eq!(flips("PFPFP"), Some((4, 5)));
    assert_eq!(flips("PFPF"), None, "four results say nothing yet");
    assert_eq!(flips("PPPPPFFFFF"), None, "it broke once");
    assert_eq!(flips("PPFPPPPF"), Some((3, 8)));
    assert_eq!(flips("PPPPPPPFPPP"), None, "two changes in ten pairs");
    assert_eq!(flips("PSSFSSPSSFSSP"), Some((4, 5)), "skips are no results");
}

#[test]
fn branches_are_kept_apart() {
    let runs = results("PFPFPFPFPF");
    let on_branch = |(n, run): (usize, RunFact)| RunFact {
        branch: Some(if n % 2 == 0 { "main" } else { "next" }.to_owned()),
        ..run
    };
    let apart: Vec<RunFact> = runs.into_iter().enumerate().map(on_branch).collect();
    assert_eq!(flaky(&apart), None, "main always passes, next always fails");
}

#[test]
fn environments_are_kept_apart() {
    let mut runs = results("PFPFP");
    for run in &mut runs {
        run.environments = vec!["chrome".to_owned()];
    }
    runs.extend((6..11).map(|at| run(Passed, at, &["firefox"])));
    let found = window(&runs);
    let settings = Settings::default();
    assert!(found.flaky_in("chrome", &settings).is_some());
    assert_eq!(found.flaky_in("firefox", &settings), None);
    let everywhere: Vec<&str> = found.flaky(&settings).into_keys().collect();
    assert_eq!(everywhere, ["chrome"]);
}

#[test]
fn what_another_environment_still_needs_is_no_result_here() {
    let mut runs = results("PFPFPFPF");
    for run in &mut runs {
        run.environments = vec!["chrome".to_owned(), "firefox".to_owned()];
    }
    // Twenty newer ones in one of them, which broke once.
    let newer = (9..20).map(|at| run(Passed, at, &["chrome"]));
    let newest = (20..29).map(|at| run(Failed, at, &["chrome"]));
    runs.extend(newer.chain(newest));
    let everywhere: Vec<String> = window(&runs)
        .flaky(&Settings::default())
        .into_keys()
        .map(str::to_owned)
        .collect();
    assert_eq!(everywhere, ["firefox"]);
}

#[test]
fn ten_equal_results_clear_the_mark() {
    let evidence = |streak| {
        flaky(&on(
            "4f1c",
            results(&format!("FPFPF{}", "P".repeat(streak))),
        ))
    };
    assert!(evidence(9).is_some());
    assert_eq!(evidence(10), None);
}

#[test]
fn what_a_flaky_test_means_is_a_setting() {
    use CoverageStatus::{Nok, Ok, Unknown};

    let status = |letters: &str, effect: &str| {
        let runs = on("4f1c", results(letters));
        let (kept, window) = (latest(&runs), window(&runs));
        let test = LinkedTest {
            window: Some(&window),
            ..linked(&kept)
        };
        let choices = format!(r#"{{"flakyEffect": "{effect}"}}"#);
        let settings = Settings::default().with(&serde_json::from_str(&choices).unwrap());
        let tests = [test];
        let coverage = of_issue(&covered(&tests), &settings, &Scope::default(), 99);
        (coverage.status, coverage.reason.sentence().to_string())
    };
    assert_eq!(status("FP", "count"), (Ok, "The only test passed.".into()));
    assert_eq!(
        status("FP", "unknown"),
        (Unknown, "Test 1 passed but is flaky.".into())
    );
    assert_eq!(
        status("FP", "nok"),
        (Nok, "Test 1 passed but is flaky.".into())
    );
    assert_eq!(
        status("PF", "unknown"),
        (Unknown, "Test 1 failed but is flaky.".into())
    );
    assert_eq!(status("PF", "nok"), (Nok, "Test 1 failed.".into()));
}

#[test]
fn a_flaky_test_says_so_in_its_line() {
    let runs = on("4f1c", results("FP"));
    let (kept, window) = (latest(&runs), window(&runs));
    let test = LinkedTest {
        window: Some(&window),
        ..linked(&kept)
    };
    let tests = [test];
    let coverage = of_issue(
        &covered(&tests),
        &Settings::default(),
        &Scope::default(),
        99,
    );
    assert!(coverage.tests[0].flaky().is_some());
    assert_eq!(
        coverage.reason.lines()[0].text,
        "SHOP-T1 passed in SHOP-E2. It is flaky: it passed and failed on revision 4f1c."
    );
}

/// Any history of passes, failures and others, longer than the window.
fn any_results() -> impl Strategy<Value = Vec<RunFact>> {
    let one = (
        prop::sample::select(RunStatus::ALL.to_vec()),
        0..40_i64,
        prop::sample::subsequence(vec!["chrome", "firefox"], 0..=2),
        any::<bool>(),
    );
    prop::collection::vec(one, 0..80).prop_map(|runs| {
        (1..)
            .zip(runs)
            .map(|(number, (status, at, environments, is_flaky))| RunFact {
                number,
                arrived_ms: number / 3,
                is_flaky,
                revision: (at % 3 == 0).then(|| "4f1c".to_owned()),
                ..run(status, at, &environments)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn the_order_of_arrival_never_matters_to_the_window(
        (runs, shuffled) in any_results()
            .prop_flat_map(|runs| (Just(runs.clone()), Just(runs).prop_shuffle())),
    ) {
        prop_assert_eq!(window(&runs), window(&shuffled));
        let mut twice = window(&runs);
        for run in &shuffled {
            twice.record(run);
        }
        prop_assert_eq!(window(&runs), twice);
    }

    #[test]
    fn the_window_survives_the_store_and_is_read_when_it_matters(runs in any_results()) {
        let kept = window(&runs);
        let text = serde_json::to_string(&kept).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Window>(&text).unwrap(), &kept);
        prop_assert!(kept.is_mixed() || kept.flaky(&Settings::default()).is_empty());
    }

    #[test]
    fn the_window_gives_what_the_whole_history_gives(runs in any_results()) {
        let settings = Settings::default();
        let kept = window(&runs);
        for environment in ["chrome", "firefox", NO_ENVIRONMENT] {
            let mut of_group: Vec<RunFact> = (runs.iter())
                .filter(|run| run.groups().any(|group| group == environment))
                .filter(|run| matches!(run.status, Passed | Failed | RunStatus::Error))
                .cloned()
                .collect();
            of_group.sort_by(|a, b| b.moment().cmp(&a.moment()));
            of_group.truncate(20);
            let alone = window(&of_group);
            prop_assert_eq!(
                kept.flaky_in(environment, &settings),
                alone.flaky_in(environment, &settings)
            );
        }
    }
}
