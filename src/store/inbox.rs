//! The inbox: every event Jira sent, kept before it is answered, and the lanes they wait in.
//!
//! Two tables. `inbox` keeps the events; `lane` has one row per (site, issue) that has open ones.
//! Workers claim lanes, never events, so the events of an issue are applied one after another while
//! other issues go on. Three rules keep that true on PostgreSQL, where snapshots are per statement:
//!
//! 1. accepting touches the lane *before* it inserts the event: the lane's row lock makes the order
//!    of commits the order of arrival within a lane;
//! 2. every acceptance raises the lane's `version`, and a lane is deleted only at the version that
//!    was claimed: an event that arrived meanwhile keeps its lane;
//! 3. a worker writes only while the lease is still its own, which it checks with the lane's row
//!    locked, in the transaction of its effects.
//!
//! Duplicates are known by two keys: Jira's delivery identifier and a key of the content
//! (`jira-webhooks-rest.md` 8.2); a repeat is acknowledged and leaves nothing.

use std::collections::BTreeMap;

use sea_orm::sea_query::{ArrayType, Value};
use sea_orm::{FromQueryResult, QueryResult};
use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, Store, StoreError};

/// How an event reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// A webhook of an Atlassian Connect app.
    Connect,
    /// A product event of Forge.
    Forge,
}

impl Channel {
    fn code(self) -> i16 {
        match self {
            Self::Connect => 1,
            Self::Forge => 2,
        }
    }
}

/// An event to be kept.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The site it came from; from the verified token, never from the body.
    pub site: SiteId,
    /// Its id here.
    pub id: Uuid,
    /// What it must be applied in order with: the Jira id, or another entity.
    pub lane: String,
    /// How it came.
    pub channel: Channel,
    /// Jira's name of the event; empty when the body has none.
    pub event: String,
    /// When it happened, milliseconds since the Unix epoch.
    pub event_ms: i64,
    /// Hash of the delivery identifier, when Jira sent one.
    pub delivery_key: Option<[u8; 16]>,
    /// Hash of what makes the event the same through another channel.
    pub content_key: [u8; 16],
    /// The trace of the write that caused it, when Jira handed ours back.
    pub trace: Option<String>,
    /// The body as it came.
    pub body: Vec<u8>,
    /// When it came, milliseconds since the Unix epoch.
    pub received_ms: i64,
}

/// An open event of a claimed lane.
#[derive(Debug, Clone, FromQueryResult)]
pub struct OpenEvent {
    /// The site.
    pub site_id: i64,
    /// Its lane.
    pub lane: String,
    /// Its id.
    pub id: Uuid,
    /// Jira's name of the event.
    pub event: String,
    /// When it happened, milliseconds since the Unix epoch.
    pub event_ms: i64,
    /// The trace Jira handed back, if any.
    pub trace: Option<String>,
    /// The body as it came.
    pub body: Vec<u8>,
    /// When it came, milliseconds since the Unix epoch.
    pub received_ms: i64,
    /// How often applying it has failed.
    pub attempts: i32,
}

/// A lane held by one worker.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct ClaimedLane {
    /// The site.
    pub site_id: i64,
    /// The lane.
    pub lane: String,
    /// The version it was claimed at.
    pub version: i64,
}

/// How a finished event ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The site.
    pub site: SiteId,
    /// The event.
    pub id: Uuid,
    /// Why it had no effect, when it had none.
    pub note: Option<&'static str>,
}

/// An event that could not be applied and waits for a person.
#[derive(Debug, Clone, FromQueryResult)]
pub struct ParkedEvent {
    /// Its id.
    pub id: Uuid,
    /// Jira's name of the event.
    pub event: String,
    /// Its lane.
    pub lane: String,
    /// When it came, milliseconds since the Unix epoch.
    pub received_ms: i64,
    /// How often it was tried.
    pub attempts: i32,
    /// Why it failed.
    pub note: Option<String>,
}

const OPEN: i16 = 0;
const APPLIED: i16 = 1;
const PARKED: i16 = 2;

/// Keeps `events`, all or none; repeats of known ones are passed over.
pub(super) async fn insert_all(store: &Store, events: &[NewEvent]) -> Result<(), StoreError> {
    let mut lanes: Vec<_> = events
        .iter()
        .map(|e| (e.site, e.lane.as_str(), e.received_ms))
        .collect();
    // Sorted, so that two writers lock lanes in the same order.
    lanes.sort_unstable();
    lanes.dedup_by(|a, b| (a.0, a.1) == (b.0, b.1));

    let dialect = store.dialect();
    let txn = store.write().await?;
    let mut touch = Sql::new(TOUCH);
    touch
        .source(
            dialect,
            TOUCH_TYPES,
            lanes.into_iter().map(touched).collect(),
        )
        .push(" ON CONFLICT (site_id, lane) DO UPDATE SET version = lane.version + 1")
        .run(&*txn)
        .await?;
    let mut keep = Sql::new(KEEP);
    keep.source(dialect, KEEP_TYPES, events.iter().map(kept).collect())
        .push(" ON CONFLICT DO NOTHING")
        .run(&*txn)
        .await?;
    txn.commit().await
}

const TOUCH: &str = "INSERT INTO lane (site_id, lane, ready_ms, lease_until_ms, version) ";
const TOUCH_TYPES: [ArrayType; 5] = [
    ArrayType::BigInt,
    ArrayType::String,
    ArrayType::BigInt,
    ArrayType::BigInt,
    ArrayType::BigInt,
];

fn touched((site, lane, now_ms): (SiteId, &str, i64)) -> [Value; 5] {
    [
        site.into(),
        lane.into(),
        now_ms.into(),
        0_i64.into(),
        1_i64.into(),
    ]
}

const KEEP: &str = "INSERT INTO inbox (site_id, id, lane, channel, event, event_ms, delivery_key, \
                    content_key, trace, body, received_ms) ";
const KEEP_TYPES: [ArrayType; 11] = [
    ArrayType::BigInt,
    ArrayType::Uuid,
    ArrayType::String,
    ArrayType::SmallInt,
    ArrayType::String,
    ArrayType::BigInt,
    ArrayType::Bytes,
    ArrayType::Bytes,
    ArrayType::String,
    ArrayType::Bytes,
    ArrayType::BigInt,
];

fn kept(event: &NewEvent) -> [Value; 11] {
    [
        event.site.into(),
        event.id.into(),
        event.lane.clone().into(),
        event.channel.code().into(),
        event.event.clone().into(),
        event.event_ms.into(),
        event.delivery_key.map(|key| key.to_vec()).into(),
        event.content_key.to_vec().into(),
        event.trace.clone().into(),
        event.body.clone().into(),
        event.received_ms.into(),
    ]
}

/// Takes up to `limit` lanes that are ready and held by nobody, the longest waiting first, and reads
/// their open events in the order they are to be applied, at most `events` of them.
pub async fn take(
    store: &Store,
    owner: Uuid,
    now_ms: i64,
    lease_ms: i64,
    (lanes, events): (i64, i64),
) -> Result<(Vec<ClaimedLane>, Vec<OpenEvent>), StoreError> {
    let dialect = store.dialect();
    let mut txn = store.write_bulk().await?;
    let lanes = claim(&*txn, dialect, owner, now_ms, lease_ms, lanes).await?;
    if dialect == Dialect::Postgres {
        // Whoever accepts an event of these lanes waits for their rows.
        txn.commit().await?;
        txn = store.write_bulk().await?;
    }
    let events = open_events(&*txn, dialect, &lanes, events).await?;
    txn.commit().await?;
    Ok((lanes, events))
}

async fn claim(
    on: &impl Conn,
    dialect: Dialect,
    owner: Uuid,
    now_ms: i64,
    lease_ms: i64,
    limit: i64,
) -> Result<Vec<ClaimedLane>, StoreError> {
    let mut sql = Sql::new("UPDATE lane SET lease_owner = ");
    sql.bind(owner)
        .with(", lease_until_ms = ", now_ms + lease_ms);
    sql.push(" FROM (SELECT site_id AS of_site, lane AS ready FROM lane");
    sql.with(" WHERE ready_ms <= ", now_ms)
        .with(" AND lease_until_ms <= ", now_ms);
    sql.with(" ORDER BY ready_ms LIMIT ", limit)
        .push(dialect.skip_locked())
        .push(") AS l WHERE site_id = of_site AND lane = ready RETURNING site_id, lane, version");
    Ok(sql.all(on).await?)
}

async fn open_events(
    on: &impl Conn,
    dialect: Dialect,
    lanes: &[ClaimedLane],
    limit: i64,
) -> Result<Vec<OpenEvent>, StoreError> {
    if lanes.is_empty() {
        return Ok(Vec::new());
    }
    // The first ones are found in the index; only their bodies are read.
    let mut sql = Sql::new(
        "SELECT site_id, lane, id, event, event_ms, trace, body, received_ms, attempts FROM (",
    );
    match dialect {
        Dialect::Sqlite => {
            sql.push("SELECT site_id AS of_site, id AS first FROM inbox WHERE state = 0 AND ")
                .among(dialect, "lane", ArrayType::String, pairs(lanes));
        }
        Dialect::Postgres => {
            // Lane by lane: left to itself, the server reads all of the index, which is full of
            // events that were open a moment ago.
            sql.push("SELECT site_id AS of_site, id AS first FROM ")
                .pairs(ArrayType::String, pairs(lanes))
                .push(" (s, l) CROSS JOIN LATERAL (SELECT site_id, id, event_ms FROM inbox")
                .push(" WHERE site_id = s AND lane = l AND state = 0")
                .with(" ORDER BY event_ms, id LIMIT ", limit)
                .push(") AS f");
        }
    }
    sql.with(" ORDER BY event_ms, id LIMIT ", limit)
        .push(") AS f JOIN inbox ON site_id = of_site AND id = first");
    let rows = sql.raw(on).await?;
    let mut events: Vec<_> = rows.iter().map(open_event).collect::<Result<_, _>>()?;
    events.sort_unstable_by_key(|event| (event.event_ms, event.id));
    Ok(events)
}

fn open_event(row: &QueryResult) -> Result<OpenEvent, sea_orm::DbErr> {
    Ok(OpenEvent {
        site_id: row.try_get_by_index(0)?,
        lane: row.try_get_by_index(1)?,
        id: row.try_get_by_index(2)?,
        event: row.try_get_by_index(3)?,
        event_ms: row.try_get_by_index(4)?,
        trace: row.try_get_by_index(5)?,
        body: row.try_get_by_index(6)?,
        received_ms: row.try_get_by_index(7)?,
        attempts: row.try_get_by_index(8)?,
    })
}

/// Those of the `claimed` lanes that are still of `owner`, their rows locked until the transaction ends. A worker applies nothing of a
/// lane that is missing here: its lease ran out and another worker has it.
pub async fn held(
    on: &impl Conn,
    dialect: Dialect,
    owner: Uuid,
    claimed: &[ClaimedLane],
) -> Result<Vec<ClaimedLane>, StoreError> {
    let mut sql = Sql::new("SELECT site_id, lane, version FROM lane WHERE lease_owner = ");
    sql.bind(owner)
        .push(" AND ")
        .among(dialect, "lane", ArrayType::String, pairs(claimed))
        .push(" ORDER BY site_id, lane");
    if dialect == Dialect::Postgres {
        sql.push(" FOR UPDATE");
    }
    Ok(sql.all(on).await?)
}

/// Marks events as applied. Nothing that changes may change a row's size: SQLite writes a row of
/// another size anew, body and all.
pub async fn finish(
    on: &impl Conn,
    dialect: Dialect,
    events: &[Finished],
) -> Result<(), StoreError> {
    let mut of_note: BTreeMap<Option<&str>, Vec<(SiteId, Value)>> = BTreeMap::new();
    for event in events {
        let pairs = of_note.entry(event.note).or_default();
        pairs.push((event.site, event.id.into()));
    }
    for (note, pairs) in of_note {
        let mut sql = Sql::new("UPDATE inbox SET state = ");
        sql.bind(APPLIED).with(", note = ", note).push(" WHERE ");
        sql.among(dialect, "id", ArrayType::Uuid, pairs)
            .run(on)
            .await?;
    }
    Ok(())
}

/// Gives up `held` lanes of `owner`: the `emptied` ones, whose events are all applied, go unless an
/// event arrived since they were claimed; the others become free for the next claim.
pub async fn release(
    on: &impl Conn,
    dialect: Dialect,
    owner: Uuid,
    held: &[ClaimedLane],
    emptied: &[ClaimedLane],
) -> Result<(), StoreError> {
    if held.is_empty() {
        return Ok(());
    }
    if !emptied.is_empty() {
        let mut sql = Sql::new("DELETE FROM lane WHERE lease_owner = ");
        sql.bind(owner)
            .push(" AND ")
            .among(dialect, "lane", ArrayType::String, pairs(emptied))
            .push(" AND (site_id, lane, version) IN (");
        let rows = emptied.iter().map(|lane| {
            [
                lane.site_id.into(),
                lane.lane.clone().into(),
                lane.version.into(),
            ]
        });
        let types = [ArrayType::BigInt, ArrayType::String, ArrayType::BigInt];
        sql.source(dialect, types, rows.collect()).push(")");
        let gone = sql.run(on).await?;
        if usize::try_from(gone).is_ok_and(|gone| gone == held.len()) {
            return Ok(());
        }
    }
    let mut sql =
        Sql::new("UPDATE lane SET lease_owner = NULL, lease_until_ms = 0 WHERE lease_owner = ");
    sql.bind(owner)
        .push(" AND ")
        .among(dialect, "lane", ArrayType::String, pairs(held))
        .run(on)
        .await?;
    Ok(())
}

fn pairs(lanes: &[ClaimedLane]) -> impl Iterator<Item = (SiteId, Value)> {
    lanes
        .iter()
        .map(|lane| (SiteId(lane.site_id), lane.lane.clone().into()))
}

/// Gives up one lane of `owner`, its open events staying.
pub async fn release_lane(
    on: &impl Conn,
    owner: Uuid,
    lane: &ClaimedLane,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE lane SET lease_owner = NULL, lease_until_ms = 0");
    sql.with(" WHERE lease_owner = ", owner)
        .with(" AND site_id = ", lane.site_id);
    sql.with(" AND lane = ", lane.lane.clone()).run(on).await?;
    Ok(())
}

/// Frees every lane: for a process that knows it is alone (SQLite), so that what a killed one held
/// is taken up at once.
pub async fn release_all(on: &impl Conn) -> Result<(), StoreError> {
    Sql::new("UPDATE lane SET lease_owner = NULL, lease_until_ms = 0 WHERE lease_until_ms > 0")
        .run(on)
        .await?;
    Ok(())
}

/// Records that applying an event failed; its lane waits until `ready_ms`.
pub async fn retry_later(
    on: &impl Conn,
    event: &OpenEvent,
    ready_ms: i64,
    why: &str,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE inbox SET attempts = attempts + 1, note = ");
    sql.bind(why)
        .with(" WHERE site_id = ", event.site_id)
        .with(" AND id = ", event.id)
        .run(on)
        .await?;
    let mut sql = Sql::new("UPDATE lane SET ready_ms = ");
    sql.bind(ready_ms)
        .with(" WHERE site_id = ", event.site_id)
        .with(" AND lane = ", event.lane.clone());
    sql.run(on).await?;
    Ok(())
}

/// Puts an event aside with its error; the lane goes on without it.
pub async fn park(on: &impl Conn, event: &OpenEvent, why: &str) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE inbox SET attempts = attempts + 1, state = ");
    sql.bind(PARKED).with(", note = ", why);
    sql.with(" WHERE site_id = ", event.site_id)
        .with(" AND id = ", event.id)
        .run(on)
        .await?;
    Ok(())
}

/// Opens parked events again, one or all of a site; returns how many.
pub async fn replay(
    on: &impl Conn,
    site: SiteId,
    event: Option<Uuid>,
    now_ms: i64,
) -> Result<u64, StoreError> {
    let which = |sql: &mut Sql| {
        sql.with(" WHERE state = 2 AND site_id = ", site);
        if let Some(id) = event {
            sql.with(" AND id = ", id);
        }
    };
    let mut lanes = Sql::new(TOUCH);
    lanes
        .with("SELECT DISTINCT site_id, lane, CAST(", now_ms)
        .push(" AS bigint), 0, 1 FROM inbox");
    which(&mut lanes);
    lanes
        .push(" ON CONFLICT (site_id, lane) DO UPDATE SET version = lane.version + 1")
        .run(on)
        .await?;
    let mut events = Sql::new("UPDATE inbox SET state = ");
    events.bind(OPEN).push(", attempts = 0");
    which(&mut events);
    Ok(events.run(on).await?)
}

/// The parked events of a site, the newest first, at most `limit`.
pub async fn parked(
    on: &impl Conn,
    site: SiteId,
    limit: i64,
) -> Result<Vec<ParkedEvent>, StoreError> {
    let mut sql = Sql::new(
        "SELECT id, event, lane, received_ms, attempts, note FROM inbox WHERE state = 2 AND site_id = ",
    );
    Ok(sql
        .bind(site)
        .with(" ORDER BY received_ms DESC LIMIT ", limit)
        .all(on)
        .await?)
}

/// How many events wait, how many are parked, and since when the oldest waits; of one site, or of
/// all for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Depth {
    /// Accepted and not applied yet.
    pub waiting: i64,
    /// Put aside with an error.
    pub parked: i64,
    /// When the oldest waiting one came, milliseconds since the Unix epoch.
    pub oldest_ms: Option<i64>,
}

/// See [`Depth`].
pub async fn depth(on: &impl Conn, site: Option<SiteId>) -> Result<Depth, StoreError> {
    let of_site = |sql: &mut Sql| {
        if let Some(site) = site {
            sql.with(" AND site_id = ", site);
        }
    };
    let mut sql = Sql::new("SELECT (SELECT count(*) FROM inbox WHERE state = 0");
    of_site(&mut sql);
    sql.push(") AS waiting, (SELECT count(*) FROM inbox WHERE state = 2");
    of_site(&mut sql);
    sql.push(") AS parked, (SELECT min(received_ms) FROM inbox WHERE state = 0");
    of_site(&mut sql);
    let depth = sql.push(") AS oldest_ms").one(on).await?;
    Ok(depth.unwrap_or(Depth {
        waiting: 0,
        parked: 0,
        oldest_ms: None,
    }))
}

/// What is not applied yet of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromQueryResult)]
pub struct Behind {
    /// When the oldest waiting event came, milliseconds since the Unix epoch.
    pub waiting_ms: Option<i64>,
    /// When the oldest parked one came.
    pub parked_ms: Option<i64>,
}

/// How far the mirror of one issue (by its lane: Jira's id as text) is behind what Jira told us.
pub async fn behind(on: &impl Conn, site: SiteId, lane: &str) -> Result<Behind, StoreError> {
    const OLDEST: &str = "(SELECT min(received_ms) FROM inbox WHERE state = ";
    let mut sql = Sql::new("SELECT ");
    for (n, (state, name)) in [("0", "waiting_ms"), ("2", "parked_ms")]
        .into_iter()
        .enumerate()
    {
        sql.push(if n > 0 { ", " } else { "" })
            .push(OLDEST)
            .push(state);
        sql.with(" AND site_id = ", site).with(" AND lane = ", lane);
        sql.push(") AS ").push(name);
    }
    Ok(sql.one(on).await?.unwrap_or_default())
}

/// Deletes applied events that came before `before_ms` (their bodies hold personal data), at most
/// `limit` at a time; returns how many went. Ids are sorted by time, so this is a range of the key.
pub async fn forget(
    on: &impl Conn,
    site: SiteId,
    before_ms: i64,
    limit: i64,
) -> Result<u64, StoreError> {
    let until = first_id_of(before_ms);
    let mut sql =
        Sql::new("DELETE FROM inbox WHERE (site_id, id) IN (SELECT site_id, id FROM inbox");
    sql.with(" WHERE site_id = ", site)
        .with(" AND id < ", until)
        .push(" AND state = 1");
    sql.with(" ORDER BY id LIMIT ", limit).push(")");
    Ok(sql.run(on).await?)
}

/// The smallest version 7 UUID of a millisecond.
pub(super) fn first_id_of(ms: i64) -> Uuid {
    Uuid::from_u128(u128::from(u64::try_from(ms).unwrap_or(0)) << 80)
}

/// Notes that sites were heard from.
pub async fn note_heard(on: &impl Conn, sites: &[SiteId], now_ms: i64) -> Result<(), StoreError> {
    if !sites.is_empty() {
        let mut sql = Sql::new("UPDATE site SET last_event_ms = ");
        sql.bind(now_ms)
            .push(" WHERE id IN ")
            .list(sites.iter().copied())
            .run(on)
            .await?;
    }
    Ok(())
}
