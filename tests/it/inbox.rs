//! Events are kept before they are answered, and applied once, in the order they happened.

use futures_util::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use touchstone::store::Store;
use touchstone::store::inbox::take;

use crate::both_databases;
use crate::support::events::{DONE, IN_PROGRESS, Issue};
use crate::support::service::deliver;
use crate::support::site::Site;
use crate::support::{Database, TestApp, eventually};

/// 2026-11-20, in milliseconds.
const T0: i64 = 1_795_132_800_000;

async fn installed(database: Database) -> (TestApp, Site, String) {
    let app = TestApp::spawn(database).await;
    let site = Site::new("acme");
    app.install(&site).await;
    let token = app.api_token(&site).await;
    (app, site, token)
}

async fn issue(app: &TestApp, token: &str, key: &str) -> Value {
    let answer = app.api_get(token, &format!("/api/v1/issues/{key}")).await;
    assert_eq!(answer.status(), 200, "{key}");
    answer.json().await.unwrap()
}

both_databases! {
    async fn an_event_becomes_the_mirrors_state(database: Database) {
        let (app, site, token) = installed(database).await;
        let story = Issue::new(10_042, "SHOP-7");

        assert_eq!(app.deliver(&site, "d-1", &story.created(T0)).await.status(), 204);
        let moved = story.moved_to(T0 + 1000, 501, DONE, Some("Done"));
        assert_eq!(app.deliver(&site, "d-2", &moved).await.status(), 204);
        app.applied().await;

        let seen = issue(&app, &token, "SHOP-7").await;
        assert_eq!(seen["id"], "10042");
        assert_eq!(seen["statusCategory"], "done");
        assert_eq!(seen["resolution"]["name"], "Done");
        app.stop().await;
    }

    async fn order_is_by_when_it_happened_not_by_when_it_came(database: Database) {
        let (app, site, token) = installed(database).await;
        let story = Issue::new(10_042, "SHOP-7");
        let early = story.edited(T0 + 1_000, 501, "early");
        let late = story.edited(T0 + 2_000, 502, "late");

        app.deliver(&site, "d-late", &late).await;
        app.applied().await;
        app.deliver(&site, "d-early", &early).await;
        app.applied().await;

        assert_eq!(issue(&app, &token, "SHOP-7").await["summary"], "late");
        app.stop().await;
    }

    async fn the_same_delivery_and_the_same_change_count_once(database: Database) {
        let (app, site, token) = installed(database).await;
        let story = Issue::new(10_042, "SHOP-7");
        let change = story.edited(T0, 501, "changed");

        for identifier in ["d-1", "d-1", "another-registration"] {
            assert_eq!(app.deliver(&site, identifier, &change).await.status(), 204);
        }
        // The same identifier names the same delivery, whatever is in it.
        app.deliver(&site, "d-1", &story.edited(T0 + 5, 777, "forged")).await;
        app.applied().await;

        assert_eq!(issue(&app, &token, "SHOP-7").await["summary"], "changed");
        assert_eq!(kept(&app).await, 1);
        app.stop().await;
    }

    async fn many_at_once_are_all_kept_and_applied_once(database: Database) {
        let (app, site, token) = installed(database).await;
        let deliveries: Vec<(String, Value)> = (0..600_i64)
            .map(|n| {
                let story = Issue::new(20_000 + n % 10, &format!("SHOP-{}", 1 + n % 10));
                (format!("d-{n}"), story.edited(T0 + n, 1_000 + n, &format!("edit {n}")))
            })
            .collect();

        let answers = join_all(deliveries.iter().map(|(id, body)| app.deliver(&site, id, body))).await;
        assert!(answers.iter().all(|answer| answer.status() == 204));
        app.applied().await;

        assert_eq!(kept(&app).await, 600);
        for n in 590..600_i64 {
            let key = format!("SHOP-{}", 1 + n % 10);
            assert_eq!(issue(&app, &token, &key).await["summary"], format!("edit {n}"));
        }
        app.stop().await;
    }

    async fn the_storm_of_one_site_does_not_hold_up_another(database: Database) {
        Store::migrate(&database.url).await.unwrap();
        let store = Store::open(&database.url, 4).await.unwrap();
        let txn = store.write().await.unwrap();
        let lane = |site: i64, n: i64, ready_ms: i64| {
            format!("({site}, 'issue:{n}', {ready_ms}, 0, 1)")
        };
        let mut lanes: Vec<String> = (0..50).map(|n| lane(1, n, T0)).collect();
        lanes.push(lane(2, 1, T0 + 5));
        let text = format!(
            "INSERT INTO lane (site_id, lane, ready_ms, lease_until_ms, version) VALUES {}",
            lanes.join(", ")
        );
        txn.execute_unprepared(&text).await.unwrap();
        txn.commit().await.unwrap();
        let owner = uuid::Uuid::nil();
        let (taken, _) = take(&store, owner, T0 + 5, 1_000, (10, 10)).await.unwrap();
        let of = |site: i64| taken.iter().filter(|lane| lane.site_id == site).count();
        assert_eq!((of(1), of(2)), (9, 1));
    }

    async fn what_an_event_does_not_say_of_an_issue_stays(database: Database) {
        let (app, site, token) = installed(database).await;
        let story = Issue::new(10_042, "SHOP-7");
        app.deliver(&site, "d-1", &story.moved_to(T0, 1, DONE, Some("Done"))).await;
        let sparse = json!({
            "timestamp": T0 + 1, "webhookEvent": "jira:issue_updated",
            "issue": { "id": "10042", "key": "SHOP-7", "fields": { "summary": "Only this" } },
        });
        app.deliver(&site, "d-2", &sparse).await;
        app.applied().await;

        let seen = issue(&app, &token, "SHOP-7").await;
        assert_eq!(seen["summary"], "Only this");
        assert_eq!((&seen["statusCategory"], &seen["type"]["name"]), (&json!("done"), &json!("Story")));
        app.stop().await;
    }

    async fn at_the_same_instant_what_came_later_holds(database: Database) {
        let (app, site, token) = installed(database).await;
        for (n, summary) in ["first", "second", "third"].iter().enumerate() {
            let mut story = Issue::new(10_042, "SHOP-7");
            story.summary = (*summary).to_owned();
            app.deliver(&site, &format!("d-{n}"), &story.created(T0)).await;
            app.applied().await;
        }
        assert_eq!(issue(&app, &token, "SHOP-7").await["summary"], "third");
        app.stop().await;
    }

    async fn a_moved_issue_is_found_by_both_keys(database: Database) {
        let (app, site, token) = installed(database).await;
        app.deliver(&site, "d-1", &Issue::new(10_042, "SHOP-7").created(T0)).await;
        app.deliver(&site, "d-2", &Issue::new(10_042, "PAY-3").edited(T0 + 1, 9, "moved")).await;
        app.applied().await;

        for key in ["SHOP-7", "PAY-3"] {
            assert_eq!(issue(&app, &token, key).await["key"], "PAY-3");
        }
        app.stop().await;
    }

    async fn a_deleted_issue_stays_as_a_tombstone(database: Database) {
        let (app, site, token) = installed(database).await;
        let story = Issue::new(10_042, "SHOP-7");
        app.deliver(&site, "d-1", &story.created(T0)).await;
        app.deliver(&site, "d-2", &story.deleted(T0 + 10)).await;
        app.deliver(&site, "d-3", &story.edited(T0 + 5, 3, "came late")).await;
        app.applied().await;

        let seen = issue(&app, &token, "SHOP-7").await;
        assert_eq!((&seen["deleted"], &seen["summary"]), (&json!(true), &json!("Summary of SHOP-7")));
        app.stop().await;
    }

    async fn an_unknown_event_is_kept_and_acknowledged(database: Database) {
        let (app, site, _) = installed(database).await;
        for (n, body) in [
            json!({ "webhookEvent": "jira:something_new", "timestamp": T0, "thing": [1, 2] }),
            json!({ "accountId": "5b10a", "username": "gone" }),
        ].iter().enumerate() {
            assert_eq!(app.deliver(&site, &format!("u-{n}"), body).await.status(), 204, "{body}");
        }
        app.applied().await;
        assert_eq!(app.health().await["inbox"]["parked"], 0);
        assert_eq!(kept(&app).await, 2);
        app.stop().await;
    }

    async fn a_body_that_is_no_event_is_refused_and_leaves_nothing(database: Database) {
        let (app, site, _) = installed(database).await;
        let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
        for body in ["", "{", "not json", "[]", "17", r#"{"webhookEvent": "#, &deep] {
            let token = site.bound_token("POST", "/connect/webhook", None);
            let answer = app.http.post(format!("{}/connect/webhook", app.base))
                .header("Authorization", format!("JWT {token}"))
                .header("Content-Type", "application/json")
                .body(body.to_owned()).send().await.unwrap();
            assert_eq!(answer.status(), 400, "{}", &body[..body.len().min(30)]);
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
        }
        assert_eq!(kept(&app).await, 0);
        app.stop().await;
    }

    async fn a_body_over_25_mb_is_refused(database: Database) {
        let (app, site, _) = installed(database).await;
        let body = json!({ "webhookEvent": "jira:issue_updated", "filler": "x".repeat(27 << 20) });
        let answer = deliver(&app.http, &app.base, &site, "big", &body).await;
        // The answer may come while the body is still being sent; then the connection just ends.
        if let Ok(answer) = answer {
            assert_eq!(answer.status(), 413);
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
        }
        assert_eq!(kept(&app).await, 0);
        app.stop().await;
    }

    async fn an_event_that_cannot_be_applied_is_parked_and_can_be_replayed(database: Database) {
        let (app, site, token) = installed(database).await;
        // An issue event whose issue is no issue: acceptable as an event, impossible to apply.
        let poison = json!({
            "webhookEvent": "jira:issue_updated", "timestamp": T0, "issue": { "id": "10042" },
        });
        app.deliver(&site, "d-1", &poison).await;
        app.deliver(&site, "d-2", &Issue::new(10_042, "SHOP-7").edited(T0 + 1, 5, "goes on")).await;
        app.applied().await;

        assert_eq!(app.health().await["inbox"]["parked"], 1);
        assert_eq!(issue(&app, &token, "SHOP-7").await["summary"], "goes on");

        let command = std::process::Command::new(env!("CARGO_BIN_EXE_touchstone"))
            .args(["replay", "--site", &site.base_url, "--database-url", &app.database.url])
            .output().unwrap();
        assert!(command.status.success(), "{}", String::from_utf8_lossy(&command.stderr));
        assert!(String::from_utf8_lossy(&command.stdout).contains("1 parked event"));
        eventually("the replayed event is parked again", async || {
            let health = app.health().await;
            (health["inbox"]["parked"] == 1 && health["inbox"]["waiting"] == 0).then_some(())
        }).await;
        app.stop().await;
    }

    async fn two_replicas_share_the_work_without_doubling_it(database: Database) {
        if database.is_sqlite() {
            return; // one process, one file
        }
        let (app, site, token) = installed(database).await;
        let (second, running) = app.replica().await;
        let story = Issue::new(10_042, "SHOP-7");
        let sent = (0..300_i64).map(|n| {
            let base = if n % 2 == 0 { &app.base } else { &second };
            let status = if n % 3 == 0 { IN_PROGRESS } else { DONE };
            let body = story.moved_to(T0 + n, 2_000 + n, status, None);
            let (http, site) = (&app.http, &site);
            async move { deliver(http, base, site, &format!("d-{n}"), &body).await.unwrap().status() }
        });
        assert!(join_all(sent).await.iter().all(|status| *status == 204));
        app.applied().await;

        assert_eq!(kept(&app).await, 300);
        let seen = issue(&app, &token, "SHOP-7").await;
        assert_eq!(seen["statusCategory"], "done", "event 299 is the last that happened");
        running.stop().await.unwrap();
        app.stop().await;
    }
}

/// How many events the inbox holds, whatever their state.
async fn kept(app: &TestApp) -> i64 {
    use sea_orm::{ConnectionTrait, Statement};
    let connection = sea_orm::Database::connect(&app.database.url).await.unwrap();
    let sql = Statement::from_string(
        connection.get_database_backend(),
        "SELECT count(*) FROM inbox",
    );
    let row = connection.query_one_raw(sql).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}
