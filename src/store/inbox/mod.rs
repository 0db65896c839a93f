//! The inbox: every event Jira sent, kept before it is answered, and the lanes they wait in.
//!
//! Three tables. `inbox` keeps the events and hardly ever changes; `waiting_event` has a small row for
//! each that is not applied yet, or is parked; `lane` one per (site, issue) that has waiting ones.
//! Workers claim lanes, never events, so the events of an issue are applied one after another while
//! other issues go on. Three rules keep that true on PostgreSQL, where snapshots are per statement:
//!
//! 1. accepting touches the lane *before* it inserts the event: the lane's row lock makes the order
//!    of commits the order of arrival within a lane;
//! 2. every acceptance raises the lane's `version`, and a lane is deleted only at the version that
//!    was claimed: an event that arrived meanwhile keeps its lane;
//! 3. a worker commits only while the lease is still its own, which it checks with the lane's row
//!    locked, at the end of the transaction of its effects.
//!
//! Duplicates are known by two keys: Jira's delivery identifier and a key of the content
//! (`jira-webhooks-rest.md` 8.2); a repeat is acknowledged and leaves nothing.
//!
//! On SQLite the one worker of the one process claims nothing: nobody else takes lanes there.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::SiteId;

mod accept;
mod claim;
mod fresh;
mod parked;
mod writer;

pub use claim::{finish, held, release, release_lane, take};
pub(super) use fresh::Fresh;
pub use parked::{depth, forget, park, parked, replay, retry_later};
pub use writer::InboxWriter;

pub(super) use parked::first_id_of;

/// How an event reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// A webhook of an Atlassian Connect app.
    Connect,
    /// A product event of Forge.
    Forge,
}

impl Channel {
    fn code(self) -> i16 {
        match self {
            Self::Connect => 1,
            Self::Forge => 2,
        }
    }
}

/// An event to be kept.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The site it came from; from the verified token, never from the body.
    pub site: SiteId,
    /// Its id here.
    pub id: Uuid,
    /// What it must be applied in order with: the Jira id, or another entity.
    pub lane: String,
    /// How it came.
    pub channel: Channel,
    /// Jira's name of the event; empty when the body has none.
    pub event: String,
    /// When it happened, milliseconds since the Unix epoch.
    pub event_ms: i64,
    /// Hash of the delivery identifier, when Jira sent one.
    pub delivery_key: Option<[u8; 16]>,
    /// Hash of what makes the event the same through another channel.
    pub content_key: [u8; 16],
    /// The trace of the write that caused it, when Jira handed ours back.
    pub trace: Option<String>,
    /// The body as it came.
    pub body: Vec<u8>,
    /// When it came, milliseconds since the Unix epoch.
    pub received_ms: i64,
}

/// An open event of a claimed lane.
#[derive(Debug, Clone)]
pub struct OpenEvent {
    /// The site.
    pub site_id: i64,
    /// Its lane.
    pub lane: String,
    /// Its id.
    pub id: Uuid,
    /// Jira's name of the event.
    pub event: String,
    /// When it happened, milliseconds since the Unix epoch.
    pub event_ms: i64,
    /// The trace Jira handed back, if any.
    pub trace: Option<String>,
    /// The body as it came.
    pub body: Vec<u8>,
    /// When it came, milliseconds since the Unix epoch.
    pub received_ms: i64,
    /// How often applying it has failed.
    pub attempts: i32,
}

/// A lane held by one worker.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct ClaimedLane {
    /// The site.
    pub site_id: i64,
    /// The lane.
    pub lane: String,
    /// The version it was claimed at.
    pub version: i64,
}

/// How a finished event ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The site.
    pub site: SiteId,
    /// Its lane.
    pub lane: String,
    /// When it happened, milliseconds since the Unix epoch.
    pub event_ms: i64,
    /// The event.
    pub id: Uuid,
    /// Why it had no effect, when it had none.
    pub note: Option<&'static str>,
}

/// An event that could not be applied and waits for a person.
#[derive(Debug, Clone, FromQueryResult)]
pub struct ParkedEvent {
    /// Its id.
    pub id: Uuid,
    /// Jira's name of the event.
    pub event: String,
    /// Its lane.
    pub lane: String,
    /// When it came, milliseconds since the Unix epoch.
    pub received_ms: i64,
    /// How often it was tried.
    pub attempts: i32,
    /// Why it failed.
    pub note: Option<String>,
}

/// How many events wait, how many are parked, and since when the oldest waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromQueryResult)]
pub struct Depth {
    /// Accepted and not applied yet.
    pub waiting: i64,
    /// Put aside with an error.
    pub parked: i64,
    /// When the oldest waiting one came, milliseconds since the Unix epoch.
    pub oldest_ms: Option<i64>,
}

/// What is not applied yet of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Behind {
    /// When the oldest waiting event came, milliseconds since the Unix epoch.
    pub waiting_ms: Option<i64>,
    /// When the oldest parked one came.
    pub parked_ms: Option<i64>,
}
