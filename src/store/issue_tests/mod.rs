//! An issue with its tests and everything a panel shows of them: one statement, one row an issue,
//! however long the history is.
//!
//! What there is many of comes as JSON. A statement costs two switches between threads on SQLite, or
//! a round trip on PostgreSQL, and each row of SQLite crosses from the driver's thread by itself:
//! five statements with twenty rows cost several times what the page does.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

mod rows;
mod statement;

use super::inbox::Behind;
use super::{Conn, Dialect, SiteId, StoreError};
use crate::domain::coverage::{Latest, MadeFor, Scope, Window};
use crate::domain::exemption::Exemption;
use crate::domain::hierarchy::Kin;
use crate::domain::issue::{MirroredIssue, StatusCategory};
use crate::domain::quarantine::Quarantine;
use crate::domain::rule::MarkKind;
use crate::domain::settings::Settings;
use crate::domain::test::TestCase;

use rows::Reader;
use statement::{Json, select};

/// A test that covers an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoveringTest {
    /// The test.
    pub case: TestCase,
    /// What is kept of its runs.
    pub latest: Latest,
    /// The number of its current version.
    pub version: i32,
    /// Its labels.
    pub labels: Vec<String>,
    /// Where it stands in its own workflow, if it has one.
    pub workflow_status: Option<String>,
    /// Its quarantine, ended or not.
    pub quarantine: Option<Quarantine>,
    /// Its newest results, when they are not all alike.
    pub window: Option<Window>,
    /// Whether its project is out of the app's reach.
    pub is_out_of_reach: bool,
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
    pub settings: Arc<Settings>,
    /// What Jira told of the issue and is not in the mirror yet.
    pub behind: Behind,
    /// When its summary or description last changed, milliseconds since the Unix epoch.
    pub text_changed_ms: Option<i64>,
    /// What was said of its needing no test, ended or not.
    pub exemption: Option<Exemption>,
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

/// How much of what is linked to an issue is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// All that a list of its tests shows.
    Lists,
    /// What its status follows from: no marks, no defects, no strips of recent results.
    Status,
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
    let mut sql = select(Json(Dialect::of(on)), link.table(), Depth::Lists, looking);
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
    let mut reader = Reader::new(Depth::Lists);
    rows.first().map(|row| reader.read(row)).transpose()
}

/// Issues with the tests that cover them, in one statement; in the order given, and those that the
/// mirror does not know are left out.
pub async fn of_issues(
    on: &impl Conn,
    site: SiteId,
    issues: &[Uuid],
    depth: Depth,
) -> Result<Vec<LinkedIssue>, StoreError> {
    let mut sql = select(Json(Dialect::of(on)), Link::Covers.table(), depth, None);
    sql.with(" WHERE i.site_id = ", site)
        .push(" AND i.id IN ")
        .list_filled_up(issues.iter().copied());
    let mut found = HashMap::with_capacity(issues.len());
    let mut reader = Reader::new(depth);
    for row in sql.raw(on).await? {
        let linked = reader.read(&row)?;
        found.insert(linked.issue.id, linked);
    }
    Ok(issues.iter().filter_map(|id| found.remove(id)).collect())
}
