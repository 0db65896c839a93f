//! One Jira, known to us twice: the site that came through Connect and the one that came through Forge
//! become one, with everything of both.
//!
//! Each host introduces a site with a name of its own. That both are the same is known by the
//! installation that Connect names, by Atlassian's id of the site, or by a property that Atlassian
//! keeps for the purpose (`forge.md` 9.4). The half that has tests stays what it is and takes the
//! other in; when both have, nothing is moved by itself, because their tests may have the same keys:
//! the audit and `touchstone doctor` say so.

use super::App;
use super::meet_installation::note;
use crate::crypto::SealError;
use crate::domain::site::PRODUCTION;
use crate::domain::work::{Priority, Work};
use crate::store::audit::{self, NewEntry};
use crate::store::halves::{self, Weight};
use crate::store::installations;
use crate::store::outbox::{self, NewWork};
use crate::store::sites::{self, Installation, SealedSite, secret_place};
use crate::store::{Conn, SiteId, StoreError};

/// How long a process may still know a half that is no more, milliseconds: copies of sites and running
/// requests are older than this nowhere.
const KNOWN_FOR_MS: i64 = 60_000;
/// How long the row of a half is kept after that, milliseconds.
const ROW_FOR_MS: i64 = 24 * 60 * 60_000;

/// Why two halves were not joined.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secret of the Connect half could not be sealed for its new place.
    #[error("the secret of a site cannot be moved")]
    Seal(#[from] SealError),
    /// Results came in for a half while it was being joined.
    #[error(
        "results came in for the Forge half of the site while it was joined; they stay with it until an operator moves them"
    )]
    Results,
}

/// What came of looking for the other half of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// The site that is left.
    pub site: SiteId,
    /// Another site that changed by it.
    pub other: Option<SiteId>,
}

impl Joined {
    fn alone(site: SiteId) -> Self {
        Self { site, other: None }
    }

    /// Forgets the copies of what changed; called once that is committed.
    pub async fn forget_copies(&self, app: &App) {
        app.sites.forget(self.site).await;
        if let Some(other) = self.other {
            app.sites.forget(other).await;
        }
    }
}

/// Joins a site that came through Connect with the Forge half that its installation names, or that
/// has its cloud id.
pub(super) async fn join_with_forge(
    app: &App,
    on: &impl Conn,
    connect: SiteId,
    told: &Installation,
    now_ms: i64,
) -> Result<Joined, JoinError> {
    let named = told.forge_installation_id.as_deref();
    let held = match named {
        Some(named) => installations::by_id(on, named).await?,
        None => None,
    };
    if let Some(held) = held {
        if held.site == connect {
            return Ok(Joined::alone(connect));
        }
        let owner = sites::by_id(on, held.site).await?;
        if owner.is_some_and(|owner| owner.site.client_key.is_none()) {
            return join(app, on, connect, held.site, now_ms).await;
        }
        // Jira was imported: it says which site has the installation now. The data stays where it is.
        installations::hand_over(on, &held, connect, now_ms).await?;
        let reason = "Jira names another site as the one that has this installation.";
        note(on, held.site, &held.id, "hand over", reason, now_ms).await?;
        return Ok(Joined {
            site: connect,
            other: Some(held.site),
        });
    }
    if let Some(named) = named {
        installations::announce(on, connect, named, now_ms).await?;
    }
    match &told.cloud_id {
        Some(cloud_id) => join_by_cloud_id(app, on, connect, cloud_id, now_ms).await,
        None => Ok(Joined::alone(connect)),
    }
}

/// Joins a site that came through Connect with the Forge half that has its cloud id. Only production
/// has a Connect half that is known by that alone.
pub async fn join_by_cloud_id(
    app: &App,
    on: &impl Conn,
    connect: SiteId,
    cloud_id: &str,
    now_ms: i64,
) -> Result<Joined, JoinError> {
    let is_other_half = |found: &SealedSite| {
        found.site.id != connect && found.site.client_key.is_none() && found.site.forge.is_some()
    };
    let found = sites::by_cloud_id(on, cloud_id, PRODUCTION).await?;
    match found.filter(is_other_half) {
        Some(forge) => join(app, on, connect, forge.site.id, now_ms).await,
        None => Ok(Joined::alone(connect)),
    }
}

/// Joins two halves, or keeps them apart when both have results.
pub async fn join(
    app: &App,
    on: &impl Conn,
    connect: SiteId,
    forge: SiteId,
    now_ms: i64,
) -> Result<Joined, JoinError> {
    let weights = (
        halves::weigh(on, connect).await?,
        halves::weigh(on, forge).await?,
    );
    let Some(forge_half) = sites::by_id(on, forge).await? else {
        return Ok(Joined::alone(connect));
    };
    let (from, into) = match weights {
        (Weight::Results, Weight::Results) => {
            stay_apart(on, connect, &forge_half, now_ms).await?;
            return Ok(Joined::alone(connect));
        }
        (_, Weight::Results) | (Weight::Nothing, _) => (connect, forge),
        _ => (forge, connect),
    };
    if into == forge {
        hand_over_connect(app, on, connect, forge, now_ms).await?;
    }
    if let Some(cloud_id) = &forge_half.site.cloud_id {
        sites::set_cloud_id(on, into, cloud_id, &forge_half.site.environment).await?;
    }
    if let Some(url) = &forge_half.site.site_url {
        sites::set_site_url(on, into, url).await?;
    }
    halves::move_into(on, from, into, now_ms).await?;
    halves::retire(on, from, into, now_ms).await?;
    sites::revive(on, into, now_ms).await?;
    sites::set_enabled(on, into, true).await?;
    let stragglers = Work::Absorb { half: from.0 };
    let mut new = NewWork::new(&stragglers, "join", now_ms).with_priority(Priority::Background);
    new.ready_ms = now_ms + KNOWN_FOR_MS;
    outbox::put(on, into, &new).await?;
    let reason = format!(
        "The site was known through Connect and through Forge; site {from} is now part of site {into}."
    );
    tell(on, into, "join", true, reason, now_ms).await?;
    tracing::info!(site.id = %into, site.half = %from, "two halves of a site are joined");
    Ok(Joined {
        site: into,
        other: Some(from),
    })
}

/// Moves what reached a half after it was joined, and lets go of it.
pub(super) async fn absorb(
    app: &App,
    half: SiteId,
    into: SiteId,
    now_ms: i64,
) -> Result<(), JoinError> {
    let txn = app.store.write().await?;
    if halves::weigh(&*txn, half).await? == Weight::Results {
        return Err(JoinError::Results);
    }
    halves::move_into(&*txn, half, into, now_ms).await?;
    halves::let_go(&*txn, half, now_ms + ROW_FOR_MS).await?;
    txn.commit().await?;
    Ok(())
}

/// The secret is sealed for its site, so it is sealed anew for the one it comes to.
async fn hand_over_connect(
    app: &App,
    on: &impl Conn,
    from: SiteId,
    to: SiteId,
    now_ms: i64,
) -> Result<(), JoinError> {
    let held = sites::by_id(on, from).await?;
    halves::hand_over_connect(on, from, to).await?;
    if let Some(sealed) = held.and_then(|held| held.sealed_secret) {
        let secret = app.seal.open(&secret_place(from), &sealed)?;
        let sealed = app.seal.seal(&secret_place(to), &secret)?;
        sites::set_secret(on, to, sealed, now_ms).await?;
    }
    Ok(())
}

async fn stay_apart(
    on: &impl Conn,
    connect: SiteId,
    forge: &SealedSite,
    now_ms: i64,
) -> Result<(), StoreError> {
    let other = forge.site.id;
    if let Some(cloud_id) = &forge.site.cloud_id {
        sites::set_cloud_id(on, connect, cloud_id, &forge.site.environment).await?;
    }
    for (site, half) in [(connect, other), (other, connect)] {
        let reason = format!(
            "Site {half} is the same Jira, known through another host, but both have tests of their own; they are kept apart."
        );
        tell(on, site, "join", false, reason, now_ms).await?;
    }
    tracing::warn!(site.id = %connect, site.half = %other, "two halves of a site have tests both and are kept apart");
    Ok(())
}

async fn tell(
    on: &impl Conn,
    site: SiteId,
    action: &'static str,
    is_done: bool,
    reason: String,
    now_ms: i64,
) -> Result<(), StoreError> {
    let entry = NewEntry {
        rule: "installation".into(),
        actor: None,
        issue_id: None,
        test_id: None,
        action,
        is_done,
        reason,
        cause: "join".to_owned(),
    };
    audit::insert_all(on, site, &[entry], now_ms).await
}
