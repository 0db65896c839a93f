//! What an invocation token says: of an event, a schedule or a lifecycle call, and of a page.

use aws_lc_rs::digest;
use serde_json::{Value, json};

use super::Installation;
use super::keys::merge;
use crate::clock;
use crate::model::State;
use crate::refusal::Refusal;
use crate::scheme;
use crate::tokens::set;

/// A token lives this many seconds.
const LIFETIME_S: i64 = 25;

/// Where a page of the app stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// The module's type and key.
    pub(crate) kind: String,
    pub(crate) key: String,
    pub(crate) issue: Option<u64>,
    pub(crate) project: Option<u64>,
    /// Whether a gadget is being configured.
    pub(crate) edit: bool,
    /// What the page itself adds to its `extension`.
    pub(crate) extension: Value,
}

impl State {
    /// The claims of a call that no person makes.
    pub(crate) fn event_claims(&self, installation: &Installation, module: &str) -> Value {
        self.claims(installation, "core:endpoint", module)
    }

    /// The claims of a call from a page; without an account nobody is logged in.
    pub(crate) fn page_claims(
        &self,
        installation: &Installation,
        account: Option<&str>,
        place: &Place,
    ) -> Value {
        let mut claims = self.claims(installation, &place.kind, &place.key);
        let mut context = self.page_context(installation, account, place);
        if let Some(map) = context.as_object_mut() {
            for only_on_the_page in ["timezone", "locale", "theme"] {
                map.remove(only_on_the_page);
            }
            map.insert("appVersion".to_owned(), json!(installation.version));
            map.insert(
                "userAccess".to_owned(),
                json!({ "enabled": false, "hasAccess": true }),
            );
        }
        set(&mut claims, "context", context);
        if let Some(account) = account {
            set(&mut claims, "principal", json!(account));
        }
        claims
    }

    fn claims(&self, installation: &Installation, kind: &str, module: &str) -> Value {
        let side = &self.forge;
        let now = self.now().div_euclid(1000);
        let environment = &installation.environment_id;
        let mut app = json!({
            "id": side.app_id,
            "appVersion": installation.version,
            "installationId": installation.id,
            "apiBaseUrl": side.api_url,
            "installation": {
                "id": installation.id,
                "contexts": [{
                    "name": "jira", "apiBaseUrl": side.api_url, "cloudId": self.site.cloud_id,
                }],
            },
            "environment": {
                "type": installation.environment_type,
                "id": format!("ari:cloud:ecosystem::environment/{}/{environment}", side.app_uuid()),
            },
            "module": { "type": kind, "key": module },
        });
        if let Some(license) = &side.settings.license
            && installation.environment_type == "PRODUCTION"
        {
            set(&mut app, "license", license.clone());
        }
        json!({
            "app": app, "aud": side.app_id, "iss": "forge/invocation-token",
            "iat": now, "nbf": now, "exp": now + LIFETIME_S, "jti": clock::random_hex(20),
        })
    }

    /// What the page itself is told of where it stands.
    pub(crate) fn page_context(
        &self,
        installation: &Installation,
        account: Option<&str>,
        place: &Place,
    ) -> Value {
        let mut context = json!({
            "cloudId": self.site.cloud_id,
            "localId": local_id(installation, place),
            "environmentId": installation.environment_id,
            "environmentType": installation.environment_type,
            "moduleKey": place.key,
            "siteUrl": self.site.base_url,
            "timezone": "Etc/UTC",
            "locale": "en_US",
            "extension": self.extension(place),
        });
        if let Some(account) = account {
            set(&mut context, "accountId", json!(account));
            set(&mut context, "accountType", json!("licensed"));
        }
        context
    }

    fn extension(&self, place: &Place) -> Value {
        let base = &self.site.base_url;
        let mut out = json!({ "type": place.kind });
        let issue = place.issue.and_then(|id| self.issues.get(&id));
        if let Some(issue) = issue {
            let kind = scheme::issue_type(issue.kind);
            let own = json!({
                "issue": {
                    "id": issue.id.to_string(), "key": issue.key,
                    "type": kind.name, "typeId": kind.id,
                },
                "location": format!("{base}/browse/{}", issue.key),
            });
            merge(&mut out, &own);
            if place.kind == "jira:issuePanel" {
                set(&mut out, "isNewToIssue", json!(false));
            }
        }
        let project = issue.map(|it| it.project).or(place.project);
        if let Some(project) = project.and_then(|id| self.project(id)) {
            let own = json!({
                "id": project.id.to_string(), "key": project.key, "type": "software",
            });
            set(&mut out, "project", own);
        }
        if place.kind == "jira:dashboardGadget" {
            set(&mut out, "dashboard", json!({ "id": "10000" }));
            set(&mut out, "gadget", json!({ "id": "10020" }));
            set(&mut out, "gadgetConfiguration", self.forge.gadget.clone());
            let entry = if place.edit { "edit" } else { "view" };
            set(&mut out, "entryPoint", json!(entry));
        } else if out.get("location").is_none() {
            let location = format!("{base}/apps/{}", place.key);
            set(&mut out, "location", json!(location));
        }
        if !place.extension.is_null() {
            merge(&mut out, &place.extension);
        }
        out
    }

    /// Where a module stands: on an issue or in a project the account may see, or nowhere.
    pub(crate) fn place(
        &self,
        module: &str,
        account: &str,
        issue: &str,
        project: &str,
    ) -> Result<Place, Refusal> {
        let page = self
            .forge
            .manifest
            .page(module)
            .ok_or_else(|| Refusal::missing(format!("The app has no module '{module}'.")))?;
        let issue = match issue {
            "" => None,
            name => Some(self.visible_issue(account, name)?),
        };
        let project = match project {
            "" => None,
            name => Some(self.visible_project(account, name)?.id),
        };
        Ok(Place {
            kind: page.kind.clone(),
            key: page.key.clone(),
            issue,
            project,
            edit: false,
            extension: Value::Null,
        })
    }
}

/// The same each time a module is shown in the same place.
fn local_id(installation: &Installation, place: &Place) -> String {
    let named = format!("{} {} {:?}", installation.id, place.key, place.issue);
    let hex = clock::hex(digest::digest(&digest::SHA256, named.as_bytes()).as_ref());
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-4{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}
