//! What is stored, and how it is asked for.
//!
//! The only layer that names `sea_orm`. It decides nothing: functions do what their name says and
//! take the site first, so that no query of this module can be written without its tenant. Domain
//! types go in and out; rows stay inside. One file per aggregate; differences between the two
//! databases live in [`dialect`].
//!
//! Reads go through [`Store::read`], writes through a transaction of [`Store::write`]; functions
//! take either as `&impl Conn`. SQLite has one writer connection: keep write transactions short and
//! never wait for anything but the database inside one.

use std::sync::Arc;

use migrations::{Migrator, MigratorTrait};
use sea_orm::{
    AccessMode, DatabaseConnection, IsolationLevel, TransactionOptions, TransactionTrait,
};

pub mod api_clients;
pub mod audit;
mod checkpoint;
pub mod claim_tests;
pub mod defect_claims;
pub mod defects;
pub mod dialect;
pub mod environments;
mod error;
pub mod evidence;
pub mod executions;
pub mod exemptions;
pub mod failed_runs;
pub mod folders;
pub mod groups;
pub mod halves;
pub mod history;
pub mod idempotency;
pub mod inbox;
pub mod installations;
pub mod issue_links;
pub mod issue_tests;
pub mod issues;
pub mod latest;
pub mod links;
pub mod marks;
pub mod matrix;
pub mod matrix_snapshots;
pub mod open_defects;
pub mod outbox;
pub mod partitions;
pub mod plans;
pub mod population;
pub mod project_issues;
pub mod projects;
pub mod quarantines;
pub mod readiness;
pub mod retention;
pub mod retests;
pub mod rules;
pub mod run_defects;
pub mod run_search;
pub mod runs;
pub mod scans;
pub mod search;
pub mod settings;
pub mod shown_status;
pub mod site_health;
pub mod sites;
pub mod sprints;
mod sql;
pub mod stale_tests;
mod statistics;
pub mod status_comments;
pub mod statuses;
pub mod stored_runs;
pub mod stored_tests;
pub mod tests;
pub mod transition_paths;
pub mod viewer_scopes;
pub mod windows;

pub use dialect::Dialect;
pub use error::StoreError;
pub use inbox::InboxWriter;
pub use sea_orm::ConnectionTrait as Conn;

pub use crate::domain::site::SiteId;

use dialect::Purpose;
use sql::Sql;

impl From<SiteId> for sea_orm::Value {
    fn from(site: SiteId) -> Self {
        site.0.into()
    }
}

/// The database: readers, and the writer.
#[derive(Debug, Clone)]
pub struct Store {
    reader: DatabaseConnection,
    bulk: DatabaseConnection,
    writer: DatabaseConnection,
    dialect: Dialect,
    fresh: Arc<inbox::Fresh>,
    /// Tells the checkpoints that the store is in use.
    _held: Arc<()>,
}

/// A transaction; dropped without [`Txn::commit`] it leaves nothing behind.
#[derive(Debug)]
pub struct Txn(sea_orm::DatabaseTransaction);

impl Txn {
    /// Makes everything done in the transaction durable and visible.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }
}

impl std::ops::Deref for Txn {
    type Target = sea_orm::DatabaseTransaction;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Store {
    /// Opens the database at `url` (`sqlite://…` or `postgres://…`) with at most `connections`, half
    /// of them for reading. The schema is not touched; see [`Store::migrate`].
    pub async fn open(url: &str, connections: u32) -> Result<Self, StoreError> {
        let dialect = Dialect::of_url(url)?;
        let half = (connections / 2).max(1);
        let writer = dialect::connect(url, half, Purpose::Write).await?;
        let bulk = match dialect {
            // Not one of the readers: each of them would keep such statements, which are large.
            Dialect::Sqlite => dialect::connect(url, 1, Purpose::Sweep).await?,
            Dialect::Postgres => writer.clone(),
        };
        let held = Arc::new(());
        if dialect == Dialect::Sqlite {
            let on = dialect::connect(url, 1, Purpose::Write).await?;
            tokio::spawn(checkpoint::keep_moving(on, Arc::downgrade(&held)));
        }
        Ok(Self {
            reader: dialect::connect(url, half, Purpose::Read).await?,
            bulk,
            writer,
            dialect,
            fresh: Arc::default(),
            _held: held,
        })
    }

    /// Brings the schema up to date. Safe to call from several replicas at once: PostgreSQL is held
    /// by an advisory lock on a connection of its own, SQLite by having one process.
    pub async fn migrate(url: &str) -> Result<(), StoreError> {
        let dialect = Dialect::of_url(url)?;
        Self::under_migration_lock(url, async |connection| {
            Migrator::up(connection, None).await?;
            match dialect {
                Dialect::Sqlite => statistics::tell(connection).await,
                Dialect::Postgres => Ok(()),
            }
        })
        .await
    }

    /// Takes the newest `steps` migrations back.
    pub async fn migrate_down(url: &str, steps: u32) -> Result<(), StoreError> {
        Self::under_migration_lock(url, async |connection| {
            Migrator::down(connection, Some(steps)).await
        })
        .await
    }

    /// Names of the migrations this build brings that the database does not have yet.
    pub async fn pending_migrations(url: &str) -> Result<Vec<String>, StoreError> {
        Self::under_migration_lock(url, async |connection| {
            let pending = Migrator::get_pending_migrations(connection).await?;
            Ok(pending
                .iter()
                .map(|migration| migration.name().to_owned())
                .collect())
        })
        .await
    }

    async fn under_migration_lock<T>(
        url: &str,
        work: impl AsyncFnOnce(&DatabaseConnection) -> Result<T, sea_orm::DbErr>,
    ) -> Result<T, StoreError> {
        /// Any number, the same in every replica: "touchstone" in ASCII, cut to 63 bits.
        const LOCK: i64 = 0x746f_7563_6873_746f;
        let dialect = Dialect::of_url(url)?;
        let connection = dialect::connect(url, 1, Purpose::Write).await?;
        if dialect == Dialect::Postgres {
            Sql::new("SELECT pg_advisory_lock(")
                .bind(LOCK)
                .push(")")
                .run(&connection)
                .await?;
        }
        let done = work(&connection).await;
        connection.close().await?;
        Ok(done?)
    }

    /// Where to read.
    #[must_use]
    pub fn read(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Begins a transaction that may write.
    pub async fn write(&self) -> Result<Txn, StoreError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Txn(self.writer.begin_with_options(options).await?))
    }

    /// Begins a transaction that only reads, and sees one state however many statements it asks.
    /// For what would be wrong if something was committed in between; dropped, it ends.
    pub async fn snapshot(&self) -> Result<Txn, StoreError> {
        let (on, options) = match self.dialect {
            // Every transaction of SQLite sees the state of its first statement.
            Dialect::Sqlite => (&self.reader, TransactionOptions::default()),
            Dialect::Postgres => (
                &self.bulk,
                TransactionOptions {
                    isolation_level: Some(IsolationLevel::RepeatableRead),
                    access_mode: Some(AccessMode::ReadOnly),
                    ..TransactionOptions::default()
                },
            ),
        };
        Ok(Txn(on.begin_with_options(options).await?))
    }

    /// Where to run a single statement for hundreds of values at once; on PostgreSQL it is planned for
    /// those values (see [`Purpose::Write`]), on SQLite it only reads.
    #[must_use]
    pub fn bulk(&self) -> &DatabaseConnection {
        &self.bulk
    }

    /// Which database this is.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Sql::new("SELECT 1").run(&self.reader).await?;
        Ok(())
    }

    /// Closes every connection.
    pub async fn close(self) -> Result<(), StoreError> {
        self.writer.close().await?;
        if self.dialect == Dialect::Sqlite {
            self.bulk.close().await?;
        }
        self.reader.close().await?;
        Ok(())
    }
}
