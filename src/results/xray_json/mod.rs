//! Xray JSON: the format that upload clients of Xray send (`reference/test-management.md` 10.4).
//!
//! It names tests by key, states every status outright, and carries steps, iterations, files and
//! defects. A status nobody knows refuses the file; a key nobody knows is the importer's matter.

mod shape;

use super::error::{Fault, ReadError};
use super::evidence;
use super::json::{self, Text};
use super::keys;
use super::limits::Limits;
use super::model::{
    Attempt, Counts, Evidence, ExecutionInfo, Explicit, Identity, Iteration, Remarks, Report,
    ReportedRun, ReportedStep, Requirement, Scope, TestDefinition,
};
use super::repeats::{Repeats, add_label, add_requirement};
use super::text::{Capped, one_line, shortened};
use super::warnings::Warnings;
use super::when::{duration_ms, instant_ms};
use crate::domain::attempts::{Aggregation, Sequence, aggregate};
use crate::domain::run::{Effect, RunStatus};
use crate::domain::statuses::Statuses;
use crate::domain::test::TestStep;
use shape::{Document, Field, File, Info, Step, Test, TestInfo};

/// Steps kept of one run, iteration or test.
const STEPS: usize = 1_000;

/// Reads a document known to be Xray JSON; `warnings` are those of the decoding.
pub fn read(text: &str, limits: &Limits, warnings: Vec<String>) -> Result<Report, ReadError> {
    let document: Document<'_> = json::parse(text)?;
    let tests = document.tests.0;
    if tests.is_empty() {
        return Err(ReadError::whole(Fault::NoTests));
    }
    if tests.len() > limits.cases {
        let (what, limit) = ("tests in one file", limits.cases);
        return Err(ReadError::whole(Fault::Limit { what, limit }));
    }
    let mut reading = Reading {
        text,
        limits,
        warnings: Warnings::new(text, limits.warnings),
        at: 0,
        test: String::new(),
        evidence_bytes: 0,
        info: info(
            &document.test_execution_key,
            &document.info.unwrap_or_default(),
            limits,
        ),
        counts: Counts::default(),
        runs: Repeats::with_capacity(tests.len()),
    };
    for warning in warnings {
        reading.warnings.whole(warning);
    }
    for (test, number) in tests.iter().zip(1..) {
        reading.take(test, number)?;
    }
    Ok(Report {
        runs: reading.runs.finish(),
        counts: reading.counts,
        warnings: reading.warnings.finish(),
        info: Some(Box::new(reading.info)),
        ..Report::default()
    })
}

fn info(execution: &Text<'_>, info: &Info<'_>, limits: &Limits) -> ExecutionInfo {
    let line = |text: &Text<'_>| text.get().map(|text| shortened(text, limits.line_chars));
    let mut environments: Vec<String> = info.test_environments.0.iter().filter_map(line).collect();
    environments.sort_unstable();
    environments.dedup();
    environments.truncate(limits.annotations);
    ExecutionInfo {
        execution: line(execution),
        project: line(&info.project),
        summary: line(&info.summary),
        description: kept(&info.description, limits.details_bytes),
        version: line(&info.version),
        revision: line(&info.revision),
        user: line(&info.user),
        started_ms: info.start_date.get().and_then(instant_ms),
        finished_ms: info.finish_date.get().and_then(instant_ms),
        plan: line(&info.test_plan_key),
        environments,
    }
}

/// The state of one reading.
struct Reading<'a> {
    text: &'a str,
    limits: &'a Limits,
    warnings: Warnings<'a>,
    /// Where the test that is being taken stands, and what it is called in messages.
    at: usize,
    test: String,
    evidence_bytes: usize,
    info: ExecutionInfo,
    counts: Counts,
    runs: Repeats,
}

/// The parts of a run that its status can be had from.
struct Parts {
    attempts: Vec<Attempt>,
    steps: Vec<ReportedStep>,
    evidence: Vec<Evidence>,
}

impl Reading<'_> {
    fn take(&mut self, test: &Test<'_>, number: usize) -> Result<(), ReadError> {
        let info = test.info.as_deref();
        let summary = info.and_then(|info| info.summary.get());
        let key = test.key.get();
        self.at = json::offset(self.text, key.or(summary)).unwrap_or(self.at);
        self.test = shortened(key.or(summary).unwrap_or_default(), 100);
        if self.test.is_empty() {
            self.test = format!("test {number}");
        }
        let mut parts = self.parts(test)?;
        let (status, stated) = self.status(test, &parts)?;
        let is_flaky = status == RunStatus::Passed && parts.is_mixed();
        self.counts.add(status, is_flaky);
        if parts.attempts.is_empty() {
            parts.attempts.push(Attempt {
                message: message(test, status, self.limits),
                ..Attempt::of(status)
            });
        }
        let run = self.run(test, summary, stated, parts);
        self.runs.add(run, self.limits);
        Ok(())
    }

    fn run(
        &mut self,
        test: &Test<'_>,
        summary: Option<&str>,
        stated: Option<RunStatus>,
        parts: Parts,
    ) -> ReportedRun {
        let limits = self.limits;
        let line = |text: &Text<'_>| text.get().map(|text| shortened(text, limits.line_chars));
        let info = test.info.as_deref();
        let started_ms = self.instant(&test.start);
        let finished_ms = self.instant(&test.finish);
        let took = || Some(finished_ms?.saturating_sub(started_ms?));
        let (mut requirements, mut labels) = (Vec::new(), Vec::new());
        if let Some(info) = info {
            self.annotate(info, &mut requirements, &mut labels);
        }
        let sequence = if parts.attempts.iter().any(|attempt| attempt.label.is_some()) {
            Sequence::Iterations
        } else {
            Sequence::Marked
        };
        ReportedRun {
            identity: identity(test, self.test.as_str()),
            name: shortened(summary.unwrap_or(&self.test), limits.line_chars),
            attempts: parts.attempts,
            sequence,
            started_ms,
            finished_ms: finished_ms.or(self.info.finished_ms),
            duration_ms: took().filter(|ms| *ms >= 0),
            requirements,
            labels,
            remarks: Remarks {
                summary: summary.map(|text| shortened(text, limits.line_chars)),
                description: info.and_then(|info| kept(&info.description, limits.details_bytes)),
                comment: kept(&test.comment, limits.details_bytes),
                evidence: parts.evidence,
                custom_fields: self.fields(&test.custom_fields.0),
                status: stated,
                steps: parts.steps,
                defects: self.defects(&test.defects.0),
                executed_by: line(&test.executed_by).or_else(|| self.info.user.clone()),
                assignee: line(&test.assignee),
                definition: info.map(|info| Box::new(definition(info, limits))),
                makes_test: info.is_some(),
            }
            .boxed(),
        }
    }

    fn parts(&mut self, test: &Test<'_>) -> Result<Parts, ReadError> {
        let mut parts = Parts {
            attempts: Vec::new(),
            steps: Vec::new(),
            evidence: Vec::new(),
        };
        let files = test.evidence.0.iter().chain(&test.evidences.0);
        self.files(files, 0, &mut parts.evidence);
        for (step, number) in test.steps.0.iter().zip(1..).take(STEPS) {
            let files = step.evidence.0.iter().chain(&step.evidences.0);
            self.files(files, number, &mut parts.evidence);
            parts.steps.push(self.step(step)?);
        }
        self.bounded(test.steps.0.len(), "steps");
        for (iteration, number) in test.iterations.0.iter().zip(1..).take(STEPS) {
            parts.attempts.push(self.iteration(iteration, number)?);
        }
        self.bounded(test.iterations.0.len(), "iterations");
        if parts.attempts.is_empty() {
            for (example, number) in test.examples.0.iter().zip(1..).take(STEPS) {
                let status = self.parse(example)?.unwrap_or(RunStatus::Todo);
                parts.attempts.push(Attempt {
                    label: Some(format!("example {number}")),
                    ..Attempt::of(status)
                });
            }
            self.bounded(test.examples.0.len(), "examples");
        }
        Ok(parts)
    }

    fn bounded(&mut self, count: usize, what: &str) {
        if count > STEPS {
            self.say(|test| format!("only {STEPS} {what} of {test:?} are kept"));
        }
    }

    fn step(&mut self, step: &Step<'_>) -> Result<ReportedStep, ReadError> {
        Ok(ReportedStep {
            status: self.parse(&step.status)?.unwrap_or(RunStatus::Todo),
            actual: kept(&step.actual_result, self.limits.details_bytes),
            comment: kept(&step.comment, self.limits.details_bytes),
            defects: self.defects(&step.defects.0),
        })
    }

    fn iteration(
        &mut self,
        iteration: &shape::Iteration<'_>,
        number: usize,
    ) -> Result<Attempt, ReadError> {
        let limits = self.limits;
        let given = iteration.steps.0.iter().take(STEPS);
        let steps: Vec<_> = given
            .map(|step| self.step(step))
            .collect::<Result<_, _>>()?;
        self.bounded(iteration.steps.0.len(), "steps of an iteration");
        let of_steps = || derived(steps.iter().map(|step| step.status));
        let status = self.parse(&iteration.status)?.or_else(of_steps);
        let parameters = self.fields(&iteration.parameters.0);
        let label = iteration
            .name
            .get()
            .map(|name| shortened(name, limits.line_chars));
        let of_data = || {
            let pairs = parameters
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            let data = pairs.collect::<Vec<_>>().join(", ");
            Some(shortened(&data, limits.line_chars)).filter(|data| !data.is_empty())
        };
        let label = label
            .or_else(of_data)
            .unwrap_or_else(|| format!("iteration {number}"));
        let duration_ms = iteration.duration.get().and_then(duration_ms);
        Ok(Attempt {
            label: Some(label),
            details: kept(&iteration.log, limits.details_bytes),
            iteration: Some(Box::new(Iteration {
                parameters,
                steps,
                duration_ms,
            })),
            ..Attempt::of(status.unwrap_or(RunStatus::Todo))
        })
    }

    /// The status of a run, and what of it goes before that of its iterations.
    fn status(
        &mut self,
        test: &Test<'_>,
        parts: &Parts,
    ) -> Result<(RunStatus, Option<RunStatus>), ReadError> {
        let stated = self.parse(&test.status)?;
        let derived = parts.derived();
        match (stated, derived) {
            (Some(stated), Some(derived)) if stated != derived => {
                if !(stated == RunStatus::Passed && parts.is_mixed()) {
                    self.say(|test| {
                        let (stated, derived) = (stated.name(), derived.name());
                        format!(
                            "{test:?} is said to be {stated}, though its parts come to {derived}; \
                             what is said counts"
                        )
                    });
                }
                Ok((stated, Some(stated).filter(|_| !parts.attempts.is_empty())))
            }
            (Some(status), _) | (None, Some(status)) => Ok((status, None)),
            (None, None) => {
                self.say(|test| format!("{test:?} has no status; it was taken as TODO"));
                Ok((RunStatus::Todo, None))
            }
        }
    }

    /// The status that a word means; none for no word.
    fn parse(&self, word: &Text<'_>) -> Result<Option<RunStatus>, ReadError> {
        let Some(word) = word.get() else {
            return Ok(None);
        };
        let known = RunStatus::parse(word).map(Some);
        known.ok_or_else(|| {
            let at = json::offset(self.text, Some(word)).unwrap_or(self.at);
            let fault = Fault::UnknownStatus {
                test: self.test.clone(),
                status: shortened(word, 60),
            };
            ReadError::at(self.text, at, fault)
        })
    }

    fn annotate(
        &mut self,
        info: &TestInfo<'_>,
        requirements: &mut Vec<Requirement>,
        labels: &mut Vec<String>,
    ) {
        let limits = self.limits;
        for key in info.requirement_keys.0.iter().filter_map(Text::get) {
            for found in self.keys(key, "requirement") {
                add_requirement(requirements, found, limits);
            }
        }
        for label in info.labels.0.iter().filter_map(Text::get) {
            add_label(labels, shortened(label, limits.line_chars), limits);
        }
    }

    fn defects(&mut self, given: &[Text<'_>]) -> Vec<String> {
        let mut defects: Vec<String> = Vec::new();
        for key in given.iter().filter_map(Text::get) {
            for found in self.keys(key, "defect") {
                if !defects.contains(&found.key) && defects.len() < self.limits.annotations {
                    defects.push(found.key);
                }
            }
        }
        defects
    }

    fn keys(&mut self, list: &str, what: &str) -> Vec<Requirement> {
        let (mut found, mut refused) = (Vec::new(), Vec::new());
        keys::stated(
            list,
            |key| found.push(key),
            |word| refused.push(shortened(word, 60)),
        );
        for word in refused {
            self.say(|test| {
                format!("the {what} {word:?} of {test:?} is not an issue key and was passed over")
            });
        }
        found
    }

    fn files<'f>(
        &mut self,
        files: impl Iterator<Item = &'f File<'f>>,
        step: i32,
        kept: &mut Vec<Evidence>,
    ) {
        for file in files {
            let room = self
                .limits
                .evidence_bytes
                .saturating_sub(self.evidence_bytes);
            match evidence::decoded(file.filename.or_empty(), file.data.or_empty(), room) {
                Ok(decoded) => {
                    self.evidence_bytes += decoded.content.len();
                    kept.push(Evidence {
                        media_type: file.content_type.get().map(|name| shortened(name, 255)),
                        step,
                        ..decoded
                    });
                }
                Err(why) => self.say(|test| format!("{test:?}: {why}")),
            }
        }
    }

    fn fields(&self, given: &[Field<'_>]) -> Vec<(String, String)> {
        let limits = self.limits;
        let pair = |field: &Field<'_>| {
            let name = field.name.get().or_else(|| field.id.get())?;
            let value = kept(&field.value, limits.details_bytes).unwrap_or_default();
            Some((shortened(name, limits.line_chars), value))
        };
        given
            .iter()
            .filter_map(pair)
            .take(limits.annotations)
            .collect()
    }

    fn instant(&mut self, text: &Text<'_>) -> Option<i64> {
        let text = text.get()?;
        let instant = instant_ms(text);
        if instant.is_none() {
            let text = shortened(text, 40);
            self.say(|test| format!("the time {text:?} of {test:?} cannot be read"));
        }
        instant
    }

    fn say(&mut self, what: impl FnOnce(&str) -> String) {
        let test = &self.test;
        self.warnings.at(self.at, || what(test));
    }
}

impl Parts {
    /// What iterations, else steps, come to (section 5.1).
    fn derived(&self) -> Option<RunStatus> {
        derived(self.attempts.iter().map(|attempt| attempt.status))
            .or_else(|| derived(self.steps.iter().map(|step| step.status)))
    }

    /// Whether an iteration passed and another failed: with PASSED stated, a retried test.
    fn is_mixed(&self) -> bool {
        let effects = || {
            let statuses = Statuses::default();
            (self.attempts.iter()).map(move |attempt| statuses.effect(attempt.status))
        };
        effects().any(|effect| effect == Effect::Ok)
            && effects().any(|effect| effect == Effect::Nok)
    }
}

fn derived(parts: impl Iterator<Item = RunStatus>) -> Option<RunStatus> {
    let parts: Vec<RunStatus> = parts.collect();
    let policy = Aggregation::Worst;
    let derive = || aggregate(&parts, Sequence::Iterations, policy, &Statuses::default()).0;
    (!parts.is_empty()).then(derive)
}

/// The first line of a comment that says something, when the run is bad.
fn message(test: &Test<'_>, status: RunStatus, limits: &Limits) -> Option<String> {
    if Statuses::default().effect(status) != Effect::Nok {
        return None;
    }
    let is_markup = |line: &str| line.starts_with('{') && line.ends_with('}');
    let mut lines = test.comment.get()?.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty() && !is_markup(line))?;
    Some(shortened(line, limits.line_chars))
}

/// A generic test that is defined as a class and a method is the one that `JUnit` names so.
fn identity(test: &Test<'_>, name: &str) -> Identity {
    let info = test.info.as_deref();
    let definition = info.and_then(|info| info.definition.get());
    let in_code = definition.filter(|text| !text.contains(char::is_whitespace));
    let (class, name) = in_code
        .and_then(|text| text.rsplit_once('.'))
        .filter(|(class, method)| !class.is_empty() && !method.is_empty())
        .unwrap_or(("", definition.unwrap_or(name)));
    Identity {
        explicit: test.key.owned().map(Explicit::Key),
        suite: "".into(),
        class: one_line(class),
        name: one_line(name),
        file: String::new(),
        scope: Scope::Name,
    }
}

fn definition(info: &TestInfo<'_>, limits: &Limits) -> TestDefinition {
    let long = |text: &Text<'_>| kept(text, limits.details_bytes);
    let steps = info.steps.0.iter().take(STEPS).map(|step| TestStep {
        calls: None,
        action: long(&step.action).unwrap_or_default(),
        data: long(&step.data),
        expected: long(&step.result),
        ..TestStep::default()
    });
    TestDefinition {
        project: info.project_key.owned(),
        test_type: info.test_type.get().map(|name| shortened(name, 100)),
        text: long(&info.scenario).or_else(|| long(&info.definition)),
        steps: steps.collect(),
    }
}

fn kept(text: &Text<'_>, limit: usize) -> Option<String> {
    let mut kept = Capped::default();
    kept.push(text.get()?, limit);
    kept.finish()
}
