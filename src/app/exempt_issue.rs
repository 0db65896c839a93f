//! A person or a script says that an issue needs no test, or takes that back.
//!
//! Whether they may is the edge's question. Nothing is derived from it here: statuses are worked out
//! when somebody looks, and an exemption that ended by itself is one that no longer holds.

use uuid::Uuid;

use crate::domain::exemption::Exemption;
use crate::domain::wording::{End, Words, WordsError};
use crate::store::{SiteId, Store, StoreError, exemptions};

/// Why an issue was not exempted.
#[derive(Debug, thiserror::Error)]
pub enum ExemptionError {
    /// What was said cannot be kept.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Exempts an issue (our id) for the account `by`, until `ends_ms` if it ends (milliseconds since the
/// Unix epoch), in place of what was said before.
pub async fn exempt_issue(
    store: &Store,
    site: SiteId,
    issue: Uuid,
    reason: &str,
    ends_ms: Option<i64>,
    by: Option<&str>,
    now_ms: i64,
) -> Result<Exemption, ExemptionError> {
    let exemption = Exemption {
        reason: Words::read("reason", reason)?.0,
        by: by.map(str::to_owned),
        created_ms: now_ms,
        ends_ms: ends_ms
            .map(|at_ms| End::read(at_ms, now_ms))
            .transpose()?
            .map(|end| end.0),
    };
    let txn = store.write().await?;
    exemptions::set(&*txn, site, issue, &exemption).await?;
    txn.commit().await?;
    Ok(exemption)
}

/// Takes an exemption back; tells whether there was one.
pub async fn end_exemption(store: &Store, site: SiteId, issue: Uuid) -> Result<bool, StoreError> {
    let txn = store.write().await?;
    let was_there = exemptions::clear(&*txn, site, issue).await?;
    txn.commit().await?;
    Ok(was_there)
}
