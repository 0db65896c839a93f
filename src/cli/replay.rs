//! `touchstone replay`: parked events are applied again, after the reason is gone.

use anyhow::Context;
use clap::Args;
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::Database;
use crate::store::{Store, inbox, sites};

/// Apply parked events again.
#[derive(Debug, Args)]
pub struct Replay {
    /// The site's address, cloud id or client key
    #[arg(long)]
    site: String,
    /// One event, by the id the health page shows; all parked ones without it
    #[arg(long)]
    event: Option<Uuid>,
    #[command(flatten)]
    database: Database,
}

impl Replay {
    /// Opens the events again; a running service takes them up within a second.
    pub async fn run(self) -> anyhow::Result<()> {
        let store = Store::open(&self.database.url, 2).await?;
        let site = sites::find(store.read(), &self.site)
            .await?
            .with_context(|| format!("no site is known as `{}`", self.site))?
            .site
            .id;
        let txn = store.write().await?;
        let count = inbox::replay(&*txn, site, self.event, Clock::System.now_ms()).await?;
        txn.commit().await?;
        println!("{count} parked events will be applied again.");
        Ok(())
    }
}
