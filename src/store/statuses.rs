//! The run statuses a site added to the built-in ones.

use sea_orm::FromQueryResult;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::run::Effect;
use crate::domain::statuses::{CustomStatus, Statuses, word};

#[derive(FromQueryResult)]
struct Row {
    code: i16,
    name: String,
    colour: String,
    is_final: bool,
    effect: i16,
    rank: i32,
}

/// Every custom status of a site, by code.
pub async fn of_site(on: &impl Conn, site: SiteId) -> Result<Statuses, StoreError> {
    let rows: Vec<Row> = Sql::new(
        "SELECT code, name, colour, is_final, effect, rank FROM run_status WHERE site_id = ",
    )
    .bind(site)
    .push(" ORDER BY code")
    .all(on)
    .await?;
    let custom = rows.into_iter().map(|row| {
        Ok(CustomStatus {
            effect: effect_of(row.effect).ok_or_else(|| StoreError::Corrupt {
                table: "run_status",
                id: row.code.to_string(),
                what: format!("effect {}", row.effect),
            })?,
            code: row.code,
            name: row.name,
            colour: row.colour,
            is_final: row.is_final,
            rank: row.rank,
        })
    });
    Ok(Statuses {
        custom: custom.collect::<Result<_, StoreError>>()?,
    })
}

const fn code_of(effect: Effect) -> i16 {
    match effect {
        Effect::Ok => 0,
        Effect::NotRun => 1,
        Effect::Unknown => 2,
        Effect::Nok => 3,
    }
}

fn effect_of(code: i16) -> Option<Effect> {
    [Effect::Ok, Effect::NotRun, Effect::Unknown, Effect::Nok]
        .into_iter()
        .find(|effect| code_of(*effect) == code)
}

/// Holds the statuses of a site until the transaction ends: who changes them, and who stores a run
/// with one of them, follow one another. SQLite has one writer and needs none of this.
pub async fn hold(on: &impl Conn, site: SiteId) -> Result<(), StoreError> {
    /// Any number, the same in every replica: "stat" in ASCII, shifted away from other locks.
    const LOCK: i64 = 0x7374_6174 << 24;
    if Dialect::of(on) == Dialect::Postgres {
        Sql::new("SELECT pg_advisory_xact_lock(")
            .bind(LOCK ^ site.0)
            .push(")")
            .run(on)
            .await?;
    }
    Ok(())
}

/// Stores a status, in place of the one with its code.
pub async fn put(on: &impl Conn, site: SiteId, status: &CustomStatus) -> Result<(), StoreError> {
    Sql::new(
        "INSERT INTO run_status (site_id, code, name, word, colour, is_final, effect, rank) ",
    )
    .rows([[
        site.into(),
        status.code.into(),
        status.name.clone().into(),
        word(&status.name).into(),
        status.colour.clone().into(),
        status.is_final.into(),
        code_of(status.effect).into(),
        status.rank.into(),
    ]])
    .push(
        " ON CONFLICT (site_id, code) DO UPDATE SET name = excluded.name, word = excluded.word, \
         colour = excluded.colour, is_final = excluded.is_final, effect = excluded.effect, \
         rank = excluded.rank",
    )
    .run(on)
    .await?;
    Ok(())
}

/// Whether any run of the site has the status with this code.
pub async fn is_used(on: &impl Conn, site: SiteId, code: i16) -> Result<bool, StoreError> {
    let rows = Sql::new("SELECT 1 FROM run WHERE site_id = ")
        .bind(site)
        .with(" AND status = ", code)
        .push(" AND status >= 100 LIMIT 1")
        .raw(on)
        .await?;
    Ok(!rows.is_empty())
}

/// Deletes the status with this code.
pub async fn delete(on: &impl Conn, site: SiteId, code: i16) -> Result<(), StoreError> {
    Sql::new("DELETE FROM run_status WHERE site_id = ")
        .bind(site)
        .with(" AND code = ", code)
        .run(on)
        .await?;
    Ok(())
}
