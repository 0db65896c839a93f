//! A test is flaky when its results say so (`test-management.md` section 5.4): seen in the answer about
//! its issue, counted as the project says, and gone when the results agree again.

use std::fmt::Write;

use serde_json::{Value, json};
use touchstone::app::check_projections::check_projections;
use touchstone::app::rebuild::rebuild;
use touchstone::store::sites;

use crate::both_databases;
use crate::support::events::Issue;
use crate::support::site::Site;
use crate::support::{Database, TestApp};

/// 2026-11-20, in milliseconds.
const T0: i64 = 1_795_132_800_000;

struct World {
    app: TestApp,
    site: Site,
    token: String,
}

impl World {
    /// A service that knows the story SHOP-7.
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        app.deliver(&site, "d-1", &Issue::new(10_042, "SHOP-7").created(T0))
            .await;
        app.applied().await;
        Self { app, site, token }
    }

    /// Reports one result of the test that covers SHOP-7, made at a minute of an hour; returns the
    /// key of the execution.
    async fn report(&self, query: &str, minute: u32, outcome: &str) -> String {
        let mut file =
            format!(r#"<testsuite name="unit" timestamp="2026-11-20T10:{minute:02}:00Z">"#);
        write!(
            file,
            r#"<testcase classname="shop.Cart" name="pays"><properties>
               <property name="requirement" value="SHOP-7"/></properties>{outcome}</testcase></testsuite>"#
        )
        .unwrap();
        let url = format!("{}/api/v1/projects/SHOP/results?{query}", self.app.base);
        let sending = self.app.http.post(url).bearer_auth(&self.token).body(file);
        let answer = sending.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let answer: Value = answer.json().await.unwrap();
        answer["execution"]["key"].as_str().unwrap().to_owned()
    }

    async fn coverage(&self) -> Value {
        let path = "/api/v1/issues/SHOP-7/coverage";
        let mut found: Value = self
            .app
            .api_get(&self.token, path)
            .await
            .json()
            .await
            .unwrap();
        found["reason"]
            .as_object_mut()
            .unwrap()
            .remove("computedMs");
        found
    }

    async fn choose(&self, choices: Value) {
        let url = format!("{}/api/v1/projects/SHOP/settings", self.app.base);
        let sending = self
            .app
            .http
            .patch(url)
            .bearer_auth(&self.token)
            .header("If-Match", "*");
        let answer = sending.json(&choices).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    /// What is kept beside the tests is what their runs say, and stays that when it is made anew.
    async fn assert_kept_is_right(&self) {
        let store = &self.app.app().store;
        let held = sites::find(store.read(), &self.site.client_key)
            .await
            .unwrap();
        let site = held.unwrap().site.id;
        let checked = check_projections(store, site).await.unwrap();
        assert!(checked.wrong.is_empty(), "{:?}", checked.wrong);
        let before = self.coverage().await;
        rebuild(store, site).await.unwrap();
        assert_eq!(self.coverage().await, before);
    }
}

const FAILS: &str = r#"<failure message="timeout"/>"#;

both_databases! {
    async fn a_test_is_flaky_until_its_results_agree_again(database: Database) {
        let world = World::new(database).await;
        world.report("revision=4f1c", 0, FAILS).await;
        assert_eq!(world.coverage().await["tests"][0]["flaky"], false);
        world.report("revision=4f1c", 1, "").await;

        let found = world.coverage().await;
        assert_eq!((&found["status"], &found["tests"][0]["flaky"]), (&json!("OK"), &json!(true)));
        let evidence = &found["reason"]["decidedBy"][0]["runs"][0]["flaky"];
        assert_eq!(evidence["evidence"], "same-revision");
        assert_eq!(
            found["reason"]["lines"][0],
            "SHOP-T1 passed in SHOP-E2. It is flaky: it passed and failed on revision 4f1c."
        );

        world.choose(json!({ "flakyEffect": "unknown" })).await;
        let found = world.coverage().await;
        assert_eq!(found["status"], "UNKNOWN");
        assert_eq!(found["reason"]["sentence"], "pays passed but is flaky.");
        world.choose(json!({ "flakyEffect": "nok" })).await;
        assert_eq!(world.coverage().await["status"], "NOK");
        world.assert_kept_is_right().await;

        for minute in 2..11 {
            world.report("revision=a001", minute, "").await;
        }
        let found = world.coverage().await;
        assert_eq!((&found["status"], &found["tests"][0]["flaky"]), (&json!("OK"), &json!(false)));
        world.assert_kept_is_right().await;
        world.app.stop().await;
    }

    async fn a_revision_that_is_told_later_holds_for_earlier_runs(database: Database) {
        let world = World::new(database).await;
        let failed = world.report("branch=main", 0, FAILS).await;
        let passed = world.report("branch=main", 1, "").await;
        assert_eq!(world.coverage().await["tests"][0]["flaky"], false);
        world.report(&format!("execution={failed}&revision=4f1c"), 2, FAILS).await;
        world.assert_kept_is_right().await;
        world.report(&format!("execution={passed}&revision=4f1c"), 3, "").await;
        assert_eq!(world.coverage().await["tests"][0]["flaky"], true);
        world.assert_kept_is_right().await;
        world.app.stop().await;
    }
}
