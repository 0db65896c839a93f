//! Any bytes as the suite of Robot Framework's `output.json`, and as they are.
#![no_main]
#![expect(
    dead_code,
    reason = "only the readers are driven, not all that the service asks of them"
)]

include!("driven.rs");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    drive(bytes);
    drive(&[b"{\"suite\":{\"name\":\"s\",", bytes, b"}}"].concat());
});
