//! The state that rules look at, for a handful of issues: read in a fixed number of statements, or
//! given by whoever tries rules against history.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::ImportedRun;
use crate::domain::coverage::{Latest, Window};
use crate::domain::issue::{MirroredIssue, StatusCategory};
use crate::domain::rule::{
    Action, CoverageChange, Decision, Evidence, ExecutionFacts, Failure, IssueFacts, Mark,
    Occasion, Ran, Reopening, Role, RuleId, TestFacts, Trigger, When, follow_coverage,
    follow_defect, follow_own_marks, follow_reopened, judge_failures, judge_own, judge_passes,
};
use crate::domain::settings::{Settings, SiteSettings};
use crate::domain::statuses::Statuses;
use crate::store::defects::TestOfIssue;
use crate::store::{Conn, SiteId, StoreError, defects, issues, latest, marks, tests, windows};

/// Whose covering tests are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Those of every issue: an issue may have been reopened.
    WithCovering,
    /// Those of issues with a mark that waits for them: it may be time to take it off.
    OfMarks,
}

/// Issues with their tests, what those tests have shown, and the marks they carry.
pub(in crate::app) struct World {
    pub issues: HashMap<Uuid, MirroredIssue>,
    /// The tests that found an issue.
    pub as_defect: HashMap<Uuid, Vec<TestFacts>>,
    /// The tests that cover an issue.
    pub as_covered: HashMap<Uuid, Vec<TestFacts>>,
    pub marks: HashMap<Uuid, Vec<Mark>>,
    /// The newest results of tests that just failed.
    pub windows: HashMap<Uuid, Window>,
    /// Until when their results are no evidence that they are flaky, milliseconds since the Unix epoch.
    pub flaky_cleared: HashMap<Uuid, i64>,
    pub settings: SiteSettings,
}

/// Something that happened to an issue, beside its state.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::app) struct Happened<'a> {
    pub execution: Option<ExecutionFacts<'a>>,
    pub category_before: Option<StatusCategory>,
    pub coverage: Option<&'a CoverageChange>,
    pub at_ms: i64,
}

impl World {
    pub(super) async fn load(
        on: &impl Conn,
        site: SiteId,
        ids: &[Uuid],
        reach: Reach,
        settings: SiteSettings,
    ) -> Result<Self, StoreError> {
        let mut of_issue: HashMap<Uuid, Vec<Mark>> = HashMap::new();
        for mark in marks::of_issues(on, site, ids).await? {
            of_issue.entry(mark.issue_id).or_default().push(mark);
        }
        let waits = |mark: &Mark| matches!(mark.rule, RuleId::D13 | RuleId::Own(_));
        let is_waited_for = |id: &Uuid| {
            let marks = of_issue.get(id);
            marks.is_some_and(|marks| marks.iter().any(waits))
        };
        let covered: Vec<Uuid> = ids
            .iter()
            .copied()
            .filter(|id| reach == Reach::WithCovering || is_waited_for(id))
            .collect();
        let as_defect = defects::tests_of(on, site, ids).await?;
        let as_covered = defects::covering_tests_of(on, site, &covered).await?;
        let both = as_defect.iter().chain(&as_covered);
        let tests: BTreeSet<Uuid> = both.map(|test| test.test_id).collect();
        let tests: Vec<Uuid> = tests.into_iter().collect();
        let kept = latest::by_tests(on, site, &tests).await?;
        Ok(Self {
            issues: issues::by_ids(on, site, ids).await?,
            as_defect: by_issue(as_defect, &kept, &settings.statuses),
            as_covered: by_issue(as_covered, &kept, &settings.statuses),
            marks: of_issue,
            windows: HashMap::new(),
            flaky_cleared: HashMap::new(),
            settings,
        })
    }

    /// The same with the newest results of these tests.
    pub(super) async fn with_windows(
        mut self,
        on: &impl Conn,
        site: SiteId,
        failed: &[Uuid],
    ) -> Result<Self, StoreError> {
        self.windows = windows::by_tests(on, site, failed).await?;
        self.flaky_cleared = tests::flaky_cleared(on, site, failed).await?;
        Ok(self)
    }

    pub(in crate::app) fn issue(&self, id: Uuid) -> Option<&MirroredIssue> {
        self.issues.get(&id)
    }

    /// What the newest state of an issue and its tests asks for.
    pub(in crate::app) fn follow(
        &self,
        id: Uuid,
        trigger: Trigger,
        reopening: Option<Reopening>,
    ) -> Vec<Decision> {
        let (Some(covered), Some(defect)) =
            (self.facts(id, Role::Covered), self.facts(id, Role::Defect))
        else {
            return Vec::new();
        };
        let settings = self.settings_of(defect.issue);
        let mut decisions = follow_reopened(&covered, &settings, reopening, trigger);
        decisions.extend(follow_defect(&defect, &settings, trigger));
        decisions.extend(follow_own_marks(&covered, defect.tests));
        // Several rules put their mark in the same place: what goes, goes before what comes.
        decisions.sort_by_key(|decision| !matches!(decision.action, Action::Clear(_)));
        decisions
    }

    /// What the results of one execution mean for an issue, before its state is looked at.
    pub(in crate::app) fn judge(
        &self,
        id: Uuid,
        failed: &[&ImportedRun<'_>],
        passed: &[&ImportedRun<'_>],
        happened: Happened<'_>,
    ) -> Vec<Decision> {
        let Some((defect, execution)) = self.facts(id, Role::Defect).zip(happened.execution) else {
            return Vec::new();
        };
        let settings = self.settings_of(defect.issue);
        let is_linked = |run: &&&ImportedRun<'_>| defect.tests.iter().any(|t| t.id == run.test_id);
        let failures: Vec<Failure> = failed
            .iter()
            .filter(is_linked)
            .map(|run| Failure {
                test_id: run.test_id,
                test_key: run.test_key.to_owned(),
                is_flaky: self.is_flaky(run, execution, &settings),
                finished_ms: run.finished_ms,
            })
            .collect();
        let mut decisions = Vec::new();
        if !failures.is_empty() {
            decisions.extend(judge_failures(&defect, &failures, execution, &settings));
        } else if passed.iter().any(|run| is_linked(&run)) {
            decisions.extend(judge_passes(&defect, &settings));
        }
        decisions.extend(self.own_of_runs(id, When::RunFailed, failed, happened));
        decisions.extend(self.own_of_runs(id, When::RunPassed, passed, happened));
        decisions
    }

    /// What the site's own rules say to tests of an issue that just ran.
    fn own_of_runs(
        &self,
        id: Uuid,
        when: When,
        runs: &[&ImportedRun<'_>],
        happened: Happened<'_>,
    ) -> Vec<Decision> {
        if runs.is_empty() || self.settings.own_rules_for(when).next().is_none() {
            return Vec::new();
        }
        let mut decisions = Vec::new();
        for role in [Role::Defect, Role::Covered] {
            let Some((facts, execution)) = self.facts(id, role).zip(happened.execution) else {
                continue;
            };
            let settings = self.settings_of(facts.issue);
            let linked = runs
                .iter()
                .filter(|run| facts.tests.iter().any(|test| test.id == run.test_id));
            let ran = linked.map(|run| self.ran(run, when, execution, &settings));
            let mut ran: Vec<Ran> = ran.collect();
            ran.sort_unstable_by(|a, b| (&a.test_key, a.test_id).cmp(&(&b.test_key, b.test_id)));
            ran.dedup_by_key(|ran| ran.test_id);
            if !ran.is_empty() {
                decisions.extend(self.own(facts, Some(role), when, &ran, happened));
            }
        }
        decisions
    }

    fn ran(
        &self,
        run: &ImportedRun<'_>,
        when: When,
        execution: ExecutionFacts<'_>,
        settings: &Settings,
    ) -> Ran {
        let window = self
            .windows
            .get(&run.test_id)
            .filter(|_| when == When::RunFailed);
        let branch = execution.branch;
        Ran {
            test_id: run.test_id,
            test_key: run.test_key.to_owned(),
            is_flaky: self.is_flaky(run, execution, settings),
            failures_in_a_row: window.map_or(0, |window| {
                window.failures_in_a_row(branch, &settings.coverage)
            }),
        }
    }

    /// What the site's own rules say to an issue that moved.
    pub(in crate::app) fn own_of_move(&self, id: Uuid, happened: Happened<'_>) -> Vec<Decision> {
        let Some(defect) = self.facts(id, Role::Defect) else {
            return Vec::new();
        };
        let type_name = &defect.issue.snapshot.issue_type.name;
        let is_defect =
            !defect.tests.is_empty() || self.settings_of(defect.issue).is_defect(type_name);
        let mut decisions = Vec::new();
        if is_defect {
            let role = Some(Role::Defect);
            decisions.extend(self.own(defect, role, When::DefectMoved, &[], happened));
        }
        let Some(covered) = self.facts(id, Role::Covered) else {
            return decisions;
        };
        let (facts, role) = match (covered.tests, defect.tests) {
            ([], []) => (covered, is_defect.then_some(Role::Defect)),
            ([], [_, ..]) => (defect, Some(Role::Defect)),
            ([_, ..], _) => (covered, Some(Role::Covered)),
        };
        decisions.extend(self.own(facts, role, When::IssueMoved, &[], happened));
        decisions
    }

    /// What follows from a change of coverage.
    pub(in crate::app) fn cover(
        &self,
        change: &CoverageChange,
        happened: Happened<'_>,
    ) -> Vec<Decision> {
        let Some(facts) = self.facts(change.issue_id, Role::Covered) else {
            return Vec::new();
        };
        let settings = self.settings_of(facts.issue);
        let mut decisions = follow_coverage(&facts, change, &settings);
        let role = Some(Role::Covered);
        decisions.extend(self.own(facts, role, When::CoverageChanged, &[], happened));
        decisions
    }

    fn own(
        &self,
        facts: IssueFacts<'_>,
        role: Option<Role>,
        when: When,
        ran: &[Ran],
        happened: Happened<'_>,
    ) -> Vec<Decision> {
        let occasion = Occasion {
            when,
            facts,
            role,
            ran,
            execution: happened.execution,
            category_before: happened.category_before,
            coverage: happened.coverage,
            at_ms: happened.at_ms,
        };
        let rules = self.settings.own_rules_for(when);
        rules.flat_map(|rule| judge_own(rule, &occasion)).collect()
    }

    /// Whether a failure is flaky: its attempts disagree, or the newest results of its test where it
    /// ran (`test-management.md` 5.4).
    pub(in crate::app) fn is_flaky(
        &self,
        run: &ImportedRun<'_>,
        execution: ExecutionFacts<'_>,
        settings: &Settings,
    ) -> bool {
        let Some(window) = self.windows.get(&run.test_id) else {
            return run.is_flaky;
        };
        let window = match self.flaky_cleared.get(&run.test_id) {
            Some(cleared_ms) => &window.clone().since(*cleared_ms),
            None => window,
        };
        let is_flaky_in = |name: &str| window.flaky_in(name, &settings.coverage).is_some();
        let mut environments = execution.environments.iter();
        run.is_flaky
            || environments.any(|name| is_flaky_in(name))
            || (execution.environments.is_empty() && is_flaky_in(""))
    }

    pub(in crate::app) fn facts(&self, id: Uuid, role: Role) -> Option<IssueFacts<'_>> {
        let tests = match role {
            Role::Defect => &self.as_defect,
            Role::Covered => &self.as_covered,
        };
        Some(IssueFacts {
            issue: self.issues.get(&id)?,
            tests: tests.get(&id).map_or(&[], Vec::as_slice),
            marks: self.marks.get(&id).map_or(&[], Vec::as_slice),
        })
    }

    pub(in crate::app) fn settings_of(&self, issue: &MirroredIssue) -> Settings {
        self.settings.of_project(&issue.snapshot.project_key)
    }
}

fn by_issue(
    tests: Vec<TestOfIssue>,
    kept: &HashMap<Uuid, Latest>,
    statuses: &Statuses,
) -> HashMap<Uuid, Vec<TestFacts>> {
    let mut found: HashMap<Uuid, Vec<TestFacts>> = HashMap::new();
    for test in tests {
        let facts = TestFacts {
            id: test.test_id,
            key: test.test_key.to_string(),
            evidence: kept
                .get(&test.test_id)
                .map(|latest| Evidence::of(latest, statuses))
                .unwrap_or_default(),
        };
        found.entry(test.issue_id).or_default().push(facts);
    }
    found
}
