//! What is past its time goes, and nothing else.

use touchstone::app::forget_old::forget_old;
use touchstone::clock::Clock;
use touchstone::startup;

use crate::both_databases;
use crate::support::TestApp;
use crate::support::events::Issue;
use crate::support::site::{Site, now_s};

const DAY_MS: i64 = 24 * 3600 * 1000;

both_databases! {
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
