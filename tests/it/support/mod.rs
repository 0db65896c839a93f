//! The world a test stands in: a running service, its database, and a site that signs.

pub mod attack;
pub mod database;
pub mod events;
pub mod forge;
pub mod forge_events;
pub mod issuer;
pub mod knock;
pub mod service;
pub mod site;

pub use database::Database;
pub use service::TestApp;

use std::time::{Duration, Instant};

/// Expands one async test body into one test for each database.
#[macro_export]
macro_rules! both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident: Database) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn body($database: $crate::support::Database) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                body($crate::support::Database::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(database) = $crate::support::Database::postgres().await {
                    body(database).await;
                }
            }
        }
    )+};
}

/// The longest a test waits for something that should happen at once.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `look` finds what it looks for; fails the test when it never does.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            since.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The text of a file of reference data that may stand beside the checkout; `None`, said aloud,
/// when it does not. Under `CI` its absence is a failure.
pub fn reference(path: &str) -> Option<String> {
    let whole = format!("{}/../shared/reference/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&whole).ok();
    if text.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{whole} is missing");
        println!("skipped: {whole} is not here");
    }
    text
}
