//! A person or a script takes a test out of what counts for a time, or lets it count again.
//!
//! Whether they may is the edge's question. Nothing is derived from it here: statuses are worked out
//! when somebody looks, and a quarantine ends by itself.

use uuid::Uuid;

use crate::domain::quarantine::Quarantine;
use crate::domain::wording::{End, Words, WordsError};
use crate::store::{SiteId, Store, StoreError, quarantines};

/// Why a test was not quarantined.
#[derive(Debug, thiserror::Error)]
pub enum QuarantineError {
    /// What was said cannot be kept.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a quarantine needs.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Why the test does not count.
    pub reason: &'a str,
    /// Who sees to it that it does again.
    pub owner: &'a str,
    /// When it counts again, milliseconds since the Unix epoch.
    pub ends_ms: i64,
}

/// Quarantines a test for the account `by`, in place of the quarantine it had.
pub async fn quarantine_test(
    store: &Store,
    site: SiteId,
    test: Uuid,
    wanted: &Wanted<'_>,
    by: Option<&str>,
    now_ms: i64,
) -> Result<Quarantine, QuarantineError> {
    let quarantine = Quarantine {
        reason: Words::read("reason", wanted.reason)?.0,
        owner: Words::read("owner", wanted.owner)?.0,
        by: by.map(str::to_owned),
        created_ms: now_ms,
        ends_ms: End::read(wanted.ends_ms, now_ms)?.0,
    };
    let txn = store.write().await?;
    quarantines::set(&*txn, site, test, &quarantine).await?;
    txn.commit().await?;
    Ok(quarantine)
}

/// Lets a test count again; tells whether it was quarantined.
pub async fn end_quarantine(store: &Store, site: SiteId, test: Uuid) -> Result<bool, StoreError> {
    let txn = store.write().await?;
    let was_there = quarantines::clear(&*txn, site, test).await?;
    txn.commit().await?;
    Ok(was_there)
}
