//! One test as a whole, for whoever looks at it or changes it, and the versions it had.
//!
//! A test's row holds its current version; the ones before it are in a table of their own.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::shown_status::{LONG_AGO, mark_of_tests};
use super::tests::kind_of;
use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::keys::TestKey;
use crate::domain::test::{TestContent, TestKind};

/// Everything that is stored in a test's own row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTest {
    /// Its id.
    pub id: Uuid,
    /// Our id of its project.
    pub project_id: Uuid,
    /// Its key.
    pub key: TestKey,
    /// How it is carried out.
    pub kind: TestKind,
    /// Its class, empty where there is none.
    pub class_name: String,
    /// The suites around it.
    pub suite: String,
    /// What its current version says.
    pub content: TestContent,
    /// Which version that is.
    pub version: i32,
    /// Since when, milliseconds since the Unix epoch.
    pub version_ms: i64,
    /// The API client or account that made it.
    pub version_by: Option<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// Where it stands in its own workflow, if anybody says so.
    pub workflow_status: Option<String>,
    /// The API client or account that made the test; none for one that results brought.
    pub created_by: Option<String>,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// Since when it is put away, milliseconds since the Unix epoch.
    pub archived_ms: Option<i64>,
}

/// A version of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestVersion {
    /// Its number, from 1.
    pub version: i32,
    /// What it says.
    pub content: TestContent,
    /// The API client or account that made it.
    pub created_by: Option<String>,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_ms: i64,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    project_id: Uuid,
    project_key: String,
    number: i64,
    kind: i16,
    class_name: String,
    suite: String,
    name: String,
    description: Option<String>,
    steps: String,
    test_type: Option<String>,
    definition: Option<String>,
    version: i32,
    version_ms: Option<i64>,
    version_by: Option<String>,
    labels: String,
    workflow_status: Option<String>,
    created_by: Option<String>,
    created_ms: i64,
    archived_ms: Option<i64>,
}

const SELECT: &str = "SELECT t.id, t.project_id, p.key AS project_key, t.number, t.kind, \
     t.class_name, t.suite, t.name, t.description, t.steps, t.test_type, t.definition, t.version, \
     t.version_ms, t.version_by, t.labels, t.workflow_status, t.created_by, t.created_ms, t.archived_ms FROM test_case t \
     JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id WHERE t.site_id = ";

impl Row {
    fn test(self) -> Result<StoredTest, StoreError> {
        let corrupt = |what: String| StoreError::Corrupt {
            table: "test_case",
            id: self.id.to_string(),
            what,
        };
        Ok(StoredTest {
            content: TestContent {
                steps: serde_json::from_str(&self.steps)
                    .map_err(|why| corrupt(format!("steps: {why}")))?,
                name: self.name,
                description: self.description,
                test_type: self.test_type,
                definition: self.definition,
            },
            labels: serde_json::from_str(&self.labels)
                .map_err(|why| corrupt(format!("labels: {why}")))?,
            kind: kind_of(self.kind, self.id)?,
            id: self.id,
            project_id: self.project_id,
            key: TestKey {
                project: self.project_key,
                number: self.number,
            },
            class_name: self.class_name,
            suite: self.suite,
            version: self.version,
            version_ms: self.version_ms.unwrap_or(self.created_ms),
            version_by: self.version_by.or_else(|| self.created_by.clone()),
            workflow_status: self.workflow_status,
            created_by: self.created_by,
            created_ms: self.created_ms,
            archived_ms: self.archived_ms,
        })
    }
}

/// The test with this key.
pub async fn by_key(
    on: &impl Conn,
    site: SiteId,
    key: &TestKey,
) -> Result<Option<StoredTest>, StoreError> {
    let row: Option<Row> = Sql::new(SELECT)
        .bind(site)
        .with(" AND p.key = ", key.project.as_str())
        .with(" AND t.number = ", key.number)
        .one(on)
        .await?;
    row.map(Row::test).transpose()
}

/// Tests by our ids; unknown ones are left out.
pub async fn by_ids(
    on: &impl Conn,
    site: SiteId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, StoredTest>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(500) {
        let rows: Vec<Row> = Sql::new(SELECT)
            .bind(site)
            .push(" AND t.id IN ")
            .list_filled_up(chunk.iter().copied())
            .all(on)
            .await?;
        for row in rows {
            let test = row.test()?;
            found.insert(test.id, test);
        }
    }
    Ok(found)
}

/// Which tests of a project are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those whose name holds this text, in any case.
    pub text: Option<String>,
    /// Those with this label.
    pub label: Option<String>,
    /// Those in this status of their workflow.
    pub workflow_status: Option<String>,
    /// Those that are carried out in this way.
    pub kind: Option<TestKind>,
    /// Those that are put away, or those that are not.
    pub is_archived: Option<bool>,
}

/// Tests of a project by number: those above `after`, at most `limit`.
pub async fn list(
    on: &impl Conn,
    site: SiteId,
    project: Uuid,
    filter: &Filter,
    after: i64,
    limit: i64,
) -> Result<Vec<StoredTest>, StoreError> {
    let mut sql = Sql::new(SELECT);
    sql.bind(site)
        .with(" AND t.project_id = ", project)
        .with(" AND t.number > ", after);
    if let Some(text) = &filter.text {
        sql.with(" AND lower(t.name) LIKE ", holding(&text.to_lowercase()))
            .push(" ESCAPE '\\'");
    }
    if let Some(label) = &filter.label {
        // Labels are a JSON list: as one of its items a label stands in quotes.
        let item = serde_json::to_string(label).unwrap_or_default();
        sql.with(" AND t.labels LIKE ", holding(&item))
            .push(" ESCAPE '\\'");
    }
    if let Some(status) = &filter.workflow_status {
        sql.with(" AND t.workflow_status = ", status.as_str());
    }
    if let Some(kind) = filter.kind {
        sql.with(" AND t.kind = ", kind.code());
    }
    match filter.is_archived {
        Some(true) => sql.push(" AND t.archived_ms IS NOT NULL"),
        Some(false) => sql.push(" AND t.archived_ms IS NULL"),
        None => &mut sql,
    };
    sql.with(" ORDER BY t.number LIMIT ", limit);
    sql.all::<Row>(on)
        .await?
        .into_iter()
        .map(Row::test)
        .collect()
}

fn holding(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    format!("%{escaped}%")
}

/// Stores a new test.
pub async fn insert(on: &impl Conn, site: SiteId, test: &StoredTest) -> Result<(), StoreError> {
    Sql::new(
        "INSERT INTO test_case (site_id, id, project_id, number, name, class_name, suite, kind, \
         description, steps, labels, workflow_status, version, version_ms, version_by, created_by, \
         created_ms, test_type, definition) ",
    )
    .rows([[
        site.into(),
        test.id.into(),
        test.project_id.into(),
        test.key.number.into(),
        test.content.name.clone().into(),
        test.class_name.clone().into(),
        test.suite.clone().into(),
        test.kind.code().into(),
        test.content.description.clone().into(),
        steps_text(&test.content).into(),
        labels_text(&test.labels).into(),
        test.workflow_status.clone().into(),
        test.version.into(),
        test.version_ms.into(),
        test.version_by.clone().into(),
        test.created_by.clone().into(),
        test.created_ms.into(),
        test.content.test_type.clone().into(),
        test.content.definition.clone().into(),
    ]])
    .run(on)
    .await?;
    Ok(())
}

/// Writes what can be changed of a test. The caller holds its project.
pub async fn update(on: &impl Conn, site: SiteId, test: &StoredTest) -> Result<(), StoreError> {
    Sql::new("UPDATE test_case SET name = ")
        .bind(test.content.name.as_str())
        .with(", description = ", test.content.description.clone())
        .with(", steps = ", steps_text(&test.content))
        .with(", test_type = ", test.content.test_type.clone())
        .with(", definition = ", test.content.definition.clone())
        .with(", labels = ", labels_text(&test.labels))
        .with(", workflow_status = ", test.workflow_status.clone())
        .with(", version = ", test.version)
        .with(", version_ms = ", test.version_ms)
        .with(", version_by = ", test.version_by.clone())
        .with(", archived_ms = ", test.archived_ms)
        .with(" WHERE site_id = ", site)
        .with(" AND id = ", test.id)
        .run(on)
        .await?;
    mark_of_tests(on, site, &[test.id], LONG_AGO).await
}

fn steps_text(content: &TestContent) -> String {
    serde_json::to_string(&content.steps).unwrap_or_default()
}

fn labels_text(labels: &[String]) -> String {
    serde_json::to_string(labels).unwrap_or_default()
}

/// Keeps the version a test has now, before it gets another.
pub async fn keep_version(
    on: &impl Conn,
    site: SiteId,
    test: &StoredTest,
) -> Result<(), StoreError> {
    Sql::new(
        "INSERT INTO test_version (site_id, test_id, version, name, description, steps, \
         test_type, definition, created_by, created_ms) ",
    )
    .rows([[
        site.into(),
        test.id.into(),
        test.version.into(),
        test.content.name.clone().into(),
        test.content.description.clone().into(),
        steps_text(&test.content).into(),
        test.content.test_type.clone().into(),
        test.content.definition.clone().into(),
        test.version_by.clone().into(),
        test.version_ms.into(),
    ]])
    .run(on)
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct VersionRow {
    version: i32,
    name: String,
    description: Option<String>,
    steps: String,
    test_type: Option<String>,
    definition: Option<String>,
    created_by: Option<String>,
    created_ms: i64,
}

/// A version of a test, the one it has or one before it.
pub async fn version(
    on: &impl Conn,
    site: SiteId,
    test: &StoredTest,
    version: i32,
) -> Result<Option<TestVersion>, StoreError> {
    if version == test.version {
        return Ok(Some(test.current()));
    }
    let before = i64::from(version) + 1;
    let found = versions_before(on, site, test.id, before, 1).await?.pop();
    Ok(found.filter(|found| found.version == version))
}

/// Every version of a test, the newest first.
pub async fn all_versions(
    on: &impl Conn,
    site: SiteId,
    test: &StoredTest,
) -> Result<Vec<TestVersion>, StoreError> {
    let most = i64::from(test.version);
    let mut all = vec![test.current()];
    all.extend(versions_before(on, site, test.id, most, most).await?);
    Ok(all)
}

/// The versions a test had before the one it has: those below `before`, the newest first, at most
/// `limit`.
pub async fn versions_before(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    before: i64,
    limit: i64,
) -> Result<Vec<TestVersion>, StoreError> {
    let rows: Vec<VersionRow> = Sql::new(
        "SELECT version, name, description, steps, test_type, definition, created_by, created_ms \
         FROM test_version \
         WHERE site_id = ",
    )
    .bind(site)
    .with(" AND test_id = ", test)
    .with(" AND version < ", before)
    .with(" ORDER BY version DESC LIMIT ", limit)
    .all(on)
    .await?;
    let version = |row: VersionRow| {
        Ok(TestVersion {
            content: TestContent {
                steps: serde_json::from_str(&row.steps).map_err(|why| StoreError::Corrupt {
                    table: "test_version",
                    id: format!("{test}/{}", row.version),
                    what: format!("steps: {why}"),
                })?,
                name: row.name,
                description: row.description,
                test_type: row.test_type,
                definition: row.definition,
            },
            version: row.version,
            created_by: row.created_by,
            created_ms: row.created_ms,
        })
    };
    rows.into_iter().map(version).collect()
}

impl StoredTest {
    /// The version it has now.
    #[must_use]
    pub fn current(&self) -> TestVersion {
        TestVersion {
            version: self.version,
            content: self.content.clone(),
            created_by: self.version_by.clone(),
            created_ms: self.version_ms,
        }
    }
}
