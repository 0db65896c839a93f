//! The ways through workflows that a site or a project has written down.

use super::settings::{SITE, Scope, keep};
use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::transition_path::Path;

const NAME: &str = "transition-paths";

/// The paths that hold in a project: its own, else the site's.
pub async fn of_project(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
) -> Result<Vec<Path>, StoreError> {
    let scopes = [SITE.to_owned(), Scope::Project(project_key).name()];
    // "project:…" sorts before "site".
    let rows = Sql::new("SELECT value FROM setting WHERE site_id = ")
        .bind(site)
        .with(" AND name = ", NAME)
        .push(" AND scope IN ")
        .list(scopes)
        .push(" ORDER BY scope LIMIT 1")
        .raw(on)
        .await?;
    let Some(row) = rows.first() else {
        return Ok(Vec::new());
    };
    let text: String = row.try_get_by_index(0)?;
    serde_json::from_str(&text).map_err(|why| StoreError::Corrupt {
        table: "setting",
        id: NAME.to_owned(),
        what: why.to_string(),
    })
}

/// Keeps the paths of a site or a project and who wrote them down; `None` lets them be inherited.
pub async fn decide(
    on: &impl Conn,
    site: SiteId,
    scope: Scope<'_>,
    paths: Option<&[Path]>,
    by: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let value = paths.map(serde_json::to_string).transpose();
    let value = value.map_err(|why| StoreError::Corrupt {
        table: "setting",
        id: NAME.to_owned(),
        what: why.to_string(),
    })?;
    keep(on, site, scope, NAME, value, by, now_ms).await
}
