//! One run as a whole, for whoever looks at it or changes it.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::keys::TestKey;
use crate::domain::run::RunStatus;
use crate::domain::run_detail::RunDetail;

/// Everything that is stored in a run's own row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRun {
    /// Its number within the execution.
    pub number: i64,
    /// The test.
    pub test_id: Uuid,
    /// The key of the test.
    pub test_key: TestKey,
    /// The name of the test, as it is now.
    pub test_name: String,
    /// The version of the test it was made with; none when nobody noted it.
    pub test_version: Option<i32>,
    /// How it ended.
    pub status: RunStatus,
    /// Whether its attempts disagreed.
    pub is_flaky: bool,
    /// When it began, milliseconds since the Unix epoch.
    pub started_ms: Option<i64>,
    /// When it ended, milliseconds since the Unix epoch.
    pub finished_ms: i64,
    /// When it reached us, milliseconds since the Unix epoch.
    pub arrived_ms: i64,
    /// How long it took, milliseconds.
    pub duration_ms: Option<i64>,
    /// The first line of what it said about its outcome.
    pub message: Option<String>,
    /// Attempts, steps, comment and the rest.
    pub detail: RunDetail,
}

#[derive(FromQueryResult)]
struct Row {
    execution_id: Uuid,
    number: i64,
    test_id: Uuid,
    project_key: String,
    test_number: i64,
    test_name: String,
    test_version: Option<i32>,
    status: i16,
    is_flaky: bool,
    started_ms: Option<i64>,
    finished_ms: i64,
    arrived_ms: i64,
    duration_ms: Option<i64>,
    message: Option<String>,
    detail: Option<String>,
}

/// The run with this number of an execution.
pub async fn by_number(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    number: i64,
) -> Result<Option<StoredRun>, StoreError> {
    let row: Option<Row> = Sql::new(SELECT)
        .bind(site)
        .with(" AND r.execution_id = ", execution)
        .with(" AND r.number = ", number)
        .one(on)
        .await?;
    row.map(stored).transpose()
}

/// Runs by execution and number; unknown ones are left out.
pub async fn by_places(
    on: &impl Conn,
    site: SiteId,
    places: &[(Uuid, i64)],
) -> Result<HashMap<(Uuid, i64), StoredRun>, StoreError> {
    let mut found = HashMap::with_capacity(places.len());
    for chunk in places.chunks(100) {
        let mut sql = Sql::new(SELECT);
        sql.bind(site).push(" AND (1 = 0");
        for (execution, number) in chunk {
            sql.with(" OR (r.execution_id = ", *execution);
            sql.with(" AND r.number = ", *number).push(")");
        }
        let rows: Vec<Row> = sql.push(")").all(on).await?;
        for row in rows {
            found.insert((row.execution_id, row.number), stored(row)?);
        }
    }
    Ok(found)
}

const SELECT: &str = "SELECT r.execution_id, r.number, r.test_id, p.key AS project_key, \
     t.number AS test_number, t.name AS test_name, r.test_version, r.status, r.is_flaky, \
     r.started_ms, r.finished_ms, r.arrived_ms, r.duration_ms, r.message, r.detail \
     FROM run r JOIN test_case t ON t.site_id = r.site_id AND t.id = r.test_id \
     JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id WHERE r.site_id = ";

fn stored(row: Row) -> Result<StoredRun, StoreError> {
    let (execution, number) = (row.execution_id, row.number);
    let corrupt = |what: String| StoreError::Corrupt {
        table: "run",
        id: format!("{execution}/{number}"),
        what,
    };
    Ok(StoredRun {
        number,
        test_id: row.test_id,
        test_key: TestKey {
            project: row.project_key,
            number: row.test_number,
        },
        test_name: row.test_name,
        test_version: row.test_version,
        status: RunStatus::from_code(row.status)
            .ok_or_else(|| corrupt(format!("status {}", row.status)))?,
        is_flaky: row.is_flaky,
        started_ms: row.started_ms,
        finished_ms: row.finished_ms,
        arrived_ms: row.arrived_ms,
        duration_ms: row.duration_ms,
        message: row.message,
        detail: match &row.detail {
            Some(text) => {
                serde_json::from_str(text).map_err(|why| corrupt(format!("detail: {why}")))?
            }
            None => RunDetail::default(),
        },
    })
}

/// What is stored of a run's details; a run that has nothing to say has none.
#[must_use]
pub fn detail_text(detail: &RunDetail) -> Option<String> {
    if *detail == RunDetail::default() {
        return None;
    }
    serde_json::to_string(detail).ok()
}

/// Writes what can be changed of a run: all but its test, and when it reached us.
pub async fn update(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    run: &StoredRun,
) -> Result<(), StoreError> {
    Sql::new("UPDATE run SET status = ")
        .bind(run.status.code())
        .with(", is_flaky = ", run.is_flaky)
        .with(", started_ms = ", run.started_ms)
        .with(", finished_ms = ", run.finished_ms)
        .with(", duration_ms = ", run.duration_ms)
        .with(", message = ", run.message.clone())
        .with(", test_version = ", run.test_version.unwrap_or_default())
        .with(", detail = ", detail_text(&run.detail))
        .with(" WHERE site_id = ", site)
        .with(" AND execution_id = ", execution)
        .with(" AND number = ", run.number)
        .run(on)
        .await?;
    Ok(())
}

/// Deletes a run.
pub async fn delete(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    number: i64,
) -> Result<(), StoreError> {
    Sql::new("DELETE FROM run WHERE site_id = ")
        .bind(site)
        .with(" AND execution_id = ", execution)
        .with(" AND number = ", number)
        .run(on)
        .await?;
    Ok(())
}

/// Deletes every run of an execution; returns their tests, each once, in order.
pub async fn delete_all(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
) -> Result<Vec<Uuid>, StoreError> {
    let tests = tests_of(on, site, execution).await?;
    Sql::new("DELETE FROM run WHERE site_id = ")
        .bind(site)
        .with(" AND execution_id = ", execution)
        .run(on)
        .await?;
    Ok(tests)
}

/// The tests that an execution has run, each once, in order.
pub async fn tests_of(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
) -> Result<Vec<Uuid>, StoreError> {
    let rows = Sql::new("SELECT DISTINCT test_id FROM run WHERE site_id = ")
        .bind(site)
        .with(" AND execution_id = ", execution)
        .push(" ORDER BY test_id")
        .raw(on)
        .await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}

/// When the first run of an execution began, where known, and when the last one ended; none when it
/// has no run.
pub async fn span_ms(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
) -> Result<(Option<i64>, Option<i64>), StoreError> {
    let rows = Sql::new("SELECT min(started_ms), max(finished_ms) FROM run WHERE site_id = ")
        .bind(site)
        .with(" AND execution_id = ", execution)
        .raw(on)
        .await?;
    rows.first().map_or(Ok((None, None)), |row| {
        Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
    })
}
