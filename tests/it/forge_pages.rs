//! Our pages under Forge: the same fragments as under Connect, in the only wrapping Forge hands on, and
//! nothing that Jira does not let the person see.

use jira_standin::{Options, Standin, accounts};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use touchstone::app::create_api_client::create_api_client;
use touchstone::store::sites;

use crate::both_databases;
use crate::support::TestApp;

/// A site that has the app from Forge, and a story on it that a failing test covers: its id and key.
async fn shop(app: &TestApp, jira: &Standin) -> (u64, String) {
    let story = jira.create_issue(
        accounts::DEVELOPER,
        "SHOP",
        "Story",
        "Pay by card",
        &json!({}),
    );
    let story = story.unwrap();
    jira.settle().await.unwrap();
    app.applied().await;
    let cloud_id = jira.cloud_id();
    let of = app.app();
    let site = sites::find(of.store.read(), &cloud_id)
        .await
        .unwrap()
        .unwrap();
    let now_ms = of.clock.now_ms();
    let made = create_api_client(&of.store, site.site.id, "tests", vec![], None, now_ms).await;
    let token = made.unwrap().1;
    for (name, outcome, covers) in [
        (
            "Pays by card",
            "<failure message='expected 402'/>",
            story.key.as_str(),
        ),
        ("Pays later", "", "SHOP-1"),
    ] {
        let body = format!(
            "<testsuite name='shop'><testcase classname='shop' name='{name}'><properties><property \
             name='requirement' value='{covers}'/></properties>{outcome}</testcase></testsuite>"
        );
        let url = format!("{}/api/v1/projects/SHOP/results", app.base);
        let sent = app
            .http
            .post(url)
            .bearer_auth(&token)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(sent.status(), 200, "{}", sent.text().await.unwrap());
    }
    (story.id, story.key)
}

/// The HTML of a good answer.
async fn html(answer: Response) -> String {
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    body["html"].as_str().unwrap().to_owned()
}

/// The title of a refusal, readable to a page under Forge.
async fn refusal(answer: Response, status: u16) -> String {
    assert_eq!(answer.status(), status);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status);
    problem["title"].as_str().unwrap().to_owned()
}

both_databases! {
    async fn every_page_comes_as_json_around_its_html(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on_forge(database, &jira).await;
        let (id, key) = shop(&app, &jira).await;
        let get = async |path: &str, who: &str| {
            html(app.call_from_page(&jira, who, Some(&key), Method::GET, path, None).await).await
        };
        let panel = get(&format!("/ui/issue/{id}"), accounts::DEVELOPER).await;
        assert!(panel.contains("Failing") && panel.contains("expected 402"), "{panel}");
        assert!(panel.trim_start().starts_with("<main"), "a fragment, and no page around it");
        let context = get(&format!("/ui/issue/{id}/context"), accounts::DEVELOPER).await;
        assert!(context.contains("Failing") && !context.contains("expected 402"), "{context}");
        let project = get("/ui/project/SHOP", accounts::DEVELOPER).await;
        assert!(project.contains(&key) && project.contains("is failing"), "{project}");
        let gadget = get("/ui/gadget?project=SHOP", accounts::DEVELOPER).await;
        assert!(gadget.contains("is failing"), "{gadget}");
        let admin = get("/ui/admin", accounts::ADMIN).await;
        assert!(admin.contains("Issue types and rules") && admin.contains("API clients"), "{admin}");
        app.stop().await;
    }

    async fn a_form_travels_as_json_and_changes_the_same_things(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on_forge(database, &jira).await;
        let (id, key) = shop(&app, &jira).await;
        let link = format!("/ui/issue/{id}/link");
        let post = async |body: &Value| {
            let who = accounts::DEVELOPER;
            app.call_from_page(&jira, who, Some(&key), Method::POST, &link, Some(body)).await
        };
        let linked = html(post(&json!({ "test": ["SHOP-T2"], "q": [""] })).await).await;
        assert!(linked.contains("SHOP-T2 linked") && linked.contains("Pays later"), "{linked}");
        let said = refusal(post(&json!({ "test": "SHOP-T2" })).await, 400).await;
        assert_eq!(said, "The form cannot be read.");
        let said = refusal(post(&json!({ "test": [] })).await, 422).await;
        assert_eq!(said, "No test is chosen.");
        app.stop().await;
    }

    async fn where_a_page_stands_proves_nothing(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on_forge(database, &jira).await;
        let (id, _) = shop(&app, &jira).await;
        let as_outsider = async |path: &str| {
            app.call_from_page(&jira, accounts::OUTSIDER, None, Method::GET, path, None).await
        };
        for path in [format!("/ui/issue/{id}"), format!("/ui/issue/{id}/context")] {
            let said = refusal(as_outsider(&path).await, 404).await;
            assert_eq!(said, "There is no such issue, or you may not see it.");
        }
        for path in ["/ui/project/SHOP", "/ui/gadget?project=SHOP"] {
            let said = refusal(as_outsider(path).await, 404).await;
            assert_eq!(said, "There is no such project, or you may not see it.");
        }
        let said = refusal(as_outsider("/ui/admin").await, 403).await;
        assert_eq!(said, "Only Jira administrators can change these settings.");
        let said = refusal(as_outsider("/ui/nowhere").await, 404).await;
        assert_eq!(said, "There is nothing at this address.");
        app.stop().await;
    }
}
