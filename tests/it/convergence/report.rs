//! Results: a first report, what the tests in it are about, and those that follow.

use std::fmt::Write;

use jira_standin::Standin;
use touchstone::app::create_api_client::create_api_client;
use touchstone::store::defects::NewDefectLink;
use touchstone::store::{SiteId, defects, issues, links, sites, tests};

use super::town::{BUGS, STORIES};
use crate::support::TestApp;

/// A first report in which every test fails, and what the tests are about; returns a token to report
/// with.
pub async fn first_report(app: &TestApp, jira: &Standin) -> String {
    let store = &app.app().store;
    let now_ms = app.app().clock.now_ms();
    let site = sites::find(store.read(), &jira.client_key()).await.unwrap();
    let site = site.unwrap().site.id;
    let made = create_api_client(store, site, "pipeline", vec![], None, now_ms).await;
    let token = made.unwrap().1;
    let url = format!(
        "{}/api/v1/projects/SHOP/results?environment=chrome",
        app.base
    );
    let sending = app.http.post(url).bearer_auth(&token).body(file(|_| false));
    assert_eq!(sending.send().await.unwrap().status(), 200);
    for number in 0..BUGS {
        let test = test(app, site, number + 1).await;
        for story in [2 * number, 2 * number + 1] {
            let issue = issue(app, site, jira, story).await;
            let txn = store.write().await.unwrap();
            links::link(&*txn, site, issue, test, None, now_ms)
                .await
                .unwrap();
            txn.commit().await.unwrap();
        }
        let link = NewDefectLink {
            test,
            issue: issue(app, site, jira, STORIES + number).await,
            run: None,
            signature: None,
            cause: None,
            created_by: None,
        };
        let txn = store.write().await.unwrap();
        defects::link(&*txn, site, &link, now_ms).await.unwrap();
        txn.commit().await.unwrap();
    }
    token
}

/// A report of all tests; a test passes or not, by its number.
pub fn file(mut passes: impl FnMut(usize) -> bool) -> String {
    let mut cases = String::new();
    for number in 0..BUGS {
        let inside = if passes(number) {
            ""
        } else {
            r#"<failure message="no">at a</failure>"#
        };
        write!(
            cases,
            r#"<testcase classname="shop.Cart" name="case {number:02}">{inside}</testcase>"#
        )
        .unwrap();
    }
    format!(r#"<testsuite name="unit">{cases}</testsuite>"#)
}

async fn test(app: &TestApp, site: SiteId, number: usize) -> uuid::Uuid {
    let key = format!("SHOP-T{number}").parse().unwrap();
    let found = tests::by_key(app.app().store.read(), site, &key).await;
    found.unwrap().unwrap().id
}

async fn issue(app: &TestApp, site: SiteId, jira: &Standin, number: usize) -> uuid::Uuid {
    let key = jira.read(|state| state.issues_of("SHOP")[number].key.clone());
    let found = issues::by_key(app.app().store.read(), site, &key).await;
    found.unwrap().unwrap().id
}
