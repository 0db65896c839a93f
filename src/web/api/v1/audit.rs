//! `GET /api/v1/issues/{KEY}/audit`: what rules and people did about an issue, and what they decided
//! not to do, the newest first, a page at a time. Takes an API client's token.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::ApiCaller;
use super::query::Query;
use crate::app::App;
use crate::domain::issue::IssueKey;
use crate::problem::Problem;
use crate::store::audit::{self, Entry};
use crate::store::issues;

/// Entries on a page.
const PAGE: i64 = 100;

/// A page of what was done about an issue.
#[derive(Debug, Serialize, ToSchema)]
struct Audit<'a> {
    /// The issue's key.
    #[schema(example = "SHOP-7")]
    key: &'a str,
    /// The newest first.
    entries: Vec<AuditEntry<'a>>,
    /// The value of `before` for the next page; none on the last.
    next: Option<String>,
}

/// Something that was done about an issue, or decided against.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuditEntry<'a> {
    /// When, milliseconds since 1970.
    at_ms: i64,
    /// The rule, or `person`.
    rule: &'a str,
    /// The account that did it, when it was a person.
    actor: Option<&'a str>,
    /// The key of the test it is about.
    test: Option<&'a str>,
    /// What was done or not done.
    action: &'a str,
    /// Whether it was done.
    done: bool,
    /// Why.
    reason: &'a str,
    /// What it follows from.
    cause: &'a str,
}

/// What was done about an issue
///
/// By rules and people, and what they decided not to do; the newest first, 100 at a time.
#[utoipa::path(
    operation_id = "listAudit",
    tag = "issues",
    params(
        ("key" = String, Path, description = "The issue's key.", example = "SHOP-7"),
        ("before" = Option<String>, Query, description = "The `next` of the page before.")
    ),
    responses((status = 200, description = "A page of entries.", body = Audit))
)]
#[get("/api/v1/issues/{key}/audit")]
pub async fn show(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(request.query_string(), &["before"])?;
    let before = query.one("before")?.map(place).transpose()?;
    let key: IssueKey = key
        .parse()
        .map_err(|why| Problem::bad_request("That is no issue key.").because(why))?;
    let (on, site) = (app.store.read(), caller.0.site);
    let issue = issues::by_key(on, site, key.as_str()).await?;
    let issue = issue.ok_or_else(|| {
        Problem::not_found(format!("{key} is not known here."))
            .detail("Touchstone knows issues it has had an event or a result for.")
    })?;
    caller.check_project(&issue.snapshot.project_key)?;
    let page = audit::of_issue(on, site, issue.id, before, PAGE).await?;
    let is_full = i64::try_from(page.len()).is_ok_and(|length| length == PAGE);
    let last = page.last().filter(|_| is_full);
    Ok(HttpResponse::Ok().json(Audit {
        key: &issue.snapshot.key,
        entries: page.iter().map(AuditEntry::of).collect(),
        next: last.map(|last| format!("{}-{}", last.at_ms, last.id.simple())),
    }))
}

impl<'a> AuditEntry<'a> {
    fn of(entry: &'a Entry) -> Self {
        Self {
            at_ms: entry.at_ms,
            rule: &entry.rule,
            actor: entry.actor.as_deref(),
            test: entry.test_key.as_deref(),
            action: &entry.action,
            done: entry.is_done,
            reason: &entry.reason,
            cause: &entry.cause,
        }
    }
}

/// Reads the place a page ends at: time and id.
fn place(text: &str) -> Result<(i64, Uuid), Problem> {
    let parts = text.split_once('-');
    let place = parts.and_then(|(at_ms, id)| Some((at_ms.parse().ok()?, id.parse().ok()?)));
    place.ok_or_else(|| {
        Problem::bad_request("`before` is not the end of a page.")
            .detail("Send the `next` of the page before.")
    })
}
