//! Who is calling the REST API: the app by its own token, a person by basic authentication, or
//! the stand-in's page on behalf of the person who looks at it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::model::State;
use crate::refusal::Refusal;
use crate::tokens;

/// How far clocks may differ, in seconds.
const LEEWAY_S: i64 = 30;

/// A known caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    /// The app itself, with its own token.
    pub(crate) by_app: bool,
    /// Limited to the app's scopes: the app itself, or `AP.request` on its page.
    pub(crate) within_scopes: bool,
    /// With a token of Forge, at the API's own address.
    pub(crate) forge: bool,
}

/// What a request says about its caller.
pub(crate) struct Credentials<'a> {
    pub(crate) method: &'a str,
    /// Path and query as received.
    pub(crate) target: &'a str,
    pub(crate) authorization: Option<&'a str>,
    /// The stand-in's own header: the account the page is looked at by.
    pub(crate) viewer: Option<&'a str>,
}

/// The caller of a request; nobody, when it carries no credentials at all.
pub(crate) fn identify(state: &State, it: &Credentials<'_>) -> Result<Option<Caller>, Refusal> {
    let query = it
        .target
        .split_once('?')
        .map(|(_, query)| query)
        .unwrap_or_default();
    let in_query = query
        .split('&')
        .find_map(|piece| piece.strip_prefix("jwt="));
    let (scheme, value) = match it.authorization {
        Some(header) => header.split_once(' ').unwrap_or((header, "")),
        None => ("", ""),
    };
    match (scheme.to_ascii_lowercase().as_str(), in_query) {
        ("jwt", None) => app_caller(state, it, value.trim()).map(Some),
        ("", Some(token)) => app_caller(state, it, token).map(Some),
        ("basic", None) => person(state, value.trim()).map(Some),
        ("", None) => match it.viewer {
            None => Ok(None),
            Some(viewer) => {
                let account = state.account(viewer).ok_or_else(Refusal::unauthorized)?;
                Ok(Some(Caller {
                    account: account.id.clone(),
                    by_app: false,
                    within_scopes: true,
                    forge: state.installation(None).is_some(),
                }))
            }
        },
        // A Connect token sent as Bearer is read as OAuth, and fails.
        _ => Err(Refusal::unauthorized()),
    }
}

fn app_caller(state: &State, it: &Credentials<'_>, token: &str) -> Result<Caller, Refusal> {
    let app = state.installed_app().ok_or_else(Refusal::unauthorized)?;
    let claims =
        tokens::open_shared(token, &state.site.shared_secret).ok_or_else(Refusal::unauthorized)?;
    let now = state.now().div_euclid(1000);
    let number = |name: &str| claims.get(name).and_then(Value::as_i64);
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let base = url::Url::parse(&state.site.base_url).ok();
    let base_path = base.as_ref().map(url::Url::path).unwrap_or_default();
    let good = text("iss") == Some(app.key.as_str())
        && number("exp").is_some_and(|exp| exp + LEEWAY_S >= now)
        && number("iat").is_some_and(|iat| iat <= now + LEEWAY_S)
        && text("qsh") == Some(tokens::qsh(it.method, it.target, base_path).as_str());
    if good {
        Ok(Caller {
            account: app.account.clone(),
            by_app: true,
            within_scopes: true,
            forge: false,
        })
    } else {
        Err(Refusal::unauthorized())
    }
}

fn person(state: &State, value: &str) -> Result<Caller, Refusal> {
    let decoded = STANDARD
        .decode(value)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.unwrap_or_default();
    let (email, token) = decoded.split_once(':').unwrap_or_default();
    state
        .accounts
        .iter()
        .find(|it| !it.is_app && it.email.eq_ignore_ascii_case(email) && it.token == token)
        .map(|it| Caller {
            account: it.id.clone(),
            by_app: false,
            within_scopes: false,
            forge: false,
        })
        .ok_or_else(Refusal::unauthorized)
}

/// The caller at the API's own address, where tokens of Forge alone are good.
pub(crate) fn identify_by_token(
    state: &mut State,
    cloud_id: &str,
    authorization: Option<&str>,
) -> Result<Caller, Refusal> {
    let (scheme, token) = authorization
        .and_then(|header| header.split_once(' '))
        .ok_or_else(Refusal::unauthorized)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::unauthorized());
    }
    if cloud_id != state.site.cloud_id {
        return Err(Refusal::missing("There is no such cloud."));
    }
    state.token_holder(token.trim())
}

/// The scope an app needs for a call, from the OpenAPI description's `x-atlassian-connect-scope`.
pub(crate) fn scope_of(method: &str, path: &str) -> &'static str {
    let reads_by_post = [
        "/search/jql",
        "/approximate-count",
        "/permissions/check",
        "/jql/",
        "/expression/",
    ];
    if path.contains("/rest/atlassian-connect/1/") {
        "NONE"
    } else if ["/statuses/search", "/changelog/bulkfetch"]
        .iter()
        .any(|part| path.contains(part))
    {
        "INACCESSIBLE"
    } else if path.contains("/webhook") || reads_by_post.iter().any(|part| path.contains(part)) {
        "READ"
    } else {
        match method {
            "GET" | "HEAD" => "READ",
            "DELETE" => "DELETE",
            _ if path.ends_with("/version") || path.contains("/version/") => "PROJECT_ADMIN",
            _ if path.ends_with("/issueLinkType") => "ADMIN",
            _ => "WRITE",
        }
    }
}

/// A scope with the ones it contains.
pub(crate) fn contained(scope: &str) -> &'static [&'static str] {
    match scope {
        "ADMIN" => &["ADMIN", "PROJECT_ADMIN", "DELETE", "WRITE", "READ"],
        "PROJECT_ADMIN" => &["PROJECT_ADMIN", "DELETE", "WRITE", "READ"],
        "DELETE" => &["DELETE", "WRITE", "READ"],
        "WRITE" => &["WRITE", "READ"],
        "READ" => &["READ"],
        "ACT_AS_USER" => &["ACT_AS_USER"],
        "ACCESS_EMAIL_ADDRESSES" => &["ACCESS_EMAIL_ADDRESSES"],
        "NONE" => &["NONE"],
        _ => &[],
    }
}
