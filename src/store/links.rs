//! Which test covers which issue.
//!
//! A link that a person removed keeps its row: results that name the issue again must not bring it
//! back. Only a person does.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError, shown_status};

/// How a link came about; `code` is what the store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Results named the issue in a place made for it.
    Stated,
    /// Results named something that is the key of an issue.
    Guessed,
    /// A person linked them.
    Person,
}

impl Source {
    const fn code(self) -> i16 {
        match self {
            Self::Stated => 1,
            Self::Guessed => 2,
            Self::Person => 3,
        }
    }
}

/// A link that results ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewLink {
    /// The mirror row of the issue.
    pub issue: Uuid,
    /// The test.
    pub test: Uuid,
    /// How it came about.
    pub source: Source,
}

/// Stores links; those that are there, or that a person removed, are left as they are. The caller marks
/// the issues (`shown_status`) when it is done with the tests.
pub async fn insert_all(
    on: &impl Conn,
    site: SiteId,
    links: &[NewLink],
    now_ms: i64,
) -> Result<(), StoreError> {
    const COLUMNS: usize = 5;
    for chunk in links.chunks(Dialect::of(on).chunk(COLUMNS)) {
        let mut sql =
            Sql::new("INSERT INTO test_link (site_id, issue_id, test_id, source, created_ms) ");
        sql.rows::<COLUMNS>(chunk.iter().map(|link| {
            [
                site.into(),
                link.issue.into(),
                link.test.into(),
                link.source.code().into(),
                now_ms.into(),
            ]
        }))
        .push(" ON CONFLICT (site_id, issue_id, test_id) DO NOTHING")
        .run(on)
        .await?;
    }
    Ok(())
}

/// Links a test to an issue for a person (an account id), also when the link was removed before.
pub async fn link(
    on: &impl Conn,
    site: SiteId,
    issue: Uuid,
    test: Uuid,
    by: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut sql = Sql::new(
        "INSERT INTO test_link (site_id, issue_id, test_id, source, created_by, created_ms) ",
    );
    sql.rows([[
        site.into(),
        issue.into(),
        test.into(),
        Source::Person.code().into(),
        by.map(str::to_owned).into(),
        now_ms.into(),
    ]])
    .push(
        " ON CONFLICT (site_id, issue_id, test_id) DO UPDATE SET source = excluded.source, \
         created_by = excluded.created_by, created_ms = excluded.created_ms, \
         removed_by = NULL, removed_ms = NULL WHERE test_link.removed_ms IS NOT NULL",
    )
    .run(on)
    .await?;
    shown_status::mark_issues(on, site, &[issue], now_ms).await
}

/// Removes a link for a person (an account id); tells whether there was one.
pub async fn unlink(
    on: &impl Conn,
    site: SiteId,
    issue: Uuid,
    test: Uuid,
    by: Option<&str>,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("UPDATE test_link SET removed_ms = ");
    sql.bind(now_ms)
        .with(", removed_by = ", by.map(str::to_owned))
        .with(" WHERE site_id = ", site)
        .with(" AND issue_id = ", issue)
        .with(" AND test_id = ", test);
    let was_there = sql.push(" AND removed_ms IS NULL").run(on).await? == 1;
    shown_status::mark_issues(on, site, &[issue], now_ms).await?;
    Ok(was_there)
}

/// Keys of the issues that a test covers, sorted; deleted ones are left out.
pub async fn issue_keys_of_test(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
) -> Result<BTreeSet<String>, StoreError> {
    let mut linked = Sql::new("SELECT l.issue_id FROM test_link l WHERE l.site_id = ");
    linked
        .bind(site)
        .with(" AND l.test_id = ", test)
        .push(" AND l.removed_ms IS NULL");
    keys_of(on, site, linked).await
}

/// Keys of the issues that the tests of an execution's runs cover, from this number of a run on;
/// sorted, deleted ones are left out.
pub async fn issue_keys_of_runs(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    from: i64,
) -> Result<BTreeSet<String>, StoreError> {
    // CROSS keeps SQLite to the order written here.
    let mut linked = Sql::new(
        "SELECT l.issue_id FROM run r CROSS JOIN test_link l WHERE l.site_id = r.site_id \
         AND l.test_id = r.test_id AND l.removed_ms IS NULL AND r.site_id = ",
    );
    linked
        .bind(site)
        .with(" AND r.execution_id = ", execution)
        .with(" AND r.number >= ", from);
    keys_of(on, site, linked).await
}

async fn keys_of(on: &impl Conn, site: SiteId, ids: Sql) -> Result<BTreeSet<String>, StoreError> {
    let mut sql = Sql::new("SELECT key FROM issue WHERE site_id = ");
    sql.bind(site)
        .push(" AND deleted_ms IS NULL AND id IN (")
        .append(ids)
        .push(")");
    let rows = sql.raw(on).await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}
