//! `GET /api/v1/issues/{KEY}`: what the mirror knows of an issue. Takes an API client's token.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::ApiCaller;
use super::words;
use crate::app::App;
use crate::domain::issue::{IssueKey, MirroredIssue, Named};
use crate::problem::Problem;
use crate::store::issues;

/// What Touchstone knows of an issue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Issue<'a> {
    /// Jira's id; none while only the key is known.
    id: Option<String>,
    /// The key.
    #[schema(example = "SHOP-7")]
    key: &'a str,
    /// The key of its project.
    #[schema(example = "SHOP")]
    project_key: &'a str,
    /// The summary.
    summary: &'a str,
    /// The issue type.
    #[serde(rename = "type")]
    kind: NamedThing<'a>,
    /// The status.
    status: NamedThing<'a>,
    /// The category of the status.
    #[schema(schema_with = words::status_category)]
    status_category: &'static str,
    /// The resolution; none is unresolved.
    resolution: Option<NamedThing<'a>>,
    /// The priority.
    priority: Option<NamedThing<'a>>,
    /// Jira's id of the parent.
    parent_id: Option<String>,
    /// Fix versions.
    fix_versions: Vec<NamedThing<'a>>,
    /// Sprints it is or was in, newest last.
    sprints: Vec<NamedThing<'a>>,
    /// Labels.
    labels: &'a [String],
    /// When Jira last changed it, milliseconds since 1970.
    updated_ms: i64,
    /// When Touchstone last heard of it, milliseconds since 1970.
    seen_ms: i64,
    /// Whether it was deleted in Jira.
    deleted: bool,
}

/// Something of Jira's, by its id and the name it had when it was last seen.
#[derive(Debug, Serialize, ToSchema)]
struct NamedThing<'a> {
    /// Jira's id.
    id: &'a str,
    /// The name.
    name: &'a str,
}

/// What Touchstone knows of an issue
///
/// By its key, or one it had before.
#[utoipa::path(
    operation_id = "showIssue",
    tag = "issues",
    params(("key" = String, Path, description = "The issue's key.", example = "SHOP-7")),
    responses((status = 200, description = "The issue.", body = Issue))
)]
#[get("/api/v1/issues/{key}")]
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
    Ok(HttpResponse::Ok().json(Issue::of(&issue)))
}

impl<'a> Issue<'a> {
    fn of(issue: &'a MirroredIssue) -> Self {
        let state = &issue.snapshot;
        Self {
            id: (!issue.is_placeholder()).then(|| state.jira_id.to_string()),
            key: &state.key,
            project_key: &state.project_key,
            summary: &state.summary,
            kind: NamedThing::of(&state.issue_type),
            status: NamedThing::of(&state.status),
            status_category: state.status_category.key(),
            resolution: state.resolution.as_ref().map(NamedThing::of),
            priority: state.priority.as_ref().map(NamedThing::of),
            parent_id: state.parent_jira_id.map(|id| id.to_string()),
            fix_versions: state.fix_versions.iter().map(NamedThing::of).collect(),
            sprints: state.sprints.iter().map(NamedThing::of).collect(),
            labels: &state.labels,
            updated_ms: state.updated_ms,
            seen_ms: issue.seen_ms,
            deleted: issue.deleted_ms.is_some(),
        }
    }
}

impl<'a> NamedThing<'a> {
    fn of(named: &'a Named) -> Self {
        Self {
            id: &named.id,
            name: &named.name,
        }
    }
}
