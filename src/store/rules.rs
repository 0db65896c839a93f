//! What keeps the rules from acting twice, and on their own echo.
//!
//! An *effect* row says that a rule acted on a target because of a cause; its key makes a second
//! time impossible, its time makes the next one wait. An *expectation* row says what a write of ours
//! will come back as. See `test-management.md` 8.4 and `jira-webhooks-rest.md` 8.5.

use sea_orm::sea_query::Value;
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::rule::RuleId;

/// Whether a rule may act now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It may, and that is on record.
    Now,
    /// It has acted on this target for this cause.
    Again,
    /// It has acted on this target a moment ago for another cause.
    TooSoon,
}

/// Asks whether `rule` may act on `target` because of `cause`, and records it when it may: once for
/// each cause, and not within `pause_ms` (milliseconds) of the last time.
pub async fn take_turn(
    on: &impl Conn,
    site: SiteId,
    rule: &RuleId,
    target: &str,
    cause: &str,
    now_ms: i64,
    pause_ms: i64,
) -> Result<Turn, StoreError> {
    let mut sql = Sql::new("SELECT max(at_ms), max(CASE WHEN cause = ");
    sql.bind(cause)
        .push(" THEN 1 ELSE 0 END) FROM rule_effect")
        .with(" WHERE site_id = ", site)
        .with(" AND rule = ", rule.name())
        .with(" AND target = ", target);
    let rows = sql.raw(on).await?;
    if let Some(row) = rows.first() {
        let last_ms: Option<i64> = row.try_get_by_index(0)?;
        let is_again: Option<i32> = row.try_get_by_index(1)?;
        if is_again == Some(1) {
            return Ok(Turn::Again);
        }
        if last_ms.is_some_and(|last_ms| last_ms > now_ms - pause_ms) {
            return Ok(Turn::TooSoon);
        }
    }
    let mut sql = Sql::new("INSERT INTO rule_effect (site_id, cause, rule, target, at_ms) VALUES ");
    sql.list::<Value>([
        site.into(),
        cause.into(),
        rule.name().into(),
        target.into(),
        now_ms.into(),
    ])
    .push(" ON CONFLICT (site_id, cause, rule, target) DO NOTHING");
    Ok(match sql.run(on).await? {
        1 => Turn::Now,
        _ => Turn::Again,
    })
}

/// Expects a change of ours to come back: `field` of the issue becoming `value`, until `expires_ms`
/// (milliseconds since the Unix epoch). Written before Jira is called.
pub async fn expect(
    on: &impl Conn,
    site: SiteId,
    issue: Uuid,
    (field, value): (&str, &str),
    outbox: Uuid,
    expires_ms: i64,
) -> Result<(), StoreError> {
    Sql::new("INSERT INTO expectation (site_id, issue_id, field, value, outbox_id, expires_ms) ")
        .rows([[
            site.into(),
            issue.into(),
            field.into(),
            value.into(),
            outbox.into(),
            expires_ms.into(),
        ]])
        .push(
            " ON CONFLICT (site_id, issue_id, field, value) DO UPDATE SET \
             outbox_id = excluded.outbox_id, expires_ms = excluded.expires_ms",
        )
        .run(on)
        .await?;
    Ok(())
}

/// Takes back what a write of ours would have done, because it was not done.
pub async fn withdraw(on: &impl Conn, site: SiteId, outbox: Uuid) -> Result<(), StoreError> {
    let mut sql = Sql::new("DELETE FROM expectation WHERE site_id = ");
    sql.bind(site)
        .with(" AND outbox_id = ", outbox)
        .run(on)
        .await?;
    Ok(())
}

/// Closes the expectation that a change meets; tells whether there was an open one.
pub async fn meet(
    on: &impl Conn,
    site: SiteId,
    issue: Uuid,
    (field, value): (&str, &str),
    now_ms: i64,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("DELETE FROM expectation WHERE site_id = ");
    sql.bind(site)
        .with(" AND issue_id = ", issue)
        .with(" AND field = ", field)
        .with(" AND value = ", value)
        .with(" AND expires_ms > ", now_ms);
    Ok(sql.run(on).await? == 1)
}

/// Whether a trace that came back names a write of our outbox.
pub async fn is_our_write(on: &impl Conn, site: SiteId, trace: Uuid) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT 1 FROM outbox WHERE site_id = ");
    let rows = sql.bind(site).with(" AND id = ", trace).raw(on).await?;
    Ok(!rows.is_empty())
}

/// The app's own accounts on the site, as far as known: Connect and Forge may have given it one each.
pub async fn own_accounts(on: &impl Conn, site: SiteId) -> Result<Vec<String>, StoreError> {
    let mut sql = Sql::new("SELECT app_account_id FROM site WHERE app_account_id IS NOT NULL");
    sql.with(" AND id = ", site)
        .push(" UNION SELECT account_id FROM installation WHERE account_id IS NOT NULL")
        .with(" AND site_id = ", site);
    let rows = sql.raw(on).await?;
    let accounts = rows.iter().map(|row| row.try_get_by_index(0));
    Ok(accounts.collect::<Result<_, _>>()?)
}
