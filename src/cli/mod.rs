//! The command line: `touchstone serve` and the commands around it.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 good, 1 failed,
//! 2 usage.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Telemetry, environment};
use crate::telemetry;

mod api_client;
mod doctor;
mod gate;
mod import;
mod migrate;
mod openapi;
mod rebuild;
mod reconcile;
mod replay;
mod reports;
mod rotate_key;
mod serve;
mod service;

/// Shows test status inside Jira and keeps defects in step with it.
#[derive(Debug, Parser)]
#[command(name = "touchstone", version, about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    telemetry: Telemetry,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Serve(serve::Serve),
    /// Bring the database's schema up to date, take it back, or show what is missing
    Migrate(migrate::Migrate),
    /// Send result files to a service
    Import(import::ImportArgs),
    /// Ask a service whether a version or a sprint can go out
    Gate(gate::GateArgs),
    /// Manage the tokens scripts and CI use
    ApiClient(api_client::ApiClient),
    /// Make every status anew from the stored runs
    Rebuild(rebuild::Rebuild),
    /// Compare a site with Jira, in case events were lost
    Reconcile(reconcile::Reconcile),
    /// Apply parked events again
    Replay(replay::Replay),
    /// Check a deployment: configuration, database, keys, queues
    Doctor(doctor::Doctor),
    /// Print the description of the interface for scripts and CI (OpenAPI 3.1)
    Openapi,
    /// Seal every stored secret with the newest key
    RotateKey(rotate_key::RotateKey),
}

impl Cli {
    /// Runs the command to its end.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let unknown = environment::unknown::<Self>();
        if !unknown.is_empty() {
            eprintln!(
                "touchstone: these variables mean nothing here: {}. Correct or remove them; \
                 `touchstone serve --help` lists the ones there are.",
                unknown.join(", ")
            );
            return ExitCode::from(2);
        }
        if let Err(why) = telemetry::start(&self.telemetry) {
            eprintln!("touchstone: TOUCHSTONE_LOG cannot be read: {why}");
            return ExitCode::from(2);
        }
        let runtime = match tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime,
            Err(why) => {
                eprintln!("touchstone: the runtime cannot start: {why}");
                return ExitCode::FAILURE;
            }
        };
        runtime.block_on(self.command.run())
    }
}

impl Command {
    async fn run(self) -> ExitCode {
        let done = match self {
            Self::Import(args) => return import::run(args).await,
            Self::Gate(args) => return gate::run(args).await,
            Self::Serve(args) => args.run().await,
            Self::Migrate(args) => args.run().await,
            Self::ApiClient(args) => args.run().await,
            Self::Rebuild(args) => args.run().await,
            Self::Reconcile(args) => args.run().await,
            Self::Replay(args) => args.run().await,
            Self::Doctor(args) => args.run().await,
            Self::Openapi => openapi::print(),
            Self::RotateKey(args) => args.run().await,
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("touchstone: {why:#}");
                ExitCode::FAILURE
            }
        }
    }
}
