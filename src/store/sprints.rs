//! When sprints ran, as Jira's events and issues told it last.

use std::collections::BTreeMap;

use sea_orm::sea_query::ArrayType;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::sprint::Sprint;

/// The time a sprint ran, milliseconds since the Unix epoch; without an end it runs still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it was started.
    pub began_ms: i64,
    /// When it was completed.
    pub ended_ms: Option<i64>,
}

/// A sprint, and when it was told of so (milliseconds since the Unix epoch).
pub type Told = (SiteId, Sprint, i64);

/// Keeps what was told of sprints, unless something later was told before; a date that is not told
/// stays as it was. Every issue tells of its sprints, so what is known already is only read.
pub async fn learn_all(on: &impl Conn, told: &[Told]) -> Result<(), StoreError> {
    let mut newest: BTreeMap<(SiteId, String), &Told> = BTreeMap::new();
    for one in told {
        let place = (one.0, one.1.named.id.clone());
        let held = newest.entry(place).or_insert(one);
        if held.2 <= one.2 {
            *held = one;
        }
    }
    if newest.is_empty() {
        return Ok(());
    }
    let dialect = Dialect::of(on);
    let mut sql =
        Sql::new("SELECT site_id, jira_id, name, began_ms, ended_ms, told_ms FROM sprint WHERE ");
    let places = newest.keys().map(|(site, id)| (*site, id.as_str().into()));
    sql.among(dialect, "jira_id", ArrayType::String, places);
    for row in sql.raw(on).await? {
        let (site, id): (i64, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let place = (SiteId(site), id);
        let Some((_, sprint, told_ms)) = newest.get(&place) else {
            continue;
        };
        let (name, began_ms, ended_ms): (String, Option<i64>, Option<i64>) = (
            row.try_get_by_index(2)?,
            row.try_get_by_index(3)?,
            row.try_get_by_index(4)?,
        );
        let known_ms: i64 = row.try_get_by_index(5)?;
        let is_known = name == sprint.named.name
            && sprint.began_ms.is_none_or(|told| began_ms == Some(told))
            && sprint.ended_ms.is_none_or(|told| ended_ms == Some(told));
        if is_known || *told_ms < known_ms {
            newest.remove(&place);
        }
    }
    if newest.is_empty() {
        return Ok(());
    }
    let rows = newest.values().map(|(site, sprint, told_ms)| {
        [
            (*site).into(),
            sprint.named.id.as_str().into(),
            sprint.named.name.as_str().into(),
            sprint.began_ms.into(),
            sprint.ended_ms.into(),
            (*told_ms).into(),
        ]
    });
    Sql::new("INSERT INTO sprint (site_id, jira_id, name, began_ms, ended_ms, told_ms) ")
        .rows::<6>(rows)
        .push(
            " ON CONFLICT (site_id, jira_id) DO UPDATE SET name = excluded.name, \
             began_ms = COALESCE(excluded.began_ms, sprint.began_ms), \
             ended_ms = COALESCE(excluded.ended_ms, sprint.ended_ms), told_ms = excluded.told_ms \
             WHERE excluded.told_ms >= sprint.told_ms",
        )
        .run(on)
        .await?;
    Ok(())
}

/// Forgets a sprint.
pub async fn delete(on: &impl Conn, site: SiteId, jira_id: &str) -> Result<(), StoreError> {
    let mut sql = Sql::new("DELETE FROM sprint WHERE site_id = ");
    sql.bind(site)
        .with(" AND jira_id = ", jira_id)
        .run(on)
        .await?;
    Ok(())
}

/// When the sprints of this name ran: boards may each have one.
pub async fn spans(on: &impl Conn, site: SiteId, name: &str) -> Result<Vec<Span>, StoreError> {
    let mut sql = Sql::new("SELECT began_ms, ended_ms FROM sprint WHERE site_id = ");
    sql.bind(site)
        .with(" AND name = ", name)
        .push(" AND began_ms IS NOT NULL ORDER BY began_ms, jira_id");
    let rows = sql.raw(on).await?;
    let span = |row: &sea_orm::QueryResult| {
        Ok(Span {
            began_ms: row.try_get_by_index(0)?,
            ended_ms: row.try_get_by_index(1)?,
        })
    };
    rows.iter().map(span).collect()
}
