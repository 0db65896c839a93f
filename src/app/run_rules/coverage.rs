//! The coverage of issues changed, or one is done and it is asked how it is covered.

use uuid::Uuid;

use super::carry_out::{Cause, carry_out};
use super::world::{Happened, Reach, World};
use crate::domain::coverage::CoverageStatus;
use crate::domain::rule::{CoverageChange, Role, ask_for_coverage};
use crate::store::{Conn, SiteId, StoreError, settings};

/// Runs D12 and the site's own rules on issues whose coverage changed.
pub async fn on_coverage(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    changes: &[CoverageChange],
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let settings = settings::of_site(on, site).await?;
    let issues: Vec<Uuid> = changes.iter().map(|change| change.issue_id).collect();
    let world = World::load(on, site, &issues, Reach::WithCovering, settings).await?;
    for change in changes {
        let happened = Happened {
            coverage: Some(change),
            at_ms: now_ms,
            ..Happened::default()
        };
        let cause = Cause {
            name: change.cause.clone(),
            execution: None,
            is_own: false,
        };
        let decisions = world.cover(change, happened);
        carry_out(on, site, now_ms, &world, &cause, decisions).await?;
    }
    Ok(())
}

/// Runs D11 on an issue that is done, with what its tests say.
pub async fn on_done(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    issue_id: Uuid,
    (status, why): (CoverageStatus, &str),
    cause: &str,
) -> Result<(), StoreError> {
    let settings = settings::of_site(on, site).await?;
    let world = World::load(on, site, &[issue_id], Reach::OfMarks, settings).await?;
    let Some(facts) = world.facts(issue_id, Role::Covered) else {
        return Ok(());
    };
    let decisions = ask_for_coverage(&facts, status, why, &world.settings_of(facts.issue));
    let cause = Cause {
        name: cause.to_owned(),
        execution: None,
        is_own: false,
    };
    carry_out(on, site, now_ms, &world, &cause, decisions).await
}
