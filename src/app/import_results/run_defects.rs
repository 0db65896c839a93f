//! Issues that a report says runs were broken by: kept with the run, and linked to its test.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::coverage_links::mirrored;
use crate::app::run_rules::on_defect_link;
use crate::domain::execution::Execution;
use crate::store::defects::NewDefectLink;
use crate::store::{Conn, SiteId, StoreError, defects, run_defects};

/// A stored run that the report names defects of.
#[derive(Debug)]
pub(super) struct Found {
    /// The test.
    pub test: Uuid,
    /// The number of the run.
    pub number: i64,
    /// Step and key of each; step 0 is the run itself.
    pub defects: Vec<(i32, String)>,
}

/// Stores the defects of these runs of an execution. An issue nobody knows is asked of Jira.
pub(super) async fn note(
    on: &impl Conn,
    site: SiteId,
    execution: &Execution,
    found: &[Found],
    now_ms: i64,
) -> Result<(), StoreError> {
    let keys: BTreeSet<&str> = found
        .iter()
        .flat_map(|run| run.defects.iter().map(|(_, key)| key.as_str()))
        .collect();
    if keys.is_empty() {
        return Ok(());
    }
    let issues = mirrored(on, site, &keys, &keys, now_ms).await?;
    let mut changed: BTreeMap<Uuid, i64> = BTreeMap::new();
    for run in found {
        let place = (execution.id, run.number);
        let of_run: BTreeSet<(i32, Uuid)> = run
            .defects
            .iter()
            .filter_map(|(step, key)| Some((*step, *issues.get(key)?)))
            .collect();
        let of_run: Vec<_> = of_run.into_iter().collect();
        run_defects::set(on, site, place, &of_run).await?;
        for (_, issue) in of_run {
            let link = NewDefectLink {
                test: run.test,
                issue,
                run: Some(place),
                signature: None,
                cause: None,
                created_by: execution.created_by.as_deref(),
            };
            defects::link(on, site, &link, now_ms).await?;
            changed.entry(issue).or_insert(run.number);
        }
    }
    for (issue, number) in changed {
        let cause = format!("run:{}/{number}", execution.key);
        on_defect_link(on, site, now_ms, issue, &cause).await?;
    }
    Ok(())
}
