//! The worked examples of `reference/test-management.md` section 4 that need a scope other than
//! *latest*, and what their reasons say.

use super::worked_examples::{covered, judged_in, latest, linked, named, run};
use super::*;
use crate::domain::execution::Particulars;
use crate::domain::run::RunStatus::{self, Executing, Failed, Passed};

/// A run, and what its execution was made for.
pub(super) type Made = (Particulars, RunFact);

/// What runs made for this come to; all of them when `made_for` is none.
pub(super) fn in_scope(runs: &[Made], made_for: Option<&MadeFor>) -> Latest {
    let taken = runs
        .iter()
        .filter(|(particulars, _)| made_for.is_none_or(|made_for| made_for.takes(particulars)));
    let facts: Vec<RunFact> = taken.map(|(_, run)| run.clone()).collect();
    latest(&facts)
}

/// The coverage of an issue whose tests have these runs, in a scope.
pub(super) fn judged_of(
    tests: &[Vec<Made>],
    settings: &Settings,
    scope: &Scope,
) -> (CoverageStatus, Reason) {
    let made_for = scope.made_for.as_ref();
    let scoped: Vec<Latest> = tests.iter().map(|runs| in_scope(runs, made_for)).collect();
    let whole: Vec<Latest> = tests.iter().map(|runs| in_scope(runs, None)).collect();
    let pairs: Vec<(&Latest, &Latest)> = scoped.iter().zip(&whole).collect();
    judged_in(&pairs, settings, scope)
}

fn judged(tests: &[Vec<Made>], scope: &str) -> (CoverageStatus, Reason) {
    let scope = Scope::named(scope, None).unwrap();
    judged_of(tests, &Settings::default(), &scope)
}

fn status(tests: &[Vec<Made>], scope: &str) -> CoverageStatus {
    judged(tests, scope).0
}

fn made(particulars: Particulars, status: RunStatus, at: i64, environments: &[&str]) -> Made {
    (particulars, run(status, at, environments))
}

fn version(name: &str) -> Particulars {
    Particulars {
        fix_version: Some(name.to_owned()),
        ..Particulars::default()
    }
}

fn plan(key: &str) -> Particulars {
    Particulars {
        plan: Some(key.to_owned()),
        ..Particulars::default()
    }
}

fn sprint(name: &str) -> Particulars {
    Particulars {
        sprint: Some(name.to_owned()),
        ..Particulars::default()
    }
}

#[test]
fn w7_each_version_has_its_own_status() {
    let test = [vec![
        made(version("1.0"), Passed, 1, &[]),
        made(version("2.0"), Failed, 2, &[]),
    ]];
    assert_eq!(status(&test, "latest"), CoverageStatus::Nok);
    assert_eq!(status(&test, "version:2.0"), CoverageStatus::Nok);
    assert_eq!(status(&test, "version:3.0"), CoverageStatus::NotRun);
    let (status, reason) = judged(&test, "version:1.0");
    assert_eq!(status, CoverageStatus::Ok);
    assert_eq!(
        reason.sentence().to_string(),
        "In version 1.0: The only test passed."
    );
}

#[test]
fn w7_says_which_later_run_a_version_leaves_out() {
    let test = [vec![
        made(version("1.0"), Passed, 1, &[]),
        made(version("2.0"), Failed, 2, &["chrome"]),
    ]];
    let excluded = |scope: &str| judged(&test, scope).1.excluded;
    let left_out = Exclusion::OutOfScope(ExcludedRun {
        execution_key: "SHOP-E2".into(),
        number: 1,
        environments: vec!["chrome".into()],
        status: named(Failed),
    });
    assert_eq!(excluded("version:1.0")[0].why, left_out);
    assert_eq!(excluded("version:3.0")[0].why, left_out);
    assert!(excluded("version:2.0").is_empty(), "the last run counts");
    assert!(excluded("latest").is_empty());
    let lines = judged(&test, "version:3.0").1.lines();
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "SHOP-T1 has not been run in version 3.0.",
            "SHOP-T1 failed on chrome in SHOP-E2, which does not count in version 3.0."
        ]
    );
}

#[test]
fn w8_holds_within_a_version() {
    let test = [vec![
        made(version("1.0"), Failed, 1, &[]),
        made(version("1.0"), Executing, 2, &[]),
        made(version("2.0"), Passed, 3, &[]),
    ]];
    assert_eq!(status(&test, "version:1.0"), CoverageStatus::Nok);
    let off = Settings {
        final_precedence: false,
        ..Settings::default()
    };
    let scope = Scope::named("version:1.0", None).unwrap();
    assert_eq!(judged_of(&test, &off, &scope).0, CoverageStatus::NotRun);
}

#[test]
fn w9_holds_within_a_version() {
    let test = [vec![
        made(version("1.0"), Passed, 1, &["chrome"]),
        made(version("1.0"), Failed, 2, &["firefox"]),
        made(version("2.0"), Failed, 3, &["chrome"]),
    ]];
    let status_on = |environment| {
        let scope = Scope::named("version:1.0", Some(environment)).unwrap();
        judged_of(&test, &Settings::default(), &scope).0
    };
    assert_eq!(status(&test, "version:1.0"), CoverageStatus::Nok);
    assert_eq!(status_on("chrome"), CoverageStatus::Ok);
    assert_eq!(status_on("safari"), CoverageStatus::NotRun);
}

#[test]
fn w14_each_plan_has_its_own_status() {
    let test = [vec![
        made(plan("P1"), Passed, 1, &[]),
        made(plan("P2"), Failed, 2, &[]),
    ]];
    assert_eq!(status(&test, "plan:P1"), CoverageStatus::Ok);
    assert_eq!(status(&test, "plan:P2"), CoverageStatus::Nok);
    assert_eq!(status(&test, "latest"), CoverageStatus::Nok);
}

#[test]
fn w15_each_sprint_has_its_own_status() {
    let test = [vec![
        made(sprint("Sprint 7"), Passed, 1, &[]),
        made(sprint("Sprint 8"), Failed, 2, &[]),
    ]];
    let (status, reason) = judged(&test, "sprint:Sprint 7");
    assert_eq!(status, CoverageStatus::Ok);
    assert_eq!(
        reason.sentence().to_string(),
        "In Sprint 7: The only test passed."
    );
}

#[test]
fn a_plan_is_about_the_tests_it_runs_and_says_so_when_there_are_none() {
    let tests = [
        vec![made(plan("P1"), Passed, 1, &["chrome"])],
        vec![made(plan("P2"), Failed, 2, &[])],
    ];
    let (status, reason) = judged(&tests, "plan:P1");
    assert_eq!((status, reason.counted), (CoverageStatus::Ok, 1));
    assert_eq!(reason.excluded[0].why, Exclusion::NotInPlan);

    let (status, reason) = judged(&tests, "plan:P3");
    assert_eq!(
        (status, reason.rule),
        (CoverageStatus::Uncovered, Rule::NotInPlan)
    );
    assert_eq!(
        reason.sentence().to_string(),
        "No test of this issue has been run in plan P3."
    );

    let elsewhere = Scope::named("plan:P1", Some("safari")).unwrap();
    let (status, _) = judged_of(&tests, &Settings::default(), &elsewhere);
    assert_eq!(status, CoverageStatus::NotRun, "it is in the plan");
}

#[test]
fn a_test_that_was_put_into_a_plan_counts_before_it_is_run_there() {
    let (never, elsewhere) = (Latest::default(), latest(&[run(Failed, 1, &[])]));
    let scope = Scope::named("plan:SHOP-P3", None).unwrap();
    let status = |is_planned| {
        let test = LinkedTest {
            is_planned,
            history: &elsewhere,
            ..linked(&never)
        };
        of_issue(&covered(&[test]), &Settings::default(), &scope, 0).status
    };
    assert_eq!(status(true), CoverageStatus::NotRun);
    assert_eq!(status(false), CoverageStatus::Uncovered);
}
