//! Finding runs by their tests, executions and plans: of each test in each execution the newest one,
//! which is what the execution says of the test.

use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::run::RunStatus;

/// A search for runs. It names tests, executions or plans: runs without number are behind it
/// otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Search<'a> {
    /// The keys of the only projects that are looked at; all, when there is none.
    pub projects: &'a [String],
    /// Of these tests.
    pub tests: Option<&'a [Uuid]>,
    /// Of this version of its test.
    pub version: Option<i32>,
    /// Of these executions.
    pub executions: Option<&'a [Uuid]>,
    /// Of executions of the plans with these keys.
    pub plans: Option<&'a [String]>,
    /// With one of these statuses.
    pub statuses: Option<&'a [RunStatus]>,
    /// That one of these is to run, as the run names them.
    pub assignees: Option<&'a [String]>,
    /// That reached us since, milliseconds since the Unix epoch.
    pub arrived_since_ms: Option<i64>,
    /// How many to pass over.
    pub start: i64,
    /// How many to return.
    pub limit: i64,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// How many there are.
    pub total: i64,
    /// Execution and number of those on the page, in the order they were made.
    pub places: Vec<(Uuid, i64)>,
}

/// Searches.
pub async fn find(on: &impl Conn, site: SiteId, search: &Search<'_>) -> Result<Found, StoreError> {
    let is_postgres = Dialect::of(on) == Dialect::Postgres;
    let total: Option<i64> = statement(site, is_postgres, search, "SELECT count(*)")
        .scalar(on)
        .await?;
    let total = total.unwrap_or(0);
    if total <= search.start {
        return Ok(Found {
            total,
            places: Vec::new(),
        });
    }
    let rows = statement(site, is_postgres, search, "SELECT r.execution_id, r.number")
        .with(" ORDER BY r.execution_id, r.number LIMIT ", search.limit)
        .with(" OFFSET ", search.start)
        .raw(on)
        .await?;
    let places = rows
        .iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
    Ok(Found {
        total,
        places: places.collect::<Result<_, StoreError>>()?,
    })
}

fn statement(site: SiteId, is_postgres: bool, search: &Search<'_>, select: &str) -> Sql {
    let mut sql = Sql::new(select);
    sql.push(
        " FROM run r JOIN execution e ON e.site_id = r.site_id AND e.id = r.execution_id \
         JOIN project p ON p.site_id = e.site_id AND p.id = e.project_id WHERE r.site_id = ",
    )
    .bind(site)
    .push(
        " AND NOT EXISTS (SELECT 1 FROM run n WHERE n.site_id = r.site_id \
         AND n.execution_id = r.execution_id AND n.test_id = r.test_id AND n.number > r.number)",
    );
    if !search.projects.is_empty() {
        let keys = search.projects.iter().map(String::as_str);
        sql.push(" AND p.key IN ").list(keys);
    }
    for (column, ids) in [
        ("r.test_id", search.tests),
        ("r.execution_id", search.executions),
    ] {
        if let Some(ids) = ids {
            sql.push(" AND ").push(column).push(" IN ");
            sql.list_filled_up(ids.iter().copied());
        }
    }
    if let Some(plans) = search.plans {
        sql.push(" AND e.plan IN ")
            .list(plans.iter().map(String::as_str));
    }
    if let Some(statuses) = search.statuses {
        let codes = statuses.iter().map(|status| status.code());
        sql.push(" AND r.status IN ").list(codes);
    }
    if let Some(assignees) = search.assignees {
        sql.push(if is_postgres {
            " AND (r.detail::jsonb ->> 'assignee') IN "
        } else {
            " AND json_extract(r.detail, '$.assignee') IN "
        })
        .list(assignees.iter().map(String::as_str));
    }
    if let Some(version) = search.version {
        sql.with(" AND r.test_version = ", version);
    }
    if let Some(since_ms) = search.arrived_since_ms {
        sql.with(" AND r.arrived_ms >= ", since_ms);
    }
    sql
}
