//! Bodies of Forge's product events, read into the same domain events as webhooks.
//!
//! Forge sends an event as the body itself or under `payload`; both are taken. What differs from a
//! webhook (`forge.md` 5.2 and 5.3): the name is `avi:<product>:<verb>:<noun>`, the time is text, the
//! actor is `atlassianId`, and an issue shows a handful of its fields, so nothing is concluded from
//! what is *not* there. A change of status is read from the changelog; the order of
//! `associatedStatuses` means nothing. No body says which site it comes from.

mod envelope;
mod event;

#[cfg(test)]
mod corpus;

pub use envelope::envelope;
pub use event::parse;

/// What every name of a Forge event begins with.
const PREFIX: &str = "avi:";

/// Whether a name is one of a Forge event; no webhook is called so.
#[must_use]
pub fn is_name(event: &str) -> bool {
    event.starts_with(PREFIX)
}
