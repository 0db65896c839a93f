//! The reference vectors for tokens, through the same verifiers and body checks as requests.

use std::collections::HashMap;

use clap::Parser;
use jsonwebtoken::DecodingKey;
use serde_json::Value;

use super::*;
use crate::connect::token::{self, PageContext};
use crate::jira::qsh;

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    config: Config,
}

/// What the vectors assume of the app.
fn config() -> Config {
    let base = ["--base-url", "https://app.example.com/jira"];
    let key = ["--app-key", "com.example.testtrace"];
    Options::parse_from(["touchstone"].iter().chain(&base).chain(&key)).config
}

/// The sites of the vectors, as the store would have them.
struct World {
    config: Config,
    base_url: String,
    install_keys: HashMap<String, DecodingKey>,
    secrets: HashMap<String, DecodingKey>,
}

impl World {
    fn new(file: &Value) -> Self {
        let pairs = |value: &Value| value.as_object().unwrap().clone();
        let install_keys = pairs(&file["install_keys"]).into_iter().map(|(kid, pem)| {
            let pem = pem.as_str().unwrap().as_bytes();
            (kid, DecodingKey::from_rsa_pem(pem).unwrap())
        });
        let secrets = file["tenants"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|site| {
                let text = |field: &str| site[field].as_str().unwrap();
                let is_here = text("state") == "installed";
                is_here.then(|| (text("clientKey").to_owned(), secret(text("sharedSecret"))))
            });
        let config = config();
        Self {
            base_url: config.server.base_url.clone(),
            config,
            install_keys: install_keys.collect(),
            secrets: secrets.collect(),
        }
    }

    /// Whether a record is accepted, and as whom.
    fn judge(&self, record: &Value) -> Result<(String, Option<String>), Refused> {
        let text = |field: &str| record[field].as_str().unwrap();
        let token = record["token"]
            .as_str()
            .filter(|_| record["jwt_in"] != "none");
        let token = token.ok_or(Refused::Missing)?;
        let now_s = record["now"].as_i64().unwrap();
        let url = text("url");
        let target = url.strip_prefix("https://app.example.com").unwrap();
        let qsh = qsh::hash(text("method"), target, qsh::base_path(&self.base_url));
        let event = url.rsplit('/').next().unwrap();
        let endpoint = text("endpoint");
        let caller = match endpoint {
            "lifecycle-asymmetric" => {
                let name = token::install_key_name(token)?;
                let key = self.install_keys.get(&name).ok_or(Refused::UnknownKey)?;
                (
                    token::signed_install(token, key, &self.base_url, &qsh, now_s)?,
                    None,
                )
            }
            "context-api" => self.under_site(token, |client_key, key| {
                let PageContext {
                    account_id, issue, ..
                } = token::context(token, key, client_key, now_s)?;
                assert_eq!(issue.unwrap().id, "10042");
                Ok(account_id)
            })?,
            _ => self.under_site(token, |client_key, key| {
                Ok(token::url_bound(token, key, client_key, &qsh, now_s)?.account_id)
            })?,
        };
        if endpoint.starts_with("lifecycle") && record.get("body").is_some() {
            let body: Body = serde_json::from_value(record["body"].clone())
                .ok()
                .ok_or(Refused::Body("type"))?;
            check(&body, &caller.0, event, &self.config)?;
        }
        Ok(caller)
    }

    fn under_site(
        &self,
        token: &str,
        verify: impl Fn(&str, &DecodingKey) -> Result<Option<String>, Refused>,
    ) -> Result<(String, Option<String>), Refused> {
        let client_key = token::unverified_issuer(token)?;
        let key = self.secrets.get(&client_key).ok_or(Refused::UnknownSite)?;
        let account = verify(&client_key, key)?;
        Ok((client_key, account))
    }
}

fn secret(text: &str) -> DecodingKey {
    DecodingKey::from_secret(text.as_bytes())
}

fn vectors() -> Option<Value> {
    let text = crate::testing::reference("connect/jwt-vectors.json")?;
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn every_token_is_accepted_or_refused_as_the_reference_says() {
    let Some(file) = vectors() else { return };
    let world = World::new(&file);
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 76);
    for case in cases {
        let judged = world.judge(case);
        let name = format!("{}: {}", case["group"], case["name"]);
        match (case["expect"].as_str().unwrap(), judged) {
            ("accept", Ok((site, account))) => {
                if let Some(tenant) = case["tenant"].as_str() {
                    assert_eq!(site, tenant, "{name}");
                }
                if let Some(person) = case["account"].as_str() {
                    assert_eq!(account.as_deref(), Some(person), "{name}");
                }
            }
            ("reject", Err(_)) => {}
            (expected, judged) => panic!("{name}: {expected}, but {judged:?}"),
        }
    }
}

#[test]
fn a_new_secret_replaces_the_old_one_at_once() {
    let Some(file) = vectors() else { return };
    let mut world = World::new(&file);
    for step in file["rotation"].as_array().unwrap() {
        let mut record = step.clone();
        let is_install = record["url"].as_str().unwrap().ends_with("/installed");
        let endpoint = if is_install {
            "lifecycle-asymmetric"
        } else {
            "iframe-page"
        };
        record["endpoint"] = endpoint.into();
        let claims: Value =
            jsonwebtoken::dangerous::insecure_decode_claims(record["token"].as_str().unwrap())
                .unwrap();
        record["now"] = claims["iat"].clone();
        let judged = world.judge(&record);
        assert_eq!(
            judged.is_ok(),
            step["expect"] == "accept",
            "{}: {judged:?}",
            step["step"]
        );
        if is_install {
            let told = step["body"]["sharedSecret"].as_str().unwrap();
            world.secrets.insert(judged.unwrap().0, secret(told));
        }
    }
}

#[test]
fn atlassians_own_signed_addresses_verify() {
    let Some(file) = vectors() else { return };
    for signed in file["signed_urls"].as_array().unwrap() {
        let text = |field: &str| signed[field].as_str().unwrap();
        let (url, name) = (text("url"), text("name"));
        let target = url.split_once("://").unwrap().1;
        let target = &target[target.find(['/', '?']).unwrap_or(target.len())..];
        let token = url::form_urlencoded::parse(url.split_once('?').unwrap().1.as_bytes())
            .find(|(name, _)| name == "jwt")
            .unwrap()
            .1
            .into_owned();
        let base = signed["base_url"].as_str().unwrap_or_default();
        let hash = qsh::hash("GET", target, qsh::base_path(base));
        let now_s = signed["iat"].as_i64().unwrap();
        let verified = token::url_bound(&token, &secret(text("secret")), text("iss"), &hash, now_s);
        assert!(verified.is_ok(), "{name}: {verified:?}");
    }
}

#[test]
fn foreign_algorithms_are_refused_by_every_verifier() {
    let Some(file) = vectors() else { return };
    let key = secret("any");
    for (name, token) in file["unsupported_algorithms"].as_object().unwrap() {
        let token = token.as_str().unwrap();
        assert!(token::url_bound(token, &key, "", "", 0).is_err(), "{name}");
        assert!(token::context(token, &key, "", 0).is_err(), "{name}");
        assert!(
            token::signed_install(token, &key, "", "", 0).is_err(),
            "{name}"
        );
    }
}

#[test]
fn lifecycle_bodies_are_taken_or_refused_as_the_reference_says() {
    let Some(text) = crate::testing::reference("connect/lifecycle-payloads.json") else {
        return;
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    let takes = |body: &Value, event: &str| -> bool {
        let Ok(body) = serde_json::from_value::<Body>(body.clone()) else {
            return false;
        };
        let client_key = body.client_key.clone();
        let has_secret = secret_of(&body).is_ok();
        check(&body, &client_key, event, &config()).is_ok() && (event != "installed" || has_secret)
    };
    for (name, body) in file["payloads"].as_object().unwrap() {
        assert!(takes(body, name.split(',').next().unwrap()), "{name}");
    }
    for (name, case) in file["refuse"].as_object().unwrap() {
        assert!(
            !takes(&case["body"], "installed"),
            "{name}: {}",
            case["why"]
        );
    }
}
