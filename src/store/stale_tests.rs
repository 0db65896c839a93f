//! Tests whose projection is due: runs of theirs went together with so many others that it could not
//! be made anew in the same transaction. The row is what makes sure that it will be.

use std::collections::HashSet;

use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};

/// Tests of a site whose projection is due, at most `limit`.
pub async fn of_site(on: &impl Conn, site: SiteId, limit: i64) -> Result<Vec<Uuid>, StoreError> {
    let mut sql = Sql::new("SELECT test_id FROM stale_test WHERE site_id = ");
    sql.bind(site).with(" ORDER BY test_id LIMIT ", limit);
    let rows = sql.raw(on).await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}

/// Notes that the projections of these tests were made anew.
pub async fn clear(on: &impl Conn, site: SiteId, tests: &[Uuid]) -> Result<(), StoreError> {
    let mut sql = Sql::new("DELETE FROM stale_test WHERE site_id = ");
    sql.bind(site)
        .push(" AND test_id IN ")
        .list(tests.iter().copied())
        .run(on)
        .await?;
    Ok(())
}

/// Which of these tests have a projection that is due.
pub async fn among(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<HashSet<Uuid>, StoreError> {
    let mut sql = Sql::new("SELECT test_id FROM stale_test WHERE site_id = ");
    sql.bind(site)
        .push(" AND test_id IN ")
        .list(tests.iter().copied());
    let rows = sql.raw(on).await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}
