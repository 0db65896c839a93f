//! Every route of the service, in one list.

use actix_web::web::{self, PathConfig, PayloadConfig, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::{admin, api, assets, health, metrics, panel, project};
use crate::connect;
use crate::connect::webhook;
use crate::forge;
use crate::problem::Problem;
use crate::startup::Role;

/// Adds the routes a role answers: at the root, and under the path of our address when it has one,
/// because a proxy in front may take that path off or leave it on.
pub fn configure(routes: &mut ServiceConfig, role: Role, base_path: &str) {
    add(routes, role);
    if !base_path.is_empty() {
        routes.service(web::scope(base_path).configure(|routes| add(routes, role)));
    }
}

fn add(routes: &mut ServiceConfig, role: Role) {
    routes
        .route("/health/live", web::get().to(health::live))
        .route("/health/ready", web::get().to(health::ready));
    if role == Role::Worker {
        return;
    }
    routes.app_data(PathConfig::default().error_handler(|why, _| {
        Problem::not_found("There is nothing at this address.")
            .because(anyhow::anyhow!("{why}"))
            .into()
    }));
    routes.configure(connect::routes);
    routes.service(
        web::resource("/connect/webhook")
            .app_data(PayloadConfig::new(webhook::BODY_LIMIT))
            .route(web::post().to(webhook::receive)),
    );
    routes.configure(forge::routes);
    routes.configure(api::v1::routes);
    routes.configure(api::xray::routes);
    routes.configure(panel::routes);
    routes.configure(admin::routes);
    routes.configure(project::routes);
    routes.route("/assets/{hash}/{name}", web::get().to(assets::show));
}

/// What the operator's tools ask for: on a listener of its own when one is configured, which a proxy
/// does not show to the world; else beside everything else.
pub fn for_operator(routes: &mut ServiceConfig) {
    routes.route("/metrics", web::get().to(metrics::show));
}

/// What an unknown address is told.
pub async fn unknown(request: HttpRequest) -> HttpResponse {
    Problem::not_found("There is nothing at this address.")
        .detail(format!(
            "{} {} is not part of Touchstone.",
            request.method(),
            request.path()
        ))
        .error_response()
}
