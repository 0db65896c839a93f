//! Events that wait: how many, since when, those put aside with an error, and the end of old ones.

use uuid::Uuid;

use super::super::{Conn, SiteId, Sql, StoreError};
use super::accept::{TOUCH, TOUCH_AGAIN};
use super::{Depth, OpenEvent, ParkedEvent};

fn of_event<'a>(sql: &'a mut Sql, event: &OpenEvent) -> &'a mut Sql {
    sql.with(" WHERE site_id = ", event.site_id)
        .with(" AND lane = ", event.lane.clone())
        .with(" AND event_ms = ", event.event_ms)
        .with(" AND id = ", event.id)
}

/// Records that applying an event failed; its lane waits until `ready_ms`.
pub async fn retry_later(
    on: &impl Conn,
    event: &OpenEvent,
    ready_ms: i64,
    why: &str,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE waiting_event SET attempts = attempts + 1, note = ");
    of_event(sql.bind(why), event).run(on).await?;
    let mut sql = Sql::new("UPDATE lane SET ready_ms = ");
    sql.bind(ready_ms)
        .with(" WHERE site_id = ", event.site_id)
        .with(" AND lane = ", event.lane.clone());
    sql.run(on).await?;
    Ok(())
}

/// Puts an event aside with its error; the lane goes on without it.
pub async fn park(
    on: &impl Conn,
    event: &OpenEvent,
    why: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE waiting_event SET attempts = attempts + 1, note = ");
    sql.bind(why).with(", parked_ms = ", now_ms);
    of_event(&mut sql, event).run(on).await?;
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
        sql.with(" WHERE parked_ms IS NOT NULL AND site_id = ", site);
        if let Some(id) = event {
            sql.with(" AND id = ", id);
        }
    };
    let mut lanes = Sql::new(TOUCH);
    lanes
        .with("SELECT DISTINCT site_id, lane, CAST(", now_ms)
        .push(" AS bigint), 0, 1 FROM waiting_event");
    which(&mut lanes);
    lanes.push(TOUCH_AGAIN).run(on).await?;
    let mut events = Sql::new("UPDATE waiting_event SET parked_ms = NULL, attempts = 0");
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
        "SELECT w.id, i.event, w.lane, w.received_ms, w.attempts, w.note FROM waiting_event w \
         JOIN inbox i ON i.site_id = w.site_id AND i.id = w.id \
         WHERE w.parked_ms IS NOT NULL AND w.site_id = ",
    );
    Ok(sql
        .bind(site)
        .with(" ORDER BY w.received_ms DESC LIMIT ", limit)
        .all(on)
        .await?)
}

/// See [`Depth`]: of one site, or of all for the operator.
pub async fn depth(on: &impl Conn, site: Option<SiteId>) -> Result<Depth, StoreError> {
    let mut sql = Sql::new(
        "SELECT count(*) - count(parked_ms) AS waiting, count(parked_ms) AS parked, \
         min(CASE WHEN parked_ms IS NULL THEN received_ms END) AS oldest_ms FROM waiting_event",
    );
    if let Some(site) = site {
        sql.with(" WHERE site_id = ", site);
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
        .push(
            " AND NOT EXISTS (SELECT 1 FROM waiting_event w WHERE w.site_id = inbox.site_id \
             AND w.lane = inbox.lane AND w.event_ms = inbox.event_ms AND w.id = inbox.id)",
        );
    sql.with(" ORDER BY id LIMIT ", limit).push(")");
    Ok(sql.run(on).await?)
}

/// The smallest version 7 UUID of a millisecond.
pub(in crate::store) fn first_id_of(ms: i64) -> Uuid {
    Uuid::from_u128(u128::from(u64::try_from(ms).unwrap_or(0)) << 80)
}
