//! Forge as far as tokens go: it signs invocations with keys of its own and serves the key set.
//!
//! Unlike the stand-in, it also signs what Forge never would.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::web::{self, Data};
use actix_web::{HttpResponse, HttpServer};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::site::{now_s, private_key};

pub const APP_ID: &str = "ari:cloud:ecosystem::app/2f1f7b62-3f8b-4d53-8b6b-6f0d8a4d0001";

/// Signs invocations of one installation.
#[derive(Debug)]
pub struct Issuer {
    pub jwks_url: String,
    pub cloud_id: String,
    pub installation_id: String,
    pub kid: String,
    key: EncodingKey,
    state: Data<State>,
    server: actix_web::dev::ServerHandle,
}

#[derive(Debug)]
struct State {
    set: Value,
    fetches: AtomicUsize,
    /// How many of the next fetches fail.
    failures: AtomicUsize,
}

async fn serve(state: Data<State>) -> HttpResponse {
    state.fetches.fetch_add(1, Ordering::SeqCst);
    let failing = state
        .failures
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
    match failing {
        Ok(_) => HttpResponse::BadGateway().body("<html>502</html>"),
        Err(_) => HttpResponse::Ok().json(&state.set),
    }
}

impl Issuer {
    pub fn start() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public: PublicKeyComponents<Vec<u8>> = pair.public_key().into();
        let kid = format!("forge/invocation-token/{}", uuid::Uuid::new_v4());
        let encoded = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        let state = Data::from(Arc::new(State {
            set: json!({ "keys": [{
                "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
                "n": encoded(&public.n), "e": encoded(&public.e),
            }] }),
            fetches: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let jwks_url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let shared = state.clone();
        let server = HttpServer::new(move || {
            let app = actix_web::App::new().app_data(shared.clone());
            app.route("/jwks.json", web::get().to(serve))
        });
        let server = server
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            jwks_url,
            cloud_id: uuid::Uuid::new_v4().to_string(),
            installation_id: format!("ari:cloud:ecosystem::installation/{}", uuid::Uuid::new_v4()),
            kid,
            key: private_key(private.as_ref()),
            state,
            server: handle,
        }
    }

    /// The options under which the service believes this issuer.
    pub fn options(&self) -> [&str; 6] {
        [
            "--app-id",
            APP_ID,
            "--jwks-url",
            &self.jwks_url,
            "--insecure-sites",
            "true",
        ]
    }

    /// Lets the next fetches of the key set fail.
    pub fn fail(&self, times: usize) {
        self.state.failures.store(times, Ordering::SeqCst);
    }

    pub fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    /// The claims of an event, a lifecycle call or a schedule.
    pub fn event(&self) -> Value {
        let api = format!("https://api.atlassian.com/ex/jira/{}", self.cloud_id);
        json!({
            "iss": "forge/invocation-token", "aud": APP_ID,
            "iat": now_s(), "nbf": now_s(), "exp": now_s() + 25,
            "jti": uuid::Uuid::new_v4().simple().to_string(),
            "app": {
                "id": APP_ID, "appVersion": "1.0.0",
                "installationId": self.installation_id, "apiBaseUrl": api,
                "installation": {
                    "id": self.installation_id,
                    "contexts": [{ "name": "jira", "apiBaseUrl": api, "cloudId": self.cloud_id }],
                },
                "environment": {
                    "type": "PRODUCTION", "id": "ari:cloud:ecosystem::environment/production",
                },
                "module": { "type": "core:endpoint", "key": "jira-events" },
            },
        })
    }

    /// The claims of a call from the panel of an issue, by a person.
    pub fn page(&self, issue: i64) -> Value {
        let mut claims = self.event();
        claims["app"]["module"] = json!({ "type": "jira:issuePanel", "key": "panel" });
        claims["principal"] = json!("712020:person");
        claims["context"] = json!({
            "cloudId": self.cloud_id, "localId": "place", "moduleKey": "panel",
            "siteUrl": "https://acme.atlassian.net", "accountId": "712020:person",
            "extension": {
                "type": "jira:issuePanel", "issue": { "id": issue.to_string(), "key": "SHOP-7" },
            },
        });
        claims
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(Algorithm::RS256, Some(&self.kid), claims)
    }

    pub fn sign_as(&self, algorithm: Algorithm, kid: Option<&str>, claims: &Value) -> String {
        let header = Header {
            kid: kid.map(str::to_owned),
            ..Header::new(algorithm)
        };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }

    /// Tokens that do not verify, by what is wrong with them; `good` are claims that would.
    pub fn bent(&self, good: &Value) -> Vec<(&'static str, String)> {
        let with = |path: &str, value: Value| {
            let mut claims = good.clone();
            *claims.pointer_mut(path).unwrap() = value;
            self.sign(&claims)
        };
        let other_app = "ari:cloud:ecosystem::app/2f1f7b62-3f8b-4d53-8b6b-6f0d8a4d9999";
        let elsewhere = format!("https://evil.example/ex/jira/{}", self.cloud_id);
        let labelled = |label: &str| {
            let mut claims = good.clone();
            claims["icLabel"] = json!(label);
            self.sign(&claims)
        };
        let mut bent = vec![
            ("expired by 11 s", with("/exp", json!(now_s() - 12))),
            ("valid in 20 s", with("/nbf", json!(now_s() + 20))),
            ("without an end", with("/exp", Value::Null)),
            ("of another app", with("/aud", json!(other_app))),
            ("of two apps", with("/app/id", json!(other_app))),
            (
                "a context token",
                with("/iss", json!("forge/context-token")),
            ),
            ("without an issuer", with("/iss", Value::Null)),
            (
                "of no installation",
                with("/app/installationId", Value::Null),
            ),
            (
                "of two installations",
                with("/app/installation/id", json!("another")),
            ),
            (
                "of another product",
                with("/app/installation/contexts/0/name", json!("confluence")),
            ),
            (
                "of two sites",
                with("/app/installation/contexts/0/cloudId", json!("another")),
            ),
            (
                "with a foreign API",
                with("/app/apiBaseUrl", json!(elsewhere)),
            ),
            ("of an Isolated Cloud", labelled("gov-1")),
            ("of no Isolated Cloud", labelled("evil.example/#")),
        ];
        bent.extend(self.forged(good));
        bent
    }

    /// Tokens whose header or signature is not what it should be.
    fn forged(&self, good: &Value) -> Vec<(&'static str, String)> {
        let token = self.sign(good);
        let parts: Vec<_> = token.split('.').collect();
        let under = |header: Value| {
            let header = URL_SAFE_NO_PAD.encode(header.to_string());
            format!("{header}.{}.{}", parts[1], parts[2])
        };
        let with_public_key = {
            let public = self.state.set["keys"][0]["n"].as_str().unwrap();
            let header = Header {
                kid: Some(self.kid.clone()),
                ..Header::new(Algorithm::HS256)
            };
            let key = EncodingKey::from_secret(public.as_bytes());
            jsonwebtoken::encode(&header, good, &key).unwrap()
        };
        let mut other = good.clone();
        other["app"]["installationId"] = json!("ari:cloud:ecosystem::installation/of-another");
        let replaced = URL_SAFE_NO_PAD.encode(other.to_string());
        vec![
            ("not a token", "abc.def".into()),
            ("empty", String::new()),
            ("without a signature", format!("{}.{}.", parts[0], parts[1])),
            (
                "changed after signing",
                format!("{}.{replaced}.{}", parts[0], parts[2]),
            ),
            ("unsigned", under(json!({ "alg": "none", "kid": self.kid }))),
            ("signed with the public key", with_public_key),
            (
                "RS512",
                self.sign_as(Algorithm::RS512, Some(&self.kid), good),
            ),
            (
                "PS256",
                self.sign_as(Algorithm::PS256, Some(&self.kid), good),
            ),
            ("without a key", self.sign_as(Algorithm::RS256, None, good)),
            (
                "of an unknown key",
                self.sign_as(Algorithm::RS256, Some("unknown"), good),
            ),
            (
                "of another issuer",
                Self::start().sign_as(Algorithm::RS256, Some(&self.kid), good),
            ),
            ("endless", format!("{token}{}", "A".repeat(70_000))),
        ]
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}
