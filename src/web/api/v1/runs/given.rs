//! Bodies that make or change a run, and what they come to.

#![expect(clippy::option_option, reason = "absent is not null here")]

use serde::Deserialize;
use utoipa::ToSchema;

use super::super::body::{Checks, nullable};
use super::super::words;
use crate::domain::attempts::{Sequence, aggregate};
use crate::domain::coverage::Settings;
use crate::domain::run::RunStatus;
use crate::domain::run_detail::{AttemptDetail, RunDetail, StepDetail};
use crate::problem::Problem;

/// Most attempts of a run.
const ATTEMPTS: usize = 50;
/// Most steps or iterations of a run.
const PARTS: usize = 500;
/// Most defects of a run or step.
const DEFECTS: usize = 50;
/// Longest name of an iteration, and longest key, in characters.
const NAME: usize = 255;
/// Longest message, in characters.
const MESSAGE: usize = 1_000;
/// Longest comment, trace or output, in characters.
const TEXT: usize = 100_000;

/// A run to be stored. Without a status it has the one that its attempts, iterations or steps come to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewRun {
    /// The key of the test, of the same project.
    #[schema(example = "SHOP-T12")]
    pub test: String,
    /// How it ended.
    #[schema(schema_with = words::run_status)]
    #[serde(default)]
    pub status: Option<String>,
    /// When it began, milliseconds since 1970.
    #[schema(minimum = 0)]
    pub started_ms: Option<i64>,
    /// When it ended, milliseconds since 1970; without it, when it began, else now.
    #[schema(minimum = 0)]
    pub finished_ms: Option<i64>,
    /// How long it took, milliseconds.
    #[schema(minimum = 0)]
    pub duration_ms: Option<i64>,
    /// The first line of what it said about its outcome.
    #[schema(max_length = 1000)]
    pub message: Option<String>,
    /// What the tester remarked.
    #[schema(max_length = 100_000)]
    pub comment: Option<String>,
    /// Its attempts, in order.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub attempts: Vec<GivenAttempt>,
    /// Its iterations: the same with different data. A run has attempts or iterations.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub iterations: Vec<GivenIteration>,
    /// How the steps of the test went, in order.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub steps: Vec<GivenStep>,
    /// Keys of issues that are its defects.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub defects: Vec<String>,
}

/// An attempt of a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GivenAttempt {
    /// How it ended.
    #[schema(schema_with = words::run_status)]
    pub status: String,
    /// The first line of what it said.
    #[schema(max_length = 1000)]
    pub message: Option<String>,
    /// The stack trace or whatever explains the outcome.
    #[schema(max_length = 100_000)]
    pub details: Option<String>,
    /// What it printed.
    #[schema(max_length = 100_000)]
    pub output: Option<String>,
}

/// An iteration of a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GivenIteration {
    /// Which data it ran with.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// How it ended.
    #[schema(schema_with = words::run_status)]
    pub status: String,
    /// The first line of what it said.
    #[schema(max_length = 1000)]
    pub message: Option<String>,
}

/// How a step went.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GivenStep {
    /// How it ended.
    #[schema(schema_with = words::run_status)]
    pub status: String,
    /// What happened.
    #[schema(max_length = 100_000)]
    pub actual: Option<String>,
    /// What the tester remarked.
    #[schema(max_length = 100_000)]
    pub comment: Option<String>,
    /// Keys of issues that are its defects.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub defects: Vec<String>,
}

/// What is to change in a run; what is not named stays, `null` takes it away.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RunChange {
    /// How it ended.
    #[schema(schema_with = words::run_status)]
    #[serde(default)]
    pub status: Option<String>,
    /// When it began, milliseconds since 1970.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    pub started_ms: Option<Option<i64>>,
    /// When it ended, milliseconds since 1970. When it is not named and the run gets its first final
    /// status, it ends now.
    #[schema(minimum = 0)]
    pub finished_ms: Option<i64>,
    /// The first line of what it said about its outcome.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    pub message: Option<Option<String>>,
    /// What the tester remarked.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 100_000)]
    pub comment: Option<Option<String>>,
    /// How the steps of the test went, in order; their statuses make the run's, unless it is named.
    #[schema(max_items = 500)]
    pub steps: Option<Vec<GivenStep>>,
    /// Keys of issues that are its defects.
    #[schema(max_items = 50)]
    pub defects: Option<Vec<String>>,
}

/// What a body comes to, where it says anything.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub status: Option<RunStatus>,
    pub is_flaky: bool,
    pub started_ms: Option<Option<i64>>,
    pub finished_ms: Option<i64>,
    pub duration_ms: Option<i64>,
    pub message: Option<Option<String>>,
    pub comment: Option<Option<String>>,
    pub attempts: Vec<AttemptDetail>,
    pub steps: Option<Vec<StepDetail>>,
    /// Step (0 is the run itself), JSON pointer and key; none when the body names no defects.
    pub defects: Vec<(i32, String, String)>,
    /// Whether the body sets the defects of the run itself, and of its steps.
    pub sets_defects: (bool, bool),
}

/// Judges a body under what holds in the project.
struct Judge<'a> {
    checks: Checks,
    settings: &'a Settings,
    now_ms: i64,
    checked: Checked,
}

impl NewRun {
    /// What a new run comes to.
    pub fn checked(&self, settings: &Settings, now_ms: i64) -> Result<Checked, Problem> {
        let mut judge = Judge::new(settings, now_ms);
        let checked = &mut judge.checked;
        checked.started_ms = Some(self.started_ms);
        checked.finished_ms = self.finished_ms.or(self.started_ms);
        checked.duration_ms = self.duration_ms;
        judge.times(self.started_ms, self.finished_ms);
        if self.duration_ms.is_some_and(|duration_ms| duration_ms < 0) {
            judge.checks.refuse("/durationMs", "It is below 0.");
        }
        judge.texts(Some(self.message.as_deref()), Some(self.comment.as_deref()));
        let mut parts = judge.attempts(self);
        judge.defects("/defects", 0, &self.defects);
        let of_steps = judge.steps(&self.steps);
        judge.checked.sets_defects = (true, true);
        if parts.is_none() {
            parts = of_steps;
        }
        judge.finish(self.status.as_deref(), parts, true)
    }
}

impl RunChange {
    /// What a change comes to.
    pub fn checked(&self, settings: &Settings, now_ms: i64) -> Result<Checked, Problem> {
        let mut judge = Judge::new(settings, now_ms);
        judge.checked.started_ms = self.started_ms;
        judge.checked.finished_ms = self.finished_ms;
        judge.times(self.started_ms.flatten(), self.finished_ms);
        let inner = |text: &Option<Option<String>>| text.clone();
        let (message, comment) = (inner(&self.message), inner(&self.comment));
        judge.texts(
            message.as_ref().map(Option::as_deref),
            comment.as_ref().map(Option::as_deref),
        );
        if let Some(defects) = &self.defects {
            judge.checked.sets_defects.0 = true;
            judge.defects("/defects", 0, defects);
        }
        let mut parts = None;
        if let Some(steps) = &self.steps {
            judge.checked.sets_defects.1 = true;
            parts = judge.steps(steps);
            judge.checked.steps.get_or_insert_default();
        }
        judge.finish(self.status.as_deref(), parts, false)
    }
}

/// A status with the flaky mark.
type Outcome = (RunStatus, bool);

impl<'a> Judge<'a> {
    fn new(settings: &'a Settings, now_ms: i64) -> Self {
        Self {
            checks: Checks::default(),
            settings,
            now_ms,
            checked: Checked::default(),
        }
    }

    fn times(&mut self, started_ms: Option<i64>, finished_ms: Option<i64>) {
        self.checks.past("/startedMs", started_ms, self.now_ms);
        self.checks.past("/finishedMs", finished_ms, self.now_ms);
    }

    fn texts(&mut self, message: Option<Option<&str>>, comment: Option<Option<&str>>) {
        let checks = &mut self.checks;
        self.checked.message = message.map(|text| checks.text("/message", text, MESSAGE));
        self.checked.comment = comment.map(|text| checks.text("/comment", text, TEXT));
    }

    fn status(&mut self, pointer: &str, text: &str) -> Option<RunStatus> {
        let known = self.settings.read_status(text);
        if known.is_none() {
            let short: String = text.chars().take(80).collect();
            self.checks
                .refuse(pointer, format!("`{short}` is no status of a run."));
        }
        known
    }

    fn name(&self, status: RunStatus) -> String {
        self.settings.statuses.name(status).to_owned()
    }

    fn attempts(&mut self, run: &NewRun) -> Option<Outcome> {
        if !run.attempts.is_empty() && !run.iterations.is_empty() {
            let why = "A run has attempts or iterations, not both.";
            self.checks.refuse("/iterations", why);
        }
        self.checks.count("/attempts", run.attempts.len(), ATTEMPTS);
        self.checks
            .count("/iterations", run.iterations.len(), PARTS);
        let mut statuses = Vec::new();
        for (n, given) in run.attempts.iter().take(ATTEMPTS).enumerate() {
            let at = |member: &str| format!("/attempts/{n}/{member}");
            let status = self.status(&at("status"), &given.status)?;
            let checks = &mut self.checks;
            let attempt = AttemptDetail {
                status: String::new(),
                label: None,
                message: checks.text(&at("message"), given.message.as_deref(), MESSAGE),
                details: checks.text(&at("details"), given.details.as_deref(), TEXT),
                output: checks.text(&at("output"), given.output.as_deref(), TEXT),
                ..AttemptDetail::default()
            };
            self.attempt(status, attempt, &mut statuses);
        }
        for (n, given) in run.iterations.iter().take(PARTS).enumerate() {
            let at = |member: &str| format!("/iterations/{n}/{member}");
            let status = self.status(&at("status"), &given.status)?;
            let checks = &mut self.checks;
            let attempt = AttemptDetail {
                status: String::new(),
                label: Some(checks.line(&at("name"), &given.name, NAME)),
                message: checks.text(&at("message"), given.message.as_deref(), MESSAGE),
                ..AttemptDetail::default()
            };
            self.attempt(status, attempt, &mut statuses);
        }
        let sequence = if run.attempts.is_empty() {
            Sequence::Iterations
        } else {
            Sequence::Marked
        };
        self.aggregate(&statuses, sequence)
    }

    fn attempt(
        &mut self,
        status: RunStatus,
        attempt: AttemptDetail,
        statuses: &mut Vec<RunStatus>,
    ) {
        statuses.push(status);
        self.checked.attempts.push(AttemptDetail {
            status: self.name(status),
            ..attempt
        });
    }

    fn steps(&mut self, steps: &[GivenStep]) -> Option<Outcome> {
        self.checks.count("/steps", steps.len(), PARTS);
        let mut statuses = Vec::new();
        let mut kept = Vec::new();
        for (n, given) in steps.iter().take(PARTS).enumerate() {
            let at = |member: &str| format!("/steps/{n}/{member}");
            if let Some(status) = self.status(&at("status"), &given.status) {
                statuses.push(status);
                let checks = &mut self.checks;
                kept.push(StepDetail {
                    status: self.settings.statuses.name(status).to_owned(),
                    actual: checks.text(&at("actual"), given.actual.as_deref(), TEXT),
                    comment: checks.text(&at("comment"), given.comment.as_deref(), TEXT),
                });
            }
            let step = i32::try_from(n + 1).unwrap_or(i32::MAX);
            self.defects(&at("defects"), step, &given.defects);
        }
        if !kept.is_empty() {
            self.checked.steps = Some(kept);
        }
        self.aggregate(&statuses, Sequence::Iterations)
    }

    fn defects(&mut self, pointer: &str, step: i32, keys: &[String]) {
        self.checks.count(pointer, keys.len(), DEFECTS);
        for (n, key) in keys.iter().take(DEFECTS).enumerate() {
            let at = format!("{pointer}/{n}");
            self.checked.defects.push((step, at, key.clone()));
        }
    }

    fn aggregate(&self, parts: &[RunStatus], sequence: Sequence) -> Option<Outcome> {
        let (policy, statuses) = (self.settings.retries, &self.settings.statuses);
        (!parts.is_empty()).then(|| aggregate(parts, sequence, policy, statuses))
    }

    fn finish(
        mut self,
        named: Option<&str>,
        parts: Option<Outcome>,
        is_needed: bool,
    ) -> Result<Checked, Problem> {
        self.checked.is_flaky = parts.is_some_and(|(_, is_flaky)| is_flaky);
        self.checked.status = match named {
            Some(text) => self.status("/status", text),
            None => parts.map(|(status, _)| status),
        };
        if is_needed && named.is_none() && parts.is_none() {
            let why = "It is needed, unless attempts, iterations or steps say how the run ended.";
            self.checks.refuse("/status", why);
        }
        self.checks.finish()?;
        Ok(self.checked)
    }
}

impl Checked {
    /// The details of a run with these in their place.
    pub fn applied_to(&self, detail: &RunDetail) -> RunDetail {
        let mut detail = detail.clone();
        if let Some(comment) = &self.comment {
            detail.comment.clone_from(comment);
        }
        if let Some(steps) = &self.steps {
            detail.steps.clone_from(steps);
        }
        if !self.attempts.is_empty() {
            detail.attempts.clone_from(&self.attempts);
        }
        detail
    }
}
