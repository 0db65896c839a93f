//! The panel and the administration page over HTTP: who may see them, what they say, and what their
//! answers allow a browser to do.

use reqwest::Method;
use serde_json::Value;

use crate::both_databases;
use crate::support::TestApp;
use crate::support::attack::{Endpoint, Kind, World};
use crate::support::events::Issue;
use crate::support::site::{Site, now_s};

const FRAME: &str = "/connect/issue?issueId=10042&issueKey=SHOP-7&projectKey=SHOP";

/// The page as Jira loads it.
async fn frame(app: &TestApp, site: &Site, path: &str) -> reqwest::Response {
    let token = site.bound_token("GET", path, Some("5b10a-person"));
    let join = if path.contains('?') { '&' } else { '?' };
    app.http
        .get(format!("{}{path}{join}jwt={token}", app.base))
        .send()
        .await
        .unwrap()
}

async fn report(app: &TestApp, token: &str, status: &str) {
    let body = format!(
        "<testsuite name='pay'><testcase classname='payment.card' name='Pays with an expired card'>\
         <properties><property name='requirement' value='SHOP-7'/></properties>{status}\
         </testcase></testsuite>"
    );
    let url = format!(
        "{}/api/v1/projects/SHOP/results?environment=safari",
        app.base
    );
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

both_databases! {
    async fn every_page_takes_its_own_token_and_no_other(database: Database) {
        let app = TestApp::spawn(database).await;
        let (site, other) = (Site::new("acme"), Site::new("beta"));
        app.install(&site).await;
        app.install(&other).await;
        let base = app.base.clone();
        let world = World { app: &app, site, other, base: base.clone() };
        let before = world.state().await;
        let test = uuid::Uuid::nil();
        let pages = [
            (Kind::Frame, Method::GET, FRAME.to_owned()),
            (Kind::Frame, Method::GET, "/connect/admin".to_owned()),
            (Kind::Frame, Method::GET, "/connect/project?projectKey=SHOP".to_owned()),
            (Kind::Frame, Method::GET, "/connect/gadget?dashboardId=1&dashboardItemId=2".to_owned()),
            (Kind::Page, Method::GET, "/ui/issue/10042/context".to_owned()),
            (Kind::Page, Method::GET, "/ui/admin".to_owned()),
            (Kind::Page, Method::GET, "/ui/project/SHOP".to_owned()),
            (Kind::Page, Method::GET, "/ui/gadget?project=SHOP".to_owned()),
            (Kind::Page, Method::GET, "/ui/gadget/settings?project=SHOP&save=1".to_owned()),
            (Kind::Page, Method::GET, "/ui/issue/10042".to_owned()),
            (Kind::Page, Method::GET, "/ui/issue/10042/rights".to_owned()),
            (Kind::Page, Method::GET, "/ui/issue/10042/link".to_owned()),
            (Kind::Page, Method::POST, "/ui/issue/10042/link".to_owned()),
            (Kind::Page, Method::GET, "/ui/issue/10042/candidates?q=pay".to_owned()),
            (Kind::Page, Method::GET, format!("/ui/issue/10042/tests/{test}")),
            (Kind::Page, Method::POST, format!("/ui/issue/10042/tests/{test}/unlink")),
            (Kind::Page, Method::GET, format!("/ui/issue/10042/tests/{test}/defect")),
            (Kind::Page, Method::POST, format!("/ui/issue/10042/tests/{test}/defect")),
            (Kind::Page, Method::POST, format!("/ui/issue/10042/tests/{test}/link-defect")),
        ];
        for (kind, method, path) in pages {
            let endpoint = Endpoint {
                kind,
                method,
                address: format!("{base}{path}"),
                bound: path.leak(),
                body: Value::Null,
            };
            world.attack(&endpoint).await;
        }
        assert_eq!(world.state().await, before);
    }

    async fn the_panel_says_how_the_tests_stand(database: Database) {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        let story = Issue::new(10_042, "SHOP-7");
        app.deliver(&site, "d-1", &story.created(now_s() * 1000)).await;
        app.applied().await;

        let empty = frame(&app, &site, FRAME).await;
        assert_eq!(empty.status(), 200);
        let policy = empty.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("frame-ancestors https://acme.atlassian.net"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && policy.contains("default-src 'none'"));
        assert_eq!(empty.headers()["referrer-policy"], "no-referrer");
        assert!(empty.headers()["cache-control"].to_str().unwrap().contains("no-store"));
        assert!(!empty.headers().contains_key("x-frame-options"), "it would blank the frame");
        let empty = empty.text().await.unwrap();
        assert!(empty.contains("No tests cover SHOP-7 yet"), "{empty}");

        report(&app, &token, "<failure message='expected 402, got 500'/>").await;
        let failing = frame(&app, &site, FRAME).await.text().await.unwrap();
        for said in ["Failing", "Pays with an expired card", "SHOP-T1", "safari", "expected 402, got 500"] {
            assert!(failing.contains(said), "{said}");
        }

        report(&app, &token, "").await;
        let passing = frame(&app, &site, FRAME).await.text().await.unwrap();
        assert!(passing.contains("Passing") && !passing.contains("expected 402, got 500"));
        app.stop().await;
    }

    async fn a_page_shows_only_what_its_token_proves_or_jira_allows(database: Database) {
        // Jira is out of reach here, so nothing that needs its word may be shown.
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        app.deliver(&site, "d-1", &Issue::new(10_042, "SHOP-7").created(now_s() * 1000)).await;
        app.applied().await;
        report(&app, &token, "<failure message='secret'/>").await;

        let fragment = async |issue: Option<(i64, &str)>| {
            let token = site.context_token(issue, "5b10a-person");
            app.http.get(format!("{}/ui/issue/10042", app.base))
                .header("Authorization", format!("JWT {token}")).send().await.unwrap()
        };
        let own = fragment(Some((10_042, "SHOP-7"))).await;
        assert_eq!(own.status(), 200);
        assert!(own.text().await.unwrap().contains("Failing"));
        for other in [None, Some((10_043, "SHOP-8"))] {
            let answer = fragment(other).await;
            assert!(!answer.status().is_success());
            let text = answer.text().await.unwrap();
            assert!(!text.contains("secret") && !text.contains("Failing"), "{text}");
        }
        app.stop().await;
    }

    async fn names_from_outside_are_text_on_the_page(database: Database) {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        app.deliver(&site, "d-1", &Issue::new(10_042, "SHOP-7").created(now_s() * 1000)).await;
        app.applied().await;
        report(&app, &token, "<failure message='&lt;script&gt;alert(1)&lt;/script&gt;'/>").await;

        let page = frame(&app, &site, FRAME).await.text().await.unwrap();
        assert!(!page.contains("<script>alert(1)"));
        assert!(page.contains("alert(1)"), "it is shown, as text");
        app.stop().await;
    }
}
