//! What is deleted by time: how long is said in docs/security.md.

use super::inbox::first_id_of;
use super::{Conn, SiteId, Sql, StoreError};

/// Every table that holds rows of a site, the site's own row last.
const TABLES: [&str; 38] = [
    "installation",
    "lane",
    "inbox",
    "waiting_event",
    "outbox",
    "expectation",
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
    "plan_test",
    "plan",
    "run_defect",
    "evidence",
    "blob",
    "run",
    "execution",
    "test_case",
    "environment",
    "issue_link",
    "issue_alias",
    "issue",
    "project",
    "viewer_scope",
    "setting",
    "readiness_day",
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
