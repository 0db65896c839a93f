//! An execution as it is answered.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::super::words;
use crate::domain::execution;
use crate::domain::statuses::Statuses;
use crate::store::runs::ListedRun;

/// An execution; with a page of its runs where one is asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Execution {
    /// The key.
    #[schema(example = "SHOP-E7")]
    key: String,
    /// Where it can be looked at.
    url: String,
    /// The name.
    name: String,
    /// Environments every run counts for.
    environments: Vec<String>,
    /// The version the runs were made for.
    fix_version: Option<String>,
    /// The key of the test plan.
    plan: Option<String>,
    /// The sprint.
    sprint: Option<String>,
    /// The revision of the tested software.
    revision: Option<String>,
    /// The branch of it.
    branch: Option<String>,
    /// The format the results came in.
    source: String,
    /// The API client that sent them.
    created_by: Option<String>,
    /// When it was made, milliseconds since 1970.
    created_ms: i64,
    /// When its first run began, milliseconds since 1970.
    started_ms: Option<i64>,
    /// When its last run ended, milliseconds since 1970; of one without runs, when it was made.
    finished_ms: i64,
    /// Why results are known to be missing; none when nothing says so.
    incomplete: Option<String>,
    /// How many runs have which status; only of one that is asked for by its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<BTreeMap<String, i64>>,
    /// A page of runs, by number; only of one that is asked for by its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<Vec<ListedResult>>,
    /// The value of `after` for the next page of runs; none on the last.
    next: Option<i64>,
}

/// One result of one test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ListedResult {
    /// Its number within the execution.
    number: i64,
    /// The test.
    test: NamedTest,
    /// How it ended.
    #[schema(schema_with = words::run_status)]
    status: String,
    /// Whether its attempts disagreed.
    flaky: bool,
    /// When it began, milliseconds since 1970.
    started_ms: Option<i64>,
    /// When it ended, milliseconds since 1970.
    finished_ms: i64,
    /// How long it took, milliseconds.
    duration_ms: Option<i64>,
    /// The first line of what it said about its outcome.
    message: Option<String>,
}

/// A test by its key.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct NamedTest {
    /// The key.
    #[schema(example = "SHOP-T12")]
    pub key: String,
    /// The name.
    pub name: String,
}

impl Execution {
    /// An execution without its runs.
    pub fn of(execution: &execution::Execution, base_url: &str) -> Self {
        let key = execution.key.to_string();
        let particulars = execution.particulars.clone();
        Self {
            url: url(base_url, &key),
            key,
            name: execution.name.clone(),
            environments: particulars.environments,
            fix_version: particulars.fix_version,
            plan: particulars.plan,
            sprint: particulars.sprint,
            revision: particulars.revision,
            branch: particulars.branch,
            source: execution.source.clone(),
            created_by: execution.created_by.clone(),
            created_ms: execution.created_ms,
            started_ms: execution.started_ms,
            finished_ms: execution.finished_ms,
            incomplete: execution.incomplete.clone(),
            counts: None,
            runs: None,
            next: None,
        }
    }

    /// The same with a page of its runs.
    pub fn with_runs(
        mut self,
        counts: BTreeMap<String, i64>,
        runs: &[ListedRun],
        statuses: &Statuses,
        next: Option<i64>,
    ) -> Self {
        self.counts = Some(counts);
        self.runs = Some(
            runs.iter()
                .map(|run| ListedResult::of(run, statuses))
                .collect(),
        );
        self.next = next;
        self
    }
}

impl ListedResult {
    fn of(run: &ListedRun, statuses: &Statuses) -> Self {
        Self {
            number: run.number,
            test: NamedTest {
                key: run.test_key.to_string(),
                name: run.test_name.clone(),
            },
            status: statuses.name(run.status).to_owned(),
            flaky: run.is_flaky,
            started_ms: run.started_ms,
            finished_ms: run.finished_ms,
            duration_ms: run.duration_ms,
            message: run.message.clone(),
        }
    }
}

/// Where an execution can be looked at.
pub(in crate::web::api) fn url(base_url: &str, key: &str) -> String {
    format!("{}/api/v1/executions/{key}", base_url.trim_end_matches('/'))
}
