//! Failed runs with what a defect tells of them: one, when a person asks, or those of an execution
//! that a rule makes defects for.

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

/// What a failed test said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The test.
    pub test_id: Uuid,
    /// Its name.
    pub test_name: String,
    /// The number of the run within the execution.
    pub number: i64,
    /// The first line of what it said.
    pub message: Option<String>,
    /// The stack trace of its last attempt that has one.
    pub trace: Option<String>,
}

/// The runs with these numbers of an execution, by number.
pub async fn of_execution(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    numbers: &[i64],
) -> Result<Vec<Failed>, StoreError> {
    let mut all = Vec::with_capacity(numbers.len());
    for chunk in numbers.chunks(500) {
        let mut sql = Sql::new(
            "SELECT r.test_id, t.name, r.number, r.message, r.detail FROM run r \
             JOIN test_case t ON t.site_id = r.site_id AND t.id = r.test_id WHERE r.site_id = ",
        );
        sql.bind(site)
            .with(" AND r.execution_id = ", execution)
            .push(" AND r.number IN ")
            .list(chunk.iter().copied());
        for row in sql.raw(on).await? {
            let number = row.try_get_by_index(2)?;
            let detail: Option<String> = row.try_get_by_index(4)?;
            all.push(Failed {
                test_id: row.try_get_by_index(0)?,
                test_name: row.try_get_by_index(1)?,
                number,
                message: row.try_get_by_index(3)?,
                trace: trace(detail, execution, number)?,
            });
        }
    }
    all.sort_unstable_by_key(|run| run.number);
    Ok(all)
}

/// The stack trace of the last attempt that has one.
fn trace(
    detail: Option<String>,
    execution: Uuid,
    number: i64,
) -> Result<Option<String>, StoreError> {
    let detail: Option<RunDetail> = detail
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|why| StoreError::Corrupt {
            table: "run",
            id: format!("{execution}/{number}"),
            what: format!("detail: {why}"),
        })?;
    let attempts = detail.map(|detail| detail.attempts).unwrap_or_default();
    Ok(attempts.into_iter().rev().find_map(|one| one.details))
}

fn found(row: Row, execution: Uuid, number: i64) -> Result<FoundRun, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt {
        table: "run",
        id: format!("{execution}/{number}"),
        what,
    };
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
        trace: trace(row.detail, execution, number)?,
    })
}
