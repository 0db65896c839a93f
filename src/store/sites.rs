//! Sites: who installed the app, and the sealed secrets each shares with us.
//!
//! Rows are found by client key, installation, Atlassian's id or our own id; the address is for
//! people who type it. Secrets go in and out sealed: this layer has no key. Uninstalling keeps the
//! row and its data for a grace period, so that a re-install finds everything again. A site that was
//! joined with its other half (`halves`) is found no more.

use sea_orm::FromQueryResult;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::site::{ForgeAccess, PRODUCTION, Site, SiteState};

/// A site as stored: its secrets still sealed, so `site.secret` and the system token are empty.
#[derive(Debug, Clone)]
pub struct SealedSite {
    /// The site, without its secrets.
    pub site: Site,
    /// Connect's secret, sealed for [`secret_place`].
    pub sealed_secret: Option<Vec<u8>>,
    /// The token of the live installation, sealed for `installations::token_place`, and when it
    /// expires, milliseconds since the Unix epoch.
    pub sealed_token: Option<(Vec<u8>, i64)>,
}

/// What an installation through Connect tells about a site. What is absent leaves what was known.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Connect's name of the site.
    pub client_key: String,
    /// Where its REST API is.
    pub base_url: String,
    /// Where people see it; absent means at `base_url`.
    pub display_url: Option<String>,
    /// Names the app to Atlassian's authorisation server.
    pub oauth_client_id: Option<String>,
    /// The app's own account on the site.
    pub app_account_id: Option<String>,
    /// Atlassian's id of the site.
    pub cloud_id: Option<String>,
    /// The Forge installation that carries this Connect app.
    pub forge_installation_id: Option<String>,
}

/// Where the secret of a site is sealed for.
#[must_use]
pub fn secret_place(site: SiteId) -> String {
    format!("site/{site}/shared_secret")
}

const COLUMNS: &str = "s.id, s.client_key, s.base_url, s.display_url, s.site_url, s.shared_secret, \
    s.app_account_id, s.cloud_id, s.environment, s.state, s.is_enabled, i.id AS installation_id, \
    i.cloud_id AS forge_cloud_id, i.environment AS forge_environment, i.environment_id, \
    i.api_base_url, i.app_version, i.account_id, i.token, i.token_expires_ms, i.first_seen_ms, \
    i.last_seen_ms";

#[derive(Debug, FromQueryResult)]
struct Row {
    id: i64,
    client_key: Option<String>,
    base_url: Option<String>,
    display_url: Option<String>,
    site_url: Option<String>,
    shared_secret: Option<Vec<u8>>,
    app_account_id: Option<String>,
    cloud_id: Option<String>,
    environment: String,
    state: i16,
    is_enabled: bool,
    installation_id: Option<String>,
    forge_cloud_id: Option<String>,
    forge_environment: Option<String>,
    environment_id: Option<String>,
    api_base_url: Option<String>,
    app_version: Option<String>,
    account_id: Option<String>,
    token: Option<Vec<u8>>,
    token_expires_ms: Option<i64>,
    first_seen_ms: Option<i64>,
    last_seen_ms: Option<i64>,
}

/// The site with this client key.
pub async fn by_client_key(
    on: &impl Conn,
    client_key: &str,
) -> Result<Option<SealedSite>, StoreError> {
    let row: Option<Row> = select()
        .with(" AND s.client_key = ", client_key)
        .one(on)
        .await?;
    row.map(sealed).transpose()
}

/// The site an installation is of, live or not.
pub async fn by_installation(
    on: &impl Conn,
    installation: &str,
) -> Result<Option<SealedSite>, StoreError> {
    let row: Option<Row> = select()
        .with(
            " AND s.id = (SELECT site_id FROM installation WHERE id = ",
            installation,
        )
        .push(")")
        .one(on)
        .await?;
    row.map(sealed).transpose()
}

/// The site with Atlassian's id in a Forge environment. Of several (a site that was imported and the
/// one it replaced) the installed one, one that Forge knows, and the newest.
pub async fn by_cloud_id(
    on: &impl Conn,
    cloud_id: &str,
    environment: &str,
) -> Result<Option<SealedSite>, StoreError> {
    let row: Option<Row> = select()
        .with(" AND s.cloud_id = ", cloud_id)
        .with(" AND s.environment = ", environment)
        .push(" ORDER BY s.state, i.id IS NULL, s.installed_ms DESC, s.id DESC LIMIT 1")
        .one(on)
        .await?;
    row.map(sealed).transpose()
}

/// The site with this key of ours.
pub async fn by_id(on: &impl Conn, site: SiteId) -> Result<Option<SealedSite>, StoreError> {
    let row: Option<Row> = select().with(" AND s.id = ", site).one(on).await?;
    row.map(sealed).transpose()
}

/// The site a person names by address, client key, installation or cloud id; the cloud id names the
/// production environment, `CLOUDID/development` another one. Of several at one address the
/// installed one, and the newest: an imported site has the address of the one it replaced.
pub async fn find(on: &impl Conn, text: &str) -> Result<Option<SealedSite>, StoreError> {
    let text = text.trim().trim_end_matches('/');
    let address = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let (cloud_id, environment) = text.split_once('/').unwrap_or((text, PRODUCTION));
    let row: Option<Row> = select()
        .with(" AND (s.client_key = ", text)
        .with(" OR s.cloud_id = ", text)
        .with(" OR (s.cloud_id = ", cloud_id)
        .with(" AND s.environment = ", environment.to_uppercase())
        .with(") OR s.base_url = ", address.as_str())
        .with(" OR s.display_url = ", address.as_str())
        .with(" OR s.site_url = ", address.as_str())
        .with(
            " OR s.id = (SELECT site_id FROM installation WHERE id = ",
            text,
        )
        .with(")) ORDER BY s.state, s.environment <> ", PRODUCTION)
        .push(", s.installed_ms DESC, s.id DESC LIMIT 1")
        .one(on)
        .await?;
    row.map(sealed).transpose()
}

/// Every site, the installed ones first, by address.
pub async fn list(on: &impl Conn) -> Result<Vec<SealedSite>, StoreError> {
    let rows: Vec<Row> = select()
        .push(" ORDER BY s.state, COALESCE(s.site_url, s.base_url, s.cloud_id), s.id")
        .all(on)
        .await?;
    rows.into_iter().map(sealed).collect()
}

/// Stores an installation through Connect under its client key: a new site, or the one known by that
/// key, which comes back with its data if it was uninstalled.
pub async fn install(
    on: &impl Conn,
    told: &Installation,
    now_ms: i64,
) -> Result<SiteId, StoreError> {
    let id: Option<i64> = Sql::new(
        "INSERT INTO site (client_key, base_url, display_url, oauth_client_id, app_account_id, \
         cloud_id, state, is_enabled, created_ms, installed_ms) VALUES ",
    )
    .list([
        told.client_key.as_str().into(),
        told.base_url.as_str().into(),
        told.display_url.clone().into(),
        told.oauth_client_id.clone().into(),
        told.app_account_id.clone().into(),
        told.cloud_id.clone().into(),
        code(SiteState::Installed).into(),
        true.into(),
        now_ms.into(),
        sea_orm::Value::from(now_ms),
    ])
    .push(
        " ON CONFLICT (client_key) DO UPDATE SET base_url = excluded.base_url, \
         display_url = excluded.display_url, \
         oauth_client_id = COALESCE(excluded.oauth_client_id, site.oauth_client_id), \
         app_account_id = COALESCE(excluded.app_account_id, site.app_account_id), \
         cloud_id = COALESCE(excluded.cloud_id, site.cloud_id), \
         state = excluded.state, is_enabled = excluded.is_enabled, \
         installed_ms = excluded.installed_ms, uninstalled_ms = NULL, purge_after_ms = NULL, \
         unreachable_since_ms = NULL, paused_until_ms = 0, pause_reason = NULL RETURNING id",
    )
    .scalar(on)
    .await?;
    made(id, &told.client_key)
}

/// Makes a site for a Forge installation of a Jira nobody knows yet.
pub async fn insert_for_forge(
    on: &impl Conn,
    cloud_id: &str,
    environment: &str,
    now_ms: i64,
) -> Result<SiteId, StoreError> {
    let id: Option<i64> = Sql::new(
        "INSERT INTO site (cloud_id, environment, state, is_enabled, created_ms, installed_ms) VALUES ",
    )
    .list([
        cloud_id.into(),
        environment.into(),
        code(SiteState::Installed).into(),
        true.into(),
        now_ms.into(),
        sea_orm::Value::from(now_ms),
    ])
    .push(" RETURNING id")
    .scalar(on)
    .await?;
    made(id, cloud_id)
}

fn made(id: Option<i64>, name: &str) -> Result<SiteId, StoreError> {
    id.map(SiteId).ok_or_else(|| StoreError::Corrupt {
        table: "site",
        id: name.to_owned(),
        what: "an upsert returned no row".into(),
    })
}

/// Brings a site back that was uninstalled, with its data.
pub async fn revive(on: &impl Conn, site: SiteId, now_ms: i64) -> Result<(), StoreError> {
    Sql::new("UPDATE site SET is_enabled = ")
        .bind(true)
        .with(", state = ", code(SiteState::Installed))
        .with(", installed_ms = ", now_ms)
        .push(", uninstalled_ms = NULL, purge_after_ms = NULL, unreachable_since_ms = NULL")
        .push(", paused_until_ms = 0, pause_reason = NULL")
        .with(" WHERE id = ", site)
        .with(" AND state <> ", code(SiteState::Installed))
        .run(on)
        .await?;
    Ok(())
}

/// Notes Atlassian's id of a site and the Forge environment it is a tenant of.
pub async fn set_cloud_id(
    on: &impl Conn,
    site: SiteId,
    cloud_id: &str,
    environment: &str,
) -> Result<(), StoreError> {
    Sql::new("UPDATE site SET cloud_id = ")
        .bind(cloud_id)
        .with(", environment = ", environment)
        .with(" WHERE id = ", site)
        .run(on)
        .await?;
    Ok(())
}

/// Notes where people see a site, as Forge or the site itself says.
pub async fn set_site_url(on: &impl Conn, site: SiteId, url: &str) -> Result<(), StoreError> {
    Sql::new("UPDATE site SET site_url = ")
        .bind(url)
        .with(" WHERE id = ", site)
        .run(on)
        .await?;
    Ok(())
}

/// Wipes the secret of a site whose Connect half was removed, and nothing else.
pub async fn drop_secret(on: &impl Conn, site: SiteId) -> Result<(), StoreError> {
    Sql::new("UPDATE site SET shared_secret = NULL WHERE id = ")
        .bind(site)
        .run(on)
        .await?;
    Ok(())
}

/// Replaces the secret of a site by one sealed for its [`secret_place`].
pub async fn set_secret(
    on: &impl Conn,
    site: SiteId,
    sealed: Vec<u8>,
    now_ms: i64,
) -> Result<(), StoreError> {
    Sql::new("UPDATE site SET shared_secret = ")
        .bind(sealed)
        .with(", secret_changed_ms = ", now_ms)
        .with(" WHERE id = ", site)
        .run(on)
        .await?;
    Ok(())
}

/// Notes which account the app acts as on a site.
pub async fn set_app_account(
    on: &impl Conn,
    site: SiteId,
    account_id: &str,
) -> Result<(), StoreError> {
    Sql::new("UPDATE site SET app_account_id = ")
        .bind(account_id)
        .with(" WHERE id = ", site)
        .run(on)
        .await?;
    Ok(())
}

/// Puts the same secret, sealed anew, in the place of `old`; tells whether it was still there.
pub async fn reseal(
    on: &impl Conn,
    site: SiteId,
    old: &[u8],
    new: &[u8],
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("UPDATE site SET shared_secret = ");
    sql.bind(new.to_vec()).with(" WHERE id = ", site);
    sql.with(" AND shared_secret = ", old.to_vec());
    Ok(sql.run(on).await? == 1)
}

/// Notes that an administrator enabled or disabled the app; an uninstalled site stays as it is.
pub async fn set_enabled(on: &impl Conn, site: SiteId, is_enabled: bool) -> Result<(), StoreError> {
    Sql::new("UPDATE site SET is_enabled = ")
        .bind(is_enabled)
        .with(" WHERE id = ", site)
        .with(" AND state = ", code(SiteState::Installed))
        .run(on)
        .await?;
    Ok(())
}

/// Marks a site uninstalled and wipes its secret; its data may be purged after `purge_after_ms`.
/// A site that is gone already keeps the dates of its first removal.
pub async fn uninstall(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    purge_after_ms: i64,
) -> Result<(), StoreError> {
    Sql::new("UPDATE site SET shared_secret = NULL, is_enabled = ")
        .bind(false)
        .with(", state = ", code(SiteState::Uninstalled))
        .with(", uninstalled_ms = ", now_ms)
        .with(", purge_after_ms = ", purge_after_ms)
        .with(" WHERE id = ", site)
        .with(" AND state <> ", code(SiteState::Uninstalled))
        .run(on)
        .await?;
    Ok(())
}

fn select() -> Sql {
    Sql::new(&format!(
        "SELECT {COLUMNS} FROM site s LEFT JOIN installation i ON i.site_id = s.id AND i.state = 0 \
         WHERE s.merged_into IS NULL"
    ))
}

fn code(state: SiteState) -> i16 {
    match state {
        SiteState::Installed => 0,
        SiteState::Uninstalled => 1,
    }
}

fn sealed(row: Row) -> Result<SealedSite, StoreError> {
    let state = match row.state {
        0 => SiteState::Installed,
        1 => SiteState::Uninstalled,
        other => {
            return Err(StoreError::Corrupt {
                table: "site",
                id: row.id.to_string(),
                what: format!("state {other}"),
            });
        }
    };
    let forge = row.installation_id.map(|installation_id| ForgeAccess {
        installation_id,
        cloud_id: row.forge_cloud_id.unwrap_or_default(),
        api_base_url: row.api_base_url.unwrap_or_default(),
        app_version: row.app_version.unwrap_or_default(),
        environment_type: row.forge_environment.unwrap_or_default(),
        environment_id: row.environment_id.unwrap_or_default(),
        account_id: row.account_id,
        system_token: None,
        first_seen_ms: row.first_seen_ms.unwrap_or_default(),
        last_seen_ms: row.last_seen_ms.unwrap_or_default(),
    });
    Ok(SealedSite {
        site: Site {
            id: SiteId(row.id),
            client_key: row.client_key,
            base_url: row.base_url,
            display_url: row.display_url,
            site_url: row.site_url,
            secret: None,
            app_account_id: row.app_account_id,
            cloud_id: row.cloud_id,
            environment: row.environment,
            forge,
            state,
            is_enabled: row.is_enabled,
        },
        sealed_secret: row.shared_secret,
        sealed_token: row.token.zip(row.token_expires_ms),
    })
}

#[cfg(test)]
#[path = "sites_tests.rs"]
mod tests;
