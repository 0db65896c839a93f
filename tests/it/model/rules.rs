//! The rules of test management once more, written from their description and from nothing else: a
//! plain model that keeps every fact in memory and works a status out from all of them, slowly.
//!
//! No code of the product is used here. Numbers in comments are sections of the rules.

use std::collections::{BTreeMap, BTreeSet};

/// What a status says of the issue; the worst last (step 3: NOK beats UNKNOWN beats NOTRUN beats OK).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    Ok,
    NotRun,
    Unknown,
    Nok,
}

/// What a run can end as (2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    pub is_final: bool,
    pub effect: Effect,
    pub rank: i32,
}

/// A result of a test.
#[derive(Debug, Clone)]
pub struct Run {
    pub test: String,
    pub status: String,
    pub started_ms: Option<i64>,
    pub finished_ms: i64,
    /// Attempts that disagreed.
    pub is_flaky: bool,
    /// The version of the test it was made with.
    pub version: i64,
}

/// A container of runs.
#[derive(Debug, Clone, Default)]
pub struct Execution {
    pub environments: BTreeSet<String>,
    pub fix_version: Option<String>,
    pub plan: Option<String>,
    pub sprint: Option<String>,
    pub revision: Option<String>,
    pub branch: Option<String>,
    pub runs: BTreeMap<i64, Run>,
}

/// A test case.
#[derive(Debug, Clone, Default)]
pub struct Test {
    pub version: i64,
    pub labels: BTreeSet<String>,
    pub workflow_status: Option<String>,
    pub is_archived: bool,
    /// Until when it is in quarantine.
    pub quarantined_until_ms: Option<i64>,
}

/// An issue.
#[derive(Debug, Clone, Default)]
pub struct Issue {
    pub parent: Option<String>,
    pub status: String,
    pub resolution: Option<String>,
    /// When summary or description last changed.
    pub text_changed_ms: Option<i64>,
    /// Since it needs no test: until when, if that ends.
    pub exempt: Option<Option<i64>>,
}

/// What a skipped or blocked result means (2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    NotRun,
    Nok,
    Ignore,
}

/// What a flaky test means (5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlakyEffect {
    Count,
    Unknown,
    Nok,
}

/// What the project chose.
#[derive(Debug, Clone)]
pub struct Settings {
    pub final_precedence: bool,
    pub skipped: Treatment,
    pub blocked: Treatment,
    pub freshness_days: Option<i64>,
    pub strict_outdated: bool,
    pub excluded_statuses: BTreeSet<String>,
    pub excluded_labels: BTreeSet<String>,
    pub uncovered_children_block: bool,
    pub children_by_parent: bool,
    pub exempt_child_statuses: BTreeSet<String>,
    pub exempt_child_resolutions: BTreeSet<String>,
    pub flaky_effect: FlakyEffect,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            final_precedence: true,
            skipped: Treatment::NotRun,
            blocked: Treatment::NotRun,
            freshness_days: None,
            strict_outdated: false,
            excluded_statuses: BTreeSet::new(),
            excluded_labels: BTreeSet::new(),
            uncovered_children_block: true,
            children_by_parent: true,
            exempt_child_statuses: BTreeSet::new(),
            exempt_child_resolutions: ["Won't Do", "Won't Fix"].map(str::to_owned).into(),
            flaky_effect: FlakyEffect::Count,
        }
    }
}

/// Which runs count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    pub version: Option<String>,
    pub plan: Option<String>,
    pub sprint: Option<String>,
    pub environment: Option<String>,
}

/// Everything there is.
#[derive(Debug, Clone, Default)]
pub struct World {
    pub issues: BTreeMap<String, Issue>,
    pub tests: BTreeMap<String, Test>,
    /// Test and issue.
    pub links: BTreeSet<(String, String)>,
    pub executions: BTreeMap<String, Execution>,
    /// The tests somebody put into a plan.
    pub plans: BTreeMap<String, BTreeSet<String>>,
    /// Statuses the site made itself.
    pub custom: BTreeMap<String, Kind>,
    pub settings: Settings,
}

/// What the rules say of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub status: &'static str,
    /// Every linked test: its status in scope, and whether it counts.
    pub tests: BTreeMap<String, (String, bool)>,
}

impl World {
    /// The rules over the world as it is now.
    pub fn rules(&self) -> Rules<'_> {
        let mut runs: BTreeMap<&str, Vec<Made<'_>>> = BTreeMap::new();
        for (key, execution) in &self.executions {
            for run in execution.runs.values() {
                let of_test = runs.entry(&run.test).or_default();
                of_test.push((key, execution, run));
            }
        }
        Rules { world: self, runs }
    }

    /// What a status is (2.2).
    pub fn kind(&self, status: &str) -> Kind {
        let (is_final, effect, rank) = match status {
            "PASSED" => (true, Effect::Ok, 0),
            "TODO" => (false, Effect::NotRun, 1),
            "PENDING" => (false, Effect::NotRun, 2),
            "EXECUTING" => (false, Effect::NotRun, 3),
            "SKIPPED" => (true, Effect::NotRun, 4),
            "ABORTED" => (true, Effect::NotRun, 5),
            "BLOCKED" => (true, Effect::NotRun, 6),
            "UNKNOWN" => (false, Effect::Unknown, 7),
            "ERROR" => (true, Effect::Nok, 8),
            "FAILED" => (true, Effect::Nok, 9),
            custom => return self.custom[custom].clone(),
        };
        Kind {
            is_final,
            effect,
            rank: rank * 100,
        }
    }
}

/// A run with its execution and the key of that.
type Made<'a> = (&'a String, &'a Execution, &'a Run);

/// The rules over a world: every run is found by its test.
#[derive(Debug)]
pub struct Rules<'a> {
    world: &'a World,
    runs: BTreeMap<&'a str, Vec<Made<'a>>>,
}

impl Rules<'_> {
    /// The status of an issue in a scope (3).
    pub fn verdict(&self, issue: &str, scope: &Scope, now_ms: i64) -> Verdict {
        let tests = self.tests_of(issue, scope, now_ms);
        let status = self.status(issue, scope, now_ms, &mut vec![]);
        let tests = tests
            .into_iter()
            .map(|(key, (status, _, counts))| (key, (status, counts)))
            .collect();
        Verdict { status, tests }
    }

    fn status(
        &self,
        issue: &str,
        scope: &Scope,
        now_ms: i64,
        above: &mut Vec<String>,
    ) -> &'static str {
        let exempt = self.world.issues[issue].exempt;
        if exempt.is_some_and(|until| until.is_none_or(|until| now_ms < until)) {
            return "EXEMPT";
        }
        let own = self.tests_of(issue, scope, now_ms);
        let counted = own.values().filter(|(_, _, counts)| *counts);
        let mut joined: Vec<Effect> = counted.map(|(_, effect, _)| *effect).collect();
        let mut uncovered = 0;
        // Step 4. Cycles and depth are not part of this model's worlds.
        above.push(issue.to_owned());
        for (key, child) in &self.world.issues {
            let is_child = child.parent.as_deref() == Some(issue);
            if !is_child || !self.world.settings.children_by_parent || above.contains(key) {
                continue;
            }
            let settings = &self.world.settings;
            let resolution = child.resolution.as_ref();
            if settings.exempt_child_statuses.contains(&child.status)
                || resolution.is_some_and(|one| settings.exempt_child_resolutions.contains(one))
            {
                continue;
            }
            match self.status(key, scope, now_ms, above) {
                "EXEMPT" => {}
                "UNCOVERED" => uncovered += 1,
                "OK" => joined.push(Effect::Ok),
                "NOTRUN" => joined.push(Effect::NotRun),
                "UNKNOWN" => joined.push(Effect::Unknown),
                _ => joined.push(Effect::Nok),
            }
        }
        above.pop();
        match joined.into_iter().max() {
            None => "UNCOVERED",
            Some(Effect::Nok) => "NOK",
            Some(Effect::Unknown) => "UNKNOWN",
            Some(Effect::NotRun) => "NOTRUN",
            Some(Effect::Ok) if uncovered > 0 && self.world.settings.uncovered_children_block => {
                "NOTRUN"
            }
            Some(Effect::Ok) => "OK",
        }
    }

    /// The linked tests: status, effect, whether it counts (steps 1 and 2).
    fn tests_of(
        &self,
        issue: &str,
        scope: &Scope,
        now_ms: i64,
    ) -> BTreeMap<String, (String, Effect, bool)> {
        let linked = self
            .world
            .links
            .iter()
            .filter(|(_, covered)| covered == issue);
        linked
            .map(|(key, _)| {
                let (status, effect) = self.test_status(key, issue, scope, now_ms);
                let counts = self.counts(key, scope, now_ms);
                (key.clone(), (status, effect, counts))
            })
            .collect()
    }

    fn counts(&self, key: &str, scope: &Scope, now_ms: i64) -> bool {
        let (test, settings) = (&self.world.tests[key], &self.world.settings);
        let is_quarantined = test
            .quarantined_until_ms
            .is_some_and(|until| now_ms < until);
        let workflow_status = test.workflow_status.as_ref();
        let is_in_plan = scope.plan.as_ref().is_none_or(|plan| {
            let is_listed = self
                .world
                .plans
                .get(plan)
                .is_some_and(|tests| tests.contains(key));
            is_listed
                || self
                    .runs_of(key)
                    .iter()
                    .any(|(_, execution, _)| execution.plan.as_ref() == Some(plan))
        });
        !test.is_archived
            && !is_quarantined
            && test.labels.is_disjoint(&settings.excluded_labels)
            && !workflow_status.is_some_and(|status| settings.excluded_statuses.contains(status))
            && is_in_plan
    }

    fn runs_of(&self, key: &str) -> &[Made<'_>] {
        self.runs.get(key).map_or(&[], Vec::as_slice)
    }

    /// What a status means under the settings; nothing when such a result is passed over (2.2).
    fn meaning(&self, status: &str) -> Option<Kind> {
        let kind = self.world.kind(status);
        let treatment = match status {
            "SKIPPED" => self.world.settings.skipped,
            "BLOCKED" => self.world.settings.blocked,
            _ => return Some(kind),
        };
        match treatment {
            Treatment::NotRun => Some(kind),
            Treatment::Nok => Some(Kind {
                effect: Effect::Nok,
                ..kind
            }),
            Treatment::Ignore => None,
        }
    }

    /// Step 2: the status of a test in scope, and what it says of the issue.
    fn test_status(&self, key: &str, issue: &str, scope: &Scope, now_ms: i64) -> (String, Effect) {
        let mut groups: BTreeMap<&str, Vec<(&Execution, &Run, Kind)>> = BTreeMap::new();
        for (_, execution, run) in self.runs_of(key).iter().copied() {
            let matches =
                |wanted: &Option<String>, held: &Option<String>| wanted.is_none() || wanted == held;
            let is_in_scope = matches(&scope.version, &execution.fix_version)
                && matches(&scope.plan, &execution.plan)
                && matches(&scope.sprint, &execution.sprint);
            let Some(kind) = self.meaning(&run.status).filter(|_| is_in_scope) else {
                continue;
            };
            let unnamed = execution.environments.is_empty().then_some("");
            let names = execution
                .environments
                .iter()
                .map(String::as_str)
                .chain(unnamed);
            for name in names {
                if scope
                    .environment
                    .as_deref()
                    .is_none_or(|wanted| wanted == name)
                {
                    groups
                        .entry(name)
                        .or_default()
                        .push((execution, run, kind.clone()));
                }
            }
        }
        let mut worst: Option<(Effect, i32, String)> = None;
        for (name, mut runs) in groups {
            runs.sort_by_key(|(_, run, _)| (run.finished_ms, run.started_ms));
            let newest_final = runs.iter().rfind(|(_, _, kind)| kind.is_final);
            let newest_final = newest_final.filter(|_| self.world.settings.final_precedence);
            let (_, run, kind) = newest_final.or(runs.last()).unwrap();
            let is_flaky = self.is_flaky(key, name);
            let picked = self.judged(run, kind, is_flaky, issue, now_ms);
            worst = worst.into_iter().chain([picked]).max();
        }
        let (effect, _, status) = worst.unwrap_or((Effect::NotRun, 100, "TODO".to_owned()));
        (status, effect)
    }

    /// What a picked run counts as. An outdated one is nothing under the strict setting, a flaky test
    /// what the project says; else a failure stands, as does what cannot be trusted anyway, and any
    /// other result is doubted when it is too old.
    fn judged(
        &self,
        run: &Run,
        kind: &Kind,
        is_flaky: bool,
        issue: &str,
        now_ms: i64,
    ) -> (Effect, i32, String) {
        const DAY_MS: i64 = 86_400_000;
        let (settings, test) = (&self.world.settings, &self.world.tests[&run.test]);
        let text_changed_ms = self.world.issues[issue].text_changed_ms;
        let is_outdated =
            run.version < test.version || text_changed_ms.is_some_and(|at| run.finished_ms < at);
        let limit_ms = settings.freshness_days.map(|days| now_ms - days * DAY_MS);
        let is_old = kind.is_final && limit_ms.is_some_and(|limit| run.finished_ms < limit);
        let as_if =
            |effect, status: &str| (effect, self.world.kind(status).rank, status.to_owned());
        if is_outdated && settings.strict_outdated {
            return as_if(Effect::NotRun, "TODO");
        }
        match settings.flaky_effect {
            FlakyEffect::Unknown if is_flaky => as_if(Effect::Unknown, "UNKNOWN"),
            FlakyEffect::Nok if is_flaky && kind.effect != Effect::Nok => {
                as_if(Effect::Nok, "FAILED")
            }
            _ if kind.effect < Effect::Unknown && is_old => as_if(Effect::Unknown, "UNKNOWN"),
            _ => (kind.effect, kind.rank, run.status.clone()),
        }
    }

    /// Whether a test is flaky in an environment (5.4). What neither passed nor failed is no result here.
    fn is_flaky(&self, test: &str, environment: &str) -> bool {
        const RESULTS: usize = 20;
        const CLEARS_AFTER: usize = 10;
        const AT_LEAST: usize = 5;
        let mut results: Vec<(bool, &String, &Execution, &Run)> = vec![];
        for (key, execution, run) in self.runs_of(test).iter().copied() {
            let names = &execution.environments;
            let is_there =
                names.contains(environment) || (names.is_empty() && environment.is_empty());
            let kind = self.world.kind(&run.status);
            if is_there && kind.is_final && matches!(kind.effect, Effect::Ok | Effect::Nok) {
                results.push((kind.effect == Effect::Ok, key, execution, run));
            }
        }
        results.sort_by_key(|(.., run)| std::cmp::Reverse((run.finished_ms, run.started_ms)));
        let is_steady = results.get(..CLEARS_AFTER).is_some_and(|newest| {
            newest
                .iter()
                .all(|(passed, .., run)| *passed == newest[0].0 && !run.is_flaky)
        });
        if is_steady {
            return false;
        }
        results.truncate(RESULTS);
        let is_hard = results.iter().any(|(passed, key, execution, run)| {
            let disagrees = |(other, other_key, of, _): &(bool, &String, &Execution, &Run)| {
                let is_same = match (&execution.revision, &of.revision) {
                    (None, None) => key == other_key,
                    (one, other) => one == other,
                };
                is_same && passed != other
            };
            run.is_flaky || results.iter().any(disagrees)
        });
        let mut branches: BTreeMap<&Option<String>, Vec<bool>> = BTreeMap::new();
        for (passed, _, execution, _) in &results {
            branches.entry(&execution.branch).or_default().push(*passed);
        }
        let is_soft = branches.values().any(|passed| {
            let flips = passed.windows(2).filter(|pair| pair[0] != pair[1]).count();
            passed.len() >= AT_LEAST && flips > 1 && 10 * flips >= 3 * (passed.len() - 1)
        });
        is_hard || is_soft
    }
}
