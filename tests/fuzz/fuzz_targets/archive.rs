//! Any bytes as a gzip or zip archive, whole and behind its first bytes.
#![no_main]
#![expect(
    dead_code,
    reason = "only the readers are driven, not all that the service asks of them"
)]

include!("driven.rs");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    drive(bytes);
    drive(&[b"PK\x03\x04", bytes].concat());
    drive(&[b"\x1f\x8b\x08\0\0\0\0\0\0\xff", bytes].concat());
});
