//! Group commit: requests that arrive together share one transaction.
//!
//! A writer takes whatever is waiting (never waiting for more), keeps it in one transaction and then
//! answers every request of the batch. Under load a batch grows by itself while the one before it
//! commits, so the rate hardly depends on how long a flush takes, and a lone request waits for
//! nothing but its own commit. PostgreSQL gets two writers: one collects while the other commits.
//!
//! A batch that fails is tried again event by event, so that a bad one does not fail its neighbours.

use std::sync::Arc;

use tokio::sync::{Mutex, Notify, mpsc, oneshot};

use super::super::{Dialect, Store, StoreError};
use super::NewEvent;
use super::accept::insert_all;
use crate::metrics::Metrics;

/// Events of one transaction at the most.
const BATCH: usize = 128;
/// Bytes of bodies in one transaction, about; one body may be 25 MB.
const BATCH_BYTES: usize = 4 << 20;
/// Requests that may wait before the next one is made to wait for a place.
const QUEUE: usize = 1024;

struct Waiting {
    event: NewEvent,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

/// Where events are handed in to be kept.
#[derive(Debug, Clone)]
pub struct InboxWriter {
    queue: mpsc::Sender<Waiting>,
    /// Told after every commit: there is work.
    stored: Arc<Notify>,
}

impl InboxWriter {
    /// Starts the writers on the current runtime; they end when every handle is dropped.
    #[must_use]
    pub fn start(store: &Store, metrics: &Arc<Metrics>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        let stored = Arc::new(Notify::new());
        let writers = match store.dialect() {
            Dialect::Sqlite => 1,
            Dialect::Postgres => 2,
        };
        for _ in 0..writers {
            tokio::spawn(write(
                store.clone(),
                Arc::clone(&waiting),
                Arc::clone(&stored),
                Arc::clone(metrics),
            ));
        }
        Self { queue, stored }
    }

    /// Keeps an event; returns once it is durable. A repeat of a known event is no error.
    pub async fn keep(&self, event: NewEvent) -> Result<(), StoreError> {
        let (answer, done) = oneshot::channel();
        let handed_in = self.queue.send(Waiting { event, answer }).await;
        handed_in.ok().ok_or(StoreError::Closed)?;
        done.await.ok().ok_or(StoreError::Closed)?
    }

    /// Is told whenever events were kept.
    #[must_use]
    pub fn stored(&self) -> Arc<Notify> {
        Arc::clone(&self.stored)
    }
}

async fn write(
    store: Store,
    waiting: Arc<Mutex<mpsc::Receiver<Waiting>>>,
    stored: Arc<Notify>,
    metrics: Arc<Metrics>,
) {
    loop {
        let Some((events, answers)) = collect(&mut *waiting.lock().await).await else {
            return;
        };
        // A request whose client went away is kept all the same; there is only nobody to tell.
        match insert_all(&store, &events).await {
            Ok(new) => {
                metrics.kept(events.len(), new);
                for answer in answers {
                    drop(answer.send(Ok(())));
                }
            }
            Err(error) if events.len() == 1 => {
                tracing::error!("an event could not be kept: {error:?}");
                for answer in answers {
                    drop(answer.send(Err(StoreError::Batch(error.to_string()))));
                }
            }
            Err(error) => {
                tracing::warn!(
                    "a batch of {} events failed, trying one by one: {error:?}",
                    events.len()
                );
                for (event, answer) in events.iter().zip(answers) {
                    let kept = insert_all(&store, std::slice::from_ref(event)).await;
                    drop(answer.send(kept.map(|new| metrics.kept(1, new))));
                }
            }
        }
        stored.notify_waiters();
        stored.notify_one();
    }
}

/// Waits for one event and takes what else is there already; `None` when all senders are gone.
async fn collect(
    waiting: &mut mpsc::Receiver<Waiting>,
) -> Option<(Vec<NewEvent>, Vec<oneshot::Sender<Result<(), StoreError>>>)> {
    let first = waiting.recv().await?;
    let mut bytes = first.event.body.len();
    let (mut events, mut answers) = (vec![first.event], vec![first.answer]);
    while events.len() < BATCH && bytes < BATCH_BYTES {
        let Ok(next) = waiting.try_recv() else { break };
        bytes += next.event.body.len();
        events.push(next.event);
        answers.push(next.answer);
    }
    Some((events, answers))
}
