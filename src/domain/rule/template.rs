//! Comments in the words of a rule of the site's own.

use crate::domain::work::{Block, Inline};

/// Characters a template may have: with what is put in, still far below what Jira takes (32,767).
const LONGEST: usize = 8_000;
/// Characters that one name of a template becomes, at the most.
const LONGEST_PART: usize = 500;

/// What templates may name.
const NAMES: [&str; 8] = [
    "issue",
    "tests",
    "execution",
    "environments",
    "version",
    "branch",
    "status",
    "coverage",
];

/// Whether a template can be had; else what is wrong with it, as the end of a sentence.
pub(super) fn check(template: &str) -> Result<(), &'static str> {
    if template.trim().is_empty() {
        return Err("says nothing");
    }
    if template.chars().count() > LONGEST {
        return Err(
            "has a template of more than 8,000 characters, and with what is put in Jira would not take it",
        );
    }
    let holes = pieces(template).filter_map(|piece| match piece {
        Piece::Name(name) => Some(name),
        Piece::Text(_) => None,
    });
    let mut count = 0_usize;
    for name in holes {
        count += 1;
        if !NAMES.contains(&name) {
            return Err("has a template with a name in braces that there is not");
        }
    }
    // What names become is bounded, so this bounds the whole.
    if template.chars().count() + count * LONGEST_PART > 32_000 {
        return Err("has a template that would exceed the 32,767 characters Jira takes");
    }
    Ok(())
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// The text and the names of a template, in order; braces without an end are text.
fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let named = rest
            .strip_prefix('{')
            .and_then(|inside| inside.split_once('}'));
        if let Some((name, after)) = named {
            rest = after;
            return Some(Piece::Name(name));
        }
        let skip = usize::from(rest.starts_with('{'));
        let end = rest
            .char_indices()
            .find(|(at, c)| *at >= skip && *c == '{')
            .map_or(rest.len(), |(at, _)| at);
        let (text, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        rest = after;
        Some(Piece::Text(text))
    })
}

/// A template with its names filled in, as paragraphs.
pub(super) fn fill(template: &str, value_of: impl Fn(&str) -> String) -> Vec<Block> {
    let text: String = pieces(template)
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Name(name) => shortened(value_of(name)),
        })
        .collect();
    let paragraph = |text: &str| {
        let mut parts = Vec::new();
        for (n, line) in text.lines().enumerate() {
            if n > 0 {
                parts.push(Inline::Break);
            }
            parts.push(Inline::text(line));
        }
        Block::Paragraph(parts)
    };
    let text = text.replace("\r\n", "\n");
    let paragraphs = text.split("\n\n").map(str::trim);
    paragraphs
        .filter(|text| !text.is_empty())
        .map(paragraph)
        .collect()
}

fn shortened(text: String) -> String {
    if text.chars().count() <= LONGEST_PART {
        return text;
    }
    let kept: String = text.chars().take(LONGEST_PART - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_and_everything_else_stays() {
        let value = |name: &str| format!("<{name}>");
        let blocks = fill("{issue} failed:\n{tests}\n\n\nSee {this.", value);
        assert_eq!(
            blocks,
            [
                Block::Paragraph(vec![
                    Inline::text("<issue> failed:"),
                    Inline::Break,
                    Inline::text("<tests>")
                ]),
                Block::text("See {this."),
            ]
        );
        let long = fill("{tests}", |_| "é".repeat(2_000));
        let Some(Block::Paragraph(parts)) = long.first() else {
            panic!("{long:?}");
        };
        assert!(matches!(&parts[..], [Inline::Text(text)] if text.chars().count() == 500));
    }

    #[test]
    fn a_template_that_jira_would_not_take_is_refused() {
        assert!(check(" ").is_err());
        assert!(check("{nobody}").is_err());
        assert!(check(&"x".repeat(8_001)).is_err());
        assert!(check(&"{tests}".repeat(64)).is_err());
        assert!(
            check("{tests} failed in {execution}: { and }").is_err(),
            "a name of spaces"
        );
        assert!(check("{tests} failed in {execution}: {").is_ok());
    }
}
