//! The kinds of token a Jira site sends, each with a verifier of its own.
//!
//! | kind | algorithm | bound to |
//! |---|---|---|
//! | signed install | RS256, Atlassian's key | our address (`aud`) and the request (`qsh`) |
//! | URL-bound | HS256, the site's secret | the request (`qsh`) |
//! | context | HS256, the site's secret | nothing (`qsh` is the word `context-qsh`) |
//!
//! Before editing: never make one verifier with switches. Every published hole in this protocol
//! came from one kind of token passing at another kind's endpoint. The algorithm is a constant of
//! the verifier and never read from the token. Nothing here has a clock or does input or output.
//!
//! Source: <https://developer.atlassian.com/cloud/jira/platform/understanding-jwt-for-connect-apps>
//! and <https://developer.atlassian.com/cloud/jira/platform/security-for-connect-apps>.

use std::sync::LazyLock;

use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Difference between Jira's clock and ours that is forgiven, in seconds.
pub const LEEWAY_S: i64 = 30;

/// What stands in place of a request's hash in a token for a page's own calls.
const CONTEXT_QSH: &str = "context-qsh";

/// Longest name of a key; Atlassian's are UUIDs.
const KID_LIMIT: usize = 128;

/// Why a token was refused: for the log, never for the caller.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No token where this kind of request carries one.
    #[error("there is no token")]
    Missing,
    /// More than one token; which to believe would be a guess.
    #[error("there is more than one token")]
    Several,
    /// Not a token, another algorithm, or a signature that does not verify.
    #[error("the token does not verify")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// Signed with another algorithm than an install is.
    #[error("the token is not signed with RS256")]
    Algorithm,
    /// The header asks for something this verifier does not do.
    #[error("the token's header is not one that Jira writes")]
    Header,
    /// The key's name is absent or is not one.
    #[error("the token names no key")]
    KeyName,
    /// No key of that name.
    #[error("Atlassian knows no key of that name")]
    UnknownKey,
    /// The issuer is not the site whose key verified the token.
    #[error("the token is issued by another site")]
    Issuer,
    /// No installed site has that client key.
    #[error("no installed site has the token's client key")]
    UnknownSite,
    /// The lifetime is over.
    #[error("the token expired at {0}")]
    Expired(i64),
    /// Issued in the future.
    #[error("the token is issued at {0}, which is in the future")]
    NotYet(i64),
    /// The token is meant for another app, or for none.
    #[error("the token is meant for another app")]
    Audience,
    /// The token is bound to another request or is of another kind.
    #[error("the token is bound to another request")]
    Binding,
    /// The body names another site, app, event or product than this endpoint takes.
    #[error("the body does not fit: {0}")]
    Body(&'static str),
}

/// What a verified token says of the person behind the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The account; absent for an anonymous viewer and for Jira itself.
    pub account_id: Option<String>,
}

/// What a verified context token says: who, and what the page shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageContext {
    /// The account; absent for an anonymous viewer.
    pub account_id: Option<String>,
    /// The issue the page shows, when it shows one.
    pub issue: Option<Entity>,
    /// The project the page belongs to, when it does.
    pub project: Option<Entity>,
}

impl PageContext {
    /// Jira's id of the issue the page shows: the viewer sees it, or there would be no such token.
    #[must_use]
    pub fn issue_jira_id(&self) -> Option<i64> {
        self.issue.as_ref()?.id.parse().ok()
    }
}

/// An issue or project as a context token names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entity {
    /// Jira's id, digits.
    pub id: String,
    /// Its key at the time the token was made; keys move, ids stay.
    #[serde(default)]
    pub key: String,
}

/// The site a token says it comes from. Not to be trusted: it chooses the key to verify with.
pub fn unverified_issuer(token: &str) -> Result<String, Refused> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    Ok(insecure_decode_claims::<Issuer>(token)?.iss)
}

/// The name of the key that signed an install, checked before it goes anywhere near the network.
pub fn install_key_name(token: &str) -> Result<String, Refused> {
    let header = decode_header(token)?;
    if header.alg != Algorithm::RS256 {
        return Err(Refused::Algorithm);
    }
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    header
        .kid
        .filter(|kid| (1..=KID_LIMIT).contains(&kid.len()) && kid.bytes().all(is_letter))
        .ok_or(Refused::KeyName)
}

/// Verifies a signed install: what Jira sends with `installed` and `uninstalled`. Gives the client
/// key of the site, which the body must repeat.
///
/// `base_url` is ours, `qsh` the hash of this request, `now_s` in seconds since the Unix epoch.
pub fn signed_install(
    token: &str,
    key: &DecodingKey,
    base_url: &str,
    qsh: &str,
    now_s: i64,
) -> Result<String, Refused> {
    #[derive(Deserialize)]
    struct Claims {
        iss: String,
        aud: Audience,
        iat: i64,
        exp: i64,
        qsh: String,
    }
    static RULES: LazyLock<Validation> = LazyLock::new(|| rules(Algorithm::RS256));
    let token = decode::<Claims>(token, key, &RULES)?;
    check_header(&token.header)?;
    let claims = token.claims;
    check_times(claims.iat, claims.exp, now_s)?;
    if !claims.aud.names(base_url) {
        return Err(Refused::Audience);
    }
    check_binding(&claims.qsh, qsh)?;
    Ok(claims.iss)
}

/// Verifies a URL-bound token: what Jira sends with webhooks, `enabled`, `disabled` and the
/// addresses of frames.
///
/// `client_key` and `key` are of the site the token named; `qsh` is the hash of this request.
pub fn url_bound(
    token: &str,
    key: &DecodingKey,
    client_key: &str,
    qsh: &str,
    now_s: i64,
) -> Result<Viewer, Refused> {
    let claims: SiteClaims<IgnoredAny> = site_claims(token, key, client_key, now_s)?;
    check_binding(&claims.qsh, qsh)?;
    Ok(Viewer {
        account_id: claims.sub,
    })
}

/// Verifies a context token: what the page's own script asks the bridge for.
///
/// `client_key` and `key` are of the site the token named.
pub fn context(
    token: &str,
    key: &DecodingKey,
    client_key: &str,
    now_s: i64,
) -> Result<PageContext, Refused> {
    #[derive(Deserialize, Default)]
    struct Context {
        jira: Option<Jira>,
    }
    #[derive(Deserialize)]
    struct Jira {
        issue: Option<Entity>,
        project: Option<Entity>,
    }
    let claims: SiteClaims<Context> = site_claims(token, key, client_key, now_s)?;
    if claims.qsh != CONTEXT_QSH {
        return Err(Refused::Binding);
    }
    let jira = claims.context.and_then(|context| context.jira);
    let (issue, project) = jira.map_or((None, None), |jira| (jira.issue, jira.project));
    Ok(PageContext {
        account_id: claims.sub,
        issue,
        project,
    })
}

/// The claims of what a site signs with its secret.
#[derive(Deserialize)]
struct SiteClaims<C> {
    iss: String,
    sub: Option<String>,
    iat: i64,
    exp: i64,
    qsh: String,
    context: Option<C>,
}

fn site_claims<C: serde::de::DeserializeOwned>(
    token: &str,
    key: &DecodingKey,
    client_key: &str,
    now_s: i64,
) -> Result<SiteClaims<C>, Refused> {
    static RULES: LazyLock<Validation> = LazyLock::new(|| rules(Algorithm::HS256));
    let token = decode::<SiteClaims<C>>(token, key, &RULES)?;
    check_header(&token.header)?;
    check_times(token.claims.iat, token.claims.exp, now_s)?;
    if token.claims.iss != client_key {
        return Err(Refused::Issuer);
    }
    Ok(token.claims)
}

/// One algorithm; `iss` and `exp` must be there. The library would ask the wall clock and accept
/// lists where Jira writes one value, so times, issuer and audience are compared here.
fn rules(algorithm: Algorithm) -> Validation {
    let mut rules = Validation::new(algorithm);
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.set_required_spec_claims(&["exp", "iss"]);
    rules
}

/// `typ` is `JWT` where it is given; `crit` asks for extensions, of which there are none here
/// (RFC 7515, section 4.1.11).
fn check_header(header: &Header) -> Result<(), Refused> {
    let is_jwt = |typ: &String| typ.eq_ignore_ascii_case("JWT");
    if header.typ.as_ref().is_none_or(is_jwt) && header.crit.is_none() {
        Ok(())
    } else {
        Err(Refused::Header)
    }
}

fn check_times(iat: i64, exp: i64, now_s: i64) -> Result<(), Refused> {
    if exp.saturating_add(LEEWAY_S) < now_s {
        return Err(Refused::Expired(exp));
    }
    if iat > now_s.saturating_add(LEEWAY_S) {
        return Err(Refused::NotYet(iat));
    }
    Ok(())
}

fn check_binding(claimed: &str, qsh: &str) -> Result<(), Refused> {
    if claimed == qsh {
        Ok(())
    } else {
        Err(Refused::Binding)
    }
}

/// `aud`: one value or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    /// Whether it names exactly this address, but for one slash at the end.
    fn names(&self, base_url: &str) -> bool {
        let is_ours = |aud: &String| without_slash(aud) == without_slash(base_url);
        match self {
            Self::One(aud) => is_ours(aud),
            Self::Several(list) => list.iter().any(is_ours),
        }
    }
}

fn without_slash(address: &str) -> &str {
    address.strip_suffix('/').unwrap_or(address)
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod token_tests;
