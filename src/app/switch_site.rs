//! An administrator enables or disables the app on a site.

use super::App;
use crate::domain::site::Site;
use crate::store::{StoreError, sites};

/// Notes whether the app is enabled; a site that is uninstalled meanwhile stays so.
pub async fn switch_site(app: &App, site: &Site, is_enabled: bool) -> Result<(), StoreError> {
    let txn = app.store.write().await?;
    sites::set_enabled(&*txn, site.id, is_enabled).await?;
    txn.commit().await?;
    let client_key = site.client_key.as_deref().unwrap_or_default();
    app.sites.forget(site.id, client_key).await;
    Ok(())
}
