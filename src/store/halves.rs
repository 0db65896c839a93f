//! The two halves of a site, known apart before anybody knew that they are one: what each holds, and
//! moving everything of one into the other.
//!
//! Connect and Forge may introduce the same Jira to us separately. Events of either half are facts of
//! the whole, so they are moved and applied again; settings, clients, work and audit follow. Tests
//! and their results are not moved: their keys (`SHOP-T12`) were given out to people, and two halves
//! may have given out the same. Whoever calls sees to it ([`weigh`]) that only a half without any is
//! moved. Everything here may be repeated: a replica that still knew the half a moment later may have
//! written to it.

use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError, installations, issues};

/// What a half holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Nothing that Jira told or people made.
    Nothing,
    /// What can be moved: events, the mirror, settings, clients.
    Events,
    /// Tests or executions, which cannot.
    Results,
}

/// What a half holds.
pub async fn weigh(on: &impl Conn, half: SiteId) -> Result<Weight, StoreError> {
    for (weight, tables) in [
        (
            Weight::Results,
            ["test_case", "execution", "plan", "test_group", "folder"].as_slice(),
        ),
        (
            Weight::Events,
            ["issue", "inbox", "outbox", "setting", "api_client"].as_slice(),
        ),
    ] {
        for table in tables {
            let mut sql = Sql::new(&format!("SELECT 1 FROM {table} WHERE site_id = "));
            if !sql.bind(half).push(" LIMIT 1").raw(on).await?.is_empty() {
                return Ok(weight);
            }
        }
    }
    Ok(Weight::Nothing)
}

/// Moves everything of a half without results into the other. Events, applied ones too, are applied
/// again there, for the mirror and the rules of that half have not seen them.
pub async fn move_into(
    on: &impl Conn,
    from: SiteId,
    into: SiteId,
    now_ms: i64,
) -> Result<(), StoreError> {
    for installation in installations::of_site(on, from).await? {
        installations::hand_over(on, &installation, into, now_ms).await?;
    }
    move_audit(on, from, into).await?;
    move_exemptions(on, from, into).await?;
    move_issues(on, from, into).await?;
    move_events(on, from, into, now_ms).await?;
    for (table, same) in [
        ("outbox", "k.dedupe_key = t.dedupe_key"),
        ("setting", "k.scope = t.scope AND k.name = t.name"),
        ("project", "k.key = t.key"),
        (
            "readiness_day",
            "k.project_key = t.project_key AND k.scope = t.scope AND k.day = t.day",
        ),
        (
            "readiness_ending",
            "k.project_key = t.project_key AND k.scope = t.scope AND k.cause = t.cause",
        ),
        (
            "rule_effect",
            "k.cause = t.cause AND k.rule = t.rule AND k.target = t.target",
        ),
        ("api_client", "k.id = t.id"),
        ("status_comment", "k.issue_jira_id = t.issue_jira_id"),
        (
            "issue_link",
            "k.source_jira_id = t.source_jira_id AND k.type_id = t.type_id \
             AND k.destination_jira_id = t.destination_jira_id",
        ),
        (
            "viewer_scope",
            "k.account_id = t.account_id AND k.project_key = t.project_key",
        ),
        ("matrix_snapshot", "k.id = t.id"),
        (
            "matrix_snapshot_row",
            "k.snapshot_id = t.snapshot_id AND k.place = t.place AND k.issue_id = t.issue_id",
        ),
    ] {
        move_rows(on, table, same, from, into, "").await?;
    }
    Ok(())
}

/// Lets nobody find a half any more. Its row is kept until [`let_go`]: what still reaches it is moved
/// once more before.
pub async fn retire(
    on: &impl Conn,
    half: SiteId,
    into: SiteId,
    now_ms: i64,
) -> Result<(), StoreError> {
    Sql::new("UPDATE site SET client_key = NULL, shared_secret = NULL, is_enabled = ")
        .bind(false)
        .with(", merged_into = ", into)
        .with(
            ", state = 1, purge_after_ms = NULL, uninstalled_ms = ",
            now_ms,
        )
        .with(" WHERE id = ", half)
        .run(on)
        .await?;
    Ok(())
}

/// Lets a half that was moved be purged after `purge_after_ms`.
pub async fn let_go(on: &impl Conn, half: SiteId, purge_after_ms: i64) -> Result<(), StoreError> {
    Sql::new("UPDATE site SET purge_after_ms = ")
        .bind(purge_after_ms)
        .with(" WHERE id = ", half)
        .push(" AND merged_into IS NOT NULL")
        .run(on)
        .await?;
    Ok(())
}

/// Gives `to` the Connect half that `from` was: its key, addresses and account. The secret, which is
/// sealed for its site, is the caller's affair.
pub async fn hand_over_connect(on: &impl Conn, from: SiteId, to: SiteId) -> Result<(), StoreError> {
    let rows = Sql::new(
        "SELECT client_key, base_url, display_url, oauth_client_id, app_account_id FROM site WHERE id = ",
    )
    .bind(from)
    .raw(on)
    .await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let told: Vec<Option<String>> = (0..5)
        .map(|column| row.try_get_by_index(column))
        .collect::<Result<_, _>>()?;
    // The key is unique, so it leaves before it arrives.
    Sql::new("UPDATE site SET client_key = NULL WHERE id = ")
        .bind(from)
        .run(on)
        .await?;
    let mut sql = Sql::new("UPDATE site SET ");
    let columns = [
        "client_key",
        "base_url",
        "display_url",
        "oauth_client_id",
        "app_account_id",
    ];
    for (n, (column, value)) in columns.into_iter().zip(told).enumerate() {
        sql.push(if n > 0 { ", " } else { "" })
            .push(column)
            .with(" = ", value);
    }
    sql.with(" WHERE id = ", to).run(on).await?;
    Ok(())
}

/// Pairs of sites that are halves of one Jira and were not joined, because both have results: the
/// Connect half first.
pub async fn apart(on: &impl Conn) -> Result<Vec<(SiteId, SiteId)>, StoreError> {
    let rows = Sql::new(
        "SELECT c.id, f.id FROM site c JOIN site f ON f.cloud_id = c.cloud_id \
         AND f.environment = c.environment AND f.client_key IS NULL AND f.merged_into IS NULL \
         WHERE c.client_key IS NOT NULL AND c.merged_into IS NULL ORDER BY c.id, f.id",
    )
    .raw(on)
    .await?;
    rows.iter()
        .map(|row| {
            Ok((
                SiteId(row.try_get_by_index(0)?),
                SiteId(row.try_get_by_index(1)?),
            ))
        })
        .collect()
}

async fn move_rows(
    on: &impl Conn,
    table: &str,
    same: &str,
    from: SiteId,
    into: SiteId,
    also: &str,
) -> Result<(), StoreError> {
    Sql::new(&format!("UPDATE {table} AS t SET site_id = "))
        .bind(into)
        .push(also)
        .with(" WHERE t.site_id = ", from)
        .with(
            &format!(" AND NOT EXISTS (SELECT 1 FROM {table} k WHERE k.site_id = "),
            into,
        )
        .push(&format!(" AND ({same}))"))
        .run(on)
        .await?;
    Ok(())
}

/// When two halves heard of the same event.
const SAME_EVENT: &str = "k.content_key = t.content_key OR k.delivery_key = t.delivery_key";

async fn move_events(
    on: &impl Conn,
    from: SiteId,
    into: SiteId,
    now_ms: i64,
) -> Result<(), StoreError> {
    // Lanes before events, as in `inbox`.
    Sql::new(
        "INSERT INTO lane (site_id, lane, ready_ms, lease_until_ms, version) \
         SELECT DISTINCT CAST(",
    )
    .bind(into)
    .with(" AS bigint), lane, CAST(", now_ms)
    .with(" AS bigint), 0, 1 FROM inbox WHERE site_id = ", from)
    .push(" ON CONFLICT (site_id, lane) DO UPDATE SET version = lane.version + 1")
    .run(on)
    .await?;
    let length = match Dialect::of(on) {
        Dialect::Sqlite => "length(t.body)",
        Dialect::Postgres => "octet_length(t.body)",
    };
    Sql::new(
        "INSERT INTO waiting_event (site_id, lane, event_ms, id, received_ms, body_length) \
         SELECT CAST(",
    )
    .bind(into)
    .push(" AS bigint), t.lane, t.event_ms, t.id, t.received_ms, ")
    .push(length)
    .with(" FROM inbox t WHERE t.site_id = ", from)
    .with(
        " AND NOT EXISTS (SELECT 1 FROM inbox k WHERE k.site_id = ",
        into,
    )
    .push(&format!(" AND ({SAME_EVENT}))"))
    .run(on)
    .await?;
    move_rows(on, "inbox", SAME_EVENT, from, into, ", note = NULL").await?;
    // A worker that holds one of these lanes writes nothing once it is gone.
    for table in ["lane", "expectation", "waiting_event", "inbox"] {
        delete_rest(on, table, from).await?;
    }
    Ok(())
}

async fn move_issues(on: &impl Conn, from: SiteId, into: SiteId) -> Result<(), StoreError> {
    issues::hold_keys(on, into).await?;
    move_rows(on, "issue", "k.jira_id = t.jira_id", from, into, "").await?;
    Sql::new("UPDATE issue_alias AS t SET site_id = ")
        .bind(into)
        .with(" WHERE t.site_id = ", from)
        .with(
            " AND t.issue_id IN (SELECT id FROM issue WHERE site_id = ",
            into,
        )
        .with(
            ") AND NOT EXISTS (SELECT 1 FROM issue_alias k WHERE k.site_id = ",
            into,
        )
        .push(" AND k.key = t.key)")
        .run(on)
        .await?;
    // What results named before Jira told of it finds the issue that came with the move.
    let mut sql = Sql::new(
        "SELECT i.key, i.id FROM issue p JOIN issue i ON i.site_id = p.site_id AND i.key = p.key \
         AND i.jira_id IS NOT NULL WHERE p.jira_id IS NULL AND p.site_id = ",
    );
    let rows = sql.bind(into).raw(on).await?;
    let found: Vec<(String, Uuid)> = rows
        .iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect::<Result<_, sea_orm::DbErr>>()?;
    let found: Vec<_> = found
        .iter()
        .map(|(key, id)| (into, key.as_str(), *id))
        .collect();
    issues::absorb_placeholders(on, &found).await?;
    for table in ["issue_alias", "issue"] {
        delete_rest(on, table, from).await?;
    }
    Ok(())
}

/// The audit names rows of the mirror: entries about an issue that both halves know follow its row.
async fn move_audit(on: &impl Conn, from: SiteId, into: SiteId) -> Result<(), StoreError> {
    Sql::new(
        "UPDATE audit AS t SET issue_id = (SELECT k.id FROM issue f JOIN issue k \
         ON k.jira_id = f.jira_id AND k.site_id = ",
    )
    .bind(into)
    .with(" WHERE f.id = t.issue_id AND f.site_id = ", from)
    .with(") WHERE t.site_id = ", from)
    .push(
        " AND EXISTS (SELECT 1 FROM issue f JOIN issue k ON k.jira_id = f.jira_id AND k.site_id = ",
    )
    .bind(into)
    .with(" WHERE f.id = t.issue_id AND f.site_id = ", from)
    .push(")")
    .run(on)
    .await?;
    move_rows(on, "audit", "k.id = t.id", from, into, "").await
}

/// Exemptions follow the row of the mirror too; where both halves exempt an issue, the other's holds.
async fn move_exemptions(on: &impl Conn, from: SiteId, into: SiteId) -> Result<(), StoreError> {
    Sql::new(
        "UPDATE exemption AS t SET issue_id = COALESCE((SELECT k.id FROM issue f JOIN issue k \
         ON k.jira_id = f.jira_id AND k.site_id = ",
    )
    .bind(into)
    .with(" WHERE f.id = t.issue_id AND f.site_id = ", from)
    .with("), t.issue_id) WHERE t.site_id = ", from)
    .run(on)
    .await?;
    move_rows(on, "exemption", "k.issue_id = t.issue_id", from, into, "").await?;
    delete_rest(on, "exemption", from).await
}

async fn delete_rest(on: &impl Conn, table: &str, half: SiteId) -> Result<(), StoreError> {
    Sql::new(&format!("DELETE FROM {table} WHERE site_id = "))
        .bind(half)
        .run(on)
        .await?;
    Ok(())
}
