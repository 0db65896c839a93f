//! What the tests inside modules share.

/// The text of a file of reference data that may stand beside the checkout; `None`, said aloud,
/// when it does not. Under `CI` its absence is a failure.
pub(crate) fn reference(path: &str) -> Option<String> {
    let whole = format!("{}/../shared/reference/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&whole).ok();
    if text.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{whole} is missing");
        println!("skipped: {whole} is not here");
    }
    text
}
