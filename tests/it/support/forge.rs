//! The service with Forge as its host: configured against a stand-in Jira, installed there, and
//! called as Forge calls it.
//!
//! Claims come from the stand-in (`event_claims`, `page_claims`), are changed as a test likes, and
//! are signed there (`sign_fit`). Events a change in Jira causes come by themselves.

use jira_standin::Standin;
use serde_json::Value;

use super::database::Database;
use super::service::TestApp;

impl TestApp {
    /// Starts the service with Forge configured against a stand-in, installed nowhere.
    pub async fn spawn_for_forge(database: Database, jira: &Standin) -> Self {
        let (app_id, keys) = (jira.forge_app_id(), jira.jwks_url());
        let options = [
            "--insecure-sites",
            "true",
            "--app-id",
            &app_id,
            "--jwks-url",
            &keys,
            "--api-hosts",
            "127.0.0.1",
        ];
        Self::spawn_trusting_site(database, jira, &options).await
    }

    /// As [`TestApp::spawn_for_forge`], then installed on the stand-in through Forge.
    pub async fn spawn_on_forge(database: Database, jira: &Standin) -> Self {
        let app = Self::spawn_for_forge(database, jira).await;
        jira.install_forge(&app.base).await.unwrap();
        app
    }

    /// Asks for a path under claims a test has changed, with the token of a person beside them.
    pub async fn get_under(
        &self,
        jira: &Standin,
        claims: &Value,
        account: &str,
        path: &str,
    ) -> reqwest::Response {
        let request = self.http.get(format!("{}{path}", self.base));
        request
            .bearer_auth(jira.sign_fit(claims))
            .header("x-forge-oauth-user", jira.user_token(account).unwrap())
            .send()
            .await
            .unwrap()
    }

    /// Posts an event as Forge does, with a valid token and the app's own token for the API.
    pub async fn deliver_forge(&self, jira: &Standin, event: &Value) -> reqwest::Response {
        let claims = jira.event_claims("jira-events").unwrap();
        self.http
            .post(format!("{}/forge/events/jira", self.base))
            .bearer_auth(jira.sign_fit(&claims))
            .header("x-forge-oauth-system", jira.system_token().unwrap())
            .json(event)
            .send()
            .await
            .unwrap()
    }

    /// Calls a path as a page of the app does through Forge: as a person who looks at an issue.
    pub async fn call_from_page(
        &self,
        jira: &Standin,
        account: &str,
        issue: Option<&str>,
        method: reqwest::Method,
        path: &str,
        body: Option<&Value>,
    ) -> reqwest::Response {
        let kind = if issue.is_some() {
            "jira:issuePanel"
        } else {
            "jira:adminPage"
        };
        let module = jira.module_key(kind).unwrap();
        let claims = jira.page_claims(&module, account, issue).unwrap();
        let request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(jira.sign_fit(&claims))
            .header("x-forge-oauth-system", jira.system_token().unwrap())
            .header("x-forge-oauth-user", jira.user_token(account).unwrap());
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        request.send().await.unwrap()
    }
}
