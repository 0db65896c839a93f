//! Creates a defect that a rule asked for, or finishes a creation that was left without an answer
//! (`jira-webhooks-rest.md` 10.9).
//!
//! After a try the issue may exist. It is looked for by the marker it would carry, and not before the
//! search index had time to learn of it; only a clear miss lets it be created again.

use std::time::Duration;

use super::Failure;
use crate::app::App;
use crate::app::create_defect::{DefectError, completed};
use crate::domain::work::DefectDraft;
use crate::jira::{CreatedIssue, JiraError, SiteClient};
use crate::store::outbox::ClaimedWork;
use crate::store::settings;

/// Fields that nobody demanded: a defect is better without one than not at all.
const OPTIONAL: [&str; 4] = ["priority", "versions", "components", "assignee"];
/// How long Jira's search may not know of a new issue.
pub(super) const LAG: Duration = Duration::from_mins(1);
/// Minutes searched before the work was written: clocks differ, and the first try came earlier.
const MARGIN_MIN: i64 = 15;

/// The defect, found or created now.
pub(super) async fn complete(
    app: &App,
    client: &SiteClient<'_>,
    work: &ClaimedWork,
    draft: &DefectDraft,
) -> Result<CreatedIssue, Failure> {
    // A person's click asked Jira before this was first sent; a rule never does.
    if work.may_be_done || !draft.is_open() {
        let age_ms = app.clock.now_ms() - work.created_ms;
        let lag_ms = super::ms(LAG);
        if age_ms < lag_ms {
            let left = u64::try_from(lag_ms - age_ms).unwrap_or(0);
            return Err(Failure::NotYet(Duration::from_millis(left)));
        }
        let minutes = age_ms.div_euclid(60_000) + MARGIN_MIN;
        if let Some(found) = client.find_defect(draft, minutes).await? {
            return Ok(found);
        }
    }
    if !draft.is_open() {
        return Ok(client.create_defect(draft).await?);
    }
    let on = app.store.read();
    let settings = settings::of_project(on, work.site, &draft.project_key).await?;
    let draft = completed(client, &settings, draft).await?;
    create(client, draft).await
}

/// Creates it; without those of the optional fields that Jira refuses, if it refuses nothing else.
async fn create(client: &SiteClient<'_>, mut draft: DefectDraft) -> Result<CreatedIssue, Failure> {
    let refusal = match client.create_defect(&draft).await {
        Err(JiraError::Refused(refusal)) => refusal,
        made => return Ok(made?),
    };
    let mut refused = refusal.fields.keys();
    let is_optional =
        |id: &String| OPTIONAL.contains(&id.as_str()) && draft.fields.contains_key(id);
    if refusal.fields.is_empty() || !refused.all(is_optional) {
        return Err(JiraError::Refused(refusal).into());
    }
    draft
        .fields
        .retain(|id, _| !refusal.fields.contains_key(id));
    Ok(client.create_defect(&draft).await?)
}

impl From<DefectError> for Failure {
    fn from(why: DefectError) -> Self {
        match why {
            DefectError::Jira(why) => Self::Jira(why),
            DefectError::Store(why) => Self::Store(why),
            why => Self::Stuck(why.to_string()),
        }
    }
}
