//! Makes, changes and deletes executions: what holds for all their runs, and with a change of that,
//! what the runs count for.
//!
//! Version, plan and sprint are read from the execution when somebody asks for that scope; what is
//! kept beside a test carries environments and the like, so a change of those makes it anew. The
//! caller holds the project throughout.

use crate::app::rederive::rederive;
use crate::domain::execution::{Execution, Particulars};
use crate::domain::keys::ExecutionKey;
use crate::ids;
use crate::store::projects::{Counter, Project};
use crate::store::{
    Conn, SiteId, StoreError, environments, evidence, executions, projects, run_defects,
    stored_runs,
};

/// Makes an execution without runs.
pub async fn create_execution(
    on: &impl Conn,
    site: SiteId,
    project: &Project,
    name: &str,
    particulars: &Particulars,
    by: &str,
    now_ms: i64,
) -> Result<Execution, StoreError> {
    let number = projects::take_numbers(on, site, project.id, Counter::Executions, 1).await?;
    let execution = Execution {
        id: ids::next(),
        project_id: project.id,
        key: ExecutionKey {
            project: project.key.clone(),
            number,
        },
        name: name.to_owned(),
        particulars: particulars.clone(),
        source: "API".to_owned(),
        created_by: Some(by.to_owned()),
        created_ms: now_ms,
        started_ms: None,
        finished_ms: now_ms,
        incomplete: None,
        next_run: 1,
    };
    executions::insert(on, site, &execution).await?;
    let names = &particulars.environments;
    environments::note(on, site, project.id, names, now_ms).await?;
    Ok(execution)
}

/// Writes `changed` in place of `held`, the same execution.
pub async fn edit_execution(
    on: &impl Conn,
    site: SiteId,
    held: &Execution,
    changed: &Execution,
    now_ms: i64,
) -> Result<(), StoreError> {
    executions::update(on, site, changed).await?;
    let (was, is) = (&held.particulars, &changed.particulars);
    let is_kept = |of: &Particulars| {
        (
            of.environments.clone(),
            of.revision.clone(),
            of.branch.clone(),
        )
    };
    if is_kept(was) == is_kept(is) {
        return Ok(());
    }
    environments::note(on, site, changed.project_id, &is.environments, now_ms).await?;
    let tests = stored_runs::tests_of(on, site, changed.id).await?;
    rederive(on, site, &tests).await
}

/// Deletes an execution with its runs and everything that hangs on them.
pub async fn delete_execution(
    on: &impl Conn,
    site: SiteId,
    execution: &Execution,
) -> Result<(), StoreError> {
    let place = (execution.project_id, execution.id);
    evidence::delete(on, site, place, evidence::Which::All).await?;
    run_defects::delete_all(on, site, execution.id).await?;
    let tests = stored_runs::delete_all(on, site, execution.id).await?;
    executions::delete(on, site, execution.id).await?;
    rederive(on, site, &tests).await
}
