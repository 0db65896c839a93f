//! `touchstone openapi`: the description of `/api/v1`, as the service answers it, for generators of
//! clients. Needs no service and no database.

use std::io::Write;

use crate::web::api::v1::document::document;

/// Prints the description to standard output, as JSON.
pub fn print() -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", document().to_pretty_json()?)?;
    Ok(())
}
