//! The Forge host: a Jira app without a server of its own at Atlassian, calling us instead.
//!
//! Everything Forge sends carries an invocation token ([`invocation_token`]); there is no shared
//! secret. A handler takes one of the callers of [`auth`] as an argument: the route chooses which
//! kind of invocation it takes. Without a configured app, Forge is off and its addresses say so.

use actix_web::web::{self, PayloadConfig, ServiceConfig};
use url::Url;

use crate::config::Config;

pub mod auth;
pub mod events;
pub mod invocation_token;
pub mod lifecycle;

use invocation_token::{Settings, Verifier};

/// What every Forge app's id begins with.
const APP_ID: &str = "ari:cloud:ecosystem::app/";
/// Difference between Forge's clock and ours that is forgiven, in seconds.
const LEEWAY_S: i64 = 10;

/// What the Forge edge keeps between requests; one per process, as `Data<Forge>`.
#[derive(Debug)]
pub struct Forge {
    /// None when no app is configured.
    verifier: Option<Verifier>,
}

/// Why the Forge edge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// The app's id is not one.
    #[error(
        "{0:?} is not the id of a Forge app; set TOUCHSTONE_FORGE_APP_ID to the `app.id` of the \
         manifest, which begins with {APP_ID}"
    )]
    AppId(String),
    /// The key set's address is not one that can be trusted.
    #[error(
        "{0:?} is no address to fetch keys from; set TOUCHSTONE_FORGE_JWKS_URL to an https address"
    )]
    JwksUrl(String),
    /// The HTTP client of the key set cannot be set up.
    #[error("the client for the keys of Forge cannot be set up")]
    Http(#[from] reqwest::Error),
}

impl Forge {
    /// Sets the edge up for this configuration.
    pub fn new(config: &Config) -> Result<Self, ForgeError> {
        let app_id = config.forge.app_id.as_deref().map(str::trim);
        let Some(app_id) = app_id.filter(|id| !id.is_empty()) else {
            return Ok(Self { verifier: None });
        };
        if app_id.strip_prefix(APP_ID).is_none_or(str::is_empty) {
            return Err(ForgeError::AppId(app_id.to_owned()));
        }
        let jwks_url = &config.forge.jwks_url;
        let scheme = Url::parse(jwks_url).map(|url| url.scheme().to_owned());
        match scheme.as_deref() {
            Ok("https") => {}
            Ok("http") if config.server.insecure_sites => {}
            _ => return Err(ForgeError::JwksUrl(jwks_url.clone())),
        }
        let verifier = Verifier::new(Settings {
            app_id: app_id.to_owned(),
            jwks_url: jwks_url.clone(),
            api_hosts: config.forge.api_hosts.clone(),
            allows_http: config.server.insecure_sites,
            leeway_s: LEEWAY_S,
        })?;
        Ok(Self {
            verifier: Some(verifier),
        })
    }

    /// Fetches the keys ahead of the first token; a failure is logged and made up for later.
    pub async fn load_keys(&self, now_s: i64) {
        if let Some(verifier) = &self.verifier {
            verifier.load_keys(now_s).await;
        }
    }
}

/// The routes of this edge. What the app's own pages ask for is elsewhere, under `/ui`.
pub fn routes(cfg: &mut ServiceConfig) {
    let post = |path: &str, limit| web::resource(path).app_data(PayloadConfig::new(limit));
    cfg.service(
        post("/forge/events/jira", events::BODY_LIMIT).route(web::post().to(events::receive)),
    )
    .service(
        post("/forge/events/lifecycle", lifecycle::BODY_LIMIT)
            .route(web::post().to(lifecycle::changed)),
    )
    .service(
        post("/forge/events/pre-uninstall", lifecycle::BODY_LIMIT)
            .route(web::post().to(lifecycle::leaving)),
    )
    .service(
        post("/forge/scheduled/hourly", lifecycle::BODY_LIMIT)
            .route(web::post().to(lifecycle::hourly)),
    );
}
