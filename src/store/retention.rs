//! What is deleted by time: how long is said in docs/security.md.

use uuid::Uuid;

use super::inbox::first_id_of;
use super::{Conn, SiteId, Sql, StoreError};

/// Every table that holds rows of a site, the site's own row last.
const TABLES: &[&str] = &[
    "installation",
    "lane",
    "inbox",
    "waiting_event",
    "outbox",
    "expectation",
    "shown_status",
    "status_comment",
    "rule_effect",
    "mark",
    "matrix_snapshot",
    "matrix_snapshot_row",
    "audit",
    "defect_claim",
    "defect_link",
    "exemption",
    "quarantine",
    "test_link",
    "test_latest",
    "test_window",
    "test_version",
    "test_group_test",
    "test_group",
    "folder_item",
    "folder",
    "plan_test",
    "plan",
    "run_defect",
    "evidence",
    "blob",
    "stale_test",
    "run",
    "execution",
    "test_case",
    "environment",
    "scan",
    "scan_note",
    "out_of_reach",
    "issue_link",
    "issue_alias",
    "issue",
    "project",
    "viewer_scope",
    "setting",
    "readiness_day",
    "readiness_ending",
    "readiness_sweep",
    "idempotency",
    "api_client",
];

/// Sites whose grace after an uninstall has passed.
pub async fn purgeable(on: &impl Conn, now_ms: i64) -> Result<Vec<SiteId>, StoreError> {
    let mut sql = Sql::new("SELECT id FROM site WHERE state <> 0 AND purge_after_ms <= ");
    let rows = sql.bind(now_ms).raw(on).await?;
    rows.iter()
        .map(|row| Ok(SiteId(row.try_get_by_index(0)?)))
        .collect()
}

/// Deletes everything of a site whose grace has passed; a site that came back meanwhile stays.
pub async fn purge(on: &impl Conn, site: SiteId, now_ms: i64) -> Result<bool, StoreError> {
    let mut sql = Sql::new("DELETE FROM site WHERE id = ");
    sql.bind(site)
        .push(" AND state <> 0")
        .with(" AND purge_after_ms <= ", now_ms);
    if sql.run(on).await? == 0 {
        return Ok(false);
    }
    // Halves that were joined with it are next.
    Sql::new("UPDATE site SET purge_after_ms = ")
        .bind(now_ms)
        .with(" WHERE merged_into = ", site)
        .run(on)
        .await?;
    for table in TABLES {
        Sql::new(&format!("DELETE FROM {table} WHERE site_id = "))
            .bind(site)
            .run(on)
            .await?;
    }
    Ok(true)
}

/// Deletes calls to Jira of a site that were wanted before `before_ms` and have ended, at most
/// `limit`; returns how many went. Ids are sorted by time, so this is a range of the key.
pub async fn forget_sent(
    on: &impl Conn,
    site: SiteId,
    before_ms: i64,
    limit: i64,
) -> Result<u64, StoreError> {
    let mut sql = Sql::new(
        "DELETE FROM outbox WHERE (site_id, id) IN (SELECT site_id, id FROM outbox WHERE site_id = ",
    );
    sql.bind(site)
        .with(" AND id < ", first_id_of(before_ms))
        .push(" AND state = 1");
    sql.with(" ORDER BY id LIMIT ", limit).push(")");
    Ok(sql.run(on).await?)
}

/// Deletes guards of a site's rules against repetition that are older than anything they could meet.
pub async fn forget_effects(
    on: &impl Conn,
    site: SiteId,
    before_ms: i64,
    limit: i64,
) -> Result<u64, StoreError> {
    let mut sql = Sql::new(
        "DELETE FROM rule_effect WHERE (site_id, cause, rule, target) IN \
         (SELECT site_id, cause, rule, target FROM rule_effect WHERE site_id = ",
    );
    sql.bind(site)
        .with(" AND at_ms < ", before_ms)
        .with(" LIMIT ", limit)
        .push(")");
    Ok(sql.run(on).await?)
}

/// Deletes runs of a site's executions that were made before `before_ms`, at most `limit`, and notes
/// their tests as ones whose projection is due; returns how many went. The caller holds the site's
/// projects.
pub async fn forget_runs(
    on: &impl Conn,
    site: SiteId,
    before_ms: i64,
    limit: i64,
) -> Result<u64, StoreError> {
    let before = first_id_of(before_ms);
    let mut sql = Sql::new("SELECT execution_id, number FROM run WHERE site_id = ");
    let rows = sql
        .bind(site)
        .with(" AND execution_id < ", before)
        .push(" ORDER BY execution_id, number LIMIT 1")
        .with(" OFFSET ", limit - 1)
        .raw(on)
        .await?;
    let (last, number) = match rows.first() {
        Some(row) => (row.try_get_by_index(0)?, row.try_get_by_index(1)?),
        None => (before, -1),
    };
    let old = |head: &str, number_column: &str| {
        let mut sql = Sql::new(head);
        sql.with(" WHERE site_id = ", site)
            .with(&format!(" AND (execution_id, {number_column}) <= ("), last)
            .with(", ", number)
            .push(")");
        sql
    };
    old(
        "INSERT INTO stale_test (site_id, test_id) SELECT DISTINCT site_id, test_id FROM run",
        "number",
    )
    .push(" ON CONFLICT DO NOTHING")
    .run(on)
    .await?;
    Ok(old("DELETE FROM run", "number").run(on).await?)
}

/// Executions of a site that were made before `before_ms` and have no runs, at most `limit`: project
/// and id.
pub async fn empty_executions(
    on: &impl Conn,
    site: SiteId,
    before_ms: i64,
    limit: i64,
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let mut sql = Sql::new("SELECT e.project_id, e.id FROM execution e WHERE e.site_id = ");
    let rows = sql
        .bind(site)
        .with(" AND e.id < ", first_id_of(before_ms))
        .push(
            " AND NOT EXISTS (SELECT 1 FROM run r WHERE r.site_id = e.site_id \
             AND r.execution_id = e.id)",
        )
        .with(" ORDER BY e.id LIMIT ", limit)
        .raw(on)
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}
