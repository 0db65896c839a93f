//! A row of the matrix: one issue with everything that leads from it to its defects. It has one form
//! everywhere: API, exports and snapshots write it as it is.

use std::collections::HashSet;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::issue_coverage::{IssueCoverage, TestRow};
use crate::domain::coverage::{self, CoverageStatus, Exclusion, Explanation, Reason};
use crate::domain::issue::Named;
use crate::domain::matrix::{Brief, Defect, worst_open};
use crate::domain::run::Effect;
use crate::domain::statuses::NamedStatus;
use crate::store::matrix::DefectOfTest;

/// An issue with its tests, their runs and defects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixRow)]
pub struct Row {
    /// The mirror row of the issue.
    #[serde(skip)]
    pub id: Uuid,
    /// Jira's id of the issue.
    #[serde(skip)]
    pub jira_id: i64,
    /// The status of the issue.
    #[serde(skip)]
    pub of: CoverageStatus,
    /// What its counted tests say.
    #[serde(skip)]
    pub counted: coverage::Counts,
    /// The issue.
    pub issue: Issue,
    /// Its coverage status in scope.
    #[schema(example = "NOK")]
    pub status: &'static str,
    /// Why it has that status.
    pub reason: Explanation,
    /// What its counted tests say.
    pub counts: Counts,
    /// When its last run in scope ended, milliseconds since 1970.
    pub last_run_ms: Option<i64>,
    /// The environments that the counting runs were made in.
    pub environments: Vec<String>,
    /// The defects of its tests.
    pub defects: Defects,
    /// Its tests, those that decide first; left out unless they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<Vec<RowTest>>,
}

/// An issue as Jira has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixIssue)]
pub struct Issue {
    /// The key.
    #[schema(example = "SHOP-7")]
    pub key: String,
    /// The summary.
    pub summary: String,
    /// The name of its type.
    #[serde(rename = "type")]
    #[schema(example = "Story")]
    pub type_name: String,
    /// The name of its priority.
    pub priority: Option<String>,
    /// The name of its status in the workflow.
    #[schema(example = "In Progress")]
    pub workflow_status: String,
    /// The category of that status.
    #[schema(example = "indeterminate")]
    pub status_category: &'static str,
    /// Its fix versions.
    pub fix_versions: Vec<String>,
    /// The sprints it is or was in, newest last.
    pub sprints: Vec<String>,
}

/// How many counted tests say what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixCounts)]
pub struct Counts {
    /// All that count.
    pub tests: usize,
    /// Passed.
    pub passed: usize,
    /// Failed or broke.
    pub failed: usize,
    /// Without a passing result, and nothing against them.
    pub not_run: usize,
    /// With a result that cannot be trusted.
    pub unknown: usize,
}

/// The defects of an issue's tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixDefects)]
pub struct Defects {
    /// Those still to be dealt with.
    pub open: Vec<RowDefect>,
    /// Those that are done.
    pub resolved: Vec<RowDefect>,
    /// How bad the worst open one is, from its priority; none without an open one.
    #[schema(example = "high")]
    pub worst_open_severity: Option<&'static str>,
    /// How many are left out because the reader may not see them.
    pub hidden: usize,
}

/// A defect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixDefect)]
pub struct RowDefect {
    /// The key.
    #[schema(example = "SHOP-11")]
    pub key: String,
    /// The summary; empty while only the key is known.
    pub summary: String,
    /// The name of its status; empty while only the key is known.
    pub status: String,
    /// Whether it is still to be dealt with.
    pub open: bool,
    /// The name of its priority.
    pub priority: Option<String>,
    /// The run it was found by, as `SHOP-E7/3`; none when it was linked to the test.
    pub run: Option<String>,
}

/// A test of an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixTest)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and that is how they are answered"
)]
pub struct RowTest {
    /// Its id.
    #[serde(skip)]
    pub id: Uuid,
    /// Its status in scope.
    #[serde(skip)]
    pub of: NamedStatus,
    /// What that means for the issue.
    #[serde(skip)]
    pub effect: Effect,
    /// The key.
    #[schema(example = "SHOP-T12")]
    pub key: String,
    /// The name.
    pub name: String,
    /// How it is carried out.
    #[schema(example = "automated")]
    pub kind: &'static str,
    /// Its status in scope: a built-in one, or one that the site made.
    #[schema(example = "FAILED")]
    pub status: String,
    /// Whether it counts.
    pub counted: bool,
    /// Why it does not count.
    #[schema(example = "archived")]
    pub excluded: Option<&'static str>,
    /// Whether its results go to and fro.
    pub flaky: bool,
    /// Whether a run that counts was made before the test or the issue changed.
    pub outdated: bool,
    /// Whether it is in quarantine.
    pub quarantined: bool,
    /// The runs that make its status, one for each environment.
    pub runs: Vec<RowRun>,
    /// Its defects.
    pub defects: Vec<RowDefect>,
}

/// The run that counts in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatrixRun)]
pub struct RowRun {
    /// The environment; none when the execution named none.
    pub environment: Option<String>,
    /// The status it counts with: a built-in one, or one that the site made.
    #[schema(example = "FAILED")]
    pub status: String,
    /// The key of the execution.
    #[schema(example = "SHOP-E7")]
    pub execution: String,
    /// The number of the run within it.
    pub run: i64,
    /// When it ended, milliseconds since 1970.
    pub finished_ms: i64,
    /// The keys of the defects that it, or a step of it, was found to have.
    pub defects: Vec<String>,
}

/// What is known of the defects of an issue's tests.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Those that may be seen.
    pub defects: &'a [&'a DefectOfTest],
    /// How many may not.
    pub hidden: usize,
    /// Execution and number of a run, and the mirror row of a defect that it was found to have.
    pub of_runs: &'a HashSet<(Uuid, i64, Uuid)>,
}

impl Row {
    /// Puts together what is known of an issue, whose reason says only what may be seen.
    #[must_use]
    pub fn new(coverage: &IssueCoverage, reason: &Reason, found: Found<'_>) -> Self {
        let tests = &coverage.tests;
        let mut environments: Vec<String> = tests
            .iter()
            .flat_map(|test| &test.picks)
            .filter(|pick| !pick.environment.is_empty())
            .map(|pick| pick.environment.clone())
            .collect();
        environments.sort_unstable();
        environments.dedup();
        let last_run = tests.iter().filter_map(|test| test.last_run.as_ref());
        let issue = &coverage.issue;
        Self {
            id: issue.id,
            jira_id: issue.snapshot.jira_id,
            of: coverage.status,
            issue: Issue::of(coverage),
            status: coverage.status.name(),
            reason: Explanation::of(reason),
            counted: coverage.counts,
            counts: coverage.counts.into(),
            last_run_ms: last_run.map(|run| run.finished_ms).max(),
            environments,
            defects: Defects::of(found.defects, found.hidden),
            tests: Some(tests.iter().map(|test| RowTest::of(test, found)).collect()),
        }
    }

    /// What comparisons look at.
    #[must_use]
    pub fn brief(&self) -> Brief {
        Brief {
            issue_id: self.id,
            jira_id: self.jira_id,
            key: self.issue.key.clone(),
            summary: self.issue.summary.clone(),
            status: self.of,
        }
    }
}

impl Issue {
    fn of(coverage: &IssueCoverage) -> Self {
        let state = &coverage.issue.snapshot;
        let names = |list: &[Named]| list.iter().map(|one| one.name.clone()).collect();
        Self {
            key: state.key.clone(),
            summary: state.summary.clone(),
            type_name: state.issue_type.name.clone(),
            priority: state.priority.as_ref().map(|named| named.name.clone()),
            workflow_status: state.status.name.clone(),
            status_category: state.status_category.key(),
            fix_versions: names(&state.fix_versions),
            sprints: names(&state.sprints),
        }
    }
}

impl From<coverage::Counts> for Counts {
    fn from(counts: coverage::Counts) -> Self {
        Self {
            tests: counts.total,
            passed: counts.passed,
            failed: counts.failed,
            not_run: counts.not_run,
            unknown: counts.unknown,
        }
    }
}

impl Defects {
    /// Each defect once, whichever of the tests have it.
    fn of(defects: &[&DefectOfTest], hidden: usize) -> Self {
        let mut met = HashSet::new();
        let each: Vec<&Defect> = defects
            .iter()
            .map(|found| &found.defect)
            .filter(|defect| met.insert(defect.issue_id))
            .collect();
        let (open, resolved): (Vec<&Defect>, Vec<&Defect>) =
            each.iter().partition(|defect| defect.is_open());
        let listed = |defects: Vec<&Defect>| -> Vec<RowDefect> {
            let listed = defects
                .into_iter()
                .map(|defect| RowDefect::of(defect, None));
            listed.collect()
        };
        Self {
            worst_open_severity: worst_open(each).map(|(severity, _)| severity.name()),
            open: listed(open),
            resolved: listed(resolved),
            hidden,
        }
    }
}

impl RowDefect {
    /// A defect, and the run that found it.
    #[must_use]
    pub fn of(defect: &Defect, run: Option<String>) -> Self {
        Self {
            key: defect.key.clone(),
            summary: defect.summary.clone(),
            status: defect.status_name.clone(),
            open: defect.is_open(),
            priority: defect.priority.as_ref().map(|named| named.name.clone()),
            run,
        }
    }
}

impl RowTest {
    fn of(test: &TestRow, found: Found<'_>) -> Self {
        let all = found.defects.iter();
        let own: Vec<&&DefectOfTest> = all.filter(|found| found.test_id == test.id).collect();
        let runs = test.picks.iter().map(|pick| {
            let found_here = own.iter().filter(|one| {
                let place = (pick.execution_id, pick.number);
                let run = (place.0, place.1, one.defect.issue_id);
                one.run_id == Some(place) || found.of_runs.contains(&run)
            });
            RowRun {
                environment: Some(pick.environment.clone()).filter(|name| !name.is_empty()),
                status: pick.named.name.to_string(),
                execution: pick.execution_key.clone(),
                run: pick.number,
                finished_ms: pick.finished_ms,
                defects: found_here.map(|one| one.defect.key.clone()).collect(),
            }
        });
        let listed = own
            .iter()
            .map(|found| RowDefect::of(&found.defect, found.run_name()));
        Self {
            id: test.id,
            of: test.named.clone(),
            effect: test.effect,
            key: test.key.clone(),
            name: test.name.clone(),
            kind: test.kind.name(),
            status: test.named.name.to_string(),
            counted: test.exclusion.is_none(),
            excluded: test.exclusion.as_ref().map(Exclusion::name),
            flaky: test.flaky.is_some(),
            outdated: test.is_outdated,
            quarantined: test.quarantine.is_some(),
            runs: runs.collect(),
            defects: listed.collect(),
        }
    }
}
