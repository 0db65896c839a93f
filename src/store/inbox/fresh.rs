//! Events that were kept a moment ago: the worker of the same process need not read them back.
//!
//! Only a short cut. What is not here any more, or was kept by another replica, is in the table.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::NewEvent;

/// Bytes of bodies remembered, about: what comes in while a worker gathers its batch.
const BYTES: usize = 2 << 20;

/// See the module.
#[derive(Debug, Default)]
pub struct Fresh(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    events: HashMap<Uuid, NewEvent>,
    /// In the order they came; some of them were taken already.
    order: VecDeque<Uuid>,
    bytes: usize,
}

impl Fresh {
    /// Remembers events; the oldest make room.
    pub(super) fn remember(&self, events: Vec<NewEvent>) {
        let mut held = self.held();
        for event in events {
            held.bytes += event.body.len();
            held.order.push_back(event.id);
            held.events.insert(event.id, event);
        }
        while held.bytes > BYTES || held.order.len() > 2 * held.events.len() + 64 {
            let Some(oldest) = held.order.pop_front() else {
                break;
            };
            held.forget(oldest);
        }
    }

    fn held(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event out, if it is remembered.
    pub(super) fn take(&self, id: Uuid) -> Option<NewEvent> {
        self.held().forget(id)
    }
}

impl Remembered {
    fn forget(&mut self, id: Uuid) -> Option<NewEvent> {
        let event = self.events.remove(&id)?;
        self.bytes -= event.body.len();
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Channel;
    use super::*;
    use crate::domain::site::SiteId;

    fn event(id: u128, bytes: usize) -> NewEvent {
        NewEvent {
            site: SiteId(1),
            id: Uuid::from_u128(id),
            lane: "1".to_owned(),
            channel: Channel::Connect,
            event: String::new(),
            event_ms: 0,
            delivery_key: None,
            content_key: [0; 16],
            trace: None,
            body: vec![0; bytes],
            received_ms: 0,
        }
    }

    #[test]
    fn the_oldest_make_room_and_what_was_taken_takes_none() {
        let fresh = Fresh::default();
        let has = |id| fresh.held().events.contains_key(&Uuid::from_u128(id));
        fresh.remember(vec![event(1, BYTES / 2), event(2, BYTES / 2)]);
        assert!(fresh.take(Uuid::from_u128(2)).is_some());
        assert!(fresh.take(Uuid::from_u128(2)).is_none());
        fresh.remember(vec![event(3, BYTES / 2)]);
        assert!(has(1) && has(3));
        fresh.remember(vec![event(4, 1)]);
        assert!(!has(1) && has(3) && has(4));
        fresh.remember(vec![event(5, BYTES + 1)]);
        assert!(fresh.held().events.is_empty());
        assert_eq!(fresh.held().bytes, 0);
    }

    #[test]
    fn what_was_taken_is_not_listed_for_ever() {
        let fresh = Fresh::default();
        for id in 0..10_000 {
            fresh.remember(vec![event(id, 10)]);
            assert!(fresh.take(Uuid::from_u128(id)).is_some());
        }
        assert!(fresh.held().order.len() < 100);
    }
}
