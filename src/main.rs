//! The `touchstone` command.

use std::process::ExitCode;

use clap::Parser;
use touchstone::cli::Cli;

fn main() -> ExitCode {
    // Two TLS providers in one binary make rustls panic when it has to choose; any dependency may
    // bring a second one, so the choice is made here, before anything else runs.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Cli::parse().run()
}
