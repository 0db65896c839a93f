//! Result files in: how fast, and how much memory.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::client::Connection;
use super::database::Kind;
use super::ingest::{Installed, measured};
use super::machine::{self, Counted};
use super::report::{Goal, judge, median, say};

/// The number in the key of the first issue that events and files are about.
pub const FIRST_ISSUE: usize = 1_000_000;

/// A JUnit file: cases in suites of 100, every twentieth failing with a message, each covering one
/// of the `issues` by a property.
pub fn junit(cases: usize, issues: usize, run: usize) -> String {
    let mut file = String::with_capacity(cases * 300);
    file.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for case in 0..cases {
        if case % 100 == 0 {
            let suite = case / 100;
            let tests = (cases - case).min(100);
            writeln!(
                file,
                "<testsuite name=\"shop.suite{suite}\" tests=\"{tests}\" \
                 timestamp=\"2026-11-{:02}T{:02}:{:02}:{:02}\">",
                1 + run / 86_400 % 24,
                run / 3_600 % 24,
                run / 60 % 60,
                run % 60
            )
            .unwrap();
        }
        let issue = FIRST_ISSUE + case * issues / cases;
        write!(
            file,
            "<testcase classname=\"shop.checkout.Totals{}\" name=\"the total is right, case {case}\" \
             time=\"0.{:03}\"><properties><property name=\"requirement\" value=\"SHOP-{issue}\"/></properties>",
            case / 100,
            case % 1_000
        )
        .unwrap();
        if (case + run).is_multiple_of(20) {
            file.push_str(
                "<failure message=\"expected 12.50 but was 13.00\" type=\"AssertionError\">at \
                 shop.checkout.Totals.check(Totals.java:42)\nat shop.checkout.Totals.run(Totals.java:7)</failure>",
            );
        }
        file.push_str("</testcase>\n");
        if case % 100 == 99 || case == cases - 1 {
            file.push_str("</testsuite>\n");
        }
    }
    file.push_str("</testsuites>\n");
    file
}

/// A request that posts a file to project SHOP.
pub fn request(token: &str, file: &str) -> Vec<u8> {
    format!(
        "POST /api/v1/projects/SHOP/results?environment=staging HTTP/1.1\r\nHost: 127.0.0.1\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/xml\r\n\
         Content-Length: {}\r\n\r\n{file}",
        file.len()
    )
    .into_bytes()
}

/// 10,000 cases, some times over: the first file makes the tests, the others find them.
pub async fn speed(kind: Kind) {
    const CASES: usize = 10_000;
    const FILES: usize = 6;
    let Some(product) = Installed::new(kind).await else {
        return;
    };
    let token = super::process::Program::api_token(&product.database, &product.site);
    let pid = product.program.pid();
    let counted = product.database.counted(pid);
    let (before, _) = machine::memory(pid);
    let mut rates = Vec::new();
    for run in 0..FILES {
        let request = request(&token, &junit(CASES, 500, run));
        let (took, cpu) = measured(&counted, async || {
            post(product.program.port, &request).await
        })
        .await;
        let rate = CASES as f64 / took.as_secs_f64();
        let each = cpu.as_secs_f64() * 1e6 / CASES as f64;
        let name = if run == 0 { "new tests" } else { "known tests" };
        say(
            &format!("{CASES} cases, {name}"),
            format!("{rate:.0} cases/s, {each:.1} µs CPU a case"),
        );
        rates.push(rate);
    }
    let (_, peak) = machine::memory(pid);
    let limits = |rate| Goal::AtLeast(if kind == Kind::Sqlite { 20_000.0 } else { rate });
    judge(
        "",
        &format!("import of {CASES} cases, new tests, {kind}"),
        rates[0],
        "/s",
        limits(0.0),
    );
    judge(
        "",
        &format!("import of {CASES} cases, known tests, {kind}"),
        median(&rates[1..]),
        "/s",
        limits(0.0),
    );
    judge(
        "",
        &format!("memory growth of it, {kind}"),
        peak - before,
        "MB",
        Goal::AtMost(64.0),
    );
    product.end().await;
}

/// G7: memory for one file of 100,000 cases.
pub async fn memory(kind: Kind) {
    const CASES: usize = 100_000;
    let Some(product) = Installed::new(kind).await else {
        return;
    };
    let token = super::process::Program::api_token(&product.database, &product.site);
    let pid = product.program.pid();
    let request = request(&token, &junit(CASES, 500, 0));
    let (took, cpu) = measured(&[Counted::Process(pid)], async || {
        post(product.program.port, &request).await
    })
    .await;
    say(
        &format!("{CASES} cases, {:.1} MB of XML", request.len() as f64 / 1e6),
        format!("{took:.2?}, {cpu:.2?} CPU of the product"),
    );
    let (_, peak) = machine::memory(pid);
    judge(
        "G7",
        &format!("memory importing {CASES} cases, {kind}"),
        peak,
        "MB",
        Goal::AtMost(128.0),
    );
    product.end().await;
}

/// Posts a file that is taken; how long that took.
pub async fn post(port: u16, request: &[u8]) -> Duration {
    let mut connection = Connection::open(port).await.unwrap();
    let since = Instant::now();
    let answer = connection.exchange(request).await.unwrap();
    let took = since.elapsed();
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(connection.body())
    );
    took
}
