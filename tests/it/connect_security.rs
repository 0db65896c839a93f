//! The security table: every Connect endpoint against every way to bend a token. One sentence and a
//! 401 each time, and nothing has changed afterwards.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::web::{self, Data};
use actix_web::{HttpResponse, HttpServer};
use reqwest::Method;
use serde_json::{Value, json};
use touchstone::clock::Clock;
use touchstone::connect::Connect;
use touchstone::connect::auth::{FrameCaller, PageCaller};
use touchstone::startup;

use crate::both_databases;
use crate::support::TestApp;
use crate::support::attack::{Endpoint, Kind, Tokens, World};
use crate::support::site::{Site, now_s, qsh};

/// Two sites that have the app.
async fn sites(app: &TestApp) -> (Site, Site) {
    let (site, other) = (Site::new("acme"), Site::new("beta"));
    app.install(&site).await;
    app.install(&other).await;
    (site, other)
}

/// Asks for the caller's name, so that a handler of the test sees what a page would.
fn callers(cfg: &mut web::ServiceConfig) {
    let frame = async |caller: FrameCaller| {
        let account = caller.account_id.unwrap_or_default();
        HttpResponse::Ok().body(format!("{account} {}", caller.site.frame_ancestors()))
    };
    let page = async |caller: PageCaller| {
        HttpResponse::Ok().body(format!("{:?}", caller.page.issue_jira_id()))
    };
    cfg.route("/connect/issue", web::get().to(frame))
        .route("/ui/issue", web::get().to(page));
}

/// A server with nothing but two callers, below the path `/jira` of its address or not.
async fn caller_server(app: &TestApp, base: &str) -> String {
    let mut config = app.config.clone();
    base.clone_into(&mut config.server.base_url);
    let connect = Data::new(Connect::new(&config).unwrap());
    let shared = Data::from(Arc::new(
        startup::open(config, Clock::System).await.unwrap(),
    ));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(shared.clone())
            .app_data(connect.clone())
            .configure(callers)
            .service(web::scope("/jira").configure(callers))
    });
    tokio::spawn(
        server
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run(),
    );
    address
}

both_databases! {
    async fn the_descriptor_is_open_and_says_where_the_service_is(database: Database) {
        let app = TestApp::spawn(database).await;
        let answer = app.http.get(format!("{}/atlassian-connect.json", app.base)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["cache-control"], "no-cache");
        assert!(!answer.headers().contains_key("strict-transport-security"), "over plain http");
        let descriptor: Value = answer.json().await.unwrap();
        assert_eq!(descriptor["baseUrl"], app.base);
        assert_eq!(descriptor["key"], app.config.connect.app_key);
    }

    async fn lifecycle_and_webhooks_take_their_own_token_and_no_other(database: Database) {
        let app = TestApp::spawn(database).await;
        let base = &app.base;
        let (site, other) = sites(&app).await;
        let world = World { app: &app, site, other, base: base.clone() };
        let before = world.state().await;
        let event = json!({ "webhookEvent": "user_updated", "timestamp": 1_800_000_000_000_i64 });
        let endpoints: Vec<_> = [
            (Kind::Install, "/connect/installed"),
            (Kind::Install, "/connect/uninstalled"),
            (Kind::Webhook, "/connect/enabled"),
            (Kind::Webhook, "/connect/disabled"),
            (Kind::Webhook, "/connect/webhook"),
        ]
        .into_iter()
        .map(|(kind, path)| {
            let name = path.trim_start_matches("/connect/");
            let app_key = &world.app.config.connect.app_key;
            let mut body = world.site.lifecycle_body(app_key, name);
            body["baseUrl"] = "https://changed.atlassian.net".into();
            Endpoint {
                kind,
                method: Method::POST,
                address: format!("{base}{path}"),
                bound: path,
                body: if name == "webhook" { event.clone() } else { body },
            }
        })
        .collect();
        for endpoint in &endpoints {
            world.attack(endpoint).await;
        }
        assert_eq!(world.state().await, before);
        for n in [0, 2, 3, 4, 1] {
            world.accepts(&endpoints[n]).await;
        }
        assert_ne!(world.state().await, before);
    }

    async fn bodies_that_do_not_fit_their_token_are_refused(database: Database) {
        let app = TestApp::spawn(database).await;
        let base = &app.base;
        let (site, other) = sites(&app).await;
        let world = World { app: &app, site, other, base: base.clone() };
        let before = world.state().await;
        let app_key = &world.app.config.connect.app_key;
        let own = |event: &str| world.site.lifecycle_body(app_key, event);
        for (kind, event) in [
            (Kind::Install, "installed"),
            (Kind::Install, "uninstalled"),
            (Kind::Webhook, "enabled"),
            (Kind::Webhook, "disabled"),
        ] {
            for (field, value) in [
                ("clientKey", json!(world.other.client_key)),
                ("clientKey", json!(12)),
                ("clientKey", json!(null)),
                ("key", json!("com.example.other")),
                ("eventType", json!("something")),
                ("productType", json!("confluence")),
                ("baseUrl", json!("https://acme.atlassian.net.evil.example")),
                ("baseUrl", json!("http://127.0.0.1:1")),
                ("sharedSecret", if event == "installed" { json!("") } else { json!(1) }),
            ] {
                let path = format!("/connect/{event}");
                let mut body = own(event);
                body[field] = value;
                let endpoint = Endpoint {
                    kind, method: Method::POST, address: format!("{base}{path}"), bound: "", body,
                };
                let token = world.sign(kind, &json!({
                    "iss": world.site.client_key, "aud": base, "iat": now_s(),
                    "exp": now_s() + 180, "qsh": qsh("POST", &path),
                }));
                let tokens = Tokens { headers: vec![format!("JWT {token}")], query: vec![] };
                let answer = world.send(&endpoint, &tokens).await;
                assert_eq!(answer.status(), 401, "{event}: {}", endpoint.body);
            }
        }
        assert_eq!(world.state().await, before);
    }

    async fn only_a_verified_caller_is_told_that_its_body_is_not_json(database: Database) {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let large = "x".repeat(70_000);
        for (event, body, status) in [
            ("installed", "{", 400),
            ("uninstalled", "", 400),
            ("enabled", "<xml/>", 400),
            ("installed", "[]", 401),
            ("installed", large.as_str(), 413),
        ] {
            let path = format!("/connect/{event}");
            let token = if event == "enabled" {
                site.bound_token("POST", &path, None)
            } else {
                app.keys.install_token(&site, &app.base, &path)
            };
            let request = || app.http.post(format!("{}{path}", app.base)).body(body.to_owned());
            let signed = request().header("Authorization", format!("JWT {token}"));
            let answer = signed.send().await.unwrap();
            assert_eq!(answer.status(), status, "{event} {body:.10}");
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            assert_eq!(request().send().await.unwrap().status(), 401);
        }
    }

    async fn frames_and_their_pages_take_their_own_token_and_no_other(database: Database) {
        let app = TestApp::spawn(database).await;
        let (site, other) = sites(&app).await;
        for (base, prefix) in [
            ("https://app.example.com", ""),
            ("https://app.example.com/jira", ""),
            ("https://app.example.com/jira", "/jira"),
        ] {
            let address = caller_server(&app, base).await;
            let endpoints = [
                (Kind::Frame, "/connect/issue?issueId=10042&issueKey=SHOP-7"),
                (Kind::Page, "/ui/issue"),
            ]
            .map(|(kind, bound)| Endpoint {
                kind,
                method: Method::GET,
                address: format!("{address}{prefix}{bound}"),
                bound,
                body: Value::Null,
            });
            let world = World {
                app: &app,
                site: site.clone(),
                other: other.clone(),
                base: base.to_owned(),
            };
            for endpoint in &endpoints {
                world.attack(endpoint).await;
                world.accepts(endpoint).await;
            }
        }
    }
}
