//! What Xray JSON says beyond outcomes is stored, and is what the interface answers.

use serde_json::{Value, json};

use crate::both_databases;
use crate::support::site::Site;
use crate::support::{Database, TestApp};

struct World {
    app: TestApp,
    token: String,
}

impl World {
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        Self { app, token }
    }

    async fn send(&self, path: &str, file: String) -> (u16, Value) {
        let url = format!("{}/api/v1/projects/{path}", self.app.base);
        let sending = self.app.http.post(url).bearer_auth(&self.token).body(file);
        let answer = sending.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self
            .app
            .api_get(&self.token, &format!("/api/v1/{path}"))
            .await;
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        answer.json().await.unwrap()
    }
}

/// Two tests that the file describes: one in code, one that a person carries out.
fn described() -> String {
    json!({
        "info": {
            "project": "SHOP", "summary": "Nightly", "version": "1.2", "revision": "4f1c",
            "user": "ann", "testEnvironments": ["staging", "chrome"],
            "startDate": "2026-03-01T10:00:00+0000", "finishDate": "2026-03-01T10:10:00Z"
        },
        "tests": [
            {"testInfo": {"summary": "adds up", "type": "Generic", "definition": "shop.Cart.adds",
                "requirementKeys": ["SHOP-7"], "labels": ["auto"]}, "status": "PASSED"},
            {"testKey": "SHOP-101", "testInfo": {"summary": "by hand", "type": "Manual",
                "steps": [{"action": "open", "data": "a browser", "result": "it opens"}]},
             "status": "FAILED", "comment": "no money", "executedBy": "bob",
             "start": "2026-03-01T10:00:00Z", "finish": "2026-03-01T10:00:03Z",
             "defects": ["SHOP-300"],
             "evidence": [{"data": "aGVsbG8=", "filename": "a.txt", "contentType": "text/plain"}],
             "customFields": [{"name": "Browser", "value": "Firefox"}],
             "steps": [{"status": "PASSED", "actualResult": "ok"},
                {"status": "FAILED", "comment": "no", "defects": ["SHOP-301"],
                 "evidences": [{"data": "aGVsbG8=", "filename": "b.txt"}]}]}
        ]
    })
    .to_string()
}

both_databases! {
    async fn everything_a_file_says_of_its_runs_is_stored(database: Database) {
        let world = World::new(database).await;
        let (status, answer) = world.send("SHOP/results", described()).await;
        assert_eq!((status, &answer["warnings"]), (200, &json!([])), "{answer}");
        assert_eq!(answer["issues"], json!(["SHOP-7"]));

        let execution = world.get("executions/SHOP-E1").await;
        assert_eq!(execution["name"], "Nightly");
        assert_eq!(execution["environments"], json!(["chrome", "staging"]));
        assert_eq!(execution["fixVersion"], "1.2");
        assert_eq!(execution["revision"], "4f1c");

        let run = world.get("executions/SHOP-E1/runs/2").await;
        assert_eq!(run["status"], "FAILED");
        assert_eq!(run["message"], "no money");
        assert_eq!((&run["comment"], &run["executedBy"]), (&json!("no money"), &json!("bob")));
        assert_eq!(run["durationMs"], 3000);
        assert_eq!(run["defects"], json!(["SHOP-300"]));
        assert_eq!(run["steps"][0]["actual"], "ok");
        assert_eq!(run["steps"][1]["defects"], json!(["SHOP-301"]));
        assert_eq!(run["customFields"], json!([{"name": "Browser", "value": "Firefox"}]));
        let files: Vec<_> = run["evidence"].as_array().unwrap().iter()
            .map(|file| (file["step"].as_i64().unwrap(), file["name"].as_str().unwrap()))
            .collect();
        assert_eq!(files, [(0, "a.txt"), (2, "b.txt")]);

        let by_hand = world.get("tests/SHOP-T2").await;
        assert_eq!((&by_hand["name"], &by_hand["kind"]), (&json!("by hand"), &json!("manual")));
        assert_eq!(by_hand["steps"][0]["expected"], "it opens");
        world.app.stop().await;
    }

    async fn a_test_is_known_again_by_its_issue_and_by_its_name_in_code(database: Database) {
        let world = World::new(database).await;
        world.send("SHOP/results", described()).await;
        let file = json!({"info": {"summary": "again"}, "tests": [
            {"testKey": "SHOP-101", "status": "PASSED",
             "iterations": [{"parameters": [{"name": "amount", "value": "5"}], "status": "FAILED"},
                {"name": "second try", "status": "PASSED"}]},
            {"testKey": "SHOP-999", "status": "PASSED"}
        ]});
        let (status, answer) = world.send("SHOP/results", file.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["counts"]["tests"], 2);
        let warning = answer["warnings"][0].as_str().unwrap();
        assert!(warning.contains("SHOP-999") && warning.contains("left out"), "{warning}");
        let run = world.get("executions/SHOP-E2/runs/1").await;
        assert_eq!(run["test"]["key"], "SHOP-T2");
        assert_eq!((&run["status"], &run["flaky"]), (&json!("PASSED"), &json!(true)));
        assert_eq!(run["iterations"][0]["name"], "amount=5");
        assert_eq!(run["iterations"][0]["parameters"], json!([{"name": "amount", "value": "5"}]));

        let junit = "<testsuite><testcase classname='shop.Cart' name='adds'/></testsuite>";
        world.send("SHOP/results", junit.to_owned()).await;
        let run = world.get("executions/SHOP-E3/runs/1").await;
        assert_eq!(run["test"]["key"], "SHOP-T1", "a generic test is the one of its definition");
        world.app.stop().await;
    }

    async fn a_file_may_report_into_an_execution(database: Database) {
        let world = World::new(database).await;
        world.send("SHOP/results", described()).await;
        let into = |key: &str| {
            let test = json!({"testKey": "SHOP-101", "status": "PASSED"});
            json!({"testExecutionKey": key, "tests": [test]}).to_string()
        };
        let (status, answer) = world.send("SHOP/results", into("SHOP-E1")).await;
        assert_eq!((status, &answer["execution"]["key"]), (200, &json!("SHOP-E1")), "{answer}");
        let (status, answer) = world.send("SHOP/results", into("SHOP-E9")).await;
        assert_eq!(status, 404, "{answer}");
        let (status, answer) = world.send("SHOP/results", into("nightly")).await;
        let detail = answer["detail"].as_str().unwrap();
        assert!(status == 422 && detail.contains("\"nightly\""), "{answer}");
        world.app.stop().await;
    }
}
