//! The claims of a token, and what must hold among them.
//!
//! A claim that is always there is demanded: a token without `exp` would never expire, one without
//! `nbf` or `iss` is not Forge's. Unknown claims are ignored, deprecated ones are not read. Of what
//! only informs (licence, page context) nothing is demanded, so that a change there locks nobody
//! out.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{Invocation, License, PageContext, Reason, Settings};

const ISSUER: &str = "forge/invocation-token";
const INSTALLATION: &str = "ari:cloud:ecosystem::installation/";
const PRODUCT: &str = "jira";

/// Claims as they are written; nothing of them is believed before [`Claims::judge`].
#[derive(Deserialize)]
pub(super) struct Claims {
    iss: Option<String>,
    aud: Option<Audience>,
    exp: Option<i64>,
    nbf: Option<i64>,
    app: Option<App>,
    context: Option<Context>,
    principal: Option<String>,
    #[serde(rename = "icLabel")]
    ic_label: Option<Value>,
}

/// `aud`: one value or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct App {
    id: Option<String>,
    installation_id: Option<String>,
    installation: Option<Installation>,
    api_base_url: Option<String>,
    #[serde(rename = "appVersion", default)]
    version: String,
    environment: Option<Named>,
    module: Option<Module>,
    license: Option<Value>,
}

#[derive(Deserialize)]
struct Installation {
    id: Option<String>,
    contexts: Option<Vec<Place>>,
}

/// Where the app is installed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    name: Option<String>,
    cloud_id: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "type")]
    kind: String,
    id: String,
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
    key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    cloud_id: Option<String>,
    local_id: Option<String>,
    module_key: Option<String>,
    site_url: Option<String>,
    #[serde(default)]
    extension: Value,
}

impl Claims {
    /// Whether other keys than those of the commercial cloud sign such a token.
    pub(super) fn is_of_isolated_cloud(&self) -> bool {
        self.ic_label.is_some()
    }

    /// Holds the claims against the settings and against each other.
    pub(super) fn judge(self, settings: &Settings, now_s: i64) -> Result<Invocation, Reason> {
        self.check_issuer()?;
        self.check_audience(&settings.app_id)?;
        self.check_times(settings.leeway_s, now_s)?;
        let app = self.app.ok_or(Reason::Missing("app"))?;
        if app.id.as_deref() != Some(&settings.app_id) {
            return Err(Reason::App);
        }
        let installation_id = app.installation_id()?;
        let api = app.api_base_url.as_deref();
        let api = Api::read(api.ok_or(Reason::Missing("app.apiBaseUrl"))?, settings)?;
        let place = app.place()?;
        let named = [
            place.and_then(|place| place.cloud_id.as_deref()),
            self.context.as_ref().and_then(|on| on.cloud_id.as_deref()),
        ];
        if named.into_iter().flatten().any(|id| id != api.cloud_id) {
            return Err(Reason::CloudId);
        }
        let environment = app.environment.ok_or(Reason::Missing("app.environment"))?;
        let module = app.module.ok_or(Reason::Missing("app.module"))?;
        Ok(Invocation {
            installation_id,
            cloud_id: api.cloud_id,
            api_base_url: api.base_url,
            app_id: settings.app_id.clone(),
            app_version: app.version,
            environment_type: environment.kind,
            environment_id: environment.id,
            module_type: module.kind,
            module_key: module.key,
            principal: self.principal.filter(|account| !account.is_empty()),
            context: self.context.map(PageContext::from),
            license: app.license.as_ref().map(License::from),
        })
    }

    fn check_issuer(&self) -> Result<(), Reason> {
        match self.iss.as_deref() {
            Some(ISSUER) => Ok(()),
            Some(_) => Err(Reason::Issuer),
            None => Err(Reason::Missing("iss")),
        }
    }

    fn check_audience(&self, app_id: &str) -> Result<(), Reason> {
        let is_ours = match self.aud.as_ref().ok_or(Reason::Missing("aud"))? {
            Audience::One(aud) => aud == app_id,
            Audience::Several(list) => list.iter().any(|aud| aud == app_id),
        };
        if is_ours {
            Ok(())
        } else {
            Err(Reason::Audience)
        }
    }

    fn check_times(&self, leeway_s: i64, now_s: i64) -> Result<(), Reason> {
        let exp = self.exp.ok_or(Reason::Missing("exp"))?;
        let nbf = self.nbf.ok_or(Reason::Missing("nbf"))?;
        if exp.saturating_add(leeway_s) < now_s {
            return Err(Reason::Expired(exp));
        }
        if nbf > now_s.saturating_add(leeway_s) {
            return Err(Reason::NotYet(nbf));
        }
        Ok(())
    }
}

impl App {
    fn installation_id(&self) -> Result<String, Reason> {
        let id = self.installation_id.as_deref();
        let id = id.ok_or(Reason::Missing("app.installationId"))?;
        let repeated = self.installation.as_ref().and_then(|it| it.id.as_deref());
        let is_shaped = id.strip_prefix(INSTALLATION).is_some_and(is_id);
        if is_shaped && repeated.is_none_or(|other| other == id) {
            Ok(id.to_owned())
        } else {
            Err(Reason::Installation)
        }
    }

    /// The Jira site among the places of the installation; older tokens name no places.
    fn place(&self) -> Result<Option<&Place>, Reason> {
        let places = self
            .installation
            .as_ref()
            .and_then(|it| it.contexts.as_ref());
        let Some(places) = places else {
            return Ok(None);
        };
        let mut places = places.iter();
        let jira = places.find(|place| place.name.as_deref() == Some(PRODUCT));
        jira.map(Some).ok_or(Reason::Product)
    }
}

/// The address of a site's API, which names the site.
struct Api {
    base_url: String,
    cloud_id: String,
}

impl Api {
    /// Reads `https://<allowed host>/ex/jira/<cloudId>`. A bearer token is sent there, so nothing
    /// else is let through: no user, no query, no further path.
    fn read(text: &str, settings: &Settings) -> Result<Self, Reason> {
        let url = Url::parse(text).ok().ok_or(Reason::ApiBaseUrl)?;
        let is_scheme = url.scheme() == "https" || (settings.allows_http && url.scheme() == "http");
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_scheme || !is_bare || !is_allowed(&url, settings) {
            return Err(Reason::ApiBaseUrl);
        }
        let mut segments = url.path().trim_end_matches('/').split('/').skip(1);
        let (ex, product, cloud_id) = (segments.next(), segments.next(), segments.next());
        if product != Some(PRODUCT) {
            return Err(Reason::Product);
        }
        match (ex, cloud_id.filter(|id| is_id(id)), segments.next()) {
            (Some("ex"), Some(cloud_id), None) => Ok(Self {
                base_url: url.as_str().trim_end_matches('/').to_owned(),
                cloud_id: cloud_id.to_owned(),
            }),
            _ => Err(Reason::ApiBaseUrl),
        }
    }
}

/// Whether a bearer token may be sent to this host. Against a stand-in, whose port is any, the name
/// alone will do.
fn is_allowed(url: &Url, settings: &Settings) -> bool {
    let host = url.host_str().unwrap_or_default();
    let place = match url.port() {
        Some(port) if !settings.allows_http => format!("{host}:{port}"),
        _ => host.to_owned(),
    };
    settings.api_hosts.contains(&place)
}

/// Letters, digits and hyphens, as UUIDs have them, and not many.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl From<Context> for PageContext {
    fn from(context: Context) -> Self {
        Self {
            site_url: context.site_url,
            local_id: context.local_id,
            module_key: context.module_key,
            extension: context.extension,
        }
    }
}

impl From<&Value> for License {
    /// Takes what it knows; a licence of another shape is one of which nothing is known.
    fn from(told: &Value) -> Self {
        let flag = |name: &str| told.get(name).and_then(Value::as_bool);
        let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            is_active: flag("active").or_else(|| flag("isActive")),
            is_evaluation: flag("isEvaluation"),
            capability_set: text("capabilitySet"),
            subscription_end_date: text("subscriptionEndDate"),
        }
    }
}
