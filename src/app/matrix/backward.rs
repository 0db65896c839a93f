//! Backward: from a defect the tests it broke and the issues at risk, from a test the issues it
//! protects.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Asked, BATCH, Eyes, MatrixError, Page, RowDefect, project_of};
use crate::app::App;
use crate::app::issue_coverage::{IssueCoverage, of_issues};
use crate::domain::issue::key_number;
use crate::domain::matrix::Defect;
use crate::store::matrix::{
    self, DefectOfTest, Listed, ListedTest, defects_of_tests, issues_of_tests, tests_of_project,
};

/// A defect with the tests it broke and the issues at risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixFromDefect)]
pub struct FromDefect {
    /// The defect.
    pub defect: RowDefect,
    /// The tests that have it.
    pub tests: Vec<BrokenTest>,
    /// The issues that these tests cover.
    pub issues: Vec<AtRisk>,
    /// How many issues are left out because the reader may not see them.
    pub hidden: usize,
}

/// A test with the issues it protects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixFromTest)]
pub struct FromTest {
    /// The test.
    pub test: BrokenTest,
    /// The issues it covers.
    pub issues: Vec<AtRisk>,
    /// Its defects.
    pub defects: Vec<RowDefect>,
    /// How many issues and defects are left out because the reader may not see them.
    pub hidden: usize,
}

/// A test, seen from what hangs on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixBackwardTest)]
pub struct BrokenTest {
    /// The key.
    #[schema(example = "SHOP-T12")]
    pub key: String,
    /// The name.
    pub name: String,
    /// How it is carried out.
    #[schema(example = "automated")]
    pub kind: &'static str,
    /// Whether it was put away.
    pub archived: bool,
    /// Its status in scope; none when it covers no issue that may be seen.
    #[schema(example = "FAILED")]
    pub status: Option<String>,
    /// The run that found the defect, as `SHOP-E7/3`; none when it was linked to the test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The keys of the issues it covers.
    pub issues: Vec<String>,
}

/// An issue that a test covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixAtRisk)]
pub struct AtRisk {
    /// The key.
    #[schema(example = "SHOP-7")]
    pub key: String,
    /// The summary.
    pub summary: String,
    /// The name of its priority.
    pub priority: Option<String>,
    /// Its coverage status in scope.
    #[schema(example = "NOK")]
    pub status: &'static str,
}

/// A page of at most `limit` defects that tests of the project have, after the one with the key
/// `after`.
pub async fn from_defects(
    app: &App,
    eyes: &Eyes<'_>,
    asked: &Asked,
    after: Option<&str>,
    limit: usize,
    now_ms: i64,
) -> Result<Page<FromDefect>, MatrixError> {
    let (on, site) = (app.store.read(), eyes.site());
    let mut defects = matrix::defects_of_project(on, site, &asked.project).await?;
    if let Some(after) = after {
        let place = |key: &str| (project_of(key).to_owned(), key_number(key));
        let after = place(after);
        defects.retain(|defect| place(&defect.key) > after);
    }
    let is_last = defects.len() <= limit;
    defects.truncate(limit);
    let next = defects.last().map(|defect| defect.key.clone());
    let before = defects.len();
    let seen = eyes
        .look(app, defects.iter().filter_map(|one| one.jira_id))
        .await?;
    defects.retain(|defect| seen.has(defect.jira_id, &defect.project_key));

    let ids: Vec<Uuid> = defects.iter().map(|defect| defect.issue_id).collect();
    let tests = matrix::tests_with_defects(on, site, &ids).await?;
    let test_ids: BTreeSet<Uuid> = tests.iter().map(|(_, test)| test.id).collect();
    let test_ids: Vec<Uuid> = test_ids.into_iter().collect();
    let links = defects_of_tests(on, site, &test_ids).await?;
    let world = World::of(app, eyes, asked, &test_ids, now_ms).await?;
    let items = defects
        .iter()
        .map(|defect| from_defect(defect, &tests, &links, &world))
        .collect();
    Ok(Page {
        hidden: before - defects.len(),
        items,
        next: next.filter(|_| !is_last),
    })
}

fn from_defect(
    defect: &Defect,
    tests: &[(Uuid, ListedTest)],
    links: &[DefectOfTest],
    world: &World,
) -> FromDefect {
    let own = tests.iter().filter(|(of, _)| *of == defect.issue_id);
    let own: Vec<&ListedTest> = own.map(|(_, test)| test).collect();
    let (issues, hidden) = world.at_risk(own.iter().map(|test| test.id));
    let run_of = |test: &ListedTest| {
        let mut links = links.iter();
        let link = links
            .find(|link| link.test_id == test.id && link.defect.issue_id == defect.issue_id)?;
        link.run_name()
    };
    FromDefect {
        defect: RowDefect::of(defect, None),
        tests: own
            .iter()
            .map(|test| BrokenTest {
                run: run_of(test),
                ..world.test(test)
            })
            .collect(),
        issues,
        hidden,
    }
}

/// A page of at most `limit` tests of the project with numbers above `after`.
pub async fn from_tests(
    app: &App,
    eyes: &Eyes<'_>,
    asked: &Asked,
    after: i64,
    limit: usize,
    now_ms: i64,
) -> Result<Page<FromTest>, MatrixError> {
    let (on, site) = (app.store.read(), eyes.site());
    let more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let which = Listed::Live;
    let mut tests = tests_of_project(on, site, &asked.project, which, after, more).await?;
    let is_last = tests.len() <= limit;
    tests.truncate(limit);
    let next = tests.last().map(|test| test.key.number.to_string());
    let ids: Vec<Uuid> = tests.iter().map(|test| test.id).collect();
    let world = World::of(app, eyes, asked, &ids, now_ms).await?;
    let defects = defects_of_tests(on, site, &ids).await?;
    let wanted = defects.iter().filter_map(|found| found.defect.jira_id);
    let seen = eyes.look(app, wanted).await?;
    let items = tests.iter().map(|test| {
        let (issues, mut hidden) = world.at_risk([test.id]);
        let own = defects.iter().filter(|found| found.test_id == test.id);
        let (shown, unseen): (Vec<_>, Vec<_>) =
            own.partition(|found| seen.has(found.defect.jira_id, &found.defect.project_key));
        hidden += unseen.len();
        FromTest {
            test: world.test(test),
            issues,
            defects: shown
                .iter()
                .map(|found| RowDefect::of(&found.defect, found.run_name()))
                .collect(),
            hidden,
        }
    });
    Ok(Page {
        items: items.collect(),
        hidden: 0,
        next: next.filter(|_| !is_last),
    })
}

/// The issues that some tests cover, with their coverage, as far as they may be seen.
struct World {
    /// Which issues each test covers.
    covers: HashMap<Uuid, Vec<Uuid>>,
    /// Those that may be seen.
    issues: HashMap<Uuid, AtRisk>,
    /// What each test's status is in scope.
    statuses: HashMap<Uuid, String>,
}

impl World {
    async fn of(
        app: &App,
        eyes: &Eyes<'_>,
        asked: &Asked,
        tests: &[Uuid],
        now_ms: i64,
    ) -> Result<Self, MatrixError> {
        let mut covers: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for (test, issue) in issues_of_tests(app.store.read(), eyes.site(), tests).await? {
            covers.entry(test).or_default().push(issue);
        }
        let wanted: BTreeSet<Uuid> = covers.values().flatten().copied().collect();
        let wanted: Vec<Uuid> = wanted.into_iter().collect();
        let mut world = Self {
            covers,
            issues: HashMap::new(),
            statuses: HashMap::new(),
        };
        for batch in wanted.chunks(BATCH) {
            let found = of_issues(&app.store, eyes.site(), batch, &asked.scope, now_ms).await?;
            let ids = found.iter().map(|one| one.issue.snapshot.jira_id);
            let seen = eyes.look(app, ids).await?;
            for coverage in &found {
                let issue = &coverage.issue.snapshot;
                if seen.has(Some(issue.jira_id), &issue.project_key) {
                    world.take(coverage);
                }
            }
        }
        Ok(world)
    }

    fn take(&mut self, coverage: &IssueCoverage) {
        self.issues.insert(coverage.issue.id, AtRisk::of(coverage));
        let statuses = coverage.tests.iter();
        self.statuses
            .extend(statuses.map(|test| (test.id, test.named.name.to_string())));
    }

    /// The issues that tests cover, each once, by key; and how many may not be seen.
    fn at_risk(&self, tests: impl IntoIterator<Item = Uuid>) -> (Vec<AtRisk>, usize) {
        let covered = tests.into_iter().filter_map(|test| self.covers.get(&test));
        let covered: BTreeSet<Uuid> = covered.flatten().copied().collect();
        let seen = covered.iter().filter_map(|issue| self.issues.get(issue));
        let mut seen: Vec<AtRisk> = seen.cloned().collect();
        seen.sort_by(|a, b| {
            let place =
                |issue: &AtRisk| (project_of(&issue.key).to_owned(), key_number(&issue.key));
            place(a).cmp(&place(b))
        });
        let hidden = covered.len() - seen.len();
        (seen, hidden)
    }

    fn test(&self, test: &ListedTest) -> BrokenTest {
        let (issues, _) = self.at_risk([test.id]);
        BrokenTest {
            key: test.key.to_string(),
            name: test.name.clone(),
            kind: test.kind.name(),
            archived: test.is_archived,
            status: self.statuses.get(&test.id).cloned(),
            run: None,
            issues: issues.into_iter().map(|issue| issue.key).collect(),
        }
    }
}

impl AtRisk {
    fn of(coverage: &IssueCoverage) -> Self {
        let issue = &coverage.issue.snapshot;
        Self {
            key: issue.key.clone(),
            summary: issue.summary.clone(),
            priority: issue.priority.as_ref().map(|named| named.name.clone()),
            status: coverage.status.name(),
        }
    }
}
