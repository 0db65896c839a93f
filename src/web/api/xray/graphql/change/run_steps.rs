//! Changes of what a run says of the steps of its test, and of its iterations and their steps. A run
//! that says nothing of a step yet has not done it; a status of a step makes that of its iteration, and
//! that of the run.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::super::desk::{Answer, Desk};
use super::super::page::{Texts, texts};
use super::draft::{Draft, StepSaid};
use super::evidence::{GivenFile, Unwanted, decoded, place_of, rank_of};
use super::runs::AddedDefects;

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
        iteration_rank: Option<String>,
    ) -> Answer<Option<StatusUpdated>> {
        let mut draft = Draft::open(Desk::of(context)?, &test_run_id).await?;
        let place = place_of(&draft.held, &step_id, iteration_rank.as_deref())?;
        let said = StepSaid {
            status: Some(&status),
            ..StepSaid::default()
        };
        draft.step(place, &said).await?;
        Ok(Some(StatusUpdated {
            warnings: draft.save().await?,
        }))
    }

    /// Gives a step of a run another comment.
    async fn update_test_run_step_comment(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        step_id: String,
        comment: String,
        iteration_rank: Option<String>,
    ) -> Answer<Option<String>> {
        let mut draft = Draft::open(Desk::of(context)?, &test_run_id).await?;
        let place = place_of(&draft.held, &step_id, iteration_rank.as_deref())?;
        let said = StepSaid {
            comment: Some(&comment),
            ..StepSaid::default()
        };
        draft.step(place, &said).await?;
        draft.save().await?;
        Ok(Some(comment))
    }

    /// Changes a step of a run; what is not named stays.
    async fn update_test_run_step(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        step_id: String,
        update_data: StepChange,
        iteration_rank: Option<String>,
    ) -> Answer<Option<UpdateTestRunStepResult>> {
        let mut draft = Draft::open(Desk::of(context)?, &test_run_id).await?;
        let place = place_of(&draft.held, &step_id, iteration_rank.as_deref())?;
        let said = StepSaid {
            status: update_data.status.as_deref(),
            comment: update_data.comment.as_deref(),
            actual_result: update_data.actual_result.as_deref(),
        };
        draft.step(place, &said).await?;
        let mut result = UpdateTestRunStepResult::default();
        if let Some(files) = update_data.evidence {
            let new = decoded(files.add.unwrap_or_default())?;
            let (ids, names) = (texts(files.remove_ids)?, texts(files.remove_filenames)?);
            let unwanted = Unwanted::of(place, ids, names);
            result.removed_evidence = draft.remove_files(&unwanted).await?;
            result.added_evidence = draft.attach(place, &new).await?;
        }
        if let Some(defects) = update_data.defects {
            let new = texts(defects.add)?.unwrap_or_default();
            let gone = texts(defects.remove)?.unwrap_or_default();
            result.added_defects = draft.add_defects(place, &new).await?;
            result.removed_defects = draft.remove_defects(place, &gone).await?;
        }
        result.warnings = draft.save().await?;
        Ok(Some(result))
    }

    /// Adds defects to a step of a run.
    async fn add_defects_to_test_run_step(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        step_id: String,
        issues: Texts,
        iteration_rank: Option<String>,
    ) -> Answer<Option<AddedDefects>> {
        let mut draft = Draft::open(Desk::of(context)?, &test_run_id).await?;
        let place = place_of(&draft.held, &step_id, iteration_rank.as_deref())?;
        let given = texts(issues)?.unwrap_or_default();
        Ok(Some(AddedDefects {
            added_defects: draft.add_defects(place, &given).await?,
            warnings: draft.save().await?,
        }))
    }

    /// Removes defects from a step of a run.
    async fn remove_defects_from_test_run_step(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        step_id: String,
        issues: Vec<Option<String>>,
        iteration_rank: Option<String>,
    ) -> Answer<Option<RemoveDefectsResult>> {
        let mut draft = Draft::open(Desk::of(context)?, &test_run_id).await?;
        let place = place_of(&draft.held, &step_id, iteration_rank.as_deref())?;
        let given = texts(Some(issues))?.unwrap_or_default();
        Ok(Some(RemoveDefectsResult {
            removed_defects: draft.remove_defects(place, &given).await?,
            warnings: draft.save().await?,
        }))
    }

    /// Gives an iteration of a run another status.
    async fn update_iteration_status(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        iteration_rank: String,
        status: String,
    ) -> Answer<Option<UpdateIterationStatusResult>> {
        let mut draft = Draft::open(Desk::of(context)?, &test_run_id).await?;
        draft.iteration(rank_of(&iteration_rank)?, &status).await?;
        Ok(Some(UpdateIterationStatusResult {
            warnings: draft.save().await?,
        }))
    }
}
