//! Changes of what a run says: status, comment, times, people, fields of one's own, defects, examples.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use serde_json::Value;

use super::super::desk::{Answer, Desk, refused};
use super::super::names::{example_of, time_ms};
use super::super::page::texts;
use super::document::long;
use super::draft::{Draft, Place};
use crate::domain::run_detail::RunDetail;
use crate::store::stored_runs::StoredRun;

/// Longest name of a person or a field, and longest value, in characters.
const NAME: usize = 255;
/// Most fields of one's own.
const FIELDS: usize = 50;

/// What came of a change of a run.
#[derive(Debug, SimpleObject)]
#[graphql(name = "UpdateTestRunResult")]
struct Updated {
    warnings: Vec<String>,
}

/// What came of a change of an example.
#[derive(Debug, SimpleObject)]
struct UpdateTestRunExampleStatusResult {
    warnings: Vec<String>,
}

/// Which defects were added.
#[derive(Debug, SimpleObject)]
#[graphql(name = "AddDefectsResult")]
pub(super) struct AddedDefects {
    pub added_defects: Vec<String>,
    pub warnings: Vec<String>,
}

/// A field of one's own.
#[derive(Debug, InputObject)]
#[graphql(name = "CustomFieldInput")]
struct GivenField {
    id: Option<String>,
    value: Option<Value>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct RunMutation;

#[Object]
impl RunMutation {
    /// Gives a run another status.
    async fn update_test_run_status(
        &self,
        context: &Context<'_>,
        id: String,
        status: String,
    ) -> Answer<Option<String>> {
        let mut draft = Draft::open(Desk::of(context)?, &id).await?;
        let name = draft.status(&status).await?;
        draft.save().await?;
        Ok(Some(format!("The run is {name}.")))
    }

    /// Gives a run another comment.
    async fn update_test_run_comment(
        &self,
        context: &Context<'_>,
        id: String,
        comment: String,
    ) -> Answer<Option<String>> {
        let mut draft = Draft::open(Desk::of(context)?, &id).await?;
        draft.comment(&comment)?;
        draft.save().await?;
        Ok(Some(comment))
    }

    /// Changes a run; what is not named stays.
    #[expect(clippy::too_many_arguments, reason = "clients know these")]
    async fn update_test_run(
        &self,
        context: &Context<'_>,
        id: String,
        comment: Option<String>,
        started_on: Option<String>,
        finished_on: Option<String>,
        assignee_id: Option<String>,
        executed_by_id: Option<String>,
        custom_fields: Option<Vec<Option<GivenField>>>,
    ) -> Answer<Option<Updated>> {
        let mut draft = Draft::open(Desk::of(context)?, &id).await?;
        if let Some(comment) = &comment {
            draft.comment(comment)?;
        }
        draft.span(started_on.as_deref(), finished_on.as_deref())?;
        let detail = &mut draft.changed.detail;
        if assignee_id.is_some() {
            detail.assignee = name("assigneeId", assignee_id)?;
        }
        if executed_by_id.is_some() {
            detail.executed_by = name("executedById", executed_by_id)?;
        }
        for field in custom_fields.into_iter().flatten().flatten() {
            set_field(detail, field.id, field.value)?;
        }
        Ok(Some(Updated {
            warnings: draft.save().await?,
        }))
    }

    /// Takes back everything a run says: it is to do again, with the test as it is now.
    async fn reset_test_run(&self, context: &Context<'_>, id: String) -> Answer<Option<String>> {
        let mut draft = Draft::open(Desk::of(context)?, &id).await?;
        draft.reset().await?;
        draft.save().await?;
        Ok(Some("The run is to do again.".to_owned()))
    }

    /// Starts, stops or sets back the clock of a run; what it shows is the run's duration.
    async fn set_test_run_timer(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        running: Option<bool>,
        reset: Option<bool>,
    ) -> Answer<Option<String>> {
        let mut draft = Draft::open(Desk::of(context)?, &test_run_id).await?;
        draft.timer(running, reset.unwrap_or(false));
        let is_running = draft.changed.detail.timer_since_ms.is_some();
        let shown_ms = draft.changed.duration_ms.unwrap_or(0);
        draft.save().await?;
        let how = if is_running { "runs" } else { "stands" };
        Ok(Some(format!("The timer {how} at {shown_ms} milliseconds.")))
    }

    /// Gives an example of a scenario outline another status.
    async fn update_test_run_example_status(
        &self,
        context: &Context<'_>,
        example_id: String,
        status: String,
    ) -> Answer<Option<UpdateTestRunExampleStatusResult>> {
        let (run, rank) = example_of(&example_id).ok_or_else(|| {
            let short: String = example_id.chars().take(80).collect();
            refused(format!("There is no example with the id `{short}`."))
        })?;
        let mut draft = Draft::open(Desk::of(context)?, run).await?;
        draft.example(rank, &status).await?;
        Ok(Some(UpdateTestRunExampleStatusResult {
            warnings: draft.save().await?,
        }))
    }

    /// Adds defects to a run, by Jira's ids or keys of issues.
    async fn add_defects_to_test_run(
        &self,
        context: &Context<'_>,
        id: String,
        issues: Vec<Option<String>>,
    ) -> Answer<Option<AddedDefects>> {
        let mut draft = Draft::open(Desk::of(context)?, &id).await?;
        let given = texts(Some(issues))?.unwrap_or_default();
        Ok(Some(AddedDefects {
            added_defects: draft.add_defects(Place::Run, &given).await?,
            warnings: draft.save().await?,
        }))
    }

    /// Removes defects from a run, by Jira's ids or keys of issues.
    async fn remove_defects_from_test_run(
        &self,
        context: &Context<'_>,
        id: String,
        issues: Vec<Option<String>>,
    ) -> Answer<Option<String>> {
        let mut draft = Draft::open(Desk::of(context)?, &id).await?;
        let given = texts(Some(issues))?.unwrap_or_default();
        let removed = draft.remove_defects(Place::Run, &given).await?;
        let done = format!("Removed {}.", removed.len());
        Ok(Some([vec![done], draft.save().await?].concat().join(" ")))
    }
}

impl Draft<'_> {
    /// Sets when the run began and ended, as far as that is given.
    pub fn span(&mut self, started: Option<&str>, finished: Option<&str>) -> Answer<()> {
        let now_ms = self.now_ms();
        let is_over = self.is_over();
        let run: &mut StoredRun = &mut self.changed;
        if let Some(text) = started {
            run.started_ms = Some(moment("startedOn", text, now_ms)?);
        }
        if let Some(text) = finished {
            run.finished_ms = moment("finishedOn", text, now_ms)?;
        }
        if let Some(started_ms) = run.started_ms.filter(|started| *started > run.finished_ms) {
            // A run that has not ended yet carries the time it was added at.
            if finished.is_some() || is_over {
                return Err(refused("The run would have begun after its end."));
            }
            run.finished_ms = started_ms;
        }
        Ok(())
    }
}

fn moment(what: &str, text: &str, now_ms: i64) -> Answer<i64> {
    let ms = time_ms(text).filter(|ms| *ms >= 0);
    let ms = ms.ok_or_else(|| {
        refused(format!(
            "`{what}` is no time; one is written like 2026-11-20T10:00:00Z."
        ))
    })?;
    // Clocks differ; a day is more than that.
    if ms > now_ms.saturating_add(86_400_000) {
        return Err(refused(format!("`{what}` lies in the future.")));
    }
    Ok(ms)
}

/// The name of a person or a field; nothing when it is empty.
pub(in crate::web::api::xray) fn name(what: &str, given: Option<String>) -> Answer<Option<String>> {
    let given = given.map(|text| text.trim().to_owned());
    let given = given.filter(|text| !text.is_empty());
    if given
        .as_ref()
        .is_some_and(|text| text.chars().count() > NAME)
    {
        return Err(refused(format!(
            "`{what}` has more than {NAME} characters."
        )));
    }
    Ok(given)
}

/// Sets a field of one's own by its name, which is its id; an empty value takes it away.
pub(in crate::web::api::xray) fn set_field(
    detail: &mut RunDetail,
    id: Option<String>,
    value: Option<Value>,
) -> Answer<()> {
    let key = name("customFields.id", id)?;
    let key = key.ok_or_else(|| refused("A field needs its `id`."))?;
    let value = match value {
        Some(Value::String(text)) => text,
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let value = long("customFields.value", Some(&value))?;
    detail.custom_fields.retain(|(held, _)| *held != key);
    detail.custom_fields.extend(value.map(|value| (key, value)));
    if detail.custom_fields.len() > FIELDS {
        return Err(refused(format!("A run has at most {FIELDS} fields.")));
    }
    Ok(())
}
