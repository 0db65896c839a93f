//! A person or a script says that a test is not flaky any more (`test-management.md` 5.4: the mark
//! clears by itself or by hand). Its results stay; those so far are no evidence any more.

use uuid::Uuid;

use crate::store::audit::{self, NewEntry};
use crate::store::{SiteId, Store, StoreError, tests};

/// Clears the flaky mark of a test for the account `by`. `now_ms` is milliseconds since the Unix epoch.
pub async fn clear_flaky(
    store: &Store,
    site: SiteId,
    test: Uuid,
    by: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let txn = store.write().await?;
    tests::clear_flaky(&*txn, site, test, now_ms).await?;
    let entry = NewEntry {
        rule: "person".into(),
        actor: by.map(str::to_owned),
        issue_id: None,
        test_id: Some(test),
        action: "clear flaky",
        is_done: true,
        reason: "Results until now are no evidence any more that the test is flaky.".to_owned(),
        cause: format!("test:{test}"),
    };
    audit::insert_all(&*txn, site, &[entry], now_ms).await?;
    txn.commit().await
}
