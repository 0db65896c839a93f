//! API clients: the scripts and CI jobs that may call `/api/v1`.
//!
//! A token is shown once, when it is made; stored is its SHA-256. Tokens carry 256 bits of
//! randomness, so a plain hash is enough: there is nothing to guess.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};

/// An API client as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiClient {
    /// Its id.
    pub id: Uuid,
    /// The site it belongs to.
    pub site: SiteId,
    /// The name people gave it.
    pub name: String,
    /// Project keys it is limited to; empty is every project of the site.
    pub projects: Vec<String>,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// When it was last used, to the minute.
    pub last_used_ms: Option<i64>,
}

#[derive(Debug, FromQueryResult)]
struct Row {
    site_id: i64,
    id: Uuid,
    name: String,
    projects: String,
    created_ms: i64,
    last_used_ms: Option<i64>,
}

const COLUMNS: &str = "site_id, id, name, projects, created_ms, last_used_ms";

/// Stores a new client under the hash of its token.
pub async fn insert(
    on: &impl Conn,
    client: &ApiClient,
    token_hash: [u8; 32],
    created_by: Option<&str>,
) -> Result<(), StoreError> {
    let mut sql = Sql::new(
        "INSERT INTO api_client (site_id, id, name, token_hash, projects, created_by, created_ms) ",
    );
    let projects = serde_json::to_string(&client.projects).unwrap_or_default();
    sql.rows([[
        client.site.into(),
        client.id.into(),
        client.name.clone().into(),
        token_hash.to_vec().into(),
        projects.into(),
        created_by.map(str::to_owned).into(),
        client.created_ms.into(),
    ]]);
    sql.run(on).await?;
    Ok(())
}

/// The client whose token has this hash, unless it was revoked. The only query without a site: the
/// token is what tells the site.
pub async fn by_token_hash(
    on: &impl Conn,
    token_hash: [u8; 32],
) -> Result<Option<ApiClient>, StoreError> {
    let mut sql = Sql::new(&format!(
        "SELECT {COLUMNS} FROM api_client WHERE token_hash = "
    ));
    sql.bind(token_hash.to_vec())
        .push(" AND revoked_ms IS NULL");
    sql.one::<Row>(on).await?.map(client).transpose()
}

/// The client of that id, unless it was revoked.
pub async fn by_id(
    on: &impl Conn,
    site: SiteId,
    id: Uuid,
) -> Result<Option<ApiClient>, StoreError> {
    let mut sql = Sql::new(&format!(
        "SELECT {COLUMNS} FROM api_client WHERE site_id = "
    ));
    sql.bind(site)
        .with(" AND id = ", id)
        .push(" AND revoked_ms IS NULL");
    sql.one::<Row>(on).await?.map(client).transpose()
}

/// Every client of a site that was not revoked, by name.
pub async fn of_site(on: &impl Conn, site: SiteId) -> Result<Vec<ApiClient>, StoreError> {
    let mut sql = Sql::new(&format!(
        "SELECT {COLUMNS} FROM api_client WHERE site_id = "
    ));
    sql.bind(site)
        .push(" AND revoked_ms IS NULL ORDER BY name, id");
    sql.all::<Row>(on).await?.into_iter().map(client).collect()
}

/// Ends a client; its token is worth nothing from then on. Tells whether there was one.
pub async fn revoke(
    on: &impl Conn,
    site: SiteId,
    id: Uuid,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("UPDATE api_client SET revoked_ms = ");
    sql.bind(now_ms)
        .with(" WHERE site_id = ", site)
        .with(" AND id = ", id);
    Ok(sql.push(" AND revoked_ms IS NULL").run(on).await? > 0)
}

/// Notes that a client was used.
pub async fn touch(on: &impl Conn, site: SiteId, id: Uuid, now_ms: i64) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE api_client SET last_used_ms = ");
    sql.bind(now_ms)
        .with(" WHERE site_id = ", site)
        .with(" AND id = ", id)
        .run(on)
        .await?;
    Ok(())
}

fn client(row: Row) -> Result<ApiClient, StoreError> {
    let projects = serde_json::from_str(&row.projects).map_err(|why| StoreError::Corrupt {
        table: "api_client",
        id: row.id.to_string(),
        what: format!("projects: {why}"),
    })?;
    Ok(ApiClient {
        id: row.id,
        site: SiteId(row.site_id),
        name: row.name,
        projects,
        created_ms: row.created_ms,
        last_used_ms: row.last_used_ms,
    })
}
