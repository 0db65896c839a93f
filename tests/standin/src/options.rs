//! How a site is started.

use std::path::PathBuf;

use crate::forge::ForgeOptions;

/// What the site begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Seed {
    /// People, projects, versions and sprints, but no issue.
    Empty,
    /// A web shop's backlog besides; SHOP-7 is its main story.
    #[default]
    Sample,
}

/// How the app comes to the site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Host {
    /// From its Connect descriptor.
    #[default]
    Connect,
    /// From its Forge manifest.
    Forge,
    /// First the one, then the other.
    Both,
}

/// How a site is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 takes any free one.
    pub listen: String,
    /// The site's own address as others see it; from `listen`, if absent.
    pub base_url: Option<String>,
    /// The app to install as soon as it answers.
    pub app_url: Option<String>,
    /// How the app comes to the site.
    pub host: Host,
    /// What the site begins with.
    pub seed: Seed,
    /// `node_modules` with the published bridge, for the pages.
    pub bridge_dir: Option<PathBuf>,
    /// The least and the most milliseconds before a delivery is tried again. Jira waits 5 to 15
    /// minutes; the default is made for tests. After five retries a delivery is lost, so an app
    /// that is killed and started again needs a wait longer than a fifth of its absence.
    pub retry_delay_ms: (u64, u64),
    /// How long the site waits for an answer of the app, in milliseconds.
    pub webhook_timeout_ms: u64,
    /// Whether Jira's rate limits hold.
    pub enforce_limits: bool,
    /// Points the app has for an hour.
    pub points_per_hour: u64,
    /// The Forge side.
    pub forge: ForgeOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0".to_owned(),
            base_url: None,
            app_url: None,
            host: Host::default(),
            seed: Seed::default(),
            bridge_dir: None,
            retry_delay_ms: (50, 200),
            webhook_timeout_ms: 10_000,
            enforce_limits: true,
            points_per_hour: 65_000,
            forge: ForgeOptions::default(),
        }
    }
}
