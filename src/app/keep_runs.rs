//! Room for the runs to come, and the end of those that are past their time.
//!
//! Runs are kept by the month their execution was made in. On PostgreSQL the parts of whole months
//! are dropped; on SQLite, and of the part that months have in common, runs are deleted a little at a
//! time. Either way the tests are noted in the same transaction, and their projections made anew
//! right after: until then a status may still count a run that is gone.

use super::App;
use super::rebuild::rebuild_stale;
use crate::domain::month::Month;
use crate::store::{SiteId, Store, StoreError, partitions, projects, retention, sites};

/// Rows deleted in one transaction.
const BATCH: i64 = 2_000;

/// Makes the parts of this month and the next ones, deletes what is older than the operator keeps, and
/// makes every projection anew that is due.
pub async fn keep_runs(app: &App) -> Result<(), StoreError> {
    let this_month = Month::of_ms(app.clock.now_ms());
    make_room(&app.store, app.clock.now_ms()).await?;
    let sites = sites::list(app.store.read()).await?;
    let sites: Vec<SiteId> = sites.into_iter().map(|held| held.site.id).collect();
    if let Some(months) = app.config.retention.keep_runs_months {
        let kept_from = this_month.plus(-i32::from(months));
        drop_months(&app.store, &sites, kept_from).await?;
        for site in &sites {
            forget_rest(&app.store, *site, kept_from.begins_ms()).await?;
        }
    }
    for site in sites {
        rebuild_stale(&app.store, site).await?;
    }
    Ok(())
}

/// Makes the parts of the month of `now_ms` (milliseconds since the Unix epoch) and of those after it.
pub async fn make_room(store: &Store, now_ms: i64) -> Result<(), StoreError> {
    let txn = store.write().await?;
    partitions::make(&*txn, Month::of_ms(now_ms)).await?;
    txn.commit().await
}

async fn drop_months(store: &Store, sites: &[SiteId], kept_from: Month) -> Result<(), StoreError> {
    let months = partitions::months(store.read()).await?;
    for month in months.into_iter().filter(|month| *month < kept_from) {
        let txn = store.write().await?;
        for site in sites {
            projects::hold_all(&*txn, *site).await?;
        }
        partitions::drop_month(&*txn, month).await?;
        txn.commit().await?;
        tracing::info!("runs of executions of {month} were dropped");
    }
    Ok(())
}

/// Deletes what no dropped part took with it: runs, and the executions that are empty then.
async fn forget_rest(store: &Store, site: SiteId, before_ms: i64) -> Result<(), StoreError> {
    loop {
        let txn = store.write().await?;
        projects::hold_all(&*txn, site).await?;
        let mut gone = retention::forget_runs(&*txn, site, before_ms, BATCH).await?;
        if gone == 0 {
            gone = retention::forget_executions(&*txn, site, before_ms, BATCH).await?;
        }
        txn.commit().await?;
        if gone == 0 {
            return Ok(());
        }
    }
}
