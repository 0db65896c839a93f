//! When scans are made: by the clock, after an outage, and when somebody asks for one.

use crate::app::App;
use crate::domain::site::Site;
use crate::domain::work::{Priority, Scan, Work};
use crate::store::outbox::{self, NewWork};
use crate::store::scans::{self, NEVER_MS};
use crate::store::{Conn, SiteId, StoreError};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// How often at the most a site is compared that is reached through Forge alone, milliseconds: there
/// an app has few points for each site (`forge.md` 7), and a call every hour anyway.
const FORGE_MS: i64 = 60 * MINUTE_MS;
/// When a part of the first reading that came to nothing is tried again, milliseconds.
const AGAIN_MS: i64 = 10 * MINUTE_MS;

/// Puts the scans that are due into the outbox, and plans those of new sites.
pub async fn plan_scans(app: &App) -> Result<(), StoreError> {
    if app.config.reconcile.minutes == 0 {
        return Ok(());
    }
    let now_ms = app.clock.now_ms();
    let on = app.store.read();
    let unplanned = scans::unplanned(on).await?;
    if !unplanned.is_empty() {
        let txn = app.store.write().await?;
        for site in unplanned {
            scans::plan(&*txn, site, now_ms, now_ms + jitter(DAY_MS)).await?;
        }
        txn.commit().await?;
    }
    for (id, scan) in scans::due(on, now_ms).await? {
        let Ok(Some(site)) = app.sites.by_id(id).await else {
            continue;
        };
        // Should it come to nothing, it is due again like any other.
        let due_ms = match scan {
            Scan::All => now_ms + AGAIN_MS,
            Scan::Changes | Scan::Reach => next_ms(app, &site, scan, now_ms),
        };
        let txn = app.store.write().await?;
        scans::set_due(&*txn, id, scan, due_ms).await?;
        put(&*txn, id, scan, now_ms, now_ms).await?;
        txn.commit().await?;
        app.outbox_filled.notify_one();
    }
    Ok(())
}

/// When a scan that has come to its end is made again by itself.
pub(super) fn next_ms(app: &App, site: &Site, scan: Scan, now_ms: i64) -> i64 {
    let minutes = i64::from(app.config.reconcile.minutes);
    let every_ms = match scan {
        Scan::All => return NEVER_MS,
        _ if minutes == 0 => return NEVER_MS,
        Scan::Reach => DAY_MS,
        Scan::Changes if site.secret.is_none() => FORGE_MS.max(minutes * MINUTE_MS),
        Scan::Changes => minutes * MINUTE_MS,
    };
    // Not all sites at once.
    now_ms + every_ms + jitter(every_ms / 5)
}

fn jitter(most_ms: i64) -> i64 {
    fastrand::i64(0..=most_ms.max(0))
}

/// Wants a scan of a site now, in the caller's transaction.
pub async fn want(on: &impl Conn, site: SiteId, scan: Scan, now_ms: i64) -> Result<(), StoreError> {
    scans::plan(on, site, now_ms, now_ms + jitter(DAY_MS)).await?;
    put(on, site, scan, now_ms, now_ms).await
}

/// Wants scans of a site now: a person asks for them.
pub async fn want_now(app: &App, site: SiteId, wanted: &[Scan]) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    for scan in wanted {
        want(&*txn, site, *scan, now_ms).await?;
    }
    txn.commit().await?;
    app.outbox_filled.notify_one();
    Ok(())
}

/// Puts a part of a scan into the outbox, unless one waits there.
pub(super) async fn put(
    on: &impl Conn,
    site: SiteId,
    scan: Scan,
    now_ms: i64,
    ready_ms: i64,
) -> Result<(), StoreError> {
    let work = Work::Reconcile { scan };
    let mut new = NewWork::new(&work, format!("scan {}", scan.name()), now_ms)
        .once(work.lane())
        .with_priority(Priority::Background);
    new.ready_ms = ready_ms;
    outbox::put(on, site, &new).await?;
    Ok(())
}
