//! The measures, answers and rules of section 7 by example.

use uuid::Uuid;

use super::*;
use crate::domain::coverage::CoverageStatus::{self, Exempt, Nok, NotRun, Ok, Uncovered, Unknown};
use crate::domain::run::Effect;
use crate::domain::severity::Severity;

/// 24 November 2026, noon.
const NOW: i64 = 1_795_521_600_000;
const HOUR_MS: i64 = 3_600_000;

pub(super) fn issue(number: i64, status: CoverageStatus, tests: &[TestFacts]) -> IssueFacts {
    IssueFacts {
        id: id(1, number),
        jira_id: number,
        key: format!("SHOP-{number}"),
        summary: format!("Story {number}"),
        severity: Severity::Medium,
        status,
        why: format!("why {number}"),
        tests: tests.to_vec(),
    }
}

/// A test that ran an hour ago.
pub(super) fn test(number: i64, effect: Effect) -> TestFacts {
    TestFacts {
        id: id(2, number),
        key: format!("SHOP-T{number}"),
        name: format!("test {number}"),
        is_quarantined: false,
        is_flaky: false,
        is_outdated: false,
        effect,
        is_final: matches!(effect, Effect::Ok | Effect::Nok),
        oldest_ms: Some(NOW - HOUR_MS),
        final_ms: Some(NOW - HOUR_MS),
        retest_ms: None,
        defects: Vec::new(),
    }
}

fn never_run(number: i64) -> TestFacts {
    TestFacts {
        oldest_ms: None,
        final_ms: None,
        ..test(number, Effect::NotRun)
    }
}

pub(super) fn defect(number: i64, severity: Severity) -> DefectFacts {
    DefectFacts {
        id: id(1, number),
        jira_id: number,
        key: format!("SHOP-{number}"),
        summary: format!("Bug {number}"),
        priority: severity.name().to_owned(),
        severity,
        status: "In Progress".to_owned(),
        is_open: true,
        fixed_ms: None,
    }
}

pub(super) fn id(kind: u128, number: i64) -> Uuid {
    Uuid::from_u128(kind << 64 | u128::try_from(number).unwrap())
}

fn standing(issues: Vec<IssueFacts>, defects: Vec<DefectFacts>) -> Standing {
    let mut gathering = Gathering::default();
    for issue in issues {
        gathering.add(issue);
    }
    gathering.finish(defects)
}

fn keys(notes: &[IssueNote]) -> Vec<&str> {
    notes.iter().map(|note| note.key.as_str()).collect()
}

fn outcome(judgement: &Judgement, rule: RuleName) -> &Outcome {
    let mut outcomes = judgement.outcomes.iter();
    outcomes.find(|outcome| outcome.rule == rule).unwrap()
}

#[test]
fn every_measure_is_counted_as_it_is_defined() {
    let flaky = TestFacts {
        is_flaky: true,
        ..test(1, Effect::Ok)
    };
    let quarantined = TestFacts {
        is_quarantined: true,
        ..test(9, Effect::Nok)
    };
    let old = TestFacts {
        oldest_ms: Some(NOW - 20 * DAY_MS),
        ..test(2, Effect::Ok)
    };
    let outdated = TestFacts {
        is_outdated: true,
        ..test(3, Effect::Ok)
    };
    let failing = TestFacts {
        defects: vec![id(1, 41)],
        ..test(4, Effect::Nok)
    };
    let retest = TestFacts {
        defects: vec![id(1, 42)],
        ..test(5, Effect::Ok)
    };
    let standing = standing(
        vec![
            issue(1, Ok, &[flaky.clone(), old]),
            issue(2, Ok, &[outdated, retest]),
            issue(3, Nok, &[failing, flaky, never_run(6)]),
            issue(4, NotRun, &[never_run(6)]),
            issue(5, Unknown, &[test(7, Effect::Unknown)]),
            issue(6, Uncovered, &[quarantined]),
            issue(7, Exempt, &[test(8, Effect::Nok)]),
        ],
        vec![
            defect(41, Severity::Blocker),
            DefectFacts {
                is_open: false,
                fixed_ms: Some(NOW - HOUR_MS / 2),
                ..defect(42, Severity::Low)
            },
            defect(4, Severity::Low),
        ],
    );

    let measures = standing.measures(14, NOW);
    let expected = Measures {
        issues: 6,
        exempt: 1,
        ok: 2,
        nok: 1,
        not_run: 1,
        unknown: 1,
        uncovered: 1,
        tests: 7,
        executed: 5,
        passed: 4,
        failing: 1,
        never_run: 1,
        open_defects: 2,
        severe_defects: 1,
        by_priority: vec![("blocker".to_owned(), 1), ("low".to_owned(), 1)],
        oldest_ms: Some(NOW - 20 * DAY_MS),
        results: 6,
        stale: 1,
        outdated: 1,
        exposed: 1,
        retest: 1,
    };
    assert_eq!(measures, expected);
    assert_eq!(measures.coverage(), Ratio { part: 5, whole: 6 });
    assert_eq!(measures.pass_rate(), Ratio { part: 4, whole: 5 });
    assert_eq!(measures.flaky_exposure(), Ratio { part: 1, whole: 2 });
}

#[test]
fn a_retest_is_due_until_a_final_result_is_newer_than_the_fix() {
    let fixed = DefectFacts {
        is_open: false,
        fixed_ms: Some(NOW - 2 * HOUR_MS),
        ..defect(41, Severity::Low)
    };
    let with = |final_ms, retest_ms| {
        let test = TestFacts {
            final_ms,
            retest_ms,
            defects: vec![fixed.id],
            ..test(1, Effect::Ok)
        };
        standing(vec![issue(1, Ok, &[test])], vec![fixed.clone()])
            .measures(14, NOW)
            .retest
    };
    assert_eq!(
        with(Some(NOW - 3 * HOUR_MS), None),
        1,
        "the result is older than the fix"
    );
    assert_eq!(
        with(Some(NOW - 2 * HOUR_MS), None),
        1,
        "as old is not newer"
    );
    assert_eq!(with(None, None), 1);
    assert_eq!(with(Some(NOW - HOUR_MS), None), 0);
    assert_eq!(
        with(Some(NOW - HOUR_MS), Some(NOW)),
        1,
        "a rule asked for another one"
    );
    // Closed without a fix, or still open: nothing to show.
    let open = DefectFacts {
        is_open: true,
        fixed_ms: None,
        ..fixed.clone()
    };
    let test = TestFacts {
        defects: vec![open.id],
        ..test(1, Effect::Nok)
    };
    assert_eq!(
        standing(vec![issue(1, Nok, &[test])], vec![open])
            .measures(14, NOW)
            .retest,
        0
    );
}

#[test]
fn the_default_gate_lets_a_good_release_through_and_names_what_holds_a_bad_one_back() {
    let good = standing(vec![issue(1, Ok, &[test(1, Effect::Ok)])], vec![]);
    let judgement = good.judge(&Gate::default(), NOW);
    assert_eq!(judgement.verdict, Verdict::Ready, "{judgement:#?}");
    assert_eq!(
        judgement.sentence("Version 1.4"),
        "Version 1.4 is ready: every rule holds."
    );

    let retest = TestFacts {
        retest_ms: Some(NOW),
        ..test(3, Effect::Ok)
    };
    let broken = TestFacts {
        defects: vec![id(1, 41)],
        ..test(1, Effect::Nok)
    };
    let bad = standing(
        vec![
            issue(1, Nok, &[broken]),
            issue(2, NotRun, &[never_run(2)]),
            issue(3, Uncovered, &[]),
            issue(4, Ok, &[retest]),
        ],
        vec![defect(41, Severity::Critical)],
    );
    let judgement = bad.judge(&Gate::default(), NOW);
    assert_eq!(judgement.verdict, Verdict::NotReady);
    assert_eq!(
        judgement.sentence("Sprint 7"),
        "Sprint 7 is not ready: 6 rules fail."
    );
    let behind = |rule| keys(&outcome(&judgement, rule).issues).join(" ");
    assert_eq!(behind(RuleName::FailingIssues), "SHOP-1");
    assert_eq!(behind(RuleName::SevereDefects), "SHOP-41");
    assert_eq!(behind(RuleName::Coverage), "SHOP-3");
    assert_eq!(behind(RuleName::Executed), "SHOP-2");
    assert_eq!(behind(RuleName::PassRate), "SHOP-1");
    assert_eq!(behind(RuleName::RetestQueue), "SHOP-4");
    assert_eq!(behind(RuleName::FlakyExposure), "");
    let severe = &outcome(&judgement, RuleName::SevereDefects).issues[0];
    assert_eq!(
        (severe.note.as_str(), severe.related[0].key.as_str()),
        ("critical, In Progress", "SHOP-1")
    );
    assert_eq!(
        outcome(&judgement, RuleName::Executed).issues[0].note,
        "SHOP-T2 has no final result"
    );
    assert_eq!(
        outcome(&judgement, RuleName::Coverage).said,
        "3 of 4 issues covered."
    );
}

#[test]
fn advisory_rules_put_a_release_at_risk_only() {
    let old = TestFacts {
        oldest_ms: Some(NOW - 15 * DAY_MS),
        ..test(1, Effect::Ok)
    };
    let standing = standing(vec![issue(1, Ok, &[old])], vec![]);
    let judgement = standing.judge(&Gate::default(), NOW);
    assert_eq!(judgement.verdict, Verdict::AtRisk);
    assert_eq!(
        judgement.sentence("Version 2"),
        "Version 2 is at risk: 1 advisory rule fails."
    );
    let age = outcome(&judgement, RuleName::ResultAge);
    assert_eq!(
        (age.said.as_str(), age.actual),
        ("The oldest result is 15 days old.", Actual::Days(Some(15)))
    );

    let mut gate = Gate::default();
    gate.set(
        RuleName::ResultAge,
        RuleSetting {
            level: Level::Advisory,
            limit: 15,
        },
    );
    assert_eq!(standing.judge(&gate, NOW).verdict, Verdict::Ready);
    assert_eq!(
        standing.judge(&gate, NOW + HOUR_MS).verdict,
        Verdict::AtRisk,
        "15 days and an hour"
    );
    gate.set(
        RuleName::ResultAge,
        RuleSetting {
            level: Level::Off,
            limit: 1,
        },
    );
    assert_eq!(standing.judge(&gate, NOW).verdict, Verdict::Ready);
}

#[test]
fn nothing_planned_is_never_ready() {
    let mut gate = Gate::default();
    gate.set(
        RuleName::Planned,
        RuleSetting {
            level: Level::Off,
            limit: 0,
        },
    );
    let only_exempt = standing(vec![issue(1, Exempt, &[])], vec![]);
    for standing in [standing(vec![], vec![]), only_exempt] {
        let judgement = standing.judge(&gate, NOW);
        assert_eq!(judgement.verdict, Verdict::NotReady);
        assert_eq!(
            judgement.failed().count(),
            1,
            "the others have nothing against nothing"
        );
        assert_eq!(
            outcome(&judgement, RuleName::Planned).said,
            "No issue is planned."
        );
        let answers = standing.answers(14, NOW);
        assert!(
            answers
                .answers
                .iter()
                .all(|answer| answer.sentence == "No issue is planned.")
        );
    }
}

#[test]
fn a_share_meets_its_limit_exactly_or_not_at_all() {
    let share = |part, whole| Ratio { part, whole };
    assert!(share(19, 20).is_at_least(950) && !share(18, 19).is_at_least(950));
    assert!(!share(9_499, 10_000).is_at_least(950));
    assert_eq!(
        share(9_499, 10_000).in_words(),
        "94.9 %",
        "never shown as the 95 it misses"
    );
    assert!(share(1, 20).is_at_most(50) && !share(51, 1000).is_at_most(50));
    assert!(share(0, 0).is_at_least(1000) && share(0, 0).is_at_most(0));
    assert_eq!(
        (
            share(0, 0).in_words().as_str(),
            share(2, 2).in_words().as_str()
        ),
        ("–", "100 %")
    );
}

#[test]
fn the_five_questions_are_answered_in_words() {
    let failing = TestFacts {
        defects: vec![id(1, 41)],
        ..test(1, Effect::Nok)
    };
    let quarantined = TestFacts {
        is_quarantined: true,
        ..test(5, Effect::Nok)
    };
    let important = IssueFacts {
        severity: Severity::High,
        ..issue(4, Uncovered, &[])
    };
    let standing = standing(
        vec![
            issue(1, Nok, &[failing.clone(), test(2, Effect::Ok)]),
            IssueFacts {
                severity: Severity::Blocker,
                ..issue(2, Nok, &[failing, test(3, Effect::Nok)])
            },
            issue(3, NotRun, &[never_run(4)]),
            important,
            issue(5, Ok, &[test(2, Effect::Ok), quarantined]),
        ],
        vec![defect(41, Severity::Blocker)],
    );
    let answers = standing.answers(14, NOW);
    let said: Vec<_> = answers
        .answers
        .iter()
        .map(|answer| (answer.sentence.as_str(), keys(&answer.issues).join(" ")))
        .collect();
    assert_eq!(
        said,
        [
            ("1 of 5 issues is fully tested.", "SHOP-5".to_owned()),
            (
                "2 of 5 issues have open defects: 1 defect in all, 1 of them blocking or critical.",
                "SHOP-1 SHOP-2".to_owned(),
            ),
            (
                "1 of 5 issues was never run; 1 of 4 tests has no result.",
                "SHOP-3".to_owned()
            ),
            ("1 of 5 issues is not covered.", "SHOP-4".to_owned()),
        ]
    );
    assert_eq!(answers.risks_sentence, "4 risks remain.");
    let risks: Vec<_> = answers
        .risks
        .iter()
        .map(|risk| risk.sentence.as_str())
        .collect();
    assert_eq!(
        risks,
        [
            "2 of 4 tests fail. SHOP-T1 alone puts 2 issues at risk.",
            "1 blocking or critical defect is open.",
            "1 issue of high priority is not covered.",
            "1 of 1 passing issue depends on a flaky or quarantined test.",
        ]
    );
    let blast: Vec<_> = answers.risks[0]
        .tests
        .iter()
        .map(|test| (test.key.as_str(), keys(&test.issues)))
        .collect();
    assert_eq!(
        blast,
        [
            ("SHOP-T1", vec!["SHOP-1", "SHOP-2"]),
            ("SHOP-T3", vec!["SHOP-2"])
        ]
    );
}

#[test]
fn a_defect_that_is_planned_itself_is_an_open_defect_of_the_release() {
    let standing = standing(
        vec![issue(7, Uncovered, &[])],
        vec![defect(7, Severity::Low)],
    );
    assert_eq!(standing.measures(14, NOW).open_defects, 1);
    let with_defects = &standing.answers(14, NOW).answers[1];
    assert_eq!(
        (
            keys(&with_defects.issues),
            with_defects.issues[0].related.len()
        ),
        (vec!["SHOP-7"], 0)
    );
    assert_eq!(with_defects.issues[0].note, "is an open defect itself");
}

#[test]
fn the_score_shows_what_it_is_made_of() {
    let measures = Measures {
        issues: 20,
        uncovered: 1,
        tests: 100,
        executed: 90,
        passed: 81,
        severe_defects: 1,
        ..Measures::default()
    };
    let score = Score::of(&measures);
    // 35 × 0.9 + 25 × 0.9 + 20 × 0.95 + 20 × 0.5
    assert_eq!(score.tenths, 830);
    let inputs: Vec<_> = score
        .inputs
        .iter()
        .map(|input| (input.name, input.weight))
        .collect();
    assert_eq!(
        inputs,
        [
            ("pass rate", 35),
            ("executed", 25),
            ("coverage", 20),
            ("criticals factor", 20)
        ]
    );
    assert_eq!(
        Score::of(&Measures::default()).tenths,
        200,
        "no defect is open, and nothing else is known"
    );
}

#[test]
fn limits_are_read_as_they_are_written() {
    for rule in RuleName::ALL {
        assert_eq!(RuleName::from_code(rule.code()), Some(rule));
        let setting = rule.default_setting();
        assert_eq!(
            rule.read_limit(&rule.write_limit(setting.limit)),
            Result::Ok(setting.limit)
        );
        assert_eq!(RuleSetting::read(&setting.to_string()), Some(setting));
        assert!(!rule.in_words(setting.limit).is_empty());
    }
    let share = RuleName::Coverage;
    for (text, limit) in [
        ("95", 950),
        ("99.5", 995),
        ("100.0", 1000),
        (" 0 ", 0),
        ("95.50", 955),
    ] {
        assert_eq!(share.read_limit(text), Result::Ok(limit), "{text}");
    }
    for text in [
        "",
        "x",
        "-1",
        "95.55",
        "95.",
        ".5",
        "1e2",
        "100.1",
        "99999999999",
    ] {
        assert!(share.read_limit(text).is_err(), "{text}");
    }
    assert_eq!(RuleName::ResultAge.read_limit("14"), Result::Ok(14));
    for text in ["", "1.5", "-1", "1000001"] {
        assert!(RuleName::ResultAge.read_limit(text).is_err(), "{text}");
    }
    assert_eq!(RuleSetting::read("required"), None);
    assert_eq!(RuleSetting::read("always 1"), None);
}

#[test]
fn a_rule_is_said_with_its_limit() {
    assert_eq!(RuleName::FailingIssues.in_words(0), "No issue fails");
    assert_eq!(RuleName::FailingIssues.in_words(1), "At most 1 issue fails");
    assert_eq!(
        RuleName::OpenDefects.in_words(3),
        "At most 3 defects are open"
    );
    assert_eq!(
        RuleName::Coverage.in_words(950),
        "At least 95 % of the issues are covered"
    );
    assert_eq!(
        RuleName::Executed.in_words(1000),
        "All tests have a final result"
    );
    assert_eq!(
        RuleName::ResultAge.in_words(14),
        "No result is older than 14 days"
    );
}

#[test]
fn a_project_decides_some_rules_and_inherits_the_rest() {
    let (mut site, mut project) = (Gate::default(), Gate::default());
    let strict = RuleSetting {
        level: Level::Required,
        limit: 1000,
    };
    site.set(RuleName::Coverage, strict);
    site.set(RuleName::Verified, strict);
    project.set(
        RuleName::Coverage,
        RuleSetting {
            level: Level::Off,
            limit: 0,
        },
    );
    let gate = site.with(&project);
    assert_eq!(gate.setting(RuleName::Coverage).level, Level::Off);
    assert_eq!(gate.setting(RuleName::Verified), strict);
    assert_eq!(
        gate.setting(RuleName::PassRate),
        RuleName::PassRate.default_setting()
    );
}
