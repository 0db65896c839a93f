//! Marks on tests: what the rules say about a test because of an issue.
//!
//! A mark is state, not history: setting it again replaces it, clearing it removes the row. Why it
//! came and went is in the audit.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::rule::{Mark, MarkKind, RuleId};

#[derive(Debug, FromQueryResult)]
struct Row {
    test_id: Uuid,
    issue_id: Uuid,
    kind: i16,
    since_ms: i64,
    environments: String,
    rule: String,
}

/// The marks about these issues, in order.
pub async fn of_issues(
    on: &impl Conn,
    site: SiteId,
    issues: &[Uuid],
) -> Result<Vec<Mark>, StoreError> {
    let mut found = Vec::new();
    for chunk in issues.chunks(500) {
        let mut sql = Sql::new(
            "SELECT test_id, issue_id, kind, since_ms, environments, rule FROM mark WHERE site_id = ",
        );
        let rows: Vec<Row> = sql
            .bind(site)
            .push(" AND issue_id IN ")
            .list(chunk.iter().copied())
            .all(on)
            .await?;
        for row in rows {
            found.push(mark(&row)?);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Sets a mark, in place of the one of its kind for the same test and issue.
pub async fn set(on: &impl Conn, site: SiteId, mark: &Mark) -> Result<(), StoreError> {
    let environments = serde_json::to_string(&mark.environments).unwrap_or_default();
    Sql::new("INSERT INTO mark (site_id, test_id, issue_id, kind, since_ms, environments, rule) ")
        .rows([[
            site.into(),
            mark.test_id.into(),
            mark.issue_id.into(),
            mark.kind.code().into(),
            mark.since_ms.into(),
            environments.into(),
            mark.rule.name().into(),
        ]])
        .push(
            " ON CONFLICT (site_id, test_id, issue_id, kind) DO UPDATE SET \
             since_ms = excluded.since_ms, environments = excluded.environments, \
             rule = excluded.rule",
        )
        .run(on)
        .await?;
    Ok(())
}

/// Takes a mark off; nothing happens when it is not there.
pub async fn clear(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    issue: Uuid,
    kind: MarkKind,
) -> Result<(), StoreError> {
    Sql::new("DELETE FROM mark WHERE site_id = ")
        .bind(site)
        .with(" AND test_id = ", test)
        .with(" AND issue_id = ", issue)
        .with(" AND kind = ", kind.code())
        .run(on)
        .await?;
    Ok(())
}

fn mark(row: &Row) -> Result<Mark, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt {
        table: "mark",
        id: format!("{}/{}", row.test_id, row.issue_id),
        what,
    };
    Ok(Mark {
        test_id: row.test_id,
        issue_id: row.issue_id,
        kind: MarkKind::from_code(row.kind).ok_or_else(|| corrupt(format!("kind {}", row.kind)))?,
        since_ms: row.since_ms,
        environments: serde_json::from_str(&row.environments)
            .map_err(|why| corrupt(format!("environments: {why}")))?,
        rule: RuleId::from_name(&row.rule).ok_or_else(|| corrupt(format!("rule {}", row.rule)))?,
    })
}
