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

/// The keys of the issues that these tests cover, sorted, each once.
pub async fn issue_keys_of_tests(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<BTreeSet<String>, StoreError> {
    let mut keys = BTreeSet::new();
    for chunk in tests.chunks(500) {
        let mut sql = Sql::new(
            "SELECT DISTINCT i.key FROM test_link l JOIN issue i \
             ON i.site_id = l.site_id AND i.id = l.issue_id WHERE l.site_id = ",
        );
        sql.bind(site)
            .push(" AND l.removed_ms IS NULL AND i.deleted_ms IS NULL AND l.test_id IN ")
            .list(chunk.iter().copied());
        for row in sql.raw(on).await? {
            keys.insert(row.try_get_by_index(0)?);
        }
    }
    Ok(keys)
}
