//! How far each comparison with Jira is, what it has looked at, and what it found out of reach.
//!
//! Three kinds of scan for each site, a row each. `checkpoint_ms` moves only when a scan comes to its
//! end; `place` says where one that is under way goes on. `scan_note` is the ledger of the overlap:
//! what was looked at as of which change need not be looked at again.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{ArrayType, Value};
use uuid::Uuid;

use super::inbox::first_id_of;
use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::work::Scan;

/// Far in the future, milliseconds since the Unix epoch: not by itself again.
pub const NEVER_MS: i64 = 253_402_300_799_000;

/// A scan of a site. Instants are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct ScanState {
    /// Its kind, see [`Scan::name`].
    pub kind: String,
    /// When it is to begin, or go on, by itself.
    pub due_ms: i64,
    /// What happened before is known for certain.
    pub checkpoint_ms: i64,
    /// When the scan that is under way began.
    pub started_ms: Option<i64>,
    /// Where it goes on.
    pub place: Option<String>,
    /// Issues it has seen so far; of the last one when none is under way.
    pub seen: i64,
    /// How many there are, about, where that is known.
    pub total: Option<i64>,
    /// What it has found: lost changes, issues, or deletions.
    pub found: i64,
    /// When the last one came to its end.
    pub finished_ms: Option<i64>,
}

/// An issue that tests or results refer to.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct LinkedIssue {
    /// Our id of it.
    pub id: Uuid,
    /// Jira's.
    pub jira_id: i64,
    /// Its key, as far as known.
    pub key: String,
    /// The key of its project.
    pub project_key: String,
    /// When it was last changed, milliseconds since the Unix epoch.
    pub updated_ms: i64,
}

/// Installed sites whose scans nobody has planned yet.
pub async fn unplanned(on: &impl Conn) -> Result<Vec<SiteId>, StoreError> {
    let rows = Sql::new(
        "SELECT s.id FROM site s WHERE s.state = 0 AND s.merged_into IS NULL \
         AND NOT EXISTS (SELECT 1 FROM scan c WHERE c.site_id = s.id)",
    )
    .raw(on)
    .await?;
    rows.iter()
        .map(|row| Ok(SiteId(row.try_get_by_index(0)?)))
        .collect()
}

/// Plans the scans of a site: everything once, then what changes from `now_ms` on, and the search for
/// what is gone from `reach_ms` on (milliseconds since the Unix epoch). Scans that are planned stay.
pub async fn plan(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    reach_ms: i64,
) -> Result<(), StoreError> {
    let row = |kind: Scan, due_ms: i64| -> [Value; 4] {
        [
            site.into(),
            kind.name().into(),
            due_ms.into(),
            now_ms.into(),
        ]
    };
    let mut sql = Sql::new("INSERT INTO scan (site_id, kind, due_ms, checkpoint_ms) ");
    sql.rows([
        row(Scan::All, now_ms),
        row(Scan::Changes, now_ms),
        row(Scan::Reach, reach_ms),
    ])
    .push(" ON CONFLICT (site_id, kind) DO NOTHING")
    .run(on)
    .await?;
    Ok(())
}

/// The scans that are due, of sites that can be asked.
pub async fn due(on: &impl Conn, now_ms: i64) -> Result<Vec<(SiteId, Scan)>, StoreError> {
    let mut sql = Sql::new(
        "SELECT c.site_id, c.kind FROM scan c JOIN site s ON s.id = c.site_id \
         WHERE s.state = 0 AND s.is_enabled AND s.merged_into IS NULL AND c.due_ms <= ",
    );
    let rows = sql.bind(now_ms).push(" ORDER BY c.due_ms").raw(on).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let kind: String = row.try_get_by_index(1)?;
        if let Some(kind) = Scan::from_name(&kind) {
            found.push((SiteId(row.try_get_by_index(0)?), kind));
        }
    }
    Ok(found)
}

/// Sets when a scan is to begin, or go on, by itself.
pub async fn set_due(
    on: &impl Conn,
    site: SiteId,
    kind: Scan,
    due_ms: i64,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE scan SET due_ms = ");
    sql.bind(due_ms)
        .with(" WHERE site_id = ", site)
        .with(" AND kind = ", kind.name())
        .run(on)
        .await?;
    Ok(())
}

/// The scans of a site.
pub async fn of_site(on: &impl Conn, site: SiteId) -> Result<Vec<ScanState>, StoreError> {
    let mut sql = Sql::new(
        "SELECT kind, due_ms, checkpoint_ms, started_ms, place, seen, total, found, finished_ms \
         FROM scan WHERE site_id = ",
    );
    Ok(sql.bind(site).push(" ORDER BY kind").all(on).await?)
}

/// One scan of a site.
pub async fn of_kind(
    on: &impl Conn,
    site: SiteId,
    kind: Scan,
) -> Result<Option<ScanState>, StoreError> {
    let mut all = of_site(on, site).await?.into_iter();
    Ok(all.find(|state| state.kind == kind.name()))
}

/// Writes how far a scan is.
pub async fn keep(on: &impl Conn, site: SiteId, state: &ScanState) -> Result<(), StoreError> {
    Sql::new("UPDATE scan SET due_ms = ")
        .bind(state.due_ms)
        .with(", checkpoint_ms = ", state.checkpoint_ms)
        .with(", started_ms = ", state.started_ms)
        .with(", place = ", state.place.clone())
        .with(", seen = ", state.seen)
        .with(", total = ", state.total)
        .with(", found = ", state.found)
        .with(", finished_ms = ", state.finished_ms)
        .with(" WHERE site_id = ", site)
        .with(" AND kind = ", state.kind.as_str())
        .run(on)
        .await?;
    Ok(())
}

/// As of which change these issues were looked at (milliseconds since the Unix epoch), by Jira's id.
pub async fn notes(
    on: &impl Conn,
    site: SiteId,
    issues: &[i64],
) -> Result<HashMap<i64, i64>, StoreError> {
    let mut found = HashMap::new();
    for chunk in issues.chunks(500) {
        let mut sql = Sql::new("SELECT jira_id, updated_ms FROM scan_note WHERE site_id = ");
        sql.bind(site)
            .push(" AND jira_id IN ")
            .list(chunk.iter().copied());
        for row in sql.raw(on).await? {
            found.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        }
    }
    Ok(found)
}

/// Notes as of which change issues were looked at: by Jira's id, milliseconds since the Unix epoch.
pub async fn note(
    on: &impl Conn,
    site: SiteId,
    issues: &[(i64, i64)],
    now_ms: i64,
) -> Result<(), StoreError> {
    const COLUMNS: usize = 4;
    for chunk in issues.chunks(Dialect::of(on).chunk(COLUMNS)) {
        let mut sql = Sql::new("INSERT INTO scan_note (site_id, jira_id, updated_ms, noted_ms) ");
        sql.rows::<COLUMNS>(chunk.iter().map(|(jira_id, updated_ms)| {
            [
                site.into(),
                (*jira_id).into(),
                (*updated_ms).into(),
                now_ms.into(),
            ]
        }))
        .push(
            " ON CONFLICT (site_id, jira_id) DO UPDATE SET updated_ms = excluded.updated_ms, \
             noted_ms = excluded.noted_ms",
        )
        .run(on)
        .await?;
    }
    Ok(())
}

/// Forgets the notes made before `before_ms` (milliseconds since the Unix epoch).
pub async fn forget_notes(on: &impl Conn, site: SiteId, before_ms: i64) -> Result<(), StoreError> {
    let mut sql = Sql::new("DELETE FROM scan_note WHERE site_id = ");
    sql.bind(site)
        .with(" AND noted_ms < ", before_ms)
        .run(on)
        .await?;
    Ok(())
}

/// What makes an issue `i` one that tests or results refer to.
const LINKED: &str = "(EXISTS (SELECT 1 FROM test_link t WHERE t.site_id = i.site_id AND t.issue_id = i.id) \
     OR EXISTS (SELECT 1 FROM defect_link d WHERE d.site_id = i.site_id AND d.issue_id = i.id) \
     OR EXISTS (SELECT 1 FROM run_defect r WHERE r.site_id = i.site_id AND r.issue_id = i.id))";

/// Which of these issues (Jira's ids) tests or results refer to.
pub async fn linked(
    on: &impl Conn,
    site: SiteId,
    issues: &[i64],
) -> Result<HashSet<i64>, StoreError> {
    let mut found = HashSet::new();
    for chunk in issues.chunks(500) {
        let mut sql = Sql::new("SELECT i.jira_id FROM issue i WHERE i.site_id = ");
        sql.bind(site)
            .push(" AND i.jira_id IN ")
            .list(chunk.iter().copied())
            .push(" AND ")
            .push(LINKED);
        for row in sql.raw(on).await? {
            found.insert(row.try_get_by_index(0)?);
        }
    }
    Ok(found)
}

/// The issues that tests or results refer to and that are not known to be deleted, after the one with
/// this id, at most `limit`.
pub async fn linked_after(
    on: &impl Conn,
    site: SiteId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<LinkedIssue>, StoreError> {
    let mut sql = Sql::new(
        "SELECT i.id, i.jira_id, i.key, i.project_key, i.updated_ms FROM issue i WHERE i.site_id = ",
    );
    sql.bind(site)
        .push(" AND i.jira_id IS NOT NULL AND i.deleted_ms IS NULL");
    if let Some(after) = after {
        sql.with(" AND i.id > ", after);
    }
    sql.push(" AND ")
        .push(LINKED)
        .with(" ORDER BY i.id LIMIT ", limit);
    Ok(sql.all(on).await?)
}

/// Notes which issues (Jira's ids) the app cannot see although they may be there, and which it can.
pub async fn set_reach(
    on: &impl Conn,
    site: SiteId,
    hidden: &[i64],
    seen: &[i64],
    now_ms: i64,
) -> Result<(), StoreError> {
    for chunk in seen.chunks(500) {
        let mut sql = Sql::new("DELETE FROM out_of_reach WHERE site_id = ");
        sql.bind(site)
            .push(" AND jira_id IN ")
            .list(chunk.iter().copied())
            .run(on)
            .await?;
    }
    for chunk in hidden.chunks(100) {
        let mut sql = Sql::new("INSERT INTO out_of_reach (site_id, jira_id, since_ms) ");
        sql.rows::<3>(
            chunk
                .iter()
                .map(|jira_id| [site.into(), (*jira_id).into(), now_ms.into()]),
        )
        .push(" ON CONFLICT (site_id, jira_id) DO NOTHING")
        .run(on)
        .await?;
    }
    Ok(())
}

/// How many issues of which projects are out of reach.
pub async fn out_of_reach(
    on: &impl Conn,
    site: SiteId,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let mut sql = Sql::new(
        "SELECT i.project_key, count(*) FROM out_of_reach o \
         JOIN issue i ON i.site_id = o.site_id AND i.jira_id = o.jira_id WHERE o.site_id = ",
    );
    let rows = sql
        .bind(site)
        .push(" AND i.deleted_ms IS NULL GROUP BY i.project_key")
        .raw(on)
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

/// Which of these keys of content (see `inbox`) the inbox has had.
pub async fn known_keys(
    on: &impl Conn,
    site: SiteId,
    keys: &[[u8; 16]],
) -> Result<HashSet<Vec<u8>>, StoreError> {
    let mut found = HashSet::new();
    for chunk in keys.chunks(500) {
        let mut sql = Sql::new("SELECT content_key FROM inbox WHERE ");
        let keys = chunk.iter().map(|key| (site, key.to_vec().into()));
        let rows = sql
            .among(Dialect::of(on), "content_key", ArrayType::Bytes, keys)
            .raw(on)
            .await?;
        for row in rows {
            found.insert(row.try_get_by_index(0)?);
        }
    }
    Ok(found)
}

/// The bodies of events in these lanes that came through Forge since a moment (milliseconds since the
/// Unix epoch), each with its lane.
pub async fn forge_events(
    on: &impl Conn,
    site: SiteId,
    lanes: &[String],
    since_ms: i64,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut sql = Sql::new("SELECT lane, body FROM inbox WHERE site_id = ");
    sql.bind(site)
        .with(" AND id >= ", first_id_of(since_ms))
        .push(" AND event LIKE 'avi:%' AND lane IN ")
        .list(lanes.iter().map(String::as_str));
    let rows = sql.raw(on).await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

/// Which of these lanes have an event that is not applied yet.
pub async fn waiting(
    on: &impl Conn,
    site: SiteId,
    lanes: &[String],
) -> Result<HashSet<String>, StoreError> {
    let mut found = HashSet::new();
    for chunk in lanes.chunks(500) {
        let mut sql = Sql::new("SELECT DISTINCT lane FROM waiting_event WHERE site_id = ");
        sql.bind(site)
            .push(" AND lane IN ")
            .list(chunk.iter().map(String::as_str));
        for row in sql.raw(on).await? {
            found.insert(row.try_get_by_index(0)?);
        }
    }
    Ok(found)
}
