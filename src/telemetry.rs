//! Logging: human lines or JSON, to standard error.
//!
//! A line can be read alone and carries fields to search by. Never logged: tokens, secrets,
//! authorisation headers, URLs with a `jwt` parameter, bodies, names and addresses of people.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{LogFormat, Telemetry};

/// The HTTP parser reports every malformed request as an error of ours; whoever wants to see what
/// scanners send names this target in the filter.
const NOISE: &str = "actix_http::h1::dispatcher=off";

/// Starts logging for the whole process. A filter that cannot be read is an error for the caller to
/// show.
pub fn start(config: &Telemetry) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{NOISE},{}", config.log))?;
    let lines = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(true);
    match config.log_format {
        // Colours are for a terminal; in a file or a journal they are noise.
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}
