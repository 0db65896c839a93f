//! A Jira site as far as tokens go: it installs the app and signs requests, with keys of its own.
//!
//! The canonical request is computed here a second time, for the plain requests tests make, so that
//! the service's own computation is not checked against itself.

use std::net::TcpListener;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// A site that can install the app.
#[derive(Debug, Clone)]
pub struct Site {
    pub client_key: String,
    pub secret: String,
    pub base_url: String,
}

impl Site {
    pub fn new(name: &str) -> Self {
        Self {
            client_key: format!("client-{name}"),
            secret: format!("ATCO-{name}-{}", uuid::Uuid::new_v4().simple()),
            base_url: format!("https://{name}.atlassian.net"),
        }
    }

    /// The body of a lifecycle callback.
    pub fn lifecycle_body(&self, app_key: &str, event: &str) -> Value {
        json!({
            "key": app_key,
            "clientKey": self.client_key,
            "sharedSecret": self.secret,
            "baseUrl": self.base_url,
            "displayUrl": self.base_url,
            "productType": "jira",
            "eventType": event,
            "accountId": format!("557058:app-{}", self.client_key),
        })
    }

    /// A token bound to one request, as Jira puts it on webhooks and frames.
    pub fn bound_token(&self, method: &str, path_and_query: &str, account: Option<&str>) -> String {
        self.token(&json!({
            "iss": self.client_key, "sub": account, "iat": now_s(), "exp": now_s() + 180,
            "qsh": qsh(method, path_and_query), "context": {},
        }))
    }

    /// A token for the scripts of a page, as `AP.context.getToken` gives it.
    pub fn context_token(&self, issue: Option<(i64, &str)>, account: &str) -> String {
        let context = issue.map_or(
            json!({}),
            |(id, key)| json!({ "jira": { "issue": { "id": id.to_string(), "key": key } } }),
        );
        self.token(&json!({
            "iss": self.client_key, "sub": account, "iat": now_s(), "exp": now_s() + 900,
            "qsh": "context-qsh", "context": context,
        }))
    }

    /// Any claims, signed with the site's secret.
    pub fn token(&self, claims: &Value) -> String {
        let key = EncodingKey::from_secret(self.secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
    }
}

/// Signs installs and serves the public key for it.
#[derive(Debug)]
pub struct KeyHost {
    pub url: String,
    pub kid: String,
    private: EncodingKey,
    server: actix_web::dev::ServerHandle,
}

impl KeyHost {
    pub fn start() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public: PublicKeyComponents<Vec<u8>> = pair.public_key().into();
        let pem = public_pem(&public);
        let kid = uuid::Uuid::new_v4().to_string();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let path = format!("/{kid}");
        let server = actix_web::HttpServer::new(move || {
            let pem = pem.clone();
            actix_web::App::new().route(
                &path,
                actix_web::web::get().to(move || std::future::ready(pem.clone())),
            )
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            url,
            kid,
            private: private_key(private.as_ref()),
            server: handle,
        }
    }

    /// A signed-install token for a callback of `site` to `path`.
    pub fn install_token(&self, site: &Site, audience: &str, path: &str) -> String {
        self.sign(&json!({
            "iss": site.client_key, "aud": [audience], "iat": now_s(), "exp": now_s() + 180,
            "qsh": qsh("POST", path), "context": {},
        }))
    }

    /// Any claims, signed with the install key.
    pub fn sign(&self, claims: &Value) -> String {
        let header = Header {
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::RS256)
        };
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }
}

impl Drop for KeyHost {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

/// jsonwebtoken wants the key in PEM.
pub fn private_key(pkcs8: &[u8]) -> EncodingKey {
    EncodingKey::from_rsa_pem(pem("PRIVATE KEY", pkcs8).as_bytes()).unwrap()
}

fn public_pem(public: &PublicKeyComponents<Vec<u8>>) -> String {
    let key = der(
        0x30,
        &[der_integer(&public.n), der_integer(&public.e)].concat(),
    );
    let algorithm = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0,
    ];
    let bits = der(0x03, &[&[0], key.as_slice()].concat());
    pem(
        "PUBLIC KEY",
        &der(0x30, &[algorithm.as_slice(), &bits].concat()),
    )
}

fn der_integer(bytes: &[u8]) -> Vec<u8> {
    let padded = if bytes[0] & 0x80 == 0 {
        bytes.to_vec()
    } else {
        [&[0], bytes].concat()
    };
    der(0x02, &padded)
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match length {
        [0, short] if short < 0x80 => vec![tag, short],
        [0, short] => vec![tag, 0x81, short],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head.as_slice(), content].concat()
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// The hash of a plain request: names and values of unreserved characters only.
pub fn qsh(method: &str, path_and_query: &str) -> String {
    let (path, query) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    let mut pairs: Vec<_> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    assert!(
        !query.contains(['%', '+', ',']),
        "make the hash of such a query by hand"
    );
    let canonical = format!("{method}&{path}&{}", pairs.join("&"));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
    digest
        .as_ref()
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

pub fn now_s() -> i64 {
    i64::try_from(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs(),
    )
    .unwrap()
}
