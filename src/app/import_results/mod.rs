//! A build reports: a result file becomes runs, tests, links and statuses, in one transaction.
//!
//! Parsing and preparing happen before ([`prepare`]); inside the transaction there is nothing but
//! statements in bulk. The project's row is held throughout, so two imports into one project follow
//! one another and never make the same test twice. All or nothing: a file that names a test which
//! does not exist is refused whole.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::coverage::{Latest, RunFact};
use crate::domain::execution::{Contradiction, Execution, Particulars};
use crate::domain::keys::{ExecutionKey, TestKey};
use crate::domain::test::TestKind;
use crate::ids;
use crate::results::model::Counts;
use crate::store::projects::{Counter, Project};
use crate::store::runs::NewRun;
use crate::store::tests::{KnownTest, NewTest};
use crate::store::{
    Conn, SiteId, Store, StoreError, environments, executions, latest, links, projects, runs, tests,
};

mod coverage_links;
mod prepare;

pub use prepare::{Prepared, prepare};

use prepare::{PreparedRun, TestName, shown};

/// How far ahead of us a reporter's clock may be, milliseconds. Reports often carry local times
/// without a zone; a result from further in the future would count before every later one.
const CLOCK_TOLERANCE_MS: i64 = 24 * 60 * 60 * 1000;

/// What an upload says beside its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The key of the project.
    pub project: String,
    /// Where and for what the results were made.
    pub particulars: Particulars,
    /// The execution to add them to; a new one is made when none is named.
    pub execution: Option<ExecutionKey>,
    /// How the results came, for people: `JUnit`.
    pub source: String,
    /// The API client or account that brings them.
    pub created_by: Option<String>,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The execution that holds the runs.
    pub execution: ExecutionKey,
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
    /// The execution to extend does not exist.
    #[error("there is no execution {0} in this project")]
    UnknownExecution(ExecutionKey),
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

/// Imports a prepared report at `now_ms` (milliseconds since the Unix epoch).
pub async fn import_results(
    store: &Store,
    site: SiteId,
    upload: &Upload,
    report: Prepared,
    now_ms: i64,
) -> Result<Imported, ImportError> {
    let txn = store.write().await?;
    let imported = import(&*txn, site, upload, report, now_ms).await?;
    txn.commit().await?;
    Ok(imported)
}

async fn import(
    on: &impl Conn,
    site: SiteId,
    upload: &Upload,
    mut report: Prepared,
    now_ms: i64,
) -> Result<Imported, ImportError> {
    let project = projects::hold(on, site, &upload.project).await?;
    let matched = match_tests(on, site, &project, &mut report.runs, now_ms).await?;
    let dated = date_runs(&mut report, now_ms);
    let (mut execution, is_new) = find_execution(on, site, &project, upload, now_ms).await?;
    let first_run = execution.next_run;
    execution.take_in(&dated, report.incomplete.as_deref());
    if is_new {
        executions::insert(on, site, &execution).await?;
    } else {
        executions::update(on, site, &execution).await?;
    }
    let names = &execution.particulars.environments;
    environments::note(on, site, project.id, names, now_ms).await?;
    coverage_links::link(on, site, &report.runs, &matched, now_ms).await?;

    let new_runs = new_runs(report.runs, &matched, &dated, first_run);
    let is_incomplete = report.incomplete.is_some();
    let facts = facts(&execution, &new_runs, is_incomplete, now_ms);
    record_latest(on, site, &facts).await?;
    let new_runs: Vec<NewRun> = new_runs.into_iter().map(|(run, _)| run).collect();
    runs::insert_all(on, site, execution.id, &new_runs, now_ms).await?;

    let covered: Vec<Uuid> = matched.iter().map(|test| test.id).collect();
    let issues = links::issue_keys_of_tests(on, site, &covered).await?;
    Ok(Imported {
        execution: execution.key,
        counts: report.counts,
        issues: issues.into_iter().collect(),
        warnings: report.warnings,
    })
}
