//! For tests: signs tokens as Forge does, and serves the key set, well or badly.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{Settings, Verifier};

pub(super) const APP: &str = "ari:cloud:ecosystem::app/6f1d1f8e-0c0e-4b53-9d0b-2f4f4c3c1a10";
pub(super) const CLOUD: &str = "5b7c0d8a-1f1e-4c6e-8a55-77d1f0a7c001";
/// When tokens of [`claims`] begin to be valid; they end 25 s later.
pub(super) const BEGIN_S: i64 = 1_800_000_000;
pub(super) const NOW_S: i64 = BEGIN_S + 5;

/// The claims of an event.
pub(super) fn claims() -> Value {
    let installation = "ari:cloud:ecosystem::installation/b1f9a9f0-54d0-4f3a-9c56-0d7f24c30001";
    let api = format!("https://api.atlassian.com/ex/jira/{CLOUD}");
    json!({
        "iss": "forge/invocation-token", "aud": APP,
        "iat": BEGIN_S, "nbf": BEGIN_S, "exp": BEGIN_S + 25,
        "jti": "9c1185a5c5e9fc54612808977ee8f548b2258d31",
        "app": {
            "id": APP, "appVersion": "3.2.1", "installationId": installation, "apiBaseUrl": api,
            "installation": {
                "id": installation,
                "contexts": [{ "name": "jira", "apiBaseUrl": api, "cloudId": CLOUD }],
            },
            "environment": { "type": "PRODUCTION", "id": "ari:cloud:ecosystem::environment/e1" },
            "module": { "type": "core:endpoint", "key": "events" },
        },
    })
}

/// The claims of a call from the issue panel.
pub(super) fn page_claims() -> Value {
    let mut claims = claims();
    claims["app"]["module"] = json!({ "type": "jira:issuePanel", "key": "panel" });
    claims["principal"] = json!("712020:5d3f");
    claims["context"] = json!({
        "cloudId": CLOUD, "localId": "place-1", "moduleKey": "panel",
        "siteUrl": "https://acme.atlassian.net",
        "extension": { "type": "jira:issuePanel", "issue": { "id": "10042", "key": "SHOP-7" } },
    });
    claims
}

/// A key pair with a name.
pub(super) struct Signer {
    pub(super) kid: String,
    key: EncodingKey,
    public: PublicKeyComponents<Vec<u8>>,
}

impl Signer {
    pub(super) fn new(kid: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let body = STANDARD.encode(private.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        Self {
            kid: kid.to_owned(),
            key: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
            public: pair.public_key().into(),
        }
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_as(Algorithm::RS256, Some(&self.kid), claims)
    }

    pub(super) fn sign_as(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
        claims: &Value,
    ) -> String {
        let header = Header {
            kid: kid.map(str::to_owned),
            ..Header::new(algorithm)
        };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }

    /// Signs a header that no library would write.
    pub(super) fn sign_under(&self, header: &Value, claims: &Value) -> String {
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, Algorithm::RS256);
        format!("{signed}.{}", signature.unwrap())
    }

    /// The public key as sets have it.
    pub(super) fn jwk(&self) -> Value {
        let encoded = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
            "n": encoded(&self.public.n), "e": encoded(&self.public.e),
        })
    }
}

/// A host of key sets. What it answers can be changed while it runs.
pub(super) struct Host {
    pub(super) url: String,
    state: Data<Mutex<Served>>,
    server: ServerHandle,
}

struct Served {
    status: StatusCode,
    body: String,
    is_silent: bool,
    fetches: usize,
}

impl Host {
    pub(super) fn serving(keys: &[Value]) -> Self {
        let state = Data::from(Arc::new(Mutex::new(Served {
            status: StatusCode::OK,
            body: json!({ "keys": keys }).to_string(),
            is_silent: false,
            fetches: 0,
        })));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let shared = state.clone();
        let server = HttpServer::new(move || {
            let app = App::new().app_data(shared.clone());
            app.route("/jwks.json", web::get().to(answer))
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
            url,
            state,
            server: handle,
        }
    }

    pub(super) fn serve(&self, keys: &[Value]) {
        self.answer(StatusCode::OK, &json!({ "keys": keys }).to_string());
    }

    pub(super) fn answer(&self, status: StatusCode, body: &str) {
        let mut served = self.state.lock().unwrap();
        served.status = status;
        body.clone_into(&mut served.body);
    }

    /// Takes requests from now on and answers none.
    pub(super) fn fall_silent(&self) {
        self.state.lock().unwrap().is_silent = true;
    }

    pub(super) fn fetches(&self) -> usize {
        self.state.lock().unwrap().fetches
    }

    pub(super) fn verifier(&self) -> Verifier {
        Verifier::new(settings(&self.url)).unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

pub(super) fn settings(jwks_url: &str) -> Settings {
    Settings {
        app_id: APP.to_owned(),
        jwks_url: jwks_url.to_owned(),
        api_hosts: vec!["api.atlassian.com".to_owned()],
        allows_http: false,
        leeway_s: 10,
    }
}

async fn answer(state: Data<Mutex<Served>>) -> HttpResponse {
    let answer = {
        let mut served = state.lock().unwrap();
        served.fetches += 1;
        let mut answer = HttpResponse::build(served.status);
        answer.insert_header(("Cache-Control", "public, max-age=600"));
        answer.insert_header(("Location", "/jwks.json"));
        (!served.is_silent).then(|| answer.body(served.body.clone()))
    };
    match answer {
        Some(answer) => answer,
        None => std::future::pending().await,
    }
}
