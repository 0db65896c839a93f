//! The workers that send what the outbox holds, and that look which statuses Jira is to be told.
//!
//! They sleep until work was put into the outbox by this process, or until the poll interval has
//! passed: polling is the safety net for work of other replicas and for waits that have run out. Work
//! of different lanes is sent at the same time, within the limits of `jira::limits`; a site has a
//! share of that, and some of it is kept for what persons wait for. When they stop, they finish what
//! is on the way and take nothing more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;
use crate::app::send_work;
use crate::app::show_statuses::show_statuses;
use crate::domain::site::SiteId;
use crate::ids;
use crate::store::StoreError;
use crate::store::outbox::Room;

/// Pieces of work on the way at the same time, and of them those kept for what persons wait for.
const AT_ONCE: (i64, i64) = (16, 4);
/// The same of one site: one that answers slowly must not hold up the others.
const OF_SITE: (i64, i64) = (8, 2);
/// How long a worker sleeps: between these, so that replicas drift apart.
const POLL_MS: std::ops::Range<u64> = 250..1_000;
/// How long it waits after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Sends work until `stop` is cancelled.
pub async fn work(app: Arc<App>, stop: CancellationToken) {
    let mut sender = Sender {
        owner: ids::next(),
        on_the_way: JoinSet::new(),
        sites: HashMap::new(),
        after: SiteId(0),
    };
    while !stop.is_cancelled() {
        while let Some(ended) = sender.on_the_way.try_join_next_with_id() {
            sender.forget(ended);
        }
        // Registered before the look, so that work put in between is not slept through.
        let woken = app.outbox_filled.notified();
        let wait = match sender.send_more(&app).await {
            Ok(()) => Duration::from_millis(fastrand::u64(POLL_MS)),
            Err(error) => {
                tracing::error!("work for Jira cannot be taken right now: {error:?}");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = woken => {}
            Some(ended) = sender.on_the_way.join_next_with_id() => sender.forget(ended),
            () = tokio::time::sleep(wait) => {}
        }
    }
    while sender.on_the_way.join_next().await.is_some() {}
}

/// What is on the way, and for whom.
struct Sender {
    owner: Uuid,
    on_the_way: JoinSet<()>,
    sites: HashMap<Id, SiteId>,
    /// The site whose turn was last.
    after: SiteId,
}

impl Sender {
    async fn send_more(&mut self, app: &Arc<App>) -> Result<(), StoreError> {
        let mut busy: HashMap<SiteId, i64> = HashMap::new();
        for site in self.sites.values() {
            *busy.entry(*site).or_default() += 1;
        }
        let (most, reserve) = AT_ONCE;
        let room = Room {
            most: most - i64::try_from(self.sites.len()).unwrap_or(most),
            reserve,
            of_site: OF_SITE,
            busy: &busy,
            after: self.after,
        };
        for work in send_work::take(app, self.owner, &room).await? {
            self.after = work.site;
            let (app, owner, site) = (Arc::clone(app), self.owner, work.site);
            let sending = self.on_the_way.spawn(async move {
                if let Err(error) = send_work::send(&app, owner, &work).await {
                    // Its lease runs out, and it is sent again.
                    tracing::error!(outbox.id = %work.id, "the end of a try was not kept: {error:?}");
                }
            });
            self.sites.insert(sending.id(), site);
        }
        Ok(())
    }

    fn forget(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => error.id(),
        };
        self.sites.remove(&id);
    }
}

/// Finds out which statuses changed, until `stop` is cancelled.
pub async fn look(app: Arc<App>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let wait = match show_statuses(&app).await {
            Ok(true) => Duration::ZERO,
            Ok(false) => Duration::from_millis(fastrand::u64(POLL_MS)),
            Err(error) => {
                tracing::error!("what Jira shows cannot be compared right now: {error:?}");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}
