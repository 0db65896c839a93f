//! What is kept beside a test for speed, made anew from its stored runs.
//!
//! The one place that says what follows from all runs of a test: edits and deletes, retention and
//! `touchstone rebuild` write it ([`rederive`]), and the checker compares with it ([`derived`]). What
//! an import adds run by run must come to the same.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::coverage::Kept;
use crate::store::shown_status::LONG_AGO;
use crate::store::{Conn, SiteId, StoreError, latest, runs, shown_status, windows};

/// Tests whose projections are written at once.
const BATCH: usize = 200;
/// Tests whose runs are held in memory at once: each may have been run for years.
const IN_MEMORY: usize = 20;

/// Makes the projections of these tests anew, in the caller's transaction. The caller holds their
/// projects, as everybody does who changes runs.
pub async fn rederive(on: &impl Conn, site: SiteId, tests: &[Uuid]) -> Result<(), StoreError> {
    for batch in tests.chunks(BATCH) {
        let mut anew: Vec<(Uuid, Kept)> = derived(on, site, batch).await?.into_iter().collect();
        anew.sort_unstable_by_key(|(test, _)| *test);
        latest::clear(on, site, batch).await?;
        windows::clear(on, site, batch).await?;
        write_all(on, site, &anew).await?;
    }
    shown_status::mark_of_tests(on, site, tests, LONG_AGO).await
}

/// Takes one more stored run into what is kept of its test: as [`rederive`], without reading the
/// others.
pub async fn take_in(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    number: i64,
) -> Result<(), StoreError> {
    let Some((test, fact)) = runs::fact_of(on, site, execution, number).await? else {
        return Ok(());
    };
    let mut kept = kept_of(on, site, &[test])
        .await?
        .remove(&test)
        .unwrap_or_default();
    kept.record(&fact);
    write_all(on, site, &[(test, kept)]).await?;
    shown_status::mark_of_tests(on, site, &[test], LONG_AGO).await
}

/// Writes what is kept of these tests.
pub async fn write_all(
    on: &impl Conn,
    site: SiteId,
    kept: &[(Uuid, Kept)],
) -> Result<(), StoreError> {
    let latest = kept.iter().map(|(test, kept)| (*test, &kept.latest));
    latest::write_all(on, site, latest).await?;
    let windows = kept.iter().map(|(test, kept)| (*test, &kept.window));
    windows::write_all(on, site, windows).await
}

/// What is kept of these tests; tests without a run are left out. On PostgreSQL the caller holds
/// their projects while it changes and writes it back.
pub async fn kept_of(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<HashMap<Uuid, Kept>, StoreError> {
    let latest = latest::by_tests(on, site, tests).await?;
    let mut windows = windows::by_tests(on, site, tests).await?;
    let kept = latest.into_iter().map(|(test, latest)| {
        let window = windows.remove(&test).unwrap_or_default();
        (test, Kept { latest, window })
    });
    Ok(kept.collect())
}

/// What follows from the stored runs of these tests; tests without a run are left out.
pub async fn derived(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<HashMap<Uuid, Kept>, StoreError> {
    let mut derived = HashMap::with_capacity(tests.len());
    for few in tests.chunks(IN_MEMORY) {
        for (test, facts) in runs::facts_of_tests(on, site, few).await? {
            derived.insert(test, Kept::of(&facts));
        }
    }
    Ok(derived)
}
