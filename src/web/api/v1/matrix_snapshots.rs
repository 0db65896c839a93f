//! `/api/v1/projects/{KEY}/matrix/snapshots`: matrices as they were. Taken once and never changed;
//! compared with one another or with now. Takes an API client's token.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::ApiCaller;
use super::body::{self, Checks, JSON_LIMIT};
use super::edit::{Answer, once, repeatable};
use super::matrix::asked::{self, Paging, cursor, no_cursor, place};
use super::query::Query;
use crate::app::App;
use crate::app::matrix::snapshots::{self, With};
use crate::app::matrix::{Asked, Row};
use crate::domain::coverage::{CoverageStatus, Scope};
use crate::domain::matrix::{Change, Filters, Turn, status_named};
use crate::problem::Problem;
use crate::store::matrix_snapshots as stored;

/// Longest name, in characters.
const NAME: usize = 120;
/// Most values of a filter, and the longest of one, in characters.
const VALUES: usize = 20;
const VALUE: usize = 255;

/// A stored matrix.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixSnapshot)]
struct Snapshot {
    /// Its id.
    #[schema(value_type = String)]
    id: Uuid,
    /// The key of the project.
    #[schema(example = "SHOP")]
    project: String,
    /// What people call it.
    #[schema(example = "Before the release of 1.4")]
    name: String,
    /// Which runs counted.
    #[schema(example = "latest")]
    scope: String,
    /// The environment it is confined to.
    environment: Option<String>,
    /// Which issues were asked for.
    filters: Filters,
    /// The settings that held.
    #[schema(value_type = Object)]
    settings: Box<RawValue>,
    /// How many issues had which status.
    #[schema(value_type = Object)]
    counts: Box<RawValue>,
    /// Who took it: an account, or the name of an API client.
    created_by: Option<String>,
    /// When, milliseconds since 1970.
    created_ms: i64,
}

/// A page of stored matrices, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MatrixSnapshots)]
struct Snapshots {
    /// The stored matrices, without their rows.
    items: Vec<Snapshot>,
    /// The value of `cursor` for the next page; none on the last.
    next: Option<String>,
}

/// A stored matrix with a page of its rows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MatrixSnapshotRows)]
struct SnapshotRows {
    /// The matrix.
    snapshot: Snapshot,
    /// A page of its rows, as they were.
    #[schema(value_type = Vec<Row>)]
    items: Vec<Value>,
    /// The value of `cursor` for the next page; none on the last.
    next: Option<String>,
}

/// What a new snapshot is of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewMatrixSnapshot)]
pub struct NewSnapshot {
    /// What people call it.
    #[schema(
        min_length = 1,
        max_length = 120,
        example = "Before the release of 1.4"
    )]
    name: String,
    /// Which runs count; `latest` by default.
    #[schema(example = "latest")]
    scope: Option<String>,
    /// Only runs that were made in this environment.
    #[schema(min_length = 1, max_length = 255)]
    environment: Option<String>,
    /// Which issues; all by default.
    filters: Option<Filters>,
}

/// What changed between two matrices.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixComparison)]
struct Comparison {
    /// The earlier one.
    before: Snapshot,
    /// The later one; none when it is compared with now.
    after: Option<Snapshot>,
    /// When the comparison was made, milliseconds since 1970.
    computed_ms: i64,
    /// Issues that are NOK and were not.
    became_nok: Vec<Changed>,
    /// Issues that are OK and were not.
    became_ok: Vec<Changed>,
    /// Issues that tests cover and none did.
    became_covered: Vec<Changed>,
    /// Issues that no test covers any more.
    lost_coverage: Vec<Changed>,
    /// Issues whose status changed in another way.
    changed: Vec<Changed>,
    /// Issues that are new.
    added: Vec<Changed>,
    /// Issues that are not there any more.
    removed: Vec<Changed>,
    /// How many issues are left out because the reader may not see them.
    hidden: usize,
}

/// An issue that is not what it was.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MatrixChange)]
struct Changed {
    /// The key.
    #[schema(example = "SHOP-7")]
    key: String,
    /// The summary.
    summary: String,
    /// The status before; none of an issue that was not there.
    #[schema(example = "OK")]
    before: Option<&'static str>,
    /// The status after; none of an issue that is not there any more.
    #[schema(example = "NOK")]
    after: Option<&'static str>,
}

/// Stored matrices of a project
///
/// The newest first, without their rows.
#[utoipa::path(
    operation_id = "listMatrixSnapshots",
    tag = "matrix",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        Paging
    ),
    responses((status = 200, description = "The stored matrices.", body = Snapshots))
)]
#[get("/api/v1/projects/{key}/matrix/snapshots")]
pub async fn list(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(request.query_string(), &["cursor", "limit"])?;
    let project = caller.project(&key)?;
    let (after, limit) = asked::page(&query)?;
    let before = after.map(|text| text.parse::<Uuid>().map_err(|why| no_cursor().because(why)));
    let more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let (on, site) = (app.store.read(), caller.0.site);
    let mut found = stored::of_project(on, site, &project, before.transpose()?, more).await?;
    let is_last = found.len() <= limit;
    found.truncate(limit);
    let next = found.last().filter(|_| !is_last);
    Ok(HttpResponse::Ok().json(Snapshots {
        next: next.map(|last| cursor(&last.id.to_string())),
        items: found.into_iter().map(Snapshot::of).collect(),
    }))
}

/// Store the matrix as it is now
///
/// It never changes from then on, whatever happens to issues, tests and results.
#[utoipa::path(
    operation_id = "takeMatrixSnapshot",
    tag = "matrix",
    params(("key" = String, Path, description = "The project's key.", example = "SHOP")),
    request_body = NewSnapshot,
    responses(
        (status = 201, description = "It is stored.", body = Snapshot),
        (status = 422, description = "The body was understood and is refused.", body = Problem,
         content_type = "application/problem+json")
    )
)]
#[post("/api/v1/projects/{key}/matrix/snapshots")]
pub async fn take(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    body: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let project = caller.project(&key)?;
    let sent = body::collect(&request, body, JSON_LIMIT).await?;
    let given: NewSnapshot = body::read(&sent)?;
    let (name, asked) = given.check(project)?;
    let repeatable = repeatable(&caller, &request, &sent)?;
    let (site, by) = (caller.0.site, Some(caller.0.name.as_str()));
    // Read before the transaction: a whole matrix takes a while, and SQLite has one writer.
    let taken = snapshots::read(&app, site, &asked, &name, by).await?;
    once(&app, &caller, repeatable, async |txn| {
        stored::insert(&**txn, site, &taken.snapshot, &taken.rows).await?;
        let base = app.config.server.base_url.trim_end_matches('/');
        let location = format!(
            "{base}/api/v1/projects/{}/matrix/snapshots/{}",
            asked.project, taken.snapshot.id
        );
        let snapshot = Snapshot::of(taken.snapshot.clone());
        Ok(Answer::created(location, &snapshot))
    })
    .await
}

/// A stored matrix
///
/// With its rows, a page at a time, as they were when it was taken.
#[utoipa::path(
    operation_id = "showMatrixSnapshot",
    tag = "matrix",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("id" = String, Path, description = "The snapshot's id."),
        Paging
    ),
    responses((status = 200, description = "The matrix.", body = SnapshotRows))
)]
#[get("/api/v1/projects/{key}/matrix/snapshots/{id}")]
pub async fn show(
    caller: ApiCaller,
    request: HttpRequest,
    path: Path<(String, String)>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(request.query_string(), &["cursor", "limit"])?;
    let snapshot = find(&caller, &app, &path.0, &path.1).await?;
    let (after, limit) = asked::page(&query)?;
    let after = after.map_or(Ok(0), |text| place(&text))?;
    let more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let (on, site) = (app.store.read(), caller.0.site);
    let mut rows = stored::rows(on, site, snapshot.id, after, more).await?;
    let is_last = rows.len() <= limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| !is_last);
    let next = last.map(|row| {
        let number = crate::domain::issue::key_number(&row.brief.key);
        cursor(&number.to_string())
    });
    let items = rows.iter().map(|row| {
        let mut row: Value = serde_json::from_str(&row.body).unwrap_or_default();
        snapshots::leave_out_unseen(&mut row, &asked::eyes(&caller));
        row
    });
    Ok(HttpResponse::Ok().json(SnapshotRows {
        items: items.collect(),
        next,
        snapshot: Snapshot::of(snapshot),
    }))
}

/// Remove a stored matrix
#[utoipa::path(
    operation_id = "removeMatrixSnapshot",
    tag = "matrix",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("id" = String, Path, description = "The snapshot's id.")
    ),
    responses((status = 204, description = "It is gone."))
)]
#[delete("/api/v1/projects/{key}/matrix/snapshots/{id}")]
pub async fn remove(
    caller: ApiCaller,
    path: Path<(String, String)>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let snapshot = find(&caller, &app, &path.0, &path.1).await?;
    let txn = app.store.write().await?;
    stored::remove(&*txn, caller.0.site, &snapshot.project_key, snapshot.id).await?;
    txn.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What changed since
///
/// From a stored matrix to a later one, or to what the same question is answered now.
#[utoipa::path(
    operation_id = "compareMatrixSnapshots",
    tag = "matrix",
    params(
        ("key" = String, Path, description = "The project's key.", example = "SHOP"),
        ("id" = String, Path, description = "The earlier snapshot's id."),
        ("with" = Option<String>, Query, description = "The later snapshot's id, or `now` (the default).", example = "now")
    ),
    responses((status = 200, description = "What changed.", body = Comparison))
)]
#[get("/api/v1/projects/{key}/matrix/snapshots/{id}/compare")]
pub async fn compare(
    caller: ApiCaller,
    request: HttpRequest,
    path: Path<(String, String)>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(request.query_string(), &["with"])?;
    let before = find(&caller, &app, &path.0, &path.1).await?;
    let after = match query.one("with")? {
        None | Some("now") => None,
        Some(id) => Some(find(&caller, &app, &path.0, id).await?),
    };
    let with = match &after {
        Some(after) => With::Snapshot(after.id),
        None => With::Now(Box::new(snapshots::question(&before))),
    };
    let (eyes, now_ms) = (asked::eyes(&caller), app.clock.now_ms());
    let found = snapshots::compared(&app, &eyes, before.id, &with, now_ms).await?;
    let turned = |turn: Turn| -> Vec<Changed> {
        let changes = found.changes.iter();
        let turned = changes.filter(|change| change.turns().contains(&turn));
        turned.map(Changed::of).collect()
    };
    Ok(HttpResponse::Ok().json(Comparison {
        became_nok: turned(Turn::BecameNok),
        became_ok: turned(Turn::BecameOk),
        became_covered: turned(Turn::BecameCovered),
        lost_coverage: turned(Turn::LostCoverage),
        changed: turned(Turn::Changed),
        added: turned(Turn::Added),
        removed: turned(Turn::Removed),
        hidden: found.hidden,
        computed_ms: now_ms,
        before: Snapshot::of(before),
        after: after.map(Snapshot::of),
    }))
}

async fn find(
    caller: &ApiCaller,
    app: &App,
    key: &str,
    id: &str,
) -> Result<stored::Snapshot, Problem> {
    let project = caller.project(key)?;
    let unknown = || Problem::not_found("There is no such snapshot in this project.");
    let id: Uuid = id.parse().map_err(|why| unknown().because(why))?;
    let found = stored::by_id(app.store.read(), caller.0.site, &project, id).await?;
    found.ok_or_else(unknown)
}

impl Snapshot {
    fn of(stored: stored::Snapshot) -> Self {
        let document = |text: String| {
            RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
        };
        Self {
            id: stored.id,
            project: stored.project_key,
            name: stored.name,
            scope: stored.scope,
            environment: stored.environment,
            filters: stored.filters,
            settings: document(stored.settings),
            counts: document(stored.counts),
            created_by: stored.created_by,
            created_ms: stored.created_ms,
        }
    }
}

impl Changed {
    fn of(change: &Change) -> Self {
        Self {
            key: change.issue.key.clone(),
            summary: change.issue.summary.clone(),
            before: change.before.map(CoverageStatus::name),
            after: change.after.map(CoverageStatus::name),
        }
    }
}

impl NewSnapshot {
    /// The name and what is asked for; everything that is wrong with them refuses them.
    fn check(self, project: String) -> Result<(String, Asked), Problem> {
        let mut checks = Checks::default();
        let name = checks.line("/name", &self.name, NAME);
        let environment = self.environment.as_deref();
        let environment = checks.optional_line("/environment", environment, VALUE);
        let named = checks.optional_line("/scope", self.scope.as_deref(), VALUE);
        let named = named.as_deref().unwrap_or("latest");
        let scope = Scope::named(named, environment.as_deref());
        if let Err(why) = &scope {
            checks.refuse("/scope", format!("Here {why}."));
        }
        let given = self.filters.unwrap_or_default();
        for (n, status) in given.status.iter().enumerate() {
            if status_named(status).is_none() {
                checks.refuse(format!("/filters/status/{n}"), "It is no coverage status.");
            }
        }
        let mut one = |name: &str, value: &Option<String>| {
            checks.optional_line(&format!("/filters/{name}"), value.as_deref(), VALUE)
        };
        let (version, sprint, text) = (
            one("version", &given.version),
            one("sprint", &given.sprint),
            one("text", &given.text),
        );
        let filters = Filters {
            types: checks.lines("/filters/type", &given.types, VALUES, VALUE),
            priority: checks.lines("/filters/priority", &given.priority, VALUES, VALUE),
            status: checks.lines("/filters/status", &given.status, VALUES, VALUE),
            version,
            sprint,
            text,
        };
        checks.finish()?;
        let asked = Asked {
            project,
            scope: scope.unwrap_or_default(),
            filters,
        };
        Ok((name, asked))
    }
}
