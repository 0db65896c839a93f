//! The scope in which a person last looked at a project, so that the next issue opens in it.

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::coverage::Scope;

/// What the person (an account id) chose in a project. A scope that no build understands any more is
/// the same as none.
pub async fn of_person(
    on: &impl Conn,
    site: SiteId,
    account: &str,
    project_key: &str,
) -> Result<Scope, StoreError> {
    let mut sql = Sql::new("SELECT scope, environment FROM viewer_scope WHERE site_id = ");
    let rows = sql
        .bind(site)
        .with(" AND account_id = ", account)
        .with(" AND project_key = ", project_key)
        .raw(on)
        .await?;
    let Some(row) = rows.first() else {
        return Ok(Scope::default());
    };
    let (name, environment): (String, Option<String>) =
        (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    Ok(Scope::named(&name, environment.as_deref()).unwrap_or_default())
}

/// Remembers what the person chose; the scope everyone begins with leaves nothing behind.
pub async fn remember(
    on: &impl Conn,
    site: SiteId,
    account: &str,
    project_key: &str,
    scope: &Scope,
    now_ms: i64,
) -> Result<(), StoreError> {
    if *scope == Scope::default() {
        Sql::new("DELETE FROM viewer_scope WHERE site_id = ")
            .bind(site)
            .with(" AND account_id = ", account)
            .with(" AND project_key = ", project_key)
            .run(on)
            .await?;
        return Ok(());
    }
    Sql::new(
        "INSERT INTO viewer_scope (site_id, account_id, project_key, scope, environment, \
         changed_ms) ",
    )
    .rows([[
        site.into(),
        account.into(),
        project_key.into(),
        scope.name().into(),
        scope.environment.clone().into(),
        now_ms.into(),
    ]])
    .push(
        " ON CONFLICT (site_id, account_id, project_key) DO UPDATE SET scope = excluded.scope, \
         environment = excluded.environment, changed_ms = excluded.changed_ms",
    )
    .run(on)
    .await?;
    Ok(())
}
