//! Folders of a repository of tests, and which test or precondition lies in which.
//!
//! A folder belongs to an owner, a project or a plan, by our id of it. The root has no row and is
//! always there; what lies in no folder lies in it. The caller holds the owner's project.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::folder::FolderPath;

/// What lies in a folder itself, not below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Tests.
    pub tests: i64,
    /// Preconditions.
    pub preconditions: i64,
}

/// Makes a folder, and those it lies in; tells whether it is new.
pub async fn create(
    on: &impl Conn,
    site: SiteId,
    owner: Uuid,
    path: &FolderPath,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let mut is_new = false;
    let mut next = Some(path.clone());
    while let Some(folder) = next.filter(|folder| !folder.is_root()) {
        let made = Sql::new("INSERT INTO folder (site_id, owner_id, path, created_ms) ")
            .rows([[
                site.into(),
                owner.into(),
                folder.as_str().into(),
                now_ms.into(),
            ]])
            .push(" ON CONFLICT (site_id, owner_id, path) DO NOTHING")
            .run(on)
            .await?;
        is_new |= folder == *path && made == 1;
        next = folder.parent();
    }
    Ok(is_new)
}

/// Whether there is this folder.
pub async fn exists(
    on: &impl Conn,
    site: SiteId,
    owner: Uuid,
    path: &FolderPath,
) -> Result<bool, StoreError> {
    if path.is_root() {
        return Ok(true);
    }
    let rows = Sql::new("SELECT 1 FROM folder WHERE site_id = ")
        .bind(site)
        .with(" AND owner_id = ", owner)
        .with(" AND path = ", path.as_str())
        .raw(on)
        .await?;
    Ok(!rows.is_empty())
}

/// Every folder of an owner but the root, by path, with what lies in it; and under `/`, what lies in
/// the root because it was put there.
pub async fn of_owner(
    on: &impl Conn,
    site: SiteId,
    owner: Uuid,
) -> Result<BTreeMap<String, Held>, StoreError> {
    let mut found: BTreeMap<String, Held> = BTreeMap::new();
    let rows = Sql::new("SELECT path FROM folder WHERE site_id = ")
        .bind(site)
        .with(" AND owner_id = ", owner)
        .raw(on)
        .await?;
    for row in rows {
        found.insert(row.try_get_by_index(0)?, Held::default());
    }
    let rows = Sql::new("SELECT path, is_test, count(*) FROM folder_item WHERE site_id = ")
        .bind(site)
        .with(" AND owner_id = ", owner)
        .push(" GROUP BY path, is_test")
        .raw(on)
        .await?;
    for row in rows {
        let held = found.entry(row.try_get_by_index(0)?).or_default();
        let count: i64 = row.try_get_by_index(2)?;
        if row.try_get_by_index(1)? {
            held.tests = count;
        } else {
            held.preconditions = count;
        }
    }
    Ok(found)
}

/// Gives a folder and everything below it another path. The caller sees to it that nothing is there.
pub async fn rename(
    on: &impl Conn,
    site: SiteId,
    owner: Uuid,
    (from, to): (&FolderPath, &FolderPath),
) -> Result<(), StoreError> {
    // Characters as both databases count them.
    let cut = i64::try_from(from.as_str().chars().count()).unwrap_or(i64::MAX) + 1;
    for table in ["folder", "folder_item"] {
        Sql::new(&format!("UPDATE {table} SET path = "))
            .bind(to.as_str())
            .with(" || substr(path, CAST(", cut)
            .push(" AS integer))")
            .with(" WHERE site_id = ", site)
            .with(" AND owner_id = ", owner)
            .push(" AND ")
            .append(within(from, "path"))
            .run(on)
            .await?;
    }
    Ok(())
}

/// A condition: the path in `column` is this folder's, or lies below it.
pub(super) fn within(path: &FolderPath, column: &str) -> Sql {
    let below = path.below();
    // Compared letter by letter: `LIKE` of SQLite takes no notice of case.
    let length = i64::try_from(below.chars().count()).unwrap_or(i64::MAX);
    let mut sql = Sql::new("(");
    sql.push(column)
        .with(" = ", path.as_str())
        .push(" OR substr(")
        .push(column)
        .with(", 1, CAST(", length)
        .with(" AS integer)) = ", below)
        .push(")");
    sql
}

/// Deletes a folder with those below it; what lay in them lies in the root then.
pub async fn delete(
    on: &impl Conn,
    site: SiteId,
    owner: Uuid,
    path: &FolderPath,
) -> Result<(), StoreError> {
    for table in ["folder", "folder_item"] {
        Sql::new(&format!("DELETE FROM {table} WHERE site_id = "))
            .bind(site)
            .with(" AND owner_id = ", owner)
            .push(" AND ")
            .append(within(path, "path"))
            .run(on)
            .await?;
    }
    Ok(())
}

/// Puts tests or preconditions into a folder, out of the one they were in.
pub async fn put(
    on: &impl Conn,
    site: SiteId,
    owner: Uuid,
    path: &FolderPath,
    items: &[(Uuid, bool)],
) -> Result<(), StoreError> {
    const COLUMNS: usize = 5;
    for chunk in items.chunks(Dialect::of(on).chunk(COLUMNS)) {
        Sql::new("INSERT INTO folder_item (site_id, owner_id, item_id, is_test, path) ")
            .rows::<COLUMNS>(chunk.iter().map(|(item, is_test)| {
                [
                    site.into(),
                    owner.into(),
                    (*item).into(),
                    (*is_test).into(),
                    path.as_str().into(),
                ]
            }))
            .push(" ON CONFLICT (site_id, owner_id, item_id) DO UPDATE SET path = excluded.path")
            .run(on)
            .await?;
    }
    Ok(())
}

/// Takes tests or preconditions out of whatever folder they are in.
pub async fn take_out(
    on: &impl Conn,
    site: SiteId,
    owner: Uuid,
    items: &[Uuid],
) -> Result<(), StoreError> {
    for chunk in items.chunks(500) {
        Sql::new("DELETE FROM folder_item WHERE site_id = ")
            .bind(site)
            .with(" AND owner_id = ", owner)
            .push(" AND item_id IN ")
            .list_filled_up(chunk.iter().copied())
            .run(on)
            .await?;
    }
    Ok(())
}

/// The folder that a test or precondition lies in; none is the root.
pub async fn of_item(
    on: &impl Conn,
    site: SiteId,
    owner: Uuid,
    item: Uuid,
) -> Result<Option<String>, StoreError> {
    Ok(Sql::new("SELECT path FROM folder_item WHERE site_id = ")
        .bind(site)
        .with(" AND owner_id = ", owner)
        .with(" AND item_id = ", item)
        .scalar(on)
        .await?)
}
