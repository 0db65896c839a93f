//! The sites, kept close: every request needs one, and they change rarely.
//!
//! The database has the truth. A copy is dropped when this process changes the site and ages out soon
//! in any case, which is how other replicas learn of a change; a token that does not verify under a
//! copy may ask for a fresh one ([`Sites::reread`]). Client keys and installations lead to a site's
//! id, and there is one copy for each id, so that there is one to drop.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use moka::future::Cache;
use tokio::sync::Mutex;

use crate::crypto::{Seal, SealError};
use crate::domain::site::{ForgeToken, SharedSecret, Site, SiteId};
use crate::store::installations::token_place;
use crate::store::sites::{self, SealedSite, secret_place};
use crate::store::{Store, StoreError};

/// How long a copy is used: the longest a replica knows an old secret.
const FRESH: Duration = Duration::from_secs(15);
/// Rereads a second at the most, so that forged tokens do not become load.
const REREADS_A_SECOND: NonZeroU32 = match NonZeroU32::new(50) {
    Some(number) => number,
    None => NonZeroU32::MIN,
};
/// Sites kept at most.
const KEPT: u64 = 20_000;

/// Why a site cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum SitesError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored secret cannot be opened with the configured key.
    #[error("the secret of site {site} does not open")]
    Sealed {
        /// The site.
        site: SiteId,
        /// Why.
        #[source]
        why: SealError,
    },
    /// The stored secret is not text.
    #[error("the secret of site {0} is not text")]
    NotText(SiteId),
}

/// The sites, by client key, by installation and by our own id.
#[derive(Debug)]
pub struct Sites {
    store: Store,
    seal: Arc<Seal>,
    rereads: DefaultDirectRateLimiter,
    of_client_key: Cache<String, SiteId>,
    of_installation: Cache<String, SiteId>,
    by_id: Cache<SiteId, Arc<Site>>,
    /// Held while what an invocation tells of a site is written: those that come meanwhile find it
    /// written.
    pub(super) telling: Mutex<()>,
    /// Counts drops: a read that began before one must not be kept after it.
    drops: AtomicU64,
}

impl Sites {
    /// Sites of `store`, their secrets opened with `seal`.
    #[must_use]
    pub fn new(store: Store, seal: Arc<Seal>) -> Self {
        Self {
            store,
            seal,
            rereads: RateLimiter::direct(Quota::per_second(REREADS_A_SECOND)),
            of_client_key: kept(),
            of_installation: kept(),
            by_id: kept(),
            telling: Mutex::new(()),
            drops: AtomicU64::new(0),
        }
    }

    /// The site a Connect token names.
    pub async fn by_client_key(&self, client_key: &str) -> Result<Option<Arc<Site>>, SitesError> {
        if let Some(id) = self.of_client_key.get(client_key).await
            && let Some(site) = self.by_id.get(&id).await
            && site.client_key.as_deref() == Some(client_key)
        {
            return Ok(Some(site));
        }
        let drops = self.drops.load(Ordering::Acquire);
        let found = sites::by_client_key(self.store.read(), client_key).await?;
        self.keep(found, drops).await
    }

    /// The site that an installation is of, live or not.
    pub async fn by_installation(&self, id: &str) -> Result<Option<Arc<Site>>, SitesError> {
        if let Some(site) = self.of_installation.get(id).await
            && let Some(site) = self.by_id.get(&site).await
        {
            return Ok(Some(site));
        }
        let drops = self.drops.load(Ordering::Acquire);
        let found = sites::by_installation(self.store.read(), id).await?;
        let site = self.keep(found, drops).await?;
        if let Some(site) = &site {
            self.of_installation.insert(id.to_owned(), site.id).await;
        }
        Ok(site)
    }

    /// The site of a row.
    pub async fn by_id(&self, id: SiteId) -> Result<Option<Arc<Site>>, SitesError> {
        if let Some(site) = self.by_id.get(&id).await {
            return Ok(Some(site));
        }
        let drops = self.drops.load(Ordering::Acquire);
        let found = sites::by_id(self.store.read(), id).await?;
        self.keep(found, drops).await
    }

    /// Reads a site again because a token did not verify under the copy: another replica may have
    /// taken a new secret. `None` when there were too many such tokens a moment ago.
    pub async fn reread(&self, copy: &Site) -> Result<Option<Arc<Site>>, SitesError> {
        let Some(client_key) = copy.client_key.as_deref() else {
            return Ok(None);
        };
        if self.rereads.check().is_err() {
            return Ok(None);
        }
        // The copy stays while the row is read: without it every other request would read it too.
        let drops = self.drops.load(Ordering::Acquire);
        let found = sites::by_client_key(self.store.read(), client_key).await?;
        if found.is_none() {
            self.forget(copy.id).await;
        }
        self.keep(found, drops).await
    }

    /// The site a person names by address, client key, installation or cloud id.
    pub async fn find(&self, text: &str) -> Result<Option<Arc<Site>>, SitesError> {
        let found = sites::find(self.store.read(), text).await?;
        found.map(|found| self.open(found)).transpose()
    }

    /// Every site, the installed ones first.
    pub async fn list(&self) -> Result<Vec<Arc<Site>>, SitesError> {
        let all = sites::list(self.store.read()).await?;
        all.into_iter().map(|found| self.open(found)).collect()
    }

    /// Forgets the copy of a site; called after a change of it is committed.
    pub async fn forget(&self, id: SiteId) {
        self.drops.fetch_add(1, Ordering::AcqRel);
        self.by_id.invalidate(&id).await;
    }

    async fn keep(
        &self,
        found: Option<SealedSite>,
        drops: u64,
    ) -> Result<Option<Arc<Site>>, SitesError> {
        let Some(found) = found else { return Ok(None) };
        let site = self.open(found)?;
        if self.drops.load(Ordering::Acquire) == drops {
            if let Some(client_key) = &site.client_key {
                self.of_client_key.insert(client_key.clone(), site.id).await;
            }
            self.by_id.insert(site.id, site.clone()).await;
        }
        Ok(Some(site))
    }

    fn open(&self, found: SealedSite) -> Result<Arc<Site>, SitesError> {
        let mut site = found.site;
        if let Some(sealed) = found.sealed_secret {
            let opened = self.seal.open(&secret_place(site.id), &sealed);
            let opened = opened.map_err(|why| SitesError::Sealed { site: site.id, why })?;
            let text = String::from_utf8(opened)
                .ok()
                .ok_or(SitesError::NotText(site.id))?;
            site.secret = SharedSecret::new(text);
        }
        if let (Some(forge), Some((sealed, expires_ms))) = (&mut site.forge, found.sealed_token) {
            // A token that does not open is as good as none: the next one comes within the hour.
            let opened = self
                .seal
                .open(&token_place(&forge.installation_id), &sealed)
                .ok()
                .and_then(|opened| String::from_utf8(opened).ok());
            forge.system_token = opened.map(|secret| ForgeToken {
                secret: secret.into(),
                expires_ms,
            });
        }
        Ok(Arc::new(site))
    }
}

fn kept<K, V>() -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(KEPT)
        .time_to_live(FRESH)
        .build()
}
