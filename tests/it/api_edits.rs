//! `/api/v1` edits facts: what is stored, what follows from it, and what is refused.

use reqwest::Method;
use serde_json::{Value, json};

use crate::both_databases;
use crate::support::events::Issue;
use crate::support::site::{Site, now_s};
use crate::support::{Database, TestApp};

/// 2026-11-20, in milliseconds.
const T0: i64 = 1_795_132_800_000;

struct World {
    app: TestApp,
    site: Site,
    token: String,
}

/// What was answered.
struct Said {
    status: u16,
    etag: Option<String>,
    location: Option<String>,
    replayed: bool,
    body: Value,
}

impl World {
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        let world = Self { app, site, token };
        for (id, key) in [(10_007, "SHOP-7"), (10_300, "SHOP-300")] {
            let mut created = Issue::new(id, key).created(T0);
            if key == "SHOP-300" {
                created["issue"]["fields"]["issuetype"] =
                    json!({ "id": "10004", "name": "Bug", "subtask": false });
            }
            world.app.deliver(&world.site, key, &created).await;
        }
        world.app.applied().await;
        world
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Said {
        let url = format!("{}/api/v1/{path}", self.app.base);
        let mut asking = self.app.http.request(method, url).bearer_auth(&self.token);
        for (name, value) in headers {
            asking = asking.header(*name, *value);
        }
        if let Some(body) = body {
            asking = asking.json(&body);
        }
        let answer = asking.send().await.unwrap();
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let (etag, location) = (header("etag"), header("location"));
        let (status, replayed) = (
            answer.status().as_u16(),
            header("idempotency-replayed").is_some(),
        );
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Said {
            status,
            etag,
            location,
            replayed,
            body,
        }
    }

    async fn get(&self, path: &str) -> Said {
        self.ask(Method::GET, path, None, &[]).await
    }

    /// Makes something that must be made.
    async fn post(&self, path: &str, body: Value) -> Value {
        let said = self.ask(Method::POST, path, Some(body), &[]).await;
        assert_eq!(said.status, 201, "{path}: {}", said.body);
        assert!(said.location.is_some() && said.etag.is_some(), "{path}");
        said.body
    }

    /// Changes something, whatever it is by now.
    async fn patch(&self, path: &str, body: Value) -> Value {
        let said = self
            .ask(Method::PATCH, path, Some(body), &[("If-Match", "*")])
            .await;
        assert_eq!(said.status, 200, "{path}: {}", said.body);
        said.body
    }

    async fn done(&self, method: Method, path: &str, body: Option<Value>) {
        let said = self.ask(method, path, body, &[("If-Match", "*")]).await;
        assert!(
            matches!(said.status, 200 | 204),
            "{path}: {} {}",
            said.status,
            said.body
        );
    }

    /// The status of SHOP-7 in a scope.
    async fn status(&self, scope: &str) -> String {
        let said = self.get(&format!("issues/SHOP-7/coverage?{scope}")).await;
        said.body["status"]
            .as_str()
            .unwrap_or_else(|| panic!("{}", said.body))
            .to_owned()
    }

    /// A test that covers SHOP-7, and an execution.
    async fn covered(&self) {
        self.post("projects/SHOP/tests", json!({ "name": "Pays" }))
            .await;
        self.done(Method::PUT, "issues/SHOP-7/tests/SHOP-T1", None)
            .await;
        self.post("projects/SHOP/executions", json!({ "name": "Smoke" }))
            .await;
    }

    /// The projections are what a rebuild makes of the facts.
    async fn consistent(&self) {
        let site =
            touchstone::store::sites::find(self.app.app().store.read(), &self.site.client_key)
                .await
                .unwrap()
                .unwrap();
        let wrong = touchstone::app::check_projections::check_projections(
            &self.app.app().store,
            site.site.id,
        )
        .await
        .unwrap();
        assert!(wrong.wrong.is_empty() && wrong.tests > 0, "{wrong:?}");
    }
}

/// A run of SHOP-T1 that ended `minutes` after T0.
fn run(status: &str, minutes: i64) -> Value {
    json!({ "test": "SHOP-T1", "status": status, "finishedMs": T0 + minutes * 60_000 })
}

both_databases! {
    async fn every_edit_of_a_run_is_seen_in_the_issue_at_once(database: Database) {
        let world = World::new(database).await;
        world.covered().await;
        assert_eq!(world.status("").await, "NOTRUN");
        let made = world.post("executions/SHOP-E1/runs", run("pass", 1)).await;
        assert_eq!((&made["number"], &made["status"], &made["testVersion"]), (&json!(1), &json!("PASSED"), &json!(1)));
        assert_eq!(world.status("").await, "OK");
        world.post("executions/SHOP-E1/runs", run("FAILED", 2)).await;
        assert_eq!(world.status("").await, "NOK");

        let changed = world.patch("executions/SHOP-E1/runs/2", json!({ "status": "PASSED", "comment": "a typo" })).await;
        assert_eq!((&changed["comment"], &changed["finishedMs"]), (&json!("a typo"), &json!(T0 + 120_000)));
        assert_eq!(world.status("").await, "OK");
        world.patch("executions/SHOP-E1/runs/1", json!({ "status": "FAILED", "finishedMs": T0 + 180_000 })).await;
        assert_eq!(world.status("").await, "NOK", "it is the later one now");
        world.done(Method::DELETE, "executions/SHOP-E1/runs/1", None).await;
        assert_eq!(world.status("").await, "OK");
        assert_eq!(world.get("executions/SHOP-E1/runs/1").await.status, 404);
        let third = world.post("executions/SHOP-E1/runs", run("skipped", 1)).await;
        assert_eq!(third["number"], 3, "numbers are not given again");
        let held = world.get("executions/SHOP-E1").await.body;
        assert_eq!((&held["finishedMs"], &held["counts"]), (&json!(T0 + 120_000), &json!({ "PASSED": 1, "SKIPPED": 1 })));
        world.consistent().await;
        world.done(Method::DELETE, "executions/SHOP-E1", None).await;
        assert_eq!(world.status("").await, "NOTRUN");
        world.consistent().await;
        world.app.stop().await;
    }

    async fn what_an_execution_is_made_for_can_be_changed(database: Database) {
        let world = World::new(database).await;
        world.covered().await;
        world.post("executions/SHOP-E1/runs", run("FAILED", 1)).await;
        assert_eq!(world.status("scope=version:1.4").await, "NOTRUN");
        let change = json!({ "fixVersion": "1.4", "environments": ["safari", "chrome", "chrome"], "sprint": "7" });
        let changed = world.patch("executions/SHOP-E1", change).await;
        assert_eq!(changed["environments"], json!(["chrome", "safari"]));
        assert_eq!(world.status("scope=version:1.4").await, "NOK");
        assert_eq!(world.status("scope=sprint:7&environment=chrome").await, "NOK");
        assert_eq!(world.status("environment=firefox").await, "NOTRUN");
        world.consistent().await;
        let changed = world.patch("executions/SHOP-E1", json!({ "fixVersion": null, "environments": [] })).await;
        assert_eq!((&changed["fixVersion"], &changed["sprint"]), (&Value::Null, &json!("7")));
        assert_eq!(world.status("scope=version:1.4").await, "NOTRUN");
        assert_eq!(world.status("environment=chrome").await, "NOTRUN");
        world.consistent().await;
        world.app.stop().await;
    }

    async fn a_change_of_something_else_than_was_read_is_refused(database: Database) {
        let world = World::new(database).await;
        world.covered().await;
        world.post("executions/SHOP-E1/runs", run("PASSED", 1)).await;
        world.post("projects/SHOP/plans", json!({ "name": "Release" })).await;
        world.post("statuses", json!({ "name": "Flagged", "colour": "#112233", "final": true, "effect": "NOK", "rank": 800 })).await;
        for (path, change) in [
            ("tests/SHOP-T1", json!({ "name": "Pays by card" })),
            ("executions/SHOP-E1", json!({ "name": "Smoke 2" })),
            ("executions/SHOP-E1/runs/1", json!({ "comment": "fine" })),
            ("plans/SHOP-P1", json!({ "name": "Release 1" })),
            ("statuses/Flagged", json!({ "rank": 801 })),
            ("projects/SHOP/settings", json!({ "strictOutdated": true })),
        ] {
            let patch = async |tag: &str| {
                let headers = [("If-Match", tag)];
                let headers = if tag.is_empty() { &headers[1..] } else { &headers[..] };
                world.ask(Method::PATCH, path, Some(change.clone()), headers).await
            };
            assert_eq!(patch("").await.status, 428, "{path}");
            let read = world.get(path).await.etag.unwrap();
            assert_eq!(patch("\"other\"").await.status, 412, "{path}");
            let changed = patch(&read).await;
            assert_eq!(changed.status, 200, "{path}: {}", changed.body);
            assert_ne!(changed.etag.as_deref(), Some(read.as_str()), "{path}");
            assert_eq!(changed.etag, world.get(path).await.etag, "{path}");
            assert_eq!(patch(&read).await.status, 412, "{path}: it is stale now");
            if path != "projects/SHOP/settings" {
                let stale = world.ask(Method::DELETE, path, None, &[("If-Match", &read)]).await;
                let expected = if path.starts_with("tests") { 405 } else { 412 };
                assert_eq!(stale.status, expected, "{path}");
            }
        }
        world.app.stop().await;
    }

    async fn a_repeated_request_does_nothing_and_gets_the_same_answer(database: Database) {
        let world = World::new(database).await;
        let make = async |key: &str, name: &str| {
            world.ask(Method::POST, "projects/SHOP/tests", Some(json!({ "name": name })), &[("Idempotency-Key", key)]).await
        };
        let first = make("k-1", "Pays").await;
        let again = make("k-1", "Pays").await;
        assert_eq!((first.status, first.replayed, again.status, again.replayed), (201, false, 201, true));
        assert_eq!((first.body, first.etag, first.location), (again.body, again.etag, again.location));
        assert_eq!(make("k-1", "Ships").await.status, 422);
        assert_eq!(make("", "Ships").await.status, 400);
        assert_eq!(make("k-2", "").await.status, 422, "what is refused");
        assert_eq!(make("k-2", "Ships").await.status, 201, "may be corrected under the same key");
        let both = futures_util::future::join_all((0..4).map(|_| make("k-3", "Refunds"))).await;
        assert!(both.iter().all(|said| said.status == 201 && said.body["key"] == "SHOP-T3"));
        assert_eq!(both.iter().filter(|said| said.replayed).count(), 3);
        let all = world.get("projects/SHOP/tests").await.body;
        assert_eq!(all["items"].as_array().unwrap().len(), 3);
        world.app.stop().await;
    }

    async fn a_test_has_versions_and_runs_name_theirs(database: Database) {
        let world = World::new(database).await;
        world.covered().await;
        let steps = json!([{ "action": "Pay", "data": "4111…", "expected": "402" }]);
        let changed = world.patch("tests/SHOP-T1", json!({ "steps": steps, "labels": ["slow", "card"] })).await;
        assert_eq!((&changed["version"], &changed["labels"]), (&json!(2), &json!(["card", "slow"])));
        let same = world.patch("tests/SHOP-T1", json!({ "steps": steps, "labels": [], "workflowStatus": "Ready" })).await;
        assert_eq!((&same["version"], &same["workflowStatus"]), (&json!(2), &json!("Ready")));
        world.patch("tests/SHOP-T1", json!({ "name": "Pays by card" })).await;
        let run = world.post("executions/SHOP-E1/runs", run("PASSED", 1)).await;
        assert_eq!(run["testVersion"], 3);
        let first = world.get("tests/SHOP-T1/versions?limit=2").await.body;
        let numbers = |page: &Value| page["items"].as_array().unwrap().iter().map(|one| one["version"].as_i64().unwrap()).collect::<Vec<_>>();
        assert_eq!(numbers(&first), [3, 2]);
        let rest = world.get(&format!("tests/SHOP-T1/versions?limit=2&cursor={}", first["next"].as_str().unwrap())).await.body;
        assert_eq!((numbers(&rest), &rest["next"]), (vec![1], &Value::Null));
        assert_eq!(rest["items"][0]["name"], "Pays");

        world.patch("tests/SHOP-T1", json!({ "archived": true })).await;
        assert_eq!(world.status("").await, "UNCOVERED");
        assert_eq!(world.ask(Method::PUT, "issues/SHOP-7/tests/SHOP-T1", None, &[]).await.status, 409);
        world.patch("tests/SHOP-T1", json!({ "archived": false })).await;
        assert_eq!(world.status("").await, "OK");
        world.app.stop().await;
    }

    async fn lists_are_filtered_and_go_on_page_by_page(database: Database) {
        let world = World::new(database).await;
        for n in 1..=5 {
            let labels = if n % 2 == 0 { json!(["100%"]) } else { json!(["1000"]) };
            world.post("projects/SHOP/tests", json!({ "name": format!("Case {n}"), "labels": labels })).await;
            world.post("projects/SHOP/executions", json!({ "name": "x", "branch": if n == 3 { "main" } else { "dev" } })).await;
        }
        let mut seen = Vec::new();
        let mut path = "projects/shop/tests?limit=2".to_owned();
        loop {
            let page = world.get(&path).await.body;
            seen.extend(page["items"].as_array().unwrap().iter().map(|test| test["key"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("projects/shop/tests?limit=2&cursor={next}");
        }
        assert_eq!(seen, ["SHOP-T1", "SHOP-T2", "SHOP-T3", "SHOP-T4", "SHOP-T5"]);
        let count = async |path: &str| world.get(path).await.body["items"].as_array().unwrap().len();
        assert_eq!(count("projects/SHOP/tests?label=100%25").await, 2);
        assert_eq!(count("projects/SHOP/tests?text=CASE%203&kind=manual&archived=false").await, 1);
        assert_eq!(count("projects/SHOP/tests?kind=automated").await, 0);
        assert_eq!(count("projects/SHOP/executions?branch=main").await, 1);
        assert_eq!(count("projects/NONE/tests").await, 0);
        let newest = world.get("projects/SHOP/executions?limit=1").await.body;
        assert_eq!(newest["items"][0]["key"], "SHOP-E5");
        assert_eq!(world.get("projects/SHOP/tests?cursor=bogus").await.status, 400);
        world.app.stop().await;
    }

    async fn bad_bodies_are_refused_whole_and_say_where(database: Database) {
        let world = World::new(database).await;
        world.covered().await;
        let other = Site::new("other");
        world.app.install(&other).await;
        let future = now_s() * 1000 + 86_400_000;
        let long = "x".repeat(256);
        let many: Vec<_> = (0..51).map(|n| n.to_string()).collect();
        for (path, body, pointers) in [
            ("projects/SHOP/tests", json!({ "name": "" }), vec!["/name"]),
            ("projects/SHOP/tests", json!({ "name": long, "labels": many, "steps": [{ "action": " " }] }), vec!["/name", "/steps/0/action", "/labels"]),
            ("projects/SHOP/executions", json!({ "name": "x", "plan": "SHOP-P9", "environments": [] }), vec!["/plan"]),
            ("projects/SHOP/executions", json!({ "name": "x\u{7}", "branch": long }), vec!["/branch", "/name"]),
            ("executions/SHOP-E1/runs", json!({ "test": "SHOP-T1", "status": "greenish", "finishedMs": future, "attempts": [{ "status": "?" }] }), vec!["/finishedMs", "/attempts/0/status", "/status"]),
            ("executions/SHOP-E1/runs", json!({ "test": "SHOP-T9", "status": "PASSED" }), vec!["/test"]),
            ("executions/SHOP-E1/runs", json!({ "test": "OTHER-T1", "status": "PASSED" }), vec!["/test"]),
            ("executions/SHOP-E1/runs", json!({ "test": "SHOP-T1" }), vec!["/status"]),
            ("executions/SHOP-E1/runs", json!({ "test": "SHOP-T1", "status": "PASSED", "startedMs": T0 + 1, "finishedMs": T0 }), vec!["/startedMs"]),
            ("executions/SHOP-E1/runs", json!({ "test": "SHOP-T1", "status": "FAILED", "defects": ["SHOP-999", "SHOP-7"] }), vec!["/defects/0", "/defects/1"]),
            ("projects/SHOP/plans", json!({ "name": "x", "tests": ["SHOP-T1", "SHOP-T9", "x"] }), vec!["/tests/1", "/tests/2"]),
            ("statuses", json!({ "name": "To Do", "colour": "#112233", "final": true, "effect": "OK", "rank": 1 }), vec!["/name"]),
        ] {
            let said = world.ask(Method::POST, path, Some(body), &[]).await;
            assert_eq!(said.status, 422, "{path}: {}", said.body);
            let found: Vec<_> = said.body["errors"].as_array().unwrap().iter().map(|one| one["pointer"].as_str().unwrap().to_owned()).collect();
            assert_eq!(found, pointers, "{path}: {}", said.body);
        }
        let said = world.ask(Method::POST, "projects/SHOP/tests", Some(json!({ "nam": "x" })), &[]).await;
        assert_eq!((said.status, &said.body["position"]["line"]), (422, &json!(1)), "{}", said.body);
        let labels: Vec<_> = (0..1_000_000).map(|n| n.to_string()).collect();
        let said = world.ask(Method::PATCH, "tests/SHOP-T1", Some(json!({ "labels": labels })), &[("If-Match", "*")]).await;
        assert_eq!(said.status, 413);
        for (path, body) in [
            ("tests/SHOP-T1/quarantine", json!({ "reason": "x", "owner": "ann", "endsMs": T0 })),
            ("tests/SHOP-T1/quarantine", json!({ "reason": "", "owner": "ann", "endsMs": future })),
            ("issues/SHOP-7/exemption", json!({ "reason": "x", "endsMs": 1 })),
        ] {
            assert_eq!(world.ask(Method::PUT, path, Some(body), &[]).await.status, 422, "{path}");
        }
        for path in ["issues/SHOP-999/tests/SHOP-T1", "issues/SHOP-7/tests/SHOP-T9", "plans/SHOP-P9/tests/SHOP-T1"] {
            assert_eq!(world.ask(Method::PUT, path, None, &[]).await.status, 404, "{path}");
        }
        assert_eq!(world.get("projects/SHOP/tests").await.body["items"].as_array().unwrap().len(), 1, "nothing was stored");
        assert_eq!(world.get("executions/SHOP-E1").await.body["runs"], json!([]));

        let foreign = world.app.api_token(&other).await;
        for path in ["tests/SHOP-T1", "executions/SHOP-E1", "tests/SHOP-T1/versions"] {
            assert_eq!(world.app.api_get(&foreign, &format!("/api/v1/{path}")).await.status(), 404, "{path}");
        }
        world.app.stop().await;
    }

    async fn attempts_iterations_and_steps_make_the_status_of_a_run(database: Database) {
        let world = World::new(database).await;
        world.covered().await;
        let attempts = json!({ "test": "SHOP-T1", "attempts": [{ "status": "FAILED", "message": "402" }, { "status": "PASSED" }] });
        let run = world.post("executions/SHOP-E1/runs", attempts).await;
        assert_eq!((&run["status"], &run["flaky"]), (&json!("FAILED"), &json!(true)));
        let iterations = json!({ "test": "SHOP-T1", "iterations": [{ "name": "visa", "status": "PASSED" }, { "name": "amex", "status": "to do" }] });
        let run = world.post("executions/SHOP-E1/runs", iterations).await;
        assert_eq!((&run["status"], &run["iterations"][1]["name"]), (&json!("EXECUTING"), &json!("amex")));
        let steps = json!({ "test": "SHOP-T1", "status": "PASSED", "steps": [{ "status": "FAILED", "actual": "500", "defects": ["SHOP-300"] }], "defects": ["SHOP-300"] });
        let run = world.post("executions/SHOP-E1/runs", steps).await;
        assert_eq!((&run["status"], &run["derivedStatus"]), (&json!("PASSED"), &json!("FAILED")), "what is said outright wins");
        assert_eq!((&run["defects"], &run["steps"][0]["defects"]), (&json!(["SHOP-300"]), &json!(["SHOP-300"])));
        let coverage = world.get("issues/SHOP-7/coverage").await.body;
        assert_eq!(coverage["tests"][0]["defects"][0]["key"], "SHOP-300", "{coverage}");

        let number = run["number"].as_i64().unwrap();
        let path = format!("executions/SHOP-E1/runs/{number}");
        let changed = world.patch(&path, json!({ "defects": [] })).await;
        assert_eq!((&changed["defects"], &changed["steps"][0]["defects"]), (&json!([]), &json!(["SHOP-300"])));
        let changed = world.patch(&path, json!({ "steps": [{ "status": "BLOCKED" }] })).await;
        assert_eq!((&changed["status"], &changed["steps"][0]["defects"]), (&json!("BLOCKED"), &json!([])));
        let coverage = world.get("issues/SHOP-7/coverage").await.body;
        assert_eq!(coverage["tests"][0]["defects"], json!([]), "the link went with the last run that named it");
        world.consistent().await;
        world.app.stop().await;
    }

    async fn plans_statuses_and_settings_are_seen_in_the_issue(database: Database) {
        let world = World::new(database).await;
        world.covered().await;
        let plan = world.post("projects/SHOP/plans", json!({ "name": "Release", "tests": ["SHOP-T1"] })).await;
        assert_eq!((&plan["key"], &plan["tests"]), (&json!("SHOP-P1"), &json!(["SHOP-T1"])));
        world.patch("executions/SHOP-E1", json!({ "plan": "shop-p1" })).await;
        world.post("executions/SHOP-E1/runs", run("PASSED", 1)).await;
        assert_eq!(world.status("scope=plan:SHOP-P1").await, "OK");
        world.done(Method::DELETE, "plans/SHOP-P1/tests/SHOP-T1", None).await;
        assert_eq!(world.status("scope=plan:SHOP-P1").await, "OK", "its execution has run the test");
        world.done(Method::PUT, "plans/SHOP-P1/tests/SHOP-T1", None).await;
        world.done(Method::DELETE, "plans/SHOP-P1", None).await;
        assert_eq!(world.get("executions/SHOP-E1").await.body["plan"], Value::Null);

        let status = json!({ "name": "Known issue", "colour": "#8777d9", "final": true, "effect": "OK", "rank": 50 });
        world.post("statuses", status).await;
        let made = world.post("executions/SHOP-E1/runs", run("known_issue", 2)).await;
        assert_eq!(made["status"], "Known issue");
        assert_eq!(world.status("").await, "OK");
        world.patch("statuses/Known%20issue", json!({ "effect": "NOK" })).await;
        assert_eq!(world.status("").await, "NOK", "what its runs mean changes at once");
        let used = world.ask(Method::DELETE, "statuses/Known%20issue", None, &[("If-Match", "*")]).await;
        assert_eq!(used.status, 409);
        assert_eq!(world.ask(Method::DELETE, "statuses/PASSED", None, &[("If-Match", "*")]).await.status, 409);
        world.done(Method::DELETE, "executions/SHOP-E1/runs/2", None).await;
        world.done(Method::DELETE, "statuses/Known%20issue", None).await;
        assert_eq!(world.get("statuses").await.body["items"].as_array().unwrap().len(), 10);

        world.post("executions/SHOP-E1/runs", run("BLOCKED", 3)).await;
        assert_eq!(world.status("").await, "NOTRUN");
        let set = world.patch("projects/SHOP/settings", json!({ "blocked": "nok" })).await;
        assert_eq!((&set["holds"]["blocked"], &set["chosen"]), (&json!("nok"), &json!({ "blocked": "nok" })));
        assert_eq!(world.status("").await, "NOK");
        let back = world.patch("projects/SHOP/settings", json!({ "blocked": null })).await;
        assert_eq!(back["chosen"], json!({}));
        assert_eq!(world.status("").await, "NOTRUN");
        let wrong = world.ask(Method::PATCH, "projects/SHOP/settings", Some(json!({ "flakyWindow": 99 })), &[("If-Match", "*")]).await;
        assert_eq!(wrong.status, 422);
        world.app.stop().await;
    }

    async fn evidence_is_kept_beside_its_run_and_goes_with_it(database: Database) {
        let world = World::new(database).await;
        world.covered().await;
        world.post("executions/SHOP-E1/runs", run("FAILED", 1)).await;
        world.post("executions/SHOP-E1/runs", run("FAILED", 2)).await;
        let attach = async |run: i64, name: &str, bytes: Vec<u8>| {
            let url = format!("{}/api/v1/executions/SHOP-E1/runs/{run}/evidence?name={name}", world.app.base);
            let asking = world.app.http.post(url).bearer_auth(&world.token).header("Content-Type", "image/png");
            asking.body(bytes).send().await.unwrap()
        };
        let answer = attach(1, "a%20%22b.png", b"\x89PNG".to_vec()).await;
        assert_eq!(answer.status(), 201);
        let file: Value = answer.json().await.unwrap();
        assert_eq!((&file["name"], &file["mediaType"], &file["size"]), (&json!("a \"b.png"), &json!("image/png"), &json!(4)));
        assert_eq!(attach(2, "b.png", b"\x89PNG".to_vec()).await.status(), 201);
        let path = file["url"].as_str().unwrap().strip_prefix(&world.app.base).unwrap().to_owned();
        let download = async || world.app.api_get(&world.token, &path).await;
        let bytes = download().await;
        assert_eq!(bytes.headers()["content-type"], "application/octet-stream");
        assert!(bytes.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
        assert_eq!(bytes.bytes().await.unwrap().as_ref(), b"\x89PNG");
        assert_eq!(world.get("executions/SHOP-E1/runs/1").await.body["evidence"][0]["id"], file["id"]);
        assert_eq!(attach(1, "big.bin", vec![7; 10 * 1024 * 1024 + 1]).await.status(), 413);
        assert_eq!(attach(1, "none.bin", vec![]).await.status(), 422);
        assert_eq!(attach(9, "c.png", vec![1]).await.status(), 404);

        world.done(Method::DELETE, "executions/SHOP-E1/runs/2", None).await;
        assert_eq!(download().await.status(), 200, "another run needs the same bytes");
        world.done(Method::DELETE, "executions/SHOP-E1/runs/1", None).await;
        assert_eq!(download().await.status(), 404);
        world.app.stop().await;
    }

    async fn evidence_in_a_result_file_is_kept_beside_its_run(database: Database) {
        let world = World::new(database).await;
        let file = r#"<testsuite name="unit"><testcase classname="c" name="pays"><properties>
            <property name="testrun_evidence"><item name="log.txt">aGVsbG8=</item></property>
            </properties><failure message="402"/></testcase></testsuite>"#;
        let url = format!("{}/api/v1/projects/SHOP/results", world.app.base);
        for replayed in [false, true] {
            let sending = world.app.http.post(&url).bearer_auth(&world.token).header("Idempotency-Key", "build-7");
            let answer = sending.body(file).send().await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.headers().contains_key("idempotency-replayed")), (200, replayed));
        }
        let run = world.get("executions/SHOP-E1/runs/1").await.body;
        let kept = &run["evidence"][0];
        assert_eq!((&kept["name"], &kept["size"]), (&json!("log.txt"), &json!(5)));
        let path = kept["url"].as_str().unwrap().strip_prefix(&world.app.base).unwrap();
        assert_eq!(world.app.api_get(&world.token, path).await.bytes().await.unwrap().as_ref(), b"hello");
        assert_eq!(world.get("executions/SHOP-E2").await.status, 404, "it was stored once");
        world.app.stop().await;
    }

    async fn two_replicas_that_edit_one_execution_end_in_some_order(database: Database) {
        let is_alone = database.is_sqlite();
        let world = World::new(database).await;
        world.covered().await;
        for n in 1..=8 {
            world.post("executions/SHOP-E1/runs", run("PASSED", n)).await;
        }
        let replica = if is_alone { None } else { Some(world.app.replica().await) };
        let bases = [world.app.base.clone(), replica.as_ref().map_or(world.app.base.clone(), |(base, _)| base.clone())];
        let send = async |n: usize, method: Method, path: &str, tag: &str, body: Value| {
            let url = format!("{}/api/v1/{path}", bases[n % 2]);
            let asking = world.app.http.request(method, url).bearer_auth(&world.token).header("If-Match", tag);
            asking.json(&body).send().await.unwrap().status().as_u16()
        };
        // Whoever is first changes it; the others changed something else than they had read.
        let read = world.get("executions/SHOP-E1").await.etag.unwrap();
        let send = &send;
        let same = (0..6).map(|n| {
            let read = read.clone();
            async move { send(n, Method::PATCH, "executions/SHOP-E1", &read, json!({ "name": format!("by {n}") })).await }
        });
        let mut answers = futures_util::future::join_all(same).await;
        answers.sort_unstable();
        assert_eq!(answers, [200, 412, 412, 412, 412, 412]);

        let edits = (0..24_usize).map(|n| async move {
            let run = n % 8 + 1;
            let path = format!("executions/SHOP-E1/runs/{run}");
            match n / 8 {
                0 => send(n, Method::PATCH, "executions/SHOP-E1", "*", json!({ "environments": [format!("e{}", n % 3)] })).await,
                1 => send(n, Method::PATCH, &path, "*", json!({ "status": if n % 2 == 0 { "FAILED" } else { "SKIPPED" } })).await,
                _ if run > 4 => send(n, Method::DELETE, &path, "*", Value::Null).await,
                _ => send(n, Method::POST, "executions/SHOP-E1/runs", "*", super::run("ERROR", 20)).await,
            }
        });
        let answers = futures_util::future::join_all(edits).await;
        assert!(answers.iter().all(|status| matches!(status, 200 | 201 | 204 | 404)), "{answers:?}");
        world.consistent().await;
        let held = world.get("executions/SHOP-E1").await.body;
        let numbers: Vec<_> = held["runs"].as_array().unwrap().iter().map(|run| run["number"].as_i64().unwrap()).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 9, 10, 11, 12]);
        let environment = held["environments"][0].as_str().unwrap();
        assert_eq!(world.status(&format!("environment={environment}")).await, "NOK");
        if let Some((_, running)) = replica {
            running.stop().await.unwrap();
        }
        world.app.stop().await;
    }

    async fn quarantine_and_exemption_are_set_and_taken_back(database: Database) {
        let world = World::new(database).await;
        world.covered().await;
        world.post("executions/SHOP-E1/runs", run("FAILED", 1)).await;
        let ends = now_s() * 1000 + 86_400_000;
        let wanted = json!({ "reason": "fails on Mondays", "owner": "ann", "endsMs": ends });
        world.done(Method::PUT, "tests/SHOP-T1/quarantine", Some(wanted)).await;
        let test = world.get("tests/SHOP-T1").await.body;
        assert_eq!((&test["quarantine"]["holds"], &test["issues"]), (&json!(true), &json!(["SHOP-7"])));
        world.done(Method::DELETE, "tests/SHOP-T1/quarantine", None).await;
        assert_eq!(world.get("tests/SHOP-T1/quarantine").await.status, 404);
        world.done(Method::PUT, "issues/SHOP-7/exemption", Some(json!({ "reason": "only a text" }))).await;
        let said = world.get("issues/SHOP-7/exemption").await.body;
        assert_eq!((&said["issue"], &said["holds"], &said["endsMs"]), (&json!("SHOP-7"), &json!(true), &Value::Null));
        world.done(Method::DELETE, "issues/SHOP-7/exemption", None).await;
        assert_eq!(world.ask(Method::DELETE, "issues/SHOP-7/exemption", None, &[]).await.status, 404);
        world.done(Method::DELETE, "issues/SHOP-7/tests/SHOP-T1", None).await;
        assert_eq!(world.status("").await, "UNCOVERED");
        world.app.stop().await;
    }
}

#[tokio::test]
async fn what_a_client_may_still_ask_is_told_with_every_answer() {
    let database = Database::sqlite();
    let app = TestApp::spawn_with(database, &["--api-requests-per-minute", "3"]).await;
    let site = Site::new("acme");
    app.install(&site).await;
    let token = app.api_token(&site).await;
    let mut refused = None;
    // The minute may end in between; then the count begins anew.
    for _ in 0..8 {
        let answer = app.api_get(&token, "/api/v1/statuses").await;
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("ratelimit-policy"), "\"client\";q=3;w=60");
        assert!(header("ratelimit").starts_with("\"client\";r="));
        if answer.status() == 429 {
            let after: i64 = header("retry-after").parse().unwrap();
            assert!((1..=60).contains(&after), "{after}");
            assert_eq!(header("ratelimit"), format!("\"client\";r=0;t={after}"));
            refused = Some(answer);
        }
    }
    assert!(refused.is_some());
    app.stop().await;
}
