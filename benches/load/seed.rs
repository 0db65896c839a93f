//! A store with a long history, in minutes: written into the tables in bulk, and everything kept for
//! speed made from it by the product's own command.
//!
//! 5,000 issues: 24 epics and their stories; the first epic has 200 stories with ten tests each. All
//! 10,000 tests are run by every execution, and the executions spread over two years: each has an
//! environment, a version for its month, a sprint for its fortnight. One result in twenty is a failure,
//! another test in each execution.

use std::fmt::Write;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection};
use touchstone::domain::month::Month;
use touchstone::store::{Store, partitions};
use uuid::Uuid;

use super::database::{Database, Kind, all};
use super::process::Program;

pub const TESTS: usize = 10_000;
pub const ISSUES: usize = 5_000;
const EPICS: usize = 24;
/// Stories of the first epic, and the tests of each of them.
const LARGE: (usize, usize) = (200, 10);
const MONTHS: i32 = 24;
/// Jira's id of an issue beyond its number.
const FIRST_ID: usize = 500_000;

/// How long each step took.
#[derive(Debug)]
pub struct Seeded {
    pub runs: Duration,
    pub index: Duration,
    pub projections: Duration,
    /// The number of the newest execution.
    pub last_execution: usize,
}

/// Fills the store of a site's project SHOP with `runs` results. Nobody else writes meanwhile.
pub async fn fill(database: &Database, runs: usize, now_ms: i64) -> Seeded {
    let on = database.connect().await;
    if database.kind == Kind::Sqlite {
        for pragma in [
            "journal_mode = WAL",
            "synchronous = OFF",
            "cache_size = -200000",
        ] {
            run(&on, &format!("PRAGMA {pragma}")).await;
        }
    }
    let executions = runs / TESTS;
    make_parts(database, now_ms).await;
    let project = id(database.kind, now_ms, 1);
    run(
        &on,
        &format!(
            "INSERT INTO project (site_id, id, key, jira_id, name, next_test, next_execution) \
             VALUES (1, {project}, 'SHOP', 10000, 'Webshop', {}, {})",
            TESTS + 1,
            executions + 1
        ),
    )
    .await;
    issues_and_tests(database.kind, &on, &project, now_ms).await;

    let since = Instant::now();
    let index = drop_index(database.kind, &on).await;
    for number in 1..=executions {
        execution(database.kind, &on, &project, (number, executions), now_ms).await;
    }
    let written = since.elapsed();
    let since = Instant::now();
    run(&on, &index).await;
    if database.kind == Kind::Postgres {
        run(&on, "ANALYZE").await;
    }
    let indexed = since.elapsed();
    on.close().await.unwrap();

    let since = Instant::now();
    Program::command(database, &["rebuild"]);
    Seeded {
        runs: written,
        index: indexed,
        projections: since.elapsed(),
        last_execution: executions,
    }
}

/// A report with a new result of each of the tests, one in twenty a failure.
pub fn junit(run: usize) -> String {
    let mut file = format!("<testsuite><!-- {run} -->");
    for test in 0..TESTS {
        let failure = if (test + run).is_multiple_of(20) {
            "<failure message=\"expected 12.50 but was 13.00\"/>"
        } else {
            ""
        };
        writeln!(
            file,
            "<testcase classname=\"shop.Totals\" name=\"the total is right, case {test}\" time=\"0.25\">\
             {failure}</testcase>"
        )
        .unwrap();
    }
    file.push_str("</testsuite>");
    file
}

/// Parts for all the months, as if the service had made them in time.
async fn make_parts(database: &Database, now_ms: i64) {
    let store = Store::open(&database.url, 2).await.unwrap();
    let this_month = Month::of_ms(now_ms);
    for back in 0..=MONTHS {
        let txn = store.write().await.unwrap();
        partitions::make(&*txn, this_month.plus(-back))
            .await
            .unwrap();
        txn.commit().await.unwrap();
    }
    store.close().await.unwrap();
}

async fn run(on: &DatabaseConnection, sql: &str) {
    if let Err(why) = on.execute_unprepared(sql).await {
        panic!("{why}: {}", &sql[..sql.len().min(300)]);
    }
}

/// A version 7 UUID of a moment, written for the database.
fn id(kind: Kind, at_ms: i64, number: usize) -> String {
    let at = u128::try_from(at_ms).unwrap();
    let id = (at << 80) | (0x7 << 76) | (0x8 << 60) | number as u128;
    let id = Uuid::from_u128(id).simple();
    match kind {
        Kind::Sqlite => format!("x'{id}'"),
        Kind::Postgres => format!("'{id}'"),
    }
}

/// The number of the story that a test covers.
fn story_of(test: usize) -> usize {
    let (stories, each) = LARGE;
    if test < stories * each {
        EPICS + 1 + test / each
    } else {
        EPICS + 1 + stories + (test - stories * each) % (ISSUES - EPICS - stories)
    }
}

fn epic_of(story: usize) -> usize {
    let place = story - EPICS - 1;
    if place < LARGE.0 {
        1
    } else {
        2 + place % (EPICS - 1)
    }
}

async fn issues_and_tests(kind: Kind, on: &DatabaseConnection, project: &str, now_ms: i64) {
    let issue_id = |number: usize| id(kind, now_ms - 1, number);
    let test_id = |number: usize| id(kind, now_ms - 2, number);
    let mut rows = vec![];
    for number in 1..=ISSUES {
        let is_epic = number <= EPICS;
        let parent = if is_epic {
            "NULL".to_owned()
        } else {
            (FIRST_ID + epic_of(number)).to_string()
        };
        let (type_id, type_name) = if is_epic { (1, "Epic") } else { (2, "Story") };
        rows.push(format!(
            "(1, {}, {}, 'SHOP-{number}', 'SHOP', '{type_id}', '{type_name}', false, '1', 'To Do', 0, \
             'The customer sees {number}', {parent}, '[]', '[]', '{{\"id\":\"3\",\"name\":\"Medium\"}}', '[]', \
             {now_ms}, {now_ms}, {number}, {now_ms})",
            issue_id(number),
            FIRST_ID + number
        ));
    }
    insert(
        on,
        "issue (site_id, id, jira_id, key, project_key, type_id, type_name, is_subtask, status_id, \
         status_name, status_category, summary, parent_jira_id, fix_versions, sprints, priority, labels, \
         updated_ms, event_ms, changelog_id, seen_ms)",
        &rows,
    )
    .await;
    let tests = (0..TESTS).map(|test| {
        format!(
            "(1, {}, {project}, {}, 'the total is right, case {test}', 'shop.Totals', '', 1, '[]', 1, {now_ms})",
            test_id(test),
            test + 1
        )
    });
    let columns = "test_case (site_id, id, project_id, number, name, class_name, suite, kind, labels, \
                   version, created_ms)";
    insert(on, columns, &tests.collect::<Vec<_>>()).await;
    let links = (0..TESTS).map(|test| {
        let story = issue_id(story_of(test));
        format!("(1, {story}, {}, 1, {now_ms})", test_id(test))
    });
    let columns = "test_link (site_id, issue_id, test_id, source, created_ms)";
    insert(on, columns, &links.collect::<Vec<_>>()).await;
}

async fn insert(on: &DatabaseConnection, columns: &str, rows: &[String]) {
    for rows in rows.chunks(500) {
        run(
            on,
            &format!("INSERT INTO {columns} VALUES {}", rows.join(", ")),
        )
        .await;
    }
}

/// An index is made faster at the end than kept while rows come in no order of it; returns how.
async fn drop_index(kind: Kind, on: &DatabaseConnection) -> String {
    let definition = match kind {
        Kind::Sqlite => "SELECT sql FROM sqlite_master WHERE name = 'run_by_test'",
        Kind::Postgres => "SELECT indexdef FROM pg_indexes WHERE indexname = 'run_by_test'",
    };
    let index: String = all(on, definition).await[0].try_get_by_index(0).unwrap();
    run(on, "DROP INDEX run_by_test").await;
    // PostgreSQL says of a parted table that it means this table alone.
    index.replace(" ON ONLY ", " ON ")
}

async fn execution(
    kind: Kind,
    on: &DatabaseConnection,
    project: &str,
    (number, of): (usize, usize),
    now_ms: i64,
) {
    const DAY_MS: i64 = 86_400_000;
    let back = i64::try_from((of - number) * 1_000 / of).unwrap() * i64::from(MONTHS) * 30 * DAY_MS
        / 1_000;
    let made_ms = now_ms - DAY_MS - back;
    let execution = id(kind, made_ms, number);
    let environments = [r#"["chrome"]"#, r#"["firefox"]"#, "[]"][number % 3];
    let version = format!("1.{}", 24 - back / (30 * DAY_MS));
    let sprint = format!("Sprint {}", 48 - back / (15 * DAY_MS));
    run(
        on,
        &format!(
            "INSERT INTO execution (site_id, id, project_id, number, name, environments, fix_version, \
             sprint, revision, source, created_ms, started_ms, finished_ms, next_run) VALUES (1, \
             {execution}, {project}, {number}, 'nightly', '{environments}', '{version}', '{sprint}', \
             'r{number}', 'JUnit', {made_ms}, {made_ms}, {}, {})",
            made_ms + 3_600_000,
            TESTS + 1
        ),
    )
    .await;
    // 9 is a failure, 0 a pass.
    run(
        on,
        &format!(
            "INSERT INTO run (site_id, execution_id, number, test_id, status, is_flaky, started_ms, \
             finished_ms, arrived_ms, duration_ms, message) SELECT site_id, {execution}, number, id, \
             CASE WHEN (number * 7 + {number}) % 20 = 0 THEN 9 ELSE 0 END, false, {made_ms} + number * 300, \
             {made_ms} + number * 300 + 250, {made_ms} + 3600000, 250, \
             CASE WHEN (number * 7 + {number}) % 20 = 0 THEN 'expected 12.50 but was 13.00' END \
             FROM test_case WHERE site_id = 1 ORDER BY number"
        ),
    )
    .await;
}
