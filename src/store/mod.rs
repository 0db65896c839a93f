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

use migrations::{Migrator, MigratorTrait};
use sea_orm::{DatabaseConnection, TransactionOptions, TransactionTrait};

pub mod api_clients;
pub mod audit;
pub mod defect_claims;
pub mod defects;
pub mod dialect;
pub mod environments;
mod error;
pub mod executions;
pub mod failed_runs;
pub mod halves;
pub mod inbox;
mod inbox_writer;
pub mod installations;
pub mod issue_tests;
pub mod issues;
pub mod latest;
pub mod links;
pub mod marks;
pub mod outbox;
pub mod project_issues;
pub mod projects;
pub mod retention;
pub mod rules;
pub mod runs;
pub mod settings;
pub mod site_health;
pub mod sites;
mod sql;
pub mod tests;

pub use dialect::Dialect;
pub use error::StoreError;
pub use inbox_writer::InboxWriter;
pub use sea_orm::ConnectionTrait as Conn;

pub use crate::domain::site::SiteId;

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
    writer: DatabaseConnection,
    dialect: Dialect,
}

/// A transaction that may write; dropped without [`Txn::commit`] it leaves nothing behind.
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
    /// Opens the database at `url` (`sqlite://…` or `postgres://…`) with at most `connections`
    /// readers. The schema is not touched; see [`Store::migrate`].
    pub async fn open(url: &str, connections: u32) -> Result<Self, StoreError> {
        let dialect = Dialect::of_url(url)?;
        let writer = match dialect {
            Dialect::Sqlite => Some(dialect::connect(url, 1).await?),
            Dialect::Postgres => None,
        };
        let reader = dialect::connect(url, connections).await?;
        Ok(Self {
            writer: writer.unwrap_or_else(|| reader.clone()),
            reader,
            dialect,
        })
    }

    /// Brings the schema up to date. Safe to call from several replicas at once: PostgreSQL is held
    /// by an advisory lock on a connection of its own, SQLite by having one process.
    pub async fn migrate(url: &str) -> Result<(), StoreError> {
        Self::under_migration_lock(url, async |connection| Migrator::up(connection, None).await)
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
        let connection = dialect::connect(url, 1).await?;
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

    /// Begins a transaction that may write, for statements that look for hundreds of values at once.
    ///
    /// PostgreSQL keeps the plan of a statement it has seen five times. Such a plan knows neither how
    /// large the tables have become since nor the values, and compares every row with every value:
    /// an import of 10,000 known tests took four seconds in place of half a one.
    pub async fn write_bulk(&self) -> Result<Txn, StoreError> {
        let txn = self.write().await?;
        if self.dialect == Dialect::Postgres {
            Sql::new("SET LOCAL plan_cache_mode = force_custom_plan")
                .run(&*txn)
                .await?;
        }
        Ok(txn)
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
        if self.dialect == Dialect::Sqlite {
            self.writer.close().await?;
        }
        self.reader.close().await?;
        Ok(())
    }
}
