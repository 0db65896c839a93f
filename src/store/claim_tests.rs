//! The tests that wait for the defect of a claim: the one it was claimed for, those that fail for the
//! same cause, and those above the limit of an execution.
//!
//! Rows go when the defect is there and linked; a claim that gave way to another takes its rows along.

use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::signature::Signature;

/// A test that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimTest {
    /// The test.
    pub test_id: Uuid,
    /// The number of its failed run within the execution of the claim.
    pub run_number: i64,
    /// The signature of its failure.
    pub signature: Signature,
    /// What the failure shares with others.
    pub cause: Option<Signature>,
}

/// A creation that has come to no end yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenClaim {
    /// Its marker.
    pub marker: Uuid,
    /// The execution it is about.
    pub execution: Option<Uuid>,
    /// A test that waits for it.
    pub test: ClaimTest,
}

/// Adds tests to a claim and says which execution they failed in; one that waits already stays.
pub async fn add(
    on: &impl Conn,
    site: SiteId,
    marker: Uuid,
    execution: Uuid,
    tests: &[ClaimTest],
) -> Result<(), StoreError> {
    const COLUMNS: usize = 6;
    Sql::new("UPDATE defect_claim SET execution_id = ")
        .bind(execution)
        .with(" WHERE site_id = ", site)
        .with(" AND marker = ", marker)
        .run(on)
        .await?;
    for chunk in tests.chunks(Dialect::of(on).chunk(COLUMNS)) {
        Sql::new(
            "INSERT INTO defect_claim_test (site_id, marker, test_id, run_number, signature, cause) ",
        )
        .rows::<COLUMNS>(chunk.iter().map(|test| {
            [
                site.into(),
                marker.into(),
                test.test_id.into(),
                test.run_number.into(),
                test.signature.bytes().to_vec().into(),
                test.cause.map(|cause| cause.bytes().to_vec()).into(),
            ]
        }))
        .push(" ON CONFLICT DO NOTHING")
        .run(on)
        .await?;
    }
    Ok(())
}

/// The tests that wait for a claim, by id.
pub async fn of_claim(
    on: &impl Conn,
    site: SiteId,
    marker: Uuid,
) -> Result<Vec<ClaimTest>, StoreError> {
    let rows = Sql::new("SELECT test_id, run_number, signature, cause FROM defect_claim_test")
        .with(" WHERE site_id = ", site)
        .with(" AND marker = ", marker)
        .push(" ORDER BY test_id")
        .raw(on)
        .await?;
    rows.iter().map(|row| test(row, 0)).collect()
}

/// Lets nothing wait for a claim any more.
pub async fn forget(on: &impl Conn, site: SiteId, marker: Uuid) -> Result<(), StoreError> {
    Sql::new("DELETE FROM defect_claim_test WHERE site_id = ")
        .bind(site)
        .with(" AND marker = ", marker)
        .run(on)
        .await?;
    Ok(())
}

/// The creations under way that one of these tests, or any test of this execution, waits for.
pub async fn open_about(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
    execution: Uuid,
) -> Result<Vec<OpenClaim>, StoreError> {
    const OPEN: &str = "SELECT c.marker, c.execution_id, t.test_id, t.run_number, t.signature, \
         t.cause FROM defect_claim_test t JOIN defect_claim c \
         ON c.site_id = t.site_id AND c.marker = t.marker WHERE c.state = 0 AND t.site_id = ";
    let mut found = Vec::new();
    for chunk in tests.chunks(1_000) {
        let mut sql = Sql::new(OPEN);
        sql.bind(site)
            .push(" AND t.test_id IN ")
            .list(chunk.iter().copied());
        found.extend(sql.raw(on).await?);
    }
    let mut sql = Sql::new(OPEN);
    sql.bind(site).with(" AND c.execution_id = ", execution);
    found.extend(sql.raw(on).await?);
    found
        .iter()
        .map(|row| {
            Ok(OpenClaim {
                marker: row.try_get_by_index(0)?,
                execution: row.try_get_by_index(1)?,
                test: test(row, 2)?,
            })
        })
        .collect()
}

/// How many defects a rule has claimed for the failures of an execution; the one for the rest is
/// not counted.
pub async fn made_by_rule(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
) -> Result<usize, StoreError> {
    let rest = Signature::of_the_rest(execution);
    let count: Option<i64> = Sql::new("SELECT count(*) FROM defect_claim WHERE site_id = ")
        .bind(site)
        .with(" AND execution_id = ", execution)
        .with(" AND signature <> ", rest.bytes().to_vec())
        .push(" AND created_by IS NULL")
        .scalar(on)
        .await?;
    Ok(count
        .and_then(|count| usize::try_from(count).ok())
        .unwrap_or(0))
}

/// The claim for the rest of an execution, if there is one: its marker, and the key of its issue.
pub async fn for_the_rest(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
) -> Result<Option<(Uuid, Option<String>)>, StoreError> {
    let rest = Signature::of_the_rest(execution);
    let rows = Sql::new("SELECT marker, issue_key FROM defect_claim WHERE site_id = ")
        .bind(site)
        .with(" AND execution_id = ", execution)
        .with(" AND signature = ", rest.bytes().to_vec())
        .push(" AND state <> 2")
        .raw(on)
        .await?;
    rows.first()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .transpose()
}

fn test(row: &sea_orm::QueryResult, from: usize) -> Result<ClaimTest, StoreError> {
    let test_id: Uuid = row.try_get_by_index(from)?;
    let signature: Vec<u8> = row.try_get_by_index(from + 2)?;
    let cause: Option<Vec<u8>> = row.try_get_by_index(from + 3)?;
    Ok(ClaimTest {
        test_id,
        run_number: row.try_get_by_index(from + 1)?,
        signature: Signature::from_bytes(&signature).ok_or_else(|| StoreError::Corrupt {
            table: "defect_claim_test",
            id: test_id.to_string(),
            what: format!("a signature of {} bytes", signature.len()),
        })?,
        cause: cause.and_then(|bytes| Signature::from_bytes(&bytes)),
    })
}
