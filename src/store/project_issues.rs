//! The issues of a project that tests can say something of, for pages that show them all, and the
//! defects of their tests.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::issue::StatusCategory;

/// Our ids of the issues of a project that Jira told of and still has, and that have tests or children.
pub async fn with_tests_or_children(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
) -> Result<Vec<Uuid>, StoreError> {
    let mut sql = Sql::new(
        "SELECT i.id FROM issue i WHERE (EXISTS (SELECT 1 FROM test_link l \
         WHERE l.site_id = i.site_id AND l.issue_id = i.id AND l.removed_ms IS NULL) \
         OR EXISTS (SELECT 1 FROM issue c WHERE c.site_id = i.site_id \
         AND c.parent_jira_id = i.jira_id AND c.deleted_ms IS NULL) \
         OR EXISTS (SELECT 1 FROM issue_link n WHERE n.site_id = i.site_id \
         AND (n.source_jira_id = i.jira_id OR n.destination_jira_id = i.jira_id))) \
         AND i.jira_id IS NOT NULL AND i.deleted_ms IS NULL AND i.site_id = ",
    );
    let rows = sql
        .bind(site)
        .with(" AND i.project_key = ", project_key)
        .raw(on)
        .await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
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
