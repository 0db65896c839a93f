//! Judging an app's descriptor as a site does before it installs the app.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::auth;

/// Refuses a descriptor a site would refuse.
///
/// Source: the Connect descriptor schema and its documented additions.
pub(crate) fn check(descriptor: &Value) -> anyhow::Result<()> {
    let text = |name: &str| {
        descriptor
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let key = text("key");
    ensure!(
        !key.is_empty()
            && key.len() <= 64
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
        "key: not a valid app key"
    );
    ensure!(
        text("name").chars().count() <= 80 && !text("name").is_empty(),
        "name: 1 to 80 characters"
    );
    let base = url::Url::parse(text("baseUrl")).context("baseUrl: no absolute address")?;
    ensure!(
        matches!(base.scheme(), "http" | "https"),
        "baseUrl: neither http nor https"
    );
    ensure!(
        text("baseUrl").len() <= 200,
        "baseUrl: longer than 200 characters"
    );
    let kind = descriptor
        .get("authentication")
        .and_then(|it| it.get("type"));
    ensure!(
        kind == Some(&json!("jwt")),
        "authentication: the type must be jwt"
    );
    let migrations = descriptor.get("apiMigrations");
    let signed = migrations.and_then(|it| it.get("signed-install")) == Some(&json!(true));
    ensure!(signed, "apiMigrations: signed-install must be true");
    check_scopes(descriptor)?;
    check_lifecycle(descriptor)?;
    check_modules(descriptor)
}

fn check_scopes(descriptor: &Value) -> anyhow::Result<()> {
    let scopes = descriptor
        .get("scopes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for scope in scopes {
        let name = scope.as_str().unwrap_or_default();
        ensure!(
            !auth::contained(&name.to_ascii_uppercase()).is_empty(),
            "scopes: unknown scope {scope}"
        );
    }
    Ok(())
}

fn check_lifecycle(descriptor: &Value) -> anyhow::Result<()> {
    let Some(lifecycle) = descriptor.get("lifecycle") else {
        return Ok(());
    };
    let lifecycle = lifecycle.as_object().context("lifecycle: no object")?;
    for (event, path) in lifecycle {
        let known = [
            "installed",
            "uninstalled",
            "enabled",
            "disabled",
            "dare-migration",
        ];
        ensure!(
            known.contains(&event.as_str()),
            "lifecycle: unknown event {event}"
        );
        let relative = path.as_str().is_some_and(|path| path.starts_with('/'));
        ensure!(relative, "lifecycle.{event}: not a relative path");
    }
    Ok(())
}

fn check_modules(descriptor: &Value) -> anyhow::Result<()> {
    let Some(modules) = descriptor.get("modules") else {
        return Ok(());
    };
    let modules = modules.as_object().context("modules: no object")?;
    let scopes = descriptor
        .get("scopes")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let reads = scopes
        .iter()
        .filter_map(Value::as_str)
        .any(|it| auth::contained(&it.to_ascii_uppercase()).contains(&"READ"));
    let mut keys = BTreeSet::new();
    for (family, content) in modules {
        let single = ["configurePage", "postInstallPage"].contains(&family.as_str())
            || family.ends_with("InfoProvider")
            || family == "jiraDevelopmentTool";
        let entries: Vec<&Value> = match content {
            Value::Array(list) if !single => list.iter().collect(),
            Value::Object(_) if single => vec![content],
            _ => bail!("modules.{family}: wrong shape"),
        };
        ensure!(
            family != "jiraIssueContexts" || entries.len() <= 1,
            "modules.jiraIssueContexts: at most one"
        );
        for entry in entries {
            if family == "webhooks" {
                check_webhook(entry, reads)?;
                continue;
            }
            let key = entry.get("key").and_then(Value::as_str).unwrap_or_default();
            let good = !key.is_empty()
                && key.len() <= 100
                && key
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            // The keys of entity properties and the like follow the same rule.
            ensure!(good, "modules.{family}: {key:?} is not a valid module key");
            ensure!(
                keys.insert(key.to_owned()),
                "modules.{family}: the key {key} is used twice"
            );
            if let Some(name) = entry.get("name") {
                let value = name.get("value").and_then(Value::as_str);
                ensure!(
                    value.is_some(),
                    "modules.{family}.{key}: name needs a value"
                );
            }
        }
    }
    Ok(())
}

fn check_webhook(entry: &Value, reads: bool) -> anyhow::Result<()> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    ensure!(
        !text("event").is_empty(),
        "modules.webhooks: an event is missing"
    );
    ensure!(
        text("url").starts_with('/'),
        "modules.webhooks: the url is not a relative path"
    );
    ensure!(
        reads,
        "modules.webhooks: the app defines features that need the READ scope"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor() -> Value {
        json!({
            "key": "org.example.app",
            "name": "App",
            "baseUrl": "http://127.0.0.1:8080",
            "authentication": { "type": "jwt" },
            "apiMigrations": { "signed-install": true, "context-qsh": true, "gdpr": true },
            "scopes": ["READ", "WRITE"],
            "lifecycle": { "installed": "/connect/installed" },
            "modules": {
                "webhooks": [{ "event": "jira:issue_updated", "url": "/connect/webhook" }],
                "adminPages": [{ "key": "admin", "name": { "value": "Admin" }, "url": "/admin" }],
            },
        })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut out = descriptor();
        *out.pointer_mut(pointer).unwrap() = value;
        out
    }

    #[test]
    fn a_descriptor_is_refused_for_what_a_site_would_refuse() {
        check(&descriptor()).unwrap();
        let wrong = [
            with("/key", json!("with space")),
            with("/scopes", json!(["READ", "EVERYTHING"])),
            with("/scopes", json!(["NONE"])),
            with("/authentication/type", json!("none")),
            with(
                "/lifecycle/installed",
                json!("https://elsewhere.example/installed"),
            ),
            with("/modules/adminPages/0/key", json!("under_score")),
            with("/modules/adminPages/0/name", json!("bare text")),
            with("/modules/webhooks/0/url", json!("connect/webhook")),
            with("/apiMigrations/signed-install", json!(false)),
        ];
        for descriptor in wrong {
            assert!(check(&descriptor).is_err(), "{descriptor}");
        }
    }
}
