//! The worked examples of `reference/test-management.md` section 4 that need scope *latest* only.
//! (Other scopes: `worked_scopes`; W13, parents: `worked_children`; W12, attempts:
//! `domain::attempts`; what makes a result untrusted: `worked_doubts`.)

use uuid::Uuid;

use super::*;
use crate::domain::run::RunStatus::{
    self, Blocked, Error, Executing, Failed, Passed, Skipped, Todo, Unknown,
};
use crate::domain::statuses::{NamedStatus, Statuses};

pub(super) fn run(status: RunStatus, finished_ms: i64, environments: &[&str]) -> RunFact {
    RunFact {
        execution_id: Uuid::nil(),
        execution_key: format!("SHOP-E{finished_ms}"),
        number: 1,
        status,
        environments: environments.iter().map(|e| (*e).to_owned()).collect(),
        started_ms: None,
        finished_ms,
        arrived_ms: finished_ms,
        is_flaky: false,
        attempts: 1,
        message: None,
        version: 1,
        revision: None,
        branch: None,
        is_incomplete: false,
    }
}

pub(super) fn latest(runs: &[RunFact]) -> Latest {
    let mut latest = Latest::default();
    for run in runs {
        latest.record(run);
    }
    latest
}

/// The coverage of an issue whose tests ran like this, and the reason.
pub(super) fn judged(
    tests: &[Latest],
    settings: &Settings,
    environment: Option<&str>,
) -> (CoverageStatus, Reason) {
    let tests: Vec<(&Latest, &Latest)> = tests.iter().map(|latest| (latest, latest)).collect();
    judged_in(
        &tests,
        settings,
        &Scope::named("latest", environment).unwrap(),
    )
}

/// The coverage of an issue whose tests ran like this in scope, and like that altogether.
pub(super) fn judged_in(
    tests: &[(&Latest, &Latest)],
    settings: &Settings,
    scope: &Scope,
) -> (CoverageStatus, Reason) {
    let names: Vec<(String, String)> = (1..=tests.len())
        .map(|n| (format!("SHOP-T{n}"), format!("Test {n}")))
        .collect();
    let tests: Vec<LinkedTest<'_>> = tests
        .iter()
        .zip(&names)
        .map(|((latest, history), (key, name))| LinkedTest {
            key,
            name,
            history,
            ..linked(latest)
        })
        .collect();
    let coverage = of_issue(&covered(&tests), settings, scope, 99);
    (coverage.status, coverage.reason)
}

/// A test about which nothing is special.
pub(super) fn linked(latest: &Latest) -> LinkedTest<'_> {
    LinkedTest {
        id: Uuid::nil(),
        key: "SHOP-T1",
        name: "Test 1",
        version: 1,
        is_archived: false,
        workflow_status: None,
        labels: &[],
        is_planned: false,
        quarantine: None,
        is_unreadable: false,
        latest,
        history: latest,
        window: None,
    }
}

/// An issue about which nothing is special.
pub(super) fn covered<'a>(tests: &'a [LinkedTest<'a>]) -> CoveredIssue<'a> {
    CoveredIssue {
        tests,
        exemption: None,
        text_changed_ms: None,
    }
}

/// A built-in status as a reason names it.
pub(super) fn named(status: RunStatus) -> NamedStatus {
    Statuses::default().named(status)
}

fn status(tests: &[Latest]) -> CoverageStatus {
    judged(tests, &Settings::default(), None).0
}

fn status_in(tests: &[Latest], environment: &str) -> CoverageStatus {
    judged(tests, &Settings::default(), Some(environment)).0
}

/// One test for each status, run once.
fn each(statuses: &[RunStatus]) -> Vec<Latest> {
    statuses
        .iter()
        .map(|status| latest(&[run(*status, 1, &[])]))
        .collect()
}

#[test]
fn w1_a_story_without_tests_is_uncovered() {
    let (status, reason) = judged(&[], &Settings::default(), None);
    assert_eq!(
        (status, reason.rule),
        (CoverageStatus::Uncovered, Rule::NoTest)
    );
    assert_eq!(reason.sentence().to_string(), "No test covers this issue.");
}

#[test]
fn w2_a_test_never_run_is_not_run() {
    let (status, reason) = judged(&[Latest::default()], &Settings::default(), None);
    assert_eq!(status, CoverageStatus::NotRun);
    assert_eq!(reason.sentence().to_string(), "Test 1 has not been run.");
    assert_eq!(reason.lines()[0].text, "SHOP-T1 has not been run.");
}

#[test]
fn w3_two_passes_are_ok() {
    let (status, reason) = judged(&each(&[Passed, Passed]), &Settings::default(), None);
    assert_eq!((status, reason.decided_by.len()), (CoverageStatus::Ok, 2));
    assert_eq!(reason.sentence().to_string(), "Both tests passed.");
}

#[test]
fn w4_one_failure_is_nok() {
    let (status, reason) = judged(&each(&[Passed, Failed]), &Settings::default(), None);
    assert_eq!(status, CoverageStatus::Nok);
    assert_eq!(reason.sentence().to_string(), "Test 2 failed.");
    assert_eq!((reason.counted, reason.decided_by.len()), (2, 1));
    let decider = &reason.decided_by[0];
    assert_eq!(
        (decider.test_key.as_str(), &decider.status),
        ("SHOP-T2", &named(Failed))
    );
    assert_eq!(decider.runs[0].execution_key, "SHOP-E1");
}

#[test]
fn a_broken_test_is_as_bad_as_a_failed_one() {
    assert_eq!(status(&each(&[Passed, Error])), CoverageStatus::Nok);
}

#[test]
fn w5_a_pass_beside_a_test_never_run_is_not_run() {
    let tests = [latest(&[run(Passed, 1, &[])]), Latest::default()];
    assert_eq!(status(&tests), CoverageStatus::NotRun);
}

#[test]
fn w6_unknown_beats_not_run() {
    assert_eq!(
        status(&each(&[Passed, Todo, Unknown])),
        CoverageStatus::Unknown
    );
}

#[test]
fn w7_a_later_failure_is_the_latest() {
    let test = latest(&[run(Passed, 1, &[]), run(Failed, 2, &[])]);
    assert_eq!(status(&[test]), CoverageStatus::Nok);
}

#[test]
fn w8_final_results_have_precedence_unless_switched_off() {
    let test = [latest(&[run(Failed, 1, &[]), run(Executing, 2, &[])])];
    let (with, reason) = judged(&test, &Settings::default(), None);
    assert_eq!(with, CoverageStatus::Nok);
    assert_eq!(
        reason.excluded[0].why,
        Exclusion::NotFinal(ExcludedRun {
            execution_key: "SHOP-E2".into(),
            number: 1,
            environments: Vec::new(),
            status: named(Executing),
        })
    );
    let off = Settings {
        final_precedence: false,
        ..Settings::default()
    };
    assert_eq!(judged(&test, &off, None).0, CoverageStatus::NotRun);
}

#[test]
fn w9_a_pass_on_one_environment_never_hides_a_failure_on_another() {
    let test = [latest(&[
        run(Passed, 1, &["chrome"]),
        run(Passed, 2, &["chrome"]),
        run(Failed, 3, &["firefox"]),
    ])];
    let (all, reason) = judged(&test, &Settings::default(), None);
    assert_eq!(all, CoverageStatus::Nok);
    assert_eq!(
        reason.lines()[0].text,
        "SHOP-T1 failed on firefox in SHOP-E3. It passed on chrome; the worst environment counts."
    );
    assert_eq!(status_in(&test, "chrome"), CoverageStatus::Ok);
    assert_eq!(status_in(&test, "safari"), CoverageStatus::NotRun);
}

#[test]
fn w10_an_execution_with_two_environments_counts_for_both() {
    let test = latest(&[
        run(Failed, 1, &["chrome"]),
        run(Passed, 2, &["chrome", "firefox"]),
    ]);
    assert_eq!(status(&[test]), CoverageStatus::Ok);
}

#[test]
fn w11_no_environment_is_a_group_of_its_own() {
    let test = latest(&[run(Failed, 1, &["chrome"]), run(Passed, 2, &[])]);
    assert_eq!(status(&[test]), CoverageStatus::Nok);
}

#[test]
fn w16_a_late_result_that_finished_earlier_does_not_replace_a_newer_one() {
    let arrived_first = run(Failed, 5, &[]);
    let arrived_second = RunFact {
        arrived_ms: 9,
        ..run(Passed, 3, &[])
    };
    assert_eq!(
        status(&[latest(&[arrived_first, arrived_second])]),
        CoverageStatus::Nok
    );
}

#[test]
fn w17_blocked_beside_passed_is_not_run() {
    assert_eq!(status(&each(&[Blocked, Passed])), CoverageStatus::NotRun);
}

#[test]
fn w18_skipped_beside_passed_is_not_run() {
    let (status, reason) = judged(&each(&[Skipped, Passed]), &Settings::default(), None);
    assert_eq!(status, CoverageStatus::NotRun);
    assert_eq!(reason.sentence().to_string(), "Test 1 was skipped.");
}

#[test]
fn a_project_may_ignore_skips_or_count_them_as_failures() {
    let with = |skipped| Settings {
        skipped,
        ..Settings::default()
    };
    let test = [latest(&[run(Passed, 1, &[]), run(Skipped, 2, &[])])];
    assert_eq!(
        judged(&test, &with(Treatment::NotRun), None).0,
        CoverageStatus::NotRun
    );
    assert_eq!(
        judged(&test, &with(Treatment::Ignore), None).0,
        CoverageStatus::Ok
    );
    assert_eq!(
        judged(&test, &with(Treatment::Nok), None).0,
        CoverageStatus::Nok
    );
}

#[test]
fn a_pass_of_an_incomplete_import_is_unknown_and_a_failure_stands() {
    let incomplete = |status| RunFact {
        is_incomplete: true,
        ..run(status, 2, &[])
    };
    let (status, reason) = judged(
        &[latest(&[run(Passed, 1, &[]), incomplete(Passed)])],
        &Settings::default(),
        None,
    );
    assert_eq!(
        (status, reason.rule),
        (CoverageStatus::Unknown, Rule::AResultIsUncertain)
    );
    let sentence = reason.sentence().to_string();
    assert_eq!(sentence, "Test 1 has a result from an incomplete report.");
    let failed = judged(&[latest(&[incomplete(Failed)])], &Settings::default(), None);
    assert_eq!(failed.0, CoverageStatus::Nok);
}

#[test]
fn equal_finish_times_are_told_apart_by_start_and_then_by_arrival() {
    let started = |status, started_ms, arrived_ms| RunFact {
        started_ms,
        arrived_ms,
        execution_key: format!("SHOP-E{arrived_ms}"),
        ..run(status, 5, &[])
    };
    let by_start = [started(Failed, Some(2), 10), started(Passed, Some(1), 11)];
    assert_eq!(status(&[latest(&by_start)]), CoverageStatus::Nok);
    let by_arrival = [started(Failed, Some(2), 11), started(Passed, Some(2), 10)];
    assert_eq!(status(&[latest(&by_arrival)]), CoverageStatus::Nok);
}

#[test]
fn tests_that_do_not_count_are_listed_with_why() {
    let failed = latest(&[run(Failed, 1, &[])]);
    let labels = ["smoke".to_owned(), "WIP".to_owned()];
    let choices = r#"{"excludedTestStatuses": ["draft"], "excludedLabels": ["wip"]}"#;
    let settings = Settings::default().with(&serde_json::from_str(choices).unwrap());
    let archived = LinkedTest {
        is_archived: true,
        ..linked(&failed)
    };
    let draft = LinkedTest {
        key: "SHOP-T2",
        workflow_status: Some("Draft"),
        ..linked(&failed)
    };
    let labelled = LinkedTest {
        key: "SHOP-T3",
        labels: &labels,
        ..linked(&failed)
    };
    let judged = |tests: &[LinkedTest<'_>]| {
        let coverage = of_issue(&covered(tests), &settings, &Scope::default(), 0);
        assert_eq!(coverage.status, CoverageStatus::Uncovered);
        assert_eq!(coverage.reason.rule, Rule::NoTestCounts);
        coverage.reason
    };
    let reason = judged(&[archived, draft, labelled]);
    let lines: Vec<String> = reason.lines().into_iter().map(|line| line.text).collect();
    assert_eq!(
        lines,
        [
            "SHOP-T1 is archived and does not count.",
            "SHOP-T2 has the workflow status Draft and does not count.",
            "SHOP-T3 has the label WIP and does not count."
        ]
    );
    let said = |tests: &[LinkedTest<'_>]| judged(tests).sentence().to_string();
    assert_eq!(
        said(&[archived, draft, labelled]),
        "None of the 3 tests of this issue counts."
    );
    assert_eq!(
        said(&[archived]),
        "The only test of this issue is archived."
    );
    assert_eq!(
        said(&[draft]),
        "The only test of this issue does not count."
    );
}

#[test]
fn a_sentence_names_two_tests_and_counts_the_rest() {
    let failed = |count| {
        let tests: Vec<Latest> = (0..count)
            .map(|_| latest(&[run(Failed, 1, &["safari"])]))
            .collect();
        judged(&tests, &Settings::default(), None)
            .1
            .sentence()
            .to_string()
    };
    assert_eq!(
        failed(2),
        "Test 1 failed on safari, and Test 2 failed on safari."
    );
    assert_eq!(
        failed(4),
        "Test 1 failed on safari, Test 2 failed on safari, and 2 more failed."
    );
}
