//! `/api/v1/statuses`: the statuses a run can have: built-in ones, and those of the site's own. Takes
//! an API client's token; changes take one that was made for every project of the site.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::ApiCaller;
use super::body::{self, Checks, JSON_LIMIT};
use super::edit::{self, Answer, IfMatch, etag, once, repeatable};
use crate::app::App;
use crate::domain::run::{Effect, RunStatus};
use crate::domain::statuses::{CustomStatus, StatusError, Statuses};
use crate::problem::Problem;
use crate::store::{Conn, SiteId, statuses};

/// Most statuses of a site's own.
const MOST: usize = 100;

/// A status to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewStatus {
    /// The name.
    #[schema(min_length = 1, max_length = 40, example = "Passed with remarks")]
    name: String,
    /// The colour.
    #[schema(pattern = "^#[0-9a-fA-F]{6}$", example = "#36b37e")]
    colour: String,
    /// Whether a later look at the same run can no longer change it.
    #[serde(rename = "final")]
    is_final: bool,
    /// What it says about the covered issue.
    effect: Effect,
    /// How bad it is: the worst wins among statuses of the same effect. Built-in ones have 0, 100 …
    /// 900.
    #[schema(minimum = 0, maximum = 1000)]
    rank: i32,
}

/// What is to change in a status; what is not named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StatusChange {
    /// The name.
    #[schema(min_length = 1, max_length = 40)]
    name: Option<String>,
    /// The colour.
    #[schema(pattern = "^#[0-9a-fA-F]{6}$")]
    colour: Option<String>,
    /// Whether a later look at the same run can no longer change it.
    #[serde(rename = "final")]
    is_final: Option<bool>,
    /// What it says about the covered issue.
    effect: Option<Effect>,
    /// How bad it is: the worst wins among statuses of the same effect.
    #[schema(minimum = 0, maximum = 1000)]
    rank: Option<i32>,
}

/// A status a run can have.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// The name.
    #[schema(example = "PASSED")]
    name: String,
    /// The colour; built-in ones have those of the pages.
    colour: Option<String>,
    /// Whether a later look at the same run can no longer change it.
    #[serde(rename = "final")]
    is_final: bool,
    /// What it says about the covered issue.
    effect: Effect,
    /// How bad it is: the worst wins among statuses of the same effect.
    rank: i32,
    /// Whether it is built in: such a status can be neither changed nor deleted.
    built_in: bool,
}

/// Every status a run can have.
#[derive(Debug, Serialize, ToSchema)]
struct AllStatuses {
    /// The built-in ones first.
    items: Vec<Status>,
}

/// The statuses a run can have
#[utoipa::path(
    operation_id = "listStatuses",
    tag = "statuses",
    responses((status = 200, description = "All of them.", body = AllStatuses))
)]
#[get("/api/v1/statuses")]
pub async fn list(caller: ApiCaller, app: Data<App>) -> Result<HttpResponse, Problem> {
    let all = statuses::of_site(app.store.read(), caller.0.site).await?;
    let items = all.all().map(|status| Status::of(&all, status)).collect();
    Ok(HttpResponse::Ok().json(AllStatuses { items }))
}

/// Make a status of the site's own
#[utoipa::path(
    operation_id = "createStatus",
    tag = "statuses",
    request_body = NewStatus,
    responses((status = 201, description = "It is made.", body = Status))
)]
#[post("/api/v1/statuses")]
pub async fn create(
    caller: ApiCaller,
    request: HttpRequest,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    caller.check_site()?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: NewStatus = body::read(&sent)?;
    let repeatable = repeatable(&caller, &request, &sent)?;
    let (site, by, now_ms) = (caller.0.site, &caller.0.name, app.clock.now_ms());
    once(&app, &caller, repeatable, async |txn| {
        let on = &**txn;
        statuses::hold(on, site).await?;
        let all = statuses::of_site(on, site).await?;
        if all.custom.len() >= MOST {
            return Err(
                Problem::conflict("The site has as many statuses as it can.")
                    .detail(format!("It can have {MOST} of its own.")),
            );
        }
        let last = all.custom.iter().map(|status| status.code).max();
        let made = CustomStatus {
            code: last.map_or(CustomStatus::FIRST_CODE, |last| last.saturating_add(1)),
            name: given.name.trim().to_owned(),
            colour: given.colour.clone(),
            is_final: given.is_final,
            effect: given.effect,
            rank: given.rank,
        };
        check(&made, &all)?;
        statuses::put(on, site, &made, Some(by), now_ms).await?;
        let base = app.config.server.base_url.trim_end_matches('/');
        let location = format!("{base}/api/v1/statuses/{}", encoded(&made.name));
        Ok(Answer::created(location, &Status::made(&made)))
    })
    .await
}

/// A status
#[utoipa::path(
    operation_id = "showStatus",
    tag = "statuses",
    params(("name" = String, Path, description = "The status's name.", example = "PASSED")),
    responses((status = 200, description = "The status.", body = Status))
)]
#[get("/api/v1/statuses/{name}")]
pub async fn show(
    caller: ApiCaller,
    name: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let all = statuses::of_site(app.store.read(), caller.0.site).await?;
    let found = all.parse(&name).ok_or_else(unknown)?;
    Ok(Answer::ok(&Status::of(&all, found)).response())
}

/// Change a status of the site's own
///
/// What the runs that have it mean changes at once.
#[utoipa::path(
    operation_id = "changeStatus",
    tag = "statuses",
    params(("name" = String, Path, description = "The status's name.", example = "Passed with remarks")),
    request_body = StatusChange,
    responses(
        (status = 200, description = "It is changed.", body = Status),
        (status = 409, description = "It is built in.", body = Problem,
         content_type = "application/problem+json"),
        (status = 412, description = "It has changed since it was read.", body = Problem,
         content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[patch("/api/v1/statuses/{name}")]
pub async fn change(
    caller: ApiCaller,
    request: HttpRequest,
    name: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    caller.check_site()?;
    let expected = IfMatch::required(&request)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: StatusChange = body::read(&sent)?;
    let (site, by, now_ms) = (caller.0.site, &caller.0.name, app.clock.now_ms());
    edit::change(&app, async |txn| {
        let on = &**txn;
        let (all, mut status) = held(on, site, &name).await?;
        expected.check(&etag(&Status::made(&status)))?;
        if let Some(name) = &given.name {
            name.trim().clone_into(&mut status.name);
        }
        if let Some(colour) = &given.colour {
            status.colour.clone_from(colour);
        }
        status.is_final = given.is_final.unwrap_or(status.is_final);
        status.effect = given.effect.unwrap_or(status.effect);
        status.rank = given.rank.unwrap_or(status.rank);
        check(&status, &all)?;
        statuses::put(on, site, &status, Some(by), now_ms).await?;
        Ok(Answer::ok(&Status::made(&status)))
    })
    .await
}

/// Delete a status of the site's own
///
/// Only one that no run has.
#[utoipa::path(
    operation_id = "deleteStatus",
    tag = "statuses",
    params(("name" = String, Path, description = "The status's name.", example = "Passed with remarks")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "It is built in, or runs have it.", body = Problem,
         content_type = "application/problem+json"),
        (status = 412, description = "It has changed since it was read.", body = Problem,
         content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[delete("/api/v1/statuses/{name}")]
pub async fn delete(
    caller: ApiCaller,
    request: HttpRequest,
    name: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    caller.check_site()?;
    let expected = IfMatch::required(&request)?;
    let site = caller.0.site;
    edit::change(&app, async |txn| {
        let on = &**txn;
        let (_, status) = held(on, site, &name).await?;
        expected.check(&etag(&Status::made(&status)))?;
        if statuses::is_used(on, site, status.code).await? {
            return Err(Problem::conflict("Runs have this status.")
                .detail("Give them another one, or change what this one means."));
        }
        statuses::delete(on, site, status.code).await?;
        Ok(Answer::nothing())
    })
    .await
}

/// A status of the site's own; all of them are held until the transaction ends.
async fn held(
    on: &impl Conn,
    site: SiteId,
    name: &str,
) -> Result<(Statuses, CustomStatus), Problem> {
    statuses::hold(on, site).await?;
    let all = statuses::of_site(on, site).await?;
    let found = all.parse(name).ok_or_else(unknown)?;
    let custom = all.made(found).cloned().ok_or_else(|| {
        Problem::conflict("This status is built in.")
            .detail("Built-in statuses can be neither changed nor deleted.")
    })?;
    Ok((all, custom))
}

fn unknown() -> Problem {
    Problem::not_found("There is no such status.")
}

fn check(status: &CustomStatus, all: &Statuses) -> Result<(), Problem> {
    let Err(why) = status.check(all) else {
        return Ok(());
    };
    let pointer = match &why {
        StatusError::Name | StatusError::Taken(..) => "/name",
        StatusError::Colour(_) => "/colour",
        StatusError::Rank(_) => "/rank",
    };
    let mut checks = Checks::default();
    checks.refuse(pointer, format!("Here {why}."));
    if status.name.chars().any(char::is_control) {
        checks.refuse("/name", "It has control characters.");
    }
    checks.finish()
}

fn encoded(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

impl Status {
    fn of(all: &Statuses, status: RunStatus) -> Self {
        all.made(status).map_or_else(
            || Self {
                name: status.name().to_owned(),
                colour: None,
                is_final: all.is_final(status),
                effect: all.effect(status),
                rank: all.rank(status).0,
                built_in: true,
            },
            Self::made,
        )
    }

    fn made(status: &CustomStatus) -> Self {
        Self {
            name: status.name.clone(),
            colour: Some(status.colour.clone()),
            is_final: status.is_final,
            effect: status.effect,
            rank: status.rank,
            built_in: false,
        }
    }
}
