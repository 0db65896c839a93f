//! Several result files of one upload become one report.
//!
//! The same test in two of them is what it would be twice in one (`reference/test-management.md`
//! section 5.3): attempts, the worst of which counts. Where the files were made is the upload's to
//! say, so it is the same for all of them.

use super::error::{Fault, ReadError};
use super::limits::Limits;
use super::model::{Counts, Report, Scope};
use super::repeats::Repeats;

/// Joins the reports of named files.
pub fn join(files: Vec<(String, Report)>, limits: &Limits) -> Result<Report, ReadError> {
    let mut joined = Report::default();
    let mut runs = Repeats::default();
    let (mut more, mut says_otherwise) = (0, 0);
    for (name, report) in files {
        add(&mut joined.counts, report.counts);
        let limit = limits.cases;
        if joined.counts.tests > limit {
            let what = "test cases in one archive";
            return Err(ReadError::whole(Fault::Limit { what, limit }));
        }
        joined.format = match joined.format {
            "" => report.format,
            format if format == report.format => format,
            _ => "several formats",
        };
        for warning in report.warnings {
            if joined.warnings.len() < limits.warnings {
                joined.warnings.push(format!("{name}: {warning}"));
            } else {
                more += 1;
            }
        }
        if let (None, Some(why)) = (&joined.incomplete, report.incomplete) {
            joined.incomplete = Some(format!("{name}: {why}"));
        }
        match (&joined.info, report.info) {
            (None, info) => joined.info = info,
            (Some(first), Some(other)) if *first != other => says_otherwise += 1,
            _ => {}
        }
        for mut run in report.runs {
            run.identity.scope = Scope::Name;
            runs.add(run, limits);
        }
    }
    if says_otherwise > 0 {
        joined.warnings.push(format!(
            "{says_otherwise} files say something else about the execution than the first one that \
             does, which counts"
        ));
    }
    if more > 0 {
        let left_out = format!("{more} more warnings are not listed");
        joined.warnings.push(left_out);
    }
    joined.runs = runs.finish();
    Ok(joined)
}

const fn add(sum: &mut Counts, more: Counts) {
    sum.tests += more.tests;
    sum.passed += more.passed;
    sum.failed += more.failed;
    sum.error += more.error;
    sum.skipped += more.skipped;
    sum.other += more.other;
    sum.flaky += more.flaky;
}
