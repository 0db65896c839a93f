//! What clients of the Data Center interface ask around an import: runs, and issues as Jira has them.

use jira_standin::{Options, Standin, accounts};
use serde_json::{Value, json};
use touchstone::app::create_api_client::create_api_client;
use touchstone::store::{issues, sites};

use crate::both_databases;
use crate::support::events::Issue;
use crate::support::site::Site;
use crate::support::{Database, TestApp, eventually};

/// 2026-11-20, in milliseconds.
const T0: i64 = 1_795_132_800_000;

struct World {
    app: TestApp,
    site: Site,
    token: String,
}

impl World {
    /// A site with a story and a bug, and an execution of a test with two steps.
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        let world = Self { app, site, token };
        for (id, key, issue_type) in [(10_007, "SHOP-7", "Story"), (10_300, "SHOP-300", "Bug")] {
            let mut created = Issue::new(id, key).created(T0);
            created["issue"]["fields"]["issuetype"] =
                json!({ "id": issue_type, "name": issue_type, "subtask": false });
            world.app.deliver(&world.site, key, &created).await;
        }
        world.app.applied().await;
        world
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}/xray/rest/{path}", self.app.base);
        let method = method.parse().unwrap();
        let mut asking = self.app.http.request(method, url);
        // As Data Center clients do: any user, and the token as the password.
        asking = asking.basic_auth("ci", Some(&self.token));
        if let Some(body) = body {
            asking = asking.json(&body);
        }
        let answer = asking.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.send("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn change(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(method, path, Some(body)).await;
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        answer
    }

    async fn graphql(&self, query: &str) -> Value {
        let url = format!("{}/xray/api/v2/graphql", self.app.base);
        let asking = self.app.http.post(url).bearer_auth(&self.token);
        let answer = asking
            .json(&json!({ "query": query }))
            .send()
            .await
            .unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["errors"], Value::Null, "{query}: {answer}");
        answer["data"].clone()
    }

    /// An execution `SHOP-E1` of a test `SHOP-T1` with two steps; the address of its run.
    async fn run(&self) -> String {
        let jira = r#"jira: { fields: { summary: "Pays", project: { key: "SHOP" } } }"#;
        let made = self
            .graphql(&format!(
                r#"mutation {{ createTest(testType: {{ name: "Manual" }},
                steps: [{{ action: "Open <it>" }}, {{ action: "Pay", data: "card" }}], {jira}) {{ test {{ issueId }} }} }}"#
            ))
            .await;
        let test = made["createTest"]["test"]["issueId"]
            .as_str()
            .unwrap()
            .to_owned();
        self.graphql(&format!(
            r#"mutation {{ createTestExecution(testIssueIds: ["{test}"], {jira}) {{ warnings }} }}"#
        ))
        .await;
        let found = self
            .get("raven/latest/api/testrun?testExecIssueKey=SHOP-E1&testIssueKey=SHOP-T1")
            .await;
        assert_eq!(
            (&found["status"], &found["testKey"]),
            (&json!("TODO"), &json!("SHOP-T1"))
        );
        format!("raven/2.0/api/testrun/{}", found["id"].as_str().unwrap())
    }
}

both_databases! {
    async fn a_run_is_read_and_changed(database: Database) {
        let world = World::new(database).await;
        let run = world.run().await;
        let found = world.get(&run).await;
        assert_eq!(found["steps"][0]["step"], json!({ "raw": "Open <it>", "rendered": "<p>Open &lt;it&gt;</p>" }));
        assert_eq!((&found["testExecKey"], &found["type"]), (&json!("SHOP-E1"), &json!("Manual")));

        world.change("PUT", &run, json!({
            "comment": "by hand", "executedBy": "ann", "assignee": "bob",
            "defects": { "add": ["SHOP-300", "SHOP-7"], "remove": [] },
            "evidences": { "add": [{ "filename": "a.txt", "contentType": "text/plain", "data": "YQ==" }] },
            "steps": [{ "id": 2, "status": "FAIL", "comment": "no", "actualResult": "nothing" }],
        })).await;
        let found = world.get(&run).await;
        assert_eq!((&found["status"], &found["comment"]), (&json!("FAIL"), &json!("by hand")));
        assert_eq!((&found["executedBy"], &found["assignee"]), (&json!("ann"), &json!("bob")));
        assert_eq!(found["defects"], json!([{ "id": 10300, "key": "SHOP-300", "summary": found["defects"][0]["summary"], "status": found["defects"][0]["status"] }]));
        assert_eq!(found["steps"][1]["actualResult"]["raw"], "nothing");
        assert_eq!((&found["steps"][0]["status"], &found["steps"][1]["status"]), (&json!("TODO"), &json!("FAIL")));
        let file = world.app.http.get(found["evidences"][0]["fileURL"].as_str().unwrap()).bearer_auth(&world.token);
        assert_eq!(file.send().await.unwrap().text().await.unwrap(), "a");

        // Half of a change is none.
        let (status, why) = world.send("PUT", &run, Some(json!({ "comment": "other", "steps": [{ "id": 9, "status": "PASS" }] }))).await;
        assert_eq!(status, 400, "{why}");
        assert!(why["error"].as_str().unwrap().contains("no such step"), "{why}");
        assert_eq!(world.get(&format!("{run}/comment")).await, "by hand");

        world.change("PUT", &format!("{run}/status?status=PASS"), json!({})).await;
        assert_eq!(world.get(&format!("{run}/status")).await, "PASS");
        world.change("PUT", &format!("{run}/status"), json!({ "status": "EXECUTING" })).await;
        assert_eq!(world.get(&format!("{run}/status")).await, "EXECUTING");
        world.change("PUT", &format!("{run}/step/1/status"), json!({ "status": "PASS" })).await;
        assert_eq!(world.get(&format!("{run}/step/1/status")).await, "PASS");
        let kept = world.change("POST", &format!("{run}/attachment"), json!({ "data": "Yg==", "filename": "b.txt", "contentType": "text/plain" })).await;
        assert_eq!(kept.as_array().unwrap().len(), 2);
        world.change("DELETE", &format!("{run}/attachment?name=a.txt"), json!(null)).await;
        assert_eq!(world.get(&format!("{run}/attachment")).await[0]["fileName"], "b.txt");
        world.change("POST", &format!("{run}/step/2/attachment"), json!({ "data": "Yw==", "filename": "c.txt" })).await;
        assert_eq!(world.get(&format!("{run}/step/2")).await["evidences"][0]["fileName"], "c.txt");
        world.change("DELETE", &format!("{run}/defect/SHOP-300"), json!(null)).await;
        assert_eq!(world.get(&format!("{run}/defect")).await, json!([]));
        world.change("POST", &format!("{run}/defect"), json!(["SHOP-300"])).await;
        assert_eq!(world.get(&format!("{run}/defect")).await[0]["key"], "SHOP-300");
        for (method, path, wanted) in [
            ("GET", "raven/1.0/api/testrun/12".to_owned(), 404),
            ("GET", "raven/1.0/api/testrun?testExecIssueKey=SHOP-E9&testIssueKey=SHOP-T1".to_owned(), 404),
            ("GET", format!("{run}/step/7"), 404),
            ("PUT", format!("{run}/status?status=SPLENDID"), 400),
            ("PUT", format!("{run}/iteration/1"), 400),
        ] {
            let (status, why) = world.send(method, &path, Some(json!({ "status": "PASS" }))).await;
            assert_eq!(status, wanted, "{path}: {why}");
            assert!(why["error"].is_string(), "{why}");
        }
        world.app.stop().await;
    }

    async fn iterations_have_steps_files_and_defects(database: Database) {
        let world = World::new(database).await;
        world.run().await;
        let url = format!("{}/xray/rest/raven/2.0/import/execution", world.app.base);
        let report = json!({ "testExecutionKey": "SHOP-E1", "tests": [{ "testKey": "SHOP-T1", "status": "FAILED",
            "iterations": [
                { "name": "visa", "parameters": [{ "name": "card", "value": "visa" }], "status": "PASSED",
                  "steps": [{ "status": "PASSED" }, { "status": "PASSED" }] },
                { "name": "amex", "parameters": [{ "name": "card", "value": "amex" }], "status": "FAILED",
                  "steps": [{ "status": "PASSED" }, { "status": "FAILED" }] } ] }] });
        let sent = world.app.http.post(url).bearer_auth(&world.token).json(&report).send().await.unwrap();
        assert_eq!(sent.status(), 200);
        let found = world.get("raven/2.0/api/testrun?testExecIssueKey=SHOP-E1&testIssueKey=SHOP-T1").await;
        let run = format!("raven/2.0/api/testrun/{}", found["id"].as_str().unwrap());
        assert_eq!(found["iterations"][1]["parameters"], json!([{ "name": "card", "value": "amex" }]));
        let step = json!({ "status": "PASS", "comment": "again",
            "evidences": { "add": [{ "filename": "s.png", "data": "YQ==" }] }, "defects": { "add": ["SHOP-300"] } });
        world.change("PUT", &format!("{run}/iteration/2/step/2"), step).await;
        let found = world.get(&run).await;
        assert_eq!((&found["status"], &found["iterations"][1]["status"]), (&json!("PASS"), &json!("PASS")), "{found}");
        let step = &found["iterations"][1]["steps"][1];
        assert_eq!((&step["evidences"][0]["fileName"], &step["defects"][0]["key"]), (&json!("s.png"), &json!("SHOP-300")));
        assert_eq!((&found["evidences"], &found["iterations"][0]["steps"][1]["defects"]), (&json!([]), &json!([])));
        world.change("PUT", &format!("{run}/iteration/1"), json!({ "status": "FAIL" })).await;
        assert_eq!(world.get(&run).await["status"], "FAIL");
        let id = found["id"].as_str().unwrap();
        let shown = world.graphql(&format!(r#"{{ getTestRunById(id: "{id}") {{ iterations(limit: 5) {{ results {{ rank
            stepResults(limit: 5) {{ results {{ id defects evidence {{ filename }} }} }} }} }} }} }}"#)).await;
        let step = &shown["getTestRunById"]["iterations"]["results"][1]["stepResults"]["results"][1];
        assert_eq!((&step["defects"], &step["evidence"][0]["filename"]), (&json!(["10300"]), &json!("s.png")));
        let step = step["id"].as_str().unwrap();
        world.graphql(&format!(r#"mutation {{ updateTestRunStepStatus(testRunId: "{id}", stepId: "{step}", status: "FAILED") {{ warnings }} }}"#)).await;
        assert_eq!(world.get(&run).await["iterations"][1]["status"], "FAIL");
        world.app.stop().await;
    }

    async fn issues_are_found_made_and_changed(database: Database) {
        let world = World::new(database).await;
        world.run().await;
        let types = world.get("api/latest/issuetype").await;
        assert!(types.as_array().unwrap().iter().any(|one| one["name"] == "Test Execution" && one["id"].is_string()));
        let search = json!({ "jql": "issue in (SHOP-T1,SHOP-E1,SHOP-7)", "fields": ["summary", "labels"], "startAt": 0 });
        let found = world.change("POST", "api/latest/search", search).await;
        let keys: Vec<&str> = found["issues"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap()).collect();
        assert_eq!((keys, &found["total"]), (vec!["SHOP-T1", "SHOP-E1", "SHOP-7"], &json!(3)));
        assert_eq!(found["issues"][0]["fields"], json!({ "summary": "Pays", "labels": [] }));
        let page = json!({ "jql": "issue in (SHOP-T1,SHOP-E1,SHOP-7)", "fields": ["summary"], "startAt": 1, "maxResults": 1 });
        let found = world.change("POST", "api/latest/search", page).await;
        assert_eq!((&found["issues"][0]["key"], &found["total"]), (&json!("SHOP-E1"), &json!(3)));
        assert_eq!(found["issues"].as_array().unwrap().len(), 1);

        let made = json!({ "fields": { "project": { "key": "SHOP" }, "summary": "Ships", "labels": ["fast"], "issuetype": { "name": "Test" } } });
        let made = world.change("POST", "api/2/issue", made).await;
        assert_eq!(made["key"], "SHOP-T2");
        world.change("PUT", "api/2/issue/SHOP-T2", json!({ "fields": { "summary": "Ships it", "labels": ["slow"] } })).await;
        let stored = world.get("api/2/issue/SHOP-T2").await;
        assert_eq!((&stored["fields"]["summary"], &stored["fields"]["labels"]), (&json!("Ships it"), &json!(["slow"])));
        world.change("PUT", "api/2/issue/SHOP-E1", json!({ "fields": { "summary": "Smoke" } })).await;
        assert_eq!(world.get("api/2/issue/SHOP-E1").await["fields"]["summary"], "Smoke");
        for (method, path, body, wanted) in [
            ("POST", "api/2/issue", json!({ "fields": { "project": { "key": "SHOP" }, "summary": "x", "issuetype": { "name": "Bug" } } }), 400),
            ("PUT", "api/2/issue/SHOP-E1", json!({ "fields": { "labels": ["x"] } }), 400),
            ("PUT", "api/2/issue/SHOP-7", json!({ "fields": { "summary": "x" } }), 400),
            ("PUT", "api/2/issue/SHOP-T1", json!({ "fields": { "customfield_1": "x" } }), 400),
            ("POST", "api/2/issue/SHOP-E1/transitions", json!({ "transition": { "id": "31" } }), 400),
            ("GET", "api/2/issue/SHOP-999", json!(null), 404),
            ("POST", "api/2/search", json!({ "jql": "assignee = me" }), 400),
        ] {
            let (status, why) = world.send(method, path, Some(body)).await;
            assert_eq!(status, wanted, "{path}: {why}");
            assert!(why["error"].is_string(), "{why}");
        }
        let form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\
            Content-Type: video/mp4\r\n\r\nfilm\r\n--x--\r\n";
        let url = format!("{}/xray/rest/api/latest/issue/SHOP-E1/attachments", world.app.base);
        let sent = world.app.http.post(url).bearer_auth(&world.token).header("X-Atlassian-Token", "no-check")
            .header("Content-Type", "multipart/form-data; boundary=x").body(form).send().await.unwrap();
        assert_eq!(sent.status(), 200);
        let kept: Value = sent.json().await.unwrap();
        assert_eq!((&kept[0]["filename"], &kept[0]["size"]), (&json!("a.mp4"), &json!(4)));
        let file = world.app.http.get(kept[0]["content"].as_str().unwrap()).bearer_auth(&world.token);
        assert_eq!(file.send().await.unwrap().text().await.unwrap(), "film");
        world.app.stop().await;
    }

    async fn what_is_changed_of_an_issue_of_jira_goes_there(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on(database, &jira).await;
        let key = jira.client_key();
        let of = app.app();
        let site = eventually("the site is known", async || sites::find(of.store.read(), &key).await.unwrap()).await.site.id;
        let made = create_api_client(&of.store, site, "tests", vec![], None, of.clock.now_ms());
        let token = made.await.unwrap().1;
        let story = jira.create_issue(accounts::DEVELOPER, "SHOP", "Story", "Pay by card", &json!({ "labels": ["old"] })).unwrap();
        let id = i64::try_from(story.id).unwrap();
        eventually("the issue is known", async || issues::by_jira_id(of.store.read(), site, id).await.unwrap()).await;
        let url = format!("{}/xray/rest/api/latest/issue/{}", app.base, story.key);
        let labels = json!({ "fields": { "labels": ["fast"] } });
        let sent = app.http.put(&url).bearer_auth(&token).json(&labels).send().await.unwrap();
        assert_eq!(sent.status(), 204, "{}", sent.text().await.unwrap());
        eventually("Jira has the label", async || jira.issue(&story.key).filter(|issue| issue.labels == ["fast"])).await;
        let transition = |id: &str| {
            let body = json!({ "transition": { "id": id } });
            app.http.post(format!("{url}/transitions")).bearer_auth(&token).json(&body).send()
        };
        assert_eq!(transition("999").await.unwrap().status(), 400);
        assert_eq!(transition("11").await.unwrap().status(), 204);
        eventually("Jira has the status", async || jira.issue(&story.key).filter(|issue| issue.status_category == "indeterminate")).await;
        let url = format!("{}/api/v1/issues/{}/audit", app.base, story.key);
        let audit: Value = app.http.get(url).bearer_auth(&token).send().await.unwrap().json().await.unwrap();
        let actions: Vec<&str> = audit["entries"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert!(actions.contains(&"edit issue") && actions.contains(&"transition"), "{audit}");
        app.stop().await;
    }
}
