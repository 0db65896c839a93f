//! What a traceability matrix reads besides the coverage of its issues: which issues a project has,
//! the defects of tests, what tests protect, and what hangs in the air.
//!
//! Nothing here grows with the history of runs.

use std::collections::HashSet;

use sea_orm::{FromQueryResult, QueryResult};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::tests::kind_of;
use super::{Conn, SiteId, Sql, StoreError, latest};
use crate::domain::coverage::Latest;
use crate::domain::issue::{Named, StatusCategory, key_number};
use crate::domain::keys::{ExecutionKey, TestKey};
use crate::domain::matrix::{Defect, Filtered};
use crate::domain::test::TestKind;

/// Values in one list of a statement.
const LIST: usize = 500;

/// An issue of a project, as much of it as filters look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedIssue {
    /// Our id of it.
    pub id: Uuid,
    /// Jira's id of it.
    pub jira_id: i64,
    /// Its key.
    pub key: String,
    /// Its summary.
    pub summary: String,
    /// The name of its type.
    pub type_name: String,
    /// Its priority.
    pub priority: Option<Named>,
    /// Its fix versions.
    pub fix_versions: Vec<Named>,
    /// The sprints it is or was in.
    pub sprints: Vec<Named>,
}

impl ListedIssue {
    /// What filters look at.
    #[must_use]
    pub fn filtered(&self) -> Filtered<'_> {
        Filtered {
            key: &self.key,
            summary: &self.summary,
            type_name: &self.type_name,
            priority: self.priority.as_ref(),
            fix_versions: &self.fix_versions,
            sprints: &self.sprints,
        }
    }
}

/// Every issue of a project that Jira told of and still has, by the number in its key.
pub async fn issues_of_project(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
) -> Result<Vec<ListedIssue>, StoreError> {
    let mut sql = Sql::new(
        "SELECT id, jira_id, key, summary, type_name, priority, fix_versions, sprints FROM issue \
         WHERE jira_id IS NOT NULL AND deleted_ms IS NULL AND site_id = ",
    );
    let rows = sql
        .bind(site)
        .with(" AND project_key = ", project_key)
        .raw(on)
        .await?;
    let mut issues: Vec<ListedIssue> = rows
        .iter()
        .map(|row| {
            let id: Uuid = row.try_get_by_index(0)?;
            let priority: Option<String> = row.try_get_by_index(5)?;
            let priority = priority.map(|text| document(&text, id, "priority"));
            Ok(ListedIssue {
                id,
                jira_id: row.try_get_by_index(1)?,
                key: row.try_get_by_index(2)?,
                summary: row.try_get_by_index(3)?,
                type_name: row.try_get_by_index(4)?,
                priority: priority.transpose()?,
                fix_versions: list(row, 6, id, "fix_versions")?,
                sprints: list(row, 7, id, "sprints")?,
            })
        })
        .collect::<Result<_, StoreError>>()?;
    issues.sort_by(|a, b| (key_number(&a.key), &a.key).cmp(&(key_number(&b.key), &b.key)));
    Ok(issues)
}

fn list(row: &QueryResult, at: usize, id: Uuid, column: &str) -> Result<Vec<Named>, StoreError> {
    let text: String = row.try_get_by_index(at)?;
    document(&text, id, column)
}

fn document<T: DeserializeOwned>(text: &str, id: Uuid, column: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|why| StoreError::Corrupt {
        table: "issue",
        id: id.to_string(),
        what: format!("{column}: {why}"),
    })
}

/// A defect of a test, and the run that found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefectOfTest {
    /// The test.
    pub test_id: Uuid,
    /// The run it was linked to: the execution's key, and the number within it.
    pub run: Option<(ExecutionKey, i64)>,
    /// The same by the execution's id.
    pub run_id: Option<(Uuid, i64)>,
    /// The defect.
    pub defect: Defect,
}

impl DefectOfTest {
    /// The run as people write it: `SHOP-E7/3`.
    #[must_use]
    pub fn run_name(&self) -> Option<String> {
        let (execution, number) = self.run.as_ref()?;
        Some(format!("{execution}/{number}"))
    }
}

#[derive(FromQueryResult)]
struct DefectRow {
    issue_id: Uuid,
    jira_id: Option<i64>,
    key: String,
    project_key: String,
    summary: String,
    status_name: String,
    status_category: i16,
    priority: Option<String>,
}

const DEFECT: &str = "i.id AS issue_id, i.jira_id, i.key, i.project_key, i.summary, i.status_name, \
     i.status_category, i.priority";

impl DefectRow {
    fn defect(self) -> Result<Defect, StoreError> {
        let priority = self.priority.as_deref();
        let priority = priority.map(|text| document(text, self.issue_id, "priority"));
        Ok(Defect {
            issue_id: self.issue_id,
            jira_id: self.jira_id,
            key: self.key,
            project_key: self.project_key,
            summary: self.summary,
            status_name: self.status_name,
            status_category: StatusCategory::from_code(self.status_category).unwrap_or_default(),
            priority: priority.transpose()?,
        })
    }
}

/// The defects of these tests that are not deleted in Jira, by test and by the number in their keys.
pub async fn defects_of_tests(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<Vec<DefectOfTest>, StoreError> {
    let mut found = Vec::new();
    for chunk in tests.chunks(LIST) {
        let mut sql = Sql::new(&format!(
            "SELECT d.test_id, d.execution_id, d.run_number, e.number AS execution, p.key AS execution_project, {DEFECT} \
             FROM defect_link d JOIN issue i ON i.site_id = d.site_id AND i.id = d.issue_id \
             LEFT JOIN execution e ON e.site_id = d.site_id AND e.id = d.execution_id \
             LEFT JOIN project p ON p.site_id = e.site_id AND p.id = e.project_id \
             WHERE d.removed_ms IS NULL AND i.deleted_ms IS NULL AND d.site_id = "
        ));
        sql.bind(site)
            .push(" AND d.test_id IN ")
            .list_filled_up(chunk.iter().copied());
        for row in sql.raw(on).await? {
            let number: Option<i64> = row.try_get("", "execution")?;
            let project: Option<String> = row.try_get("", "execution_project")?;
            let run: Option<i64> = row.try_get("", "run_number")?;
            let execution_id: Option<Uuid> = row.try_get("", "execution_id")?;
            let execution = project
                .zip(number)
                .map(|(project, number)| ExecutionKey { project, number });
            found.push(DefectOfTest {
                test_id: row.try_get("", "test_id")?,
                run: execution.zip(run),
                run_id: execution_id.zip(run),
                defect: DefectRow::from_query_result(&row, "")?.defect()?,
            });
        }
    }
    found.sort_by(|a, b| order(&a.defect).cmp(&order(&b.defect)));
    Ok(found)
}

/// The defects that runs of these executions, or steps of them, were found to have: execution,
/// number of the run, mirror row of the defect.
pub async fn defects_of_runs(
    on: &impl Conn,
    site: SiteId,
    executions: &[Uuid],
) -> Result<HashSet<(Uuid, i64, Uuid)>, StoreError> {
    let mut found = HashSet::new();
    for chunk in executions.chunks(LIST) {
        let mut sql = Sql::new(
            "SELECT DISTINCT execution_id, run_number, issue_id FROM run_defect WHERE site_id = ",
        );
        sql.bind(site)
            .push(" AND execution_id IN ")
            .list_filled_up(chunk.iter().copied());
        for row in sql.raw(on).await? {
            found.insert((
                row.try_get_by_index(0)?,
                row.try_get_by_index(1)?,
                row.try_get_by_index(2)?,
            ));
        }
    }
    Ok(found)
}

/// The order defects are listed in.
fn order(defect: &Defect) -> (&str, u64, &str) {
    (&defect.project_key, key_number(&defect.key), &defect.key)
}

/// Every defect that a test of a project has, in order.
pub async fn defects_of_project(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
) -> Result<Vec<Defect>, StoreError> {
    let mut sql = Sql::new(&format!(
        "SELECT {DEFECT} FROM issue i WHERE i.deleted_ms IS NULL AND i.site_id = "
    ));
    sql.bind(site).with(
        " AND EXISTS (SELECT 1 FROM defect_link d \
         JOIN test_case t ON t.site_id = d.site_id AND t.id = d.test_id \
         JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id \
         WHERE d.site_id = i.site_id AND d.issue_id = i.id AND d.removed_ms IS NULL AND p.key = ",
        project_key,
    );
    defects(sql.push(")").all(on).await?)
}

/// The issues of a project that have one of these types and are no test's defect, in order.
///
/// The caller drops types that are no defects: names are compared without case there.
pub async fn unlinked_of_project(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
    is_defect: impl Fn(&str) -> bool,
) -> Result<Vec<Defect>, StoreError> {
    #[derive(FromQueryResult)]
    struct Typed {
        type_name: String,
    }
    let mut sql = Sql::new(&format!(
        "SELECT i.type_name, {DEFECT} FROM issue i WHERE i.deleted_ms IS NULL \
         AND i.jira_id IS NOT NULL AND i.site_id = "
    ));
    sql.bind(site)
        .with(" AND i.project_key = ", project_key)
        .push(
            " AND NOT EXISTS (SELECT 1 FROM defect_link d WHERE d.site_id = i.site_id \
         AND d.issue_id = i.id AND d.removed_ms IS NULL)",
        );
    let mut found = Vec::new();
    for row in sql.raw(on).await? {
        if is_defect(&Typed::from_query_result(&row, "")?.type_name) {
            found.push(DefectRow::from_query_result(&row, "")?);
        }
    }
    defects(found)
}

fn defects(rows: Vec<DefectRow>) -> Result<Vec<Defect>, StoreError> {
    let found = rows.into_iter().map(DefectRow::defect);
    let mut found: Vec<Defect> = found.collect::<Result<_, _>>()?;
    found.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(found)
}

/// The tests that have one of these defects: defect and test, by test.
pub async fn tests_with_defects(
    on: &impl Conn,
    site: SiteId,
    defects: &[Uuid],
) -> Result<Vec<(Uuid, ListedTest)>, StoreError> {
    let mut found = Vec::new();
    for chunk in defects.chunks(LIST) {
        let mut sql = Sql::new(&format!(
            "SELECT d.issue_id, {TEST} FROM defect_link d \
             JOIN test_case t ON t.site_id = d.site_id AND t.id = d.test_id \
             JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id \
             WHERE d.removed_ms IS NULL AND d.site_id = "
        ));
        sql.bind(site)
            .push(" AND d.issue_id IN ")
            .list_filled_up(chunk.iter().copied());
        for row in sql.raw(on).await? {
            let test = TestRow::from_query_result(&row, "")?.test()?;
            found.push((row.try_get("", "issue_id")?, test));
        }
    }
    found.sort_by(|(_, a), (_, b)| a.key.cmp(&b.key));
    Ok(found)
}

/// A test as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedTest {
    /// Its id.
    pub id: Uuid,
    /// Its key.
    pub key: TestKey,
    /// Its name.
    pub name: String,
    /// How it is carried out.
    pub kind: TestKind,
    /// Whether it has been put away.
    pub is_archived: bool,
}

#[derive(FromQueryResult)]
struct TestRow {
    test_id: Uuid,
    test_project: String,
    number: i64,
    name: String,
    kind: i16,
    archived_ms: Option<i64>,
}

const TEST: &str =
    "t.id AS test_id, p.key AS test_project, t.number, t.name, t.kind, t.archived_ms";

impl TestRow {
    fn test(self) -> Result<ListedTest, StoreError> {
        Ok(ListedTest {
            id: self.test_id,
            key: TestKey {
                project: self.test_project,
                number: self.number,
            },
            name: self.name,
            kind: kind_of(self.kind, self.test_id)?,
            is_archived: self.archived_ms.is_some(),
        })
    }
}

/// Which tests of a project are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// All that are not archived.
    Live,
    /// Those of them that cover no issue.
    CoveringNothing,
}

/// Tests of a project above a number, in order, at most `limit`.
pub async fn tests_of_project(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
    which: Listed,
    after: i64,
    limit: i64,
) -> Result<Vec<ListedTest>, StoreError> {
    let mut sql = Sql::new(&format!(
        "SELECT {TEST} FROM test_case t JOIN project p ON p.site_id = t.site_id \
         AND p.id = t.project_id WHERE t.archived_ms IS NULL AND t.site_id = "
    ));
    sql.bind(site).with(" AND p.key = ", project_key);
    if which == Listed::CoveringNothing {
        sql.push(
            " AND NOT EXISTS (SELECT 1 FROM test_link l JOIN issue i ON i.site_id = l.site_id \
             AND i.id = l.issue_id WHERE l.site_id = t.site_id AND l.test_id = t.id \
             AND l.removed_ms IS NULL AND i.deleted_ms IS NULL AND i.jira_id IS NOT NULL)",
        );
    }
    sql.with(" AND t.number > ", after)
        .with(" ORDER BY t.number LIMIT ", limit);
    let rows: Vec<TestRow> = sql.all(on).await?;
    rows.into_iter().map(TestRow::test).collect()
}

/// The issues that these tests cover, live ones that Jira told of: test and issue.
pub async fn issues_of_tests(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let mut found = Vec::new();
    for chunk in tests.chunks(LIST) {
        let mut sql = Sql::new(
            "SELECT l.test_id, l.issue_id FROM test_link l \
             JOIN issue i ON i.site_id = l.site_id AND i.id = l.issue_id \
             WHERE l.removed_ms IS NULL AND i.deleted_ms IS NULL AND i.jira_id IS NOT NULL \
             AND l.site_id = ",
        );
        sql.bind(site)
            .push(" AND l.test_id IN ")
            .list_filled_up(chunk.iter().copied());
        for row in sql.raw(on).await? {
            found.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        }
    }
    Ok(found)
}

/// Results that belong to no test people can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrayResults {
    /// The test they name; none when there is no such test any more.
    pub test: Option<ListedTest>,
    /// When the test was archived, milliseconds since the Unix epoch.
    pub archived_ms: Option<i64>,
    /// What is kept of them.
    pub latest: Latest,
}

/// Results whose test is archived or not there, of a project; by test.
pub async fn stray_results(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
) -> Result<Vec<StrayResults>, StoreError> {
    let mut sql = Sql::new(&format!(
        "SELECT k.test_id AS of_test, k.latest, {TEST} FROM test_latest k \
         LEFT JOIN test_case t ON t.site_id = k.site_id AND t.id = k.test_id \
         LEFT JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id \
         WHERE (t.id IS NULL OR t.archived_ms IS NOT NULL) AND k.site_id = "
    ));
    sql.bind(site)
        .with(" AND (p.key IS NULL OR p.key = ", project_key)
        .push(") ORDER BY k.test_id");
    let rows = sql.raw(on).await?;
    rows.iter()
        .map(|row| {
            let id: Uuid = row.try_get("", "of_test")?;
            let stored: String = row.try_get("", "latest")?;
            let is_known = row.try_get::<Option<Uuid>>("", "test_id")?.is_some();
            let test = is_known.then(|| TestRow::from_query_result(row, ""));
            Ok(StrayResults {
                test: test.transpose()?.map(TestRow::test).transpose()?,
                archived_ms: row.try_get("", "archived_ms")?,
                latest: latest::parse(id, &stored)?,
            })
        })
        .collect()
}
