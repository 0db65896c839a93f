//! Does what a request asks for and keeps the answer, in one transaction; a repeat of the request is
//! given that answer and does nothing.
//!
//! A request that is refused leaves nothing, so that it may be sent again under the same key.

use crate::store::idempotency::{self, KeptAnswer, Known, Repeatable};
use crate::store::{SiteId, Store, StoreError, Txn};

/// What became of a request.
#[derive(Debug)]
pub enum Answered {
    /// It was done now.
    Now(KeptAnswer),
    /// It was done before; this is what was answered then.
    Before(KeptAnswer),
    /// Its key was used for another request; nothing was done.
    OtherRequest,
}

/// Does `work` in a transaction, unless `request` names one that was done already.
pub async fn answer_once<E: From<StoreError>>(
    store: &Store,
    site: SiteId,
    request: Option<&Repeatable>,
    now_ms: i64,
    work: impl AsyncFnOnce(&Txn) -> Result<KeptAnswer, E>,
) -> Result<Answered, E> {
    let txn = store.write().await?;
    if let Some(request) = request {
        match idempotency::claim(&*txn, site, request, now_ms).await? {
            Known::New => {}
            Known::Done(answer) => return Ok(Answered::Before(answer)),
            Known::OtherRequest => return Ok(Answered::OtherRequest),
        }
    }
    let answer = work(&txn).await?;
    if let Some(request) = request {
        idempotency::keep(&*txn, site, request, &answer).await?;
    }
    txn.commit().await?;
    Ok(Answered::Now(answer))
}
