//! Makes test plans. The caller holds the project throughout.

use uuid::Uuid;

use crate::domain::keys::PlanKey;
use crate::ids;
use crate::store::plans::{self, Plan};
use crate::store::projects::{Counter, Project};
use crate::store::{Conn, SiteId, StoreError, projects};

/// Makes a plan of these tests.
pub async fn create_plan(
    on: &impl Conn,
    site: SiteId,
    project: &Project,
    (name, description): (&str, Option<&str>),
    tests: &[Uuid],
    by: &str,
    now_ms: i64,
) -> Result<Plan, StoreError> {
    let plan = Plan {
        id: ids::next(),
        project_id: project.id,
        key: PlanKey {
            project: project.key.clone(),
            number: projects::take_numbers(on, site, project.id, Counter::Plans, 1).await?,
        },
        name: name.to_owned(),
        description: description.map(str::to_owned),
        created_by: Some(by.to_owned()),
        created_ms: now_ms,
    };
    plans::put(on, site, &plan).await?;
    plans::add_tests(on, site, plan.id, tests).await?;
    Ok(plan)
}
