//! A person says that a test covers an issue.
//!
//! What a person says lasts: results bring no removed link back, and remove none. Whether the person may is the edge's question to Jira.

use crate::domain::keys::TestKey;
use crate::domain::test::TestCase;
use crate::store::{SiteId, Store, StoreError, issues, links, tests};

/// Why a link was neither made nor removed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The mirror does not know the issue.
    #[error("the issue is not known here yet")]
    UnknownIssue,
    /// There is no such test.
    #[error("there is no test {0}")]
    UnknownTest(TestKey),
    /// The test was put away.
    #[error("{0} is archived; an archived test covers nothing")]
    Archived(TestKey),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Links the test to the issue with Jira's id `issue_jira_id`, for the account `by`; a link that is
/// there already stays as it is. Returns the test.
pub async fn link_test(
    store: &Store,
    site: SiteId,
    issue_jira_id: i64,
    test: &TestKey,
    by: Option<&str>,
    now_ms: i64,
) -> Result<TestCase, LinkError> {
    let on = store.read();
    let issue = issues::by_jira_id(on, site, issue_jira_id)
        .await?
        .ok_or(LinkError::UnknownIssue)?;
    let found = tests::by_key(on, site, test).await?;
    let found = found.ok_or_else(|| LinkError::UnknownTest(test.clone()))?;
    if found.is_archived {
        return Err(LinkError::Archived(found.key));
    }
    let txn = store.write().await?;
    links::link(&*txn, site, issue.id, found.id, by, now_ms).await?;
    txn.commit().await?;
    Ok(found)
}
