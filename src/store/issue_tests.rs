//! The tests that cover an issue, with everything a panel shows of them: two statements, few wide
//! rows, the same number however long the history is.

use sea_orm::{FromQueryResult, QueryResult};
use uuid::Uuid;

use super::latest::parse;
use super::tests::kind_of;
use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::coverage::Latest;
use crate::domain::issue::StatusCategory;
use crate::domain::keys::TestKey;
use crate::domain::rule::MarkKind;
use crate::domain::test::TestCase;

/// A test that covers an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoveringTest {
    /// The test.
    pub case: TestCase,
    /// What is kept of its runs.
    pub latest: Latest,
}

/// A defect that is linked to a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedDefect {
    /// The mirror row of the defect.
    pub issue_id: Uuid,
    /// Its key.
    pub key: String,
    /// Its summary; empty while only the key is known.
    pub summary: String,
    /// The name of its status; empty while only the key is known.
    pub status_name: String,
    /// The category of its status.
    pub status_category: StatusCategory,
    /// Whether it was deleted in Jira.
    pub is_deleted: bool,
}

/// A mark on a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetMark {
    /// What it says.
    pub kind: MarkKind,
    /// The key of the issue it is about.
    pub issue_key: String,
    /// Since when, milliseconds since the Unix epoch.
    pub since_ms: i64,
}

/// What hangs on the tests of an issue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Annotations {
    /// Test and defect, by key.
    pub defects: Vec<(Uuid, LinkedDefect)>,
    /// Test and mark.
    pub marks: Vec<(Uuid, SetMark)>,
}

/// How tests belong to an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// They cover it.
    Covers,
    /// They found it: it is their defect.
    Found,
}

impl Link {
    const fn table(self) -> &'static str {
        match self {
            Self::Covers => "test_link",
            Self::Found => "defect_link",
        }
    }
}

/// The tests linked to an issue, by key.
pub async fn of_issue(
    on: &impl Conn,
    site: SiteId,
    issue: Uuid,
    link: Link,
) -> Result<Vec<CoveringTest>, StoreError> {
    let linked = |columns: &str| {
        let mut sql = Sql::new(&format!(
            "SELECT {columns} FROM {} l \
             JOIN test_case t ON t.site_id = l.site_id AND t.id = l.test_id \
             JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id \
             LEFT JOIN test_latest k ON k.site_id = l.site_id AND k.test_id = l.test_id \
             WHERE l.removed_ms IS NULL",
            link.table()
        ));
        sql.with(" AND l.site_id = ", site)
            .with(" AND l.issue_id = ", issue);
        sql
    };
    let mut tests = match Dialect::of(on) {
        Dialect::Sqlite => from_one_row(linked(ONE_ROW).scalar(on).await?.flatten(), issue)?,
        Dialect::Postgres => from_rows(&linked(ROWS).raw(on).await?)?,
    };
    tests.sort_by(|a, b| {
        let (a, b) = (&a.case.key, &b.case.key);
        (&a.project, a.number).cmp(&(&b.project, b.number))
    });
    Ok(tests)
}

const ROWS: &str = "t.id, p.key, t.number, t.name, t.kind, t.archived_ms, k.latest";

fn from_rows(rows: &[QueryResult]) -> Result<Vec<CoveringTest>, StoreError> {
    rows.iter()
        .map(|row| {
            let id: Uuid = row.try_get_by_index(0)?;
            let latest: Option<String> = row.try_get_by_index(6)?;
            let columns = (
                id,
                row.try_get_by_index(1)?,
                row.try_get_by_index(2)?,
                row.try_get_by_index(3)?,
                row.try_get_by_index(4)?,
                row.try_get_by_index(5)?,
            );
            covering(columns, latest.map(|text| parse(id, &text)).transpose()?)
        })
        .collect()
}

/// All tests as one JSON document. Each row of SQLite's crosses from the driver's thread by itself and
/// wakes the reader: twenty rows cost several times what the page does.
const ONE_ROW: &str = "'[' || group_concat('[' || json_array(lower(hex(t.id)), p.key, t.number, t.name, \
     t.kind, t.archived_ms) || ',' || COALESCE(k.latest, 'null') || ']') || ']'";

type Columns = (Uuid, String, i64, String, i16, Option<i64>);

fn from_one_row(row: Option<String>, issue: Uuid) -> Result<Vec<CoveringTest>, StoreError> {
    let Some(text) = row else {
        return Ok(Vec::new());
    };
    let rows: Vec<(Columns, Option<Latest>)> =
        serde_json::from_str(&text).map_err(|why| StoreError::Corrupt {
            table: "test_latest",
            id: format!("of a test of issue {issue}"),
            what: format!("latest: {why}"),
        })?;
    rows.into_iter()
        .map(|(columns, latest)| covering(columns, latest))
        .collect()
}

fn covering(
    (id, project, number, name, kind, archived_ms): Columns,
    latest: Option<Latest>,
) -> Result<CoveringTest, StoreError> {
    Ok(CoveringTest {
        case: TestCase {
            id,
            key: TestKey { project, number },
            name,
            kind: kind_of(kind, id)?,
            is_archived: archived_ms.is_some(),
        },
        latest: latest.unwrap_or_default(),
    })
}

/// The code that stands for a defect where other rows have the kind of a mark.
const DEFECT: i16 = 0;

#[derive(FromQueryResult)]
struct Row {
    test_id: Uuid,
    kind: i16,
    since_ms: i64,
    issue_id: Uuid,
    key: String,
    summary: String,
    status_name: String,
    status_category: i16,
    deleted_ms: Option<i64>,
}

/// Defects and marks of the tests linked to an issue.
pub async fn annotations(
    on: &impl Conn,
    site: SiteId,
    issue: Uuid,
    link: Link,
) -> Result<Annotations, StoreError> {
    let from = format!(
        "i.id AS issue_id, i.key, i.summary, i.status_name, i.status_category, \
         i.deleted_ms FROM {} l",
        link.table()
    );
    let mut sql = Sql::new("SELECT d.test_id, CAST(0 AS smallint) AS kind, ");
    sql.push("d.created_ms AS since_ms, ").push(&from);
    sql.push(
        " JOIN defect_link d ON d.site_id = l.site_id AND d.test_id = l.test_id \
         AND d.removed_ms IS NULL \
         JOIN issue i ON i.site_id = d.site_id AND i.id = d.issue_id \
         WHERE l.removed_ms IS NULL AND l.site_id = ",
    );
    sql.bind(site).with(" AND l.issue_id = ", issue);
    sql.push(" UNION ALL SELECT m.test_id, m.kind, m.since_ms, ")
        .push(&from);
    sql.push(
        " JOIN mark m ON m.site_id = l.site_id AND m.test_id = l.test_id \
         JOIN issue i ON i.site_id = m.site_id AND i.id = m.issue_id \
         WHERE l.removed_ms IS NULL AND l.site_id = ",
    );
    sql.bind(site).with(" AND l.issue_id = ", issue);
    let rows: Vec<Row> = sql.push(" ORDER BY 1, 2, 3, 5").all(on).await?;
    let mut found = Annotations::default();
    for row in rows {
        if row.kind == DEFECT {
            found.defects.push((row.test_id, defect(row)));
        } else if let Some(kind) = MarkKind::from_code(row.kind) {
            let mark = SetMark {
                kind,
                issue_key: row.key,
                since_ms: row.since_ms,
            };
            found.marks.push((row.test_id, mark));
        }
    }
    Ok(found)
}

fn defect(row: Row) -> LinkedDefect {
    LinkedDefect {
        issue_id: row.issue_id,
        key: row.key,
        summary: row.summary,
        status_name: row.status_name,
        status_category: StatusCategory::from_code(row.status_category).unwrap_or_default(),
        is_deleted: row.deleted_ms.is_some(),
    }
}
