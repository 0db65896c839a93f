//! Result files in, one model out: every format that CI servers write becomes a [`model::Report`].
//!
//! [`read`] is the way in: decode, detect, parse. One file (or folder) per format; a new format
//! adds a variant to [`detect::Format`] and an arm here, nothing else. Files come from strangers:
//! all work is bounded by [`Limits`], nothing recurses with the input, nothing is fetched. This
//! layer knows `domain` only; it neither stores nor matches.

pub mod decode;
pub mod detect;
pub mod error;
mod junit;
mod keys;
pub mod limits;
pub mod model;
mod repeats;
mod text;
mod warnings;
pub mod when;
mod xml;

pub use error::ReadError;
pub use limits::Limits;
pub use model::Report;

use detect::Format;
use error::Fault;

/// Reads a result file of any known format.
///
/// # Errors
///
/// The file is refused as a whole, with the place and what to do.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Report, ReadError> {
    if bytes.len() > limits.bytes {
        let (bytes, limit) = (bytes.len(), limits.bytes);
        return Err(ReadError::whole(Fault::TooLarge { bytes, limit }));
    }
    let decoded = decode::decode(bytes)?;
    match detect::detect(&decoded.text, limits)? {
        Format::JUnit => junit::read(&decoded.text, limits, decoded.warnings),
    }
}

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod dialect_tests;
#[cfg(test)]
mod hostile_tests;
