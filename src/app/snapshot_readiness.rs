//! The daily snapshots: how every version and sprint under way stands, once a day (UTC).
//!
//! Any number of replicas may call this at any time: a lease keeps them from doing the same work, and
//! a day that is kept is never written again, so a lease that ran out costs work and nothing else.

use super::App;
use super::readiness::{Asked, readiness};
use crate::domain::readiness::DAY_MS;
use crate::store::readiness::{Day, is_taken, keep_day, note_taken, planned, take_over};
use crate::store::{SiteId, StoreError, sites};

/// How long a replica has for the snapshots of one site.
const LEASE_MS: i64 = 15 * 60 * 1000;
/// A version or a sprint without an open issue is under way for as long after its last change: so the
/// day on which it was finished is the last of its trend.
const LINGERS_MS: i64 = 2 * DAY_MS;

/// Takes the snapshots of this day that are still missing; returns how many were taken.
pub async fn snapshot_readiness(app: &App) -> Result<usize, StoreError> {
    let mut count = 0;
    for site in sites::list(app.store.read()).await? {
        let (site, now_ms) = (site.site.id, app.clock.now_ms());
        let day = now_ms.div_euclid(DAY_MS);
        if is_taken(app.store.read(), site, day).await? {
            continue;
        }
        let txn = app.store.write().await?;
        let is_ours = take_over(&*txn, site, day, now_ms, now_ms + LEASE_MS).await?;
        txn.commit().await?;
        if is_ours {
            count += of_site(app, site, day, now_ms).await?;
            let txn = app.store.write().await?;
            note_taken(&*txn, site, day).await?;
            txn.commit().await?;
        }
    }
    Ok(count)
}

async fn of_site(app: &App, site: SiteId, day: i64, now_ms: i64) -> Result<usize, StoreError> {
    let mut count = 0;
    for found in planned(app.store.read(), site, None).await? {
        if !found.is_open && found.changed_ms < now_ms - LINGERS_MS {
            continue;
        }
        let asked = Asked {
            project: &found.project_key,
            target: &found.target,
            environment: None,
        };
        let report = readiness(&app.store, site, asked, now_ms).await?;
        let measures = report.measures();
        if measures.issues + measures.exempt == 0 {
            continue;
        }
        let kept = Day {
            day,
            verdict: report.judgement().verdict,
            measures,
        };
        let txn = app.store.write().await?;
        let is_new = keep_day(
            &*txn,
            site,
            &found.project_key,
            &found.target,
            &kept,
            now_ms,
        );
        count += usize::from(is_new.await?);
        txn.commit().await?;
    }
    Ok(count)
}
