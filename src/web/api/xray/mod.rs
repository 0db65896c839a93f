//! `/xray`: the interface of the market leader's Jira app, as far as upload clients use it, so that
//! they work by changing one base address.
//!
//! Two families of addresses, Cloud (`/api/v2`) and Data Center (`/rest/raven/2.0`), with the aliases
//! clients are seen to use. What an address takes and answers is fixed by those clients, not by us
//! (`reference/test-management.md`, section 10): answers are exactly 200, errors are
//! `{"error": "…"}`. Nothing here decides anything: results go the way of `/api/v1`.

use actix_web::Scope;
use actix_web::web::{self, PayloadConfig, ServiceConfig};

mod around;
pub mod auth;
mod authenticate;
pub mod error;
pub mod graphql;
pub mod ids;
mod import;
mod testrun;

/// The routes of this edge.
pub fn routes(routes: &mut ServiceConfig) {
    let cloud = scope("/api/{version:v1|v2}")
        .route("/authenticate", web::post().to(authenticate::sign_in))
        .service(
            web::resource("/graphql")
                .app_data(PayloadConfig::new(graphql::BODY_LIMIT))
                .route(web::post().to(graphql::answer)),
        )
        .route(
            "/attachments/{run}/{id}",
            web::get().to(graphql::download::download),
        )
        .configure(imports);
    // One client puts `/api` before the imports, others do not.
    let data_center = scope("/rest/raven/{version:1\\.0|2\\.0|latest}")
        .service(
            scope("/api")
                .route("/xraylicense", web::get().to(around::licence))
                .configure(testrun::routes)
                .configure(imports),
        )
        .configure(imports);
    // What clients ask of Jira itself, when Jira's address is set to ours.
    let jira = scope("/rest/api/{version:2|3|latest}")
        .route("/myself", web::get().to(around::myself))
        .route("/field", web::get().to(around::fields))
        .configure(around::routes);
    routes.service(
        scope("/xray")
            .service(cloud)
            .service(data_center)
            .service(jira),
    );
}

fn imports(routes: &mut ServiceConfig) {
    let formats = import::FORMATS;
    for path in [
        "/import/execution".to_owned(),
        "/import/execution/multipart".to_owned(),
        format!("/import/execution/{formats}"),
        format!("/import/execution/{formats}/multipart"),
    ] {
        routes.route(&path, web::post().to(import::receive));
    }
}

/// A scope that tells in this interface's own form what it does not have.
fn scope(path: &str) -> Scope {
    web::scope(path).default_service(web::to(error::unknown))
}
