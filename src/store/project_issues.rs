//! The issues of a project that tests cover, for pages that show them all: identities and links in one
//! statement, never more than the links there are, however often the tests were run.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::issue::StatusCategory;

/// A test that covers an issue.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct CoveringLink {
    /// Our id of the issue.
    pub issue_id: Uuid,
    /// Jira's id of the issue.
    pub jira_id: i64,
    /// The issue's key.
    pub key: String,
    /// The name of the issue's type.
    pub type_name: String,
    /// The test.
    pub test_id: Uuid,
    /// When the test was archived, milliseconds since the Unix epoch; it does not count then.
    pub archived_ms: Option<i64>,
}

/// Every link between a test and an issue of a project that Jira told of and still has.
pub async fn covering_links(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
) -> Result<Vec<CoveringLink>, StoreError> {
    let mut sql = Sql::new(
        "SELECT l.issue_id, i.jira_id, i.key, i.type_name, l.test_id, t.archived_ms \
         FROM test_link l \
         JOIN issue i ON i.site_id = l.site_id AND i.id = l.issue_id \
         JOIN test_case t ON t.site_id = l.site_id AND t.id = l.test_id \
         WHERE l.removed_ms IS NULL AND i.jira_id IS NOT NULL AND i.deleted_ms IS NULL \
         AND l.site_id = ",
    );
    Ok(sql
        .bind(site)
        .with(" AND i.project_key = ", project_key)
        .all(on)
        .await?)
}

/// Defects that are open, of the tests that cover issues: by issue. Issues without one are left out.
pub async fn open_defects(
    on: &impl Conn,
    site: SiteId,
    issues: &[Uuid],
) -> Result<HashMap<Uuid, i64>, StoreError> {
    let mut sql = Sql::new("SELECT l.issue_id, COUNT(DISTINCT d.issue_id) AS defects");
    sql.push(OPEN_DEFECTS)
        .bind(site)
        .with(" AND f.status_category <> ", StatusCategory::Done.code())
        .push(" AND l.issue_id IN ")
        .list(issues.iter().copied())
        .push(" GROUP BY l.issue_id");
    let rows = sql.raw(on).await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

/// How many different defects are open, of the tests that cover issues of a project.
pub async fn count_open_defects(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
) -> Result<i64, StoreError> {
    let mut sql = Sql::new("SELECT COUNT(DISTINCT d.issue_id)");
    sql.push(OPEN_DEFECTS)
        .bind(site)
        .with(" AND f.status_category <> ", StatusCategory::Done.code())
        .with(
            " AND EXISTS (SELECT 1 FROM issue i WHERE i.site_id = l.site_id AND i.id = l.issue_id \
             AND i.deleted_ms IS NULL AND i.project_key = ",
            project_key,
        )
        .push(")");
    Ok(sql.scalar(on).await?.unwrap_or(0))
}

const OPEN_DEFECTS: &str = " FROM test_link l \
     JOIN defect_link d ON d.site_id = l.site_id AND d.test_id = l.test_id AND d.removed_ms IS NULL \
     JOIN issue f ON f.site_id = d.site_id AND f.id = d.issue_id AND f.deleted_ms IS NULL \
     WHERE l.removed_ms IS NULL AND l.site_id = ";
