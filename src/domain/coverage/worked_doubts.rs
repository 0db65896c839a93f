//! Results that are not taken at their word, tests in quarantine, and outdated marks: sections 2.3, 3
//! and 5.4.

use super::worked_examples::{covered, latest, linked, run};
use super::*;
use crate::domain::quarantine::Quarantine;
use crate::domain::run::RunStatus::{Executing, Failed, Passed, Skipped};
use CoverageStatus::{Nok, NotRun, Ok, Uncovered, Unknown};

const DAY_MS: i64 = 86_400_000;

fn with(choices: &str) -> Settings {
    Settings::default().with(&serde_json::from_str(choices).unwrap())
}

/// The reason of an issue with this test, on the hundredth day.
fn judged(test: LinkedTest<'_>, settings: &Settings) -> Reason {
    changed(test, settings, None)
}

fn changed(test: LinkedTest<'_>, settings: &Settings, text_changed_ms: Option<i64>) -> Reason {
    let issue = CoveredIssue {
        text_changed_ms,
        ..covered(&[])
    };
    let tests = [test];
    let issue = CoveredIssue {
        tests: &tests,
        ..issue
    };
    of_issue(&issue, settings, &Scope::default(), 100 * DAY_MS).reason
}

#[test]
fn a_result_older_than_the_limit_is_unknown_and_a_failure_stands() {
    let old = latest(&[run(Passed, 69 * DAY_MS, &[])]);
    let fresh = latest(&[run(Passed, 70 * DAY_MS, &[])]);
    let settings = with(r#"{"freshnessDays": 30}"#);
    let reason = judged(linked(&old), &settings);
    assert_eq!(
        (reason.status, reason.rule),
        (Unknown, Rule::AResultIsUncertain)
    );
    assert_eq!(reason.decided_by[0].runs[0].doubt, Some(Doubt::Stale));
    assert_eq!(reason.sentence().to_string(), "Test 1 passed too long ago.");
    assert_eq!(judged(linked(&fresh), &settings).status, Ok);
    assert_eq!(judged(linked(&old), &Settings::default()).status, Ok);
    let failed = latest(&[run(Failed, 1, &[])]);
    assert_eq!(judged(linked(&failed), &settings).status, Nok);
    let running = latest(&[run(Executing, 1, &[])]);
    assert_eq!(judged(linked(&running), &settings).status, NotRun);
    let skipped = latest(&[run(Skipped, 1, &[])]);
    assert_eq!(judged(linked(&skipped), &settings).status, Unknown);
}

#[test]
fn a_status_nobody_knows_any_more_is_unknown() {
    let removed = latest(&[run(crate::domain::run::RunStatus::Custom(100), 1, &[])]);
    let reason = judged(linked(&removed), &Settings::default());
    assert_eq!(reason.status, Unknown);
    assert_eq!(reason.decided_by[0].runs[0].doubt, Some(Doubt::Unmapped));
}

#[test]
fn a_test_that_cannot_be_read_is_unknown() {
    let failed = latest(&[run(Failed, 1, &[])]);
    let test = LinkedTest {
        is_unreadable: true,
        ..linked(&failed)
    };
    let reason = judged(test, &Settings::default());
    assert_eq!(reason.status, Unknown);
    assert_eq!(
        reason.sentence().to_string(),
        "Test 1 cannot be read any more."
    );
}

#[test]
fn a_run_made_with_an_older_version_is_outdated_and_counts_unless_that_is_strict() {
    let passed = latest(&[run(Passed, 1, &[])]);
    let test = LinkedTest {
        version: 2,
        ..linked(&passed)
    };
    let reason = judged(test, &Settings::default());
    assert_eq!(reason.status, Ok);
    assert_eq!(
        reason.decided_by[0].runs[0].outdated,
        Some(Outdated::Test {
            made_with: 1,
            now: 2
        })
    );
    assert_eq!(
        reason.lines()[0].text,
        "SHOP-T1 passed in SHOP-E1. That was version 1 of the test; it has version 2 now."
    );
    let strict = judged(test, &with(r#"{"strictOutdated": true}"#));
    assert_eq!(
        (strict.status, strict.rule),
        (NotRun, Rule::ATestHasNotPassed)
    );
    assert_eq!(
        strict.sentence().to_string(),
        "Test 1 passed before it was changed."
    );
}

#[test]
fn a_run_from_before_the_issue_changed_is_outdated() {
    let passed = latest(&[run(Passed, 10, &[])]);
    let settings = with(r#"{"strictOutdated": true}"#);
    let status = |changed_ms| changed(linked(&passed), &settings, Some(changed_ms)).status;
    assert_eq!((status(10), status(11)), (Ok, NotRun));
    let shown = changed(linked(&passed), &Settings::default(), Some(11));
    assert_eq!(
        shown.lines()[0].text,
        "SHOP-T1 passed in SHOP-E10. The issue has changed since."
    );
}

#[test]
fn a_test_in_quarantine_is_listed_and_does_not_count_until_that_ends() {
    let failed = latest(&[run(Failed, 1, &[])]);
    let until = |ends_ms| Quarantine {
        reason: "Fails on Mondays".to_owned(),
        owner: "Ann".to_owned(),
        by: None,
        created_ms: 0,
        ends_ms,
    };
    let (holds, ended) = (until(101 * DAY_MS), until(100 * DAY_MS));
    let quarantined = |quarantine| LinkedTest {
        quarantine: Some(quarantine),
        ..linked(&failed)
    };
    let reason = judged(quarantined(&holds), &Settings::default());
    assert_eq!(
        (reason.status, reason.rule),
        (Uncovered, Rule::AllTestsQuarantined)
    );
    assert_eq!(
        reason.sentence().to_string(),
        "The only test of this issue is in quarantine."
    );
    assert_eq!(
        reason.lines()[0].text,
        "SHOP-T1 is in quarantine until 1970-04-12 and does not count: Fails on Mondays (Ann)."
    );
    assert_eq!(
        judged(quarantined(&ended), &Settings::default()).status,
        Nok
    );

    let passed = latest(&[run(Passed, 1, &[])]);
    let tests = [quarantined(&holds), linked(&passed)];
    let coverage = of_issue(
        &covered(&tests),
        &Settings::default(),
        &Scope::default(),
        100 * DAY_MS,
    );
    assert_eq!((coverage.status, coverage.counts.total), (Ok, 1));
    assert_eq!(coverage.tests[0].effect, crate::domain::run::Effect::Nok);
}
