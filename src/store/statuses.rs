//! Whether a run has a status of a site's own, and who may change those.

use super::{Conn, Dialect, SiteId, Sql, StoreError};

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

/// Whether any run of the site has the custom status with this code.
pub async fn is_used(on: &impl Conn, site: SiteId, code: i16) -> Result<bool, StoreError> {
    let rows = Sql::new("SELECT 1 FROM run WHERE site_id = ")
        .bind(site)
        .with(" AND status = ", code)
        .push(" AND status >= 100 LIMIT 1")
        .raw(on)
        .await?;
    Ok(!rows.is_empty())
}
