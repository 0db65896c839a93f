//! Installing an app from its descriptor, as a Jira Cloud site did it.
//!
//! The descriptor is fetched and checked, `installed` is sent with a token signed by the
//! installation key (the app reads the public half from the stand-in's key host), then `enabled`
//! with the shared secret. What the app does not answer 2xx leaves the site as it was.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::auth;
use crate::clock;
use crate::descriptor;
use crate::model::{Account, App, MEMBER};
use crate::server::Shared;
use crate::tokens;
use crate::webhooks::url_bound_token;

/// Installs, or installs again with a new secret.
pub(crate) async fn install(shared: &Shared, app_url: &str) -> anyhow::Result<()> {
    let app_url = app_url.trim_end_matches('/');
    let answer = shared
        .http
        .get(format!("{app_url}/atlassian-connect.json"))
        .send()
        .await
        .context("fetching the descriptor")?;
    ensure!(
        answer.status().is_success(),
        "the descriptor is answered {}",
        answer.status()
    );
    let found: Value = answer.json().await.context("reading the descriptor")?;
    descriptor::check(&found).context("the descriptor is not valid")?;
    let app = app_of(shared, found);
    let secret = new_secret();
    let (kept, site) = shared.read(|state| (state.app.clone(), state.site.clone()));
    let mut body = json!({
        "key": app.key,
        "clientKey": site.client_key,
        "oauthClientId": site.oauth_client_id,
        "accountId": app.account,
        "sharedSecret": secret,
        "baseUrl": site.base_url,
        "displayUrl": site.base_url,
        "displayUrlServicedeskHelpCenter": site.base_url,
        "productType": "jira",
        "description": format!("Atlassian Jira at {}", site.base_url),
        "cloudId": site.cloud_id,
        "eventType": "installed",
    });
    // A Connect app that came with a Forge app says so.
    let forge = shared.read(|state| state.installation(None).map(|it| it.id.clone()));
    if let Some(installation) = forge {
        tokens::set(&mut body, "installationId", json!(installation));
    }
    let status = signed_callback(shared, &app, "installed", &body).await?;
    ensure!(
        (200..300).contains(&status),
        "the app host returned HTTP response code {status} to the installed callback"
    );
    shared.act(|state| {
        if !state.accounts.iter().any(|it| it.id == app.account) {
            state.accounts.push(app_account(&app));
        }
        for project in &mut state.projects {
            let granted = MEMBER
                .iter()
                .chain(&["DELETE_ISSUES"])
                .map(|it| (*it).to_owned());
            project
                .grants
                .entry(app.account.clone())
                .or_insert_with(|| granted.collect());
        }
        state.site.shared_secret = secret;
        let properties = kept.map(|it| it.properties).unwrap_or_default();
        let of_forge = state.forge.manifest.connect_key.as_ref() == Some(&app.key);
        let production = state.installation(None);
        let production = production.is_some_and(|it| it.environment_type == "PRODUCTION");
        let taken_over = of_forge && production;
        state.app = Some(App {
            properties,
            taken_over,
            ..app
        });
    });
    set_enabled(shared, true).await
}

/// Tries to install an app until it answers; the tries become rarer.
pub(crate) async fn when_ready(shared: &Shared, app_url: &str) {
    let mut wait = Duration::from_millis(200);
    loop {
        match install(shared, app_url).await {
            Ok(()) => {
                tracing::info!(app_url, "the app is installed");
                return;
            }
            Err(error) => tracing::info!(app_url, "not installed yet: {error:#}"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}

/// Enables or disables the app, and tells it.
pub(crate) async fn set_enabled(shared: &Shared, enabled: bool) -> anyhow::Result<()> {
    let event = if enabled { "enabled" } else { "disabled" };
    let app = shared.act(|state| {
        let app = state.app.as_mut().filter(|app| app.installed)?;
        app.enabled = enabled;
        Some(app.clone())
    });
    let app = app.context("no app is installed")?;
    // Forge has its own ways to say this.
    let Some(path) = lifecycle_path(&app, event).filter(|_| !app.taken_over) else {
        return Ok(());
    };
    let body = small_body(shared, &app, event);
    let token = shared.read(|state| {
        let site = &state.site;
        let (key, secret) = (&site.client_key, &site.shared_secret);
        url_bound_token(key, secret, &app.base_url, "POST", &path, None, state.now())
    })?;
    let status = post(shared, &app, &path, &token, &body).await?;
    if !(200..300).contains(&status) {
        tracing::warn!(event, status, "the app did not take a lifecycle event");
    }
    Ok(())
}

/// Uninstalls the app. It is gone whatever it answers.
pub(crate) async fn uninstall(shared: &Shared) -> anyhow::Result<()> {
    let app = shared.read(|state| state.installed_app().cloned());
    let app = app.context("no app is installed")?;
    if let Err(error) = set_enabled(shared, false).await {
        tracing::warn!(%error, "the disabled event was not delivered");
    }
    let body = small_body(shared, &app, "uninstalled");
    let outcome = signed_callback(shared, &app, "uninstalled", &body).await;
    shared.act(|state| {
        if let Some(app) = state.app.as_mut() {
            app.installed = false;
            app.enabled = false;
        }
    });
    outcome.map(|_status| ())
}

fn small_body(shared: &Shared, app: &App, event: &str) -> Value {
    let site = shared.read(|state| state.site.clone());
    json!({
        "key": app.key,
        "clientKey": site.client_key,
        "baseUrl": site.base_url,
        "displayUrl": site.base_url,
        "displayUrlServicedeskHelpCenter": site.base_url,
        "productType": "jira",
        "description": format!("Atlassian Jira at {}", site.base_url),
        "eventType": event,
    })
}

fn lifecycle_path(app: &App, event: &str) -> Option<String> {
    let path = app.descriptor.get("lifecycle")?.get(event)?.as_str()?;
    Some(path.to_owned())
}

/// A lifecycle callback with a signed-install token.
async fn signed_callback(
    shared: &Shared,
    app: &App,
    event: &str,
    body: &Value,
) -> anyhow::Result<u16> {
    let Some(path) = lifecycle_path(app, event) else {
        return Ok(204);
    };
    let base = url::Url::parse(&app.base_url).context("the app's base address")?;
    let base_path = base.path().trim_end_matches('/');
    let qsh = tokens::qsh("POST", &format!("{base_path}{path}"), base_path);
    let (client_key, now) = shared.read(|state| (state.site.client_key.clone(), state.now()));
    let mut claims = tokens::url_bound_claims(&client_key, None, now, &qsh);
    tokens::set(&mut claims, "aud", json!([app.base_url]));
    let token = shared.key.sign(&claims)?;
    post(shared, app, &path, &token, body).await
}

async fn post(
    shared: &Shared,
    app: &App,
    path: &str,
    token: &str,
    body: &Value,
) -> anyhow::Result<u16> {
    let answer = shared
        .http
        .post(format!("{}{path}", app.base_url))
        .header("Authorization", format!("JWT {token}"))
        .header("User-Agent", "Atlassian HttpClient")
        .json(body)
        .send()
        .await
        .with_context(|| format!("calling the app at {path}"))?;
    Ok(answer.status().as_u16())
}

fn new_secret() -> String {
    format!("ATCO{}", clock::random_hex(80))
}

fn app_of(shared: &Shared, descriptor: Value) -> App {
    let text = |name: &str| {
        descriptor
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let scopes = descriptor
        .get("scopes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let scopes: BTreeSet<String> = scopes
        .filter_map(Value::as_str)
        .flat_map(|scope| auth::contained(&scope.to_ascii_uppercase()))
        .map(|scope| (*scope).to_owned())
        .collect();
    let account = shared.read(|state| state.app.as_ref().map(|app| app.account.clone()));
    App {
        key: text("key"),
        name: text("name"),
        base_url: text("baseUrl").trim_end_matches('/').to_owned(),
        scopes,
        account: account.unwrap_or_else(|| format!("557058:{}", clock::random_uuid())),
        properties: std::collections::BTreeMap::default(),
        installed: true,
        enabled: false,
        taken_over: false,
        descriptor,
    }
}

fn app_account(app: &App) -> Account {
    Account {
        id: app.account.clone(),
        name: app.name.clone(),
        email: String::new(),
        token: String::new(),
        is_app: true,
        administers: false,
    }
}
