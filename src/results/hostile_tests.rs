//! Bytes that want to hurt: whatever comes, the answer is a report or a refusal, and it is small.

use proptest::prelude::*;

use super::{Limits, Report, read};

fn refusal(text: &str, limits: &Limits) -> String {
    read(text.as_bytes(), limits).unwrap_err().to_string()
}

fn suite_of(cases: &str) -> String {
    format!("<testsuite name='s'>{cases}</testsuite>")
}

fn report(text: &str, limits: &Limits) -> Report {
    read(text.as_bytes(), limits).unwrap()
}

#[test]
fn what_is_too_much_is_refused() {
    let limits = Limits {
        bytes: 200,
        cases: 2,
        properties: 2,
        ..Limits::default()
    };
    let case = "<testcase name='a'/>";
    assert!(refusal(&"x".repeat(201), &limits).contains("201 bytes, at most 200"));
    assert!(report(&suite_of(&case.repeat(2)), &limits).counts.tests == 2);
    let many = refusal(&suite_of(&case.repeat(3)), &limits);
    assert!(
        many.starts_with("line 1, column 61: more than 2 test cases"),
        "{many}"
    );
    let properties = "<property name='p'/>".repeat(3);
    assert!(refusal(&suite_of(&properties), &limits).contains("more than 2 properties"));
    let deep = format!(
        "{}{}",
        "<testsuite>".repeat(101),
        "</testsuite>".repeat(101)
    );
    assert!(refusal(&deep, &Limits::default()).contains("more than 100 elements inside"));
}

#[test]
fn suites_cannot_multiply_what_they_hand_down() {
    let limits = Limits {
        inherited_bytes: 10_000,
        ..Limits::default()
    };
    let tags = (0..50)
        .map(|n| format!("tag{n}"))
        .collect::<Vec<_>>()
        .join(",");
    let property = format!("<property name='tags' value='{tags}'/>");
    let cases = "<testcase name='a'/>".repeat(100);
    assert!(refusal(&suite_of(&(property + &cases)), &limits).contains("bytes that suites hand"));
    let long = "n".repeat(3_000);
    let nested = format!("<testsuite name='{long}'>").repeat(10) + &"</testsuite>".repeat(10);
    assert!(refusal(&nested, &limits).contains("bytes that suites hand"));
}

#[test]
fn what_is_long_is_cut_with_a_mark() {
    let limits = Limits {
        line_chars: 5,
        details_bytes: 10,
        output_bytes: 10,
        evidence_bytes: 6,
        annotations: 2,
        ..Limits::default()
    };
    let text = suite_of(
        "<testcase classname='C' name='a long name'>
           <failure message='a long message'>a long explanation</failure>
           <system-out>a long output</system-out>
           <properties>
             <property name='requirements' value='AB-1 AB-2 AB-3'/>
             <property name='testrun_evidence'>
               <item name='fits'>Zml0cw==</item><item name='large'>dG9vIGxhcmdl</item>
             </property>
           </properties>
         </testcase>",
    );
    let report = report(&text, &limits);
    let run = &report.runs[0];
    assert_eq!(run.name, "a lon… [cut]");
    assert_eq!(
        run.identity.key(),
        "C\na long name",
        "what identifies is not cut"
    );
    let attempt = &run.attempts[0];
    assert_eq!(attempt.message.as_deref(), Some("a lon… [cut]"));
    assert_eq!(attempt.details.as_deref(), Some("a long exp… [cut]"));
    assert_eq!(attempt.output.as_deref(), Some("a long out… [cut]"));
    assert_eq!(run.requirements.len(), 2);
    assert_eq!(run.remarks.as_ref().unwrap().evidence.len(), 1);
    assert_eq!(
        report.warnings,
        [
            "line 5: too many requirements; the last ones were passed over",
            "line 6: the evidence \"large\" is too large and was dropped"
        ]
    );
}

#[test]
fn warnings_are_bounded() {
    let limits = Limits {
        warnings: 3,
        ..Limits::default()
    };
    let report = report(
        &suite_of(&"<testcase classname='C' time='x'/>\n".repeat(500)),
        &limits,
    );
    assert_eq!(report.warnings.len(), 4);
    assert_eq!(report.warnings[3], "497 more warnings are not listed");
    assert_eq!(report.runs[0].attempts.len(), 500);
}

#[test]
fn a_case_inside_a_case_is_refused_rather_than_lost() {
    let text = suite_of("<testcase name='a'><testcase name='b'/></testcase>");
    let why = refusal(&text, &Limits::default());
    assert!(
        why.starts_with("line 1, column 40: a <testcase> stands inside"),
        "{why}"
    );
}

#[test]
fn nothing_that_many_tests_share_is_copied_without_end() {
    let limits = Limits {
        inherited_bytes: 10_000,
        properties: 50,
        ..Limits::default()
    };
    let long = "n".repeat(3_000);
    let methods = "<test-method name='a' status='PASS'/>".repeat(100);
    let testng = format!(
        "<testng-results><suite><test><class name='{long}'>{methods}</class></test></suite>\
         </testng-results>"
    );
    assert!(refusal(&testng, &limits).contains("bytes that suites hand"));
    let results = "<UnitTestResult testId='t' testName='a' outcome='Passed'/>".repeat(100);
    let trx = format!(
        "<TestRun><Results>{results}</Results><TestDefinitions><UnitTest id='t'>\
         <TestMethod className='{long}' name='a'/></UnitTest></TestDefinitions></TestRun>"
    );
    assert!(refusal(&trx, &limits).contains("bytes that suites hand"));
    let parts = "<property name='a' value='b'/>".repeat(20);
    let nunit = format!("<test-run><test-case name='a'>{parts}</test-case></test-run>");
    assert!(refusal(&nunit, &limits).contains("more than 50 elements and attributes"));
}

#[test]
fn every_format_has_a_limit_on_its_cases() {
    let limits = Limits {
        cases: 2,
        ..Limits::default()
    };
    for (around, case) in [
        ("test-run", "<test-case name='a'/>"),
        ("assemblies", "<test name='a'/>"),
        ("testng-results", "<test-method name='a'/>"),
        ("testng-results", "<test-method name='a' retried='true'/>"),
        ("robot", "<suite><test name='a'/></suite>"),
        ("TestRun", "<Results><UnitTestResult/></Results>"),
    ] {
        let document = |count| format!("<{around}>{}</{around}>", case.repeat(count));
        report(&document(2), &limits);
        let why = refusal(&document(3), &limits);
        assert!(why.contains("more than 2"), "{case}: {why}");
    }
}

/// Documents made of the pieces that reports are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "<testsuites>",
        "</testsuites>",
        "<testsuite name='s' tests='3'>",
        "</testsuite>",
        "<testcase name='n' classname='c'>",
        "<testcase name='SHOP-1' time='1,5'/>",
        "<testcase",
        "</testcase>",
        "<failure message='m'>",
        "</failure>",
        "<flakyFailure>",
        "</flakyFailure>",
        "<skipped type='todo'/>",
        "<system-out>",
        "</system-out>",
        "<properties>",
        "</properties>",
        "<property name='tags' value='a,@TEST_AB-1'/>",
        "<property name='testrun_evidence'>",
        "</property>",
        "<item name='i'>",
        "</item>",
        "aGVsbG8=",
        "<![CDATA[",
        "]]>",
        "&amp;",
        "&#0;",
        "&",
        "<!--",
        "-->",
        "<?xml version='1.0'?>",
        "<!DOCTYPE testsuite>",
        "\u{fffd}",
        "\"",
        "'",
        ">",
        "<",
        "\r\n",
        "=",
        "é",
        "<test-suite name='s'>",
        "</test-suite>",
        "<test-case name='a.b(1)' result='Failed'>",
        "</test-case>",
        "<suite name='s'>",
        "</suite>",
        "<test name='t' result='Pass' type='t'>",
        "</test>",
        "<kw type='TEARDOWN'>",
        "</kw>",
        "<status status='FAIL' start='20260304 14:00:00.000'>",
        "</status>",
        "<test-method name='m' status='SKIP' retried='true'>",
        "</test-method>",
        "<params><param><value>1</value></param></params>",
        "<Results>",
        "</Results>",
        "<UnitTestResult testId='1' testName='a(1)' outcome='Failed'>",
        "</UnitTestResult>",
        "<InnerResults>",
        "</InnerResults>",
        "<TestDefinitions>",
        "</TestDefinitions>",
        "<UnitTest id='1'><TestMethod className='a' name='a'/></UnitTest>",
    ]);
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes, &Limits::default());
    }

    #[test]
    fn arbitrary_pieces_never_panic_and_never_lose_a_case(
        root in proptest::sample::select(vec![
            "testsuite", "test-run", "test-results", "assemblies", "testng-results", "TestRun", "robot",
        ]),
        text in pieces(),
    ) {
        let text = format!("<{root}>{text}</{root}>");
        if let Ok(report) = read(text.as_bytes(), &Limits::default()) {
            let attempts: usize = report.runs.iter().map(|run| run.attempts.len()).sum();
            prop_assert!(attempts >= report.counts.tests);
            prop_assert!(report.runs.iter().all(|run| run.identity.key().len() <= 400));
        }
    }
}
