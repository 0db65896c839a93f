//! The newest results of each test, beside the projection its status is read from: one row a test,
//! written in the transaction of its runs, read only where a test may be flaky.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::coverage::Window;

/// The newest results of these tests; tests without one are left out.
pub async fn by_tests(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<HashMap<Uuid, Window>, StoreError> {
    let mut found = HashMap::new();
    for (test, window) in each_by_tests(on, site, tests).await? {
        found.insert(test, window?);
    }
    Ok(found)
}

/// The same, each for itself, for whoever goes on when one of them cannot be read.
pub async fn each_by_tests(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<HashMap<Uuid, Result<Window, StoreError>>, StoreError> {
    read(on, site, tests, "").await
}

/// The newest results of those tests among these whose results are not all alike: the others are not
/// flaky, whatever the settings.
pub async fn mixed_of(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<HashMap<Uuid, Window>, StoreError> {
    let mut found = HashMap::new();
    for (test, window) in read(on, site, tests, " AND is_mixed").await? {
        found.insert(test, window?);
    }
    Ok(found)
}

async fn read(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
    which: &str,
) -> Result<HashMap<Uuid, Result<Window, StoreError>>, StoreError> {
    let mut found = HashMap::new();
    for chunk in tests.chunks(500) {
        let mut sql = Sql::new("SELECT test_id, results FROM test_window WHERE site_id = ");
        sql.bind(site)
            .push(which)
            .push(" AND test_id IN ")
            .list(chunk.iter().copied());
        for row in sql.raw(on).await? {
            let test: Uuid = row.try_get_by_index(0)?;
            let stored: String = row.try_get_by_index(1)?;
            found.insert(test, parse(test, &stored));
        }
    }
    Ok(found)
}

/// Reads a stored window.
pub(super) fn parse(test: Uuid, stored: &str) -> Result<Window, StoreError> {
    serde_json::from_str(stored).map_err(|why| StoreError::Corrupt {
        table: "test_window",
        id: test.to_string(),
        what: format!("results: {why}"),
    })
}

/// Deletes the windows of these tests.
pub async fn clear(on: &impl Conn, site: SiteId, tests: &[Uuid]) -> Result<(), StoreError> {
    let mut sql = Sql::new("DELETE FROM test_window WHERE site_id = ");
    sql.bind(site)
        .push(" AND test_id IN ")
        .list(tests.iter().copied())
        .run(on)
        .await?;
    Ok(())
}

/// Writes the windows of these tests; one without results is none.
pub async fn write_all<'a>(
    on: &impl Conn,
    site: SiteId,
    windows: impl IntoIterator<Item = (Uuid, &'a Window)>,
) -> Result<(), StoreError> {
    const COLUMNS: usize = 4;
    let windows: Vec<(Uuid, &Window)> = windows
        .into_iter()
        .filter(|(_, window)| !window.is_empty())
        .collect();
    for chunk in windows.chunks(Dialect::of(on).chunk(COLUMNS)) {
        let mut sql = Sql::new("INSERT INTO test_window (site_id, test_id, is_mixed, results) ");
        sql.rows::<COLUMNS>(chunk.iter().map(|(test, window)| {
            let text = serde_json::to_string(window).unwrap_or_default();
            [
                site.into(),
                (*test).into(),
                window.is_mixed().into(),
                text.into(),
            ]
        }))
        .push(
            " ON CONFLICT (site_id, test_id) DO UPDATE SET is_mixed = excluded.is_mixed, \
             results = excluded.results",
        )
        .run(on)
        .await?;
    }
    Ok(())
}
