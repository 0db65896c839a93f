//! Making the projections of a site anew from the facts: the same result, whatever was there before.

use uuid::Uuid;

use super::rederive::rederive;
use crate::store::{SiteId, Store, StoreError, projects, stale_tests, tests};

/// Tests made anew in one transaction.
const BATCH: i64 = 200;

/// Makes every test's projection of a site anew; returns how many tests it went through. Imports may
/// go on meanwhile: they and a batch wait for each other.
pub async fn rebuild(store: &Store, site: SiteId) -> Result<usize, StoreError> {
    let (mut after, mut count) = (Uuid::nil(), 0);
    loop {
        let txn = store.write().await?;
        // What an import holds while it changes projections.
        projects::hold_all(&*txn, site).await?;
        let batch = tests::ids_after(&*txn, site, after, BATCH).await?;
        let Some(last) = batch.last() else {
            return Ok(count);
        };
        after = *last;
        count += batch.len();
        rederive(&*txn, site, &batch).await?;
        stale_tests::clear(&*txn, site, &batch).await?;
        txn.commit().await?;
    }
}

/// Makes the projections anew that are due; returns how many.
pub async fn rebuild_stale(store: &Store, site: SiteId) -> Result<usize, StoreError> {
    let mut count = 0;
    while !stale_tests::of_site(store.read(), site, 1)
        .await?
        .is_empty()
    {
        let txn = store.write().await?;
        projects::hold_all(&*txn, site).await?;
        let batch = stale_tests::of_site(&*txn, site, BATCH).await?;
        rederive(&*txn, site, &batch).await?;
        stale_tests::clear(&*txn, site, &batch).await?;
        txn.commit().await?;
        count += batch.len();
    }
    Ok(count)
}
