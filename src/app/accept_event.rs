//! Accepting an event: look at it just enough to queue it, keep it, answer.
//!
//! Nothing here calls Jira, and nothing is applied: the answer costs one commit, shared by all
//! requests that arrive together.

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
    let envelope = match received.channel {
        Channel::Connect => payload::envelope(&received.body)?,
        Channel::Forge => of_forge(&received.body),
    };
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
