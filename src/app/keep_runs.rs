//! Room for the runs to come, and the end of those that are past their time.
//!
//! Runs are kept by the month their execution was made in. On PostgreSQL the parts of whole months
//! are dropped; on SQLite, and of the part that months have in common, runs are deleted a little at a
//! time. Either way the tests are noted in the same transaction, and their projections made anew
//! right after: until then a status may still count a run that is gone.

use super::App;
use super::rebuild::rebuild_stale;
use crate::domain::month::Month;
use crate::store::{
    Conn, SiteId, Store, StoreError, evidence, executions, partitions, projects, retention,
    run_defects, sites,
};

/// Runs deleted in one transaction.
const BATCH: i64 = 2_000;
/// Executions deleted in one transaction, each with what hung on its runs.
const EXECUTIONS: i64 = 200;

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
        let runs = retention::forget_runs(&*txn, site, before_ms, BATCH).await?;
        let is_done = runs == 0 && forget_executions(&*txn, site, before_ms).await? == 0;
        txn.commit().await?;
        if is_done {
            return Ok(());
        }
    }
}

/// Deletes some of the executions without runs, and what hung on the runs they had; returns how many.
async fn forget_executions(
    on: &impl Conn,
    site: SiteId,
    before_ms: i64,
) -> Result<usize, StoreError> {
    let empty = retention::empty_executions(on, site, before_ms, EXECUTIONS).await?;
    for (project, execution) in &empty {
        let place = (*project, *execution);
        evidence::delete(on, site, place, evidence::Which::All).await?;
        run_defects::delete_all(on, site, *execution).await?;
        executions::delete(on, site, *execution).await?;
    }
    Ok(empty.len())
}
