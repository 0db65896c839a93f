//! The hourly call of a Forge installation: it brings a token and a sign of life, which are kept when
//! the caller is met, and is the moment to make up for events that were lost (`forge.md` 5.4).

use super::App;
use crate::domain::site::Site;
use crate::domain::work::{Priority, Work};
use crate::store::outbox::{self, NewWork};
use crate::store::{StoreError, installations};

/// Calls closer together than this are duplicates, milliseconds.
const DUPLICATE_MS: i64 = 10 * 60_000;
/// The longest gap that is made up for, milliseconds; what changed before is read when it is next
/// needed.
const LONGEST_GAP_MS: i64 = 7 * 24 * 60 * 60_000;
/// How much earlier than the gap is looked, milliseconds: events are up to three minutes late, and
/// clocks differ.
const MARGIN_MS: i64 = 5 * 60_000;
/// The gap after an installation's first hour, milliseconds.
const FIRST_GAP_MS: i64 = 60 * 60_000;

/// Notes the hour, and wants the issues that changed since the last one.
pub async fn note_hour(app: &App, site: &Site, installation: &str) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    let Some(known) = installations::live(&*txn, site.id).await? else {
        return Ok(());
    };
    let gap_ms = known
        .last_hourly_ms
        .map_or(FIRST_GAP_MS, |last_ms| now_ms - last_ms);
    if known.id != installation || gap_ms < DUPLICATE_MS {
        return Ok(());
    }
    installations::note_hourly(&*txn, site.id, installation, now_ms).await?;
    let work = Work::Reconcile {
        since_ms: now_ms - gap_ms.min(LONGEST_GAP_MS) - MARGIN_MS,
    };
    let new = NewWork::new(&work, format!("installation {installation}"), now_ms)
        .once(work.kind())
        .with_priority(Priority::Background);
    outbox::put(&*txn, site.id, &new).await?;
    txn.commit().await?;
    app.outbox_filled.notify_one();
    Ok(())
}
