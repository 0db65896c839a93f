//! Which open defects there are for a failure already (`test-management.md` 8.2).

use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::issue::StatusCategory;
use crate::domain::signature::Signature;

/// An open defect, by one of its links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDefect {
    /// The linked test.
    pub test_id: Uuid,
    /// The mirror row of the defect.
    pub issue_id: Uuid,
    /// Its key.
    pub key: String,
    /// Its summary.
    pub summary: String,
    /// The signature of the failure that the link was made for, where one was.
    pub signature: Option<Signature>,
    /// What that failure shares with those of other tests.
    pub cause: Option<Signature>,
}

const SELECT: &str = "SELECT l.test_id, i.id, i.key, i.summary, l.signature, l.cause \
     FROM defect_link l JOIN issue i ON i.site_id = l.site_id AND i.id = l.issue_id \
     WHERE l.removed_ms IS NULL AND i.deleted_ms IS NULL AND i.jira_id IS NOT NULL";

/// The open defects of these tests, the newest links first.
pub async fn of_tests(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<Vec<OpenDefect>, StoreError> {
    let mut found = Vec::new();
    for chunk in tests.chunks(1_000) {
        let mut sql = Sql::new(SELECT);
        sql.with(" AND i.status_category <> ", StatusCategory::Done.code())
            .with(" AND l.site_id = ", site)
            .push(" AND l.test_id IN ")
            .list(chunk.iter().copied())
            .push(" ORDER BY l.created_ms DESC, i.id DESC");
        found.extend(read(&mut sql, on).await?);
    }
    Ok(found)
}

/// The open defects that any test is linked to because of one of these causes, the newest links
/// first; of one execution only, when it is named.
pub async fn with_causes(
    on: &impl Conn,
    site: SiteId,
    causes: &[Signature],
    execution: Option<Uuid>,
) -> Result<Vec<OpenDefect>, StoreError> {
    let mut found = Vec::new();
    for chunk in causes.chunks(1_000) {
        let mut sql = Sql::new(SELECT);
        sql.with(" AND i.status_category <> ", StatusCategory::Done.code())
            .with(" AND l.site_id = ", site);
        if let Some(execution) = execution {
            sql.with(" AND l.execution_id = ", execution);
        }
        sql.push(" AND l.cause IN ")
            .list(chunk.iter().map(|cause| cause.bytes().to_vec()))
            .push(" ORDER BY l.created_ms DESC, i.id DESC");
        found.extend(read(&mut sql, on).await?);
    }
    Ok(found)
}

async fn read(sql: &mut Sql, on: &impl Conn) -> Result<Vec<OpenDefect>, StoreError> {
    let signature = |bytes: Option<Vec<u8>>| bytes.and_then(|one| Signature::from_bytes(&one));
    let rows = sql.raw(on).await?;
    rows.iter()
        .map(|row| {
            Ok(OpenDefect {
                test_id: row.try_get_by_index(0)?,
                issue_id: row.try_get_by_index(1)?,
                key: row.try_get_by_index(2)?,
                summary: row.try_get_by_index(3)?,
                signature: signature(row.try_get_by_index(4)?),
                cause: signature(row.try_get_by_index(5)?),
            })
        })
        .collect()
}
