//! Views and edits over a long history: the panel of an epic, the matrix, and the version of an execution
//! with 10,000 runs changed while people read.

use std::time::{Duration, Instant};

use super::client::{self, Connection};
use super::database::Kind;
use super::ingest::Installed;
use super::machine;
use super::panel::Page;
use super::process::Program;
use super::report::{Goal, judge, median, say};
use super::seed::{self, TESTS};
use super::site::now_s;

/// `runs` results in the store.
pub async fn history(kind: Kind, runs: usize) {
    let Some(product) = Installed::new(kind).await else {
        return;
    };
    let token = Program::api_token(&product.database, &product.site);
    let seeded = seed::fill(&product.database, runs, now_s() * 1000).await;
    say(
        &format!("{runs} runs written"),
        format!("{:.1?}", seeded.runs),
    );
    say("their index made", format!("{:.1?}", seeded.index));
    say(
        "projections made from them",
        format!("{:.1?}", seeded.projections),
    );
    let minutes = (seeded.runs + seeded.index + seeded.projections).as_secs_f64() / 60.0;
    say("together", format!("{minutes:.1} min"));
    let port = product.program.port;

    let epic = Page::of_issue(&product, 500_001, "SHOP-1");
    // The first few warm the statements and the pages up.
    client::closed(port, 1, 0..8, &epic).await;
    let run = client::closed(port, 2, 0..100, &epic).await;
    assert_eq!(run.errors(200), 0, "{:?}", run.statuses);
    let what = format!("panel of an epic, 200 stories, 2000 tests: p95, {kind}");
    judge("", &what, run.percentile(95), "ms", Goal::AtMost(100.0));
    let story = Page::of_issue(&product, 500_025, "SHOP-25");
    client::closed(port, 1, 0..20, &story).await;
    let run = client::closed(port, 8, 0..2_000, &story).await;
    assert_eq!(run.errors(200), 0, "{:?}", run.statuses);
    say(
        "panel of a story with 10 tests",
        format!(
            "p50 {:.2} ms, p99 {:.2} ms",
            run.percentile(50),
            run.percentile(99)
        ),
    );

    for (what, path, goal) in [
        ("first matrix page of 5000 issues", "matrix", 1_000.0),
        (
            "the same for a version",
            "matrix?scope=version:1.20",
            1_000.0,
        ),
        (
            "matrix exported as CSV",
            "matrix/export?format=csv",
            10_000.0,
        ),
        (
            "matrix exported as XLSX",
            "matrix/export?format=xlsx",
            10_000.0,
        ),
    ] {
        let mut took = vec![];
        for _ in 0..3 {
            let asked = ask(port, &token, "GET", &format!("projects/SHOP/{path}"), "").await;
            took.push(asked.as_secs_f64() * 1e3);
        }
        judge(
            "",
            &format!("{what}, {kind}"),
            median(&took),
            "ms",
            Goal::AtMost(goal),
        );
    }

    let execution = format!("executions/SHOP-E{}", seeded.last_execution);
    for (what, body) in [
        ("fix version", r#"{"fixVersion":"2.0"}"#),
        ("environments", r#"{"environments":["safari"]}"#),
    ] {
        let edit = ask(port, &token, "PATCH", &execution, body);
        let reads = client::closed(port, 2, 0..400, &story);
        let (took, reads) = tokio::join!(edit, reads);
        assert_eq!(reads.errors(200), 0, "{:?}", reads.statuses);
        let what = format!("{what} of {TESTS} runs changed, {kind}");
        // Environments are kept beside each test, so all its runs are read again; no goal says how fast.
        if body.contains("fixVersion") {
            judge("", &what, took.as_secs_f64(), "s", Goal::AtMost(5.0));
        } else {
            say(&what, format!("{took:.2?}"));
        }
        say(
            "reads beside it",
            format!("p99 {:.1} ms", reads.percentile(99)),
        );
    }
    let (_, peak) = machine::memory(product.program.pid());
    say("memory of it all", format!("{peak:.0} MB"));
    product.end().await;
}

/// Asks the API for something that must be answered well; how long that took.
async fn ask(port: u16, token: &str, method: &str, path: &str, body: &str) -> Duration {
    let request = format!(
        "{method} /api/v1/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\
         If-Match: *\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = Connection::open(port).await.unwrap();
    let since = Instant::now();
    let answer = connection.exchange(request.as_bytes()).await.unwrap();
    let took = since.elapsed();
    let said = String::from_utf8_lossy(connection.body());
    assert_eq!(
        answer.status,
        200,
        "{path}: {}",
        said.chars().take(300).collect::<String>()
    );
    took
}
