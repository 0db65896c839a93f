//! Test runs: facts. Who changes or deletes one sees to it that what follows from it is made anew.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, sea_query::ArrayType};
use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError, sprints};
use crate::domain::coverage::{MadeFor, RunFact};
use crate::domain::keys::{ExecutionKey, TestKey};
use crate::domain::run::RunStatus;
use crate::domain::run_detail::RunDetail;

/// A run to be stored.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its number within the execution.
    pub number: i64,
    /// The test.
    pub test_id: Uuid,
    /// The version of the test it was made with.
    pub test_version: i32,
    /// How it ended.
    pub status: RunStatus,
    /// Whether its attempts disagreed.
    pub is_flaky: bool,
    /// When it began, milliseconds since the Unix epoch.
    pub started_ms: Option<i64>,
    /// When it ended, milliseconds since the Unix epoch.
    pub finished_ms: i64,
    /// How long it took, milliseconds.
    pub duration_ms: Option<i64>,
    /// The first line of what it said about its outcome.
    pub message: Option<String>,
    /// Attempts, output, evidence and the rest, as a JSON document; see `app::import_results`.
    pub detail: Option<String>,
}

/// A run as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRun {
    /// Its number within the execution.
    pub number: i64,
    /// The key of its test.
    pub test_key: TestKey,
    /// The name of its test.
    pub test_name: String,
    /// How it ended.
    pub status: RunStatus,
    /// Whether its attempts disagreed.
    pub is_flaky: bool,
    /// When it began, milliseconds since the Unix epoch.
    pub started_ms: Option<i64>,
    /// When it ended, milliseconds since the Unix epoch.
    pub finished_ms: i64,
    /// How long it took, milliseconds.
    pub duration_ms: Option<i64>,
    /// The first line of what it said about its outcome.
    pub message: Option<String>,
}

/// Stores runs of one execution.
pub async fn insert_all(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    runs: &[NewRun],
    now_ms: i64,
) -> Result<(), StoreError> {
    const COLUMNS: usize = 13;
    for chunk in runs.chunks(Dialect::of(on).chunk(COLUMNS)) {
        let mut sql = Sql::new(
            "INSERT INTO run (site_id, execution_id, number, test_id, status, is_flaky, \
             started_ms, finished_ms, arrived_ms, duration_ms, message, detail, test_version) ",
        );
        sql.rows::<COLUMNS>(chunk.iter().map(|run| {
            [
                site.into(),
                execution.into(),
                run.number.into(),
                run.test_id.into(),
                run.status.code().into(),
                run.is_flaky.into(),
                run.started_ms.into(),
                run.finished_ms.into(),
                now_ms.into(),
                run.duration_ms.into(),
                run.message.clone().into(),
                run.detail.clone().into(),
                run.test_version.into(),
            ]
        }));
        sql.run(on).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Row {
    number: i64,
    project_key: String,
    test_number: i64,
    test_name: String,
    status: i16,
    is_flaky: bool,
    started_ms: Option<i64>,
    finished_ms: i64,
    duration_ms: Option<i64>,
    message: Option<String>,
}

/// The runs of an execution whose number is above `after`, by number, at most `limit`.
pub async fn of_execution(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    after: i64,
    limit: i64,
) -> Result<Vec<ListedRun>, StoreError> {
    let mut sql = Sql::new(
        "SELECT r.number, p.key AS project_key, t.number AS test_number, t.name AS test_name, \
         r.status, r.is_flaky, r.started_ms, r.finished_ms, r.duration_ms, r.message \
         FROM run r JOIN test_case t ON t.site_id = r.site_id AND t.id = r.test_id \
         JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id WHERE r.site_id = ",
    );
    let rows: Vec<Row> = sql
        .bind(site)
        .with(" AND r.execution_id = ", execution)
        .with(" AND r.number > ", after)
        .with(" ORDER BY r.number LIMIT ", limit)
        .all(on)
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ListedRun {
                number: row.number,
                test_key: TestKey {
                    project: row.project_key,
                    number: row.test_number,
                },
                test_name: row.test_name,
                status: status_of(row.status, execution, row.number)?,
                is_flaky: row.is_flaky,
                started_ms: row.started_ms,
                finished_ms: row.finished_ms,
                duration_ms: row.duration_ms,
                message: row.message,
            })
        })
        .collect()
}

/// How many runs of an execution have each status, by rank.
pub async fn count_by_status(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
) -> Result<Vec<(RunStatus, i64)>, StoreError> {
    let mut sql = Sql::new("SELECT status, count(*) FROM run WHERE site_id = ");
    let rows = sql
        .bind(site)
        .with(" AND execution_id = ", execution)
        .push(" GROUP BY status ORDER BY status")
        .raw(on)
        .await?;
    rows.iter()
        .map(|row| {
            let status = status_of(row.try_get_by_index(0)?, execution, 0)?;
            Ok((status, row.try_get_by_index(1)?))
        })
        .collect()
}

fn status_of(code: i16, execution: Uuid, number: i64) -> Result<RunStatus, StoreError> {
    RunStatus::from_code(code).ok_or_else(|| StoreError::Corrupt {
        table: "run",
        id: format!("{execution}/{number}"),
        what: format!("status {code}"),
    })
}

#[derive(FromQueryResult)]
struct FactRow {
    test_id: Uuid,
    execution_id: Uuid,
    project_key: String,
    execution_number: i64,
    environments: String,
    number: i64,
    status: i16,
    is_flaky: bool,
    started_ms: Option<i64>,
    finished_ms: i64,
    arrived_ms: i64,
    message: Option<String>,
    detail: Option<String>,
    test_version: i32,
    revision: Option<String>,
    branch: Option<String>,
}

const FACT: &str = "SELECT r.test_id, r.execution_id, p.key AS project_key, \
     e.number AS execution_number, e.environments, r.number, r.status, r.is_flaky, r.started_ms, \
     r.finished_ms, r.arrived_ms, r.message, r.detail, r.test_version, e.revision, e.branch";

const OF_EXECUTION: &str = " JOIN execution e ON e.site_id = r.site_id AND e.id = r.execution_id \
     JOIN project p ON p.site_id = e.site_id AND p.id = e.project_id";

/// Which of a test's runs with the same status in the same environments counts first: 1 for the
/// latest.
const PLACE: &str = "rank() OVER (PARTITION BY r.test_id, e.environments, r.status, \
     CASE WHEN e.incomplete IS NULL THEN 0 \
     WHEN r.detail LIKE '%\"is_incomplete\":true%' THEN 1 ELSE 0 END \
     ORDER BY r.finished_ms DESC, r.started_ms DESC NULLS LAST, r.arrived_ms DESC) AS place";

/// Of the tests that cover issues, the runs made for one thing that can matter to a status: those
/// with which [`Latest`](crate::domain::coverage::Latest) comes out as with all of them.
///
/// Reads the runs that these tests have in executions of the scope, each found by its key, and no
/// others, however long their history is; [`MadeFor::takes`] says which those are. Runs of tests
/// that no longer cover an issue may be among them.
pub async fn newest_made_for(
    on: &impl Conn,
    site: SiteId,
    issues: &[Uuid],
    made_for: &MadeFor,
) -> Result<HashMap<Uuid, Vec<RunFact>>, StoreError> {
    newest(on, site, tests_of(site, issues), made_for).await
}

/// The same of these tests.
pub async fn newest_of_tests(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
    made_for: &MadeFor,
) -> Result<HashMap<Uuid, Vec<RunFact>>, StoreError> {
    let mut ids = Sql::new("SELECT id AS test_id FROM test_case WHERE site_id = ");
    ids.bind(site)
        .push(" AND id IN ")
        .list_filled_up(tests.iter().copied());
    newest(on, site, ids, made_for).await
}

/// The same of the tests that a statement selects.
async fn newest(
    on: &impl Conn,
    site: SiteId,
    tests: Sql,
    made_for: &MadeFor,
) -> Result<HashMap<Uuid, Vec<RunFact>>, StoreError> {
    let mut sql = Sql::new(FACT);
    let Condition {
        of_execution,
        of_run,
    } = is_made_for(on, site, made_for).await?;
    match Dialect::of(on) {
        Dialect::Sqlite => {
            // SQLite joins crosswise in the order written. It takes the index by test and execution
            // for `k`, of which it needs no other column; without `k` it goes through all runs of the
            // executions.
            sql.push(" FROM (SELECT r.site_id, r.execution_id, r.number, ")
                .push(PLACE)
                .push(" FROM execution e CROSS JOIN (")
                .append(tests)
                .push(") l CROSS JOIN run k CROSS JOIN run r WHERE ")
                .append(of_execution)
                .push(
                    " AND k.site_id = e.site_id AND k.test_id = l.test_id AND k.execution_id = e.id \
                     AND r.site_id = k.site_id AND r.execution_id = k.execution_id \
                     AND r.number = k.number",
                );
            if let Some(of_run) = of_run {
                sql.push(" AND ").append(of_run);
            }
            sql.push(") n CROSS JOIN run r").push(OF_EXECUTION).push(
                " WHERE n.place = 1 AND r.site_id = n.site_id \
                     AND r.execution_id = n.execution_id AND r.number = n.number",
            );
        }
        Dialect::Postgres => {
            let executions = executions_that(on, of_execution).await?;
            let (Some(first), Some(last)) = (executions.iter().min(), executions.iter().max())
            else {
                return Ok(HashMap::new());
            };
            // Two lists of keys are found in the index by one node of the plan. Only a range leaves
            // parts of the table out while the values are not known to the plan.
            sql.push(" FROM (SELECT r.*, ")
                .push(PLACE)
                .push(" FROM run r JOIN execution e ON e.site_id = r.site_id AND e.id = r.execution_id")
                .with(" WHERE r.site_id = ", site)
                .with(" AND r.execution_id >= ", *first)
                .with(" AND r.execution_id <= ", *last)
                .push(" AND r.execution_id = ")
                .any(ArrayType::Uuid, executions)
                .push(" AND r.test_id = ANY(ARRAY(")
                .append(tests)
                .push("))");
            if let Some(of_run) = of_run {
                sql.push(" AND ").append(of_run);
            }
            sql.push(") r")
                .push(OF_EXECUTION)
                .push(" WHERE r.place = 1");
        }
    }
    by_test(sql.all(on).await?)
}

/// The tests that cover issues.
fn tests_of(site: SiteId, issues: &[Uuid]) -> Sql {
    let mut sql = Sql::new("SELECT DISTINCT test_id FROM test_link WHERE site_id = ");
    sql.bind(site)
        .push(" AND issue_id IN ")
        .list_filled_up(issues.iter().copied());
    sql
}

/// What a run must be to count for something: asked of its execution `e` first, which finds few, and
/// then of the run.
struct Condition {
    of_execution: Sql,
    /// Adds what holds for the run; nothing when its execution says it all.
    of_run: Option<Sql>,
}

/// That executions `e` and runs `r` were made for something.
async fn is_made_for(
    on: &impl Conn,
    site: SiteId,
    made_for: &MadeFor,
) -> Result<Condition, StoreError> {
    let column = match made_for {
        MadeFor::Version(_) => "fix_version",
        MadeFor::Plan(_) => "plan",
        MadeFor::Sprint(_) => "sprint",
    };
    let spans = match made_for {
        MadeFor::Sprint(name) => sprints::spans(on, site, name).await?,
        MadeFor::Version(_) | MadeFor::Plan(_) => vec![],
    };
    let mut of_execution = Sql::new("e.site_id = ");
    of_execution
        .bind(site)
        .with(&format!(" AND (e.{column} = "), made_for.name());
    let mut of_run = None;
    if let Some(first_ms) = spans.iter().map(|span| span.began_ms).min() {
        // Without a sprint of its own, what was finished while the sprint ran counts (section 3, 1).
        of_execution
            .push(" OR (e.sprint IS NULL AND e.finished_ms >= ")
            .bind(first_ms)
            .push(")");
        let mut within = Sql::new("(e.sprint IS NOT NULL");
        for span in spans {
            within.with(" OR (r.finished_ms >= ", span.began_ms);
            if let Some(ended_ms) = span.ended_ms {
                within.with(" AND r.finished_ms <= ", ended_ms);
            }
            within.push(")");
        }
        within.push(")");
        of_run = Some(within);
    }
    of_execution.push(")");
    Ok(Condition {
        of_execution,
        of_run,
    })
}

async fn executions_that(on: &impl Conn, condition: Sql) -> Result<Vec<Uuid>, StoreError> {
    let mut sql = Sql::new("SELECT e.id FROM execution e WHERE ");
    let rows = sql.append(condition).raw(on).await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}

/// Every run of these tests, as facts their status follows from. Grows with history: for making
/// projections anew, never for a page.
pub async fn facts_of_tests(
    on: &impl Conn,
    site: SiteId,
    tests: &[Uuid],
) -> Result<HashMap<Uuid, Vec<RunFact>>, StoreError> {
    let mut sql = Sql::new(FACT);
    sql.push(" FROM run r")
        .push(OF_EXECUTION)
        .with(" WHERE r.site_id = ", site)
        .push(" AND r.test_id IN ")
        .list(tests.iter().copied());
    by_test(sql.all(on).await?)
}

/// One run, as a fact, with the test it is of.
pub async fn fact_of(
    on: &impl Conn,
    site: SiteId,
    execution: Uuid,
    number: i64,
) -> Result<Option<(Uuid, RunFact)>, StoreError> {
    let mut sql = Sql::new(FACT);
    sql.push(" FROM run r")
        .push(OF_EXECUTION)
        .with(" WHERE r.site_id = ", site)
        .with(" AND r.execution_id = ", execution)
        .with(" AND r.number = ", number);
    let rows: Vec<FactRow> = sql.all(on).await?;
    let found = rows.into_iter().next();
    found.map(|row| Ok((row.test_id, fact(row)?))).transpose()
}

fn by_test(rows: Vec<FactRow>) -> Result<HashMap<Uuid, Vec<RunFact>>, StoreError> {
    let mut facts: HashMap<Uuid, Vec<RunFact>> = HashMap::new();
    for row in rows {
        facts.entry(row.test_id).or_default().push(fact(row)?);
    }
    Ok(facts)
}

fn fact(row: FactRow) -> Result<RunFact, StoreError> {
    let (execution, number) = (row.execution_id, row.number);
    let corrupt = |what: String| StoreError::Corrupt {
        table: "run",
        id: format!("{execution}/{number}"),
        what,
    };
    let status = RunStatus::from_code(row.status)
        .ok_or_else(|| corrupt(format!("status {}", row.status)))?;
    let detail: RunDetail = match &row.detail {
        Some(text) => {
            serde_json::from_str(text).map_err(|why| corrupt(format!("detail: {why}")))?
        }
        None => RunDetail::default(),
    };
    let key = ExecutionKey {
        project: row.project_key,
        number: row.execution_number,
    };
    Ok(RunFact {
        execution_id: execution,
        execution_key: key.to_string(),
        number,
        status,
        environments: serde_json::from_str(&row.environments)
            .map_err(|why| corrupt(format!("environments: {why}")))?,
        started_ms: row.started_ms,
        finished_ms: row.finished_ms,
        arrived_ms: row.arrived_ms,
        is_flaky: row.is_flaky,
        attempts: u32::try_from(detail.attempts.len().max(1)).unwrap_or(u32::MAX),
        message: RunFact::shown_message(status, row.message.as_deref()),
        version: row.test_version,
        revision: row.revision,
        branch: row.branch,
        is_incomplete: detail.is_incomplete,
    })
}
