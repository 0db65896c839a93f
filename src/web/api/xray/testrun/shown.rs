//! A run as the Data Center interface shows it.

use std::collections::HashMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::graphql::change::draft::Place;
use super::super::graphql::desk::{Answer, Desk};
use super::super::graphql::names::time;
use super::super::graphql::run::TestRun;
use super::super::graphql::run_parts::{parameters, part_status, says, with_examples};
use super::super::graphql::test::TestVersion;
use crate::domain::issue::MirroredIssue;
use crate::domain::run::RunStatus;
use crate::domain::run_detail::{AttemptDetail, StepDetail};
use crate::domain::statuses::Statuses;
use crate::store::evidence::Evidence;
use crate::store::issues;
use crate::store::run_defects::RunDefect;

/// A run with what its answer is made of.
pub(super) struct Shown {
    run: TestRun,
    version: TestVersion,
    statuses: std::sync::Arc<Statuses>,
    files: Vec<Evidence>,
    defects: Vec<RunDefect>,
    issues: HashMap<Uuid, MirroredIssue>,
    base_url: String,
}

/// The name of a status in this interface, which has short names of its own for two of them.
fn status_name(status: RunStatus, statuses: &Statuses) -> &str {
    match status {
        RunStatus::Passed => "PASS",
        RunStatus::Failed => "FAIL",
        _ => statuses.name(status),
    }
}

/// A text as it was given, and as a page can show it.
fn rich(text: Option<&str>) -> Value {
    let Some(text) = text else {
        return Value::Null;
    };
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    json!({ "raw": text, "rendered": format!("<p>{escaped}</p>") })
}

impl Shown {
    pub async fn of(desk: &Desk, run: &TestRun) -> Answer<Self> {
        let defects = run.all_defects(desk).await?;
        let ids: Vec<Uuid> = defects.iter().map(|defect| defect.issue_id).collect();
        Ok(Self {
            version: run.version(desk).await?,
            statuses: run.statuses(desk).await?,
            files: run.files(desk).await?,
            issues: issues::by_ids(desk.read(), desk.site(), &ids).await?,
            defects,
            run: run.clone(),
            base_url: desk.base_url().to_owned(),
        })
    }

    pub fn status(&self) -> &str {
        status_name(self.run.run.status, &self.statuses)
    }

    pub fn comment(&self) -> Value {
        json!(self.run.run.detail.comment.as_deref().unwrap_or_default())
    }

    pub fn assignee(&self) -> Value {
        json!(self.run.run.detail.assignee)
    }

    /// The defects of a part of it.
    pub fn defects(&self, place: Place) -> Value {
        let own = self.defects.iter();
        let own = own.filter(|defect| defect.step == place.number());
        let shown = own.map(|defect| {
            let issue = self
                .issues
                .get(&defect.issue_id)
                .map(|issue| &issue.snapshot);
            json!({
                "id": defect.jira_id,
                "key": defect.key,
                "summary": issue.map(|issue| &issue.summary),
                "status": issue.map(|issue| &issue.status.name),
            })
        });
        shown.collect()
    }

    /// The files of a part of it.
    pub fn files(&self, place: Place) -> Value {
        let own = self.files.iter();
        let own = own.filter(|file| file.step == place.number());
        let (base, run) = (&self.base_url, self.run.id());
        let shown = own.map(|file| {
            let id = file.id.simple().to_string();
            json!({
                "fileURL": format!("{base}/xray/api/v2/attachments/{run}/{id}"),
                "id": id,
                "fileName": file.name,
                "fileSize": format!("{} B", file.size),
                "created": time(file.created_ms),
                "author": file.created_by,
            })
        });
        shown.collect()
    }

    fn part_status(&self, name: &str) -> &str {
        status_name(part_status(name, &self.statuses), &self.statuses)
    }

    fn step(&self, went: Option<&StepDetail>, place: Place, index: usize) -> Value {
        let said = self.version.version.content.steps.get(index - 1);
        let status = went.map_or("TODO", |went| self.part_status(&went.status));
        json!({
            "id": index,
            "index": index,
            "step": rich(said.map(|said| said.action.as_str())),
            "data": rich(said.and_then(|said| said.data.as_deref())),
            "result": rich(said.and_then(|said| said.expected.as_deref())),
            "attachments": [],
            "status": status,
            "comment": rich(went.and_then(|went| went.comment.as_deref())),
            "actualResult": rich(went.and_then(|went| went.actual.as_deref())),
            "defects": self.defects(place),
            "evidences": self.files(place),
        })
    }

    /// Its steps, in order.
    pub fn steps(&self) -> Value {
        let went = &self.run.run.detail.steps;
        let all = self.version.version.content.steps.len().max(went.len());
        let steps = (1..=all).map(|n| self.step(went.get(n - 1), Place::Step(n), n));
        steps.collect()
    }

    /// Its iterations, in order.
    pub fn iterations(&self) -> Value {
        let labelled = self.run.run.detail.attempts.iter();
        let labelled = labelled.filter(|one| one.label.is_some());
        let one = |(said, rank): (&AttemptDetail, usize)| {
            let values = parameters(said).into_iter();
            let values = values.map(|(name, value)| json!({ "name": name, "value": value }));
            let steps = said.steps.iter().zip(1..);
            let steps =
                steps.map(|(step, n)| self.step(Some(step), Place::IterationStep(rank, n), n));
            json!({
                "id": rank,
                "rank": rank,
                "status": self.part_status(&said.status),
                "parameters": values.collect::<Value>(),
                "steps": steps.collect::<Value>(),
            })
        };
        labelled.zip(1..).map(one).collect()
    }

    fn examples(&self) -> Value {
        let (says, held) = (says(&self.version), self.run.run.detail.attempts.clone());
        let all = with_examples(&says, held);
        let labelled = all.iter().filter(|one| one.label.is_some());
        let one = |(said, rank): (&AttemptDetail, usize)| {
            let values = said.parameters.iter().map(|(_, value)| json!(value));
            json!({
                "id": rank,
                "rank": rank,
                "values": values.collect::<Value>(),
                "status": self.part_status(&said.status),
            })
        };
        labelled.zip(1..).map(one).collect()
    }

    /// All of it.
    pub fn whole(&self) -> Value {
        let (run, execution) = (&self.run.run, &self.run.execution);
        let says = says(&self.version);
        let is_over = self.statuses.is_final(run.status);
        let mut shown = json!({
            "id": self.run.id(),
            "status": self.status(),
            "testKey": run.test_key.to_string(),
            "testExecKey": execution.key.to_string(),
            "testVersion": self.version.version.version,
            "type": says.test_type().called(),
            "assignee": run.detail.assignee,
            "executedBy": run.detail.executed_by,
            "startedOn": run.started_ms.map(time),
            "finishedOn": is_over.then(|| time(run.finished_ms)),
            "duration": run.duration_ms,
            "comment": run.detail.comment,
            "defects": self.defects(Place::Run),
            "evidences": self.files(Place::Run),
            "testEnvironments": execution.particulars.environments,
            "fixVersions": execution.particulars.fix_version.iter().collect::<Vec<_>>(),
        });
        let mut put = |name: &str, value: Value| {
            if let Some(members) = shown.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
        };
        if let Some(text) = says.unstructured() {
            put("definition", json!(text));
        }
        match (says.gherkin(), says.scenario_type()) {
            (Some(text), Some("scenario_outline")) => {
                put("scenarioOutline", json!(text));
                put("examples", self.examples());
            }
            (Some(text), _) => put("scenario", json!(text)),
            _ => {}
        }
        let iterations = self.iterations();
        // A run with iterations shows its steps there.
        if iterations.as_array().is_none_or(Vec::is_empty) {
            put("steps", self.steps());
        } else {
            put("iterations", iterations);
        }
        shown
    }
}
