//! A build reports: a result file becomes runs, tests, links and statuses, in one transaction.
//!
//! Parsing and preparing happen before ([`mod@prepare`]); inside the transaction there is nothing but
//! statements in bulk. The project's row is held throughout, so two imports into one project follow
//! one another and never make the same test twice. All or nothing: a file that names a test which
//! does not exist is refused whole.

use uuid::Uuid;

use super::rederive::{kept_of, rederive, write_all};
use super::run_rules::{ImportedResults, ImportedRun, on_results};
use crate::crypto::sha256;
use crate::domain::coverage::RunFact;
use crate::domain::execution::{Contradiction, Execution, Particulars};
use crate::domain::keys::{ExecutionKey, TestKey};
use crate::domain::run::RunStatus;
use crate::ids;
use crate::results::model::{Counts, Evidence};
use crate::store::evidence::OfRun;
use crate::store::projects::{Counter, Project};
use crate::store::runs::NewRun;
use crate::store::tests::KnownTest;
use crate::store::{
    Conn, SiteId, Store, StoreError, environments, evidence, executions, links, projects, runs,
    shown_status, stored_runs,
};

mod coverage_links;
mod info;
mod match_tests;
mod prepare;
mod run_defects;

pub use prepare::{Prepared, prepare};

use match_tests::{MatchedTest, match_tests};
use prepare::PreparedRun;
use run_defects::Found;

/// Runs stored at a time.
const BATCH: usize = 2_000;

/// What becomes of a result that names a test outright which does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownTests {
    /// The whole file is refused.
    #[default]
    Refuse,
    /// The result is left out, with a warning; a file that has no other is refused.
    LeaveOut,
}

/// What holds for the tests that an import makes, beside what its file says of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ForNewTests {
    /// More labels.
    pub labels: Vec<String>,
    /// The description of those that the file does not describe.
    pub description: Option<String>,
}

/// What an upload says beside its file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upload {
    /// The key of the project.
    pub project: String,
    /// Where and for what the results were made.
    pub particulars: Particulars,
    /// The execution to add them to; a new one is made when none is named.
    pub execution: Option<ExecutionKey>,
    /// The name of the execution that is made; the source's when none is given.
    pub name: Option<String>,
    /// How the results came, for people; when it is empty, the name of the file's format.
    pub source: String,
    /// The API client or account that brings them.
    pub created_by: Option<String>,
    /// What becomes of results of tests that do not exist.
    pub unknown_tests: UnknownTests,
    /// What holds for tests that are made.
    pub for_new_tests: ForNewTests,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The execution that holds the runs.
    pub execution: ExecutionKey,
    /// Our id of it.
    pub execution_id: Uuid,
    /// How many test cases the file holds, by outcome.
    pub counts: Counts,
    /// Keys of the issues that the reported tests cover, sorted, each once.
    pub issues: Vec<String>,
    /// What the uploader should know.
    pub warnings: Vec<String>,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A result names a test that does not exist.
    #[error("`{test}` names the test {given}, which does not exist in this project")]
    UnknownTest {
        /// The name of the test in the file.
        test: String,
        /// The key or id it gives.
        given: String,
    },
    /// A result names an issue that is no test.
    #[error("`{test}` names the issue {given}, which is no test but of type {type_name}")]
    NotATest {
        /// The name of the test in the file.
        test: String,
        /// The key it gives.
        given: String,
        /// The issue's type.
        type_name: String,
    },
    /// The execution to extend does not exist.
    #[error("there is no execution {0} in this project")]
    UnknownExecution(ExecutionKey),
    /// The file reports into something that can be no execution.
    #[error("the results are reported into {0:?}, which is not the key of an execution")]
    NotAnExecution(String),
    /// The upload contradicts the execution it extends.
    #[error("the results do not belong into {execution}: {difference}")]
    OtherExecution {
        /// The execution.
        execution: ExecutionKey,
        /// What differs.
        #[source]
        difference: Contradiction,
    },
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A stored run, as much of it as rules want.
struct RecordedRun {
    test: KnownTest,
    number: i64,
    status: RunStatus,
    is_flaky: bool,
    finished_ms: i64,
}

/// Imports a prepared report.
pub async fn import_results(
    store: &Store,
    site: SiteId,
    upload: &Upload,
    report: Prepared,
) -> Result<Imported, ImportError> {
    let txn = store.write().await?;
    let imported = import_into(&*txn, site, upload, report).await?;
    txn.commit().await?;
    Ok(imported)
}

/// Imports a prepared report in the caller's transaction.
pub async fn import_into(
    on: &impl Conn,
    site: SiteId,
    upload: &Upload,
    mut report: Prepared,
) -> Result<Imported, ImportError> {
    let now_ms = report.arrived_ms;
    let upload = &info::completed(upload, &mut report)?;
    let project = projects::hold(on, site, &upload.project).await?;
    let matched = match_tests(on, site, &project, upload, &mut report).await?;
    coverage_links::link(on, site, &report.runs, &matched, now_ms).await?;

    let (execution, first_run) = extend_execution(on, site, &project, upload, &report).await?;
    let names = &execution.particulars.environments;
    environments::note(on, site, project.id, names, now_ms).await?;
    let (recorded, found) = record_runs(
        on,
        site,
        &execution,
        &matched,
        report.runs,
        first_run,
        now_ms,
    )
    .await?;
    run_defects::note(on, site, &execution, &found, now_ms).await?;
    tell_rules(on, site, &execution, &recorded, now_ms).await?;

    let covered: Vec<Uuid> = matched.iter().map(|matched| matched.test.id).collect();
    shown_status::mark_of_tests(on, site, &covered, now_ms).await?;
    let issues = links::issue_keys_of_runs(on, site, execution.id, first_run).await?;
    Ok(Imported {
        execution: execution.key,
        execution_id: execution.id,
        counts: report.counts,
        issues: issues.into_iter().collect(),
        warnings: report.warnings,
    })
}

/// The execution the runs go into, made or extended, and the number of the first of them.
async fn extend_execution(
    on: &impl Conn,
    site: SiteId,
    project: &Project,
    upload: &Upload,
    report: &Prepared,
) -> Result<(Execution, i64), ImportError> {
    let origin =
        |particulars: &Particulars| (particulars.revision.clone(), particulars.branch.clone());
    let source = match upload.source.as_str() {
        "" => report.format,
        given => given,
    };
    let mut adds_origin = false;
    let mut execution = match &upload.execution {
        Some(key) => {
            let found = executions::by_key(on, site, key).await?;
            let found = found.filter(|execution| execution.project_id == project.id);
            let mut found = found.ok_or_else(|| ImportError::UnknownExecution(key.clone()))?;
            let before = origin(&found.particulars);
            found
                .particulars
                .complete_with(&upload.particulars)
                .map_err(|difference| ImportError::OtherExecution {
                    execution: key.clone(),
                    difference,
                })?;
            adds_origin = origin(&found.particulars) != before;
            found
        }
        None => Execution {
            id: ids::next(),
            project_id: project.id,
            key: ExecutionKey {
                project: project.key.clone(),
                number: projects::take_numbers(on, site, project.id, Counter::Executions, 1)
                    .await?,
            },
            name: (upload.name.clone())
                .or_else(|| report.info()?.summary.clone())
                .unwrap_or_else(|| format!("{source} results")),
            particulars: upload.particulars.clone(),
            source: source.to_owned(),
            created_by: upload.created_by.clone(),
            created_ms: report.arrived_ms,
            started_ms: None,
            finished_ms: 0,
            incomplete: None,
            next_run: 1,
        },
    };
    let first_run = execution.next_run;
    let count = i64::try_from(report.runs.len()).unwrap_or(i64::MAX);
    let (started, finished) = report.span_ms();
    execution.next_run += count;
    execution.started_ms = execution.started_ms.into_iter().chain(started).min();
    execution.finished_ms = execution.finished_ms.max(finished);
    if execution.incomplete.is_none() {
        execution.incomplete.clone_from(&report.incomplete);
    }
    if upload.execution.is_some() {
        executions::update(on, site, &execution).await?;
        if adds_origin {
            // Its earlier runs were made on that revision and branch too.
            let tests = stored_runs::tests_of(on, site, execution.id).await?;
            rederive(on, site, &tests).await?;
        }
    } else {
        executions::insert(on, site, &execution).await?;
    }
    Ok((execution, first_run))
}

/// Stores the runs and folds them into what is kept of their tests; a bounded number at a time, so
/// that a large report does not stand in memory twice. Returns what rules want to know of them, and
/// the defects of those that have some.
async fn record_runs(
    on: &impl Conn,
    site: SiteId,
    execution: &Execution,
    matched: &[MatchedTest],
    prepared: Vec<PreparedRun>,
    first_run: i64,
    arrived_ms: i64,
) -> Result<(Vec<RecordedRun>, Vec<Found>), StoreError> {
    let mut found = Vec::new();
    let mut recorded = Vec::with_capacity(prepared.len());
    let mut rest = prepared
        .into_iter()
        .zip(matched)
        .zip(first_run..)
        .peekable();
    while rest.peek().is_some() {
        let batch: Vec<_> = rest.by_ref().take(BATCH).collect();
        let old = batch.iter().filter(|((_, matched), _)| !matched.is_new);
        let old: Vec<Uuid> = old.map(|((_, matched), _)| matched.test.id).collect();
        let mut kept = kept_of(on, site, &old).await?;
        let mut rows = Vec::with_capacity(batch.len());
        let mut files = Vec::new();
        for ((mut run, matched), number) in batch {
            let test = matched.test;
            files.push((number, std::mem::take(&mut run.evidence)));
            if !run.defects.is_empty() {
                found.push(Found {
                    test: test.id,
                    number,
                    defects: std::mem::take(&mut run.defects),
                });
            }
            let fact = fact(execution, &run, test.version, number, arrived_ms);
            kept.entry(test.id).or_default().record(&fact);
            recorded.push(RecordedRun {
                test,
                number,
                status: run.status,
                is_flaky: run.is_flaky,
                finished_ms: run.finished_ms,
            });
            rows.push(row(run, test, number));
        }
        let mut kept: Vec<_> = kept.into_iter().collect();
        kept.sort_unstable_by_key(|(test, _)| *test);
        write_all(on, site, &kept).await?;
        runs::insert_all(on, site, execution.id, &rows, arrived_ms).await?;
        attach(on, site, execution, files, arrived_ms).await?;
    }
    Ok((recorded, found))
}

/// Keeps the files that came with runs, named by their numbers.
async fn attach(
    on: &impl Conn,
    site: SiteId,
    execution: &Execution,
    files: Vec<(i64, Vec<Evidence>)>,
    arrived_ms: i64,
) -> Result<(), StoreError> {
    let files = files.into_iter();
    for (number, file) in files.flat_map(|(n, files)| files.into_iter().map(move |file| (n, file)))
    {
        let run = OfRun {
            project: execution.project_id,
            execution: execution.id,
            number,
        };
        let kept = evidence::Evidence {
            id: ids::next(),
            step: file.step,
            name: file.name,
            media_type: file
                .media_type
                .unwrap_or_else(|| "application/octet-stream".to_owned()),
            hash: sha256(&file.content).to_vec(),
            size: i64::try_from(file.content.len()).unwrap_or(i64::MAX),
            created_by: execution.created_by.clone(),
            created_ms: arrived_ms,
        };
        evidence::insert(on, site, &run, &kept, &file.content).await?;
    }
    Ok(())
}

fn fact(
    execution: &Execution,
    run: &PreparedRun,
    version: i32,
    number: i64,
    arrived_ms: i64,
) -> RunFact {
    RunFact {
        execution_id: execution.id,
        execution_key: execution.key.to_string(),
        number,
        status: run.status,
        environments: execution.particulars.environments.clone(),
        started_ms: run.started_ms,
        finished_ms: run.finished_ms,
        arrived_ms,
        is_flaky: run.is_flaky,
        attempts: run.attempts,
        message: RunFact::shown_message(run.status, run.message.as_deref()),
        version,
        revision: execution.particulars.revision.clone(),
        branch: execution.particulars.branch.clone(),
        is_incomplete: run.is_incomplete,
    }
}

fn row(run: PreparedRun, test: KnownTest, number: i64) -> NewRun {
    NewRun {
        number,
        test_id: test.id,
        test_version: test.version,
        status: run.status,
        is_flaky: run.is_flaky,
        started_ms: run.started_ms,
        finished_ms: run.finished_ms,
        duration_ms: run.duration_ms,
        message: run.message,
        detail: run.detail,
    }
}

async fn tell_rules(
    on: &impl Conn,
    site: SiteId,
    execution: &Execution,
    recorded: &[RecordedRun],
    now_ms: i64,
) -> Result<(), StoreError> {
    let project = &execution.key.project;
    let key_of = |number| {
        TestKey {
            project: project.clone(),
            number,
        }
        .to_string()
    };
    let keys: Vec<String> = recorded.iter().map(|run| key_of(run.test.number)).collect();
    let runs: Vec<ImportedRun<'_>> = recorded
        .iter()
        .zip(&keys)
        .map(|(run, test_key)| ImportedRun {
            test_id: run.test.id,
            test_key,
            number: run.number,
            status: run.status,
            is_flaky: run.is_flaky,
            finished_ms: run.finished_ms,
        })
        .collect();
    let results = ImportedResults {
        project_key: project,
        execution_id: execution.id,
        execution_key: &execution.key.to_string(),
        environments: &execution.particulars.environments,
        fix_version: execution.particulars.fix_version.as_deref(),
        branch: execution.particulars.branch.as_deref(),
        runs: &runs,
    };
    on_results(on, site, now_ms, &results).await
}
