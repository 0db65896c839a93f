//! Worked example W13 and what else parents are told: section 3, step 4.

use super::worked_examples::{covered, latest, linked, run};
use super::*;
use crate::domain::exemption::Exemption;
use crate::domain::run::RunStatus::{self, Failed, Passed, Unknown};
use CoverageStatus::{Exempt, Nok, NotRun, Ok, Uncovered};

/// An epic whose own tests ran like this, with children of these statuses.
fn epic_with(settings: &Settings, own: &[RunStatus], children: &[ChildSays]) -> Reason {
    let kept: Vec<Latest> = (own.iter())
        .map(|status| latest(&[run(*status, 1, &[])]))
        .collect();
    let tests: Vec<LinkedTest<'_>> = kept.iter().map(linked).collect();
    let keys: Vec<String> = (1..=children.len()).map(|n| format!("SHOP-{n}")).collect();
    let children: Vec<Child<'_>> = children
        .iter()
        .zip(&keys)
        .map(|(says, key)| Child {
            key,
            summary: "A story",
            says: says.clone(),
        })
        .collect();
    let own = of_issue(&covered(&tests), settings, &Scope::default(), 99);
    let whole = with_children(own, &children, settings);
    assert_eq!(whole.status, whole.reason.status);
    whole.reason
}

fn says(statuses: &[CoverageStatus]) -> Vec<ChildSays> {
    statuses.iter().copied().map(ChildSays::Status).collect()
}

fn epic(own: &[RunStatus], children: &[CoverageStatus]) -> CoverageStatus {
    epic_with(&Settings::default(), own, &says(children)).status
}

fn sentence(own: &[RunStatus], children: &[CoverageStatus]) -> String {
    let reason = epic_with(&Settings::default(), own, &says(children));
    reason.sentence().to_string()
}

#[test]
fn w13_an_epic_is_what_its_stories_are() {
    assert_eq!(epic(&[], &[Ok, Ok]), Ok);
    assert_eq!(epic(&[], &[Ok, Nok]), Nok);
    assert_eq!(epic(&[], &[Ok, NotRun]), NotRun);
    assert_eq!(
        epic(&[], &[NotRun, CoverageStatus::Unknown]),
        CoverageStatus::Unknown
    );
    assert_eq!(epic(&[Failed], &[Ok, Ok]), Nok);
}

#[test]
fn w13_an_uncovered_story_keeps_an_epic_from_being_ok_unless_that_is_switched_off() {
    assert_eq!(epic(&[], &[Ok, Uncovered]), NotRun);
    assert_eq!(epic(&[Passed], &[Uncovered]), NotRun);
    assert_eq!(epic(&[], &[Uncovered, Uncovered]), Uncovered);
    assert_eq!(epic(&[], &[Nok, Uncovered]), Nok);
    let reason = epic_with(&Settings::default(), &[], &says(&[Ok, Uncovered]));
    assert_eq!(reason.rule, Rule::ChildrenUncovered);
    assert_eq!(reason.children.as_ref().unwrap().uncovered, 1);
    assert_eq!(
        reason.sentence().to_string(),
        "What is covered passed, but 1 of 2 children is not covered: SHOP-2."
    );
    let off = Settings {
        uncovered_children_block: false,
        ..Settings::default()
    };
    assert_eq!(epic_with(&off, &[], &says(&[Ok, Uncovered])).status, Ok);
}

#[test]
fn w13_exempt_stories_are_left_out() {
    assert_eq!(epic(&[], &[Ok, Exempt]), Ok);
    assert_eq!(epic(&[], &[Exempt]), Uncovered);
    let dropped = ChildSays::Nothing(ChildExclusion::Resolution("Won't Do".to_owned()));
    let children = [ChildSays::Status(Ok), dropped];
    let reason = epic_with(&Settings::default(), &[], &children);
    assert_eq!(reason.status, Ok);
    assert_eq!(
        reason.sentence().to_string(),
        "Its only child that counts passes."
    );
    let texts: Vec<String> = reason.lines().into_iter().map(|line| line.text).collect();
    assert_eq!(
        texts,
        [
            "SHOP-1 is passing.",
            "SHOP-2 is left out, because it is Won't Do."
        ]
    );
}

#[test]
fn an_issue_that_is_exempt_stays_so_whatever_its_children_say() {
    let exemption = Exemption {
        reason: "Nothing to run.".to_owned(),
        by: None,
        created_ms: 0,
        ends_ms: Some(1_800_000_000_000),
    };
    let issue = CoveredIssue {
        exemption: Some(&exemption),
        ..covered(&[])
    };
    let settings = Settings::default();
    let own = of_issue(&issue, &settings, &Scope::default(), 99);
    let child = Child {
        key: "SHOP-1",
        summary: "A story",
        says: ChildSays::Status(Nok),
    };
    let whole = with_children(own, &[child], &settings);
    assert_eq!((whole.status, whole.reason.rule), (Exempt, Rule::Exempt));
    assert_eq!(
        whole.reason.sentence().to_string(),
        "This issue needs no test until 2027-01-15: Nothing to run."
    );
    let ended = of_issue(&issue, &settings, &Scope::default(), 1_800_000_000_000);
    assert_eq!((ended.status, ended.reason.exemption), (Uncovered, None));
}

#[test]
fn what_was_cut_off_a_hierarchy_is_reported_and_decides_nothing() {
    let children = [
        ChildSays::Status(Ok),
        ChildSays::Nothing(ChildExclusion::Cycle),
        ChildSays::Nothing(ChildExclusion::TooDeep),
    ];
    let reason = epic_with(&Settings::default(), &[], &children);
    assert_eq!(reason.status, Ok);
    let texts: Vec<String> = reason.lines().into_iter().map(|line| line.text).collect();
    assert_eq!(
        texts,
        [
            "SHOP-1 is passing.",
            "SHOP-2 is above this issue as well and is left out here.",
            "SHOP-3 is too many levels down and is left out."
        ]
    );
}

#[test]
fn an_issue_without_children_is_what_its_tests_say() {
    let reason = epic_with(&Settings::default(), &[Passed], &[]);
    assert_eq!((reason.status, reason.children), (Ok, None));
}

#[test]
fn a_sentence_tells_own_tests_from_children() {
    assert_eq!(sentence(&[], &[Nok]), "Its only child SHOP-1 is failing.");
    assert_eq!(
        sentence(&[], &[Nok, Ok, Nok]),
        "2 of 3 children are failing: SHOP-1 and SHOP-3."
    );
    assert_eq!(
        sentence(&[], &[NotRun, NotRun, NotRun, NotRun, NotRun]),
        "5 of 5 children have not passed: SHOP-1, SHOP-2 and 3 more."
    );
    assert_eq!(
        sentence(&[Failed], &[Nok, Ok]),
        "Test 1 failed, and 1 of 2 children is failing: SHOP-1."
    );
    assert_eq!(sentence(&[Failed], &[Ok]), "Test 1 failed.");
    assert_eq!(
        sentence(&[Unknown], &[NotRun]),
        "Test 1 has an unknown outcome."
    );
    assert_eq!(
        sentence(&[Passed], &[Ok, Ok, Ok]),
        "The only test passed, and all its 3 children pass."
    );
    assert_eq!(
        sentence(&[], &[Uncovered, Uncovered]),
        "No test covers this issue, and none of its children is covered."
    );
    assert_eq!(
        sentence(&[], &[Exempt]),
        "No test covers this issue, and none of its children counts."
    );
}
