//! Addresses of the app's pages as Jira would load them into a frame: variables filled in, Jira's
//! own parameters added, signed.

use serde_json::{Value, json};

use crate::model::{App, Issue, State};
use crate::page::safe;
use crate::refusal::Refusal;
use crate::tokens;
use crate::webhooks::url_bound_token;

/// A page of the app that can be framed.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    pub(crate) family: String,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) url: String,
}

/// Every module of the app that has a page.
pub(crate) fn modules(app: &App) -> Vec<Module> {
    let families = app.descriptor.get("modules").and_then(Value::as_object);
    let mut out = Vec::new();
    for (family, content) in families.into_iter().flatten() {
        if family == "webhooks" {
            continue;
        }
        let entries = match content {
            Value::Array(list) => list.iter().collect(),
            one => vec![one],
        };
        out.extend(
            entries
                .into_iter()
                .filter_map(|entry| module(family, entry)),
        );
    }
    out
}

fn module(family: &str, entry: &Value) -> Option<Module> {
    let url = entry
        .get("target")
        .and_then(|it| it.get("url"))
        .or_else(|| entry.get("url"))?;
    let name = entry
        .get("name")
        .and_then(|it| it.get("value"))
        .and_then(Value::as_str);
    Some(Module {
        family: family.to_owned(),
        key: entry.get("key")?.as_str()?.to_owned(),
        name: name.unwrap_or_default().to_owned(),
        url: url.as_str()?.to_owned(),
    })
}

/// Links to the app's pages beside issues.
pub(crate) fn links(app: &App) -> String {
    let all = modules(app).into_iter().filter_map(|it| {
        let name = match it.family.as_str() {
            "jiraProjectPages" => "Project",
            "jiraDashboardItems" => "Dashboard",
            _ => return None,
        };
        let (app, module) = (safe(&app.key), safe(&it.key));
        Some(format!(
            "<a href=\"/plugins/servlet/ac/{app}/{module}\">{name}</a>"
        ))
    });
    all.collect()
}

/// The module that shows on an issue: a panel, or else its context.
pub(crate) fn issue_module(app: &App) -> Option<Module> {
    let all = modules(app);
    let order = ["webPanels", "jiraIssueContents", "jiraIssueContexts"];
    order
        .iter()
        .find_map(|family| all.iter().find(|it| it.family == *family).cloned())
}

/// The module for administrators.
pub(crate) fn admin_module(app: &App) -> Option<Module> {
    let all = modules(app);
    let order = ["adminPages", "configurePage"];
    order
        .iter()
        .find_map(|family| all.iter().find(|it| it.family == *family).cloned())
}

impl State {
    fn live_app(&self) -> Result<&App, Refusal> {
        self.installed_app()
            .filter(|app| app.enabled)
            .ok_or_else(|| Refusal::missing("No app is installed and enabled."))
    }

    /// The signed address of a module, on an issue or on none.
    pub(crate) fn module_url(
        &self,
        module: &Module,
        issue: Option<u64>,
        account: &str,
        custom: &[(String, String)],
    ) -> Result<String, Refusal> {
        let app = self.live_app()?;
        let issue = issue.and_then(|id| self.issues.get(&id));
        let filled = fill(self, &module.url, issue, account, custom);
        let joint = if filled.contains('?') { '&' } else { '?' };
        let origin = tokens::encode(&self.site.base_url);
        let channel = tokens::encode(&format!("channel-{}__{}", app.key, module.key));
        let target = format!(
            "{filled}{joint}xdm_e={origin}&xdm_c={channel}&cp=&xdm_deprecated_addon_key_do_not_use={}&lic=none&cv=1001.0.0-SNAPSHOT",
            tokens::encode(&app.key)
        );
        let token = self.url_token("GET", &target, Some(account))?;
        Ok(format!("{}{target}&jwt={token}", app.base_url))
    }

    /// A URL-bound token for a request to the app.
    pub(crate) fn url_token(
        &self,
        method: &str,
        target: &str,
        account: Option<&str>,
    ) -> Result<String, Refusal> {
        let app = self.live_app()?;
        let site = &self.site;
        let (key, secret) = (&site.client_key, &site.shared_secret);
        url_bound_token(
            key,
            secret,
            &app.base_url,
            method,
            target,
            account,
            self.now(),
        )
        .map_err(|error| Refusal::new(500, error.to_string()))
    }

    /// A context token for a viewer of an issue, or of a page without one.
    pub(crate) fn context_token(
        &self,
        issue: Option<u64>,
        account: &str,
    ) -> Result<String, Refusal> {
        self.live_app()?;
        let context = self.frame_context(issue);
        let claims =
            tokens::context_claims(&self.site.client_key, Some(account), self.now(), &context);
        tokens::sign_shared(&self.site.shared_secret, &claims)
            .map_err(|error| Refusal::new(500, error.to_string()))
    }

    /// What a page may know of where it stands.
    pub(crate) fn frame_context(&self, issue: Option<u64>) -> Value {
        let Some(issue) = issue.and_then(|id| self.issues.get(&id)) else {
            return json!({});
        };
        let project = self
            .project(issue.project)
            .map_or("", |project| project.key.as_str());
        json!({
            "issue": {
                "id": issue.id.to_string(), "key": issue.key, "issuetype": { "id": issue.kind },
            },
            "project": { "id": issue.project.to_string(), "key": project },
        })
    }
}

/// Fills the `{…}` variables of a page's address; what is unknown becomes empty.
fn fill(
    state: &State,
    url: &str,
    issue: Option<&Issue>,
    account: &str,
    custom: &[(String, String)],
) -> String {
    let project = issue
        .and_then(|it| state.project(it.project))
        .or_else(|| state.projects.first());
    let value = |name: &str| match (name, issue) {
        ("issue.id", Some(issue)) => issue.id.to_string(),
        ("issue.key", Some(issue)) => issue.key.clone(),
        ("issuetype.id", Some(issue)) => issue.kind.to_owned(),
        ("project.id", _) => project.map(|it| it.id.to_string()).unwrap_or_default(),
        ("project.key", _) => project.map(|it| it.key.clone()).unwrap_or_default(),
        ("profileUser.accountId", _) => account.to_owned(),
        ("dashboard.id", _) => "10000".to_owned(),
        ("dashboardItem.id", _) => "10020".to_owned(),
        _ => custom
            .iter()
            .find(|(own, _)| Some(own.as_str()) == name.strip_prefix("ac."))
            .map(|(_, value)| value.clone())
            .unwrap_or_default(),
    };
    let mut out = String::new();
    let mut rest = url;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        // In a query a space becomes a plus.
        out.push_str(&tokens::encode(&value(name)).replace("%20", "+"));
        rest = tail;
    }
    out.push_str(rest);
    out
}
