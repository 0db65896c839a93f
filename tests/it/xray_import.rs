//! Results through the addresses, forms and parameters that clients of Xray use.

use std::cell::Cell;

use serde_json::{Value, json};

use crate::both_databases;
use crate::support::site::Site;
use crate::support::{Database, TestApp};

/// A JUnit report of one case, which passes.
fn junit(name: &str) -> String {
    format!(r#"<testsuite name="unit"><testcase classname="shop.Cart" name="{name}"/></testsuite>"#)
}

struct World {
    app: TestApp,
    token: String,
    /// What separates the parts of the next form: another each time, as clients have it.
    boundary: Cell<u32>,
}

impl World {
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        Self {
            app,
            token,
            boundary: Cell::new(0),
        }
    }

    fn request(&self, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/xray/{path}", self.app.base);
        self.app.http.post(url).bearer_auth(&self.token)
    }

    /// Sends a file as the body.
    async fn post(&self, path: &str, file: &str) -> (u16, Value) {
        answer(
            self.request(path)
                .header("Content-Type", "text/xml")
                .body(file.to_owned()),
        )
        .await
    }

    /// Sends parts: name and content.
    async fn parts(&self, path: &str, parts: &[(&str, &str)]) -> (u16, Value) {
        let mut body = Vec::new();
        for (name, content) in parts {
            let boundary = self.boundary.get();
            let head = format!(r#"Content-Disposition: form-data; name="{name}"; filename="any""#);
            body.push(format!(
                "--x{boundary}\r\n{head}\r\nContent-Type: text/plain\r\n\r\n{content}\r\n"
            ));
        }
        let boundary = self.boundary.replace(self.boundary.get() + 1);
        body.push(format!("--x{boundary}--\r\n"));
        let form = format!("multipart/form-data; boundary=x{boundary}");
        answer(
            self.request(path)
                .header("Content-Type", form)
                .body(body.concat()),
        )
        .await
    }

    async fn execution(&self, key: &str) -> Value {
        let path = format!("/api/v1/executions/{key}");
        self.app
            .api_get(&self.token, &path)
            .await
            .json()
            .await
            .unwrap()
    }

    async fn make(&self, what: &str, body: Value) -> String {
        let url = format!("{}/api/v1/projects/SHOP/{what}", self.app.base);
        let made = self.app.http.post(url).bearer_auth(&self.token).json(&body);
        let made: Value = made.send().await.unwrap().json().await.unwrap();
        made["key"]
            .as_str()
            .unwrap_or_else(|| panic!("{made}"))
            .to_owned()
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

const CLOUD: [&str; 2] = ["api/v2", "api/v1"];
const DATA_CENTER: [&str; 4] = [
    "rest/raven/2.0",
    "rest/raven/1.0",
    "rest/raven/latest",
    "rest/raven/2.0/api",
];

both_databases! {
    async fn every_address_takes_every_form(database: Database) {
        let world = World::new(database).await;
        let mut sent = 0;
        for base in CLOUD.iter().chain(&DATA_CENTER) {
            for format in ["", "/junit", "/xunit", "/nunit", "/testng", "/robot", "/cucumber", "/behave", "/bundle"] {
                sent += 1;
                let (name, part) = (junit(&format!("case {sent}")), ["results", "result", "file"][sent % 3]);
                let path = format!("{base}/import/execution{format}");
                let (status, plain) = world.post(&format!("{path}?projectKey=SHOP"), &name).await;
                assert_eq!(status, 200, "{path}: {plain}");
                let info = json!({"fields": {"project": {"key": "SHOP"}, "summary": path}}).to_string();
                let (status, multipart) = world
                    .parts(&format!("{path}/multipart"), &[(part, &name), ("info", &info), ("else", "x")])
                    .await;
                assert_eq!(status, 200, "{path}/multipart: {multipart}");
                for answer in [plain, multipart] {
                    let issue = if base.starts_with("api") { &answer } else { &answer["testExecIssue"] };
                    let key = issue["key"].as_str().unwrap();
                    assert!(issue["id"].as_str().unwrap().bytes().all(|byte| byte.is_ascii_digit()));
                    assert_eq!(issue["self"], format!("{}/api/v1/executions/{key}", world.app.base));
                    assert_eq!((&answer["counts"]["passed"], &answer["warnings"]), (&json!(1), &json!([])));
                }
            }
        }
        let last = format!("SHOP-E{}", sent * 2);
        let execution = world.execution(&last).await;
        assert_eq!(execution["name"], "rest/raven/2.0/api/import/execution/bundle");
        assert_eq!(execution["counts"], json!({"PASSED": 1}));
        world.app.stop().await;
    }

    async fn parameters_say_what_the_results_are_for(database: Database) {
        let world = World::new(database).await;
        let plan = world.make("plans", json!({"name": "Release"})).await;
        let query = format!(
            "projectKey=SHOP&testPlanKey={plan}&testEnvironments=firefox;chrome&revision=4f1c&fixVersion=1.4&foo=bar"
        );
        let path = format!("api/v2/import/execution/junit?{query}");
        let (status, made) = world.post(&path, &junit("pays")).await;
        assert_eq!(status, 200, "{made}");
        let execution = world.execution("SHOP-E1").await;
        let said = ["environments", "fixVersion", "plan", "revision", "source", "createdBy"].map(|name| &execution[name]);
        assert_eq!(json!(said), json!([["chrome", "firefox"], "1.4", plan, "4f1c", "JUnit", "tests"]));

        let into = "rest/raven/2.0/import/execution/junit?testExecKey=SHOP-E1";
        let (status, more) = world.parts(into, &[("file", &junit("ships"))]).await;
        assert_eq!((status, &more["testExecIssue"]["key"]), (200, &json!("SHOP-E1")), "{more}");
        assert_eq!(more["testExecIssue"]["id"], made["id"]);
        assert_eq!(world.execution("SHOP-E1").await["counts"], json!({"PASSED": 2}));
        world.app.stop().await;
    }

    async fn info_says_what_the_results_are_for_in_both_families(database: Database) {
        let world = World::new(database).await;
        let plan = world.make("plans", json!({"name": "Release"})).await;
        let get = |path: &str| world.app.http.get(format!("{}/xray/{path}", world.app.base)).bearer_auth(&world.token);
        let (_, fields) = answer(get("rest/api/latest/field")).await;
        let id_of = |name: &str| {
            let field = fields.as_array().unwrap().iter().find(|field| field["name"] == name);
            field.unwrap()["id"].as_str().unwrap().to_owned()
        };
        let mut server = json!({"fields": {
            "project": {"key": "SHOP"}, "summary": "Nightly", "issuetype": {"id": "1"},
            "fixVersions": [{"name": "1.4"}], "components": [{"name": "Cart"}],
        }});
        let mut cloud = server.clone();
        server["fields"][id_of("Test Plan")] = json!([plan]);
        server["fields"][id_of("Test Environments")] = json!(["chrome"]);
        cloud["xrayFields"] = json!({"testPlanKey": plan, "environments": ["chrome"]});
        let test_info = json!({"fields": {"labels": ["nightly"], "description": "From CI"}}).to_string();
        for (path, info) in [("api/v2", cloud), ("rest/raven/2.0", server)] {
            let path = format!("{path}/import/execution/junit/multipart");
            let parts = [("results", junit(&path)), ("info", info.to_string()), ("testInfo", test_info.clone())];
            let parts = parts.each_ref().map(|(name, content)| (*name, content.as_str()));
            let (status, made) = world.parts(&path, &parts).await;
            assert_eq!(status, 200, "{made}");
            assert_eq!(made["warnings"], json!(["not kept of `info`: components"]));
            let key = made["testExecIssue"]["key"].as_str().or(made["key"].as_str()).unwrap();
            let execution = world.execution(key).await;
            let said = ["name", "environments", "fixVersion", "plan"].map(|name| &execution[name]);
            assert_eq!(json!(said), json!(["Nightly", ["chrome"], "1.4", plan]), "{path}");
            let test = execution["runs"][0]["test"]["key"].as_str().unwrap();
            let test = world.app.api_get(&world.token, &format!("/api/v1/tests/{test}")).await;
            let test: Value = test.json().await.unwrap();
            assert_eq!((&test["labels"], &test["description"]), (&json!(["nightly"]), &json!("From CI")));
        }
        world.app.stop().await;
    }

    async fn the_same_upload_is_stored_once(database: Database) {
        let world = World::new(database).await;
        let path = "api/v2/import/execution/junit/multipart?projectKey=SHOP";
        let info = r#"{"fields": {"summary": "a"}}"#;
        let (_, first) = world.parts(path, &[("results", &junit("pays")), ("info", info)]).await;
        let (_, again) = world.parts(path, &[("results", &junit("pays")), ("info", info)]).await;
        assert_eq!((&again, &again["key"]), (&first, &json!("SHOP-E1")));
        let info = r#"{"fields": {"summary": "b"}}"#;
        let (_, other) = world.parts(path, &[("results", &junit("pays")), ("info", info)]).await;
        assert_eq!(other["key"], "SHOP-E2");
        world.app.stop().await;
    }

    async fn what_is_refused_says_why_and_leaves_nothing(database: Database) {
        let world = World::new(database).await;
        let path = "api/v2/import/execution/junit";
        let known = junit("pays").replace("/></testsuite>", r#"><properties>
            <property name="test_key" value="SHOP-T9"/></properties></testcase></testsuite>"#);
        for (query, file, status, said) in [
            ("", junit("pays"), 400, "names no project"),
            ("projectKey=S", junit("pays"), 400, "names no project"),
            ("projectKey=SHOP", "<testsuite>".to_owned(), 400, "cannot be read"),
            ("projectKey=SHOP", String::new(), 400, "empty"),
            ("projectKey=SHOP", "<testsuite/>".to_owned(), 400, "no results"),
            ("projectKey=SHOP", known, 400, "SHOP-T9"),
            ("testExecKey=SHOP-E9", junit("pays"), 404, "SHOP-E9"),
            ("testExecKey=SHOP-900", junit("pays"), 404, "SHOP-900"),
            ("projectKey=SHOP&testPlanKey=SHOP-P9", junit("pays"), 404, "SHOP-P9"),
        ] {
            let (found, why) = world.post(&format!("{path}?{query}"), &file).await;
            assert_eq!(found, status, "{query}: {why}");
            assert!(why["error"].as_str().unwrap().contains(said), "{query}: {why}");
        }
        for (parts, said) in [
            (&[("info", "{}")][..], "no part with the results"),
            (&[("results", "<testsuite/>"), ("file", "<testsuite/>")], "twice"),
            (&[("results", "<testsuite/>"), ("info", "[")], "`info` is not a JSON object"),
        ] {
            let (found, why) = world.parts(&format!("{path}/multipart"), parts).await;
            assert_eq!(found, 400, "{why}");
            assert!(why["error"].as_str().unwrap().contains(said), "{why}");
        }
        let url = format!("{}/xray/{path}?projectKey=SHOP", world.app.base);
        let (status, why) = answer(world.app.http.post(url).body(junit("pays"))).await;
        assert_eq!(status, 401);
        assert!(why["error"].as_str().unwrap().contains("credential"), "{why}");
        let huge = " ".repeat(25 * 1024 * 1024 + 1);
        let (status, _) = world.post(&format!("{path}?projectKey=SHOP"), &huge).await;
        assert_eq!(status, 413);
        let all = world.app.api_get(&world.token, "/api/v1/projects/SHOP/executions").await;
        let all: Value = all.json().await.unwrap();
        assert_eq!(all["items"], json!([]), "{all}");
        world.app.stop().await;
    }
}
