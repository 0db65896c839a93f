//! What the clients do to executions, runs, tests, links and plans; the facts are their own.

use serde_json::{Value, json};

use super::api::Answer;
use super::change::Change;
use super::client::{Client, Own, is_near, json_of, may_be_linked_by_results};
use super::contested::Claim;
use super::report::{Outcome, attempts, is_rough};
use super::rules::{FOR_GOOD, Run};

/// Statuses a run may be given, as often as they should come; `Forgiven` and `Flagged` are the site's
/// own.
const STATUSES: [(usize, &str); 11] = [
    (80, "PASSED"),
    (4, "Forgiven"),
    (2, "SKIPPED"),
    (2, "BLOCKED"),
    (1, "ABORTED"),
    (1, "TODO"),
    (3, "EXECUTING"),
    (1, "UNKNOWN"),
    (1, "Flagged"),
    (1, "FAILED"),
    (1, "ERROR"),
];
const ROUGH_STATUSES: [(usize, &str); 11] = [
    (30, "PASSED"),
    (5, "Forgiven"),
    (5, "SKIPPED"),
    (5, "BLOCKED"),
    (5, "ABORTED"),
    (5, "TODO"),
    (5, "EXECUTING"),
    (5, "UNKNOWN"),
    (5, "Flagged"),
    (15, "FAILED"),
    (10, "ERROR"),
];
const LABELS: [&str; 3] = ["smoke", "slow", "wip"];
const WORKFLOW: [&str; 3] = ["Draft", "Ready", "Obsolete"];
const DAY_MS: i64 = 86_400_000;

/// The body of an answer with one of these statuses; nothing of one with another.
fn one_of(answer: Answer, good: u16, refused: &[u16], what: &str) -> Option<Value> {
    if refused.contains(&answer.status) {
        return None;
    }
    Some(answer.expect(good, what))
}

/// Whether the service refused this end because it was over before the request was read, as may be
/// where a machine has too much to do.
fn is_over(answer: &Answer, end_ms: i64) -> bool {
    answer.status == 422 && crate::support::site::now_s() * 1_000 >= end_ms - 1_000
}

impl Client {
    pub(super) async fn new_execution(&mut self) {
        let particulars = self.particulars();
        let mut body = json_of(&particulars);
        body["name"] = json!(format!("by hand {}", self.executions.len()));
        let answer = self.api.post("projects/SHOP/executions", &body).await;
        let key = answer.expect(201, "a new execution")["key"].clone();
        let key = key.as_str().unwrap().to_owned();
        self.note(Change::Execution(key.clone(), particulars));
        self.executions.push(Own { key, next_run: 1 });
    }

    pub(super) async fn edit_execution(&mut self) {
        let Some(place) = self.own_execution() else {
            return;
        };
        let key = self.executions[place].key.clone();
        let wanted = self.particulars();
        let path = format!("executions/{key}");
        let whole = json_of(&wanted);
        let mut changed = self.world.executions[&key].clone();
        // Now and then only one thing is said, and the others stay.
        if self.dice.happens(50) {
            let name =
                *self
                    .dice
                    .pick(&["environments", "fixVersion", "plan", "sprint", "revision"]);
            match name {
                "environments" => changed.environments = wanted.environments,
                "fixVersion" => changed.fix_version = wanted.fix_version,
                "plan" => changed.plan = wanted.plan,
                "sprint" => changed.sprint = wanted.sprint,
                _ => changed.revision = wanted.revision,
            }
            let body = json!({ name: whole[name] });
            self.api
                .edit(&path, &body)
                .await
                .expect(200, "an edit of one thing");
        } else {
            changed = wanted;
            self.api
                .edit(&path, &whole)
                .await
                .expect(200, "an edit of an execution");
        }
        self.note(Change::Execution(key, changed));
    }

    pub(super) async fn drop_execution(&mut self) {
        let Some(place) = self.own_execution() else {
            return;
        };
        let key = self.executions.swap_remove(place).key;
        let path = format!("executions/{key}");
        let held = self.api.get(&path).await;
        let gone = self.api.delete(&path, Some(held.etag())).await;
        gone.expect(204, "the end of an execution");
        self.note(Change::ExecutionGone(key));
    }

    /// Edits what others edit at the same time; whoever comes second looks again.
    pub(super) async fn contest(&mut self) {
        let key = self.dice.pick(&self.known.contested).clone();
        let path = format!("executions/{key}");
        let mut particulars = self.particulars();
        // Plans of its own may go away, and would be taken out of it by somebody else's edit.
        particulars.plan = particulars
            .plan
            .filter(|plan| self.known.plans.contains(plan));
        let mut body = json_of(&particulars);
        for attempt in 0..4 {
            let seen = self.api.get(&path).await;
            let tag = seen.etag().to_owned();
            let name = format!(
                "{}-{}-{attempt}",
                self.number,
                self.contest.won.len() + self.contest.lost
            );
            body["name"] = json!(name);
            let answer = self.api.patch(&path, &body, &tag).await;
            if one_of(answer, 200, &[412], "a contested edit").is_some() {
                self.contest.won.push(Claim {
                    execution: key,
                    seen: tag,
                    name,
                    particulars,
                });
                return;
            }
            self.contest.lost += 1;
        }
    }

    pub(super) async fn new_run(&mut self) {
        let contested = self.dice.happens(15);
        let (key, place) = match self.own_execution() {
            Some(place) if !contested => (self.executions[place].key.clone(), Some(place)),
            _ => (self.dice.pick(&self.known.contested).clone(), None),
        };
        let test = self.some_test();
        let finished_ms = self.moment();
        let started_ms = self.dice.happens(70).then_some(finished_ms - 5_000);
        let mut body = json!({
            "test": test, "startedMs": started_ms, "finishedMs": finished_ms,
            "comment": format!("by {}", self.number),
        });
        let (status, is_flaky) = if self.dice.happens(if is_rough(&test) { 40 } else { 10 }) {
            let outcome = *self.dice.pick(&[
                Outcome::Passed,
                Outcome::FailedThenPassed,
                Outcome::FailedTwice,
                Outcome::Passed,
            ]);
            body["attempts"] = attempts(outcome);
            outcome.status()
        } else {
            let status = self.status_of(&test);
            body["status"] = json!(status);
            (status, false)
        };
        let path = format!("executions/{key}/runs");
        let answer = if self.dice.happens(10) {
            let once = format!("{}-{}", self.number, self.log.len());
            let [one, other] = self.api.post_twice(&path, &body, &once).await;
            assert_eq!((one.status, &one.body), (other.status, &other.body));
            one
        } else {
            self.api.post(&path, &body).await
        };
        let Some(made) = one_of(answer, 201, &[409], "a new run") else {
            assert!(
                self.world.tests[&test].is_archived
                    || self.known.cases.iter().any(|(_, key)| *key == test)
            );
            return;
        };
        let number = made["number"].as_i64().unwrap();
        if let Some(place) = place {
            assert_eq!(self.executions[place].next_run, number);
            self.executions[place].next_run += 1;
        }
        let version = self.world.tests[&test].version;
        let run = Run {
            test,
            status: status.to_owned(),
            started_ms,
            finished_ms,
            is_flaky,
            version,
        };
        self.note(Change::Run(key, number, run));
    }

    fn status_of(&mut self, test: &str) -> &'static str {
        if is_rough(test) {
            self.dice.weighed(&ROUGH_STATUSES)
        } else {
            self.dice.weighed(&STATUSES)
        }
    }

    /// A test that reports know, or one of its own that people carry out: those get new versions, and
    /// which one a run was made with must not hang on who comes first.
    fn some_test(&mut self) -> String {
        if self.dice.happens(60) {
            return self.dice.pick(&self.known.cases).1.clone();
        }
        let place = self
            .dice
            .roll(self.known.manual.len() / super::client::CLIENTS);
        self.known.manual[place * super::client::CLIENTS + self.number].clone()
    }

    /// A test that it alone edits.
    fn own_test(&mut self) -> (String, bool) {
        let is_manual = self.dice.happens(50);
        let place = |of: usize, dice: &mut super::dice::Dice| {
            dice.roll(of / super::client::CLIENTS) * super::client::CLIENTS
        };
        if is_manual {
            let place = place(self.known.manual.len(), &mut self.dice) + self.number;
            (self.known.manual[place].clone(), true)
        } else {
            let place = place(self.known.cases.len(), &mut self.dice) + self.number;
            (self.known.cases[place].1.clone(), false)
        }
    }

    /// One of the runs of an execution of its own, if it has any.
    fn own_run(&mut self) -> Option<(String, i64)> {
        let place = self.own_execution()?;
        let key = self.executions[place].key.clone();
        let numbers: Vec<i64> = self.world.executions[&key].runs.keys().copied().collect();
        (!numbers.is_empty()).then(|| (key, *self.dice.pick(&numbers)))
    }

    pub(super) async fn edit_run(&mut self) {
        let Some((key, number)) = self.own_run() else {
            return;
        };
        let mut run = self.world.executions[&key].runs[&number].clone();
        let mut body = json!({ "comment": "looked at again" });
        let was_final = self.world.kind(&run.status).is_final;
        if self.dice.happens(70) {
            run.status = self.status_of(&run.test).to_owned();
            body["status"] = json!(run.status);
        }
        let is_dated = self.dice.happens(30);
        if is_dated {
            run.finished_ms = self.moment();
            run.started_ms = Some(run.finished_ms - 1_000);
            body["finishedMs"] = json!(run.finished_ms);
            body["startedMs"] = json!(run.started_ms);
        }
        let path = format!("executions/{key}/runs/{number}");
        let edited = self.api.edit(&path, &body).await;
        let edited = edited.expect(200, "an edit of a run");
        let finished_ms = edited["finishedMs"].as_i64().unwrap();
        // A run that gets its result without saying when has got it now.
        if !is_dated && !was_final && self.world.kind(&run.status).is_final {
            assert!(finished_ms > run.finished_ms, "{edited}");
            run.finished_ms = finished_ms;
        }
        assert_eq!(finished_ms, run.finished_ms, "{edited}");
        self.note(Change::Run(key, number, run));
    }

    pub(super) async fn drop_run(&mut self) {
        let Some((key, number)) = self.own_run() else {
            return;
        };
        let path = format!("executions/{key}/runs/{number}");
        let held = self.api.get(&path).await;
        let gone = self.api.delete(&path, Some(held.etag())).await;
        gone.expect(204, "the end of a run");
        self.note(Change::RunGone(key, number));
    }

    /// Links a test to an issue or takes the link away; the pair is its own.
    pub(super) async fn link(&mut self) {
        let issue = self.dice.roll(self.known.issues.len());
        let near = |test: &usize| {
            is_near(*test, issue)
                && !may_be_linked_by_results(*test, issue)
                && (test + issue) % super::client::CLIENTS == self.number
        };
        let tests: Vec<usize> = (0..self.known.cases.len() + self.known.manual.len())
            .filter(near)
            .collect();
        if tests.is_empty() {
            return;
        }
        let place = *self.dice.pick(&tests);
        let cases = self.known.cases.len();
        let test = match self.known.cases.get(place) {
            Some((_, key)) => key.clone(),
            None => self.known.manual[place - cases].clone(),
        };
        let issue = self.known.issues[issue].clone();
        let path = format!("issues/{issue}/tests/{test}");
        if self.world.links.contains(&(test.clone(), issue.clone())) {
            self.api
                .delete(&path, None)
                .await
                .expect(204, "the end of a link");
            self.note(Change::Unlinked(test, issue));
        } else {
            let answer = self.api.put(&path, None).await;
            // An archived test covers nothing; who archived it is another's affair.
            if one_of(answer, 204, &[409], "a link").is_some() {
                self.note(Change::Linked(test, issue));
            }
        }
    }

    pub(super) async fn edit_test(&mut self) {
        let (key, is_manual) = self.own_test();
        let mut test = self.world.tests[&key].clone();
        let body = match self.dice.roll(if is_manual { 5 } else { 4 }) {
            0 => {
                test.labels = (0..self.dice.roll(3))
                    .map(|_| (*self.dice.pick(&LABELS)).to_owned())
                    .collect();
                json!({ "labels": test.labels })
            }
            1 => {
                test.workflow_status = self.dice.maybe(&WORKFLOW);
                json!({ "workflowStatus": test.workflow_status })
            }
            2 | 3 => {
                test.is_archived = !test.is_archived && self.dice.happens(50);
                json!({ "archived": test.is_archived })
            }
            _ => {
                test.version += 1;
                json!({ "name": format!("{key}, version {}", test.version) })
            }
        };
        let edited = self.api.edit(&format!("tests/{key}"), &body).await;
        let edited = edited.expect(200, "an edit of a test");
        assert_eq!(edited["version"], test.version, "{edited}");
        self.note(Change::Test(key, test));
    }

    pub(super) async fn quarantine(&mut self) {
        let (key, _) = self.own_test();
        let path = format!("tests/{key}/quarantine");
        if self.world.tests[&key].quarantined_until_ms.is_some() {
            self.api
                .delete(&path, None)
                .await
                .expect(204, "the end of a quarantine");
            self.note(Change::Quarantined(key, None));
        } else {
            let until_ms = self.end();
            let body =
                json!({ "reason": "it flickers", "owner": "5b10a-person", "endsMs": until_ms });
            let answer = self.api.put(&path, Some(&body)).await;
            if !is_over(&answer, until_ms) {
                answer.expect(200, "a quarantine");
                self.note(Change::Quarantined(key, Some(until_ms)));
            }
        }
    }

    /// When something ends: long after all this, or while it goes on.
    fn end(&mut self) -> i64 {
        let now_ms = crate::support::site::now_s() * 1_000;
        if self.dice.happens(30) {
            now_ms + 3_000
        } else {
            now_ms + 30 * DAY_MS
        }
    }

    /// Says that an issue needs no test, of a few at a time, or takes it back.
    pub(super) async fn exempt(&mut self) {
        let own = self.issues.iter().map(|issue| issue.key().to_owned());
        let (exempt, others): (Vec<String>, Vec<String>) =
            own.partition(|key| self.world.issues[key].exempt_until_ms.is_some());
        let from = if exempt.len() > 1 { &exempt } else { &others };
        let key = self.dice.pick(from).clone();
        let path = format!("issues/{key}/exemption");
        if self.world.issues[&key].exempt_until_ms.is_some() {
            self.api
                .delete(&path, None)
                .await
                .expect(204, "the end of an exemption");
            self.note(Change::Exempt(key, None));
        } else {
            let until_ms = if self.dice.happens(40) {
                None
            } else {
                Some(self.end())
            };
            let body = json!({ "reason": "nothing to test", "endsMs": until_ms });
            let answer = self.api.put(&path, Some(&body)).await;
            if !until_ms.is_some_and(|until_ms| is_over(&answer, until_ms)) {
                answer.expect(200, "an exemption");
                self.note(Change::Exempt(key, until_ms.or(Some(FOR_GOOD))));
            }
        }
    }

    pub(super) async fn new_plan(&mut self) {
        let body = json!({ "name": format!("Plan of client {}", self.number) });
        let answer = self.api.post("projects/SHOP/plans", &body).await;
        let key = answer.expect(201, "a new plan")["key"].clone();
        let key = key.as_str().unwrap().to_owned();
        self.note(Change::Plan(key.clone()));
        self.plans.push(key);
    }

    pub(super) async fn edit_plan(&mut self) {
        let plans = [self.known.plans.as_slice(), &self.plans].concat();
        if plans.is_empty() {
            return;
        }
        let (plan, (test, _)) = (self.dice.pick(&plans).clone(), self.own_test());
        let path = format!("plans/{plan}/tests/{test}");
        if self.world.plans[&plan].contains(&test) {
            self.api
                .delete(&path, None)
                .await
                .expect(204, "a test out of a plan");
            self.note(Change::NotInPlan(plan, test));
        } else {
            self.api
                .put(&path, None)
                .await
                .expect(204, "a test into a plan");
            self.note(Change::InPlan(plan, test));
        }
    }

    pub(super) async fn drop_plan(&mut self) {
        if self.plans.is_empty() {
            return;
        }
        let place = self.dice.roll(self.plans.len());
        let key = self.plans.swap_remove(place);
        let path = format!("plans/{key}");
        let held = self.api.get(&path).await;
        let gone = self.api.delete(&path, Some(held.etag())).await;
        gone.expect(204, "the end of a plan");
        self.note(Change::PlanGone(key));
    }

    /// Asks for what cannot be: refused, by name, and nothing of it is there afterwards.
    pub(super) async fn wrong(&mut self) {
        let execution = self.dice.pick(&self.known.contested).clone();
        let runs = format!("executions/{execution}/runs");
        let path = format!("executions/{execution}");
        let test = self.dice.pick(&self.known.cases).1.clone();
        let future_ms = crate::support::site::now_s() * 1_000 + 30 * DAY_MS;
        let at_ms = self.known.base_ms;
        let (answer, status) = match self.dice.roll(9) {
            0 => (
                self.api
                    .post(
                        &runs,
                        &json!({ "test": test, "status": "MAYBE", "finishedMs": at_ms }),
                    )
                    .await,
                422,
            ),
            1 => (
                self.api
                    .post(
                        &runs,
                        &json!({ "test": test, "status": "PASSED", "finishedMs": future_ms }),
                    )
                    .await,
                422,
            ),
            2 => (
                self.api
                    .post(
                        &runs,
                        &json!({ "test": "SHOP-T99999", "status": "PASSED", "finishedMs": at_ms }),
                    )
                    .await,
                422,
            ),
            3 => (
                self.api
                    .patch(&path, &json!({ "fixVersion": "9.9" }), "\"stale\"")
                    .await,
                412,
            ),
            4 => (
                self.api
                    .patch(&path, &json!({ "fixVersion": "x".repeat(5_000) }), "*")
                    .await,
                422,
            ),
            5 => (
                self.api
                    .patch(&path, &json!({ "version": "1.0" }), "*")
                    .await,
                422,
            ),
            6 => {
                let labels: Vec<String> = (0..20_000).map(|n| format!("label {n}")).collect();
                (
                    self.api
                        .patch(&format!("tests/{test}"), &json!({ "labels": labels }), "*")
                        .await,
                    422,
                )
            }
            7 => (
                self.api
                    .put(&format!("issues/SHOP-99999/tests/{test}"), None)
                    .await,
                404,
            ),
            _ => (
                self.api
                    .put(
                        &format!("tests/{test}/quarantine"),
                        Some(&json!({ "reason": "", "owner": "x", "endsMs": future_ms })),
                    )
                    .await,
                422,
            ),
        };
        let what = answer.body["title"].clone();
        answer.expect(status, &format!("what cannot be ({what})"));
    }
}
