//! What is answered about the coverage of an issue, as types: what is sent is what is described.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::words;
use crate::app::issue_coverage::{ChildStatus, IssueCoverage, PickedRun, TestRow};
use crate::domain::coverage::{ChildExclusion, Exclusion, Explanation};
use crate::domain::quarantine::Quarantine;

/// The status of an issue, why it is that one, and its tests.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Coverage<'a> {
    /// The issue.
    issue: CoveredIssue<'a>,
    /// The status.
    #[schema(schema_with = words::coverage_status)]
    status: &'static str,
    /// What its counted tests say.
    counts: TestCounts,
    /// Why it is that status.
    reason: Explanation,
    /// Every environment its tests have been run in, whatever the scope.
    environments: &'a [String],
    /// Its tests; those that decide first.
    tests: Vec<CoveringTest<'a>>,
    /// Its children that tests cover.
    children: Vec<CoveredChild<'a>>,
}

/// A child of the issue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CoveredChild<'a> {
    /// The key.
    #[schema(example = "SHOP-8")]
    key: &'a str,
    /// The summary.
    summary: &'a str,
    /// Its status, with what its own children say.
    #[schema(schema_with = words::coverage_status)]
    status: &'static str,
    /// Why the issue leaves it out, if it does.
    #[schema(example = "resolution")]
    left_out: Option<&'static str>,
}

/// The issue that is covered.
#[derive(Debug, Serialize, ToSchema)]
struct CoveredIssue<'a> {
    /// The key.
    #[schema(example = "SHOP-7")]
    key: &'a str,
    /// The summary.
    summary: &'a str,
}

/// How many counted tests say what.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TestCounts {
    /// All that count.
    tests: usize,
    /// Passed.
    passed: usize,
    /// Failed or broke.
    failed: usize,
    /// Without a passing result, and nothing against them.
    not_run: usize,
    /// With a result that cannot be trusted.
    unknown: usize,
}

/// A test that covers the issue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CoveringTest<'a> {
    /// The key.
    #[schema(example = "SHOP-T12")]
    key: &'a str,
    /// The name.
    name: &'a str,
    /// How it is carried out.
    #[schema(example = "automated")]
    kind: &'static str,
    /// Its status in scope: a built-in one, or one that the site made.
    #[schema(example = "FAILED")]
    status: &'a str,
    /// Whether it counts.
    counted: bool,
    /// Why it does not count.
    #[schema(example = "quarantined")]
    left_out: Option<&'static str>,
    /// The run that counts in each environment.
    environments: Vec<CountingRun<'a>>,
    /// Whether it is flaky, or attempts of a counting run disagreed.
    flaky: bool,
    /// Whether a counting run was made before the test or the issue's text changed.
    outdated: bool,
    /// Its quarantine, while it holds.
    quarantine: Option<&'a Quarantine>,
    /// How many attempts the last run took.
    attempts: Option<u32>,
    /// When the last run ended, milliseconds since 1970.
    last_run_ms: Option<i64>,
    /// The key of the execution of the last run.
    execution: Option<&'a str>,
    /// The first line of what the worst run said, when it did not pass.
    message: Option<&'a str>,
    /// Its ten most recent results in any environment and scope, the latest first.
    recent: Vec<RecentResult<'a>>,
    /// Marks that rules set.
    marks: Vec<SetMark<'a>>,
    /// Defects that are linked to it.
    defects: Vec<LinkedDefect<'a>>,
}

/// The run that counts in one environment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CountingRun<'a> {
    /// The environment; none when the execution named none.
    name: Option<&'a str>,
    /// The status it counts with: a built-in one, or one that the site made.
    #[schema(example = "FAILED")]
    status: &'a str,
    /// The key of the execution.
    execution: &'a str,
    /// The number of the run within it.
    run: i64,
    /// When it ended, milliseconds since 1970.
    finished_ms: i64,
    /// How many attempts it took.
    attempts: u32,
    /// Whether they disagreed.
    flaky: bool,
}

/// A recent result of a test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RecentResult<'a> {
    /// How it ended.
    #[schema(schema_with = words::run_status)]
    status: &'static str,
    /// The key of the execution.
    execution: &'a str,
    /// The number of the run within it.
    run: i64,
    /// When it ended, milliseconds since 1970.
    finished_ms: i64,
}

/// A mark that a rule set on a test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SetMark<'a> {
    /// What it says.
    #[schema(example = "retest needed")]
    mark: &'static str,
    /// The key of the issue it is about.
    issue: &'a str,
    /// Since when, milliseconds since 1970.
    since_ms: i64,
}

/// A defect that is linked to a test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LinkedDefect<'a> {
    /// The key.
    key: &'a str,
    /// The summary; empty while only the key is known.
    summary: &'a str,
    /// The name of its status; empty while only the key is known.
    status: &'a str,
    /// The category of its status.
    #[schema(schema_with = words::status_category)]
    status_category: &'static str,
    /// Whether it was deleted in Jira.
    deleted: bool,
}

impl<'a> Coverage<'a> {
    pub(super) fn of(coverage: &'a IssueCoverage) -> Self {
        let (issue, counts) = (&coverage.issue.snapshot, coverage.counts);
        Self {
            issue: CoveredIssue {
                key: &issue.key,
                summary: &issue.summary,
            },
            status: coverage.status.name(),
            counts: TestCounts {
                tests: counts.total,
                passed: counts.passed,
                failed: counts.failed,
                not_run: counts.not_run,
                unknown: counts.unknown,
            },
            reason: Explanation::of(&coverage.reason),
            environments: &coverage.environments,
            tests: coverage.tests.iter().map(CoveringTest::of).collect(),
            children: coverage.children.iter().map(CoveredChild::of).collect(),
        }
    }
}

impl<'a> CoveredChild<'a> {
    fn of(child: &'a ChildStatus) -> Self {
        Self {
            key: &child.key,
            summary: &child.summary,
            status: child.status.name(),
            left_out: child.left_out.as_ref().map(ChildExclusion::name),
        }
    }
}

impl<'a> CoveringTest<'a> {
    fn of(row: &'a TestRow) -> Self {
        let last_run = row.last_run.as_ref();
        let recent = row.recent.iter().map(|result| RecentResult {
            status: result.status.name(),
            execution: &result.execution_key,
            run: result.number,
            finished_ms: result.finished_ms,
        });
        let marks = row.marks.iter().map(|mark| SetMark {
            mark: mark.kind.name(),
            issue: &mark.issue_key,
            since_ms: mark.since_ms,
        });
        let defects = row.defects.iter().map(|defect| LinkedDefect {
            key: &defect.key,
            summary: &defect.summary,
            status: &defect.status_name,
            status_category: defect.status_category.key(),
            deleted: defect.is_deleted,
        });
        Self {
            key: &row.key,
            name: &row.name,
            kind: row.kind.name(),
            status: &row.named.name,
            counted: row.exclusion.is_none(),
            left_out: row.exclusion.as_ref().map(Exclusion::name),
            environments: row.picks.iter().map(CountingRun::of).collect(),
            flaky: row.flaky.is_some() || row.picks.iter().any(|pick| pick.is_flaky),
            outdated: row.is_outdated,
            quarantine: row.quarantine.as_ref(),
            attempts: last_run.map(|run| run.attempts),
            last_run_ms: last_run.map(|run| run.finished_ms),
            execution: last_run.map(|run| run.execution_key.as_str()),
            message: row.message.as_deref(),
            recent: recent.collect(),
            marks: marks.collect(),
            defects: defects.collect(),
        }
    }
}

impl<'a> CountingRun<'a> {
    fn of(pick: &'a PickedRun) -> Self {
        Self {
            name: named(&pick.environment),
            status: &pick.named.name,
            execution: &pick.execution_key,
            run: pick.number,
            finished_ms: pick.finished_ms,
            attempts: pick.attempts,
            flaky: pick.is_flaky,
        }
    }
}

/// The group of runs without an environment has no name.
fn named(environment: &str) -> Option<&str> {
    (!environment.is_empty()).then_some(environment)
}
