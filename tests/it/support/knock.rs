//! Invocations of any installation a test makes up, signed as Forge signs them.

use jira_standin::Standin;
use serde_json::{Value, json};

use super::TestApp;
use super::site::now_s;

/// An installation as its invocations show it.
#[derive(Debug, Clone)]
pub struct Caller {
    pub installation: String,
    pub cloud_id: String,
    pub environment: &'static str,
    pub version: &'static str,
}

impl Caller {
    /// An installation of production, by two short names.
    pub fn new(installation: &str, cloud_id: &str) -> Self {
        let mut bytes = [7; 16];
        bytes[..installation.len()].copy_from_slice(installation.as_bytes());
        let uuid = uuid::Uuid::from_bytes(bytes);
        Self {
            installation: format!("ari:cloud:ecosystem::installation/{uuid}"),
            cloud_id: cloud_id.to_owned(),
            environment: "PRODUCTION",
            version: "1.0.0",
        }
    }

    /// The next installation on the same Jira.
    pub fn again(&self, installation: &str) -> Self {
        Self {
            environment: self.environment,
            ..Self::new(installation, &self.cloud_id)
        }
    }

    /// What its invocations of an endpoint say.
    pub fn claims(&self, jira: &Standin) -> Value {
        let api = format!("{}/ex/jira/{}", jira.own_url(), self.cloud_id);
        let app_id = jira.forge_app_id();
        json!({
            "iss": "forge/invocation-token", "aud": app_id, "iat": now_s(), "nbf": now_s(),
            "exp": now_s() + 25, "jti": uuid::Uuid::new_v4().simple().to_string(),
            "app": {
                "id": app_id, "appVersion": self.version, "installationId": self.installation,
                "apiBaseUrl": api,
                "installation": {
                    "id": self.installation,
                    "contexts": [{ "name": "jira", "apiBaseUrl": api, "cloudId": self.cloud_id }],
                },
                "environment": {
                    "type": self.environment,
                    "id": format!("ari:cloud:ecosystem::environment/x/{}", self.environment),
                },
                "module": { "type": "core:endpoint", "key": "any" },
            },
        })
    }

    /// Calls an endpoint's path, with a token for Jira or without; it must be taken.
    pub async fn knock(&self, app: &TestApp, jira: &Standin, path: &str, token: Option<&str>) {
        let mut request = app
            .http
            .post(format!("{}{path}", app.base))
            .bearer_auth(jira.sign_fit(&self.claims(jira)))
            .json(&json!({}));
        if let Some(token) = token {
            request = request.header("x-forge-oauth-system", token);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 204, "{}", answer.text().await.unwrap());
    }

    /// The hourly call.
    pub async fn hour(&self, app: &TestApp, jira: &Standin, token: Option<&str>) {
        self.knock(app, jira, "/forge/scheduled/hourly", token)
            .await;
    }

    /// The site of the installation, read anew.
    pub async fn site(&self, app: &TestApp) -> std::sync::Arc<touchstone::domain::site::Site> {
        let sites = &app.app().sites;
        let copy = sites.by_installation(&self.installation).await.unwrap();
        sites.forget(copy.unwrap().id).await;
        let site = sites.by_installation(&self.installation).await.unwrap();
        site.unwrap()
    }
}

/// An opaque token that expires then, as far as anybody may look into it.
pub fn token(name: &str, exp_s: i64) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({ "alg": "RS256" }));
    format!("{head}.{}.{name}", part(&json!({ "exp": exp_s })))
}
