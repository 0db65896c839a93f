//! Work about the site itself: who it is, where people see it, and what changed on it unheard.

use super::{Done, Failure, Fetched};
use crate::app::App;
use crate::app::join_halves::{join, join_by_cloud_id};
use crate::domain::issue::IssueSnapshot;
use crate::domain::mirror::Order;
use crate::domain::site::Site;
use crate::domain::site_address::{Allowed, display_address};
use crate::domain::work::{Priority, Work};
use crate::jira::{JiraError, SiteClient};
use crate::store::outbox::{self, NewWork};
use crate::store::sites;

/// The longest id of a site that is taken for one, in characters.
const CLOUD_ID_LIMIT: usize = 64;
const MINUTE_MS: i64 = 60_000;
/// The wait before the next part of what changed, milliseconds: every issue read costs a point of the
/// hour's quota, which all sites share.
const NEXT_PART_MS: i64 = 5 * MINUTE_MS;

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

/// Reads what changed since a moment, a few hundred issues at once; what is left follows later.
pub(super) async fn changed_since(
    app: &App,
    site: &Site,
    client: &SiteClient<'_>,
    since_ms: i64,
) -> Result<Done, Failure> {
    let now_ms = app.clock.now_ms();
    let minutes = (now_ms - since_ms).max(0).div_euclid(MINUTE_MS) + 1;
    let changed = client.changed(minutes).await?;
    let last_ms = changed.issues.last().map(|issue| issue.updated_ms);
    // Jira counts in minutes: without that much progress the next part would be this one again.
    let next_ms = last_ms.filter(|last_ms| last_ms - since_ms > MINUTE_MS);
    if let (true, Some(since_ms)) = (changed.has_more, next_ms) {
        let txn = app.store.write().await?;
        let rest = Work::Reconcile { since_ms };
        let mut new = NewWork::new(&rest, "more changed than is read at once", now_ms)
            .with_priority(Priority::Background);
        new.ready_ms = now_ms + NEXT_PART_MS;
        outbox::put(&*txn, site.id, &new).await?;
        txn.commit().await?;
    }
    Ok(Done {
        fetched: changed.issues.into_iter().map(found).collect(),
        ..Done::plainly()
    })
}

/// An issue that a search found. The search index lags, so it may be older than what is known.
fn found(snapshot: IssueSnapshot) -> Fetched {
    Fetched {
        snapshot,
        as_of: Order::NEVER,
    }
}
