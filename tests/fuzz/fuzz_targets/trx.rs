//! Any bytes as what stands inside the root of a report of TRX, and as they are.
#![no_main]
#![expect(
    dead_code,
    reason = "only the readers are driven, not all that the service asks of them"
)]

include!("driven.rs");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    drive(bytes);
    drive(&[b"<TestRun>", bytes, b"</TestRun>"].concat());
});
