//! A person says that a test does not cover an issue; results that name the issue again do not bring
//! the link back.

use super::link_test::LinkError;
use crate::domain::keys::TestKey;
use crate::store::{SiteId, Store, issues, links, tests};

/// Removes the link of the test to the issue with Jira's id `issue_jira_id`, for the account `by`;
/// tells whether there was one.
pub async fn unlink_test(
    store: &Store,
    site: SiteId,
    issue_jira_id: i64,
    test: &TestKey,
    by: Option<&str>,
    now_ms: i64,
) -> Result<bool, LinkError> {
    let on = store.read();
    let issue = issues::by_jira_id(on, site, issue_jira_id)
        .await?
        .ok_or(LinkError::UnknownIssue)?;
    let found = tests::by_key(on, site, test).await?;
    let found = found.ok_or_else(|| LinkError::UnknownTest(test.clone()))?;
    let txn = store.write().await?;
    let was_there = links::unlink(&*txn, site, issue.id, found.id, by, now_ms).await?;
    txn.commit().await?;
    Ok(was_there)
}
