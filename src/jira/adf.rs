//! Atlassian Document Format, built from typed text and never from markup.
//!
//! Jira's errors about a bad document are vague, so a bad one is never made: no empty text nodes, no
//! marks that do not go together, no control characters, links to http and https only, and never
//! longer than Jira takes (`jira-webhooks-rest.md` section 11).

use serde_json::{Value, json};

use crate::domain::work::{Block, Inline};

/// Longest document, in bytes of JSON. Jira's limit is 32,767 characters, and whether it counts the
/// visible or the stored ones is not documented; bytes of JSON are never fewer than either.
const LIMIT: usize = 30_000;
/// What stands at the end of a text that was cut.
const CUT: &str = "… (shortened)";

/// A document of `blocks`, cut when it is too long.
#[must_use]
pub fn document(blocks: &[Block]) -> Value {
    let note = paragraph(&[Inline::text(CUT)]);
    let mut left = LIMIT - length(&json!({ "type": "doc", "version": 1, "content": [note] }));
    let mut content = Vec::new();
    for node in blocks.iter().filter_map(block) {
        let taken = length(&node) + 1;
        if taken > left {
            content.extend(shortened(node, left.saturating_sub(1)));
            content.extend(note);
            break;
        }
        left -= taken;
        content.push(node);
    }
    json!({ "type": "doc", "version": 1, "content": content })
}

/// The beginning of `text` that is at most `units` UTF-16 units long, which is how Jira counts.
#[must_use]
pub fn cut(text: &str, units: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.len_utf16();
        if used > units {
            return text.get(..at).unwrap_or(text);
        }
    }
    text
}

fn block(block: &Block) -> Option<Value> {
    match block {
        Block::Paragraph(inlines) => paragraph(inlines),
        Block::Bullets(items) => {
            let items: Vec<_> = items
                .iter()
                .filter_map(|item| paragraph(item))
                .map(|text| json!({ "type": "listItem", "content": [text] }))
                .collect();
            (!items.is_empty()).then(|| json!({ "type": "bulletList", "content": items }))
        }
        Block::Code(text) => code(&clean(text)),
    }
}

fn code(text: &str) -> Option<Value> {
    (!text.is_empty())
        .then(|| json!({ "type": "codeBlock", "content": [{ "type": "text", "text": text }] }))
}

fn paragraph(inlines: &[Inline]) -> Option<Value> {
    let mut nodes = Vec::new();
    for inline in inlines {
        match inline {
            Inline::Text(text) => push_text(&mut nodes, text, None),
            Inline::Strong(text) => push_text(&mut nodes, text, Some(&json!({ "type": "strong" }))),
            Inline::Code(text) => push_text(&mut nodes, text, Some(&json!({ "type": "code" }))),
            Inline::Link { text, href } => {
                let is_web = href.starts_with("https://") || href.starts_with("http://");
                let mark = json!({ "type": "link", "attrs": { "href": href } });
                push_text(&mut nodes, text, is_web.then_some(&mark));
            }
            Inline::Break => nodes.push(json!({ "type": "hardBreak" })),
        }
    }
    (!nodes.is_empty()).then(|| json!({ "type": "paragraph", "content": nodes }))
}

/// Adds text; its line breaks become nodes, because Jira does not keep them within a text.
fn push_text(nodes: &mut Vec<Value>, text: &str, mark: Option<&Value>) {
    let text = clean(text);
    for (n, line) in text.lines().enumerate() {
        if n > 0 {
            nodes.push(json!({ "type": "hardBreak" }));
        }
        match mark {
            _ if line.is_empty() => {}
            Some(mark) => nodes.push(json!({ "type": "text", "text": line, "marks": [mark] })),
            None => nodes.push(json!({ "type": "text", "text": line })),
        }
    }
}

/// A text without the control characters that Jira refuses.
fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

/// A code block cut to `limit` bytes of JSON; other blocks are not worth keeping in part.
fn shortened(mut node: Value, limit: usize) -> Option<Value> {
    let mut excess = length(&node).checked_sub(limit)?;
    while excess > 0 {
        let text = node.pointer("/content/0/text")?.as_str()?;
        if node.get("type")? != "codeBlock" {
            return None;
        }
        // Every character is at least one byte of JSON, so this comes to an end.
        let kept = text.chars().count().checked_sub(excess.div_ceil(6))?;
        node = code(&text.chars().take(kept).collect::<String>())?;
        excess = length(&node).saturating_sub(limit);
    }
    Some(node)
}

fn length(value: &Value) -> usize {
    value.to_string().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> Vec<Block> {
        vec![
            Block::Paragraph(vec![
                Inline::text("The test "),
                Inline::Code("SHOP-T1".into()),
                Inline::text(" failed\nin two environments: "),
                Inline::Strong("staging".into()),
                Inline::Break,
                Inline::Link {
                    text: "build 7".into(),
                    href: "https://ci.example/7".into(),
                },
                Inline::Link {
                    text: "not a link".into(),
                    href: "javascript:alert(1)".into(),
                },
                Inline::text(""),
            ]),
            Block::Paragraph(vec![Inline::text("")]),
            Block::Bullets(vec![vec![Inline::text("one")], vec![]]),
            Block::Bullets(vec![]),
            Block::Code("expected 1\n\tgot \u{0}\u{1b}[31m2".into()),
            Block::Code(String::new()),
        ]
    }

    #[test]
    fn typed_text_becomes_a_document_without_empty_nodes() {
        insta::assert_snapshot!(document(&everything()));
    }

    #[test]
    fn a_long_text_is_cut_where_characters_end() {
        for text in [
            "x".repeat(100_000),
            "ü\"\n".repeat(40_000),
            "🙂".repeat(30_000),
        ] {
            let made = document(&[
                Block::text("Stack:"),
                Block::Code(text),
                Block::text("after"),
            ]);
            let long = length(&made);
            assert!(long <= LIMIT && long > LIMIT - 100, "{long}");
            let content = made["content"].as_array().unwrap();
            assert_eq!(content.len(), 3);
            assert!(content[2].to_string().contains(CUT));
        }
        let made = document(&[Block::text("x".repeat(40_000))]);
        assert_eq!(made["content"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn lines_are_cut_by_utf16_units() {
        assert_eq!(cut("a🙂b", 3), "a🙂");
        assert_eq!(cut("a🙂b", 2), "a");
        assert_eq!(cut("ab", 9), "ab");
    }

    #[test]
    fn what_is_made_is_valid_by_the_published_schema() {
        let Some(schema) = crate::testing::reference("jira/adf/adf-v1-full.schema.json") else {
            return;
        };
        let schema = serde_json::from_str(&schema).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let cut = [Block::Code("\"".repeat(40_000))];
        for blocks in [&everything()[..], &cut, &[]] {
            let made = document(blocks);
            let errors: Vec<_> = validator
                .iter_errors(&made)
                .map(|e| e.to_string())
                .collect();
            assert!(errors.is_empty(), "{errors:?}");
        }
        let empty_text = json!({ "type": "text", "text": "" });
        let bad = json!({ "type": "doc", "version": 1,
            "content": [{ "type": "paragraph", "content": [empty_text] }] });
        assert!(
            !validator.is_valid(&bad),
            "the schema refuses what Jira refuses"
        );
    }
}
