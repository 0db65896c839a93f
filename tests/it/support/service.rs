//! A running service for one test.

use std::net::TcpListener;

use clap::Parser;
use serde_json::{Value, json};
use touchstone::clock::Clock;
use touchstone::config::Config;
use touchstone::startup::{self, Role, Running};

use super::database::Database;
use super::eventually;
use super::site::{KeyHost, Site};

/// 32 bytes in base64; worth nothing outside a test.
pub const SECRET_KEY: &str = "dG91Y2hzdG9uZS10ZXN0LWtleS0wMTIzNDU2Nzg5YWI=";

/// A running service with its own database, on a free port, and what signs for it.
#[derive(Debug)]
pub struct TestApp {
    pub base: String,
    pub http: reqwest::Client,
    pub keys: KeyHost,
    pub config: Config,
    pub running: Option<Running>,
    pub database: Database,
}

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    config: Config,
}

impl TestApp {
    pub async fn spawn(database: Database) -> Self {
        Self::spawn_with(database, &[]).await
    }

    /// Starts the service with further options of `touchstone serve`.
    pub async fn spawn_with(database: Database, options: &[&str]) -> Self {
        let keys = KeyHost::start();
        let key_host = keys.url.clone();
        Self::spawn_trusting(database, keys, &key_host, options).await
    }

    /// Starts the service and installs it on a stand-in Jira, which it calls from then on.
    pub async fn spawn_on(database: Database, jira: &jira_standin::Standin) -> Self {
        Self::spawn_on_with(database, jira, &[]).await
    }

    /// The same with further options of `touchstone serve`.
    pub async fn spawn_on_with(
        database: Database,
        jira: &jira_standin::Standin,
        options: &[&str],
    ) -> Self {
        let options = [&["--insecure-sites", "true"], options].concat();
        let app = Self::spawn_trusting_site(database, jira, &options).await;
        jira.install(&app.base).await.unwrap();
        app
    }

    /// Starts the service so that a stand-in Jira may install it.
    pub(super) async fn spawn_trusting_site(
        database: Database,
        jira: &jira_standin::Standin,
        options: &[&str],
    ) -> Self {
        Self::spawn_trusting(database, KeyHost::start(), &jira.key_host(), options).await
    }

    async fn spawn_trusting(
        database: Database,
        keys: KeyHost,
        key_host: &str,
        options: &[&str],
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let connections = if database.is_sqlite() { "4" } else { "6" };
        let own = [
            "touchstone",
            "--base-url",
            &base,
            "--database-url",
            &database.url,
            "--database-connections",
            connections,
            "--secret-key",
            SECRET_KEY,
            "--key-host",
            key_host,
            "--threads",
            "2",
        ];
        let mut config = Options::parse_from(own.iter().chain(options)).config;
        // A test that wants to be compared with its Jira asks for it.
        config.reconcile.minutes = 0;
        let running = start(&config, listener).await;
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            base,
            http,
            keys,
            config,
            running: Some(running),
            database,
        }
    }

    /// What the service's requests and workers share.
    pub fn app(&self) -> &touchstone::app::App {
        &self.running.as_ref().unwrap().app
    }

    /// A second service on the same database: another replica.
    pub async fn replica(&self) -> (String, Running) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        (base, start(&self.config, listener).await)
    }

    /// Installs the app on a site, as Jira does.
    pub async fn install(&self, site: &Site) {
        let answer = self.lifecycle(site, "installed").await;
        assert_eq!(answer.status(), 204, "{}", answer.text().await.unwrap());
    }

    /// Posts a signed lifecycle callback.
    pub async fn lifecycle(&self, site: &Site, event: &str) -> reqwest::Response {
        let path = format!("/connect/{event}");
        let token = self.keys.install_token(site, &self.base, &path);
        self.http
            .post(format!("{}{path}", self.base))
            .header("Authorization", format!("JWT {token}"))
            .json(&site.lifecycle_body(&self.config.connect.app_key, event))
            .send()
            .await
            .unwrap()
    }

    /// Delivers a webhook as Jira does; `identifier` is Jira's name of the delivery.
    pub async fn deliver(&self, site: &Site, identifier: &str, body: &Value) -> reqwest::Response {
        deliver(&self.http, &self.base, site, identifier, body)
            .await
            .unwrap()
    }

    /// An API client's token for a site, made by the command's own use case.
    pub async fn api_token(&self, site: &Site) -> String {
        let app = &self.running.as_ref().unwrap().app;
        let id = touchstone::store::sites::find(app.store.read(), &site.client_key)
            .await
            .unwrap()
            .unwrap();
        let now = app.clock.now_ms();
        touchstone::app::create_api_client::create_api_client(
            &app.store,
            id.site.id,
            "tests",
            vec![],
            None,
            now,
        )
        .await
        .unwrap()
        .1
    }

    /// Asks `/api/v1` for something.
    pub async fn api_get(&self, token: &str, path: &str) -> reqwest::Response {
        self.http
            .get(format!("{}{path}", self.base))
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
    }

    /// What `/health/ready` says.
    pub async fn health(&self) -> Value {
        let url = format!("{}/health/ready", self.base);
        self.http
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Waits until no accepted event is open.
    pub async fn applied(&self) {
        eventually("every accepted event is applied", async || {
            (self.health().await["inbox"]["waiting"] == json!(0)).then_some(())
        })
        .await;
    }

    /// Stops the service in order.
    pub async fn stop(mut self) {
        self.running.take().unwrap().stop().await.unwrap();
    }
}

async fn start(config: &Config, listener: TcpListener) -> Running {
    startup::start(config.clone(), Role::All, Clock::System, listener)
        .await
        .unwrap()
}

/// Delivers a webhook to any service.
pub async fn deliver(
    http: &reqwest::Client,
    base: &str,
    site: &Site,
    identifier: &str,
    body: &Value,
) -> reqwest::Result<reqwest::Response> {
    let token = site.bound_token("POST", "/connect/webhook", Some("5b10a-person"));
    http.post(format!("{base}/connect/webhook"))
        .header("Authorization", format!("JWT {token}"))
        .header("X-Atlassian-Webhook-Identifier", identifier)
        .header("X-Atlassian-Webhook-Flow", "Primary")
        .json(body)
        .send()
        .await
}
