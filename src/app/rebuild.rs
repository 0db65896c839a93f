//! Making the projections anew from the facts: the same result, whatever was there before.

use uuid::Uuid;

use crate::domain::coverage::Latest;
use crate::store::{SiteId, Store, StoreError, latest, projects, runs, tests};

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
        let facts = runs::facts_of_tests(&*txn, site, &batch).await?;
        let anew: Vec<_> = facts
            .into_iter()
            .map(|(test, facts)| {
                let mut latest = Latest::default();
                for fact in &facts {
                    latest.record(fact);
                }
                (test, latest)
            })
            .collect();
        latest::clear(&*txn, site, &batch).await?;
        latest::write_all(&*txn, site, &anew).await?;
        txn.commit().await?;
    }
}
