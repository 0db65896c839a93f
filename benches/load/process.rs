//! Programs under measurement: the product, and the bare servers it is compared with.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::{Answer, Connection};
use super::database::Database;
use super::site::{KeyHost, Site};

/// 32 bytes in base64; worth nothing outside a bench.
const SECRET_KEY: &str = "dG91Y2hzdG9uZS1iZW5jaC1rZXktMDEyMzQ1Njc4OTA=";
const PRODUCT: &str = env!("CARGO_BIN_EXE_touchstone");
/// The longest anything is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running program that answers on a port; killed when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    pub port: u16,
    /// From its start to its first answer.
    pub start: Duration,
}

impl Program {
    /// Starts a command and asks `path` until it answers 200.
    async fn start(mut command: Command, port: u16, path: &str) -> Self {
        let since = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut program = Self {
            child,
            port,
            start: Duration::ZERO,
        };
        while program.get(path).await.map_or(0, |answer| answer.status) != 200 {
            assert!(since.elapsed() < PATIENCE, "{command:?} does not answer");
            let ended = program.child.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended: {ended:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        program.start = since.elapsed();
        program
    }

    /// Starts the product on a database, on a port of its choice or the one given.
    pub async fn product(database: &Database, keys: &KeyHost, port: Option<u16>) -> Self {
        Self::product_with(database, keys, port, &[]).await
    }

    /// The same, with further options.
    pub async fn product_with(
        database: &Database,
        keys: &KeyHost,
        port: Option<u16>,
        options: &[&str],
    ) -> Self {
        let port = port.unwrap_or_else(free_port);
        let mut command = Command::new(PRODUCT);
        command
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .args(["--base-url", &format!("http://127.0.0.1:{port}")])
            .args(["--database-url", &database.url])
            .args(["--secret-key", SECRET_KEY, "--key-host", &keys.url])
            .args(options);
        Self::start(command, port, "/health/ready").await
    }

    /// Starts this very binary as one of the bare servers.
    pub async fn bare(server: &str, database: &Database) -> Self {
        let port = free_port();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["bare", server, &port.to_string(), &database.url]);
        Self::start(command, port, "/").await
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks for a page once, over a connection of its own.
    async fn get(&self, path: &str) -> std::io::Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        Connection::open(self.port)
            .await?
            .exchange(request.as_bytes())
            .await
    }

    /// What `/health/ready` says of the queue of events.
    async fn waiting(&self) -> Value {
        let mut connection = Connection::open(self.port).await.unwrap();
        let request = b"GET /health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        connection.exchange(request).await.unwrap();
        let health: Value = serde_json::from_slice(connection.body()).unwrap();
        health["inbox"]["waiting"].clone()
    }

    /// Waits until every accepted event is applied; returns how long that took.
    pub async fn applied(&self) -> Duration {
        let since = Instant::now();
        while self.waiting().await != 0 {
            assert!(since.elapsed() < PATIENCE, "the backlog is never applied");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        since.elapsed()
    }

    /// SIGKILL: nothing is flushed, nothing is given up.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Installs the app on a site, as Jira does.
    pub async fn install(&self, keys: &KeyHost, site: &Site) {
        let http = reqwest::Client::new();
        let descriptor = format!("{}/atlassian-connect.json", self.base());
        let descriptor: Value = http
            .get(descriptor)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let token = keys.install_token(site, &self.base(), "/connect/installed");
        let answer = http
            .post(format!("{}/connect/installed", self.base()))
            .header("Authorization", format!("JWT {token}"))
            .json(&site.lifecycle_body(descriptor["key"].as_str().unwrap(), "installed"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 204);
    }

    /// Runs a command of the product on a database to its end.
    pub fn command(database: &Database, arguments: &[&str]) {
        let mut command = Command::new(PRODUCT);
        command
            .args(arguments)
            .args(["--database-url", &database.url]);
        let done = command.stdout(Stdio::null()).status().unwrap();
        assert!(done.success(), "{command:?}");
    }

    /// An API client's token, made by the product's command.
    pub fn api_token(database: &Database, site: &Site) -> String {
        let made = Command::new(PRODUCT)
            .args([
                "api-client",
                "create",
                "--site",
                &site.client_key,
                "--name",
                "bench",
            ])
            .args(["--database-url", &database.url])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
