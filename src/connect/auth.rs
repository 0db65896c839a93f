//! Who is calling: one extractor for each kind of endpoint, and with it one kind of token.
//!
//! | caller | endpoint | token | where |
//! |---|---|---|---|
//! | [`LifecycleCaller`] | `installed`, `uninstalled` | signed install | header or `jwt` |
//! | [`WebhookCaller`] | webhooks, `enabled`, `disabled` | URL-bound | header |
//! | [`FrameCaller`] | pages in a frame | URL-bound | `jwt` |
//! | [`PageCaller`] | what our page asks for | context | header |
//!
//! A request carries exactly one token. A refusal is one sentence; its reason goes to the log at
//! debug, because scanners send forged tokens every day. Whether a person may do what they ask is
//! another question, and not answered here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use jsonwebtoken::DecodingKey;
use url::form_urlencoded;

use super::Connect;
use super::install_keys::KeyError;
use super::token::{self, PageContext, Refused, Viewer};
use crate::app::App;
use crate::domain::site::{Site, SiteState};
use crate::problem::Problem;

/// Atlassian, speaking for the site that installs or removes the app.
#[derive(Debug)]
pub struct LifecycleCaller {
    /// The client key of the site; the body must name the same.
    pub client_key: String,
}

/// A site that reports an event.
#[derive(Debug, Clone)]
pub struct WebhookCaller {
    /// The site.
    pub site: Arc<Site>,
    /// Whose act it was, when it was a person's.
    pub account_id: Option<String>,
}

/// A site that opens a page of ours in a frame for a person.
#[derive(Debug, Clone)]
pub struct FrameCaller {
    /// The site.
    pub site: Arc<Site>,
    /// The person; absent for an anonymous viewer.
    pub account_id: Option<String>,
}

/// Our own page in a frame, acting for the person who looks at it.
#[derive(Debug, Clone)]
pub struct PageCaller {
    /// The site.
    pub site: Arc<Site>,
    /// The person and what the Jira page shows, as Jira signed it.
    pub page: PageContext,
}

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl FromRequest for LifecycleCaller {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (app, connect) = edge(&request)?;
            let token = only_token(&request, &[Place::Header, Place::Query])?;
            let name = token::install_key_name(&token)?;
            let key = connect.keys.get(&name).await?;
            let qsh = connect.qsh(&request);
            let now_s = app.clock.now_s();
            let client_key = token::signed_install(&token, &key, &connect.base_url, &qsh, now_s)?;
            Ok(Self { client_key })
        })
    }
}

impl FromRequest for WebhookCaller {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (site, viewer) = url_bound(&request, Place::Header).await?;
            Ok(Self {
                site,
                account_id: viewer.account_id,
            })
        })
    }
}

impl FromRequest for FrameCaller {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (site, viewer) = url_bound(&request, Place::Query).await?;
            Ok(Self {
                site,
                account_id: viewer.account_id,
            })
        })
    }
}

impl FromRequest for PageCaller {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (app, _) = edge(&request)?;
            let token = only_token(&request, &[Place::Header])?;
            let now_s = app.clock.now_s();
            let (site, page) = under_site(app, &token, |client_key, key| {
                token::context(&token, key, client_key, now_s)
            })
            .await?;
            Ok(Self { site, page })
        })
    }
}

async fn url_bound(request: &HttpRequest, place: Place) -> Result<(Arc<Site>, Viewer), Problem> {
    let (app, connect) = edge(request)?;
    let token = only_token(request, &[place])?;
    let qsh = connect.qsh(request);
    let now_s = app.clock.now_s();
    under_site(app, &token, |client_key, key| {
        token::url_bound(&token, key, client_key, &qsh, now_s)
    })
    .await
}

/// Verifies a token with the secret of the site it names. When that fails on the copy at hand, the
/// site is read once more: another replica may have been told of a new secret.
async fn under_site<T>(
    app: &App,
    token: &str,
    verify: impl Fn(&str, &DecodingKey) -> Result<T, Refused>,
) -> Result<(Arc<Site>, T), Problem> {
    let client_key = token::unverified_issuer(token)?;
    let Some(mut site) = app.sites.by_client_key(&client_key).await? else {
        return Err(Refused::UnknownSite.into());
    };
    let mut verified = with_secret(&site, &client_key, &verify);
    if matches!(verified, Err(Refused::Token(_) | Refused::UnknownSite))
        && let Some(fresh) = app.sites.reread(&site).await?
    {
        site = fresh;
        verified = with_secret(&site, &client_key, &verify);
    }
    Ok((site, verified?))
}

fn with_secret<T>(
    site: &Site,
    client_key: &str,
    verify: &impl Fn(&str, &DecodingKey) -> Result<T, Refused>,
) -> Result<T, Refused> {
    match &site.secret {
        Some(secret) if site.state == SiteState::Installed => {
            verify(client_key, secret.verifying())
        }
        _ => Err(Refused::UnknownSite),
    }
}

/// Where a token may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `Authorization: JWT …`
    Header,
    /// The parameter `jwt`.
    Query,
}

/// The one token of a request, if it stands where this kind of request has it.
fn only_token(request: &HttpRequest, places: &[Place]) -> Result<String, Refused> {
    let in_headers = request
        .headers()
        .get_all(AUTHORIZATION)
        .filter_map(|value| value.to_str().ok()?.trim().split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("JWT"))
        .map(|(_, token)| (Place::Header, token.trim().to_owned()));
    let in_query = form_urlencoded::parse(request.query_string().as_bytes())
        .filter(|(name, _)| name == "jwt")
        .map(|(_, token)| (Place::Query, token.into_owned()));
    let mut tokens = in_headers.chain(in_query);
    let (place, token) = tokens.next().ok_or(Refused::Missing)?;
    if tokens.next().is_some() {
        return Err(Refused::Several);
    }
    if places.contains(&place) {
        Ok(token)
    } else {
        Err(Refused::Missing)
    }
}

fn edge(request: &HttpRequest) -> Result<(&App, &Connect), Problem> {
    let app = request
        .app_data::<Data<App>>()
        .ok_or_else(Problem::internal)?;
    let connect = request
        .app_data::<Data<Connect>>()
        .ok_or_else(Problem::internal)?;
    Ok((app, connect))
}

impl From<Refused> for Problem {
    fn from(why: Refused) -> Self {
        Self::unauthorized("The request is not signed by a Jira site that has the app.")
            .because(why)
    }
}

impl From<KeyError> for Problem {
    fn from(why: KeyError) -> Self {
        match why {
            KeyError::Unknown(_) => Self::from(Refused::UnknownKey).because(why),
            KeyError::Unavailable(_) => Self::unavailable().because(why),
        }
    }
}
