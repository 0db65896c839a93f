//! What is known of the line to a site, and of the kinds of issues on it: for its administrators.

use sea_orm::FromQueryResult;

use super::{Conn, SiteId, Sql, StoreError};

/// The line to a site. Instants are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct SiteHealth {
    /// When the app was installed, or last installed again.
    pub installed_ms: i64,
    /// When Jira last told us anything.
    pub last_event_ms: Option<i64>,
    /// Until when Jira asked to be left alone; in the past, or 0, when it does not.
    pub paused_until_ms: i64,
    /// Why.
    pub pause_reason: Option<String>,
    /// Since when Jira does not answer us.
    pub unreachable_since_ms: Option<i64>,
}

/// The line to a site.
pub async fn of_site(on: &impl Conn, site: SiteId) -> Result<Option<SiteHealth>, StoreError> {
    let mut sql = Sql::new(
        "SELECT installed_ms, last_event_ms, paused_until_ms, pause_reason, unreachable_since_ms \
         FROM site WHERE id = ",
    );
    Ok(sql.bind(site).one(on).await?)
}

/// A kind of issue that a project has at least one of.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct IssueKind {
    /// The project's key.
    pub project_key: String,
    /// The name of the type.
    pub type_name: String,
}

/// The kinds of issues in the mirror of a site, by project and name. Reads every issue of the site:
/// not for a page that many people open.
pub async fn issue_kinds(on: &impl Conn, site: SiteId) -> Result<Vec<IssueKind>, StoreError> {
    let mut sql = Sql::new("SELECT DISTINCT project_key, type_name FROM issue WHERE site_id = ");
    sql.bind(site)
        .push(" AND jira_id IS NOT NULL ORDER BY project_key, type_name");
    Ok(sql.all(on).await?)
}

/// Notes that sites were heard from.
pub async fn note_heard(on: &impl Conn, sites: &[SiteId], now_ms: i64) -> Result<(), StoreError> {
    if !sites.is_empty() {
        let mut sql = Sql::new("UPDATE site SET last_event_ms = ");
        sql.bind(now_ms)
            .push(" WHERE id IN ")
            .list(sites.iter().copied())
            .run(on)
            .await?;
    }
    Ok(())
}
