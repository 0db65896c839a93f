//! Taking an installation in: a new site, a new secret, a new address, or an old site coming back.
//!
//! Jira says `installed` many times in the life of a site. The secret in it replaces the old one at
//! once; nothing else of the site's data is touched. The caller has verified who says so.

use secrecy::{ExposeSecret, SecretString};

use super::App;
use crate::crypto::SealError;
use crate::store::sites::{self, Installation, secret_place};
use crate::store::{SiteId, StoreError};

/// Why an installation was not stored; Jira is told and keeps the former state.
#[derive(Debug, thiserror::Error)]
pub enum InstallSiteError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secret could not be sealed.
    #[error("the secret of the site cannot be sealed")]
    Seal(#[from] SealError),
}

/// Stores an installation with its secret and makes it current in this process.
pub async fn install_site(
    app: &App,
    told: &Installation,
    secret: &SecretString,
) -> Result<SiteId, InstallSiteError> {
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    let id = sites::install(&*txn, told, now_ms).await?;
    let place = secret_place(id);
    let held = sites::by_id(&*txn, id)
        .await?
        .and_then(|site| site.sealed_secret);
    // An unreadable old secret (a lost key, say) is no reason to refuse the new one.
    let known = held.and_then(|sealed| app.seal.open(&place, &sealed).ok());
    if known.as_deref() != Some(secret.expose_secret().as_bytes()) {
        let sealed = app.seal.seal(&place, secret.expose_secret().as_bytes())?;
        sites::set_secret(&*txn, id, sealed, now_ms).await?;
    }
    txn.commit().await?;
    app.sites.forget(id, &told.client_key).await;
    tracing::info!(site.id = %id, site.address = told.base_url, "the app is installed");
    Ok(id)
}
