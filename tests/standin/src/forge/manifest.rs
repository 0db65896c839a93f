//! The app's Forge manifest, as far as a site acts on it: what it subscribes to, where calls go,
//! which tokens go with them, and its pages.
//!
//! Read from the app's own `manifest.yml` or, without one, from a built-in sample. Variables have
//! their defaults, but the app's id comes from the options and its address from the installation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use crate::jql_property::Alias;

/// One subscription to events.
#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    pub(crate) endpoint: String,
    pub(crate) events: BTreeSet<String>,
    /// `filter.ignoreSelf`: events the app caused are not sent.
    pub(crate) ignores_self: bool,
}

/// Where calls go, and which tokens go with them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoint {
    pub(crate) route: String,
    pub(crate) system_token: bool,
    pub(crate) user_token: bool,
}

/// A page of the app.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// `jira:issuePanel` and the like.
    pub(crate) kind: String,
    pub(crate) key: String,
    pub(crate) title: String,
    /// `resource/entry`.
    pub(crate) resource: String,
    /// The page that edits a gadget.
    pub(crate) edit: Option<String>,
    pub(crate) endpoint: String,
}

/// The manifest.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// `app.connect.key`: the Connect app that lives on in this one.
    pub(crate) connect_key: Option<String>,
    pub(crate) scopes: BTreeSet<String>,
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    pub(crate) pages: Vec<Page>,
    /// Module key and endpoint of `preUninstall`.
    pub(crate) pre_uninstall: Option<(String, String)>,
    /// Module key and endpoint of the hourly schedule.
    pub(crate) hourly: Option<(String, String)>,
    /// Names that JQL knows values of issue properties by.
    pub(crate) aliases: Vec<Alias>,
    /// File of each `resource/entry`.
    files: BTreeMap<String, String>,
    /// Folder of each resource.
    folders: BTreeMap<String, PathBuf>,
}

impl Manifest {
    /// Reads `manifest.yml`, or takes the sample.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = file else {
            return Ok(Self::read(
                &serde_json::from_str(include_str!("manifest.json"))?,
                Path::new(""),
            ));
        };
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("reading the manifest {}", file.display()))?;
        let read = read_yaml(&text)
            .with_context(|| format!("the manifest {} is not YAML", file.display()))?;
        Ok(Self::read(&read, file.parent().unwrap_or(Path::new(""))))
    }

    fn read(all: &Value, home: &Path) -> Self {
        let modules = all.get("modules").cloned().unwrap_or_default();
        let scopes = match all.pointer("/permissions/scopes") {
            Some(Value::Array(list)) => list.iter().map(word).collect(),
            Some(Value::Object(map)) => map.keys().cloned().collect(),
            _ => BTreeSet::new(),
        };
        let keyed = |kind: &str| {
            let found = list(&modules, kind).first()?;
            Some((text(found, "/key"), text(found, "/endpoint")))
        };
        Self {
            connect_key: all
                .pointer("/app/connect/key")
                .and_then(Value::as_str)
                .map(str::to_owned),
            scopes,
            triggers: list(&modules, "trigger").iter().map(trigger).collect(),
            endpoints: list(&modules, "endpoint").iter().map(endpoint).collect(),
            pages: pages(&modules),
            pre_uninstall: keyed("preUninstall"),
            hourly: list(&modules, "scheduledTrigger")
                .iter()
                .find(|it| text(it, "/interval") == "hour")
                .map(|it| (text(it, "/key"), text(it, "/endpoint"))),
            aliases: aliases(&modules),
            files: files(all),
            folders: folders(all, home),
        }
    }

    /// An endpoint; one that is not declared has no route and no tokens.
    pub(crate) fn endpoint(&self, key: &str) -> Endpoint {
        self.endpoints.get(key).cloned().unwrap_or_default()
    }

    /// The first page of a kind.
    pub(crate) fn page_of(&self, kind: &str) -> Option<&Page> {
        self.pages.iter().find(|it| it.kind == kind)
    }

    /// A page by its module key.
    pub(crate) fn page(&self, key: &str) -> Option<&Page> {
        self.pages.iter().find(|it| it.key == key)
    }

    /// Where on the host of pages a `resource/entry` stands.
    pub(crate) fn address(&self, resource: &str) -> Option<String> {
        let folder = resource.split('/').next().unwrap_or_default();
        let file = self.files.get(resource)?;
        Some(format!("/{folder}/{file}"))
    }

    /// The folder of a resource's files.
    pub(crate) fn folder(&self, resource: &str) -> Option<&Path> {
        self.folders.get(resource).map(PathBuf::as_path)
    }
}

/// The manifest with each `${NAME}` replaced by the variable's default.
fn read_yaml(text: &str) -> Result<Value, serde_saphyr::Error> {
    let read: Value = serde_saphyr::from_str(text)?;
    let variables = read.pointer("/environment/variables");
    let variables = variables.and_then(Value::as_array).into_iter().flatten();
    let filled = variables.fold(text.to_owned(), |filled, it| {
        filled.replace(
            &format!("${{{}}}", self::text(it, "/key")),
            &self::text(it, "/default"),
        )
    });
    serde_saphyr::from_str(&filled)
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).map(word).unwrap_or_default()
}

fn list<'a>(modules: &'a Value, kind: &str) -> &'a [Value] {
    let found = modules.get(kind).and_then(Value::as_array);
    found.map(Vec::as_slice).unwrap_or_default()
}

fn trigger(value: &Value) -> Trigger {
    let events = value.get("events").and_then(Value::as_array);
    Trigger {
        endpoint: text(value, "/endpoint"),
        events: events.into_iter().flatten().map(word).collect(),
        ignores_self: value.pointer("/filter/ignoreSelf") == Some(&Value::Bool(true)),
    }
}

fn aliases(modules: &Value) -> Vec<Alias> {
    let properties = list(modules, "jira:entityProperty").iter();
    let of_issues = properties.filter(|it| text(it, "/entityType") == "issue");
    let all = of_issues.flat_map(|property| {
        let values = property.get("values").and_then(Value::as_array);
        values.into_iter().flatten().map(|value| Alias {
            name: text(value, "/searchAlias"),
            key: text(property, "/propertyKey"),
            path: text(value, "/path"),
            kind: text(value, "/type"),
        })
    });
    all.collect()
}

fn endpoint(value: &Value) -> (String, Endpoint) {
    let on =
        |name: &str| value.pointer(&format!("/auth/{name}/enabled")) == Some(&Value::Bool(true));
    let read = Endpoint {
        route: text(value, "/route/path"),
        system_token: on("appSystemToken"),
        user_token: on("appUserToken"),
    };
    (text(value, "/key"), read)
}

fn pages(modules: &Value) -> Vec<Page> {
    let kinds = modules.as_object().into_iter().flatten();
    let jira = kinds.filter(|(kind, _)| kind.starts_with("jira:"));
    let entries = jira.flat_map(|(kind, _)| list(modules, kind).iter().map(move |it| (kind, it)));
    entries
        .filter(|(_, it)| it.get("resource").is_some())
        .map(|(kind, it)| Page {
            kind: kind.clone(),
            key: text(it, "/key"),
            title: text(it, "/title"),
            resource: text(it, "/resource"),
            edit: it.pointer("/edit/resource").map(word),
            endpoint: text(it, "/resolver/endpoint"),
        })
        .collect()
}

/// A resource with one page is named by its key alone.
fn files(all: &Value) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let resources = all.get("resources").and_then(Value::as_array);
    for resource in resources.into_iter().flatten() {
        let key = text(resource, "/key");
        match resource.get("entry") {
            Some(Value::Object(entries)) => {
                for (name, file) in entries {
                    out.insert(format!("{key}/{name}"), word(file));
                }
            }
            _ => {
                out.insert(key, "index.html".to_owned());
            }
        }
    }
    out
}

fn folders(all: &Value, home: &Path) -> BTreeMap<String, PathBuf> {
    let resources = all.get("resources").and_then(Value::as_array);
    let each = resources.into_iter().flatten();
    each.map(|it| (text(it, "/key"), home.join(text(it, "/path"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_what_a_site_acts_on() {
        let manifest = Manifest::load(None).unwrap();
        let panel = manifest.page_of("jira:issuePanel").unwrap();
        let address = manifest.address(&panel.resource);
        assert_eq!(address.as_deref(), Some("/ui/panel.html"));
        assert!(manifest.endpoint(&panel.endpoint).user_token);
        let hourly = manifest.hourly.clone().unwrap();
        assert_eq!(
            manifest.endpoint(&hourly.1).route,
            "/forge/scheduled/hourly"
        );
        let own = "avi:jira:updated:issue";
        assert!(
            manifest
                .triggers
                .iter()
                .any(|it| it.events.contains(own) && it.ignores_self)
        );
    }

    #[test]
    fn a_manifest_in_yaml_reads_the_same() {
        let yaml = "environment:\n  variables:\n    - key: KEY\n      default: org.example\napp:\n  connect:\n    key: ${KEY}\nmodules:\n  endpoint:\n    - key: e\n      route:\n        path: /e\npermissions:\n  scopes:\n    read:jira-work:\n      allowImpersonation: true\n";
        let read = read_yaml(yaml).unwrap();
        let manifest = Manifest::read(&read, Path::new("home"));
        assert_eq!(manifest.connect_key.as_deref(), Some("org.example"));
        assert_eq!(manifest.endpoint("e").route, "/e");
        assert!(manifest.scopes.contains("read:jira-work"));
    }
}
