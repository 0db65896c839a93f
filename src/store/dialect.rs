//! Every difference between SQLite and PostgreSQL, in one place.
//!
//! - SQLite has one writer. It gets a connection of its own, and a transaction that reads before it
//!   writes begins immediate (a deferred one that meets another writer fails at once).
//! - `FOR UPDATE SKIP LOCKED` exists on PostgreSQL only; with one worker SQLite needs none.
//! - Placeholders are written `$1`; both drivers understand them.
//! - `synchronous=FULL`: an acknowledged event must survive a power cut. With group commit it costs
//!   nothing that can be measured.

use std::time::Duration;

use sea_orm::{ConnectOptions, DatabaseBackend, DatabaseConnection, DbErr};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

use super::StoreError;

/// How long a request waits for a connection before it is told to come back.
const ACQUIRE: Duration = Duration::from_secs(3);
/// How long a write waits for another process that holds SQLite's lock (`touchstone` commands).
const SQLITE_BUSY: Duration = Duration::from_secs(5);
/// Pages in the log before a commit moves them into the database: 64 MB. Most are moved before that,
/// see `checkpoint`.
const CHECKPOINT_PAGES: &str = "16000";
/// Memory of one SQLite connection for pages, negative for kB: readers find what they miss in the
/// system's cache, and there are many of them.
const READER_CACHE: &str = "-512";
const WRITER_CACHE: &str = "-4000";
/// Bytes of the database file that are read without a copy; they count as memory while they are used.
const MAPPED: &str = "268435456";
/// Statements kept prepared a connection; batches of different sizes are different statements.
const PREPARED: usize = 512;

/// What a page shows it finds by key, row by row, so that it stays as fast when tables grow. The
/// planner prefers to read small tables whole: the panel then cost a quarter more with a thousand
/// tests, and would go on growing until the planner changes its mind.
const BY_KEY: [(&str, &str); 4] = [
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_seqscan", "off"),
    ("plan_cache_mode", "force_generic_plan"),
];

/// Which database is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, embedded: one process, one file.
    Sqlite,
    /// PostgreSQL, shared by many replicas.
    Postgres,
}

impl Dialect {
    /// The dialect an address asks for.
    pub fn of_url(url: &str) -> Result<Self, StoreError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(StoreError::UnknownDatabase(
                url.split('@').next_back().unwrap_or("").into(),
            )),
        }
    }

    /// The dialect of a connection.
    #[must_use]
    pub fn of(on: &impl super::Conn) -> Self {
        match on.get_database_backend() {
            DatabaseBackend::Postgres => Self::Postgres,
            _ => Self::Sqlite,
        }
    }

    /// The largest number of bind parameters one statement may carry.
    #[must_use]
    pub fn max_binds(self) -> usize {
        match self {
            Self::Sqlite => 32_766,
            Self::Postgres => 65_535,
        }
    }

    /// Rows an insert of `columns` columns carries at its fastest, within the bind limit.
    #[must_use]
    pub fn chunk(self, columns: usize) -> usize {
        let fastest = match self {
            Self::Sqlite => 100,
            Self::Postgres => 1_000,
        };
        fastest.min(self.max_binds() / columns.max(1)).max(1)
    }
}

/// What a pool is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Short reads, the same again and again.
    Read,
    /// Reading much that is read once, on SQLite.
    Sweep,
    /// Transactions that write, and statements that look for hundreds of values at once.
    ///
    /// SQLite has one writer, so the pool has one connection. PostgreSQL keeps the plan of a statement
    /// it has seen five times; such a plan knows neither how large the tables have become since nor the
    /// values, and compares every row with every value (an import of 10,000 known tests took four
    /// seconds in place of half a one): these connections plan anew each time.
    Write,
}

/// Opens a pool of at most `connections`.
pub async fn connect(
    url: &str,
    connections: u32,
    purpose: Purpose,
) -> Result<DatabaseConnection, DbErr> {
    let connections = match (Dialect::of_url(url), purpose) {
        (Ok(Dialect::Sqlite), Purpose::Write) => 1,
        _ => connections,
    };
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE)
        .sqlx_logging(false)
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        .map_sqlx_sqlite_opts(move |options| {
            let (cache, mapped) = match purpose {
                Purpose::Read => (READER_CACHE, MAPPED),
                Purpose::Sweep => (READER_CACHE, "0"),
                Purpose::Write => (WRITER_CACHE, "0"),
            };
            options
                .pragma("cache_size", cache)
                .pragma("mmap_size", mapped)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(SQLITE_BUSY)
                .foreign_keys(true)
                .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
                .statement_cache_capacity(PREPARED)
        })
        .map_sqlx_postgres_opts(move |options| {
            let options = options.statement_cache_capacity(PREPARED);
            match purpose {
                Purpose::Read | Purpose::Sweep => options.options(BY_KEY),
                Purpose::Write => options.options([("plan_cache_mode", "force_custom_plan")]),
            }
        });
    sea_orm::Database::connect(options).await
}
