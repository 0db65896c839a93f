//! How the tests of issues stand, as Jira itself shows it: in a property that JQL finds, beside the
//! issue, and for workflow conditions; written when it changes and not when it does not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jira_standin::{ForgeOptions, IssueRef, Options, Standin, accounts};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use touchstone::app::create_api_client::create_api_client;
use touchstone::app::exempt_issue::exempt_issue;
use touchstone::app::show_statuses::look_again_at_old;
use touchstone::domain::shown_status::PROPERTY;
use touchstone::store::{SiteId, audit, issues, outbox, shown_status, sites};

use crate::both_databases;
use crate::support::{Database, TestApp, eventually};

/// A service on a stand-in Jira.
struct World {
    jira: Standin,
    app: TestApp,
    site: SiteId,
    token: String,
}

fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/forge/manifest.yml")
}

impl World {
    async fn on_connect(database: Database) -> Self {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on(database, &jira).await;
        let key = jira.client_key();
        Self::of(jira, app, &key).await
    }

    async fn on_forge(database: Database) -> Self {
        let forge = ForgeOptions {
            manifest: Some(manifest()),
            ..ForgeOptions::default()
        };
        let options = Options {
            forge,
            ..Options::default()
        };
        let jira = Standin::start(options).await.unwrap();
        let app = TestApp::spawn_on_forge(database, &jira).await;
        let key = jira.cloud_id();
        Self::of(jira, app, &key).await
    }

    async fn of(jira: Standin, app: TestApp, key: &str) -> Self {
        let of = app.app();
        let site = eventually("the site is known", async || {
            sites::find(of.store.read(), key).await.unwrap()
        })
        .await
        .site
        .id;
        let made = create_api_client(&of.store, site, "tests", vec![], None, of.clock.now_ms());
        let token = made.await.unwrap().1;
        Self {
            jira,
            app,
            site,
            token,
        }
    }

    fn issue(&self, kind: &str, fields: &Value) -> IssueRef {
        let who = accounts::DEVELOPER;
        self.jira
            .create_issue(who, "SHOP", kind, "Pay by card", fields)
            .unwrap()
    }

    /// A build reports one test for each issue.
    async fn report(&self, results: &[(&str, bool)]) {
        let case = |(issue, has_passed): &(&str, bool)| {
            let failure = if *has_passed {
                ""
            } else {
                r#"<failure message="no">at a</failure>"#
            };
            format!(
                r#"<testcase classname="shop.Card" name="pays {issue}"><properties>
                <property name="requirement" value="{issue}"/></properties>{failure}</testcase>"#
            )
        };
        let cases: String = results.iter().map(case).collect();
        let url = format!("{}/api/v1/projects/SHOP/results", self.app.base);
        // Each build writes another file: the same one again would be a repeat.
        let build = uuid::Uuid::new_v4();
        let file = format!(r#"<testsuite name="unit">{cases}</testsuite><!-- {build} -->"#);
        let sending = self.app.http.post(url).bearer_auth(&self.token).body(file);
        let answer = sending.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    fn property(&self, key: &str, name: &str) -> Value {
        let issue = self.jira.issue(key).unwrap();
        issue.properties.get(name).cloned().unwrap_or_default()
    }

    /// Waits until the property of an issue says this.
    async fn shows(&self, key: &str, status: &str) -> Value {
        eventually(&format!("{key} shows {status}"), async || {
            Some(self.property(key, PROPERTY)).filter(|value| value["status"] == status)
        })
        .await
    }

    /// Waits until every change was looked at and told.
    async fn told(&self) {
        let store = &self.app.app().store;
        eventually("everything is told", async || {
            let ever = i64::MAX / 2;
            let is_due = shown_status::has_due(store.read(), ever).await.unwrap();
            let waiting = outbox::counts(store.read(), None).await.unwrap().waiting;
            (!is_due && waiting == 0).then_some(())
        })
        .await;
    }

    fn writes(&self) -> usize {
        let all = self.jira.requests().into_iter();
        all.filter(|call| call.method == "PUT" && call.target.contains("/properties/"))
            .count()
    }

    /// Keys that a person finds.
    async fn found(&self, jql: &str) -> Vec<String> {
        let url = format!("{}/rest/api/3/search/jql", self.jira.base_url());
        let asking = self
            .app
            .http
            .post(url)
            .header("x-standin-as", accounts::DEVELOPER);
        let answer = asking
            .json(&json!({ "jql": jql, "fields": ["key"] }))
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let found: Value = answer.json().await.unwrap();
        assert_eq!(status, 200, "{jql}: {found}");
        let issues = found["issues"].as_array().unwrap().iter();
        issues
            .map(|issue| issue["key"].as_str().unwrap().to_owned())
            .collect()
    }
}

both_databases! {
    async fn an_issue_shows_its_status_wherever_jira_looks(database: Database) {
        let world = World::on_connect(database).await;
        let story = world.issue("Story", &json!({})).key;
        world.report(&[(&story, false)]).await;
        let shown = world.shows(&story, "NOK").await;
        assert_eq!((&shown["total"], &shown["failed"]), (&json!(1), &json!(1)));
        assert_eq!(shown["scope"], "latest");
        world.told().await;
        let app_key = &world.app.config.connect.app_key;
        let lozenge = format!("com.atlassian.jira.issue:{app_key}:issue-test-status:status");
        let beside = json!({ "type": "lozenge", "value": { "label": "1 failed", "type": "removed" } });
        assert_eq!(world.property(&story, &lozenge), beside);
        assert_eq!(world.found("testStatus = NOK AND testsFailed > 0").await, [story.as_str()]);
        assert_eq!(world.found("testStatusSince > -1d AND project = SHOP").await, [story.as_str()]);

        world.report(&[(&story, true)]).await;
        world.shows(&story, "OK").await;
        assert_eq!(world.found("testStatus = NOK").await, [""; 0]);
        let store = &world.app.app().store;
        let issue = issues::by_key(store.read(), world.site, &story).await.unwrap().unwrap();
        let entries = audit::of_issue(store.read(), world.site, issue.id, None, 10).await.unwrap();
        let said: Vec<_> = entries.iter().rev().map(|entry| entry.reason.as_str()).collect();
        assert_eq!(said, [
            "Its test status is Failing.",
            "Its test status went from Failing to Passing.",
        ]);
    }

    async fn what_did_not_change_is_not_told_again(database: Database) {
        let world = World::on_connect(database).await;
        let story = world.issue("Story", &json!({})).key;
        world.report(&[(&story, true)]).await;
        world.shows(&story, "OK").await;
        world.told().await;
        let (before, shown) = (world.writes(), world.property(&story, PROPERTY));
        for _ in 0..3 {
            world.report(&[(&story, true)]).await;
        }
        world.told().await;
        assert_eq!((world.writes(), world.property(&story, PROPERTY)), (before, shown));
    }

    async fn one_build_tells_each_of_its_issues_once(database: Database) {
        let world = World::on_connect(database).await;
        let keys: Vec<String> = (0..60).map(|_| world.issue("Story", &json!({})).key).collect();
        world.jira.settle().await.unwrap();
        world.app.applied().await;
        let results: Vec<_> = keys.iter().map(|key| (key.as_str(), true)).collect();
        world.report(&results).await;
        for key in &keys {
            world.shows(key, "OK").await;
        }
        world.told().await;
        // The property and the lozenge.
        assert_eq!(world.writes(), 2 * keys.len());
        assert_eq!(world.jira.read(jira_standin::State::limit_violations), 0);
    }

    async fn a_parent_follows_its_children_and_a_person_s_word(database: Database) {
        let world = World::on_connect(database).await;
        let epic = world.issue("Epic", &json!({})).key;
        let story = world.issue("Story", &json!({ "parent": { "key": epic } })).key;
        world.jira.settle().await.unwrap();
        world.app.applied().await;
        world.report(&[(&story, false)]).await;
        world.shows(&epic, "NOK").await;

        let app = world.app.app();
        let issue = issues::by_key(app.store.read(), world.site, &story).await.unwrap().unwrap();
        let now_ms = app.clock.now_ms();
        exempt_issue(&app.store, world.site, issue.id, "a spike", None, None, now_ms).await.unwrap();
        world.shows(&story, "EXEMPT").await;
        eventually("the parent follows", async || {
            (world.property(&epic, PROPERTY)["status"] != "NOK").then_some(())
        })
        .await;
    }

    async fn an_issue_that_became_known_late_is_told_then(database: Database) {
        let world = World::on_connect(database).await;
        let first = world.issue("Story", &json!({})).key;
        let number: u32 = first.rsplit('-').next().unwrap().parse().unwrap();
        let next = format!("SHOP-{}", number + 1);
        world.report(&[(&next, true)]).await;
        world.told().await;
        assert_eq!(world.writes(), 0, "nobody knows the issue");
        assert_eq!(world.issue("Story", &json!({})).key, next);
        world.shows(&next, "OK").await;
    }

    async fn what_was_never_looked_at_is_found(database: Database) {
        let world = World::on_connect(database).await;
        let story = world.issue("Story", &json!({})).key;
        world.report(&[(&story, true)]).await;
        world.shows(&story, "OK").await;
        world.told().await;
        let app = world.app.app();
        // As after an update from a build that told Jira nothing.
        let txn = app.store.write().await.unwrap();
        txn.execute_unprepared("DELETE FROM shown_status").await.unwrap();
        txn.commit().await.unwrap();
        let before = world.writes();
        look_again_at_old(app).await.unwrap();
        eventually("it is told anew", async || (world.writes() > before).then_some(())).await;
    }

    async fn a_bulk_edit_costs_no_more_calls_than_it_has_issues(database: Database) {
        // Through Forge: its events tell in part, so Jira is asked for what they leave out.
        let world = World::on_forge(database).await;
        let keys: Vec<String> = (0..60).map(|_| world.issue("Story", &json!({})).key).collect();
        let results: Vec<_> = keys.iter().map(|key| (key.as_str(), true)).collect();
        world.report(&results).await;
        for key in &keys {
            world.shows(key, "OK").await;
        }
        let quiet = async || {
            world.jira.settle().await.unwrap();
            world.app.applied().await;
            world.told().await;
        };
        quiet().await;
        let calls = || world.jira.requests().iter().filter(|call| call.by_app || call.by_forge).count();
        let before = calls();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        for status in ["In Progress", "In Review", "In Progress"] {
            let moved = world.jira.bulk_transition(&keys, status, accounts::DEVELOPER).unwrap();
            assert_eq!(moved, 60);
        }
        quiet().await;
        let made = calls() - before;
        assert!(made <= keys.len(), "{made} calls for {} issues", keys.len());
        assert_eq!(world.jira.read(jira_standin::State::limit_violations), 0);
        let store = &world.app.app().store;
        for key in keys {
            let held = issues::by_key(store.read(), world.site, key).await.unwrap().unwrap();
            assert_eq!(held.snapshot.status.name, "In Progress", "{key}");
        }
    }

    async fn through_forge_it_is_the_same_property_under_the_same_names(database: Database) {
        let world = World::on_forge(database).await;
        let story = world.issue("Story", &json!({})).key;
        world.report(&[(&story, false)]).await;
        world.shows(&story, "NOK").await;
        world.told().await;
        assert_eq!(world.found("testStatus = NOK AND testsTotal = 1").await, [story.as_str()]);
        let names = world.jira.issue(&story).unwrap().properties;
        assert_eq!(names.keys().collect::<Vec<_>>(), [PROPERTY], "Forge has no lozenge of this kind");
    }
}

/// Both hosts index the same values under the same names, and decide by the same expressions.
#[test]
fn descriptor_and_manifest_say_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("atlassian-connect.json")).unwrap();
    let connect: Value = serde_json::from_str(&text).unwrap();
    let forge: Value = serde_saphyr::from_str(&fs::read_to_string(manifest()).unwrap()).unwrap();
    let (connect, forge) = (&connect["modules"], &forge["modules"]);

    let values = |list: &Value, names: [&str; 3]| -> Vec<[String; 3]> {
        let all = list.as_array().unwrap().iter();
        all.map(|one| names.map(|name| one[name].as_str().unwrap().to_owned()))
            .collect()
    };
    let keyed = &connect["jiraEntityProperties"][0]["keyConfigurations"][0];
    let property = &forge["jira:entityProperty"][0];
    assert_eq!(keyed["propertyKey"], PROPERTY);
    assert_eq!(property["propertyKey"], PROPERTY);
    let of_connect = values(&keyed["extractions"], ["objectName", "type", "alias"]);
    assert_eq!(
        of_connect,
        values(&property["values"], ["path", "type", "searchAlias"])
    );
    let shown = touchstone::domain::shown_status::ShownStatus::latest(
        touchstone::domain::coverage::CoverageStatus::Ok,
        touchstone::domain::coverage::Counts::default(),
    );
    let mut fields: Vec<String> = of_connect.iter().map(|value| value[0].clone()).collect();
    fields.retain(|field| field != "since");
    let written = serde_json::to_value(shown).unwrap();
    for field in &fields {
        assert!(written.get(field).is_some(), "{field} is written");
    }
    assert_eq!(fields.len(), written.as_object().unwrap().len());

    let expressions = |list: &Value| -> BTreeMap<String, String> {
        let all = list.as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        all.map(|one| (text(&one["key"]), text(&one["expression"])))
            .collect()
    };
    for (of_connect, of_forge) in [
        ("jiraWorkflowConditions", "jira:workflowCondition"),
        ("jiraWorkflowValidators", "jira:workflowValidator"),
    ] {
        let decided = expressions(&connect[of_connect]);
        assert_eq!(decided, expressions(&forge[of_forge]));
        let named = format!("issue.properties['{PROPERTY}']?.status");
        for expression in decided.values() {
            assert!(expression.contains(&named), "{expression}");
        }
    }
}
