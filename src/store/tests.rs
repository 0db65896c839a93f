//! Test cases: found by identity in bulk when results come, by key and by text when people look.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{FromQueryResult, QueryResult};
use serde::Serialize;
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::keys::TestKey;
use crate::domain::test::{TestCase, TestKind, TestStep};

/// The version of a new test.
pub const FIRST_VERSION: i32 = 1;

/// Values looked up by one statement.
const LOOKUP: usize = 500;

/// A test case to be stored.
#[derive(Debug, Clone)]
pub struct NewTest {
    /// Its id.
    pub id: Uuid,
    /// Its number within the project.
    pub number: i64,
    /// What its results are known by; none for a manual test.
    pub identity: Option<Vec<u8>>,
    /// Its name for people.
    pub name: String,
    /// Its class, empty where the dialect has none.
    pub class_name: String,
    /// The suites around it.
    pub suite: Arc<str>,
    /// How it is carried out.
    pub kind: TestKind,
    /// What it checks.
    pub description: Option<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// What a person does to carry it out, in order.
    pub steps: Vec<TestStep>,
}

/// As much of a test case as an import needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownTest {
    /// Its id.
    pub id: Uuid,
    /// Its number within the project.
    pub number: i64,
    /// Its version.
    pub version: i32,
}

/// The tests of a project with these identities; unknown ones are left out.
pub async fn by_identities(
    on: &impl Conn,
    site: SiteId,
    project: Uuid,
    identities: &[&[u8]],
) -> Result<HashMap<Vec<u8>, KnownTest>, StoreError> {
    let mut found = HashMap::with_capacity(identities.len());
    for chunk in identities.chunks(LOOKUP) {
        let mut sql =
            Sql::new("SELECT id, number, version, identity FROM test_case WHERE site_id = ");
        sql.bind(site)
            .with(" AND project_id = ", project)
            .push(" AND identity IN ")
            .list(chunk.iter().map(|identity| identity.to_vec()));
        for row in sql.raw(on).await? {
            found.insert(row.try_get_by_index(3)?, known(&row)?);
        }
    }
    Ok(found)
}

/// The tests of a project with these numbers; unknown ones are left out.
pub async fn by_numbers(
    on: &impl Conn,
    site: SiteId,
    project: Uuid,
    numbers: &[i64],
) -> Result<HashMap<i64, KnownTest>, StoreError> {
    let mut found = HashMap::with_capacity(numbers.len());
    for chunk in numbers.chunks(LOOKUP) {
        let mut sql = Sql::new("SELECT id, number, version FROM test_case WHERE site_id = ");
        sql.bind(site)
            .with(" AND project_id = ", project)
            .push(" AND number IN ")
            .list(chunk.iter().copied());
        for row in sql.raw(on).await? {
            let test = known(&row)?;
            found.insert(test.number, test);
        }
    }
    Ok(found)
}

/// The tests of a project with these ids; unknown ones are left out.
pub async fn by_ids(
    on: &impl Conn,
    site: SiteId,
    project: Uuid,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, KnownTest>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(LOOKUP) {
        let mut sql = Sql::new("SELECT id, number, version FROM test_case WHERE site_id = ");
        sql.bind(site)
            .with(" AND project_id = ", project)
            .push(" AND id IN ")
            .list(chunk.iter().copied());
        for row in sql.raw(on).await? {
            let test = known(&row)?;
            found.insert(test.id, test);
        }
    }
    Ok(found)
}

/// These tests with the keys of their projects; archived and unknown ones are left out.
pub async fn projects_of(
    on: &impl Conn,
    site: SiteId,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, String)>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(LOOKUP) {
        let mut sql = Sql::new(
            "SELECT t.id, p.key FROM test_case t JOIN project p \
             ON p.site_id = t.site_id AND p.id = t.project_id \
             WHERE t.archived_ms IS NULL AND t.site_id = ",
        );
        sql.bind(site)
            .push(" AND t.id IN ")
            .list(chunk.iter().copied());
        for row in sql.raw(on).await? {
            found.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        }
    }
    Ok(found)
}

/// Notes that results of a test until now are no evidence any more that it is flaky.
pub async fn clear_flaky(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    now_ms: i64,
) -> Result<(), StoreError> {
    Sql::new("UPDATE test_case SET flaky_cleared_ms = ")
        .bind(now_ms)
        .with(" WHERE site_id = ", site)
        .with(" AND id = ", test)
        .run(on)
        .await?;
    Ok(())
}

/// Until when results are no evidence that these tests are flaky, milliseconds since the Unix epoch;
/// tests of which nobody said so are left out.
pub async fn flaky_cleared(
    on: &impl Conn,
    site: SiteId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, i64>, StoreError> {
    let mut found = HashMap::new();
    for chunk in ids.chunks(LOOKUP) {
        let mut sql = Sql::new("SELECT id, flaky_cleared_ms FROM test_case WHERE site_id = ");
        sql.bind(site)
            .push(" AND flaky_cleared_ms IS NOT NULL AND id IN ")
            .list(chunk.iter().copied());
        for row in sql.raw(on).await? {
            found.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        }
    }
    Ok(found)
}

fn known(row: &QueryResult) -> Result<KnownTest, StoreError> {
    Ok(KnownTest {
        id: row.try_get_by_index(0)?,
        number: row.try_get_by_index(1)?,
        version: row.try_get_by_index(2)?,
    })
}

/// Stores new tests of a project.
pub async fn insert_all(
    on: &impl Conn,
    site: SiteId,
    project: Uuid,
    tests: &[NewTest],
    now_ms: i64,
) -> Result<(), StoreError> {
    const COLUMNS: usize = 14;
    for chunk in tests.chunks(super::Dialect::of(on).chunk(COLUMNS)) {
        let mut sql = Sql::new(
            "INSERT INTO test_case (site_id, id, project_id, number, identity, name, class_name, \
             suite, kind, description, labels, steps, version, created_ms) ",
        );
        sql.rows::<COLUMNS>(chunk.iter().map(|test| {
            [
                site.into(),
                test.id.into(),
                project.into(),
                test.number.into(),
                test.identity.clone().into(),
                test.name.clone().into(),
                test.class_name.clone().into(),
                test.suite.as_ref().into(),
                test.kind.code().into(),
                test.description.clone().into(),
                list_text(&test.labels).into(),
                list_text(&test.steps).into(),
                FIRST_VERSION.into(),
                now_ms.into(),
            ]
        }));
        sql.run(on).await?;
    }
    Ok(())
}

fn list_text<T: Serialize>(list: &[T]) -> String {
    if list.is_empty() {
        return "[]".to_owned();
    }
    serde_json::to_string(list).unwrap_or_default()
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    project_key: String,
    number: i64,
    name: String,
    kind: i16,
    archived_ms: Option<i64>,
}

impl Row {
    const SELECT: &str = "SELECT t.id, p.key AS project_key, t.number, t.name, t.kind, \
        t.archived_ms FROM test_case t JOIN project p \
        ON p.site_id = t.site_id AND p.id = t.project_id WHERE t.site_id = ";

    fn case(self) -> Result<TestCase, StoreError> {
        Ok(TestCase {
            id: self.id,
            key: TestKey {
                project: self.project_key,
                number: self.number,
            },
            name: self.name,
            kind: kind_of(self.kind, self.id)?,
            is_archived: self.archived_ms.is_some(),
        })
    }
}

/// The kind a stored code stands for.
pub(super) fn kind_of(code: i16, test: Uuid) -> Result<TestKind, StoreError> {
    TestKind::from_code(code).ok_or_else(|| StoreError::Corrupt {
        table: "test_case",
        id: test.to_string(),
        what: format!("kind {code}"),
    })
}

/// The test with this id.
pub async fn by_id(on: &impl Conn, site: SiteId, id: Uuid) -> Result<Option<TestCase>, StoreError> {
    let mut sql = Sql::new(Row::SELECT);
    let row: Option<Row> = sql.bind(site).with(" AND t.id = ", id).one(on).await?;
    row.map(Row::case).transpose()
}

/// The test with this key.
pub async fn by_key(
    on: &impl Conn,
    site: SiteId,
    key: &TestKey,
) -> Result<Option<TestCase>, StoreError> {
    let mut sql = Sql::new(Row::SELECT);
    let row: Option<Row> = sql
        .bind(site)
        .with(" AND p.key = ", key.project.as_str())
        .with(" AND t.number = ", key.number)
        .one(on)
        .await?;
    row.map(Row::case).transpose()
}

/// Tests of a project whose name holds `text` in any case, or whose number it is; not the archived
/// ones, the newest first, at most `limit`.
pub async fn search(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
    text: &str,
    limit: i64,
) -> Result<Vec<TestCase>, StoreError> {
    let text = text.trim();
    let number = match text.parse::<TestKey>() {
        Ok(key) if key.project == project_key => Some(key.number),
        _ => text.parse::<i64>().ok(),
    };
    let escaped = text
        .to_lowercase()
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    let mut sql = Sql::new(Row::SELECT);
    sql.bind(site)
        .with(" AND p.key = ", project_key)
        .push(" AND t.archived_ms IS NULL")
        .with(" AND (lower(t.name) LIKE ", format!("%{escaped}%"))
        .push(" ESCAPE '\\'")
        .with(" OR t.number = ", number.unwrap_or(-1))
        .with(") ORDER BY t.number DESC LIMIT ", limit);
    sql.all::<Row>(on)
        .await?
        .into_iter()
        .map(Row::case)
        .collect()
}

/// Ids of a site's tests above `after`, in order, at most `limit`: for going through all of them.
pub async fn ids_after(
    on: &impl Conn,
    site: SiteId,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let mut sql = Sql::new("SELECT id FROM test_case WHERE site_id = ");
    sql.bind(site)
        .with(" AND id > ", after)
        .with(" ORDER BY id LIMIT ", limit);
    let rows = sql.raw(on).await?;
    Ok(rows
        .iter()
        .map(|row| row.try_get_by_index(0))
        .collect::<Result<_, _>>()?)
}
