//! Keeping events: their lanes first, then the events, then what is to be done about the new ones.

use sea_orm::sea_query::{ArrayType, Value};

use super::super::{Dialect, SiteId, Sql, Store, StoreError};
use super::NewEvent;

/// Keeps `events`, all or none; repeats of known ones are passed over. Returns how many were new.
pub(super) async fn insert_all(store: &Store, events: &[NewEvent]) -> Result<u64, StoreError> {
    match store.dialect() {
        Dialect::Sqlite => {
            let txn = store.write().await?;
            touch(Dialect::Sqlite, events).run(&*txn).await?;
            keep(Dialect::Sqlite, events)
                .push(KEPT_ONCE)
                .run(&*txn)
                .await?;
            // Repeats were not kept, so their ids find nothing.
            let ids = events.iter().map(|event| (event.site, event.id.into()));
            let new = Sql::new(WAIT)
                .push("SELECT site_id, lane, event_ms, id, received_ms, length(body) FROM inbox WHERE ")
                .among(Dialect::Sqlite, "id", ArrayType::Uuid, ids)
                .run(&*txn)
                .await?;
            txn.commit().await?;
            Ok(new)
        }
        // One statement is one journey, and a transaction by itself. Counting the touched lanes has
        // all of them locked before the first event is kept.
        Dialect::Postgres => {
            let new = Sql::new("WITH touched AS (")
                .append(touch(Dialect::Postgres, events))
                .push(" RETURNING 1), kept AS (")
                .append(keep(Dialect::Postgres, events))
                .push(" WHERE (SELECT count(*) FROM touched) > 0")
                .push(KEPT_ONCE)
                .push(" RETURNING site_id, lane, event_ms, id, received_ms, octet_length(body)) ")
                .push(WAIT)
                .push("SELECT * FROM kept")
                .run(store.bulk())
                .await?;
            Ok(new)
        }
    }
}

fn touch(dialect: Dialect, events: &[NewEvent]) -> Sql {
    let mut lanes: Vec<_> = events
        .iter()
        .map(|e| (e.site, e.lane.as_str(), e.received_ms))
        .collect();
    // Sorted, so that two writers lock lanes in the same order.
    lanes.sort_unstable();
    lanes.dedup_by(|a, b| (a.0, a.1) == (b.0, b.1));
    let rows = lanes.into_iter().map(touched).collect();
    let mut sql = Sql::new(TOUCH);
    sql.source(dialect, TOUCH_TYPES, rows).push(TOUCH_AGAIN);
    sql
}

fn keep(dialect: Dialect, events: &[NewEvent]) -> Sql {
    let mut sql = Sql::new(KEEP);
    sql.source(dialect, KEEP_TYPES, events.iter().map(kept).collect());
    sql
}

/// Opens the lanes that a query gives, as `site_id, lane, ready_ms, 0, 1`.
pub(super) const TOUCH: &str =
    "INSERT INTO lane (site_id, lane, ready_ms, lease_until_ms, version) ";
pub(super) const TOUCH_AGAIN: &str =
    " ON CONFLICT (site_id, lane) DO UPDATE SET version = lane.version + 1";
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

const WAIT: &str =
    "INSERT INTO waiting_event (site_id, lane, event_ms, id, received_ms, body_length) ";

const KEEP: &str = "INSERT INTO inbox (site_id, id, lane, channel, event, event_ms, delivery_key, \
                    content_key, trace, body, received_ms) ";
const KEPT_ONCE: &str = " ON CONFLICT DO NOTHING";
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
