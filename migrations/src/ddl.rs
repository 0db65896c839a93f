//! One schema text for both databases: the few type names that differ are written in capitals and
//! replaced for the database at hand.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

/// Type words of the schema text, and what SQLite and PostgreSQL call them.
const WORDS: [(&str, &str, &str); 5] = [
    (
        "SERIAL_KEY",
        "integer PRIMARY KEY AUTOINCREMENT",
        "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    ),
    ("UUID", "blob", "uuid"),
    ("BYTES", "blob", "bytea"),
    ("CLUSTERED", "WITHOUT ROWID", ""),
    (
        "PARTITIONED",
        "WITHOUT ROWID",
        "PARTITION BY RANGE (execution_id)",
    ),
];

/// Runs every statement of a schema text, in order; statements end in a semicolon at a line's end.
pub async fn run(manager: &SchemaManager<'_>, text: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let is_sqlite = connection.get_database_backend() == DatabaseBackend::Sqlite;
    for statement in text
        .split(";\n")
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let sql = WORDS
            .iter()
            .fold(statement.to_owned(), |sql, (word, sqlite, postgres)| {
                sql.replace(word, if is_sqlite { sqlite } else { postgres })
            });
        connection.execute_unprepared(&sql).await?;
    }
    Ok(())
}
