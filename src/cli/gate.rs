//! `touchstone gate`: asks a service whether a version or a sprint can go out, for pipelines.
//!
//! The verdict and what holds it back go to standard output. The exit code is 0 when it is ready or
//! only at risk, else 1; 1 too when no verdict could be had, which is said on standard error.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;

use super::service::{Failure, Service, address};

/// How long the service may take.
const REQUEST: Duration = Duration::from_mins(2);
/// Issues of a rule that are named.
const NAMED: usize = 10;

/// Options of `touchstone gate`.
#[derive(Debug, Args)]
#[group(skip)]
pub struct GateArgs {
    /// The address of the Touchstone service
    #[arg(long, env = "TOUCHSTONE_URL", value_parser = address)]
    url: Url,
    /// The token of an API client; better given as a variable than on the command line
    #[arg(long, env = "TOUCHSTONE_TOKEN", hide_env_values = true)]
    token: SecretString,
    /// The key of the project
    #[arg(long, value_name = "KEY")]
    project: String,
    /// What is to go out
    #[command(flatten)]
    target: TargetArgs,
    /// Only results that were made in this environment
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Take *at risk* for *not ready*
    #[arg(long)]
    strict: bool,
    /// Print the whole answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct TargetArgs {
    /// The version that is to go out
    #[arg(long, value_name = "VERSION")]
    fix_version: Option<String>,
    /// The sprint that is to end
    #[arg(long)]
    sprint: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    verdict: String,
    sentence: String,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    text: String,
    level: String,
    said: String,
    holds: bool,
    issues: Vec<Issue>,
}

#[derive(Debug, Deserialize)]
struct Issue {
    key: String,
}

/// What the verdict is asked of.
#[derive(Debug)]
pub(super) struct Question<'a> {
    /// The address of the service.
    pub url: &'a Url,
    /// The token of an API client.
    pub token: &'a SecretString,
    /// The key of the project.
    pub project: &'a str,
    /// `version:1.4` or `sprint:7`.
    pub scope: &'a str,
    /// Only results that were made in this environment.
    pub environment: Option<&'a str>,
}

/// Asks for the verdict and says it; whether it lets through what is to go out.
pub(super) async fn judge(question: &Question<'_>) -> bool {
    match ask(question).await {
        Ok((answer, _)) => {
            print!("{}", answer.in_words());
            answer.lets_through(false)
        }
        Err(why) => {
            eprintln!("touchstone: there is no verdict: {why}");
            false
        }
    }
}

/// Asks for the verdict.
pub async fn run(args: GateArgs) -> ExitCode {
    let scope = args.target.scope();
    match ask(&args.question(&scope)).await {
        Ok((answer, text)) => {
            if args.json {
                println!("{text}");
            } else {
                print!("{}", answer.in_words());
            }
            if answer.lets_through(args.strict) {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(why) => {
            eprintln!("touchstone: there is no verdict: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn ask(question: &Question<'_>) -> Result<(Answer, String), Failure> {
    let service = Service::new(question.token.clone(), REQUEST)?;
    let url = question.address();
    let text = service.ask(|client| client.get(url.clone())).await?;
    let text = text.text().await?;
    let answer = serde_json::from_str(&text).map_err(|why| {
        Failure::RefusedForGood(format!("the service's answer cannot be read: {why}"))
    })?;
    Ok((answer, text))
}

impl GateArgs {
    fn question<'a>(&'a self, scope: &'a str) -> Question<'a> {
        Question {
            url: &self.url,
            token: &self.token,
            project: &self.project,
            scope,
            environment: self.environment.as_deref(),
        }
    }
}

impl TargetArgs {
    fn scope(&self) -> String {
        match (&self.fix_version, &self.sprint) {
            (Some(version), _) => format!("version:{version}"),
            (None, sprint) => format!("sprint:{}", sprint.as_deref().unwrap_or_default()),
        }
    }
}

impl Question<'_> {
    fn address(&self) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            let segments = ["api", "v1", "projects", self.project, "readiness", "gate"];
            path.pop_if_empty().extend(segments);
        }
        url.query_pairs_mut().append_pair("scope", self.scope);
        if let Some(environment) = self.environment {
            url.query_pairs_mut()
                .append_pair("environment", environment);
        }
        url
    }
}

impl Answer {
    fn lets_through(&self, is_strict: bool) -> bool {
        match self.verdict.as_str() {
            "READY" => true,
            "AT RISK" => !is_strict,
            _ => false,
        }
    }

    /// The verdict, then a line for each rule that fails.
    fn in_words(&self) -> String {
        let verdict = format!("{}: {}\n", self.verdict, self.sentence);
        let failed = self.rules.iter().filter(|rule| !rule.holds);
        std::iter::once(verdict)
            .chain(failed.map(Rule::in_words))
            .collect()
    }
}

impl Rule {
    /// What it asks, what was found, and the issues behind it.
    fn in_words(&self) -> String {
        let issues: Vec<&str> = self.issues.iter().map(|one| one.key.as_str()).collect();
        let (named, rest) = issues.split_at_checked(NAMED).unwrap_or((&issues, &[]));
        let more = match rest.len() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        let issues = match named {
            [] => String::new(),
            named => format!(" {}{more}", named.join(" ")),
        };
        format!("  {} ({}): {}{issues}\n", self.text, self.level, self.said)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Options {
        #[command(flatten)]
        gate: GateArgs,
    }

    fn options(more: &[&str]) -> Result<GateArgs, clap::Error> {
        let own = [
            "gate",
            "--url",
            "https://t.example/base",
            "--token",
            "tst_x",
            "--project",
            "SHOP",
        ];
        Ok(Options::try_parse_from(own.iter().chain(more))?.gate)
    }

    #[test]
    fn options_become_the_address_of_the_request() {
        let address = |more: &[&str]| {
            let args = options(more).unwrap();
            args.question(&args.target.scope()).address().to_string()
        };
        assert_eq!(
            address(&["--fix-version", "1.4 beta", "--environment", "chrome"]),
            "https://t.example/base/api/v1/projects/SHOP/readiness/gate?scope=version%3A1.4+beta\
             &environment=chrome"
        );
        assert!(address(&["--sprint", "7"]).ends_with("?scope=sprint%3A7"));
        assert!(options(&[]).is_err(), "of what?");
        assert!(
            options(&["--sprint", "7", "--fix-version", "1"]).is_err(),
            "one of them"
        );
    }

    #[test]
    fn what_fails_is_said_with_the_issues_behind_it() {
        let issues: Vec<_> = (1..=12)
            .map(|n| serde_json::json!({ "key": format!("SHOP-{n}") }))
            .collect();
        let answer: Answer = serde_json::from_value(serde_json::json!({
            "verdict": "NOT READY", "sentence": "Version 1.4 is not ready: 1 rule fails.",
            "rules": [
                { "text": "No issue fails", "level": "required", "said": "12 of 20 issues fail.",
                  "holds": false, "issues": issues },
                { "text": "All tests have a final result", "level": "required", "said": "", "holds": true, "issues": [] },
            ],
        }))
        .unwrap();
        assert_eq!(
            answer.in_words(),
            "NOT READY: Version 1.4 is not ready: 1 rule fails.\n  No issue fails (required): 12 of \
             20 issues fail. SHOP-1 SHOP-2 SHOP-3 SHOP-4 SHOP-5 SHOP-6 SHOP-7 SHOP-8 SHOP-9 SHOP-10 \
             and 2 more\n"
        );
        assert!(!answer.lets_through(false));
        let risky = Answer {
            verdict: "AT RISK".to_owned(),
            ..answer
        };
        assert!(risky.lets_through(false) && !risky.lets_through(true));
    }
}
