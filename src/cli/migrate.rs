//! `touchstone migrate`: `serve` migrates by itself; this is for operators who do it apart.

use clap::{Args, Subcommand};

use crate::config::Database;
use crate::store::Store;

/// Bring the database's schema up to date, take it back, or show what is missing.
#[derive(Debug, Args)]
pub struct Migrate {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    database: Database,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Apply every migration the database does not have yet
    Up,
    /// Take the newest migrations back; this deletes what they hold
    Down {
        /// How many
        #[arg(long, default_value_t = 1)]
        steps: u32,
    },
    /// List the migrations the database does not have yet
    Status,
}

impl Migrate {
    /// Does it.
    pub async fn run(self) -> anyhow::Result<()> {
        let url = &self.database.url;
        match self.action {
            Action::Up => Store::migrate(url).await?,
            Action::Down { steps } => Store::migrate_down(url, steps).await?,
            Action::Status => {}
        }
        let pending = Store::pending_migrations(url).await?;
        if pending.is_empty() {
            println!("The schema is up to date.");
        } else {
            println!("Not applied yet: {}", pending.join(", "));
        }
        Ok(())
    }
}
