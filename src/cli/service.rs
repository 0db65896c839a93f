//! A Touchstone service as its command line calls it: with a token, patiently, and with what went
//! wrong in sentences.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// Tries of one request while the service asks to come back later.
const TRIES: u32 = 6;
/// The longest the service can make us wait before one try.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Reads the address of a service.
pub(super) fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|why| format!("{why}; write https://tests.example.com"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!(
            "{other} is not spoken; write https://tests.example.com"
        )),
    }
}

/// Why the service did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("cannot be read: {0}")]
    File(#[from] std::io::Error),
    #[error("no connection can be made: {}", chain(.0))]
    NoClient(#[source] reqwest::Error),
    #[error("the service does not answer: {}", chain(.0))]
    Unanswered(#[from] reqwest::Error),
    #[error("{0}")]
    Refused(String),
    /// No other request would fare better.
    #[error("{0}")]
    RefusedForGood(String),
}

/// An error with everything under it, in one line.
fn chain(why: &dyn std::error::Error) -> String {
    match why.source() {
        Some(under) => format!("{why}: {}", chain(under)),
        None => why.to_string(),
    }
}

#[derive(Debug, Deserialize)]
struct ProblemAnswer {
    title: String,
    detail: Option<String>,
}

/// A line to the service.
#[derive(Debug)]
pub(super) struct Service {
    client: Client,
    token: SecretString,
}

impl Service {
    /// A line on which a request may take `longest`.
    pub fn new(token: SecretString, longest: Duration) -> Result<Self, Failure> {
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .timeout(longest)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("touchstone/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Failure::NoClient)?;
        Ok(Self { client, token })
    }

    /// Sends a request, again and again while the service is busy; only success is an answer.
    pub async fn ask(
        &self,
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Response, Failure> {
        let mut tries = 1;
        loop {
            let sending = request(&self.client).bearer_auth(self.token.expose_secret());
            let answer = sending.send().await?;
            let status = answer.status();
            if status.is_success() {
                return Ok(answer);
            }
            let is_busy = matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            );
            if !is_busy || tries == TRIES {
                return Err(refusal(answer).await);
            }
            let wait = retry_after(&answer).unwrap_or(Duration::from_secs(1 << tries));
            let wait = wait.min(LONGEST_WAIT);
            let seconds = wait.as_secs();
            eprintln!("touchstone: the service is busy ({status}); trying again in {seconds} s");
            tokio::time::sleep(wait).await;
            tries += 1;
        }
    }
}

/// The wait the service asks for, when it names seconds.
fn retry_after(answer: &Response) -> Option<Duration> {
    let value = answer.headers().get(reqwest::header::RETRY_AFTER)?;
    value
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

/// What the service said against the request, as sentences.
async fn refusal(answer: Response) -> Failure {
    let status = answer.status();
    let said: Option<ProblemAnswer> = answer.json().await.ok();
    let sentences = said.map_or_else(
        || format!("the service answered {status}; is the address right?"),
        |said| {
            [Some(said.title), said.detail]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" ")
        },
    );
    match status {
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::PAYLOAD_TOO_LARGE => {
            Failure::Refused(sentences)
        }
        _ => Failure::RefusedForGood(sentences),
    }
}
