//! `/api/v1`: for scripts and CI, by an API client's token.
//!
//! One file per resource. Errors are problem documents; what a token may not see does not exist.
//! Each handler carries its own description, and the routes are added from the same list as the
//! description (`document`): a route without one does not compile.

use actix_web::web::ServiceConfig;
use utoipa_actix_web::service_config::ServiceConfig as Described;

mod audit;
pub mod auth;
pub(super) mod body;
mod coverage;
pub mod document;
pub(super) mod edit;
mod evidence;
pub(super) mod executions;
mod exemptions;
mod issues;
mod limits;
mod links;
mod matrix;
mod matrix_snapshots;
mod page;
mod plans;
mod project_settings;
mod quarantines;
mod query;
mod readiness;
mod reference;
pub(super) mod results;
mod rules;
mod runs;
mod statuses;
mod tests;
mod transition_paths;
mod words;

pub use limits::{RateLimits, publish as publish_limits};

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
        .service(executions::list)
        .service(executions::create)
        .service(executions::show)
        .service(readiness::show)
        .service(readiness::show_gate)
        .service(readiness::show_trend)
        .service(readiness::show_endings)
        .service(readiness::show_rules)
        .service(readiness::change_rules)
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
        .service(executions::change)
        .service(executions::delete)
        .service(runs::create)
        .service(runs::show)
        .service(runs::change)
        .service(runs::delete)
        .service(evidence::list)
        .service(evidence::attach)
        .service(evidence::download)
        .service(evidence::delete)
        .service(tests::list)
        .service(tests::create)
        .service(tests::show)
        .service(tests::change)
        .service(tests::versions)
        .service(quarantines::show)
        .service(quarantines::set)
        .service(quarantines::clear)
        .service(quarantines::clear_flaky_mark)
        .service(links::link)
        .service(links::unlink)
        .service(exemptions::show)
        .service(exemptions::set)
        .service(exemptions::clear)
        .service(plans::list)
        .service(plans::create)
        .service(plans::show)
        .service(plans::change)
        .service(plans::delete)
        .service(plans::add)
        .service(plans::remove)
        .service(statuses::list)
        .service(statuses::create)
        .service(statuses::show)
        .service(statuses::change)
        .service(statuses::delete)
        .service(project_settings::show)
        .service(project_settings::change)
        .service(transition_paths::show)
        .service(transition_paths::set)
        .service(rules::list)
        .service(rules::attempt)
        .service(rules::show)
        .service(rules::store)
        .service(rules::change)
        .service(rules::remove)
        .service(document::show)
        .service(reference::show);
}
