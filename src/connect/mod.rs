//! The Atlassian Connect host: descriptor, lifecycle, and who is calling.
//!
//! A handler takes one of the callers of [`auth`] as an argument: the route chooses the kind of
//! token, the token never chooses the rules. What is verified here is who speaks; what a person may
//! do is asked of Jira elsewhere.

use actix_web::web::{self, ServiceConfig};

use crate::config::Config;
use crate::jira::qsh;

pub mod auth;
pub mod descriptor;
pub mod install_keys;
pub mod lifecycle;
pub mod token;
pub mod webhook;

use install_keys::InstallKeys;

/// What the Connect edge keeps between requests; one per process, as `Data<Connect>`.
#[derive(Debug)]
pub struct Connect {
    /// Our address, without a slash at its end: what tokens name as their audience.
    base_url: String,
    /// The path of our address, which is no part of what tokens are bound to.
    base_path: String,
    keys: InstallKeys,
    descriptor: String,
}

/// Why the Connect edge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The HTTP client of the key host cannot be set up.
    #[error("the client for Atlassian's key host cannot be set up")]
    Http(#[from] reqwest::Error),
    /// The descriptor cannot be made.
    #[error(transparent)]
    Descriptor(#[from] descriptor::DescriptorError),
}

impl Connect {
    /// Sets the edge up for this configuration.
    pub fn new(config: &Config) -> Result<Self, ConnectError> {
        let base_url = config.server.base_url.trim_end_matches('/').to_owned();
        Ok(Self {
            base_path: qsh::base_path(&base_url).to_owned(),
            keys: InstallKeys::new(&config.connect.key_host)?,
            descriptor: descriptor::render(&base_url, &config.connect.app_key)?,
            base_url,
        })
    }

    /// The path of our address, without a slash at its end; empty for a bare origin.
    #[must_use]
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// The hash that a token for this request carries.
    fn qsh(&self, request: &actix_web::HttpRequest) -> String {
        let target = request
            .uri()
            .path_and_query()
            .map_or("/", |target| target.as_str());
        qsh::hash(request.method().as_str(), target, &self.base_path)
    }
}

/// The routes of this edge: the descriptor and the lifecycle.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/atlassian-connect.json", web::get().to(descriptor::show));
    lifecycle::routes(cfg);
}
