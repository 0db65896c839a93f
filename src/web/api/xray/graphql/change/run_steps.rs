//! Changes of what a run says of the steps of its test, and of its iterations. A run that says nothing
//! of a step yet has not done it; a status of a step or an iteration makes that of the run.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::super::desk::{Answer, Desk, refused};
use super::super::page::{Texts, texts};
use super::super::run::{TestRun, part_status};
use super::document::long;
use super::evidence::{GivenFile, Unwanted, attach, decoded, step_of};
use super::hold;
use super::runs::{AddedDefects, add_defects, remove_defects, save, status_named, with_status};
use crate::domain::attempts::{Sequence, aggregate};
use crate::domain::coverage::Settings;
use crate::domain::run::RunStatus;
use crate::domain::run_detail::StepDetail;
use crate::store::stored_runs::StoredRun;

/// What came of a change of a step's status.
#[derive(Debug, SimpleObject)]
#[graphql(name = "UpdateTestRunStepStatusResult")]
struct StatusUpdated {
    warnings: Vec<String>,
}

/// What came of a change of an iteration's status.
#[derive(Debug, SimpleObject)]
struct UpdateIterationStatusResult {
    warnings: Vec<String>,
}

/// Which defects were removed.
#[derive(Debug, SimpleObject)]
struct RemoveDefectsResult {
    removed_defects: Vec<String>,
    warnings: Vec<String>,
}

/// What came of a change of a step.
#[derive(Debug, Default, SimpleObject)]
struct UpdateTestRunStepResult {
    added_defects: Vec<String>,
    removed_defects: Vec<String>,
    added_evidence: Vec<String>,
    removed_evidence: Vec<String>,
    warnings: Vec<String>,
}

/// Files to add and to remove.
#[derive(Debug, InputObject)]
#[graphql(name = "TestRunEvidenceOperationsInput")]
struct EvidenceChange {
    add: Option<Vec<Option<GivenFile>>>,
    remove_ids: Texts,
    remove_filenames: Texts,
}

/// Defects to add and to remove.
#[derive(Debug, InputObject)]
#[graphql(name = "TestRunDefectOperationsInput")]
struct DefectChange {
    add: Texts,
    remove: Texts,
}

/// What is to change in a step of a run.
#[derive(Debug, InputObject)]
#[graphql(name = "UpdateTestRunStepInput")]
struct StepChange {
    comment: Option<String>,
    status: Option<String>,
    evidence: Option<EvidenceChange>,
    defects: Option<DefectChange>,
    actual_result: Option<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct RunStepMutation;

#[Object]
impl RunStepMutation {
    /// Gives a step of a run another status.
    async fn update_test_run_step_status(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        step_id: String,
        status: String,
    ) -> Answer<StatusUpdated> {
        change(
            Desk::of(context)?,
            &test_run_id,
            &step_id,
            Some(&status),
            |_| Ok(()),
        )
        .await?;
        Ok(StatusUpdated {
            warnings: Vec::new(),
        })
    }

    /// Gives a step of a run another comment.
    async fn update_test_run_step_comment(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        step_id: String,
        comment: String,
    ) -> Answer<String> {
        let comment = long("comment", Some(&comment))?;
        let shown = comment.clone().unwrap_or_default();
        change(Desk::of(context)?, &test_run_id, &step_id, None, |step| {
            step.comment = comment;
            Ok(())
        })
        .await?;
        Ok(shown)
    }

    /// Changes a step of a run; what is not named stays.
    async fn update_test_run_step(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        step_id: String,
        update_data: StepChange,
    ) -> Answer<UpdateTestRunStepResult> {
        let (desk, data) = (Desk::of(context)?, update_data);
        let status = data.status.as_deref();
        change(desk, &test_run_id, &step_id, status, |step| {
            if data.comment.is_some() {
                step.comment = long("comment", data.comment.as_deref())?;
            }
            if data.actual_result.is_some() {
                step.actual = long("actualResult", data.actual_result.as_deref())?;
            }
            Ok(())
        })
        .await?;
        let mut result = UpdateTestRunStepResult::default();
        if let Some(files) = data.evidence {
            change_files(desk, (&test_run_id, &step_id), files, &mut result).await?;
        }
        if let Some(defects) = data.defects {
            change_defects(desk, (&test_run_id, &step_id), defects, &mut result).await?;
        }
        Ok(result)
    }

    /// Adds defects to a step of a run.
    async fn add_defects_to_test_run_step(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        step_id: String,
        issues: Texts,
    ) -> Answer<AddedDefects> {
        let desk = Desk::of(context)?;
        let (txn, run) = hold::run(desk, &test_run_id).await?;
        let step = step_of(&run, &step_id)?;
        let given = issues.unwrap_or_default();
        let (added, warnings) = add_defects(desk, txn, &run, step, given).await?;
        Ok(AddedDefects {
            added_defects: added,
            warnings,
        })
    }

    /// Removes defects from a step of a run.
    async fn remove_defects_from_test_run_step(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        step_id: String,
        issues: Vec<Option<String>>,
    ) -> Answer<RemoveDefectsResult> {
        let desk = Desk::of(context)?;
        let (txn, run) = hold::run(desk, &test_run_id).await?;
        let step = step_of(&run, &step_id)?;
        let (removed, warnings) = remove_defects(desk, txn, &run, step, issues).await?;
        Ok(RemoveDefectsResult {
            removed_defects: removed,
            warnings,
        })
    }

    /// Gives an iteration of a run another status.
    async fn update_iteration_status(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        iteration_rank: String,
        status: String,
    ) -> Answer<UpdateIterationStatusResult> {
        let desk = Desk::of(context)?;
        let (txn, run) = hold::run(desk, &test_run_id).await?;
        let (status, settings) = status_named(&*txn, desk, &run, &status).await?;
        let counting = &settings.coverage;
        let mut changed = run.run.clone();
        let labelled = changed.detail.attempts.iter_mut();
        let mut labelled = labelled.filter(|attempt| attempt.label.is_some());
        let rank: Option<usize> = iteration_rank.trim().parse().ok();
        let one = rank.and_then(|rank| labelled.nth(rank.checked_sub(1)?));
        let one = one.ok_or_else(|| refused("The run has no iteration of that rank."))?;
        counting.statuses.name(status).clone_into(&mut one.status);
        let parts = changed.detail.attempts.iter();
        let parts: Vec<RunStatus> = parts
            .map(|part| part_status(&part.status, &counting.statuses))
            .collect();
        let changed = of_parts(&changed, &parts, counting, desk.now_ms);
        save(desk, txn, &run, &changed, None).await?;
        Ok(UpdateIterationStatusResult {
            warnings: Vec::new(),
        })
    }
}

/// The run with the status that its parts come to.
fn of_parts(run: &StoredRun, parts: &[RunStatus], settings: &Settings, now_ms: i64) -> StoredRun {
    let (policy, statuses) = (settings.retries, &settings.statuses);
    let (status, is_flaky) = aggregate(parts, Sequence::Iterations, policy, statuses);
    StoredRun {
        is_flaky,
        ..with_status(run, status, statuses, now_ms)
    }
}

/// Changes what a run says of a step.
async fn change(
    desk: &Desk,
    run: &str,
    step: &str,
    status: Option<&str>,
    change: impl FnOnce(&mut StepDetail) -> Answer<()> + Send,
) -> Answer<()> {
    let (txn, run) = hold::run(desk, run).await?;
    let place = usize::try_from(step_of(&run, step)?).unwrap_or_default();
    let mut changed = run.run.clone();
    let all = counted_steps(desk, &run).await?;
    let todo = || StepDetail {
        status: RunStatus::Todo.name().to_owned(),
        actual: None,
        comment: None,
    };
    changed.detail.steps.resize_with(all, todo);
    let unknown = || refused("The run has no such step.");
    let held = place
        .checked_sub(1)
        .and_then(|n| changed.detail.steps.get_mut(n));
    let held = held.ok_or_else(unknown)?;
    change(held)?;
    let Some(status) = status else {
        return save(desk, txn, &run, &changed, None).await;
    };
    let (status, settings) = status_named(&*txn, desk, &run, status).await?;
    let counting = &settings.coverage;
    counting.statuses.name(status).clone_into(&mut held.status);
    let parts = changed.detail.steps.iter();
    let parts: Vec<RunStatus> = parts
        .map(|part| part_status(&part.status, &counting.statuses))
        .collect();
    let changed = of_parts(&changed, &parts, counting, desk.now_ms);
    save(desk, txn, &run, &changed, None).await
}

/// How many steps a run has: those of its test's version, and those it says something of.
async fn counted_steps(desk: &Desk, run: &TestRun) -> Answer<usize> {
    let version = run.version(desk).await?;
    let said = version.version.content.steps.len();
    Ok(said.max(run.run.detail.steps.len()))
}

async fn change_files(
    desk: &Desk,
    (run, step): (&str, &str),
    files: EvidenceChange,
    result: &mut UpdateTestRunStepResult,
) -> Answer<()> {
    let new = decoded(files.add.unwrap_or_default())?;
    let (ids, names) = (texts(files.remove_ids)?, texts(files.remove_filenames)?);
    let (txn, run) = hold::run(desk, run).await?;
    let step = step_of(&run, step)?;
    let unwanted = Unwanted::of(step, ids, names);
    let (removed, warnings) = unwanted.remove(&*txn, desk.site(), &run).await?;
    result.removed_evidence = removed;
    result.warnings.extend(warnings);
    result.added_evidence = attach(&*txn, desk, &run, step, &new).await?;
    desk.commit(txn).await
}

async fn change_defects(
    desk: &Desk,
    (run, step): (&str, &str),
    defects: DefectChange,
    result: &mut UpdateTestRunStepResult,
) -> Answer<()> {
    if let Some(given) = defects.add {
        let (txn, run) = hold::run(desk, run).await?;
        let step = step_of(&run, step)?;
        let (added, warnings) = add_defects(desk, txn, &run, step, given).await?;
        result.added_defects = added;
        result.warnings.extend(warnings);
    }
    if let Some(given) = defects.remove {
        let (txn, run) = hold::run(desk, run).await?;
        let step = step_of(&run, step)?;
        let (removed, warnings) = remove_defects(desk, txn, &run, step, given).await?;
        result.removed_defects = removed;
        result.warnings.extend(warnings);
    }
    Ok(())
}
