//! What can go wrong with the store.

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused, or cannot be reached; nothing of the transaction was kept.
    #[error("the database failed")]
    Database(#[from] sea_orm::DbErr),
    /// A stored row does not say what its column promises.
    #[error("row {id} of {table} is corrupt: {what}")]
    Corrupt {
        /// Table of the row.
        table: &'static str,
        /// Its key.
        id: String,
        /// The column, and what it held.
        what: String,
    },
    /// The address of the database is neither SQLite's nor PostgreSQL's.
    #[error(
        "`{0}` is not a database address; write sqlite://touchstone.db?mode=rwc or postgres://…"
    )]
    UnknownDatabase(String),
    /// The writer of the inbox has stopped; the process is shutting down.
    #[error("the store is shutting down")]
    Closed,
    /// A whole batch failed and this is one of its events.
    #[error("the event was not stored: {0}")]
    Batch(String),
}
