//! `touchstone import`: sends result files to a Touchstone service, one request a file, all into one
//! execution.
//!
//! What became of the files goes to standard output, warnings and failures to standard error, and on
//! a terminal a bar shows how far it is. A file the service refuses does not keep the others from
//! being sent.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Client, Url};
use secrecy::SecretString;
use serde::Deserialize;

use super::gate::{self, Question};
use super::reports::{self, Upload};
use super::service::{Failure, Service, address};

/// How long one file may take; large ones over slow lines do.
const REQUEST: Duration = Duration::from_mins(10);

/// Options of `touchstone import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Result files of any known format, patterns such as `**/TEST-*.xml`, or folders of them
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
    /// Fail unless this can go out afterwards: `version:1.4` or `sprint:7`
    #[arg(long, value_name = "SCOPE", value_parser = scope)]
    gate: Option<String>,
}

/// Reads what a gate stands before.
fn scope(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some(("version" | "sprint", name)) if !name.trim().is_empty() => Ok(text.to_owned()),
        _ => Err("write version:1.4 or sprint:7".to_owned()),
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

/// Sends the files; the exit code is 0 when every one was imported and the gate lets through, else 1.
pub async fn run(args: ImportArgs) -> ExitCode {
    let found = reports::find(&args.files).map_err(Failure::Refused);
    let ready = found.and_then(|uploads| {
        let service = Service::new(args.token.clone(), REQUEST)?;
        Ok((uploads, service))
    });
    let (uploads, service) = match ready {
        Ok(ready) => ready,
        Err(why) => {
            eprintln!("touchstone: {why}");
            return ExitCode::FAILURE;
        }
    };
    if !send_all(&service, &args, &uploads).await {
        return ExitCode::FAILURE;
    }
    let Some(scope) = &args.gate else {
        return ExitCode::SUCCESS;
    };
    let question = Question {
        url: &args.url,
        token: &args.token,
        project: &args.project,
        scope,
        environment: None,
    };
    if gate::judge(&question).await {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Sends one after another into the same execution; whether all were imported.
async fn send_all(service: &Service, args: &ImportArgs, uploads: &[Upload]) -> bool {
    let bar = bar(uploads.len());
    let mut execution = args.execution.clone();
    let (mut sent, mut address) = (0, None);
    for upload in uploads {
        bar.set_message(upload.name());
        match import(service, args, upload, execution.as_deref()).await {
            Ok(answer) => {
                bar.suspend(|| report(&upload.name(), &answer));
                sent += 1;
                execution = Some(answer.execution.key);
                address = Some(answer.execution.url);
            }
            Err(why) => {
                bar.suspend(|| eprintln!("touchstone: {}: {why}", upload.name()));
                if matches!(why, Failure::RefusedForGood(_) | Failure::Unanswered(_)) {
                    break;
                }
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let (Some(key), Some(address)) = (execution, address) {
        println!("{key} {address}");
    }
    if sent < uploads.len() {
        let all = uploads.len();
        eprintln!("touchstone: {sent} of {all} files were imported");
    }
    sent == uploads.len()
}

/// A bar on standard error; it draws nothing where that is no terminal.
fn bar(uploads: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(uploads).unwrap_or(u64::MAX));
    match ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
        Ok(style) => bar.with_style(style),
        Err(_plain) => bar,
    }
}

async fn import(
    service: &Service,
    args: &ImportArgs,
    upload: &Upload,
    execution: Option<&str>,
) -> Result<Answer, Failure> {
    let body = bytes::Bytes::from(upload.read()?);
    let url = args.target(execution);
    let sending = |client: &Client| {
        client
            .post(url.clone())
            .header("Content-Type", "application/octet-stream")
            .body(body.clone())
    };
    Ok(service.ask(sending).await?.json().await?)
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

fn report(name: &str, answer: &Answer) {
    for warning in &answer.warnings {
        eprintln!("touchstone: {name}: warning: {warning}");
    }
    println!("{name}: {}", answer.counts.in_words());
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
        assert!(options(&["--gate", "version:1.4"]).is_ok());
        for gate in ["1.4", "version:", "plan:P1"] {
            assert!(options(&["--gate", gate]).is_err(), "{gate}");
        }
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
