//! `/api/v1/issues/{KEY}/tests/{TEST}`: which test covers which issue. Takes an API client's token.
//!
//! What is said here lasts, as when a person says it: results bring no removed link back.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, put};

use super::auth::ApiCaller;
use super::edit::{self, Answer};
use super::tests::{self, test_key};
use crate::app::App;
use crate::domain::issue::IssueKey;
use crate::domain::mirror::MirroredIssue;
use crate::problem::Problem;
use crate::store::{Conn, SiteId, issues, links};

/// Let a test cover an issue
///
/// A link that is there already stays as it is.
#[utoipa::path(
    operation_id = "linkTest",
    tag = "issues",
    params(
        ("key" = String, Path, description = "The issue's key.", example = "SHOP-7"),
        ("test" = String, Path, description = "The test's key.", example = "SHOP-T1")
    ),
    responses(
        (status = 204, description = "The test covers the issue."),
        (status = 409, description = "The test is archived.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[put("/api/v1/issues/{key}/tests/{test}")]
pub async fn link(
    caller: ApiCaller,
    path: Path<(String, String)>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let (issue, test) = (issue_key(&path.0)?, test_key(&caller, &path.1)?);
    let (site, by, now_ms) = (caller.0.site, &caller.0.name, app.clock.now_ms());
    edit::change(&app, async |txn| {
        let on = &**txn;
        let issue = known_issue(on, &caller, &issue).await?;
        let test = tests::held(on, site, &test).await?;
        if test.archived_ms.is_some() {
            return Err(Problem::conflict(format!("{} is archived.", test.key))
                .detail("An archived test covers nothing; take it back first."));
        }
        links::link(on, site, issue.id, test.id, Some(by), now_ms).await?;
        Ok(Answer::nothing())
    })
    .await
}

/// Let a test not cover an issue
#[utoipa::path(
    operation_id = "unlinkTest",
    tag = "issues",
    params(
        ("key" = String, Path, description = "The issue's key.", example = "SHOP-7"),
        ("test" = String, Path, description = "The test's key.", example = "SHOP-T1")
    ),
    responses((status = 204, description = "The test does not cover the issue."))
)]
#[delete("/api/v1/issues/{key}/tests/{test}")]
pub async fn unlink(
    caller: ApiCaller,
    path: Path<(String, String)>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let (issue, test) = (issue_key(&path.0)?, test_key(&caller, &path.1)?);
    let (site, by, now_ms) = (caller.0.site, &caller.0.name, app.clock.now_ms());
    edit::change(&app, async |txn| {
        let on = &**txn;
        let issue = known_issue(on, &caller, &issue).await?;
        let test = tests::held(on, site, &test).await?;
        if links::unlink(on, site, issue.id, test.id, Some(by), now_ms).await? {
            return Ok(Answer::nothing());
        }
        Err(Problem::not_found("The test does not cover the issue."))
    })
    .await
}

/// Reads the key of an issue in a path.
pub(super) fn issue_key(text: &str) -> Result<IssueKey, Problem> {
    text.parse()
        .map_err(|why| Problem::bad_request("That is no issue key.").because(why))
}

/// The issue with this key, of a project the client may use.
pub(super) async fn known_issue(
    on: &impl Conn,
    caller: &ApiCaller,
    key: &IssueKey,
) -> Result<MirroredIssue, Problem> {
    let site: SiteId = caller.0.site;
    let found = issues::by_key(on, site, key.as_str()).await?;
    let issue = found.ok_or_else(|| {
        Problem::not_found(format!("{key} is not known here."))
            .detail("Touchstone knows issues it has had an event or a result for.")
    })?;
    caller.check_project(&issue.snapshot.project_key)?;
    Ok(issue)
}
