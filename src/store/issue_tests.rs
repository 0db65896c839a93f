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
use crate::domain::coverage::{Latest, MadeFor, Scope};
use crate::domain::hierarchy::Kin;
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
    /// When its summary or description last changed, milliseconds since the Unix epoch.
    pub text_changed_ms: Option<i64>,
    /// Issues that may be its children.
    pub kin: Vec<Kin>,
    /// The scope in which the person who looks last looked at its project.
    pub chosen: Option<Scope>,
    /// What the last executions of its project were made for, the last first, when somebody looks.
    pub made_for: Vec<MadeFor>,
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
/// `looking` is the person (an account id) whose choice of a scope is wanted.
pub async fn of_issue(
    on: &impl Conn,
    site: SiteId,
    which: Which<'_>,
    link: Link,
    looking: Option<&str>,
) -> Result<Option<LinkedIssue>, StoreError> {
    let mut sql = select(Json(Dialect::of(on)), link.table(), looking);
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
    let mut sql = select(Json(Dialect::of(on)), Link::Covers.table(), None);
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

fn select(json: Json, link: &str, looking: Option<&str>) -> Sql {
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
    let mut sql = Sql::new(&format!(
        "SELECT {}, text_changed_ms, (SELECT {tests} {of_tests}) AS tests, (SELECT {defects} {of_defects}) AS defects, \
         (SELECT {marks} {of_marks}) AS marks, (SELECT {decided} FROM setting s \
         WHERE s.site_id = i.site_id AND s.scope IN ('{}', '{}' || i.project_key)) AS settings, \
         (SELECT {behind} FROM waiting_event w WHERE w.site_id = i.site_id \
         AND w.lane = CAST(i.jira_id AS text)) AS lag, {}",
        issues::COLUMNS,
        settings::SITE,
        settings::PROJECT,
        kin(json)
    ));
    if let Some(account) = looking {
        let chosen = json.array("v.scope, v.environment");
        sql.push(&format!(
            ", (SELECT {chosen} FROM viewer_scope v WHERE v.site_id = i.site_id \
             AND v.project_key = i.project_key AND v.account_id = "
        ))
        .bind(account)
        .push(") AS chosen, ")
        .push(&made_for(json));
    } else {
        sql.push(", NULL AS chosen, NULL AS purposes");
    }
    sql.push(" FROM issue i");
    sql
}

/// Executions whose purpose is offered as a scope.
const LAST_EXECUTIONS: u8 = 30;

/// A column with what the last executions of the issue's project were made for.
fn made_for(json: Json) -> String {
    let purpose = json.of_all(&json.array("x.fix_version, x.plan, x.sprint"));
    format!(
        "(SELECT {purpose} FROM (SELECT e.fix_version, e.plan, e.sprint FROM project p \
         JOIN execution e ON e.site_id = p.site_id AND e.project_id = p.id \
         WHERE p.site_id = i.site_id AND p.key = i.project_key \
         ORDER BY e.number DESC LIMIT {LAST_EXECUTIONS}) x) AS purposes"
    )
}

/// Columns with what may hang under an issue: those that name it as their parent, and those that a
/// link joins with it, on either side.
fn kin(json: Json) -> String {
    let child = json.of_all(&json.array(&format!(
        "{}, CASE WHEN c.is_subtask THEN 1 ELSE 0 END",
        json.id("c.id")
    )));
    let linked = |is_outward: u8| {
        json.of_all(&json.array(&format!("{}, n.type_name, {is_outward}", json.id("c.id"))))
    };
    let link = |one: &str, other: &str| {
        format!(
            "FROM issue_link n JOIN issue c ON c.site_id = n.site_id AND c.jira_id = n.{other} \
             AND c.deleted_ms IS NULL WHERE n.site_id = i.site_id AND n.{one} = i.jira_id \
             AND NOT n.is_removed"
        )
    };
    format!(
        "(SELECT {child} FROM issue c WHERE c.site_id = i.site_id AND c.parent_jira_id = i.jira_id \
         AND c.deleted_ms IS NULL) AS children, (SELECT {} {}) AS outward, (SELECT {} {}) AS inward",
        linked(1),
        link("source_jira_id", "destination_jira_id"),
        linked(0),
        link("destination_jira_id", "source_jira_id"),
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
    let children: Vec<(Uuid, u8)> = read(list("children")?, issue.id)?;
    let mut kin: Vec<Kin> = children.into_iter().map(child).collect();
    for side in ["outward", "inward"] {
        let links: Vec<(Uuid, String, u8)> = read(list(side)?, issue.id)?;
        kin.extend(links.into_iter().map(linked));
    }
    let chosen: Option<(String, Option<String>)> = read(list("chosen")?, issue.id)?;
    let purposes: Vec<Purposes> = read(list("purposes")?, issue.id)?;
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
        text_changed_ms: row.try_get("", "text_changed_ms")?,
        kin,
        made_for: purposes.into_iter().flat_map(purposes_of).collect(),
        chosen: chosen
            .and_then(|(name, environment)| Scope::named(&name, environment.as_deref()).ok()),
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

/// Version, plan and sprint of an execution.
type Purposes = (Option<String>, Option<String>, Option<String>);

fn purposes_of((version, plan, sprint): Purposes) -> impl Iterator<Item = MadeFor> {
    let each = [
        version.map(MadeFor::Version),
        sprint.map(MadeFor::Sprint),
        plan.map(MadeFor::Plan),
    ];
    each.into_iter().flatten()
}

fn child((issue, is_subtask): (Uuid, u8)) -> Kin {
    Kin::Child {
        issue,
        is_subtask: is_subtask == 1,
    }
}

fn linked((issue, type_name, is_outward): (Uuid, String, u8)) -> Kin {
    Kin::Linked {
        issue,
        type_name,
        is_outward: is_outward == 1,
    }
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
