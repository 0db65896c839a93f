//! What is kept of the past, for trying rules against it: applied events, runs and links, each with
//! its time. Only read.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::inbox::{OpenEvent, first_id_of};
use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::keys::TestKey;
use crate::domain::rule::Role;

/// A link between a test and an issue, there or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLink {
    /// What the issue is to the test.
    pub role: Role,
    /// The mirror row of the issue.
    pub issue_id: Uuid,
    /// The test.
    pub test_id: Uuid,
    /// Its key.
    pub test_key: TestKey,
    /// Since when, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// When it was removed, if it was.
    pub removed_ms: Option<i64>,
}

impl HeldLink {
    /// Whether it was there at a moment.
    #[must_use]
    pub fn held_at(&self, at_ms: i64) -> bool {
        self.created_ms <= at_ms && self.removed_ms.is_none_or(|removed_ms| removed_ms > at_ms)
    }
}

#[derive(FromQueryResult)]
struct EventRow {
    id: Uuid,
    lane: String,
    event: String,
    event_ms: i64,
    trace: Option<String>,
    body: Vec<u8>,
    received_ms: i64,
}

/// The events that came after `after` and until `until_ms` (milliseconds since the Unix epoch), in the
/// order they came, at most `limit`.
pub async fn events(
    on: &impl Conn,
    site: SiteId,
    after: Option<Uuid>,
    until_ms: i64,
    limit: i64,
) -> Result<Vec<OpenEvent>, StoreError> {
    let mut sql = Sql::new(
        "SELECT id, lane, event, event_ms, trace, body, received_ms FROM inbox WHERE site_id = ",
    );
    sql.bind(site).with(" AND id < ", first_id_of(until_ms + 1));
    if let Some(after) = after {
        sql.with(" AND id > ", after);
    }
    let rows: Vec<EventRow> = sql.with(" ORDER BY id LIMIT ", limit).all(on).await?;
    let event = |row: EventRow| OpenEvent {
        site_id: site.0,
        lane: row.lane,
        id: row.id,
        event: row.event,
        event_ms: row.event_ms,
        trace: row.trace,
        body: row.body,
        received_ms: row.received_ms,
        attempts: 0,
    };
    Ok(rows.into_iter().map(event).collect())
}

/// Tests with runs in executions that were made in a span (milliseconds since the Unix epoch), at most
/// `limit`.
pub async fn tests_run(
    on: &impl Conn,
    site: SiteId,
    (from_ms, until_ms): (i64, i64),
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let mut sql = Sql::new("SELECT DISTINCT test_id FROM run WHERE site_id = ");
    let rows = sql
        .bind(site)
        .with(" AND execution_id >= ", first_id_of(from_ms))
        .with(" AND execution_id < ", first_id_of(until_ms + 1))
        .with(" ORDER BY test_id LIMIT ", limit)
        .raw(on)
        .await?;
    let tests = rows.iter().map(|row| row.try_get_by_index(0));
    Ok(tests.collect::<Result<_, _>>()?)
}

/// The fix versions of executions; those without one are left out.
pub async fn versions_of(
    on: &impl Conn,
    site: SiteId,
    executions: &[Uuid],
) -> Result<HashMap<Uuid, String>, StoreError> {
    let mut found = HashMap::new();
    for chunk in executions.chunks(500) {
        let mut sql = Sql::new("SELECT id, fix_version FROM execution WHERE site_id = ");
        sql.bind(site)
            .push(" AND fix_version IS NOT NULL AND id IN ")
            .list(chunk.iter().copied());
        for row in sql.raw(on).await? {
            found.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        }
    }
    Ok(found)
}

/// Every link of these issues, there or removed.
pub async fn links_of_issues(
    on: &impl Conn,
    site: SiteId,
    issues: &[Uuid],
) -> Result<Vec<HeldLink>, StoreError> {
    links(on, site, "issue_id", issues).await
}

/// Every link of these tests, there or removed.
pub async fn links_of_tests(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<Vec<HeldLink>, StoreError> {
    links(on, site, "test_id", tests).await
}

async fn links(
    on: &impl Conn,
    site: SiteId,
    column: &str,
    ids: &[Uuid],
) -> Result<Vec<HeldLink>, StoreError> {
    let mut found = Vec::new();
    for (role, table) in [(Role::Defect, "defect_link"), (Role::Covered, "test_link")] {
        for chunk in ids.chunks(500) {
            let mut sql = Sql::new(&format!(
                "SELECT l.issue_id, l.test_id, p.key, t.number, l.created_ms, l.removed_ms \
                 FROM {table} l JOIN test_case t ON t.site_id = l.site_id AND t.id = l.test_id \
                 JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id \
                 WHERE l.site_id = "
            ));
            sql.bind(site)
                .push(&format!(" AND l.{column} IN "))
                .list(chunk.iter().copied());
            for row in sql.raw(on).await? {
                found.push(HeldLink {
                    role,
                    issue_id: row.try_get_by_index(0)?,
                    test_id: row.try_get_by_index(1)?,
                    test_key: TestKey {
                        project: row.try_get_by_index(2)?,
                        number: row.try_get_by_index(3)?,
                    },
                    created_ms: row.try_get_by_index(4)?,
                    removed_ms: row.try_get_by_index(5)?,
                });
            }
        }
    }
    Ok(found)
}
