//! Rules of a site's own and the switches of those built in, through the API: made, refused, at work,
//! and tried against the past.

use reqwest::Method;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::both_databases;
use crate::support::events::{DONE, IN_PROGRESS, Issue, TO_DO};
use crate::support::site::Site;
use crate::support::{Database, TestApp, eventually};

const MINUTE: i64 = 60_000;
/// What waits for Jira because of a rule.
const WRITES: &str = "SELECT kind FROM outbox WHERE kind IN ('edit_issue', 'comment', 'transition', \
     'status_comment') ORDER BY id";

struct World {
    app: TestApp,
    site: Site,
    token: String,
    /// An hour ago, milliseconds since the Unix epoch.
    t0: i64,
}

impl World {
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        let t0 = app.app().clock.now_ms() - 60 * MINUTE;
        Self {
            app,
            site,
            token,
            t0,
        }
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.app.base);
        let asking = self.app.http.request(method, url).bearer_auth(&self.token);
        let answer = asking.json(body).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn put(&self, rule: &Value) -> (u16, Value) {
        let name = rule["name"].as_str().unwrap();
        self.ask(Method::PUT, &format!("/api/v1/rules/{name}"), rule)
            .await
    }

    /// Reports one result of a test that covers SHOP-7.
    async fn report(&self, has_passed: bool, query: &str) {
        let inside = if has_passed {
            ""
        } else {
            r#"<failure message="no">at a</failure>"#
        };
        // The same bytes again within minutes would be the same upload.
        let stamp = touchstone::ids::next();
        let file = format!(
            r#"<testsuite name="unit"><!-- {stamp} --><testcase classname="shop.Cart" name="pays"><properties>
            <property name="requirement" value="SHOP-7"/></properties>{inside}</testcase></testsuite>"#
        );
        let url = format!("{}/api/v1/projects/SHOP/results?{query}", self.app.base);
        let asking = self.app.http.post(url).bearer_auth(&self.token);
        let answer = asking.body(file).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    async fn deliver(&self, name: &str, body: &Value) {
        let answer = self.app.deliver(&self.site, name, body).await;
        assert_eq!(answer.status(), 204);
        self.app.applied().await;
    }

    /// What the audit says of SHOP-7, the oldest first, as `rule action done`.
    async fn audit(&self) -> Vec<String> {
        let (status, page) = self
            .ask(Method::GET, "/api/v1/issues/SHOP-7/audit", &Value::Null)
            .await;
        assert_eq!(status, 200, "{page}");
        told(page["entries"].as_array().unwrap().iter().rev())
    }

    /// Tries something on everything there is.
    async fn attempt(&self, what: &Value) -> Value {
        let mut body = what.clone();
        body["fromMs"] = json!(self.t0 - MINUTE);
        body["untilMs"] = json!(self.app.app().clock.now_ms() + MINUTE);
        let (status, tried) = self.ask(Method::POST, "/api/v1/rule-trials", &body).await;
        assert_eq!(status, 200, "{tried}");
        tried
    }

    async fn rows(&self, text: &str) -> Vec<String> {
        let on = self.app.app().store.read();
        let statement = Statement::from_string(on.get_database_backend(), text);
        let rows = on.query_all_raw(statement).await.unwrap();
        let text = |row: &sea_orm::QueryResult| row.try_get_by_index(0).unwrap();
        rows.iter().map(text).collect()
    }
}

fn told<'a>(entries: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let words = |entry: &Value| {
        let rule = entry["rule"].as_str().unwrap_or("-");
        let done = if entry["done"] == true { "done" } else { "not" };
        format!("{rule} {} {done}", entry["action"].as_str().unwrap())
    };
    entries.map(words).collect()
}

/// Labels urgent stories whose tests fail on the main branch, and says so.
fn urgent() -> Value {
    json!({
        "name": "own-urgent", "title": "Label what fails on main", "when": "runFailed",
        "if": [
            { "field": "type", "is": "in", "values": ["story"] },
            { "field": "branch", "is": "in", "values": ["main"] },
        ],
        "then": [
            { "do": "setFields", "addLabels": ["broken"], "priority": "High" },
            { "do": "comment", "template": "{tests} fails in {execution} on {branch}." },
        ],
    })
}

both_databases! {
    async fn a_rule_of_ones_own_acts_once_and_says_why_it_does_not(database: Database) {
        let world = World::new(database).await;
        let story = Issue::new(10_042, "SHOP-7");
        world.deliver("d-1", &story.created(world.t0)).await;
        let (status, made) = world.put(&urgent()).await;
        assert_eq!((status, &made["fault"]), (200, &Value::Null), "{made}");

        world.report(false, "branch=feature").await;
        world.report(false, "branch=main").await;
        world.report(false, "branch=main").await;
        assert_eq!(
            world.audit().await,
            [
                "own-urgent nothing not",
                "own-urgent set fields done", "own-urgent comment done",
                "own-urgent set fields not", "own-urgent comment not",
            ],
            "the branch is another; then it acts; then it did so a moment ago"
        );
        let kinds = world.rows(WRITES).await;
        assert_eq!(kinds, ["edit_issue", "comment"]);
        let bodies = world.rows("SELECT payload FROM outbox WHERE kind = 'comment'").await;
        assert!(bodies[0].contains("SHOP-T1 fails in SHOP-E2 on main."), "{bodies:?}");

        let off = { let mut rule = urgent(); rule["isOn"] = json!(false); rule };
        assert_eq!(world.put(&off).await.0, 200);
        world.report(false, "branch=main").await;
        assert_eq!(world.audit().await.last().unwrap(), "own-urgent nothing not");
        let (status, _) = world.ask(Method::DELETE, "/api/v1/rules/own-urgent", &Value::Null).await;
        assert_eq!(status, 204);
        world.report(false, "branch=main").await;
        assert_eq!(world.audit().await.len(), 6, "the rule is gone");
    }

    async fn a_trial_tells_what_happened_and_changes_nothing(database: Database) {
        let world = World::new(database).await;
        let story = Issue::new(10_042, "SHOP-7");
        world.deliver("d-1", &story.created(world.t0)).await;
        assert_eq!(world.put(&urgent()).await.0, 200);
        world.report(false, "branch=feature").await;
        world.report(false, "branch=main").await;
        world.report(true, "branch=main").await;
        let happened = world.audit().await;
        let before = world.rows(WRITES).await;

        let tried = world.attempt(&json!({ "name": "own-urgent" })).await;
        let decisions = tried["decisions"].as_array().unwrap();
        let again: Vec<String> = told(decisions.iter())
            .iter().map(|line| line.replacen('-', "own-urgent", 1)).collect();
        assert_eq!(again, happened, "{tried:#}");
        assert_eq!((&tried["done"], &tried["notDone"], &tried["whole"]), (&json!(2), &json!(1), &json!(true)));
        assert!(decisions[0]["reason"].as_str().unwrap().contains("branch of SHOP-7 is feature"));

        // Edited: any branch will do, and so it would have acted on the first failure.
        let mut edited = urgent();
        edited["if"].as_array_mut().unwrap().pop();
        edited["pauseMinutes"] = json!(0);
        let tried = world.attempt(&json!({ "rule": edited })).await;
        assert_eq!((&tried["done"], &tried["notDone"]), (&json!(4), &json!(0)), "{tried:#}");

        // A new one, on what moved.
        world.deliver("d-2", &story.moved_to(world.t0 + MINUTE, 1, DONE, Some("Done"))).await;
        let done = { let mut done = story.clone(); done.status = DONE; done };
        world.deliver("d-3", &done.moved_to(world.t0 + 2 * MINUTE, 2, IN_PROGRESS, None)).await;
        let reopened = json!({ "rule": {
            "name": "own-reopened", "title": "Note what comes back", "when": "issueMoved",
            "if": [{ "field": "categoryBefore", "is": "in", "values": ["done"] }],
            "then": [{ "do": "comment", "template": "Back in {status}." }],
        } });
        let tried = world.attempt(&reopened).await;
        let decisions = tried["decisions"].as_array().unwrap();
        assert_eq!(told(decisions.iter()), ["- nothing not", "- comment done"], "{tried:#}");
        let moved = world.attempt(&json!({ "name": "D13" })).await;
        assert_eq!(moved["done"], 0, "the tests were not linked then: {moved:#}");
        let changed = json!({ "rule": {
            "name": "own-red", "title": "Say what became red", "when": "coverageChanged",
            "if": [{ "field": "coverage", "is": "in", "values": ["NOK"] }],
            "then": [{ "do": "comment", "template": "{issue} is {coverage}." }],
        } });
        let tried = world.attempt(&changed).await;
        assert_eq!((&tried["done"], &tried["notDone"]), (&json!(1), &json!(1)), "{tried:#}");

        assert_eq!(world.rows(WRITES).await, before);
        let rule_of = |line: &String| line.starts_with("own-");
        let acted: Vec<String> = world.audit().await.into_iter().filter(rule_of).collect();
        assert_eq!(acted, happened);
    }

    async fn a_built_in_rule_is_tried_on_the_past_of_a_defect(database: Database) {
        let world = World::new(database).await;
        let mut bug = Issue::new(10_042, "SHOP-7");
        bug.kind = "Bug";
        world.deliver("d-1", &bug.created(world.t0)).await;
        world.report(false, "").await;
        let link = json!({ "issue": "SHOP-7" });
        let linked = "/api/v1/executions/SHOP-E1/runs/1";
        let (_, run) = world.ask(Method::GET, linked, &Value::Null).await;
        assert_eq!(run["status"], "FAILED", "{run}");
        let url = format!("{}{linked}", world.app.base);
        let asking = world.app.http.patch(url).bearer_auth(&world.token).header("If-Match", "*");
        let answer = asking.json(&json!({ "defects": [link["issue"]] })).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        world.report(false, "").await;
        world.report(true, "").await;

        let d2 = world.attempt(&json!({ "name": "D2", "project": "SHOP" })).await;
        assert_eq!(d2["done"], 1, "{d2:#}");
        let d7 = world.attempt(&json!({ "name": "D7" })).await;
        assert_eq!(d7["done"], 1, "{d7:#}");
        let automatic = world.attempt(&json!({ "name": "D1-automatic" })).await;
        assert_eq!((&automatic["done"], &automatic["notDone"]), (&json!(0), &json!(1)), "{automatic:#}");
        let other = world.attempt(&json!({ "name": "D2", "project": "PAY" })).await;
        assert_eq!(other["done"], 0);
    }

    async fn a_rule_that_cannot_run_is_refused_and_a_stored_one_is_named(database: Database) {
        let world = World::new(database).await;
        let with = |change: fn(&mut Value)| { let mut rule = urgent(); change(&mut rule); rule };
        for (rule, said) in [
            (with(|rule| rule["name"] = json!("own-Ü")), "no name for a rule"),
            (with(|rule| rule["if"][0]["field"] = json!("customfield_10010")), "which there is not"),
            (with(|rule| rule["when"] = json!("issueMoved")), "nobody knows that"),
            (with(|rule| rule["if"][0]["values"] = json!([])), "no fitting values"),
            (with(|rule| rule["then"] = json!([])), "1 to 20 actions"),
            (with(|rule| rule["then"][0]["addLabels"] = json!(["a b"])), "has a space"),
            (with(|rule| rule["then"][1]["template"] = json!("{tests}".repeat(100))), "32,767"),
            (with(|rule| rule["then"][1]["template"] = json!("{nobody}")), "name in braces"),
            (with(|rule| rule["pauseMinutes"] = json!(10_081)), "a week"),
            (json!({
                "name": "own-loop", "title": "Round and round", "when": "issueMoved",
                "if": [{ "field": "type", "is": "in", "values": ["Story"] }],
                "then": [{ "do": "transition", "statuses": ["3"] }],
            }), "trigger itself"),
        ] {
            let (status, problem) = world.put(&rule).await;
            let detail = problem["detail"].as_str().unwrap_or_default();
            assert!(status == 422 && detail.contains(said), "{said}: {status} {problem}");
        }
        let (status, _) = world.put(&json!({
            "name": "own-loop", "title": "Start what is to do", "when": "issueMoved",
            "if": [{ "field": "status", "is": "in", "values": ["10000"] }],
            "then": [{ "do": "transition", "statuses": ["3"] }],
        })).await;
        assert_eq!(status, 200);
        assert_eq!(world.put(&json!({ "name": "D3", "title": "x", "when": "runFailed", "then": [] })).await.0, 409);

        // Another build made it, with a field that this one does not know.
        let rule = urgent().to_string().replace("\"branch\"", "\"squad\"");
        let text = format!("INSERT INTO setting (site_id, scope, name, value, changed_ms) \
            SELECT id, 'site', 'own-rule:own-urgent', '{rule}', 0 FROM site");
        let txn = world.app.app().store.write().await.unwrap();
        txn.execute_unprepared(&text).await.unwrap();
        txn.commit().await.unwrap();
        let (_, shown) = world.ask(Method::GET, "/api/v1/rules/own-urgent", &Value::Null).await;
        assert_eq!(shown["fault"], "It asks for the field `squad`, which there is not.");
        world.report(false, "branch=main").await;
        assert!(world.rows("SELECT kind FROM outbox WHERE kind = 'edit_issue'").await.is_empty());
    }

    async fn built_in_rules_are_switched_for_the_site_and_a_project(database: Database) {
        let world = World::new(database).await;
        let shop = "/api/v1/rules/D11?project=SHOP";
        let (status, rule) = world.ask(Method::PATCH, shop, &json!({ "isOn": true })).await;
        assert_eq!((status, &rule["rule"]["isOn"]), (200, &json!(true)), "{rule}");
        let (_, site) = world.ask(Method::GET, "/api/v1/rules/D11", &Value::Null).await;
        assert_eq!(site["rule"]["isOn"], false);
        let good = json!({ "isOn": true, "goodStatuses": ["10001"] });
        let (status, rule) = world.ask(Method::PATCH, "/api/v1/rules/D12-transition", &good).await;
        assert_eq!((status, &rule["options"]["goodStatuses"]), (200, &json!(["10001"])), "{rule}");
        let (status, _) = world.ask(Method::PATCH, "/api/v1/rules/D3", &good).await;
        assert_eq!(status, 422, "the option is another rule's");
        let (_, all) = world.ask(Method::GET, "/api/v1/rules", &Value::Null).await;
        assert_eq!(all["items"].as_array().unwrap().len(), 18);

        // D11 at work: the story is done, and its test failed.
        let story = Issue::new(10_042, "SHOP-7");
        world.deliver("d-1", &story.created(world.t0)).await;
        world.report(false, "").await;
        world.deliver("d-2", &story.moved_to(world.t0 + MINUTE, 1, DONE, Some("Done"))).await;
        eventually("D11 has looked", async || {
            world.audit().await.contains(&"D11 comment done".to_owned()).then_some(())
        }).await;
        let done = { let mut done = story.clone(); done.status = DONE; done };
        world.deliver("d-3", &done.moved_to(world.t0 + 2 * MINUTE, 2, TO_DO, None)).await;
    }

    async fn a_change_of_coverage_is_heard_by_the_rules(database: Database) {
        let world = World::new(database).await;
        world.deliver("d-1", &Issue::new(10_042, "SHOP-7").created(world.t0)).await;
        let (status, _) = world.put(&json!({
            "name": "own-red", "title": "Say what became red", "when": "coverageChanged",
            "if": [{ "field": "coverage", "is": "in", "values": ["NOK"] }],
            "then": [{ "do": "comment", "template": "{issue} is {coverage}." }],
        })).await;
        assert_eq!(status, 200);
        let good = json!({ "isOn": true, "goodStatuses": ["10001"] });
        world.ask(Method::PATCH, "/api/v1/rules/D12-transition", &good).await;

        world.report(false, "").await;
        let heard = async |wanted: &'static str| {
            eventually("the change is heard", async || {
                world.audit().await.contains(&wanted.to_owned()).then_some(())
            }).await;
        };
        heard("own-red comment done").await;
        world.report(true, "").await;
        heard("own-red nothing not").await;
        heard("D12 move done").await;
        assert_eq!(world.rows(WRITES).await, ["comment", "transition"]);
    }

    async fn how_a_version_stood_at_its_end_is_kept(database: Database) {
        let world = World::new(database).await;
        let story = Issue::new(10_042, "SHOP-7");
        let mut created = story.created(world.t0);
        created["issue"]["fields"]["fixVersions"] = json!([{ "id": "10010", "name": "1.4" }]);
        world.deliver("d-1", &created).await;
        world.report(true, "fixVersion=1.4").await;
        let version = |id: &str, name: &str| json!({
            "timestamp": world.t0 + MINUTE, "webhookEvent": "jira:version_released",
            "version": { "id": id, "name": name, "released": true, "projectId": 10_000 },
        });
        world.deliver("d-2", &version("10010", "1.4")).await;
        world.deliver("d-3", &version("10011", "9.9")).await;
        let path = "/api/v1/projects/SHOP/readiness/endings?scope=version:1.4";
        let kept = eventually("the ending is kept", async || {
            let (_, kept) = world.ask(Method::GET, path, &Value::Null).await;
            kept["items"].get(0).cloned()
        }).await;
        assert_eq!(kept["measures"]["issues"], 1, "{kept}");
        let tried = world.attempt(&json!({ "name": "D14" })).await;
        assert_eq!(tried["done"], 2, "{tried:#}");
    }
}
