//! `touchstone openapi`: the description of `/api/v1`, as the service answers it, for generators of
//! clients. Needs no service and no database.

use clap::Args;

use crate::web::api::v1::document::document;

/// Print the description of the interface for scripts and CI (OpenAPI 3.1).
#[derive(Debug, Args)]
pub struct Openapi {}

impl Openapi {
    /// Prints the description to standard output, as JSON.
    pub fn run(self) -> anyhow::Result<()> {
        println!("{}", document().to_pretty_json()?);
        Ok(())
    }
}
