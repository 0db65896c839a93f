//! The parts of the run table on PostgreSQL: one for each month in which executions were made, and one
//! that takes what none of them does. SQLite has one table; every function here does nothing there.
//!
//! An execution's id begins with the time it was made at, so the parts are ranges of ids and the
//! primary key stays as it is. The parts of the months to come are made ahead; if nobody made them in
//! time, runs wait in the remaining part and are moved when theirs is made. A lock that all statements
//! would queue behind is waited for [`PATIENCE`] only: whoever calls tries again later.

use super::inbox::first_id_of;
use super::{Conn, Dialect, Sql, StoreError};
use crate::domain::month::Month;

/// How long a statement that keeps everybody from the run table waits for it.
const PATIENCE: &str = "SET LOCAL lock_timeout = '2s'";
/// Parts made ahead of the month that `make` is called in.
const AHEAD: i32 = 2;
/// What the name of a part begins with; its month follows.
const PREFIX: &str = "run_";
/// Any number, the same in every replica: "runparts" in ASCII.
const LOCK: i64 = 0x7275_6e70_6172_7473;

/// The months that have a part of their own, the oldest first.
pub async fn months(on: &impl Conn) -> Result<Vec<Month>, StoreError> {
    if Dialect::of(on) == Dialect::Sqlite {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(
        "SELECT CAST(c.relname AS text) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         WHERE i.inhparent = CAST('run' AS regclass)",
    );
    let mut months = Vec::new();
    for row in sql.raw(on).await? {
        let name: String = row.try_get_by_index(0)?;
        months.extend(name.strip_prefix(PREFIX).and_then(Month::parse));
    }
    months.sort_unstable();
    Ok(months)
}

/// Makes the parts of a month and of those after it, where they are missing. For a transaction of its
/// own; replicas may do it at once.
pub async fn make(on: &impl Conn, from: Month) -> Result<(), StoreError> {
    if Dialect::of(on) == Dialect::Sqlite {
        return Ok(());
    }
    let wanted = || (0..=AHEAD).map(|ahead| from.plus(ahead));
    let made = months(on).await?;
    if wanted().all(|month| made.contains(&month)) {
        return Ok(());
    }
    let mut lock = Sql::new("SELECT pg_advisory_xact_lock(");
    lock.bind(LOCK).push(")").run(on).await?;
    let made = months(on).await?;
    for month in wanted().filter(|month| !made.contains(month)) {
        make_one(on, month).await?;
    }
    Ok(())
}

async fn make_one(on: &impl Conn, month: Month) -> Result<(), StoreError> {
    let part = format!("{PREFIX}{month}");
    let (first, next) = (
        first_id_of(month.begins_ms()),
        first_id_of(month.plus(1).begins_ms()),
    );
    for statement in [
        PATIENCE.to_owned(),
        format!("CREATE TABLE {part} (LIKE run INCLUDING DEFAULTS)"),
        "LOCK TABLE run_other IN ACCESS EXCLUSIVE MODE".to_owned(),
        format!(
            "WITH moved AS (DELETE FROM run_other WHERE execution_id >= '{first}' \
             AND execution_id < '{next}' RETURNING *) INSERT INTO {part} SELECT * FROM moved"
        ),
        // Unlike making it as a part, this leaves others at work.
        format!(
            "ALTER TABLE run ATTACH PARTITION {part} FOR VALUES FROM ('{first}') TO ('{next}')"
        ),
    ] {
        on.execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// Drops the part of a month, and notes every test that has a run in it as one whose projection is
/// due. The caller holds every project of every site, so that nobody writes runs meanwhile.
pub async fn drop_month(on: &impl Conn, month: Month) -> Result<(), StoreError> {
    let part = format!("{PREFIX}{month}");
    for statement in [
        format!(
            "INSERT INTO stale_test (site_id, test_id) SELECT DISTINCT site_id, test_id FROM {part} \
             ON CONFLICT DO NOTHING"
        ),
        PATIENCE.to_owned(),
        format!("DROP TABLE {part}"),
    ] {
        on.execute_unprepared(&statement).await?;
    }
    Ok(())
}
