//! Every state of the panel, as the HTML it becomes.
//!
//! Snapshots leave out the drawings of signs and the space between tags: a changed curve is not a
//! changed page.

use std::sync::Arc;

use askama::Template;
use uuid::Uuid;

use super::{Body, Panel, ROWS, Setting, children, notices};
use crate::app::issue_coverage::{ChildStatus, IssueCoverage, PickedRun, TestRow};
use crate::app::issue_panel::IssuePanel;
use crate::domain::coverage::{
    ChildExclusion, Counts, CoverageStatus, CoveredIssue, Latest, LinkedTest, Outdated, Recent,
    RunFact, Scope, Settings as Counting, of_issue,
};
use crate::domain::issue::{IssueSnapshot, MirroredIssue, Named, StatusCategory};
use crate::domain::quarantine::Quarantine;
use crate::domain::rule::MarkKind;
use crate::domain::run::RunStatus;
use crate::domain::statuses::Statuses;
use crate::domain::test::TestKind;
use crate::store::inbox::Behind;
use crate::store::issue_tests::{LinkedDefect, SetMark};

const NOW_MS: i64 = 1_795_511_520_000;
const MINUTE_MS: i64 = 60_000;

/// A test of the fixture: what it is called and how it ran in each environment.
struct Fixture {
    number: u128,
    name: &'static str,
    runs: Vec<(&'static str, RunStatus)>,
    attempts: u32,
    marks: Vec<SetMark>,
    defects: Vec<LinkedDefect>,
    quarantine: Option<Quarantine>,
    outdated: Option<Outdated>,
}

fn test(number: u128, name: &'static str, runs: &[(&'static str, RunStatus)]) -> Fixture {
    Fixture {
        number,
        name,
        runs: runs.to_vec(),
        attempts: 1,
        marks: Vec::new(),
        defects: Vec::new(),
        quarantine: None,
        outdated: None,
    }
}

fn issue(key: &str, kind: &str, category: StatusCategory) -> MirroredIssue {
    MirroredIssue {
        id: Uuid::from_u128(7),
        snapshot: IssueSnapshot {
            jira_id: 10_007,
            key: key.to_owned(),
            project_key: "SHOP".to_owned(),
            issue_type: Named {
                id: "1".to_owned(),
                name: kind.to_owned(),
            },
            status_category: category,
            ..IssueSnapshot::default()
        },
        event_ms: NOW_MS,
        changelog_id: 0,
        behind: std::collections::BTreeMap::new(),
        seen_ms: NOW_MS,
        deleted_ms: None,
    }
}

fn defect(key: &str, status: &str, category: StatusCategory, is_deleted: bool) -> LinkedDefect {
    LinkedDefect {
        issue_id: Uuid::from_u128(41),
        key: key.to_owned(),
        summary: "Refund <twice> & more".to_owned(),
        status_name: status.to_owned(),
        status_category: category,
        is_deleted,
    }
}

fn mark(kind: MarkKind, issue_key: &str) -> SetMark {
    SetMark {
        kind,
        issue_key: issue_key.to_owned(),
        since_ms: NOW_MS - 90 * MINUTE_MS,
    }
}

fn run(fixture: &Fixture, number: i64, environment: &str, status: RunStatus) -> RunFact {
    RunFact {
        execution_id: Uuid::from_u128(88),
        execution_key: "SHOP-E88".to_owned(),
        number,
        status,
        environments: vec![environment.to_owned()],
        started_ms: None,
        finished_ms: NOW_MS - 14 * MINUTE_MS,
        arrived_ms: NOW_MS,
        is_flaky: fixture.attempts > 1,
        attempts: fixture.attempts,
        message: None,
        version: 1,
        revision: None,
        branch: None,
        is_incomplete: false,
    }
}

fn row(fixture: Fixture, latest: &Latest) -> TestRow {
    let status = latest.status(&Counting::default());
    let is_failing = status.status >= RunStatus::Error;
    TestRow {
        id: Uuid::from_u128(fixture.number),
        key: format!("SHOP-T{}", fixture.number),
        name: fixture.name.to_owned(),
        kind: TestKind::Automated,
        exclusion: None,
        status: status.status,
        named: Statuses::default().named(status.status),
        effect: status.effect,
        is_final: true,
        is_outdated: fixture.outdated.is_some(),
        flaky: None,
        quarantine: fixture.quarantine,
        picks: status
            .picks
            .iter()
            .map(|pick| PickedRun {
                environment: pick.environment.to_owned(),
                status: pick.run.status,
                named: Statuses::default().named(pick.run.status),
                effect: pick.effect,
                doubt: pick.doubt,
                outdated: fixture.outdated,
                execution_id: pick.run.execution_id,
                execution_key: pick.run.execution_key.clone(),
                number: pick.run.number,
                finished_ms: pick.run.finished_ms,
                is_flaky: pick.run.is_flaky,
                attempts: pick.run.attempts,
            })
            .collect(),
        last_run: status.picks.first().map(|pick| pick.run.clone()),
        message: is_failing.then(|| "expected <402>, got \"500\"".to_owned()),
        recent: recent(status.status),
        marks: fixture.marks,
        defects: fixture.defects,
    }
}

/// Three results, the latest first.
fn recent(latest: RunStatus) -> Vec<Recent> {
    let result = |(n, status): (i64, RunStatus)| Recent {
        execution_key: format!("SHOP-E{}", 88 - n),
        number: 1,
        status,
        started_ms: None,
        finished_ms: NOW_MS - n * 60 * MINUTE_MS,
        arrived_ms: NOW_MS,
    };
    let statuses = [latest, RunStatus::Passed, RunStatus::Failed];
    (0..).zip(statuses).map(result).collect()
}

fn panel(issue: MirroredIssue, tests: Vec<Fixture>, found_by: Vec<Fixture>) -> IssuePanel {
    let latest_of = |fixture: &Fixture| {
        let mut latest = Latest::default();
        for (number, (environment, status)) in (1..).zip(&fixture.runs) {
            latest.record(&run(fixture, number, environment, *status));
        }
        latest
    };
    let tests: Vec<(Fixture, Latest)> = tests
        .into_iter()
        .map(|fixture| {
            let latest = latest_of(&fixture);
            (fixture, latest)
        })
        .collect();
    let keys: Vec<String> = tests
        .iter()
        .map(|(fixture, _)| format!("SHOP-T{}", fixture.number))
        .collect();
    let linked: Vec<LinkedTest<'_>> = tests
        .iter()
        .zip(&keys)
        .map(|((fixture, latest), key)| LinkedTest {
            id: Uuid::from_u128(fixture.number),
            key,
            name: fixture.name,
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
        })
        .collect();
    let covered = CoveredIssue {
        tests: &linked,
        exemption: None,
        text_changed_ms: None,
    };
    let judged = of_issue(&covered, &Counting::default(), &Scope::default(), NOW_MS);
    let (status, counts, reason): (CoverageStatus, _, _) =
        (judged.status, judged.counts, judged.reason);
    let mut environments: Vec<String> = tests
        .iter()
        .flat_map(|(fixture, _)| fixture.runs.iter().map(|(name, _)| (*name).to_owned()))
        .collect();
    environments.sort();
    environments.dedup();
    IssuePanel {
        coverage: IssueCoverage {
            issue,
            status,
            counts,
            reason,
            exemption: None,
            children: Vec::new(),
            environments,
            tests: tests
                .into_iter()
                .map(|(fixture, latest)| row(fixture, &latest))
                .collect(),
        },
        found_by: found_by
            .into_iter()
            .map(|fixture| {
                let latest = latest_of(&fixture);
                row(fixture, &latest)
            })
            .collect(),
        settings: Arc::default(),
        behind: Behind::default(),
        scope: Scope::default(),
        made_for: Vec::new(),
    }
}

/// The HTML of a panel, one tag a line, without the drawings of signs.
fn html(found: &IssuePanel) -> String {
    html_of(found, false)
}

fn html_of(found: &IssuePanel, is_all: bool) -> String {
    let setting = Setting {
        site_url: "https://acme.atlassian.net",
        now_ms: NOW_MS,
        statuses: &Statuses::default(),
    };
    let panel: Panel = super::view_of(setting, String::new(), found, is_all);
    plain(&Body { panel })
}

fn plain(template: &impl Template) -> String {
    let mut html = template.render().unwrap();
    while let Some(start) = html.find("<svg viewBox") {
        let end = start + html[start..].find("</svg>").unwrap() + "</svg>".len();
        html.replace_range(start..end, "◦");
    }
    let words: Vec<&str> = html.split_whitespace().collect();
    words.join(" ").replace("> <", ">\n<")
}

#[test]
fn failing_with_everything_a_row_can_carry() {
    use RunStatus::{Failed, Passed, Skipped};
    let story = issue("SHOP-7", "Story", StatusCategory::Indeterminate);
    let mut twice = test(19, "Refund twice is refused", &[("chrome", Failed)]);
    twice.defects = vec![defect(
        "SHOP-41",
        "In Progress",
        StatusCategory::Indeterminate,
        false,
    )];
    let mut accepted = test(20, "Prints in Latin", &[("chrome", Failed)]);
    accepted.marks = vec![mark(MarkKind::AcceptedFailure, "SHOP-30")];
    accepted.defects = vec![defect("SHOP-30", "Done", StatusCategory::Done, false)];
    let mut retest = test(11, "Adds three items and pays", &[("chrome", Passed)]);
    retest.marks = vec![mark(MarkKind::RetestNeeded, "SHOP-38")];
    retest.defects = vec![defect("SHOP-38", "Done", StatusCategory::Done, true)];
    let mut flaky = test(14, "Applies a <voucher>", &[("chrome", Passed)]);
    flaky.attempts = 2;
    let expired = [("chrome", Passed), ("safari", Failed)];
    let found = panel(
        story,
        vec![
            test(12, "Pays with an expired card", &expired),
            twice,
            accepted,
            retest,
            flaky,
            test(31, "Invoice reaches the buyer", &[("chrome", Skipped)]),
        ],
        Vec::new(),
    );
    insta::assert_snapshot!(html(&found));
}

#[test]
fn what_does_not_count_as_it_stands_says_why() {
    let story = issue("SHOP-7", "Story", StatusCategory::New);
    let mut away = test(1, "Ships abroad", &[("", RunStatus::Failed)]);
    away.quarantine = Some(Quarantine {
        reason: "Customs' sandbox is down".to_owned(),
        owner: "Ann".to_owned(),
        by: None,
        created_ms: 0,
        ends_ms: NOW_MS + 86_400_000,
    });
    let mut old = test(2, "Pays by card", &[("", RunStatus::Passed)]);
    old.outdated = Some(Outdated::Test {
        made_with: 2,
        now: 3,
    });
    let html = html(&panel(story, vec![away, old], Vec::new()));
    for said in [
        "title=\"Does not count until 2026-11-25: Customs&#39; sandbox is down. Ann sees to it.\">Quarantined</span>",
        "title=\"Its result is of version 2 of the test, which is at 3 now.\">Outdated</span>",
        ">Change quarantine</button>",
        ">End quarantine</button>",
    ] {
        assert!(html.contains(said), "{said}\n{html}");
    }
    assert_eq!(html.matches("End quarantine").count(), 1);
}

#[test]
fn a_parent_shows_its_children_and_says_what_the_reader_may_not_see() {
    let child = |number: u128, status, left_out| ChildStatus {
        id: Uuid::from_u128(number),
        jira_id: i64::try_from(number).unwrap(),
        key: format!("SHOP-{number}"),
        summary: format!("Story <{number}>"),
        status,
        counts: Counts {
            total: 2,
            passed: 1,
            failed: 1,
            ..Counts::default()
        },
        left_out,
    };
    let epic = issue("SHOP-1", "Epic", StatusCategory::New);
    let mut found = panel(epic, Vec::new(), Vec::new());
    let wont_do = ChildExclusion::Resolution("Won't do".to_owned());
    found.coverage.children = vec![
        child(2, CoverageStatus::Ok, None),
        child(3, CoverageStatus::Nok, None),
        child(4, CoverageStatus::Nok, Some(wont_do)),
        child(5, CoverageStatus::Uncovered, None),
    ];
    let first = html(&found);
    assert!(first.contains("4 child issues") && first.contains("hx-trigger=\"load\""));
    assert!(!first.contains("No tests cover") && !first.contains("Story"));

    let seen = std::collections::HashSet::from([2, 3, 4]);
    let setting = Setting {
        site_url: "https://acme.atlassian.net",
        now_ms: NOW_MS,
        statuses: &Statuses::default(),
    };
    let base = "/ui/issue/10007".to_owned();
    let listed = children::worst_first(&found, false);
    let children = children::list(setting, &found, &listed, &seen);
    insta::assert_snapshot!(plain(&children::List { base, children }));
}

#[test]
fn passing_in_no_named_environment() {
    let story = issue("SHOP-8", "Story", StatusCategory::New);
    let redeems = test(1, "Redeems one code", &[("", RunStatus::Passed)]);
    insta::assert_snapshot!(html(&panel(story, vec![redeems], Vec::new())));
}

#[test]
fn nothing_linked_yet_says_how_to_begin() {
    let story = issue("SHOP-9", "Story", StatusCategory::New);
    insta::assert_snapshot!(html(&panel(story, Vec::new(), Vec::new())));
}

#[test]
fn many_tests_come_in_two_helpings() {
    let epic = issue("SHOP-1", "Epic", StatusCategory::New);
    let numbers = 1..=u128::try_from(ROWS).unwrap() + 3;
    let tests = numbers.map(|number| test(number, "A test", &[("", RunStatus::Passed)]));
    let found = panel(epic, tests.collect(), Vec::new());
    let rows = |html: &str| html.matches("<li class=\"test\"").count();
    let first = html(&found);
    assert_eq!(rows(&first), ROWS);
    assert!(first.contains(">Show 3 more</button>") && !first.contains("name=\"all\""));
    let second = html_of(&found, true);
    assert_eq!(rows(&second), ROWS + 3);
    assert!(second.contains("name=\"all\"") && !second.contains("more</button>"));
}

#[test]
fn a_type_that_is_not_configured_is_one_quiet_line() {
    let subtask = issue("SHOP-17", "Sub-task", StatusCategory::New);
    insta::assert_snapshot!(html(&panel(subtask, Vec::new(), Vec::new())));
}

#[test]
fn a_resolved_defect_shows_its_retests() {
    let bug = issue("SHOP-38", "Bug", StatusCategory::Done);
    let mut waiting = test(11, "Adds three items", &[("chrome", RunStatus::Failed)]);
    waiting.marks = vec![mark(MarkKind::RetestNeeded, "SHOP-38")];
    let passed = test(12, "Adds four items", &[("chrome", RunStatus::Passed)]);
    insta::assert_snapshot!(html(&panel(bug, Vec::new(), vec![waiting, passed])));
}

#[test]
fn a_defect_says_in_one_sentence_where_it_stands() {
    use RunStatus::{Failed, Passed};
    use StatusCategory::{Done, New};
    let said = |category, runs: &[RunStatus], marks: Vec<SetMark>| {
        let bug = issue("SHOP-38", "Bug", category);
        let tests = (1..).zip(runs).map(|(number, status)| Fixture {
            marks: marks.clone(),
            ..test(number, "A test", &[("", *status)])
        });
        let found = panel(bug, Vec::new(), tests.collect());
        let setting = Setting {
            site_url: "",
            now_ms: NOW_MS,
            statuses: &Statuses::default(),
        };
        let shown = setting.found_by(&found.coverage.issue, &found.found_by);
        let state = shown.state.map(|state| state.text).unwrap_or_default();
        format!("{state}: {}", shown.sentence)
    };
    let accepted = vec![mark(MarkKind::AcceptedFailure, "SHOP-38")];
    let elsewhere = vec![mark(MarkKind::RetestNeeded, "SHOP-1")];
    assert_eq!(
        said(New, &[Failed, Passed], Vec::new()),
        "Failing: 1 of 2 tests that found it."
    );
    assert_eq!(
        said(New, &[Passed], elsewhere.clone()),
        "Not failing: Found by 1 test."
    );
    assert_eq!(
        said(Done, &[Passed, Passed], elsewhere),
        "Verified: Both tests that found it have passed since it was resolved."
    );
    assert_eq!(
        said(Done, &[Failed], accepted),
        "Accepted failure: Closed without a fix; 1 test is still failing."
    );
}

#[test]
fn what_is_out_of_date_is_said_first() {
    let said = |behind: Behind, deleted_ms| {
        let mut story = issue("SHOP-7", "Story", StatusCategory::New);
        story.deleted_ms = deleted_ms;
        let mut found = panel(story, Vec::new(), Vec::new());
        found.behind = behind;
        let titles = notices(&found, NOW_MS).into_iter();
        titles.map(|notice| notice.title).collect::<Vec<_>>()
    };
    let waiting = |ms| Behind {
        waiting_ms: Some(NOW_MS - ms),
        parked_ms: None,
    };
    assert!(said(waiting(MINUTE_MS), None).is_empty());
    assert_eq!(
        said(waiting(MINUTE_MS + 1), None),
        ["Changes from Jira are late"]
    );
    let parked = Behind {
        waiting_ms: Some(0),
        parked_ms: Some(0),
    };
    assert_eq!(
        said(parked, Some(NOW_MS)),
        [
            "This issue was deleted in Jira",
            "A change of this issue could not be taken in"
        ]
    );
}
