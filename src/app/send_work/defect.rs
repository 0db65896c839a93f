//! Finishes a creation that was left without an answer (`jira-webhooks-rest.md` 10.9).
//!
//! The issue may exist. It is looked for by the marker it would carry, and not before the search
//! index had time to learn of it; only a clear miss lets it be created again.

use std::time::Duration;

use super::Failure;
use crate::app::App;
use crate::domain::work::DefectDraft;
use crate::jira::{CreatedIssue, SiteClient};
use crate::store::outbox::ClaimedWork;

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
