//! One of the clients: it does what its dice say, and notes what the answers say was changed.
//!
//! What it chooses follows from its seed and from its own earlier answers alone. Facts that it edits
//! belong to it; tests, issues, scopes and the environments are everybody's.

use serde_json::{Value, json};

use super::api::Api;
use super::change::Change;
use super::contested::Contest;
use super::dice::Dice;
use super::jira::{DONE, IN_PROGRESS, JiraIssue, TO_DO};
use super::report::{Case, OUTCOMES, ROUGH_OUTCOMES, is_rough};
use super::rules::{Execution, Run, World};

pub const CLIENTS: usize = 4;
pub const ENVIRONMENTS: [&str; 3] = ["chrome", "firefox", "safari"];
pub const VERSIONS: [&str; 2] = ["1.0", "2.0"];
pub const SPRINTS: [&str; 2] = ["Sprint 7", "Sprint 8"];
const REVISIONS: [&str; 4] = ["4f1c", "77ab", "90de", "c0de"];
const BRANCHES: [&str; 2] = ["main", "next"];

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Upload,
    UploadMore,
    Event,
    Look,
    NewExecution,
    EditExecution,
    DropExecution,
    Contest,
    NewRun,
    EditRun,
    DropRun,
    Link,
    EditTest,
    Quarantine,
    Exempt,
    NewPlan,
    EditPlan,
    DropPlan,
    Wrong,
}

/// How often it does what.
pub const VERBS: [(usize, Verb); 19] = [
    (160, Verb::Upload),
    (60, Verb::UploadMore),
    (40, Verb::Event),
    (30, Verb::Look),
    (60, Verb::NewExecution),
    (70, Verb::EditExecution),
    (15, Verb::DropExecution),
    (60, Verb::Contest),
    (180, Verb::NewRun),
    (90, Verb::EditRun),
    (40, Verb::DropRun),
    (70, Verb::Link),
    (50, Verb::EditTest),
    (15, Verb::Quarantine),
    (5, Verb::Exempt),
    (5, Verb::NewPlan),
    (30, Verb::EditPlan),
    (2, Verb::DropPlan),
    (30, Verb::Wrong),
];

/// What all clients know from the start.
#[derive(Debug, Clone)]
pub struct Known {
    /// Names and keys of the tests that reports know by name.
    pub cases: Vec<(String, String)>,
    /// Keys of the tests that people carry out.
    pub manual: Vec<String>,
    /// Keys of the issues.
    pub issues: Vec<String>,
    /// Keys of the executions that everybody edits.
    pub contested: Vec<String>,
    /// Keys of the plans that stay.
    pub plans: Vec<String>,
    /// The first moment that anything ended at, a whole minute.
    pub base_ms: i64,
}

/// An execution of its own.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub key: String,
    pub next_run: i64,
}

#[derive(Debug)]
pub struct Client {
    pub(super) number: usize,
    pub(super) dice: Dice,
    pub(super) api: Api,
    pub(super) known: Known,
    /// The world as far as it made it itself.
    pub(super) world: World,
    pub(super) issues: Vec<JiraIssue>,
    pub(super) executions: Vec<Own>,
    pub(super) plans: Vec<String>,
    moments: i64,
    deliveries: Vec<(String, Value)>,
    pub log: Vec<Change>,
    pub contest: Contest,
}

impl Client {
    pub fn new(
        number: usize,
        seed: u64,
        api: Api,
        known: Known,
        world: World,
        issues: Vec<JiraIssue>,
    ) -> Self {
        Self {
            number,
            dice: Dice::new(seed * 10 + u64::try_from(number).unwrap()),
            api,
            known,
            world,
            issues,
            executions: vec![],
            plans: vec![],
            moments: 0,
            deliveries: vec![],
            log: vec![],
            contest: Contest::default(),
        }
    }

    /// Does so many things, one after another.
    pub async fn work(&mut self, operations: usize) {
        for _ in 0..operations {
            match self.dice.weighed(&VERBS) {
                Verb::Upload => self.upload(None).await,
                Verb::UploadMore => {
                    let into = self.own_execution();
                    self.upload(into).await;
                }
                Verb::Event => self.event().await,
                Verb::Look => self.look().await,
                Verb::NewExecution => self.new_execution().await,
                Verb::EditExecution => self.edit_execution().await,
                Verb::DropExecution => self.drop_execution().await,
                Verb::Contest => self.contest().await,
                Verb::NewRun => self.new_run().await,
                Verb::EditRun => self.edit_run().await,
                Verb::DropRun => self.drop_run().await,
                Verb::Link => self.link().await,
                Verb::EditTest => self.edit_test().await,
                Verb::Quarantine => self.quarantine().await,
                Verb::Exempt => self.exempt().await,
                Verb::NewPlan => self.new_plan().await,
                Verb::EditPlan => self.edit_plan().await,
                Verb::DropPlan => self.drop_plan().await,
                Verb::Wrong => self.wrong().await,
            }
        }
    }

    pub(super) fn own_execution(&mut self) -> Option<usize> {
        let count = self.executions.len();
        (count > 0).then(|| self.dice.roll(count))
    }

    pub(super) fn note(&mut self, change: Change) {
        self.world.apply(change.clone());
        self.log.push(change);
    }

    /// A moment at which something ended that nothing else ends at; mostly within the last twenty
    /// days, and some long before.
    pub(super) fn moment(&mut self) -> i64 {
        const MINUTE_MS: i64 = 60_000;
        const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
        let minute = i64::try_from(self.dice.roll(28_000)).unwrap();
        let own = i64::try_from(self.number).unwrap() * 14_000 + self.moments;
        self.moments += 1;
        assert!(self.moments < 14_000);
        let long_ago = if self.dice.happens(15) {
            60 * DAY_MS
        } else {
            0
        };
        self.known.base_ms + minute * MINUTE_MS + own - long_ago
    }

    /// What an execution is made for.
    pub(super) fn particulars(&mut self) -> Execution {
        let mut environments = vec![];
        for _ in 0..self.dice.roll(3) {
            environments.push((*self.dice.pick(&ENVIRONMENTS)).to_owned());
        }
        let plans = [self.known.plans.as_slice(), &self.plans].concat();
        let plans: Vec<&str> = plans.iter().map(String::as_str).collect();
        Execution {
            environments: environments.into_iter().collect(),
            fix_version: self.dice.maybe(&VERSIONS),
            plan: if plans.is_empty() {
                None
            } else {
                self.dice.maybe(&plans)
            },
            sprint: self.dice.maybe(&SPRINTS),
            revision: self.dice.maybe(&REVISIONS),
            branch: self.dice.maybe(&BRANCHES),
            runs: [].into(),
        }
    }

    /// Reports results, into a new execution or one of its own.
    async fn upload(&mut self, into: Option<usize>) {
        let mut cases: Vec<Case> = vec![];
        for _ in 0..=self.dice.roll(6) {
            let place = self.dice.roll(self.known.cases.len());
            let (name, key) = self.known.cases[place].clone();
            if cases.iter().any(|case| case.name == name) {
                continue;
            }
            let finished_ms = self.moment();
            let issue = self.dice.roll(self.known.issues.len());
            let is_named = self.dice.happens(40) && may_be_linked_by_results(place, issue);
            let outcome = match is_rough(&key) {
                true => self.dice.weighed(&ROUGH_OUTCOMES),
                false => self.dice.weighed(&OUTCOMES),
            };
            cases.push(Case {
                name,
                test: key,
                outcome,
                finished_ms,
                took_ms: i64::try_from(self.dice.roll(50_000)).unwrap(),
                issue: is_named.then(|| self.known.issues[issue].clone()),
            });
        }
        let particulars = self.particulars();
        let query = match into {
            None => query_of(&particulars),
            Some(place) => vec![("execution", self.executions[place].key.clone())],
        };
        let answer = self.api.upload(&query, super::report::file(&cases)).await;
        let answer = answer.expect(200, "an upload");
        let key = answer["execution"]["key"].as_str().unwrap().to_owned();
        let place = into.unwrap_or(self.executions.len());
        if into.is_none() {
            self.executions.push(Own {
                key: key.clone(),
                next_run: 1,
            });
            self.note(Change::Execution(key.clone(), particulars));
        }
        for case in cases {
            let number = self.executions[place].next_run;
            self.executions[place].next_run += 1;
            let (status, is_flaky) = case.outcome.status();
            let run = Run {
                test: case.test.clone(),
                status: status.to_owned(),
                started_ms: Some(case.finished_ms - case.took_ms),
                finished_ms: case.finished_ms,
                is_flaky,
                version: self.world.tests[&case.test].version,
            };
            self.note(Change::Run(key.clone(), number, run));
            if let Some(issue) = case.issue {
                self.note(Change::Linked(case.test, issue));
            }
        }
    }

    /// Something happens to one of its issues in Jira, or Jira tells of it a second time.
    async fn event(&mut self) {
        if !self.deliveries.is_empty() && self.dice.happens(10) {
            let (delivery, body) = self.dice.pick(&self.deliveries).clone();
            return self.api.tell(&delivery, &body).await;
        }
        let place = self.dice.roll(self.issues.len());
        let later_ms = 1_000 + i64::try_from(self.dice.roll(6 * 3_600)).unwrap() * 1_000;
        let (body, change) = if self.dice.happens(50) {
            let issue = &mut self.issues[place];
            let body = issue.edited(later_ms);
            (
                body,
                Change::TextChanged(issue.key().to_owned(), issue.at_ms),
            )
        } else {
            let (to, resolution) = self.dice.weighed(&[
                (4, (TO_DO, None)),
                (4, (IN_PROGRESS, None)),
                (2, (DONE, Some("Done"))),
                (2, (DONE, Some("Won't Do"))),
            ]);
            let issue = &mut self.issues[place];
            let body = issue.moved(later_ms, to, resolution);
            (
                body,
                Change::Moved(issue.key().to_owned(), to.1, resolution),
            )
        };
        let delivery = format!("{}-{}", self.number, self.deliveries.len());
        self.api.tell(&delivery, &body).await;
        self.deliveries.push((delivery, body));
        self.note(change);
    }

    /// Looks at an issue while all the others are at work: the status is one there is.
    async fn look(&mut self) {
        let issue = self.dice.pick(&self.known.issues);
        let seen = self.api.get(&format!("issues/{issue}/coverage")).await;
        let seen = seen.expect(200, "a look");
        let statuses = ["OK", "NOK", "NOTRUN", "UNKNOWN", "UNCOVERED", "EXEMPT"];
        assert!(
            statuses.contains(&seen["status"].as_str().unwrap()),
            "{seen}"
        );
    }
}

/// Whether results may name this test (by its place) and issue as belonging together; all other pairs
/// are for people, who have the last word on theirs.
pub fn may_be_linked_by_results(test: usize, issue: usize) -> bool {
    is_near(test, issue) && (test + issue).is_multiple_of(3)
}

/// Whether the two may ever be linked: an issue has a dozen tests at the most.
pub fn is_near(test: usize, issue: usize) -> bool {
    (test + 120 - (issue * 3) % 120) % 120 < 14
}

fn query_of(execution: &Execution) -> Vec<(&'static str, String)> {
    let mut query: Vec<(&str, String)> = vec![];
    query.extend(
        execution
            .environments
            .iter()
            .map(|name| ("environment", name.clone())),
    );
    for (name, value) in [
        ("fixVersion", &execution.fix_version),
        ("plan", &execution.plan),
        ("sprint", &execution.sprint),
        ("revision", &execution.revision),
        ("branch", &execution.branch),
    ] {
        query.extend(value.clone().map(|value| (name, value)));
    }
    query
}

/// The particulars of an execution as the interface writes them.
pub fn json_of(execution: &Execution) -> Value {
    json!({
        "environments": execution.environments,
        "fixVersion": execution.fix_version,
        "plan": execution.plan,
        "sprint": execution.sprint,
        "revision": execution.revision,
        "branch": execution.branch,
    })
}
