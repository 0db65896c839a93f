//! The order of versions, where their names tell it.
//!
//! Jira's own order of versions is a list a person drags about, and events do not carry it. A name
//! like `2.10.1` or `web 2.10` says enough; anything else is *unknown*, and rules treat it so.

use std::cmp::Ordering;

/// How the versions named `a` and `b` are ordered; `None` when their names do not tell.
///
/// Names are comparable when they are equal, or when both are numbers with dots after the same
/// prefix (a `v` counts as no prefix). Missing parts are zero: `2.1` and `2.1.0` are the same.
pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (a.trim(), b.trim());
    if a == b {
        return Some(Ordering::Equal);
    }
    let ((prefix_a, a), (prefix_b, b)) = (numbered(a)?, numbered(b)?);
    if prefix_a != prefix_b {
        return None;
    }
    let parts = 0..a.len().max(b.len());
    let part = |of: &[u64], n: usize| of.get(n).copied().unwrap_or(0);
    Some(
        parts
            .map(|n| part(&a, n).cmp(&part(&b, n)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal),
    )
}

fn numbered(name: &str) -> Option<(String, Vec<u64>)> {
    let start = name.find(|c: char| c.is_ascii_digit())?;
    let (prefix, digits) = name.split_at_checked(start)?;
    let parts: Option<Vec<u64>> = digits.split('.').map(|part| part.parse().ok()).collect();
    let prefix = prefix.trim().to_lowercase();
    let prefix = prefix.strip_suffix('v').unwrap_or(&prefix).trim();
    Some((prefix.to_owned(), parts?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_numbers_are_ordered_and_others_are_not() {
        use Ordering::{Equal, Greater, Less};
        for (a, b, order) in [
            ("1.9", "1.10", Some(Less)),
            ("v2.0", "1.10.4", Some(Greater)),
            ("2.1", "2.1.0", Some(Equal)),
            ("Web 2.1", "web v2.0", Some(Greater)),
            ("Web 2.1", "iOS 2.0", None),
            ("Summer", "Summer", Some(Equal)),
            ("Summer", "Winter", None),
            ("2.0-rc1", "2.0", None),
            ("", "1", None),
        ] {
            assert_eq!(compare(a, b), order, "{a} and {b}");
            assert_eq!(compare(b, a), order.map(Ordering::reverse), "{b} and {a}");
        }
    }
}
