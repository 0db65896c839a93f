//! Text of which only a bounded beginning is kept.

/// Ends a text that was longer than what is kept of it.
pub const CUT_MARK: &str = "… [cut]";

/// Collects text up to a number of bytes and remembers that there was more.
#[derive(Debug, Default)]
pub struct Capped {
    text: String,
    is_cut: bool,
    /// The last piece ended in a carriage return, which may be half of a line end.
    after_return: bool,
}

impl Capped {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            text: String::new(),
            is_cut: false,
            after_return: false,
        }
    }

    /// Adds `more`, as far as `limit` bytes in total allow; line ends become `\n`.
    ///
    /// White space that comes alone before any text is the layout of the file and is not kept.
    pub fn push(&mut self, more: &str, limit: usize) {
        let more = match more.strip_prefix('\n') {
            Some(rest) if self.after_return => rest,
            _ => more,
        };
        if !more.is_empty() {
            self.after_return = more.ends_with('\r');
        }
        if self.is_cut || more.is_empty() || (self.text.is_empty() && more.trim().is_empty()) {
            return;
        }
        let room = limit.saturating_sub(self.text.len());
        let fits = more
            .get(..more.floor_char_boundary(room))
            .unwrap_or_default();
        self.is_cut = fits.len() < more.len();
        if fits.contains('\r') {
            self.text
                .push_str(&fits.replace("\r\n", "\n").replace('\r', "\n"));
        } else {
            self.text.push_str(fits);
        }
    }

    /// Adds what another one collected, and its mark.
    pub fn append(&mut self, other: &Self, limit: usize) {
        self.push(&other.text, limit);
        self.is_cut |= other.is_cut;
    }

    /// Starts a new paragraph when there is text already.
    pub fn separate(&mut self, limit: usize) {
        if !self.text.trim_end().is_empty() {
            self.text.truncate(self.text.trim_end().len());
            self.push("\n\n", limit);
        }
    }

    /// Whether nothing but white space was collected.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The collected text so far, without the mark.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether text was left out.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The text without blank lines around it and with the mark if it was cut; none if blank.
    #[must_use]
    pub fn finish(mut self) -> Option<String> {
        if self.is_blank() {
            return None;
        }
        self.text.truncate(self.text.trim_end().len());
        let first_line = self.text.len() - self.text.trim_start().len();
        let start = self
            .text
            .get(..first_line)
            .and_then(|s| s.rfind('\n'))
            .map_or(0, |at| at + 1);
        if start > 0 {
            self.text.drain(..start);
        }
        if self.is_cut {
            self.text.push_str(CUT_MARK);
        }
        self.text.shrink_to_fit();
        Some(self.text)
    }
}

/// The first line of `text` that is not blank, at most `chars` characters of it.
#[must_use]
pub fn first_line(text: &str, chars: usize) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(shortened(line, chars))
}

/// `text` without white space around it, at most `chars` characters of it.
#[must_use]
pub fn shortened(text: &str, chars: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(chars) {
        Some((end, _)) => {
            let mut kept = text.get(..end).unwrap_or_default().to_owned();
            kept.push_str(CUT_MARK);
            kept
        }
        None => text.to_owned(),
    }
}

/// A name without line ends, which keep the parts of an identity apart.
#[must_use]
pub fn one_line(name: &str) -> String {
    let name = name.trim();
    if name.contains(['\n', '\r']) {
        name.replace(['\n', '\r'], " ")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters_and_marks_it() {
        let mut text = Capped::default();
        text.push("aü", 4);
        text.push("€", 4);
        text.push("b", 4);
        assert_eq!(text.finish().unwrap(), "aü… [cut]");
    }

    #[test]
    fn a_line_end_in_two_pieces_is_one() {
        let mut text = Capped::default();
        for piece in ["a", "\r", "\nb\r", "", "\n\nc"] {
            text.push(piece, 100);
        }
        assert_eq!(text.finish().unwrap(), "a\nb\n\nc");
    }

    #[test]
    fn blank_lines_around_go_and_the_indent_of_the_first_line_stays() {
        let mut text = Capped::default();
        text.push(" \r\n  \n   at a\r\nat b\n \n", 100);
        assert_eq!(text.finish().unwrap(), "   at a\nat b");
        let mut blank = Capped::default();
        blank.push(" \n", 100);
        assert!(blank.finish().is_none());
    }

    #[test]
    fn first_line_is_the_first_that_says_something() {
        assert_eq!(
            first_line("\n  \n expected: 1 \nbut: 2", 100).unwrap(),
            "expected: 1"
        );
        assert_eq!(first_line("abcdef", 3).unwrap(), "abc… [cut]");
        assert!(first_line(" \n ", 3).is_none());
    }
}
