//! `touchstone import`: sends result files to a Touchstone service, one request a file, all into one
//! execution.
//!
//! What became of the files goes to standard output, warnings and failures to standard error. A file
//! the service refuses does not keep the others from being sent.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// Tries of one file while the service asks to come back later.
const TRIES: u32 = 6;
/// The longest the service can make us wait before one try.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// How long one file may take; large ones over slow lines do.
const REQUEST: Duration = Duration::from_mins(10);

/// Options of `touchstone import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Result files (`JUnit` XML)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The address of the Touchstone service
    #[arg(long, env = "TOUCHSTONE_URL", value_parser = address)]
    url: Url,
    /// The token of an API client; better given as a variable than on the command line
    #[arg(long, env = "TOUCHSTONE_TOKEN", hide_env_values = true)]
    token: SecretString,
    /// The key of the project
    #[arg(long, value_name = "KEY")]
    project: String,
    /// Add the results to this execution instead of making one
    #[arg(long, value_name = "KEY")]
    execution: Option<String>,
    /// The test plan they count towards
    #[arg(long, value_name = "KEY")]
    plan: Option<String>,
    /// An environment they were made in; give it several times for several
    #[arg(long, value_name = "NAME")]
    environment: Vec<String>,
    /// The version they were made for
    #[arg(long, value_name = "VERSION")]
    fix_version: Option<String>,
    /// The sprint they belong to
    #[arg(long)]
    sprint: Option<String>,
    /// The revision that was tested
    #[arg(long)]
    revision: Option<String>,
    /// The branch that was tested
    #[arg(long)]
    branch: Option<String>,
}

fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|why| format!("{why}; write https://tests.example.com"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!(
            "{other} is not spoken; write https://tests.example.com"
        )),
    }
}

/// Why a file was not imported.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot be read: {0}")]
    File(#[from] std::io::Error),
    #[error("the service does not answer: {}", chain(.0))]
    Unanswered(#[from] reqwest::Error),
    #[error("{0}")]
    Refused(String),
    /// No other file would fare better.
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
struct Answer {
    execution: ExecutionAnswer,
    counts: Counts,
    #[serde(default)]
    issues: Vec<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct ExecutionAnswer {
    key: String,
    url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counts {
    tests: u64,
    passed: u64,
    failed: u64,
    error: u64,
    skipped: u64,
    other: u64,
    flaky: u64,
}

#[derive(Debug, Deserialize)]
struct ProblemAnswer {
    title: String,
    detail: Option<String>,
}

/// Sends the files; the exit code is 0 when every one was imported, else 1.
pub async fn run(args: ImportArgs) -> ExitCode {
    let client = Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .timeout(REQUEST)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("touchstone/", env!("CARGO_PKG_VERSION")))
        .build();
    let client = match client {
        Ok(client) => client,
        Err(why) => {
            eprintln!("touchstone: no connection can be made: {}", chain(&why));
            return ExitCode::FAILURE;
        }
    };
    let mut execution = args.execution.clone();
    let (mut sent, mut address) = (0, None);
    for file in &args.files {
        match import(&client, &args, file, execution.as_deref()).await {
            Ok(answer) => {
                report(file, &answer);
                sent += 1;
                execution = Some(answer.execution.key);
                address = Some(answer.execution.url);
            }
            Err(why) => {
                eprintln!("touchstone: {}: {why}", file.display());
                if matches!(why, Failure::RefusedForGood(_) | Failure::Unanswered(_)) {
                    break;
                }
            }
        }
    }
    if let (Some(key), Some(address)) = (execution, address) {
        println!("{key} {address}");
    }
    if sent < args.files.len() {
        eprintln!(
            "touchstone: {sent} of {} files were imported",
            args.files.len()
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn import(
    client: &Client,
    args: &ImportArgs,
    file: &Path,
    execution: Option<&str>,
) -> Result<Answer, Failure> {
    let body = bytes::Bytes::from(tokio::fs::read(file).await?);
    let url = args.target(execution);
    let mut tries = 1;
    loop {
        let sending = client
            .post(url.clone())
            .bearer_auth(args.token.expose_secret())
            .header("Content-Type", "application/octet-stream")
            .body(body.clone());
        let answer = sending.send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer.json().await?);
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

impl ImportArgs {
    /// The address a file goes to.
    fn target(&self, execution: Option<&str>) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            let segments = ["api", "v1", "projects", &self.project, "results"];
            path.pop_if_empty().extend(segments);
        }
        {
            let mut query = url.query_pairs_mut();
            for name in &self.environment {
                query.append_pair("environment", name);
            }
            for (name, value) in [
                ("fixVersion", self.fix_version.as_deref()),
                ("plan", self.plan.as_deref()),
                ("sprint", self.sprint.as_deref()),
                ("revision", self.revision.as_deref()),
                ("branch", self.branch.as_deref()),
                ("execution", execution),
            ] {
                if let Some(value) = value {
                    query.append_pair(name, value);
                }
            }
        }
        url
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

/// What the service said against the file, as sentences.
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

fn report(file: &Path, answer: &Answer) {
    for warning in &answer.warnings {
        eprintln!("touchstone: {}: warning: {warning}", file.display());
    }
    println!("{}: {}", file.display(), answer.counts.in_words());
    if !answer.issues.is_empty() {
        println!("  covers {}", answer.issues.join(", "));
    }
}

impl Counts {
    /// `3 tests: 2 passed (1 flaky), 1 failed`.
    fn in_words(&self) -> String {
        let flaky = match self.flaky {
            0 => String::new(),
            count => format!(" ({count} flaky)"),
        };
        let parts: Vec<String> = [
            (self.passed, "passed", flaky.as_str()),
            (self.failed, "failed", ""),
            (self.error, "broken", ""),
            (self.skipped, "skipped", ""),
            (self.other, "without an outcome", ""),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, word, more)| format!("{count} {word}{more}"))
        .collect();
        let tests = if self.tests == 1 { "test" } else { "tests" };
        match parts.as_slice() {
            [] => format!("{} {tests}", self.tests),
            parts => format!("{} {tests}: {}", self.tests, parts.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        import: ImportArgs,
    }

    fn options(more: &[&str]) -> Result<ImportArgs, clap::Error> {
        let own = ["import", "a.xml", "--token", "tst_x", "--project", "SHOP"];
        Ok(Options::try_parse_from(own.iter().chain(more))?.import)
    }

    #[test]
    fn options_become_the_address_of_the_request() {
        let more = [
            "--url",
            "https://t.example/base/",
            "--environment",
            "chrome 120",
            "--environment",
            "safari",
            "--fix-version",
            "1.4",
        ];
        let target = options(&more).unwrap().target(Some("SHOP-E7"));
        assert_eq!(
            target.as_str(),
            "https://t.example/base/api/v1/projects/SHOP/results?environment=chrome+120\
             &environment=safari&fixVersion=1.4&execution=SHOP-E7"
        );
        assert!(options(&["--url", "tests.example"]).is_err());
        assert!(options(&["--url", "ftp://tests.example"]).is_err());
    }

    #[test]
    fn counts_are_said_in_words() {
        let counts = Counts {
            tests: 4,
            passed: 2,
            failed: 1,
            other: 1,
            flaky: 1,
            ..Counts::default()
        };
        let words = counts.in_words();
        assert_eq!(
            words,
            "4 tests: 2 passed (1 flaky), 1 failed, 1 without an outcome"
        );
        assert_eq!(Counts::default().in_words(), "0 tests");
    }
}
