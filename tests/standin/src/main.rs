//! `jira-standin`: one Jira Cloud site on a local address, for the demo.

use std::path::PathBuf;

use clap::Parser;
use jira_standin::{ForgeOptions, Host, Options, Seed, Standin};

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
    /// How the app comes to the site.
    #[arg(long, value_enum, default_value = "connect")]
    host: Host,
    /// A second site with the same beginnings, where the app comes through Forge. Both trust one
    /// key set.
    #[arg(long)]
    forge_site: Option<String>,
    /// The Forge app's id, `ari:cloud:ecosystem::app/…`.
    #[arg(long, default_value_t = ForgeOptions::default().app_id)]
    forge_app_id: String,
    /// The app's manifest.yml; a built-in sample, if absent.
    #[arg(long)]
    forge_manifest: Option<PathBuf>,
    /// The manifest.yml on the second site; as on the first, if absent.
    #[arg(long)]
    forge_site_manifest: Option<PathBuf>,
    /// The folder of the app's Custom UI; the manifest says where, if absent.
    #[arg(long)]
    custom_ui: Option<PathBuf>,
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
    let options = Options {
        listen: arguments.listen,
        base_url: arguments.base_url,
        app_url: arguments.app_url,
        host: arguments.host,
        forge: ForgeOptions {
            app_id: arguments.forge_app_id,
            manifest: arguments.forge_manifest,
            ui_dir: arguments.custom_ui,
            ..ForgeOptions::default()
        },
        seed: arguments.seed,
        bridge_dir: arguments.bridge_dir,
        retry_delay_ms,
        enforce_limits: !arguments.no_limits,
        ..Options::default()
    };
    let second = arguments.forge_site.map(|listen| Options {
        listen,
        base_url: None,
        host: Host::Forge,
        forge: ForgeOptions {
            manifest: arguments
                .forge_site_manifest
                .or_else(|| options.forge.manifest.clone()),
            ..options.forge.clone()
        },
        ..options.clone()
    });
    let mut sites = Vec::new();
    for options in std::iter::once(options).chain(second) {
        let site = Standin::start(options).await?;
        let base = site.own_url();
        println!("Jira stand-in   {base}/");
        println!("an issue        {base}/browse/SHOP-7");
        println!("key host        {}", site.key_host());
        println!("Forge's keys    {}", site.jwks_url());
        println!("people, tokens  {base}/_standin/accounts");
        sites.push(site);
    }
    tokio::signal::ctrl_c().await?;
    Ok(())
}
