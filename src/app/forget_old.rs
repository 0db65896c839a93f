//! Forgetting: what has been kept for long enough goes, a little at a time, so that the writer is
//! never held for long.

use crate::app::App;
use crate::store::{SiteId, StoreError, idempotency, inbox, retention, sites};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// How long applied events are kept: their bodies hold personal data. Repeats are known for as long,
/// which is far beyond Jira's last retry (`jira-webhooks-rest.md` 8.1).
const EVENTS_MS: i64 = 14 * DAY_MS;
/// How long calls to Jira that ended are kept; with them goes what keeps them from being repeated.
const SENT_MS: i64 = 90 * DAY_MS;
/// How long a rule remembers what it acted on.
const EFFECTS_MS: i64 = 90 * DAY_MS;
/// How long the answer to a request with an `Idempotency-Key` is kept.
const ANSWERS_MS: i64 = DAY_MS;
/// Rows deleted in one transaction.
const BATCH: i64 = 500;

/// Deletes what is past its time: events, ended calls, rules' guards, and sites whose grace after an
/// uninstall is over.
pub async fn forget_old(app: &App) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    for site in sites::list(app.store.read()).await? {
        let site = site.site.id;
        forget_all(app, site, Old::Events(now_ms - EVENTS_MS)).await?;
        forget_all(app, site, Old::Sent(now_ms - SENT_MS)).await?;
        forget_all(app, site, Old::Effects(now_ms - EFFECTS_MS)).await?;
        forget_all(app, site, Old::Answers(now_ms - ANSWERS_MS)).await?;
    }
    for site in retention::purgeable(app.store.read(), now_ms).await? {
        let txn = app.store.write().await?;
        let is_gone = retention::purge(&*txn, site, now_ms).await?;
        txn.commit().await?;
        if is_gone {
            tracing::info!(site.id = %site, "everything of an uninstalled site was deleted");
        }
    }
    Ok(())
}

/// What is old, and before when.
#[derive(Debug, Clone, Copy)]
enum Old {
    Events(i64),
    Sent(i64),
    Effects(i64),
    Answers(i64),
}

/// Deletes batch after batch until nothing is left to delete.
async fn forget_all(app: &App, site: SiteId, old: Old) -> Result<(), StoreError> {
    loop {
        let txn = app.store.write().await?;
        let gone = match old {
            Old::Events(before_ms) => inbox::forget(&*txn, site, before_ms, BATCH).await?,
            Old::Sent(before_ms) => retention::forget_sent(&*txn, site, before_ms, BATCH).await?,
            Old::Effects(before_ms) => {
                retention::forget_effects(&*txn, site, before_ms, BATCH).await?
            }
            Old::Answers(before_ms) => idempotency::forget(&*txn, site, before_ms, BATCH).await?,
        };
        txn.commit().await?;
        if gone == 0 {
            return Ok(());
        }
    }
}
