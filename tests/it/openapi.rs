//! The description of `/api/v1` says what the service does: every route, every answer, every
//! parameter.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::both_databases;
use crate::support::events::Issue;
use crate::support::site::Site;
use crate::support::{Database, TestApp};

/// 2026-11-20, in milliseconds.
const T0: i64 = 1_795_132_800_000;
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Every kind of result, in two runs of one execution.
const FILE: &str = r#"<testsuite name="unit" timestamp="2026-11-20T10:00:00Z">
  <testcase classname="shop.Cart" name="pays" time="1.5">
    <properties><property name="requirement" value="SHOP-7"/></properties>
    <failure message="expected 402, got 500">at cart.rs:88</failure>
  </testcase>
  <testcase classname="shop.Cart" name="ships">
    <properties><property name="requirement" value="SHOP-7"/></properties>
    <skipped/>
  </testcase>
</testsuite>"#;

struct World {
    app: TestApp,
    token: String,
    document: Value,
}

impl World {
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        let story = Issue::new(10_042, "SHOP-7");
        app.deliver(&site, "d-1", &story.created(T0)).await;
        app.applied().await;
        // No token: whoever generates a client has none yet.
        let url = format!("{}/api/v1/openapi.json", app.base);
        let answer = app.http.get(url).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/json");
        let document = answer.json().await.unwrap();
        Self {
            app,
            token,
            document,
        }
    }

    /// Asks, and holds the answer against the description: its status, its form, every member.
    async fn ask(&self, method: &str, described: &str, path: &str, body: &'static str) -> Value {
        let url = format!("{}{path}", self.app.base);
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let asking = self.app.http.request(verb, url).bearer_auth(&self.token);
        let answer = asking.body(body).send().await.unwrap();
        let status = answer.status().as_u16().to_string();
        let form = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        let answer: Value = answer.json().await.unwrap();
        let response = &self.document["paths"][described][method]["responses"][&status];
        let schema = &response["content"][&form]["schema"];
        assert!(
            schema.is_object(),
            "{method} {path}: {status} {form} is not described"
        );
        let schema = json!({
            "allOf": [schema], "components": closed(self.document["components"].clone()),
        });
        let wrong: Vec<_> = jsonschema::validator_for(&schema)
            .unwrap()
            .iter_errors(&answer)
            .map(|why| format!("{} at {}", why, why.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{method} {path}: {wrong:#?}\n{answer:#}");
        answer
    }

    fn operations(&self) -> impl Iterator<Item = (&String, &'static str, &Value)> {
        let paths = self.document["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, item)| {
            METHODS
                .into_iter()
                .filter_map(move |method| Some((path, method, item.get(method)?)))
        })
    }
}

/// Schemas that allow no member they do not name.
fn closed(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(members) => {
            for member in members.values_mut() {
                *member = closed(member.take());
            }
            if members.get("properties").is_some_and(Value::is_object) {
                members
                    .entry("additionalProperties")
                    .or_insert(json!(false));
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = closed(item.take());
            }
        }
        _ => {}
    }
    schema
}

both_databases! {
    async fn every_answer_is_as_it_is_described(database: Database) {
        let world = World::new(database).await;
        let results = "/api/v1/projects/{key}/results";
        let path = "/api/v1/projects/SHOP/results?environment=chrome&environment=safari&fixVersion=1.4";
        let received = world.ask("post", results, path, FILE).await;
        assert_eq!(received["counts"]["tests"], 2);
        world.ask("post", results, "/api/v1/projects/SHOP/results", "no xml").await;
        world.ask("post", results, "/api/v1/projects/1/results", FILE).await;
        let other = "/api/v1/projects/SHOP/results?execution=SHOP-E1&fixVersion=1.5";
        assert_eq!(world.ask("post", results, other, FILE).await["status"], 409);

        let execution = "/api/v1/executions/{key}";
        let held = world.ask("get", execution, "/api/v1/executions/SHOP-E1", "").await;
        assert_eq!(held["runs"].as_array().unwrap().len(), 2);
        world.ask("get", execution, "/api/v1/executions/SHOP-E9", "").await;
        world.ask("get", execution, "/api/v1/executions/SHOP-E1?after=x", "").await;

        let coverage = "/api/v1/issues/{key}/coverage";
        let path = "/api/v1/issues/SHOP-7/coverage";
        let red = world.ask("get", coverage, path, "").await;
        assert_eq!((&red["status"], red["tests"].as_array().unwrap().len()), (&json!("NOK"), 2));
        for query in ["scope=latest&environment=chrome", "scope=version:9", "scope=plan:P9", "scope=plan:"] {
            let path = format!("/api/v1/issues/SHOP-7/coverage?{query}");
            world.ask("get", coverage, &path, "").await;
        }
        world.ask("get", coverage, "/api/v1/issues/SHOP-8/coverage", "").await;

        let readiness = "/api/v1/projects/{key}/readiness";
        for (tail, query) in [
            ("", "scope=version:1.4"), ("", "scope=latest"), ("/gate", "scope=version:1.4"),
            ("/gate", "scope=version:1.4&strict=true"), ("/trend", "scope=version:1.4"), ("/rules", ""),
        ] {
            let path = format!("/api/v1/projects/SHOP/readiness{tail}?{query}");
            world.ask("get", &format!("{readiness}{tail}"), &path, "").await;
        }

        world.ask("get", "/api/v1/issues/{key}", "/api/v1/issues/SHOP-7", "").await;
        world.ask("get", "/api/v1/issues/{key}", "/api/v1/issues/%FF", "").await;
        world.ask("get", "/api/v1/issues/{key}/audit", "/api/v1/issues/SHOP-7/audit", "").await;
        let matrix = "/api/v1/projects/{key}/matrix";
        for query in ["", "?expand=tests&status=NOK", "?scope=version:9", "?status=FINE"] {
            world.ask("get", matrix, &format!("/api/v1/projects/SHOP/matrix{query}"), "").await;
        }
        for (list, query) in [
            ("totals", "?type=Story"), ("backward", ""), ("backward", "?from=tests"), ("orphans", ""),
            ("orphans", "?kind=x"), ("export", "?format=json"), ("export", "?format=x"), ("snapshots", ""),
        ] {
            let path = format!("/api/v1/projects/SHOP/matrix/{list}{query}");
            world.ask("get", &format!("{matrix}/{list}"), &path, "").await;
        }
        let snapshots = format!("{matrix}/snapshots");
        let path = "/api/v1/projects/SHOP/matrix/snapshots";
        let taken = world.ask("post", &snapshots, path, r#"{"name":"Before"}"#).await;
        world.ask("post", &snapshots, path, r#"{"name":""}"#).await;
        let id = taken["id"].as_str().unwrap();
        let held = world.ask("get", &format!("{snapshots}/{{id}}"), &format!("{path}/{id}"), "").await;
        assert_eq!(held["items"].as_array().unwrap().len(), 1);
        world.ask("get", &format!("{snapshots}/{{id}}/compare"), &format!("{path}/{id}/compare"), "").await;

        world.ask("get", "/api/v1/openapi.json", "/api/v1/openapi.json", "").await;
        world.app.stop().await;
    }
}

#[tokio::test]
async fn the_service_takes_what_is_described_and_nothing_else() {
    let world = World::new(Database::sqlite()).await;
    let base = &world.app.base;
    for (path, method, operation) in world.operations() {
        let address = format!("{base}{}", path.replace("{key}", "SHOP-1"));
        let verb = |name: &str| Method::from_bytes(name.to_uppercase().as_bytes()).unwrap();
        let without = world.app.http.request(verb(method), &address).send();
        let open = operation["security"] == json!([{}]) || operation["security"] == json!([]);
        let expected = if open { 200 } else { 401 };
        assert_eq!(without.await.unwrap().status(), expected, "{method} {path}");

        let is_taken = |other: &&str| world.document["paths"][path].get(*other).is_some();
        let taken: Vec<_> = METHODS.into_iter().filter(is_taken).collect();
        for other in METHODS.into_iter().filter(|other| !taken.contains(other)) {
            let refused = world.app.http.request(verb(other), &address).send();
            let refused = refused.await.unwrap();
            assert_eq!(refused.status(), 405, "{other} {path}");
            let allowed = refused.headers()["allow"].to_str().unwrap().to_lowercase();
            assert_eq!(allowed, taken.join(", "), "{path}");
            assert_eq!(
                refused.headers()["content-type"],
                "application/problem+json"
            );
        }

        let parameters = operation["parameters"].as_array();
        let query = parameters.into_iter().flatten();
        for parameter in query.filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            let asking = world
                .app
                .http
                .request(verb(method), format!("{address}?{name}=1"));
            let answer = asking.bearer_auth(&world.token).send().await.unwrap();
            let said = answer.text().await.unwrap();
            assert!(
                !said.contains("means nothing here"),
                "{method} {path}: {said}"
            );
        }
    }
    world.app.stop().await;
}

#[tokio::test]
async fn every_handler_is_described() {
    let world = World::new(Database::sqlite()).await;
    let described: BTreeSet<_> = world
        .operations()
        .map(|(path, method, _)| (method.to_owned(), path.clone()))
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/api/v1");
    let mut written = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_none_or(|kind| kind != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(
            !text.contains(".route("),
            "{}: no route without a description",
            file.display()
        );
        for method in METHODS {
            let attribute = format!("#[{method}(\"");
            let paths = text
                .split(&attribute)
                .skip(1)
                .filter_map(|rest| rest.split_once('"'));
            written.extend(paths.map(|(path, _)| (method.to_owned(), path.to_owned())));
        }
    }
    assert_eq!(written, described);
    let ids = world
        .operations()
        .map(|(_, _, operation)| operation["operationId"].as_str());
    let ids: BTreeSet<_> = ids.map(Option::unwrap).collect();
    assert_eq!(
        ids.len(),
        described.len(),
        "each operation has a name of its own: {ids:?}"
    );
    world.app.stop().await;
}

#[tokio::test]
async fn the_command_prints_what_the_service_answers() {
    let mut world = World::new(Database::sqlite()).await;
    let servers = world.document.as_object_mut().unwrap().remove("servers");
    assert_eq!(servers.unwrap()[0]["url"], world.app.base);
    let printed = Command::new(env!("CARGO_BIN_EXE_touchstone"))
        .arg("openapi")
        .output()
        .unwrap();
    assert!(printed.status.success());
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed, world.document);
    assert_eq!(printed["openapi"], "3.1.0");
    assert_eq!(
        printed["components"]["securitySchemes"]["apiClient"]["scheme"],
        "bearer"
    );
    let results = &printed["paths"]["/api/v1/projects/{key}/results"]["post"]["parameters"];
    let environment = results
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["name"] == "environment");
    assert_eq!(environment.unwrap()["schema"]["type"], "array");
    world.app.stop().await;
}
