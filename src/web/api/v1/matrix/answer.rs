//! What is answered about a matrix, as types: what is sent is what is described. The rows themselves
//! have one form everywhere (`app::matrix`).

use serde::Serialize;
use utoipa::ToSchema;

use super::asked::cursor;
use crate::app::matrix::backward::{FromDefect, FromTest};
use crate::app::matrix::orphans::{OrphanResults, OrphanTest};
use crate::app::matrix::{Asked, Page, Row, RowDefect, forward};
use crate::domain::matrix::Filters;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T: ToSchema> {
    /// What is on it.
    pub items: Vec<T>,
    /// How many are left out because the reader may not see them.
    pub hidden: usize,
    /// The value of `cursor` for the next page; none on the last.
    pub next: Option<String>,
}

impl<T: ToSchema> List<T> {
    pub fn of(page: Page<T>) -> Self {
        Self {
            items: page.items,
            hidden: page.hidden,
            next: page.next.as_deref().map(cursor),
        }
    }
}

/// A page of the matrix.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Matrix {
    /// The key of the project.
    #[schema(example = "SHOP")]
    project: String,
    /// Which runs counted.
    #[schema(example = "latest")]
    scope: String,
    /// The environment it is confined to.
    environment: Option<String>,
    /// When it was worked out, milliseconds since 1970.
    computed_ms: i64,
    /// Which issues were asked for.
    filters: Filters,
    /// The issues.
    items: Vec<Row>,
    /// How many are left out because the reader may not see them.
    hidden: usize,
    /// The value of `cursor` for the next page; none on the last.
    next: Option<String>,
}

impl Matrix {
    pub fn of(asked: &Asked, page: Page<Row>, now_ms: i64) -> Self {
        Self {
            project: asked.project.clone(),
            scope: asked.scope.name(),
            environment: asked.scope.environment.clone(),
            computed_ms: now_ms,
            filters: asked.filters.clone(),
            items: page.items,
            hidden: page.hidden,
            next: page.next.as_deref().map(cursor),
        }
    }
}

/// How many issues have which status.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// The key of the project.
    #[schema(example = "SHOP")]
    project: String,
    /// Which runs counted.
    #[schema(example = "latest")]
    scope: String,
    /// The environment it is confined to.
    environment: Option<String>,
    /// When it was worked out, milliseconds since 1970.
    computed_ms: i64,
    /// Which issues were asked for.
    filters: Filters,
    /// All that may be seen.
    issues: usize,
    /// By status.
    statuses: Statuses,
    /// How many issues are left out because the reader may not see them.
    hidden: usize,
}

/// How many issues have which status.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = MatrixStatuses)]
struct Statuses {
    ok: usize,
    nok: usize,
    notrun: usize,
    unknown: usize,
    uncovered: usize,
    exempt: usize,
}

impl Totals {
    pub fn of(asked: &Asked, totals: &forward::Totals, now_ms: i64) -> Self {
        use crate::domain::coverage::CoverageStatus::{
            Exempt, Nok, NotRun, Ok, Uncovered, Unknown,
        };
        Self {
            project: asked.project.clone(),
            scope: asked.scope.name(),
            environment: asked.scope.environment.clone(),
            computed_ms: now_ms,
            filters: asked.filters.clone(),
            issues: totals.issues,
            statuses: Statuses {
                ok: totals.of(Ok),
                nok: totals.of(Nok),
                notrun: totals.of(NotRun),
                unknown: totals.of(Unknown),
                uncovered: totals.of(Uncovered),
                exempt: totals.of(Exempt),
            },
            hidden: totals.hidden,
        }
    }
}

/// From defects or tests back to issues; the list that was not asked for is left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixBackward)]
pub struct Backward {
    /// The key of the project.
    #[schema(example = "SHOP")]
    project: String,
    /// Which runs counted.
    #[schema(example = "latest")]
    scope: String,
    /// The environment it is confined to.
    environment: Option<String>,
    /// When it was worked out, milliseconds since 1970.
    computed_ms: i64,
    /// Defects, with the tests they broke and the issues at risk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defects: Option<List<FromDefect>>,
    /// Tests, with the issues they protect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<List<FromTest>>,
}

impl Backward {
    pub fn new(asked: &Asked, now_ms: i64) -> Self {
        Self {
            project: asked.project.clone(),
            scope: asked.scope.name(),
            environment: asked.scope.environment.clone(),
            computed_ms: now_ms,
            defects: None,
            tests: None,
        }
    }
}

/// What hangs on nothing; a list that was not asked for is left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Orphans {
    /// The key of the project.
    #[schema(example = "SHOP")]
    project: String,
    /// Which runs counted.
    #[schema(example = "latest")]
    scope: String,
    /// The environment it is confined to.
    environment: Option<String>,
    /// When it was worked out, milliseconds since 1970.
    computed_ms: i64,
    /// Issues that no test covers, in the scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issues: Option<List<Row>>,
    /// Tests that cover no issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<List<OrphanTest>>,
    /// Issues of a defect's type that are linked to no test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defects: Option<List<RowDefect>>,
    /// Results whose test was archived before they came, or is not there any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<List<OrphanResults>>,
}

impl Orphans {
    pub fn new(asked: &Asked, now_ms: i64) -> Self {
        Self {
            project: asked.project.clone(),
            scope: asked.scope.name(),
            environment: asked.scope.environment.clone(),
            computed_ms: now_ms,
            issues: None,
            tests: None,
            defects: None,
            results: None,
        }
    }
}
