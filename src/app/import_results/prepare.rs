//! Everything about an import that can be done before the transaction: no database, no clock.
//!
//! A run that does not say when it ended is dated by its start, else by its arrival. So is one that
//! claims to have ended more than a day from now: its clock is wrong, and it would count before every
//! later result. A day is left, because many reports carry local times without their zone.

use std::sync::Arc;

use uuid::Uuid;

use crate::domain::attempts::Aggregation;
use crate::domain::issue::IssueKey;
use crate::domain::keys::TestKey;
use crate::domain::run::RunStatus;
use crate::domain::run_detail::{AttemptDetail, RunDetail, StepDetail};
use crate::results::model::{
    Attempt, Counts, Evidence, ExecutionInfo, Explicit, Remarks, Report, ReportedRun, ReportedStep,
    Requirement, TestDefinition,
};

/// How far ahead of us a reporter's clock may be, milliseconds.
const CLOCK_TOLERANCE_MS: i64 = 24 * 60 * 60 * 1000;

/// A report made ready for the database.
#[derive(Debug)]
pub struct Prepared {
    pub(super) format: &'static str,
    pub(super) runs: Vec<PreparedRun>,
    pub(super) counts: Counts,
    pub(super) warnings: Vec<String>,
    pub(super) incomplete: Option<String>,
    pub(super) info: Option<Box<ExecutionInfo>>,
    pub(super) project: Option<String>,
    pub(super) arrived_ms: i64,
}

/// How a run names its test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TestName {
    /// By what it is called in the code.
    Identity(Vec<u8>),
    /// By its key.
    Key(TestKey),
    /// By the key of the issue that stands for it.
    Issue(IssueKey),
    /// By its id.
    Id(Uuid),
    /// By something that can be no key or id: there is no such test.
    Nothing(String),
}

#[derive(Debug)]
pub(super) struct PreparedRun {
    pub test: TestName,
    pub name: String,
    pub class_name: String,
    pub suite: Arc<str>,
    pub description: Option<String>,
    pub labels: Vec<String>,
    pub requirements: Vec<Requirement>,
    pub status: RunStatus,
    pub is_flaky: bool,
    pub attempts: u32,
    pub started_ms: Option<i64>,
    pub finished_ms: i64,
    pub duration_ms: Option<i64>,
    pub message: Option<String>,
    pub detail: Option<String>,
    pub evidence: Vec<Evidence>,
    /// Issues that broke a step of it, or with 0 the run itself.
    pub defects: Vec<(i32, String)>,
    pub is_incomplete: bool,
    /// What it takes to make the test.
    pub definition: Option<Box<TestDefinition>>,
    /// Whether its test is made when nobody knows the key of the issue that stands for it.
    pub makes_test: bool,
}

/// Makes a report ready that arrived at `arrived_ms` (milliseconds since the Unix epoch).
#[must_use]
pub fn prepare(report: Report, policy: Aggregation, arrived_ms: i64) -> Prepared {
    let is_incomplete = report.incomplete.is_some();
    let mut prepared = Prepared {
        format: report.format,
        project: report.project().map(str::to_owned),
        info: report.info,
        runs: Vec::with_capacity(report.runs.len()),
        counts: report.counts,
        warnings: report.warnings,
        incomplete: report.incomplete,
        arrived_ms,
    };
    let mut misdated = 0_usize;
    for run in report.runs {
        let mut run = prepare_run(run, policy, is_incomplete, arrived_ms);
        if run.finished_ms > arrived_ms.saturating_add(CLOCK_TOLERANCE_MS) {
            misdated += 1;
            run.started_ms = None;
            run.finished_ms = arrived_ms;
        }
        prepared.runs.push(run);
    }
    if misdated > 0 {
        prepared.warnings.push(format!(
            "{misdated} results claim to have ended in the future; the time of their arrival \
             was taken instead"
        ));
    }
    prepared
}

fn prepare_run(
    run: ReportedRun,
    policy: Aggregation,
    is_incomplete: bool,
    arrived_ms: i64,
) -> PreparedRun {
    let (status, is_flaky) = run.status(policy);
    let test = test_name(&run);
    let mut remarks = run.remarks.map(|boxed| *boxed).unwrap_or_default();
    PreparedRun {
        test,
        status,
        is_flaky,
        attempts: u32::try_from(run.attempts.len()).unwrap_or(u32::MAX),
        message: message(&run.attempts, status),
        suite: Arc::clone(&run.identity.suite),
        started_ms: run.started_ms,
        finished_ms: run.finished_ms.or(run.started_ms).unwrap_or(arrived_ms),
        duration_ms: run.duration_ms,
        defects: defects(&mut remarks),
        detail: detail(&run.attempts, &mut remarks, is_incomplete),
        evidence: remarks.evidence,
        name: remarks
            .summary
            .filter(|summary| !summary.is_empty())
            .unwrap_or(run.name),
        class_name: run.identity.class,
        definition: remarks.definition,
        makes_test: remarks.makes_test,
        description: remarks.description,
        labels: run.labels,
        requirements: run.requirements,
        is_incomplete,
    }
}

impl Prepared {
    /// What the file says of the execution.
    #[must_use]
    pub fn info(&self) -> Option<&ExecutionInfo> {
        self.info.as_deref()
    }

    /// The key of the project that the file means, when it says so.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// When the first run began, where known, and when the last one ended.
    pub(super) fn span_ms(&self) -> (Option<i64>, i64) {
        let told = |when: fn(&ExecutionInfo) -> Option<i64>| {
            let when = self.info.as_deref().and_then(when);
            when.filter(|when| *when <= self.arrived_ms)
        };
        let started = self.runs.iter().filter_map(|run| run.started_ms);
        let started = started.chain(told(|info| info.started_ms)).min();
        let finished = self.runs.iter().map(|run| run.finished_ms);
        let finished = finished.chain(told(|info| info.finished_ms)).max();
        (started, finished.unwrap_or(self.arrived_ms))
    }
}

fn test_name(run: &ReportedRun) -> TestName {
    match &run.identity.explicit {
        Some(Explicit::Id(id)) => {
            let nothing = || TestName::Nothing(id.clone());
            id.parse().map_or_else(|_| nothing(), TestName::Id)
        }
        Some(Explicit::Key(key)) => match (key.parse(), key.parse()) {
            (Ok(key), _) => TestName::Key(key),
            (Err(_), Ok(issue)) => TestName::Issue(issue),
            (Err(_), Err(_)) => TestName::Nothing(key.clone()),
        },
        None => TestName::Identity(run.identity.key().into_bytes()),
    }
}

/// What the attempt that decided said; else whatever any attempt said.
fn message(attempts: &[Attempt], status: RunStatus) -> Option<String> {
    let deciding = attempts.iter().filter(|attempt| attempt.status == status);
    deciding
        .chain(attempts)
        .find_map(|attempt| attempt.message.clone())
}

/// The defects of a run and of its steps.
fn defects(remarks: &mut Remarks) -> Vec<(i32, String)> {
    let of_run = std::mem::take(&mut remarks.defects).into_iter();
    let mut defects: Vec<_> = of_run.map(|key| (0, key)).collect();
    for (step, number) in remarks.steps.iter_mut().zip(1..) {
        let of_step = std::mem::take(&mut step.defects).into_iter();
        defects.extend(of_step.map(|key| (number, key)));
    }
    defects
}

fn detail(attempts: &[Attempt], remarks: &mut Remarks, is_incomplete: bool) -> Option<String> {
    let says_nothing = match attempts {
        [only] => only.details.is_none() && only.output.is_none() && only.label.is_none(),
        _ => false,
    };
    let detail = RunDetail {
        timer_since_ms: None,
        attempts: if says_nothing {
            Vec::new()
        } else {
            attempts.iter().map(attempt_detail).collect()
        },
        steps: remarks.steps.drain(..).map(step_detail).collect(),
        comment: remarks.comment.take(),
        custom_fields: std::mem::take(&mut remarks.custom_fields),
        executed_by: remarks.executed_by.take(),
        assignee: remarks.assignee.take(),
        is_incomplete,
    };
    if detail == RunDetail::default() {
        return None;
    }
    serde_json::to_string(&detail).ok()
}

fn step_detail(step: ReportedStep) -> StepDetail {
    StepDetail {
        status: step.status.name().to_owned(),
        actual: step.actual,
        comment: step.comment,
    }
}

fn attempt_detail(attempt: &Attempt) -> AttemptDetail {
    let iteration = attempt.iteration.as_deref().cloned().unwrap_or_default();
    AttemptDetail {
        parameters: iteration.parameters,
        steps: iteration.steps.into_iter().map(step_detail).collect(),
        duration_ms: iteration.duration_ms,
        status: attempt.status.name().to_owned(),
        label: attempt.label.clone(),
        message: attempt.message.clone(),
        details: attempt.details.clone(),
        output: attempt.output.clone(),
    }
}
