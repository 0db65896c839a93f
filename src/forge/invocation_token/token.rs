//! A token as text: its three parts, what its header may say, and its signature.
//!
//! The algorithm is a constant here. The header's is only compared with it, before any key is
//! looked up, so that a token can neither choose `none` nor have a public key used as a secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::Reason;

/// The longest token that is looked at, in bytes. Tokens of macros and gadgets carry the whole
/// configuration and have been seen above 8 KB.
const LONGEST: usize = 64 * 1024;
/// The longest name of a key, in bytes; those seen have 64.
const KEY_NAME_LONGEST: usize = 256;
const ALGORITHM: &str = "RS256";

/// The parts of a token.
pub(super) struct Parts<'a> {
    /// Header and payload with the dot between them: what is signed.
    signed: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515, section 4.1.11); there are none here.
    crit: Option<IgnoredAny>,
}

impl<'a> Parts<'a> {
    pub(super) fn split(token: &'a str) -> Result<Self, Reason> {
        if token.len() > LONGEST {
            return Err(Reason::TooLong(token.len()));
        }
        let not_three = || Reason::Malformed("it has not three parts".into());
        let (signed, signature) = token.rsplit_once('.').ok_or_else(not_three)?;
        let (header, payload) = signed.split_once('.').ok_or_else(not_three)?;
        if payload.contains('.') {
            return Err(not_three());
        }
        Ok(Self {
            signed,
            header,
            payload,
            signature,
        })
    }

    /// The name of the key, from a header that says nothing this verifier does not do.
    pub(super) fn key_name(&self) -> Result<String, Reason> {
        let header: Header = decoded(self.header)?;
        if header.alg != ALGORITHM || header.crit.is_some() {
            return Err(Reason::Header);
        }
        let is_sane = |kid: &String| {
            (1..=KEY_NAME_LONGEST).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_graphic())
        };
        header.kid.filter(is_sane).ok_or(Reason::KeyName)
    }

    /// The claims. Nothing may be believed of them before the signature is checked.
    pub(super) fn unverified_claims<T: DeserializeOwned>(&self) -> Result<T, Reason> {
        decoded(self.payload)
    }

    pub(super) fn check_signature(&self, key: &DecodingKey) -> Result<(), Reason> {
        let signed = self.signed.as_bytes();
        match jsonwebtoken::crypto::verify(self.signature, signed, key, Algorithm::RS256) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Reason::Signature),
        }
    }
}

fn decoded<T: DeserializeOwned>(part: &str) -> Result<T, Reason> {
    let json = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|why| Reason::Malformed(why.to_string()))?;
    serde_json::from_slice(&json).map_err(|why| Reason::Malformed(why.to_string()))
}
