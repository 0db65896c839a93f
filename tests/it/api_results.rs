//! `/api/v1` takes results in and tells what they say of an issue.

use serde_json::{Value, json};
use touchstone::store::idempotency::{self, KeptAnswer, Known, Repeatable};
use uuid::Uuid;

use crate::both_databases;
use crate::support::events::Issue;
use crate::support::site::Site;
use crate::support::{Database, TestApp};

/// 2026-11-20, in milliseconds.
const T0: i64 = 1_795_132_800_000;

const PASS: &str = r#"<testsuite name="unit" timestamp="2026-11-20T10:00:00Z">
  <testcase classname="shop.Cart" name="pays" time="1.5">
    <properties><property name="requirement" value="SHOP-7"/></properties>
  </testcase>
</testsuite>"#;

/// The same case an hour later, failing.
fn failing() -> String {
    let failure =
        r#"</properties><failure message="expected 402, got 500">at cart.rs:88</failure>"#;
    PASS.replace("</properties>", failure)
        .replace("T10:", "T11:")
}

struct World {
    app: TestApp,
    site: Site,
    token: String,
}

impl World {
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        Self { app, site, token }
    }

    async fn post(&self, path: &str, file: impl Into<reqwest::Body>) -> reqwest::Response {
        let url = format!("{}/api/v1/projects/{path}", self.app.base);
        let sending = self.app.http.post(url).bearer_auth(&self.token).body(file);
        sending.send().await.unwrap()
    }

    /// Posts a file that must be taken.
    async fn import(&self, path: &str, file: &str) -> Value {
        let answer = self.post(path, file.to_owned()).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.app.api_get(&self.token, path).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// The title and detail of a refusal, in one text.
    async fn refusal(&self, status: u16, path: &str, file: impl Into<reqwest::Body>) -> String {
        let answer = self.post(path, file).await;
        assert_eq!(answer.status(), status, "{path}");
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(kind, "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        format!("{} {}", problem["title"], problem["detail"])
    }
}

both_databases! {
    async fn the_same_file_twice_is_one_import(database: Database) {
        let world = World::new(database).await;
        let first = world.import("SHOP/results?environment=chrome", PASS).await;
        let again = world.import("SHOP/results?environment=chrome", PASS).await;
        assert_eq!((&first, &first["execution"]["key"]), (&again, &json!("SHOP-E1")));
        let other = world.import("SHOP/results?environment=firefox", PASS).await;
        assert_eq!(other["execution"]["key"], "SHOP-E2", "other parameters are another upload");
        let other = world.import("SHOP/results?environment=chrome", &failing()).await;
        assert_eq!(other["execution"]["key"], "SHOP-E3", "another file is another upload");
        world.app.stop().await;
    }

    async fn a_repeat_is_one_for_ten_minutes(database: Database) {
        let world = World::new(database).await;
        let store = &world.app.app().store;
        let site = touchstone::store::sites::find(store.read(), &world.site.client_key).await.unwrap();
        let site = site.unwrap().site.id;
        let upload = |hash| Repeatable {
            client: Uuid::from_u128(1),
            key: "upload".into(),
            request_hash: [hash; 32],
            within_ms: 600_000,
        };
        let answer = |body: &str| KeptAnswer { status: 200, etag: None, location: None, body: body.into() };
        for (at, hash, body, known) in [
            (T0, 1, "first", None),
            (T0 + 599_999, 1, "", Some(Known::Done(answer("first")))),
            (T0 + 599_999, 2, "", Some(Known::OtherRequest)),
            (T0 + 600_000, 2, "second", None),
            (T0 + 600_001, 2, "", Some(Known::Done(answer("second")))),
        ] {
            let txn = store.write().await.unwrap();
            let found = idempotency::claim(&*txn, site, &upload(hash), at).await.unwrap();
            assert_eq!(found, known.clone().unwrap_or(Known::New), "{at}");
            if known.is_none() {
                idempotency::keep(&*txn, site, &upload(hash), &answer(body)).await.unwrap();
            }
            txn.commit().await.unwrap();
        }
        world.app.stop().await;
    }

    async fn a_posted_file_turns_its_issue_red(database: Database) {
        let world = World::new(database).await;
        let story = Issue::new(10_042, "SHOP-7");
        world.app.deliver(&world.site, "d-1", &story.created(T0)).await;
        world.app.applied().await;

        let answer = world.import("SHOP/results?environment=chrome&revision=4f1c", PASS).await;
        let url = format!("{}/api/v1/executions/SHOP-E1", world.app.base);
        assert_eq!(answer, json!({
            "execution": { "key": "SHOP-E1", "url": url },
            "counts": { "tests": 1, "passed": 1, "failed": 0, "error": 0, "skipped": 0, "other": 0, "flaky": 0 },
            "issues": ["SHOP-7"],
            "warnings": [],
        }));
        let (_, green) = world.get("/api/v1/issues/SHOP-7/coverage").await;
        assert_eq!((&green["status"], &green["reason"]["sentence"]), (&json!("OK"), &json!("The only test passed.")));

        world.import("shop/results?environment=safari&environment=chrome", &failing()).await;
        let (_, red) = world.get("/api/v1/issues/shop-7/coverage?scope=latest").await;
        assert_eq!(red["status"], "NOK");
        assert_eq!(red["reason"]["sentence"], "pays failed on chrome and safari.");
        let decided = &red["reason"]["decidedBy"][0];
        assert_eq!(decided["test"], "SHOP-T1");
        assert_eq!(decided["runs"][0]["execution"], "SHOP-E2");
        let test = &red["tests"][0];
        assert_eq!((&test["status"], &test["message"]), (&json!("FAILED"), &json!("expected 402, got 500")));
        assert_eq!(test["recent"].as_array().unwrap().len(), 2);
        assert_eq!(red["environments"], json!(["chrome", "safari"]));
        assert_eq!(red["issue"]["summary"], "Summary of SHOP-7");

        let (_, elsewhere) = world.get("/api/v1/issues/SHOP-7/coverage?environment=firefox").await;
        assert_eq!(elsewhere["status"], "NOTRUN");
        assert_eq!(elsewhere["reason"]["sentence"], "pays has not been run on firefox.");
        world.app.stop().await;
    }

    async fn an_execution_can_be_read_where_the_answer_says(database: Database) {
        let world = World::new(database).await;
        let cases: Vec<String> = (1..=450).map(|n| format!(r#"<testcase classname="c" name="case {n}"/>"#)).collect();
        let file = format!("<testsuite>{}</testsuite>", cases.concat());
        let answer = world.import("SHOP/results?fixVersion=1.4", &file).await;

        let url = answer["execution"]["url"].as_str().unwrap().to_owned();
        let path = url.strip_prefix(&world.app.base).unwrap();
        let (status, first) = world.get(path).await;
        assert_eq!((status, &first["fixVersion"], &first["counts"]), (200, &json!("1.4"), &json!({ "PASSED": 450 })));
        let mut seen = first["runs"].as_array().unwrap().len();
        let mut next = first["next"].clone();
        while let Some(after) = next.as_i64() {
            let (_, page) = world.get(&format!("{path}?after={after}")).await;
            seen += page["runs"].as_array().unwrap().len();
            next = page["next"].clone();
        }
        assert_eq!(seen, 450);
        assert_eq!(world.get("/api/v1/executions/SHOP-E9").await.0, 404);
        assert_eq!(world.get("/api/v1/executions/nonsense").await.0, 404);
        world.app.stop().await;
    }

    async fn what_cannot_be_taken_is_refused_whole_with_one_sentence(database: Database) {
        let world = World::new(database).await;
        for (status, path, file, says) in [
            (400, "SHOP/results?enviroment=chrome", PASS, "enviroment"),
            (400, "SHOP/results?execution=7", PASS, "SHOP-E7"),
            (400, "S-1/results", PASS, "project"),
            (404, "SHOP/results?execution=SHOP-E7", PASS, "SHOP-E7"),
            (422, "SHOP/results", "", "empty"),
            (422, "SHOP/results", "{}", "not"),
            (422, "SHOP/results", "<testsuite>\n<testcase name='a'></testsuite>", "line 2"),
            (422, "SHOP/results", r#"<testsuite><testcase name="a" classname="b"><properties><property name="test_key" value="SHOP-T99"/></properties></testcase></testsuite>"#, "SHOP-T99"),
        ] {
            let said = world.refusal(status, path, file).await;
            assert!(said.contains(says), "{path}: {said}");
        }
        let bomb = r#"<!DOCTYPE t [<!ENTITY a "aaaa">]><testsuite>&a;</testsuite>"#;
        world.refusal(422, "SHOP/results", bomb).await;
        assert_eq!(world.get("/api/v1/executions/SHOP-E1").await.0, 404);
        let (status, _) = world.get("/api/v1/issues/SHOP-7/coverage").await;
        assert_eq!(status, 404);
        world.app.stop().await;
    }

    async fn a_body_over_the_limit_is_refused(database: Database) {
        let world = World::new(database).await;
        let said = world.refusal(413, "SHOP/results", vec![b' '; 25 * 1024 * 1024 + 1]).await;
        assert!(said.contains("26214400"), "{said}");
        world.app.stop().await;
    }

    async fn unknown_scopes_and_parameters_are_refused_by_name(database: Database) {
        let world = World::new(database).await;
        world.import("SHOP/results", PASS).await;
        for (query, says) in [("scope=release:1.4", "release:1.4"), ("scope=version:", "version:"), ("scop=latest", "scop"), ("environment=a&environment=b", "environment")] {
            let (status, problem) = world.get(&format!("/api/v1/issues/SHOP-7/coverage?{query}")).await;
            assert_eq!(status, 400, "{query}");
            assert!(problem["title"].as_str().unwrap().contains(says), "{problem}");
        }
        world.app.stop().await;
    }

    async fn a_token_is_needed_and_holds_for_its_site_alone(database: Database) {
        let world = World::new(database).await;
        world.import("SHOP/results", PASS).await;
        let other = Site::new("other");
        world.app.install(&other).await;
        let foreign = world.app.api_token(&other).await;

        let url = format!("{}/api/v1/projects/SHOP/results", world.app.base);
        for token in ["", "tst_forged"] {
            let sending = world.app.http.post(&url).bearer_auth(token).body(PASS);
            assert_eq!(sending.send().await.unwrap().status(), 401, "{token}");
        }
        for path in ["/api/v1/issues/SHOP-7/coverage", "/api/v1/executions/SHOP-E1"] {
            assert_eq!(world.app.api_get(&foreign, path).await.status(), 404, "{path}");
        }
        let sending = world.app.http.post(&url).bearer_auth(&foreign).body(PASS);
        let answer: Value = sending.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["execution"]["key"], "SHOP-E1", "numbers are the site's own");
        world.app.stop().await;
    }
}
