//! D1: makes defects for failures that nobody has one for, where that is switched on.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::results::{ImportedResults, ImportedRun};
use super::world::{Reach, World};
use crate::app::create_defect::automatic::{self, Wanted};
use crate::domain::rule::{Action, Unclaimed, judge_unclaimed};
use crate::domain::settings::{RuleName, SiteSettings};
use crate::store::audit::{self, NewEntry};
use crate::store::{Conn, SiteId, StoreError, open_defects};

/// Looks at the failures of one execution; what is made and what is not stands in the audit. Where
/// the rule is off, creation is only offered, and nothing is said.
pub(super) async fn make_defects(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    results: &ImportedResults<'_>,
    failed: &[&ImportedRun<'_>],
    settings: &SiteSettings,
) -> Result<(), StoreError> {
    let of_project = settings.of_project(results.project_key);
    if failed.is_empty() || !of_project.is_on(RuleName::D1Automatic) {
        return Ok(());
    }
    let tests: BTreeSet<Uuid> = failed.iter().map(|run| run.test_id).collect();
    let tests: Vec<Uuid> = tests.into_iter().collect();
    let open = open_defects::of_tests(on, site, &tests).await?;
    let claimed: BTreeSet<Uuid> = open.into_iter().map(|one| one.test_id).collect();
    let tests: Vec<Uuid> = tests
        .into_iter()
        .filter(|test| !claimed.contains(test))
        .collect();
    if tests.is_empty() {
        return Ok(());
    }
    let world = World::load(on, site, &[], Reach::OfMarks, settings.clone()).await?;
    let world = world.with_windows(on, site, &tests).await?;
    let execution = results.execution();
    let cause = format!("execution:{}", results.execution_key);
    let (mut wanted, mut entries) = (Vec::new(), Vec::new());
    for run in failed.iter().filter(|run| !claimed.contains(&run.test_id)) {
        let window = world.windows.get(&run.test_id);
        let in_a_row = window.map_or(0, |window| {
            window.failures_in_a_row(execution.branch, &of_project.coverage)
        });
        let unclaimed = Unclaimed {
            test_id: run.test_id,
            test_key: run.test_key.to_owned(),
            run_number: run.number,
            is_flaky: world.is_flaky(run, execution, &of_project),
            failures_in_a_row: in_a_row,
        };
        match judge_unclaimed(&unclaimed, execution.branch, &of_project) {
            Ok(reason) => wanted.push(Wanted {
                test_id: run.test_id,
                run_number: run.number,
                reason,
            }),
            Err(reason) => entries.push(NewEntry {
                rule: "D1".into(),
                actor: None,
                issue_id: None,
                test_id: Some(run.test_id),
                action: Action::Nothing.name(),
                is_done: false,
                reason,
                cause: cause.clone(),
            }),
        }
    }
    entries.extend(automatic::create(on, site, now_ms, &wanted, results, settings).await?);
    audit::insert_all(on, site, &entries, now_ms).await
}
