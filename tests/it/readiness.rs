//! Whether a version or a sprint can go out: through the API, on the page, from the command line, and
//! day by day.

use std::process::{Command, Stdio};

use jira_standin::{Options, Standin, accounts};
use reqwest::StatusCode;
use serde_json::{Value, json};
use touchstone::app::create_api_client::create_api_client;
use touchstone::app::snapshot_readiness::snapshot_readiness;
use touchstone::clock::Clock;
use touchstone::domain::readiness::{Target, Verdict};
use touchstone::startup;
use touchstone::store::defects::NewDefectLink;
use touchstone::store::readiness::{days, planned};
use touchstone::store::{SiteId, defects, issues, sites, tests};
use uuid::Uuid;

use crate::both_databases;
use crate::support::events::{DONE, Issue};
use crate::support::site::{Site, now_s};
use crate::support::{Database, TestApp};

const PASSES: &str = "";
const FAILS: &str = r#"<failure message="expected 402"/>"#;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// A service, and a site with two projects; events and results are an hour old.
struct World {
    app: TestApp,
    site: Site,
    token: String,
    at_ms: i64,
}

impl World {
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        let at_ms = (now_s() - 3600) * 1000;
        Self {
            app,
            site,
            token,
            at_ms,
        }
    }

    /// Tells of a new issue with some of its fields.
    async fn issue(&self, number: i64, kind: &'static str, fields: &Value) {
        let issue = Issue {
            kind,
            ..Issue::new(10_000 + number, &format!("SHOP-{number}"))
        };
        self.tell(&format!("made-{number}"), issue.created(self.at_ms), fields)
            .await;
    }

    async fn tell(&self, name: &str, mut event: Value, fields: &Value) {
        for (field, value) in fields.as_object().unwrap() {
            event["issue"]["fields"][field] = value.clone();
        }
        let answer = self.app.deliver(&self.site, name, &event).await;
        assert!(answer.status().is_success());
        self.app.applied().await;
    }

    /// Reports a test that covers an issue.
    async fn report(&self, issue: &str, test: &str, query: &str, outcome: &str) {
        let file = format!(
            r#"<testsuite name="unit"><testcase classname="shop" name="{test}"><properties>
                 <property name="requirement" value="{issue}"/></properties>{outcome}
               </testcase></testsuite>"#
        );
        let url = format!("{}/api/v1/projects/SHOP/results?{query}", self.app.base);
        let sending = self.app.http.post(url).bearer_auth(&self.token).body(file);
        let answer = sending.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let path = format!("/api/v1/projects/SHOP/readiness{path}");
        let answer = self.app.api_get(&self.token, &path).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn readiness(&self, query: &str) -> Value {
        let (status, answer) = self.get(&format!("?{query}")).await;
        assert_eq!(status, 200, "{answer:#}");
        answer
    }

    async fn verdict(&self, query: &str) -> String {
        let (_, gate) = self.get(&format!("/gate?{query}")).await;
        gate["verdict"].as_str().unwrap().to_owned()
    }

    async fn site_id(&self) -> SiteId {
        let store = &self.app.app().store;
        let found = sites::find(store.read(), &self.site.client_key).await;
        found.unwrap().unwrap().site.id
    }

    /// Links a defect to the only test, as a person does.
    async fn link_defect(&self, key: &str) {
        let (store, site) = (&self.app.app().store, self.site_id().await);
        let test = tests::ids_after(store.read(), site, Uuid::nil(), 1)
            .await
            .unwrap()[0];
        let defect = issues::by_key(store.read(), site, key)
            .await
            .unwrap()
            .unwrap();
        let link = NewDefectLink {
            test,
            issue: defect.id,
            run: None,
            signature: None,
            cause: None,
            created_by: None,
        };
        let txn = store.write().await.unwrap();
        defects::link(&*txn, site, &link, self.at_ms).await.unwrap();
        txn.commit().await.unwrap();
    }
}

fn version(name: &str) -> Value {
    json!([{ "id": "10101", "name": name }])
}

fn planned_for(name: &str) -> Value {
    json!({ "fixVersions": version(name) })
}

fn keys(issues: &Value) -> Vec<&str> {
    let issues = issues.as_array().unwrap().iter();
    issues.map(|issue| issue["key"].as_str().unwrap()).collect()
}

fn rule<'a>(gate: &'a Value, name: &str) -> &'a Value {
    let mut rules = gate["rules"].as_array().unwrap().iter();
    rules.find(|rule| rule["rule"] == name).unwrap()
}

both_databases! {
    async fn a_release_is_held_back_by_name_and_let_through_when_it_is_good(database: Database) {
        let world = World::new(database).await;
        for number in 1..=3 {
            world.issue(number, "Story", &planned_for("1.4")).await;
        }
        world.issue(4, "Story", &planned_for("2.0")).await;
        world.issue(5, "Sub-task", &planned_for("1.4")).await;
        world.report("SHOP-1", "pays", "fixVersion=1.4", PASSES).await;
        world.report("SHOP-2", "ships", "fixVersion=1.4", FAILS).await;
        world.report("SHOP-4", "refunds", "fixVersion=1.4", FAILS).await;

        let bad = world.readiness("scope=version:1.4").await;
        let gate = &bad["gate"];
        assert_eq!(gate["verdict"], "NOT READY");
        assert_eq!(gate["sentence"], "Version 1.4 is not ready: 3 rules fail.");
        assert_eq!(bad["measures"]["issues"], 3, "a sub-task is not coverable, 2.0 is another version");
        assert_eq!(bad["measures"]["verified"], json!({ "part": 1, "whole": 3, "percent": 33.3 }));
        assert_eq!(bad["measures"]["failingTests"], 1);
        assert_eq!(keys(&rule(gate, "failing-issues")["issues"]), ["SHOP-2"]);
        assert_eq!(keys(&rule(gate, "coverage")["issues"]), ["SHOP-3"]);
        assert_eq!(rule(gate, "coverage")["actual"], 66.6);
        assert_eq!(rule(gate, "executed")["holds"], true);
        let answers: Vec<_> = bad["answers"].as_array().unwrap().iter()
            .map(|answer| (answer["sentence"].as_str().unwrap(), keys(&answer["issues"]))).collect();
        assert_eq!(answers, [
            ("1 of 3 issues is fully tested.", vec!["SHOP-1"]),
            ("No issue has an open defect.", vec![]),
            ("Every test of every covered issue has been run.", vec![]),
            ("1 of 3 issues is not covered.", vec!["SHOP-3"]),
        ]);
        assert_eq!(bad["risks"]["risks"][0]["tests"][0]["issues"][0]["key"], "SHOP-2");

        let (status, same) = world.get("/gate?scope=version:1.4").await;
        assert_eq!((status, &same["verdict"], &same["rules"]), (200, &gate["verdict"], &gate["rules"]));
        assert_eq!(world.get("/gate?scope=version:1.4&strict=true").await.0, 409);

        world.report("SHOP-2", "ships", "fixVersion=1.4", PASSES).await;
        world.report("SHOP-3", "mails", "fixVersion=1.4", PASSES).await;
        let (status, good) = world.get("/gate?scope=version:1.4&strict=true").await;
        assert_eq!((status, &good["verdict"]), (200, &json!("READY")), "{good:#}");
        assert_eq!(world.readiness("scope=version:1.4").await["score"]["value"], 100.0);
        world.app.stop().await;
    }

    async fn only_results_made_for_it_count_and_in_one_environment_if_one_is_named(database: Database) {
        let world = World::new(database).await;
        world.issue(1, "Story", &planned_for("1.4")).await;
        world.report("SHOP-1", "pays", "", PASSES).await;
        let before = world.readiness("scope=version:1.4").await;
        assert_eq!(before["measures"]["executed"]["part"], 0);
        assert_eq!(keys(&before["answers"][2]["issues"]), ["SHOP-1"], "never run for 1.4");

        world.report("SHOP-1", "pays", "fixVersion=1.4&environment=chrome", PASSES).await;
        assert_eq!(world.verdict("scope=version:1.4").await, "READY");
        assert_eq!(world.verdict("scope=version:1.4&environment=chrome").await, "READY");
        assert_eq!(world.verdict("scope=version:1.4&environment=safari").await, "NOT READY");
        let none = world.readiness("scope=version:9.9").await;
        assert_eq!(none["gate"]["verdict"], "NOT READY", "a misspelt version is never ready");
        assert_eq!(rule(&none["gate"], "planned")["said"], "No issue is planned.");
        world.app.stop().await;
    }

    async fn a_sprint_is_judged_by_the_results_made_in_it(database: Database) {
        let world = World::new(database).await;
        let sprint = json!([{ "id": 12, "name": "Sprint 12", "state": "active", "boardId": 1 }]);
        world.issue(1, "Story", &json!({ "customfield_10020": sprint })).await;
        world.report("SHOP-1", "pays", "sprint=Sprint 12", PASSES).await;
        let found = world.readiness("scope=sprint:Sprint%2012").await;
        assert_eq!(found["gate"]["sentence"], "Sprint 12 is ready: every rule holds.");
        assert_eq!(found["gate"]["scope"], "sprint:Sprint 12");
        world.app.stop().await;
    }

    async fn defects_hold_a_release_back_until_they_are_fixed_and_tested_again(database: Database) {
        let world = World::new(database).await;
        world.issue(1, "Story", &planned_for("1.4")).await;
        let highest = json!({ "priority": { "id": "1", "name": "Highest" } });
        world.issue(41, "Bug", &highest).await;
        let low = json!({ "priority": { "id": "5", "name": "Lowest" }, "fixVersions": version("1.4") });
        world.issue(42, "Bug", &low).await;
        world.report("SHOP-1", "pays", "fixVersion=1.4", PASSES).await;
        world.link_defect("SHOP-41").await;

        let open = world.readiness("scope=version:1.4").await;
        assert_eq!(open["measures"]["openDefects"], json!({
            "total": 2, "severe": 1,
            "byPriority": [{ "priority": "Highest", "count": 1 }, { "priority": "Lowest", "count": 1 }],
        }));
        let severe = rule(&open["gate"], "severe-defects");
        assert_eq!((keys(&severe["issues"]), &severe["issues"][0]["related"]), (vec!["SHOP-41"], &json!(["SHOP-1"])));
        let with_defects = &open["answers"][1];
        assert_eq!(keys(&with_defects["issues"]), ["SHOP-1", "SHOP-42"]);

        let bug = Issue { kind: "Bug", ..Issue::new(10_041, "SHOP-41") };
        let mut fixed = highest.clone();
        let now_ms = now_s() * 1000;
        fixed["statuscategorychangedate"] = json!("2099-11-24T10:00:00.000+0000");
        world.tell("fixed", bug.moved_to(now_ms, 7, DONE, Some("Done")), &fixed).await;
        let waiting = world.readiness("scope=version:1.4").await;
        assert_eq!(waiting["measures"]["openDefects"]["severe"], 0);
        assert_eq!(waiting["measures"]["retestQueue"], 1, "fixed after the last result");
        let queue = rule(&waiting["gate"], "retest-queue");
        assert_eq!(queue["issues"][0]["note"], "SHOP-T1 waits for a retest");
        world.app.stop().await;
    }

    async fn what_cannot_be_asked_is_refused_in_a_sentence(database: Database) {
        let world = World::new(database).await;
        for (path, said) in [
            ("", "The scope is missing."),
            ("?scope=", "The scope is missing."),
            ("?scope=latest", "`latest` names no version and no sprint."),
            ("?scope=plan:SHOP-P1", "`plan:SHOP-P1` names no version and no sprint."),
            ("?scope=version:", "`version:` names no version and no sprint."),
            ("/gate?scope=version:1&strict=maybe", "`strict` is `true` or `false`."),
            ("/trend?scope=version:1&days=0", "`days` is a number from 1 to 366."),
            ("/trend?scope=version:1&days=367", "`days` is a number from 1 to 366."),
            ("/trend?scope=version:1&environment=chrome", "The parameter `environment` means nothing here."),
            ("/rules?scope=version:1", "The parameter `scope` means nothing here."),
        ] {
            let (status, answer) = world.get(path).await;
            assert_eq!((status, answer["title"].as_str().unwrap()), (400, said), "{path}");
        }
        let path = "/api/v1/projects/no-key/readiness?scope=version:1";
        assert_eq!(world.app.api_get(&world.token, path).await.status(), 400);

        let store = &world.app.app().store;
        let made = create_api_client(store, world.site_id().await, "other", vec!["PAY".into()], None, 0).await;
        let (_, token) = made.unwrap();
        for path in ["?scope=version:1", "/gate?scope=version:1", "/trend?scope=version:1", "/rules"] {
            let path = format!("/api/v1/projects/SHOP/readiness{path}");
            assert_eq!(world.app.api_get(&token, &path).await.status(), 403, "{path}");
        }
        world.app.stop().await;
    }

    async fn what_needs_no_test_is_left_out_and_what_is_quarantined_leaves_a_risk(database: Database) {
        let world = World::new(database).await;
        for number in 1..=2 {
            world.issue(number, "Story", &planned_for("1.4")).await;
        }
        world.report("SHOP-1", "pays", "fixVersion=1.4", PASSES).await;
        world.report("SHOP-1", "ships", "fixVersion=1.4", FAILS).await;
        assert_eq!(world.verdict("scope=version:1.4").await, "NOT READY");
        let put = async |path: &str, body: Value| {
            let url = format!("{}/api/v1/{path}", world.app.base);
            let sending = world.app.http.put(url).bearer_auth(&world.token).json(&body);
            let answer = sending.send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        };
        put("issues/SHOP-2/exemption", json!({ "reason": "A text of law" })).await;
        let ends_ms = (now_s() + 24 * 3600) * 1000;
        let quarantine = json!({ "reason": "Depends on the weather", "owner": "Mina", "endsMs": ends_ms });
        put("tests/SHOP-T2/quarantine", quarantine).await;

        let found = world.readiness("scope=version:1.4").await;
        let measures = &found["measures"];
        assert_eq!(json!([measures["issues"], measures["exempt"]]), json!([1, 1]));
        assert_eq!(measures["executed"], json!({ "part": 1, "whole": 1, "percent": 100.0 }), "{found:#}");
        assert_eq!(measures["flakyExposure"]["part"], 1, "it is OK only without the failing test");
        let gate = &found["gate"];
        assert_eq!(gate["verdict"], "AT RISK");
        assert_eq!(rule(gate, "flaky-exposure")["issues"][0]["note"], "SHOP-T2 is flaky or quarantined");
        world.app.stop().await;
    }

    async fn the_rules_are_changed_by_who_has_read_them(database: Database) {
        let world = World::new(database).await;
        world.issue(1, "Story", &planned_for("1.4")).await;
        let url = format!("{}/api/v1/projects/SHOP/readiness/rules", world.app.base);
        let change = async |tag: Option<&str>, body: &Value| -> (u16, Value) {
            let mut sending = world.app.http.patch(&url).bearer_auth(&world.token).json(body);
            if let Some(tag) = tag {
                sending = sending.header("If-Match", tag);
            }
            let answer = sending.send().await.unwrap();
            (answer.status().as_u16(), answer.json().await.unwrap())
        };
        let read = world.app.api_get(&world.token, "/api/v1/projects/SHOP/readiness/rules").await;
        let tag = read.headers()["etag"].to_str().unwrap().to_owned();
        let lenient = json!({ "rules": [{ "rule": "coverage", "level": "advisory" }, { "rule": "result-age", "limit": 30 }] });

        assert_eq!(change(None, &lenient).await.0, 428);
        let (status, changed) = change(Some(&tag), &lenient).await;
        assert_eq!(status, 200, "{changed:#}");
        let coverage = rule(&changed, "coverage");
        assert_eq!(json!([coverage["level"], coverage["limit"], coverage["decidedBy"]]), json!(["advisory", 95.0, "project"]));
        assert_eq!(rule(&changed, "result-age")["limit"], 30.0);
        assert_eq!(world.verdict("scope=version:1.4").await, "AT RISK");
        assert_eq!(change(Some(&tag), &lenient).await.0, 412, "somebody was faster");
        let (_, back) = change(Some("*"), &json!({ "rules": [{ "rule": "coverage", "inherit": true }] })).await;
        assert_eq!(rule(&back, "coverage")["decidedBy"], "default");

        for (rules, pointer) in [
            (json!([{ "rule": "luck" }]), "/rules/0/rule"),
            (json!([{ "rule": "planned", "level": "off" }]), "/rules/0/rule"),
            (json!([{ "rule": "verified" }, { "rule": "verified" }]), "/rules/1/rule"),
            (json!([{ "rule": "verified", "level": "always" }]), "/rules/0/level"),
            (json!([{ "rule": "verified", "limit": 100.1 }]), "/rules/0/limit"),
            (json!([{ "rule": "result-age", "limit": -1 }]), "/rules/0/limit"),
            (json!([{ "rule": "verified", "limit": 5, "inherit": true }]), "/rules/0"),
        ] {
            let (status, refused) = change(Some("*"), &json!({ "rules": rules })).await;
            assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!(pointer)), "{refused:#}");
        }
        assert_eq!(change(Some("*"), &json!({ "rule": "verified" })).await.0, 422);
        world.app.stop().await;
    }

    async fn another_site_with_the_same_version_changes_nothing(database: Database) {
        let world = World::new(database).await;
        world.issue(1, "Story", &planned_for("1.4")).await;
        world.report("SHOP-1", "pays", "fixVersion=1.4", PASSES).await;
        let other = Site::new("other");
        world.app.install(&other).await;
        let token = world.app.api_token(&other).await;
        let path = "/api/v1/projects/SHOP/readiness?scope=version:1.4";
        let foreign: Value = world.app.api_get(&token, path).await.json().await.unwrap();
        assert_eq!(foreign["measures"]["issues"], 0);
        assert_eq!(world.verdict("scope=version:1.4").await, "READY");
        world.app.stop().await;
    }

    async fn a_snapshot_is_kept_once_a_day_however_many_replicas_there_are(database: Database) {
        let world = World::new(database).await;
        world.issue(1, "Story", &planned_for("1.4")).await;
        world.issue(2, "Story", &planned_for("1.4")).await;
        world.report("SHOP-1", "pays", "fixVersion=1.4", PASSES).await;
        let today = now_s() * 1000 / DAY_MS;
        let replica = async |day: i64| {
            let noon = Clock::fixed(day * DAY_MS + DAY_MS / 2);
            startup::open(world.app.config.clone(), noon).await.unwrap()
        };
        let site = world.site_id().await;
        let target = Target::named("version:1.4").unwrap();

        let (one, other) = (replica(today + 1).await, replica(today + 1).await);
        let taken = futures_util::join!(snapshot_readiness(&one), snapshot_readiness(&other));
        assert_eq!(taken.0.unwrap() + taken.1.unwrap(), 1);
        assert_eq!(snapshot_readiness(&one).await.unwrap(), 0, "the day has its snapshot");
        world.report("SHOP-2", "ships", "fixVersion=1.4", PASSES).await;
        assert_eq!(snapshot_readiness(&replica(today + 2).await).await.unwrap(), 1);

        let kept = days(one.store.read(), site, "SHOP", &target, 10).await.unwrap();
        let kept: Vec<_> = kept.iter().filter(|day| day.day > today).collect();
        let said: Vec<_> = kept.iter().map(|day| (day.day - today, day.verdict, day.measures.ok)).collect();
        assert_eq!(said, [(1, Verdict::NotReady, 1), (2, Verdict::Ready, 2)]);

        let (status, trend) = world.get("/trend?scope=version:1.4&days=2").await;
        assert_eq!(status, 200);
        let verdicts: Vec<_> = trend["days"].as_array().unwrap().iter().map(|day| &day["verdict"]).collect();
        assert_eq!(verdicts, ["NOT READY", "READY"]);
        assert_eq!(trend["days"][1]["measures"]["verified"]["percent"], 100.0);
        assert_eq!(world.get("/trend?scope=version:9").await.1["days"], json!([]));
        world.app.stop().await;
    }

    async fn what_is_done_for_long_has_no_more_snapshots(database: Database) {
        let world = World::new(database).await;
        world.issue(1, "Story", &planned_for("1.4")).await;
        let done = Issue::new(10_001, "SHOP-1").moved_to(world.at_ms + 1, 5, DONE, Some("Done"));
        let mut fields = planned_for("1.4");
        fields["updated"] = json!("2026-11-20T10:00:00.000+0000");
        world.tell("done", done, &fields).await;
        let store = &world.app.app().store;
        let found = planned(store.read(), world.site_id().await, Some("SHOP")).await.unwrap();
        assert_eq!(found.len(), 1);
        assert!(!found[0].is_open);
        let later = Clock::fixed(found[0].changed_ms + 3 * DAY_MS);
        let replica = startup::open(world.app.config.clone(), later).await.unwrap();
        assert_eq!(snapshot_readiness(&replica).await.unwrap(), 0);
        world.app.stop().await;
    }

    async fn a_pipeline_is_told_by_the_exit_code(database: Database) {
        let world = World::new(database).await;
        world.issue(1, "Story", &planned_for("1.4")).await;
        let gate = async |more: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
            command.args(["gate", "--url", &world.app.base, "--project", "SHOP"]).args(more);
            command.env("TOUCHSTONE_TOKEN", &world.token).stdin(Stdio::null());
            let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
        };
        let (code, out, _) = gate(&["--fix-version", "1.4"]).await;
        assert_eq!(code, 1);
        assert!(out.starts_with("NOT READY: Version 1.4 is not ready: 1 rule fails.\n"), "{out}");
        assert!(out.contains("(required): 0 of 1 issue covered. SHOP-1"), "{out}");

        world.report("SHOP-1", "pays", "fixVersion=1.4", PASSES).await;
        let (code, out, err) = gate(&["--fix-version", "1.4", "--strict"]).await;
        assert_eq!((code, out.as_str()), (0, "READY: Version 1.4 is ready: every rule holds.\n"), "{err}");
        let (_, out, _) = gate(&["--fix-version", "1.4", "--json"]).await;
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["verdict"], "READY");
        let (code, out, err) = gate(&["--sprint", "7", "--token", "tst_wrong"]).await;
        assert_eq!((code, out.as_str()), (1, ""));
        assert!(err.starts_with("touchstone: there is no verdict: "), "{err}");
        assert_eq!(gate(&[]).await.0, 2);
        world.app.stop().await;
    }
}

/// What a page of ours gets from the service, as somebody.
async fn ask(app: &TestApp, jira: &Standin, path: &str, account: &str) -> (StatusCode, String) {
    let token = jira.context_jwt(None, account).unwrap();
    let asking = app.http.get(format!("{}{path}", app.base));
    let answer = asking
        .header("Authorization", format!("JWT {token}"))
        .send()
        .await
        .unwrap();
    (answer.status(), answer.text().await.unwrap())
}

async fn send(app: &TestApp, jira: &Standin, form: &str, account: &str) -> (StatusCode, String) {
    let token = jira.context_jwt(None, account).unwrap();
    let sending = app
        .http
        .post(format!("{}/ui/project/SHOP/readiness/rules", app.base));
    let sending = sending.header("Content-Type", "application/x-www-form-urlencoded");
    let sending = sending
        .header("Authorization", format!("JWT {token}"))
        .body(form.to_owned());
    let answer = sending.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

/// A story planned for 1.4 that nothing covers; its key.
async fn story(app: &TestApp, jira: &Standin) -> String {
    let fields = json!({ "fixVersions": [{ "name": "1.4" }] });
    let made = jira.create_issue(accounts::DEVELOPER, "SHOP", "Story", "Pay <later>", &fields);
    let key = made.unwrap().key;
    jira.settle().await.unwrap();
    app.applied().await;
    key
}

/// Every rule as it is by default, some set otherwise.
fn form(more: &str) -> String {
    use touchstone::domain::readiness::RuleName;
    let rules = RuleName::ALL.into_iter().filter(|rule| rule.is_choosable());
    let rules = rules.map(|rule| {
        let setting = rule.default_setting();
        let (code, level) = (rule.code(), setting.level.name());
        format!(
            "level-{code}={level}&limit-{code}={}",
            rule.write_limit(setting.limit)
        )
    });
    // The first value of a name is the one that is read.
    [more.to_owned()]
        .into_iter()
        .chain(rules)
        .collect::<Vec<_>>()
        .join("&")
}

both_databases! {
    async fn the_page_says_the_verdict_and_names_what_the_reader_may_see(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on(database, &jira).await;
        let (_, empty) = ask(&app, &jira, "/ui/project/OPS/readiness", accounts::DEVELOPER).await;
        assert!(empty.contains("No issue of OPS names a version or a sprint yet"), "{empty}");

        let key = story(&app, &jira).await;
        let (status, page) = ask(&app, &jira, "/ui/project/SHOP/readiness?scope=version:1.4", accounts::DEVELOPER).await;
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("Version 1.4 is not ready: 1 rule fails."), "{page}");
        assert!(page.contains("1 of 1 issue is not covered."), "{page}");
        assert!(page.contains(&format!("href=\"{}/browse/{key}\"", jira.base_url())), "{page}");
        assert!(page.contains("Pay &#60;later&#62;") && !page.contains("<later>"), "{page}");
        assert!(page.contains("<option value=\"version:1.4\" selected>Version 1.4</option>"), "{page}");

        for scope in ["", "?scope=nonsense", "?scope=plan:P1"] {
            let path = format!("/ui/project/SHOP/readiness{scope}");
            let (status, page) = ask(&app, &jira, &path, accounts::DEVELOPER).await;
            assert_eq!(status, 200);
            assert!(page.contains("selected>Version 1.4<"), "{scope}: {page}");
        }
        let (status, said) = ask(&app, &jira, "/ui/project/SHOP/readiness", accounts::OUTSIDER).await;
        assert_eq!(status, 404);
        assert!(!said.contains(&key) && !said.contains("ready"), "{said}");
        app.stop().await;
    }

    async fn administrators_change_the_rules_and_nobody_else_does(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on(database, &jira).await;
        story(&app, &jira).await;
        let rules = "/ui/project/SHOP/readiness/rules?scope=version:1.4";
        let (status, _) = ask(&app, &jira, rules, accounts::DEVELOPER).await;
        assert_eq!(status, 403);
        let lenient = form("level-coverage=off&limit-coverage=95&for=project&scope=version:1.4");
        assert_eq!(send(&app, &jira, &lenient, accounts::DEVELOPER).await.0, 403);

        let (status, shown) = ask(&app, &jira, rules, accounts::ADMIN).await;
        assert_eq!(status, 200);
        assert!(shown.contains("name=\"limit-coverage\" value=\"95\""), "{shown}");
        let (status, page) = send(&app, &jira, &lenient, accounts::ADMIN).await;
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("Saved. Version 1.4 is ready: every rule holds."), "{page}");

        let client_key = jira.client_key();
        let store = &app.app().store;
        let site = sites::find(store.read(), &client_key).await.unwrap().unwrap().site.id;
        let made = create_api_client(store, site, "tests", vec![], None, app.app().clock.now_ms()).await;
        let token = made.unwrap().1;
        let decided = async |project: &str| -> Value {
            let path = format!("/api/v1/projects/{project}/readiness/rules");
            let found: Value = app.api_get(&token, &path).await.json().await.unwrap();
            let coverage = rule(&found, "coverage");
            json!([coverage["level"], coverage["limit"], coverage["decidedBy"]])
        };
        assert_eq!(decided("SHOP").await, json!(["off", 95.0, "project"]));
        assert_eq!(decided("OPS").await, json!(["required", 95.0, "default"]));

        let for_all = form("level-coverage=advisory&limit-coverage=99.5&for=site&scope=version:1.4");
        let (_, page) = send(&app, &jira, &for_all, accounts::ADMIN).await;
        assert!(page.contains("Version 1.4 is at risk: 1 advisory rule fails."), "{page}");
        assert_eq!(decided("SHOP").await, json!(["advisory", 99.5, "site"]));
        assert_eq!(decided("OPS").await, json!(["advisory", 99.5, "site"]));
        send(&app, &jira, &lenient, accounts::ADMIN).await;
        send(&app, &jira, "inherit=1&scope=version:1.4", accounts::ADMIN).await;
        assert_eq!(decided("SHOP").await, json!(["advisory", 99.5, "site"]));

        for (wrong, said) in [
            ("limit-coverage=all", "The limit of “Covered issues” cannot be read."),
            ("limit-result-age=2.5", "The limit of “Age of the oldest result” cannot be read."),
            ("level-executed=sometimes", "“Tests with a final result” is neither on nor off."),
        ] {
            let (status, answer) = send(&app, &jira, &form(wrong), accounts::ADMIN).await;
            assert_eq!(status, 422, "{answer}");
            assert!(answer.contains(said), "{answer}");
        }
        assert_eq!(send(&app, &jira, "for=site", accounts::ADMIN).await.0, 422);
        assert_eq!(decided("OPS").await, json!(["advisory", 99.5, "site"]), "nothing was half written");
        app.stop().await;
    }
}
