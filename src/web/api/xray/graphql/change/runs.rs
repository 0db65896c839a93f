//! Changes of what a run says: status, comment, times, people, fields of one's own, defects.

use std::collections::BTreeSet;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use serde_json::Value;
use uuid::Uuid;

use super::super::desk::{Answer, Desk, Failure, refused};
use super::super::names::time_ms;
use super::super::run::TestRun;
use super::document::long;
use super::hold;
use crate::app::edit_run::{Occasion, edit_run, is_status_held};
use crate::domain::issue::{IssueKey, MirroredIssue};
use crate::domain::run::RunStatus;
use crate::domain::run_detail::RunDetail;
use crate::domain::settings::Settings;
use crate::domain::statuses::Statuses;
use crate::store::evidence::{self, Which};
use crate::store::stored_runs::StoredRun;
use crate::store::{Conn, Txn, issues, run_defects, stored_tests};

/// Longest name of a person or a field, and longest value, in characters.
const NAME: usize = 255;
/// Most fields of one's own.
const FIELDS: usize = 50;
/// Most defects of a run.
const DEFECTS: usize = 500;

/// What came of a change of a run.
#[derive(Debug, SimpleObject)]
#[graphql(name = "UpdateTestRunResult")]
struct Updated {
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
    ) -> Answer<String> {
        let desk = Desk::of(context)?;
        let (txn, run) = hold::run(desk, &id).await?;
        let (status, settings) = status_named(&*txn, desk, &run, &status).await?;
        let changed = with_status(&run.run, status, &settings.coverage.statuses, desk.now_ms);
        save(desk, txn, &run, &changed, None).await?;
        Ok(format!(
            "The run is {}.",
            settings.coverage.statuses.name(status)
        ))
    }

    /// Gives a run another comment.
    async fn update_test_run_comment(
        &self,
        context: &Context<'_>,
        id: String,
        comment: String,
    ) -> Answer<String> {
        let desk = Desk::of(context)?;
        let (txn, run) = hold::run(desk, &id).await?;
        let mut changed = run.run.clone();
        changed.detail.comment = long("comment", Some(&comment))?;
        save(desk, txn, &run, &changed, None).await?;
        Ok(changed.detail.comment.unwrap_or_default())
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
    ) -> Answer<Updated> {
        let desk = Desk::of(context)?;
        let (txn, run) = hold::run(desk, &id).await?;
        let mut changed = run.run.clone();
        if comment.is_some() {
            changed.detail.comment = long("comment", comment.as_deref())?;
        }
        if let Some(text) = &started_on {
            changed.started_ms = Some(moment("startedOn", text, desk.now_ms)?);
        }
        if let Some(text) = &finished_on {
            changed.finished_ms = moment("finishedOn", text, desk.now_ms)?;
        } else if changed
            .started_ms
            .is_some_and(|started| started > changed.finished_ms)
        {
            // A run that has not ended yet carries the time it was added at.
            let statuses = desk
                .settings(&run.execution.key.project)
                .await?
                .coverage
                .statuses;
            if !statuses.is_final(changed.status) {
                changed.finished_ms = changed.started_ms.unwrap_or(changed.finished_ms);
            }
        }
        if changed
            .started_ms
            .is_some_and(|started| started > changed.finished_ms)
        {
            return Err(refused("The run would have begun after its end."));
        }
        if assignee_id.is_some() {
            changed.detail.assignee = name("assigneeId", assignee_id)?;
        }
        if executed_by_id.is_some() {
            changed.detail.executed_by = name("executedById", executed_by_id)?;
        }
        set_fields(&mut changed.detail, custom_fields.unwrap_or_default())?;
        save(desk, txn, &run, &changed, None).await?;
        Ok(Updated {
            warnings: Vec::new(),
        })
    }

    /// Takes back everything a run says: it is to do again, with the test as it is now.
    async fn reset_test_run(&self, context: &Context<'_>, id: String) -> Answer<String> {
        let desk = Desk::of(context)?;
        let (txn, run) = hold::run(desk, &id).await?;
        let test = stored_tests::by_ids(&*txn, desk.site(), &[run.run.test_id]).await?;
        let test = test.get(&run.run.test_id);
        let changed = StoredRun {
            test_version: test.map(|test| test.version).or(run.run.test_version),
            status: RunStatus::Todo,
            is_flaky: false,
            started_ms: None,
            finished_ms: desk.now_ms,
            duration_ms: None,
            message: None,
            detail: RunDetail::default(),
            ..run.run.clone()
        };
        let place = (run.execution.project_id, run.execution.id);
        evidence::delete(&*txn, desk.site(), place, Which::OfRun(run.run.number)).await?;
        save(desk, txn, &run, &changed, Some(&[])).await?;
        Ok("The run is to do again.".to_owned())
    }

    /// Adds defects to a run, by Jira's ids or keys of issues.
    async fn add_defects_to_test_run(
        &self,
        context: &Context<'_>,
        id: String,
        issues: Vec<Option<String>>,
    ) -> Answer<AddedDefects> {
        let desk = Desk::of(context)?;
        let (txn, run) = hold::run(desk, &id).await?;
        let (added, warnings) = add_defects(desk, txn, &run, 0, issues).await?;
        Ok(AddedDefects {
            added_defects: added,
            warnings,
        })
    }

    /// Removes defects from a run, by Jira's ids or keys of issues.
    async fn remove_defects_from_test_run(
        &self,
        context: &Context<'_>,
        id: String,
        issues: Vec<Option<String>>,
    ) -> Answer<String> {
        let desk = Desk::of(context)?;
        let (txn, run) = hold::run(desk, &id).await?;
        let (removed, warnings) = remove_defects(desk, txn, &run, 0, issues).await?;
        let done = format!("Removed {}.", removed.len());
        Ok([vec![done], warnings].concat().join(" "))
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

fn name(what: &str, given: Option<String>) -> Answer<Option<String>> {
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

/// Sets fields of one's own by their names, which are their ids.
fn set_fields(detail: &mut RunDetail, given: Vec<Option<GivenField>>) -> Answer<()> {
    for field in given.into_iter().flatten() {
        let key = name("customFields.id", field.id)?;
        let key = key.ok_or_else(|| refused("A field needs its `id`."))?;
        let value = match field.value {
            Some(Value::String(text)) => text,
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let value = long("customFields.value", Some(&value))?;
        detail.custom_fields.retain(|(held, _)| *held != key);
        detail.custom_fields.extend(value.map(|value| (key, value)));
    }
    if detail.custom_fields.len() > FIELDS {
        return Err(refused(format!("A run has at most {FIELDS} fields.")));
    }
    Ok(())
}

/// The status that a client means, kept from being deleted, and what holds in the run's project.
pub(super) async fn status_named(
    on: &impl Conn,
    desk: &Desk,
    run: &TestRun,
    text: &str,
) -> Answer<(RunStatus, Settings)> {
    let settings = desk.settings(&run.execution.key.project).await?;
    let unknown = || {
        let short: String = text.chars().take(80).collect();
        refused(format!("`{short}` is no status of a run."))
    };
    let status = settings.coverage.read_status(text).ok_or_else(unknown)?;
    if !is_status_held(on, desk.site(), status).await? {
        return Err(unknown());
    }
    Ok((status, settings))
}

/// The run with another status: with its first final one it ends.
pub(super) fn with_status(
    run: &StoredRun,
    status: RunStatus,
    statuses: &Statuses,
    now_ms: i64,
) -> StoredRun {
    let ends_now = !statuses.is_final(run.status) && statuses.is_final(status);
    let begins_now = run.started_ms.is_none() && status == RunStatus::Executing;
    StoredRun {
        status,
        started_ms: if begins_now {
            Some(now_ms)
        } else {
            run.started_ms
        },
        finished_ms: if ends_now || begins_now {
            now_ms
        } else {
            run.finished_ms
        },
        ..run.clone()
    }
}

/// Stores a changed run, with its defects when they change.
pub(super) async fn save(
    desk: &Desk,
    txn: Txn,
    run: &TestRun,
    changed: &StoredRun,
    defects: Option<&[(i32, Uuid)]>,
) -> Answer<()> {
    let occasion = Occasion {
        by: desk.by(),
        now_ms: desk.now_ms,
    };
    let both = (&run.run, changed);
    edit_run(&*txn, desk.site(), &run.execution, both, defects, occasion).await?;
    desk.commit(txn).await
}

/// The issue of the mirror that an id of Jira or a key names.
async fn issue_named(on: &impl Conn, desk: &Desk, text: &str) -> Answer<Option<MirroredIssue>> {
    let site = desk.site();
    let found = match text.trim().parse::<i64>() {
        Ok(id) => issues::by_jira_id(on, site, id).await?,
        Err(_) => match text.parse::<IssueKey>() {
            Ok(key) => issues::by_key(on, site, key.as_str()).await?,
            Err(_) => None,
        },
    };
    Ok(found.filter(|issue| !issue.is_placeholder() && issue.deleted_ms.is_none()))
}

/// Adds defects to a run or to a step of it; returns Jira's ids of those that are new, and what is said
/// of the others.
pub(super) async fn add_defects(
    desk: &Desk,
    txn: Txn,
    run: &TestRun,
    step: i32,
    given: Vec<Option<String>>,
) -> Answer<(Vec<String>, Vec<String>)> {
    let settings = desk.settings(&run.execution.key.project).await?;
    let mut all = held_defects(&*txn, desk, run).await?;
    let (mut added, mut warnings) = (Vec::new(), Vec::new());
    for text in given.into_iter().flatten() {
        let short: String = text.chars().take(80).collect();
        let Some(issue) = issue_named(&*txn, desk, &text).await? else {
            warnings.push(format!("The issue `{short}` is not known here."));
            continue;
        };
        let type_name = &issue.snapshot.issue_type.name;
        if !settings.is_defect(type_name) {
            warnings.push(format!(
                "{short} is a {type_name}, which is no type of defect."
            ));
        } else if all.insert((step, issue.id)) {
            added.push(issue.snapshot.jira_id.to_string());
        } else {
            warnings.push(format!("{short} is a defect of it already."));
        }
    }
    if all.len() > DEFECTS {
        return Err(refused(format!("A run has at most {DEFECTS} defects.")));
    }
    store_defects(desk, txn, run, &all).await?;
    Ok((added, warnings))
}

/// Removes defects from a run or from a step of it; returns Jira's ids of those that are gone, and what
/// is said of the others.
pub(super) async fn remove_defects(
    desk: &Desk,
    txn: Txn,
    run: &TestRun,
    step: i32,
    given: Vec<Option<String>>,
) -> Answer<(Vec<String>, Vec<String>)> {
    let mut all = held_defects(&*txn, desk, run).await?;
    let (mut removed, mut warnings) = (Vec::new(), Vec::new());
    for text in given.into_iter().flatten() {
        let issue = issue_named(&*txn, desk, &text).await?;
        if let Some(issue) = issue.filter(|issue| all.remove(&(step, issue.id))) {
            removed.push(issue.snapshot.jira_id.to_string());
            continue;
        }
        let short: String = text.chars().take(80).collect();
        warnings.push(format!("`{short}` is no defect of it."));
    }
    store_defects(desk, txn, run, &all).await?;
    Ok((removed, warnings))
}

async fn held_defects(on: &impl Conn, desk: &Desk, run: &TestRun) -> Answer<BTreeSet<(i32, Uuid)>> {
    let held = run_defects::of_run(on, desk.site(), run.execution.id, run.run.number).await?;
    Ok(held
        .into_iter()
        .map(|defect| (defect.step, defect.issue_id))
        .collect())
}

async fn store_defects(
    desk: &Desk,
    txn: Txn,
    run: &TestRun,
    all: &BTreeSet<(i32, Uuid)>,
) -> Result<(), Failure> {
    let all: Vec<(i32, Uuid)> = all.iter().copied().collect();
    save(desk, txn, run, &run.run, Some(&all)).await
}
