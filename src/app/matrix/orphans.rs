//! What hangs on nothing: tests that cover no issue, defects of no test, results of no test that
//! people can see, issues that no test covers.

use serde::Serialize;
use utoipa::ToSchema;

use super::forward;
use super::{Asked, Eyes, MatrixError, Page, Row, RowDefect};
use crate::app::App;
use crate::domain::issue::key_number;
use crate::domain::matrix::Filters;
use crate::domain::statuses::Statuses;
use crate::store::matrix::{
    Listed, ListedTest, StrayResults, stray_results, tests_of_project, unlinked_of_project,
};
use crate::store::settings;

/// A kind of orphan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Tests that cover no issue.
    Tests,
    /// Issues of a defect's type that are linked to no test.
    Defects,
    /// Results whose test is archived, or not there any more.
    Results,
    /// Coverable issues that no test covers.
    Issues,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Issues, Self::Tests, Self::Defects, Self::Results];

    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Defects => "defects",
            Self::Results => "results",
            Self::Issues => "issues",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A test that covers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrphanTest)]
pub struct OrphanTest {
    /// The key.
    #[schema(example = "SHOP-T12")]
    pub key: String,
    /// The name.
    pub name: String,
    /// How it is carried out.
    #[schema(example = "automated")]
    pub kind: &'static str,
}

impl OrphanTest {
    fn of(test: &ListedTest) -> Self {
        Self {
            key: test.key.to_string(),
            name: test.name.clone(),
            kind: test.kind.name(),
        }
    }
}

/// Results that belong to no test people can see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrphanResults)]
pub struct OrphanResults {
    /// The archived test they belong to; none when there is no such test any more.
    pub test: Option<OrphanTest>,
    /// How the last one ended.
    #[schema(example = "FAILED")]
    pub status: String,
    /// The key of its execution.
    #[schema(example = "SHOP-E7")]
    pub execution: String,
    /// Its number within the execution.
    pub run: i64,
    /// When it ended, milliseconds since 1970.
    pub finished_ms: i64,
}

/// Tests that cover no issue: a page of at most `limit`, with numbers above `after`.
pub async fn tests(
    app: &App,
    eyes: &Eyes<'_>,
    project: &str,
    after: u64,
    limit: usize,
) -> Result<Page<OrphanTest>, MatrixError> {
    let more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let which = Listed::CoveringNothing;
    let (on, site) = (app.store.read(), eyes.site());
    let mut found = tests_of_project(on, site, project, which, after, more).await?;
    let is_last = found.len() <= limit;
    found.truncate(limit);
    let next = found.last().map(|test| test.key.number.to_string());
    Ok(Page {
        items: found.iter().map(OrphanTest::of).collect(),
        hidden: 0,
        next: next.filter(|_| !is_last),
    })
}

/// Defects of no test: a page of at most `limit`, with numbers in their keys above `after`.
pub async fn defects(
    app: &App,
    eyes: &Eyes<'_>,
    project: &str,
    after: u64,
    limit: usize,
) -> Result<Page<RowDefect>, MatrixError> {
    let (on, site) = (app.store.read(), eyes.site());
    let settings = settings::of_project(on, site, project).await?;
    let is_defect = |type_name: &str| settings.is_defect(type_name);
    let mut found = unlinked_of_project(on, site, project, is_defect).await?;
    found.retain(|defect| key_number(&defect.key) > after);
    let is_last = found.len() <= limit;
    found.truncate(limit);
    let next = found
        .last()
        .map(|defect| key_number(&defect.key).to_string());
    let before = found.len();
    let seen = eyes
        .look(app, found.iter().filter_map(|one| one.jira_id))
        .await?;
    found.retain(|defect| seen.has(defect.jira_id, &defect.project_key));
    Ok(Page {
        hidden: before - found.len(),
        items: found
            .iter()
            .map(|defect| RowDefect::of(defect, None))
            .collect(),
        next: next.filter(|_| !is_last),
    })
}

/// Results whose test was archived before they came, or is not there: a page of at most `limit`,
/// after the first `after`.
pub async fn results(
    app: &App,
    eyes: &Eyes<'_>,
    project: &str,
    after: u64,
    limit: usize,
) -> Result<Page<OrphanResults>, MatrixError> {
    let (on, site) = (app.store.read(), eyes.site());
    let (found, settings) = tokio::try_join!(
        stray_results(on, site, project),
        settings::of_project(on, site, project),
    )?;
    let statuses = &settings.coverage.statuses;
    let mut found: Vec<OrphanResults> = found
        .iter()
        .filter_map(|stray| OrphanResults::of(stray, project, statuses))
        .collect();
    found.sort_by(|a, b| {
        (b.finished_ms, &b.execution, b.run).cmp(&(a.finished_ms, &a.execution, a.run))
    });
    let skipped = usize::try_from(after).unwrap_or(usize::MAX);
    let end = skipped.saturating_add(limit);
    let is_last = found.len() <= end;
    let items = found.into_iter().skip(skipped).take(limit).collect();
    Ok(Page {
        items,
        hidden: 0,
        next: (!is_last).then(|| end.to_string()),
    })
}

impl OrphanResults {
    /// The last result; `None` when none came after the test was archived, or it was made in another
    /// project.
    fn of(stray: &StrayResults, project: &str, statuses: &Statuses) -> Option<Self> {
        let last = stray.latest.recent().first()?;
        let is_late = stray
            .archived_ms
            .is_none_or(|since| last.arrived_ms >= since);
        let is_here = last
            .execution_key
            .rsplit_once('-')
            .is_some_and(|(of, _)| of == project);
        (is_late && is_here).then(|| Self {
            test: stray.test.as_ref().map(OrphanTest::of),
            status: statuses.name(last.status).to_owned(),
            execution: last.execution_key.clone(),
            run: last.number,
            finished_ms: last.finished_ms,
        })
    }
}

/// Issues that no test covers, in the scope asked for: a page of at most `limit`, with numbers in
/// their keys above `after`.
pub async fn issues(
    app: &App,
    eyes: &Eyes<'_>,
    asked: &Asked,
    after: u64,
    limit: usize,
    now_ms: i64,
) -> Result<Page<Row>, MatrixError> {
    use crate::domain::coverage::CoverageStatus::Uncovered;
    let asked = Asked {
        filters: Filters {
            status: vec![Uncovered.name().to_owned()],
            ..asked.filters.clone()
        },
        ..asked.clone()
    };
    let mut page = forward::page(app, eyes, &asked, after, limit, now_ms).await?;
    for row in &mut page.items {
        row.tests = None;
    }
    Ok(page)
}
