//! The status of each issue that Jira was told last, and which issues may have another by now.
//!
//! Whoever changes a fact that statuses follow from marks the issues in its transaction; marks say no
//! more than "look again". A worker takes marked issues a little later, many changes at once, and
//! clears a mark only if no other came meanwhile (`marks` counts them). Nothing is lost by a crash,
//! and what time alone changes (a quarantine that ends) is found because every row is looked at again
//! once an hour. Statements touch rows in the order of their keys, so that two transactions wait for
//! each other and do not lock each other out; call them late in a transaction, and once.

use sea_orm::FromQueryResult;
use sea_orm::sea_query::ArrayType;
use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, Store, StoreError};
use crate::domain::shown_status::ShownStatus;

/// How long changes are gathered before they are looked at, milliseconds.
const GATHER_MS: i64 = 1_000;
/// How long whoever takes marks has for them, milliseconds.
const LEASE_MS: i64 = 60_000;
/// How old a look may be, milliseconds.
const OLD_MS: i64 = 3_600_000;

/// When a change was made that nobody knows the time of: it is looked at at once.
pub const LONG_AGO: i64 = 0;

/// A marked issue.
#[derive(Debug, Clone)]
pub struct Marked {
    /// The site.
    pub site: SiteId,
    /// Our id of the issue.
    pub issue: Uuid,
    /// What Jira was told; `None` when it was told nothing.
    pub shown: Option<ShownStatus>,
    /// How many marks there were.
    marks: i64,
}

/// Adds what becomes of a mark where there is one.
fn again(sql: &mut Sql) -> &mut Sql {
    sql.push(
        " ON CONFLICT (site_id, issue_id) DO UPDATE SET marks = shown_status.marks + 1, \
         due_ms = excluded.due_ms",
    )
}

/// Begins a statement that marks the issues a query finds; the query follows.
fn mark(now_ms: i64) -> Sql {
    let mut sql = Sql::new(
        "INSERT INTO shown_status (site_id, issue_id, marks, due_ms) \
         SELECT DISTINCT f.site_id, f.id, CAST(1 AS bigint), CAST(",
    );
    sql.bind(now_ms + GATHER_MS).push(" AS bigint) FROM (");
    sql
}

/// Ends it.
async fn run(mut sql: Sql, on: &impl Conn) -> Result<(), StoreError> {
    // SQLite takes ON for a part of a join unless a WHERE stands before it.
    sql.push(") AS f WHERE f.id IS NOT NULL ORDER BY f.site_id, f.id");
    again(&mut sql).run(on).await?;
    Ok(())
}

fn pairs(site: SiteId, ids: &[Uuid]) -> impl Iterator<Item = (SiteId, sea_orm::sea_query::Value)> {
    ids.iter().map(move |id| (site, (*id).into()))
}

/// Marks every issue that one of these tests covers.
pub async fn mark_of_tests(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
    now_ms: i64,
) -> Result<(), StoreError> {
    let dialect = Dialect::of(on);
    for chunk in tests.chunks(chunk(dialect)) {
        let mut sql = mark(now_ms);
        sql.push("SELECT site_id, issue_id AS id FROM test_link WHERE removed_ms IS NULL AND ")
            .among(dialect, "test_id", ArrayType::Uuid, pairs(site, chunk));
        run(sql, on).await?;
    }
    Ok(())
}

/// PostgreSQL takes any number as one array.
fn chunk(dialect: Dialect) -> usize {
    match dialect {
        Dialect::Sqlite => 10_000,
        Dialect::Postgres => usize::MAX,
    }
}

/// Marks these issues, and those that may be above them.
pub async fn mark_issues(
    on: &impl Conn,
    site: SiteId,
    issues: &[Uuid],
    now_ms: i64,
) -> Result<(), StoreError> {
    let dialect = Dialect::of(on);
    for chunk in issues.chunks(chunk(dialect)) {
        let mut sql = mark(now_ms);
        let these = |sql: &mut Sql, column: &str| {
            sql.among(dialect, column, ArrayType::Uuid, pairs(site, chunk));
        };
        sql.push("SELECT site_id, id FROM issue WHERE ");
        these(&mut sql, "id");
        above(&mut sql, these);
        run(sql, on).await?;
    }
    Ok(())
}

/// Marks the issues that may be above these.
pub async fn mark_above(
    on: &impl Conn,
    site: SiteId,
    issues: &[Uuid],
    now_ms: i64,
) -> Result<(), StoreError> {
    let dialect = Dialect::of(on);
    for chunk in issues.chunks(chunk(dialect)) {
        let mut sql = mark(now_ms);
        sql.push("SELECT site_id, id FROM issue WHERE 1 = 0");
        above(&mut sql, |sql, column| {
            sql.among(dialect, column, ArrayType::Uuid, pairs(site, chunk));
        });
        run(sql, on).await?;
    }
    Ok(())
}

/// Adds the parents of issues, and what is linked to them: which link leads to a child is a setting.
fn above(sql: &mut Sql, these: impl Fn(&mut Sql, &str)) {
    const LINKED: [&str; 2] = [
        "n.source_jira_id = c.jira_id JOIN issue p ON p.site_id = n.site_id \
         AND p.jira_id = n.destination_jira_id",
        "n.destination_jira_id = c.jira_id JOIN issue p ON p.site_id = n.site_id \
         AND p.jira_id = n.source_jira_id",
    ];
    let from = |sql: &mut Sql, join: &str| {
        sql.push(" UNION ALL SELECT p.site_id, p.id FROM (SELECT * FROM issue WHERE ");
        these(sql, "id");
        sql.push(") AS c JOIN ").push(join);
    };
    let parent = "issue p ON p.site_id = c.site_id AND p.jira_id = c.parent_jira_id";
    from(sql, parent);
    for link in LINKED {
        from(
            sql,
            "issue_link n ON n.site_id = c.site_id AND NOT n.is_removed AND ",
        );
        sql.push(link);
    }
}

/// Marks every issue of a site that tests cover: a setting changed.
pub async fn mark_all(on: &impl Conn, site: SiteId, now_ms: i64) -> Result<(), StoreError> {
    let mut sql = mark(now_ms);
    sql.push("SELECT site_id, issue_id AS id FROM test_link WHERE removed_ms IS NULL")
        .with(" AND site_id = ", site)
        .push(" UNION ALL SELECT site_id, issue_id AS id FROM shown_status")
        .with(" WHERE site_id = ", site);
    run(sql, on).await
}

/// Marks what was not looked at for an hour, and issues that never were although tests cover them.
pub async fn mark_old(on: &impl Conn, now_ms: i64) -> Result<(), StoreError> {
    let mut sql = mark(now_ms);
    sql.push("SELECT site_id, issue_id AS id FROM shown_status WHERE due_ms IS NULL")
        .with(" AND checked_ms < ", now_ms - OLD_MS)
        .push(
            " UNION ALL SELECT l.site_id, l.issue_id AS id FROM test_link l \
             WHERE l.removed_ms IS NULL AND NOT EXISTS (SELECT 1 FROM shown_status s \
             WHERE s.site_id = l.site_id AND s.issue_id = l.issue_id)",
        );
    run(sql, on).await
}

/// Whether an issue is due: a look that does not need the writer.
pub async fn has_due(on: &impl Conn, now_ms: i64) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT CAST(1 AS bigint) FROM shown_status WHERE due_ms <= ");
    let found: Option<i64> = sql.bind(now_ms).push(" LIMIT 1").scalar(on).await?;
    Ok(found.is_some())
}

#[derive(FromQueryResult)]
struct Row {
    site_id: i64,
    issue_id: Uuid,
    marks: i64,
    value: Option<String>,
}

/// Takes up to `limit` issues that are due, those that waited longest, in the order of their keys.
/// Their marks stay; if nobody [`settle`]s them they are due again.
pub async fn take(store: &Store, now_ms: i64, limit: i64) -> Result<Vec<Marked>, StoreError> {
    let txn = store.write().await?;
    // Kept apart: PostgreSQL may run a list with a limit once for each row it compares.
    let mut sql = Sql::new(
        "WITH due AS MATERIALIZED (SELECT site_id, issue_id FROM shown_status WHERE due_ms <= ",
    );
    sql.bind(now_ms).with(" ORDER BY due_ms LIMIT ", limit);
    if store.dialect() == Dialect::Postgres {
        sql.push(" FOR UPDATE SKIP LOCKED");
    }
    sql.with(") UPDATE shown_status SET due_ms = ", now_ms + LEASE_MS)
        .push(" WHERE (site_id, issue_id) IN (SELECT site_id, issue_id FROM due)")
        .push(" RETURNING site_id, issue_id, marks, value");
    let mut rows: Vec<Row> = sql.all(&*txn).await?;
    txn.commit().await?;
    rows.sort_unstable_by_key(|row| (row.site_id, row.issue_id));
    Ok(rows.into_iter().map(Marked::from).collect())
}

impl From<Row> for Marked {
    fn from(row: Row) -> Self {
        Self {
            site: SiteId(row.site_id),
            issue: row.issue_id,
            // A value of another build is told anew.
            shown: row.value.and_then(|text| serde_json::from_str(&text).ok()),
            marks: row.marks,
        }
    }
}

/// Clears a mark that was looked at, unless another came meanwhile. Of an issue that is not shown
/// nothing is kept.
pub async fn settle(
    on: &impl Conn,
    marked: &Marked,
    is_shown: bool,
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut sql = if is_shown {
        let mut sql = Sql::new("UPDATE shown_status SET due_ms = CASE WHEN marks = ");
        sql.bind(marked.marks)
            .push(" THEN NULL ELSE due_ms END")
            .with(", checked_ms = ", now_ms)
            .push(" WHERE site_id = ");
        sql
    } else {
        let mut sql = Sql::new("DELETE FROM shown_status WHERE marks = ");
        sql.bind(marked.marks).push(" AND site_id = ");
        sql
    };
    sql.bind(marked.site)
        .with(" AND issue_id = ", marked.issue)
        .run(on)
        .await?;
    Ok(())
}

/// Keeps what Jira is told from now on.
pub async fn keep(
    on: &impl Conn,
    marked: &Marked,
    shown: &ShownStatus,
    now_ms: i64,
) -> Result<(), StoreError> {
    let value = serde_json::to_string(shown).map_err(|why| StoreError::Corrupt {
        table: "shown_status",
        id: marked.issue.to_string(),
        what: format!("a status that cannot be written: {why}"),
    })?;
    Sql::new("UPDATE shown_status SET value = ")
        .bind(value)
        .with(", since_ms = ", now_ms)
        .with(" WHERE site_id = ", marked.site)
        .with(" AND issue_id = ", marked.issue)
        .run(on)
        .await?;
    Ok(())
}

/// What Jira is to be told of an issue, and since when that holds (milliseconds since the Unix
/// epoch); `None` when it is to be told nothing.
pub async fn of_issue(
    on: &impl Conn,
    site: SiteId,
    issue_jira_id: i64,
) -> Result<Option<(ShownStatus, i64)>, StoreError> {
    let rows = Sql::new(
        "SELECT s.value, s.since_ms FROM shown_status s \
         JOIN issue i ON i.site_id = s.site_id AND i.id = s.issue_id WHERE s.site_id = ",
    )
    .bind(site)
    .with(" AND i.jira_id = ", issue_jira_id)
    .push(" AND i.deleted_ms IS NULL")
    .raw(on)
    .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let (value, since_ms): (Option<String>, Option<i64>) =
        (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    let shown = value.and_then(|text| serde_json::from_str(&text).ok());
    Ok(shown.zip(since_ms))
}
