//! Any bytes as a TAP stream, and as they are.
#![no_main]
#![expect(
    dead_code,
    reason = "only the readers are driven, not all that the service asks of them"
)]

include!("driven.rs");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    drive(bytes);
    drive(&[b"TAP version 14\n1..1\n", bytes, b""].concat());
});
