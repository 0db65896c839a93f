//! Any bytes as an upload; the seeds are of every format.
#![no_main]
#![expect(
    dead_code,
    reason = "only the readers are driven, not all that the service asks of them"
)]

include!("driven.rs");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drive(bytes));
