//! Files that stand in a report as base64.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::model::Evidence;
use super::text::shortened;

/// Base64 as people write it, with or without the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The file of this name and base64 content, of at most `room` bytes, or why it was dropped.
pub fn decoded(name: &str, text: &str, room: usize) -> Result<Evidence, String> {
    let name = match name.trim() {
        "" => "evidence".to_owned(),
        name => shortened(name, 255),
    };
    let text: String = text.split_ascii_whitespace().collect();
    if text.len() / 4 * 3 > room.saturating_add(2) {
        return Err(too_large(&name));
    }
    match BASE64.decode(text) {
        Ok(content) => Ok(Evidence {
            name,
            media_type: None,
            content,
            step: 0,
        }),
        Err(_) => Err(format!(
            "the evidence {name:?} is not base64 and was dropped"
        )),
    }
}

/// Why a file of this name was dropped.
pub fn too_large(name: &str) -> String {
    format!("the evidence {name:?} is too large and was dropped")
}
