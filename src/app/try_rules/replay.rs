//! Follows the past moment by moment, and asks at each what the rule would decide.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::history::{History, Moment, Ran, What};
use super::{Candidate, MOST_TOLD, Trial};
use crate::app::run_rules::{
    self, Happened, ImportedRun, IssueTransition, Refusal, World, cause_of, pause_of, target_of,
};
use crate::domain::coverage::{
    CoverageStatus, CoveredIssue, Kept, Latest, LinkedTest, Scope, of_issue,
};
use crate::domain::issue::{Ended, IssueChanged, MirroredIssue, StatusCategory};
use crate::domain::mirror::{Field, Order};
use crate::domain::rule::{
    Action, CoverageChange, Decision, Evidence, ExecutionFacts, Mark, Reopening, Role, RuleId,
    TestFacts, Trigger, Unclaimed, ask_for_coverage, judge_unclaimed,
};
use crate::domain::run::Effect;
use crate::domain::settings::{RuleName, SiteSettings};
use crate::store::inbox::OpenEvent;

/// Something a rule would have done or not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The key of the issue it is about, as it was then.
    pub issue_key: Option<String>,
    /// The key of the test it is about.
    pub test_key: Option<String>,
    /// What would have been done or not done.
    pub action: &'static str,
    /// Whether it would have been done.
    pub is_done: bool,
    /// Why.
    pub reason: String,
    /// What it follows from.
    pub cause: String,
}

/// The state of the site at a moment of the past.
pub(super) struct Replay<'a> {
    history: &'a History,
    candidate: &'a Candidate,
    project: Option<&'a str>,
    from_ms: i64,
    world: World,
    kept: HashMap<Uuid, Kept>,
    by_jira_id: HashMap<i64, Uuid>,
    links_of_issue: HashMap<Uuid, Vec<usize>>,
    links_of_test: HashMap<Uuid, Vec<usize>>,
    shown: HashMap<Uuid, CoverageStatus>,
    /// When each rule last acted on each target, and because of what.
    turns: HashMap<String, (i64, HashSet<String>)>,
    trial: Trial,
}

/// What made a rule look.
struct Cause<'a> {
    at_ms: i64,
    name: &'a str,
    is_own: bool,
}

impl<'a> Replay<'a> {
    pub fn new(
        history: &'a History,
        settings: SiteSettings,
        candidate: &'a Candidate,
        project: Option<&'a str>,
        from_ms: i64,
    ) -> Self {
        let mut links_of_issue: HashMap<Uuid, Vec<usize>> = HashMap::new();
        let mut links_of_test: HashMap<Uuid, Vec<usize>> = HashMap::new();
        for (place, link) in history.links.iter().enumerate() {
            links_of_issue.entry(link.issue_id).or_default().push(place);
            links_of_test.entry(link.test_id).or_default().push(place);
        }
        let by_jira_id = history.issues.values();
        let by_jira_id = by_jira_id.map(|issue| (issue.snapshot.jira_id, issue.id));
        let by_jira_id: HashMap<i64, Uuid> = by_jira_id.collect();
        let issues = beginnings(history, &by_jira_id);
        Self {
            history,
            candidate,
            project,
            from_ms,
            world: World {
                issues,
                as_defect: HashMap::new(),
                as_covered: HashMap::new(),
                marks: HashMap::new(),
                windows: HashMap::new(),
                flaky_cleared: HashMap::new(),
                settings,
            },
            kept: HashMap::new(),
            by_jira_id,
            links_of_issue,
            links_of_test,
            shown: HashMap::new(),
            turns: HashMap::new(),
            trial: Trial {
                events_since_ms: history.events_since_ms,
                is_whole: history.is_whole,
                ..Trial::default()
            },
        }
    }

    pub fn run(mut self) -> Trial {
        for moment in &self.history.moments {
            self.trial.moments += usize::from(moment.at_ms >= self.from_ms);
            self.live(moment);
        }
        self.trial
    }

    fn live(&mut self, moment: &Moment) {
        let at_ms = moment.at_ms;
        match &moment.what {
            What::Changed(told) => self.changed(at_ms, &told.0, &told.1),
            What::Deleted { jira_id, cause } => {
                let Some(id) = self.by_jira_id.get(jira_id).copied() else {
                    return;
                };
                if let Some(issue) = self.world.issues.get_mut(&id) {
                    issue.deleted_ms = Some(at_ms);
                }
                self.look_at(id, at_ms);
                let decisions = self.world.follow(id, Trigger::Linked, None);
                self.carry_out(decisions, &Cause::of(at_ms, cause));
            }
            What::Ended { ended, cause } => self.ended(at_ms, ended, cause),
            What::Ran(ran) => self.ran(at_ms, ran),
        }
    }

    /// Fills in which tests an issue has at a moment, and what they have shown until then.
    fn look_at(&mut self, id: Uuid, at_ms: i64) {
        for role in [Role::Defect, Role::Covered] {
            let tests = self.tests_of(id, role, at_ms);
            let place = match role {
                Role::Defect => &mut self.world.as_defect,
                Role::Covered => &mut self.world.as_covered,
            };
            place.insert(id, tests);
        }
    }

    fn tests_of(&self, id: Uuid, role: Role, at_ms: i64) -> Vec<TestFacts> {
        let places = self.links_of_issue.get(&id).into_iter().flatten();
        let links = places.filter_map(|place| self.history.links.get(*place));
        let statuses = &self.world.settings.statuses;
        links
            .filter(|link| link.role == role && link.held_at(at_ms))
            .map(|link| TestFacts {
                id: link.test_id,
                key: link.test_key.to_string(),
                evidence: self
                    .kept
                    .get(&link.test_id)
                    .map(|kept| Evidence::of(&kept.latest, statuses))
                    .unwrap_or_default(),
            })
            .collect()
    }

    fn changed(&mut self, at_ms: i64, event: &OpenEvent, change: &IssueChanged) {
        let Some(id) = self.by_jira_id.get(&change.issue.jira_id).copied() else {
            return;
        };
        let mut change = change.clone();
        if !change.told.has(Field::Status)
            && let Some(known) = self.history.categories.get(&change.issue.status.id)
        {
            change.issue.status_category = *known;
            change.told = change.told.with(Field::Status);
        }
        let Some(issue) = self.world.issues.get_mut(&id) else {
            return;
        };
        let is_known = change.changelog_id == Some(issue.changelog_id);
        let transition = run_rules::transition_in(event, issue, &change).filter(|_| !is_known);
        let order = Order(event.event_ms, change.changelog_id.unwrap_or(0));
        issue.learn(change.issue, change.told, order);
        if let Some(transition) = transition {
            self.moved(id, at_ms, &transition);
        }
    }

    fn moved(&mut self, id: Uuid, at_ms: i64, transition: &IssueTransition) {
        self.look_at(id, at_ms);
        let Some(issue) = self.world.issue(id) else {
            return;
        };
        let (from, to) = (transition.from_category, transition.to_category);
        let reopening = Reopening::told_by(issue, from, to, at_ms);
        let happened = Happened {
            category_before: from,
            at_ms,
            ..Happened::default()
        };
        let mut decisions = self.world.follow(id, Trigger::Moved, reopening);
        decisions.extend(self.world.own_of_move(id, happened));
        if issue.is_done() && from != Some(StatusCategory::Done) {
            let (status, why) = self.coverage_of(id, at_ms);
            if let Some(facts) = self.world.facts(id, Role::Covered) {
                let settings = self.world.settings_of(facts.issue);
                decisions.extend(ask_for_coverage(&facts, status, &why, &settings));
            }
        }
        let actor = transition.actor.as_ref();
        let is_ours = actor.is_some_and(|actor| self.history.own_accounts.contains(actor));
        let cause = Cause {
            at_ms,
            name: &transition.cause,
            is_own: transition.is_own || is_ours,
        };
        self.carry_out(decisions, &cause);
    }

    fn ended(&mut self, at_ms: i64, ended: &Ended, cause: &str) {
        if !matches!(self.candidate, Candidate::BuiltIn(RuleName::D14)) {
            return;
        }
        let (what, named) = match ended {
            Ended::Version(version) => ("version", version),
            Ended::Sprint(sprint) => ("sprint", &sprint.named),
        };
        self.tell(Tried {
            at_ms,
            issue_key: None,
            test_key: None,
            action: Action::Snapshot.name(),
            is_done: true,
            reason: format!("The {what} {} has come to its end.", named.name),
            cause: cause.to_owned(),
        });
    }

    fn ran(&mut self, at_ms: i64, ran: &Ran) {
        let mut tests = BTreeSet::new();
        for (test, fact) in &ran.runs {
            self.kept.entry(*test).or_default().record(fact);
            tests.insert(*test);
        }
        let Some((_, first)) = ran.runs.first() else {
            return;
        };
        let execution = ExecutionFacts {
            key: &ran.execution_key,
            environments: &first.environments,
            fix_version: ran.fix_version.as_deref(),
            branch: first.branch.as_deref(),
        };
        let keys = ran.runs.iter().map(|(test, _)| self.key_of(*test));
        let keys: Vec<String> = keys.collect();
        let runs = ran
            .runs
            .iter()
            .zip(&keys)
            .map(|((test, fact), key)| ImportedRun {
                test_id: *test,
                test_key: key,
                number: fact.number,
                status: fact.status,
                is_flaky: fact.is_flaky,
                finished_ms: fact.finished_ms,
            });
        let runs: Vec<ImportedRun<'_>> = runs.collect();
        let statuses = self.world.settings.statuses.clone();
        let with = |wanted: Effect| {
            let counts = |run: &&ImportedRun<'_>| {
                statuses.is_final(run.status) && statuses.effect(run.status) == wanted
            };
            runs.iter().filter(counts).collect::<Vec<_>>()
        };
        let (failed, passed) = (with(Effect::Nok), with(Effect::Ok));
        self.world.windows = failed
            .iter()
            .filter_map(|run| Some((run.test_id, self.kept.get(&run.test_id)?.window.clone())))
            .collect();
        let cleared = self.history.flaky_cleared.iter();
        let cleared = cleared.filter(|(_, cleared_ms)| **cleared_ms <= at_ms);
        self.world.flaky_cleared = cleared.map(|(test, ms)| (*test, *ms)).collect();
        let happened = Happened {
            execution: Some(execution),
            at_ms,
            ..Happened::default()
        };
        let name = format!("execution:{}", ran.execution_key);
        for id in self.issues_of(&tests, at_ms) {
            self.look_at(id, at_ms);
            let mut decisions = self.world.judge(id, &failed, &passed, happened);
            decisions.extend(self.world.follow(id, Trigger::Ran, None));
            self.carry_out(decisions, &Cause::of(at_ms, &name));
            self.covered(id, at_ms, &name);
        }
        self.unclaimed(at_ms, &failed, execution, &name);
    }

    /// What is said when the coverage of an issue became another.
    fn covered(&mut self, id: Uuid, at_ms: i64, cause: &str) {
        let (to, reason) = self.coverage_of(id, at_ms);
        let from = self.shown.insert(id, to);
        if from == Some(to) || self.tests_of(id, Role::Covered, at_ms).is_empty() {
            return;
        }
        let change = CoverageChange {
            issue_id: id,
            from,
            to,
            reason,
            cause: cause.to_owned(),
        };
        let happened = Happened {
            coverage: Some(&change),
            at_ms,
            ..Happened::default()
        };
        let decisions = self.world.cover(&change, happened);
        self.carry_out(decisions, &Cause::of(at_ms, cause));
        if matches!(self.candidate, Candidate::BuiltIn(RuleName::D12)) {
            let key = self.world.issue(id).map(|issue| issue.snapshot.key.clone());
            self.tell(Tried {
                at_ms,
                issue_key: key,
                test_key: None,
                action: "set property",
                is_done: true,
                reason: change.reason,
                cause: cause.to_owned(),
            });
        }
    }

    /// How an issue was covered at a moment by its own tests, in their present settings.
    fn coverage_of(&self, id: Uuid, at_ms: i64) -> (CoverageStatus, String) {
        let facts = self.tests_of(id, Role::Covered, at_ms);
        let never_run = Latest::default();
        let tests: Vec<LinkedTest<'_>> = facts
            .iter()
            .map(|test| {
                let kept = self.kept.get(&test.id);
                let latest = kept.map_or(&never_run, |kept| &kept.latest);
                LinkedTest {
                    id: test.id,
                    key: &test.key,
                    name: &test.key,
                    version: latest
                        .runs()
                        .iter()
                        .map(|run| run.version)
                        .max()
                        .unwrap_or(1),
                    is_archived: false,
                    workflow_status: None,
                    labels: &[],
                    is_planned: false,
                    quarantine: None,
                    is_unreadable: false,
                    latest,
                    history: latest,
                    window: kept.map(|kept| &kept.window),
                }
            })
            .collect();
        let covered = CoveredIssue {
            tests: &tests,
            exemption: None,
            text_changed_ms: None,
        };
        let project = self
            .world
            .issue(id)
            .map(|issue| &issue.snapshot.project_key);
        let settings = match project {
            Some(key) => self.world.settings.of_project(key),
            None => self.world.settings.of_site(),
        };
        let coverage = of_issue(&covered, &settings.coverage, &Scope::default(), at_ms);
        (coverage.status, coverage.reason.sentence().to_string())
    }

    /// D1: what is said to failures of tests without an open defect.
    fn unclaimed(
        &mut self,
        at_ms: i64,
        failed: &[&ImportedRun<'_>],
        execution: ExecutionFacts<'_>,
        cause: &str,
    ) {
        if !matches!(
            self.candidate,
            Candidate::BuiltIn(RuleName::D1 | RuleName::D1Automatic)
        ) {
            return;
        }
        for run in failed {
            let tests = BTreeSet::from([run.test_id]);
            let is_open = |id: &Uuid| self.world.issue(*id).is_some_and(|issue| !issue.is_done());
            let defects = self.linked(&tests, at_ms, Some(Role::Defect));
            if defects.iter().any(is_open) {
                continue;
            }
            let project = run
                .test_key
                .rsplit_once('-')
                .map_or("", |(project, _)| project);
            let settings = self.world.settings.of_project(project);
            let window = self.world.windows.get(&run.test_id);
            let unclaimed = Unclaimed {
                test_id: run.test_id,
                test_key: run.test_key.to_owned(),
                run_number: run.number,
                is_flaky: self.world.is_flaky(run, execution, &settings),
                failures_in_a_row: window.map_or(0, |window| {
                    window.failures_in_a_row(execution.branch, &settings.coverage)
                }),
            };
            let judged = judge_unclaimed(&unclaimed, execution.branch, &settings);
            let is_done = judged.is_ok();
            self.tell(Tried {
                at_ms,
                issue_key: None,
                test_key: Some(run.test_key.to_owned()),
                action: Action::CreateDefect.name(),
                is_done,
                reason: judged.unwrap_or_else(|why| why),
                cause: cause.to_owned(),
            });
        }
    }

    fn issues_of(&self, tests: &BTreeSet<Uuid>, at_ms: i64) -> BTreeSet<Uuid> {
        self.linked(tests, at_ms, None)
    }

    fn linked(&self, tests: &BTreeSet<Uuid>, at_ms: i64, role: Option<Role>) -> BTreeSet<Uuid> {
        let places = tests.iter().filter_map(|test| self.links_of_test.get(test));
        let links = places
            .flatten()
            .filter_map(|place| self.history.links.get(*place));
        links
            .filter(|link| link.held_at(at_ms) && role.is_none_or(|role| link.role == role))
            .map(|link| link.issue_id)
            .collect()
    }

    fn key_of(&self, test: Uuid) -> String {
        let key = self.history.test_keys.get(&test);
        key.map_or_else(String::new, ToString::to_string)
    }

    /// Takes decisions as if they were carried out, and tells those of the rule that is tried.
    fn carry_out(&mut self, decisions: Vec<Decision>, cause: &Cause<'_>) {
        let mut targets = HashMap::new();
        for decision in decisions {
            let refusal = match &decision.action {
                Action::Nothing => None,
                Action::Set(mark) => {
                    self.set(mark.clone());
                    None
                }
                Action::Clear(kind) => {
                    let marks = self.world.marks.entry(decision.issue_id).or_default();
                    marks.retain(|mark| {
                        mark.kind != *kind || Some(mark.test_id) != decision.test_id
                    });
                    None
                }
                _ => self.turn(&decision, &mut targets, cause),
            };
            if self.is_tried(&decision) {
                self.note(&decision, refusal.as_ref(), cause);
            }
        }
    }

    fn set(&mut self, mark: Mark) {
        let marks = self.world.marks.entry(mark.issue_id).or_default();
        marks.retain(|held| held.kind != mark.kind || held.test_id != mark.test_id);
        marks.push(mark);
    }

    /// The guards of `app::run_rules`, in memory.
    fn turn(
        &mut self,
        decision: &Decision,
        targets: &mut HashMap<String, usize>,
        cause: &Cause<'_>,
    ) -> Option<Refusal> {
        if cause.is_own {
            return Some(Refusal::OwnChange);
        }
        let issue = self.world.issue(decision.issue_id)?;
        let because = cause_of(issue, decision, cause.name).into_owned();
        let pause_ms = pause_of(&self.world, &decision.rule);
        let target = target_of(decision, targets);
        let place = format!("{}:{target}", decision.rule.name());
        let (last_ms, causes) = self
            .turns
            .entry(place)
            .or_insert((i64::MIN, HashSet::new()));
        if causes.contains(&because) {
            return Some(Refusal::Again);
        }
        if *last_ms > cause.at_ms.saturating_sub(pause_ms) {
            return Some(Refusal::TooSoon);
        }
        *last_ms = cause.at_ms;
        causes.insert(because);
        None
    }

    /// Whether a decision is of the rule that is tried.
    fn is_tried(&self, decision: &Decision) -> bool {
        let action = &decision.action;
        match self.candidate {
            Candidate::Own(rule) => {
                matches!(&decision.rule, RuleId::Own(name) if *name == rule.name)
            }
            Candidate::BuiltIn(RuleName::D1Automatic) => decision.rule == RuleId::D1,
            Candidate::BuiltIn(RuleName::D5Execution) => {
                decision.rule == RuleId::D5 && matches!(action, Action::Plan(_))
            }
            Candidate::BuiltIn(RuleName::D6Transition) => {
                decision.rule == RuleId::D6 && matches!(action, Action::MoveTo(_) | Action::Nothing)
            }
            Candidate::BuiltIn(RuleName::D12Transition) => decision.rule == RuleId::D12,
            Candidate::BuiltIn(name) => decision.rule.name() == name.code(),
        }
    }

    fn note(&mut self, decision: &Decision, refusal: Option<&Refusal>, cause: &Cause<'_>) {
        let issue = self.world.issue(decision.issue_id);
        let note = refusal.map(Refusal::note).unwrap_or_default();
        let tried = Tried {
            at_ms: cause.at_ms,
            issue_key: issue.map(|issue| issue.snapshot.key.clone()),
            test_key: decision.test_id.map(|test| self.key_of(test)),
            action: decision.action.name(),
            is_done: refusal.is_none() && decision.action != Action::Nothing,
            reason: format!("{}{note}", decision.reason),
            cause: cause.name.to_owned(),
        };
        self.tell(tried);
    }

    fn tell(&mut self, tried: Tried) {
        let is_there = |key: &str| {
            let project = key.rsplit_once('-').map(|(project, _)| project);
            self.project.is_none() || project == self.project
        };
        let key = tried.issue_key.as_deref().or(tried.test_key.as_deref());
        if tried.at_ms < self.from_ms || !key.is_none_or(is_there) {
            return;
        }
        if tried.is_done {
            self.trial.done += 1;
        } else {
            self.trial.not_done += 1;
        }
        if self.trial.decisions.len() < MOST_TOLD {
            self.trial.decisions.push(tried);
        }
    }
}

impl<'a> Cause<'a> {
    const fn of(at_ms: i64, name: &'a str) -> Self {
        Self {
            at_ms,
            name,
            is_own: false,
        }
    }
}

/// The issues before the first event that is kept: as they are now, but in the status that their
/// first event left, and with nothing told yet.
fn beginnings(history: &History, by_jira_id: &HashMap<i64, Uuid>) -> HashMap<Uuid, MirroredIssue> {
    let mut issues = history.issues.clone();
    let mut begun = HashSet::new();
    for moment in &history.moments {
        let What::Changed(told) = &moment.what else {
            continue;
        };
        let change = &told.1;
        let id = by_jira_id.get(&change.issue.jira_id);
        let Some(issue) = id.and_then(|id| issues.get_mut(id)) else {
            continue;
        };
        if !begun.insert(issue.id) {
            continue;
        }
        (issue.event_ms, issue.changelog_id, issue.deleted_ms) = (0, 0, None);
        issue.behind.clear();
        let left = change.transition().and_then(|moved| moved.from.clone());
        if let Some(left) = left {
            let category = history.categories.get(&left).copied();
            issue.snapshot.status_category = category.unwrap_or_default();
            issue.snapshot.status.id = left;
            issue.snapshot.category_changed_ms = None;
        }
    }
    issues
}
