//! Result files in, one model out: every format that CI servers write becomes a [`model::Report`].
//!
//! [`read`] is the way in: unpack, decode, detect, parse, and join what came in several files. One
//! file (or folder) per format; a new format adds a variant to [`detect::Format`] and an arm here,
//! nothing else. Files come from strangers: all work is bounded by [`Limits`], nothing recurses with the input, nothing is fetched. This
//! layer knows `domain` only; it neither stores nor matches.

mod allure;
mod annotations;
mod archive;
mod case;
mod collect;
mod ctrf;
pub mod decode;
pub mod detect;
mod detect_json;
pub mod error;
mod evidence;
mod gherkin;
mod join;
mod json;
mod junit;
mod keys;
pub mod limits;
pub mod model;
mod nunit;
mod repeats;
mod robot;
mod robot_json;
mod suites;
mod tap;
mod testng;
mod text;
mod trx;
mod warnings;
pub mod when;
mod xml;
mod xray_json;
mod xunit;

pub use error::ReadError;
pub use limits::Limits;
pub use model::Report;

use archive::{Files, Unpacked};
use decode::Decoded;
use detect::Format;
use error::Fault;
use gherkin::Writer;

/// Reads a result file of any known format, or an archive of them.
///
/// # Errors
///
/// The upload is refused as a whole, with the place and what to do.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Report, ReadError> {
    if bytes.len() > limits.bytes {
        let (bytes, limit) = (bytes.len(), limits.bytes);
        return Err(ReadError::whole(Fault::TooLarge { bytes, limit }));
    }
    match archive::unpack(bytes, limits)? {
        Unpacked::One(file) => {
            let (format, decoded) = understand(&file, limits)?;
            read_text(format, decoded, limits)
        }
        Unpacked::Many(files) => read_files(files, limits),
    }
}

/// The text of a file, and its format.
fn understand<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(Format, Decoded<'a>), ReadError> {
    let mut decoded = decode::decode(bytes)?;
    if decoded.text.trim_start().starts_with(['{', '[']) {
        json::mend(&mut decoded, limits)?;
    }
    let format = detect::detect(&decoded.text, limits)?;
    Ok((format, decoded))
}

/// Reads a text that is known to be of `format`.
fn read_text(format: Format, decoded: Decoded<'_>, limits: &Limits) -> Result<Report, ReadError> {
    let Decoded { text, warnings } = decoded;
    let report = match format {
        Format::JUnit => junit::read(&text, limits, warnings),
        Format::NUnit => nunit::read(&text, limits, warnings),
        Format::XUnit => xunit::read(&text, limits, warnings),
        Format::TestNg => testng::read(&text, limits, warnings),
        Format::Trx => trx::read(&text, limits, warnings),
        Format::Robot => robot::read(&text, limits, warnings),
        Format::RobotJson => robot_json::read(&text, limits, warnings),
        Format::Cucumber => gherkin::read(&text, Writer::Cucumber, limits, warnings),
        Format::Behave => gherkin::read(&text, Writer::Behave, limits, warnings),
        Format::Ctrf => ctrf::read(&text, limits, warnings),
        Format::Allure => allure::read(&[&text], limits, warnings),
        Format::XrayJson => xray_json::read(&text, limits, warnings),
        Format::Tap => tap::read(&text, limits, warnings),
    };
    report.map(|report| Report {
        format: format.name(),
        ..report
    })
}

/// Reads the result files of an archive; the others are named in a warning.
fn read_files(unpacked: Files, limits: &Limits) -> Result<Report, ReadError> {
    let Files {
        files,
        mut passed_over,
    } = unpacked;
    let (mut reports, mut tries) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let Ok((format, decoded)) = understand(&bytes, limits) else {
            passed_over.push(name);
            continue;
        };
        if format == Format::Allure {
            // Each of these is one try of one test; together they are a report.
            tries.push(decoded.text.into_owned());
            continue;
        }
        match read_text(format, decoded, limits) {
            Ok(report) => reports.push((name, report)),
            Err(why) => return Err(why.in_file(name)),
        }
    }
    if !tries.is_empty() {
        let texts: Vec<&str> = tries.iter().map(String::as_str).collect();
        let report = Report {
            format: Format::Allure.name(),
            ..allure::read(&texts, limits, Vec::new())?
        };
        reports.push(("allure-results".to_owned(), report));
    }
    if reports.is_empty() {
        return Err(ReadError::whole(Fault::NoResultFile));
    }
    let mut report = join::join(reports, limits)?;
    if !passed_over.is_empty() {
        let count = passed_over.len();
        passed_over.truncate(5);
        let names = passed_over.join(", ");
        report.warnings.insert(
            0,
            format!(
                "{count} files of the archive are no result files and were passed over: {names}"
            ),
        );
    }
    Ok(report)
}

#[cfg(test)]
mod archive_tests;
#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod dialect_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod json_tests;
#[cfg(test)]
mod mutation_tests;
