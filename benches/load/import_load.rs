//! What a busy pipeline asks of imports: large files beside the least that keeps their rows, and many
//! small files a second while people read.

use std::fmt::Write;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor, QueryBuilder, Sqlite};
use touchstone::results::{Limits, read};

use super::client::{self, Connection};
use super::database::{Database, Kind};
use super::events::Events;
use super::import::{FIRST_ISSUE, junit, post, request};
use super::ingest::Installed;
use super::machine;
use super::panel::Page;
use super::process::Program;
use super::report::{Goal, judge, median, say};
use super::seed;
use super::site::now_s;

const ROUNDS: usize = 5;

/// Imports of 5,000, 60,000 and 100,000 results; G9, and the rate of rows beside a bare insert.
pub async fn large(kind: Kind) {
    const CASES: usize = 100_000;
    let Some(product) = Installed::new(kind).await else {
        return;
    };
    let token = Program::api_token(&product.database, &product.site);
    let (port, pid) = (product.program.port, product.program.pid());
    let mut took = Vec::new();
    for run in 0..=ROUNDS {
        let file = request(&token, &junit(5_000, 500, run));
        let since = Instant::now();
        post(port, &file).await;
        // The first makes the tests.
        if run > 0 {
            took.push(since.elapsed().as_secs_f64());
        }
    }
    let what = format!("5000 results, {kind}");
    judge("", &what, median(&took), "s", Goal::AtMost(1.0));

    let file = junit(60_000, 500, 0);
    let size = file.len() as f64 / 1e6;
    let since = Instant::now();
    post(port, &request(&token, &file)).await;
    let what = format!("60000 results, {size:.0} MB, mostly new tests, {kind}");
    judge(
        "",
        &what,
        since.elapsed().as_secs_f64(),
        "s",
        Goal::AtMost(10.0),
    );
    let (_, peak) = machine::memory(pid);
    judge(
        "",
        &format!("memory of it, {kind}"),
        peak,
        "MB",
        Goal::AtMost(256.0),
    );

    let (mut ours, mut parsed, mut inserted) = (vec![], vec![], vec![]);
    for run in 0..=ROUNDS {
        let file = junit(CASES, 500, run);
        let posted = request(&token, &file);
        let since = Instant::now();
        post(port, &posted).await;
        let our_time = since.elapsed();
        let since = Instant::now();
        assert_eq!(
            read(file.as_bytes(), &Limits::default())
                .unwrap()
                .runs
                .len(),
            CASES
        );
        let parse_time = since.elapsed();
        let insert_time = bare_insert(kind, CASES).await;
        if run > 0 {
            ours.push(our_time.as_secs_f64());
            parsed.push(parse_time.as_secs_f64());
            inserted.push(insert_time.as_secs_f64());
        }
    }
    let (ours, parsed, inserted) = (median(&ours), median(&parsed), median(&inserted));
    say(
        &format!("{CASES} results of known tests: ours, parsing, bare insert"),
        format!("{ours:.2}, {parsed:.2}, {inserted:.2} s"),
    );
    judge(
        "G9",
        &format!("import of {CASES} in parsing + bare insert, {kind}"),
        ours / (parsed + inserted),
        "times",
        Goal::AtMost(3.0),
    );
    judge(
        "",
        &format!("rows a second of the bare insert's, {kind}"),
        100.0 * inserted / ours,
        "%",
        Goal::AtLeast(33.3),
    );
    product.end().await;
}

/// The least that keeps as many results: one transaction, rows of a table with its key and nothing
/// else. SQLite by statements of many rows, PostgreSQL by COPY.
async fn bare_insert(kind: Kind, rows: usize) -> Duration {
    const ID: &str = "id {blob} NOT NULL, number integer NOT NULL, test {blob} NOT NULL, status smallint \
                      NOT NULL, started bigint, finished bigint NOT NULL, arrived bigint NOT NULL, \
                      duration bigint, message text, PRIMARY KEY (id, number)";
    const MESSAGE: &str = "expected 12.50 but was 13.00";
    let database = Database::new(kind).await.unwrap();
    let (execution, test) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    let took = match kind {
        Kind::Sqlite => {
            let options: SqliteConnectOptions = database.url.parse().unwrap();
            let options = options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full);
            let mut on: SqliteConnection = options.connect().await.unwrap();
            let table = format!(
                "CREATE TABLE result ({}) WITHOUT ROWID",
                ID.replace("{blob}", "blob")
            );
            on.execute(AssertSqlSafe(table)).await.unwrap();
            let since = Instant::now();
            let mut txn = on.begin().await.unwrap();
            let numbers: Vec<usize> = (0..rows).collect();
            for chunk in numbers.chunks(1_000) {
                let mut sql = QueryBuilder::<Sqlite>::new("INSERT INTO result ");
                sql.push_values(chunk, |mut row, number| {
                    let number = i64::try_from(*number).unwrap();
                    row.push_bind(execution)
                        .push_bind(number)
                        .push_bind(test)
                        .push_bind(0_i16)
                        .push_bind(1_795_132_800_000 + number)
                        .push_bind(1_795_132_800_010 + number)
                        .push_bind(1_795_132_900_000_i64)
                        .push_bind(10_i64)
                        .push_bind((number % 20 == 0).then_some(MESSAGE));
                });
                sql.build().execute(&mut *txn).await.unwrap();
            }
            txn.commit().await.unwrap();
            let took = since.elapsed();
            on.close().await.unwrap();
            took
        }
        Kind::Postgres => {
            let mut on = PgConnection::connect(&database.url).await.unwrap();
            let table = format!("CREATE TABLE result ({})", ID.replace("{blob}", "uuid"));
            on.execute(AssertSqlSafe(table)).await.unwrap();
            let since = Instant::now();
            let mut text = String::with_capacity(rows * 160);
            for number in 0..rows {
                let message = if number % 20 == 0 { MESSAGE } else { "\\N" };
                let at = 1_795_132_800_000 + number;
                writeln!(
                    text,
                    "{execution}\t{number}\t{test}\t0\t{at}\t{at}\t1795132900000\t10\t{message}"
                )
                .unwrap();
            }
            let mut copy = on.copy_in_raw("COPY result FROM STDIN").await.unwrap();
            copy.send(text.into_bytes()).await.unwrap();
            copy.finish().await.unwrap();
            let took = since.elapsed();
            on.close().await.unwrap();
            took
        }
    };
    database.remove().await;
    took
}

/// Twenty imports of 500 results a second, for half a minute, while a person reads a panel.
pub async fn sustained(kind: Kind) {
    const RESULTS: usize = 500;
    const EVERY: Duration = Duration::from_millis(50);
    const FILES: usize = 600;
    const WARM: usize = 20;
    let Some(product) = Installed::new(kind).await else {
        return;
    };
    let (port, events) = (product.program.port, Events::signed(&product.site));
    let told = client::closed(port, 1, 0..25, &events).await;
    assert_eq!(told.errors(204), 0);
    product.program.applied().await;
    let token = Program::api_token(&product.database, &product.site);
    for run in 0..WARM {
        post(port, &request(&token, &junit(RESULTS, 25, run))).await;
    }
    let page = Page::of_issue(&product, FIRST_ISSUE, &format!("SHOP-{FIRST_ISSUE}"));
    let quiet = reads(port, &page, Duration::from_secs(5)).await;
    // Four pipelines at once, each file when its moment has come.
    let began = Instant::now();
    let pipelines = (0..4).map(|pipeline| {
        let token = token.clone();
        tokio::spawn(async move {
            let mut connection = Connection::open(port).await.unwrap();
            let mut waits = Vec::new();
            for file in (pipeline..FILES).step_by(4) {
                let posted = request(&token, &junit(RESULTS, 25, WARM + file));
                let due = began + EVERY * u32::try_from(file).unwrap();
                tokio::time::sleep_until(due.into()).await;
                let answer = connection.exchange(&posted).await.unwrap();
                assert_eq!(answer.status, 200);
                waits.push(due.elapsed().as_secs_f64() * 1e3);
            }
            waits
        })
    });
    let pipelines: Vec<_> = pipelines.collect();
    let busy = reads(port, &page, EVERY * u32::try_from(FILES).unwrap()).await;
    let mut waits = Vec::new();
    for pipeline in pipelines {
        waits.extend(pipeline.await.unwrap());
    }
    let took = began.elapsed().as_secs_f64();
    waits.sort_by(f64::total_cmp);
    let p95 = |sorted: &[f64]| sorted[sorted.len() * 95 / 100];
    say(
        "imports: p50, p95 from the moment each was due",
        format!("{:.0}, {:.0} ms", median(&waits), p95(&waits)),
    );
    judge(
        "",
        &format!("imports of {RESULTS} results a second, {kind}"),
        FILES as f64 / took,
        "/s",
        Goal::AtLeast(19.5),
    );
    say(
        "panel p95: nobody imports, everybody does",
        format!("{:.1}, {:.1} ms", p95(&quiet), p95(&busy)),
    );
    judge(
        "",
        &format!("panel p95 meanwhile of the quiet one, {kind}"),
        p95(&busy) / p95(&quiet),
        "times",
        Goal::AtMost(1.5),
    );
    product.end().await;
}

/// Reads a page fifty times a second; what each read took, in milliseconds, sorted.
async fn reads(port: u16, page: &Page, within: Duration) -> Vec<f64> {
    let mut connection = Connection::open(port).await.unwrap();
    let (mut took, since) = (Vec::new(), Instant::now());
    while since.elapsed() < within {
        let began = Instant::now();
        let answer = connection.exchange(page.bytes()).await.unwrap();
        assert_eq!(answer.status, 200);
        took.push(began.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_millis(20).saturating_sub(began.elapsed())).await;
    }
    took.sort_by(f64::total_cmp);
    took
}

/// G10: 10,000 results of known tests into a store of 100,000 results and one of `most`, round about.
pub async fn growth(kind: Kind, most: usize) {
    let mut stores = Vec::new();
    for runs in [100_000, most] {
        let Some(product) = Installed::new(kind).await else {
            return;
        };
        let token = Program::api_token(&product.database, &product.site);
        seed::fill(&product.database, runs, now_s() * 1_000).await;
        stores.push((product, token, runs, vec![]));
    }
    for round in 0..=ROUNDS {
        let file = seed::junit(round);
        for (product, token, _, rates) in &mut stores {
            let posted = request(token, &file);
            let took = post(product.program.port, &posted).await;
            if round > 0 {
                rates.push(seed::TESTS as f64 / took.as_secs_f64());
            }
        }
    }
    for (_, _, runs, rates) in &stores {
        let what = format!("{} results into {runs}", seed::TESTS);
        say(&what, format!("{:.0} results/s", median(rates)));
    }
    let [(_, _, _, few), (_, _, _, many)] = stores.as_slice() else {
        unreachable!("two stores");
    };
    judge(
        "G10",
        &format!("import into {most} results of into 100000, {kind}"),
        median(many) / median(few),
        "times",
        Goal::AtLeast(0.4),
    );
    for (product, ..) in stores {
        product.end().await;
    }
}
