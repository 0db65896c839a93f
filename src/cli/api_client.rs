//! `touchstone api-client`: tokens for scripts and CI.

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::app::create_api_client::create_api_client;
use crate::clock::Clock;
use crate::config::Database;
use crate::store::{Store, sites};

/// Manage the tokens scripts and CI use.
#[derive(Debug, Args)]
pub struct ApiClient {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a client; its token is printed once and cannot be shown again
    Create {
        /// The site's address, cloud id or client key; CLOUDID/development names another Forge
        /// environment than production
        #[arg(long)]
        site: String,
        /// A name people recognise, such as the pipeline's
        #[arg(long)]
        name: String,
        /// Limit it to a project, by key; give it several times for several
        #[arg(long)]
        project: Vec<String>,
        #[command(flatten)]
        database: Database,
    },
}

impl ApiClient {
    /// Does it.
    pub async fn run(self) -> anyhow::Result<()> {
        let Action::Create {
            site,
            name,
            project,
            database,
        } = self.action;
        let store = Store::open(&database.url, 2).await?;
        let site = sites::find(store.read(), &site)
            .await?
            .with_context(|| format!("no site is known as `{site}`; install the app there first"))?
            .site
            .id;
        let now_ms = Clock::System.now_ms();
        let made = create_api_client(&store, site, &name, project, None, now_ms).await?;
        let (client, token) = made;
        // Beside the token, which scripts read from the output, and not in it.
        eprintln!(
            "Client {} was made. Its token, printed once, goes where a client asks for a token.\n\
             Clients of Xray: base address …/xray; client id {}, client secret the token; on Data \
             Center any user name with the token as password, or as personal access token.",
            client.name, client.id
        );
        println!("{token}");
        Ok(())
    }
}
