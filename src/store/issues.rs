//! The mirror of Jira's issues: what events and the REST API told us last.
//!
//! A row is found by Jira's id; keys move. A result file may name an issue before Jira told us of
//! it: then a *placeholder* row (no Jira id) holds the links until the issue is heard of, and
//! becomes its row. A state never replaces a newer one: writes compare the time of the change and
//! its changelog id (`jira-webhooks-rest.md` 8.3).

use std::collections::HashMap;

use sea_orm::sea_query::{ArrayType, Value};
use sea_orm::{FromQueryResult, QueryResult};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::shown_status::{self, LONG_AGO};
use super::{Conn, Dialect, SiteId, Sql, StoreError, sprints};
use crate::domain::issue::{IssueSnapshot, MirroredIssue, Named, StatusCategory};
use crate::domain::mirror::{Fields, Order};
use crate::domain::sprint::Sprint;
use crate::ids;

/// The columns of a mirrored issue, for [`from_row`].
pub(super) const COLUMNS: &str = "site_id, id, jira_id, key, project_key, type_id, type_name, is_subtask, \
    status_id, status_name, status_category, category_changed_ms, summary, parent_jira_id, fix_versions, sprints, \
    resolution, priority, labels, updated_ms, event_ms, changelog_id, behind, seen_ms, deleted_ms";

const TYPES: [ArrayType; 25] = {
    use ArrayType::{BigInt, Bool, SmallInt, String, Uuid};
    [
        BigInt, Uuid, BigInt, String, String, String, String, Bool, String, String, SmallInt,
        BigInt, String, BigInt, String, String, String, String, String, BigInt, BigInt, BigInt,
        String, BigInt, BigInt,
    ]
};

#[derive(Debug, FromQueryResult)]
struct Row {
    site_id: i64,
    id: Uuid,
    jira_id: Option<i64>,
    key: String,
    project_key: String,
    type_id: String,
    type_name: String,
    is_subtask: bool,
    status_id: String,
    status_name: String,
    status_category: i16,
    category_changed_ms: Option<i64>,
    summary: String,
    parent_jira_id: Option<i64>,
    fix_versions: String,
    sprints: String,
    resolution: Option<String>,
    priority: Option<String>,
    labels: String,
    updated_ms: i64,
    event_ms: i64,
    changelog_id: i64,
    behind: Option<String>,
    seen_ms: i64,
    deleted_ms: Option<i64>,
}

/// The issues of `wanted` that the mirror knows, by site and Jira id.
pub async fn by_jira_ids(
    on: &impl Conn,
    wanted: &[(SiteId, i64)],
) -> Result<HashMap<(SiteId, i64), MirroredIssue>, StoreError> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM issue WHERE "));
    let pairs = wanted.iter().map(|(site, id)| (*site, (*id).into()));
    sql.among(Dialect::of(on), "jira_id", ArrayType::BigInt, pairs);
    let rows: Vec<Row> = sql.all(on).await?;
    rows.into_iter()
        .map(|row| Ok(((SiteId(row.site_id), row.jira_id.unwrap_or(0)), issue(row)?)))
        .collect()
}

/// One issue by Jira's id.
pub async fn by_jira_id(
    on: &impl Conn,
    site: SiteId,
    jira_id: i64,
) -> Result<Option<MirroredIssue>, StoreError> {
    Ok(by_jira_ids(on, &[(site, jira_id)])
        .await?
        .into_values()
        .next())
}

/// One issue by its key, by an earlier key if it has moved since.
pub async fn by_key(
    on: &impl Conn,
    site: SiteId,
    key: &str,
) -> Result<Option<MirroredIssue>, StoreError> {
    let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM issue WHERE site_id = "));
    sql.bind(site).with(" AND key = ", key);
    // A key that was freed by a move may have been taken again; the one heard of last has it now.
    let row: Option<Row> = sql.push(" ORDER BY event_ms DESC LIMIT 1").one(on).await?;
    if let Some(row) = row {
        return Ok(Some(issue(row)?));
    }
    let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM issue WHERE site_id = "));
    sql.bind(site).with(
        " AND id = (SELECT issue_id FROM issue_alias WHERE site_id = ",
        site,
    );
    let row: Option<Row> = sql.with(" AND key = ", key).push(")").one(on).await?;
    row.map(issue).transpose()
}

/// Issues by our ids.
pub async fn by_ids(
    on: &impl Conn,
    site: SiteId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, MirroredIssue>, StoreError> {
    let mut found = HashMap::new();
    for chunk in ids.chunks(500) {
        let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM issue WHERE site_id = "));
        let rows: Vec<Row> = sql
            .bind(site)
            .push(" AND id IN ")
            .list(chunk.iter().copied())
            .all(on)
            .await?;
        for row in rows {
            found.insert(row.id, issue(row)?);
        }
    }
    Ok(found)
}

/// Our ids of the issues that have one of `keys` now or had it before; unknown keys are left out.
pub async fn ids_by_keys(
    on: &impl Conn,
    site: SiteId,
    keys: &[String],
) -> Result<HashMap<String, Uuid>, StoreError> {
    let mut found = HashMap::new();
    for chunk in keys.chunks(500) {
        let mut sql = Sql::new("SELECT key, issue_id AS id FROM issue_alias WHERE site_id = ");
        sql.bind(site)
            .push(" AND key IN ")
            .list(chunk.iter().map(String::as_str));
        sql.with(
            " UNION ALL SELECT key, id FROM issue WHERE site_id = ",
            site,
        );
        sql.push(" AND key IN ")
            .list(chunk.iter().map(String::as_str));
        for row in sql.raw(on).await? {
            found.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        }
    }
    Ok(found)
}

/// Keeps others from making rows for unknown keys of the site until the transaction ends.
///
/// Keys are not unique (they move between issues), so no index keeps two placeholders of one key
/// apart. SQLite has one writer and needs none of this.
pub async fn hold_keys(on: &impl Conn, site: SiteId) -> Result<(), StoreError> {
    /// Any number, the same in every replica: "keys" in ASCII, shifted away from other locks.
    const LOCK: i64 = 0x6b65_7973 << 24;
    if is_postgres(on) {
        Sql::new("SELECT pg_advisory_xact_lock(")
            .bind(LOCK ^ site.0)
            .push(")")
            .run(on)
            .await?;
    }
    Ok(())
}

/// Makes placeholder rows for keys nobody has told us of; returns their ids.
pub async fn insert_placeholders(
    on: &impl Conn,
    site: SiteId,
    keys: &[String],
    now_ms: i64,
) -> Result<HashMap<String, Uuid>, StoreError> {
    let mut made = HashMap::new();
    for chunk in keys.chunks(100) {
        let rows: Vec<_> = chunk.iter().map(|key| placeholder(key, now_ms)).collect();
        let mut sql = Sql::new(&format!("INSERT INTO issue ({COLUMNS}) "));
        sql.rows(rows.iter().map(|issue| values(site, issue)))
            .run(on)
            .await?;
        made.extend(rows.into_iter().map(|issue| (issue.snapshot.key, issue.id)));
    }
    Ok(made)
}

fn placeholder(key: &str, now_ms: i64) -> MirroredIssue {
    let project_key = key
        .rsplit_once('-')
        .map_or("", |(project, _)| project)
        .to_owned();
    let mut issue = MirroredIssue::unknown(ids::next(), 0, now_ms);
    key.clone_into(&mut issue.snapshot.key);
    issue.snapshot.project_key = project_key;
    issue
}

/// The placeholders among `wanted`, by site and key.
pub async fn placeholders(
    on: &impl Conn,
    wanted: &[(SiteId, &str)],
) -> Result<HashMap<(SiteId, String), Uuid>, StoreError> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    // The sign keeps SQLite from reading every placeholder by the index of Jira's ids.
    let mut sql = Sql::new("SELECT site_id, key, id FROM issue WHERE +jira_id IS NULL AND ");
    let pairs = wanted.iter().map(|(site, key)| (*site, (*key).into()));
    sql.among(Dialect::of(on), "key", ArrayType::String, pairs);
    let rows = sql.raw(on).await?;
    rows.iter()
        .map(|row| {
            let site = SiteId(row.try_get_by_index(0)?);
            Ok(((site, row.try_get_by_index(1)?), row.try_get_by_index(2)?))
        })
        .collect()
}

/// Turns a placeholder into the row of the issue it stood for.
pub async fn adopt(
    on: &impl Conn,
    site: SiteId,
    placeholder: Uuid,
    jira_id: i64,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE issue SET jira_id = ");
    sql.bind(jira_id)
        .with(" WHERE site_id = ", site)
        .with(" AND id = ", placeholder);
    sql.push(" AND jira_id IS NULL").run(on).await?;
    Ok(())
}

/// Gives the links of placeholders to the issues whose keys they stand for, and removes them.
///
/// For issues whose row is there already: they became known, or got their key, while a result that
/// names the key came in. Taken by key, because that is all a placeholder has. The caller holds the
/// keys of the sites ([`hold_keys`]), so that no placeholder is made meanwhile.
pub async fn absorb_placeholders(
    on: &impl Conn,
    issues: &[(SiteId, &str, Uuid)],
) -> Result<(), StoreError> {
    let wanted: Vec<(SiteId, &str)> = issues.iter().map(|(site, key, _)| (*site, *key)).collect();
    let found = placeholders(on, &wanted).await?;
    for ((site, key), placeholder) in found {
        let issue = issues
            .iter()
            .find(|(at, held, _)| (*at, *held) == (site, key.as_str()));
        let Some((_, _, issue)) = issue else { continue };
        let mut sql = Sql::new(
            "INSERT INTO test_link (site_id, issue_id, test_id, source, created_by, created_ms, \
             removed_by, removed_ms) SELECT site_id, ",
        );
        sql.push("CAST(").bind(*issue).push(if is_postgres(on) {
            " AS uuid)"
        } else {
            " AS blob)"
        });
        sql.push(
            ", test_id, source, created_by, created_ms, removed_by, removed_ms FROM test_link \
             WHERE site_id = ",
        )
        .bind(site)
        .with(" AND issue_id = ", placeholder)
        .push(" ON CONFLICT (site_id, issue_id, test_id) DO NOTHING")
        .run(on)
        .await?;
        for table in [
            "DELETE FROM test_link WHERE issue_id = ",
            "DELETE FROM issue WHERE id = ",
        ] {
            let mut sql = Sql::new(table);
            sql.bind(placeholder)
                .with(" AND site_id = ", site)
                .run(on)
                .await?;
        }
        shown_status::mark_issues(on, site, &[*issue], LONG_AGO).await?;
    }
    Ok(())
}

fn is_postgres(on: &impl Conn) -> bool {
    Dialect::of(on) == Dialect::Postgres
}

/// Writes the newest states of issues; a row that holds a newer one already is left alone.
pub async fn upsert_all(
    on: &impl Conn,
    issues: &[(SiteId, &MirroredIssue)],
) -> Result<(), StoreError> {
    let dialect = Dialect::of(on);
    for chunk in issues.chunks(128) {
        let rows = chunk.iter().map(|(site, issue)| values(*site, issue));
        let mut sql = Sql::new(&format!("INSERT INTO issue ({COLUMNS}) "));
        sql.source(dialect, TYPES, rows.collect());
        sql.push(
            " ON CONFLICT (site_id, jira_id) DO UPDATE SET key = excluded.key, \
             project_key = excluded.project_key, type_id = excluded.type_id, \
             type_name = excluded.type_name, is_subtask = excluded.is_subtask, \
             status_id = excluded.status_id, status_name = excluded.status_name, \
             status_category = excluded.status_category, \
             category_changed_ms = COALESCE(excluded.category_changed_ms, \
                 CASE WHEN issue.status_category = excluded.status_category \
                 THEN COALESCE(issue.category_changed_ms, issue.event_ms) ELSE excluded.event_ms END), summary = excluded.summary, \
             parent_jira_id = excluded.parent_jira_id, fix_versions = excluded.fix_versions, \
             sprints = excluded.sprints, resolution = excluded.resolution, \
             priority = excluded.priority, labels = excluded.labels, \
             updated_ms = excluded.updated_ms, event_ms = excluded.event_ms, \
             changelog_id = excluded.changelog_id, behind = excluded.behind, \
             seen_ms = excluded.seen_ms, deleted_ms = excluded.deleted_ms, \
             is_gone_with_project = issue.is_gone_with_project \
                 AND COALESCE(issue.deleted_ms = excluded.deleted_ms, false) \
             WHERE (excluded.event_ms, excluded.changelog_id) >= (issue.event_ms, issue.changelog_id)",
        );
        sql.run(on).await?;
    }
    Ok(())
}

/// Writes what the REST API said of an issue at `now_ms`, filling the placeholder of its key if there
/// is one; returns our id.
pub async fn upsert_snapshot(
    on: &impl Conn,
    site: SiteId,
    snapshot: &IssueSnapshot,
    now_ms: i64,
) -> Result<Uuid, StoreError> {
    let learnt = learn_snapshot(on, site, snapshot, Order::NEVER, now_ms).await?;
    Ok(learnt.after.id)
}

/// An issue before and after something was learnt of it.
#[derive(Debug, Clone)]
pub struct Learnt {
    /// What the mirror held; `None` when it did not know the issue or only its key.
    pub before: Option<MirroredIssue>,
    /// What it holds now.
    pub after: MirroredIssue,
}

/// The same, returning what changed. What the REST API said is the state as of its `updated`, or of
/// `as_of` when that is later: the newest change that was applied before the API was asked.
pub async fn learn_snapshot(
    on: &impl Conn,
    site: SiteId,
    snapshot: &IssueSnapshot,
    as_of: Order,
    now_ms: i64,
) -> Result<Learnt, StoreError> {
    let place = (site, snapshot.jira_id);
    hold(on, &[place]).await?;
    let before = by_jira_id(on, site, snapshot.jira_id).await?;
    let mut after = if let Some(issue) = &before {
        issue.clone()
    } else {
        let found = placeholders(on, &[(site, &snapshot.key)]).await?;
        let placeholder = found.into_values().next();
        if let Some(id) = placeholder {
            // Fails when an event is making the issue's row right now; tried again, the row is
            // known and the placeholder absorbed.
            adopt(on, site, id, snapshot.jira_id).await?;
        }
        let id = placeholder.unwrap_or_else(ids::next);
        MirroredIssue::unknown(id, snapshot.jira_id, now_ms)
    };
    let order = Order(snapshot.updated_ms, 0).max(as_of);
    let of_site = |sprint: &Sprint| (site, sprint.clone(), now_ms);
    let told: Vec<_> = snapshot.sprints_told.iter().map(of_site).collect();
    sprints::learn_all(on, &told).await?;
    after.learn(snapshot.clone(), Fields::ALL, order);
    after.seen_ms = now_ms;
    if let Some(old) = &before
        && old.snapshot.key != after.snapshot.key
    {
        insert_alias(on, site, &old.snapshot.key, after.id).await?;
    }
    upsert_all(on, &[(site, &after)]).await?;
    // An event may have made the row since we looked; then it is that row's id that counts.
    if let Some(kept) = by_jira_id(on, site, snapshot.jira_id).await? {
        after.id = kept.id;
    }
    hold_keys(on, site).await?;
    absorb_placeholders(on, &[(site, &after.snapshot.key, after.id)]).await?;
    Ok(Learnt { before, after })
}

/// Keeps the rows of `issues` as they are for everybody else until the transaction ends: whoever folds
/// a part of an issue into its row must not be overtaken between reading and writing it. SQLite has
/// one writer and needs none of this.
pub async fn hold(on: &impl Conn, issues: &[(SiteId, i64)]) -> Result<(), StoreError> {
    if issues.is_empty() || !is_postgres(on) {
        return Ok(());
    }
    let mut sql = Sql::new("SELECT id FROM issue WHERE ");
    let pairs = issues.iter().map(|(site, id)| (*site, (*id).into()));
    sql.among(Dialect::Postgres, "jira_id", ArrayType::BigInt, pairs)
        .push(" ORDER BY site_id, jira_id FOR UPDATE")
        .raw(on)
        .await?;
    Ok(())
}

/// The category of a status, if an issue that is or was in it has told.
pub async fn category_of_status(
    on: &impl Conn,
    site: SiteId,
    status_id: &str,
) -> Result<Option<StatusCategory>, StoreError> {
    let mut sql = Sql::new("SELECT status_category FROM issue WHERE site_id = ");
    sql.bind(site)
        .with(" AND status_id = ", status_id)
        .push(" AND status_category > 0 LIMIT 1");
    let code: Option<i16> = sql.scalar(on).await?;
    Ok(code.and_then(StatusCategory::from_code))
}

/// Hands what a placeholder holds to the issue that had its key before it was moved, and makes the key
/// lead there; an issue of that key that is no placeholder is left alone.
pub async fn absorb_placeholder(
    on: &impl Conn,
    site: SiteId,
    key: &str,
    issue: Uuid,
) -> Result<(), StoreError> {
    let found = placeholders(on, &[(site, key)]).await?.into_values().next();
    let Some(placeholder) = found.filter(|placeholder| *placeholder != issue) else {
        return Ok(());
    };
    let mut sql = Sql::new("UPDATE test_link SET issue_id = ");
    sql.bind(issue)
        .with(" WHERE site_id = ", site)
        .with(" AND issue_id = ", placeholder)
        .with(
            " AND test_id NOT IN (SELECT test_id FROM test_link WHERE site_id = ",
            site,
        )
        .with(" AND issue_id = ", issue);
    sql.push(")").run(on).await?;
    for (table, column) in [("test_link", "issue_id"), ("issue", "id")] {
        let mut sql = Sql::new(&format!("DELETE FROM {table} WHERE {column} = "));
        sql.bind(placeholder)
            .with(" AND site_id = ", site)
            .run(on)
            .await?;
    }
    insert_alias(on, site, key, issue).await
}

/// Remembers that an issue had another key before.
pub async fn insert_alias(
    on: &impl Conn,
    site: SiteId,
    old_key: &str,
    issue: Uuid,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("INSERT INTO issue_alias (site_id, key, issue_id) VALUES ");
    sql.list::<Value>([site.into(), old_key.into(), issue.into()]);
    sql.push(" ON CONFLICT (site_id, key) DO UPDATE SET issue_id = excluded.issue_id")
        .run(on)
        .await?;
    Ok(())
}

/// Notes when the text of issues changed, by site and Jira id (milliseconds since the Unix epoch); the
/// latest holds.
pub async fn note_text_changes(
    on: &impl Conn,
    changes: &[(SiteId, i64, i64)],
) -> Result<(), StoreError> {
    for (site, jira_id, at_ms) in changes {
        Sql::new("UPDATE issue SET text_changed_ms = ")
            .bind(*at_ms)
            .with(" WHERE site_id = ", *site)
            .with(" AND jira_id = ", *jira_id)
            .with(
                " AND (text_changed_ms IS NULL OR text_changed_ms < ",
                *at_ms,
            )
            .push(")")
            .run(on)
            .await?;
    }
    Ok(())
}

fn values(site: SiteId, issue: &MirroredIssue) -> [Value; 25] {
    let state = &issue.snapshot;
    [
        site.into(),
        issue.id.into(),
        (state.jira_id != 0).then_some(state.jira_id).into(),
        state.key.clone().into(),
        state.project_key.clone().into(),
        state.issue_type.id.clone().into(),
        state.issue_type.name.clone().into(),
        state.is_subtask.into(),
        state.status.id.clone().into(),
        state.status.name.clone().into(),
        state.status_category.code().into(),
        state.category_changed_ms.into(),
        state.summary.clone().into(),
        state.parent_jira_id.into(),
        json(&state.fix_versions).into(),
        json(&state.sprints).into(),
        state.resolution.as_ref().map(json).into(),
        state.priority.as_ref().map(json).into(),
        json(&state.labels).into(),
        state.updated_ms.into(),
        issue.event_ms.into(),
        issue.changelog_id.into(),
        (!issue.behind.is_empty())
            .then(|| json(&issue.behind))
            .into(),
        issue.seen_ms.into(),
        issue.deleted_ms.into(),
    ]
}

/// Reads the [`COLUMNS`] of a row.
pub(super) fn from_row(row: &QueryResult) -> Result<MirroredIssue, StoreError> {
    issue(Row::from_query_result(row, "")?)
}

fn issue(row: Row) -> Result<MirroredIssue, StoreError> {
    let id = row.id;
    let category = StatusCategory::from_code(row.status_category)
        .ok_or_else(|| corrupt(id, format!("status_category {}", row.status_category)))?;
    Ok(MirroredIssue {
        id,
        snapshot: IssueSnapshot {
            jira_id: row.jira_id.unwrap_or(0),
            key: row.key,
            project_key: row.project_key,
            project_jira_id: None,
            project_name: None,
            issue_type: Named {
                id: row.type_id,
                name: row.type_name,
            },
            is_subtask: row.is_subtask,
            status: Named {
                id: row.status_id,
                name: row.status_name,
            },
            status_category: category,
            category_changed_ms: row.category_changed_ms,
            summary: row.summary,
            parent_jira_id: row.parent_jira_id,
            fix_versions: read(id, "fix_versions", &row.fix_versions)?,
            sprints: read(id, "sprints", &row.sprints)?,
            sprints_told: vec![],
            resolution: row
                .resolution
                .map(|text| read(id, "resolution", &text))
                .transpose()?,
            priority: row
                .priority
                .map(|text| read(id, "priority", &text))
                .transpose()?,
            labels: read(id, "labels", &row.labels)?,
            updated_ms: row.updated_ms,
        },
        event_ms: row.event_ms,
        changelog_id: row.changelog_id,
        behind: row
            .behind
            .map(|text| read(id, "behind", &text))
            .transpose()?
            .unwrap_or_default(),
        seen_ms: row.seen_ms,
        deleted_ms: row.deleted_ms,
    })
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn read<T: DeserializeOwned>(id: Uuid, column: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|why| corrupt(id, format!("{column}: {why}")))
}

fn corrupt(id: Uuid, what: String) -> StoreError {
    StoreError::Corrupt {
        table: "issue",
        id: id.to_string(),
        what,
    }
}
