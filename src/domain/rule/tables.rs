//! Each rule by example: what is done, and what is not.

use uuid::Uuid;

use super::*;
use crate::domain::issue::{IssueSnapshot, MirroredIssue, Named, StatusCategory};
use crate::domain::settings::{Overrides, RuleName, Settings};

/// When the issues of these tests entered their status.
pub(super) const SINCE_MS: i64 = 1_000;
pub(super) const ISSUE: Uuid = Uuid::from_u128(1);

pub(super) fn issue(category: StatusCategory, resolution: Option<&str>) -> MirroredIssue {
    MirroredIssue {
        id: ISSUE,
        snapshot: IssueSnapshot {
            jira_id: 10_042,
            key: "SHOP-9".to_owned(),
            status_category: category,
            category_changed_ms: Some(SINCE_MS),
            resolution: resolution.map(|name| Named {
                id: "10000".to_owned(),
                name: name.to_owned(),
            }),
            ..IssueSnapshot::default()
        },
        event_ms: SINCE_MS,
        changelog_id: 1,
        behind: std::collections::BTreeMap::new(),
        seen_ms: SINCE_MS,
        deleted_ms: None,
    }
}

fn run(finished_ms: i64) -> RunRef {
    RunRef {
        finished_ms,
        started_ms: None,
        arrived_ms: finished_ms,
        execution_key: format!("SHOP-E{finished_ms}"),
        number: 1,
    }
}

/// Evidence from the instants of the last pass and the last failure; 0 is never.
fn in_environment(name: &str, passed_ms: i64, failed_ms: i64) -> Evidence {
    let at = |ms: i64| (ms > 0).then(|| run(ms));
    Evidence {
        environment: name.to_owned(),
        passed: at(passed_ms),
        failed: at(failed_ms),
        ran: at(passed_ms.max(failed_ms)),
    }
}

fn test(n: u128, evidence: Vec<Evidence>) -> TestFacts {
    TestFacts {
        id: Uuid::from_u128(100 + n),
        key: format!("SHOP-T{n}"),
        evidence,
    }
}

fn off(rule: RuleName) -> Settings {
    let mut over = Overrides::default();
    over.rules.insert(rule, false);
    Settings::default().with(&over)
}

fn mark(test: &TestFacts, kind: MarkKind, rule: RuleId, environments: &[&str]) -> Mark {
    Mark {
        test_id: test.id,
        issue_id: ISSUE,
        kind,
        since_ms: SINCE_MS,
        environments: environments.iter().map(|&name| name.to_owned()).collect(),
        rule,
    }
}

/// Decisions as `rule action test: reason`, one a line.
fn told(decisions: &[Decision], tests: &[TestFacts]) -> Vec<String> {
    let name = |id: Option<Uuid>| {
        let found = tests.iter().find(|test| Some(test.id) == id);
        found.map_or("-", |test| test.key.as_str())
    };
    decisions
        .iter()
        .map(|one| {
            let (rule, action) = (one.rule.name(), one.action.name());
            format!("{rule} {action} {}: {}", name(one.test_id), one.reason)
        })
        .collect()
}

fn follow(
    issue: &MirroredIssue,
    tests: &[TestFacts],
    marks: &[Mark],
    settings: &Settings,
    trigger: Trigger,
) -> Vec<String> {
    let facts = IssueFacts {
        issue,
        tests,
        marks,
    };
    told(&follow_defect(&facts, settings, trigger), tests)
}

#[test]
fn d5_marks_the_tests_of_a_resolved_defect_where_they_were_failing() {
    let tests = [
        test(2, vec![in_environment("", 500, 0)]),
        test(
            1,
            vec![
                in_environment("firefox", 700, 600),
                in_environment("chrome", 500, 600),
                in_environment("edge", 0, 600),
            ],
        ),
    ];
    let done = issue(StatusCategory::Done, Some("Done"));

    let told = follow(&done, &tests, &[], &Settings::default(), Trigger::Moved);

    assert_eq!(
        told,
        [
            "D5 mark retest needed SHOP-T1: SHOP-9 is resolved; SHOP-T1 has to pass again in chrome, edge.",
            "D5 mark retest needed SHOP-T2: SHOP-9 is resolved; SHOP-T2 has to pass again.",
        ]
    );
    let quiet = follow(&done, &tests, &[], &off(RuleName::D5), Trigger::Moved);
    assert_eq!(
        quiet,
        [
            "D5 nothing SHOP-T1: SHOP-9 is resolved, and the rule is switched off here.",
            "D5 nothing SHOP-T2: SHOP-9 is resolved, and the rule is switched off here.",
        ]
    );
    let open = issue(StatusCategory::Indeterminate, None);
    assert!(follow(&open, &tests, &[], &Settings::default(), Trigger::Moved).is_empty());
}

#[test]
fn a_reopened_defect_takes_its_marks_along() {
    let tests = [test(1, vec![in_environment("", 0, 600)])];
    let held = [mark(&tests[0], MarkKind::RetestNeeded, RuleId::D5, &[""])];
    let open = issue(StatusCategory::New, None);

    let told = follow(&open, &tests, &held, &Settings::default(), Trigger::Moved);

    assert_eq!(
        told,
        [
            "D5 clear retest needed SHOP-T1: SHOP-9 is open again, so SHOP-T1 waits for it, not for a retest."
        ]
    );
}

#[test]
fn d6_waits_until_every_test_has_passed_everywhere_it_had_failed() {
    let done = issue(StatusCategory::Done, Some("Done"));
    let passed = test(1, vec![in_environment("", 1_500, 600)]);
    let half = test(
        2,
        vec![
            in_environment("chrome", 1_500, 600),
            in_environment("firefox", 0, 600),
        ],
    );
    let old_pass = test(3, vec![in_environment("", 900, 600)]);
    let held = |tests: &[TestFacts]| -> Vec<Mark> {
        let marked = |test: &TestFacts| {
            let failing: Vec<_> = test.failing();
            let failing: Vec<_> = failing.iter().map(String::as_str).collect();
            mark(test, MarkKind::RetestNeeded, RuleId::D5, &failing)
        };
        tests.iter().map(marked).collect()
    };

    let tests = [passed.clone(), half, old_pass];
    let settings = Settings::default();
    assert_eq!(
        follow(&done, &tests, &held(&tests), &settings, Trigger::Ran),
        [
            "D6 nothing -: SHOP-9 is not verified yet: SHOP-T2 (firefox), SHOP-T3 still has to pass since it was resolved."
        ]
    );

    let tests = [passed];
    let held = held(&tests);
    let verified =
        "D6 comment -: Every test of SHOP-9 has passed since it was resolved: it is verified.";
    let cleared =
        "D6 clear retest needed SHOP-T1: Every test of SHOP-9 has passed since it was resolved.";
    assert_eq!(
        follow(&done, &tests, &held, &settings, Trigger::Ran),
        [cleared, verified]
    );
    assert_eq!(
        follow(&done, &tests, &held, &off(RuleName::D6), Trigger::Ran),
        ["D6 nothing -: SHOP-9 is verified, and the rule is switched off here."]
    );
    // The pass came in before the news of the resolution.
    assert_eq!(
        follow(&done, &tests, &[], &settings, Trigger::Moved),
        [
            "D5 nothing SHOP-T1: SHOP-T1 has passed since SHOP-9 was resolved.",
            verified
        ]
    );
    // Already verified: another pass says nothing new.
    assert!(follow(&done, &tests, &[], &settings, Trigger::Ran).is_empty());
}

#[test]
fn d6_moves_a_verified_defect_only_where_that_is_switched_on_and_mapped() {
    let done = issue(StatusCategory::Done, Some("Done"));
    let tests = [test(1, vec![in_environment("", 1_500, 600)])];
    let mut over = Overrides::default();
    over.rules.insert(RuleName::D6Transition, true);
    let unmapped = Settings::default().with(&over);
    over.verified_statuses = Some(vec!["10100".to_owned()]);
    let mapped = Settings::default().with(&over);

    let last = |settings: &Settings| {
        let facts = IssueFacts {
            issue: &done,
            tests: &tests,
            marks: &[],
        };
        let decisions = follow_defect(&facts, settings, Trigger::Moved);
        decisions.last().cloned().unwrap()
    };
    let target = TransitionTarget::Statuses(vec!["10100".to_owned()]);
    assert_eq!(last(&mapped).action, Action::MoveTo(target));
    assert_eq!(
        (last(&unmapped).action, last(&unmapped).reason.as_str()),
        (
            Action::Nothing,
            "SHOP-9 is verified, and no status for verified defects is set."
        )
    );
}

#[test]
fn d9_accepts_the_failures_of_a_defect_closed_without_a_fix() {
    let tests = [
        test(1, vec![in_environment("", 500, 600)]),
        test(2, vec![in_environment("", 600, 500)]),
    ];
    let settings = Settings::default();
    for resolution in ["Won't Do", "won’t fix", "Cannot Reproduce"] {
        let closed = issue(StatusCategory::Done, Some(resolution));
        assert_eq!(
            follow(&closed, &tests, &[], &settings, Trigger::Moved),
            [
                format!(
                    "D9 mark accepted failure SHOP-T1: SHOP-9 was closed as \"{resolution}\", so the failure of SHOP-T1 in no environment is accepted; it still counts."
                ),
                "D9 nothing SHOP-T2: SHOP-T2 does not fail, so there is nothing to accept."
                    .to_owned(),
            ]
        );
    }
    let closed = issue(StatusCategory::Done, Some("Won't Fix"));
    let retest = [mark(&tests[0], MarkKind::RetestNeeded, RuleId::D5, &[""])];
    let told = follow(&closed, &tests[..1], &retest, &settings, Trigger::Moved);
    assert_eq!(
        told.last().unwrap(),
        "D5 clear retest needed SHOP-T1: SHOP-9 was closed as \"Won't Fix\", so no retest is awaited."
    );
    // Switched off, a closed defect is a resolved one.
    let told = follow(
        &closed,
        &tests[..1],
        &[],
        &off(RuleName::D9),
        Trigger::Moved,
    );
    assert!(
        told[0].starts_with("D5 mark retest needed SHOP-T1"),
        "{told:?}"
    );

    let accepted = [mark(
        &tests[1],
        MarkKind::AcceptedFailure,
        RuleId::D9,
        &[""],
    )];
    assert_eq!(
        follow(&closed, &tests[1..], &accepted, &settings, Trigger::Ran),
        [
            "D9 clear accepted failure SHOP-T2: SHOP-T2 does not fail, so there is nothing to accept."
        ]
    );
}

#[test]
fn d13_asks_for_a_run_of_every_test_of_a_reopened_issue() {
    let tests = [
        test(
            1,
            vec![
                in_environment("chrome", 0, 700),
                in_environment("firefox", 500, 0),
            ],
        ),
        test(2, Vec::new()),
        test(3, vec![in_environment("", 0, 1_500)]),
    ];
    let follow =
        |issue: &MirroredIssue, marks: &[Mark], reopening, settings: &Settings, trigger| {
            let facts = IssueFacts {
                issue,
                tests: &tests,
                marks,
            };
            told(
                &follow_reopened(&facts, settings, reopening, trigger),
                &tests,
            )
        };
    let settings = Settings::default();
    let open = issue(StatusCategory::New, None);
    let reopened = Some(Reopening {
        done_ms: SINCE_MS,
        at_ms: SINCE_MS,
    });
    assert_eq!(
        follow(&open, &[], reopened, &settings, Trigger::Moved),
        [
            "D13 mark retest needed SHOP-T1: SHOP-9 was reopened; SHOP-T1 has to run again in chrome, firefox.",
            "D13 mark retest needed SHOP-T2: SHOP-9 was reopened; SHOP-T2 has to run again.",
            "D13 nothing SHOP-T3: SHOP-T3 has run since SHOP-9 was reopened.",
        ]
    );
    assert_eq!(
        follow(&open, &[], reopened, &off(RuleName::D13), Trigger::Moved)[0],
        "D13 nothing SHOP-T1: SHOP-9 was reopened, and the rule is switched off here."
    );
    assert!(follow(&open, &[], None, &settings, Trigger::Moved).is_empty());

    let held = [mark(&tests[2], MarkKind::RetestNeeded, RuleId::D13, &[""])];
    assert_eq!(
        follow(&open, &held, None, &settings, Trigger::Ran),
        ["D13 clear retest needed SHOP-T3: SHOP-T3 has run since SHOP-9 was reopened."]
    );
    let done = issue(StatusCategory::Done, None);
    assert_eq!(
        follow(&done, &held, reopened, &settings, Trigger::Moved),
        ["D13 clear retest needed SHOP-T3: SHOP-9 is done again, so no retest is awaited."]
    );
}

fn judged(
    issue: &MirroredIssue,
    settings: &Settings,
    version: Option<&str>,
    failures: &[(i64, bool)],
) -> String {
    let facts = IssueFacts {
        issue,
        tests: &[],
        marks: &[],
    };
    let failures: Vec<_> = failures
        .iter()
        .map(|&(finished_ms, is_flaky)| Failure {
            test_id: Uuid::from_u128(101),
            test_key: "SHOP-T1".to_owned(),
            is_flaky,
            finished_ms,
        })
        .collect();
    let execution = ExecutionFacts {
        key: "SHOP-E7",
        environments: &[],
        fix_version: version,
        branch: None,
    };
    let decisions = judge_failures(&facts, &failures, execution, settings);
    assert_eq!(decisions.len(), 1);
    told(&decisions, &[]).remove(0)
}

/// A defect, the version that ran, when it failed and whether flakily; and what is told.
type Line<'a> = (
    &'a MirroredIssue,
    Option<&'a str>,
    &'a [(i64, bool)],
    &'a str,
);

#[test]
fn a_failure_is_told_to_an_open_defect_and_reopens_a_resolved_one() {
    let settings = Settings::default();
    let open = issue(StatusCategory::New, None);
    let fixed = |versions: &[&str]| {
        let mut issue = issue(StatusCategory::Done, Some("Done"));
        let named = |name: &&str| Named {
            id: String::new(),
            name: (*name).to_owned(),
        };
        issue.snapshot.fix_versions = versions.iter().map(named).collect();
        issue
    };
    let mut deleted = open.clone();
    deleted.deleted_ms = Some(5);
    let mut unheard = open.clone();
    unheard.snapshot.jira_id = 0;
    let (late, early) = ((1_500, false), (900, false));
    let reopens = "D3 reopen -: SHOP-T1 failed in SHOP-E7 after SHOP-9 was resolved.";
    let table: [Line<'_>; 12] = [
        (
            &open,
            None,
            &[early],
            "D2 comment -: SHOP-T1 failed in SHOP-E7 while SHOP-9 is open.",
        ),
        (
            &deleted,
            None,
            &[late],
            "D2 nothing -: SHOP-9 was deleted in Jira.",
        ),
        (
            &unheard,
            None,
            &[late],
            "D2 nothing -: Jira has not told of SHOP-9 yet.",
        ),
        (&fixed(&[]), None, &[late], reopens),
        (&fixed(&[]), Some("1.0"), &[late], reopens),
        (&fixed(&["2.1"]), None, &[late], reopens),
        (&fixed(&["2.1"]), Some("2.1"), &[late], reopens),
        (&fixed(&["2.1", "1.9"]), Some("2.0"), &[late], reopens),
        (&fixed(&["Summer"]), Some("2.0"), &[late], reopens),
        (
            &fixed(&["2.10"]),
            Some("2.9"),
            &[late],
            "D3 nothing -: SHOP-T1 ran 2.9, and SHOP-9 is fixed in 2.10.",
        ),
        (
            &fixed(&[]),
            None,
            &[early],
            "D3 nothing -: SHOP-T1 failed before SHOP-9 was resolved.",
        ),
        (
            &fixed(&[]),
            None,
            &[early, (1_500, true)],
            "D4 nothing -: The failure of SHOP-T1 is flaky; SHOP-9 is not reopened for it.",
        ),
    ];
    for (issue, version, failures, expected) in table {
        assert_eq!(judged(issue, &settings, version, failures), expected);
    }
    let accepted = issue(StatusCategory::Done, Some("Won't Fix"));
    assert_eq!(
        judged(&accepted, &settings, None, &[late]),
        "D3 nothing -: SHOP-9 was closed as \"Won't Fix\": the failure is known and is not to be fixed."
    );
    assert_eq!(
        judged(&open, &off(RuleName::D2), None, &[late]),
        "D2 nothing -: SHOP-T1 failed, and the rule is switched off here."
    );
    assert_eq!(
        judged(&fixed(&[]), &off(RuleName::D3), None, &[late]),
        "D3 nothing -: SHOP-T1 failed after SHOP-9 was resolved, and the rule is switched off here."
    );
}

#[test]
fn comments_are_whole_sentences() {
    let environments = ["chrome".to_owned(), "firefox".to_owned()];
    let execution = ExecutionFacts {
        key: "SHOP-E7",
        environments: &environments,
        fix_version: Some("2.1"),
        branch: None,
    };
    let text = |comment: Comment, failures| {
        let read = |inline: &crate::domain::work::Inline| match inline {
            crate::domain::work::Inline::Text(text) | crate::domain::work::Inline::Strong(text) => {
                text.clone()
            }
            other => panic!("{other:?}"),
        };
        let blocks = comment.blocks(Some(execution), failures);
        let line = |block: &Block| match block {
            Block::Paragraph(parts) => parts.iter().map(read).collect::<String>(),
            Block::Bullets(items) => items
                .iter()
                .map(|parts| format!("* {}", parts.iter().map(read).collect::<String>()))
                .collect::<Vec<_>>()
                .join("\n"),
            Block::Code(code) => code.clone(),
        };
        blocks.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let keys = |n: usize| (1..=n).map(|n| format!("SHOP-T{n}")).collect::<Vec<_>>();
    assert_eq!(
        text(Comment::Failed { test_keys: keys(1) }, 1),
        "SHOP-T1 still fails in SHOP-E7 (chrome, firefox; version 2.1). 1 failure so far since this issue was linked."
    );
    let many = text(
        Comment::Failed {
            test_keys: keys(12),
        },
        30,
    );
    assert!(many.starts_with("12 tests still fail in SHOP-E7"), "{many}");
    assert!(many.ends_with("* SHOP-T10\n* and 2 more"), "{many}");
    assert_eq!(
        text(Comment::Reopened { test_keys: keys(1) }, 1),
        "SHOP-T1 failed in SHOP-E7 (chrome, firefox; version 2.1) after this issue was resolved."
    );
    assert_eq!(
        text(
            Comment::Verified {
                runs: vec![("SHOP-T1".to_owned(), run(8))]
            },
            0
        ),
        "Verified. Every linked test has passed since this issue was resolved:\n* SHOP-T1 passed in SHOP-E8 (run 1)"
    );
}
