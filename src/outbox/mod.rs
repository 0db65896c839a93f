//! The worker that sends what the outbox holds.
//!
//! It sleeps until work was put into the outbox by this process, or until the poll interval has
//! passed: polling is the safety net for work of other replicas and for waits that have run out. Work
//! of different lanes is sent at the same time, within the limits of `jira::limits`. When it stops,
//! it finishes what is on the way and takes nothing more.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::app::send_work;
use crate::ids;

/// Pieces of work on the way at the same time.
const AT_ONCE: usize = 8;
/// How long the worker sleeps: between these, so that replicas drift apart.
const POLL_MS: std::ops::Range<u64> = 250..1_000;
/// How long it waits after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Sends work until `stop` is cancelled.
pub async fn work(app: Arc<App>, stop: CancellationToken) {
    let owner = ids::next();
    let mut on_the_way = JoinSet::new();
    while !stop.is_cancelled() {
        while on_the_way.try_join_next().is_some() {}
        // Registered before the look, so that work put in between is not slept through.
        let woken = app.outbox_filled.notified();
        let free = i64::try_from(AT_ONCE.saturating_sub(on_the_way.len())).unwrap_or(0);
        let wait = match send_work::take(&app, owner, free).await {
            Ok(taken) => {
                for work in taken {
                    let app = Arc::clone(&app);
                    on_the_way.spawn(async move {
                        if let Err(error) = send_work::send(&app, owner, &work).await {
                            // Its lease runs out, and it is sent again.
                            tracing::error!(outbox.id = %work.id, "the end of a try was not kept: {error:?}");
                        }
                    });
                }
                Duration::from_millis(fastrand::u64(POLL_MS))
            }
            Err(error) => {
                tracing::error!("work for Jira cannot be taken right now: {error:?}");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = woken => {}
            Some(_) = on_the_way.join_next() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    while on_the_way.join_next().await.is_some() {}
}
