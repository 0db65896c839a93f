//! Test sets and preconditions: groups of tests with a name of their own. A precondition also says
//! what must hold, and a test may have several of either.
//!
//! The caller holds the project of a group while it changes it.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::keys::{GroupKey, GroupKind};

/// A group without its tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: Uuid,
    /// Our id of its project.
    pub project_id: Uuid,
    /// Its key, which tells what it is.
    pub key: GroupKey,
    /// What it says.
    pub content: GroupContent,
    /// The API client or account that made it.
    pub created_by: Option<String>,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// When what it says last changed, milliseconds since the Unix epoch.
    pub changed_ms: i64,
}

/// What a group says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupContent {
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The type of the tests a precondition is for.
    pub test_type: Option<String>,
    /// What must hold: the definition of a precondition.
    pub definition: Option<String>,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    project_id: Uuid,
    project_key: String,
    kind: i16,
    number: i64,
    name: String,
    description: Option<String>,
    test_type: Option<String>,
    definition: Option<String>,
    created_by: Option<String>,
    created_ms: i64,
    changed_ms: i64,
}

impl Row {
    fn group(self) -> Result<Group, StoreError> {
        let kind = GroupKind::from_code(self.kind).ok_or_else(|| StoreError::Corrupt {
            table: "test_group",
            id: self.id.to_string(),
            what: format!("kind {}", self.kind),
        })?;
        Ok(Group {
            id: self.id,
            project_id: self.project_id,
            key: GroupKey {
                project: self.project_key,
                kind,
                number: self.number,
            },
            content: GroupContent {
                name: self.name,
                description: self.description,
                test_type: self.test_type,
                definition: self.definition,
            },
            created_by: self.created_by,
            created_ms: self.created_ms,
            changed_ms: self.changed_ms,
        })
    }
}

/// Groups by our ids; unknown ones are left out.
pub async fn by_ids(
    on: &impl Conn,
    site: SiteId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Group>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(500) {
        let rows: Vec<Row> = Sql::new(
            "SELECT g.id, g.project_id, p.key AS project_key, g.kind, g.number, g.name, \
             g.description, g.test_type, g.definition, g.created_by, g.created_ms, g.changed_ms \
             FROM test_group g JOIN project p ON p.site_id = g.site_id AND p.id = g.project_id \
             WHERE g.site_id = ",
        )
        .bind(site)
        .push(" AND g.id IN ")
        .list_filled_up(chunk.iter().copied())
        .all(on)
        .await?;
        for row in rows {
            let group = row.group()?;
            found.insert(group.id, group);
        }
    }
    Ok(found)
}

/// Stores a group, in place of what was stored of it.
pub async fn put(on: &impl Conn, site: SiteId, group: &Group) -> Result<(), StoreError> {
    let content = &group.content;
    Sql::new(
        "INSERT INTO test_group (site_id, id, project_id, kind, number, name, description, \
         test_type, definition, created_by, created_ms, changed_ms) ",
    )
    .rows([[
        site.into(),
        group.id.into(),
        group.project_id.into(),
        group.key.kind.code().into(),
        group.key.number.into(),
        content.name.clone().into(),
        content.description.clone().into(),
        content.test_type.clone().into(),
        content.definition.clone().into(),
        group.created_by.clone().into(),
        group.created_ms.into(),
        group.changed_ms.into(),
    ]])
    .push(
        " ON CONFLICT (site_id, id) DO UPDATE SET name = excluded.name, \
         description = excluded.description, test_type = excluded.test_type, \
         definition = excluded.definition, changed_ms = excluded.changed_ms",
    )
    .run(on)
    .await?;
    Ok(())
}

/// Deletes a group; its tests stay.
pub async fn delete(on: &impl Conn, site: SiteId, group: Uuid) -> Result<(), StoreError> {
    for (table, column) in [
        ("test_group_test", "group_id"),
        ("folder_item", "item_id"),
        ("test_group", "id"),
    ] {
        Sql::new(&format!("DELETE FROM {table} WHERE site_id = "))
            .bind(site)
            .with(&format!(" AND {column} = "), group)
            .run(on)
            .await?;
    }
    Ok(())
}

/// Puts tests into groups, every test into every one; pairs that are there stay.
pub async fn add_tests(
    on: &impl Conn,
    site: SiteId,
    groups: &[Uuid],
    tests: &[Uuid],
) -> Result<(), StoreError> {
    const COLUMNS: usize = 3;
    let pairs = groups
        .iter()
        .flat_map(|group| tests.iter().map(move |test| (*group, *test)));
    let pairs: Vec<(Uuid, Uuid)> = pairs.collect();
    for chunk in pairs.chunks(Dialect::of(on).chunk(COLUMNS)) {
        let rows = chunk.iter();
        Sql::new("INSERT INTO test_group_test (site_id, group_id, test_id) ")
            .rows::<COLUMNS>(
                rows.map(|(group, test)| [site.into(), (*group).into(), (*test).into()]),
            )
            .push(" ON CONFLICT (site_id, group_id, test_id) DO NOTHING")
            .run(on)
            .await?;
    }
    Ok(())
}

/// Takes tests out of groups, every test out of every one.
pub async fn remove_tests(
    on: &impl Conn,
    site: SiteId,
    groups: &[Uuid],
    tests: &[Uuid],
) -> Result<(), StoreError> {
    for group in groups {
        for chunk in tests.chunks(500) {
            Sql::new("DELETE FROM test_group_test WHERE site_id = ")
                .bind(site)
                .with(" AND group_id = ", *group)
                .push(" AND test_id IN ")
                .list_filled_up(chunk.iter().copied())
                .run(on)
                .await?;
        }
    }
    Ok(())
}
