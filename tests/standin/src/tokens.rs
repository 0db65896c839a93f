//! Tokens: the query string hash, what the site signs and what it accepts.
//!
//! This is written from Atlassian's description of the algorithm and shares nothing with the app
//! under test, so that each checks the other. Sources:
//! <https://developer.atlassian.com/cloud/bitbucket/query-string-hash>,
//! <https://developer.atlassian.com/cloud/jira/platform/understanding-jwt-for-connect-apps>.

use std::fmt::Write as _;

use std::collections::BTreeMap;

use anyhow::Context as _;
use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

use crate::clock;

/// The canonical request of a method, a raw request target and a base path.
pub fn canonical_request(method: &str, target: &str, base_path: &str) -> String {
    let target = target.split('#').next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    format!(
        "{}&{}&{}",
        method.to_uppercase(),
        canonical_path(path, base_path),
        canonical_query(query)
    )
}

/// The query string hash of a request.
pub fn qsh(method: &str, target: &str, base_path: &str) -> String {
    let canonical = canonical_request(method, target, base_path);
    clock::hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
}

fn canonical_path(path: &str, base_path: &str) -> String {
    let base = base_path.trim_end_matches('/');
    let below = match path.strip_prefix(base) {
        Some(rest) if !base.is_empty() && (rest.is_empty() || rest.starts_with('/')) => rest,
        _ => path,
    };
    let mut out = below.replace('&', "%26");
    if !out.starts_with('/') {
        out.insert(0, '/');
    }
    if out.len() > 1 && out.ends_with('/') {
        out.pop();
    }
    out
}

fn canonical_query(query: &str) -> String {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for piece in query.split('&').filter(|piece| !piece.is_empty()) {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        let name = form_decode(name);
        if name != "jwt" {
            groups
                .entry(encode(&name))
                .or_default()
                .push(form_decode(value));
        }
    }
    let written = groups.into_iter().map(|(name, mut values)| {
        values.sort();
        let values: Vec<String> = values.iter().map(|value| encode(value)).collect();
        format!("{name}={}", values.join(","))
    });
    written.collect::<Vec<_>>().join("&")
}

/// Percent-encoding of RFC 3986: only the unreserved characters stay.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Form decoding: `+` is a space, `%XX` a byte of UTF-8.
pub fn form_decode(text: &str) -> String {
    percent_decode(&text.replace('+', " "))
}

/// Percent-decoding of a path segment; what is no escape stays as it stands.
pub fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escape = if first == b'%' { tail.get(..2) } else { None };
        let byte = escape
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = byte {
            bytes.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Signs claims with the secret a site shares with an app.
pub fn sign_shared(secret: &str, claims: &Value) -> anyhow::Result<String> {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).context("signing HS256")
}

/// The claims of a token with a valid HS256 signature under `secret`; times are not looked at.
pub fn open_shared(token: &str, secret: &str) -> Option<Value> {
    if secret.is_empty() {
        return None;
    }
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let key = DecodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::decode::<Value>(token, &key, &validation)
        .ok()
        .map(|token| token.claims)
}

/// The key the stand-in signs installation callbacks with, and its public half.
pub struct InstallKey {
    /// The key id, a path segment of the key host.
    pub kid: String,
    /// The public key, PEM (SPKI).
    pub public_pem: String,
    signing: EncodingKey,
}

impl InstallKey {
    /// Makes a new 2048-bit RSA key.
    pub fn generate() -> anyhow::Result<Self> {
        let pair = KeyPair::generate(KeySize::Rsa2048).context("making an RSA key")?;
        let private: Pkcs8V1Der<'_> = pair.as_der().context("encoding the private key")?;
        let public: PublicKeyX509Der<'_> = pair
            .public_key()
            .as_der()
            .context("encoding the public key")?;
        let signing = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes())
            .context("reading the private key back")?;
        Ok(Self {
            kid: clock::random_uuid(),
            public_pem: pem("PUBLIC KEY", public.as_ref()),
            signing,
        })
    }

    /// Signs claims as a signed-install token.
    pub fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.signing).context("signing RS256")
    }
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let mut out = format!("-----BEGIN {label}-----\n");
    let text = STANDARD.encode(der);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    let _ = writeln!(out, "-----END {label}-----");
    out
}

/// Claims of a URL-bound token: three minutes, bound to method, path and query.
pub fn url_bound_claims(issuer: &str, subject: Option<&str>, now_ms: i64, qsh: &str) -> Value {
    let mut claims = times(issuer, now_ms, 180);
    set(&mut claims, "qsh", json!(qsh));
    set(&mut claims, "context", json!({}));
    if let Some(subject) = subject {
        set(&mut claims, "sub", json!(subject));
    }
    claims
}

/// Claims of a context token: fifteen minutes, bound to a viewer and what the page shows.
pub fn context_claims(issuer: &str, subject: Option<&str>, now_ms: i64, context: &Value) -> Value {
    let mut claims = times(issuer, now_ms, 900);
    set(&mut claims, "qsh", json!("context-qsh"));
    set(&mut claims, "context", json!({ "jira": context }));
    if let Some(subject) = subject {
        set(&mut claims, "sub", json!(subject));
    }
    claims
}

/// `iss`, `iat` and `exp`.
pub fn times(issuer: &str, now_ms: i64, lifetime_s: i64) -> Value {
    let now = now_ms.div_euclid(1000);
    json!({ "iss": issuer, "iat": now, "exp": now + lifetime_s })
}

/// Sets one claim.
pub fn set(claims: &mut Value, name: &str, value: Value) {
    if let Some(map) = claims.as_object_mut() {
        map.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_requests_follow_the_published_rules() {
        let cases = [
            (
                "get",
                "/jira/panels/issue?issueKey=TP-1&jwt=a.b.c",
                "/jira",
                "GET&/panels/issue&issueKey=TP-1",
            ),
            ("GET", "/jira", "/jira", "GET&/&"),
            ("GET", "/jira/", "/jira", "GET&/&"),
            ("GET", "/jira-app/x", "/jira", "GET&/jira-app/x&"),
            (
                "GET",
                "/p?b=2&a=x&a=%3Ay&a=.z",
                "",
                "GET&/p&a=.z,%3Ay,x&b=2",
            ),
            ("GET", "/p?q=a+b%2Bc*~", "", "GET&/p&q=a%20b%2Bc%2A~"),
            ("GET", "/p?cp=&flag", "", "GET&/p&cp=&flag="),
            ("GET", "/jira&a=b/", "", "GET&/jira%26a=b&"),
            (
                "POST",
                "/p?JWT=1&xjwt=2&jwt=3&x=a,b",
                "",
                "POST&/p&JWT=1&x=a%2Cb&xjwt=2",
            ),
        ];
        for (method, target, base, expected) in cases {
            assert_eq!(
                canonical_request(method, target, base),
                expected,
                "{method} {target}"
            );
        }
    }

    #[test]
    fn the_shared_vectors_come_out_as_recorded() {
        let Some(bytes) = crate::shared_file("connect/qsh-vectors.json") else {
            return;
        };
        let file: Value = serde_json::from_slice(&bytes).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert!(vectors.len() > 100);
        // Records of which the file itself says that implementations disagree: two samples of the
        // documentation drop the `=` of a valueless parameter, one hashes a decoded path.
        let mut contradicted = Vec::new();
        for vector in vectors {
            let text = |name: &str| vector[name].as_str().unwrap_or_default();
            if !text("form").is_empty() {
                continue;
            }
            let path_of = |url: &str| match url.split_once("://") {
                Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]).to_owned(),
                None => url.to_owned(),
            };
            let base = text("base_url");
            let base = if base.is_empty() {
                String::new()
            } else {
                path_of(base)
            };
            let target = path_of(text("url"));
            let canonical = canonical_request(text("method"), &target, &base);
            let same = canonical == text("canonical")
                && qsh(text("method"), &target, &base) == text("qsh");
            if !same {
                contradicted.push(format!("{}: {canonical}", text("name")));
            }
        }
        assert!(contradicted.len() <= 3, "{contradicted:#?}");
    }

    #[test]
    fn an_install_token_opens_with_the_published_key() {
        let key = InstallKey::generate().unwrap();
        let token = key.sign(&times("site", 1_700_000_000_000, 180)).unwrap();
        let public = DecodingKey::from_rsa_pem(key.public_pem.as_bytes()).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        let opened = jsonwebtoken::decode::<Value>(&token, &public, &validation).unwrap();
        assert_eq!(opened.claims["iss"], "site");
        assert_eq!(opened.header.kid.as_deref(), Some(key.kid.as_str()));
    }

    #[test]
    fn a_token_under_another_secret_or_none_does_not_open() {
        let token = sign_shared("one", &times("app", 1_700_000_000_000, 180)).unwrap();
        assert!(open_shared(&token, "one").is_some());
        assert!(open_shared(&token, "two").is_none());
        assert!(open_shared(&token, "").is_none());
    }
}
