//! Records, changes and deletes single runs. What follows from a test's runs is made anew in the same
//! transaction, and the rules hear of a result that is news. The caller holds the project throughout.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::app::rederive::{rederive, take_in};
use crate::app::run_rules::{ImportedResults, ImportedRun, on_defect_link, on_results};
use crate::domain::execution::Execution;
use crate::domain::run::RunStatus;
use crate::store::defects::NewDefectLink;
use crate::store::runs::NewRun;
use crate::store::stored_runs::{StoredRun, detail_text};
use crate::store::{
    Conn, SiteId, StoreError, defects, environments, evidence, executions, run_defects, runs,
    statuses, stored_runs,
};

/// Who changes a run, and when.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The API client or account.
    pub by: &'a str,
    /// Milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// Defects of a run: step (0 is the run itself) and the mirror row of the issue.
pub type Defects = [(i32, Uuid)];

/// Keeps a status of the site's own from being deleted before the run that has it is there; tells
/// whether it is still there.
pub async fn is_status_held(
    on: &impl Conn,
    site: SiteId,
    status: RunStatus,
) -> Result<bool, StoreError> {
    if !matches!(status, RunStatus::Custom(_)) {
        return Ok(true);
    }
    statuses::hold(on, site).await?;
    // It was read before: somebody may have been quicker.
    let known = statuses::of_site(on, site).await?;
    Ok(known.made(status).is_some())
}

/// Adds a run to an execution; its number is the execution's next.
pub async fn record_run(
    on: &impl Conn,
    site: SiteId,
    execution: &Execution,
    run: &StoredRun,
    defects: &Defects,
    occasion: Occasion<'_>,
) -> Result<(), StoreError> {
    let new = NewRun {
        number: run.number,
        test_id: run.test_id,
        test_version: run.test_version.unwrap_or_default(),
        status: run.status,
        is_flaky: run.is_flaky,
        started_ms: run.started_ms,
        finished_ms: run.finished_ms,
        duration_ms: run.duration_ms,
        message: run.message.clone(),
        detail: detail_text(&run.detail),
    };
    runs::insert_all(on, site, execution.id, &[new], run.arrived_ms).await?;
    let mut extended = execution.clone();
    extended.next_run = run.number + 1;
    let names = &execution.particulars.environments;
    environments::note(on, site, execution.project_id, names, occasion.now_ms).await?;
    note_span(on, site, extended).await?;
    take_in(on, site, execution.id, run.number).await?;
    set_defects(on, site, execution, run, defects, occasion).await?;
    tell_rules(on, site, execution, run, occasion.now_ms).await
}

/// Writes `changed` in place of `held`, the same run; `defects` in place of those it had, when given.
pub async fn edit_run(
    on: &impl Conn,
    site: SiteId,
    execution: &Execution,
    (held, changed): (&StoredRun, &StoredRun),
    defects: Option<&Defects>,
    occasion: Occasion<'_>,
) -> Result<(), StoreError> {
    stored_runs::update(on, site, execution.id, changed).await?;
    follow(on, site, execution.clone(), changed.test_id).await?;
    if let Some(defects) = defects {
        set_defects(on, site, execution, changed, defects, occasion).await?;
    }
    if held.status == changed.status {
        return Ok(());
    }
    tell_rules(on, site, execution, changed, occasion.now_ms).await
}

/// Deletes a run with everything that hangs on it.
pub async fn delete_run(
    on: &impl Conn,
    site: SiteId,
    execution: &Execution,
    run: &StoredRun,
    occasion: Occasion<'_>,
) -> Result<(), StoreError> {
    set_defects(on, site, execution, run, &[], occasion).await?;
    let place = (execution.project_id, execution.id);
    evidence::delete(on, site, place, evidence::Which::OfRun(run.number)).await?;
    stored_runs::delete(on, site, execution.id, run.number).await?;
    follow(on, site, execution.clone(), run.test_id).await
}

/// Makes what follows from the runs of an execution and of a test anew.
async fn follow(
    on: &impl Conn,
    site: SiteId,
    execution: Execution,
    test: Uuid,
) -> Result<(), StoreError> {
    note_span(on, site, execution).await?;
    rederive(on, site, &[test]).await
}

/// Writes an execution with the span of its runs.
async fn note_span(
    on: &impl Conn,
    site: SiteId,
    mut execution: Execution,
) -> Result<(), StoreError> {
    let (started_ms, finished_ms) = stored_runs::span_ms(on, site, execution.id).await?;
    execution.started_ms = started_ms;
    execution.finished_ms = finished_ms.unwrap_or(execution.created_ms);
    executions::update(on, site, &execution).await
}

/// Sets the defects of a run. The test is linked to each; a link that this run had made goes with the
/// last run that names the issue.
async fn set_defects(
    on: &impl Conn,
    site: SiteId,
    execution: &Execution,
    run: &StoredRun,
    wanted: &Defects,
    occasion: Occasion<'_>,
) -> Result<(), StoreError> {
    let place = (execution.id, run.number);
    let held = run_defects::of_run(on, site, execution.id, run.number).await?;
    let held: BTreeSet<Uuid> = held.into_iter().map(|defect| defect.issue_id).collect();
    let issues: BTreeSet<Uuid> = wanted.iter().map(|(_, issue)| *issue).collect();
    if held.is_empty() && issues.is_empty() {
        return Ok(());
    }
    run_defects::set(on, site, place, wanted).await?;
    for issue in issues.difference(&held) {
        let link = NewDefectLink {
            test: run.test_id,
            issue: *issue,
            run: Some(place),
            signature: None,
            created_by: Some(occasion.by),
        };
        defects::link(on, site, &link, occasion.now_ms).await?;
    }
    for issue in held.difference(&issues) {
        if !run_defects::is_named(on, site, run.test_id, *issue).await? {
            defects::unlink_made_by(on, site, (run.test_id, *issue), place, occasion.now_ms)
                .await?;
        }
    }
    let cause = format!("run:{}/{}", execution.key, run.number);
    for issue in issues.symmetric_difference(&held) {
        on_defect_link(on, site, occasion.now_ms, *issue, &cause).await?;
    }
    Ok(())
}

async fn tell_rules(
    on: &impl Conn,
    site: SiteId,
    execution: &Execution,
    run: &StoredRun,
    now_ms: i64,
) -> Result<(), StoreError> {
    let (key, test_key) = (execution.key.to_string(), run.test_key.to_string());
    let results = ImportedResults {
        project_key: &execution.key.project,
        execution_id: execution.id,
        execution_key: &key,
        environments: &execution.particulars.environments,
        fix_version: execution.particulars.fix_version.as_deref(),
        branch: execution.particulars.branch.as_deref(),
        runs: &[ImportedRun {
            test_id: run.test_id,
            test_key: &test_key,
            number: run.number,
            status: run.status,
            is_flaky: run.is_flaky,
            finished_ms: run.finished_ms,
        }],
    };
    on_results(on, site, now_ms, &results).await
}
