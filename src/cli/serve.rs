//! `touchstone serve`.

use std::net::TcpListener;

use anyhow::Context;
use clap::Args;

use crate::clock::Clock;
use crate::config::Config;
use crate::startup::{self, Role};

/// Run the service.
#[derive(Debug, Args)]
pub struct Serve {
    /// What this process does
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
    #[command(flatten)]
    config: Config,
}

impl Serve {
    /// Serves until told to stop.
    pub async fn run(self) -> anyhow::Result<()> {
        let address = self.config.server.listen;
        let listener = TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address}; is another program there?"))?;
        let base_url = self.config.server.base_url.clone();
        let running = startup::start(self.config, self.role, Clock::System, listener).await?;
        tracing::info!("listening on {address}, known to others as {base_url}");
        running.until_told().await
    }
}
