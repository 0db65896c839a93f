//! An administrator enables or disables the app on a site, as Connect tells.

use super::App;
use super::reconcile::want;
use crate::domain::site::Site;
use crate::domain::work::Scan;
use crate::store::{StoreError, sites};

/// Notes whether the app is enabled; a site that is uninstalled meanwhile stays so. One that Forge
/// reaches is not disabled: it is Connect's half alone that is, on its way out.
pub async fn switch_site(app: &App, site: &Site, is_enabled: bool) -> Result<(), StoreError> {
    if site.forge.is_some() && !is_enabled {
        return Ok(());
    }
    let txn = app.store.write().await?;
    sites::set_enabled(&*txn, site.id, is_enabled).await?;
    if is_enabled && app.config.reconcile.minutes > 0 {
        // Jira tells a disabled app nothing.
        want(&*txn, site.id, Scan::Changes, app.clock.now_ms()).await?;
    }
    txn.commit().await?;
    app.sites.forget(site.id).await;
    app.outbox_filled.notify_one();
    Ok(())
}
