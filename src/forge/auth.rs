//! Who is calling through Forge: one extractor for each kind of route.
//!
//! | caller | routes | invocation |
//! |---|---|---|
//! | [`EventCaller`] | `/forge/…` | of an endpoint: nobody acts, no page |
//! | [`UiCaller`] | `/ui/…` | of a page, for a person |
//!
//! Any page of the app can call any path with a genuine token and a body it made up, so the kinds
//! are kept apart here. 401 tells Forge that the token does not verify and nothing else; whoever is
//! known but may not do something gets 403. Headers with tokens for Jira are read after the
//! invocation is verified: the app's own only from endpoints, because a page's request can carry
//! headers of the browser's making.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use secrecy::SecretString;
use url::form_urlencoded;

use super::Forge;
use super::invocation_token::{Invocation, Refused};
use crate::app::App;
use crate::app::meet_installation::{MeetError, Met, meet_installation};
use crate::domain::site::{Site, SiteState};
use crate::problem::Problem;

/// The app's own token for Jira.
const SYSTEM_TOKEN: &str = "x-forge-oauth-system";
/// The token of the person in session.
const USER_TOKEN: &str = "x-forge-oauth-user";

/// Forge itself, with an event, a lifecycle call or a schedule of an installation.
#[derive(Debug, Clone)]
pub struct EventCaller {
    /// The site the app is installed on.
    pub site: Arc<Site>,
    /// What the token says.
    pub invocation: Invocation,
}

/// A page of ours in Jira, acting for the person who looks at it.
#[derive(Debug, Clone)]
pub struct UiCaller {
    /// The site the app is installed on.
    pub site: Arc<Site>,
    /// The person.
    pub account_id: String,
    /// Acts as the person in Jira, within the app's scopes; for this request only.
    pub user_token: SecretString,
    /// What the token says.
    pub invocation: Invocation,
}

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl FromRequest for EventCaller {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (app, invocation) = verified(&request, not_set_up).await?;
            if !invocation.is_of_endpoint() {
                return Err(Problem::forbidden("A page may not report events.")
                    .detail("Only Forge itself calls this address."));
            }
            let token = secret_header(&request, SYSTEM_TOKEN);
            let site = meet(app, &invocation, token.as_ref()).await?;
            Ok(Self { site, invocation })
        })
    }
}

impl FromRequest for UiCaller {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (app, invocation) = verified(&request, unsigned).await?;
            if !invocation.is_of_page() {
                return Err(Problem::forbidden("Only a page may ask for this.")
                    .detail("The call was not made from a page of the app in Jira."));
            }
            let account_id = invocation.principal.clone().ok_or_else(nobody)?;
            let user_token = secret_header(&request, USER_TOKEN).ok_or_else(unasked)?;
            let site = meet(app, &invocation, None).await?;
            if site.state != SiteState::Installed {
                return Err(Problem::forbidden(
                    "The app is being removed from this site.",
                ));
            }
            Ok(Self {
                site,
                account_id,
                user_token,
                invocation,
            })
        })
    }
}

/// What the token of a request says; `when_off` is the answer while Forge is not set up.
async fn verified(
    request: &HttpRequest,
    when_off: fn() -> Problem,
) -> Result<(&App, Invocation), Problem> {
    let app = request.app_data::<Data<App>>();
    let app = app.ok_or_else(Problem::internal)?;
    let forge = request.app_data::<Data<Forge>>();
    let forge = forge.ok_or_else(Problem::internal)?;
    let verifier = forge.verifier.as_ref().ok_or_else(when_off)?;
    let token = only_token(request).ok_or_else(unsigned)?;
    Ok((app, verifier.verify(token, app.clock.now_s()).await?))
}

/// Whether a request carries a token of the scheme that Forge uses, among others or alone. Connect's
/// scheme is another: the two are told apart by nothing else.
#[must_use]
pub fn is_from_forge(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(AUTHORIZATION);
    values.any(|value| bearer_token(value).is_some())
}

/// The one token of a request, if it is a bearer's.
fn only_token(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let mut parameters = form_urlencoded::parse(request.query_string().as_bytes());
    let only = headers.next()?;
    let is_only = headers.next().is_none() && parameters.all(|(name, _)| name != "jwt");
    bearer_token(only).filter(|_| is_only)
}

fn bearer_token(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

fn secret_header(request: &HttpRequest, name: &str) -> Option<SecretString> {
    let value = request.headers().get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then(|| value.into())
}

async fn meet(
    app: &App,
    invocation: &Invocation,
    system_token: Option<&SecretString>,
) -> Result<Arc<Site>, Problem> {
    let page = invocation.context.as_ref();
    let met = Met {
        installation_id: &invocation.installation_id,
        cloud_id: &invocation.cloud_id,
        api_base_url: &invocation.api_base_url,
        app_version: &invocation.app_version,
        environment_type: &invocation.environment_type,
        environment_id: &invocation.environment_id,
        site_url: page.and_then(|page| page.site_url.as_deref()),
        system_token,
    };
    Ok(meet_installation(app, &met).await?)
}

fn unsigned() -> Problem {
    Problem::unauthorized("The request is not signed by a Jira site that has the app.")
}

fn nobody() -> Problem {
    Problem::forbidden("Nobody is logged in.").detail("Log in to Jira, then try again.")
}

/// Without the person's token nobody can ask Jira what they may see.
fn unasked() -> Problem {
    Problem::forbidden("Jira does not let the app ask what you may see.")
        .detail("A Jira administrator has to agree to the app's newest version under Manage apps.")
}

fn not_set_up() -> Problem {
    Problem::not_found("Forge is not set up here.")
        .detail("Set TOUCHSTONE_FORGE_APP_ID to the id of the Forge app.")
}

impl From<Refused> for Problem {
    fn from(why: Refused) -> Self {
        match why {
            Refused::Token(_) => unsigned().because(why),
            Refused::KeysUnavailable(_) => Self::unavailable().because(why),
        }
    }
}

impl From<MeetError> for Problem {
    fn from(why: MeetError) -> Self {
        match why {
            MeetError::Sites(why) => why.into(),
            MeetError::Store(why) => why.into(),
            MeetError::Seal(_) | MeetError::Lost => Self::internal().because(why),
        }
    }
}
