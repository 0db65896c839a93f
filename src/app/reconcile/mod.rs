//! Comparing the mirror with Jira, because events get lost (`jira-webhooks-rest.md` 8.4).
//!
//! Three scans. *Changes* searches for what changed since the last complete scan, and some minutes
//! before, for the index lags; each such issue is read once with its history, and every change in it
//! that the inbox has not had is handed to the inbox as the event that was lost. So the ledger of
//! single changes is the inbox itself: a late webhook is then a repeat, and nothing is judged twice.
//! *All* reads every issue once after an installation. *Reach* walks the issues that tests refer to,
//! and finds what was deleted, moved away or hidden.
//!
//! A scan is work of the outbox, a part at a time: limits, pauses, tokens and retries are its affair,
//! and a kill costs no more than the part. The checkpoint moves only at the end of a complete scan.

mod all;
mod changes;
mod links;
mod lost;
mod plan;
mod reach;

use serde::{Deserialize, Serialize};

use super::App;
use super::accept_event::AcceptError;
use crate::domain::site::Site;
use crate::domain::work::Scan;
use crate::jira::{JiraError, SiteClient};
use crate::store::scans::{self, ScanState};
use crate::store::{SiteId, StoreError};

pub use plan::{plan_scans, want, want_now};

/// How far before the last complete scan a search begins, milliseconds: Jira's index lags, events are
/// late, and clocks differ.
const OVERLAP_MS: i64 = 15 * 60_000;
/// The longest time that is made up for, milliseconds: within what the inbox remembers.
const LONGEST_MS: i64 = 7 * 24 * 60 * 60_000;
/// Pages of one part, and how long a part may take, milliseconds; each issue read costs a point of
/// the hour's quota, which all sites share.
const PAGES: usize = 10;
const PART_MS: i64 = 60_000;
/// The wait before the next part of a scan, milliseconds.
const NEXT_PART_MS: i64 = 60_000;

/// Why a part of a scan came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// Jira did not answer it.
    #[error(transparent)]
    Jira(#[from] JiraError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was found could not be kept.
    #[error("a lost change could not be kept: {0}")]
    Keep(#[from] AcceptError),
}

/// Where a scan goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// Jira's token of the page.
    token: String,
    /// The span that is searched, minutes; the token fits no other.
    minutes: i64,
}

impl Place {
    fn of(state: &ScanState) -> Option<Self> {
        let place = state.place.as_ref()?;
        serde_json::from_str(place).ok()
    }

    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Does a part of a scan; what is left follows as further work.
pub async fn reconcile(
    app: &App,
    site: &Site,
    client: &SiteClient<'_>,
    scan: Scan,
) -> Result<(), ScanError> {
    let Some(state) = scans::of_kind(app.store.read(), site.id, scan).await? else {
        return Ok(());
    };
    let was_under_way = state.place.is_some();
    let done = match scan {
        Scan::Changes => changes::scan(app, site, client, state.clone()).await,
        Scan::All => all::scan(app, site, client, state.clone()).await,
        Scan::Reach => reach::scan(app, site, client, state.clone()).await,
    };
    if let (true, Err(ScanError::Jira(JiraError::Refused(_)))) = (was_under_way, &done) {
        // The token of the page may have grown too old: the scan begins anew.
        let anew = ScanState {
            place: None,
            started_ms: None,
            ..state
        };
        keep(app, site.id, &anew).await?;
    }
    done
}

/// Begins a scan, or takes one up that is under way.
fn begin(state: &mut ScanState, now_ms: i64) -> i64 {
    if let Some(started_ms) = state.started_ms {
        return started_ms;
    }
    (state.seen, state.found, state.total) = (0, 0, None);
    state.started_ms = Some(now_ms);
    now_ms
}

/// Writes that a scan came to its end.
async fn complete(
    app: &App,
    site: &Site,
    scan: Scan,
    mut state: ScanState,
) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    state.checkpoint_ms = state.started_ms.take().unwrap_or(now_ms);
    state.place = None;
    state.finished_ms = Some(now_ms);
    state.due_ms = plan::next_ms(app, site, scan, now_ms);
    let txn = app.store.write().await?;
    scans::keep(&*txn, site.id, &state).await?;
    if scan == Scan::Changes {
        let before_ms = state.checkpoint_ms - 2 * OVERLAP_MS;
        scans::forget_notes(&*txn, site.id, before_ms).await?;
    }
    txn.commit().await?;
    if state.found > 0 {
        tracing::info!(
            site.id = %site.id,
            scan = scan.name(),
            "{} of {} issues were behind Jira", state.found, state.seen
        );
    }
    Ok(())
}

/// Writes how far a scan is, and wants the rest of it.
async fn go_on(
    app: &App,
    site: SiteId,
    scan: Scan,
    mut state: ScanState,
    place: String,
) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    state.place = Some(place);
    let txn = app.store.write().await?;
    scans::keep(&*txn, site, &state).await?;
    plan::put(&*txn, site, scan, now_ms, now_ms + NEXT_PART_MS).await?;
    txn.commit().await
}

async fn keep(app: &App, site: SiteId, state: &ScanState) -> Result<(), StoreError> {
    let txn = app.store.write().await?;
    scans::keep(&*txn, site, state).await?;
    txn.commit().await
}
