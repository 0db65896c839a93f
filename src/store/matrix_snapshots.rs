//! Stored matrices. A row is written once and never changed; a snapshot is removed as a whole.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::issue::key_number;
use crate::domain::matrix::{Brief, Filters, status_named};

/// What a stored matrix was asked for, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its id.
    pub id: Uuid,
    /// The key of the project.
    pub project_key: String,
    /// What people call it.
    pub name: String,
    /// Which runs counted, as interfaces write it.
    pub scope: String,
    /// The environment it was confined to.
    pub environment: Option<String>,
    /// Which issues were asked for.
    pub filters: Filters,
    /// The settings that held, as JSON.
    pub settings: String,
    /// How many issues had which status, as JSON.
    pub counts: String,
    /// Who asked for it: an account, or the name of an API client.
    pub created_by: Option<String>,
    /// When, milliseconds since the Unix epoch.
    pub created_ms: i64,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    project_key: String,
    name: String,
    scope: String,
    environment: Option<String>,
    filters: String,
    settings: String,
    counts: String,
    created_by: Option<String>,
    created_ms: i64,
}

const COLUMNS: &str =
    "id, project_key, name, scope, environment, filters, settings, counts, created_by, created_ms";

impl Row {
    fn snapshot(self) -> Result<Snapshot, StoreError> {
        let filters = serde_json::from_str(&self.filters);
        Ok(Snapshot {
            filters: filters.map_err(|why| corrupt(self.id, format!("filters: {why}")))?,
            id: self.id,
            project_key: self.project_key,
            name: self.name,
            scope: self.scope,
            environment: self.environment,
            settings: self.settings,
            counts: self.counts,
            created_by: self.created_by,
            created_ms: self.created_ms,
        })
    }
}

fn corrupt(id: Uuid, what: String) -> StoreError {
    StoreError::Corrupt {
        table: "matrix_snapshot",
        id: id.to_string(),
        what,
    }
}

/// An issue of a stored matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    /// What comparisons look at.
    pub brief: Brief,
    /// The whole row, as JSON.
    pub body: String,
}

/// Stores a matrix with its rows.
pub async fn insert(
    on: &impl Conn,
    site: SiteId,
    snapshot: &Snapshot,
    rows: &[StoredRow],
) -> Result<(), StoreError> {
    const ROW: usize = 9;
    let filters = serde_json::to_string(&snapshot.filters).unwrap_or_default();
    let mut sql = Sql::new(&format!(
        "INSERT INTO matrix_snapshot (site_id, {COLUMNS}) "
    ));
    sql.rows([[
        site.into(),
        snapshot.id.into(),
        snapshot.project_key.as_str().into(),
        snapshot.name.as_str().into(),
        snapshot.scope.as_str().into(),
        snapshot.environment.clone().into(),
        filters.into(),
        snapshot.settings.as_str().into(),
        snapshot.counts.as_str().into(),
        snapshot.created_by.clone().into(),
        snapshot.created_ms.into(),
    ]])
    .run(on)
    .await?;
    for chunk in rows.chunks(Dialect::of(on).chunk(ROW)) {
        let mut sql = Sql::new(
            "INSERT INTO matrix_snapshot_row (site_id, snapshot_id, place, issue_id, jira_id, key, \
             summary, status, body) ",
        );
        sql.rows::<ROW>(chunk.iter().map(|row| {
            let brief = &row.brief;
            [
                site.into(),
                snapshot.id.into(),
                place(&brief.key).into(),
                brief.issue_id.into(),
                brief.jira_id.into(),
                brief.key.as_str().into(),
                brief.summary.as_str().into(),
                brief.status.name().into(),
                row.body.as_str().into(),
            ]
        }))
        .run(on)
        .await?;
    }
    Ok(())
}

/// The order of rows: by the number in the key.
fn place(key: &str) -> i64 {
    i64::try_from(key_number(key)).unwrap_or(i64::MAX)
}

/// The stored matrices of a project, the newest first, older than `before` if one is given.
pub async fn of_project(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Snapshot>, StoreError> {
    let mut sql = Sql::new(&format!(
        "SELECT {COLUMNS} FROM matrix_snapshot WHERE site_id = "
    ));
    sql.bind(site).with(" AND project_key = ", project_key);
    if let Some(before) = before {
        sql.with(" AND id < ", before);
    }
    sql.with(" ORDER BY id DESC LIMIT ", limit);
    let rows: Vec<Row> = sql.all(on).await?;
    rows.into_iter().map(Row::snapshot).collect()
}

/// A stored matrix of a project.
pub async fn by_id(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
    id: Uuid,
) -> Result<Option<Snapshot>, StoreError> {
    let mut sql = Sql::new(&format!(
        "SELECT {COLUMNS} FROM matrix_snapshot WHERE site_id = "
    ));
    sql.bind(site)
        .with(" AND project_key = ", project_key)
        .with(" AND id = ", id);
    let row: Option<Row> = sql.one(on).await?;
    row.map(Row::snapshot).transpose()
}

#[derive(FromQueryResult)]
struct BriefRow {
    issue_id: Uuid,
    jira_id: i64,
    key: String,
    summary: String,
    status: String,
}

impl BriefRow {
    fn brief(self, snapshot: Uuid) -> Result<Brief, StoreError> {
        let status = status_named(&self.status);
        Ok(Brief {
            status: status
                .ok_or_else(|| corrupt(snapshot, format!("{}: {}", self.key, self.status)))?,
            issue_id: self.issue_id,
            jira_id: self.jira_id,
            key: self.key,
            summary: self.summary,
        })
    }
}

/// Every issue of a stored matrix, in order.
pub async fn briefs(on: &impl Conn, site: SiteId, id: Uuid) -> Result<Vec<Brief>, StoreError> {
    let mut sql = Sql::new(
        "SELECT issue_id, jira_id, key, summary, status FROM matrix_snapshot_row WHERE site_id = ",
    );
    sql.bind(site)
        .with(" AND snapshot_id = ", id)
        .push(" ORDER BY place, issue_id");
    let rows: Vec<BriefRow> = sql.all(on).await?;
    rows.into_iter().map(|row| row.brief(id)).collect()
}

/// Rows of a stored matrix whose keys have numbers above `after`, in order, at most `limit`.
pub async fn rows(
    on: &impl Conn,
    site: SiteId,
    id: Uuid,
    after: u64,
    limit: i64,
) -> Result<Vec<StoredRow>, StoreError> {
    let mut sql = Sql::new(
        "SELECT issue_id, jira_id, key, summary, status, body FROM matrix_snapshot_row \
         WHERE site_id = ",
    );
    sql.bind(site)
        .with(" AND snapshot_id = ", id)
        .with(" AND place > ", i64::try_from(after).unwrap_or(i64::MAX))
        .with(" ORDER BY place, issue_id LIMIT ", limit);
    let rows = sql.raw(on).await?;
    rows.iter()
        .map(|row| {
            Ok(StoredRow {
                brief: BriefRow::from_query_result(row, "")?.brief(id)?,
                body: row.try_get("", "body")?,
            })
        })
        .collect()
}

/// Removes a stored matrix of a project; tells whether there was one.
pub async fn remove(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
    id: Uuid,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("DELETE FROM matrix_snapshot WHERE site_id = ");
    sql.bind(site)
        .with(" AND project_key = ", project_key)
        .with(" AND id = ", id);
    if sql.run(on).await? == 0 {
        return Ok(false);
    }
    Sql::new("DELETE FROM matrix_snapshot_row WHERE site_id = ")
        .bind(site)
        .with(" AND snapshot_id = ", id)
        .run(on)
        .await?;
    Ok(true)
}
