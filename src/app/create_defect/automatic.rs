//! Rule D1 made a decision; here defects come of it: as few as say it all.
//!
//! The open defect of a failure is used again; failures of one cause share one; an execution opens no
//! more than its limit by itself, and one more defect lists the rest. Nothing is asked of Jira here:
//! the claim and the work stand in the transaction of the results, and what Jira's screen takes and
//! demands is asked when the work is sent (`test-management.md` 8.2).

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::{facts, gives_way, marker, record};
use crate::app::run_rules::{self, ImportedResults};
use crate::domain::defect::{self, Alike, FailedRun, IssueAtRisk, Rest};
use crate::domain::defect_settings::{DefectSettings, Reuse};
use crate::domain::settings::SiteSettings;
use crate::domain::signature::Signature;
use crate::domain::work::{DefectDraft, Wishes, Work};
use crate::store::audit::NewEntry;
use crate::store::claim_tests::{self, ClaimTest};
use crate::store::defect_claims::ClaimState;
use crate::store::defects::{CoveredIssue, NewDefectLink};
use crate::store::failed_runs::Failed;
use crate::store::outbox::{self, NewWork};
use crate::store::{
    Conn, SiteId, StoreError, defect_claims, defects, failed_runs, issues, open_defects, sites,
};

/// How long a refused creation stands before the same failure is tried again, milliseconds: a day.
const AGAIN_MS: i64 = 86_400_000;

/// A failed test that is to have a defect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The test.
    pub test_id: Uuid,
    /// The number of the failed run within the execution.
    pub run_number: i64,
    /// Why, in one sentence.
    pub reason: String,
}

/// Sees to it that each of these failures has a defect, or will have. Returns what was done and not
/// done, for the audit.
pub async fn create(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    wanted: &[Wanted],
    execution: &ImportedResults<'_>,
    settings: &SiteSettings,
) -> Result<Vec<NewEntry>, StoreError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let numbers: Vec<i64> = wanted.iter().map(|one| one.run_number).collect();
    let runs = failed_runs::of_execution(on, site, execution.execution_id, &numbers).await?;
    let rules = settings.of_project(execution.project_key).defect;
    let mut making = Making {
        on,
        site,
        now_ms,
        execution,
        rules,
        reasons: wanted
            .iter()
            .map(|one| (one.test_id, one.reason.as_str()))
            .collect(),
        keys: execution
            .runs
            .iter()
            .map(|run| (run.test_id, run.test_key))
            .collect(),
        entries: Vec::new(),
    };
    let mut seen = HashSet::new();
    let failures: Vec<Failure> = runs
        .into_iter()
        .filter(|run| seen.insert(run.test_id))
        .map(Failure::of)
        .collect();
    let fresh = making.use_known(failures).await?;
    making.open(grouped(fresh, making.rules.reuse)).await?;
    Ok(making.entries)
}

/// A failed run with what tells it from others.
#[derive(Debug)]
struct Failure {
    run: Failed,
    signature: Signature,
    cause: Option<Signature>,
}

impl Failure {
    fn of(run: Failed) -> Self {
        let (message, trace) = (run.message.as_deref(), run.trace.as_deref());
        Self {
            signature: Signature::of(run.test_id, message, trace),
            cause: Signature::of_cause(message, trace),
            run,
        }
    }

    fn waiting(&self) -> ClaimTest {
        ClaimTest {
            test_id: self.run.test_id,
            run_number: self.run.number,
            signature: self.signature,
            cause: self.cause,
        }
    }
}

/// Failures of one cause together, in the order of their first run.
fn grouped(failures: Vec<Failure>, reuse: Reuse) -> Vec<Vec<Failure>> {
    let mut groups: Vec<Vec<Failure>> = Vec::new();
    let mut of_cause: HashMap<Signature, usize> = HashMap::new();
    for failure in failures {
        let cause = failure.cause.filter(|_| reuse != Reuse::Never);
        let held = cause.and_then(|cause| of_cause.get(&cause)).copied();
        if let Some(group) = held.and_then(|at| groups.get_mut(at)) {
            group.push(failure);
            continue;
        }
        if let Some(cause) = cause {
            of_cause.insert(cause, groups.len());
        }
        groups.push(vec![failure]);
    }
    groups
}

struct Making<'a, C> {
    on: &'a C,
    site: SiteId,
    now_ms: i64,
    execution: &'a ImportedResults<'a>,
    rules: DefectSettings,
    reasons: HashMap<Uuid, &'a str>,
    keys: HashMap<Uuid, &'a str>,
    entries: Vec<NewEntry>,
}

impl<C: Conn> Making<'_, C> {
    fn cause(&self) -> String {
        format!("execution:{}", self.execution.execution_key)
    }

    fn key(&self, test: Uuid) -> &str {
        self.keys.get(&test).copied().unwrap_or_default()
    }

    fn note(&mut self, issue: Option<Uuid>, test: Uuid, action: &'static str, reason: String) {
        self.entries.push(NewEntry {
            rule: "D1".into(),
            actor: None,
            issue_id: issue,
            test_id: Some(test),
            action,
            is_done: action != "nothing",
            reason,
            cause: self.cause(),
        });
    }

    /// Lets failures that a defect reports already, or is being made for, be reported by it; returns
    /// the others.
    async fn use_known(&mut self, failures: Vec<Failure>) -> Result<Vec<Failure>, StoreError> {
        let (on, site, id) = (self.on, self.site, self.execution.execution_id);
        let tests: Vec<Uuid> = failures.iter().map(|one| one.run.test_id).collect();
        let own = open_defects::of_tests(on, site, &tests).await?;
        let open = claim_tests::open_about(on, site, &tests, id).await?;
        let causes: Vec<Signature> = failures.iter().filter_map(|one| one.cause).collect();
        let shared = match self.rules.reuse {
            Reuse::Never => Vec::new(),
            Reuse::Execution => open_defects::with_causes(on, site, &causes, Some(id)).await?,
            Reuse::Always => open_defects::with_causes(on, site, &causes, None).await?,
        };
        let mut fresh = Vec::new();
        for failure in failures {
            let (test, key) = (
                failure.run.test_id,
                self.key(failure.run.test_id).to_owned(),
            );
            let same = Some(failure.signature);
            if let Some(known) = own
                .iter()
                .find(|one| one.test_id == test && one.signature == same)
            {
                let reason = format!("{} reports this failure of {key} already.", known.key);
                self.note(Some(known.issue_id), test, "nothing", reason);
                continue;
            }
            let waits = |one: &&claim_tests::OpenClaim| {
                one.test.test_id == test && one.test.signature == failure.signature
            };
            if open.iter().any(|one| waits(&one)) {
                let reason = format!("A defect for this failure of {key} is being made.");
                self.note(None, test, "nothing", reason);
                continue;
            }
            let cause = failure.cause.filter(|_| self.rules.reuse != Reuse::Never);
            let has_cause = |one: &Option<Signature>| cause.is_some() && *one == cause;
            if let Some(known) = shared.iter().find(|one| has_cause(&one.cause)) {
                self.join(known.issue_id, &known.key, &failure).await?;
                continue;
            }
            let made = open
                .iter()
                .find(|one| one.execution == Some(id) && has_cause(&one.test.cause));
            if let Some(made) = made {
                claim_tests::add(on, site, made.marker, id, &[failure.waiting()]).await?;
                let reason = format!("{key} failed for the cause of a defect that is being made.");
                self.note(None, test, "link defect", reason);
                continue;
            }
            fresh.push(failure);
        }
        Ok(fresh)
    }

    /// Links a failure to an open defect.
    async fn join(&mut self, issue: Uuid, key: &str, failure: &Failure) -> Result<(), StoreError> {
        let test = failure.run.test_id;
        let link = NewDefectLink {
            test,
            issue,
            run: Some((self.execution.execution_id, failure.run.number)),
            signature: Some(failure.signature),
            cause: failure.cause,
            created_by: None,
        };
        let cause = self.cause();
        defects::link(self.on, self.site, &link, self.now_ms).await?;
        record::link_covered(self.on, self.site, issue, &[test], &cause, self.now_ms).await?;
        run_rules::on_defect_link(self.on, self.site, self.now_ms, issue, &cause).await?;
        let reason = format!("{} failed for what {key} reports.", self.key(test));
        self.note(Some(issue), test, "link defect", reason);
        Ok(())
    }

    /// Claims a defect for each group as long as the limit allows, and one for the rest.
    async fn open(&mut self, groups: Vec<Vec<Failure>>) -> Result<(), StoreError> {
        if groups.is_empty() {
            return Ok(());
        }
        let id = self.execution.execution_id;
        let most = usize::try_from(self.rules.most_per_execution).unwrap_or(usize::MAX);
        let mut room =
            most.saturating_sub(claim_tests::made_by_rule(self.on, self.site, id).await?);
        let stored = sites::by_id(self.on, self.site).await?;
        let tests: Vec<Uuid> = groups.iter().flatten().map(|one| one.run.test_id).collect();
        let covered = defects::covered_by(self.on, self.site, &tests).await?;
        let told = |group: &[Failure]| {
            let of_group: HashSet<Uuid> = group.iter().map(|one| one.run.test_id).collect();
            let own = covered.iter().filter(|one| of_group.contains(&one.test_id));
            let own: Vec<CoveredIssue> = own.cloned().collect();
            let at_risk = stored
                .as_ref()
                .map(|stored| facts::at_risk(&stored.site, &own));
            (own, at_risk.unwrap_or_default())
        };
        let mut rest = Vec::new();
        for group in groups {
            if room == 0 {
                rest.extend(group);
                continue;
            }
            let (own, at_risk) = told(&group);
            if self.claim(&group, &own, &at_risk).await? {
                room -= 1;
            }
        }
        if rest.is_empty() {
            return Ok(());
        }
        let (own, at_risk) = told(&rest);
        self.claim_rest(&rest, &own, &at_risk).await
    }

    /// Claims one defect for failures of one cause; tells whether one will come of it.
    async fn claim(
        &mut self,
        group: &[Failure],
        covered: &[CoveredIssue],
        at_risk: &[IssueAtRisk],
    ) -> Result<bool, StoreError> {
        let Some((first, others)) = group.split_first() else {
            return Ok(false);
        };
        let execution = self.execution;
        let run = FailedRun {
            test_key: self.key(first.run.test_id),
            test_name: &first.run.test_name,
            execution_key: execution.execution_key,
            number: first.run.number,
            environments: execution.environments,
            fix_version: execution.fix_version,
            revision: None,
            branch: execution.branch,
            message: first.run.message.as_deref(),
            trace: first.run.trace.as_deref(),
        };
        let also = self.alike(others);
        let draft = DefectDraft {
            summary: defect::summary(&run),
            description: defect::description(&run, &also, at_risk),
            ..self.draft(covered)
        };
        self.put(first.run.test_id, first.signature, group, draft)
            .await
    }

    /// Claims the one defect that lists what is above the limit, or adds to the one there is.
    async fn claim_rest(
        &mut self,
        rest: &[Failure],
        covered: &[CoveredIssue],
        at_risk: &[IssueAtRisk],
    ) -> Result<(), StoreError> {
        let (on, site, id) = (self.on, self.site, self.execution.execution_id);
        match claim_tests::for_the_rest(on, site, id).await? {
            Some((_, Some(key))) => {
                if let Some(issue) = issues::by_key(on, site, &key).await? {
                    for failure in rest {
                        self.join(issue.id, &key, failure).await?;
                    }
                    return Ok(());
                }
            }
            Some((marker, None)) => {
                let waiting: Vec<_> = rest.iter().map(Failure::waiting).collect();
                claim_tests::add(on, site, marker, id, &waiting).await?;
                for failure in rest {
                    self.note_rest(failure.run.test_id);
                }
                return Ok(());
            }
            None => {}
        }
        let Some(first) = rest.first() else {
            return Ok(());
        };
        let tests = self.alike(rest);
        let told = Rest {
            execution_key: self.execution.execution_key,
            environments: self.execution.environments,
            fix_version: self.execution.fix_version,
            tests: &tests,
        };
        let draft = DefectDraft {
            summary: defect::summary_of_rest(&told),
            description: defect::description_of_rest(&told, at_risk),
            ..self.draft(covered)
        };
        let signature = Signature::of_the_rest(id);
        self.put(first.run.test_id, signature, rest, draft).await?;
        Ok(())
    }

    fn note_rest(&mut self, test: Uuid) {
        let most = self.rules.most_per_execution;
        let reason = format!(
            "{} opened {most} defects by itself, the most it may; one more lists the rest.",
            self.execution.execution_key
        );
        self.note(None, test, "link defect", reason);
    }

    /// Keeps the claim, who waits for it, and the work that makes it.
    async fn put(
        &mut self,
        test: Uuid,
        signature: Signature,
        group: &[Failure],
        draft: DefectDraft,
    ) -> Result<bool, StoreError> {
        let (on, site, now_ms) = (self.on, self.site, self.now_ms);
        let made = draft.marker;
        let failure = (test, signature);
        let mut held = defect_claims::reserve(on, site, failure, made, None, None, now_ms).await?;
        if let Err(claim) = &held {
            let is_recent = matches!(claim.state, ClaimState::Failed { .. })
                && claim.created_ms + AGAIN_MS > now_ms;
            if !is_recent && gives_way(on, site, claim).await? {
                let replacing = Some(claim.marker);
                held = defect_claims::reserve(on, site, failure, made, replacing, None, now_ms)
                    .await?;
            }
        }
        if let Err(claim) = held {
            let reason = match claim.state {
                ClaimState::Failed { why } => format!("Jira refused it within the last day: {why}"),
                ClaimState::Created { issue_key } => {
                    format!("{issue_key} was made for this failure and is still open.")
                }
                ClaimState::Reserved => "A defect for this failure is being made.".to_owned(),
            };
            for failure in group {
                self.note(None, failure.run.test_id, "nothing", reason.clone());
            }
            return Ok(false);
        }
        let waiting: Vec<_> = group.iter().map(Failure::waiting).collect();
        let id = self.execution.execution_id;
        claim_tests::add(on, site, made, id, &waiting).await?;
        let is_rest = signature == Signature::of_the_rest(id);
        let work = Work::CreateDefect {
            test_id: test,
            draft: Box::new(draft),
        };
        let new = NewWork::new(&work, format!("D1 {}", self.cause()), now_ms)
            .once(format!("defect:{made}"));
        outbox::put(on, site, &new).await?;
        for failure in group {
            let test_id = failure.run.test_id;
            if is_rest {
                self.note_rest(test_id);
            } else if test_id == test {
                let reason = self.reasons.get(&test_id).copied().unwrap_or_default();
                self.note(None, test_id, "create defect", reason.to_owned());
            } else {
                let reason = format!("It failed for the same cause as {}.", self.key(test));
                self.note(None, test_id, "link defect", reason);
            }
        }
        Ok(true)
    }

    fn alike<'f>(&'f self, failures: &'f [Failure]) -> Vec<Alike<'f>> {
        let one = |failure: &'f Failure| Alike {
            test_key: self.key(failure.run.test_id),
            test_name: &failure.run.test_name,
            message: failure.run.message.as_deref(),
        };
        failures.iter().map(one).collect()
    }

    /// A draft with everything but its texts.
    fn draft(&self, covered: &[CoveredIssue]) -> DefectDraft {
        DefectDraft {
            project_key: self.execution.project_key.to_owned(),
            issue_type_id: String::new(),
            summary: String::new(),
            description: Vec::new(),
            labels: self.rules.labels.clone(),
            marker: marker(),
            creator: None,
            fields: BTreeMap::new(),
            wishes: Wishes {
                priority: facts::worst(covered),
                version: self.execution.fix_version.map(str::to_owned),
                covered_jira_id: facts::foremost(covered),
            },
        }
    }
}
