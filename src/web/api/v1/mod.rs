//! `/api/v1`: for scripts and CI, by an API client's token.
//!
//! One file per resource. Errors are problem documents; what a token may not see does not exist.
//! Each handler carries its own description, and the routes are added from the same list as the
//! description (`document`): a route without one does not compile.

use actix_web::web::ServiceConfig;
use utoipa_actix_web::service_config::ServiceConfig as Described;

mod audit;
pub mod auth;
mod coverage;
pub mod document;
mod executions;
mod issues;
mod matrix;
mod matrix_snapshots;
mod query;
mod readiness;
mod results;
mod words;

/// The routes of this edge.
pub fn routes(routes: &mut ServiceConfig) {
    operations(&mut Described::new(routes));
    document::refuse_other_methods(routes);
}

fn operations(routes: &mut Described) {
    routes
        .service(issues::show)
        .service(audit::show)
        .service(coverage::show)
        .service(results::receive)
        .service(executions::show)
        .service(readiness::show)
        .service(readiness::show_gate)
        .service(readiness::show_trend)
        .service(readiness::show_rules)
        .service(matrix::show)
        .service(matrix::show_totals)
        .service(matrix::show_backward)
        .service(matrix::show_orphans)
        .service(matrix::export)
        .service(matrix_snapshots::list)
        .service(matrix_snapshots::take)
        .service(matrix_snapshots::show)
        .service(matrix_snapshots::remove)
        .service(matrix_snapshots::compare)
        .service(document::show);
}
