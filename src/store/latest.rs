//! The projection a status is read from: one row a test, written in the transaction of its runs.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::coverage::Latest;

/// What is kept of the runs of these tests; tests without a run are left out.
///
/// On PostgreSQL the caller holds the tests' project while it changes and writes them back.
pub async fn by_tests(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<HashMap<Uuid, Latest>, StoreError> {
    let mut found = HashMap::with_capacity(tests.len());
    for (test, latest) in each_by_tests(on, site, tests).await? {
        found.insert(test, latest?);
    }
    Ok(found)
}

/// The same, one by one, for whoever goes on when one of them cannot be read.
pub async fn each_by_tests(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<Vec<(Uuid, Result<Latest, StoreError>)>, StoreError> {
    let mut found = Vec::with_capacity(tests.len());
    for chunk in tests.chunks(500) {
        let mut sql = Sql::new("SELECT test_id, latest FROM test_latest WHERE site_id = ");
        sql.bind(site)
            .push(" AND test_id IN ")
            .list(chunk.iter().copied());
        for row in sql.raw(on).await? {
            let test: Uuid = row.try_get_by_index(0)?;
            let stored: String = row.try_get_by_index(1)?;
            found.push((test, parse(test, &stored)));
        }
    }
    Ok(found)
}

/// Reads a stored projection.
pub(super) fn parse(test: Uuid, stored: &str) -> Result<Latest, StoreError> {
    serde_json::from_str(stored).map_err(|why| StoreError::Corrupt {
        table: "test_latest",
        id: test.to_string(),
        what: format!("latest: {why}"),
    })
}

/// Deletes the projections of these tests.
pub async fn clear(on: &impl Conn, site: SiteId, tests: &[Uuid]) -> Result<(), StoreError> {
    let mut sql = Sql::new("DELETE FROM test_latest WHERE site_id = ");
    sql.bind(site)
        .push(" AND test_id IN ")
        .list(tests.iter().copied())
        .run(on)
        .await?;
    Ok(())
}

/// Writes the projections of these tests.
pub async fn write_all<'a>(
    on: &impl Conn,
    site: SiteId,
    tests: impl IntoIterator<Item = (Uuid, &'a Latest)>,
) -> Result<(), StoreError> {
    const COLUMNS: usize = 3;
    let tests: Vec<(Uuid, &Latest)> = tests.into_iter().collect();
    for chunk in tests.chunks(Dialect::of(on).chunk(COLUMNS)) {
        let mut sql = Sql::new("INSERT INTO test_latest (site_id, test_id, latest) ");
        sql.rows::<COLUMNS>(chunk.iter().map(|(test, latest)| {
            let text = serde_json::to_string(latest).unwrap_or_default();
            [site.into(), (*test).into(), text.into()]
        }))
        .push(" ON CONFLICT (site_id, test_id) DO UPDATE SET latest = excluded.latest")
        .run(on)
        .await?;
    }
    Ok(())
}
