//! The matrix as people see it: on both hosts, with what they may not see left out and said.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jira_standin::{Options, Standin, accounts};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use touchstone::app::create_api_client::create_api_client;
use touchstone::domain::issue::{IssueSnapshot, Named};
use touchstone::store::issues;

use crate::both_databases;
use crate::support::TestApp;

/// A token of an API client of the only site there is.
async fn token(app: &TestApp) -> String {
    let app = app.app();
    let site = app.sites.list().await.unwrap()[0].id;
    let now_ms = app.clock.now_ms();
    let made = create_api_client(&app.store, site, "tests", vec![], None, now_ms).await;
    made.unwrap().1
}

async fn report(app: &TestApp, token: &str, issue: &str, name: &str, outcome: &str) {
    let body = format!(
        "<testsuite name='shop'><testcase classname='shop' name='{name}'><properties>\
         <property name='requirement' value='{issue}'/></properties>{outcome}</testcase></testsuite>"
    );
    let url = format!(
        "{}/api/v1/projects/SHOP/results?environment=chrome",
        app.base
    );
    let sending = app.http.post(url).bearer_auth(token).body(body);
    let answer = sending.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

/// A failing and a passing story, and one without a test, by key and Jira's id.
async fn shop(app: &TestApp, jira: &Standin) -> [(String, u64); 3] {
    let make = |summary: &str| {
        let made = jira.create_issue(accounts::DEVELOPER, "SHOP", "Story", summary, &json!({}));
        let made = made.unwrap();
        (made.key, made.id)
    };
    let stories = [
        make("Pay by <card>"),
        make("Pay by invoice"),
        make("Pay later"),
    ];
    jira.settle().await.unwrap();
    app.applied().await;
    let token = token(app).await;
    report(
        app,
        &token,
        &stories[0].0,
        "Pays by card",
        "<failure message='no'/>",
    )
    .await;
    report(app, &token, &stories[1].0, "Pays by invoice", "").await;
    stories
}

/// Puts an issue into the mirror that Jira shows nobody.
async fn hide(app: &TestApp, key: &str) {
    let app = app.app();
    let site = app.sites.list().await.unwrap()[0].id;
    let snapshot = IssueSnapshot {
        jira_id: 999_999,
        key: key.into(),
        project_key: "SHOP".into(),
        issue_type: Named {
            id: "10001".into(),
            name: "Story".into(),
        },
        summary: "Secret".into(),
        ..IssueSnapshot::default()
    };
    let txn = app.store.write().await.unwrap();
    issues::upsert_snapshot(&*txn, site, &snapshot, 1)
        .await
        .unwrap();
    txn.commit().await.unwrap();
}

/// What a page of ours gets under Connect, as somebody.
async fn ask(app: &TestApp, jira: &Standin, path: &str, account: &str) -> (StatusCode, String) {
    let token = jira.context_jwt(None, account).unwrap();
    let asking = app.http.get(format!("{}/ui/project/{path}", app.base));
    let asking = asking.header("Authorization", format!("JWT {token}"));
    let answer = asking.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

both_databases! {
    async fn rows_open_and_lead_to_tests_and_runs(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on(database, &jira).await;
        let [failing, passing, uncovered] = shop(&app, &jira).await;
        let (status, page) = ask(&app, &jira, "SHOP/matrix", accounts::DEVELOPER).await;
        assert_eq!(status, 200, "{page}");
        for key in [&failing.0, &passing.0, &uncovered.0] {
            assert!(page.contains(&format!("/browse/{key}\"")), "{page}");
        }
        assert!(page.contains("Pay by &#60;card&#62;") && page.contains("1 of 1 test failed"), "{page}");
        assert!(page.contains("aria-expanded=\"false\"") && !page.contains("SHOP-E1/1"), "{page}");

        let open = format!("SHOP/matrix/issues/{}?open=1", failing.1);
        let (_, row) = ask(&app, &jira, &open, accounts::DEVELOPER).await;
        assert!(row.contains("aria-expanded=\"true\"") && row.contains("FAILED in SHOP-E1/1 on chrome"), "{row}");
        let (_, totals) = ask(&app, &jira, "SHOP/matrix/totals", accounts::DEVELOPER).await;
        assert!(totals.contains(">3 issues<") && totals.contains(">1 failing<") && totals.contains("status=NOK"), "{totals}");
        let (_, narrowed) = ask(&app, &jira, "SHOP/matrix?status=NOK&type=Story", accounts::DEVELOPER).await;
        assert!(narrowed.contains(&failing.0) && !narrowed.contains(&format!("/browse/{}\"", passing.0)), "{narrowed}");

        let (_, tests) = ask(&app, &jira, "SHOP/matrix?list=tests", accounts::DEVELOPER).await;
        assert!(tests.contains("SHOP-T2") && tests.contains("Pays by invoice"), "{tests}");
        let (_, orphans) = ask(&app, &jira, "SHOP/matrix?list=orphans", accounts::DEVELOPER).await;
        assert!(orphans.contains(&uncovered.0) && orphans.contains("Tests that cover no issue"), "{orphans}");
        let (_, defects) = ask(&app, &jira, "SHOP/matrix?list=defects", accounts::DEVELOPER).await;
        assert!(defects.contains("No test of SHOP has a defect"), "{defects}");
        app.stop().await;
    }

    async fn nobody_sees_more_than_jira_shows_them(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on(database, &jira).await;
        let [failing, passing, uncovered] = shop(&app, &jira).await;
        for path in ["", "/totals", "/export?format=csv", "?list=orphans", "?list=snapshots"] {
            let (status, said) = ask(&app, &jira, &format!("SHOP/matrix{path}"), accounts::OUTSIDER).await;
            assert_eq!(status, 404, "{path}: {said}");
            assert!(!said.contains(&failing.0), "{said}");
        }
        // To Jira's check of permissions an issue it does not show and one it does not have are alike.
        hide(&app, "SHOP-9999").await;
        for (list, hidden) in [("", "1 issue is left out"), ("?list=orphans", "1 issue is left out"), ("/totals", "1 issue is left out")] {
            let (_, page) = ask(&app, &jira, &format!("SHOP/matrix{list}"), accounts::DEVELOPER).await;
            assert!(page.contains(hidden) && !page.contains("SHOP-9999"), "{list}: {page}");
            assert!(list == "/totals" || page.contains(&uncovered.0), "{list}: {page}");
        }
        let (_, totals) = ask(&app, &jira, "SHOP/matrix/totals", accounts::DEVELOPER).await;
        assert!(totals.contains(">3 issues<"), "{totals}");
        let (status, said) = ask(&app, &jira, "SHOP/matrix/issues/999999?open=1", accounts::DEVELOPER).await;
        assert_eq!(status, 404, "{said}");
        let (_, file) = ask(&app, &jira, "SHOP/matrix/export?format=json", accounts::DEVELOPER).await;
        let file: Value = serde_json::from_str(&file).unwrap();
        let content = STANDARD.decode(file["base64"].as_str().unwrap()).unwrap();
        let content: Value = serde_json::from_slice(&content).unwrap();
        assert_eq!(content["hidden"], 1);
        assert!(content.to_string().contains(&passing.0) && !content.to_string().contains("SHOP-9999"));
        app.stop().await;
    }

    async fn a_snapshot_is_taken_and_compared_on_the_page(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on_forge(database, &jira).await;
        let [failing, ..] = shop(&app, &jira).await;
        let call = async |method: Method, path: &str, body: Option<Value>| {
            let path = format!("/ui/project/SHOP/matrix{path}");
            let answer = app.call_from_page(&jira, accounts::DEVELOPER, None, method, &path, body.as_ref());
            let answer = answer.await;
            let status = answer.status();
            (status, answer.json::<Value>().await.unwrap())
        };
        let (status, problem) = call(Method::POST, "/snapshots", Some(json!({"name": [" "]}))).await;
        assert_eq!(status, 422, "{problem}");
        let (status, page) = call(Method::POST, "/snapshots", Some(json!({"name": ["Before 1.4"], "type": ["Story"]}))).await;
        assert_eq!(status, 200, "{page}");
        let html = page["html"].as_str().unwrap();
        assert!(html.contains("Before 1.4") && html.contains("Type: Story"), "{html}");
        let (_, after) = html.split_once("/snapshots/").unwrap();
        // The first address is where the form goes; the next ones are of snapshots.
        let id: String = after.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect();

        let token = token(&app).await;
        report(&app, &token, &failing.0, "Pays by card", "").await;
        let (status, compared) = call(Method::GET, &format!("/snapshots/{id}"), None).await;
        assert_eq!(status, 200, "{compared}");
        let html = compared["html"].as_str().unwrap();
        assert!(html.contains("Became passing (1)") && html.contains(&failing.0), "{html}");

        let (status, file) = call(Method::GET, "/export?format=csv&status=OK", None).await;
        assert_eq!(status, 200, "{file}");
        assert_eq!(file["type"], "text/csv; charset=utf-8");
        let content = STANDARD.decode(file["base64"].as_str().unwrap()).unwrap();
        let content = String::from_utf8(content).unwrap();
        assert!(content.contains("# Status: OK") && content.contains(&failing.0), "{content}");
        app.stop().await;
    }
}
