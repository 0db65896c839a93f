//! What a reader has found so far: results, their counts, and what the uploader should know.

use super::case::Case;
use super::error::{Fault, ReadError};
use super::model::{Counts, Report};
use super::repeats::Repeats;
use super::suites::CasePlace;
use super::text::shortened;
use super::warnings::Warnings;
use super::when::{duration_ms, instant_ms};
use super::xml::Source;

/// The results of one document.
#[derive(Debug)]
pub struct Collector<'a> {
    /// What the uploader should know.
    pub warnings: Warnings<'a>,
    /// Why results are missing, when the file says that some are.
    pub incomplete: Option<String>,
    source: &'a Source<'a>,
    counts: Counts,
    runs: Repeats,
}

impl<'a> Collector<'a> {
    /// Nothing found yet; `warnings` are those of the decoding.
    pub fn new(source: &'a Source<'a>, warnings: Vec<String>) -> Self {
        let mut collector = Self {
            warnings: Warnings::new(source.text, source.limits.warnings),
            incomplete: None,
            source,
            counts: Counts::default(),
            runs: Repeats::default(),
        };
        for warning in warnings {
            collector.warnings.whole(warning);
        }
        collector
    }

    /// Adds a result that stands at `place`.
    pub fn add(&mut self, case: Case, place: CasePlace) -> Result<(), ReadError> {
        let limits = self.source.limits;
        let limit = limits.cases;
        if self.counts.tests >= limit {
            let what = "test cases in one file";
            return Err(self.source.fault(case.at, Fault::Limit { what, limit }));
        }
        self.counts.add(case.status, !case.before.is_empty());
        let run = case.finish(place, limits, &mut self.warnings);
        self.runs.add(run, limits);
        Ok(())
    }

    /// When something was, or a warning that it cannot be read; nothing when it does not say.
    pub fn instant(&mut self, at: usize, text: Option<&str>) -> Option<i64> {
        let text = text?;
        let instant = instant_ms(text);
        if instant.is_none() {
            self.cannot_read(at, "time", text);
        }
        instant
    }

    /// How long something took, or a warning that it cannot be read.
    pub fn duration(&mut self, at: usize, text: Option<&str>) -> Option<i64> {
        let text = text?;
        let duration = duration_ms(text);
        if duration.is_none() {
            self.cannot_read(at, "duration", text);
        }
        duration
    }

    fn cannot_read(&mut self, at: usize, what: &str, text: &str) {
        self.warnings.at(at, || {
            let text = shortened(text, 40);
            format!("the {what} {text:?} cannot be read and was left out")
        });
    }

    /// The report.
    pub fn finish(mut self) -> Report {
        let replaced = self.source.replaced_references();
        if replaced > 0 {
            self.warnings.whole(format!(
                "references to characters that XML forbids were read as U+FFFD, {replaced} in all"
            ));
        }
        Report {
            runs: self.runs.finish(),
            counts: self.counts,
            warnings: self.warnings.finish(),
            incomplete: self.incomplete,
            ..Report::default()
        }
    }
}
