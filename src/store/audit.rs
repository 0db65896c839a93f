//! The audit: every action of a rule or a person, and every decision not to act, with its reason.
//!
//! Rows are only ever added. They carry account ids, never names.

use std::borrow::Cow;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::ids;

/// An entry to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// The rule, or `person`.
    pub rule: Cow<'static, str>,
    /// The account that did it, when it was a person.
    pub actor: Option<String>,
    /// The mirror row of the issue it is about.
    pub issue_id: Option<Uuid>,
    /// The test it is about.
    pub test_id: Option<Uuid>,
    /// What was done or not done, in a word or two.
    pub action: &'static str,
    /// Whether it was done.
    pub is_done: bool,
    /// Why, in one sentence.
    pub reason: String,
    /// What it follows from: an event, an execution, a request.
    pub cause: String,
}

/// An entry as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id; later ones sort after earlier ones.
    pub id: Uuid,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The rule, or `person`.
    pub rule: String,
    /// The account that did it, when it was a person.
    pub actor: Option<String>,
    /// The key of the test it is about.
    pub test_key: Option<String>,
    /// What was done or not done.
    pub action: String,
    /// Whether it was done.
    pub is_done: bool,
    /// Why.
    pub reason: String,
    /// What it follows from.
    pub cause: String,
}

/// Adds entries, in order.
pub async fn insert_all(
    on: &impl Conn,
    site: SiteId,
    entries: &[NewEntry],
    now_ms: i64,
) -> Result<(), StoreError> {
    const COLUMNS: usize = 11;
    for chunk in entries.chunks(Dialect::of(on).chunk(COLUMNS)) {
        Sql::new(
            "INSERT INTO audit (site_id, id, at_ms, rule, actor, issue_id, test_id, action, \
             is_done, reason, cause) ",
        )
        .rows::<COLUMNS>(chunk.iter().map(|entry| {
            [
                site.into(),
                ids::next().into(),
                now_ms.into(),
                entry.rule.as_ref().into(),
                entry.actor.clone().into(),
                entry.issue_id.into(),
                entry.test_id.into(),
                entry.action.into(),
                entry.is_done.into(),
                entry.reason.clone().into(),
                entry.cause.clone().into(),
            ]
        }))
        .run(on)
        .await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    at_ms: i64,
    rule: String,
    actor: Option<String>,
    project_key: Option<String>,
    test_number: Option<i64>,
    action: String,
    is_done: bool,
    reason: String,
    cause: String,
}

/// The entries about an issue, the newest first, at most `limit`; `before` is the last entry of the
/// page before: its time and id.
pub async fn of_issue(
    on: &impl Conn,
    site: SiteId,
    issue: Uuid,
    before: Option<(i64, Uuid)>,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let mut sql = Sql::new(
        "SELECT a.id, a.at_ms, a.rule, a.actor, p.key AS project_key, t.number AS test_number, \
         a.action, a.is_done, a.reason, a.cause FROM audit a \
         LEFT JOIN test_case t ON t.site_id = a.site_id AND t.id = a.test_id \
         LEFT JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id WHERE a.site_id = ",
    );
    sql.bind(site).with(" AND a.issue_id = ", issue);
    if let Some((at_ms, id)) = before {
        sql.with(" AND (a.at_ms, a.id) < (", at_ms)
            .with(", ", id)
            .push(")");
    }
    let rows: Vec<Row> = sql
        .with(" ORDER BY a.at_ms DESC, a.id DESC LIMIT ", limit)
        .all(on)
        .await?;
    Ok(rows.into_iter().map(entry).collect())
}

fn entry(row: Row) -> Entry {
    let test_key = row.project_key.zip(row.test_number);
    Entry {
        id: row.id,
        at_ms: row.at_ms,
        rule: row.rule,
        actor: row.actor,
        test_key: test_key.map(|(project, number)| format!("{project}-T{number}")),
        action: row.action,
        is_done: row.is_done,
        reason: row.reason,
        cause: row.cause,
    }
}
