//! Who calls `/xray`: an API client, by any of the credentials that upload clients can send.
//!
//! | credential | from |
//! |---|---|
//! | `Bearer` and a session token | Cloud: `POST /api/v2/authenticate` with the client's id and token |
//! | `Bearer tst_…` | Data Center, in the place of a personal access token |
//! | `Basic`, with `tst_…` as the password | Data Center; the user name is for people and not looked at |
//!
//! A session token is a JWT of our own, because one client insists on the shape. It is made without
//! a write and known on every replica: signed with a key derived from the service's secret key. It
//! proves nothing but the client, who is looked up each time: a revoked one is out at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::XrayError;
use crate::app::App;
use crate::app::create_api_client::TOKEN_PREFIX;
use crate::crypto::{Seal, sha256};
use crate::problem::Problem;
use crate::store::SiteId;
use crate::store::api_clients::{self, ApiClient};
use crate::web::api::v1::auth::ApiCaller;

/// How long a session token is good for, seconds: a day, as clients expect.
const SESSION_S: i64 = 24 * 60 * 60;
/// Difference between the clocks of two replicas that is forgiven, seconds.
const LEEWAY_S: i64 = 30;
/// What the signing key is derived for.
const PURPOSE: &str = "xray session";
/// Issuer and audience of a session token.
const OURSELVES: &str = "touchstone/xray";

/// Which of the two interfaces is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `/api/v2`.
    Cloud,
    /// `/rest/raven/2.0`.
    DataCenter,
}

/// A verified API client at an address of this interface.
#[derive(Debug)]
pub struct XrayCaller {
    /// Who, and which projects it may use.
    pub caller: ApiCaller,
    /// Through which interface.
    pub family: Family,
}

/// What a session token says.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The API client.
    sub: Uuid,
    /// Our number of its site.
    site: i64,
    iat: i64,
    exp: i64,
}

/// A session token for `client`, good from `now_s` (seconds since the Unix epoch) for a day.
pub fn session_token(seal: &Seal, client: &ApiClient, now_s: i64) -> Result<String, Problem> {
    let claims = Claims {
        iss: OURSELVES.to_owned(),
        aud: OURSELVES.to_owned(),
        sub: client.id,
        site: client.site.0,
        iat: now_s,
        exp: now_s + SESSION_S,
    };
    let keys = seal.derive(PURPOSE);
    let key = keys.first().ok_or_else(Problem::internal)?;
    encode(&Header::default(), &claims, &EncodingKey::from_secret(key))
        .map_err(|why| Problem::internal().because(why))
}

/// Who a session token was made for; none when it does not verify or its time is over.
fn session(seal: &Seal, token: &str, now_s: i64) -> Option<(SiteId, Uuid)> {
    static RULES: LazyLock<Validation> = LazyLock::new(|| {
        let mut rules = Validation::new(Algorithm::HS256);
        // The library would ask the wall clock.
        rules.validate_exp = false;
        rules.set_issuer(&[OURSELVES]);
        rules.set_audience(&[OURSELVES]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules
    });
    let claims = seal
        .derive(PURPOSE)
        .iter()
        .find_map(|key| decode::<Claims>(token, &DecodingKey::from_secret(key), &RULES).ok())?;
    let claims = claims.claims;
    let is_now = claims.iat <= now_s + LEEWAY_S && now_s < claims.exp;
    is_now.then_some((SiteId(claims.site), claims.sub))
}

/// The client that a token of the form `tst_…` belongs to.
pub async fn by_token(app: &App, token: &str) -> Result<Option<ApiClient>, Problem> {
    if !token.starts_with(TOKEN_PREFIX) {
        return Ok(None);
    }
    Ok(api_clients::by_token_hash(app.store.read(), sha256(token.as_bytes())).await?)
}

/// A credential as it was sent.
enum Credential {
    /// The token of an API client.
    Token(String),
    /// Anything else behind `Bearer`: what may be a session token.
    Session(String),
}

fn credential(request: &HttpRequest) -> Option<Credential> {
    let sent = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, value) = sent.split_once(' ')?;
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(match value {
            token if token.starts_with(TOKEN_PREFIX) => Credential::Token(token.to_owned()),
            session => Credential::Session(session.to_owned()),
        });
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (_, password) = pair.split_once(':')?;
    Some(Credential::Token(password.to_owned()))
}

impl FromRequest for XrayCaller {
    type Error = XrayError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, XrayError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = request
                .app_data::<Data<App>>()
                .ok_or_else(Problem::internal)?;
            let client = match credential(&request) {
                None => {
                    return Err(Problem::unauthorized("This address needs a credential.")
                        .detail(
                            "Send the token of an API client as `Bearer`, as the password of \
                             `Basic`, or what `/xray/api/v2/authenticate` answers as `Bearer`.",
                        )
                        .into());
                }
                Some(Credential::Token(token)) => by_token(app, &token).await?,
                Some(Credential::Session(token)) => {
                    match session(&app.seal, &token, app.clock.now_s()) {
                        Some((site, id)) => api_clients::by_id(app.store.read(), site, id).await?,
                        None => None,
                    }
                }
            };
            let client = client.ok_or_else(|| {
                Problem::unauthorized("The credential is unknown, revoked or too old.")
            })?;
            Ok(Self {
                caller: ApiCaller::admit(&request, app, client).await?,
                family: if request.path().contains("/rest/") {
                    Family::DataCenter
                } else {
                    Family::Cloud
                },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(bytes: &[u8]) -> Seal {
        let keys = bytes.iter().map(|byte| STANDARD.encode([*byte; 32]));
        let keys: Vec<String> = keys.collect();
        Seal::from_config(&keys.join(",").into()).unwrap()
    }

    fn client() -> ApiClient {
        ApiClient {
            id: Uuid::from_u128(7),
            site: SiteId(3),
            name: "ci".to_owned(),
            projects: Vec::new(),
            created_ms: 0,
            last_used_ms: None,
        }
    }

    #[test]
    fn a_session_lasts_a_day_and_has_the_shape_clients_check() {
        let token = session_token(&seal(&[1]), &client(), 1_000).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let is_word = |part: &&str| {
            part.len() >= 2
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        assert!(parts.len() == 3 && parts.iter().all(is_word), "{token}");
        let at = |now_s| session(&seal(&[1]), &token, now_s);
        assert_eq!(at(1_000), Some((SiteId(3), Uuid::from_u128(7))));
        assert_eq!(at(1_000 + SESSION_S - 1), at(1_000));
        assert_eq!(at(1_000 + SESSION_S), None);
        assert_eq!(at(1_000 - LEEWAY_S - 1), None, "made in the future");
    }

    #[test]
    fn a_session_is_known_by_every_key_of_the_ring_and_by_no_other() {
        let token = session_token(&seal(&[1]), &client(), 1_000).unwrap();
        assert!(session(&seal(&[2, 1]), &token, 1_000).is_some());
        assert!(session(&seal(&[2]), &token, 1_000).is_none());
        let (head, _) = token.rsplit_once('.').unwrap();
        assert!(session(&seal(&[1]), &format!("{head}."), 1_000).is_none());
    }

    #[test]
    fn a_token_of_another_algorithm_or_audience_is_none() {
        let key = EncodingKey::from_secret(seal(&[1]).derive(PURPOSE).first().unwrap());
        let claims = |aud: &str| Claims {
            iss: OURSELVES.to_owned(),
            aud: aud.to_owned(),
            sub: Uuid::from_u128(7),
            site: 3,
            iat: 1_000,
            exp: 2_000,
        };
        let made = |algorithm, aud: &str| {
            let token = encode(&Header::new(algorithm), &claims(aud), &key).unwrap();
            session(&seal(&[1]), &token, 1_000).is_some()
        };
        assert!(made(Algorithm::HS256, OURSELVES));
        assert!(!made(Algorithm::HS512, OURSELVES));
        assert!(!made(Algorithm::HS256, "another"));
    }
}
