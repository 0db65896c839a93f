//! Test plans: a set of tests, and the executions that say they belong to it.
//!
//! An execution names its plan by the plan's key, as whoever reported it wrote it.

use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::keys::{PlanKey, TestKey};

/// A plan without its tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: Uuid,
    /// Our id of its project.
    pub project_id: Uuid,
    /// Its key.
    pub key: PlanKey,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
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
    name: String,
    description: Option<String>,
    created_by: Option<String>,
    created_ms: i64,
}

const SELECT: &str = "SELECT n.id, n.project_id, p.key AS project_key, n.number, n.name, \
     n.description, n.created_by, n.created_ms FROM plan n \
     JOIN project p ON p.site_id = n.site_id AND p.id = n.project_id WHERE n.site_id = ";

impl Row {
    fn plan(self) -> Plan {
        Plan {
            id: self.id,
            project_id: self.project_id,
            key: PlanKey {
                project: self.project_key,
                number: self.number,
            },
            name: self.name,
            description: self.description,
            created_by: self.created_by,
            created_ms: self.created_ms,
        }
    }
}

/// The plan with this key.
pub async fn by_key(
    on: &impl Conn,
    site: SiteId,
    key: &PlanKey,
) -> Result<Option<Plan>, StoreError> {
    let row: Option<Row> = Sql::new(SELECT)
        .bind(site)
        .with(" AND p.key = ", key.project.as_str())
        .with(" AND n.number = ", key.number)
        .one(on)
        .await?;
    Ok(row.map(Row::plan))
}

/// Plans by our ids; unknown ones are left out.
pub async fn by_ids(
    on: &impl Conn,
    site: SiteId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Plan>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(500) {
        let rows: Vec<Row> = Sql::new(SELECT)
            .bind(site)
            .push(" AND n.id IN ")
            .list_filled_up(chunk.iter().copied())
            .all(on)
            .await?;
        found.extend(rows.into_iter().map(|row| (row.id, row.plan())));
    }
    Ok(found)
}

/// Plans of a project, the newest first: those with a number below `before`, at most `limit`.
pub async fn list(
    on: &impl Conn,
    site: SiteId,
    project: Uuid,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Plan>, StoreError> {
    let mut sql = Sql::new(SELECT);
    sql.bind(site).with(" AND n.project_id = ", project);
    if let Some(before) = before {
        sql.with(" AND n.number < ", before);
    }
    sql.with(" ORDER BY n.number DESC LIMIT ", limit);
    Ok(sql
        .all::<Row>(on)
        .await?
        .into_iter()
        .map(Row::plan)
        .collect())
}

/// Stores a plan, in place of what was stored of it.
pub async fn put(on: &impl Conn, site: SiteId, plan: &Plan) -> Result<(), StoreError> {
    Sql::new(
        "INSERT INTO plan (site_id, id, project_id, number, name, description, created_by, \
         created_ms) ",
    )
    .rows([[
        site.into(),
        plan.id.into(),
        plan.project_id.into(),
        plan.key.number.into(),
        plan.name.clone().into(),
        plan.description.clone().into(),
        plan.created_by.clone().into(),
        plan.created_ms.into(),
    ]])
    .push(
        " ON CONFLICT (site_id, id) DO UPDATE SET name = excluded.name, \
         description = excluded.description",
    )
    .run(on)
    .await?;
    Ok(())
}

/// Deletes a plan. Its tests and executions stay; the executions belong to no plan then.
pub async fn delete(on: &impl Conn, site: SiteId, plan: &Plan) -> Result<(), StoreError> {
    for (table, column) in [
        ("folder_item", "owner_id"),
        ("folder", "owner_id"),
        ("plan_test", "plan_id"),
        ("plan", "id"),
    ] {
        Sql::new(&format!("DELETE FROM {table} WHERE site_id = "))
            .bind(site)
            .with(&format!(" AND {column} = "), plan.id)
            .run(on)
            .await?;
    }
    Sql::new("UPDATE execution SET plan = NULL WHERE site_id = ")
        .bind(site)
        .with(" AND plan = ", plan.key.to_string())
        .run(on)
        .await?;
    Ok(())
}

/// Puts tests into a plan; those that are in it stay.
pub async fn add_tests(
    on: &impl Conn,
    site: SiteId,
    plan: Uuid,
    tests: &[Uuid],
) -> Result<(), StoreError> {
    const COLUMNS: usize = 3;
    for chunk in tests.chunks(Dialect::of(on).chunk(COLUMNS)) {
        Sql::new("INSERT INTO plan_test (site_id, plan_id, test_id) ")
            .rows::<COLUMNS>(
                chunk
                    .iter()
                    .map(|test| [site.into(), plan.into(), (*test).into()]),
            )
            .push(" ON CONFLICT (site_id, plan_id, test_id) DO NOTHING")
            .run(on)
            .await?;
    }
    Ok(())
}

/// Takes a test out of a plan; tells whether it was in it.
pub async fn remove_test(
    on: &impl Conn,
    site: SiteId,
    plan: Uuid,
    test: Uuid,
) -> Result<bool, StoreError> {
    let gone = Sql::new("DELETE FROM plan_test WHERE site_id = ")
        .bind(site)
        .with(" AND plan_id = ", plan)
        .with(" AND test_id = ", test)
        .run(on)
        .await?;
    Ok(gone == 1)
}

/// The keys of the tests of a plan, in order.
pub async fn tests_of(
    on: &impl Conn,
    site: SiteId,
    plan: Uuid,
) -> Result<Vec<TestKey>, StoreError> {
    let rows = Sql::new(
        "SELECT p.key, t.number FROM plan_test n \
         JOIN test_case t ON t.site_id = n.site_id AND t.id = n.test_id \
         JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id WHERE n.site_id = ",
    )
    .bind(site)
    .with(" AND n.plan_id = ", plan)
    .push(" ORDER BY p.key, t.number")
    .raw(on)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(TestKey {
                project: row.try_get_by_index(0)?,
                number: row.try_get_by_index(1)?,
            })
        })
        .collect()
}

/// Which of these tests somebody put into the plan with this name; a name that is no plan's key has
/// none. In a plan's scope these count beside the tests that its executions have run.
pub async fn members(
    on: &impl Conn,
    site: SiteId,
    name: &str,
    tests: &[Uuid],
) -> Result<HashSet<Uuid>, StoreError> {
    let mut found = HashSet::new();
    let Ok(key) = name.parse::<PlanKey>() else {
        return Ok(found);
    };
    for chunk in tests.chunks(500) {
        let rows = Sql::new(
            "SELECT n.test_id FROM project p \
             JOIN plan k ON k.site_id = p.site_id AND k.project_id = p.id \
             JOIN plan_test n ON n.site_id = k.site_id AND n.plan_id = k.id WHERE p.site_id = ",
        )
        .bind(site)
        .with(" AND p.key = ", key.project.as_str())
        .with(" AND k.number = ", key.number)
        .push(" AND n.test_id IN ")
        .list_filled_up(chunk.iter().copied())
        .raw(on)
        .await?;
        for row in rows {
            found.insert(row.try_get_by_index(0)?);
        }
    }
    Ok(found)
}
