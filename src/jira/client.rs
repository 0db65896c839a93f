//! The one way to Jira: an authorised, limited, bounded exchange.
//!
//! Who authorises it is decided for each call ([`super::credential`]): Forge's token for the app or
//! for a person, on the API's own host; or a Connect token on the site's, bound to method and address
//! (`connect.md` 4.1), so the URL is built once and the very text of it that is sent is what is
//! hashed. Redirects are never followed, answers are read up to a limit, and names that lead into our
//! own network are refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, Response, redirect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use secrecy::SecretString;

use super::credential::Credential;
use super::error::{Asked, JiraError};
use super::limits::{Endpoint, Limiter, Scope};
use super::permissions::Permissions;
use super::points::{Points, cost};
use super::resolver;
use super::sight::Sight;
use crate::clock::Clock;
use crate::domain::site::Site;
use crate::metrics::Metrics;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a whole exchange may take.
const TOTAL: Duration = Duration::from_secs(20);
/// Longest answer read, bytes.
const ANSWER: usize = 8 * 1024 * 1024;
/// Longest error body read, bytes.
pub(super) const ERROR_BODY: usize = 64 * 1024;
/// Header by which Jira hands the cause of a change back with the event.
const TRACE: &str = "x-atlassian-webhook-trace";

/// What the client must know of the app.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The app's key, as its descriptor states it.
    pub app_key: String,
    /// Whether plain http and private addresses are allowed: tests and the demo only.
    pub is_insecure: bool,
    /// Points Jira gives the app for an hour.
    pub points_per_hour: u64,
}

/// Who waits for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// A person looks at the screen.
    Interactive,
    /// Nobody does.
    Background,
}

impl Urgency {
    /// Longest wait before the call leaves.
    pub(super) fn patience(self) -> Duration {
        match self {
            Self::Interactive => Duration::from_secs(3),
            Self::Background => Duration::from_secs(5),
        }
    }
}

/// Jira, all sites of it.
#[derive(Debug)]
pub struct Client {
    pub(super) http: reqwest::Client,
    settings: Settings,
    clock: Clock,
    limiter: Limiter,
    points: Points,
    metrics: Arc<Metrics>,
    pub(super) permissions: Permissions,
    pub(super) sight: Sight,
}

/// Jira, one site of it; see [`Client::for_site`].
#[derive(Debug, Clone, Copy)]
pub struct SiteClient<'a> {
    pub(super) client: &'a Client,
    pub(super) site: &'a Site,
    urgency: Urgency,
    trace: Option<Uuid>,
    person: Option<&'a SecretString>,
}

/// A call to be made.
pub(super) struct Call<'a> {
    pub endpoint: Endpoint,
    /// Path below the site's address, percent-encoded.
    pub path: String,
    pub query: &'a [(&'a str, &'a str)],
    pub body: Option<Vec<u8>>,
    /// The issue a write concerns.
    pub written_issue: Option<i64>,
}

impl<'a> Call<'a> {
    /// A read.
    pub fn get(path: &'static str, address: String, query: &'a [(&'a str, &'a str)]) -> Self {
        let method = "GET";
        Self {
            endpoint: Endpoint { method, path },
            path: address,
            query,
            body: None,
            written_issue: None,
        }
    }

    /// A POST of a JSON body.
    pub fn post(
        path: &'static str,
        address: String,
        body: &impl Serialize,
    ) -> Result<Self, JiraError> {
        Self::with_body("POST", path, address, body)
    }

    /// A PUT of a JSON body.
    pub fn put(
        path: &'static str,
        address: String,
        body: &impl Serialize,
    ) -> Result<Self, JiraError> {
        Self::with_body("PUT", path, address, body)
    }

    fn with_body(
        method: &'static str,
        path: &'static str,
        address: String,
        body: &impl Serialize,
    ) -> Result<Self, JiraError> {
        let body = serde_json::to_vec(body).map_err(|why| {
            JiraError::Unreadable(format!("a request that cannot be written: {why}"))
        })?;
        Ok(Self {
            endpoint: Endpoint { method, path },
            path: address,
            query: &[],
            body: Some(body),
            written_issue: None,
        })
    }

    /// The same, writing to an issue.
    pub fn writing(mut self, issue: i64) -> Self {
        self.written_issue = Some(issue);
        self
    }
}

impl Client {
    /// Builds the client; one for the process.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new(
        settings: Settings,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, reqwest::Error> {
        let agent = format!(
            "touchstone/{} ({})",
            env!("CARGO_PKG_VERSION"),
            settings.app_key
        );
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .redirect(redirect::Policy::none())
            .user_agent(agent);
        if !settings.is_insecure {
            builder = builder.https_only(true).dns_resolver(resolver::PublicOnly);
        }
        Ok(Self {
            http: builder.build()?,
            points: Points::new(settings.points_per_hour),
            settings,
            clock,
            limiter: Limiter::default(),
            metrics,
            permissions: Permissions::default(),
            sight: Sight::default(),
        })
    }

    /// One site, asked for a person who waits.
    #[must_use]
    pub fn for_site<'a>(&'a self, site: &'a Site) -> SiteClient<'a> {
        SiteClient {
            client: self,
            site,
            urgency: Urgency::Interactive,
            trace: None,
            person: None,
        }
    }

    /// Keeps calls away from what `scope` names.
    pub fn pause(&self, scope: Scope, after: Duration) {
        self.limiter.pause(scope, after);
    }
}

impl<'a> SiteClient<'a> {
    /// The same site; calls are made as the person whose token Forge handed on. For what that person
    /// does right now: such a token is never kept.
    #[must_use]
    pub fn as_user(mut self, token: &'a SecretString) -> Self {
        self.person = Some(token);
        self
    }

    /// Whether calls go through Forge now, and not through Connect.
    #[must_use]
    pub fn is_through_forge(&self) -> bool {
        matches!(self.credential(), Ok(Credential::Bearer { .. }))
    }

    pub(super) fn app_key(&self) -> &'a str {
        &self.client.settings.app_key
    }

    fn credential(&self) -> Result<Credential<'a>, JiraError> {
        Credential::choose(self.site, self.person, self.client.clock.now_ms())
    }

    /// The same site, asked for work nobody waits for.
    #[must_use]
    pub fn in_background(mut self) -> Self {
        self.urgency = Urgency::Background;
        self
    }

    /// The same site; events caused by its writes carry `trace` back.
    #[must_use]
    pub fn traced(mut self, trace: Uuid) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Makes a call and reads its answer.
    pub(super) async fn ask<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, JiraError> {
        let body = self.send(call).await?;
        serde_json::from_slice(&body).map_err(|why| JiraError::Unreadable(why.to_string()))
    }

    /// Makes a call; the body of its answer.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Vec<u8>, JiraError> {
        let (called, since) = (call.endpoint, Instant::now());
        let answer = self.send_within_limits(call).await;
        let outcome = answer.as_ref().map_or_else(JiraError::outcome, |_| "good");
        let metrics = &self.client.metrics;
        metrics.jira_call(called.method, called.path, outcome, since.elapsed());
        answer
    }

    async fn send_within_limits(&self, call: Call<'_>) -> Result<Vec<u8>, JiraError> {
        let asked = Asked {
            site: self.site.id,
            endpoint: call.endpoint,
            written_issue: call.written_issue,
        };
        // Before the wait, and again after it: it may take seconds to know that there is no token.
        self.credential()?;
        let Client {
            limiter,
            points,
            clock,
            ..
        } = self.client;
        points.admit(asked.site, self.urgency, clock.now_ms())?;
        limiter.admit(&asked, self.urgency).await?;
        let answer = self.exchange(call).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let now_ms = clock.now_ms();
        points.learn(&headers, now_ms);
        if status.is_success() {
            let body = read(answer, ANSWER).await?;
            points.spend(asked.site, cost(asked.endpoint, &body), now_ms);
            return Ok(body);
        }
        let body = read(answer, ERROR_BODY).await.unwrap_or_default();
        let error = JiraError::of_answer(status, &headers, &body, &asked, now_ms);
        if let JiraError::RateLimited { scope, after, .. } = &error {
            limiter.pause(*scope, *after);
        }
        tracing::debug!(
            site.id = self.site.id.0,
            jira.method = call_name(&asked).0,
            jira.endpoint = call_name(&asked).1,
            http.status = status.as_u16(),
            "Jira did not do what it was asked"
        );
        Err(error)
    }

    async fn exchange(&self, call: Call<'_>) -> Result<Response, JiraError> {
        let credential = self.credential()?;
        let url = self.address(credential.base_url(), &call)?;
        let (method, now_s) = (call.endpoint.method, self.client.clock.now_s());
        let authorization = credential.authorization(method, &url, self.app_key(), now_s)?;
        let method = match call.endpoint.method {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            _ => Method::GET,
        };
        let mut request = self
            .client
            .http
            .request(method, url)
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, "application/json");
        if let Some(trace) = self.trace {
            request = request.header(TRACE, trace.to_string());
        }
        if let Some(body) = call.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .header("x-atlassian-token", "no-check")
                .body(body);
        }
        request.send().await.map_err(JiraError::of_exchange)
    }

    pub(super) fn address(&self, base_url: &str, call: &Call<'_>) -> Result<Url, JiraError> {
        let unusable = || JiraError::Unreadable("the site's address is not one".to_owned());
        let mut text = format!("{base_url}{}", call.path);
        for (n, (name, value)) in call.query.iter().enumerate() {
            text.push(if n == 0 { '?' } else { '&' });
            text.push_str(name);
            text.push('=');
            text.extend(encoded(value));
        }
        let url = Url::parse(&text).ok().ok_or_else(unusable)?;
        // An address that is a number needs no resolver, so the resolver cannot refuse it.
        let is_inside = match url.host() {
            Some(url::Host::Ipv4(v4)) => !resolver::is_public(v4.into()),
            Some(url::Host::Ipv6(v6)) => !resolver::is_public(v6.into()),
            Some(url::Host::Domain(_)) => false,
            None => true,
        };
        if is_inside && !self.client.settings.is_insecure {
            return Err(unusable());
        }
        Ok(url)
    }
}

fn call_name(asked: &Asked) -> (&'static str, &'static str) {
    (asked.endpoint.method, asked.endpoint.path)
}

/// Reads an answer, up to `limit` bytes.
pub(super) async fn read(mut answer: Response, limit: usize) -> Result<Vec<u8>, JiraError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(JiraError::of_exchange)? {
        if body.len() + chunk.len() > limit {
            return Err(JiraError::Unreadable(format!("longer than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A value as it stands in a path or a query.
pub(super) fn encoded(value: &str) -> percent_encoding::PercentEncode<'_> {
    const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    percent_encoding::utf8_percent_encode(value, KEPT)
}

/// An id, which Jira writes as text here and as a number there.
pub(super) fn id<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Number(i64),
        Text(String),
    }
    match Id::deserialize(from)? {
        Id::Number(id) => Ok(id),
        Id::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}
