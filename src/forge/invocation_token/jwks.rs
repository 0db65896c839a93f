//! A key set as it is published: which of its keys can verify a token, and for how long it is good.

use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

/// How long a set is used when its host does not say, in seconds.
const UNSAID_S: i64 = 60 * 60;
/// The shortest time a set is used, whatever its host says, in seconds.
const SHORTEST_S: i64 = 5 * 60;
/// The longest.
const LONGEST_S: i64 = 24 * 60 * 60;

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct RsaKey {
    kty: String,
    kid: String,
    n: String,
    e: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
}

/// The keys of a set that can sign an invocation, by name. Others are skipped: a new kind of key
/// must not take the known ones down with it.
pub(super) fn read(body: &[u8]) -> Result<HashMap<String, Arc<DecodingKey>>, String> {
    let document: Document = serde_json::from_slice(body).map_err(|why| why.to_string())?;
    let keys: HashMap<_, _> = document.keys.into_iter().filter_map(usable).collect();
    if keys.is_empty() {
        return Err("the set has no key that can be used".into());
    }
    Ok(keys)
}

fn usable(value: Value) -> Option<(String, Arc<DecodingKey>)> {
    let key: RsaKey = serde_json::from_value(value).ok()?;
    let is_for_us = key.kty == "RSA"
        && key.alg.is_none_or(|alg| alg == "RS256")
        && key.used_for.is_none_or(|used_for| used_for == "sig");
    if !is_for_us {
        return None;
    }
    // Some sets pad their numbers, which base64url in a key set does not (RFC 7518, section 2).
    let (n, e) = (key.n.trim_end_matches('='), key.e.trim_end_matches('='));
    let parsed = DecodingKey::from_rsa_components(n, e).ok()?;
    Some((key.kid, Arc::new(parsed)))
}

/// How long a set may be used by its `Cache-Control`, in seconds, within bounds of our own.
pub(super) fn lifetime_s(cache_control: Option<&str>) -> i64 {
    let said = cache_control.unwrap_or_default().to_ascii_lowercase();
    let mut directives = said.split(',').map(str::trim);
    let age_s = directives
        .clone()
        .find_map(|one| one.strip_prefix("max-age=")?.parse().ok());
    let lifetime_s = match age_s {
        _ if directives.any(|one| one == "no-store" || one == "no-cache") => 0,
        Some(age_s) => age_s,
        None => UNSAID_S,
    };
    lifetime_s.clamp(SHORTEST_S, LONGEST_S)
}
