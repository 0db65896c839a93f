//! The keys Forge signs invocation tokens with, and the key set it publishes.
//!
//! Forge is one issuer for all sites, so every site of a process begins with the same key. Rotation,
//! padding, strange entries and an outage come on command.

use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::clock;
use crate::tokens::pem;

/// One RSA key of Forge.
pub(crate) struct FitKey {
    /// The key id as it stands in headers and in the key set.
    pub(crate) kid: String,
    signing: EncodingKey,
    public: PublicKeyComponents<Vec<u8>>,
}

impl FitKey {
    /// Makes a new key.
    pub(crate) fn generate() -> anyhow::Result<Arc<Self>> {
        let pair = KeyPair::generate(KeySize::Rsa2048).context("making an RSA key")?;
        let private: Pkcs8V1Der<'_> = pair.as_der().context("encoding the private key")?;
        let signing = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes())
            .context("reading the private key back")?;
        Ok(Arc::new(Self {
            kid: format!("forge/invocation-token/wf-{}", clock::random_uuid()),
            signing,
            public: pair.public_key().into(),
        }))
    }

    /// The key every site of this process begins with.
    fn first() -> anyhow::Result<Arc<Self>> {
        static FIRST: OnceLock<Arc<FitKey>> = OnceLock::new();
        if let Some(key) = FIRST.get() {
            return Ok(Arc::clone(key));
        }
        let made = Self::generate()?;
        Ok(Arc::clone(FIRST.get_or_init(|| made)))
    }

    /// Signs claims; members of `header` are added to the token's header or replace what is there.
    pub(crate) fn sign(&self, claims: &Value, header: &Value) -> anyhow::Result<String> {
        let mut own = Header::new(Algorithm::RS256);
        own.kid = Some(self.kid.clone());
        if header.is_null() {
            return jsonwebtoken::encode(&own, claims, &self.signing).context("signing RS256");
        }
        let mut head = serde_json::to_value(&own)?;
        merge(&mut head, header);
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&head), part(claims));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.signing, Algorithm::RS256)
                .context("signing RS256")?;
        Ok(format!("{message}.{signature}"))
    }

    fn jwk(&self, padded: bool) -> Value {
        let number = |bytes: &[u8]| {
            if padded {
                URL_SAFE.encode(bytes)
            } else {
                URL_SAFE_NO_PAD.encode(bytes)
            }
        };
        json!({
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.kid,
            "n": number(&self.public.n), "e": number(&self.public.e),
        })
    }
}

/// Puts the members of one object into another, object by object; `null` takes a member away.
pub(crate) fn merge(into: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        into.clone_from(patch);
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    let Some(map) = into.as_object_mut() else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            map.remove(name);
        } else {
            merge(map.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Everything about keys: what signs, what is published, and what is wrong with it.
pub(crate) struct Keys {
    pub(crate) current: Arc<FitKey>,
    published: Vec<Arc<FitKey>>,
    /// Signs as well as any, and is in no key set.
    stranger: Option<Arc<FitKey>>,
    /// Whether the set's numbers carry `=`.
    pub(crate) padded: bool,
    /// Whether the set has entries that are of no use for RS256.
    pub(crate) strange: bool,
    /// The status the set is answered with instead of itself.
    pub(crate) outage: Option<u16>,
    /// How often the set was asked for.
    pub(crate) fetches: u64,
}

impl Keys {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let current = FitKey::first()?;
        Ok(Self {
            published: vec![Arc::clone(&current)],
            current,
            stranger: None,
            padded: false,
            strange: false,
            outage: None,
            fetches: 0,
        })
    }

    /// Signs with a new key from now on; the old one stays in the set only if asked.
    pub(crate) fn rotate(&mut self, keep_old: bool) -> anyhow::Result<()> {
        let new = FitKey::generate()?;
        if !keep_old {
            self.published.clear();
        }
        self.published.push(Arc::clone(&new));
        self.current = new;
        Ok(())
    }

    /// A key that is published nowhere.
    pub(crate) fn stranger(&mut self) -> anyhow::Result<Arc<FitKey>> {
        if let Some(key) = &self.stranger {
            return Ok(Arc::clone(key));
        }
        let key = FitKey::generate()?;
        self.stranger = Some(Arc::clone(&key));
        Ok(key)
    }

    /// The key set, or the status it is refused with; counts the look.
    pub(crate) fn fetch(&mut self) -> Result<Value, u16> {
        self.fetches += 1;
        if let Some(status) = self.outage {
            return Err(status);
        }
        let mut keys: Vec<Value> = self
            .published
            .iter()
            .map(|it| it.jwk(self.padded))
            .collect();
        if self.strange {
            keys.insert(
                0,
                json!({
                    "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
                    "kid": "forge/invocation-token/elliptic",
                    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                }),
            );
            keys.push(json!({ "kty": "NEW", "alg": "XX512", "kid": "not known yet", "v": 1 }));
        }
        Ok(json!({ "keys": keys }))
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};

    use super::*;

    fn opened(token: &str, jwk: &Value) -> bool {
        let text = |name: &str| jwk[name].as_str().unwrap().trim_end_matches('=').to_owned();
        let key = DecodingKey::from_rsa_components(&text("n"), &text("e")).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        jsonwebtoken::decode::<Value>(token, &key, &validation).is_ok()
    }

    #[test]
    fn a_rotated_key_is_withdrawn_and_a_stranger_is_never_published() {
        let mut keys = Keys::new().unwrap();
        let old = keys.current.sign(&json!({}), &Value::Null).unwrap();
        let set = keys.fetch().unwrap();
        assert!(opened(&old, &set["keys"][0]));
        keys.rotate(false).unwrap();
        keys.padded = true;
        let set = keys.fetch().unwrap();
        assert_eq!(set["keys"].as_array().unwrap().len(), 1);
        assert!(set["keys"][0]["n"].as_str().unwrap().ends_with('='));
        assert!(!opened(&old, &set["keys"][0]));
        let new = keys.current.sign(&json!({}), &Value::Null).unwrap();
        assert!(opened(&new, &set["keys"][0]));
        let strange = keys.stranger().unwrap();
        let strange = strange.sign(&json!({}), &Value::Null).unwrap();
        assert!(!opened(&strange, &set["keys"][0]));
        assert_eq!(keys.fetches, 2);
    }

    #[test]
    fn a_changed_header_is_signed_as_it_stands() {
        let keys = Keys::new().unwrap();
        let token = keys
            .current
            .sign(&json!({}), &json!({ "kid": null, "x": 1 }))
            .unwrap();
        let head = token.split('.').next().unwrap();
        let head: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap();
        assert_eq!(head, json!({ "typ": "JWT", "alg": "RS256", "x": 1 }));
    }
}
