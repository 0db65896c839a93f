//! An issue with its tests and everything a panel shows of them: one statement, one row an issue,
//! however long the history is.
//!
//! What there is many of comes as JSON. A statement costs two switches between threads on SQLite, or
//! a round trip on PostgreSQL, and each row of SQLite crosses from the driver's thread by itself:
//! five statements with twenty rows cost several times what the page does.

use std::collections::HashMap;

use sea_orm::QueryResult;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::inbox::Behind;
use super::tests::kind_of;
use super::{Conn, Dialect, SiteId, Sql, StoreError, issues, settings};
use crate::domain::coverage::Latest;
use crate::domain::issue::{MirroredIssue, StatusCategory};
use crate::domain::keys::TestKey;
use crate::domain::rule::MarkKind;
use crate::domain::settings::Settings;
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

/// An issue with what is linked to it.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkedIssue {
    /// The issue as the mirror has it.
    pub issue: MirroredIssue,
    /// The tests, by key.
    pub tests: Vec<CoveringTest>,
    /// What hangs on them.
    pub annotations: Annotations,
    /// What holds in the issue's project.
    pub settings: Settings,
    /// What Jira told of the issue and is not in the mirror yet.
    pub behind: Behind,
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

/// Which issue is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// The one with this id in Jira.
    JiraId(i64),
    /// The one with this id of ours.
    Id(Uuid),
    /// The one with this key, or the one that had it before.
    Key(&'a str),
}

/// An issue with the tests that are linked to it in one way; `None` when the mirror does not know it.
pub async fn of_issue(
    on: &impl Conn,
    site: SiteId,
    which: Which<'_>,
    link: Link,
) -> Result<Option<LinkedIssue>, StoreError> {
    let mut sql = Sql::new(&select(Json(Dialect::of(on)), link.table()));
    sql.with(" WHERE i.site_id = ", site);
    match which {
        Which::JiraId(id) => sql.with(" AND i.jira_id = ", id),
        Which::Id(id) => sql.with(" AND i.id = ", id),
        // As `issues::by_key`, and in this statement: a row may change hands between two.
        Which::Key(key) => sql
            .with(
                " AND i.id = COALESCE((SELECT id FROM issue WHERE site_id = ",
                site,
            )
            .with(" AND key = ", key)
            .with(
                " ORDER BY event_ms DESC LIMIT 1), (SELECT issue_id FROM issue_alias \
                 WHERE site_id = ",
                site,
            )
            .with(" AND key = ", key)
            .push("))"),
    };
    let rows = sql.raw(on).await?;
    rows.first().map(linked_issue).transpose()
}

/// Issues with the tests that cover them, in one statement; in the order given, and those that the
/// mirror does not know are left out.
pub async fn of_issues(
    on: &impl Conn,
    site: SiteId,
    issues: &[Uuid],
) -> Result<Vec<LinkedIssue>, StoreError> {
    let mut sql = Sql::new(&select(Json(Dialect::of(on)), Link::Covers.table()));
    sql.with(" WHERE i.site_id = ", site)
        .push(" AND i.id IN ")
        .list_filled_up(issues.iter().copied());
    let mut found = HashMap::with_capacity(issues.len());
    for row in sql.raw(on).await? {
        let linked = linked_issue(&row)?;
        found.insert(linked.issue.id, linked);
    }
    Ok(issues.iter().filter_map(|id| found.remove(id)).collect())
}

/// How a database makes JSON.
#[derive(Debug, Clone, Copy)]
struct Json(Dialect);

impl Json {
    fn array(self, items: &str) -> String {
        match self.0 {
            Dialect::Sqlite => format!("json_array({items})"),
            Dialect::Postgres => format!("CAST(json_build_array({items}) AS text)"),
        }
    }

    fn of_all(self, item: &str) -> String {
        match self.0 {
            Dialect::Sqlite => format!("'[' || group_concat({item}) || ']'"),
            Dialect::Postgres => format!("'[' || string_agg({item}, ',') || ']'"),
        }
    }

    fn id(self, column: &str) -> String {
        match self.0 {
            Dialect::Sqlite => format!("lower(hex({column}))"),
            Dialect::Postgres => column.to_owned(),
        }
    }
}

fn select(json: Json, link: &str) -> String {
    let linked = format!(
        "FROM {link} l {{}} WHERE l.site_id = i.site_id AND l.issue_id = i.id \
         AND l.removed_ms IS NULL"
    );
    let test = json.array(&format!(
        "{}, p.key, t.number, t.name, t.kind, t.archived_ms",
        json.id("t.id")
    ));
    let tests = json.of_all(&format!(
        "'[' || {test} || ',' || COALESCE(k.latest, 'null') || ']'"
    ));
    let of_tests = linked.replace(
        "{}",
        "JOIN test_case t ON t.site_id = l.site_id AND t.id = l.test_id \
         JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id \
         LEFT JOIN test_latest k ON k.site_id = l.site_id AND k.test_id = l.test_id",
    );
    let defects = json.of_all(&json.array(&format!(
        "{}, d.created_ms, j.key, {}, j.summary, j.status_name, j.status_category, j.deleted_ms",
        json.id("d.test_id"),
        json.id("j.id")
    )));
    let of_defects = linked.replace(
        "{}",
        "JOIN defect_link d ON d.site_id = l.site_id AND d.test_id = l.test_id \
         AND d.removed_ms IS NULL JOIN issue j ON j.site_id = d.site_id AND j.id = d.issue_id",
    );
    let marks = json.of_all(&json.array(&format!(
        "{}, m.kind, m.since_ms, j.key",
        json.id("m.test_id")
    )));
    let of_marks = linked.replace(
        "{}",
        "JOIN mark m ON m.site_id = l.site_id AND m.test_id = l.test_id \
         JOIN issue j ON j.site_id = m.site_id AND j.id = m.issue_id",
    );
    let decided = json.of_all(&json.array("s.scope, s.name, s.value"));
    let behind = json.array(
        "min(CASE WHEN w.parked_ms IS NULL THEN w.received_ms END), \
         min(CASE WHEN w.parked_ms IS NOT NULL THEN w.received_ms END)",
    );
    format!(
        "SELECT {}, (SELECT {tests} {of_tests}) AS tests, (SELECT {defects} {of_defects}) AS defects, \
         (SELECT {marks} {of_marks}) AS marks, (SELECT {decided} FROM setting s \
         WHERE s.site_id = i.site_id AND s.scope IN ('{}', '{}' || i.project_key)) AS settings, \
         (SELECT {behind} FROM waiting_event w WHERE w.site_id = i.site_id \
         AND w.lane = CAST(i.jira_id AS text)) AS lag FROM issue i",
        issues::COLUMNS,
        settings::SITE,
        settings::PROJECT
    )
}

fn linked_issue(row: &QueryResult) -> Result<LinkedIssue, StoreError> {
    let issue = issues::from_row(row)?;
    let list = |column: &str| row.try_get::<Option<String>>("", column);
    let tests: Vec<(Columns, Option<Latest>)> = read(list("tests")?, issue.id)?;
    let mut tests: Vec<CoveringTest> = tests
        .into_iter()
        .map(|(columns, latest)| covering(columns, latest))
        .collect::<Result<_, _>>()?;
    tests.sort_by(|a, b| {
        let (a, b) = (&a.case.key, &b.case.key);
        (&a.project, a.number).cmp(&(&b.project, b.number))
    });

    let mut defects: Vec<Defect> = read(list("defects")?, issue.id)?;
    defects.sort_unstable();
    let mut marks: Vec<Mark> = read(list("marks")?, issue.id)?;
    marks.sort_unstable();
    let decided: Vec<settings::Row> = read(list("settings")?, issue.id)?;
    let (waiting_ms, parked_ms): (Option<i64>, Option<i64>) = read(list("lag")?, issue.id)?;
    Ok(LinkedIssue {
        tests,
        annotations: Annotations {
            defects: defects.into_iter().map(defect).collect(),
            marks: marks.into_iter().filter_map(mark).collect(),
        },
        settings: settings::gather(decided).of_project(&issue.snapshot.project_key),
        behind: Behind {
            waiting_ms,
            parked_ms,
        },
        issue,
    })
}

/// Reads a list the statement made; nothing is an empty one.
fn read<T: DeserializeOwned + Default>(text: Option<String>, issue: Uuid) -> Result<T, StoreError> {
    let Some(text) = text else {
        return Ok(T::default());
    };
    serde_json::from_str(&text).map_err(|why| StoreError::Corrupt {
        table: "issue",
        id: format!("what is linked to {issue}"),
        what: why.to_string(),
    })
}

/// Test, project key, number, name, kind, when it was archived.
type Columns = (Uuid, String, i64, String, i16, Option<i64>);
/// Test, since when, key, our id, summary, status and its category, when it was deleted.
type Defect = (Uuid, i64, String, Uuid, String, String, i16, Option<i64>);
/// Test, kind, since when, key of the issue it is about.
type Mark = (Uuid, i16, i64, String);

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

fn defect(row: Defect) -> (Uuid, LinkedDefect) {
    let (test, _, key, issue_id, summary, status_name, category, deleted_ms) = row;
    let defect = LinkedDefect {
        issue_id,
        key,
        summary,
        status_name,
        status_category: StatusCategory::from_code(category).unwrap_or_default(),
        is_deleted: deleted_ms.is_some(),
    };
    (test, defect)
}

fn mark((test, kind, since_ms, issue_key): Mark) -> Option<(Uuid, SetMark)> {
    let mark = SetMark {
        kind: MarkKind::from_code(kind)?,
        issue_key,
        since_ms,
    };
    Some((test, mark))
}
