//! Taking a removal in: secrets and tokens go at once, the data after a grace period.
//!
//! The app is gone from the site whatever we answer, and Jira says so once; a site we do not know,
//! or that is gone already, is no error. A site with two halves is left by one of them at a time: while
//! the other lives, only what belongs to the half that left goes with it.

use super::App;
use super::meet_installation::note;
use crate::domain::site::Site;
use crate::store::{StoreError, installations, sites};

/// How long the data of a removed site is kept, in milliseconds: 30 days, the least that Atlassian
/// advises, so that a re-install finds everything again.
pub const GRACE_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The Connect half is removed: wipes the site's secret and, unless Forge has the app there, marks the
/// site uninstalled and stops calls to and from it.
pub async fn remove_site(app: &App, client_key: &str) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    let Some(found) = sites::by_client_key(&*txn, client_key).await? else {
        return Ok(());
    };
    let site = found.site;
    match &site.forge {
        Some(forge) => {
            sites::drop_secret(&*txn, site.id).await?;
            let reason = "The Connect half was removed; the app goes on through Forge.";
            let id = &forge.installation_id;
            note(&*txn, site.id, id, "remove Connect", reason, now_ms).await?;
        }
        None => sites::uninstall(&*txn, site.id, now_ms, now_ms.saturating_add(GRACE_MS)).await?,
    }
    txn.commit().await?;
    app.sites.forget(site.id).await;
    tracing::info!(site.id = %site.id, site.address = site.name(), "Connect's half of the app is uninstalled");
    Ok(())
}

/// A Forge installation is about to be removed: drops its token and, unless Connect has the app there
/// too, marks the site uninstalled.
pub async fn remove_installation(app: &App, site: &Site, id: &str) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    if installations::remove(&*txn, site.id, id, now_ms).await? {
        let reason = if site.secret.is_some() {
            "The app is being removed from Forge; it goes on through Connect."
        } else {
            sites::uninstall(&*txn, site.id, now_ms, now_ms.saturating_add(GRACE_MS)).await?;
            "The app is being removed; the data is kept for 30 days."
        };
        note(&*txn, site.id, id, "remove Forge", reason, now_ms).await?;
        tracing::info!(site.id = %site.id, site.address = site.name(), "the app is removed from Forge");
    }
    txn.commit().await?;
    app.sites.forget(site.id).await;
    Ok(())
}
