//! Makes executions of tests that are to be run again.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::app::rederive::take_in;
use crate::domain::execution::{Execution, Particulars};
use crate::domain::issue::MirroredIssue;
use crate::domain::keys::ExecutionKey;
use crate::domain::rule::RuleId;
use crate::domain::run::RunStatus;
use crate::ids;
use crate::store::projects::Counter;
use crate::store::runs::NewRun;
use crate::store::{Conn, SiteId, StoreError, executions, projects, runs, tests};

/// Makes an execution of these tests because of an issue, one in each of their projects, with a run
/// of each that is still to be made.
pub(super) async fn plan(
    on: &impl Conn,
    site: SiteId,
    issue: &MirroredIssue,
    wanted: &[Uuid],
    rule: &RuleId,
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut of_project: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    for (test, project) in tests::projects_of(on, site, wanted).await? {
        of_project.entry(project).or_default().push(test);
    }
    for (key, mut wanted) in of_project {
        wanted.sort_unstable();
        let project = projects::hold(on, site, &key).await?;
        let number = projects::take_numbers(on, site, project.id, Counter::Executions, 1).await?;
        let known = tests::by_ids(on, site, project.id, &wanted).await?;
        let planned: Vec<NewRun> = wanted
            .iter()
            .filter_map(|test| known.get(test))
            .zip(1..)
            .map(|(test, number)| NewRun {
                number,
                test_id: test.id,
                test_version: test.version,
                status: RunStatus::Todo,
                is_flaky: false,
                started_ms: None,
                finished_ms: now_ms,
                duration_ms: None,
                message: None,
                detail: None,
            })
            .collect();
        let execution = Execution {
            id: ids::next(),
            project_id: project.id,
            key: ExecutionKey {
                project: project.key.clone(),
                number,
            },
            name: format!("Retest for {}", issue.snapshot.key),
            particulars: Particulars::default(),
            source: format!("rule {}", rule.name()),
            created_by: None,
            created_ms: now_ms,
            started_ms: None,
            finished_ms: now_ms,
            incomplete: None,
            next_run: i64::try_from(planned.len()).unwrap_or(i64::MAX - 1) + 1,
        };
        executions::insert(on, site, &execution).await?;
        runs::insert_all(on, site, execution.id, &planned, now_ms).await?;
        for run in &planned {
            take_in(on, site, execution.id, run.number).await?;
        }
    }
    Ok(())
}
