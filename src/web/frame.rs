//! Whole pages: what a Connect frame loads. Under Forge the page is a file on Atlassian's servers.
//!
//! What our script asks for and puts into a page is a [`fragment`](super::fragment). Templates
//! escape what they print; nothing here builds HTML from text.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use url::Url;

use super::{assets, headers};
use crate::app::App;
use crate::config::Config;
use crate::domain::site::Site;
use crate::problem::Problem;

/// Where a page's scripts and styles are.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The script that runs before the first paint.
    pub boot: String,
    /// The style sheet.
    pub style: String,
    /// The script.
    pub script: String,
    /// The host's bridge.
    pub bridge: String,
}

impl Frame {
    /// The files of this build, and the configured bridge.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let root = root(config);
        Self {
            boot: assets::address(&root, "boot.js"),
            style: assets::address(&root, "app.css"),
            script: assets::address(&root, "page.js"),
            bridge: config.connect.bridge_url.clone(),
        }
    }
}

/// The path the service stands under, without a slash at its end; empty at the root of a host.
#[must_use]
pub fn root(config: &Config) -> String {
    Url::parse(&config.server.base_url).map_or_else(
        |_| String::new(),
        |url| url.path().trim_end_matches('/').to_owned(),
    )
}

/// A page for a frame of `site`.
pub fn page(
    app: &App,
    site: Option<&Site>,
    status: StatusCode,
    template: &impl Template,
) -> Result<HttpResponse, Problem> {
    let html = template
        .render()
        .map_err(|why| Problem::internal().because(why))?;
    let mut answer = HttpResponse::build(status);
    headers::protect(&mut answer, &app.config, site);
    Ok(answer.content_type("text/html; charset=utf-8").body(html))
}

/// A page that says what is the matter, instead of what was asked for.
#[derive(Debug, Template)]
#[template(path = "state.html")]
pub struct State {
    /// Where the page's files are.
    pub frame: Frame,
    /// What is the matter, in a few words.
    pub heading: String,
    /// What it means and what to do.
    pub text: String,
    /// Where the content can be asked for once more.
    pub retry: Option<String>,
}

/// A problem as a page, for a browser; as it is, for anybody else.
pub fn problem_page(
    app: &App,
    request: &HttpRequest,
    site: Option<&Site>,
    problem: &Problem,
    retry: Option<String>,
) -> HttpResponse {
    let accepted = request.headers().get(actix_web::http::header::ACCEPT);
    let takes_html = accepted
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"));
    // Logs its cause, if there is one.
    let plain = problem.error_response();
    if !takes_html {
        return plain;
    }
    let state = State {
        frame: Frame::new(&app.config),
        heading: problem.title.trim_end_matches('.').to_owned(),
        text: problem.detail.clone().unwrap_or_default(),
        retry,
    };
    page(app, site, plain.status(), &state).unwrap_or(plain)
}
