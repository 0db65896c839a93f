//! `/metrics` counts what happens, and tells it where the operator wants it.

use std::net::TcpListener;

use jira_standin::{Options, Standin};
use serde_json::json;
use touchstone::store::sites;

use crate::both_databases;
use crate::support::events::Issue;
use crate::support::site::Site;
use crate::support::{Database, TestApp};

/// 2026-11-20, in milliseconds.
const T0: i64 = 1_795_132_800_000;

async fn scrape(http: &reqwest::Client, base: &str) -> String {
    let answer = http.get(format!("{base}/metrics")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let kind = answer.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    answer.text().await.unwrap()
}

/// The value of a series, by its name and labels as they are written.
fn value(text: &str, series: &str) -> Option<f64> {
    let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    let found = lines.filter(|(name, _)| *name == series);
    found.map(|(_, value)| value.parse().unwrap()).next()
}

both_databases! {
    async fn what_happens_is_counted(database: Database) {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let story = Issue::new(10_042, "SHOP-7");
        let created = story.created(T0);
        // The second delivery is a repeat; the third says nothing that can be read.
        for (name, body) in [("d-1", &created), ("d-1", &created)] {
            assert_eq!(app.deliver(&site, name, body).await.status(), 204);
        }
        let unreadable = json!({ "webhookEvent": "jira:issue_updated", "timestamp": T0 });
        assert_eq!(app.deliver(&site, "d-2", &unreadable).await.status(), 204);
        app.applied().await;
        let unsigned = app.http.post(format!("{}/connect/webhook", app.base)).send().await;
        assert_eq!(unsigned.unwrap().status(), 401);
        let odd = reqwest::Method::from_bytes(b"BREW").unwrap();
        let asked = app.http.request(odd, format!("{}/tea/for/acme", app.base)).send().await;
        assert_eq!(asked.unwrap().status(), 404);

        let text = scrape(&app.http, &app.base).await;
        let counted = [
            (r#"touchstone_events_total{step="accepted"}"#, 2.0),
            (r#"touchstone_events_total{step="repeated"}"#, 1.0),
            (r#"touchstone_events_total{step="applied"}"#, 1.0),
            (r#"touchstone_events_total{step="parked"}"#, 1.0),
            ("touchstone_event_batch_size_count", 3.0),
            (r#"touchstone_http_requests_total{method="POST",route="/connect/webhook",status="204"}"#, 3.0),
            (r#"touchstone_http_requests_total{method="POST",route="/connect/webhook",status="401"}"#, 1.0),
            (r#"touchstone_http_requests_total{method="OTHER",route="unknown",status="404"}"#, 1.0),
            (r#"touchstone_http_request_duration_seconds_count{route="/connect/webhook"}"#, 4.0),
            (r#"touchstone_queue_waiting{queue="inbox"}"#, 0.0),
            (r#"touchstone_queue_parked{queue="inbox"}"#, 1.0),
            (r#"touchstone_queue_parked{queue="outbox"}"#, 0.0),
            ("touchstone_inbox_oldest_seconds", 0.0),
            ("touchstone_database_up", 1.0),
        ];
        for (series, expected) in counted {
            assert_eq!(value(&text, series), Some(expected), "{series} in\n{text}");
        }
        let build = format!("touchstone_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        assert!(text.contains(&build), "{text}");
        for told in ["acme", "SHOP", "tea"] {
            assert!(!text.contains(told), "{told} is nobody's business: {text}");
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_to_jira_are_counted_by_what_came_of_them() {
    let jira = Standin::start(Options::default()).await.unwrap();
    let app = TestApp::spawn_on(Database::sqlite(), &jira).await;
    let of = app.app();
    let found = sites::find(of.store.read(), &jira.cloud_id()).await;
    let id = found.unwrap().unwrap().site.id;
    let site = of.sites.by_id(id).await.unwrap().unwrap();
    let client = of.jira.for_site(&site);
    assert!(client.issue("SHOP-7").await.is_ok());
    assert!(client.issue("SHOP-4711").await.is_err());
    assert!(client.issue("SHOP-4712").await.is_err());

    let text = scrape(&app.http, &app.base).await;
    for (outcome, expected) in [("good", 1.0), ("gone", 2.0)] {
        let series = format!(
            r#"touchstone_jira_calls_total{{method="GET",endpoint="issue",outcome="{outcome}"}}"#
        );
        assert_eq!(value(&text, &series), Some(expected), "{series} in\n{text}");
    }
    assert!(!text.contains("SHOP"), "{text}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_of_its_own_tells_metrics_and_nothing_else() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let app = TestApp::spawn_with(Database::sqlite(), &["--metrics-listen", &address]).await;
    let base = format!("http://{address}");
    let asked = async |url: String| app.http.get(url).send().await.unwrap().status();
    assert_eq!(asked(format!("{}/metrics", app.base)).await, 404);
    assert_eq!(asked(format!("{base}/health/live")).await, 404);
    let text = scrape(&app.http, &base).await;
    let unknown = r#"touchstone_http_requests_total{method="GET",route="unknown",status="404"}"#;
    assert_eq!(value(&text, unknown), Some(1.0), "{text}");
    app.stop().await;
}
