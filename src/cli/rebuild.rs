//! `touchstone rebuild`: statuses are made anew from the stored runs.

use clap::Args;

use crate::app::rebuild::rebuild;
use crate::config::Database;
use crate::store::Store;
use crate::store::sites;

/// Make every status anew from the stored runs.
#[derive(Debug, Args)]
pub struct Rebuild {
    #[command(flatten)]
    database: Database,
}

impl Rebuild {
    /// Does it, site by site; the service may run meanwhile.
    pub async fn run(self) -> anyhow::Result<()> {
        let store = Store::open(&self.database.url, 2).await?;
        for held in sites::list(store.read()).await? {
            let count = rebuild(&store, held.site.id).await?;
            println!("{}: {count} tests", held.site.name());
        }
        Ok(())
    }
}
