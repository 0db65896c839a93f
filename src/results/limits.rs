//! How much of a result file is read, and how much of it is kept.
//!
//! Two kinds of limit: over one of the first kind the whole file is refused, over one of the
//! second kind text is cut with a mark or dropped with a warning. Sources: `reference/
//! test-management.md` section 11 ("hostile input") and the contract's 25 MB per upload.

/// The limits of one reading; [`Limits::default`] is what the service uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file, and of all that an archive holds; larger is refused.
    pub bytes: usize,
    /// Bytes that one byte of an archive may become, once it is more than 1 MiB in all; more is
    /// refused. Test reports shrink to a tenth or less, seldom to a hundredth.
    pub expansion: usize,
    /// Files in one archive; more is refused.
    pub files: usize,
    /// Elements inside elements; deeper is refused.
    pub depth: usize,
    /// Attributes of one element; more is refused.
    pub attributes: usize,
    /// Bytes of one attribute's value; longer is refused.
    pub attribute_bytes: usize,
    /// Test cases in the file; more is refused.
    pub cases: usize,
    /// Properties of one case or suite, or elements and attributes inside one; more is refused.
    pub properties: usize,
    /// Bytes that suites may hand down to their cases (paths, issue keys, labels), counted once
    /// for each case that gets them; more is refused, because a small file could fill the memory.
    pub inherited_bytes: usize,
    /// Characters kept of a name, a message's first line, a label or a summary; the rest is cut.
    pub line_chars: usize,
    /// Bytes kept of the details of one attempt, of a description or a comment; the rest is cut.
    pub details_bytes: usize,
    /// Bytes kept of the output of one attempt; the rest is cut.
    pub output_bytes: usize,
    /// Bytes of evidence kept of the whole file; what does not fit is dropped with a warning.
    pub evidence_bytes: usize,
    /// Issue keys kept of one run, and labels, and custom fields; more is dropped with a warning.
    pub annotations: usize,
    /// Warnings kept; the last one then says how many more there are.
    pub warnings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 25 * 1024 * 1024,
            expansion: 250,
            files: 10_000,
            depth: 100,
            attributes: 256,
            attribute_bytes: 1024 * 1024,
            cases: 200_000,
            properties: 10_000,
            inherited_bytes: 32 * 1024 * 1024,
            line_chars: 1_000,
            details_bytes: 32 * 1024,
            output_bytes: 32 * 1024,
            evidence_bytes: 10 * 1024 * 1024,
            annotations: 100,
            warnings: 50,
        }
    }
}
