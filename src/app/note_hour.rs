//! The hourly call of a Forge installation: it brings a token and a sign of life, which are kept when
//! the caller is met, and is the moment to make up for events that were lost (`forge.md` 5.4).

use super::App;
use super::reconcile::want;
use crate::domain::site::Site;
use crate::domain::work::Scan;
use crate::store::{StoreError, installations};

/// Calls closer together than this are duplicates, milliseconds.
const DUPLICATE_MS: i64 = 10 * 60_000;
/// Notes the hour, and wants the issues that changed since they were compared last.
pub async fn note_hour(app: &App, site: &Site, installation: &str) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    let Some(known) = installations::live(&*txn, site.id).await? else {
        return Ok(());
    };
    let is_again = known
        .last_hourly_ms
        .is_some_and(|last_ms| now_ms - last_ms < DUPLICATE_MS);
    if known.id != installation || is_again {
        return Ok(());
    }
    installations::note_hourly(&*txn, site.id, installation, now_ms).await?;
    want(&*txn, site.id, Scan::Changes, now_ms).await?;
    txn.commit().await?;
    app.outbox_filled.notify_one();
    Ok(())
}
