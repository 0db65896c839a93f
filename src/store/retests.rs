//! The retest queue of a project: tests that have to run again, and because of which issue.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::rule::MarkKind;

/// A test that waits for a retest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub id: Uuid,
    /// Its number within the project.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// What for, the oldest first.
    pub because: Vec<Because>,
}

/// Why a test waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because {
    /// Jira's id of the issue; none while only its key is known.
    pub jira_id: Option<i64>,
    /// The key of the defect that was resolved, or of the issue that was reopened.
    pub key: String,
    /// Its summary.
    pub summary: String,
    /// Its status.
    pub status: String,
    /// Since when, milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// Where it has yet to pass; empty is anywhere.
    pub environments: Vec<String>,
    /// The rule that asks for it.
    pub rule: String,
}

/// Tests of a project that wait, by number from after `after`, at most `limit`; those that wait in
/// one environment, when it is named.
pub async fn of_project(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
    environment: Option<&str>,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<Waiting>, StoreError> {
    let mut sql = Sql::new(
        "SELECT t.id, t.number, t.name FROM test_case t JOIN project p \
         ON p.site_id = t.site_id AND p.id = t.project_id \
         WHERE t.archived_ms IS NULL AND t.site_id = ",
    );
    sql.bind(site)
        .with(" AND p.key = ", project_key)
        .with(" AND t.number > ", after.unwrap_or(0))
        .push(" AND EXISTS (SELECT 1 FROM mark m WHERE m.site_id = t.site_id AND m.test_id = t.id")
        .with(" AND m.kind = ", MarkKind::RetestNeeded.code());
    if let Some(name) = environment {
        // The list is stored as JSON, and a name stands in it as JSON writes it.
        let written = serde_json::Value::from(name).to_string();
        sql.push(" AND (m.environments = '[]' OR m.environments <> ")
            .with("replace(m.environments, ", written)
            .push(", ''))");
    }
    let rows = sql
        .with(") ORDER BY t.number LIMIT ", limit)
        .raw(on)
        .await?;
    let mut waiting = Vec::with_capacity(rows.len());
    for row in rows {
        waiting.push(Waiting {
            id: row.try_get_by_index(0)?,
            number: row.try_get_by_index(1)?,
            name: row.try_get_by_index(2)?,
            because: Vec::new(),
        });
    }
    let ids: Vec<Uuid> = waiting.iter().map(|test| test.id).collect();
    let mut reasons = because(on, site, &ids).await?;
    for test in &mut waiting {
        test.because = reasons.remove(&test.id).unwrap_or_default();
        if let Some(name) = environment {
            let is_meant = |one: &Because| {
                one.environments.is_empty() || one.environments.iter().any(|held| held == name)
            };
            test.because.retain(is_meant);
        }
    }
    Ok(waiting)
}

async fn because(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Because>>, StoreError> {
    let mut found: HashMap<Uuid, Vec<Because>> = HashMap::new();
    for chunk in tests.chunks(500) {
        let mut sql = Sql::new(
            "SELECT m.test_id, i.jira_id, i.key, i.summary, i.status_name, m.since_ms, \
             m.environments, m.rule FROM mark m JOIN issue i \
             ON i.site_id = m.site_id AND i.id = m.issue_id WHERE m.site_id = ",
        );
        sql.bind(site)
            .with(" AND m.kind = ", MarkKind::RetestNeeded.code())
            .push(" AND m.test_id IN ")
            .list(chunk.iter().copied())
            .push(" ORDER BY m.since_ms, i.key");
        for row in sql.raw(on).await? {
            let test: Uuid = row.try_get_by_index(0)?;
            let environments: String = row.try_get_by_index(6)?;
            found.entry(test).or_default().push(Because {
                jira_id: row.try_get_by_index(1)?,
                key: row.try_get_by_index(2)?,
                summary: row.try_get_by_index(3)?,
                status: row.try_get_by_index(4)?,
                since_ms: row.try_get_by_index(5)?,
                environments: serde_json::from_str(&environments).map_err(|why| {
                    StoreError::Corrupt {
                        table: "mark",
                        id: test.to_string(),
                        what: format!("environments: {why}"),
                    }
                })?,
                rule: row.try_get_by_index(7)?,
            });
        }
    }
    Ok(found)
}
