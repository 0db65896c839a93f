//! Forward: issue → tests → runs → defects, one row an issue, by the number in its key.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::eyes::Seen;
use super::row::Found;
use super::{Asked, BATCH, Eyes, MatrixError, Page, Row, UNSEEN, project_of};
use crate::app::App;
use crate::app::issue_coverage::{IssueCoverage, of_issues};
use crate::domain::coverage::{CoverageStatus, Reason};
use crate::domain::issue::key_number;
use crate::domain::matrix::STATUSES;
use crate::domain::site::SiteId;
use crate::store::matrix::{
    DefectOfTest, ListedIssue, defects_of_runs, defects_of_tests, issues_of_project,
};
use crate::store::{environments, projects, settings};

/// Batches that are read at the same time.
const AT_ONCE: usize = 2;

/// How many issues have which status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// All that may be seen.
    pub issues: usize,
    /// By status.
    pub by_status: BTreeMap<&'static str, usize>,
    /// How many are left out because the reader may not see them.
    pub hidden: usize,
}

impl Totals {
    pub(super) fn add(&mut self, status: CoverageStatus) {
        self.issues += 1;
        *self.by_status.entry(status.name()).or_default() += 1;
    }

    /// How many issues have a status.
    #[must_use]
    pub fn of(&self, status: CoverageStatus) -> usize {
        self.by_status.get(status.name()).copied().unwrap_or(0)
    }

    pub(super) fn empty() -> Self {
        Self {
            by_status: STATUSES.map(|status| (status.name(), 0)).into(),
            ..Self::default()
        }
    }
}

/// What the issues of a project can be narrowed to, and where its tests have been run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices {
    /// Issue types that tests cover.
    pub types: Vec<String>,
    /// Fix versions.
    pub versions: Vec<String>,
    /// Sprints.
    pub sprints: Vec<String>,
    /// Priorities.
    pub priorities: Vec<String>,
    /// Environments.
    pub environments: Vec<String>,
}

/// What can be chosen in a project: names that its issues have, and its environments.
pub async fn choices(app: &App, site: SiteId, project: &str) -> Result<Choices, MatrixError> {
    let on = app.store.read();
    let (issues, settings, known) = tokio::try_join!(
        issues_of_project(on, site, project),
        settings::of_project(on, site, project),
        projects::by_key(on, site, project),
    )?;
    let environments = match known {
        Some(known) => environments::of_project(on, site, known.id).await?,
        None => Vec::new(),
    };
    let [mut types, mut versions, mut sprints, mut priorities] = [const { BTreeSet::new() }; 4];
    let covered = issues
        .into_iter()
        .filter(|issue| settings.is_coverable(&issue.type_name));
    for issue in covered {
        types.insert(issue.type_name);
        versions.extend(issue.fix_versions.into_iter().map(|version| version.name));
        sprints.extend(issue.sprints.into_iter().map(|sprint| sprint.name));
        priorities.extend(issue.priority.map(|priority| priority.name));
    }
    let listed = |names: BTreeSet<String>| names.into_iter().collect();
    Ok(Choices {
        types: listed(types),
        versions: listed(versions),
        sprints: listed(sprints),
        priorities: listed(priorities),
        environments,
    })
}

/// The issues that are wanted, before anybody asked for their status.
async fn wanted(
    app: &App,
    eyes: &Eyes<'_>,
    asked: &Asked,
) -> Result<Vec<ListedIssue>, MatrixError> {
    let (on, site) = (app.store.read(), eyes.site());
    let (mut issues, settings) = tokio::try_join!(
        issues_of_project(on, site, &asked.project),
        settings::of_project(on, site, &asked.project),
    )?;
    issues.retain(|issue| {
        settings.is_coverable(&issue.type_name) && asked.filters.take(&issue.filtered())
    });
    Ok(issues)
}

/// A page of at most `limit` rows, of the issues whose keys have numbers above `after`.
pub async fn page(
    app: &App,
    eyes: &Eyes<'_>,
    asked: &Asked,
    after: u64,
    limit: usize,
    now_ms: i64,
) -> Result<Page<Row>, MatrixError> {
    let mut issues = wanted(app, eyes, asked).await?;
    issues.retain(|issue| key_number(&issue.key) > after);
    let mut rest = issues.as_slice();
    // Without a status to look for, as many issues as rows; the more, the fewer are found.
    let mut take = if asked.filters.status.is_empty() {
        limit
    } else {
        BATCH
    };
    let (mut rows, mut hidden) = (Vec::new(), Vec::new());
    while !rest.is_empty() && rows.len() < limit {
        let (batch, others) = rest.split_at(take.min(rest.len()));
        let (seen, unseen) = seen(app, eyes, batch).await?;
        hidden.extend(unseen);
        let ids: Vec<Uuid> = seen.iter().map(|issue| issue.id).collect();
        rows.extend(rows_of(app, eyes, asked, &ids, now_ms).await?);
        rest = others;
        take = (take * 4).min(BATCH);
    }
    let is_last = rest.is_empty() && rows.len() <= limit;
    rows.truncate(limit);
    let end = rows.last().map(|row| key_number(&row.issue.key));
    let end = end.filter(|_| !is_last);
    hidden.retain(|number| end.is_none_or(|end| *number <= end));
    Ok(Page {
        hidden: hidden.len(),
        items: rows,
        next: end.map(|end| end.to_string()),
    })
}

/// Parts issues into those that may be seen, and the numbers of the others.
async fn seen<'a>(
    app: &App,
    eyes: &Eyes<'_>,
    issues: &'a [ListedIssue],
) -> Result<(Vec<&'a ListedIssue>, Vec<u64>), MatrixError> {
    let seen = eyes
        .look(app, issues.iter().map(|issue| issue.jira_id))
        .await?;
    let (seen, unseen): (Vec<_>, Vec<_>) = issues.iter().partition(|issue| {
        let project = issue
            .key
            .rsplit_once('-')
            .map_or("", |(project, _)| project);
        seen.has(Some(issue.jira_id), project)
    });
    let unseen = unseen.iter().map(|issue| key_number(&issue.key)).collect();
    Ok((seen, unseen))
}

/// The rows of issues that may be seen and have a status that is wanted, in the order given.
pub(super) async fn rows_of(
    app: &App,
    eyes: &Eyes<'_>,
    asked: &Asked,
    ids: &[Uuid],
    now_ms: i64,
) -> Result<Vec<Row>, MatrixError> {
    let found = coverage(app, eyes, asked, ids, now_ms).await?;
    let tests: HashSet<Uuid> = found
        .iter()
        .flat_map(|coverage| &coverage.tests)
        .map(|test| test.id)
        .collect();
    let tests: Vec<Uuid> = tests.into_iter().collect();
    let (on, site) = (app.store.read(), eyes.site());
    let executions: HashSet<Uuid> = found
        .iter()
        .flat_map(|coverage| &coverage.tests)
        .flat_map(|test| &test.picks)
        .map(|pick| pick.execution_id)
        .collect();
    let executions: Vec<Uuid> = executions.into_iter().collect();
    let (defects, of_runs) = tokio::try_join!(
        defects_of_tests(on, site, &tests),
        defects_of_runs(on, site, &executions),
    )?;
    let children = found.iter().flat_map(|coverage| &coverage.children);
    let asked_for = defects
        .iter()
        .filter_map(|found| found.defect.jira_id)
        .chain(children.map(|child| child.jira_id));
    let seen = eyes.look(app, asked_for).await?;
    let mut by_test: HashMap<Uuid, Vec<&DefectOfTest>> = HashMap::new();
    for defect in &defects {
        by_test.entry(defect.test_id).or_default().push(defect);
    }
    let rows = found.iter().map(|coverage| {
        let own = coverage
            .tests
            .iter()
            .filter_map(|test| by_test.get(&test.id));
        let (shown, unseen): (Vec<&DefectOfTest>, Vec<&DefectOfTest>) = own
            .flatten()
            .partition(|found| seen.has(found.defect.jira_id, &found.defect.project_key));
        let unseen: HashSet<Uuid> = unseen.iter().map(|found| found.defect.issue_id).collect();
        let found = Found {
            defects: &shown,
            hidden: unseen.len(),
            of_runs: &of_runs,
        };
        Row::new(coverage, &as_seen(coverage, &seen), found)
    });
    Ok(rows.collect())
}

/// The reason without the names of children that may not be seen; that they are there, and count,
/// stays.
fn as_seen(coverage: &IssueCoverage, seen: &Seen<'_>) -> Reason {
    let mut reason = coverage.reason.clone();
    let Some(children) = &mut reason.children else {
        return reason;
    };
    let is_seen = |key: &str| {
        let mut known = coverage.children.iter();
        let child = known.find(|child| child.key == key);
        seen.has(child.map(|child| child.jira_id), project_of(key))
    };
    let left_out = children.left_out.iter_mut().map(|(child, _)| child);
    for child in children.decided_by.iter_mut().chain(left_out) {
        if !is_seen(&child.key) {
            UNSEEN.clone_into(&mut child.key);
            child.summary.clear();
        }
    }
    reason
}

async fn coverage(
    app: &App,
    eyes: &Eyes<'_>,
    asked: &Asked,
    ids: &[Uuid],
    now_ms: i64,
) -> Result<Vec<IssueCoverage>, MatrixError> {
    let mut found = of_issues(&app.store, eyes.site(), ids, &asked.scope, now_ms).await?;
    found.retain(|coverage| asked.filters.take_status(coverage.status));
    Ok(found)
}

/// Hands every row to `fold`, in order; returns how many issues the reader may not see.
pub async fn each(
    app: &App,
    eyes: &Eyes<'_>,
    asked: &Asked,
    now_ms: i64,
    mut fold: impl FnMut(Row),
) -> Result<usize, MatrixError> {
    let issues = wanted(app, eyes, asked).await?;
    let (seen, unseen) = seen(app, eyes, &issues).await?;
    let ids: Vec<Uuid> = seen.iter().map(|issue| issue.id).collect();
    let mut batches = stream::iter(ids.chunks(BATCH))
        .map(|batch| rows_of(app, eyes, asked, batch, now_ms))
        .buffered(AT_ONCE);
    while let Some(rows) = batches.try_next().await? {
        rows.into_iter().for_each(&mut fold);
    }
    Ok(unseen.len())
}

/// How many issues have which status, of those that are wanted.
pub async fn totals(
    app: &App,
    eyes: &Eyes<'_>,
    asked: &Asked,
    now_ms: i64,
) -> Result<Totals, MatrixError> {
    let issues = wanted(app, eyes, asked).await?;
    let (seen, unseen) = seen(app, eyes, &issues).await?;
    let ids: Vec<Uuid> = seen.iter().map(|issue| issue.id).collect();
    let mut batches = stream::iter(ids.chunks(BATCH))
        .map(|batch| coverage(app, eyes, asked, batch, now_ms))
        .buffered(AT_ONCE);
    let mut totals = Totals::empty();
    while let Some(found) = batches.try_next().await? {
        for coverage in &found {
            totals.add(coverage.status);
        }
    }
    totals.hidden = unseen.len();
    Ok(totals)
}

/// The row of one issue of the project, by Jira's id; `None` when it is none of those that are
/// wanted, or may not be seen.
pub async fn one(
    app: &App,
    eyes: &Eyes<'_>,
    asked: &Asked,
    jira_id: i64,
    now_ms: i64,
) -> Result<Option<Row>, MatrixError> {
    let mut issues = wanted(app, eyes, asked).await?;
    issues.retain(|issue| issue.jira_id == jira_id);
    let (seen, _) = seen(app, eyes, &issues).await?;
    let ids: Vec<Uuid> = seen.iter().map(|issue| issue.id).collect();
    Ok(rows_of(app, eyes, asked, &ids, now_ms).await?.pop())
}
