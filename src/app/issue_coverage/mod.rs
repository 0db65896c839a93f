//! What every view shows of issues: their status with the reason, their tests, their children.
//!
//! For the scope *latest* it reads projections only, in one statement however many issues and results
//! there are; for another, the runs in that scope as well; for parents, what is below them. Panel, API,
//! matrix and readiness all ask here, so they cannot disagree. Asks Jira nothing.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::domain::coverage::{
    ChildExclusion, Counts, Coverage, CoverageStatus, CoveredIssue, Doubt, Exclusion,
    FlakyEvidence, Kept, Latest, LinkedTest, MadeFor, Outdated, Reason, Recent, RunFact, Scope,
    of_issue as judge,
};
use crate::domain::exemption::Exemption;
use crate::domain::issue::MirroredIssue;
use crate::domain::quarantine::Quarantine;
use crate::domain::run::{Effect, RunStatus};
use crate::domain::statuses::NamedStatus;
use crate::domain::test::TestKind;
use crate::store::issue_tests::{
    CoveringTest, Depth, Link, LinkedDefect, LinkedIssue, SetMark, Which,
};
use crate::store::{SiteId, Store, StoreError, issue_tests, plans, runs};

mod children;
mod rows;

use children::{Own, take_in};

/// How an issue is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueRef<'a> {
    /// By Jira's id.
    ByJiraId(i64),
    /// By its key, or one it had before.
    ByKey(&'a str),
}

/// An issue with its status, its tests and its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueCoverage {
    /// The issue as the mirror has it.
    pub issue: MirroredIssue,
    /// The status, with what its children say.
    pub status: CoverageStatus,
    /// What its own counted tests say.
    pub counts: Counts,
    /// Why it is that status.
    pub reason: Reason,
    /// What was said of its needing no test, while it holds.
    pub exemption: Option<Exemption>,
    /// Every environment its tests have been run in, by name, whatever the scope.
    pub environments: Vec<String>,
    /// Its tests, by key; those that decide first.
    pub tests: Vec<TestRow>,
    /// Its children that tests cover, by key; those that are left out too.
    pub children: Vec<ChildStatus>,
}

/// A child of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildStatus {
    /// Our id of it.
    pub id: Uuid,
    /// Jira's id of it.
    pub jira_id: i64,
    /// Its key.
    pub key: String,
    /// Its summary.
    pub summary: String,
    /// Its status, with what its own children say.
    pub status: CoverageStatus,
    /// What its own tests say.
    pub counts: Counts,
    /// Why its parent leaves it out, if it does.
    pub left_out: Option<ChildExclusion>,
}

impl ChildStatus {
    /// The status as its parent counts it.
    #[must_use]
    pub const fn shown_status(&self) -> CoverageStatus {
        match self.left_out {
            Some(_) => CoverageStatus::Exempt,
            None => self.status,
        }
    }
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
    /// The same with its name.
    pub named: NamedStatus,
    /// What that means for the issue, by the project's settings.
    pub effect: Effect,
    /// Whether it has a final result in scope.
    pub is_final: bool,
    /// Whether a run that counts was made before the test or the issue changed.
    pub is_outdated: bool,
    /// Why it is flaky, if it is.
    pub flaky: Option<FlakyEvidence>,
    /// Its quarantine, while it holds.
    pub quarantine: Option<Quarantine>,
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
    /// The same with its name.
    pub named: NamedStatus,
    /// What it says about the issue.
    pub effect: Effect,
    /// Why that is not what its own status says.
    pub doubt: Option<Doubt>,
    /// What has changed since it was made.
    pub outdated: Option<Outdated>,
    /// Our id of the execution.
    pub execution_id: Uuid,
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
    of_linked(store, site, found, scope, now_ms).await
}

/// The coverage of many issues in a scope, by our ids: in the order given, and those that the mirror
/// does not know are left out. `now_ms` is milliseconds since the Unix epoch.
///
/// A fixed number of statements for them and for each level below them, and all of it in memory: ask
/// for 250 at a time at most, and fold what comes to something small.
pub async fn of_issues(
    store: &Store,
    site: SiteId,
    issues: &[Uuid],
    scope: &Scope,
    now_ms: i64,
) -> Result<Vec<IssueCoverage>, StoreError> {
    let own = read_own(store, site, issues, scope, now_ms).await?;
    take_in(store, site, own, scope, now_ms).await
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
) -> Result<Option<IssueCoverage>, StoreError> {
    let ids = [found.issue.id];
    let runs = runs_in(store, site, &ids, scope).await?;
    let own = judge_all(
        store,
        site,
        vec![found],
        runs,
        scope,
        now_ms,
        in_full(now_ms),
    )
    .await?;
    Ok(take_in(store, site, own, scope, now_ms).await?.pop())
}

/// The tests that found a defect (our id of the mirrored issue), the worst first, over all
/// environments.
pub async fn found_by(
    store: &Store,
    site: SiteId,
    defect: Uuid,
    now_ms: i64,
) -> Result<Vec<TestRow>, StoreError> {
    let which = Which::Id(defect);
    let found = issue_tests::of_issue(store.read(), site, which, Link::Found, None).await?;
    Ok(found.map_or_else(Vec::new, |found| {
        let everything = InScope::default();
        judge_linked(
            found,
            &everything,
            &Scope::default(),
            now_ms,
            in_full(now_ms),
        )
        .coverage
        .tests
    }))
}

/// Issues by our ids, each with what its own tests say.
async fn read_own(
    store: &Store,
    site: SiteId,
    issues: &[Uuid],
    scope: &Scope,
    now_ms: i64,
) -> Result<Vec<Own>, StoreError> {
    let (found, runs) = tokio::try_join!(
        issue_tests::of_issues(store.read(), site, issues, Depth::Lists),
        runs_in(store, site, issues, scope)
    )?;
    judge_all(store, site, found, runs, scope, now_ms, in_full(now_ms)).await
}

/// What is in a scope.
#[derive(Debug, Default)]
struct InScope {
    /// What the runs of each test come to; `None` when all its runs are in scope.
    runs: Option<HashMap<Uuid, Latest>>,
    /// Tests that somebody put into the plan.
    planned: HashSet<Uuid>,
}

/// What the runs of each test in scope come to; tests without one are left out. `None` when all
/// runs are in scope.
async fn runs_in(
    store: &Store,
    site: SiteId,
    issues: &[Uuid],
    scope: &Scope,
) -> Result<Option<HashMap<Uuid, Latest>>, StoreError> {
    let Some(made_for) = &scope.made_for else {
        return Ok(None);
    };
    let facts = runs::newest_made_for(store.read(), site, issues, made_for).await?;
    let folded = facts
        .into_iter()
        .map(|(test, facts)| (test, Kept::of(&facts).latest));
    Ok(Some(folded.collect()))
}

/// What `keep` makes of each issue and of what its own tests say.
async fn judge_all<T>(
    store: &Store,
    site: SiteId,
    found: Vec<LinkedIssue>,
    runs: Option<HashMap<Uuid, Latest>>,
    scope: &Scope,
    now_ms: i64,
    keep: impl Fn(LinkedIssue, &[CoveringTest], Coverage<'_>) -> T,
) -> Result<Vec<T>, StoreError> {
    let planned = match &scope.made_for {
        Some(MadeFor::Plan(name)) => {
            let tests = found.iter().flat_map(|issue| &issue.tests);
            let tests: Vec<Uuid> = tests.map(|test| test.case.id).collect();
            plans::members(store.read(), site, name, &tests).await?
        }
        _ => HashSet::new(),
    };
    let in_scope = InScope { runs, planned };
    let judged = found
        .into_iter()
        .map(|linked| judge_linked(linked, &in_scope, scope, now_ms, &keep));
    Ok(judged.collect())
}

/// What `keep` makes of an issue, its tests, and what they say; tests and exemption are taken out of
/// the issue.
fn judge_linked<T>(
    mut found: LinkedIssue,
    in_scope: &InScope,
    scope: &Scope,
    now_ms: i64,
    keep: impl Fn(LinkedIssue, &[CoveringTest], Coverage<'_>) -> T,
) -> T {
    let (tests, exemption) = (std::mem::take(&mut found.tests), found.exemption.take());
    let keys: Vec<String> = tests.iter().map(|test| test.case.key.to_string()).collect();
    let never_run = Latest::default();
    let linked = tests.iter().zip(&keys).map(|(test, key)| LinkedTest {
        latest: match &in_scope.runs {
            Some(runs) => runs.get(&test.case.id).unwrap_or(&never_run),
            None => &test.latest,
        },
        is_planned: in_scope.planned.contains(&test.case.id),
        ..linked_test(test, key)
    });
    let linked: Vec<LinkedTest<'_>> = linked.collect();
    let covered = CoveredIssue {
        tests: &linked,
        exemption: exemption.as_ref(),
        text_changed_ms: found.text_changed_ms,
    };
    let coverage = judge(&covered, &found.settings.coverage, scope, now_ms);
    keep(found, &tests, coverage)
}

/// Keeps all that a view of the issue shows.
fn in_full(now_ms: i64) -> impl Fn(LinkedIssue, &[CoveringTest], Coverage<'_>) -> Own {
    move |found, tests, coverage| {
        let statuses = &found.settings.coverage.statuses;
        let rows = rows::of(tests, &coverage.tests, found.annotations, statuses, now_ms);
        let (status, counts, reason) = (coverage.status, coverage.counts, coverage.reason);
        Own {
            coverage: IssueCoverage {
                issue: found.issue,
                status,
                counts,
                exemption: reason.exemption.clone(),
                reason,
                environments: environments(tests),
                tests: rows,
                children: Vec::new(),
            },
            below: children::chosen(&found.kin, &found.settings.coverage.hierarchy),
            settings: found.settings,
        }
    }
}

fn environments(tests: &[CoveringTest]) -> Vec<String> {
    let all = tests.iter().flat_map(|test| test.latest.environments());
    let mut names: Vec<String> = all
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn linked_test<'a>(test: &'a CoveringTest, key: &'a str) -> LinkedTest<'a> {
    LinkedTest {
        id: test.case.id,
        key,
        name: &test.case.name,
        version: test.version,
        is_archived: test.case.is_archived,
        workflow_status: test.workflow_status.as_deref(),
        labels: &test.labels,
        is_planned: false,
        quarantine: test.quarantine.as_ref(),
        is_unreadable: test.is_out_of_reach,
        latest: &test.latest,
        history: &test.latest,
        window: test.window.as_ref(),
    }
}
