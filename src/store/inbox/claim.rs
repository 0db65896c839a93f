//! Taking lanes, reading what waits in them, and giving them up again.

use std::collections::{BTreeMap, HashMap};

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{ArrayType, Value};
use uuid::Uuid;

use super::super::{Conn, Dialect, SiteId, Sql, Store, StoreError};
use super::{ClaimedLane, Finished, OpenEvent};

/// Bytes of bodies read at once, about; one body may be 25 MB.
const BODIES: i64 = 8 << 20;

/// Takes up to `limit` lanes that are ready and held by nobody, the longest waiting first and sites in
/// turn, and reads their open events in the order they are to be applied, at most `events` of them.
pub async fn take(
    store: &Store,
    owner: Uuid,
    now_ms: i64,
    lease_ms: i64,
    (lanes, events): (i64, i64),
) -> Result<(Vec<ClaimedLane>, Vec<OpenEvent>), StoreError> {
    let dialect = store.dialect();
    let lanes = match dialect {
        Dialect::Sqlite => ready(store.read(), now_ms, lanes).await?,
        Dialect::Postgres => claim(store.bulk(), owner, now_ms, lease_ms, lanes).await?,
    };
    if lanes.is_empty() {
        return Ok((lanes, Vec::new()));
    }
    // After the claim is committed: whoever accepts an event of these lanes waits for their rows.
    let waiting = waiting(store.bulk(), dialect, &lanes, events).await?;
    let events = with_bodies(store, waiting).await?;
    Ok((lanes, events))
}

async fn ready(on: &impl Conn, now_ms: i64, limit: i64) -> Result<Vec<ClaimedLane>, StoreError> {
    let mut sql = Sql::new("SELECT site_id, lane, version FROM lane WHERE ready_ms <= ");
    sql.bind(now_ms);
    if are_of_several_sites(on).await? {
        sql = Sql::new("SELECT site_id, lane, version FROM (");
        sql.append(by_turns(now_ms))
            .push(") AS t ORDER BY turn, ready_ms LIMIT ")
            .bind(limit);
    } else {
        sql.with(" ORDER BY ready_ms LIMIT ", limit);
    }
    Ok(sql.all(on).await?)
}

/// Whether lanes of more than one site wait: two looks into the index, and one site needs no turns.
async fn are_of_several_sites(on: &impl Conn) -> Result<bool, StoreError> {
    let ends = Sql::new("SELECT (SELECT min(site_id) FROM lane), (SELECT max(site_id) FROM lane)")
        .raw(on)
        .await?;
    let Some(row) = ends.first() else {
        return Ok(false);
    };
    let (first, last): (Option<i64>, Option<i64>) =
        (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    Ok(first != last)
}

/// Lanes that are ready and held by nobody, each with its place among those of its site: so the
/// storm of one site does not hold up another's first event.
fn by_turns(now_ms: i64) -> Sql {
    let mut sql = Sql::new(
        "SELECT site_id, lane, version, ready_ms, \
         row_number() OVER (PARTITION BY site_id ORDER BY ready_ms) AS turn FROM lane",
    );
    sql.with(" WHERE ready_ms <= ", now_ms)
        .with(" AND lease_until_ms <= ", now_ms);
    sql
}

async fn claim(
    on: &impl Conn,
    owner: Uuid,
    now_ms: i64,
    lease_ms: i64,
    limit: i64,
) -> Result<Vec<ClaimedLane>, StoreError> {
    let mut sql = Sql::new("");
    if are_of_several_sites(on).await? {
        // Twice as many are looked at as are taken: another worker may be taking the first.
        sql.push("WITH turns AS MATERIALIZED (SELECT * FROM (")
            .append(by_turns(now_ms))
            .with(") AS t ORDER BY turn, ready_ms LIMIT ", 2 * limit)
            .push("), free AS MATERIALIZED (SELECT lane.site_id AS of_site, lane.lane AS ready")
            .push(" FROM turns JOIN lane USING (site_id, lane)")
            .with(" WHERE lane.lease_until_ms <= ", now_ms)
            .with(" ORDER BY turns.turn LIMIT ", limit)
            .push(" FOR UPDATE OF lane SKIP LOCKED) ");
    } else {
        sql.push("WITH free AS MATERIALIZED (SELECT site_id AS of_site, lane AS ready FROM lane")
            .with(" WHERE ready_ms <= ", now_ms)
            .with(" AND lease_until_ms <= ", now_ms)
            .with(" ORDER BY ready_ms LIMIT ", limit)
            .push(" FOR UPDATE SKIP LOCKED) ");
    }
    sql.with("UPDATE lane SET lease_owner = ", owner)
        .with(", lease_until_ms = ", now_ms + lease_ms)
        .push(" FROM free WHERE site_id = of_site AND lane = ready")
        .push(" RETURNING site_id, lane, version");
    Ok(sql.all(on).await?)
}

/// An event that waits, without what is kept of it.
#[derive(FromQueryResult)]
struct Waiting {
    site_id: i64,
    lane: String,
    id: Uuid,
    event_ms: i64,
    received_ms: i64,
    attempts: i32,
}

/// The first events that wait in `lanes`, as many as memory is meant for.
async fn waiting(
    on: &impl Conn,
    dialect: Dialect,
    lanes: &[ClaimedLane],
    limit: i64,
) -> Result<Vec<Waiting>, StoreError> {
    let mut sql = Sql::new(
        "SELECT site_id, lane, id, event_ms, received_ms, attempts \
         FROM (SELECT *, sum(body_length) OVER (ORDER BY event_ms, id) - body_length AS before FROM (",
    );
    match dialect {
        Dialect::Sqlite => {
            sql.push("SELECT * FROM waiting_event WHERE parked_ms IS NULL AND ")
                .among(dialect, "lane", ArrayType::String, pairs(lanes));
        }
        Dialect::Postgres => {
            // Lane by lane: left to itself, the server reads all of the index, which is full of
            // events that waited a moment ago.
            sql.push("SELECT f.* FROM ")
                .pairs(ArrayType::String, pairs(lanes))
                .push(" (s, l) CROSS JOIN LATERAL (SELECT * FROM waiting_event")
                .push(" WHERE site_id = s AND lane = l AND parked_ms IS NULL")
                .with(" ORDER BY event_ms, id LIMIT ", limit)
                .push(") AS f");
        }
    }
    sql.with(" ORDER BY event_ms, id LIMIT ", limit)
        .push(") AS f) AS w")
        .with(" WHERE before < ", BODIES)
        .push(" ORDER BY event_ms, id");
    Ok(sql.all(on).await?)
}

/// What is kept of waiting events, in their order: remembered or read.
async fn with_bodies(store: &Store, waiting: Vec<Waiting>) -> Result<Vec<OpenEvent>, StoreError> {
    let mut kept: HashMap<Uuid, Kept> = HashMap::with_capacity(waiting.len());
    let mut forgotten = Vec::new();
    for event in &waiting {
        match store.fresh.take(event.id) {
            Some(fresh) => {
                let known = (fresh.event, fresh.trace, fresh.body);
                kept.insert(event.id, known);
            }
            None => forgotten.push((SiteId(event.site_id), event.id.into())),
        }
    }
    if !forgotten.is_empty() {
        let mut sql = Sql::new("SELECT id, event, trace, body FROM inbox WHERE ");
        sql.among(store.dialect(), "id", ArrayType::Uuid, forgotten);
        for row in sql.raw(store.bulk()).await? {
            let known = (
                row.try_get_by_index(1)?,
                row.try_get_by_index(2)?,
                row.try_get_by_index(3)?,
            );
            kept.insert(row.try_get_by_index(0)?, known);
        }
    }
    let open = waiting.into_iter().filter_map(|waiting| {
        let (event, trace, body) = kept.remove(&waiting.id)?;
        Some(OpenEvent {
            site_id: waiting.site_id,
            lane: waiting.lane,
            id: waiting.id,
            event,
            event_ms: waiting.event_ms,
            trace,
            body,
            received_ms: waiting.received_ms,
            attempts: waiting.attempts,
        })
    });
    Ok(open.collect())
}

/// The event's name, its trace and its body.
type Kept = (String, Option<String>, Vec<u8>);

/// Those of the `claimed` lanes that are still of `owner`, their rows locked until the transaction
/// ends, in an order that two workers share. A worker commits nothing when a lane is missing here:
/// its lease ran out and another worker has it, or its site was removed.
pub async fn held(
    on: &impl Conn,
    owner: Uuid,
    claimed: &[ClaimedLane],
) -> Result<Vec<ClaimedLane>, StoreError> {
    let dialect = Dialect::of(on);
    let mut sql = Sql::new("SELECT site_id, lane, version FROM lane WHERE ");
    of_owner(&mut sql, dialect, owner).among(dialect, "lane", ArrayType::String, pairs(claimed));
    if dialect == Dialect::Postgres {
        sql.push(" ORDER BY site_id, lane FOR UPDATE");
    }
    Ok(sql.all(on).await?)
}

/// Ends events: nothing is to be done about them any more. Tells whether all of them still waited.
pub async fn finish(on: &impl Conn, events: &[Finished]) -> Result<bool, StoreError> {
    if events.is_empty() {
        return Ok(true);
    }
    let dialect = Dialect::of(on);
    let mut sql = Sql::new("DELETE FROM waiting_event");
    match dialect {
        Dialect::Sqlite => {
            let lanes = events.iter().map(|event| (event.site, event.lane.as_str()));
            let mut lanes: Vec<_> = lanes.collect();
            lanes.sort_unstable();
            lanes.dedup();
            let lanes = lanes.into_iter().map(|(site, lane)| (site, lane.into()));
            sql.push(" WHERE ")
                .among(dialect, "lane", ArrayType::String, lanes)
                .push(" AND id IN ")
                .list_filled_up(events.iter().map(|event| event.id));
        }
        Dialect::Postgres => {
            let types = [
                ArrayType::BigInt,
                ArrayType::String,
                ArrayType::BigInt,
                ArrayType::Uuid,
            ];
            let keys = events.iter().map(|event| {
                [
                    event.site.into(),
                    event.lane.clone().into(),
                    event.event_ms.into(),
                    Value::from(event.id),
                ]
            });
            sql.push(" w USING (")
                .source(dialect, types, keys.collect())
                .push(
                    ") AS e (s, l, ms, i) WHERE w.site_id = s AND w.lane = l AND w.event_ms = ms \
                     AND w.id = i",
                );
        }
    }
    let ended = sql.run(on).await?;
    note(on, dialect, events).await?;
    Ok(usize::try_from(ended).is_ok_and(|ended| ended == events.len()))
}

/// Keeps why events had no effect, when they had none.
async fn note(on: &impl Conn, dialect: Dialect, events: &[Finished]) -> Result<(), StoreError> {
    let mut of_note: BTreeMap<&str, Vec<(SiteId, Value)>> = BTreeMap::new();
    for event in events {
        if let Some(note) = event.note {
            let pairs = of_note.entry(note).or_default();
            pairs.push((event.site, event.id.into()));
        }
    }
    for (note, pairs) in of_note {
        let mut sql = Sql::new("UPDATE inbox SET note = ");
        sql.bind(note).push(" WHERE ");
        sql.among(dialect, "id", ArrayType::Uuid, pairs)
            .run(on)
            .await?;
    }
    Ok(())
}

/// Gives up the `claimed` lanes that are still of `owner`: those in which nothing waits any more go,
/// unless an event arrived since they were claimed; the others become free for the next claim.
pub async fn release(
    on: &impl Conn,
    owner: Uuid,
    claimed: &[ClaimedLane],
) -> Result<(), StoreError> {
    let dialect = Dialect::of(on);
    let mut sql = Sql::new("DELETE FROM lane WHERE ");
    of_owner(&mut sql, dialect, owner)
        .among(dialect, "lane", ArrayType::String, pairs(claimed))
        .push(" AND (site_id, lane, version) IN (");
    let rows = claimed.iter().map(|lane| {
        [
            lane.site_id.into(),
            lane.lane.clone().into(),
            lane.version.into(),
        ]
    });
    let types = [ArrayType::BigInt, ArrayType::String, ArrayType::BigInt];
    sql.source(dialect, types, rows.collect()).push(
        ") AND NOT EXISTS (SELECT 1 FROM waiting_event w WHERE w.site_id = lane.site_id \
         AND w.lane = lane.lane AND w.parked_ms IS NULL)",
    );
    let gone = sql.run(on).await?;
    if dialect == Dialect::Sqlite || usize::try_from(gone).is_ok_and(|gone| gone == claimed.len()) {
        return Ok(());
    }
    let mut sql = Sql::new(FREE);
    of_owner(&mut sql, dialect, owner)
        .among(dialect, "lane", ArrayType::String, pairs(claimed))
        .run(on)
        .await?;
    Ok(())
}

const FREE: &str = "UPDATE lane SET lease_owner = NULL, lease_until_ms = 0 WHERE ";

/// Gives up one lane of `owner`, its open events staying.
pub async fn release_lane(
    on: &impl Conn,
    owner: Uuid,
    lane: &ClaimedLane,
) -> Result<(), StoreError> {
    if Dialect::of(on) == Dialect::Postgres {
        let mut sql = Sql::new(FREE);
        sql.with("lease_owner = ", owner)
            .with(" AND site_id = ", lane.site_id);
        sql.with(" AND lane = ", lane.lane.clone()).run(on).await?;
    }
    Ok(())
}

/// Adds the condition that a lane is `owner`'s; on SQLite there is one worker, and nothing is noted.
fn of_owner(sql: &mut Sql, dialect: Dialect, owner: Uuid) -> &mut Sql {
    match dialect {
        Dialect::Sqlite => sql,
        Dialect::Postgres => sql.with("lease_owner = ", owner).push(" AND "),
    }
}

fn pairs(lanes: &[ClaimedLane]) -> impl Iterator<Item = (SiteId, Value)> {
    lanes
        .iter()
        .map(|lane| (SiteId(lane.site_id), lane.lane.clone().into()))
}
