//! Any bytes as an Allure 2 result, and as they are.
#![no_main]
#![expect(
    dead_code,
    reason = "only the readers are driven, not all that the service asks of them"
)]

include!("driven.rs");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    drive(bytes);
    drive(&[b"{\"uuid\":\"u\",\"name\":\"n\",\"status\":\"passed\",", bytes, b"}"].concat());
});
