//! Installing the Forge app, upgrading it, its hourly schedule and its removal.
//!
//! An installation is done whatever the app answers: the lifecycle event is an event like others.
//! A Connect app that the manifest names is taken over: its modules and webhooks end, its tokens
//! keep working.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::Installation;
use super::deliver::{self, Delivery};
use crate::clock;
use crate::model::{Account, MEMBER, State};
use crate::server::Shared;
use crate::tokens::set;

/// The first hourly call comes this long after the installation.
const FIRST_HOURLY_MS: i64 = 5 * 60_000;
const HOUR_MS: i64 = 3_600_000;

const INSTALLED: &str = "avi:forge:installed:app";
const UPGRADED: &str = "avi:forge:upgraded:app";

impl State {
    /// Installs the app, in place of an installation in the same environment; answers the id.
    pub(crate) fn install_forge(&mut self, app_url: &str, environment_type: &str) -> String {
        let known = self.forge.installations.iter().rev();
        let known = known
            .clone()
            .find(|it| it.environment_type == environment_type);
        let environment_id = known.map(|it| it.environment_id.clone());
        let version = known.map_or_else(|| "1.0.0".to_owned(), |it| it.version.clone());
        for old in &mut self.forge.installations {
            old.live &= old.environment_type != environment_type;
        }
        let id = format!("ari:cloud:ecosystem::installation/{}", clock::random_uuid());
        self.forge.installations.push(Installation {
            id: id.clone(),
            app_url: app_url.trim_end_matches('/').to_owned(),
            version,
            environment_type: environment_type.to_owned(),
            environment_id: environment_id.unwrap_or_else(clock::random_uuid),
            live: true,
            next_hourly_ms: self.now() + FIRST_HOURLY_MS,
            refusals: self.forge.settings.spreading,
        });
        self.welcome_app_user();
        self.take_over_connect_app(environment_type);
        let by = json!({ "installerAccountId": crate::seed::ADMIN });
        self.lifecycle_event(&id, INSTALLED, &by);
        id
    }

    /// The app's user, with what apps may do in every project.
    fn welcome_app_user(&mut self) {
        let account = self.forge.account.clone().unwrap_or_else(|| {
            let connect = self.app.as_ref().map(|app| app.account.clone());
            connect.unwrap_or_else(|| format!("557058:{}", clock::random_uuid()))
        });
        if self.account(&account).is_none() {
            self.accounts.push(Account {
                id: account.clone(),
                name: "Tests".to_owned(),
                email: String::new(),
                token: String::new(),
                is_app: true,
                administers: false,
            });
        }
        for project in &mut self.projects {
            let granted = MEMBER.iter().chain(&["DELETE_ISSUES"]);
            let granted = granted.map(|it| (*it).to_owned()).collect();
            project.grants.entry(account.clone()).or_insert(granted);
        }
        self.forge.account = Some(account);
    }

    fn take_over_connect_app(&mut self, environment_type: &str) {
        let key = self.forge.manifest.connect_key.as_deref();
        let app = self
            .app
            .as_mut()
            .filter(|app| Some(app.key.as_str()) == key);
        if let Some(app) = app.filter(|_| environment_type == "PRODUCTION") {
            app.taken_over = true;
        }
    }

    /// Another version; the app is told of it only when the major number changes.
    pub(crate) fn upgrade_forge(&mut self, id: Option<&str>, version: &str) -> Option<()> {
        let id = self.installation(id)?.id.clone();
        let mut all = self.forge.installations.iter_mut();
        let own = all.find(|it| it.id == id)?;
        let old = std::mem::replace(&mut own.version, version.to_owned());
        let major = |text: &str| text.split('.').next().map(str::to_owned);
        if major(&old) != major(version) {
            let scopes: Vec<&String> = self.forge.manifest.scopes.iter().collect();
            let more = json!({
                "upgraderAccountId": crate::seed::ADMIN,
                "permissions": { "scopes": scopes, "external": {} },
            });
            self.lifecycle_event(&id, UPGRADED, &more);
        }
        Some(())
    }

    fn lifecycle_event(&mut self, id: &str, event: &str, more: &Value) {
        let Some(own) = self.installation(Some(id)).cloned() else {
            return;
        };
        let bare = |ari: &str| ari.rsplit('/').next().unwrap_or_default().to_owned();
        let mut body = json!({
            "id": bare(id),
            "app": {
                "id": self.forge.app_uuid(), "version": own.version, "name": "Tests",
                "ownerAccountId": crate::seed::ADMIN,
            },
            "environment": { "id": own.environment_id },
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            set(&mut body, name, value.clone());
        }
        if self.forge.settings.named_lifecycle {
            set(&mut body, "eventType", json!(event));
        }
        let triggers = self.forge.manifest.triggers.iter();
        let endpoint = triggers.clone().find(|it| it.events.contains(event));
        if let Some(endpoint) = endpoint.map(|it| it.endpoint.clone()) {
            self.queue_forge(Delivery {
                identifier: clock::random_hex(20),
                event: event.to_owned(),
                issue_id: None,
                installation: own.id,
                endpoint,
                body,
                is_event: true,
            });
        }
    }

    /// The body of calls that carry no event.
    fn context_body(&self, module: &str) -> Value {
        json!({
            "context": { "cloudId": self.site.cloud_id, "moduleKey": module },
            "contextToken": clock::random_hex(24),
        })
    }

    /// Makes the hourly call of an installation now.
    pub(crate) fn call_hourly(&mut self, id: Option<&str>) -> Option<()> {
        let own = self.installation(id)?.id.clone();
        let (module, endpoint) = self.forge.manifest.hourly.clone()?;
        let body = self.context_body(&module);
        self.queue_forge(Delivery {
            identifier: clock::random_hex(20),
            event: module,
            issue_id: None,
            installation: own,
            endpoint,
            body,
            is_event: false,
        });
        Some(())
    }
}

/// Makes the hourly calls as the site's clock brings them.
pub(crate) async fn run_schedule(shared: Arc<Shared>) {
    loop {
        let due = |state: &State| {
            let live = state.forge.installations.iter().filter(|it| it.live);
            live.map(|it| it.next_hourly_ms).min().unwrap_or(i64::MAX)
        };
        let next = shared.read(due);
        shared.reach(next, |state| due(state) != next).await;
        shared.act(|state| {
            let now = state.now();
            let live = state.forge.installations.iter_mut().filter(|it| it.live);
            let mut called = Vec::new();
            for own in live.filter(|it| it.next_hourly_ms <= now) {
                own.next_hourly_ms = now + HOUR_MS;
                called.push(own.id.clone());
            }
            for id in called {
                state.call_hourly(Some(&id));
            }
        });
    }
}

/// Removes an installation; the app is asked first, unless it goes `quietly`.
pub(crate) async fn uninstall(
    shared: &Shared,
    id: Option<&str>,
    quietly: bool,
) -> anyhow::Result<()> {
    let (id, asked, body) = shared
        .read(|state| {
            let own = state.installation(id)?.id.clone();
            let asked = state.forge.manifest.pre_uninstall.clone();
            let module = asked.as_ref().map_or("", |it| it.0.as_str());
            let body = state.context_body(module);
            Some((own, asked, body))
        })
        .context("there is no such installation")?;
    if let Some((_, endpoint)) = asked.filter(|_| !quietly) {
        let wait = Duration::from_secs(55);
        if let Some(call) = deliver::call(shared, &id, &endpoint, &body, wait) {
            match call.send().await {
                Ok(answer) if answer.status().is_success() => {}
                Ok(answer) => tracing::warn!(status = %answer.status(), "pre-uninstall"),
                Err(error) => tracing::warn!(%error, "pre-uninstall was not answered"),
            }
        }
    }
    shared.act(|state| {
        let mut all = state.forge.installations.iter_mut();
        if let Some(own) = all.find(|it| it.id == id) {
            own.live = false;
        }
    });
    Ok(())
}

/// Installs the app once its server answers anything at all.
pub(crate) async fn when_ready(shared: &Shared, app_url: &str) {
    let mut wait = Duration::from_millis(200);
    while let Err(error) = shared.http.get(app_url).send().await {
        tracing::info!(app_url, "not installed yet: {error:#}");
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
    shared.act(|state| state.install_forge(app_url, "PRODUCTION"));
    tracing::info!(app_url, "the Forge app is installed");
}
