//! The run statuses a site added to the built-in ones.
//!
//! Each is a row of `setting`, so whoever reads the settings of a project learns in the same
//! statement what its runs mean.

use super::{Conn, Dialect, SiteId, Sql, StoreError, settings};
use crate::domain::statuses::{CustomStatus, Statuses};

/// Every custom status of a site, by code.
pub async fn of_site(on: &impl Conn, site: SiteId) -> Result<Statuses, StoreError> {
    let decided = settings::of_site(on, site).await?;
    Ok(Statuses::clone(&decided.statuses))
}

/// Holds the statuses of a site until the transaction ends: who changes them, and who stores a run
/// with one of them, follow one another. SQLite has one writer and needs none of this.
pub async fn hold(on: &impl Conn, site: SiteId) -> Result<(), StoreError> {
    /// Any number, the same in every replica: "stat" in ASCII, shifted away from other locks.
    const LOCK: i64 = 0x7374_6174 << 24;
    if Dialect::of(on) == Dialect::Postgres {
        Sql::new("SELECT pg_advisory_xact_lock(")
            .bind(LOCK ^ site.0)
            .push(")")
            .run(on)
            .await?;
    }
    Ok(())
}

/// Stores a status, in place of the one with its code, and who made it (an account id or an API
/// client). The caller holds the statuses of the site while it chooses code and name.
pub async fn put(
    on: &impl Conn,
    site: SiteId,
    status: &CustomStatus,
    by: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    settings::decide_status(on, site, status.code, Some(status), by, now_ms).await
}

/// Whether any run of the site has the status with this code.
pub async fn is_used(on: &impl Conn, site: SiteId, code: i16) -> Result<bool, StoreError> {
    let rows = Sql::new("SELECT 1 FROM run WHERE site_id = ")
        .bind(site)
        .with(" AND status = ", code)
        .push(" AND status >= 100 LIMIT 1")
        .raw(on)
        .await?;
    Ok(!rows.is_empty())
}

/// Deletes the status with this code. The caller holds the statuses of the site.
pub async fn delete(on: &impl Conn, site: SiteId, code: i16) -> Result<(), StoreError> {
    settings::decide_status(on, site, code, None, None, 0).await
}
