//! Taking work: who may be served, and whose turn it is.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::super::{Conn, Dialect, SiteId, Sql, Store, StoreError};
use super::{ClaimedWork, park, priority};
use crate::domain::work::{Priority, UPDATES};

#[derive(Debug, FromQueryResult)]
struct Row {
    site_id: i64,
    id: Uuid,
    payload: String,
    priority: i16,
    attempts: i32,
    created_ms: i64,
    cause: String,
    note: Option<String>,
}

/// How much may be taken.
#[derive(Debug, Clone, Copy)]
pub struct Room<'a> {
    /// Pieces in all.
    pub most: i64,
    /// Of them, how many are kept for what a person waits for.
    pub reserve: i64,
    /// Pieces of one site on the way at once, and of them the reserve.
    pub of_site: (i64, i64),
    /// What is on the way already, by site.
    pub busy: &'a HashMap<SiteId, i64>,
    /// The site whose turn was last.
    pub after: SiteId,
}

/// A site with work that is ready, and the best priority of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The site.
    pub site: SiteId,
    /// The priority.
    pub priority: Priority,
}

/// The sites that have work which is ready, held by nobody and may be sent now: a look that does not
/// need the writer.
pub async fn waiting(on: &impl Conn, now_ms: i64) -> Result<Vec<Waiting>, StoreError> {
    let mut sql = Sql::new(
        "SELECT s.id, (SELECT o.priority FROM outbox o WHERE o.site_id = s.id AND o.state = 0",
    );
    sql.with(" AND o.ready_ms <= ", now_ms)
        .with(" AND o.lease_until_ms <= ", now_ms)
        .push(" ORDER BY o.priority, o.id LIMIT 1) AS best FROM site s WHERE ");
    may_be_called(&mut sql, now_ms);
    let mut found = Vec::new();
    for row in sql.push(" ORDER BY s.id").raw(on).await? {
        let (site, best): (i64, Option<i16>) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        found.extend(best.map(|code| Waiting {
            site: SiteId(site),
            priority: priority(code),
        }));
    }
    Ok(found)
}

/// Takes the heads of lanes of these sites that are ready and held by nobody: first what persons wait
/// for, then the rest, each site its share in turn. Work that cannot be read any more is parked on
/// the way.
pub async fn claim(
    store: &Store,
    owner: Uuid,
    (now_ms, lease_ms): (i64, i64),
    waiting: &[Waiting],
    room: &Room<'_>,
) -> Result<Vec<ClaimedWork>, StoreError> {
    /// Any number, the same in every replica: "outbox" in ASCII.
    const LOCK: i64 = 0x6f75_7462_6f78;
    let txn = store.write().await?;
    if store.dialect() == Dialect::Postgres {
        Sql::new("SELECT pg_advisory_xact_lock(")
            .bind(LOCK)
            .push(")")
            .run(&*txn)
            .await?;
    }
    let mut turns: Vec<Waiting> = waiting.to_vec();
    turns.sort_by_key(|one| (one.site <= room.after, one.site));
    let mut claimed = Vec::new();
    let (site_most, site_reserve) = room.of_site;
    for (is_urgent, reserve, site_reserve) in [(true, 0, 0), (false, room.reserve, site_reserve)] {
        let of_urgency = |one: &&Waiting| !is_urgent || one.priority == Priority::Interactive;
        let sites: Vec<SiteId> = turns
            .iter()
            .filter(of_urgency)
            .map(|one| one.site)
            .collect();
        for (n, site) in sites.iter().enumerate() {
            let taken = i64::try_from(claimed.len()).unwrap_or(i64::MAX);
            let sites_left = i64::try_from(sites.len() - n).unwrap_or(i64::MAX);
            let left = (room.most - reserve - taken).max(0);
            let share = (left + sites_left - 1) / sites_left;
            let busy = room.busy.get(site).copied().unwrap_or(0)
                + count(&claimed, |one: &ClaimedWork| one.site == *site);
            let limit = share.min(site_most - site_reserve - busy);
            if limit > 0 {
                let heads = Heads {
                    site: *site,
                    is_urgent,
                    limit,
                };
                claimed.extend(claim_heads(&*txn, owner, (now_ms, lease_ms), heads).await?);
            }
        }
    }
    txn.commit().await?;
    Ok(claimed)
}

fn count<T>(all: &[T], is_it: impl Fn(&T) -> bool) -> i64 {
    let found = all.iter().filter(|one| is_it(one)).count();
    i64::try_from(found).unwrap_or(i64::MAX)
}

/// Heads of lanes to be taken.
struct Heads {
    site: SiteId,
    /// What a person waits for, or everything else.
    is_urgent: bool,
    limit: i64,
}

async fn claim_heads(
    on: &impl Conn,
    owner: Uuid,
    (now_ms, lease_ms): (i64, i64),
    heads: Heads,
) -> Result<Vec<ClaimedWork>, StoreError> {
    // Kept apart: PostgreSQL may run a list with a limit once for each row it compares.
    let mut sql = Sql::new(
        "WITH heads AS MATERIALIZED (SELECT o.id FROM outbox o WHERE o.state = 0 AND o.site_id = ",
    );
    sql.bind(heads.site)
        .push(" AND o.priority ")
        .push(if heads.is_urgent { "= 0" } else { "> 0" })
        .with(" AND o.ready_ms <= ", now_ms)
        .with(" AND o.lease_until_ms <= ", now_ms)
        .push(
            " AND NOT EXISTS (SELECT 1 FROM outbox e \
             WHERE e.site_id = o.site_id AND e.lane = o.lane AND e.state = 0 AND e.id <> o.id",
        )
        .with(" AND (e.lease_until_ms > ", now_ms)
        .push(" OR (e.priority, e.id) < (o.priority, o.id)))")
        .with(" ORDER BY o.priority, o.id LIMIT ", heads.limit);
    if Dialect::of(on) == Dialect::Postgres {
        sql.push(" FOR UPDATE OF o SKIP LOCKED");
    }
    sql.with(
        ") UPDATE outbox SET attempts = attempts + 1, lease_owner = ",
        owner,
    )
    .with(", lease_until_ms = ", now_ms + lease_ms)
    .push(", dedupe_key = CASE WHEN kind IN ")
    .list(UPDATES)
    .push(" THEN NULL ELSE dedupe_key END")
    .with(" WHERE site_id = ", heads.site)
    .push(" AND id IN (SELECT id FROM heads)")
    .push(" RETURNING site_id, id, payload, priority, attempts, created_ms, cause, note");
    let mut rows: Vec<Row> = sql.all(on).await?;
    rows.sort_unstable_by_key(|row| (row.priority, row.id));
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        match serde_json::from_str(&row.payload) {
            Ok(work) => claimed.push(ClaimedWork {
                site: SiteId(row.site_id),
                id: row.id,
                work,
                priority: priority(row.priority),
                attempt: u32::try_from(row.attempts).unwrap_or(1),
                may_be_done: row.attempts > 1 || row.note.is_some(),
                created_ms: row.created_ms,
                cause: row.cause,
            }),
            Err(why) => {
                let note = format!("the stored work cannot be read: {why}");
                park(on, SiteId(row.site_id), row.id, owner, &note).await?;
            }
        }
    }
    Ok(claimed)
}

/// Adds what lets a site `s` be called now. One that is reached through Forge alone waits while its
/// token has run out: the next one makes its work ready.
fn may_be_called(sql: &mut Sql, now_ms: i64) {
    sql.push("s.uninstalled_ms IS NULL AND s.is_enabled")
        .with(" AND s.paused_until_ms <= ", now_ms)
        .push(" AND (s.shared_secret IS NOT NULL OR NOT EXISTS (SELECT 1 FROM installation i")
        .push(" WHERE i.site_id = s.id AND i.state = 0 AND (i.token_expires_ms IS NULL")
        .with(" OR i.token_expires_ms <= ", now_ms)
        .push(")))");
}
