//! Which issues a run, or a step of it, was found to be broken by.
//!
//! Step 0 is the run itself; steps are numbered from 1.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError};

/// A defect of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, FromQueryResult)]
pub struct RunDefect {
    /// The step; 0 is the run itself.
    pub step: i32,
    /// The key of the issue.
    pub key: String,
    /// The mirror row of the issue.
    pub issue_id: Uuid,
    /// Jira's id of the issue, once Jira told of it.
    pub jira_id: Option<i64>,
}

/// The defects of a run, by step and key.
pub async fn of_run(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    number: i64,
) -> Result<Vec<RunDefect>, StoreError> {
    let mut found: Vec<RunDefect> = Sql::new(
        "SELECT d.step, i.key, d.issue_id, i.jira_id FROM run_defect d \
         JOIN issue i ON i.site_id = d.site_id AND i.id = d.issue_id WHERE d.site_id = ",
    )
    .bind(site)
    .with(" AND d.execution_id = ", execution)
    .with(" AND d.run_number = ", number)
    .all(on)
    .await?;
    found.sort_unstable();
    Ok(found)
}

/// Sets the defects of a run, pairs of step and issue, in place of those it had.
pub async fn set(
    on: &impl Conn,
    site: SiteId,
    (execution, number): (Uuid, i64),
    defects: &[(i32, Uuid)],
) -> Result<(), StoreError> {
    const COLUMNS: usize = 5;
    Sql::new("DELETE FROM run_defect WHERE site_id = ")
        .bind(site)
        .with(" AND execution_id = ", execution)
        .with(" AND run_number = ", number)
        .run(on)
        .await?;
    for chunk in defects.chunks(Dialect::of(on).chunk(COLUMNS)) {
        Sql::new("INSERT INTO run_defect (site_id, execution_id, run_number, step, issue_id) ")
            .rows::<COLUMNS>(chunk.iter().map(|(step, issue)| {
                [
                    site.into(),
                    execution.into(),
                    number.into(),
                    (*step).into(),
                    (*issue).into(),
                ]
            }))
            .push(" ON CONFLICT DO NOTHING")
            .run(on)
            .await?;
    }
    Ok(())
}

/// Lets the runs that name one issue as their defect name another.
pub async fn rename(on: &impl Conn, site: SiteId, from: Uuid, to: Uuid) -> Result<(), StoreError> {
    Sql::new(
        "INSERT INTO run_defect (site_id, execution_id, run_number, step, issue_id) \
         SELECT site_id, execution_id, run_number, step, ",
    )
    .bind(to)
    .with(" FROM run_defect WHERE site_id = ", site)
    .with(" AND issue_id = ", from)
    .push(" ON CONFLICT DO NOTHING")
    .run(on)
    .await?;
    Sql::new("DELETE FROM run_defect WHERE site_id = ")
        .bind(site)
        .with(" AND issue_id = ", from)
        .run(on)
        .await?;
    Ok(())
}

/// Deletes what is said of the defects of every run of an execution.
pub async fn delete_all(on: &impl Conn, site: SiteId, execution: Uuid) -> Result<(), StoreError> {
    Sql::new("DELETE FROM run_defect WHERE site_id = ")
        .bind(site)
        .with(" AND execution_id = ", execution)
        .run(on)
        .await?;
    Ok(())
}

/// Whether any run of a test names an issue as its defect.
pub async fn is_named(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    issue: Uuid,
) -> Result<bool, StoreError> {
    let rows = Sql::new(
        "SELECT 1 FROM run_defect d JOIN run r ON r.site_id = d.site_id \
         AND r.execution_id = d.execution_id AND r.number = d.run_number WHERE d.site_id = ",
    )
    .bind(site)
    .with(" AND d.issue_id = ", issue)
    .with(" AND r.test_id = ", test)
    .push(" LIMIT 1")
    .raw(on)
    .await?;
    Ok(!rows.is_empty())
}
