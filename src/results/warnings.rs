//! What the reader had to put up with, told to the uploader.
//!
//! A hostile file can cause a warning per case, so only the first few are kept and their line
//! numbers are counted forward from the last one.

/// A bounded list of warnings about one text.
#[derive(Debug)]
pub struct Warnings<'a> {
    text: &'a str,
    limit: usize,
    kept: Vec<String>,
    more: usize,
    /// The last place asked for and its line.
    mark: (usize, usize),
}

impl<'a> Warnings<'a> {
    /// An empty list that keeps at most `limit` warnings about `text`.
    #[must_use]
    pub const fn new(text: &'a str, limit: usize) -> Self {
        Self {
            text,
            limit,
            kept: Vec::new(),
            more: 0,
            mark: (0, 1),
        }
    }

    /// Adds a warning about the place `offset`; `say` is only called when there is room.
    pub fn at(&mut self, offset: usize, say: impl FnOnce() -> String) {
        if self.kept.len() < self.limit {
            let line = self.line_of(offset);
            self.kept.push(format!("line {line}: {}", say()));
        } else {
            self.more += 1;
        }
    }

    /// Adds a warning about the whole file.
    pub fn whole(&mut self, message: String) {
        if self.kept.len() < self.limit {
            self.kept.push(message);
        } else {
            self.more += 1;
        }
    }

    /// The warnings, the last one saying how many were left out.
    #[must_use]
    pub fn finish(mut self) -> Vec<String> {
        if self.more > 0 {
            self.kept
                .push(format!("{} more warnings are not listed", self.more));
        }
        self.kept
    }

    fn line_of(&mut self, offset: usize) -> usize {
        let (from, line) = if offset < self.mark.0 {
            (0, 1)
        } else {
            self.mark
        };
        let between = self.text.as_bytes().get(from..offset).unwrap_or_default();
        let line = line + between.split(|byte| *byte == b'\n').count() - 1;
        self.mark = (offset, line);
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_ones_with_their_lines_and_counts_the_rest() {
        let mut warnings = Warnings::new("a\nb\nc\n", 3);
        warnings.at(4, || "third".into());
        warnings.at(0, || "first".into());
        warnings.whole("all".into());
        warnings.at(2, || unreachable!("no room, not said"));
        warnings.whole("no room".into());
        assert_eq!(
            warnings.finish(),
            [
                "line 3: third",
                "line 1: first",
                "all",
                "2 more warnings are not listed"
            ]
        );
    }
}
