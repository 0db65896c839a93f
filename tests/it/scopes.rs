//! The status of an issue for one version, plan or sprint: through the API, and in the store against
//! the rule it follows.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use touchstone::app::import_results::{Upload, import_results, prepare};
use touchstone::domain::attempts::Aggregation;
use touchstone::domain::coverage::{Latest, MadeFor, RunFact};
use touchstone::domain::execution::Particulars;
use touchstone::results::{Limits, read};
use touchstone::store::{SiteId, Store, issues, runs, tests};
use uuid::Uuid;

use crate::both_databases;
use crate::support::site::Site;
use crate::support::{Database, TestApp};

struct World {
    app: TestApp,
    site: Site,
    token: String,
}

impl World {
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        let token = Self::join(&app, &site).await;
        Self { app, site, token }
    }

    /// Installs the app on a site; returns a token for its API.
    async fn join(app: &TestApp, site: &Site) -> String {
        app.install(site).await;
        app.api_token(site).await
    }

    /// Reports the one test of SHOP-7 that covers it, an hour later each time `hour` grows.
    async fn report(&self, token: &str, hour: u8, query: &str, outcome: &str) {
        self.report_test(token, "pays", hour, query, outcome).await;
    }

    async fn report_test(&self, token: &str, test: &str, hour: u8, query: &str, outcome: &str) {
        let file = format!(
            r#"<testsuite name="unit" timestamp="2026-11-20T{hour:02}:00:00Z">
                 <testcase classname="shop" name="{test}"><properties>
                   <property name="requirement" value="SHOP-7"/></properties>{outcome}
                 </testcase></testsuite>"#
        );
        let url = format!("{}/api/v1/projects/SHOP/results?{query}", self.app.base);
        let sending = self.app.http.post(url).bearer_auth(token).body(file);
        let answer = sending.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    async fn coverage(&self, query: &str) -> Value {
        self.coverage_for(&self.token, query).await
    }

    async fn coverage_for(&self, token: &str, query: &str) -> Value {
        let path = format!("/api/v1/issues/SHOP-7/coverage?{query}");
        let answer = self.app.api_get(token, &path).await;
        assert_eq!(answer.status(), 200, "{query}");
        answer.json().await.unwrap()
    }

    /// Jira tells of Sprint 7; what was told later has a higher `n`.
    async fn tell_of_sprint(&self, event: &str, n: i64, dates: &Value) {
        let mut sprint = json!({ "id": 7, "name": "Sprint 7", "originBoardId": 1 });
        for (name, value) in dates.as_object().unwrap() {
            sprint[name] = value.clone();
        }
        let body = json!({
            "webhookEvent": event, "timestamp": 1_900_000_000_000_i64 + n, "sprint": sprint,
        });
        let delivery = format!("{event}-{n}");
        let answer = self.app.deliver(&self.site, &delivery, &body).await;
        assert_eq!(answer.status(), 204);
        self.app.applied().await;
    }

    async fn status(&self, query: &str) -> String {
        let coverage = self.coverage(query).await;
        coverage["status"].as_str().unwrap().to_owned()
    }
}

/// An hour of the day the reports are of, as Jira writes it.
fn at(hour: u8) -> String {
    format!("2026-11-20T{hour:02}:00:00.000Z")
}

const PASSES: &str = "";
const FAILS: &str = r#"<failure message="no"/>"#;

both_databases! {
    async fn w7_each_version_has_its_own_status_and_says_what_it_leaves_out(database: Database) {
        let world = World::new(database).await;
        world.report(&world.token, 10, "fixVersion=1.0&environment=chrome", PASSES).await;
        world.report(&world.token, 11, "fixVersion=2.0&environment=chrome", FAILS).await;

        assert_eq!(world.status("scope=latest").await, "NOK");
        assert_eq!(world.status("scope=version:2.0").await, "NOK");
        assert_eq!(world.status("scope=version:1.0&environment=safari").await, "NOTRUN");

        let first = world.coverage("scope=version:1.0&environment=chrome").await;
        assert_eq!(first["status"], "OK");
        assert_eq!(first["tests"][0]["status"], "PASSED");
        assert_eq!(first["tests"][0]["execution"], "SHOP-E1");
        let reason = &first["reason"];
        assert_eq!(reason["scope"], "version:1.0");
        assert_eq!(reason["environment"], "chrome");
        assert_eq!(reason["sentence"], "In version 1.0: The only test passed on chrome.");
        assert_eq!(reason["decidedBy"][0]["runs"][0]["execution"], "SHOP-E1");
        assert_eq!(reason["excluded"], json!([{
            "test": "SHOP-T1",
            "why": "out-of-scope",
            "run": {
                "execution": "SHOP-E2",
                "run": 1,
                "status": "FAILED",
                "environment": null,
                "environments": ["chrome"],
            },
        }]));

        let never = world.coverage("scope=version:3.0").await;
        assert_eq!(never["status"], "NOTRUN");
        assert_eq!(never["reason"]["sentence"], "In version 3.0: pays has not been run.");
        assert_eq!(never["environments"], json!(["chrome"]), "the choice stays");
        world.app.stop().await;
    }

    async fn w14_each_plan_has_its_own_status_and_only_its_own_tests(database: Database) {
        let world = World::new(database).await;
        world.report(&world.token, 10, "plan=SHOP-P1", PASSES).await;
        world.report(&world.token, 11, "plan=SHOP-P2", FAILS).await;
        world.report_test(&world.token, "ships", 12, "", PASSES).await;

        assert_eq!(world.status("scope=plan:SHOP-P1").await, "OK");
        assert_eq!(world.status("scope=plan:SHOP-P2").await, "NOK");
        assert_eq!(world.status("scope=latest").await, "NOK");

        let first = world.coverage("scope=plan:SHOP-P1").await;
        assert_eq!(first["counts"]["tests"], 1);
        assert_eq!(first["tests"][1]["counted"], false);
        assert!(first["reason"]["excluded"].as_array().unwrap().contains(
            &json!({ "test": "SHOP-T2", "why": "not-in-plan", "run": null })
        ));
        let none = world.coverage("scope=plan:SHOP-P9").await;
        assert_eq!(none["status"], "UNCOVERED");
        assert_eq!(none["reason"]["rule"], "not-in-plan");
        world.app.stop().await;
    }

    async fn w15_each_sprint_has_its_own_status(database: Database) {
        let world = World::new(database).await;
        world.report(&world.token, 10, "sprint=Sprint 7", PASSES).await;
        world.report(&world.token, 11, "sprint=Sprint 8", FAILS).await;
        assert_eq!(world.status("scope=sprint:Sprint%207").await, "OK");
        assert_eq!(world.status("scope=sprint:Sprint%208").await, "NOK");
        world.app.stop().await;
    }

    async fn without_a_sprint_the_one_counts_that_ran_when_the_result_was_made(database: Database) {
        let world = World::new(database).await;
        world.report(&world.token, 10, "", FAILS).await;
        world.report(&world.token, 12, "", PASSES).await;
        world.report(&world.token, 14, "", FAILS).await;
        world.report(&world.token, 13, "sprint=Sprint 8", FAILS).await;
        assert_eq!(world.status("scope=sprint:Sprint%207").await, "NOTRUN", "nobody told of it");

        world.tell_of_sprint("sprint_created", 1, &json!({ "state": "future", "startDate": at(8) })).await;
        assert_eq!(world.status("scope=sprint:Sprint%207").await, "NOTRUN", "it is only planned");

        let runs = json!({ "state": "active", "startDate": at(11), "endDate": at(12) });
        world.tell_of_sprint("sprint_started", 2, &runs).await;
        assert_eq!(world.status("scope=sprint:Sprint%207").await, "NOK", "nobody completed it");

        let closed = json!({ "state": "closed", "startDate": at(11), "completeDate": at(13) });
        world.tell_of_sprint("sprint_closed", 3, &closed).await;
        let during = world.coverage("scope=sprint:Sprint%207").await;
        assert_eq!(during["status"], "OK", "{during}");
        assert_eq!(during["tests"][0]["execution"], "SHOP-E2");
        // What was told before comes late.
        world.tell_of_sprint("sprint_updated", 2, &runs).await;
        assert_eq!(world.status("scope=sprint:Sprint%207").await, "OK");

        world.tell_of_sprint("sprint_deleted", 5, &closed).await;
        assert_eq!(world.status("scope=sprint:Sprint%207").await, "NOTRUN");
        assert_eq!(world.status("scope=sprint:Sprint%208").await, "NOK");
        world.app.stop().await;
    }

    async fn an_issue_tells_when_its_sprint_ran(database: Database) {
        let world = World::new(database).await;
        world.report(&world.token, 10, "", FAILS).await;
        world.report(&world.token, 12, "", PASSES).await;
        let told = |sprint: Value, n: i64| json!({
            "webhookEvent": "jira:issue_updated", "timestamp": 1_900_000_000_000_i64 + n,
            "issue": { "id": "10007", "key": "SHOP-7", "fields": {
                "summary": "Pay by card", "project": { "id": "1", "key": "SHOP", "name": "Shop" },
                "issuetype": { "id": "1", "name": "Story", "subtask": false },
                "status": { "id": "1", "name": "To Do", "statusCategory": { "key": "new" } },
                "updated": "2026-11-20T15:00:00.000+0000", "customfield_10020": [sprint] } } });
        let on_cloud = json!({ "id": 7, "name": "Sprint 7", "state": "active", "boardId": 1,
            "startDate": at(11), "endDate": at(20) });
        assert_eq!(world.app.deliver(&world.site, "one", &told(on_cloud, 1)).await.status(), 204);
        world.app.applied().await;
        assert_eq!(world.status("scope=sprint:Sprint%207").await, "OK");
        let matrix = world.app.api_get(&world.token, "/api/v1/projects/SHOP/matrix?scope=sprint:Sprint%207").await;
        let matrix: Value = matrix.json().await.unwrap();
        assert_eq!(matrix["items"][0]["status"], "OK", "{matrix}");

        let on_data_center = json!(format!(
            "com.atlassian.greenhopper.service.sprint.Sprint@1f[id=8,rapidViewId=1,state=CLOSED,\
             name=Sprint 8, the last,startDate={},endDate={},completeDate=<null>,sequence=8]",
            at(9), at(11)
        ));
        assert_eq!(world.app.deliver(&world.site, "two", &told(on_data_center, 2)).await.status(), 204);
        world.app.applied().await;
        assert_eq!(world.status("scope=sprint:Sprint%208,%20the%20last").await, "NOK");
        world.app.stop().await;
    }

    async fn w16_holds_within_a_version(database: Database) {
        let world = World::new(database).await;
        world.report(&world.token, 15, "fixVersion=1.0", FAILS).await;
        world.report(&world.token, 13, "fixVersion=1.0", PASSES).await;
        assert_eq!(world.status("scope=version:1.0").await, "NOK");
        world.app.stop().await;
    }

    async fn the_same_version_of_another_site_is_another_one(database: Database) {
        let world = World::new(database).await;
        let other = World::join(&world.app, &Site::new("other")).await;
        world.report(&world.token, 10, "fixVersion=1.0", PASSES).await;
        world.report(&other, 11, "fixVersion=1.0", FAILS).await;
        assert_eq!(world.status("scope=version:1.0").await, "OK");
        let foreign = world.coverage_for(&other, "scope=version:1.0").await;
        assert_eq!(foreign["status"], "NOK");
        world.app.stop().await;
    }

    async fn a_later_upload_that_names_the_version_brings_earlier_runs_into_it(database: Database) {
        let world = World::new(database).await;
        world.report(&world.token, 10, "", FAILS).await;
        assert_eq!(world.status("scope=version:1.0").await, "NOTRUN");
        world.report_test(&world.token, "ships", 11, "execution=SHOP-E1&fixVersion=1.0", PASSES).await;
        assert_eq!(world.status("scope=version:1.0").await, "NOK");
        world.app.stop().await;
    }

    async fn what_the_store_finds_is_what_the_rule_takes(database: Database) {
        Store::migrate(&database.url).await.unwrap();
        let store = Store::open(&database.url, 4).await.unwrap();
        let said = report_at_random(&store).await;
        let issue = issues::by_key(store.read(), SITE, "SHOP-7").await.unwrap().unwrap();
        let tests = tests::ids_after(store.read(), SITE, Uuid::nil(), 10).await.unwrap();
        let all = runs::facts_of_tests(store.read(), SITE, &tests).await.unwrap();
        assert_eq!(all.values().map(Vec::len).sum::<usize>(), 3 * REPORTS);

        let mut compared = 0;
        for name in ["1", "2", "3"] {
            let name = || name.to_owned();
            for made_for in [MadeFor::Version(name()), MadeFor::Plan(name()), MadeFor::Sprint(name())] {
                let issues = [issue.id];
                let found = runs::newest_made_for(store.read(), SITE, &issues, &made_for);
                let found = found.await.unwrap();
                for (test, facts) in &all {
                    let takes = |fact: &&RunFact| made_for.takes(&said[&fact.execution_key]);
                    let wanted = kept(facts.iter().filter(takes));
                    let got = kept(found.get(test).into_iter().flatten());
                    assert_eq!(got.runs(), wanted.runs(), "{made_for}");
                    compared += wanted.runs().len();
                }
            }
        }
        assert!(compared > 100, "{compared} runs are too few to tell anything");
    }
}

const SITE: SiteId = SiteId(1);
const T0: i64 = 1_795_132_800_000;
const REPORTS: usize = 80;

fn kept<'a>(facts: impl Iterator<Item = &'a RunFact>) -> Latest {
    let mut latest = Latest::default();
    for fact in facts {
        latest.record(fact);
    }
    latest
}

/// Reports three tests of SHOP-7 again and again, made for anything, in any order of time, some of
/// the reports incomplete; returns what was said of each execution.
async fn report_at_random(store: &Store) -> HashMap<String, Particulars> {
    let mut state = 7_u64;
    let mut any = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let outcomes = [
        PASSES,
        PASSES,
        FAILS,
        "<skipped/>",
        r#"<error message="broke"/>"#,
    ];
    let mut said = HashMap::new();
    for _ in 0..REPORTS {
        let mut case = |name: &str| {
            let outcome = outcomes[usize::try_from(any(5)).unwrap()];
            format!(
                r#"<testcase classname="shop" name="{name}"><properties>
                   <property name="requirement" value="SHOP-7"/></properties>{outcome}</testcase>"#
            )
        };
        let cases = [case("pays"), case("ships"), case("refunds")].concat();
        let at = T0 + i64::try_from(any(12)).unwrap();
        let xml = format!("<testsuite>{cases}</testsuite>");
        let mut report = read(xml.as_bytes(), &Limits::default()).unwrap();
        report.incomplete = (any(5) == 0).then(|| "it broke off".to_owned());
        let mut name = || Some(any(3)).filter(|n| *n > 0).map(|n| n.to_string());
        let mut particulars = Particulars {
            fix_version: name(),
            plan: name(),
            sprint: name(),
            ..Particulars::default()
        };
        let environments = HashSet::from([any(3), any(3)]);
        let environments = environments.into_iter().filter(|n| *n > 0);
        particulars.environments = environments.map(|n| format!("e{n}")).collect();
        particulars.environments.sort();
        let upload = Upload {
            project: "SHOP".into(),
            particulars: particulars.clone(),
            execution: None,
            source: "JUnit".into(),
            created_by: None,
            ..Upload::default()
        };
        let prepared = prepare(report, Aggregation::Worst, at);
        let imported = import_results(store, SITE, &upload, prepared)
            .await
            .unwrap();
        said.insert(imported.execution.to_string(), particulars);
    }
    said
}
