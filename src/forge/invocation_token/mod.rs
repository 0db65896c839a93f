//! The Forge Invocation Token (FIT): who invoked us, for which installation, from which module.
//!
//! Nothing here knows Touchstone: the module is written so that it could be a crate of its own, and
//! a test keeps it so. [`Verifier::verify`] is the one way in, and [`Invocation`] holds nothing that
//! was not signed. What is signed is not therefore checked by Jira: see [`PageContext::extension`].
//! The order of checks matters; before editing, read them from top to bottom in `verify`. Nothing a
//! token says ever chooses an address to fetch from or an algorithm to verify with.
//!
//! Source: <https://developer.atlassian.com/platform/forge/remote/essentials/> (read 2026-08-22).

mod claims;
mod jwks;
mod keys;
mod token;

use std::sync::Arc;

use claims::Claims;
use keys::{Keys, NoKey};
use token::Parts;

/// The module type of every invocation that does not come from a page: events, lifecycle, schedules.
pub const ENDPOINT_MODULE: &str = "core:endpoint";

/// What tokens are held against.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The app's ARI, `ari:cloud:ecosystem::app/<uuid>`: the audience of every token.
    pub app_id: String,
    /// Where the key set is fetched from.
    pub jwks_url: String,
    /// Hosts an installation's API may be on: `host`, or `host:port` for another port than that of
    /// https. A bearer token is sent there.
    pub api_hosts: Vec<String>,
    /// Whether an API may be reached by plain http and at any port of its host: never outside tests.
    pub allows_http: bool,
    /// Difference between the clocks that is forgiven, in seconds. A token lives 25 s; more than 10
    /// multiplies its life.
    pub leeway_s: i64,
}

/// Verifies invocation tokens of one app.
#[derive(Debug)]
pub struct Verifier {
    settings: Settings,
    keys: Arc<Keys>,
}

/// What a verified token says.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The installation, `ari:cloud:ecosystem::installation/<uuid>`; another after a reinstall.
    pub installation_id: String,
    /// The site's id: the tenant.
    pub cloud_id: String,
    /// Where the site's REST API is, without a slash at its end; its host is an allowed one.
    pub api_base_url: String,
    /// The app's ARI.
    pub app_id: String,
    /// The version of the app that was invoked.
    pub app_version: String,
    /// `DEVELOPMENT`, `STAGING` or `PRODUCTION`.
    pub environment_type: String,
    /// The environment's ARI, in one of two documented forms: compare it whole or not at all.
    pub environment_id: String,
    /// [`ENDPOINT_MODULE`], or the type of the page's module.
    pub module_type: String,
    /// The key of the module or endpoint in the manifest.
    pub module_key: String,
    /// The account that acts; absent for events, schedules and anonymous viewers.
    pub principal: Option<String>,
    /// Where on Jira's page the call comes from; only calls of a page have it.
    pub context: Option<PageContext>,
    /// The licence. Absent does not mean unlicensed: free apps and other environments have none.
    pub license: Option<License>,
}

/// What the page says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct PageContext {
    /// The address people see the site under.
    pub site_url: Option<String>,
    /// The place on the page, as an id.
    pub local_id: Option<String>,
    /// The key of the module.
    pub module_key: Option<String>,
    /// What the module shows, such as the issue. It mixes what Jira has checked with what the page
    /// has supplied: never take it as proof of a right.
    pub extension: serde_json::Value,
}

/// The licence of an installation, as far as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct License {
    /// Whether it is valid now.
    pub is_active: Option<bool>,
    /// Whether it is a trial.
    pub is_evaluation: Option<bool>,
    /// The edition bought, such as `capabilityStandard`.
    pub capability_set: Option<String>,
    /// When it ends, as an ISO 8601 instant.
    pub subscription_end_date: Option<String>,
}

/// Why there is no [`Invocation`].
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The token was judged and is bad: HTTP 401.
    #[error(transparent)]
    Token(#[from] Reason),
    /// The token could not be judged, because its key could not be had: HTTP 503.
    #[error("the keys of invocation tokens cannot be had: {0}")]
    KeysUnavailable(String),
}

/// What is wrong with a token: for the log, never for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Not three parts in base64url with JSON in the first two.
    #[error("it is not a token: {0}")]
    Malformed(String),
    /// Longer than any genuine one.
    #[error("it has {0} bytes, which is more than any token of Forge has")]
    TooLong(usize),
    /// Another algorithm than RS256, or an extension that must be understood (`crit`).
    #[error("its header is not one that Forge writes")]
    Header,
    /// The key's name is absent, empty or absurd.
    #[error("it names no key")]
    KeyName,
    /// The key set has no key of that name.
    #[error("no key has the name it gives")]
    UnknownKey,
    /// It is of an Isolated Cloud, whose keys this app does not have.
    #[error("it is of an Isolated Cloud")]
    IsolatedCloud,
    /// The signature does not verify.
    #[error("its signature does not verify")]
    Signature,
    /// A claim that is always there is not.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// Another kind of token of the same platform.
    #[error("it is not an invocation token")]
    Issuer,
    /// Meant for another app.
    #[error("it is meant for another app")]
    Audience,
    /// The lifetime is over.
    #[error("it expired at {0}")]
    Expired(i64),
    /// The lifetime has not begun.
    #[error("it is not valid before {0}")]
    NotYet(i64),
    /// Audience and app disagree.
    #[error("its app is not the one it is meant for")]
    App,
    /// The installation's id has another shape, or two claims disagree about it.
    #[error("it names no installation, or two")]
    Installation,
    /// The installation is not on a Jira site.
    #[error("its installation is not on a Jira site")]
    Product,
    /// The API's address is not on an allowed host, or has another shape.
    #[error("the address of the API is not an allowed one")]
    ApiBaseUrl,
    /// Claims disagree about the site.
    #[error("its claims disagree about the site")]
    CloudId,
}

impl Verifier {
    /// A verifier that has no keys yet; the first token, or [`Self::load_keys`], fetches them.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, reqwest::Error> {
        Ok(Self {
            keys: Arc::new(Keys::new(&settings.jwks_url)?),
            settings,
        })
    }

    /// Fetches the key set ahead of the first token. A failure is logged and made up for later.
    pub async fn load_keys(&self, now_s: i64) {
        self.keys.load(now_s).await;
    }

    /// Verifies a token, without the scheme that stood before it. `now_s` is in seconds since the
    /// Unix epoch.
    pub async fn verify(&self, token: &str, now_s: i64) -> Result<Invocation, Refused> {
        let parts = Parts::split(token)?;
        let key_name = parts.key_name()?;
        let claims: Claims = parts.unverified_claims()?;
        if claims.is_of_isolated_cloud() {
            return Err(Reason::IsolatedCloud.into());
        }
        let key = self.keys.get(&key_name, now_s).await?;
        parts.check_signature(&key)?;
        Ok(claims.judge(&self.settings, now_s)?)
    }
}

impl From<NoKey> for Refused {
    fn from(why: NoKey) -> Self {
        match why {
            NoKey::Unknown => Reason::UnknownKey.into(),
            NoKey::Unavailable(cause) => Self::KeysUnavailable(cause),
        }
    }
}

impl Invocation {
    /// Whether this is an event, a lifecycle call or a schedule: of an endpoint, with nobody acting
    /// and no page. All three are asked for, because a page can call any path with a token of its
    /// own and a body it made up.
    #[must_use]
    pub fn is_of_endpoint(&self) -> bool {
        self.module_type == ENDPOINT_MODULE && self.context.is_none() && self.principal.is_none()
    }

    /// Whether a page made this call.
    #[must_use]
    pub fn is_of_page(&self) -> bool {
        self.module_type != ENDPOINT_MODULE && self.context.is_some()
    }
}

#[cfg(test)]
mod issuer;
#[cfg(test)]
mod keys_tests;
#[cfg(test)]
mod vectors_tests;
