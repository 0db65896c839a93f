//! Judging ADF documents, as strictly as Jira does.
//!
//! Jira refuses a document that breaks the schema, so the stand-in must, too. Source of the rules:
//! the ADF schema of `@atlaskit/adf-schema`.

use serde_json::{Map, Value, json};

use crate::text::{attribute, children, text_of};

const INLINE: &[&str] = &[
    "text",
    "hardBreak",
    "status",
    "emoji",
    "mention",
    "inlineCard",
    "date",
    "placeholder",
    "inlineExtension",
    "mediaInline",
];
const PANEL_BLOCKS: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "blockCard",
    "mediaGroup",
    "mediaSingle",
    "rule",
    "taskList",
    "decisionList",
];
const CELL_BLOCKS: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "blockCard",
    "mediaGroup",
    "mediaSingle",
    "rule",
    "taskList",
    "decisionList",
    "panel",
    "blockquote",
    "nestedExpand",
    "extension",
    "embedCard",
];
const TOP_BLOCKS: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "blockCard",
    "mediaGroup",
    "mediaSingle",
    "rule",
    "taskList",
    "decisionList",
    "panel",
    "blockquote",
    "table",
    "expand",
    "extension",
    "bodiedExtension",
    "embedCard",
    "layoutSection",
];

/// What may stand in a node, whether it may stand empty, and the attributes it may carry.
struct Rule {
    children: &'static [&'static str],
    may_be_empty: bool,
    attributes: &'static [&'static str],
}

const fn rule(
    children: &'static [&'static str],
    may_be_empty: bool,
    attributes: &'static [&'static str],
) -> Rule {
    Rule {
        children,
        may_be_empty,
        attributes,
    }
}

static RULES: [(&str, Rule); 32] = [
    ("doc", rule(TOP_BLOCKS, true, &[])),
    ("paragraph", rule(INLINE, true, &["localId"])),
    ("heading", rule(INLINE, true, &["level", "localId"])),
    ("bulletList", rule(&["listItem"], false, &["localId"])),
    (
        "orderedList",
        rule(&["listItem"], false, &["order", "localId"]),
    ),
    (
        "listItem",
        rule(
            &[
                "paragraph",
                "bulletList",
                "orderedList",
                "codeBlock",
                "mediaSingle",
                "taskList",
            ],
            false,
            &["localId"],
        ),
    ),
    (
        "codeBlock",
        rule(&["text"], true, &["language", "uniqueId", "localId"]),
    ),
    (
        "panel",
        rule(
            PANEL_BLOCKS,
            false,
            &[
                "panelType",
                "panelIcon",
                "panelIconId",
                "panelIconText",
                "panelColor",
                "localId",
            ],
        ),
    ),
    (
        "blockquote",
        rule(
            &[
                "paragraph",
                "bulletList",
                "orderedList",
                "codeBlock",
                "mediaSingle",
                "mediaGroup",
            ],
            false,
            &["localId"],
        ),
    ),
    (
        "table",
        rule(
            &["tableRow"],
            false,
            &[
                "isNumberColumnEnabled",
                "layout",
                "localId",
                "width",
                "displayMode",
            ],
        ),
    ),
    (
        "tableRow",
        rule(&["tableCell", "tableHeader"], true, &["localId"]),
    ),
    (
        "tableCell",
        rule(
            CELL_BLOCKS,
            false,
            &["colspan", "rowspan", "colwidth", "background", "localId"],
        ),
    ),
    (
        "tableHeader",
        rule(
            CELL_BLOCKS,
            false,
            &["colspan", "rowspan", "colwidth", "background", "localId"],
        ),
    ),
    ("expand", rule(CELL_BLOCKS, false, &["title", "localId"])),
    (
        "nestedExpand",
        rule(CELL_BLOCKS, false, &["title", "localId"]),
    ),
    (
        "taskList",
        rule(&["taskItem", "taskList"], false, &["localId"]),
    ),
    ("taskItem", rule(INLINE, true, &["localId", "state"])),
    ("decisionList", rule(&["decisionItem"], false, &["localId"])),
    ("decisionItem", rule(INLINE, true, &["localId", "state"])),
    (
        "mediaSingle",
        rule(
            &["media"],
            false,
            &["layout", "width", "widthType", "localId"],
        ),
    ),
    ("mediaGroup", rule(&["media"], false, &["localId"])),
    (
        "media",
        rule(
            &[],
            true,
            &[
                "id",
                "type",
                "collection",
                "alt",
                "width",
                "height",
                "occurrenceKey",
                "url",
                "localId",
            ],
        ),
    ),
    (
        "mediaInline",
        rule(
            &[],
            true,
            &[
                "id",
                "type",
                "collection",
                "alt",
                "width",
                "height",
                "occurrenceKey",
                "url",
                "localId",
            ],
        ),
    ),
    ("rule", rule(&[], true, &["localId"])),
    ("text", rule(&[], true, &[])),
    ("hardBreak", rule(&[], true, &["text", "localId"])),
    (
        "status",
        rule(&[], true, &["text", "color", "localId", "style"]),
    ),
    (
        "emoji",
        rule(&[], true, &["shortName", "id", "text", "localId"]),
    ),
    (
        "mention",
        rule(
            &[],
            true,
            &["id", "text", "accessLevel", "userType", "localId"],
        ),
    ),
    ("date", rule(&[], true, &["timestamp", "localId"])),
    (
        "inlineCard",
        rule(&[], true, &["url", "data", "datasource", "localId"]),
    ),
    (
        "blockCard",
        rule(&[], true, &["url", "data", "datasource", "localId"]),
    ),
];

fn rule_of(kind: &str) -> Option<&'static Rule> {
    RULES
        .iter()
        .find(|(own, _)| *own == kind)
        .map(|(_, rule)| rule)
}

const STATUS_COLOURS: &[&str] = &["neutral", "purple", "blue", "red", "yellow", "green"];
const PANELS: &[&str] = &[
    "info", "note", "tip", "warning", "error", "success", "custom",
];

/// Whether a value is an ADF document Jira takes; the error says what is wrong first.
pub fn check_adf(document: &Value) -> Result<(), String> {
    let map = document.as_object().ok_or("the document is no object")?;
    if text_of(document, "type") != "doc" || map.get("version") != Some(&json!(1)) {
        return Err("the root is not a doc of version 1".to_owned());
    }
    if map.get("content").and_then(Value::as_array).is_none() {
        return Err("the root has no content".to_owned());
    }
    check_node(document, "doc")
}

fn check_node(node: &Value, kind: &str) -> Result<(), String> {
    let rule = rule_of(kind).ok_or_else(|| format!("unknown node {kind}"))?;
    check_attributes(node, kind, rule.attributes)?;
    check_text(node, kind)?;
    let mut count = 0;
    for child in children(node) {
        count += 1;
        let child_kind = text_of(child, "type");
        if !rule.children.contains(&child_kind) {
            return Err(format!("{child_kind:?} may not stand in {kind}"));
        }
        if kind == "codeBlock" && child.get("marks").is_some() {
            return Err("text in a codeBlock has no marks".to_owned());
        }
        check_node(child, child_kind)?;
    }
    if count == 0 && !rule.may_be_empty {
        return Err(format!("{kind} is empty"));
    }
    Ok(())
}

fn check_attributes(node: &Value, kind: &str, known: &[&str]) -> Result<(), String> {
    let nothing = Map::new();
    let attributes = match node.get("attrs") {
        None => &nothing,
        Some(attrs) => attrs
            .as_object()
            .ok_or_else(|| format!("attrs of {kind}: no object"))?,
    };
    if let Some(strange) = attributes
        .keys()
        .find(|name| !known.contains(&name.as_str()))
    {
        return Err(format!("{kind} has no attribute {strange}"));
    }
    let good = match kind {
        "heading" => {
            (1..=6).contains(&attributes.get("level").and_then(Value::as_i64).unwrap_or(0))
        }
        "panel" => PANELS.contains(&attribute(node, "panelType")),
        "status" => {
            !attribute(node, "text").is_empty()
                && STATUS_COLOURS.contains(&attribute(node, "color"))
        }
        "mention" => !attribute(node, "id").is_empty(),
        "emoji" => !attribute(node, "shortName").is_empty(),
        "date" => !attribute(node, "timestamp").is_empty(),
        "codeBlock" => attributes.get("language").is_none_or(Value::is_string),
        "inlineCard" => attributes.contains_key("url") || attributes.contains_key("data"),
        _ => true,
    };
    if good {
        Ok(())
    } else {
        Err(format!("the attributes of {kind} are wrong"))
    }
}

fn check_text(node: &Value, kind: &str) -> Result<(), String> {
    if kind != "text" {
        return Ok(());
    }
    if text_of(node, "text").is_empty() {
        return Err("a text node is empty".to_owned());
    }
    let marks: Vec<&str> = node
        .get("marks")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|mark| text_of(mark, "type"))
        .collect();
    let known = [
        "strong",
        "em",
        "code",
        "link",
        "strike",
        "underline",
        "subsup",
        "textColor",
        "backgroundColor",
        "annotation",
        "border",
        "fontSize",
    ];
    if let Some(strange) = marks.iter().find(|mark| !known.contains(mark)) {
        return Err(format!("unknown mark {strange}"));
    }
    let beside_code = ["code", "link", "annotation"];
    if marks.contains(&"code") && marks.iter().any(|mark| !beside_code.contains(mark)) {
        return Err("code combines only with link".to_owned());
    }
    let links = node
        .get("marks")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for mark in links.filter(|mark| text_of(mark, "type") == "link") {
        if attribute(mark, "href").is_empty() {
            return Err("a link has no href".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(content: &Value) -> Value {
        json!({ "type": "doc", "version": 1, "content": [content] })
    }

    #[test]
    fn documents_that_break_the_schema_are_refused() {
        let text = |text: &str, mark: &[&str]| {
            let marks: Vec<Value> = mark.iter().map(|kind| json!({ "type": kind })).collect();
            json!({ "type": "paragraph", "content": [{ "type": "text", "text": text, "marks": marks }] })
        };
        assert!(check_adf(&doc(&text("a", &["strong"]))).is_ok());
        assert!(check_adf(&doc(&text("a", &["code", "strong"]))).is_err());
        assert!(check_adf(&doc(&text("", &[]))).is_err());
        assert!(check_adf(&doc(&json!({ "type": "nonsense" }))).is_err());
        assert!(check_adf(&doc(&json!({ "type": "bulletList", "content": [] }))).is_err());
        assert!(check_adf(&json!("plain text")).is_err());
    }

    #[test]
    fn the_shared_samples_are_judged_as_the_schema_judges_them() {
        let Some(bytes) = crate::shared_file("jira/adf/cases.json") else {
            return;
        };
        let cases: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            let verdict = check_adf(&case["doc"]);
            assert_eq!(
                verdict.is_ok(),
                case["valid"] == json!(true),
                "{}: {verdict:?}",
                case["name"]
            );
        }
    }
}
