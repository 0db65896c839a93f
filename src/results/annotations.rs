//! Lists of issue keys and of labels, as properties, traits and attributes hold them.

use super::keys;
use super::limits::Limits;
use super::model::Requirement;
use super::text::shortened;
use super::warnings::Warnings;

/// Reads a list of required issue keys that stands at `at`; `found` says whether it had room.
pub fn take_requirements(
    list: &str,
    at: usize,
    warnings: &mut Warnings<'_>,
    mut found: impl FnMut(Requirement) -> bool,
) {
    let mut has_room = true;
    let refuse = |word: &str| {
        warnings.at(at, || {
            let word = shortened(word, 60);
            format!("the requirement {word:?} is not an issue key and was passed over")
        });
    };
    keys::stated(list, |requirement| has_room &= found(requirement), refuse);
    if !has_room {
        warnings.at(at, || {
            "too many requirements; the last ones were passed over".into()
        });
    }
}

/// The labels in a list; with a comma or semicolon in it, spaces belong to the labels.
pub fn labels_of(list: &str, limits: &Limits) -> Vec<String> {
    let by_comma = list.contains([',', ';']);
    list.split(|c: char| {
        if by_comma {
            matches!(c, ',' | ';')
        } else {
            c.is_whitespace()
        }
    })
    .map(str::trim)
    .filter(|label| !label.is_empty())
    .map(|label| shortened(label, limits.line_chars))
    .collect()
}
