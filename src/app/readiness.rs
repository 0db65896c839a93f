//! How a version or a sprint stands: reads its issues in batches, folds them to a few words each, and
//! hands them to `domain::readiness`, which decides.
//!
//! Asks Jira nothing. The work grows with the issues planned and their tests, not with history.

use std::collections::HashMap;

use uuid::Uuid;

use crate::app::issue_coverage::{IssueCoverage, TestRow, of_issues};
use crate::domain::coverage::Exclusion;
use crate::domain::issue::MirroredIssue;
use crate::domain::readiness::{
    Answers, DefectFacts, Gate, Gathering, IssueFacts, Judgement, Measures, RuleName, Score,
    Standing, Target, TestFacts,
};
use crate::domain::rule::MarkKind;
use crate::domain::settings::Settings;
use crate::domain::severity::Severity;
use crate::domain::statuses::Statuses;
use crate::store::population::{Population, ids};
use crate::store::readiness::rules;
use crate::store::{SiteId, Store, StoreError, issues, settings};

/// Issues whose tests are in memory at once.
const BATCH: usize = 250;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The project's key.
    pub project: &'a str,
    /// The version or the sprint.
    pub target: &'a Target,
    /// The only environment that counts.
    pub environment: Option<&'a str>,
}

/// How it stands, and by which rules it is judged.
#[derive(Debug, Clone)]
pub struct Report {
    /// The issues, their tests and defects.
    pub standing: Standing,
    /// The rules.
    pub gate: Gate,
    /// Days after which a result is stale.
    pub freshness_days: u32,
    /// When it was worked out, milliseconds since the Unix epoch.
    pub computed_ms: i64,
}

impl Report {
    /// The measures.
    #[must_use]
    pub fn measures(&self) -> Measures {
        self.standing
            .measures(self.freshness_days, self.computed_ms)
    }

    /// The five answers.
    #[must_use]
    pub fn answers(&self) -> Answers {
        self.standing.answers(self.freshness_days, self.computed_ms)
    }

    /// The verdict.
    #[must_use]
    pub fn judgement(&self) -> Judgement {
        self.standing.judge(&self.gate, self.computed_ms)
    }

    /// The score beside the verdict.
    #[must_use]
    pub fn score(&self) -> Score {
        Score::of(&self.measures())
    }
}

/// Works out how a version or a sprint stands at `now_ms` (milliseconds since the Unix epoch). One that
/// no issue names stands as one without issues.
pub async fn readiness(
    store: &Store,
    site: SiteId,
    asked: Asked<'_>,
    now_ms: i64,
) -> Result<Report, StoreError> {
    let on = store.read();
    let project = asked.project;
    let population = match asked.target {
        Target::Version(name) => Population::Version { project, name },
        Target::Sprint(name) => Population::Sprint { project, name },
    };
    let (settings, decided, planned) = tokio::try_join!(
        settings::of_project(on, site, project),
        rules(on, site, project),
        ids(on, site, &population),
    )?;
    let gate = decided.gate();
    let scope = asked.target.scope(asked.environment);
    let (mut gathering, mut defects) = (Gathering::default(), HashMap::new());
    for batch in planned.chunks(BATCH) {
        for coverage in of_issues(store, site, batch, &scope, now_ms).await? {
            let type_name = &coverage.issue.snapshot.issue_type.name;
            if settings.is_defect(type_name) {
                defects.insert(coverage.issue.id, defect_facts(&coverage.issue, &settings));
            }
            if settings.is_coverable(type_name) {
                gathering.add(issue_facts(coverage, &settings.coverage.statuses));
            }
        }
    }
    let linked: Vec<Uuid> = gathering.defects().into_iter().collect();
    for issue in issues::by_ids(on, site, &linked).await?.values() {
        let facts = defect_facts(issue, &settings);
        defects.entry(issue.id).or_insert(facts);
    }
    Ok(Report {
        standing: gathering.finish(defects.into_values()),
        freshness_days: settings
            .coverage
            .freshness_days
            .unwrap_or_else(|| gate.setting(RuleName::ResultAge).limit),
        gate,
        computed_ms: now_ms,
    })
}

fn issue_facts(coverage: IssueCoverage, statuses: &Statuses) -> IssueFacts {
    let snapshot = coverage.issue.snapshot;
    let tests = coverage.tests.iter().filter(|row| {
        let exclusion = row.exclusion.as_ref();
        exclusion.is_none_or(|why| matches!(why, Exclusion::Quarantined { .. }))
    });
    IssueFacts {
        id: coverage.issue.id,
        jira_id: snapshot.jira_id,
        severity: Severity::of(snapshot.priority.as_ref()),
        status: coverage.status,
        why: coverage.reason.sentence().to_string(),
        tests: tests.map(|row| test_facts(row, statuses)).collect(),
        key: snapshot.key,
        summary: snapshot.summary,
    }
}

fn test_facts(row: &TestRow, statuses: &Statuses) -> TestFacts {
    let picked = row.picks.iter().map(|pick| (pick.status, pick.finished_ms));
    let recent = row.recent.iter().map(|run| (run.status, run.finished_ms));
    let finals = picked.chain(recent);
    let finals = finals.filter(|(status, _)| statuses.is_final(*status));
    let marks = row.marks.iter();
    let retests = marks.filter(|mark| mark.kind == MarkKind::RetestNeeded);
    TestFacts {
        id: row.id,
        key: row.key.clone(),
        name: row.name.clone(),
        is_quarantined: row.exclusion.is_some(),
        is_flaky: row.flaky.is_some(),
        is_outdated: row.is_outdated,
        effect: row.effect,
        is_final: row.is_final,
        oldest_ms: row.picks.iter().map(|pick| pick.finished_ms).min(),
        final_ms: finals.map(|(_, finished_ms)| finished_ms).max(),
        retest_ms: retests.map(|mark| mark.since_ms).max(),
        defects: row.defects.iter().map(|defect| defect.issue_id).collect(),
    }
}

fn defect_facts(issue: &MirroredIssue, settings: &Settings) -> DefectFacts {
    let snapshot = &issue.snapshot;
    let is_resolved = issue.is_done() || snapshot.resolution.is_some();
    let resolution = snapshot.resolution.as_ref();
    let is_fixed = is_resolved && !resolution.is_some_and(|one| settings.is_without_fix(one));
    let is_there = issue.deleted_ms.is_none();
    DefectFacts {
        id: issue.id,
        jira_id: snapshot.jira_id,
        key: snapshot.key.clone(),
        summary: snapshot.summary.clone(),
        priority: snapshot
            .priority
            .as_ref()
            .map_or_else(String::new, |one| one.name.clone()),
        severity: Severity::of(snapshot.priority.as_ref()),
        status: snapshot.status.name.clone(),
        is_open: is_there && !is_resolved,
        fixed_ms: (is_there && is_fixed).then(|| issue.in_category_since_ms()),
    }
}
