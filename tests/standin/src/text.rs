//! Rich text in its two spellings: ADF (API version 3) and wiki markup (version 2, webhooks).
//!
//! The site keeps what it was given and turns it into the other spelling when asked. Turning is
//! deliberately plain; what makes a document valid is judged in `adf`.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// A text field's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Text {
    /// An ADF document.
    Adf(Value),
    /// Wiki markup or plain text.
    Wiki(String),
}

impl Text {
    /// The text as an ADF document.
    pub fn adf(&self) -> Value {
        match self {
            Self::Adf(document) => document.clone(),
            Self::Wiki(text) => {
                let paragraphs: Vec<Value> = text
                    .split("\n\n")
                    .filter(|part| !part.trim().is_empty())
                    .map(|part| json!({ "type": "paragraph", "content": lines(part) }))
                    .collect();
                json!({ "type": "doc", "version": 1, "content": paragraphs })
            }
        }
    }

    /// The text as wiki markup.
    pub fn wiki(&self) -> String {
        match self {
            Self::Wiki(text) => text.clone(),
            Self::Adf(document) => {
                let mut out = String::new();
                write_wiki(document, &mut out);
                out.trim_end().to_owned()
            }
        }
    }
}

fn lines(part: &str) -> Vec<Value> {
    let mut out = Vec::new();
    for (index, line) in part.lines().enumerate() {
        if index > 0 {
            out.push(json!({ "type": "hardBreak" }));
        }
        if !line.is_empty() {
            out.push(json!({ "type": "text", "text": line }));
        }
    }
    out
}

fn write_wiki(node: &Value, out: &mut String) {
    let kind = text_of(node, "type");
    match kind {
        "text" => out.push_str(&marked(node)),
        "hardBreak" => out.push('\n'),
        "mention" => drop(write!(out, "[~accountid:{}]", attribute(node, "id"))),
        "status" => drop(write!(out, "[{}]", attribute(node, "text"))),
        "emoji" => out.push_str(attribute(node, "shortName")),
        "inlineCard" | "blockCard" => out.push_str(attribute(node, "url")),
        "heading" => drop(write!(out, "h{}. ", number_attribute(node, "level"))),
        "listItem" => out.push_str("* "),
        "codeBlock" => out.push_str("{code}"),
        "rule" => out.push_str("----"),
        _ => {}
    }
    for child in children(node) {
        write_wiki(child, out);
    }
    match kind {
        "codeBlock" => out.push_str("{code}\n\n"),
        "paragraph" | "heading" | "rule" | "panel" | "table" => out.push_str("\n\n"),
        "tableCell" | "tableHeader" => out.push('|'),
        _ => {}
    }
}

fn marked(node: &Value) -> String {
    let mut text = text_of(node, "text").to_owned();
    for mark in node
        .get("marks")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        text = match text_of(mark, "type") {
            "strong" => format!("*{text}*"),
            "em" => format!("_{text}_"),
            "code" => format!("{{{{{text}}}}}"),
            "link" => format!("[{text}|{}]", attribute(mark, "href")),
            _ => text,
        };
    }
    text
}

/// A text property of a node, or nothing.
pub(crate) fn text_of<'a>(node: &'a Value, name: &str) -> &'a str {
    node.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A text attribute of a node, or nothing.
pub(crate) fn attribute<'a>(node: &'a Value, name: &str) -> &'a str {
    node.get("attrs")
        .map(|attrs| text_of(attrs, name))
        .unwrap_or_default()
}

fn number_attribute(node: &Value, name: &str) -> i64 {
    node.get("attrs")
        .and_then(|attrs| attrs.get(name))
        .and_then(Value::as_i64)
        .unwrap_or(1)
}

/// The nodes in a node.
pub(crate) fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node.get("content")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adf::check_adf;

    #[test]
    fn text_survives_the_way_to_the_other_spelling() {
        let wiki = Text::Wiki("First line\nsecond line\n\nNext paragraph".to_owned());
        assert!(check_adf(&wiki.adf()).is_ok());
        assert_eq!(Text::Adf(wiki.adf()).wiki(), wiki.wiki());
    }
}
