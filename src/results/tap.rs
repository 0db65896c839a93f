//! TAP 12 to 14, the Test Anything Protocol (`reference/test-management.md` section 11).
//!
//! Lines that are no TAP belong to whoever printed them and are passed over. Indented points are
//! those of a subtest, which its parent point speaks for. A plan that was not kept, or a bail-out,
//! makes the report incomplete.

use super::case::Case;
use super::collect::Collector;
use super::error::ReadError;
use super::limits::Limits;
use super::model::Report;
use super::suites::Suites;
use super::text::{Capped, first_line, one_line, shortened};
use super::when::duration_ms;
use super::xml::Source;
use crate::domain::run::RunStatus;

/// Lines among which TAP has to begin.
const PREAMBLE: usize = 200;

/// Whether a text that is nothing else is TAP: after a preamble of at most 200 lines it says so, or
/// brings a plan or a point.
#[must_use]
pub fn is_tap(text: &str) -> bool {
    text.lines().take(PREAMBLE).any(|line| {
        line.starts_with("TAP version ")
            || line.starts_with("Bail out!")
            || plan(line).is_some()
            || numbered_point(line)
    })
}

/// A point with its number, which prose is unlikely to be.
fn numbered_point(line: &str) -> bool {
    let rest = point(line).map(|(_, rest)| rest);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Reads a stream known to be TAP; `warnings` are those of the decoding.
pub fn read(text: &str, limits: &Limits, warnings: Vec<String>) -> Result<Report, ReadError> {
    let source = Source::new(text, limits);
    let mut reading = Reading {
        source: &source,
        found: Collector::new(&source, warnings),
        suites: Suites::default(),
        open: None,
        block: None,
        planned: None,
        points: 0,
    };
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        reading.line(line.trim_end_matches(['\n', '\r']), at)?;
        at += line.len();
    }
    reading.finish()
}

struct Reading<'a> {
    source: &'a Source<'a>,
    found: Collector<'a>,
    suites: Suites,
    /// The last point, which what follows may explain.
    open: Option<Open>,
    /// The block of YAML that is open.
    block: Option<Block>,
    planned: Option<usize>,
    points: usize,
}

/// A point that may still be explained.
struct Open {
    case: Case,
    comments: Capped,
    /// Whether the line before was the point itself.
    is_fresh: bool,
}

/// A block of YAML: what it says of the point.
struct Block {
    indent: usize,
    text: Capped,
    message: Option<String>,
    /// Whether the next line is the message.
    awaits_message: bool,
}

impl Reading<'_> {
    fn line(&mut self, line: &str, at: usize) -> Result<(), ReadError> {
        let body = line.trim_start();
        let indent = line.len() - body.len();
        if self.block.is_some() {
            return self.in_block(line, body, indent, at);
        }
        let was_fresh = self
            .open
            .as_mut()
            .is_some_and(|open| std::mem::take(&mut open.is_fresh));
        if let Some(why) = body.strip_prefix("Bail out!") {
            self.bail_out(why);
        } else if body == "---" && indent > 0 && was_fresh {
            self.block = Some(Block {
                indent,
                text: Capped::default(),
                message: None,
                awaits_message: false,
            });
        } else if indent == 0 {
            self.top_level(line, at)?;
        }
        Ok(())
    }

    fn top_level(&mut self, line: &str, at: usize) -> Result<(), ReadError> {
        if let Some((is_ok, rest)) = point(line) {
            self.close()?;
            self.points += 1;
            let case = case(is_ok, rest, self.points, at, self.source.limits);
            self.open = Some(Open {
                case,
                comments: Capped::default(),
                is_fresh: true,
            });
        } else if let Some((count, why)) = plan(line) {
            self.planned = Some(self.planned.unwrap_or(0).saturating_add(count));
            if count == 0 {
                let why = shortened(why.trim_start_matches(['#', ' ']), 200);
                self.found
                    .warnings
                    .at(at, || format!("the tests of this file were skipped: {why}"));
            }
        } else if let (Some(comment), Some(open)) = (line.strip_prefix('#'), &mut self.open) {
            let limit = self.source.limits.details_bytes;
            open.comments
                .push(comment.strip_prefix(' ').unwrap_or(comment), limit);
            open.comments.push("\n", limit);
        }
        Ok(())
    }

    fn in_block(
        &mut self,
        line: &str,
        body: &str,
        indent: usize,
        at: usize,
    ) -> Result<(), ReadError> {
        let limits = self.source.limits;
        let (Some(block), Some(open)) = (&mut self.block, &mut self.open) else {
            return Ok(());
        };
        if indent < block.indent && !body.is_empty() {
            // It was never closed.
            self.close_block();
            return self.line(line, at);
        }
        if body == "..." && indent == block.indent {
            self.close_block();
            return Ok(());
        }
        if std::mem::take(&mut block.awaits_message) {
            block.message = first_line(body, limits.line_chars);
        }
        if indent == block.indent {
            match body.split_once(':').map(|(key, value)| (key, value.trim())) {
                Some(("message", "|" | "|-" | ">" | ">-" | "|+" | ">+")) => {
                    block.awaits_message = true;
                }
                Some(("message", value)) => {
                    let value = value.trim_matches(['"', '\'']);
                    block.message = first_line(value, limits.line_chars);
                }
                Some(("duration_ms", value)) => {
                    let value = value.trim_matches(['"', '\'']);
                    open.case.duration_ms = duration_ms(&format!("{value}ms"));
                }
                _ => {}
            }
        }
        let line = line.get(block.indent.min(indent)..).unwrap_or_default();
        block.text.push(line, limits.details_bytes);
        block.text.push("\n", limits.details_bytes);
        Ok(())
    }

    fn close_block(&mut self) {
        let (Some(block), Some(open)) = (self.block.take(), &mut self.open) else {
            return;
        };
        if open.case.status == RunStatus::Passed {
            return;
        }
        let text = block.text.finish();
        open.case.explain(
            block.message.as_deref(),
            text.as_deref(),
            self.source.limits,
        );
    }

    fn bail_out(&mut self, why: &str) {
        let why = match why.trim() {
            "" => "the test run bailed out".to_owned(),
            why => format!("the test run bailed out: {}", shortened(why, 200)),
        };
        self.found.incomplete.get_or_insert(why);
    }

    /// Ends the last point.
    fn close(&mut self) -> Result<(), ReadError> {
        self.close_block();
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        let is_explained = open.case.message.is_some();
        if let (RunStatus::Failed, false, Some(said)) =
            (open.case.status, is_explained, open.comments.finish())
        {
            open.case
                .explain(Some(&said), Some(&said), self.source.limits);
        }
        let place = self.suites.place_case(open.case.at, self.source)?;
        self.found.add(open.case, place)
    }

    fn finish(mut self) -> Result<Report, ReadError> {
        self.close()?;
        let points = self.points;
        let why = match self.planned {
            None => Some("the stream ends without a plan".to_owned()),
            Some(planned) if points < planned => {
                Some(format!("{points} of {planned} planned tests came"))
            }
            Some(planned) => {
                if points > planned {
                    self.found
                        .warnings
                        .whole(format!("{planned} tests were planned, {points} came"));
                }
                None
            }
        };
        if self.found.incomplete.is_none() {
            self.found.incomplete = why;
        }
        Ok(self.found.finish())
    }
}

/// Whether a point is good, and the rest of its line.
fn point(line: &str) -> Option<(bool, &str)> {
    let (is_ok, rest) = match line.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok")?),
    };
    let is_word = rest.is_empty() || rest.starts_with([' ', '\t']);
    is_word.then(|| (is_ok, rest.trim()))
}

/// How many points are planned, and what stands behind that.
fn plan(line: &str) -> Option<(usize, &str)> {
    let rest = line.strip_prefix("1..")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (count, rest) = rest.split_at(digits);
    let is_plan = rest.trim().is_empty() || rest.trim_start().starts_with('#');
    Some((count.parse().ok().filter(|_| is_plan)?, rest.trim()))
}

/// What a point says; `ordinal` is its place in the stream.
fn case(is_ok: bool, rest: &str, ordinal: usize, at: usize, limits: &Limits) -> Case {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = rest.split_at(digits);
    let rest = rest.trim_start();
    let rest = rest
        .strip_prefix("- ")
        .unwrap_or(rest)
        .trim_start_matches('-')
        .trim();
    let (described, directive) = parted(rest);
    let status = match (&directive, is_ok) {
        (Some(Directive::Skip(_)), _) => RunStatus::Skipped,
        (Some(Directive::Todo(_)), _) => RunStatus::Pending,
        (_, true) => RunStatus::Passed,
        (_, false) => RunStatus::Failed,
    };
    let mut case = Case::new(at, status);
    // A subtest may follow in braces.
    let described = described.strip_suffix('{').unwrap_or(described);
    case.name = one_line(&unescaped(described));
    if case.name.is_empty() {
        case.name = match number {
            "" => format!("test {ordinal}"),
            number => format!("test {}", shortened(number, 20)),
        };
    }
    match directive {
        Some(Directive::Skip(why) | Directive::Todo(why)) => {
            case.message = first_line(why, limits.line_chars);
        }
        Some(Directive::Time(time)) => case.duration_ms = duration_ms(time),
        None => {}
    }
    case
}

enum Directive<'a> {
    Skip(&'a str),
    Todo(&'a str),
    Time(&'a str),
}

/// The description and the directive behind the first `#` that begins one and is not escaped.
fn parted(text: &str) -> (&str, Option<Directive<'_>>) {
    for (at, _) in text.match_indices('#') {
        let (before, behind) = text.split_at(at);
        let is_escaped = before
            .bytes()
            .rev()
            .take_while(|byte| *byte == b'\\')
            .count()
            % 2
            == 1;
        let stands_apart = before.is_empty() || before.ends_with([' ', '\t']);
        if is_escaped || !stands_apart {
            continue;
        }
        let said = behind.trim_start_matches('#').trim();
        let word_len = said.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = said.split_at(word_len);
        let rest = rest.trim_start_matches([':', '=']).trim();
        let directive = match word.to_ascii_lowercase().as_str() {
            "time" => Directive::Time(rest),
            "todo" => Directive::Todo(rest),
            word if word.starts_with("skip") => Directive::Skip(rest),
            _ => continue,
        };
        return (before.trim(), Some(directive));
    }
    (text, None)
}

fn unescaped(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    text.replace("\\#", "#").replace("\\\\", "\\")
}
