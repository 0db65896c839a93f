//! Makes test sets and preconditions. The caller holds the project throughout.

use crate::domain::keys::{GroupKey, GroupKind};
use crate::ids;
use crate::store::groups::{self, Group, GroupContent};
use crate::store::projects::{Counter, Project};
use crate::store::{Conn, SiteId, StoreError, projects};

/// Makes a group without tests.
pub async fn create_group(
    on: &impl Conn,
    site: SiteId,
    project: &Project,
    kind: GroupKind,
    content: &GroupContent,
    by: &str,
    now_ms: i64,
) -> Result<Group, StoreError> {
    let group = Group {
        id: ids::next(),
        project_id: project.id,
        key: GroupKey {
            project: project.key.clone(),
            kind,
            number: projects::take_numbers(on, site, project.id, Counter::Groups, 1).await?,
        },
        content: content.clone(),
        created_by: Some(by.to_owned()),
        created_ms: now_ms,
        changed_ms: now_ms,
    };
    groups::put(on, site, &group).await?;
    Ok(group)
}
