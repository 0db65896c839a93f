//! What a matrix is asked for, from a path and a query.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use utoipa::IntoParams;

use super::super::auth::ApiCaller;
use super::super::coverage::scope;
use super::super::query::Query;
use crate::app::matrix::{Asked, Eyes};
use crate::domain::coverage::CoverageStatus;
use crate::domain::issue::IssueKey;
use crate::domain::matrix::{Filters, STATUSES, status_named};
use crate::problem::Problem;

/// Rows on a page when nobody says how many, and the most there are.
const USUAL: usize = 50;
const MOST: usize = 200;

/// The parameters that say which issues and which runs.
pub const CHOICES: [&str; 8] = [
    "scope",
    "environment",
    "status",
    "type",
    "version",
    "sprint",
    "priority",
    "text",
];

/// The parameters that say which issues and which runs, as the description shows them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is the description of what `read` reads")]
pub struct Question {
    /// Which runs count: `latest`, or those made for one: `version:V`, `plan:P`, `sprint:S`.
    #[param(example = "latest")]
    scope: Option<String>,
    /// Only runs that were made in this environment.
    #[param(max_length = 255)]
    environment: Option<String>,
    /// Only issues of these coverage statuses: OK, NOK, NOTRUN, UNKNOWN, UNCOVERED, EXEMPT.
    #[param(example = json!(["NOK"]))]
    status: Option<Vec<String>>,
    /// Only issues of these types.
    #[param(example = json!(["Story"]))]
    r#type: Option<Vec<String>>,
    /// Only issues with this fix version.
    version: Option<String>,
    /// Only issues that are or were in this sprint.
    sprint: Option<String>,
    /// Only issues of these priorities.
    #[param(example = json!(["High"]))]
    priority: Option<Vec<String>>,
    /// Only issues whose key or summary holds this text.
    text: Option<String>,
}

/// The parameters that say which page, as the description shows them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is the description of what `page` reads")]
pub struct Paging {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Items on a page; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Both lists of words as one.
pub fn words_of<'a>(one: &[&'a str], other: &[&'a str]) -> Vec<&'a str> {
    one.iter().chain(other).copied().collect()
}

/// Reads what is asked for.
pub fn read(caller: &ApiCaller, key: &str, query: &Query) -> Result<Asked, Problem> {
    let status = query.all("status")?;
    if let Some(odd) = status.iter().find(|name| status_named(name).is_none()) {
        let odd: String = odd.chars().take(80).collect();
        let names = STATUSES.map(CoverageStatus::name).join(", ");
        return Err(
            Problem::bad_request(format!("`{odd}` is no coverage status."))
                .detail(format!("Here they are: {names}.")),
        );
    }
    let one = |name: &str| Ok::<_, Problem>(query.one(name)?.map(str::to_owned));
    Ok(Asked {
        project: caller.project(key)?,
        scope: scope(query.one("scope")?, query.one("environment")?)?,
        filters: Filters {
            status,
            types: query.all("type")?,
            version: one("version")?,
            sprint: one("sprint")?,
            priority: query.all("priority")?,
            text: one("text")?,
        },
    })
}

/// What the client may see.
pub fn eyes(caller: &ApiCaller) -> Eyes<'_> {
    Eyes::Client {
        site: caller.0.site,
        projects: &caller.0.projects,
    }
}

/// Where the page begins, and how many items it holds.
pub fn page(query: &Query) -> Result<(Option<String>, usize), Problem> {
    let limit = match query.word("limit")?.map(str::parse) {
        None => USUAL,
        Some(Ok(limit @ 1..=MOST)) => limit,
        Some(_) => {
            return Err(Problem::bad_request("`limit` is not a number of items.")
                .detail(format!("A page holds 1 to {MOST} items.")));
        }
    };
    let cursor = query.one("cursor")?.map(|cursor| {
        let text = URL_SAFE_NO_PAD.decode(cursor).ok();
        text.and_then(|text| String::from_utf8(text).ok())
            .ok_or_else(no_cursor)
    });
    Ok((cursor.transpose()?, limit))
}

/// A cursor that is a number.
pub fn place(text: &str) -> Result<u64, Problem> {
    text.parse::<u64>().map_err(|why| no_cursor().because(why))
}

/// A cursor that is the key of an issue.
pub fn issue_key(text: &str) -> Result<String, Problem> {
    let key: IssueKey = text.parse().map_err(|why| no_cursor().because(why))?;
    Ok(key.to_string())
}

/// A place as a cursor.
pub fn cursor(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

pub(in super::super) fn no_cursor() -> Problem {
    Problem::bad_request("`cursor` is not the end of a page.")
        .detail("Send the `next` of the page before.")
}
