//! The outbox: what we want from Jira, kept in the transaction of its cause and sent later.
//!
//! Work waits in lanes (the issue it concerns) and leaves one at a time, in order of priority and
//! then of creation; a failed one holds back its own lane and no other. Claims take the head of a
//! lane. They are serialised on PostgreSQL by an advisory lock, because only then does a claim see
//! every lease given before it; a claim takes a millisecond and Jira lets through far less than that.
//! A try is counted when it is claimed, so that one which was killed half-way counts too and the next
//! knows that there was one. A key in `dedupe_key` stays taken for as long as its row is kept, done or
//! not.

use sea_orm::FromQueryResult;
use sea_orm::sea_query::Value;
use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, Store, StoreError};
use crate::domain::work::{Priority, Work};
use crate::ids;

/// Work to be kept.
#[derive(Debug, Clone)]
pub struct NewWork<'a> {
    /// What to do.
    pub work: &'a Work,
    /// What it must be done in order with; [`Work::lane`] unless there is a reason.
    pub lane: String,
    /// Work with the same key is kept once.
    pub dedupe_key: Option<String>,
    /// Which goes first.
    pub priority: Priority,
    /// Why: the event, rule and target, or the person's request; for the audit.
    pub cause: String,
    /// Now, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// Not to be sent before this moment, milliseconds since the Unix epoch.
    pub ready_ms: i64,
}

impl<'a> NewWork<'a> {
    /// Work of normal priority to be done as soon as possible.
    #[must_use]
    pub fn new(work: &'a Work, cause: impl Into<String>, now_ms: i64) -> Self {
        Self {
            work,
            lane: work.lane(),
            dedupe_key: None,
            priority: Priority::Normal,
            cause: cause.into(),
            created_ms: now_ms,
            ready_ms: now_ms,
        }
    }

    /// The same, kept once for this key.
    #[must_use]
    pub fn once(mut self, dedupe_key: impl Into<String>) -> Self {
        self.dedupe_key = Some(dedupe_key.into());
        self
    }

    /// The same, with another priority.
    #[must_use]
    pub fn with_priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }
}

/// Work held by one worker.
#[derive(Debug, Clone)]
pub struct ClaimedWork {
    /// The site it is for.
    pub site: SiteId,
    /// Its id; goes to Jira as the trace of the write.
    pub id: Uuid,
    /// What to do.
    pub work: Work,
    /// Which goes first.
    pub priority: Priority,
    /// Which try this is, 1 the first.
    pub attempt: u32,
    /// Whether there was a try before, which may have been carried out whatever came of it.
    pub may_be_done: bool,
    /// When it was written, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// Why it was written.
    pub cause: String,
}

/// Work that was given up and waits for a person.
#[derive(Debug, Clone, FromQueryResult)]
pub struct ParkedWork {
    /// Its id.
    pub id: Uuid,
    /// Its kind, see [`Work::kind`].
    pub kind: String,
    /// Its lane.
    pub lane: String,
    /// When it was written, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// How often it was tried.
    pub attempts: i32,
    /// Why it was written.
    pub cause: String,
    /// Why it was given up.
    pub note: Option<String>,
}

/// How much is in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Counts {
    /// Not done yet.
    pub waiting: i64,
    /// Given up.
    pub parked: i64,
}

const DONE: i16 = 1;
const PARKED: i16 = 2;
/// Longest note kept, in characters.
const NOTE: usize = 500;

/// Keeps work in the caller's transaction; `None` when its dedupe key is taken.
pub async fn put(
    on: &impl Conn,
    site: SiteId,
    new: &NewWork<'_>,
) -> Result<Option<Uuid>, StoreError> {
    let id = ids::next();
    let payload = serde_json::to_string(new.work).map_err(|why| StoreError::Corrupt {
        table: "outbox",
        id: id.to_string(),
        what: format!("work that cannot be written: {why}"),
    })?;
    let mut sql = Sql::new(
        "INSERT INTO outbox (site_id, id, lane, kind, payload, dedupe_key, priority, ready_ms, \
         cause, created_ms) VALUES ",
    );
    sql.list::<Value>([
        site.into(),
        id.into(),
        new.lane.clone().into(),
        new.work.kind().into(),
        payload.into(),
        new.dedupe_key.clone().into(),
        priority_code(new.priority).into(),
        new.ready_ms.into(),
        new.cause.clone().into(),
        new.created_ms.into(),
    ]);
    sql.push(" ON CONFLICT (site_id, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING");
    Ok((sql.run(on).await? == 1).then_some(id))
}

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

/// Takes the heads of up to `limit` lanes that are ready, held by nobody, and whose site may be
/// called now. Work that cannot be read any more is parked on the way.
pub async fn claim(
    store: &Store,
    owner: Uuid,
    now_ms: i64,
    lease_ms: i64,
    limit: i64,
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
    let mut sql = Sql::new("UPDATE outbox SET attempts = attempts + 1, lease_owner = ");
    sql.bind(owner)
        .with(", lease_until_ms = ", now_ms + lease_ms)
        .push(" WHERE (site_id, id) IN (SELECT o.site_id, o.id");
    ready(&mut sql, now_ms);
    sql.push(
        " AND NOT EXISTS (SELECT 1 FROM outbox e \
         WHERE e.site_id = o.site_id AND e.lane = o.lane AND e.state = 0 AND e.id <> o.id",
    )
    .with(" AND (e.lease_until_ms > ", now_ms)
    .push(" OR (e.priority, e.id) < (o.priority, o.id)))")
    .with(" ORDER BY o.priority, o.id LIMIT ", limit);
    if store.dialect() == Dialect::Postgres {
        sql.push(" FOR UPDATE OF o SKIP LOCKED");
    }
    sql.push(") RETURNING site_id, id, payload, priority, attempts, created_ms, cause, note");
    let mut rows: Vec<Row> = sql.all(&*txn).await?;
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
                park(&*txn, SiteId(row.site_id), row.id, owner, &note).await?;
            }
        }
    }
    txn.commit().await?;
    Ok(claimed)
}

/// Adds what makes work `o` of a site `s` ready to be sent, but for its lane. A site that is reached
/// through Forge alone waits while its token has run out: the next one makes its work ready.
fn ready(sql: &mut Sql, now_ms: i64) {
    sql.push(" FROM outbox o JOIN site s ON s.id = o.site_id WHERE o.state = 0")
        .push(" AND s.uninstalled_ms IS NULL AND s.is_enabled")
        .with(" AND s.paused_until_ms <= ", now_ms)
        .with(" AND o.ready_ms <= ", now_ms)
        .with(" AND o.lease_until_ms <= ", now_ms)
        .push(" AND (s.shared_secret IS NOT NULL OR NOT EXISTS (SELECT 1 FROM installation i")
        .push(" WHERE i.site_id = s.id AND i.state = 0 AND (i.token_expires_ms IS NULL")
        .with(" OR i.token_expires_ms <= ", now_ms)
        .push(")))");
}

/// Whether there may be something to claim: a look that does not need the writer.
pub async fn has_ready(on: &impl Conn, now_ms: i64) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT CAST(1 AS bigint)");
    ready(&mut sql, now_ms);
    let found: Option<i64> = sql.push(" LIMIT 1").scalar(on).await?;
    Ok(found.is_some())
}

/// Sends nothing to a site, or to any, before `until_ms`: for all replicas. A longer pause stays.
pub async fn pause(
    on: &impl Conn,
    site: Option<SiteId>,
    until_ms: i64,
    why: &str,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE site SET paused_until_ms = ");
    sql.bind(until_ms)
        .with(", pause_reason = ", why)
        .with(" WHERE paused_until_ms < ", until_ms);
    if let Some(site) = site {
        sql.with(" AND id = ", site);
    }
    sql.run(on).await?;
    Ok(())
}

/// Marks work as done; `false` when the lease ran out and another worker has it. What was only
/// fetched leaves nothing behind, so that it can be asked for again.
pub async fn finish(
    on: &impl Conn,
    claimed: &ClaimedWork,
    owner: Uuid,
    now_ms: i64,
    note: Option<&str>,
) -> Result<bool, StoreError> {
    if claimed.work.only_looks() {
        let mut sql = Sql::new("DELETE FROM outbox");
        return ours(&mut sql, claimed.site, claimed.id, owner, on).await;
    }
    let mut sql = Sql::new("UPDATE outbox SET lease_owner = NULL, lease_until_ms = 0, state = ");
    sql.bind(DONE)
        .with(", done_ms = ", now_ms)
        .with(", note = ", note.map(cut));
    ours(&mut sql, claimed.site, claimed.id, owner, on).await
}

/// Gives the key of work that is being done free: whatever happens from now on may ask for it again.
pub async fn forget_key(on: &impl Conn, claimed: &ClaimedWork) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE outbox SET dedupe_key = ");
    sql.bind(None::<String>)
        .with(" WHERE site_id = ", claimed.site)
        .with(" AND id = ", claimed.id)
        .run(on)
        .await?;
    Ok(())
}

/// Puts work back until `ready_ms`; `counts` says whether there was a try at all.
pub async fn retry(
    on: &impl Conn,
    claimed: &ClaimedWork,
    owner: Uuid,
    ready_ms: i64,
    counts: bool,
    note: &str,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("UPDATE outbox SET lease_owner = NULL, lease_until_ms = 0, attempts = ");
    sql.push("attempts - ").bind(i32::from(!counts));
    sql.with(", ready_ms = ", ready_ms)
        .with(", note = ", cut(note));
    ours(&mut sql, claimed.site, claimed.id, owner, on).await
}

/// Gives work up until a person replays it; its lane goes on without it.
pub async fn park(
    on: &impl Conn,
    site: SiteId,
    id: Uuid,
    owner: Uuid,
    note: &str,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("UPDATE outbox SET lease_owner = NULL, lease_until_ms = 0, state = ");
    sql.bind(PARKED).with(", note = ", cut(note));
    ours(&mut sql, site, id, owner, on).await
}

/// Takes work back that nobody has begun: it was done in another way, or is not wanted any more.
/// Tells whether it was still open.
pub async fn withdraw(
    on: &impl Conn,
    site: SiteId,
    id: Uuid,
    now_ms: i64,
    note: &str,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("UPDATE outbox SET state = ");
    sql.bind(DONE)
        .with(", done_ms = ", now_ms)
        .with(", note = ", cut(note))
        .with(" WHERE state = 0 AND site_id = ", site)
        .with(" AND id = ", id)
        .with(" AND lease_until_ms <= ", now_ms);
    Ok(sql.run(on).await? == 1)
}

/// Frees everything: for a process that knows it is alone (SQLite), so that what a killed one held
/// is taken up at once.
pub async fn release_all(on: &impl Conn) -> Result<(), StoreError> {
    Sql::new("UPDATE outbox SET lease_owner = NULL, lease_until_ms = 0 WHERE lease_until_ms > 0")
        .run(on)
        .await?;
    Ok(())
}

/// Opens parked work again, one or all of a site; returns how many.
pub async fn replay(
    on: &impl Conn,
    site: SiteId,
    work: Option<Uuid>,
    now_ms: i64,
) -> Result<u64, StoreError> {
    let mut sql = Sql::new("UPDATE outbox SET state = 0, attempts = 0, ready_ms = ");
    sql.bind(now_ms)
        .with(" WHERE state = 2 AND site_id = ", site);
    if let Some(id) = work {
        sql.with(" AND id = ", id);
    }
    Ok(sql.run(on).await?)
}

/// The parked work of a site, the newest first, at most `limit`.
pub async fn parked(
    on: &impl Conn,
    site: SiteId,
    limit: i64,
) -> Result<Vec<ParkedWork>, StoreError> {
    let mut sql = Sql::new(
        "SELECT id, kind, lane, created_ms, attempts, cause, note FROM outbox \
         WHERE state = 2 AND site_id = ",
    );
    sql.bind(site)
        .with(" ORDER BY created_ms DESC, id DESC LIMIT ", limit);
    Ok(sql.all(on).await?)
}

/// How much waits and how much is parked, of one site or of all.
pub async fn counts(on: &impl Conn, site: Option<SiteId>) -> Result<Counts, StoreError> {
    let mut sql = Sql::new("SELECT (SELECT count(*) FROM outbox WHERE state = 0");
    let of_site = |sql: &mut Sql| {
        if let Some(site) = site {
            sql.with(" AND site_id = ", site);
        }
    };
    of_site(&mut sql);
    sql.push(") AS waiting, (SELECT count(*) FROM outbox WHERE state = 2");
    of_site(&mut sql);
    let counts = sql.push(") AS parked").one(on).await?;
    Ok(counts.unwrap_or(Counts {
        waiting: 0,
        parked: 0,
    }))
}

/// Ends a statement with the condition that the work is still open and `owner`'s, and runs it.
async fn ours(
    sql: &mut Sql,
    site: SiteId,
    id: Uuid,
    owner: Uuid,
    on: &impl Conn,
) -> Result<bool, StoreError> {
    sql.with(" WHERE state = 0 AND site_id = ", site)
        .with(" AND id = ", id)
        .with(" AND lease_owner = ", owner);
    Ok(sql.run(on).await? == 1)
}

fn cut(note: &str) -> String {
    note.chars().take(NOTE).collect()
}

fn priority_code(priority: Priority) -> i16 {
    match priority {
        Priority::Interactive => 0,
        Priority::Normal => 1,
        Priority::Background => 2,
    }
}

fn priority(code: i16) -> Priority {
    match code {
        0 => Priority::Interactive,
        1 => Priority::Normal,
        _ => Priority::Background,
    }
}
