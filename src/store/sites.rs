//! Sites: who installed the app, and the sealed secret each shares with us.
//!
//! Rows are found by client key, installation id or our own id; the address is for people who type
//! it. Secrets go in and out sealed: this layer has no key. Uninstalling keeps the row and its data
//! for a grace period, so that a re-install finds everything again.

use sea_orm::FromQueryResult;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::site::{Site, SiteState};

/// A site as stored: its secret still sealed, so `site.secret` is empty.
#[derive(Debug, Clone)]
pub struct SealedSite {
    /// The site, without its secret.
    pub site: Site,
    /// The secret, sealed for [`secret_place`].
    pub sealed_secret: Option<Vec<u8>>,
}

/// What an installation tells about a site. What is absent leaves what was known.
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

const COLUMNS: &str = "id, client_key, base_url, display_url, shared_secret, app_account_id, \
    cloud_id, forge_installation_id, state, is_enabled";

#[derive(Debug, FromQueryResult)]
struct Row {
    id: i64,
    client_key: Option<String>,
    base_url: String,
    display_url: Option<String>,
    shared_secret: Option<Vec<u8>>,
    app_account_id: Option<String>,
    cloud_id: Option<String>,
    forge_installation_id: Option<String>,
    state: i16,
    is_enabled: bool,
}

/// The site with this client key.
pub async fn by_client_key(
    on: &impl Conn,
    client_key: &str,
) -> Result<Option<SealedSite>, StoreError> {
    let row: Option<Row> = select()
        .with(" WHERE client_key = ", client_key)
        .one(on)
        .await?;
    row.map(sealed).transpose()
}

/// The site with this key of ours.
pub async fn by_id(on: &impl Conn, site: SiteId) -> Result<Option<SealedSite>, StoreError> {
    let row: Option<Row> = select().with(" WHERE id = ", site).one(on).await?;
    row.map(sealed).transpose()
}

/// The site a person names by address, cloud id or client key. Of several at one address the
/// installed one, and the newest: an imported site has the address of the one it replaced.
pub async fn find(on: &impl Conn, text: &str) -> Result<Option<SealedSite>, StoreError> {
    let text = text.trim().trim_end_matches('/');
    let address = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let row: Option<Row> = select()
        .with(" WHERE client_key = ", text)
        .with(" OR cloud_id = ", text)
        .with(" OR base_url = ", address.as_str())
        .with(" OR display_url = ", address.as_str())
        .push(" ORDER BY state, installed_ms DESC, id DESC LIMIT 1")
        .one(on)
        .await?;
    row.map(sealed).transpose()
}

/// Every site, the installed ones first, by address.
pub async fn list(on: &impl Conn) -> Result<Vec<SealedSite>, StoreError> {
    let rows: Vec<Row> = select()
        .push(" ORDER BY state, base_url, id")
        .all(on)
        .await?;
    rows.into_iter().map(sealed).collect()
}

/// Stores an installation under its client key: a new site, or the one known by that key, which
/// comes back with its data if it was uninstalled. A Forge installation that has no Connect key yet
/// becomes the site's; one that another site holds passes over to this one, its data does not.
pub async fn install(
    on: &impl Conn,
    told: &Installation,
    now_ms: i64,
) -> Result<SiteId, StoreError> {
    if let Some(installation) = &told.forge_installation_id {
        join_forge(on, &told.client_key, installation).await?;
    }
    let id: Option<i64> = Sql::new(
        "INSERT INTO site (client_key, base_url, display_url, oauth_client_id, app_account_id, \
         cloud_id, forge_installation_id, state, is_enabled, created_ms, installed_ms) VALUES ",
    )
    .list([
        told.client_key.as_str().into(),
        told.base_url.as_str().into(),
        told.display_url.clone().into(),
        told.oauth_client_id.clone().into(),
        told.app_account_id.clone().into(),
        told.cloud_id.clone().into(),
        told.forge_installation_id.clone().into(),
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
         forge_installation_id = \
             COALESCE(excluded.forge_installation_id, site.forge_installation_id), \
         state = excluded.state, is_enabled = excluded.is_enabled, \
         installed_ms = excluded.installed_ms, uninstalled_ms = NULL, purge_after_ms = NULL, \
         unreachable_since_ms = NULL, paused_until_ms = 0, pause_reason = NULL RETURNING id",
    )
    .scalar(on)
    .await?;
    id.map(SiteId).ok_or_else(|| StoreError::Corrupt {
        table: "site",
        id: told.client_key.clone(),
        what: "an upsert returned no row".into(),
    })
}

async fn join_forge(
    on: &impl Conn,
    client_key: &str,
    installation: &str,
) -> Result<(), StoreError> {
    Sql::new("UPDATE site SET client_key = ")
        .bind(client_key)
        .with(
            " WHERE client_key IS NULL AND forge_installation_id = ",
            installation,
        )
        .with(
            " AND NOT EXISTS (SELECT 1 FROM site WHERE client_key = ",
            client_key,
        )
        .push(")")
        .run(on)
        .await?;
    Sql::new("UPDATE site SET forge_installation_id = NULL WHERE forge_installation_id = ")
        .bind(installation)
        .with(" AND (client_key IS NULL OR client_key <> ", client_key)
        .push(")")
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
    Sql::new(&format!("SELECT {COLUMNS} FROM site"))
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
    Ok(SealedSite {
        site: Site {
            id: SiteId(row.id),
            client_key: row.client_key,
            base_url: row.base_url,
            display_url: row.display_url,
            secret: None,
            app_account_id: row.app_account_id,
            cloud_id: row.cloud_id,
            forge_installation_id: row.forge_installation_id,
            state,
            is_enabled: row.is_enabled,
        },
        sealed_secret: row.shared_secret,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// When a site was installed, changed its secret, left, and may be purged.
    async fn dates(store: &Store) -> [Option<i64>; 4] {
        let columns = "installed_ms, secret_changed_ms, uninstalled_ms, purge_after_ms";
        let rows = Sql::new(&format!("SELECT {columns} FROM site"))
            .raw(store.read())
            .await
            .unwrap();
        [0, 1, 2, 3].map(|column| rows[0].try_get_by_index(column).unwrap())
    }

    fn told(client_key: &str, installation: Option<&str>) -> Installation {
        Installation {
            client_key: client_key.into(),
            base_url: "https://acme.atlassian.net".into(),
            display_url: None,
            oauth_client_id: None,
            app_account_id: Some("557058:app".into()),
            cloud_id: None,
            forge_installation_id: installation.map(Into::into),
        }
    }

    async fn empty_store(dir: &tempfile::TempDir) -> Store {
        let url = format!("sqlite://{}?mode=rwc", dir.path().join("t.db").display());
        Store::migrate(&url).await.unwrap();
        Store::open(&url, 2).await.unwrap()
    }

    #[tokio::test]
    async fn a_removed_site_keeps_the_dates_of_its_first_removal_until_it_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = empty_store(&dir).await;
        let id = install(store.read(), &told("a", None), 10).await.unwrap();
        set_secret(store.read(), id, vec![1, 2, 3], 10)
            .await
            .unwrap();
        for (now_ms, purge_after_ms) in [(20, 50), (30, 60)] {
            uninstall(store.read(), id, now_ms, purge_after_ms)
                .await
                .unwrap();
            set_enabled(store.read(), id, true).await.unwrap();
        }
        assert_eq!(
            dates(&store).await,
            [Some(10), Some(10), Some(20), Some(50)]
        );
        let site = by_id(store.read(), id).await.unwrap().unwrap();
        assert_eq!((site.sealed_secret, site.site.is_enabled), (None, false));

        let back = install(store.read(), &told("a", None), 40).await.unwrap();
        assert_eq!(back, id);
        assert_eq!(dates(&store).await, [Some(40), Some(10), None, None]);
    }

    #[tokio::test]
    async fn a_forge_installation_is_joined_and_passes_to_whom_jira_names_last() {
        let dir = tempfile::tempdir().unwrap();
        let store = empty_store(&dir).await;
        Sql::new(
            "INSERT INTO site (base_url, forge_installation_id, state, is_enabled, created_ms, \
             installed_ms) VALUES ('https://acme.atlassian.net', 'i', 0, true, 1, 1)",
        )
        .run(store.read())
        .await
        .unwrap();
        let joined = install(store.read(), &told("a", Some("i")), 2)
            .await
            .unwrap();
        assert_eq!(list(store.read()).await.unwrap().len(), 1);

        let same = install(store.read(), &told("a", None), 3).await.unwrap();
        assert_eq!(same, joined);
        let site = by_id(store.read(), same).await.unwrap().unwrap().site;
        assert_eq!(site.forge_installation_id.as_deref(), Some("i"));

        let imported = install(store.read(), &told("b", Some("i")), 4)
            .await
            .unwrap();
        assert_ne!(imported, joined);
        let old = by_id(store.read(), joined).await.unwrap().unwrap().site;
        assert_eq!(
            (old.client_key.as_deref(), old.forge_installation_id),
            (Some("a"), None)
        );
    }

    #[tokio::test]
    async fn people_name_a_site_by_address_cloud_id_or_client_key() {
        let dir = tempfile::tempdir().unwrap();
        let store = empty_store(&dir).await;
        let mut first = told("client-a", None);
        first.cloud_id = Some("cloud-a".into());
        first.display_url = Some("https://jira.acme.example".into());
        let first = install(store.read(), &first, 1).await.unwrap();
        for text in [
            "client-a",
            "cloud-a",
            "https://acme.atlassian.net/",
            "acme.atlassian.net",
            "https://jira.acme.example",
        ] {
            let found = find(store.read(), text).await.unwrap().unwrap();
            assert_eq!(found.site.id, first, "{text}");
        }
        assert!(
            find(store.read(), "other.atlassian.net")
                .await
                .unwrap()
                .is_none()
        );
        let newer = install(store.read(), &told("client-b", None), 2)
            .await
            .unwrap();
        let found = find(store.read(), "acme.atlassian.net")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.site.id, newer);
    }
}
