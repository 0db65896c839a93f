//! `/api/v1/rules`: the rules of the site, built in and its own; switching, making and trying them.
//! Takes an API client's token.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put};

mod forms;

use super::auth::ApiCaller;
use super::body::{self, JSON_LIMIT};
use super::edit::Answer;
use super::query::Query;
use crate::app::App;
use crate::app::try_rules::{Candidate, LONGEST_MS, TryError, try_rule};
use crate::domain::rule::{Rule, RuleFault};
use crate::domain::settings::{RuleName, SiteSettings};
use crate::problem::Problem;
use crate::store::settings::{self, Decision, Scope};
use crate::store::{Conn, SiteId};

use forms::{AllRules, BuiltInChange, ListedRule, TriedRule, WantedTrial};

/// Rules of its own that a site may have.
const MOST: usize = 100;

/// The rules of the site
///
/// Built in and its own. Those of its own that cannot run say why.
#[utoipa::path(
    operation_id = "listRules",
    tag = "rules",
    params(("project" = Option<String>, Query,
            description = "The key of a project: whether built-in rules act there.")),
    responses((status = 200, description = "All of them.", body = AllRules))
)]
#[get("/api/v1/rules")]
pub async fn list(
    caller: ApiCaller,
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let project = chosen(&caller, &request)?;
    let decided = settings::of_site(app.store.read(), caller.0.site).await?;
    let built_in = RuleName::ALL.into_iter();
    let built_in = built_in.map(|name| ListedRule::built_in(name, &decided, project.as_deref()));
    let own = decided.own_rules.iter().map(ListedRule::own);
    let items = built_in.chain(own).collect();
    Ok(Answer::ok(&AllRules { items }).response())
}

/// Try a rule against the past
///
/// Answers what it would have done in a span of at most 14 days, and what not, and why. Nothing is
/// sent, and nothing is stored. Name a rule of the site, or send one as it is to be.
#[utoipa::path(
    operation_id = "tryRule",
    tag = "rules",
    request_body = WantedTrial,
    responses((status = 200, description = "What it would have done.", body = TriedRule))
)]
#[post("/api/v1/rule-trials")]
pub async fn attempt(
    caller: ApiCaller,
    request: HttpRequest,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: WantedTrial = body::read(&sent)?;
    let project = given.project.as_deref().map(|key| caller.project(key));
    let project = project.transpose()?;
    if project.is_none() {
        caller.check_site()?;
    }
    if given.until_ms <= given.from_ms || given.until_ms - given.from_ms > LONGEST_MS {
        return Err(refused("`untilMs` lies after `fromMs`, at most 14 days."));
    }
    let decided = settings::of_site(app.store.read(), caller.0.site).await?;
    let candidate = candidate(given.rule, given.name.as_deref(), &decided)?;
    let (site, span) = (caller.0.site, (given.from_ms, given.until_ms));
    let trial = try_rule(&app, site, &candidate, project.as_deref(), span).await;
    let trial = trial.map_err(|why| match why {
        TryError::Fault(why) => fault(&why),
        TryError::Store(why) => why.into(),
    })?;
    Ok(Answer::ok(&TriedRule::of(&trial)).response())
}

fn candidate(
    rule: Option<Rule>,
    name: Option<&str>,
    decided: &SiteSettings,
) -> Result<Candidate, Problem> {
    match (rule, name) {
        (Some(rule), None) => Ok(Candidate::Own(Box::new(rule))),
        (None, Some(name)) => {
            if let Some(name) = RuleName::from_code(name) {
                return Ok(Candidate::BuiltIn(name));
            }
            let held = own(decided, name)?;
            let rule = held.rule.clone().ok_or_else(|| {
                let why = held.fault.as_ref().map(ToString::to_string);
                refused(why.unwrap_or_default())
            })?;
            Ok(Candidate::Own(Box::new(rule)))
        }
        _ => Err(refused("Send either `rule` or `name`.")),
    }
}

/// A rule
#[utoipa::path(
    operation_id = "showRule",
    tag = "rules",
    params(
        ("name" = String, Path, description = "The rule's name.", example = "D3"),
        ("project" = Option<String>, Query,
         description = "The key of a project: whether a built-in rule acts there.")
    ),
    responses((status = 200, description = "The rule.", body = ListedRule))
)]
#[get("/api/v1/rules/{name}")]
pub async fn show(
    caller: ApiCaller,
    request: HttpRequest,
    name: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let project = chosen(&caller, &request)?;
    let on = app.store.read();
    let shown = listed(on, caller.0.site, &name, project.as_deref()).await?;
    Ok(Answer::ok(&shown).response())
}

/// Make or replace a rule of the site's own
///
/// Its name begins with `own-`. It holds from the next event on.
#[utoipa::path(
    operation_id = "putRule",
    tag = "rules",
    params(("name" = String, Path, description = "The rule's name.", example = "own-urgent")),
    request_body = Rule,
    responses((status = 200, description = "The rule.", body = ListedRule),
        (status = 409, description = "It is built in, or there are too many.", body = Problem,
         content_type = "application/problem+json"))
)]
#[put("/api/v1/rules/{name}")]
pub async fn store(
    caller: ApiCaller,
    request: HttpRequest,
    name: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    caller.check_site()?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let rule: Rule = body::read(&sent)?;
    if RuleName::from_code(&name).is_some() {
        return Err(Problem::conflict("A built-in rule cannot be replaced.")
            .detail("Switch it with PATCH, and make one of your own beside it."));
    }
    if rule.name != *name {
        return Err(refused("The name in the body is another than in the path."));
    }
    rule.check().map_err(|why| fault(&why))?;
    let (site, by, now_ms) = (caller.0.site, &caller.0.name, app.clock.now_ms());
    let txn = app.store.write().await?;
    let held = settings::of_site(&*txn, site).await?.own_rules;
    if held.len() >= MOST && !held.iter().any(|one| one.name == rule.name) {
        return Err(Problem::conflict("The site has as many rules as it can.")
            .detail(format!("It can have {MOST} of its own.")));
    }
    settings::decide_own_rule(&*txn, site, &name, Some(&rule), Some(by), now_ms).await?;
    txn.commit().await?;
    let shown = listed(app.store.read(), site, &name, None).await?;
    Ok(Answer::ok(&shown).response())
}

/// Switch a built-in rule
///
/// For the whole site, or in a project. `null` takes a decision back.
#[utoipa::path(
    operation_id = "switchRule",
    tag = "rules",
    params(
        ("name" = String, Path, description = "The rule's name.", example = "D3"),
        ("project" = Option<String>, Query, description = "The key of the project.")
    ),
    request_body = BuiltInChange,
    responses((status = 200, description = "The rule.", body = ListedRule))
)]
#[patch("/api/v1/rules/{name}")]
pub async fn change(
    caller: ApiCaller,
    request: HttpRequest,
    name: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let project = chosen(&caller, &request)?;
    if project.is_none() {
        caller.check_site()?;
    }
    let rule = RuleName::from_code(&name).ok_or_else(|| {
        Problem::not_found("There is no built-in rule of this name.")
            .detail("A rule of the site's own is replaced with PUT.")
    })?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: BuiltInChange = body::read(&sent)?;
    let (site, by, now_ms) = (caller.0.site, &caller.0.name, app.clock.now_ms());
    let scope = project.as_deref().map_or(Scope::Site, Scope::Project);
    let txn = app.store.write().await?;
    for decision in given.decisions(rule)? {
        settings::decide(&*txn, site, scope, &decision, Some(by), now_ms).await?;
    }
    txn.commit().await?;
    let shown = listed(app.store.read(), site, &name, project.as_deref()).await?;
    Ok(Answer::ok(&shown).response())
}

/// Delete a rule of the site's own
#[utoipa::path(
    operation_id = "deleteRule",
    tag = "rules",
    params(("name" = String, Path, description = "The rule's name.", example = "own-urgent")),
    responses((status = 204, description = "It is gone."))
)]
#[delete("/api/v1/rules/{name}")]
pub async fn remove(
    caller: ApiCaller,
    name: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    caller.check_site()?;
    let (site, by, now_ms) = (caller.0.site, &caller.0.name, app.clock.now_ms());
    let txn = app.store.write().await?;
    let decided = settings::of_site(&*txn, site).await?;
    own(&decided, &name)?;
    settings::decide_own_rule(&*txn, site, &name, None, Some(by), now_ms).await?;
    txn.commit().await?;
    Ok(Answer::nothing().response())
}

async fn listed(
    on: &impl Conn,
    site: SiteId,
    name: &str,
    project: Option<&str>,
) -> Result<ListedRule, Problem> {
    let decided = settings::of_site(on, site).await?;
    match RuleName::from_code(name) {
        Some(name) => Ok(ListedRule::built_in(name, &decided, project)),
        None => Ok(ListedRule::own(own(&decided, name)?)),
    }
}

fn own<'a>(
    decided: &'a SiteSettings,
    name: &str,
) -> Result<&'a crate::domain::settings::OwnRule, Problem> {
    let found = decided.own_rules.iter().find(|rule| rule.name == name);
    found.ok_or_else(|| Problem::not_found("There is no rule of this name."))
}

/// The project that the query names, which the client may use.
fn chosen(caller: &ApiCaller, request: &HttpRequest) -> Result<Option<String>, Problem> {
    let query = Query::read(request.query_string(), &["project"])?;
    query
        .one("project")?
        .map(|key| caller.project(key))
        .transpose()
}

fn fault(why: &RuleFault) -> Problem {
    refused(why.to_string())
}

fn refused(why: impl Into<String>) -> Problem {
    Problem::unprocessable("The rule is refused; nothing was stored.").detail(why.into())
}
