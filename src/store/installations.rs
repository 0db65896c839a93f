//! Forge installations of sites: which one is live, when it was heard of, and its sealed token.
//!
//! A site has one live installation at the most (an index sees to it); ended ones stay, because a
//! re-install is recognised by them and because they tell what happened. Rows are found by the
//! installation's resource name, which is Atlassian's and unique over all sites. Tokens go in and out
//! sealed: this layer has no key.

use sea_orm::FromQueryResult;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::heartbeat::Pulse;

/// What became of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallationState {
    /// It is the one in use.
    Live,
    /// Connect named it; Forge has not spoken for it yet.
    Announced,
    /// A newer one of the same site took its place.
    Replaced,
    /// The app is being removed, or was.
    Removed,
}

/// An installation as stored: its token still sealed. Instants are milliseconds since the Unix epoch.
#[derive(Debug, Clone)]
pub struct ForgeInstallation {
    /// The site it is of.
    pub site: SiteId,
    /// Its resource name.
    pub id: String,
    /// What became of it.
    pub state: InstallationState,
    /// What Forge told of it; absent while it is only announced.
    pub told: Option<Told>,
    /// The account the app acts as through it, once known.
    pub account_id: Option<String>,
    /// The app's token, sealed for [`token_place`].
    pub sealed_token: Option<Vec<u8>>,
    /// When the token expires.
    pub token_expires_ms: Option<i64>,
    /// When it was first heard of.
    pub first_seen_ms: i64,
    /// When it was last heard of, to the minute or so.
    pub last_seen_ms: i64,
    /// When its hourly call last came.
    pub last_hourly_ms: Option<i64>,
    /// When Jira last refused a call under its token.
    pub refused_ms: Option<i64>,
    /// When it was replaced or removed.
    pub ended_ms: Option<i64>,
}

impl ForgeInstallation {
    /// What says how alive it is.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        Pulse {
            last_seen_ms: self.last_seen_ms,
            token_expires_ms: self.token_expires_ms,
            refused_ms: self.refused_ms,
        }
    }
}

/// What an invocation proves of its installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Atlassian's id of the site.
    pub cloud_id: String,
    /// `DEVELOPMENT`, `STAGING` or `PRODUCTION`.
    pub environment: String,
    /// Forge's id of the environment.
    pub environment_id: String,
    /// Where the REST API is.
    pub api_base_url: String,
    /// The version of the app.
    pub app_version: String,
}

/// Where the token of an installation is sealed for. The site is no part of it: an installation may
/// pass to another site of ours, its token with it, and never to another installation.
#[must_use]
pub fn token_place(installation: &str) -> String {
    format!("installation/{installation}/system_token")
}

const COLUMNS: &str = "site_id, id, state, cloud_id, environment, environment_id, api_base_url, \
    app_version, account_id, token, token_expires_ms, first_seen_ms, last_seen_ms, last_hourly_ms, \
    refused_ms, ended_ms";

#[derive(Debug, FromQueryResult)]
struct Row {
    site_id: i64,
    id: String,
    state: i16,
    cloud_id: Option<String>,
    environment: Option<String>,
    environment_id: Option<String>,
    api_base_url: Option<String>,
    app_version: Option<String>,
    account_id: Option<String>,
    token: Option<Vec<u8>>,
    token_expires_ms: Option<i64>,
    first_seen_ms: i64,
    last_seen_ms: i64,
    last_hourly_ms: Option<i64>,
    refused_ms: Option<i64>,
    ended_ms: Option<i64>,
}

/// The installation of this name.
pub async fn by_id(on: &impl Conn, id: &str) -> Result<Option<ForgeInstallation>, StoreError> {
    let row: Option<Row> = select().with(" WHERE id = ", id).one(on).await?;
    row.map(installation).transpose()
}

/// The live installation of a site.
pub async fn live(on: &impl Conn, site: SiteId) -> Result<Option<ForgeInstallation>, StoreError> {
    let row: Option<Row> = select()
        .with(" WHERE site_id = ", site)
        .push(" AND state = 0")
        .one(on)
        .await?;
    row.map(installation).transpose()
}

/// All installations of a site, the one heard of last first.
pub async fn of_site(on: &impl Conn, site: SiteId) -> Result<Vec<ForgeInstallation>, StoreError> {
    let rows: Vec<Row> = select()
        .with(" WHERE site_id = ", site)
        .push(" ORDER BY last_seen_ms DESC, id")
        .all(on)
        .await?;
    rows.into_iter().map(installation).collect()
}

/// Keeps two invocations that meet the same Jira for the first time from both making a site for it,
/// until the transaction ends. SQLite has one writer and needs none of this.
pub async fn hold_cloud(on: &impl Conn, cloud_id: &str) -> Result<(), StoreError> {
    if Dialect::of(on) == Dialect::Postgres {
        Sql::new("SELECT pg_advisory_xact_lock(hashtextextended(")
            .bind(cloud_id)
            .push(", 7))")
            .run(on)
            .await?;
    }
    Ok(())
}

/// Notes that Connect named an installation as `site`'s; one that is known already stays as it is.
pub async fn announce(
    on: &impl Conn,
    site: SiteId,
    id: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    Sql::new("INSERT INTO installation (site_id, id, state, first_seen_ms, last_seen_ms) VALUES ")
        .list([
            site.into(),
            id.into(),
            code(InstallationState::Announced).into(),
            now_ms.into(),
            sea_orm::Value::from(now_ms),
        ])
        .push(" ON CONFLICT (id) DO NOTHING")
        .run(on)
        .await?;
    Ok(())
}

/// Makes an installation the live one of `site`, with what Forge tells of it; what was live is
/// replaced. It counts as first seen now if it was not live before.
pub async fn go_live(
    on: &impl Conn,
    site: SiteId,
    id: &str,
    told: &Told,
    now_ms: i64,
) -> Result<(), StoreError> {
    Sql::new("UPDATE installation SET token = NULL, token_expires_ms = NULL, state = ")
        .bind(code(InstallationState::Replaced))
        .with(", ended_ms = ", now_ms)
        .with(" WHERE site_id = ", site)
        .with(" AND id <> ", id)
        .push(" AND state = 0")
        .run(on)
        .await?;
    announce(on, site, id, now_ms).await?;
    Sql::new("UPDATE installation SET ended_ms = NULL, refused_ms = NULL, first_seen_ms = ")
        .bind(now_ms)
        .with(", state = ", code(InstallationState::Live))
        .with(" WHERE site_id = ", site)
        .with(" AND id = ", id)
        .push(" AND state <> 0")
        .run(on)
        .await?;
    tell(on, site, id, told, now_ms).await
}

/// Keeps what an invocation tells of an installation, and that it was heard of.
pub async fn tell(
    on: &impl Conn,
    site: SiteId,
    id: &str,
    told: &Told,
    now_ms: i64,
) -> Result<(), StoreError> {
    Sql::new("UPDATE installation SET cloud_id = ")
        .bind(told.cloud_id.as_str())
        .with(", environment = ", told.environment.as_str())
        .with(", environment_id = ", told.environment_id.as_str())
        .with(", api_base_url = ", told.api_base_url.as_str())
        .with(", app_version = ", told.app_version.as_str())
        .with(", last_seen_ms = ", now_ms)
        .with(" WHERE site_id = ", site)
        .with(" AND id = ", id)
        .run(on)
        .await?;
    Ok(())
}

/// Keeps a token sealed for its [`token_place`], unless one that lasts as long is there; tells
/// whether it was kept.
pub async fn keep_token(
    on: &impl Conn,
    site: SiteId,
    id: &str,
    sealed: Vec<u8>,
    expires_ms: i64,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("UPDATE installation SET token = ");
    sql.bind(sealed)
        .with(", token_expires_ms = ", expires_ms)
        .with(" WHERE site_id = ", site)
        .with(" AND id = ", id)
        .push(" AND state = 0")
        .with(
            " AND (token_expires_ms IS NULL OR token_expires_ms < ",
            expires_ms,
        )
        .push(")");
    Ok(sql.run(on).await? == 1)
}

/// Forgets a token that Jira does not accept, by when it would have expired; a newer one stays.
pub async fn drop_token(
    on: &impl Conn,
    site: SiteId,
    id: &str,
    expires_ms: i64,
) -> Result<(), StoreError> {
    Sql::new("UPDATE installation SET token = NULL, token_expires_ms = NULL WHERE site_id = ")
        .bind(site)
        .with(" AND id = ", id)
        .with(" AND token_expires_ms = ", expires_ms)
        .run(on)
        .await?;
    Ok(())
}

/// Puts the same token, sealed anew, in the place of `old`; tells whether it was still there.
pub async fn reseal(
    on: &impl Conn,
    site: SiteId,
    id: &str,
    old: &[u8],
    new: &[u8],
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("UPDATE installation SET token = ");
    sql.bind(new.to_vec())
        .with(" WHERE site_id = ", site)
        .with(" AND id = ", id)
        .with(" AND token = ", old.to_vec());
    Ok(sql.run(on).await? == 1)
}

/// Marks an installation removed and drops its token; tells whether it was live until now.
pub async fn remove(
    on: &impl Conn,
    site: SiteId,
    id: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let mut sql =
        Sql::new("UPDATE installation SET token = NULL, token_expires_ms = NULL, state = ");
    sql.bind(code(InstallationState::Removed))
        .with(", ended_ms = ", now_ms)
        .with(" WHERE site_id = ", site)
        .with(" AND id = ", id)
        .push(" AND state = 0");
    Ok(sql.run(on).await? == 1)
}

/// Notes that the hourly call came.
pub async fn note_hourly(
    on: &impl Conn,
    site: SiteId,
    id: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    note(on, site, id, "last_hourly_ms", now_ms).await
}

/// Notes that Jira refused a call under the installation's token.
pub async fn note_refusal(
    on: &impl Conn,
    site: SiteId,
    id: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    note(on, site, id, "refused_ms", now_ms).await
}

/// Notes which account the app acts as through an installation.
pub async fn set_account(
    on: &impl Conn,
    site: SiteId,
    id: &str,
    account_id: &str,
) -> Result<(), StoreError> {
    note(on, site, id, "account_id", account_id).await
}

async fn note(
    on: &impl Conn,
    site: SiteId,
    id: &str,
    column: &str,
    value: impl Into<sea_orm::Value>,
) -> Result<(), StoreError> {
    Sql::new(&format!("UPDATE installation SET {column} = "))
        .bind(value)
        .with(" WHERE site_id = ", site)
        .with(" AND id = ", id)
        .run(on)
        .await?;
    Ok(())
}

/// Hands one installation to another site, replaced there if that has a live one heard of later.
pub async fn hand_over(
    on: &impl Conn,
    installation: &ForgeInstallation,
    to: SiteId,
    now_ms: i64,
) -> Result<(), StoreError> {
    if installation.state == InstallationState::Live
        && let Some(there) = live(on, to).await?
    {
        let is_older = there.last_seen_ms > installation.last_seen_ms;
        let (site, older) = if is_older {
            (installation.site, &installation.id)
        } else {
            (to, &there.id)
        };
        Sql::new("UPDATE installation SET token = NULL, token_expires_ms = NULL, state = ")
            .bind(code(InstallationState::Replaced))
            .with(", ended_ms = ", now_ms)
            .with(" WHERE site_id = ", site)
            .with(" AND id = ", older.as_str())
            .run(on)
            .await?;
    }
    Sql::new("UPDATE installation SET site_id = ")
        .bind(to)
        .with(" WHERE site_id = ", installation.site)
        .with(" AND id = ", installation.id.as_str())
        .run(on)
        .await?;
    Ok(())
}

fn select() -> Sql {
    Sql::new(&format!("SELECT {COLUMNS} FROM installation"))
}

fn code(state: InstallationState) -> i16 {
    match state {
        InstallationState::Live => 0,
        InstallationState::Announced => 1,
        InstallationState::Replaced => 2,
        InstallationState::Removed => 3,
    }
}

fn installation(row: Row) -> Result<ForgeInstallation, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt {
        table: "installation",
        id: row.id.clone(),
        what,
    };
    let state = match row.state {
        0 => InstallationState::Live,
        1 => InstallationState::Announced,
        2 => InstallationState::Replaced,
        3 => InstallationState::Removed,
        other => return Err(corrupt(format!("state {other}"))),
    };
    let told = match (
        row.cloud_id,
        row.environment,
        row.environment_id,
        row.api_base_url,
        row.app_version,
    ) {
        (
            Some(cloud_id),
            Some(environment),
            Some(environment_id),
            Some(api_base_url),
            Some(app_version),
        ) => Some(Told {
            cloud_id,
            environment,
            environment_id,
            api_base_url,
            app_version,
        }),
        _ => None,
    };
    Ok(ForgeInstallation {
        site: SiteId(row.site_id),
        id: row.id,
        state,
        told,
        account_id: row.account_id,
        sealed_token: row.token,
        token_expires_ms: row.token_expires_ms,
        first_seen_ms: row.first_seen_ms,
        last_seen_ms: row.last_seen_ms,
        last_hourly_ms: row.last_hourly_ms,
        refused_ms: row.refused_ms,
        ended_ms: row.ended_ms,
    })
}
