//! The state that rules look at, for a handful of issues: read in a fixed number of statements.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::ImportedRun;
use crate::domain::coverage::Latest;
use crate::domain::issue::MirroredIssue;
use crate::domain::rule::{
    Action, Decision, Evidence, ExecutionFacts, Failure, IssueFacts, Mark, Reopening, RuleId,
    TestFacts, Trigger, follow_defect, follow_reopened, judge_failures,
};
use crate::domain::settings::{Settings, SiteSettings};
use crate::domain::statuses::Statuses;
use crate::store::defects::TestOfIssue;
use crate::store::{Conn, SiteId, StoreError, defects, issues, latest, marks};

/// Whose covering tests are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Those of every issue: an issue may have been reopened.
    WithCovering,
    /// Those of issues with a mark of D13 about them: it may be time to take it off.
    OfMarks,
}

/// Issues with their tests, what those tests have shown, and the marks they carry.
pub(super) struct World {
    issues: HashMap<Uuid, MirroredIssue>,
    as_defect: HashMap<Uuid, Vec<TestFacts>>,
    as_covered: HashMap<Uuid, Vec<TestFacts>>,
    marks: HashMap<Uuid, Vec<Mark>>,
    settings: SiteSettings,
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
        let is_reopened = |id: &Uuid| {
            let marks = of_issue.get(id);
            marks.is_some_and(|marks| marks.iter().any(|mark| mark.rule == RuleId::D13))
        };
        let covered: Vec<Uuid> = ids
            .iter()
            .copied()
            .filter(|id| reach == Reach::WithCovering || is_reopened(id))
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
            settings,
        })
    }

    pub(super) fn issue(&self, id: Uuid) -> Option<&MirroredIssue> {
        self.issues.get(&id)
    }

    /// What the newest state of an issue and its tests asks for.
    pub(super) fn follow(
        &self,
        id: Uuid,
        trigger: Trigger,
        reopening: Option<Reopening>,
    ) -> Vec<Decision> {
        let (Some(covered), Some(defect)) = (
            self.facts(id, &self.as_covered),
            self.facts(id, &self.as_defect),
        ) else {
            return Vec::new();
        };
        let settings = self.settings_of(defect.issue);
        let mut decisions = follow_reopened(&covered, &settings, reopening, trigger);
        decisions.extend(follow_defect(&defect, &settings, trigger));
        // D5 and D13 put their mark in the same place: what goes, goes before what comes.
        decisions.sort_by_key(|decision| !matches!(decision.action, Action::Clear(_)));
        decisions
    }

    /// What failures of one execution mean for a defect.
    pub(super) fn judge(
        &self,
        id: Uuid,
        failed: &[&ImportedRun<'_>],
        execution: ExecutionFacts<'_>,
    ) -> Vec<Decision> {
        let Some(facts) = self.facts(id, &self.as_defect) else {
            return Vec::new();
        };
        let is_linked = |run: &&&ImportedRun<'_>| facts.tests.iter().any(|t| t.id == run.test_id);
        let failures: Vec<Failure> = failed
            .iter()
            .filter(is_linked)
            .map(|run| failure(run))
            .collect();
        if failures.is_empty() {
            return Vec::new();
        }
        judge_failures(&facts, &failures, execution, &self.settings_of(facts.issue))
    }

    fn facts<'a>(
        &'a self,
        id: Uuid,
        tests: &'a HashMap<Uuid, Vec<TestFacts>>,
    ) -> Option<IssueFacts<'a>> {
        Some(IssueFacts {
            issue: self.issues.get(&id)?,
            tests: tests.get(&id).map_or(&[], Vec::as_slice),
            marks: self.marks.get(&id).map_or(&[], Vec::as_slice),
        })
    }

    fn settings_of(&self, issue: &MirroredIssue) -> Settings {
        self.settings.of_project(&issue.snapshot.project_key)
    }
}

fn failure(run: &ImportedRun<'_>) -> Failure {
    Failure {
        test_id: run.test_id,
        test_key: run.test_key.to_owned(),
        is_flaky: run.is_flaky,
        finished_ms: run.finished_ms,
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
