//! Projects as Touchstone needs them: a key to find them by, and the numbers of what they hold.
//!
//! A row is made when the first thing of a project is stored. Numbers of tests and executions are
//! taken in blocks inside the transaction that uses them; [`hold`] locks the row, so that two
//! imports into one project follow one another on PostgreSQL as they do on SQLite.

use sea_orm::{DatabaseBackend, FromQueryResult};
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};
use crate::ids;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Project {
    /// Our id of it.
    pub id: Uuid,
    /// Its key.
    pub key: String,
}

/// What numbers are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// Test cases: `SHOP-T12`.
    Tests,
    /// Test executions: `SHOP-E7`.
    Executions,
}

impl Counter {
    fn column(self) -> &'static str {
        match self {
            Self::Tests => "next_test",
            Self::Executions => "next_execution",
        }
    }
}

/// The project with this key.
pub async fn by_key(
    on: &impl Conn,
    site: SiteId,
    key: &str,
) -> Result<Option<Project>, StoreError> {
    let mut sql = Sql::new("SELECT id, key FROM project WHERE site_id = ");
    Ok(sql.bind(site).with(" AND key = ", key).one(on).await?)
}

/// The project with this key, made if there is none, and held until the transaction ends.
pub async fn hold(on: &impl Conn, site: SiteId, key: &str) -> Result<Project, StoreError> {
    let mut sql = Sql::new("INSERT INTO project (site_id, id, key) ");
    let id = ids::next();
    sql.rows([[site.into(), id.into(), key.into()]])
        .push(" ON CONFLICT (site_id, key) DO NOTHING")
        .run(on)
        .await?;
    let mut sql = Sql::new("SELECT id, key FROM project WHERE site_id = ");
    sql.bind(site).with(" AND key = ", key);
    if on.get_database_backend() == DatabaseBackend::Postgres {
        sql.push(" FOR UPDATE");
    }
    sql.one(on).await?.ok_or_else(|| StoreError::Corrupt {
        table: "project",
        id: key.to_owned(),
        what: "not there after it was inserted".to_owned(),
    })
}

/// Takes `count` numbers of a project; returns the first.
pub async fn take_numbers(
    on: &impl Conn,
    site: SiteId,
    project: Uuid,
    counter: Counter,
    count: i64,
) -> Result<i64, StoreError> {
    let column = counter.column();
    let mut sql = Sql::new(&format!("UPDATE project SET {column} = {column} + "));
    sql.bind(count)
        .with(" WHERE site_id = ", site)
        .with(" AND id = ", project)
        .push(&format!(" RETURNING {column}"));
    let next: Option<i64> = sql.scalar(on).await?;
    let next = next.ok_or_else(|| StoreError::Corrupt {
        table: "project",
        id: project.to_string(),
        what: "numbers were taken of a project that is not there".to_owned(),
    })?;
    Ok(next - count)
}

/// Holds every project of a site until the transaction ends, as [`hold`] holds one.
pub async fn hold_all(on: &impl Conn, site: SiteId) -> Result<(), StoreError> {
    let mut sql = Sql::new("SELECT id FROM project WHERE site_id = ");
    sql.bind(site).push(" ORDER BY id");
    if on.get_database_backend() == DatabaseBackend::Postgres {
        sql.push(" FOR UPDATE");
    }
    sql.raw(on).await?;
    Ok(())
}
