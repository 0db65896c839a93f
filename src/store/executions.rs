//! Test executions: containers of runs made together, with what holds for all of them.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::execution::{Execution, Particulars};
use crate::domain::keys::ExecutionKey;

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    project_id: Uuid,
    project_key: String,
    number: i64,
    name: String,
    environments: String,
    fix_version: Option<String>,
    plan: Option<String>,
    sprint: Option<String>,
    revision: Option<String>,
    branch: Option<String>,
    source: String,
    created_by: Option<String>,
    created_ms: i64,
    started_ms: Option<i64>,
    finished_ms: i64,
    incomplete: Option<String>,
    next_run: i64,
}

impl Row {
    fn execution(self) -> Result<Execution, StoreError> {
        let environments =
            serde_json::from_str(&self.environments).map_err(|why| StoreError::Corrupt {
                table: "execution",
                id: self.id.to_string(),
                what: format!("environments: {why}"),
            })?;
        Ok(Execution {
            id: self.id,
            project_id: self.project_id,
            key: ExecutionKey {
                project: self.project_key,
                number: self.number,
            },
            name: self.name,
            particulars: Particulars {
                environments,
                fix_version: self.fix_version,
                plan: self.plan,
                sprint: self.sprint,
                revision: self.revision,
                branch: self.branch,
            },
            source: self.source,
            created_by: self.created_by,
            created_ms: self.created_ms,
            started_ms: self.started_ms,
            finished_ms: self.finished_ms,
            incomplete: self.incomplete,
            next_run: self.next_run,
        })
    }
}

const SELECT: &str = "SELECT e.id, e.project_id, p.key AS project_key, e.number, e.name, \
     e.environments, e.fix_version, e.plan, e.sprint, e.revision, e.branch, e.source, e.created_by, \
     e.created_ms, e.started_ms, e.finished_ms, e.incomplete, e.next_run \
     FROM execution e JOIN project p ON p.site_id = e.site_id AND p.id = e.project_id \
     WHERE e.site_id = ";

/// The execution with this key.
pub async fn by_key(
    on: &impl Conn,
    site: SiteId,
    key: &ExecutionKey,
) -> Result<Option<Execution>, StoreError> {
    let mut sql = Sql::new(SELECT);
    let row: Option<Row> = sql
        .bind(site)
        .with(" AND p.key = ", key.project.as_str())
        .with(" AND e.number = ", key.number)
        .one(on)
        .await?;
    row.map(Row::execution).transpose()
}

/// Executions by our ids; unknown ones are left out.
pub async fn by_ids(
    on: &impl Conn,
    site: SiteId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Execution>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(500) {
        let rows: Vec<Row> = Sql::new(SELECT)
            .bind(site)
            .push(" AND e.id IN ")
            .list_filled_up(chunk.iter().copied())
            .all(on)
            .await?;
        for row in rows {
            found.insert(row.id, row.execution()?);
        }
    }
    Ok(found)
}

/// Stores a new execution.
pub async fn insert(on: &impl Conn, site: SiteId, execution: &Execution) -> Result<(), StoreError> {
    let particulars = &execution.particulars;
    let mut sql = Sql::new(
        "INSERT INTO execution (site_id, id, project_id, number, name, environments, fix_version, \
         plan, sprint, revision, branch, source, created_by, created_ms, started_ms, finished_ms, \
         incomplete, next_run) ",
    );
    sql.rows([[
        site.into(),
        execution.id.into(),
        execution.project_id.into(),
        execution.key.number.into(),
        execution.name.clone().into(),
        serde_json::to_string(&particulars.environments)
            .unwrap_or_default()
            .into(),
        particulars.fix_version.clone().into(),
        particulars.plan.clone().into(),
        particulars.sprint.clone().into(),
        particulars.revision.clone().into(),
        particulars.branch.clone().into(),
        execution.source.clone().into(),
        execution.created_by.clone().into(),
        execution.created_ms.into(),
        execution.started_ms.into(),
        execution.finished_ms.into(),
        execution.incomplete.clone().into(),
        execution.next_run.into(),
    ]])
    .run(on)
    .await?;
    Ok(())
}

/// Which executions of a project are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those made for this version.
    pub fix_version: Option<String>,
    /// Those of this plan.
    pub plan: Option<String>,
    /// Those of this sprint.
    pub sprint: Option<String>,
    /// Those of this revision.
    pub revision: Option<String>,
    /// Those of this branch.
    pub branch: Option<String>,
}

/// Executions of a project, the newest first: those with a number below `before`, at most `limit`.
pub async fn list(
    on: &impl Conn,
    site: SiteId,
    project: Uuid,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Execution>, StoreError> {
    let mut sql = Sql::new(SELECT);
    sql.bind(site).with(" AND e.project_id = ", project);
    for (column, wanted) in [
        ("fix_version", &filter.fix_version),
        ("plan", &filter.plan),
        ("sprint", &filter.sprint),
        ("revision", &filter.revision),
        ("branch", &filter.branch),
    ] {
        if let Some(wanted) = wanted {
            sql.with(&format!(" AND e.{column} = "), wanted.as_str());
        }
    }
    if let Some(before) = before {
        sql.with(" AND e.number < ", before);
    }
    sql.with(" ORDER BY e.number DESC LIMIT ", limit);
    sql.all::<Row>(on)
        .await?
        .into_iter()
        .map(Row::execution)
        .collect()
}

/// Deletes an execution; its runs and what hangs on them are the caller's affair.
pub async fn delete(on: &impl Conn, site: SiteId, id: Uuid) -> Result<(), StoreError> {
    Sql::new("DELETE FROM execution WHERE site_id = ")
        .bind(site)
        .with(" AND id = ", id)
        .run(on)
        .await?;
    Ok(())
}

/// Writes what was changed in an execution. The caller holds the project.
pub async fn update(on: &impl Conn, site: SiteId, execution: &Execution) -> Result<(), StoreError> {
    let particulars = &execution.particulars;
    let environments = serde_json::to_string(&particulars.environments).unwrap_or_default();
    let mut sql = Sql::new("UPDATE execution SET name = ");
    sql.bind(execution.name.as_str())
        .with(", environments = ", environments)
        .with(", fix_version = ", particulars.fix_version.clone())
        .with(", plan = ", particulars.plan.clone())
        .with(", sprint = ", particulars.sprint.clone())
        .with(", revision = ", particulars.revision.clone())
        .with(", branch = ", particulars.branch.clone())
        .with(", started_ms = ", execution.started_ms)
        .with(", finished_ms = ", execution.finished_ms)
        .with(", incomplete = ", execution.incomplete.clone())
        .with(", next_run = ", execution.next_run)
        .with(" WHERE site_id = ", site)
        .with(" AND id = ", execution.id)
        .run(on)
        .await?;
    Ok(())
}
