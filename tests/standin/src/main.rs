//! `jira-standin`: one Jira Cloud site on a local address, for the demo.

use std::path::PathBuf;

use clap::Parser;
use jira_standin::{Options, Seed, Standin};

/// A stand-in for one Jira Cloud site.
#[derive(Parser)]
#[command(name = "jira-standin")]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: String,
    /// The site's address as others see it; from --listen, if absent.
    #[arg(long)]
    base_url: Option<String>,
    /// The app to install, as soon as it answers.
    #[arg(long)]
    app_url: Option<String>,
    /// What the site begins with.
    #[arg(long, value_enum, default_value = "sample")]
    seed: Seed,
    /// `node_modules` with the published bridge; without it the pages have no panel.
    #[arg(long)]
    bridge_dir: Option<PathBuf>,
    /// Wait 5 to 15 minutes before trying a webhook again, as Jira does, instead of a moment.
    #[arg(long)]
    real_retry_delays: bool,
    /// Do not enforce Jira's rate limits.
    #[arg(long)]
    no_limits: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_unset| "info,actix_server=warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let retry_delay_ms = if arguments.real_retry_delays {
        (300_000, 900_000)
    } else {
        (1_000, 3_000)
    };
    let standin = Standin::start(Options {
        listen: arguments.listen,
        base_url: arguments.base_url,
        app_url: arguments.app_url,
        seed: arguments.seed,
        bridge_dir: arguments.bridge_dir,
        retry_delay_ms,
        enforce_limits: !arguments.no_limits,
        ..Options::default()
    })
    .await?;
    let base = standin.own_url();
    println!("Jira stand-in   {base}/");
    println!("an issue        {base}/browse/SHOP-7");
    println!("key host        {}", standin.key_host());
    println!("people, tokens  {base}/_standin/accounts");
    tokio::signal::ctrl_c().await?;
    Ok(())
}
