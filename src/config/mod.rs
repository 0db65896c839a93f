//! Configuration: one struct per area, every value an option of `touchstone serve` and an
//! environment variable.
//!
//! Each field's comment names the default, the unit and the consequence; the table in README.md is
//! made from them (`touchstone serve --help` shows the same). Secrets also come from files. A
//! variable that begins with `TOUCHSTONE_` and is not known is an error: a misspelt setting must
//! not be a silent default.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

pub mod environment;

/// Everything `touchstone serve` can be told.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// The listener and the address others know us by.
    #[command(flatten)]
    pub server: Server,
    /// The database.
    #[command(flatten)]
    pub database: Database,
    /// How long things are kept.
    #[command(flatten)]
    pub retention: Retention,
    /// The key that seals secrets at rest.
    #[command(flatten)]
    pub secrets: Secrets,
    /// Calls to Jira.
    #[command(flatten)]
    pub jira: Jira,
    /// Sites that installed through Atlassian Connect.
    #[command(flatten)]
    pub connect: Connect,
    /// Sites that installed through Forge.
    #[command(flatten)]
    pub forge: Forge,
    /// Finding events that were lost.
    #[command(flatten)]
    pub reconcile: Reconcile,
}

/// The listener and the address others know us by.
#[derive(Debug, Clone, Args)]
pub struct Server {
    /// Address and port to listen on
    #[arg(long, env = "TOUCHSTONE_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Address and port for `/metrics` alone; without it `/metrics` is on the main listener, for
    /// whoever reaches that
    #[arg(long, env = "TOUCHSTONE_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// The address Jira and people reach the service by; https in production. Tokens are bound to
    /// it, so it must be the very address in the installed descriptor, path included
    #[arg(
        long,
        env = "TOUCHSTONE_BASE_URL",
        default_value = "http://127.0.0.1:8080"
    )]
    pub base_url: String,
    /// Allow plain http and loopback addresses for Jira sites: for tests and the demo only
    #[arg(long, env = "TOUCHSTONE_INSECURE_SITES", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub insecure_sites: bool,
    /// Requests an API client may make in a minute, counted by each process; 0 is no limit
    #[arg(
        long,
        env = "TOUCHSTONE_API_REQUESTS_PER_MINUTE",
        default_value_t = 6_000
    )]
    pub api_requests_per_minute: u32,
    /// Threads that answer requests; 0 takes one per processor
    #[arg(long, env = "TOUCHSTONE_THREADS", default_value_t = 0)]
    pub threads: usize,
}

/// The database.
#[derive(Debug, Clone, Args)]
pub struct Database {
    /// `sqlite://FILE?mode=rwc` or `postgres://USER:PASSWORD@HOST/NAME`
    #[arg(
        long = "database-url",
        env = "TOUCHSTONE_DATABASE_URL",
        default_value = "sqlite://touchstone.db?mode=rwc",
        hide_env_values = true
    )]
    pub url: String,
    /// Connections kept open at the most, per process, half of them for reading; SQLite writes
    /// through one
    #[arg(
        long = "database-connections",
        env = "TOUCHSTONE_DATABASE_CONNECTIONS",
        default_value_t = 16
    )]
    pub connections: u32,
}

/// How long things are kept.
#[derive(Debug, Clone, Args)]
pub struct Retention {
    /// Months of which runs are kept beside the current one, by when their execution was made; older
    /// executions are deleted with their runs, on every site. Without it they are kept for good
    #[arg(long, env = "TOUCHSTONE_KEEP_RUNS_MONTHS", value_parser = clap::value_parser!(u16).range(1..))]
    pub keep_runs_months: Option<u16>,
}

/// The key that seals secrets at rest.
#[derive(Debug, Clone, Args)]
pub struct Secrets {
    /// 32 bytes in base64 that seal secrets in the database; several, separated by commas, while a
    /// key is being replaced: the first seals, all open
    #[arg(long, env = "TOUCHSTONE_SECRET_KEY", hide_env_values = true)]
    pub secret_key: Option<SecretString>,
    /// A file that holds the same
    #[arg(
        long,
        env = "TOUCHSTONE_SECRET_KEY_FILE",
        conflicts_with = "secret_key"
    )]
    pub secret_key_file: Option<PathBuf>,
}

/// Calls to Jira.
#[derive(Debug, Clone, Args)]
pub struct Jira {
    /// Points Jira Cloud gives the app for an hour, over all sites. Work nobody waits for leaves a
    /// tenth of them, and a site what others need
    #[arg(
        long = "jira-points-per-hour",
        env = "TOUCHSTONE_JIRA_POINTS_PER_HOUR",
        default_value_t = 65_000
    )]
    pub points_per_hour: u64,
}

/// Sites that installed through Atlassian Connect.
#[derive(Debug, Clone, Args)]
pub struct Connect {
    /// The app's key: it names the app on every site and never changes
    #[arg(
        long,
        env = "TOUCHSTONE_CONNECT_APP_KEY",
        default_value = "io.touchstone.jira"
    )]
    pub app_key: String,
    /// Where the public keys of signed installs are fetched from
    #[arg(
        long,
        env = "TOUCHSTONE_CONNECT_KEY_HOST",
        default_value = "https://connect-install-keys.atlassian.com"
    )]
    pub key_host: String,
    /// Host name endings a Jira site may have, separated by commas
    #[arg(
        long,
        env = "TOUCHSTONE_CONNECT_SITE_SUFFIXES",
        default_value = ".atlassian.net",
        value_delimiter = ','
    )]
    pub site_suffixes: Vec<String>,
    /// The script that joins our frames to the Jira page; leave it, except against a stand-in
    #[arg(
        long,
        env = "TOUCHSTONE_CONNECT_BRIDGE_URL",
        default_value = "https://connect-cdn.atl-paas.net/all.js"
    )]
    pub bridge_url: String,
}

/// Sites that installed through Forge.
#[derive(Debug, Clone, Args)]
pub struct Forge {
    /// The Forge app's id (`ari:cloud:ecosystem::app/…`); without it Forge is off
    #[arg(long, env = "TOUCHSTONE_FORGE_APP_ID")]
    pub app_id: Option<String>,
    /// Where the keys of Forge's tokens are fetched from
    #[arg(
        long,
        env = "TOUCHSTONE_FORGE_JWKS_URL",
        default_value = "https://forge.cdn.prod.atlassian-dev.net/.well-known/jwks.json"
    )]
    pub jwks_url: String,
    /// Hosts a Forge token may send us to, separated by commas
    #[arg(
        long,
        env = "TOUCHSTONE_FORGE_API_HOSTS",
        default_value = "api.atlassian.com",
        value_delimiter = ','
    )]
    pub api_hosts: Vec<String>,
}

/// Finding events that were lost.
#[derive(Debug, Clone, Args)]
pub struct Reconcile {
    /// Minutes between two searches for changes that Jira did not tell of, an hour at the least on
    /// sites that only Forge reaches; once a day deleted issues are looked for too. 0 compares only
    /// when an administrator asks for it, and does not read the issues there were before
    #[arg(
        long = "reconcile-minutes",
        env = "TOUCHSTONE_RECONCILE_MINUTES",
        default_value_t = 5,
        value_parser = clap::value_parser!(u16).range(..=1_440)
    )]
    pub minutes: u16,
}

/// Logging; every command takes it.
#[derive(Debug, Clone, Args)]
pub struct Telemetry {
    /// What is logged: a level, or `target=level` pairs as tracing's filters have them
    #[arg(long, env = "TOUCHSTONE_LOG", default_value = "info", global = true)]
    pub log: String,
    /// How it is logged
    #[arg(long, env = "TOUCHSTONE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}
