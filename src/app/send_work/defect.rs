//! Finishes a creation that was left without an answer (`jira-webhooks-rest.md` 10.9).
//!
//! The issue may exist. It is looked for by the marker it would carry, and not before the search
//! index had time to learn of it; only a clear miss lets it be created again.

use std::time::Duration;

use uuid::Uuid;

use super::Failure;
use crate::app::App;
use crate::domain::work::DefectDraft;
use crate::jira::{CreatedIssue, SiteClient};
use crate::store::defect_claims::{self, ClaimState};
use crate::store::defects::{self, NewDefectLink};
use crate::store::outbox::ClaimedWork;
use crate::store::{Conn, SiteId, StoreError};

/// How long Jira's search may not know of a new issue.
const LAG: Duration = Duration::from_mins(1);
/// Minutes searched before the work was written: clocks differ, and the first try came earlier.
const MARGIN_MIN: i64 = 15;

/// The defect, found or created now.
pub(super) async fn complete(
    app: &App,
    client: &SiteClient<'_>,
    work: &ClaimedWork,
    draft: &DefectDraft,
) -> Result<CreatedIssue, Failure> {
    let age_ms = app.clock.now_ms() - work.created_ms;
    let lag_ms = super::ms(LAG);
    if age_ms < lag_ms {
        let left = u64::try_from(lag_ms - age_ms).unwrap_or(0);
        return Err(Failure::NotYet(Duration::from_millis(left)));
    }
    let minutes = age_ms.div_euclid(60_000) + MARGIN_MIN;
    match client.find_defect(draft, minutes).await? {
        Some(found) => Ok(found),
        None => Ok(client.create_defect(draft).await?),
    }
}

/// Ends the claim and links test and defect, in the transaction that ends the work. A claim that has
/// ended already, because the first try did come to its end, stays as it is.
pub(super) async fn settle(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    marker: Uuid,
    (issue, key): (Uuid, &str),
    now_ms: i64,
) -> Result<(), StoreError> {
    let state = ClaimState::Created {
        issue_key: key.to_owned(),
    };
    let Some(claimant) = defect_claims::settle(on, site, test, marker, &state).await? else {
        return Ok(());
    };
    let link = NewDefectLink {
        test,
        issue,
        run: None,
        signature: Some(claimant.signature),
        created_by: claimant.created_by.as_deref(),
    };
    defects::link(on, site, &link, now_ms).await
}

/// Ends the claim without a defect; the next click may claim again.
pub(super) async fn fail(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    marker: Uuid,
    why: String,
) -> Result<(), StoreError> {
    defect_claims::settle(on, site, test, marker, &ClaimState::Failed { why }).await?;
    Ok(())
}
