//! What a person chooses and decides on the panel, under both hosts: the scope it is shown in, that an
//! issue needs no test, that a test does not count for a time; and what a parent says of its children.

use jira_standin::{Options, Standin, accounts};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use touchstone::app::create_api_client::create_api_client;
use touchstone::store::{SiteId, outbox, sites};

use crate::both_databases;
use crate::support::{Database, TestApp, eventually};

/// A site that has the app from one host or the other.
struct World {
    jira: Standin,
    app: TestApp,
    is_forge: bool,
    site: SiteId,
    token: String,
}

const PASSES: &str = "";
const FAILS: &str = "<failure message='expected 402'/>";

impl World {
    async fn new(database: Database, is_forge: bool) -> Self {
        let jira = Standin::start(Options::default()).await.unwrap();
        let (app, known_as) = if is_forge {
            let app = TestApp::spawn_on_forge(database, &jira).await;
            (app, jira.cloud_id())
        } else {
            let app = TestApp::spawn_on(database, &jira).await;
            (app, jira.client_key())
        };
        let of = app.app();
        let found = sites::find(of.store.read(), &known_as).await.unwrap();
        let site = found.unwrap().site.id;
        let now_ms = of.clock.now_ms();
        let made = create_api_client(&of.store, site, "tests", vec![], None, now_ms).await;
        let token = made.unwrap().1;
        Self {
            jira,
            app,
            is_forge,
            site,
            token,
        }
    }

    /// An issue that the app has heard of: its id and key.
    async fn issue(&self, kind: &str, fields: Value) -> (u64, String) {
        let made =
            self.jira
                .create_issue(accounts::DEVELOPER, "SHOP", kind, "Pay by card", &fields);
        let made = made.unwrap();
        self.heard().await;
        (made.id, made.key)
    }

    /// Waits until what happened is told and applied, and what Forge left out is asked for.
    async fn heard(&self) {
        self.jira.settle().await.unwrap();
        self.app.applied().await;
        let app = self.app.app();
        eventually("the outbox is empty", async || {
            let counts = outbox::counts(app.store.read(), Some(self.site))
                .await
                .unwrap();
            (counts.waiting == 0).then_some(())
        })
        .await;
    }

    /// A build in which the test `name` covers an issue.
    async fn report(&self, query: &str, issue: &str, name: &str, outcome: &str) {
        let body = format!(
            "<testsuite name='shop'><testcase classname='shop' name='{name}'><properties>\
             <property name='requirement' value='{issue}'/></properties>{outcome}</testcase></testsuite>"
        );
        let url = format!("{}/api/v1/projects/SHOP/results?{query}", self.app.base);
        let sent = self.app.http.post(url).bearer_auth(&self.token).body(body);
        let answer = sent.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    async fn coverage(&self, key: &str) -> Value {
        let path = format!("/api/v1/issues/{key}/coverage");
        self.app
            .api_get(&self.token, &path)
            .await
            .json()
            .await
            .unwrap()
    }

    async fn status(&self, key: &str) -> String {
        self.coverage(key).await["status"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// What a person's page gets from the service: an answer's status, and its HTML or its problem.
    async fn ask(
        &self,
        account: &str,
        path: &str,
        form: Option<&[(&str, &str)]>,
    ) -> (StatusCode, String) {
        let method = if form.is_some() {
            Method::POST
        } else {
            Method::GET
        };
        if self.is_forge {
            let lists = form.map(|form| {
                let lists = form
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), json!([value])));
                Value::Object(lists.collect())
            });
            let (app, issue) = (&self.app, Some("SHOP-1"));
            let answer = app
                .call_from_page(&self.jira, account, issue, method, path, lists.as_ref())
                .await;
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            let body: Value = serde_json::from_str(&text).unwrap();
            return (status, body["html"].as_str().map_or(text, str::to_owned));
        }
        let token = self.jira.context_jwt(None, account).unwrap();
        let request = self
            .app
            .http
            .request(method, format!("{}{path}", self.app.base));
        let request = request.header("Authorization", format!("JWT {token}"));
        let request = match form {
            Some(form) => {
                let body = url::form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(form)
                    .finish();
                let kind = "application/x-www-form-urlencoded";
                request.header("Content-Type", kind).body(body)
            }
            None => request,
        };
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    async fn good(&self, account: &str, path: &str, form: Option<&[(&str, &str)]>) -> String {
        let (status, html) = self.ask(account, path, form).await;
        assert_eq!(status, 200, "{path}: {html}");
        html
    }
}

async fn an_issue_is_exempted(world: World) {
    let (id, key) = world.issue("Story", json!({})).await;
    let address = format!("/ui/issue/{id}/exemption");
    let form = world.good(accounts::DEVELOPER, &address, None).await;
    assert!(form.contains(&format!("{key} needs no test")), "{form}");

    let refused =
        |reason: &'static str, until: &'static str| [("reason", reason), ("until", until)];
    for (sent, said) in [
        (refused(" ", ""), "The reason is missing."),
        (refused("Only words", "2001-01-01"), "The last day is over."),
        (
            refused("Only words", "2999-01-01"),
            "The last day is too far ahead.",
        ),
        (
            refused("Only words", "tomorrow"),
            "The last day cannot be read.",
        ),
    ] {
        let (status, problem) = world.ask(accounts::DEVELOPER, &address, Some(&sent)).await;
        assert!(
            status == 422 && problem.contains(said),
            "{status} {problem}"
        );
    }
    let (status, _) = world
        .ask(accounts::ONLOOKER, &address, Some(&refused("Mine", "")))
        .await;
    assert_eq!(status, 403);
    assert_eq!(world.status(&key).await, "UNCOVERED");

    let html = world
        .good(
            accounts::DEVELOPER,
            &address,
            Some(&refused("Only <words>", "")),
        )
        .await;
    assert!(
        html.contains("Exempt") && html.contains("Only &#60;words&#62;"),
        "{html}"
    );
    assert!(html.contains("End exemption"), "{html}");
    let coverage = world.coverage(&key).await;
    assert_eq!(coverage["status"], "EXEMPT");
    assert_eq!(coverage["reason"]["exemption"]["reason"], "Only <words>");
    assert_eq!(coverage["reason"]["exemption"]["by"], accounts::DEVELOPER);

    let html = world
        .good(accounts::DEVELOPER, &format!("{address}/end"), Some(&[]))
        .await;
    assert!(html.contains("No tests cover"), "{html}");
    assert_eq!(world.status(&key).await, "UNCOVERED");
    world.app.stop().await;
}

async fn a_test_is_quarantined(world: World) {
    let (id, key) = world.issue("Story", json!({})).await;
    world.report("", &key, "Pays", FAILS).await;
    let panel = world
        .good(accounts::DEVELOPER, &format!("/ui/issue/{id}"), None)
        .await;
    let start = panel.find("id=\"test-").unwrap() + "id=\"test-".len();
    let address = format!(
        "/ui/issue/{id}/tests/{}/quarantine",
        &panel[start..start + 36]
    );
    let form = world.good(accounts::DEVELOPER, &address, None).await;
    assert!(
        form.contains("Quarantine SHOP-T1") && form.contains("type=\"date\""),
        "{form}"
    );

    let sent = |owner: &'static str, until: &'static str| {
        [
            ("reason", "Times out on Mondays"),
            ("owner", owner),
            ("until", until),
        ]
    };
    for (sent, said) in [
        (sent("", "2999-01-01"), "The owner is missing."),
        (sent("Ann", ""), "The last day is missing."),
    ] {
        let (status, problem) = world.ask(accounts::DEVELOPER, &address, Some(&sent)).await;
        assert!(
            status == 422 && problem.contains(said),
            "{status} {problem}"
        );
    }
    let until = world.app.app().clock.now_ms() + 3 * 86_400_000;
    let until = touchstone::web::times::day(until);
    let sent = [
        ("reason", "Times out on Mondays"),
        ("owner", "Ann"),
        ("until", until.as_str()),
    ];
    let (status, _) = world.ask(accounts::ONLOOKER, &address, Some(&sent)).await;
    assert_eq!(status, 403);
    assert_eq!(world.status(&key).await, "NOK");

    let html = world.good(accounts::DEVELOPER, &address, Some(&sent)).await;
    assert!(
        html.contains("Not covered") && html.contains(">Quarantined<"),
        "{html}"
    );
    assert!(html.contains("Ann sees to it."), "{html}");
    let coverage = world.coverage(&key).await;
    assert_eq!(coverage["reason"]["rule"], "all-tests-quarantined");
    assert_eq!(coverage["tests"][0]["leftOut"], "quarantined");
    assert_eq!(coverage["tests"][0]["quarantine"]["owner"], "Ann");

    let html = world
        .good(accounts::DEVELOPER, &format!("{address}/end"), Some(&[]))
        .await;
    assert!(html.contains("Failing"), "{html}");
    world.app.stop().await;
}

async fn a_scope_is_remembered(world: World) {
    let (id, key) = world.issue("Story", json!({})).await;
    let (other_id, other) = world.issue("Story", json!({})).await;
    world
        .report("fixVersion=1.0&environment=chrome", &key, "Pays", PASSES)
        .await;
    world
        .report("fixVersion=2.0&environment=firefox", &key, "Pays", FAILS)
        .await;
    world
        .report("fixVersion=1.0", &other, "Ships", PASSES)
        .await;
    let panel = format!("/ui/issue/{id}");
    let shown = async |account| world.good(account, &panel, None).await;
    let latest = shown(accounts::DEVELOPER).await;
    assert!(
        latest.contains(">Failing<") && latest.contains(">Version 1.0</option>"),
        "{latest}"
    );

    let choose = format!("{panel}/scope");
    let chosen = [("scope", "version:1.0"), ("environment", "")];
    let html = world
        .good(accounts::DEVELOPER, &choose, Some(&chosen))
        .await;
    assert!(html.contains(">Passing<"), "{html}");
    assert!(html.contains("value=\"version:1.0\" selected"), "{html}");
    assert!(
        html.contains("data-say=\"Passing in version 1.0: 1 test.\""),
        "{html}"
    );
    assert!(
        shown(accounts::DEVELOPER).await.contains(">Passing<"),
        "it is remembered"
    );
    assert!(
        shown(accounts::TESTER).await.contains(">Failing<"),
        "for one person"
    );
    let sibling = world
        .good(accounts::DEVELOPER, &format!("/ui/issue/{other_id}"), None)
        .await;
    assert!(
        sibling.contains("value=\"version:1.0\" selected"),
        "in the project: {sibling}"
    );
    let explicit = world
        .good(accounts::DEVELOPER, &format!("{panel}?scope=latest"), None)
        .await;
    assert!(explicit.contains(">Failing<"), "{explicit}");

    let back = [("scope", "latest"), ("environment", "firefox")];
    let html = world.good(accounts::DEVELOPER, &choose, Some(&back)).await;
    assert!(
        html.contains(">Failing<") && html.contains("<option selected>firefox</option>"),
        "{html}"
    );
    let elsewhere = format!("/ui/issue/{other_id}");
    let sibling = world.good(accounts::DEVELOPER, &elsewhere, None).await;
    let shown = "<option selected>firefox</option>";
    assert!(
        sibling.contains(shown),
        "it can be seen and changed: {sibling}"
    );
    let long = "v".repeat(400);
    for (scope, status) in [("newest".to_owned(), 400), (format!("version:{long}"), 422)] {
        let sent = [("scope", scope.as_str())];
        assert_eq!(
            world.ask(accounts::DEVELOPER, &choose, Some(&sent)).await.0,
            status
        );
    }
    world.app.stop().await;
}

async fn a_parent_says_what_its_children_say(world: World) {
    let (id, epic) = world.issue("Epic", json!({})).await;
    let under = json!({ "parent": { "key": epic } });
    let (_, first) = world.issue("Story", under.clone()).await;
    let (_, second) = world.issue("Story", under.clone()).await;
    world.report("", &first, "Pays", PASSES).await;
    let coverage = world.coverage(&epic).await;
    assert_eq!(coverage["status"], "NOTRUN", "one child is uncovered");
    assert_eq!(coverage["reason"]["rule"], "children-uncovered");
    assert_eq!(coverage["children"].as_array().unwrap().len(), 2);
    world.report("", &second, "Ships", FAILS).await;
    assert_eq!(world.status(&epic).await, "NOK");

    let panel = world
        .good(accounts::DEVELOPER, &format!("/ui/issue/{id}"), None)
        .await;
    assert!(
        panel.contains("2 child issues") && panel.contains(">Failing<"),
        "{panel}"
    );
    let places = [&second, &first].map(|key| panel.find(&format!(">{key}</a>")).unwrap());
    assert!(places.is_sorted(), "the failing one first: {panel}");
    let list = world
        .good(
            accounts::ONLOOKER,
            &format!("/ui/issue/{id}/children"),
            None,
        )
        .await;
    assert!(
        list.contains(&first) && !list.contains("left out"),
        "{list}"
    );
    // Under Forge, Jira itself opens no page of an issue for somebody who does not see it.
    if !world.is_forge {
        let path = format!("/ui/issue/{id}/children");
        assert_eq!(world.ask(accounts::OUTSIDER, &path, None).await.0, 404);
    }
    let page = world
        .good(accounts::DEVELOPER, "/ui/project/SHOP", None)
        .await;
    assert!(page.contains(&format!(">{epic}</a>")), "{page}");

    let exempt = format!(
        "/ui/issue/{}/exemption",
        world.jira.issue(&second).unwrap().id
    );
    let sent = [("reason", "Shown in the shop only")];
    world.good(accounts::DEVELOPER, &exempt, Some(&sent)).await;
    assert_eq!(
        world.status(&epic).await,
        "OK",
        "the exempt child is left out"
    );
    world.app.stop().await;
}

both_databases! {
    async fn an_issue_is_exempted_under_connect(database: Database) {
        an_issue_is_exempted(World::new(database, false).await).await;
    }

    async fn an_issue_is_exempted_under_forge(database: Database) {
        an_issue_is_exempted(World::new(database, true).await).await;
    }

    async fn a_test_is_quarantined_under_connect(database: Database) {
        a_test_is_quarantined(World::new(database, false).await).await;
    }

    async fn a_test_is_quarantined_under_forge(database: Database) {
        a_test_is_quarantined(World::new(database, true).await).await;
    }

    async fn a_scope_is_remembered_under_connect(database: Database) {
        a_scope_is_remembered(World::new(database, false).await).await;
    }

    async fn a_scope_is_remembered_under_forge(database: Database) {
        a_scope_is_remembered(World::new(database, true).await).await;
    }

    async fn a_parent_says_what_its_children_say_under_connect(database: Database) {
        a_parent_says_what_its_children_say(World::new(database, false).await).await;
    }

    async fn a_parent_says_what_its_children_say_under_forge(database: Database) {
        a_parent_says_what_its_children_say(World::new(database, true).await).await;
    }
}
