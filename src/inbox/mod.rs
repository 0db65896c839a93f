//! The workers that apply what the inbox holds, and the sweep that forgets what is old and keeps how
//! versions and sprints stand each day.
//!
//! A worker sleeps until an event was kept in this process, or until the poll interval has passed:
//! polling is the safety net for events that another replica kept, and for lanes whose wait or lease
//! has run out.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::app::apply_events::{apply_events, batch};
use crate::app::forget_old::forget_old;
use crate::app::keep_runs::keep_runs;
use crate::app::reconcile::plan_scans;
use crate::app::show_statuses::look_again_at_old;
use crate::app::snapshot_readiness::snapshot_readiness;
use crate::ids;
use crate::store::Dialect;

/// How long a worker sleeps at the most, milliseconds, and the spread that keeps replicas apart.
const POLL_MS: u64 = 500;
const POLL_SPREAD_MS: u64 = 250;
/// How long a worker that keeps up lets events gather: a batch costs much the same for one event as
/// for fifty, and on SQLite the writer is busy for as long.
const GATHER: Duration = Duration::from_millis(15);
/// How much longer, at the most, on PostgreSQL while much arrives: an issue that changes again within
/// that time is written once.
const LONGEST: u32 = 8;
/// Lanes of a batch for which the wait grows by one [`GATHER`].
const LANES_A_STEP: i64 = 8;
/// How long a worker waits after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How often it is looked whether the mirror is to be compared with Jira, seconds: between these, so
/// that replicas drift apart.
const PLAN_S: std::ops::Range<u64> = 10..20;
/// How often it is looked whether something is past its time, or a day's snapshots are missing.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// Applies events until `stop` is cancelled.
pub async fn work(app: Arc<App>, stop: CancellationToken) {
    let worker = ids::next();
    let stored = app.inbox.stored();
    let dialect = app.store.dialect();
    while !stop.is_cancelled() {
        // Registered before the look, so that an event kept in between is not slept through.
        let woken = stored.notified();
        match apply_events(&app, worker).await {
            Ok(0) => {
                let spread = u64::from(worker.as_fields().1) % POLL_SPREAD_MS;
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = woken => {}
                    () = tokio::time::sleep(Duration::from_millis(POLL_MS + spread)) => {}
                }
            }
            Ok(lanes) => {
                // What was applied may want something of Jira.
                app.outbox_filled.notify_one();
                if lanes < batch(dialect).0 {
                    tokio::time::sleep(gather(dialect, lanes)).await;
                }
            }
            Err(error) => {
                tracing::error!("events cannot be applied right now: {error:?}");
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(AFTER_FAILURE) => {}
                }
            }
        }
    }
}

fn gather(dialect: Dialect, lanes: i64) -> Duration {
    match dialect {
        Dialect::Sqlite => GATHER,
        Dialect::Postgres => {
            let steps = u32::try_from(lanes / LANES_A_STEP).unwrap_or(LONGEST);
            GATHER * steps.clamp(1, LONGEST)
        }
    }
}

/// Does what is due by time, now and then, until `stop` is cancelled: forgets what is old, takes the
/// snapshots of the day, and has statuses looked at again that time alone may have changed.
pub async fn sweep(app: Arc<App>, stop: CancellationToken) {
    loop {
        if let Err(error) = forget_old(&app).await {
            tracing::warn!("what is old could not be deleted, trying again later: {error:?}");
        }
        if let Err(error) = keep_runs(&app).await {
            tracing::warn!(
                "the run table could not be kept in order, trying again later: {error:?}"
            );
        }
        if let Err(error) = snapshot_readiness(&app).await {
            tracing::warn!("snapshots of readiness are missing, trying again later: {error:?}");
        }
        if let Err(error) = look_again_at_old(&app).await {
            tracing::warn!("statuses could not be looked at again, trying later: {error:?}");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
    }
}

/// Plans comparisons with Jira when they are due, until `stop` is cancelled.
pub async fn plan(app: Arc<App>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(fastrand::u64(PLAN_S))) => {}
        }
        if let Err(error) = plan_scans(&app).await {
            tracing::warn!("comparisons with Jira are not planned, trying again later: {error:?}");
        }
    }
}
