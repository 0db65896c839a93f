//! Typed text that a person edits as plain text, and back: the description of a defect in its dialog.
//!
//! A blank line ends a paragraph, `- ` begins an item of a list, and three backticks stand around
//! preformatted text. Web addresses become links. Emphasis is not kept: it is decoration.

use super::work::{Block, Inline};

/// What stands around preformatted text.
const FENCE: &str = "```";

/// Blocks as a person edits them.
#[must_use]
pub fn write(blocks: &[Block]) -> String {
    let texts: Vec<String> = blocks
        .iter()
        .map(|block| match block {
            Block::Paragraph(inlines) => line(inlines),
            Block::Bullets(items) => {
                let items: Vec<_> = items
                    .iter()
                    .map(|item| format!("- {}", line(item)))
                    .collect();
                items.join("\n")
            }
            Block::Code(text) => format!("{FENCE}\n{text}\n{FENCE}"),
        })
        .collect();
    texts.join("\n\n")
}

fn line(inlines: &[Inline]) -> String {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Text(text) | Inline::Strong(text) | Inline::Code(text) => text.clone(),
            Inline::Link { text, href } if text == href => href.clone(),
            Inline::Link { text, href } => format!("{text} {href}"),
            Inline::Break => "\n".to_owned(),
        })
        .collect()
}

/// What a person typed, as blocks.
#[must_use]
pub fn read(text: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    for line in text.lines() {
        reader.take(line.trim_end());
    }
    reader.end()
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    paragraph: Vec<Inline>,
    bullets: Vec<Vec<Inline>>,
    /// The lines of preformatted text, while it lasts.
    code: Option<Vec<String>>,
}

impl Reader {
    fn take(&mut self, line: &str) {
        if line == FENCE {
            if let Some(lines) = self.code.take() {
                self.blocks.push(Block::Code(lines.join("\n")));
            } else {
                self.close();
                self.code = Some(Vec::new());
            }
            return;
        }
        if let Some(lines) = &mut self.code {
            lines.push(line.to_owned());
        } else if line.is_empty() {
            self.close();
        } else if let Some(item) = line.strip_prefix("- ") {
            if !self.paragraph.is_empty() {
                self.close();
            }
            self.bullets.push(inlines(item));
        } else {
            if !self.bullets.is_empty() {
                self.close();
            }
            if !self.paragraph.is_empty() {
                self.paragraph.push(Inline::Break);
            }
            self.paragraph.extend(inlines(line));
        }
    }

    fn close(&mut self) {
        if !self.paragraph.is_empty() {
            let paragraph = std::mem::take(&mut self.paragraph);
            self.blocks.push(Block::Paragraph(paragraph));
        }
        if !self.bullets.is_empty() {
            self.blocks
                .push(Block::Bullets(std::mem::take(&mut self.bullets)));
        }
    }

    fn end(mut self) -> Vec<Block> {
        if let Some(lines) = self.code.take() {
            self.blocks.push(Block::Code(lines.join("\n")));
        }
        self.close();
        self.blocks
    }
}

/// A line, its web addresses as links.
fn inlines(line: &str) -> Vec<Inline> {
    let mut found = Vec::new();
    let mut text = String::new();
    for (n, word) in line.split(' ').enumerate() {
        if n > 0 {
            text.push(' ');
        }
        if word.starts_with("https://") || word.starts_with("http://") {
            if !text.is_empty() {
                found.push(Inline::Text(std::mem::take(&mut text)));
            }
            found.push(Inline::Link {
                text: word.to_owned(),
                href: word.to_owned(),
            });
        } else {
            text.push_str(word);
        }
    }
    if !text.is_empty() {
        found.push(Inline::Text(text));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let blocks = vec![
            Block::text("A test failed."),
            Block::Bullets(vec![vec![Inline::text("one")], vec![Inline::text("two")]]),
            Block::Code("at x\n\n- at y".into()),
            Block::Paragraph(vec![
                Inline::text("see "),
                Inline::Link {
                    text: "https://ci.example/1".into(),
                    href: "https://ci.example/1".into(),
                },
                Inline::Break,
                Inline::text("and more"),
            ]),
        ];
        let text = write(&blocks);
        assert!(
            text.starts_with("A test failed.\n\n- one\n- two\n\n```\nat x\n\n- at y\n```\n\nsee ")
        );
        assert_eq!(read(&text), blocks);
    }

    #[test]
    fn what_is_cut_off_or_odd_still_reads() {
        assert_eq!(read("```\nat x"), [Block::Code("at x".into())]);
        assert_eq!(read("  \n\n"), []);
        let mixed = [
            Block::text("a"),
            Block::Bullets(vec![vec![Inline::text("b")]]),
            Block::text("c"),
        ];
        assert_eq!(read("a\n- b\nc\r\n"), mixed);
        let strong = Block::Paragraph(vec![Inline::Strong("Test: ".into()), Inline::text("x")]);
        assert_eq!(write(&[strong]), "Test: x");
    }
}
