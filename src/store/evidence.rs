//! Files that prove what a run says. Their bytes are kept apart from it, once for each project and
//! content: the same screenshot of a hundred runs is stored once.
//!
//! The caller holds the project, so bytes are never deleted while somebody else comes to need them.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};

/// A file of a run, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Evidence {
    /// Its id.
    pub id: Uuid,
    /// The step it belongs to; 0 is the run itself.
    pub step: i32,
    /// Its name, as it was given: not a path to trust.
    pub name: String,
    /// Its media type, as it was given.
    pub media_type: String,
    /// SHA-256 of its bytes.
    pub hash: Vec<u8>,
    /// How many they are.
    pub size: i64,
    /// The API client or account that brought it.
    pub created_by: Option<String>,
    /// When it was stored, milliseconds since the Unix epoch.
    pub created_ms: i64,
}

const COLUMNS: &str = "id, step, name, media_type, hash, size, created_by, created_ms";

/// The run a file belongs to, and its project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfRun {
    /// Our id of the project.
    pub project: Uuid,
    /// The execution.
    pub execution: Uuid,
    /// The number of the run within it.
    pub number: i64,
}

/// The files of a run, in the order they came.
pub async fn of_run(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    number: i64,
) -> Result<Vec<Evidence>, StoreError> {
    let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM evidence WHERE site_id = "));
    Ok(sql
        .bind(site)
        .with(" AND execution_id = ", execution)
        .with(" AND run_number = ", number)
        .push(" ORDER BY id")
        .all(on)
        .await?)
}

/// A file with its bytes.
pub async fn content(
    on: &impl Conn,
    site: SiteId,
    run: &OfRun,
    id: Uuid,
) -> Result<Option<(Evidence, Vec<u8>)>, StoreError> {
    let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM evidence WHERE site_id = "));
    let found: Option<Evidence> = sql
        .bind(site)
        .with(" AND execution_id = ", run.execution)
        .with(" AND run_number = ", run.number)
        .with(" AND id = ", id)
        .one(on)
        .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    let bytes: Option<Vec<u8>> = Sql::new("SELECT content FROM blob WHERE site_id = ")
        .bind(site)
        .with(" AND project_id = ", run.project)
        .with(" AND hash = ", found.hash.clone())
        .scalar(on)
        .await?;
    Ok(bytes.map(|bytes| (found, bytes)))
}

/// Stores a file of a run.
pub async fn insert(
    on: &impl Conn,
    site: SiteId,
    run: &OfRun,
    file: &Evidence,
    content: &[u8],
) -> Result<(), StoreError> {
    Sql::new("INSERT INTO blob (site_id, project_id, hash, content) ")
        .rows([[
            site.into(),
            run.project.into(),
            file.hash.clone().into(),
            content.to_vec().into(),
        ]])
        .push(" ON CONFLICT (site_id, project_id, hash) DO NOTHING")
        .run(on)
        .await?;
    Sql::new(
        "INSERT INTO evidence (site_id, execution_id, run_number, id, project_id, step, name, \
         media_type, hash, size, created_by, created_ms) ",
    )
    .rows([[
        site.into(),
        run.execution.into(),
        run.number.into(),
        file.id.into(),
        run.project.into(),
        file.step.into(),
        file.name.clone().into(),
        file.media_type.clone().into(),
        file.hash.clone().into(),
        file.size.into(),
        file.created_by.clone().into(),
        file.created_ms.into(),
    ]])
    .run(on)
    .await?;
    Ok(())
}

/// Which files are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// One of a run.
    One(i64, Uuid),
    /// All of a run.
    OfRun(i64),
    /// All of an execution.
    All,
}

/// Deletes files of an execution of a project, and bytes that no other file needs; returns how many
/// files.
pub async fn delete(
    on: &impl Conn,
    site: SiteId,
    (project, execution): (Uuid, Uuid),
    which: Which,
) -> Result<u64, StoreError> {
    let mut condition = Sql::new("DELETE FROM evidence WHERE site_id = ");
    condition.bind(site).with(" AND execution_id = ", execution);
    match which {
        Which::One(number, id) => condition
            .with(" AND run_number = ", number)
            .with(" AND id = ", id),
        Which::OfRun(number) => condition.with(" AND run_number = ", number),
        Which::All => &mut condition,
    };
    let rows = condition.push(" RETURNING hash").raw(on).await?;
    let mut hashes: Vec<Vec<u8>> = rows
        .iter()
        .map(|row| row.try_get_by_index(0))
        .collect::<Result<_, _>>()?;
    let count = u64::try_from(hashes.len()).unwrap_or(u64::MAX);
    hashes.sort_unstable();
    hashes.dedup();
    for chunk in hashes.chunks(500) {
        Sql::new("DELETE FROM blob AS b WHERE b.site_id = ")
            .bind(site)
            .with(" AND b.project_id = ", project)
            .push(" AND b.hash IN ")
            .list(chunk.iter().cloned())
            .push(
                " AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.site_id = b.site_id \
                 AND e.project_id = b.project_id AND e.hash = b.hash)",
            )
            .run(on)
            .await?;
    }
    Ok(count)
}
