//! One run with everything a defect tells of it: a single row, read when a person asks.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::keys::ExecutionKey;
use crate::domain::run_detail::RunDetail;

/// A run and what its execution says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRun {
    /// The key of its execution.
    pub execution_key: ExecutionKey,
    /// Its environments.
    pub environments: Vec<String>,
    /// The version it ran.
    pub fix_version: Option<String>,
    /// The revision it ran.
    pub revision: Option<String>,
    /// The branch of it.
    pub branch: Option<String>,
    /// The first line of what it said.
    pub message: Option<String>,
    /// The stack trace of its last attempt that has one.
    pub trace: Option<String>,
}

#[derive(FromQueryResult)]
struct Row {
    project_key: String,
    execution_number: i64,
    environments: String,
    fix_version: Option<String>,
    revision: Option<String>,
    branch: Option<String>,
    message: Option<String>,
    detail: Option<String>,
}

/// The run with this number of an execution.
pub async fn by_number(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    number: i64,
) -> Result<Option<FoundRun>, StoreError> {
    let mut sql = Sql::new(
        "SELECT p.key AS project_key, e.number AS execution_number, e.environments, \
         e.fix_version, e.revision, e.branch, r.message, r.detail FROM run r \
         JOIN execution e ON e.site_id = r.site_id AND e.id = r.execution_id \
         JOIN project p ON p.site_id = e.site_id AND p.id = e.project_id WHERE r.site_id = ",
    );
    let row: Option<Row> = sql
        .bind(site)
        .with(" AND r.execution_id = ", execution)
        .with(" AND r.number = ", number)
        .one(on)
        .await?;
    row.map(|row| found(row, execution, number)).transpose()
}

fn found(row: Row, execution: Uuid, number: i64) -> Result<FoundRun, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt {
        table: "run",
        id: format!("{execution}/{number}"),
        what,
    };
    let detail: Option<RunDetail> = row
        .detail
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|why| corrupt(format!("detail: {why}")))?;
    let attempts = detail.map(|detail| detail.attempts).unwrap_or_default();
    Ok(FoundRun {
        execution_key: ExecutionKey {
            project: row.project_key,
            number: row.execution_number,
        },
        environments: serde_json::from_str(&row.environments)
            .map_err(|why| corrupt(format!("environments: {why}")))?,
        fix_version: row.fix_version,
        revision: row.revision,
        branch: row.branch,
        message: row.message,
        trace: attempts.into_iter().rev().find_map(|one| one.details),
    })
}
