//! Attacks: every way to bend a token, sent to an endpoint that must refuse it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use super::TestApp;
use super::site::{Site, now_s, qsh};

/// Which token an endpoint takes, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Install,
    Webhook,
    Frame,
    Page,
}

/// An endpoint as requests meet it. `address` is the server's, `bound` what tokens are bound to.
pub struct Endpoint {
    pub kind: Kind,
    pub method: Method,
    pub address: String,
    pub bound: &'static str,
    pub body: Value,
}

/// A request's tokens: those in `Authorization` headers, scheme included, and those in `jwt`.
#[derive(Debug, Default)]
pub struct Tokens {
    pub headers: Vec<String>,
    pub query: Vec<String>,
}

pub struct World<'a> {
    pub app: &'a TestApp,
    pub site: Site,
    pub other: Site,
    /// Our address as tokens name it.
    pub base: String,
}

impl World<'_> {
    fn good(&self, endpoint: &Endpoint) -> Value {
        let qsh = match endpoint.kind {
            Kind::Page => "context-qsh".to_owned(),
            _ => qsh(endpoint.method.as_str(), endpoint.bound),
        };
        json!({
            "iss": self.site.client_key, "sub": "5b10a", "aud": self.base, "iat": now_s(),
            "exp": now_s() + 180, "qsh": qsh, "context": {},
        })
    }

    pub fn sign(&self, kind: Kind, claims: &Value) -> String {
        match kind {
            Kind::Install => self.app.keys.sign(claims),
            _ => self.site.token(claims),
        }
    }

    /// Every bent token of an endpoint, by what is wrong with it.
    fn bent(&self, endpoint: &Endpoint) -> Vec<(String, String)> {
        let kind = endpoint.kind;
        let with = |name: &str, value: Value| {
            let mut claims = self.good(endpoint);
            claims[name] = value;
            claims
        };
        let mut bent: Vec<_> = [
            ("expired", with("exp", json!(now_s() - 31))),
            ("from the future", with("iat", json!(now_s() + 40))),
            ("without a lifetime", with("exp", json!(null))),
            ("without a beginning", with("iat", json!(null))),
            ("without a site", with("iss", json!(null))),
            ("of an unknown site", with("iss", json!("nobody"))),
            (
                "of another site under this key",
                with("iss", json!(self.other.client_key)),
            ),
            ("without a binding", with("qsh", json!(null))),
            (
                "bound to another path",
                with("qsh", json!(qsh("POST", "/connect/other"))),
            ),
            (
                "bound to another method",
                with("qsh", json!(qsh("DELETE", endpoint.bound))),
            ),
            (
                "bound to another query",
                with("qsh", json!(qsh("GET", "/connect/issue?a=b"))),
            ),
            (
                "nearly a context token",
                with("qsh", json!("xcontext-qshx")),
            ),
        ]
        .into_iter()
        .map(|(name, claims)| (name.to_owned(), self.sign(kind, &claims)))
        .collect();
        for other in [Kind::Install, Kind::Webhook, Kind::Page] {
            let is_alike = other == kind || (other == Kind::Webhook && kind == Kind::Frame);
            if !is_alike {
                let mut claims = self.good(endpoint);
                claims["qsh"] = match other {
                    Kind::Page => json!("context-qsh"),
                    _ => json!(qsh(endpoint.method.as_str(), endpoint.bound)),
                };
                bent.push((format!("of the kind {other:?}"), self.sign(other, &claims)));
            }
        }
        if kind == Kind::Install {
            bent.extend(
                [
                    json!(null),
                    json!("https://other.example"),
                    json!(format!("{}.x", self.base)),
                ]
                .map(|aud| {
                    (
                        "for another app".to_owned(),
                        self.sign(kind, &with("aud", aud)),
                    )
                }),
            );
        }
        bent.extend(self.forged(endpoint));
        bent
    }

    /// Tokens whose signature or header is not what it should be.
    fn forged(&self, endpoint: &Endpoint) -> Vec<(String, String)> {
        let claims = self.good(endpoint);
        let good = self.sign(endpoint.kind, &claims);
        let parts: Vec<_> = good.split('.').collect();
        let under = |header: Value| {
            let header = URL_SAFE_NO_PAD.encode(header.to_string());
            format!("{header}.{}.{}", parts[1], parts[2])
        };
        let hs = |algorithm, secret: &str| {
            let header = Header {
                kid: Some(self.app.keys.kid.clone()),
                ..Header::new(algorithm)
            };
            let key = EncodingKey::from_secret(secret.as_bytes());
            jsonwebtoken::encode(&header, &claims, &key).unwrap()
        };
        let mut other_claims = claims.clone();
        other_claims["sub"] = "somebody-else".into();
        let replaced = URL_SAFE_NO_PAD.encode(other_claims.to_string());
        [
            ("not a token", "token".to_owned()),
            ("without a signature", format!("{}.{}.", parts[0], parts[1])),
            ("in two parts", format!("{}.{}", parts[0], parts[1])),
            (
                "changed after signing",
                format!("{}.{replaced}.{}", parts[0], parts[2]),
            ),
            ("unsigned", under(json!({ "alg": "none", "typ": "JWT" }))),
            (
                "under a made-up key",
                under(json!({ "alg": "RS256", "kid": "fake-kid" })),
            ),
            (
                "under a path for a key",
                under(json!({ "alg": "RS256", "kid": "../../x" })),
            ),
            (
                "under another site's secret",
                hs(Algorithm::HS256, &self.other.secret),
            ),
            ("under an empty secret", hs(Algorithm::HS256, "")),
            (
                "under another algorithm",
                hs(Algorithm::HS512, &self.site.secret),
            ),
        ]
        .map(|(name, token)| (name.to_owned(), token))
        .into()
    }

    /// Every set of tokens an endpoint must refuse.
    fn refused(&self, endpoint: &Endpoint) -> Vec<(String, Tokens)> {
        let place = |token: String| match endpoint.kind {
            Kind::Frame => Tokens {
                query: vec![token],
                ..Tokens::default()
            },
            _ => Tokens {
                headers: vec![format!("JWT {token}")],
                ..Tokens::default()
            },
        };
        let good = self.sign(endpoint.kind, &self.good(endpoint));
        let jwt = format!("JWT {good}");
        let mut refused: Vec<_> = self
            .bent(endpoint)
            .into_iter()
            .map(|(name, token)| (name, place(token)))
            .collect();
        let mut also = |name: &str, headers: &[&String], query: &[&String]| {
            let own = |list: &[&String]| list.iter().map(|text| (*text).clone()).collect();
            refused.push((
                name.into(),
                Tokens {
                    headers: own(headers),
                    query: own(query),
                },
            ));
        };
        also("no token", &[], &[]);
        also("an empty token", &[&"JWT ".to_owned()], &[]);
        also("another scheme", &[&format!("Bearer {good}")], &[]);
        also("a token in both places", &[&jwt], &[&good]);
        also("two headers", &[&jwt, &jwt], &[]);
        also("two parameters", &[], &[&good, &good]);
        match endpoint.kind {
            Kind::Frame => also("the token in the header", &[&jwt], &[]),
            Kind::Webhook | Kind::Page => also("the token in the address", &[], &[&good]),
            Kind::Install => {}
        }
        refused
    }

    pub async fn send(&self, endpoint: &Endpoint, tokens: &Tokens) -> reqwest::Response {
        let mut address = endpoint.address.clone();
        for token in &tokens.query {
            let joint = if address.contains('?') { '&' } else { '?' };
            address = format!("{address}{joint}jwt={token}");
        }
        let mut request = self.app.http.request(endpoint.method.clone(), address);
        for header in &tokens.headers {
            request = request.header("Authorization", header);
        }
        if endpoint.method == Method::POST {
            request = request.json(&endpoint.body);
        }
        request.send().await.unwrap()
    }

    /// Sends everything that must be refused.
    pub async fn attack(&self, endpoint: &Endpoint) {
        for (name, tokens) in self.refused(endpoint) {
            let answer = self.send(endpoint, &tokens).await;
            let what = format!("{:?} {}: {name}", endpoint.kind, endpoint.address);
            assert_eq!(answer.status(), 401, "{what}");
            // Forge reads nothing but plain JSON.
            let is_as_from_forge = name == "another scheme" && endpoint.kind == Kind::Page;
            let kind = if is_as_from_forge {
                "application/json"
            } else {
                "application/problem+json"
            };
            assert_eq!(answer.headers()["content-type"], kind, "{what}");
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(
                (&problem["type"], &problem["status"], &problem["title"]),
                (
                    &json!("urn:touchstone:problem:unauthorized"),
                    &json!(401),
                    &json!("The request is not signed by a Jira site that has the app."),
                ),
                "{what}"
            );
        }
    }

    pub async fn accepts(&self, endpoint: &Endpoint) {
        let good = self.sign(endpoint.kind, &self.good(endpoint));
        let tokens = match endpoint.kind {
            Kind::Frame => Tokens {
                query: vec![good],
                ..Tokens::default()
            },
            _ => Tokens {
                headers: vec![format!("jwt {good}")],
                ..Tokens::default()
            },
        };
        let status = self.send(endpoint, &tokens).await.status();
        assert!(
            status.is_success(),
            "{:?} {}: {status}",
            endpoint.kind,
            endpoint.address
        );
    }

    /// All that an accepted call would have changed.
    pub async fn state(&self) -> (Vec<String>, i64) {
        let app = &self.app.running.as_ref().unwrap().app;
        let sites = app.sites.list().await.unwrap();
        let sites = sites
            .iter()
            .map(|site| format!("{site:?} {}", site.secret.is_some()))
            .collect();
        let on = app.store.read();
        let count = Statement::from_string(on.get_database_backend(), "SELECT count(*) FROM inbox");
        let row = on.query_one_raw(count).await.unwrap().unwrap();
        (sites, row.try_get_by_index(0).unwrap())
    }
}
