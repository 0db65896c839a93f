//! The bare servers: the least a program must do for the same durable answer, verifying nothing and
//! applying nothing. Started as processes of their own by `load bare SERVER PORT DATABASE`.

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Row};
use std::fmt::Write;
use std::sync::{Arc, LazyLock};
use tokio::sync::{Mutex, mpsc, oneshot};

/// Events of one transaction at the most.
const BATCH: usize = 128;
const THREADS: usize = 2;

struct Event {
    delivery: String,
    body: Bytes,
    answer: oneshot::Sender<()>,
}

type Queue = mpsc::Sender<Event>;

/// Serves until killed.
pub async fn serve(server: &str, port: u16, url: &str) {
    match server {
        "ingest-sqlite" => ingest(port, keep_on_sqlite(url).await).await,
        "ingest-postgres" => ingest(port, keep_on_postgres(url).await).await,
        "panel-sqlite" => panel_on_sqlite(port, url).await,
        "panel-postgres" => panel_on_postgres(port, url).await,
        other => panic!("no bare server is called {other}"),
    }
}

async fn here() -> HttpResponse {
    HttpResponse::Ok().finish()
}

async fn ingest(port: u16, queue: Queue) {
    let queue = Data::new(queue);
    HttpServer::new(move || {
        App::new()
            .app_data(queue.clone())
            .route("/", web::get().to(here))
            .route("/connect/webhook", web::post().to(receive))
    })
    .workers(THREADS)
    .bind(("127.0.0.1", port))
    .unwrap()
    .run()
    .await
    .unwrap();
}

async fn receive(request: HttpRequest, body: Bytes, queue: Data<Queue>) -> HttpResponse {
    let delivery = request
        .headers()
        .get("x-atlassian-webhook-identifier")
        .unwrap();
    let (answer, done) = oneshot::channel();
    let event = Event {
        delivery: delivery.to_str().unwrap().to_owned(),
        body,
        answer,
    };
    queue.send(event).await.ok().unwrap();
    done.await.unwrap();
    HttpResponse::NoContent().finish()
}

async fn collect(waiting: &mut mpsc::Receiver<Event>) -> Vec<Event> {
    let mut events = Vec::with_capacity(BATCH);
    waiting.recv_many(&mut events, BATCH).await;
    events
}

fn answer(events: Vec<Event>) {
    for event in events {
        let _ = event.answer.send(());
    }
}

async fn sqlite(url: &str, connections: u32) -> SqlitePool {
    let options: SqliteConnectOptions = url.parse().unwrap();
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .statement_cache_capacity(2 * BATCH);
    SqlitePoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .unwrap()
}

async fn postgres(url: &str, connections: u32) -> PgPool {
    let options: PgConnectOptions = url.parse().unwrap();
    PgPoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .unwrap()
}

async fn keep_on_sqlite(url: &str) -> Queue {
    let pool = sqlite(url, 1).await;
    let table = "CREATE TABLE event (id integer PRIMARY KEY, delivery text NOT NULL UNIQUE, \
                 body blob NOT NULL)";
    sqlx::query(table).execute(&pool).await.unwrap();
    let (queue, mut waiting) = mpsc::channel(1_024);
    tokio::spawn(async move {
        loop {
            let events = collect(&mut waiting).await;
            let rows = vec!["(?, ?)"; events.len()].join(", ");
            let sql = format!(
                "INSERT INTO event (delivery, body) VALUES {rows} ON CONFLICT (delivery) DO NOTHING"
            );
            let mut insert = sqlx::query(AssertSqlSafe(sql));
            for event in &events {
                insert = insert
                    .bind(event.delivery.as_str())
                    .bind(event.body.as_ref());
            }
            insert.execute(&pool).await.unwrap();
            answer(events);
        }
    });
    queue
}

async fn keep_on_postgres(url: &str) -> Queue {
    let pool = postgres(url, 2).await;
    let table = "CREATE TABLE event (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                 delivery text NOT NULL UNIQUE, body bytea NOT NULL)";
    sqlx::query(table).execute(&pool).await.unwrap();
    let (queue, waiting) = mpsc::channel(1_024);
    let waiting = Arc::new(Mutex::new(waiting));
    for _ in 0..2 {
        let (pool, waiting) = (pool.clone(), Arc::clone(&waiting));
        tokio::spawn(async move {
            loop {
                let events = collect(&mut *waiting.lock().await).await;
                let deliveries: Vec<_> = events.iter().map(|one| one.delivery.as_str()).collect();
                let bodies: Vec<_> = events.iter().map(|one| one.body.as_ref()).collect();
                let insert = sqlx::query(
                    "INSERT INTO event (delivery, body) \
                     SELECT * FROM UNNEST($1::text[], $2::bytea[]) ON CONFLICT (delivery) DO NOTHING",
                );
                let inserted = insert.bind(deliveries).bind(bodies).execute(&pool).await;
                inserted.unwrap();
                answer(events);
            }
        });
    }
    queue
}

/// What of the panel's 50 kB is the same for every issue here.
static REST: LazyLock<String> = LazyLock::new(|| "<p>rest of the page</p>\n".repeat(2_000));

/// Tests of the issue that is looked at, and results of each; the results make 100,000 rows.
const TESTS: i64 = 20;
const RESULTS: i64 = 5_000;

/// The newest result of every test of one issue: one statement, straight from the history.
const PANEL: &str = "SELECT t.key, t.name, r.status, r.finished_ms, r.message FROM test t \
     JOIN result r ON r.id = (SELECT id FROM result WHERE test_id = t.id \
                              ORDER BY finished_ms DESC LIMIT 1) \
     WHERE t.issue_id = $1 ORDER BY t.key";

fn panel_tables(serial: &str, series: &str) -> Vec<String> {
    let text = [
        "CREATE TABLE test (id integer PRIMARY KEY, issue_id bigint NOT NULL, key text NOT NULL, \
         name text NOT NULL)"
            .to_owned(),
        "CREATE INDEX test_by_issue ON test (issue_id)".to_owned(),
        format!(
            "CREATE TABLE result (id {serial}, test_id bigint NOT NULL, status smallint NOT NULL, \
             finished_ms bigint NOT NULL, message text)"
        ),
        format!(
            "INSERT INTO test SELECT n, 1, 'SHOP-T' || n, 'checkout totals are right, case ' || n \
             FROM ({}) s",
            series.replace("LAST", &TESTS.to_string())
        ),
        format!(
            "INSERT INTO result (test_id, status, finished_ms, message) SELECT 1 + n % {TESTS}, n % 3, \
             1795132800000 + n, 'expected 12.50 but was 13.00' FROM ({}) s",
            series.replace("LAST", &(TESTS * RESULTS).to_string())
        ),
        "CREATE INDEX result_by_test ON result (test_id, finished_ms DESC)".to_owned(),
    ];
    text.into()
}

fn write_row(
    page: &mut String,
    key: &str,
    name: &str,
    status: i16,
    finished_ms: i64,
    message: &str,
) {
    writeln!(
        page,
        "<li class=\"test\"><span class=\"status\">{status}</span><span class=\"key\">{key}</span>\
         <span class=\"name\">{name}</span><time>{finished_ms}</time><p>{message}</p></li>"
    )
    .unwrap();
}

fn html(rows: &str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(format!(
            "<!doctype html><html><body><ul>\n{rows}</ul>{}</body></html>",
            *REST
        ))
}

/// Makes the page's rows out of a pool; written once for both drivers.
macro_rules! panel {
    ($pool:ty, $port:expr, $opened:expr) => {{
        async fn show(pool: Data<$pool>) -> HttpResponse {
            let rows = sqlx::query(PANEL)
                .bind(1_i64)
                .fetch_all(pool.get_ref())
                .await
                .unwrap();
            let mut page = String::with_capacity(8 << 10);
            for row in &rows {
                write_row(
                    &mut page,
                    row.get(0),
                    row.get(1),
                    row.get(2),
                    row.get(3),
                    row.get(4),
                );
            }
            html(&page)
        }
        let pool = Data::new($opened);
        HttpServer::new(move || {
            App::new()
                .app_data(pool.clone())
                .route("/", web::get().to(here))
                .route("/connect/issue", web::get().to(show))
        })
        .workers(THREADS)
        .bind(("127.0.0.1", $port))
        .unwrap()
        .run()
        .await
        .unwrap();
    }};
}

async fn panel_on_sqlite(port: u16, url: &str) {
    let pool = sqlite(url, 8).await;
    let series = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < LAST) SELECT n FROM s";
    for sql in panel_tables("integer PRIMARY KEY", series) {
        sqlx::query(AssertSqlSafe(sql))
            .execute(&pool)
            .await
            .unwrap();
    }
    panel!(SqlitePool, port, pool);
}

async fn panel_on_postgres(port: u16, url: &str) {
    let pool = postgres(url, 8).await;
    let series = "SELECT generate_series(1, LAST) AS n";
    for sql in panel_tables("bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", series) {
        sqlx::query(AssertSqlSafe(sql))
            .execute(&pool)
            .await
            .unwrap();
    }
    sqlx::query("ANALYZE").execute(&pool).await.unwrap();
    panel!(PgPool, port, pool);
}
