//! Taking an installation through Connect in: a new site, a new secret, a new address, or an old site
//! coming back.
//!
//! Jira says `installed` many times in the life of a site. The secret in it replaces the old one at
//! once; nothing else of the site's data is touched. The caller has verified who says so. A site that
//! Forge knows already is joined with it.

use secrecy::{ExposeSecret, SecretString};

use super::App;
use super::join_halves::{JoinError, join_with_forge};
use crate::crypto::SealError;
use crate::domain::work::{Priority, Work};
use crate::store::outbox::{self, NewWork};
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
    /// The site could not be joined with its Forge half.
    #[error(transparent)]
    Join(#[from] JoinError),
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
    let held = sites::by_id(&*txn, id).await?;
    let known_secret = held.as_ref().and_then(|site| site.sealed_secret.as_ref());
    // An unreadable old secret (a lost key, say) is no reason to refuse the new one.
    let known_secret = known_secret.and_then(|sealed| app.seal.open(&place, sealed).ok());
    if known_secret.as_deref() != Some(secret.expose_secret().as_bytes()) {
        let sealed = app.seal.seal(&place, secret.expose_secret().as_bytes())?;
        sites::set_secret(&*txn, id, sealed, now_ms).await?;
    }
    let joined = join_with_forge(app, &*txn, id, told, now_ms).await?;
    let cloud_id = held.and_then(|held| held.site.cloud_id);
    if cloud_id.or(told.cloud_id.clone()).is_none() && joined.other.is_none() {
        let new = NewWork::new(&Work::LearnCloudId, "installed through Connect", now_ms)
            .once(Work::LearnCloudId.kind())
            .with_priority(Priority::Background);
        outbox::put(&*txn, id, &new).await?;
    }
    txn.commit().await?;
    app.sites.forget(id).await;
    joined.forget_copies(app).await;
    app.outbox_filled.notify_one();
    tracing::info!(site.id = %joined.site, site.address = told.base_url, "the app is installed");
    Ok(joined.site)
}
