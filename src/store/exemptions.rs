//! Issues that a person said need no test: at most one word an issue, kept after it ended.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::shown_status::{LONG_AGO, mark_issues};
use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::exemption::Exemption;

#[derive(FromQueryResult)]
struct Row {
    issue_id: Uuid,
    reason: String,
    created_by: Option<String>,
    created_ms: i64,
    ends_ms: Option<i64>,
}

/// What is said of these issues; most are not in it. Whether it still holds is the reader's to ask.
pub async fn of_issues(
    on: &impl Conn,
    site: SiteId,
    issues: &[Uuid],
) -> Result<HashMap<Uuid, Exemption>, StoreError> {
    let mut found = HashMap::new();
    for chunk in issues.chunks(500) {
        let rows: Vec<Row> = Sql::new(
            "SELECT issue_id, reason, created_by, created_ms, ends_ms FROM exemption \
             WHERE site_id = ",
        )
        .bind(site)
        .push(" AND issue_id IN ")
        .list_filled_up(chunk.iter().copied())
        .all(on)
        .await?;
        found.extend(rows.into_iter().map(|row| {
            let exemption = Exemption {
                reason: row.reason,
                by: row.created_by,
                created_ms: row.created_ms,
                ends_ms: row.ends_ms,
            };
            (row.issue_id, exemption)
        }));
    }
    Ok(found)
}

/// Sets what is said of an issue, in place of what was.
pub async fn set(
    on: &impl Conn,
    site: SiteId,
    issue: Uuid,
    exemption: &Exemption,
) -> Result<(), StoreError> {
    Sql::new("INSERT INTO exemption (site_id, issue_id, reason, created_by, created_ms, ends_ms) ")
        .rows([[
            site.into(),
            issue.into(),
            exemption.reason.clone().into(),
            exemption.by.clone().into(),
            exemption.created_ms.into(),
            exemption.ends_ms.into(),
        ]])
        .push(
            " ON CONFLICT (site_id, issue_id) DO UPDATE SET reason = excluded.reason, \
         created_by = excluded.created_by, created_ms = excluded.created_ms, \
         ends_ms = excluded.ends_ms",
        )
        .run(on)
        .await?;
    mark_issues(on, site, &[issue], exemption.created_ms).await
}

/// Takes back what is said of an issue; tells whether there was anything.
pub async fn clear(on: &impl Conn, site: SiteId, issue: Uuid) -> Result<bool, StoreError> {
    let gone = Sql::new("DELETE FROM exemption WHERE site_id = ")
        .bind(site)
        .with(" AND issue_id = ", issue)
        .run(on)
        .await?;
    mark_issues(on, site, &[issue], LONG_AGO).await?;
    Ok(gone == 1)
}
