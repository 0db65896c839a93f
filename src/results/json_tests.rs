//! JSON and TAP reports: what the corpus and strangers write, beyond the samples of their dialects.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::model::{Certainty, Report};
use super::{Limits, read};
use crate::domain::attempts::Aggregation;
use crate::domain::run::RunStatus::{
    Aborted, Blocked, Error, Executing, Failed, Passed, Pending, Skipped, Todo,
};

fn of(text: &str) -> Report {
    read(text.as_bytes(), &Limits::default()).unwrap()
}

fn refusal(text: &str) -> String {
    read(text.as_bytes(), &Limits::default())
        .unwrap_err()
        .to_string()
}

fn made(name: &str) -> Option<Report> {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/reference/results"
    ));
    if !folder.exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} is missing",
            folder.display()
        );
        eprintln!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(read(&fs::read(folder.join(name)).unwrap(), &Limits::default()).unwrap())
}

fn statuses(report: &Report) -> Vec<crate::domain::run::RunStatus> {
    let status = |run: &super::model::ReportedRun| run.status(Aggregation::Worst).0;
    report.runs.iter().map(status).collect()
}

#[test]
fn xray_json_is_read_to_its_last_member() {
    let Some(report) = made("made-xray-json-full.json") else {
        return;
    };
    assert_eq!(
        statuses(&report),
        [
            Passed, Failed, Failed, Failed, Todo, Executing, Aborted, Blocked
        ]
    );
    let counts = report.counts;
    assert_eq!(
        [counts.tests, counts.passed, counts.failed, counts.other],
        [8, 1, 3, 4]
    );
    assert_eq!(report.warnings, [""; 0]);
    assert_eq!(report.project(), Some("SHOP"));
    let info = report.info.as_deref().unwrap();
    assert_eq!(info.environments, ["chrome", "staging"]);
    assert_eq!(info.plan.as_deref(), Some("SHOP-200"));
    let remarks = |n: usize| report.runs[n].remarks.as_deref().unwrap();
    assert_eq!(remarks(0).evidence[0].content, b"hello");
    assert_eq!(remarks(1).evidence[0].name, "b.txt");
    assert_eq!(remarks(1).defects, ["SHOP-300"]);
    assert_eq!(remarks(1).steps[1].defects, ["SHOP-301"]);
    assert_eq!(report.runs[2].attempts.len(), 3);
    assert_eq!(report.runs[4].identity.key(), "shop.New\ncase");
}

#[test]
fn scenarios_of_the_corpus_are_counted_without_their_backgrounds() {
    let Some(report) = made("made-cucumber-outline-background.json") else {
        return;
    };
    let counts = report.counts;
    assert_eq!(
        [counts.tests, counts.passed, counts.failed, counts.other],
        [6, 2, 3, 1]
    );
    assert_eq!(statuses(&report), [Passed, Failed, Failed, Failed, Pending]);
    assert_eq!(report.runs[1].identity.key(), "key:SHOP-104");
    assert_eq!(
        report.runs[1].attempts.len(),
        2,
        "rows of an outline are one run"
    );
    let covers = &report.runs[2].requirements[0];
    assert_eq!(
        (covers.key.as_str(), covers.certainty),
        ("SHOP-7", Certainty::Guessed)
    );
}

#[test]
fn points_of_subtests_belong_to_their_parents() {
    let Some(report) = made("made-tap14-subtests.tap") else {
        return;
    };
    assert_eq!(statuses(&report), [Failed, Passed, Skipped, Pending]);
    assert_eq!(report.incomplete, None);
    let report = made("made-tap-missing-points.tap").unwrap();
    assert_eq!((report.counts.passed, report.counts.failed), (2, 1));
    assert_eq!(
        report.incomplete.as_deref(),
        Some("3 of 5 planned tests came")
    );
    let report = made("tap-bailout.tap").unwrap();
    assert_eq!(
        report.incomplete.as_deref(),
        Some("the test run bailed out: a test failed")
    );
}

#[test]
fn a_test_is_the_same_in_every_format_that_can_tell() {
    let junit = of("<testsuite><testcase classname='shop.Cart' name='adds'/></testsuite>");
    let xray = of(
        r#"{"tests":[{"testInfo":{"summary":"Adds","definition":"shop.Cart.adds"},"status":"PASS"}]}"#,
    );
    let allure = of(r#"{"uuid":"1","name":"Adds","fullName":"shop.Cart.adds","status":"passed"}"#);
    let key = |report: &Report| report.runs[0].identity.key();
    assert_eq!([key(&xray), key(&allure)], [key(&junit), key(&junit)]);

    let xml = of(
        "<robot generator='Robot 7'><suite name='Shop'><suite name='Pay'><test name='By card'>\
         <status status='PASS'/></test></suite></suite></robot>",
    );
    let json = of(
        r#"{"suite":{"name":"Shop","suites":[{"name":"Pay","tests":[{"name":"By card","status":"PASS"}]}]}}"#,
    );
    assert_eq!(key(&json), key(&xml));
    assert_eq!(json.format, xml.format);
}

#[test]
fn the_tries_in_an_allure_folder_are_attempts() {
    let result = |uuid: u8, status: &str, start: u32| {
        format!(
            r#"{{"uuid":"{uuid}","historyId":"h","name":"pays","status":"{status}","start":{start}}}"#
        )
    };
    let files = [
        ("b-result.json", result(2, "passed", 2000)),
        ("a-result.json", result(1, "failed", 1000)),
        (
            "c-container.json",
            r#"{"uuid":"3","children":["1"]}"#.to_owned(),
        ),
    ];
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in &files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    let packed = zip.finish().unwrap().into_inner();
    let report = read(&packed, &Limits::default()).unwrap();
    assert_eq!((report.counts.tests, report.counts.flaky), (1, 1));
    let attempts: Vec<_> = report.runs[0].attempts.iter().map(|a| a.status).collect();
    assert_eq!(attempts, [Failed, Passed]);
    assert_eq!(report.runs[0].status(Aggregation::Last), (Passed, true));
    assert_eq!(report.format, "Allure");
    assert!(
        report.warnings[0].contains("c-container.json"),
        "{:?}",
        report.warnings
    );
}

#[test]
fn what_cannot_be_meant_is_refused_by_name_and_place() {
    let why = refusal("{\"tests\": [\n{\"testKey\":\"SHOP-1\",\"status\":\"GREAT\"}]}");
    assert_eq!(
        why,
        "line 2, column 31: the test \"SHOP-1\" has the status \"GREAT\", which there is not"
    );
    assert!(refusal("{\"tests\": []}").starts_with("the list `tests` is missing or empty"));
    assert!(refusal("{\"tests\": 1}").starts_with("line 1, column 11: invalid type"));
    assert!(refusal("{\"tests\": [{\"status\":").contains("not well-formed JSON: EOF"));
    assert!(refusal(&"[".repeat(20_000)).contains("more than 100 objects inside objects"));
    let many = format!("{{\"tests\":[{}{{}}]}}", "{},".repeat(500_000));
    assert!(refusal(&many).contains("more than 500000 objects and lists"));
    let values = format!(
        "{{\"tests\":[{{\"examples\":[{}0]}}]}}",
        "0,".repeat(4_000_001)
    );
    assert!(refusal(&values).contains("more than 4000000 values"));
}

#[test]
fn nothing_reaches_the_database_that_it_cannot_hold() {
    let report = of(
        r#"{"tests":[{"testKey":"SHOP-1","status":"FAIL","comment":"a\u0000b \ud800 \u001b[1m"}]}"#,
    );
    let message = report.runs[0].attempts[0].message.as_deref();
    assert_eq!(message, Some("a\u{fffd}b \u{fffd} \u{fffd}[1m"));
    assert_eq!(
        report.warnings,
        ["escapes of what is no character were read as U+FFFD, 3 in all"]
    );
}

#[test]
fn counted_retries_do_not_fill_the_memory() {
    let report =
        of(r#"{"results":{"tests":[{"name":"a","status":"passed","flaky":true,"retries":1e15}]}}"#);
    assert_eq!(report.runs[0].attempts.len(), 21);
    let report = of(r#"{"results":{"tests":[{"name":"a","status":"failed","retries":-3}]}}"#);
    assert_eq!(report.runs[0].attempts.len(), 1);
}

#[test]
fn the_first_broken_step_decides_and_hooks_count() {
    let element = |steps: &str| {
        let text = format!(
            r#"[{{"uri":"a","name":"F","elements":[{{"type":"scenario","name":"s","steps":[{steps}]}}]}}]"#
        );
        statuses(&of(&text))[0]
    };
    let step = |status: &str| format!(r#"{{"name":"x","result":{{"status":"{status}"}}}}"#);
    assert_eq!(
        element(&[step("passed"), step("error"), step("failed")].join(",")),
        Error
    );
    assert_eq!(
        element(&[step("pending"), step("skipped")].join(",")),
        Pending
    );
    assert_eq!(
        element(&[step("passed"), step("skipped")].join(",")),
        Skipped
    );
    let hook =
        r#"{"name":"x","result":{"status":"passed"},"after":[{"result":{"status":"failed"}}]}"#;
    assert_eq!(element(hook), Failed);
}

/// Documents made of the pieces that JSON and TAP reports are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u00",
        "\\ud83d",
        "null",
        "1e999",
        "-1",
        "0.5",
        "\"tests\":[",
        "\"results\":{",
        "\"suite\":{",
        "\"suites\":[",
        "\"elements\":[",
        "\"steps\":[",
        "\"name\":\"n\",",
        "\"status\":\"passed\"",
        "\"status\":\"FAIL\"",
        "\"uuid\":\"u\",",
        "\"uri\":\"f\",",
        "\"type\":\"background\",",
        "\"evidence\":[",
        "\"data\":\"aGk=\"",
        "\"iterations\":[",
        "\"testKey\":\"AB-1\",",
        "\"retries\":9",
        "TAP version 14\n",
        "1..2\n",
        "ok 1 - a # SKIP\n",
        "not ok 2\n",
        "  ---\n",
        "  ...\n",
        "    ok 1\n",
        "Bail out!\n",
        "# c\n",
        "é",
        "\r\n",
        " ",
    ]);
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn accounts_for_every_case(text: &str) -> Result<(), TestCaseError> {
    let Ok(report) = read(text.as_bytes(), &Limits::default()) else {
        return Ok(());
    };
    let attempts: usize = report.runs.iter().map(|run| run.attempts.len()).sum();
    prop_assert!(attempts >= report.counts.tests);
    prop_assert!(
        report
            .runs
            .iter()
            .all(|run| run.identity.key().len() <= 400)
    );
    Ok(())
}

proptest! {
    #[test]
    fn arbitrary_pieces_never_panic_and_never_lose_a_case(text in pieces()) {
        accounts_for_every_case(&text)?;
        for (before, after) in [
            ("{\"tests\":[{", "}]}"),
            ("{\"results\":{\"tests\":[{", "}]}}"),
            ("[{\"elements\":[{", "}]}]"),
            ("{\"suite\":{\"name\":\"s\",", "}}"),
            ("1..1\n", ""),
        ] {
            accounts_for_every_case(&format!("{before}{text}{after}"))?;
        }
    }
}
