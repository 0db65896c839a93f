//! `GET /api/v1/docs`: the description of this interface as a page for people. Takes no token.
//!
//! Made from the same document that programs get, when the first reader asks for it; it runs no
//! script and loads nothing from elsewhere.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use askama::Template;
use serde_json::Value;

use super::document::document;
use crate::app::App;
use crate::problem::Problem;
use crate::web::frame::root;
use crate::web::{assets, headers};

/// What a value looks like: a word, or a link to a form with words around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Form {
    before: String,
    name: String,
    after: String,
}

/// A parameter, a member or an answer.
#[derive(Debug, Clone, Default)]
struct Line {
    name: String,
    place: String,
    is_needed: bool,
    form: Form,
    meaning: String,
}

#[derive(Debug, Clone)]
struct Operation {
    id: String,
    method: &'static str,
    path: String,
    summary: String,
    description: String,
    parameters: Vec<Line>,
    body: Option<Form>,
    answers: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Group {
    name: String,
    operations: Vec<Operation>,
}

#[derive(Debug, Clone)]
struct NamedForm {
    name: String,
    description: String,
    members: Vec<Line>,
}

#[derive(Template)]
#[template(path = "reference/page.html")]
struct Page<'a> {
    title: &'a str,
    description: &'a str,
    style: String,
    document: String,
    groups: &'a [Group],
    forms: &'a [NamedForm],
}

/// What the page says; the addresses around it are the request's.
struct Contents {
    title: String,
    description: String,
    groups: Vec<Group>,
    forms: Vec<NamedForm>,
}

static CONTENTS: LazyLock<Contents> = LazyLock::new(contents);

/// This interface, for people
#[utoipa::path(
    operation_id = "read",
    tag = "description",
    security(()),
    responses((status = 200, description = "A page.", body = String, content_type = "text/html"))
)]
#[get("/api/v1/docs")]
pub async fn show(app: Data<App>) -> Result<HttpResponse, Problem> {
    let root = root(&app.config);
    let contents = &*CONTENTS;
    let page = Page {
        title: &contents.title,
        description: &contents.description,
        style: assets::address(&root, "reference.css"),
        document: format!("{root}/api/v1/openapi.json"),
        groups: &contents.groups,
        forms: &contents.forms,
    };
    let html = page
        .render()
        .map_err(|why| Problem::internal().because(why))?;
    let mut answer = HttpResponse::Ok();
    headers::protect(&mut answer, &app.config, None);
    Ok(answer.content_type("text/html; charset=utf-8").body(html))
}

fn contents() -> Contents {
    let document = serde_json::to_value(document()).unwrap_or_default();
    let mut groups: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
    for (path, item) in members(&document, "/paths") {
        for method in ["get", "post", "put", "patch", "delete"] {
            if let Some(described) = item.get(method) {
                let group = groups.entry(text(described, "/tags/0")).or_default();
                group.push(operation(path, method, described));
            }
        }
    }
    let groups = groups.into_iter();
    Contents {
        title: text(&document, "/info/title"),
        description: text(&document, "/info/description"),
        groups: groups
            .map(|(name, operations)| Group { name, operations })
            .collect(),
        forms: members(&document, "/components/schemas")
            .map(|(name, schema)| NamedForm {
                name: name.clone(),
                description: text(schema, "/description"),
                members: lines(schema),
            })
            .collect(),
    }
}

fn operation(path: &str, method: &'static str, described: &Value) -> Operation {
    let parameter = |one: &Value| Line {
        name: text(one, "/name"),
        place: text(one, "/in"),
        is_needed: one.get("required") == Some(&Value::Bool(true)),
        form: form(one.get("schema")),
        meaning: text(one, "/description"),
    };
    let content = |holder: &Value| {
        let (media_type, content) = members(holder, "/content").next()?;
        let form = form(content.get("schema"));
        let is_json = media_type.ends_with("json");
        Some(if is_json { form } else { word(media_type) })
    };
    let parameters = described.get("parameters").and_then(Value::as_array);
    Operation {
        id: text(described, "/operationId"),
        method,
        path: path.to_owned(),
        summary: text(described, "/summary"),
        description: text(described, "/description"),
        parameters: parameters.into_iter().flatten().map(parameter).collect(),
        body: described.get("requestBody").and_then(content),
        answers: members(described, "/responses")
            .map(|(status, answer)| Line {
                name: status.clone(),
                form: content(answer).unwrap_or_default(),
                meaning: text(answer, "/description"),
                ..Line::default()
            })
            .collect(),
    }
}

/// The members of an object's schema.
fn lines(schema: &Value) -> Vec<Line> {
    let needed = schema.get("required").and_then(Value::as_array);
    let is_needed = |name: &String| {
        let mut needed = needed.into_iter().flatten();
        needed.any(|one| one.as_str() == Some(name))
    };
    members(schema, "/properties")
        .map(|(name, member)| Line {
            name: name.clone(),
            is_needed: is_needed(name),
            form: form(Some(member)),
            meaning: text(member, "/description"),
            ..Line::default()
        })
        .collect()
}

/// What a schema describes, in few words.
fn form(schema: Option<&Value>) -> Form {
    let Some(schema) = schema else {
        return Form::default();
    };
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
        return Form {
            name,
            ..Form::default()
        };
    }
    let choices = ["oneOf", "anyOf", "allOf"].into_iter();
    let mut choices = choices
        .filter_map(|name| schema.get(name)?.as_array())
        .flatten();
    if let Some(choice) = choices.find(|choice| text(choice, "/type") != "null") {
        return form(Some(choice));
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return word(&words.join(", "));
    }
    let kinds = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(kind)) => vec![kind.as_str()],
        _ => Vec::new(),
    };
    let kind = kinds.iter().find(|kind| **kind != "null").copied();
    match kind {
        Some("array") => {
            let mut item = form(schema.get("items"));
            item.before = format!("list of {}", item.before);
            item
        }
        Some(kind) => word(kind),
        None => Form::default(),
    }
}

fn word(text: &str) -> Form {
    Form {
        before: text.to_owned(),
        ..Form::default()
    }
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

fn members<'a>(
    value: &'a Value,
    pointer: &str,
) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
    let found = value.pointer(pointer).and_then(Value::as_object);
    found.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_operation_and_form_is_on_the_page() {
        let contents = contents();
        let operations = contents.groups.iter().flat_map(|group| &group.operations);
        let run = operations
            .clone()
            .find(|one| one.id == "changeRun")
            .unwrap();
        assert_eq!(
            (run.method, run.body.as_ref().unwrap().name.as_str()),
            ("patch", "RunChange")
        );
        let names: Vec<_> = run.parameters.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["key", "number", "If-Match"]);
        for operation in operations {
            for form in operation
                .answers
                .iter()
                .map(|one| &one.form)
                .chain(&operation.body)
            {
                let is_known = contents.forms.iter().any(|one| one.name == form.name);
                assert!(
                    form.name.is_empty() || is_known,
                    "{}: {form:?}",
                    operation.id
                );
            }
        }
    }

    #[test]
    fn a_form_is_told_in_few_words() {
        let of = |schema: Value| {
            let Form {
                before,
                name,
                after,
            } = form(Some(&schema));
            format!("{before}{name}{after}")
        };
        assert_eq!(of(json!({ "type": ["string", "null"] })), "string");
        assert_eq!(
            of(json!({ "type": "array", "items": { "$ref": "#/x/Run" } })),
            "list of Run"
        );
        assert_eq!(
            of(json!({ "oneOf": [{ "type": "null" }, { "$ref": "#/x/Run" }] })),
            "Run"
        );
        assert_eq!(of(json!({ "type": "string", "enum": ["a", "b"] })), "a, b");
    }
}
