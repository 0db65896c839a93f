//! Answers that were given to requests that may be repeated, so that a repeat gets the same one: those
//! with an `Idempotency-Key`, and uploads of results, which clients send again when they lose patience.
//!
//! The row is made in the transaction of what the request does: either both are there or neither.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};

/// A request that its client may repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    /// The API client.
    pub client: Uuid,
    /// The client's name for the request.
    pub key: String,
    /// SHA-256 of what was asked: method, address and body.
    pub request_hash: [u8; 32],
    /// How long after the first a request is a repeat of it, milliseconds; later it is a new one.
    pub within_ms: i64,
}

/// An answer, as much of it as a repeat gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The `ETag` header.
    pub etag: Option<String>,
    /// The `Location` header.
    pub location: Option<String>,
    /// The body, JSON.
    pub body: String,
}

/// What is known of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is this transaction's to do.
    New,
    /// It was done, and answered with this.
    Done(KeptAnswer),
    /// Its key was used for another request.
    OtherRequest,
}

#[derive(FromQueryResult)]
struct Row {
    request_hash: Vec<u8>,
    status: i16,
    etag: Option<String>,
    location: Option<String>,
    body: String,
}

/// Claims a request for this transaction, or tells what became of it. Waits, on PostgreSQL, for
/// another transaction that claims the same.
pub async fn claim(
    on: &impl Conn,
    site: SiteId,
    request: &Repeatable,
    now_ms: i64,
) -> Result<Known, StoreError> {
    let hash = request.request_hash.to_vec();
    let mut claiming = Sql::new(
        "INSERT INTO idempotency (site_id, client_id, key, request_hash, status, body, created_ms) ",
    );
    claiming
        .rows([[
            site.into(),
            request.client.into(),
            request.key.clone().into(),
            hash.clone().into(),
            0_i16.into(),
            "".into(),
            now_ms.into(),
        ]])
        .push(
            " ON CONFLICT (site_id, client_id, key) DO UPDATE SET \
             request_hash = excluded.request_hash, status = excluded.status, etag = NULL, \
             location = NULL, body = excluded.body, created_ms = excluded.created_ms",
        )
        .with(
            " WHERE idempotency.created_ms <= ",
            now_ms - request.within_ms,
        );
    if claiming.run(on).await? == 1 {
        return Ok(Known::New);
    }
    let row: Option<Row> = Sql::new(
        "SELECT request_hash, status, etag, location, body FROM idempotency WHERE site_id = ",
    )
    .bind(site)
    .with(" AND client_id = ", request.client)
    .with(" AND key = ", request.key.as_str())
    .one(on)
    .await?;
    let row = row.ok_or_else(|| StoreError::Corrupt {
        table: "idempotency",
        id: request.key.clone(),
        what: "not there after it was in the way".to_owned(),
    })?;
    if row.request_hash != hash {
        return Ok(Known::OtherRequest);
    }
    Ok(Known::Done(KeptAnswer {
        status: u16::try_from(row.status).unwrap_or_default(),
        etag: row.etag,
        location: row.location,
        body: row.body,
    }))
}

/// Keeps the answer to a request this transaction claimed.
pub async fn keep(
    on: &impl Conn,
    site: SiteId,
    request: &Repeatable,
    answer: &KeptAnswer,
) -> Result<(), StoreError> {
    Sql::new("UPDATE idempotency SET status = ")
        .bind(i16::try_from(answer.status).unwrap_or_default())
        .with(", etag = ", answer.etag.clone())
        .with(", location = ", answer.location.clone())
        .with(", body = ", answer.body.as_str())
        .with(" WHERE site_id = ", site)
        .with(" AND client_id = ", request.client)
        .with(" AND key = ", request.key.as_str())
        .run(on)
        .await?;
    Ok(())
}

/// Deletes answers of a site that were given before `before_ms`, at most `limit`; returns how many.
pub async fn forget(
    on: &impl Conn,
    site: SiteId,
    before_ms: i64,
    limit: i64,
) -> Result<u64, StoreError> {
    let mut sql = Sql::new(
        "DELETE FROM idempotency WHERE (site_id, client_id, key) IN \
         (SELECT site_id, client_id, key FROM idempotency WHERE site_id = ",
    );
    sql.bind(site)
        .with(" AND created_ms < ", before_ms)
        .with(" LIMIT ", limit)
        .push(")");
    Ok(sql.run(on).await?)
}
