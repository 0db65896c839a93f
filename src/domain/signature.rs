//! The signature of a failure: what stays the same when the same thing goes wrong again.
//!
//! Made of the test, the normalised message and the top frames of the project's own code
//! (`test-management.md` 8.2). Numbers, addresses, ids, times and paths are taken out, since they
//! differ from run to run. Changing the normalisation changes every signature: failures from before
//! are then no longer recognised, so it is done rarely and on purpose.

use aws_lc_rs::digest;
use uuid::Uuid;

/// Frames that count; further down the stack lies what is common to many failures.
const FRAMES: usize = 3;
/// How much of a message is looked at, in characters.
const MESSAGE: usize = 500;
/// Lines of a stack trace that are searched for frames.
const LINES: usize = 200;

/// Names in a frame that tell of a test framework, a runtime or a library.
const FOREIGN: [&str; 20] = [
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "org.junit",
    "org.testng",
    "org.hamcrest",
    "org.assertj",
    "node_modules",
    "node:",
    "site-packages",
    "_pytest",
    "unittest",
    "NUnit.",
    "Xunit.",
    "Microsoft.",
    "System.",
    "core::panicking",
    "std::panicking",
    "rust_begin_unwind",
];

/// Sixteen bytes that two failures share when they are the same failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signature([u8; 16]);

impl Signature {
    /// The signature of a failure of `test` with this message and stack trace.
    #[must_use]
    pub fn of(test: Uuid, message: Option<&str>, trace: Option<&str>) -> Self {
        Self::hashed(
            test.as_bytes(),
            &normalised(message.unwrap_or_default()),
            &frames(trace.unwrap_or_default()),
        )
    }

    /// What failures of different tests share when one thing broke them all: the message, and the
    /// frame where it broke; further down the stacks are the tests, which differ. `None` when the
    /// failure says nothing that could be shared.
    #[must_use]
    pub fn of_cause(message: Option<&str>, trace: Option<&str>) -> Option<Self> {
        let message = normalised(message.unwrap_or_default());
        let mut frames = frames(trace.unwrap_or_default());
        frames.truncate(1);
        let says_nothing = message.is_empty() && frames.is_empty();
        (!says_nothing).then(|| Self::hashed(b"cause", &message, &frames))
    }

    /// Stands for everything that failed in an execution beyond what gets a defect of its own.
    #[must_use]
    pub fn of_the_rest(execution: Uuid) -> Self {
        Self::hashed(b"rest", &execution.to_string(), &[])
    }

    fn hashed(of: &[u8], message: &str, frames: &[String]) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(of);
        hash.update(message.as_bytes());
        for frame in frames {
            hash.update(b"\n");
            hash.update(frame.as_bytes());
        }
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(hash.finish().as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }

    /// The bytes as they are stored.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A stored signature; `None` when it is not sixteen bytes long.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// The first frames of the project's own code, normalised.
fn frames(trace: &str) -> Vec<String> {
    trace
        .lines()
        .take(LINES)
        .map(str::trim)
        .filter(|line| is_frame(line) && !FOREIGN.iter().any(|name| line.contains(name)))
        .take(FRAMES)
        .map(normalised)
        .collect()
}

/// `at x.Y.z(Y.java:7)` and `at f (a.js:7:1)`, Python's `File "a.py", line 7, in f`, Rust's
/// `at src/a.rs:7`, Go's `a.go:7 +0x1d`.
fn is_frame(line: &str) -> bool {
    line.starts_with("at ")
        || line.starts_with("File \"")
        || [".go:", ".rs:", ".py:", ".rb:", ".php:"]
            .iter()
            .any(|ending| line.contains(ending))
}

/// The text with what varies taken out; white space is one space.
fn normalised(text: &str) -> String {
    let text: String = text.chars().take(MESSAGE).collect();
    let words: Vec<String> = text.split_whitespace().map(normalised_word).collect();
    let mut words_kept: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        // A date and a time are two words, a count may be any number of them.
        if word != "#" || words_kept.last().map(String::as_str) != Some("#") {
            words_kept.push(word);
        }
    }
    words_kept.join(" ")
}

fn normalised_word(word: &str) -> String {
    let word = without_folders(word);
    let mut kept = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let run = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        if run == 0 {
            // Between two numbers punctuation is part of them: 1.5, 12:30:05, 2026-11-24.
            let is_in_number = kept.ends_with('#')
                && matches!(first, '.' | ',' | ':' | '-' | '+' | '_' | '/')
                && rest
                    .chars()
                    .nth(1)
                    .is_some_and(|next| next.is_ascii_digit());
            if !is_in_number {
                kept.push(first);
            }
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        let (part, after) = rest.split_at(run);
        push_part(&mut kept, part);
        rest = after;
    }
    kept
}

/// Adds a word of letters and digits: ids and addresses as one `#`, other digits likewise.
fn push_part(kept: &mut String, part: &str) {
    let has_digit = part.contains(|c: char| c.is_ascii_digit());
    let digits = part.strip_prefix("0x").unwrap_or(part);
    let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    let is_id = has_digit && is_hex && (part.starts_with("0x") || part.len() >= 4);
    if is_id {
        push_number(kept);
        return;
    }
    for c in part.chars() {
        if c.is_ascii_digit() {
            push_number(kept);
        } else {
            kept.push(c);
        }
    }
}

fn push_number(kept: &mut String) {
    if kept.ends_with("#-") {
        kept.pop();
    }
    if !kept.ends_with('#') {
        kept.push('#');
    }
}

/// `/home/ci/x/src/a.py` is `a.py`: where a build is checked out says nothing.
fn without_folders(word: &str) -> &str {
    let is_path = word.matches(['/', '\\']).count() >= 2;
    let start = word.rfind(['/', '\\']).filter(|_| is_path);
    start.and_then(|at| word.get(at + 1..)).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: Uuid = Uuid::from_u128(7);

    fn message(text: &str) -> Signature {
        Signature::of(TEST, Some(text), None)
    }

    #[test]
    fn what_varies_from_run_to_run_is_taken_out() {
        for (text, expected) in [
            ("expected 5 but was 12.50", "expected # but was #"),
            (
                "timeout after 30s at 2026-11-24 09:12:07",
                "timeout after #s at #",
            ),
            ("object at 0x7ffe12ab is gone", "object at # is gone"),
            (
                "order 3f2504e0-4f89-11d3-9a0c-0305e82c3301 missing",
                "order # missing",
            ),
            ("no such file /tmp/run-81/out.txt", "no such file out.txt"),
            (r"cannot open C:\build\42\a.log", "cannot open a.log"),
            ("  two\n spaces ", "two spaces"),
            ("and/or stays", "and/or stays"),
        ] {
            assert_eq!(normalised(text), expected, "{text}");
        }
    }

    #[test]
    fn the_same_failure_again_has_the_same_signature_and_another_has_not() {
        let first = message("expected total 10 but was 12");
        assert_eq!(first, message("expected total 11 but was 9"));
        assert_ne!(first, message("expected price 10 but was 12"));
        let elsewhere = Signature::of(
            Uuid::from_u128(8),
            Some("expected total 10 but was 12"),
            None,
        );
        assert_ne!(first, elsewhere);
        assert_eq!(Signature::from_bytes(first.bytes()), Some(first));
        assert_eq!(Signature::from_bytes(&[1, 2]), None);
    }

    #[test]
    fn what_broke_several_tests_is_one_cause_and_silence_is_none() {
        let cause = |text| Signature::of_cause(Some(text), None);
        assert_eq!(cause("timeout after 5s"), cause("timeout after 31s"));
        assert_ne!(cause("timeout after 5s"), cause("no such host"));
        assert_ne!(cause("timeout after 5s"), Some(message("timeout after 5s")));
        assert_eq!(Signature::of_cause(Some("  "), Some("expected")), None);
        let at = |trace| Signature::of_cause(Some("timeout"), Some(trace));
        assert_eq!(
            at("at db.js:1\nat a.test.js:4"),
            at("at db.js:7\nat b.test.js:9")
        );
        assert_ne!(at("at a.test.js:4"), at("at b.test.js:9"));
        let rest = Signature::of_the_rest(TEST);
        assert_ne!(rest, Signature::of_the_rest(Uuid::from_u128(8)));
    }

    #[test]
    fn only_the_top_frames_of_own_code_count() {
        let java = "AssertionError: x\n\tat org.junit.Assert.fail(Assert.java:88)\n\
            \tat shop.CartTest.total(CartTest.java:41)\n\tat java.base/Method.invoke(Method.java:5)\n";
        assert_eq!(frames(java), ["at shop.CartTest.total(CartTest.java:#)"]);
        let python = "Traceback:\n  File \"/home/a/shop/cart.py\", line 7, in total\n    x\n\
              File \"/usr/lib/site-packages/x.py\", line 1, in y\n";
        assert_eq!(frames(python), ["File cart.py\", line #, in total"]);

        let trace = |frame: &str| Signature::of(TEST, Some("boom"), Some(frame));
        assert_eq!(
            trace("  at total (/a/b/cart.js:1:2)"),
            trace("  at total (/c/d/cart.js:9:30)")
        );
        assert_ne!(
            trace("  at total (/a/b/cart.js:1:2)"),
            trace("  at price (/a/b/cart.js:1:2)")
        );
    }
}
