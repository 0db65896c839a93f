//! One sample per dialect fact, written for this project, with what becomes of it as a snapshot.

use std::fmt::Write as _;
use std::fs;

use super::model::{Certainty, Remarks, Report, ReportedRun};
use super::{Limits, read};
use crate::domain::attempts::{Aggregation, Sequence};

const SAMPLES: [&str; 28] = [
    "allure.json",
    "behave.json",
    "cucumber.json",
    "ctrf.json",
    "googletest.xml",
    "mocha-hooks.xml",
    "node-todo.xml",
    "nunit2.xml",
    "nunit3.xml",
    "odd-values.xml",
    "phpunit-nested.xml",
    "pytest-reruns.xml",
    "requirements.xml",
    "robot-6.xml",
    "robot-7.xml",
    "robot.json",
    "same-names.xml",
    "several-outcomes.xml",
    "surefire-reruns.xml",
    "tap12.tap",
    "tap14.tap",
    "testng.xml",
    "trx.trx",
    "windows-1252.xml",
    "wrappers.xml",
    "xunit-v1.xml",
    "xunit-v3.xml",
    "xray.json",
];

fn report(sample: &str) -> Report {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/results");
    read(
        &fs::read(format!("{folder}/{sample}")).unwrap(),
        &Limits::default(),
    )
    .unwrap()
}

#[test]
fn each_dialect_becomes_what_its_snapshot_says() {
    for sample in SAMPLES {
        let name = sample.strip_suffix(".xml").unwrap_or(sample);
        insta::assert_snapshot!(name, described(&report(sample)));
    }
}

#[test]
fn a_test_is_the_same_alone_and_among_others() {
    let all = report("phpunit-nested.xml");
    let alone = read(
        br#"<testsuites><testsuite name="CLI Arguments"><testsuite name="Tests\BasketTest">
            <testcase name="testAdds" file="/home/me/BasketTest.php" classname="Tests.BasketTest"/>
        </testsuite></testsuite></testsuites>"#,
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(alone.runs[0].identity.key(), all.runs[0].identity.key());
}

#[test]
fn a_test_keeps_its_identity_from_one_version_of_its_runner_to_the_next() {
    let keys = |sample| -> Vec<String> {
        let report: Report = report(sample);
        report.runs.iter().map(|run| run.identity.key()).collect()
    };
    for key in ["Shop.CartTests\nAdds", "Shop.CartTests\nLater"] {
        for sample in ["nunit2.xml", "nunit3.xml", "xunit-v1.xml", "xunit-v3.xml"] {
            assert!(keys(sample).iter().any(|its| its == key), "{sample}: {key}");
        }
    }
}

fn described(report: &Report) -> String {
    let mut text = format!("{:?}\n", report.counts);
    if let Some(why) = &report.incomplete {
        writeln!(text, "incomplete: {why}").unwrap();
    }
    if let Some(info) = &report.info {
        writeln!(text, "{info:#?}").unwrap();
    }
    for run in &report.runs {
        describe(run, &mut text);
    }
    for warning in &report.warnings {
        writeln!(text, "! {warning}").unwrap();
    }
    text
}

fn describe(run: &ReportedRun, text: &mut String) {
    let (status, is_flaky) = run.status(Aggregation::Worst);
    let mark = if is_flaky { ", flaky" } else { "" };
    writeln!(text, "\n{}: {}{mark}", run.name, status.name()).unwrap();
    writeln!(text, "  key {:?}", run.identity.key()).unwrap();
    let times = [run.started_ms, run.finished_ms, run.duration_ms];
    if times.iter().any(Option::is_some) {
        writeln!(text, "  start, finish, duration {times:?}").unwrap();
    }
    if run.sequence != Sequence::Marked {
        writeln!(text, "  {:?}", run.sequence).unwrap();
    }
    for attempt in &run.attempts {
        write!(text, "  - {}", attempt.status.name()).unwrap();
        for (what, part) in [
            ("label", &attempt.label),
            ("message", &attempt.message),
            ("details", &attempt.details),
            ("output", &attempt.output),
        ] {
            if let Some(part) = part {
                write!(text, " {what} {part:?}").unwrap();
            }
        }
        text.push('\n');
        if let Some(iteration) = &attempt.iteration {
            writeln!(text, "    {iteration:?}").unwrap();
        }
    }
    for found in &run.requirements {
        let how = if found.certainty == Certainty::Stated {
            "covers"
        } else {
            "may cover"
        };
        writeln!(text, "  {how} {}", found.key).unwrap();
    }
    if !run.labels.is_empty() {
        writeln!(text, "  labels {:?}", run.labels).unwrap();
    }
    let remarks = run.remarks.clone().unwrap_or_default();
    for (what, part) in [
        ("summary", &remarks.summary),
        ("description", &remarks.description),
        ("comment", &remarks.comment),
    ] {
        if let Some(part) = part {
            writeln!(text, "  {what} {part:?}").unwrap();
        }
    }
    for evidence in &remarks.evidence {
        let content = String::from_utf8_lossy(&evidence.content);
        write!(text, "  evidence {:?} {content:?}", evidence.name).unwrap();
        if evidence.step > 0 {
            write!(text, " of step {}", evidence.step).unwrap();
        }
        text.push('\n');
    }
    for field in &remarks.custom_fields {
        writeln!(text, "  field {field:?}").unwrap();
    }
    describe_more(&remarks, text);
}

/// What only some formats bring.
fn describe_more(remarks: &Remarks, text: &mut String) {
    if let Some(status) = remarks.status {
        writeln!(text, "  said to be {}", status.name()).unwrap();
    }
    for step in &remarks.steps {
        writeln!(text, "  {step:?}").unwrap();
    }
    if !remarks.defects.is_empty() {
        writeln!(text, "  defects {:?}", remarks.defects).unwrap();
    }
    for (what, who) in [
        ("executed by", &remarks.executed_by),
        ("assigned to", &remarks.assignee),
    ] {
        if let Some(who) = who {
            writeln!(text, "  {what} {who:?}").unwrap();
        }
    }
    if let Some(definition) = &remarks.definition {
        writeln!(text, "  {definition:?}").unwrap();
    }
    if remarks.makes_test {
        writeln!(text, "  made when unknown").unwrap();
    }
}
