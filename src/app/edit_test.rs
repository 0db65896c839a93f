//! Makes and changes tests. Another name, description or steps are another version: results say which
//! version they were made with. The caller holds the project throughout.

use crate::domain::keys::TestKey;
use crate::domain::test::{MANUAL, TestContent, TestKind};
use crate::ids;
use crate::store::projects::{Counter, Project};
use crate::store::stored_tests::StoredTest;
use crate::store::tests::FIRST_VERSION;
use crate::store::{Conn, SiteId, StoreError, projects, stored_tests};

/// What a person says of a test that is no part of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// Its labels.
    pub labels: Vec<String>,
    /// Where it stands in its own workflow.
    pub workflow_status: Option<String>,
}

/// Makes a test: one that a person carries out, or, when its type says so, a machine.
pub async fn create_test(
    on: &impl Conn,
    site: SiteId,
    project: &Project,
    content: &TestContent,
    surroundings: &Surroundings,
    by: &str,
    now_ms: i64,
) -> Result<StoredTest, StoreError> {
    let test = StoredTest {
        id: ids::next(),
        project_id: project.id,
        key: TestKey {
            project: project.key.clone(),
            number: projects::take_numbers(on, site, project.id, Counter::Tests, 1).await?,
        },
        kind: match content.test_type.as_deref() {
            None | Some(MANUAL) => TestKind::Manual,
            Some(_) => TestKind::Automated,
        },
        class_name: String::new(),
        suite: String::new(),
        content: content.clone(),
        version: FIRST_VERSION,
        version_ms: now_ms,
        version_by: Some(by.to_owned()),
        labels: surroundings.labels.clone(),
        workflow_status: surroundings.workflow_status.clone(),
        created_by: Some(by.to_owned()),
        created_ms: now_ms,
        archived_ms: None,
    };
    stored_tests::insert(on, site, &test).await?;
    Ok(test)
}

/// Writes `changed` in place of `held`, the same test; with a new version when its content differs.
/// Returns what is stored.
pub async fn edit_test(
    on: &impl Conn,
    site: SiteId,
    held: &StoredTest,
    mut changed: StoredTest,
    by: &str,
    now_ms: i64,
) -> Result<StoredTest, StoreError> {
    if changed.content != held.content {
        stored_tests::keep_version(on, site, held).await?;
        changed.version = held.version + 1;
        changed.version_ms = now_ms;
        changed.version_by = Some(by.to_owned());
    }
    stored_tests::update(on, site, &changed).await?;
    Ok(changed)
}
