//! The descriptor against Jira's schema, and against our own routes.

use std::collections::BTreeSet;

use super::*;

fn descriptor(base_url: &str) -> Value {
    serde_json::from_str(&render(base_url, "com.example.app").unwrap()).unwrap()
}

/// Every address in the descriptor, by the name of its field.
fn addresses<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "url" && text.starts_with('/') => {
                        found.insert(text);
                    }
                    _ => addresses(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| addresses(item, found)),
        _ => {}
    }
}

#[test]
fn key_and_address_are_those_of_this_service() {
    let descriptor = descriptor("https://app.example.com/jira");
    assert_eq!(descriptor["key"], "com.example.app");
    assert_eq!(descriptor["baseUrl"], "https://app.example.com/jira");
    assert_eq!(
        descriptor["links"]["self"],
        "https://app.example.com/jira/atlassian-connect.json"
    );
    let text = descriptor.to_string();
    assert!(!text.contains("touchstone.example.com"), "{text}");
}

#[test]
fn it_asks_for_no_more_than_it_uses() {
    let descriptor = descriptor("https://app.example.com");
    assert_eq!(descriptor["scopes"], json!(["READ", "WRITE"]));
    assert_eq!(
        descriptor["apiMigrations"],
        json!({ "signed-install": true, "context-qsh": true, "gdpr": true })
    );
    let mut found = BTreeSet::new();
    addresses(&descriptor["modules"], &mut found);
    assert_eq!(
        Vec::from_iter(found),
        [
            "/assets/app/app.svg",
            "/connect/admin",
            "/connect/context?issueKey={issue.key}&issueId={issue.id}&projectKey={project.key}",
            "/connect/gadget?dashboardId={dashboard.id}&dashboardItemId={dashboardItem.id}",
            "/connect/issue?issueKey={issue.key}&issueId={issue.id}&projectKey={project.key}",
            "/connect/project?projectKey={project.key}",
            "/connect/webhook",
        ]
    );
}

#[test]
fn jiras_schema_takes_it() {
    let Some(schema) = schema(true) else { return };
    let errors: Vec<_> = schema
        .iter_errors(&descriptor("https://app.example.com/jira"))
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, [""; 0]);
}

/// That the schema is read right: every reference case comes out as it should.
#[test]
fn the_schema_tells_good_descriptors_from_bad_ones() {
    let (Some(old), Some(new)) = (schema(false), schema(true)) else {
        return;
    };
    let read = |name: &str| -> Value {
        let text = crate::testing::reference(&format!("connect/{name}")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let example = read("descriptor-example.json");
    for case in read("descriptor-cases.json")["cases"].as_array().unwrap() {
        let mut edited = example.clone();
        let patch: json_patch::Patch = serde_json::from_value(case["patch"].clone()).unwrap();
        json_patch::patch(&mut edited, &patch).unwrap();
        assert_eq!(
            old.is_valid(&edited),
            case["schema_2019"],
            "{}",
            case["name"]
        );
        assert_eq!(
            new.is_valid(&edited),
            case["schema_with_additions"],
            "{}",
            case["name"]
        );
    }
}

fn schema(with_additions: bool) -> Option<jsonschema::Validator> {
    let read = |name: &str| crate::testing::reference(&format!("connect/{name}"));
    let mut schema: Value = serde_json::from_str(&read("descriptor-schema.json")?).unwrap();
    if with_additions {
        let additions = read("descriptor-schema.additions.json")?;
        json_patch::merge(&mut schema, &serde_json::from_str(&additions).unwrap());
    }
    // The schema calls paths of ours URIs; Jira takes them as they are.
    let options = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft4)
        .should_validate_formats(false);
    Some(options.build(&schema).unwrap())
}
