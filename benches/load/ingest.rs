//! G1 to G4: durable events in, the whole product at work, its backlog included.

use std::time::Duration;

use super::client::{self, Run};
use super::database::{Database, Kind};
use super::events::Events;
use super::machine::{self, Counted};
use super::process::Program;
use super::report::{Goal, judge, median, say};
use super::site::{KeyHost, Site};

pub const CONNECTIONS: usize = 64;
/// Requests of one round, rounds of each server.
const REQUESTS: u64 = 16_000;
const ROUNDS: u64 = 5;
/// The open loop: requests a second, for how many seconds.
const RATE: u32 = 2_000;
const SECONDS: u64 = 10;

/// The product with a site that has the app.
pub struct Installed {
    pub program: Program,
    pub database: Database,
    pub site: Site,
    pub keys: KeyHost,
}

impl Installed {
    pub async fn new(kind: Kind) -> Option<Self> {
        Self::with(kind, &[]).await
    }

    /// The same, under further options.
    pub async fn with(kind: Kind, options: &[&str]) -> Option<Self> {
        let (keys, site) = (KeyHost::start(), Site::new("acme"));
        let database = Database::new(kind).await?;
        let program = Program::product_with(&database, &keys, None, options).await;
        program.install(&keys, &site).await;
        Some(Self {
            program,
            database,
            site,
            keys,
        })
    }

    pub async fn end(self) {
        drop(self.program);
        self.database.remove().await;
    }
}

/// One server's rounds.
#[derive(Default)]
pub struct Rounds {
    pub rates: Vec<f64>,
    /// Microseconds of processor time for each request.
    pub cpu: Vec<f64>,
    pub p50: Vec<f64>,
    pub p99: Vec<f64>,
}

impl Rounds {
    /// Notes a round whose every request was answered `status`.
    pub fn note(&mut self, run: &Run, cpu: Duration, status: u16) {
        assert_eq!(run.errors(status), 0, "{:?}", run.statuses);
        self.rates.push(run.rate());
        self.cpu
            .push(cpu.as_secs_f64() * 1e6 / run.latencies.len() as f64);
        self.p50.push(run.percentile(50));
        self.p99.push(run.percentile(99));
    }

    pub fn print(&self, name: &str) {
        let figures = format!(
            "{:>7.0}/s  {:>5.1} µs CPU  p50 {:.1} ms  p99 {:.1} ms",
            median(&self.rates),
            median(&self.cpu),
            median(&self.p50),
            median(&self.p99)
        );
        say(name, figures);
    }
}

/// G1, G2, G3: the closed loop against the bare server, round about.
pub async fn closed(kind: Kind) {
    let Some(product) = Installed::new(kind).await else {
        return;
    };
    let Some(bare_database) = Database::new(kind).await else {
        return;
    };
    let server = match kind {
        Kind::Sqlite => "ingest-sqlite",
        Kind::Postgres => "ingest-postgres",
    };
    let bare = Program::bare(server, &bare_database).await;
    let events = Events::signed(&product.site);
    let counted = product.database.counted(product.program.pid());
    let bare_counted = bare_database.counted(bare.pid());
    say("bytes of a request", events.body_length());

    let (mut ours, mut bares) = (Rounds::default(), Rounds::default());
    let mut backlog = Vec::new();
    // The first round warms both up and is not counted.
    for round in 0..=ROUNDS {
        let numbers = round * REQUESTS..(round + 1) * REQUESTS;
        let (run, cpu) = measured(&bare_counted, async || {
            client::closed(bare.port, CONNECTIONS, numbers.clone(), &events).await
        })
        .await;
        if round > 0 {
            bares.note(&run, cpu, 204);
        }
        let mut waited = Duration::ZERO;
        let (run, cpu) = measured(&counted, async || {
            let run = client::closed(product.program.port, CONNECTIONS, numbers, &events).await;
            waited = product.program.applied().await;
            run
        })
        .await;
        if round > 0 {
            ours.note(&run, cpu, 204);
            backlog.push(waited.as_secs_f64());
        }
    }
    bares.print("bare server");
    ours.print("product");
    say(
        "backlog applied after the last answer",
        format!("{:.2} s", median(&backlog)),
    );
    let (goal, ratio, cpu) = match kind {
        Kind::Sqlite => ("G1", 45.0, 90.0),
        Kind::Postgres => ("G2", 65.0, 150.0),
    };
    let share = 100.0 * median(&ours.rates) / median(&bares.rates);
    judge(
        goal,
        &format!("durable ingest of the bare rate, {kind}"),
        share,
        "%",
        Goal::AtLeast(ratio),
    );
    judge(
        "G3",
        &format!("CPU of an event, applied, {kind}"),
        median(&ours.cpu),
        "µs",
        Goal::AtMost(cpu),
    );
    let (_, peak) = machine::memory(product.program.pid());
    judge(
        "G7",
        &format!("memory under load, {kind}"),
        peak,
        "MB",
        Goal::AtMost(54.0),
    );
    product.end().await;
    drop(bare);
    bare_database.remove().await;
}

/// G4: events at a fixed rate.
pub async fn open(kind: Kind) {
    let Some(product) = Installed::new(kind).await else {
        return;
    };
    let events = Events::signed(&product.site);
    let port = product.program.port;
    client::closed(port, CONNECTIONS, 0..2_000, &events).await;
    product.program.applied().await;
    let counted = product.database.counted(product.program.pid());
    let numbers = 2_000..2_000 + u64::from(RATE) * SECONDS;
    let mut backlog = Duration::ZERO;
    let (run, cpu) = measured(&counted, async || {
        let run = client::open(port, CONNECTIONS, RATE, numbers, &events).await;
        backlog = product.program.applied().await;
        run
    })
    .await;
    let cpu = cpu.as_secs_f64() * 1e6 / run.latencies.len() as f64;
    say(
        "rate reached",
        format!("{:.0}/s, {cpu:.1} µs CPU for each", run.rate()),
    );
    say(
        "p50, p95, max",
        format!(
            "{:.2}, {:.2}, {:.2} ms",
            run.percentile(50),
            run.percentile(95),
            run.percentile(100)
        ),
    );
    judge(
        "G4",
        &format!("open loop at {RATE}/s: p99, {kind}"),
        run.percentile(99),
        "ms",
        Goal::AtMost(8.0),
    );
    judge(
        "G4",
        &format!("open loop at {RATE}/s: errors, {kind}"),
        run.errors(204) as f64,
        "",
        Goal::AtMost(0.0),
    );
    judge(
        "G4",
        &format!("open loop at {RATE}/s: backlog applied, {kind}"),
        backlog.as_secs_f64(),
        "s",
        Goal::AtMost(2.0),
    );
    product.end().await;
}

/// Runs something and counts the processor time it took.
pub async fn measured<T>(counted: &[Counted], run: impl AsyncFnOnce() -> T) -> (T, Duration) {
    let before = machine::cpu(counted);
    let done = run().await;
    (done, machine::cpu(counted).saturating_sub(before))
}
