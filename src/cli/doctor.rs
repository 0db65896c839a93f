//! `touchstone doctor`: is this deployment in order? One line a check, and what to do.

use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::app::check_projections::check_projections;
use crate::clock::Clock;
use crate::config::{Database, Secrets};
use crate::crypto::Seal;
use crate::domain::heartbeat::Heartbeat;
use crate::domain::site::Site;
use crate::startup::secret_key;
use crate::store::installations::{self, token_place};
use crate::store::sites::{self, SealedSite, secret_place};
use crate::store::{Store, halves, inbox, outbox, tests};

/// Check a deployment: configuration, database, keys, queues.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Only ask a running service at this address whether it is ready
    #[arg(long = "url", id = "service_url", value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    secrets: Secrets,
}

impl Doctor {
    /// Checks; an error when anything is out of order.
    pub async fn run(self) -> anyhow::Result<()> {
        match &self.url {
            Some(url) => ask_service(url).await,
            None => self.examine().await,
        }
    }

    async fn examine(&self) -> anyhow::Result<()> {
        let seal = Seal::from_config(&secret_key(&self.secrets)?)?;
        println!("good  the secret key can be read");
        let url = &self.database.url;
        let pending = Store::pending_migrations(url)
            .await
            .context("the database does not answer")?;
        let mut troubles = 0;
        let mut report = |is_good: bool, text: String| {
            println!("{}  {text}", if is_good { "good" } else { "BAD " });
            troubles += usize::from(!is_good);
        };
        report(
            pending.is_empty(),
            match pending.len() {
                0 => "the schema is up to date".to_owned(),
                n => format!("{n} migrations are missing; run `touchstone migrate up`"),
            },
        );
        if pending.is_empty() {
            let store = Store::open(url, 2).await?;
            for held in sites::list(store.read()).await? {
                for (is_good, text) in examine_site(&store, &seal, &held).await? {
                    report(is_good, text);
                }
                let (is_good, text) = compare_projections(&store, &held.site).await?;
                report(is_good, text);
            }
            for (connect, forge) in halves::apart(store.read()).await? {
                report(
                    false,
                    format!(
                        "sites {connect} (Connect) and {forge} (Forge) are the same Jira, but both have tests; they are kept apart"
                    ),
                );
            }
            let events = inbox::depth(store.read(), None).await?;
            let parked = format!(
                "{} events are parked; `touchstone replay` tries them again",
                events.parked
            );
            report(events.parked == 0, parked);
            println!("      {} events wait to be applied", events.waiting);
            let work = outbox::counts(store.read(), None).await?;
            let parked = format!(
                "{} calls to Jira are parked; the admin page says why",
                work.parked
            );
            report(work.parked == 0, parked);
        }
        anyhow::ensure!(troubles == 0, "{troubles} checks failed");
        Ok(())
    }
}

/// What is in order about a site, and what is not; never what the secrets are.
async fn examine_site(
    store: &Store,
    seal: &Seal,
    held: &SealedSite,
) -> anyhow::Result<Vec<(bool, String)>> {
    let (site, name) = (&held.site, held.site.name());
    let mut found = Vec::new();
    let mut opens = |what: &str, place: &str, sealed: &[u8]| {
        found.push(match seal.open(place, sealed) {
            Ok(_) => (true, format!("the {what} of {name} opens")),
            Err(_) => (
                false,
                format!("the {what} of {name} does not open; add the key it was sealed with"),
            ),
        });
    };
    if let Some(sealed) = &held.sealed_secret {
        opens("secret", &secret_place(site.id), sealed);
    }
    if let (Some(forge), Some((sealed, _))) = (&site.forge, &held.sealed_token) {
        opens("token", &token_place(&forge.installation_id), sealed);
    }
    if let Some(live) = installations::live(store.read(), site.id).await? {
        let now_ms = Clock::System.now_ms();
        let heartbeat = live.pulse().heartbeat(now_ms);
        let minutes = (now_ms - live.last_seen_ms).max(0) / 60_000;
        let is_good = matches!(heartbeat, Heartbeat::Good | Heartbeat::NoToken);
        let (environment, said) = (&site.environment, heartbeat.sentence());
        let text = format!("{name} ({environment}), heard of {minutes} min ago: {said}");
        found.push((is_good, text));
    }
    Ok(found)
}

/// Whether statuses are what the stored runs say.
async fn compare_projections(store: &Store, site: &Site) -> anyhow::Result<(bool, String)> {
    let checked = check_projections(store, site.id).await?;
    let (name, count, wrong) = (site.name(), checked.tests, checked.wrong.len());
    let due = match checked.due {
        0 => String::new(),
        due => format!("; {due} are to be made anew by the service"),
    };
    Ok((
        wrong == 0,
        match checked.wrong.first() {
            None => format!("what is kept of {count} tests of {name} is what their runs say{due}"),
            Some(first) => {
                let first = tests::by_id(store.read(), site.id, *first).await?;
                let first = first.map_or_else(String::new, |test| test.key.to_string());
                format!(
                    "what is kept of {wrong} of {count} tests of {name} is not what their runs say, \
                     {first} for one; run `touchstone rebuild`{due}"
                )
            }
        },
    ))
}

async fn ask_service(url: &str) -> anyhow::Result<()> {
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(4))
        .build()?;
    let address = format!("{}/health/ready", url.trim_end_matches('/'));
    let answer = http
        .get(&address)
        .send()
        .await
        .with_context(|| format!("{address} does not answer"))?;
    let status = answer.status();
    println!("{}", answer.text().await?);
    anyhow::ensure!(status.is_success(), "{address} answered {status}");
    Ok(())
}
