//! The outbox: what we want from Jira, kept in the transaction of its cause and sent later.
//!
//! Work waits in lanes (the issue it concerns) and leaves one at a time, in order of priority and
//! then of creation; a failed one holds back its own lane and no other. Claims take the head of a
//! lane, site by site in turn, so that the storm of one waits behind nobody's click and holds up no
//! other. They are serialised on PostgreSQL by an advisory lock, because only then does a claim see
//! every lease given before it; a claim takes a millisecond and Jira lets through far less than that.
//! A try is counted when it is claimed, so that one which was killed half-way counts too and the next
//! knows that there was one. A key in `dedupe_key` stays taken for as long as its row is kept, done or
//! not; that of an update ([`UPDATES`]) only until a try begins, because what happens from then on has
//! to be told again.

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{ArrayType, Value};
use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::work::{Priority, UPDATES, Work};
use crate::ids;

mod claim;

pub use claim::{Room, Waiting, claim, waiting};

/// Work to be kept.
#[derive(Debug, Clone)]
pub struct NewWork<'a> {
    /// What to do.
    pub work: &'a Work,
    /// What it must be done in order with; [`Work::lane`] unless there is a reason.
    pub lane: String,
    /// Work with the same key is kept once.
    pub dedupe_key: Option<String>,
    /// Whether it takes the place of what waits under the same key.
    pub is_newer: bool,
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
            is_newer: false,
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

    /// The same, in place of what waits under this key.
    #[must_use]
    pub fn newest(self, dedupe_key: impl Into<String>) -> Self {
        Self {
            is_newer: true,
            ..self.once(dedupe_key)
        }
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

/// Keeps work in the caller's transaction; `None` when its dedupe key is taken, also when it took the
/// place of what waited.
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
    sql.push(" ON CONFLICT (site_id, dedupe_key) WHERE dedupe_key IS NOT NULL DO ");
    if new.is_newer {
        sql.push("UPDATE SET payload = excluded.payload, cause = excluded.cause");
    } else {
        sql.push("NOTHING");
    }
    let kept: Option<Uuid> = sql.push(" RETURNING id").scalar(on).await?;
    Ok(kept.filter(|kept| *kept == id))
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
    if claimed.work.is_forgotten() {
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

/// Forgets parked updates of these lanes: what was put into them since makes up for them.
pub async fn forget_parked(
    on: &impl Conn,
    site: SiteId,
    lanes: &[String],
) -> Result<(), StoreError> {
    let dialect = Dialect::of(on);
    for chunk in lanes.chunks(dialect.chunk(2)) {
        let lanes = chunk.iter().map(|lane| (site, lane.clone().into()));
        let mut sql = Sql::new("DELETE FROM outbox WHERE state = 2 AND kind IN ");
        sql.list(UPDATES)
            .push(" AND ")
            .among(dialect, "lane", ArrayType::String, lanes)
            .run(on)
            .await?;
    }
    Ok(())
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
