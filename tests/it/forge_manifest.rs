//! The manifest of the Forge app against the service it describes: every address it names is answered,
//! every event it asks for is read, every scope it asks for is used, and nothing that is used is
//! missing. Forge would notice none of this before a site does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use touchstone::domain::issue::JiraEvent;
use touchstone::jira::payload::forge;

use crate::support::{Database, TestApp};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> Value {
    let text = fs::read_to_string(root().join("deploy/forge").join(name)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// The modules of a kind.
fn modules<'a>(manifest: &'a Value, kind: &str) -> Vec<&'a Value> {
    let all = manifest["modules"][kind].as_array();
    all.into_iter().flatten().collect()
}

fn texts(list: &Value) -> BTreeSet<&str> {
    let all = list.as_array().into_iter().flatten();
    all.map(|one| one.as_str().unwrap()).collect()
}

/// Endpoints by key, with the path that is called; pages say their own.
fn endpoints(manifest: &Value) -> BTreeMap<&str, Option<&str>> {
    let all = modules(manifest, "endpoint").into_iter();
    all.map(|one| (one["key"].as_str().unwrap(), one["route"]["path"].as_str()))
        .collect()
}

#[tokio::test]
async fn every_address_of_the_manifest_is_answered_by_the_service() {
    let manifest = read("manifest.yml");
    let app_id = "ari:cloud:ecosystem::app/1c2d3e4f-0000-4000-8000-000000000000";
    let options = ["--app-id", app_id];
    let app = TestApp::spawn_with(Database::sqlite(), &options).await;
    let called: BTreeSet<&str> = endpoints(&manifest).into_values().flatten().collect();
    assert_eq!(
        Vec::from_iter(&called),
        [
            &"/forge/events/jira",
            &"/forge/events/lifecycle",
            &"/forge/events/pre-uninstall",
            &"/forge/scheduled/hourly",
        ]
    );
    for path in called {
        let url = format!("{}{path}", app.base);
        let post = app.http.post(&url).body("{}").send().await.unwrap();
        assert_eq!(post.status(), 401, "{path} is there and asks for a token");
        let get = app.http.get(&url).send().await.unwrap();
        assert_eq!(get.status(), 405, "{path} takes POST alone");
    }
    app.stop().await;
}

#[test]
fn what_calls_the_service_names_an_endpoint_that_brings_the_right_tokens() {
    let manifest = read("manifest.yml");
    let endpoints = endpoints(&manifest);
    for kind in ["trigger", "scheduledTrigger", "preUninstall"] {
        for module in modules(&manifest, kind) {
            let endpoint = module["endpoint"].as_str().unwrap();
            assert!(endpoints[endpoint].is_some(), "{kind} {module}");
        }
    }
    let pages = [
        "jira:issuePanel",
        "jira:issueContext",
        "jira:projectPage",
        "jira:dashboardGadget",
        "jira:adminPage",
    ];
    let entries = manifest["resources"][0]["entry"].as_object().unwrap();
    let mut shown = BTreeSet::new();
    for module in pages.iter().flat_map(|kind| modules(&manifest, kind)) {
        assert_eq!(module["resolver"]["endpoint"], "pages", "{module}");
        for resource in [&module["resource"], &module["edit"]["resource"]] {
            shown.extend(
                resource
                    .as_str()
                    .map(|name| name.strip_prefix("pages/").unwrap()),
            );
        }
    }
    let entries: BTreeSet<&str> = entries.keys().map(String::as_str).collect();
    assert_eq!(shown, entries, "each page is shown by a module");
    for endpoint in modules(&manifest, "endpoint") {
        let enabled = |token: &str| endpoint["auth"][token]["enabled"] == true;
        // A page acts as the person alone; Forge's own calls act as the app.
        let is_of_pages = endpoint["key"] == "pages";
        assert_eq!(enabled("appUserToken"), is_of_pages, "{endpoint}");
        assert_eq!(enabled("appSystemToken"), !is_of_pages, "{endpoint}");
    }
}

/// The script opens a page by its name; the build makes one for each entry.
#[test]
fn every_page_of_the_manifest_is_built_and_knows_what_to_ask_for() {
    let manifest = read("manifest.yml");
    let build = fs::read_to_string(root().join("deploy/forge/build.mjs")).unwrap();
    let opening = fs::read_to_string(root().join("ui/src/opening.ts")).unwrap();
    for (name, file) in manifest["resources"][0]["entry"].as_object().unwrap() {
        assert_eq!(file.as_str().unwrap(), format!("{name}.html"));
        let names = |text: &str| {
            text.contains(&format!("\n  {name}: ")) || text.contains(&format!("\n  \"{name}\": "))
        };
        assert!(names(&build) && names(&opening), "{name}");
    }
}

#[test]
fn every_event_the_manifest_asks_for_has_an_effect() {
    let manifest = read("manifest.yml");
    let mut asked = BTreeSet::new();
    for trigger in modules(&manifest, "trigger") {
        let events = texts(&trigger["events"]);
        let is_of_jira = trigger["endpoint"] == "jira-events";
        for event in &events {
            assert_eq!(event.starts_with("avi:jira"), is_of_jira, "{event}");
        }
        if is_of_jira {
            asked.extend(events.into_iter().map(str::to_owned));
        }
    }
    for event in &asked {
        let body = format!(r#"{{"eventType":"{event}","timestamp":"1795511520000"}}"#);
        // A body that lacks everything is an error for an event that matters, and for no other.
        let read = forge::parse(body.as_bytes());
        assert!(
            !matches!(read, Ok(JiraEvent::PassedOver(_))),
            "{event}: {read:?}"
        );
    }
    assert_eq!(asked.len(), 16);
}

/// The scope of every call the service makes, by the beginning of its path.
const SCOPES: [(&str, &[&str]); 13] = [
    ("/rest/api/2/issue", &["write:jira-work"]),
    ("/rest/api/3/comment/list", &["read:jira-work"]),
    ("/rest/api/3/issueLink", &["write:jira-work"]),
    ("/rest/api/3/issue", &["read:jira-work", "write:jira-work"]),
    ("/rest/api/3/mypermissions", &["read:jira-work"]),
    ("/rest/api/3/myself", &["read:jira-user"]),
    ("/rest/api/3/permissions/check", &["read:jira-work"]),
    ("/rest/api/3/project", &["read:jira-work"]),
    ("/rest/api/3/search/approximate-count", &["read:jira-work"]),
    ("/rest/api/3/search/jql", &["read:jira-work"]),
    ("/rest/api/3/serverInfo", &[]),
    ("/rest/api/3/status", &["read:jira-work"]),
    ("/rest/atlassian-connect/1/addons", &["read:connect-jira"]),
];

#[test]
fn the_scopes_are_those_the_service_uses() {
    let mut needed: BTreeSet<&str> = ["read:app-system-token", "read:app-user-token"].into();
    for (file, path) in called_paths() {
        let known = SCOPES.iter().find(|(begins, _)| path.starts_with(begins));
        let (_, scopes) = known.unwrap_or_else(|| {
            panic!(
                "{} calls {path}: say here which scope that needs",
                file.display()
            )
        });
        needed.extend(scopes.iter());
    }
    let manifest = read("manifest.yml");
    let joined = read("connect.yml");
    let of_connect = ["read:connect-jira", "write:connect-jira"];
    needed.retain(|scope| !of_connect.contains(scope));
    assert_eq!(texts(&manifest["permissions"]["scopes"]), needed);
    assert_eq!(texts(&joined["permissions"]["scopes"]), of_connect.into());
}

/// Every address of Jira's API in the sources, and where it stands.
fn called_paths() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // What it names are its own addresses.
                if !path.ends_with("web/api/xray") {
                    folders.push(path);
                }
                continue;
            }
            let is_test = path.to_str().unwrap().contains("test");
            if is_test || path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let calls = code.split("\"/rest/").skip(1);
            found.extend(calls.map(|rest| {
                let rest = rest.split(['"', '{']).next().unwrap();
                (path.clone(), format!("/rest/{rest}"))
            }));
        }
    }
    assert!(found.len() > 8, "{found:?}");
    found
}

/// The Connect half of the joined app leads to routes of the Connect edge.
#[tokio::test]
async fn the_joined_app_names_the_connect_lifecycle_of_the_service() {
    let app = TestApp::spawn(Database::sqlite()).await;
    let joined = read("connect.yml");
    assert_eq!(
        joined["app"]["connect"]["remote"],
        read("manifest.yml")["remotes"][0]["key"]
    );
    let lifecycle = &joined["connectModules"]["jira:lifecycle"][0];
    for event in ["installed", "uninstalled"] {
        let url = format!("{}{}", app.base, lifecycle[event].as_str().unwrap());
        let answer = app.http.post(url).body("{}").send().await.unwrap();
        assert_eq!(answer.status(), 401, "{event}");
    }
    app.stop().await;
}
