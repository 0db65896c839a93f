//! Which issue is a defect of which test.
//!
//! A link that was removed keeps its row as a tombstone, so that history can be told.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::issue::StatusCategory;
use crate::domain::keys::TestKey;
use crate::domain::run::RunStatus;
use crate::domain::signature::Signature;

/// A link between a test and its defect.
#[derive(Debug, Clone, Copy)]
pub struct NewDefectLink<'a> {
    /// The test.
    pub test: Uuid,
    /// The mirror row of the defect.
    pub issue: Uuid,
    /// The run it was found by: execution and number.
    pub run: Option<(Uuid, i64)>,
    /// The signature of the failure.
    pub signature: Option<Signature>,
    /// The account that linked them.
    pub created_by: Option<&'a str>,
}

/// Links a test and a defect; a link that is there stays as it is, a removed one comes back.
pub async fn link(
    on: &impl Conn,
    site: SiteId,
    link: &NewDefectLink<'_>,
    now_ms: i64,
) -> Result<(), StoreError> {
    Sql::new(
        "INSERT INTO defect_link (site_id, test_id, issue_id, execution_id, run_number, signature, \
         created_by, created_ms) ",
    )
    .rows([[
        site.into(),
        link.test.into(),
        link.issue.into(),
        link.run.map(|(execution, _)| execution).into(),
        link.run.map(|(_, number)| number).into(),
        link.signature.map(|one| one.bytes().to_vec()).into(),
        link.created_by.map(str::to_owned).into(),
        now_ms.into(),
    ]])
    .push(
        " ON CONFLICT (site_id, test_id, issue_id) DO UPDATE SET \
         execution_id = excluded.execution_id, run_number = excluded.run_number, \
         signature = excluded.signature, created_by = excluded.created_by, \
         created_ms = excluded.created_ms, removed_ms = NULL \
         WHERE defect_link.removed_ms IS NOT NULL",
    )
    .run(on)
    .await?;
    Ok(())
}

/// Removes a link; tells whether there was one.
pub async fn unlink(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    issue: Uuid,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("UPDATE defect_link SET removed_ms = ");
    sql.bind(now_ms)
        .with(" WHERE site_id = ", site)
        .with(" AND test_id = ", test)
        .with(" AND issue_id = ", issue);
    Ok(sql.push(" AND removed_ms IS NULL").run(on).await? == 1)
}

/// Removes a link of a test and an issue if it was made from this run (execution and number).
pub async fn unlink_made_by(
    on: &impl Conn,
    site: SiteId,
    (test, issue): (Uuid, Uuid),
    (execution, number): (Uuid, i64),
    now_ms: i64,
) -> Result<(), StoreError> {
    Sql::new("UPDATE defect_link SET removed_ms = ")
        .bind(now_ms)
        .with(" WHERE site_id = ", site)
        .with(" AND test_id = ", test)
        .with(" AND issue_id = ", issue)
        .with(" AND execution_id = ", execution)
        .with(" AND run_number = ", number)
        .push(" AND removed_ms IS NULL")
        .run(on)
        .await?;
    Ok(())
}

/// A test of an issue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TestOfIssue {
    /// The mirror row of the issue.
    pub issue_id: Uuid,
    /// The test.
    pub test_id: Uuid,
    /// Its key.
    pub test_key: TestKey,
}

/// The tests these issues are defects of.
pub async fn tests_of(
    on: &impl Conn,
    site: SiteId,
    issues: &[Uuid],
) -> Result<Vec<TestOfIssue>, StoreError> {
    tests_by(on, site, "defect_link", issues).await
}

/// The tests that cover these issues; archived ones are left out.
pub async fn covering_tests_of(
    on: &impl Conn,
    site: SiteId,
    issues: &[Uuid],
) -> Result<Vec<TestOfIssue>, StoreError> {
    tests_by(on, site, "test_link", issues).await
}

async fn tests_by(
    on: &impl Conn,
    site: SiteId,
    table: &str,
    issues: &[Uuid],
) -> Result<Vec<TestOfIssue>, StoreError> {
    let mut found = Vec::new();
    for chunk in issues.chunks(500) {
        let mut sql = Sql::new(&format!(
            "SELECT l.issue_id, l.test_id, p.key, t.number FROM {table} l \
             JOIN test_case t ON t.site_id = l.site_id AND t.id = l.test_id \
             JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id \
             WHERE l.removed_ms IS NULL AND t.archived_ms IS NULL AND l.site_id = "
        ));
        sql.bind(site)
            .push(" AND l.issue_id IN ")
            .list(chunk.iter().copied());
        for row in sql.raw(on).await? {
            found.push(TestOfIssue {
                issue_id: row.try_get_by_index(0)?,
                test_id: row.try_get_by_index(1)?,
                test_key: TestKey {
                    project: row.try_get_by_index(2)?,
                    number: row.try_get_by_index(3)?,
                },
            });
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Which issues a rule may have something to say about, because they are a defect of one of these
/// tests or because one carries a mark about them: pairs of issue and test, each once.
pub async fn touched_by(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let mut found = Vec::new();
    for chunk in tests.chunks(1_000) {
        let mut sql = Sql::new("SELECT issue_id, test_id FROM defect_link WHERE site_id = ");
        sql.bind(site)
            .push(" AND removed_ms IS NULL AND test_id IN ")
            .list(chunk.iter().copied());
        sql.with(
            " UNION SELECT issue_id, test_id FROM mark WHERE site_id = ",
            site,
        );
        sql.push(" AND test_id IN ").list(chunk.iter().copied());
        for row in sql.raw(on).await? {
            found.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Which issues these tests cover: pairs of issue and test, each once.
pub async fn covered_pairs(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let mut found = Vec::new();
    for chunk in tests.chunks(1_000) {
        let mut sql = Sql::new("SELECT issue_id, test_id FROM test_link WHERE site_id = ");
        sql.bind(site)
            .push(" AND removed_ms IS NULL AND test_id IN ")
            .list(chunk.iter().copied());
        for row in sql.raw(on).await? {
            found.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Which of these issues have a test: as its defect, or because it covers them.
pub async fn with_tests(
    on: &impl Conn,
    site: SiteId,
    issues: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    let mut found = Vec::new();
    for chunk in issues.chunks(1_000) {
        let mut sql = Sql::new("SELECT issue_id FROM defect_link WHERE site_id = ");
        sql.bind(site)
            .push(" AND removed_ms IS NULL AND issue_id IN ")
            .list(chunk.iter().copied());
        for table in ["test_link", "mark"] {
            sql.push(&format!(" UNION SELECT issue_id FROM {table}"))
                .with(" WHERE site_id = ", site);
            if table == "test_link" {
                sql.push(" AND removed_ms IS NULL");
            }
            sql.push(" AND issue_id IN ").list(chunk.iter().copied());
        }
        for row in sql.raw(on).await? {
            found.push(row.try_get_by_index(0)?);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// How often tests of a defect failed since they were linked to it; the run a link was made from
/// counts.
pub async fn count_failures(on: &impl Conn, site: SiteId, issue: Uuid) -> Result<u64, StoreError> {
    let failed = [RunStatus::Error.code(), RunStatus::Failed.code()];
    let mut sql = Sql::new(
        "SELECT count(*) FROM defect_link l JOIN run r \
         ON r.site_id = l.site_id AND r.test_id = l.test_id WHERE l.site_id = ",
    );
    sql.bind(site).with(" AND l.issue_id = ", issue);
    sql.push(
        " AND l.removed_ms IS NULL AND (r.arrived_ms >= l.created_ms \
         OR (r.execution_id = l.execution_id AND r.number = l.run_number)) AND r.status IN ",
    )
    .list(failed);
    let count: Option<i64> = sql.scalar(on).await?;
    Ok(count
        .and_then(|count| u64::try_from(count).ok())
        .unwrap_or(0))
}

/// An open defect of a test with the same failure, the newest: our id and its key.
pub async fn open_with_signature(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    signature: Signature,
) -> Result<Option<(Uuid, String)>, StoreError> {
    let mut sql = Sql::new(
        "SELECT i.id, i.key FROM defect_link l JOIN issue i \
         ON i.site_id = l.site_id AND i.id = l.issue_id \
         WHERE l.removed_ms IS NULL AND i.deleted_ms IS NULL AND l.site_id = ",
    );
    let rows = sql
        .bind(site)
        .with(" AND l.test_id = ", test)
        .with(" AND l.signature = ", signature.bytes().to_vec())
        .with(" AND i.status_category <> ", StatusCategory::Done.code())
        .push(" ORDER BY l.created_ms DESC LIMIT 1")
        .raw(on)
        .await?;
    rows.first()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .transpose()
}

/// An issue a test covers.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct CoveredIssue {
    /// The mirror row.
    pub id: Uuid,
    /// Jira's id; none while only the key is known.
    pub jira_id: Option<i64>,
    /// Its key.
    pub key: String,
    /// Its summary; empty while only the key is known.
    pub summary: String,
}

/// The issues a test covers, by key; the deleted ones are left out.
pub async fn covered_by(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
) -> Result<Vec<CoveredIssue>, StoreError> {
    let mut sql = Sql::new(
        "SELECT i.id, i.jira_id, i.key, i.summary FROM test_link l \
         JOIN issue i ON i.site_id = l.site_id AND i.id = l.issue_id \
         WHERE l.removed_ms IS NULL AND i.deleted_ms IS NULL AND l.site_id = ",
    );
    Ok(sql
        .bind(site)
        .with(" AND l.test_id = ", test)
        .push(" ORDER BY i.key")
        .all(on)
        .await?)
}
