//! `touchstone reconcile`: a site is compared with Jira, by the running service.

use anyhow::Context;
use clap::Args;

use crate::app::reconcile::want;
use crate::clock::Clock;
use crate::config::Database;
use crate::domain::work::Scan;
use crate::store::{Store, sites};

/// Compare a site with Jira, in case events were lost.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// The site's address, cloud id or client key
    #[arg(long)]
    site: String,
    /// Read every issue of the site besides, as after an installation
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    database: Database,
}

impl Reconcile {
    /// Asks for it; a running service begins within a second.
    pub async fn run(self) -> anyhow::Result<()> {
        let store = Store::open(&self.database.url, 2).await?;
        let site = sites::find(store.read(), &self.site)
            .await?
            .with_context(|| format!("no site is known as `{}`", self.site))?
            .site
            .id;
        let mut wanted = vec![Scan::Changes, Scan::Reach];
        if self.all {
            wanted.push(Scan::All);
        }
        let txn = store.write().await?;
        for scan in wanted {
            want(&*txn, site, scan, Clock::System.now_ms()).await?;
        }
        txn.commit().await?;
        println!("The site is compared with Jira; its health page shows how far that is.");
        Ok(())
    }
}
