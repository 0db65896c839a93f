//! `/api/v1`: for scripts and CI, by an API client's token.
//!
//! One file per resource. Errors are problem documents; what a token may not see does not exist.

use actix_web::web::{self, ServiceConfig};

mod audit;
pub mod auth;
mod coverage;
mod executions;
mod issues;
mod query;
mod results;

/// The routes of this edge.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .route("/api/v1/issues/{key}", web::get().to(issues::show))
        .route("/api/v1/issues/{key}/audit", web::get().to(audit::show))
        .route(
            "/api/v1/issues/{key}/coverage",
            web::get().to(coverage::show),
        )
        .route(
            "/api/v1/projects/{key}/results",
            web::post().to(results::receive),
        )
        .route("/api/v1/executions/{key}", web::get().to(executions::show));
}
