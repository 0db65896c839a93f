//! G5 and G6: the panel of an issue with 20 tests, beside a bare server, and as history grows.
//!
//! Three products with 1,000, 100,000 and more results, and the bare server, take turns. The first
//! 100,000 results come in as files; what is beyond is older history, written into the table.

use sea_orm::ConnectionTrait;

use super::client::{self, Connection, Requests};
use super::database::{Database, Kind};
use super::events::Events;
use super::import::{FIRST_ISSUE, junit, request};
use super::ingest::{Installed, Rounds, measured};
use super::process::Program;
use super::report::{Goal, judge, median, say};

const CONNECTIONS: usize = 8;
const REQUESTS: u64 = 4_000;
const ROUNDS: u64 = 7;
/// Tests of the project; each issue has 20 of them.
const TESTS: usize = 1_000;
/// Tests of the smallest store: its 1,000 results are ten of each, as many as a panel shows.
const FEW_TESTS: usize = 100;

/// One page, asked for again and again.
#[derive(Clone)]
pub struct Page(Vec<u8>);

impl Requests for Page {
    fn write(&self, _: u64, request: &mut Vec<u8>) {
        request.clone_from(&self.0);
    }
}

impl Page {
    /// The request.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn of(product: &Installed) -> Self {
        Self::of_issue(product, FIRST_ISSUE, &format!("SHOP-{FIRST_ISSUE}"))
    }

    /// The panel of an issue, by its id and key in Jira.
    pub fn of_issue(product: &Installed, id: usize, key: &str) -> Self {
        let query = format!("issueId={id}&issueKey={key}&projectKey=SHOP");
        let path = format!("/connect/issue?{query}");
        let token = product.site.bound_token("GET", &path, Some("5b10a-person"));
        Self(format!("GET {path}&jwt={token} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").into_bytes())
    }
}

/// `most` results in the largest store.
pub async fn panel(kind: Kind, most: usize) {
    let Some(bare_database) = Database::new(kind).await else {
        return;
    };
    let server = match kind {
        Kind::Sqlite => "panel-sqlite",
        Kind::Postgres => "panel-postgres",
    };
    let bare = Program::bare(server, &bare_database).await;
    let bare_page = Page(b"GET /connect/issue HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".to_vec());
    let bare_counted = bare_database.counted(bare.pid());

    let sizes = [
        (FEW_TESTS, 10 * FEW_TESTS),
        (TESTS, 100 * TESTS),
        (TESTS, most),
    ];
    let mut products = Vec::new();
    for (tests, size) in sizes {
        products.push(filled(kind, tests, size).await);
    }
    let mut bares = Rounds::default();
    let mut ours = [const { None }; 3].map(|_: Option<()>| Rounds::default());
    let mut bytes = 0;
    // The first round warms everything up and is not counted.
    for round in 0..=ROUNDS {
        let (run, cpu) = measured(&bare_counted, async || {
            client::closed(bare.port, CONNECTIONS, 0..REQUESTS, &bare_page).await
        })
        .await;
        if round > 0 {
            bares.note(&run, cpu, 200);
        }
        for (product, rounds) in products.iter().zip(&mut ours) {
            let page = Page::of(product);
            let counted = product.database.counted(product.program.pid());
            let (run, cpu) = measured(&counted, async || {
                client::closed(product.program.port, CONNECTIONS, 0..REQUESTS, &page).await
            })
            .await;
            bytes = run.length;
            if round > 0 {
                rounds.note(&run, cpu, 200);
            }
        }
    }
    say("bytes of the panel", bytes);
    bares.print("bare server, 100000 results");
    for ((_, size), rounds) in sizes.iter().zip(&ours) {
        rounds.print(&format!("product, {size} results"));
    }
    let goal = if kind == Kind::Sqlite { 30.0 } else { 45.0 };
    let share = 100.0 * median(&ours[1].rates) / median(&bares.rates);
    judge(
        "G5",
        &format!("panel of the bare rate, {kind}"),
        share,
        "%",
        Goal::AtLeast(goal),
    );
    let [small, _, large] = &ours;
    for (what, small, large) in [
        ("p50", &small.p50, &large.p50),
        ("p99", &small.p99, &large.p99),
        ("CPU", &small.cpu, &large.cpu),
    ] {
        let times = median(large) / median(small);
        let what = format!("panel at {most} results of 1000: {what}, {kind}");
        judge("G6", &what, times, "times", Goal::AtMost(1.5));
    }
    for product in products {
        product.end().await;
    }
    drop(bare);
    bare_database.remove().await;
}

/// A product whose store holds `size` results of `tests` tests, 20 for each issue.
async fn filled(kind: Kind, tests: usize, size: usize) -> Installed {
    let product = Installed::new(kind).await.unwrap();
    let (port, events) = (product.program.port, Events::signed(&product.site));
    let issues = tests / 20;
    let told = client::closed(port, 1, 0..issues as u64, &events).await;
    assert_eq!(told.errors(204), 0);
    product.program.applied().await;
    let token = super::process::Program::api_token(&product.database, &product.site);
    let mut connection = Connection::open(port).await.unwrap();
    let files = (size / tests).min(100);
    for run in 0..files {
        let request = request(&token, &junit(tests, issues, run));
        let answer = connection.exchange(&request).await.unwrap();
        assert_eq!(
            answer.status,
            200,
            "{}",
            String::from_utf8_lossy(connection.body())
        );
    }
    write_history(&product.database, size - files * tests).await;
    product
}

/// Writes `results` older runs of the tests there are, as if they had come in long ago.
async fn write_history(database: &Database, results: usize) {
    let connection = database.connect().await;
    for part in 0..results / (100 * TESTS) {
        let id = uuid::Uuid::new_v4().simple();
        let (id, series) = match database.kind {
            Kind::Sqlite => (
                format!("x'{id}'"),
                "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100) SELECT n FROM s",
            ),
            Kind::Postgres => (
                format!("'{id}'::uuid"),
                "SELECT generate_series(1, 100) AS n",
            ),
        };
        let at = format!("1700000000000 + {part} * 1000000 + s.n * 10000");
        let sql = format!(
            "INSERT INTO run (site_id, execution_id, number, test_id, status, is_flaky, finished_ms, \
             arrived_ms, duration_ms) SELECT t.site_id, {id}, t.number * 1000 + s.n, t.id, 1, false, \
             {at}, {at}, 12 FROM test_case t CROSS JOIN ({series}) s"
        );
        connection.execute_unprepared(&sql).await.unwrap();
    }
    // Autovacuum does this on PostgreSQL; to SQLite it would be a stranger.
    if database.kind == Kind::Postgres {
        connection.execute_unprepared("ANALYZE").await.unwrap();
    }
    connection.close().await.unwrap();
}
