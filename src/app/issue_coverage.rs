//! What panel and API show of an issue: its status with the reason, and its tests.
//!
//! For the scope *latest* it reads projections only, in one statement however many results there
//! are; for another, the runs in that scope as well. Asks Jira nothing.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::coverage::{
    Counts, CoverageStatus, CoveredIssue, Exclusion, Latest, LinkedTest, Pick, Reason, Recent,
    RunFact, Scope, TestStatus, of_issue as judge,
};
use crate::domain::issue::MirroredIssue;
use crate::domain::run::RunStatus;
use crate::domain::test::TestKind;
use crate::store::issue_tests::{
    Annotations, CoveringTest, Link, LinkedDefect, LinkedIssue, SetMark, Which,
};
use crate::store::{SiteId, Store, StoreError, issue_tests, runs};

/// How an issue is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueRef<'a> {
    /// By Jira's id.
    ByJiraId(i64),
    /// By its key, or one it had before.
    ByKey(&'a str),
}

/// An issue with its status and its tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueCoverage {
    /// The issue as the mirror has it.
    pub issue: MirroredIssue,
    /// The status.
    pub status: CoverageStatus,
    /// What its counted tests say.
    pub counts: Counts,
    /// Why it is that status.
    pub reason: Reason,
    /// Every environment its tests have been run in, by name, whatever the scope.
    pub environments: Vec<String>,
    /// Its tests, by key; those that decide first.
    pub tests: Vec<TestRow>,
}

/// A test of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestRow {
    /// Its id.
    pub id: Uuid,
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// How it is carried out.
    pub kind: TestKind,
    /// Why it does not count although it is linked.
    pub exclusion: Option<Exclusion>,
    /// Its status in scope.
    pub status: RunStatus,
    /// The runs that make the status, one for each environment.
    pub picks: Vec<PickedRun>,
    /// Its last run in scope; none when it was never run there.
    pub last_run: Option<RunFact>,
    /// The first line of what the worst run said, when it did not pass.
    pub message: Option<String>,
    /// Its ten most recent results in any environment and scope, the latest first.
    pub recent: Vec<Recent>,
    /// Marks that rules set.
    pub marks: Vec<SetMark>,
    /// Defects that are linked to it.
    pub defects: Vec<LinkedDefect>,
}

/// The run that counts for one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickedRun {
    /// The environment; empty when the execution named none.
    pub environment: String,
    /// The status it counts with.
    pub status: RunStatus,
    /// The key of the execution.
    pub execution_key: String,
    /// The number of the run within it.
    pub number: i64,
    /// When it ended, milliseconds since the Unix epoch.
    pub finished_ms: i64,
    /// Whether its attempts disagreed.
    pub is_flaky: bool,
    /// How many attempts it took.
    pub attempts: u32,
}

/// The coverage of an issue in a scope; `None` when the mirror does not know the issue. `now_ms` is
/// milliseconds since the Unix epoch.
pub async fn of_issue(
    store: &Store,
    site: SiteId,
    issue: IssueRef<'_>,
    scope: &Scope,
    now_ms: i64,
) -> Result<Option<IssueCoverage>, StoreError> {
    let Some(found) = find(store, site, issue, None).await? else {
        return Ok(None);
    };
    Ok(Some(of_linked(store, site, found, scope, now_ms).await?))
}

/// The coverage of many issues in a scope, by our ids: in the order given, and those that the mirror
/// does not know are left out. `now_ms` is milliseconds since the Unix epoch.
///
/// Two statements, however many issues and results there are, and all of it in memory: ask for 250
/// at a time at most, and fold what comes to something small.
pub async fn of_issues(
    store: &Store,
    site: SiteId,
    issues: &[Uuid],
    scope: &Scope,
    now_ms: i64,
) -> Result<Vec<IssueCoverage>, StoreError> {
    let on = store.read();
    let (found, in_scope) = tokio::try_join!(
        issue_tests::of_issues(on, site, issues),
        in_scope(store, site, issues, scope)
    )?;
    let judged = found
        .into_iter()
        .map(|linked| judge_linked(linked, in_scope.as_ref(), scope, now_ms));
    Ok(judged.collect())
}

/// What is stored of an issue and the tests that cover it, and the scope that the person who looks
/// (an account id) chose last.
pub async fn find(
    store: &Store,
    site: SiteId,
    issue: IssueRef<'_>,
    looking: Option<&str>,
) -> Result<Option<LinkedIssue>, StoreError> {
    let which = match issue {
        IssueRef::ByJiraId(id) => Which::JiraId(id),
        IssueRef::ByKey(key) => Which::Key(key),
    };
    issue_tests::of_issue(store.read(), site, which, Link::Covers, looking).await
}

/// The coverage that what is stored makes in a scope.
pub async fn of_linked(
    store: &Store,
    site: SiteId,
    found: LinkedIssue,
    scope: &Scope,
    now_ms: i64,
) -> Result<IssueCoverage, StoreError> {
    let in_scope = in_scope(store, site, &[found.issue.id], scope).await?;
    Ok(judge_linked(found, in_scope.as_ref(), scope, now_ms))
}

/// What the runs of each test in scope come to; tests without one are left out. `None` when all
/// runs are in scope.
async fn in_scope(
    store: &Store,
    site: SiteId,
    issues: &[Uuid],
    scope: &Scope,
) -> Result<Option<HashMap<Uuid, Latest>>, StoreError> {
    let Some(made_for) = &scope.made_for else {
        return Ok(None);
    };
    let facts = runs::newest_made_for(store.read(), site, issues, made_for).await?;
    let folded = facts.into_iter().map(|(test, facts)| {
        let mut latest = Latest::default();
        for fact in &facts {
            latest.record(fact);
        }
        (test, latest)
    });
    Ok(Some(folded.collect()))
}

fn judge_linked(
    found: LinkedIssue,
    in_scope: Option<&HashMap<Uuid, Latest>>,
    scope: &Scope,
    now_ms: i64,
) -> IssueCoverage {
    let LinkedIssue {
        issue,
        tests,
        annotations,
        settings,
        ..
    } = found;
    let keys: Vec<String> = tests.iter().map(|test| test.case.key.to_string()).collect();
    let mut linked: Vec<LinkedTest<'_>> = tests.iter().zip(&keys).map(linked_test).collect();
    let never_run = Latest::default();
    if let Some(in_scope) = in_scope {
        for test in &mut linked {
            test.latest = in_scope.get(&test.id).unwrap_or(&never_run);
        }
    }
    let covered = CoveredIssue {
        tests: &linked,
        exemption: None,
        text_changed_ms: None,
    };
    let coverage = judge(&covered, &settings.coverage, scope, now_ms);
    let rows = rows(&linked, &tests, &coverage.tests, annotations);

    let environments = tests.iter().flat_map(|test| test.latest.environments());
    let mut environments: Vec<String> = environments
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    environments.sort_unstable();
    environments.dedup();
    IssueCoverage {
        issue,
        status: coverage.status,
        counts: coverage.counts,
        reason: coverage.reason,
        environments,
        tests: rows,
    }
}

/// The tests that found a defect (our id of the mirrored issue), the worst first, over all
/// environments.
pub async fn found_by(
    store: &Store,
    site: SiteId,
    defect: Uuid,
) -> Result<Vec<TestRow>, StoreError> {
    let which = Which::Id(defect);
    let found = issue_tests::of_issue(store.read(), site, which, Link::Found, None).await?;
    let Some(LinkedIssue {
        tests,
        annotations,
        settings,
        ..
    }) = found
    else {
        return Ok(Vec::new());
    };
    let keys: Vec<String> = tests.iter().map(|test| test.case.key.to_string()).collect();
    let linked: Vec<LinkedTest<'_>> = tests.iter().zip(&keys).map(linked_test).collect();
    let statuses: Vec<TestStatus<'_>> = linked
        .iter()
        .map(|test| test.latest.status(&settings.coverage))
        .collect();
    Ok(rows(&linked, &tests, &statuses, annotations))
}

/// The worst first, and what does not count last; within that by key, as they are.
fn rows(
    linked: &[LinkedTest<'_>],
    tests: &[CoveringTest],
    statuses: &[TestStatus<'_>],
    annotations: Annotations,
) -> Vec<TestRow> {
    let mut marks = by_test(annotations.marks);
    let mut defects = by_test(annotations.defects);
    let mut rows: Vec<TestRow> = linked
        .iter()
        .zip(tests)
        .zip(statuses)
        .map(|((linked, test), status)| TestRow {
            marks: marks.remove(&linked.id).unwrap_or_default(),
            defects: defects.remove(&linked.id).unwrap_or_default(),
            ..row(linked, test, status)
        })
        .collect();
    rows.sort_by_key(|row| (row.exclusion.is_some(), std::cmp::Reverse(row.status)));
    rows
}

fn linked_test<'a>((test, key): (&'a CoveringTest, &'a String)) -> LinkedTest<'a> {
    LinkedTest {
        id: test.case.id,
        key,
        name: &test.case.name,
        version: 0,
        is_archived: test.case.is_archived,
        workflow_status: None,
        labels: &[],
        is_planned: false,
        quarantine: None,
        is_unreadable: false,
        latest: &test.latest,
        history: &test.latest,
        window: None,
    }
}

fn by_test<T>(pairs: Vec<(Uuid, T)>) -> HashMap<Uuid, Vec<T>> {
    let mut found: HashMap<Uuid, Vec<T>> = HashMap::new();
    for (test, item) in pairs {
        found.entry(test).or_default().push(item);
    }
    found
}

fn row(linked: &LinkedTest<'_>, test: &CoveringTest, status: &TestStatus<'_>) -> TestRow {
    let runs = || status.picks.iter().map(|pick| pick.run);
    let newer = status.picks.iter().filter_map(|pick| pick.unfinished);
    let mut worst = (status.picks.iter()).filter(|pick| pick.counted_status() == status.status);
    TestRow {
        id: linked.id,
        key: linked.key.to_owned(),
        name: linked.name.to_owned(),
        kind: test.case.kind,
        exclusion: status.exclusion.clone(),
        status: status.status,
        picks: status.picks.iter().map(picked).collect(),
        last_run: runs()
            .chain(newer)
            .max_by_key(|run| run.finished_ms)
            .cloned(),
        message: worst.find_map(|pick| pick.run.message.clone()),
        recent: test.latest.recent().to_vec(),
        marks: Vec::new(),
        defects: Vec::new(),
    }
}

fn picked(pick: &Pick<'_>) -> PickedRun {
    PickedRun {
        environment: pick.environment.to_owned(),
        status: pick.counted_status(),
        execution_key: pick.run.execution_key.clone(),
        number: pick.run.number,
        finished_ms: pick.run.finished_ms,
        is_flaky: pick.run.is_flaky,
        attempts: pick.run.attempts,
    }
}
