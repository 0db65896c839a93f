//! Installing, rotating, renaming, removing: what Jira says about the app, and what follows.

use serde_json::{Value, json};
use touchstone::domain::site::{SharedSecret, SiteState};
use touchstone::store::installations;

use crate::both_databases;
use crate::support::TestApp;
use crate::support::site::Site;

/// Posts a lifecycle body under a token that is good for `client_key`.
async fn post(app: &TestApp, event: &str, body: &Value, token: Option<String>) -> u16 {
    let request = app
        .http
        .post(format!("{}/connect/{event}", app.base))
        .json(body);
    let request = match token {
        Some(token) => request.header("Authorization", format!("JWT {token}")),
        None => request,
    };
    request.send().await.unwrap().status().as_u16()
}

/// The stored site, with its secret opened.
async fn stored(
    app: &TestApp,
    client_key: &str,
) -> Option<std::sync::Arc<touchstone::domain::site::Site>> {
    app.running
        .as_ref()
        .unwrap()
        .app
        .sites
        .by_client_key(client_key)
        .await
        .unwrap()
}

/// The installations Connect named for a site.
async fn announced(app: &TestApp, site: &touchstone::domain::site::Site) -> Vec<String> {
    let known = installations::of_site(app.app().store.read(), site.id)
        .await
        .unwrap();
    known.into_iter().map(|known| known.id).collect()
}

async fn webhook(app: &TestApp, site: &Site) -> u16 {
    let body = json!({ "webhookEvent": "user_updated", "timestamp": 1_800_000_000_000_i64 });
    app.deliver(site, "delivery", &body).await.status().as_u16()
}

both_databases! {
    async fn a_site_installs_works_and_leaves(database: Database) {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        assert_eq!(webhook(&app, &site).await, 401);

        app.install(&site).await;
        let here = stored(&app, &site.client_key).await.unwrap();
        assert_eq!((here.state, here.is_enabled), (SiteState::Installed, true));
        assert_eq!(here.app_account_id.as_deref(), Some("557058:app-client-acme"));
        assert_eq!(webhook(&app, &site).await, 204);

        for (event, is_enabled) in [("disabled", false), ("enabled", true)] {
            let token = site.bound_token("POST", &format!("/connect/{event}"), None);
            let body = site.lifecycle_body(&app.config.connect.app_key, event);
            assert_eq!(post(&app, event, &body, Some(token)).await, 204);
            assert_eq!(stored(&app, &site.client_key).await.unwrap().is_enabled, is_enabled);
        }

        assert_eq!(app.lifecycle(&site, "uninstalled").await.status(), 204);
        let gone = stored(&app, &site.client_key).await.unwrap();
        assert_eq!((gone.state, gone.secret.clone()), (SiteState::Uninstalled, None));
        assert_eq!(webhook(&app, &site).await, 401);
        assert_eq!(app.lifecycle(&site, "uninstalled").await.status(), 204);
        assert_eq!(app.lifecycle(&Site::new("unknown"), "uninstalled").await.status(), 204);
    }

    async fn a_new_secret_is_in_force_at_once_in_every_replica(database: Database) {
        let app = TestApp::spawn(database).await;
        let mut site = Site::new("acme");
        app.install(&site).await;
        let (other, running) = app.replica().await;
        let event = json!({ "webhookEvent": "user_updated" });
        let deliver = async |site: &Site, base: &str, name: &str| {
            let sent = crate::support::service::deliver(&app.http, base, site, name, &event).await;
            sent.unwrap().status().as_u16()
        };
        assert_eq!(deliver(&site, &other, "1").await, 204);

        let old = site.clone();
        site.secret = "ATCO-rotated".into();
        app.install(&site).await;

        assert_eq!(deliver(&site, &app.base, "2").await, 204);
        assert_eq!(deliver(&site, &other, "3").await, 204);
        for base in [&app.base, &other] {
            assert_eq!(deliver(&old, base, "4").await, 401);
        }
        running.stop().await.unwrap();
    }

    async fn a_renamed_site_is_the_same_site(database: Database) {
        let app = TestApp::spawn(database).await;
        let mut site = Site::new("acme");
        app.install(&site).await;
        let before = stored(&app, &site.client_key).await.unwrap();

        site.base_url = "https://acme-new.atlassian.net".into();
        app.install(&site).await;

        let after = stored(&app, &site.client_key).await.unwrap();
        assert_eq!((after.id, after.base_url.as_deref()), (before.id, Some(site.base_url.as_str())));
    }

    async fn an_imported_site_is_another_site_at_the_same_address(database: Database) {
        let app = TestApp::spawn(database).await;
        let (old, mut new) = (Site::new("acme"), Site::new("imported"));
        new.base_url.clone_from(&old.base_url);
        app.install(&old).await;
        app.install(&new).await;

        let ids = [stored(&app, &old.client_key).await.unwrap().id, stored(&app, &new.client_key).await.unwrap().id];
        assert_ne!(ids[0], ids[1]);
        assert_eq!([webhook(&app, &old).await, webhook(&app, &new).await], [204, 204]);
    }

    async fn a_site_that_comes_back_has_its_row_and_a_new_secret(database: Database) {
        let app = TestApp::spawn(database).await;
        let mut site = Site::new("acme");
        app.install(&site).await;
        let before = stored(&app, &site.client_key).await.unwrap().id;
        app.lifecycle(&site, "uninstalled").await;
        let old = site.clone();
        site.secret = "ATCO-second".into();
        app.install(&site).await;
        assert_eq!(stored(&app, &site.client_key).await.unwrap().id, before);
        assert_eq!([webhook(&app, &site).await, webhook(&app, &old).await], [204, 401]);
    }

    async fn the_forge_installation_is_learnt_and_never_forgotten(database: Database) {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        let uuid = "0f9e8d7c-6b5a-4321-8fed-cba987654321";
        for told in [json!(null), json!(uuid), json!(format!("ari:cloud:ecosystem::installation/{uuid}")), json!(null)] {
            let mut body = site.lifecycle_body(&app.config.connect.app_key, "installed");
            body["installationId"] = told;
            let token = app.keys.install_token(&site, &app.base, "/connect/installed");
            assert_eq!(post(&app, "installed", &body, Some(token)).await, 204);
        }
        let known = stored(&app, &site.client_key).await.unwrap();
        let installations = announced(&app, &known).await;
        assert_eq!(installations, [format!("ari:cloud:ecosystem::installation/{uuid}")]);
    }

    async fn an_installation_that_cannot_be_stored_is_not_acknowledged(database: Database) {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.running.as_ref().unwrap().app.store.clone().close().await.unwrap();
        let answer = app.lifecycle(&site, "installed").await;
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
    }

    async fn every_reference_sequence_ends_as_it_should(database: Database) {
        let Some(text) = crate::support::reference("connect/lifecycle-payloads.json") else { return };
        let file: Value = serde_json::from_str(&text).unwrap();
        let app = TestApp::spawn_with(database, &["--app-key", "com.example.testtrace"]).await;
        let sequences = file["sequences"].as_array().unwrap();
        assert!(sequences.len() >= 12);
        for (n, sequence) in sequences.iter().enumerate() {
            for step in sequence["steps"].as_array().unwrap() {
                if step["inject"] == "database down" {
                    app.running.as_ref().unwrap().app.store.clone().close().await.unwrap();
                }
                take_step(&app, n, step, &file["meta"]["secrets"]).await;
            }
        }
    }
}

/// Sends one step of a reference sequence, under client keys of its own, and compares.
async fn take_step(app: &TestApp, n: usize, step: &Value, secrets: &Value) {
    let event = step["event"].as_str().unwrap();
    let own = |client_key: &str| format!("{n}-{client_key}");
    let mut body = step["body"].clone();
    let mut site = Site::new("sequence");
    site.client_key = own(body["clientKey"].as_str().unwrap());
    body["clientKey"] = site.client_key.clone().into();
    let token = match event {
        _ if step["token"] == "none" => None,
        "installed" | "uninstalled" => Some(app.keys.install_token(
            &site,
            &app.base,
            &format!("/connect/{event}"),
        )),
        _ => {
            site.secret = secrets["S1"].as_str().unwrap().into();
            Some(site.bound_token("POST", &format!("/connect/{event}"), None))
        }
    };
    let status = post(app, event, &body, token).await;
    let expected = step["expect_status"].as_array().unwrap();
    assert!(expected.contains(&status.into()), "{status}: {step}");
    for (client_key, state) in step["state_after"].as_object().unwrap() {
        let site = stored(app, &own(client_key)).await.unwrap();
        let is_installed = site.state == SiteState::Installed;
        assert_eq!(is_installed, state["state"] != "uninstalled", "{step}");
        if let Some(is_enabled) = state["enabled"].as_bool() {
            assert_eq!(site.is_enabled, is_enabled, "{step}");
        }
        if let Some(name) = state["secret"].as_str() {
            let secret = secrets[name].as_str().unwrap().to_owned();
            assert!(site.secret == SharedSecret::new(secret), "{step}");
        }
        if let Some(address) = state["baseUrl"].as_str() {
            assert_eq!(site.base_url.as_deref(), Some(address), "{step}");
        }
        if let Some(installation) = state.get("installationId") {
            let known = announced(app, &site).await;
            assert_eq!(json!(known.first()), *installation, "{step}");
        }
    }
}
