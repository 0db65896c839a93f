//! A run as it is answered.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::executions::answer::NamedTest;
use super::super::words;
use crate::crypto::hex;
use crate::domain::attempts::{Sequence, aggregate};
use crate::domain::coverage::Settings;
use crate::domain::run::RunStatus;
use crate::domain::run_detail::{AttemptDetail, RunDetail, StepDetail};
use crate::store::evidence;
use crate::store::run_defects::RunDefect;
use crate::store::stored_runs::StoredRun;

/// One result of one test, with everything that is known of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    /// The key of its execution.
    #[schema(example = "SHOP-E7")]
    execution: String,
    /// Its number within the execution.
    number: i64,
    /// The test.
    test: NamedTest,
    /// The version of the test it was made with; none when nobody noted it.
    test_version: Option<i32>,
    /// How it ended.
    #[schema(schema_with = words::run_status)]
    status: String,
    /// What its attempts, iterations or steps come to under the settings of today, when that is
    /// something else.
    derived_status: Option<String>,
    /// Whether its attempts disagreed.
    flaky: bool,
    /// When it began, milliseconds since 1970.
    started_ms: Option<i64>,
    /// When it ended, milliseconds since 1970.
    finished_ms: i64,
    /// When it reached Touchstone, milliseconds since 1970.
    arrived_ms: i64,
    /// How long it took, milliseconds.
    duration_ms: Option<i64>,
    /// The first line of what it said about its outcome.
    message: Option<String>,
    /// What the tester remarked.
    comment: Option<String>,
    /// Who ran the test, as the report names them.
    executed_by: Option<String>,
    /// Who was to run it, as the report names them.
    assignee: Option<String>,
    /// Its attempts, in order.
    attempts: Vec<Attempt>,
    /// Its iterations: the same with different data.
    iterations: Vec<Iteration>,
    /// How the steps of the test went, in order.
    steps: Vec<Step>,
    /// Keys of issues that are its defects.
    defects: Vec<String>,
    /// Files that prove it.
    evidence: Vec<Evidence>,
    /// Custom fields: name and value.
    custom_fields: Vec<CustomField>,
    /// Whether the report it came with says that results are missing.
    incomplete: bool,
}

/// An attempt of a run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Attempt {
    /// How it ended.
    #[schema(schema_with = words::run_status)]
    status: String,
    /// The first line of what it said.
    message: Option<String>,
    /// The stack trace or whatever explains the outcome.
    details: Option<String>,
    /// What it printed.
    output: Option<String>,
}

/// An iteration of a run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Iteration {
    /// Which data it ran with.
    name: String,
    /// How it ended.
    #[schema(schema_with = words::run_status)]
    status: String,
    /// The first line of what it said.
    message: Option<String>,
    /// Whatever explains the outcome.
    details: Option<String>,
    /// The data: name and value.
    parameters: Vec<CustomField>,
    /// How its steps went, in order; what broke them is told of the run.
    steps: Vec<Step>,
    /// How long it took, milliseconds.
    duration_ms: Option<i64>,
}

/// How a step of the test went.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RunStep)]
struct Step {
    /// How it ended.
    #[schema(schema_with = words::run_status)]
    status: String,
    /// What happened.
    actual: Option<String>,
    /// What the tester remarked.
    comment: Option<String>,
    /// Keys of issues that are its defects.
    defects: Vec<String>,
}

/// A file that proves a result.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Evidence {
    /// Its id.
    pub id: String,
    /// Where its bytes can be had.
    pub url: String,
    /// The step it belongs to; 0 is the run itself.
    step: i32,
    /// Its name, as it was given.
    name: String,
    /// Its media type, as it was given.
    media_type: String,
    /// How many bytes it has.
    size: i64,
    /// SHA-256 of them, in hexadecimal.
    sha256: String,
    /// The API client that brought it.
    created_by: Option<String>,
    /// When it was stored, milliseconds since 1970.
    created_ms: i64,
}

/// A custom field of a run, or a parameter of an iteration.
#[derive(Debug, Serialize, ToSchema)]
struct CustomField {
    /// Its name.
    name: String,
    /// Its value.
    value: String,
}

/// What a run's answer is made of.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub execution: &'a str,
    pub url: &'a str,
    pub run: StoredRun,
    pub defects: Vec<RunDefect>,
    pub evidence: Vec<evidence::Evidence>,
    pub settings: &'a Settings,
}

impl Run {
    pub fn of(parts: Parts<'_>) -> Self {
        let Parts {
            execution,
            url,
            run,
            defects,
            evidence,
            settings,
        } = parts;
        let derived = derived(&run.detail, settings).filter(|derived| *derived != run.status);
        let name = |status| settings.statuses.name(status).to_owned();
        let keys_of = |step: i32| {
            let of_step = defects.iter().filter(|defect| defect.step == step);
            of_step.map(|defect| defect.key.clone()).collect::<Vec<_>>()
        };
        let detail = run.detail;
        let (iterations, attempts) = detail
            .attempts
            .into_iter()
            .partition::<Vec<_>, _>(|one| one.label.is_some());
        let steps = detail.steps.into_iter().zip(1..).map(|(step, n)| Step {
            defects: keys_of(n),
            ..Step::of(step)
        });
        Self {
            execution: execution.to_owned(),
            number: run.number,
            test: NamedTest {
                key: run.test_key.to_string(),
                name: run.test_name,
            },
            test_version: run.test_version,
            status: name(run.status),
            derived_status: derived.map(name),
            flaky: run.is_flaky,
            started_ms: run.started_ms,
            finished_ms: run.finished_ms,
            arrived_ms: run.arrived_ms,
            duration_ms: run.duration_ms,
            message: run.message,
            comment: detail.comment,
            executed_by: detail.executed_by,
            assignee: detail.assignee,
            attempts: attempts.into_iter().map(Attempt::of).collect(),
            iterations: iterations.into_iter().map(Iteration::of).collect(),
            steps: steps.collect(),
            defects: keys_of(0),
            evidence: evidence
                .iter()
                .map(|file| Evidence::of(file, url))
                .collect(),
            custom_fields: CustomField::all(detail.custom_fields),
            incomplete: detail.is_incomplete,
        }
    }
}

/// What the parts of a run come to, when it has any.
fn derived(detail: &RunDetail, settings: &Settings) -> Option<RunStatus> {
    let is_iterated = detail.attempts.iter().any(|one| one.label.is_some());
    let (sequence, names): (_, Vec<&str>) = if detail.attempts.is_empty() {
        let steps = detail.steps.iter().map(|step| step.status.as_str());
        (Sequence::Iterations, steps.collect())
    } else {
        let attempts = detail.attempts.iter().map(|one| one.status.as_str());
        let sequence = if is_iterated {
            Sequence::Iterations
        } else {
            Sequence::Marked
        };
        (sequence, attempts.collect())
    };
    let statuses = &settings.statuses;
    let parts: Option<Vec<RunStatus>> =
        names.into_iter().map(|name| statuses.parse(name)).collect();
    let parts = parts.filter(|parts| !parts.is_empty())?;
    Some(aggregate(&parts, sequence, settings.retries, statuses).0)
}

impl Attempt {
    fn of(attempt: AttemptDetail) -> Self {
        Self {
            status: attempt.status,
            message: attempt.message,
            details: attempt.details,
            output: attempt.output,
        }
    }
}

impl CustomField {
    fn all(pairs: Vec<(String, String)>) -> Vec<Self> {
        let pairs = pairs.into_iter();
        pairs.map(|(name, value)| Self { name, value }).collect()
    }
}

impl Step {
    fn of(step: StepDetail) -> Self {
        Self {
            status: step.status,
            actual: step.actual,
            comment: step.comment,
            defects: Vec::new(),
        }
    }
}

impl Iteration {
    fn of(iteration: AttemptDetail) -> Self {
        Self {
            name: iteration.label.unwrap_or_default(),
            status: iteration.status,
            message: iteration.message,
            details: iteration.details,
            parameters: CustomField::all(iteration.parameters),
            steps: iteration.steps.into_iter().map(Step::of).collect(),
            duration_ms: iteration.duration_ms,
        }
    }
}

impl Evidence {
    /// A file of the run at `run_url`.
    pub fn of(file: &evidence::Evidence, run_url: &str) -> Self {
        Self {
            id: file.id.to_string(),
            url: format!("{run_url}/evidence/{}", file.id),
            step: file.step,
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            size: file.size,
            sha256: hex(&file.hash),
            created_by: file.created_by.clone(),
            created_ms: file.created_ms,
        }
    }
}
