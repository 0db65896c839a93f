//! What is past its time goes, and nothing else.

use sea_orm::ConnectionTrait;
use touchstone::app::check_projections::{Checked, check_projections};
use touchstone::app::forget_old::forget_old;
use touchstone::app::keep_runs::{self, keep_runs};
use touchstone::app::rebuild::rebuild;
use touchstone::clock::Clock;
use touchstone::domain::month::Month;
use touchstone::startup;
use touchstone::store::{Store, partitions};

use crate::both_databases;
use crate::support::TestApp;
use crate::support::events::Issue;
use crate::support::site::{Site, now_s};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// A report of one test of SHOP-1.
async fn report(app: &TestApp, token: &str, hour: u8, outcome: &str) {
    let file = format!(
        r#"<testsuite timestamp="2026-11-20T{hour:02}:00:00Z"><testcase classname="c" name="pays">
             <properties><property name="requirement" value="SHOP-1"/></properties>{outcome}
           </testcase></testsuite>"#
    );
    let url = format!("{}/api/v1/projects/SHOP/results", app.base);
    let sending = app.http.post(url).bearer_auth(token).body(file);
    assert_eq!(sending.send().await.unwrap().status(), 200);
}

async fn status(app: &TestApp, token: &str) -> String {
    let answer = app.api_get(token, "/api/v1/issues/SHOP-1/coverage").await;
    let answer: serde_json::Value = answer.json().await.unwrap();
    answer["status"].as_str().unwrap().to_owned()
}

/// Dates an execution of SHOP as if it was made so many days from now.
async fn move_execution(app: &TestApp, number: i64, days: i64) {
    let ms = u128::try_from(now_s() * 1000 + days * DAY_MS).unwrap();
    let id = uuid::Uuid::from_u128((ms << 80) | (0x7 << 76) | (0x8 << 60) | 1).simple();
    let id = if app.database.is_sqlite() {
        format!("x'{id}'")
    } else {
        format!("'{id}'")
    };
    let on = sea_orm::Database::connect(&app.database.url).await.unwrap();
    for sql in [
        format!(
            "UPDATE run SET execution_id = {id} \
             WHERE execution_id = (SELECT id FROM execution WHERE number = {number})"
        ),
        format!("UPDATE execution SET id = {id} WHERE number = {number}"),
    ] {
        on.execute_unprepared(&sql).await.unwrap();
    }
    on.close().await.unwrap();
}

both_databases! {
    async fn runs_go_with_the_month_of_their_execution_and_statuses_follow(database: Database) {
        let app = TestApp::spawn_with(database, &["--keep-runs-months", "6"]).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        report(&app, &token, 11, "<failure/>").await;
        report(&app, &token, 10, "").await;
        // The second one is of another time, for which nobody has made a part yet.
        move_execution(&app, 2, 400).await;
        let store = &app.app().store;
        let id = touchstone::store::sites::find(store.read(), &site.client_key).await.unwrap().unwrap().site.id;
        rebuild(store, id).await.unwrap();
        assert_eq!(status(&app, &token).await, "NOK");

        let at = async |days: i64| {
            let clock = Clock::fixed(now_s() * 1000 + days * DAY_MS);
            let then = startup::open(app.config.clone(), clock).await.unwrap();
            keep_runs(&then).await.unwrap();
            partitions::months(store.read()).await.unwrap()
        };
        let this_month = Month::of_ms(now_s() * 1000);
        assert!(!at(150).await.iter().any(|month| *month < this_month), "nothing is old yet");
        assert_eq!(status(&app, &token).await, "NOK");

        let left = at(400).await;
        assert!(left.iter().all(|month| *month > this_month.plus(6)), "{left:?}");
        assert_eq!(status(&app, &token).await, "OK");
        assert_eq!(app.api_get(&token, "/api/v1/executions/SHOP-E1").await.status(), 404);
        assert_eq!(app.api_get(&token, "/api/v1/executions/SHOP-E2").await.status(), 200);
        let checked = check_projections(store, id).await.unwrap();
        assert_eq!(checked, Checked { tests: 1, ..Checked::default() });

        assert!(at(1_000).await.len() <= 3);
        assert_eq!(status(&app, &token).await, "NOTRUN");
        app.stop().await;
    }

    async fn the_parts_of_the_months_are_made_once_by_whoever_comes_first(database: Database) {
        Store::migrate(&database.url).await.unwrap();
        let store = Store::open(&database.url, 8).await.unwrap();
        let making = (0..4).map(|_| keep_runs::make_room(&store, 1_795_532_400_000));
        for made in futures_util::future::join_all(making).await {
            made.unwrap();
        }
        let months = partitions::months(store.read()).await.unwrap();
        let names: Vec<String> = months.iter().map(ToString::to_string).collect();
        let wanted: &[&str] = if database.is_sqlite() { &[] } else { &["2026_11", "2026_12", "2027_01"] };
        assert_eq!(names, wanted);
    }

    async fn an_uninstalled_site_is_deleted_after_its_grace_and_no_other(database: Database) {
        let app = TestApp::spawn(database).await;
        let (gone, stays) = (Site::new("gone"), Site::new("stays"));
        for (n, site) in [&gone, &stays].into_iter().enumerate() {
            app.install(site).await;
            let id = 10_000 + i64::try_from(n).unwrap();
            app.deliver(site, "d-1", &Issue::new(id, "SHOP-1").created(now_s() * 1000)).await;
        }
        app.applied().await;
        assert_eq!(app.lifecycle(&gone, "uninstalled").await.status(), 204);

        let rows = async |days: i64| {
            let later = Clock::fixed(now_s() * 1000 + days * DAY_MS);
            let then = startup::open(app.config.clone(), later).await.unwrap();
            forget_old(&then).await.unwrap();
            let known = then.store.clone();
            let mut left = vec![];
            for site in [&gone, &stays] {
                let held = touchstone::store::sites::find(known.read(), &site.client_key).await.unwrap();
                left.push(held.is_some());
            }
            left
        };
        assert_eq!(rows(29).await, [true, true], "within the grace");
        assert_eq!(rows(400).await, [false, true], "after it");

        let token = app.api_token(&stays).await;
        assert_eq!(app.api_get(&token, "/api/v1/issues/SHOP-1").await.status(), 200);
        app.stop().await;
    }
}
