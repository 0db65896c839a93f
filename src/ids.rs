//! New identifiers: the only place that makes them.
//!
//! Rows of our own carry version 7 UUIDs: unique across replicas without asking the database, and
//! sorted by time, so that new rows land side by side in an index.

use uuid::Uuid;

/// A new identifier, later ones sorting after earlier ones.
#[must_use]
pub fn next() -> Uuid {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    Uuid::now_v7()
}
