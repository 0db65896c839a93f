//! The query string hash (`qsh`): what binds a token to one request, in both directions.
//!
//! It is worked out from the raw request target, as received or as it will be sent. Normalise
//! nothing before it and rebuild nothing from parsed parameters: order, duplicates, `+` and empty
//! values all count. Calls *from* Jira leave out the path of our base URL, calls *to* Jira the path
//! of the site's.
//!
//! Source: <https://developer.atlassian.com/cloud/bitbucket/query-string-hash>, with the two points
//! in which Jira differs from its text: values are sorted before they are encoded, and a parameter
//! without a value keeps its `=`.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded;

use crate::crypto;

/// What RFC 3986 leaves unreserved stays as it is; everything else is `%XX`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The hash of a request: 64 lower-case hexadecimal digits.
///
/// `target` is the raw request target (path and query); `base_path` the path that is not part of
/// the canonical form, as [`base_path`] gives it.
#[must_use]
pub fn hash(method: &str, target: &str, base_path: &str) -> String {
    let canonical = canonical_request(method, target, base_path);
    crypto::hex(&crypto::sha256(canonical.as_bytes()))
}

/// The text that is hashed: `METHOD&path&query`.
#[must_use]
pub fn canonical_request(method: &str, target: &str, base_path: &str) -> String {
    let target = target.split('#').next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut canonical = String::with_capacity(method.len() + target.len() + 16);
    canonical.extend(method.chars().map(|letter| letter.to_ascii_uppercase()));
    canonical.push('&');
    push_path(&mut canonical, without_base(path, base_path));
    canonical.push('&');
    push_query(&mut canonical, query);
    canonical
}

/// The path of an absolute base URL without a slash at its end; empty for a bare origin.
#[must_use]
pub fn base_path(base_url: &str) -> &str {
    let rest = base_url
        .split_once("://")
        .map_or(base_url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let path = rest.find('/').and_then(|at| rest.get(at..));
    path.unwrap_or_default().trim_end_matches('/')
}

/// Takes the base path off, once, and only where it ends at a segment.
fn without_base<'a>(path: &'a str, base_path: &str) -> &'a str {
    match path.strip_prefix(base_path) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => path,
    }
}

fn push_path(canonical: &mut String, path: &str) {
    let path = path.strip_suffix('/').unwrap_or(path);
    if !path.starts_with('/') {
        canonical.push('/');
    }
    for (n, part) in path.split('&').enumerate() {
        if n > 0 {
            canonical.push_str("%26");
        }
        canonical.push_str(part);
    }
}

fn push_query(canonical: &mut String, query: &str) {
    if query.is_empty() {
        return;
    }
    let mut pairs: Vec<(String, Cow<'_, str>)> = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name != "jwt")
        .map(|(name, value)| (encoded(&name), value))
        .collect();
    pairs.sort();
    let mut held: Option<&str> = None;
    for (name, value) in &pairs {
        if held == Some(name) {
            canonical.push(',');
        } else {
            if held.is_some() {
                canonical.push('&');
            }
            canonical.push_str(name);
            canonical.push('=');
            held = Some(name);
        }
        canonical.extend(utf8_percent_encode(value, RESERVED));
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_request_has_one_canonical_form() {
        for (method, target, base, canonical) in [
            (
                "get",
                "/connect/issue?issueKey=SHOP-1&jwt=a.b.c",
                "",
                "GET&/connect/issue&issueKey=SHOP-1",
            ),
            (
                "POST",
                "/jira/connect/webhook",
                "/jira",
                "POST&/connect/webhook&",
            ),
            (
                "POST",
                "/connect/webhook",
                "/jira",
                "POST&/connect/webhook&",
            ),
            ("GET", "/jira", "/jira", "GET&/&"),
            ("GET", "/jira/", "/jira", "GET&/&"),
            ("GET", "/jira/jira/x", "/jira", "GET&/jira/x&"),
            ("GET", "/jira-app/x", "/jira", "GET&/jira-app/x&"),
            ("GET", "/jira&a=b/", "/jira", "GET&/jira%26a=b&"),
            ("GET", "", "", "GET&/&"),
            ("GET", "/a//b/../c%20d/", "", "GET&/a//b/../c%20d&"),
            ("GET", "/p?q=a+b%2Bc*~", "", "GET&/p&q=a%20b%2Bc%2A~"),
            (
                "GET",
                "/p?cp=&flag&&a=b=c#end",
                "",
                "GET&/p&a=b%3Dc&cp=&flag=",
            ),
            ("GET", "/p?JWT=1&xjwt=2&%6awt=3", "", "GET&/p&JWT=1&xjwt=2"),
            (
                "GET",
                "/p?v=%3Ay&v=.z&v=1,2&v=",
                "",
                "GET&/p&v=,.z,1%2C2,%3Ay",
            ),
            (
                "GET",
                "/p?z=1&%C3%A9=2&a0=3&a%3A=4",
                "",
                "GET&/p&%C3%A9=2&a%3A=4&a0=3&z=1",
            ),
        ] {
            assert_eq!(
                canonical_request(method, target, base),
                canonical,
                "{target}"
            );
        }
    }

    #[test]
    fn the_hash_is_lower_case_hex_of_sha_256() {
        assert_eq!(
            hash("GET", "/rest/api/2/issue", ""),
            crypto::hex(&crypto::sha256(b"GET&/rest/api/2/issue&"))
        );
        assert_eq!(
            hash("GET", "/test?param=value&jwt=x", ""),
            "be16910858a41fd19ea5c1b4e9decca9a784d1024cb00b2158defe2f29dc86dd"
        );
    }

    #[test]
    fn a_base_url_gives_its_path() {
        for (url, path) in [
            ("https://app.example.com", ""),
            ("https://app.example.com/", ""),
            ("https://app.example.com/jira", "/jira"),
            ("https://app.example.com/a/b/", "/a/b"),
        ] {
            assert_eq!(base_path(url), path);
        }
    }

    proptest! {
        #[test]
        fn the_order_of_parameters_does_not_count(
            mut pairs in proptest::collection::vec(("[a-zé:~*]{1,4}", "\\PC{0,5}"), 0..6),
            turn in 0..6_usize,
        ) {
            let query = |pairs: &[(String, String)]| {
                form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
            };
            let straight = hash("GET", &format!("/p?{}", query(&pairs)), "");
            let by = turn.min(pairs.len());
            pairs.rotate_left(by);
            prop_assert_eq!(straight, hash("GET", &format!("/p?{}", query(&pairs)), ""));
        }
    }

    /// Three records contradict the others: two samples of the documentation drop the `=` of a
    /// parameter without a value, which no implementation does, and one is the decoded twin of the
    /// record before it.
    const CONTRADICTORY: [&str; 3] = [
        "doc: valueless parameter (documentation drops the equals sign)",
        "doc: valueless parameter with spaces (documentation drops the equals sign)",
        "divergence: percent-encoded path, decoded form",
    ];

    #[test]
    fn every_reference_vector_holds() {
        let Some(file) = crate::testing::reference("connect/qsh-vectors.json") else {
            return;
        };
        let file: Value = serde_json::from_str(&file).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert!(vectors.len() >= 129);
        for vector in vectors {
            let name = vector["name"].as_str().unwrap();
            if CONTRADICTORY.contains(&name) {
                continue;
            }
            let text = |field: &str| vector[field].as_str();
            let (method, url) = (text("method").unwrap(), text("url").unwrap());
            let target = match url.split_once("://") {
                Some((_, rest)) => rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]),
                None => url,
            };
            // A form body counts as the query when there is none; Jira's own calls never use it.
            let counts = text("form").filter(|_| vector["form_counted"] != false);
            let target =
                counts.map_or_else(|| target.to_owned(), |form| format!("{target}?{form}"));
            let base = base_path(text("base_url").unwrap_or_default());
            assert_eq!(
                canonical_request(method, &target, base),
                text("canonical").unwrap(),
                "{name}"
            );
            assert_eq!(hash(method, &target, base), text("qsh").unwrap(), "{name}");
        }
    }
}
