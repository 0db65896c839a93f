//! Taking a removal in: the secret goes at once, the data after a grace period.
//!
//! The app is gone from the site whatever we answer, and Jira says so once; a site we do not know,
//! or that is gone already, is no error.

use super::App;
use crate::store::StoreError;
use crate::store::sites;

/// How long the data of a removed site is kept, in milliseconds: 30 days, the least that Atlassian
/// advises, so that a re-install finds everything again.
pub const GRACE_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Marks the site uninstalled, wipes its secret and stops calls to and from it.
pub async fn remove_site(app: &App, client_key: &str) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    let Some(found) = sites::by_client_key(&*txn, client_key).await? else {
        return Ok(());
    };
    let id = found.site.id;
    sites::uninstall(&*txn, id, now_ms, now_ms.saturating_add(GRACE_MS)).await?;
    txn.commit().await?;
    app.sites.forget(id, client_key).await;
    tracing::info!(site.id = %id, site.address = found.site.base_url, "the app is uninstalled");
    Ok(())
}
