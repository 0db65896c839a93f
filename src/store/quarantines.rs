//! Tests that are recorded and do not count for a time: at most one quarantine a test, kept after it
//! ended.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::shown_status::{LONG_AGO, mark_of_tests};
use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::quarantine::Quarantine;

#[derive(FromQueryResult)]
struct Row {
    test_id: Uuid,
    reason: String,
    owner: String,
    created_by: Option<String>,
    created_ms: i64,
    ends_ms: i64,
}

/// The quarantines of these tests; most are not in it. Whether one still holds is the reader's to ask.
pub async fn of_tests(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<HashMap<Uuid, Quarantine>, StoreError> {
    let mut found = HashMap::new();
    for chunk in tests.chunks(500) {
        let rows: Vec<Row> = Sql::new(
            "SELECT test_id, reason, owner, created_by, created_ms, ends_ms FROM quarantine \
             WHERE site_id = ",
        )
        .bind(site)
        .push(" AND test_id IN ")
        .list_filled_up(chunk.iter().copied())
        .all(on)
        .await?;
        found.extend(rows.into_iter().map(|row| {
            let quarantine = Quarantine {
                reason: row.reason,
                owner: row.owner,
                by: row.created_by,
                created_ms: row.created_ms,
                ends_ms: row.ends_ms,
            };
            (row.test_id, quarantine)
        }));
    }
    Ok(found)
}

/// Sets the quarantine of a test, in place of the one it had.
pub async fn set(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    quarantine: &Quarantine,
) -> Result<(), StoreError> {
    Sql::new(
        "INSERT INTO quarantine (site_id, test_id, reason, owner, created_by, created_ms, ends_ms) ",
    )
    .rows([[
        site.into(),
        test.into(),
        quarantine.reason.clone().into(),
        quarantine.owner.clone().into(),
        quarantine.by.clone().into(),
        quarantine.created_ms.into(),
        quarantine.ends_ms.into(),
    ]])
    .push(
        " ON CONFLICT (site_id, test_id) DO UPDATE SET reason = excluded.reason, \
         owner = excluded.owner, created_by = excluded.created_by, \
         created_ms = excluded.created_ms, ends_ms = excluded.ends_ms",
    )
    .run(on)
    .await?;
    mark_of_tests(on, site, &[test], quarantine.created_ms).await
}

/// Ends the quarantine of a test; tells whether there was one.
pub async fn clear(on: &impl Conn, site: SiteId, test: Uuid) -> Result<bool, StoreError> {
    let gone = Sql::new("DELETE FROM quarantine WHERE site_id = ")
        .bind(site)
        .with(" AND test_id = ", test)
        .run(on)
        .await?;
    mark_of_tests(on, site, &[test], LONG_AGO).await?;
    Ok(gone == 1)
}
