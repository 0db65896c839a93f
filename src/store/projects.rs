//! Projects as Touchstone needs them: a key to find them by, and the numbers of what they hold.
//!
//! A row is made when the first thing of a project is stored. Numbers of tests and executions are
//! taken in blocks inside the transaction that uses them; [`hold`] locks the row, so that two
//! imports into one project follow one another on PostgreSQL as they do on SQLite.

use std::collections::HashMap;

use sea_orm::{DatabaseBackend, FromQueryResult};
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::issue::ProjectChanged;
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
    /// Test plans: `SHOP-P3`.
    Plans,
    /// Test sets and preconditions: `SHOP-S1`, `SHOP-C2`.
    Groups,
}

impl Counter {
    fn column(self) -> &'static str {
        match self {
            Self::Tests => "next_test",
            Self::Executions => "next_execution",
            Self::Plans => "next_plan",
            Self::Groups => "next_group",
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

/// Every project of a site by our id, with Jira's id where it is known.
pub async fn jira_ids(
    on: &impl Conn,
    site: SiteId,
) -> Result<HashMap<Uuid, Option<i64>>, StoreError> {
    let rows = Sql::new("SELECT id, jira_id FROM project WHERE site_id = ")
        .bind(site)
        .raw(on)
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

/// The project with this key, name or id, Jira's or ours as a decimal number.
pub async fn named(
    on: &impl Conn,
    site: SiteId,
    name: &str,
) -> Result<Option<Project>, StoreError> {
    let mut sql = Sql::new("SELECT id, key FROM project WHERE site_id = ");
    sql.bind(site);
    if let Ok(id) = name.trim().parse::<u128>() {
        sql.with(" AND (id = ", Uuid::from_u128(id));
        sql.with(" OR jira_id = ", i64::try_from(id).ok());
    } else {
        sql.with(" AND (key = ", name.trim().to_ascii_uppercase());
        sql.with(" OR lower(name) = ", name.trim().to_lowercase());
    }
    Ok(sql.push(") ORDER BY key LIMIT 1").one(on).await?)
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

/// Follows a change of a project that Jira told of as of `event_ms` (milliseconds since the Unix
/// epoch), unless a newer one is known. Nothing more is told of the issues of a project that is taken
/// away, so they go with it, and come back with it.
pub async fn follow(
    on: &impl Conn,
    site: SiteId,
    change: &ProjectChanged,
    event_ms: i64,
) -> Result<(), StoreError> {
    let key = change.key.as_str();
    let mut sql = Sql::new("SELECT event_ms FROM project WHERE site_id = ");
    sql.bind(site).with(" AND jira_id = ", change.jira_id);
    let known_ms: Option<i64> = sql.scalar(on).await?;
    if known_ms.is_some_and(|known_ms| known_ms > event_ms) {
        return Ok(());
    }
    let mut sql = Sql::new("UPDATE project SET key = ");
    sql.bind(key)
        .with(" WHERE site_id = ", site)
        .with(" AND jira_id = ", change.jira_id)
        .with(
            " AND NOT EXISTS (SELECT 1 FROM project o WHERE o.site_id = ",
            site,
        )
        .with(" AND o.key = ", key);
    sql.push(")").run(on).await?;
    let row = [
        site.into(),
        ids::next().into(),
        key.into(),
        change.jira_id.into(),
        change.name.as_str().into(),
        change.is_gone.into(),
        event_ms.into(),
    ];
    // A key is free for another project once the one that had it is gone.
    let is_news =
        Sql::new("INSERT INTO project (site_id, id, key, jira_id, name, is_gone, event_ms) ")
            .rows([row])
            .push(
                " ON CONFLICT (site_id, key) DO UPDATE SET jira_id = excluded.jira_id, \
         name = excluded.name, is_gone = excluded.is_gone, event_ms = excluded.event_ms \
         WHERE project.event_ms <= excluded.event_ms",
            )
            .run(on)
            .await?
            > 0;
    if !is_news {
        return Ok(());
    }
    let mut sql = if change.is_gone {
        let mut sql = Sql::new("UPDATE issue SET is_gone_with_project = true, deleted_ms = ");
        sql.bind(event_ms)
            .push(" WHERE deleted_ms IS NULL AND jira_id IS NOT NULL");
        sql
    } else {
        let mut sql = Sql::new("UPDATE issue SET is_gone_with_project = false, deleted_ms = ");
        sql.bind(None::<i64>).push(" WHERE is_gone_with_project");
        sql
    };
    sql.with(" AND site_id = ", site)
        .with(" AND project_key = ", key)
        .run(on)
        .await?;
    Ok(())
}
