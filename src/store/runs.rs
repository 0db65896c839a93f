//! Test runs: facts, written once and never changed.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::keys::TestKey;
use crate::domain::run::RunStatus;

/// A run to be stored.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its number within the execution.
    pub number: i64,
    /// The test.
    pub test_id: Uuid,
    /// How it ended.
    pub status: RunStatus,
    /// Whether its attempts disagreed.
    pub is_flaky: bool,
    /// When it began, milliseconds since the Unix epoch.
    pub started_ms: Option<i64>,
    /// When it ended, milliseconds since the Unix epoch.
    pub finished_ms: i64,
    /// How long it took, milliseconds.
    pub duration_ms: Option<i64>,
    /// The first line of what it said about its outcome.
    pub message: Option<String>,
    /// Attempts, output, evidence and the rest, as a JSON document; see `app::import_results`.
    pub detail: Option<String>,
}

/// A run as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRun {
    /// Its number within the execution.
    pub number: i64,
    /// The key of its test.
    pub test_key: TestKey,
    /// The name of its test.
    pub test_name: String,
    /// How it ended.
    pub status: RunStatus,
    /// Whether its attempts disagreed.
    pub is_flaky: bool,
    /// When it began, milliseconds since the Unix epoch.
    pub started_ms: Option<i64>,
    /// When it ended, milliseconds since the Unix epoch.
    pub finished_ms: i64,
    /// How long it took, milliseconds.
    pub duration_ms: Option<i64>,
    /// The first line of what it said about its outcome.
    pub message: Option<String>,
}

/// Stores runs of one execution.
pub async fn insert_all(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    runs: &[NewRun],
    now_ms: i64,
) -> Result<(), StoreError> {
    const COLUMNS: usize = 12;
    for chunk in runs.chunks(Dialect::of(on).chunk(COLUMNS)) {
        let mut sql = Sql::new(
            "INSERT INTO run (site_id, execution_id, number, test_id, status, is_flaky, \
             started_ms, finished_ms, arrived_ms, duration_ms, message, detail) ",
        );
        sql.rows::<COLUMNS>(chunk.iter().map(|run| {
            [
                site.into(),
                execution.into(),
                run.number.into(),
                run.test_id.into(),
                run.status.code().into(),
                run.is_flaky.into(),
                run.started_ms.into(),
                run.finished_ms.into(),
                now_ms.into(),
                run.duration_ms.into(),
                run.message.clone().into(),
                run.detail.clone().into(),
            ]
        }));
        sql.run(on).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Row {
    number: i64,
    project_key: String,
    test_number: i64,
    test_name: String,
    status: i16,
    is_flaky: bool,
    started_ms: Option<i64>,
    finished_ms: i64,
    duration_ms: Option<i64>,
    message: Option<String>,
}

/// The runs of an execution whose number is above `after`, by number, at most `limit`.
pub async fn of_execution(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    after: i64,
    limit: i64,
) -> Result<Vec<ListedRun>, StoreError> {
    let mut sql = Sql::new(
        "SELECT r.number, p.key AS project_key, t.number AS test_number, t.name AS test_name, \
         r.status, r.is_flaky, r.started_ms, r.finished_ms, r.duration_ms, r.message \
         FROM run r JOIN test_case t ON t.site_id = r.site_id AND t.id = r.test_id \
         JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id WHERE r.site_id = ",
    );
    let rows: Vec<Row> = sql
        .bind(site)
        .with(" AND r.execution_id = ", execution)
        .with(" AND r.number > ", after)
        .with(" ORDER BY r.number LIMIT ", limit)
        .all(on)
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ListedRun {
                number: row.number,
                test_key: TestKey {
                    project: row.project_key,
                    number: row.test_number,
                },
                test_name: row.test_name,
                status: status_of(row.status, execution, row.number)?,
                is_flaky: row.is_flaky,
                started_ms: row.started_ms,
                finished_ms: row.finished_ms,
                duration_ms: row.duration_ms,
                message: row.message,
            })
        })
        .collect()
}

/// How many runs of an execution have each status, by rank.
pub async fn count_by_status(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
) -> Result<Vec<(RunStatus, i64)>, StoreError> {
    let mut sql = Sql::new("SELECT status, count(*) FROM run WHERE site_id = ");
    let rows = sql
        .bind(site)
        .with(" AND execution_id = ", execution)
        .push(" GROUP BY status ORDER BY status")
        .raw(on)
        .await?;
    rows.iter()
        .map(|row| {
            let status = status_of(row.try_get_by_index(0)?, execution, 0)?;
            Ok((status, row.try_get_by_index(1)?))
        })
        .collect()
}

fn status_of(code: i16, execution: Uuid, number: i64) -> Result<RunStatus, StoreError> {
    RunStatus::from_code(code).ok_or_else(|| StoreError::Corrupt {
        table: "run",
        id: format!("{execution}/{number}"),
        what: format!("status {code}"),
    })
}
