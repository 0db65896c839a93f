//! Moving SQLite's log into the database while others go on writing.
//!
//! Left to itself, SQLite does it inside the commit that makes the log too long, and everybody waits
//! for that one. A passive checkpoint on a connection of its own keeps nobody waiting; what the
//! writer then finds left to do is little.

use std::sync::Weak;
use std::time::Duration;

use sea_orm::DatabaseConnection;

use super::{Conn, StoreError};

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(500);

/// Moves what was committed, again and again, while somebody holds the store.
pub(super) async fn keep_moving(on: DatabaseConnection, store: Weak<()>) {
    while store.strong_count() > 0 {
        if let Err(error) = checkpoint(&on).await {
            // The writer does it when this does not.
            tracing::debug!("the log could not be moved just now: {error}");
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn checkpoint(on: &impl Conn) -> Result<(), StoreError> {
    on.execute_unprepared("PRAGMA wal_checkpoint(PASSIVE)")
        .await?;
    Ok(())
}
