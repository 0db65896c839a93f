//! The world as it is before the clients come: issues, tests, and a first report.

use std::collections::BTreeSet;

use serde_json::json;

use super::api::Api;
use super::change::Change;
use super::client::Known;
use super::dice::Dice;
use super::jira::JiraIssue;
use super::report::{Case, Outcome, file};
use super::rules::{Effect, Execution, Issue, Kind, Run, Test, World};
use crate::support::TestApp;
use crate::support::site::now_s;

/// Epics, each with some of the stories below it.
const EPICS: i64 = 6;
const ISSUES: i64 = 50;
/// Tests that reports know by name.
const CASES: usize = 80;
/// Tests that people carry out.
const MANUAL: usize = 40;
const CONTESTED: usize = 3;
const DAY_MS: i64 = 86_400_000;

/// Makes it; returns what everybody knows, the model of it, and the issues as Jira has them.
pub async fn begin(app: &TestApp, api: &Api, dice: &mut Dice) -> (Known, World, Vec<JiraIssue>) {
    let base_ms = (now_s() / 60) * 60_000 - 20 * DAY_MS;
    let mut world = World::default();
    let issues = issues(app, api, dice, base_ms, &mut world).await;
    let cases = cases(api, base_ms, &mut world).await;
    let known = Known {
        cases,
        manual: manual(api, &mut world).await,
        issues: world.issues.keys().cloned().collect(),
        contested: contested(api, &mut world).await,
        plans: plans(api, &mut world).await,
        base_ms,
    };
    statuses(api, &mut world).await;
    (known, world, issues)
}

async fn issues(
    app: &TestApp,
    api: &Api,
    dice: &mut Dice,
    base_ms: i64,
    world: &mut World,
) -> Vec<JiraIssue> {
    let mut issues = vec![];
    for number in 1..=ISSUES {
        let is_epic = number <= EPICS;
        let parent = 1 + i64::try_from(dice.roll(2 * 6)).unwrap();
        let parent = Some(parent).filter(|parent| !is_epic && *parent <= EPICS);
        let issue = JiraIssue::new(
            number,
            is_epic,
            parent,
            base_ms - 100 * DAY_MS + number * 1_000,
        );
        api.tell(&format!("begin-{number}"), &issue.created()).await;
        let known = Issue {
            parent: parent.map(|parent| format!("SHOP-{parent}")),
            status: "To Do".to_owned(),
            ..Issue::default()
        };
        world.issues.insert(issue.key().to_owned(), known);
        issues.push(issue);
    }
    app.applied().await;
    // From here on they change while results come in.
    for issue in &mut issues {
        issue.at_ms = base_ms;
    }
    issues
}

/// Makes the tests that reports know by name, by a first report; their names and keys.
async fn cases(api: &Api, base_ms: i64, world: &mut World) -> Vec<(String, String)> {
    let began_ms = base_ms - 90 * DAY_MS;
    let mut reported = vec![];
    for n in 0..CASES {
        reported.push(Case {
            name: format!("case {n}"),
            test: String::new(),
            outcome: Outcome::Passed,
            finished_ms: began_ms + i64::try_from(n).unwrap(),
            took_ms: 10,
            issue: None,
        });
    }
    let answer = api
        .upload(&[], file(&reported))
        .await
        .expect(200, "the first report");
    let execution = answer["execution"]["key"].as_str().unwrap().to_owned();
    let stored = api
        .get(&format!("executions/{execution}"))
        .await
        .expect(200, "its runs");
    world.apply(Change::Execution(execution.clone(), Execution::default()));
    let mut cases = vec![];
    for run in stored["runs"].as_array().unwrap() {
        let text = |name: &str| run["test"][name].as_str().unwrap().to_owned();
        let (name, key) = (text("name"), text("key"));
        world.apply(Change::Test(
            key.clone(),
            Test {
                version: 1,
                ..Test::default()
            },
        ));
        let reported = reported.iter().find(|case| case.name == name).unwrap();
        let run_of_it = Run {
            test: key.clone(),
            status: "PASSED".to_owned(),
            started_ms: Some(reported.finished_ms - reported.took_ms),
            finished_ms: reported.finished_ms,
            is_flaky: false,
            version: 1,
        };
        world.apply(Change::Run(
            execution.clone(),
            run["number"].as_i64().unwrap(),
            run_of_it,
        ));
        cases.push((name, key));
    }
    let names: BTreeSet<&String> = cases.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), CASES);
    cases
}

/// Tests that people carry out.
async fn manual(api: &Api, world: &mut World) -> Vec<String> {
    let mut keys = vec![];
    for n in 0..MANUAL {
        let body = json!({ "name": format!("by hand {n}"), "steps": [{ "action": "look" }] });
        let made = api
            .post("projects/SHOP/tests", &body)
            .await
            .expect(201, "a test");
        let key = made["key"].as_str().unwrap().to_owned();
        let test = Test {
            version: 1,
            ..Test::default()
        };
        world.apply(Change::Test(key.clone(), test));
        keys.push(key);
    }
    keys
}

/// Executions that everybody edits.
async fn contested(api: &Api, world: &mut World) -> Vec<String> {
    let mut keys = vec![];
    for n in 0..CONTESTED {
        let body = json!({ "name": format!("contested {n}") });
        let made = api
            .post("projects/SHOP/executions", &body)
            .await
            .expect(201, "an execution");
        let key = made["key"].as_str().unwrap().to_owned();
        world.apply(Change::Execution(key.clone(), Execution::default()));
        keys.push(key);
    }
    keys
}

/// Plans that stay.
async fn plans(api: &Api, world: &mut World) -> Vec<String> {
    let mut keys = vec![];
    for n in 0..2 {
        let body = json!({ "name": format!("Release {n}") });
        let made = api
            .post("projects/SHOP/plans", &body)
            .await
            .expect(201, "a plan");
        let key = made["key"].as_str().unwrap().to_owned();
        world.apply(Change::Plan(key.clone()));
        keys.push(key);
    }
    keys
}

/// Statuses of the site's own: a milder pass, and a grave word that is final and cannot be trusted.
async fn statuses(api: &Api, world: &mut World) {
    for (name, effect, rank) in [
        ("Forgiven", Effect::Ok, 50),
        ("Flagged", Effect::Unknown, 750),
    ] {
        let word = if effect == Effect::Ok {
            "OK"
        } else {
            "UNKNOWN"
        };
        let body = json!({ "name": name, "colour": "#336699", "final": true, "effect": word, "rank": rank });
        api.post("statuses", &body).await.expect(201, "a status");
        world.apply(Change::Status(
            name.to_owned(),
            Kind {
                is_final: true,
                effect,
                rank,
            },
        ));
    }
}
