//! Which site a Forge installation is: found again, joined, kept apart, and what of it is removed when.

use jira_standin::{ForgeOptions, Options, Settings, Standin, accounts};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use touchstone::app::accept_event::{Received, accept_event};
use touchstone::domain::site::{Site as KnownSite, SiteState};
use touchstone::store::inbox::Channel;
use touchstone::store::installations::{self, InstallationState};
use touchstone::store::{SiteId, halves, issues, outbox};

use crate::both_databases;
use crate::support::events::{DONE, Issue};
use crate::support::knock::{Caller, token};
use crate::support::site::{Site, now_s};
use crate::support::{Database, TestApp, eventually};

const CLOUD: &str = "11111111-2222-4333-8444-555555555555";
const MINUTE_MS: i64 = 60_000;

/// A service that Forge may call, and a host of keys for the Connect halves that tests make up.
async fn world(database: Database) -> (TestApp, Standin) {
    let jira = Standin::start(Options::default()).await.unwrap();
    let (app_id, keys) = (jira.forge_app_id(), jira.jwks_url());
    let forge = [
        "--app-id",
        &app_id,
        "--jwks-url",
        &keys,
        "--api-hosts",
        "127.0.0.1",
    ];
    let options = [&forge[..], &["--insecure-sites", "true"]].concat();
    (TestApp::spawn_with(database, &options).await, jira)
}

/// A manifest of the app that takes a Connect app over.
const CONNECT_ON_FORGE: &str = "
app:
  connect:
    key: io.touchstone.jira
modules:
  endpoint:
    - key: lifecycle
      route: { path: /forge/events/lifecycle }
      auth: { appSystemToken: { enabled: true } }
  trigger:
    - key: lifecycle-events
      endpoint: lifecycle
      events: ['avi:forge:installed:app', 'avi:forge:upgraded:app']
permissions:
  scopes: ['read:jira-work', 'write:jira-work', 'read:jira-user', 'read:app-system-token']
";

/// Runs a statement on the service's database, as time or chance would.
async fn turn(app: &TestApp, sql: &str) {
    let on = app.app().store.read();
    let statement = Statement::from_string(on.get_database_backend(), sql);
    on.execute_raw(statement).await.unwrap();
    for site in app.app().sites.list().await.unwrap() {
        app.app().sites.forget(site.id).await;
    }
}

/// Installs the app on a site through Connect, with more members in the body.
async fn install_connect(app: &TestApp, site: &Site, more: Value) {
    let mut body = site.lifecycle_body(&app.config.connect.app_key, "installed");
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let token = app
        .keys
        .install_token(site, &app.base, "/connect/installed");
    let request = app.http.post(format!("{}/connect/installed", app.base));
    let request = request.header("Authorization", format!("JWT {token}"));
    assert_eq!(request.json(&body).send().await.unwrap().status(), 204);
}

async fn by_client_key(app: &TestApp, site: &Site) -> std::sync::Arc<KnownSite> {
    let found = app
        .app()
        .sites
        .by_client_key(&site.client_key)
        .await
        .unwrap()
        .unwrap();
    app.app().sites.forget(found.id).await;
    app.app().sites.by_id(found.id).await.unwrap().unwrap()
}

/// An event of an issue, as it was kept for a site.
async fn hear(app: &TestApp, site: SiteId, issue: &Issue, at_ms: i64) {
    let received = Received {
        site,
        channel: Channel::Connect,
        delivery: None,
        trace: None,
        body: serde_json::to_vec(&issue.moved_to(at_ms, 7, DONE, None)).unwrap(),
    };
    accept_event(app.app(), received).await.unwrap();
    app.applied().await;
}

/// A test of the site, as a build reports one.
async fn report(app: &TestApp, site: SiteId, name: &str) {
    let now_ms = app.app().clock.now_ms();
    let on = &app.app().store;
    let made =
        touchstone::app::create_api_client::create_api_client(on, site, name, vec![], None, now_ms);
    let (_, token) = made.await.unwrap();
    let url = format!("{}/api/v1/projects/SHOP/results", app.base);
    let body = format!(r#"<testsuite><testcase classname="shop" name="{name}"/></testsuite>"#);
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

async fn told_of(app: &TestApp, site: SiteId) -> Vec<String> {
    let on = app.app().store.read();
    let sql = format!(
        "SELECT reason FROM audit WHERE rule = 'installation' AND site_id = {site} ORDER BY id DESC"
    );
    let statement = Statement::from_string(on.get_database_backend(), sql);
    let rows = on.query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

both_databases! {
    async fn whoever_calls_is_installed(database: Database) {
        let (app, jira) = world(database).await;
        let caller = Caller::new("a", CLOUD);
        caller.hour(&app, &jira, Some(&token("first", now_s() + 7200))).await;
        let site = caller.site(&app).await;
        assert_eq!((site.state, site.cloud_id.as_deref()), (SiteState::Installed, Some(CLOUD)));
        let forge = site.forge.clone().unwrap();
        assert_eq!(forge.api_base_url, format!("{}/ex/jira/{CLOUD}", jira.own_url()));
        assert_eq!((forge.environment_type.as_str(), forge.app_version.as_str()), ("PRODUCTION", "1.0.0"));
        assert!(forge.valid_token(app.app().clock.now_ms()).is_some());
        assert_eq!(told_of(&app, site.id).await, ["Forge installed the app on a new site."]);
        let found = app.app().sites.find(CLOUD).await.unwrap().unwrap();
        assert_eq!(found.id, site.id);

        let upgraded = Caller { version: "2.1.0", ..caller.clone() };
        for _ in 0..3 {
            upgraded.knock(&app, &jira, "/forge/events/lifecycle", None).await;
        }
        let after = upgraded.site(&app).await;
        assert_eq!((after.id, after.forge.clone().unwrap().app_version.as_str()), (site.id, "2.1.0"));
        assert_eq!(app.app().sites.list().await.unwrap().len(), 1);
    }

    async fn a_reinstallation_finds_its_data_and_the_old_token_is_gone(database: Database) {
        let (app, jira) = world(database).await;
        let first = Caller::new("a", CLOUD);
        first.hour(&app, &jira, Some(&token("first", now_s() + 7200))).await;
        let site = first.site(&app).await;
        hear(&app, site.id, &Issue::new(10042, "SHOP-42"), 1_800_000_000_000).await;

        let second = first.again("b");
        second.hour(&app, &jira, None).await;
        let after = second.site(&app).await;
        let forge = after.forge.clone().unwrap();
        assert_eq!((after.id, forge.installation_id.as_str()), (site.id, second.installation.as_str()));
        assert!(forge.system_token.is_none(), "the token of one installation is never another's");
        let on = app.app().store.read();
        assert!(issues::by_key(on, site.id, "SHOP-42").await.unwrap().is_some());
        let old = installations::by_id(on, &first.installation).await.unwrap().unwrap();
        assert_eq!((old.state, old.sealed_token), (InstallationState::Replaced, None));

        first.hour(&app, &jira, Some(&token("late", now_s() + 9000))).await;
        let still = second.site(&app).await.forge.clone().unwrap();
        assert_eq!(still.installation_id, second.installation, "last words change nothing");
        assert!(still.system_token.is_none());
        let told = told_of(&app, site.id).await;
        assert_eq!(told[0], "The app was installed again; the site has its data back.");
    }

    async fn another_environment_or_jira_is_another_site(database: Database) {
        let (app, jira) = world(database).await;
        let production = Caller::new("a", CLOUD);
        let development = Caller { environment: "DEVELOPMENT", ..production.again("b") };
        let elsewhere = Caller::new("c", "99999999-2222-4333-8444-555555555555");
        let mut ids = Vec::new();
        for caller in [&production, &development, &elsewhere] {
            caller.hour(&app, &jira, None).await;
            ids.push(caller.site(&app).await.id);
        }
        ids.dedup();
        assert_eq!(ids.len(), 3);
        let find = async |text: String| app.app().sites.find(&text).await.unwrap().unwrap().id;
        assert_eq!(find(CLOUD.to_owned()).await, ids[0]);
        assert_eq!(find(format!("{CLOUD}/development")).await, ids[1]);
        let again = Caller { environment: "DEVELOPMENT", ..development.again("d") };
        again.hour(&app, &jira, None).await;
        assert_eq!(again.site(&app).await.id, ids[1]);
    }

    async fn many_calls_at_once_make_one_site(database: Database) {
        let (app, jira) = world(database).await;
        let (other, running) = app.replica().await;
        let caller = Caller::new("a", CLOUD);
        let calls = (0..12).map(|n| {
            let base = if n % 2 == 0 { &app.base } else { &other };
            let request = app.http.post(format!("{base}/forge/scheduled/hourly"));
            request.bearer_auth(jira.sign_fit(&caller.claims(&jira))).send()
        });
        for answer in futures_util::future::join_all(calls).await {
            assert_eq!(answer.unwrap().status(), 204);
        }
        assert_eq!(app.app().sites.list().await.unwrap().len(), 1);
        running.stop().await.unwrap();
    }

    async fn a_removal_drops_the_token_and_keeps_the_data_for_who_comes_back(database: Database) {
        let (app, jira) = world(database).await;
        let caller = Caller::new("a", CLOUD);
        let fresh = token("fresh", now_s() + 7200);
        caller.hour(&app, &jira, Some(&fresh)).await;
        for _ in 0..2 {
            caller.knock(&app, &jira, "/forge/events/pre-uninstall", Some(&fresh)).await;
        }
        let gone = caller.site(&app).await;
        assert_eq!((gone.state, gone.is_enabled), (SiteState::Uninstalled, false));
        assert!(gone.forge.is_none());
        let on = app.app().store.read();
        let kept = installations::by_id(on, &caller.installation).await.unwrap().unwrap();
        assert_eq!((kept.state, kept.sealed_token), (InstallationState::Removed, None));

        caller.hour(&app, &jira, Some(&fresh)).await;
        assert_eq!(caller.site(&app).await.state, SiteState::Uninstalled, "an event that was on its way");

        turn(&app, &format!("UPDATE installation SET ended_ms = ended_ms - {}", 11 * MINUTE_MS)).await;
        caller.hour(&app, &jira, Some(&fresh)).await;
        let alive = caller.site(&app).await;
        assert_eq!((alive.state, alive.is_enabled), (SiteState::Installed, true), "it was not removed after all");

        caller.knock(&app, &jira, "/forge/events/pre-uninstall", None).await;
        let back = caller.again("b");
        back.hour(&app, &jira, Some(&fresh)).await;
        let site = back.site(&app).await;
        assert_eq!((site.id, site.state), (gone.id, SiteState::Installed));
    }

    async fn forge_comes_to_the_site_that_connect_knows(database: Database) {
        let (app, jira) = world(database).await;
        let connect = Site::new("acme");
        install_connect(&app, &connect, json!({ "cloudId": CLOUD })).await;
        let before = by_client_key(&app, &connect).await;
        let staging = Caller { environment: "STAGING", ..Caller::new("s", CLOUD) };
        staging.hour(&app, &jira, None).await;
        assert_ne!(staging.site(&app).await.id, before.id, "only production has a Connect half");

        let caller = Caller::new("a", CLOUD);
        caller.hour(&app, &jira, None).await;
        let site = caller.site(&app).await;
        assert_eq!(site.id, before.id);
        assert!(site.secret.is_some() && site.forge.is_some());

        assert_eq!(app.lifecycle(&connect, "uninstalled").await.status(), 204);
        let left = caller.site(&app).await;
        assert_eq!((left.state, left.secret.is_none()), (SiteState::Installed, true), "Connect's half left alone");
        install_connect(&app, &connect, json!({})).await;
        caller.knock(&app, &jira, "/forge/events/pre-uninstall", None).await;
        let left = by_client_key(&app, &connect).await;
        assert_eq!((left.state, left.forge.is_none()), (SiteState::Installed, true), "Forge's half left alone");
        assert_eq!(app.lifecycle(&connect, "uninstalled").await.status(), 204);
        assert_eq!(by_client_key(&app, &connect).await.state, SiteState::Uninstalled);
    }

    async fn administrators_see_how_the_installation_is(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_for_forge(database, &jira).await;
        jira.install(&app.base).await.unwrap();
        jira.set_enabled(false).await.unwrap();
        jira.install_forge(&app.base).await.unwrap();
        let site = app.app().sites.by_client_key(&jira.client_key()).await.unwrap().unwrap();
        assert!(site.forge.is_some() && site.is_enabled, "Forge brings the app back");
        assert_eq!(app.app().sites.list().await.unwrap().len(), 1);

        let look = async || {
            let get = reqwest::Method::GET;
            let answer = app.call_from_page(&jira, accounts::ADMIN, None, get, "/ui/admin/health", None).await;
            assert_eq!(answer.status(), 200);
            answer.text().await.unwrap()
        };
        let said = look().await;
        assert!(said.contains("production, version 1.0.0") && said.contains("token good until"), "{said}");
        let secret = jira.system_token().unwrap();
        assert!(!said.contains(&secret));
        turn(&app, "UPDATE installation SET token_expires_ms = 1000").await;
        assert!(look().await.contains("no valid token"));
    }

    async fn connect_names_the_installation_and_comes_to_its_site(database: Database) {
        let (app, jira) = world(database).await;
        let caller = Caller { environment: "DEVELOPMENT", ..Caller::new("a", CLOUD) };
        caller.hour(&app, &jira, Some(&token("t", now_s() + 7200))).await;
        let forge = caller.site(&app).await;
        report(&app, forge.id, "pays").await;

        let connect = Site::new("acme");
        install_connect(&app, &connect, json!({ "installationId": caller.installation })).await;
        let site = caller.site(&app).await;
        assert_eq!((site.id, site.client_key.as_deref()), (forge.id, Some(connect.client_key.as_str())));
        assert_eq!(site.base_url.as_deref(), Some(connect.base_url.as_str()));
        let event = json!({ "webhookEvent": "user_updated", "timestamp": 1_800_000_000_000_i64 });
        assert_eq!(app.deliver(&connect, "1", &event).await.status(), 204, "the secret opens in its new place");
        assert_eq!(app.app().sites.list().await.unwrap().len(), 1);
    }

    async fn what_the_forge_half_heard_is_applied_to_the_whole(database: Database) {
        let (app, jira) = world(database).await;
        let mut connect = Site::new("acme");
        connect.base_url = jira.base_url();
        install_connect(&app, &connect, json!({})).await;
        let whole = eventually("the site says what Atlassian calls it", async || {
            let site = by_client_key(&app, &connect).await;
            site.cloud_id.is_some().then_some(site)
        })
        .await;
        assert_eq!(whole.cloud_id.as_deref(), Some(jira.cloud_id().as_str()));
        report(&app, whole.id, "pays").await;
        turn(&app, "UPDATE site SET cloud_id = NULL").await;

        let caller = Caller::new("a", &jira.cloud_id());
        caller.hour(&app, &jira, Some(&token("t", now_s() + 7200))).await;
        let half = caller.site(&app).await;
        assert_ne!(half.id, whole.id, "nothing says that they are one");
        hear(&app, half.id, &Issue::new(10042, "SHOP-42"), 1_800_000_000_000).await;
        assert!(issues::by_key(app.app().store.read(), whole.id, "SHOP-42").await.unwrap().is_none());

        install_connect(&app, &connect, json!({ "cloudId": jira.cloud_id() })).await;
        app.applied().await;
        let site = caller.site(&app).await;
        assert_eq!(site.id, whole.id);
        assert!(site.forge.as_ref().unwrap().system_token.is_some(), "the token came along");
        let on = app.app().store.read();
        let heard = issues::by_key(on, whole.id, "SHOP-42").await.unwrap().unwrap();
        assert_eq!(heard.snapshot.status.name, "Done");
        assert!(app.app().sites.by_id(half.id).await.unwrap().is_none());
        assert!(told_of(&app, whole.id).await.iter().any(|said| said.contains("is now part of site")));
    }

    async fn what_still_reached_a_half_is_moved_after_it(database: Database) {
        let (app, jira) = world(database).await;
        let connect = Site::new("acme");
        install_connect(&app, &connect, json!({})).await;
        let whole = by_client_key(&app, &connect).await;
        report(&app, whole.id, "pays").await;
        let caller = Caller::new("a", CLOUD);
        caller.hour(&app, &jira, None).await;
        let half = caller.site(&app).await;
        install_connect(&app, &connect, json!({ "installationId": caller.installation })).await;
        assert_eq!(caller.site(&app).await.id, whole.id);

        hear(&app, half.id, &Issue::new(10043, "SHOP-43"), 1_800_000_000_000).await;
        assert!(issues::by_key(app.app().store.read(), whole.id, "SHOP-43").await.unwrap().is_none());
        turn(&app, "UPDATE outbox SET ready_ms = 0 WHERE kind = 'absorb'").await;
        app.app().outbox_filled.notify_one();
        eventually("the straggler is applied to the whole", async || {
            issues::by_key(app.app().store.read(), whole.id, "SHOP-43").await.unwrap()
        })
        .await;
    }

    async fn two_halves_with_tests_are_kept_apart_and_it_is_said(database: Database) {
        let (app, jira) = world(database).await;
        let connect = Site::new("acme");
        install_connect(&app, &connect, json!({})).await;
        let first = by_client_key(&app, &connect).await;
        report(&app, first.id, "pays").await;
        let caller = Caller::new("a", CLOUD);
        caller.hour(&app, &jira, None).await;
        let second = caller.site(&app).await;
        report(&app, second.id, "refunds").await;

        install_connect(&app, &connect, json!({ "installationId": caller.installation })).await;
        let apart = [by_client_key(&app, &connect).await.id, caller.site(&app).await.id];
        assert_eq!(apart, [first.id, second.id]);
        let found = halves::apart(app.app().store.read()).await.unwrap();
        assert_eq!(found, [(first.id, second.id)]);
        for site in apart {
            assert!(told_of(&app, site).await.iter().any(|said| said.contains("are kept apart")));
        }
    }

    async fn a_property_of_jira_tells_who_the_site_was_to_connect(database: Database) {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("manifest.yml");
        std::fs::write(&manifest, CONNECT_ON_FORGE).unwrap();
        let forge = ForgeOptions { manifest: Some(manifest), ..ForgeOptions::default() };
        let jira = Standin::start(Options { forge, ..Options::default() }).await.unwrap();
        let app = TestApp::spawn_for_forge(database, &jira).await;
        jira.install(&app.base).await.unwrap();
        let whole = app.app().sites.by_client_key(&jira.client_key()).await.unwrap().unwrap();
        report(&app, whole.id, "pays").await;
        turn(&app, "UPDATE site SET cloud_id = NULL").await;

        jira.install_forge(&app.base).await.unwrap();
        let installation = jira.installation_id().unwrap();
        let joined = eventually("both halves are one", async || {
            let site = app.app().sites.by_installation(&installation).await.unwrap();
            if let Some(site) = &site {
                app.app().sites.forget(site.id).await;
            }
            site.filter(|site| site.id == whole.id)
        })
        .await;
        assert!(joined.secret.is_some() && joined.forge.is_some());
    }

    async fn the_address_for_people_is_asked_for_and_follows_a_rename(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on_forge(database, &jira).await;
        let installation = jira.installation_id().unwrap();
        let look = async || {
            let site = app.app().sites.by_installation(&installation).await.unwrap()?;
            app.app().sites.forget(site.id).await;
            (!site.link_base().is_empty()).then(|| site.link_base().to_owned())
        };
        assert_eq!(eventually("the address is learnt", look).await, jira.base_url());

        let module = jira.module_key("jira:adminPage").unwrap();
        let mut claims = jira.page_claims(&module, accounts::ADMIN, None).unwrap();
        claims["context"]["siteUrl"] = json!("https://acme-new.atlassian.net");
        let get = reqwest::Method::GET;
        app.call_with_fit(get, "/ui/admin/health", &jira.sign_fit(&claims), None).await;
        assert_eq!(look().await.as_deref(), Some("https://acme-new.atlassian.net"));
    }

    async fn the_hour_makes_up_for_what_was_not_heard(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on_forge(database, &jira).await;
        let silent = Settings { events: Some(std::collections::BTreeSet::new()), ..Settings::default() };
        jira.set_forge(silent);
        let missed = jira.create_issue(accounts::DEVELOPER, "SHOP", "Story", "Missed", &json!({})).unwrap();
        jira.call_hourly().unwrap();
        let installation = jira.installation_id().unwrap();
        let site = app.app().sites.by_installation(&installation).await.unwrap().unwrap();
        let found = eventually("the missed issue is in the mirror", async || {
            issues::by_key(app.app().store.read(), site.id, &missed.key).await.unwrap()
        })
        .await;
        assert_eq!(found.snapshot.summary, "Missed");
        jira.call_hourly().unwrap();
        jira.settle().await.unwrap();
        let open = outbox::counts(app.app().store.read(), Some(site.id)).await.unwrap();
        assert_eq!(open.parked, 0);
    }
}
