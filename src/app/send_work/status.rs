//! How the tests of an issue stand, as Jira shows it: the property that JQL and conditions read, the
//! lozenge beside the issue, and the one comment that is brought up to date.

use super::{Done, Failure};
use crate::app::App;
use crate::domain::site::Site;
use crate::domain::work::Block;
use crate::jira::{Gone, JiraError, SiteClient};
use crate::store::outbox::ClaimedWork;
use crate::store::{shown_status, status_comments};

/// Writes the status as it is stored now, whatever it was when this was asked for.
pub(super) async fn set_property(
    app: &App,
    site: &Site,
    client: &SiteClient<'_>,
    issue: i64,
) -> Result<Done, Failure> {
    let stored = shown_status::of_issue(app.store.read(), site.id, issue).await?;
    let Some((shown, since_ms)) = stored else {
        return Ok(Done::noting("there is nothing to show any more"));
    };
    client.set_coverage(issue, &shown, since_ms).await?;
    if site.client_key.is_some() {
        // Forge shows no lozenge that is not worked out on its own machines.
        client.set_lozenge(issue, &shown).await?;
    }
    Ok(Done::plainly())
}

/// Brings the status comment up to date; writes it if there is none, or none we may edit.
pub(super) async fn comment(
    app: &App,
    client: &SiteClient<'_>,
    work: &ClaimedWork,
    issue: i64,
    body: &[Block],
) -> Result<Done, Failure> {
    let mut known = status_comments::of_issue(app.store.read(), work.site, issue).await?;
    if known.is_none() && work.may_be_done {
        known = client.comment_of(issue, work.id).await?;
    }
    if let Some(comment) = known {
        match client.update_comment(issue, comment, body).await {
            Ok(()) => return Ok(at(comment)),
            // Somebody deleted it, or it was written by the app's account of the other host.
            Err(JiraError::Gone(Gone::NotFound | Gone::Forbidden) | JiraError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(at(client.add_comment(issue, body, work.id).await?))
}

fn at(comment: i64) -> Done {
    Done {
        comment: Some(comment),
        ..Done::plainly()
    }
}
