//! The names of environments that results of a project were reported for.

use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};

/// Notes that results came for these environments.
pub async fn note(
    on: &impl Conn,
    site: SiteId,
    project: Uuid,
    names: &[String],
    now_ms: i64,
) -> Result<(), StoreError> {
    if names.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new("INSERT INTO environment (site_id, project_id, name, first_seen_ms) ");
    sql.rows(names.iter().map(|name| {
        [
            site.into(),
            project.into(),
            name.clone().into(),
            now_ms.into(),
        ]
    }))
    .push(" ON CONFLICT (site_id, project_id, name) DO NOTHING")
    .run(on)
    .await?;
    Ok(())
}

/// The environments of a project, by name.
pub async fn of_project(
    on: &impl Conn,
    site: SiteId,
    project: Uuid,
) -> Result<Vec<String>, StoreError> {
    let mut sql = Sql::new("SELECT name FROM environment WHERE site_id = ");
    let rows = sql
        .bind(site)
        .with(" AND project_id = ", project)
        .push(" ORDER BY name")
        .raw(on)
        .await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}
