//! Group commit: requests that arrive together share one transaction.
//!
//! A writer takes whatever is waiting (never waiting for more), keeps it in one transaction and then
//! answers every request of the batch. Under load a batch grows by itself while the one before it
//! commits, so the rate hardly depends on how long a flush takes, and a lone request waits for
//! nothing but its own commit. PostgreSQL gets several writers: one collects while another commits.
//! Each has lanes of its own, because a lane's row is locked until the commit: two that met in a lane
//! would follow one another.
//!
//! A batch that fails is tried again event by event, so that a bad one does not fail its neighbours.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};

use super::super::{Dialect, Store, StoreError};
use super::NewEvent;
use super::accept::insert_all;
use crate::metrics::Metrics;

/// Events of one transaction at the most.
const BATCH: usize = 128;
/// Bytes of bodies in one transaction, about; one body may be 25 MB.
const BATCH_BYTES: usize = 4 << 20;
/// Requests that may wait for a writer before the next one is made to wait for a place.
const QUEUE: usize = 1024;

struct Waiting {
    event: NewEvent,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

/// Where events are handed in to be kept.
#[derive(Debug, Clone)]
pub struct InboxWriter {
    /// One for each writer.
    queues: Arc<[mpsc::Sender<Waiting>]>,
    /// Told after every commit: there is work.
    stored: Arc<Notify>,
}

impl InboxWriter {
    /// Starts the writers on the current runtime; they end when every handle is dropped.
    #[must_use]
    pub fn start(store: &Store, metrics: &Arc<Metrics>) -> Self {
        let stored = Arc::new(Notify::new());
        let writers = match store.dialect() {
            Dialect::Sqlite => 1,
            Dialect::Postgres => 2,
        };
        let start_one = |_| {
            let (queue, waiting) = mpsc::channel(QUEUE);
            let (store, stored) = (store.clone(), Arc::clone(&stored));
            tokio::spawn(write(store, waiting, stored, Arc::clone(metrics)));
            queue
        };
        Self {
            queues: (0..writers).map(start_one).collect(),
            stored,
        }
    }

    /// Keeps an event; returns once it is durable. A repeat of a known event is no error.
    pub async fn keep(&self, event: NewEvent) -> Result<(), StoreError> {
        let (answer, done) = oneshot::channel();
        let queue = self.queue_of(&event).ok_or(StoreError::Closed)?;
        let handed_in = queue.send(Waiting { event, answer }).await;
        handed_in.ok().ok_or(StoreError::Closed)?;
        done.await.ok().ok_or(StoreError::Closed)?
    }

    fn queue_of(&self, event: &NewEvent) -> Option<&mpsc::Sender<Waiting>> {
        let mut hasher = DefaultHasher::new();
        (event.site, &event.lane).hash(&mut hasher);
        let writers = u64::try_from(self.queues.len()).ok()?;
        let writer = hasher.finish().checked_rem(writers)?;
        self.queues.get(usize::try_from(writer).ok()?)
    }

    /// Is told whenever events were kept.
    #[must_use]
    pub fn stored(&self) -> Arc<Notify> {
        Arc::clone(&self.stored)
    }
}

async fn write(
    store: Store,
    mut waiting: mpsc::Receiver<Waiting>,
    stored: Arc<Notify>,
    metrics: Arc<Metrics>,
) {
    while let Some((events, answers)) = collect(&mut waiting).await {
        // A request whose client went away is kept all the same; there is only nobody to tell.
        match insert_all(&store, &events).await {
            Ok(new) => {
                metrics.kept(events.len(), new);
                store.fresh.remember(events);
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
