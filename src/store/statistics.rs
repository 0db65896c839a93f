//! What SQLite's planner is told about the tables.
//!
//! Told nothing, it takes any equality for ten rows, also that of the site, with which every key
//! begins: a list of twenty tests then looks dearer than all runs of the site, and it reads those.
//! Measured statistics (`ANALYZE`) come with samples, for which it prepares a statement anew whenever
//! other values are bound. So it is told what the schema means: a site has many rows, the next column
//! leaves a hundred, the one after it ten, and a whole unique key one
//! (<https://sqlite.org/fileformat2.html#the_sqlite_stat1_table>).

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};

/// Rows of a table, and of a site in it.
const ROWS: u32 = 100_000;
const OF_SECOND_COLUMN: u32 = 100;
const OF_FURTHER_COLUMNS: u32 = 10;

/// Every whole index that begins with the site: table, the name statistics know it by, whether it is
/// unique, its columns.
const INDEXES: &str = "SELECT t.name, CASE WHEN i.origin = 'pk' AND t.sql LIKE '%WITHOUT ROWID%' \
     THEN t.name ELSE i.name END, i.\"unique\", (SELECT count(*) FROM pragma_index_info(i.name)) \
     FROM sqlite_schema t JOIN pragma_index_list(t.name) i \
     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND NOT i.partial \
     AND (SELECT c.name FROM pragma_index_info(i.name) c WHERE c.seqno = 0) = 'site_id'";

/// Tells the planner about the indexes there are; connections that are opened later know it.
pub async fn tell(on: &DatabaseConnection) -> Result<(), DbErr> {
    // This makes the table of statistics, which cannot be made otherwise, and measures nothing.
    on.execute_unprepared("ANALYZE sqlite_schema").await?;
    on.execute_unprepared("DELETE FROM sqlite_stat1").await?;
    let backend = on.get_database_backend();
    let indexes = Statement::from_string(backend, INDEXES);
    for index in on.query_all_raw(indexes).await? {
        let (table, name): (String, String) =
            (index.try_get_by_index(0)?, index.try_get_by_index(1)?);
        let (is_unique, columns): (bool, i64) =
            (index.try_get_by_index(2)?, index.try_get_by_index(3)?);
        let told = Statement::from_sql_and_values(
            backend,
            "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)",
            [
                table.into(),
                name.into(),
                numbers(columns, is_unique).into(),
            ],
        );
        on.execute_raw(told).await?;
    }
    on.execute_unprepared("ANALYZE sqlite_schema").await?;
    Ok(())
}

/// Rows of the index, and of each of its beginnings.
fn numbers(columns: i64, is_unique: bool) -> String {
    let of_beginning = |length| match length {
        _ if is_unique && length == columns => 1,
        1 => ROWS,
        2 => OF_SECOND_COLUMN,
        _ => OF_FURTHER_COLUMNS,
    };
    let rows = std::iter::once(ROWS).chain((1..=columns).map(of_beginning));
    let rows: Vec<String> = rows.map(|rows| rows.to_string()).collect();
    rows.join(" ")
}
