//! An administrator enables or disables the app on a site, as Connect tells.

use super::App;
use crate::domain::site::Site;
use crate::store::{StoreError, sites};

/// Notes whether the app is enabled; a site that is uninstalled meanwhile stays so. One that Forge
/// reaches is not disabled: it is Connect's half alone that is, on its way out.
pub async fn switch_site(app: &App, site: &Site, is_enabled: bool) -> Result<(), StoreError> {
    if site.forge.is_some() && !is_enabled {
        return Ok(());
    }
    let txn = app.store.write().await?;
    sites::set_enabled(&*txn, site.id, is_enabled).await?;
    txn.commit().await?;
    app.sites.forget(site.id).await;
    Ok(())
}
