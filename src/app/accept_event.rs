//! Accepting an event: look at it just enough to queue it, keep it, answer.
//!
//! Nothing here calls Jira, and nothing is applied: the answer costs one commit, shared by all
//! requests that arrive together.

use std::collections::HashSet;

use crate::app::App;
use crate::crypto::sha256;
use crate::ids;
use crate::jira::payload::{self, Envelope, PayloadError};
use crate::store::inbox::{Channel, NewEvent};
use crate::store::{SiteId, StoreError};

/// An event as an edge received it, its sender already verified.
#[derive(Debug)]
pub struct Received {
    /// The site the token proves.
    pub site: SiteId,
    /// How it came.
    pub channel: Channel,
    /// Jira's identifier of the delivery (`X-Atlassian-Webhook-Identifier`), the same on every retry.
    pub delivery: Option<String>,
    /// The trace of the write that caused it (`X-Atlassian-Webhook-Trace`).
    pub trace: Option<String>,
    /// The body as it came.
    pub body: Vec<u8>,
}

/// Why an event was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The body cannot be read as an event at all.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps an event; once this returns it survives a crash and will be applied once.
///
/// # Errors
///
/// [`AcceptError::Payload`] when the body of a webhook is not JSON or too deep: sending it again will
/// not help. [`AcceptError::Store`] when it could not be committed: Jira should send it again.
pub async fn accept_event(app: &App, received: Received) -> Result<(), AcceptError> {
    let envelope = envelope(received.channel, &received.body)?;
    let now_ms = app.clock.now_ms();
    let (lane, event) = (envelope.lane, envelope.event.into_owned());
    let content_key = envelope.content_key;
    let event = NewEvent {
        site: received.site,
        id: ids::next(),
        lane,
        channel: received.channel,
        event,
        event_ms: envelope.event_ms.unwrap_or(now_ms),
        delivery_key: received.delivery.as_deref().map(delivery_key),
        content_key,
        trace: received.trace,
        body: received.body,
        received_ms: now_ms,
    };
    Ok(app.inbox.keep(event).await?)
}

/// An event that nobody told of, made of what Jira says of the past.
#[derive(Debug)]
pub struct Found {
    /// In whose words it is.
    pub channel: Channel,
    /// Its body.
    pub body: Vec<u8>,
    /// What makes it the same as the event that was lost, should that come after all; by default what
    /// would be taken of the body.
    pub content_key: Option<[u8; 16]>,
}

/// Keeps events that were found out, together, so that those of one issue are applied together;
/// returns the lanes they are in.
///
/// # Errors
///
/// As [`accept_event`]; some of them may have been kept.
pub async fn accept_found(
    app: &App,
    site: SiteId,
    found: Vec<Found>,
) -> Result<HashSet<String>, AcceptError> {
    let now_ms = app.clock.now_ms();
    let mut lanes = HashSet::new();
    let mut keeping = Vec::with_capacity(found.len());
    for one in found {
        let envelope = envelope(one.channel, &one.body)?;
        lanes.insert(envelope.lane.clone());
        keeping.push(app.inbox.keep(NewEvent {
            site,
            id: ids::next(),
            lane: envelope.lane,
            channel: one.channel,
            event: envelope.event.into_owned(),
            event_ms: envelope.event_ms.unwrap_or(now_ms),
            delivery_key: None,
            content_key: one.content_key.unwrap_or(envelope.content_key),
            trace: None,
            body: one.body,
            received_ms: now_ms,
        }));
    }
    futures_util::future::try_join_all(keeping).await?;
    Ok(lanes)
}

fn envelope(channel: Channel, body: &[u8]) -> Result<Envelope<'_>, PayloadError> {
    match channel {
        Channel::Connect => payload::envelope(body),
        Channel::Forge => Ok(of_forge(body)),
    }
}

/// Forge repeats whatever is not accepted, four times, the same: what cannot be read is kept too, and
/// parked where a person sees it.
fn of_forge(body: &[u8]) -> Envelope<'_> {
    payload::forge::envelope(body).unwrap_or_else(|why| {
        tracing::warn!(
            bytes = body.len(),
            "an event of Forge cannot be read: {why}"
        );
        Envelope::unreadable(body)
    })
}

fn delivery_key(identifier: &str) -> [u8; 16] {
    let mut key = [0; 16];
    key.copy_from_slice(sha256(identifier.as_bytes()).split_at(16).0);
    key
}
