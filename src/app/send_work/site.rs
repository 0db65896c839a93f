//! Work about the site itself: who it is, and where people see it.

use super::{Done, Failure};
use crate::app::App;
use crate::app::join_halves::{join, join_by_cloud_id};
use crate::domain::site::Site;
use crate::domain::site_address::{Allowed, display_address};
use crate::jira::{JiraError, SiteClient};
use crate::store::sites;

/// The longest id of a site that is taken for one, in characters.
const CLOUD_ID_LIMIT: usize = 64;

/// Asks a site that came through Connect for Atlassian's id of it, and joins it with its Forge half.
pub(super) async fn learn_cloud_id(
    app: &App,
    site: &Site,
    client: &SiteClient<'_>,
) -> Result<Done, Failure> {
    if site.cloud_id.is_some() {
        return Ok(Done::plainly());
    }
    let cloud_id = client.cloud_id().await?;
    let is_id = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if cloud_id.is_empty() || cloud_id.len() > CLOUD_ID_LIMIT || !cloud_id.chars().all(is_id) {
        return Err(JiraError::Unreadable("the cloud id is not one".to_owned()).into());
    }
    let txn = app.store.write().await?;
    sites::set_cloud_id(&*txn, site.id, &cloud_id, &site.environment).await?;
    let joined = join_by_cloud_id(app, &*txn, site.id, &cloud_id, app.clock.now_ms()).await?;
    txn.commit().await?;
    joined.forget_copies(app).await;
    Ok(Done::plainly())
}

/// Asks where people see a site, when nobody has told.
pub(super) async fn learn_address(
    app: &App,
    site: &Site,
    client: &SiteClient<'_>,
) -> Result<Done, Failure> {
    if !site.link_base().is_empty() {
        return Ok(Done::plainly());
    }
    let told = client.address_for_people().await?;
    let allowed = Allowed {
        suffixes: &[],
        loopback: app.config.server.insecure_sites,
    };
    let Some(address) = display_address(&told, allowed) else {
        return Err(JiraError::Unreadable("the site's address is not one".to_owned()).into());
    };
    let txn = app.store.write().await?;
    sites::set_site_url(&*txn, site.id, &address).await?;
    txn.commit().await?;
    app.sites.forget(site.id).await;
    Ok(Done::plainly())
}

/// Asks who the site of a Forge installation was to Connect, and joins both.
pub(super) async fn join_connect(
    app: &App,
    site: &Site,
    client: &SiteClient<'_>,
) -> Result<Done, Failure> {
    if site.client_key.is_some() {
        return Ok(Done::plainly());
    }
    let Some(client_key) = client.connect_client_key().await? else {
        return Ok(Done::plainly());
    };
    let txn = app.store.write().await?;
    let Some(connect) = sites::by_client_key(&*txn, &client_key).await? else {
        return Ok(Done::plainly());
    };
    let joined = join(app, &*txn, connect.site.id, site.id, app.clock.now_ms()).await?;
    txn.commit().await?;
    joined.forget_copies(app).await;
    Ok(Done::plainly())
}
