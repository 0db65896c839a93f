//! `touchstone doctor`: is this deployment in order? One line a check, and what to do.

use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::config::{Database, Secrets};
use crate::crypto::Seal;
use crate::startup::secret_key;
use crate::store::sites::{self, secret_place};
use crate::store::{Store, inbox, outbox};

/// Check a deployment: configuration, database, keys, queues.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Only ask a running service at this address whether it is ready
    #[arg(long, value_name = "URL")]
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
                let place = secret_place(held.site.id);
                let opens = held
                    .sealed_secret
                    .as_deref()
                    .is_none_or(|sealed| seal.open(&place, sealed).is_ok());
                report(
                    opens,
                    if opens {
                        format!("the secret of {} opens", held.site.base_url)
                    } else {
                        format!(
                            "the secret of {} does not open; add the key it was sealed with",
                            held.site.base_url
                        )
                    },
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
