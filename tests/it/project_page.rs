//! The page of a project and the gadget: what they count, whom they show it, and what they leave out.

use jira_standin::{Options, Standin, accounts};
use reqwest::StatusCode;
use serde_json::json;
use touchstone::app::create_api_client::create_api_client;
use touchstone::store::sites;

use crate::both_databases;
use crate::support::TestApp;

/// A build in which `name` covers `issue`, and passes or says why not.
async fn report(app: &TestApp, token: &str, issue: &str, name: &str, said: Option<&str>) {
    let outcome = said.map_or(String::new(), |said| format!("<failure message='{said}'/>"));
    let body = format!(
        "<testsuite name='shop'><testcase classname='shop' name='{name}'><properties>\
         <property name='requirement' value='{issue}'/></properties>{outcome}</testcase></testsuite>"
    );
    let url = format!("{}/api/v1/projects/SHOP/results", app.base);
    let answer = app
        .http
        .post(url)
        .bearer_auth(token)
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

/// A token of an API client of the site.
async fn token(app: &TestApp, jira: &Standin) -> String {
    let app = app.app();
    let client_key = jira.client_key();
    let found = sites::find(app.store.read(), &client_key);
    let site = found.await.unwrap().unwrap().site.id;
    let now_ms = app.clock.now_ms();
    let made = create_api_client(&app.store, site, "tests", vec![], None, now_ms).await;
    made.unwrap().1
}

/// What a page of ours gets from the service, as somebody.
async fn ask(app: &TestApp, jira: &Standin, path: &str, account: &str) -> (StatusCode, String) {
    let token = jira.context_jwt(None, account).unwrap();
    let answer = app
        .http
        .get(format!("{}{path}", app.base))
        .header("Authorization", format!("JWT {token}"))
        .send()
        .await
        .unwrap();
    (answer.status(), answer.text().await.unwrap())
}

/// A site with one failing, one passing and one issue whose test was not run, by their keys.
async fn shop(app: &TestApp, jira: &Standin) -> [String; 3] {
    let make = |summary: &str| {
        let made = jira.create_issue(accounts::DEVELOPER, "SHOP", "Story", summary, &json!({}));
        made.unwrap().key
    };
    let keys = [
        make("Pay by card"),
        make("Pay by invoice"),
        make("Pay <later>"),
    ];
    jira.settle().await.unwrap();
    app.applied().await;
    let token = token(app, jira).await;
    report(app, &token, &keys[0], "Pays by card", Some("expected 402")).await;
    report(app, &token, &keys[1], "Pays by invoice", None).await;
    let skipped = format!(
        "<testsuite name='shop'><testcase classname='shop' name='Pays later'><properties>\
         <property name='requirement' value='{}'/></properties><skipped/></testcase></testsuite>",
        keys[2]
    );
    let url = format!("{}/api/v1/projects/SHOP/results", app.base);
    let answer = app
        .http
        .post(url)
        .bearer_auth(&token)
        .body(skipped)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    keys
}

both_databases! {
    async fn the_worst_issue_comes_first_and_a_status_can_be_chosen(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on(database, &jira).await;
        let keys = shop(&app, &jira).await;

        let (status, page) = ask(&app, &jira, "/ui/project/SHOP", accounts::DEVELOPER).await;
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("1 of 3 issues is failing"), "{page}");
        let places = [&keys[0], &keys[2], &keys[1]].map(|key| page.find(&format!(">{key}<")).unwrap());
        assert!(places.is_sorted(), "failing, not run, passing: {places:?}");
        assert!(page.contains("Pay &#60;later&#62;") && page.contains("1 of 1 test failed"), "{page}");
        assert!(page.contains(&format!("href=\"{}/browse/{}\"", jira.base_url(), keys[0])), "{page}");

        let (_, passing) = ask(&app, &jira, "/ui/project/SHOP?status=OK", accounts::DEVELOPER).await;
        assert!(passing.contains(&keys[1]) && !passing.contains(&keys[0]), "{passing}");
        let (_, beyond) = ask(&app, &jira, "/ui/project/SHOP?page=99&status=nonsense", accounts::DEVELOPER).await;
        assert!(beyond.contains(&keys[0]), "{beyond}");
        app.stop().await;
    }

    async fn only_people_who_see_the_project_see_its_page(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on(database, &jira).await;
        let keys = shop(&app, &jira).await;
        for path in ["/ui/project/SHOP", "/ui/gadget?project=SHOP", "/ui/gadget/settings?project=SHOP&save=1"] {
            let (status, said) = ask(&app, &jira, path, accounts::OUTSIDER).await;
            assert_eq!(status, 404, "{path}: {said}");
            assert!(!said.contains("failing") && !said.contains(&keys[0]), "{said}");
        }
        for path in ["/ui/project/NONE", "/ui/project/..%2F", "/ui/gadget?project=x%20y"] {
            let (status, said) = ask(&app, &jira, path, accounts::DEVELOPER).await;
            assert_eq!(status, 404, "{path}: {said}");
        }
        app.stop().await;
    }

    async fn the_gadget_counts_and_its_settings_are_checked(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on(database, &jira).await;
        shop(&app, &jira).await;
        let (_, empty) = ask(&app, &jira, "/ui/gadget", accounts::DEVELOPER).await;
        assert!(empty.contains("No project is chosen yet"), "{empty}");
        let (_, gadget) = ask(&app, &jira, "/ui/gadget?project=shop", accounts::DEVELOPER).await;
        assert!(gadget.contains("1 of 3 issues is failing"), "{gadget}");
        assert!(gadget.contains("1 passing") && gadget.contains("1 not run"), "{gadget}");
        assert!(!gadget.contains("Pay by card"), "it names no issue");
        let (_, form) = ask(&app, &jira, "/ui/gadget/settings?project=SHOP", accounts::DEVELOPER).await;
        assert!(!form.contains("data-keep"), "looking keeps nothing");
        let (_, kept) = ask(&app, &jira, "/ui/gadget/settings?project=shop&save=1", accounts::DEVELOPER).await;
        assert!(kept.contains("data-keep=\"SHOP\""), "{kept}");
        app.stop().await;
    }
}
