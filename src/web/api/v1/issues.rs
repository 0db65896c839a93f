//! `GET /api/v1/issues/{KEY}`: what the mirror knows of an issue. Takes an API client's token.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde_json::json;

use super::auth::ApiCaller;
use crate::app::App;
use crate::domain::issue::IssueKey;
use crate::problem::Problem;
use crate::store::issues;

/// Answers the mirror's state of one issue.
pub async fn show(
    caller: ApiCaller,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key: IssueKey = key
        .parse()
        .map_err(|why| Problem::bad_request("That is no issue key.").because(why))?;
    let found = issues::by_key(app.store.read(), caller.0.site, key.as_str()).await?;
    let issue = found.ok_or_else(|| {
        Problem::not_found(format!("{key} is not known here."))
            .detail("Touchstone knows issues it has had an event or a result for.")
    })?;
    caller.check_project(&issue.snapshot.project_key)?;
    let state = &issue.snapshot;
    Ok(HttpResponse::Ok().json(json!({
        "id": (!issue.is_placeholder()).then(|| state.jira_id.to_string()),
        "key": state.key,
        "projectKey": state.project_key,
        "summary": state.summary,
        "type": state.issue_type,
        "status": state.status,
        "statusCategory": state.status_category.key(),
        "resolution": state.resolution,
        "priority": state.priority,
        "parentId": state.parent_jira_id.map(|id| id.to_string()),
        "fixVersions": state.fix_versions,
        "sprints": state.sprints,
        "labels": state.labels,
        "updatedMs": state.updated_ms,
        "seenMs": issue.seen_ms,
        "deleted": issue.deleted_ms.is_some(),
    })))
}
