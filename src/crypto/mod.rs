//! Secrets at rest: sealed with a key from the environment and bound to the row they belong to.
//!
//! AES-256-GCM-SIV with a random nonce; the associated data names the row and column, so a
//! ciphertext copied to another row does not open. A sealed value is
//! `version (1) ‖ key id (4) ‖ nonce (12) ‖ ciphertext`. The key id says which key of the ring
//! opens it, which is what makes replacing a key possible (`touchstone rotate-key`).

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

const VERSION: u8 = 1;
const KEY_ID: usize = 4;
const NONCE: usize = 12;

/// Why a key ring cannot be made or a secret cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A key is not what it should be.
    #[error("the secret key must be 32 bytes in base64; make one with `openssl rand -base64 32`")]
    BadKey,
    /// The value was sealed with a key that is not in the ring.
    #[error("the secret was sealed with key {0}, which is not among the configured keys")]
    UnknownKey(String),
    /// The value is damaged or belongs to another row.
    #[error("the sealed secret is damaged or belongs to another row")]
    Damaged,
}

/// The keys that seal and open secrets; the first seals.
pub struct Seal {
    keys: Vec<([u8; KEY_ID], RandomizedNonceKey)>,
    /// Of each key, in the same order, what other keys are derived from.
    roots: Vec<hmac::Key>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal")
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl Seal {
    /// Reads a ring: base64 keys of 32 bytes, separated by commas, the newest first.
    pub fn from_config(keys: &SecretString) -> Result<Self, SealError> {
        let mut ring = Self {
            keys: Vec::new(),
            roots: Vec::new(),
        };
        for text in keys.expose_secret().split(',').map(str::trim) {
            let bytes = STANDARD.decode(text).ok().filter(|bytes| bytes.len() == 32);
            let bytes = bytes.ok_or(SealError::BadKey)?;
            let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, &bytes);
            let key = key.ok().ok_or(SealError::BadKey)?;
            ring.keys.push((key_id(&bytes), key));
            ring.roots.push(hmac::Key::new(hmac::HMAC_SHA256, &bytes));
        }
        Ok(ring)
    }

    /// A key of its own for `purpose`, from each key of the ring, the newest first: the first signs,
    /// all verify. The same on every replica, and of no use for anything sealed.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Vec<[u8; 32]> {
        let derived = self.roots.iter().map(|root| {
            let mut key = [0; 32];
            let tag = hmac::sign(root, format!("derived key: {purpose}").as_bytes());
            key.copy_from_slice(tag.as_ref());
            key
        });
        derived.collect()
    }

    /// Seals `secret` for one place, such as `site/7/shared_secret`.
    pub fn seal(&self, place: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, key) = self.keys.first().ok_or(SealError::BadKey)?;
        let mut body = secret.to_vec();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(aad(place, *id)), &mut body)
            .ok()
            .ok_or(SealError::Damaged)?;
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(id);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens what [`Seal::seal`] made for the same place.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (head, rest) = sealed
            .split_at_checked(1 + KEY_ID)
            .ok_or(SealError::Damaged)?;
        let (nonce, body) = rest.split_at_checked(NONCE).ok_or(SealError::Damaged)?;
        let (&[version], id) = head.split_first_chunk().ok_or(SealError::Damaged)?;
        if version != VERSION {
            return Err(SealError::Damaged);
        }
        let (id, key) = self
            .keys
            .iter()
            .find(|(held, _)| held.as_slice() == id)
            .ok_or_else(|| SealError::UnknownKey(hex(id)))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)
            .ok()
            .ok_or(SealError::Damaged)?;
        let mut body = body.to_vec();
        let plain = key.open_in_place(nonce, Aad::from(aad(place, *id)), &mut body);
        Ok(plain.ok().ok_or(SealError::Damaged)?.to_vec())
    }

    /// Whether a sealed value was made with the newest key.
    #[must_use]
    pub fn is_newest(&self, sealed: &[u8]) -> bool {
        let newest = self.keys.first().map(|(id, _)| id.as_slice());
        newest.is_some() && sealed.get(1..=KEY_ID) == newest
    }
}

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn key_id(key: &[u8]) -> [u8; KEY_ID] {
    let [a, b, c, d, ..] = sha256(key);
    [a, b, c, d]
}

fn aad(place: &str, id: [u8; KEY_ID]) -> Vec<u8> {
    [place.as_bytes(), b"\0", &id].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(keys: &[u8]) -> Seal {
        let keys: Vec<_> = keys
            .iter()
            .map(|byte| STANDARD.encode([*byte; 32]))
            .collect();
        Seal::from_config(&keys.join(",").into()).unwrap()
    }

    #[test]
    fn a_secret_opens_only_in_its_own_place() {
        let seal = ring(&[1]);
        let sealed = seal.seal("site/1/shared_secret", b"ATCO").unwrap();
        assert_eq!(seal.open("site/1/shared_secret", &sealed).unwrap(), b"ATCO");
        assert!(matches!(
            seal.open("site/2/shared_secret", &sealed),
            Err(SealError::Damaged)
        ));
        assert!(matches!(
            seal.open("site/1/shared_secret", &sealed[..9]),
            Err(SealError::Damaged)
        ));
    }

    #[test]
    fn a_replaced_key_still_opens_and_no_longer_seals() {
        let old = ring(&[1]).seal("here", b"secret").unwrap();
        let both = ring(&[2, 1]);
        assert_eq!(both.open("here", &old).unwrap(), b"secret");
        assert!(!both.is_newest(&old) && both.is_newest(&both.seal("here", b"x").unwrap()));
        assert!(matches!(
            ring(&[2]).open("here", &old),
            Err(SealError::UnknownKey(_))
        ));
    }

    #[test]
    fn every_purpose_and_every_key_has_its_own_derived_key() {
        let both = ring(&[2, 1]);
        assert_eq!(
            both.derive("a"),
            [ring(&[2]).derive("a"), ring(&[1]).derive("a")].concat()
        );
        let keys = [both.derive("a"), both.derive("b")].concat();
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), 4);
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        assert!(matches!(
            Seal::from_config(&"YWJj".into()),
            Err(SealError::BadKey)
        ));
    }
}
