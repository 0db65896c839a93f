//! Calls that clients make around an import, to find out whom they talk to.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};
use serde::Serialize;

use super::auth::XrayCaller;
use super::error::XrayError;
use super::graphql::desk::refused;
use crate::app::App;

mod files;
mod issues;
mod of_jira;

/// The addresses of Jira's own interface that are about issues.
pub(super) fn routes(routes: &mut ServiceConfig) {
    let json = web::JsonConfig::default().error_handler(|why, _| {
        tracing::debug!("a body was refused: {why}");
        refused("The body is not the JSON that is taken here.").into()
    });
    let issue = web::scope("/issue")
        .route("", web::post().to(issues::create))
        .route("/{key}", web::get().to(issues::read))
        .route("/{key}", web::put().to(issues::edit))
        .route("/{key}/transitions", web::post().to(files::transition))
        .route("/{key}/attachments", web::post().to(files::add));
    routes
        .app_data(json)
        .route("/issuetype", web::get().to(issues::types))
        .route("/search", web::post().to(issues::search))
        .service(issue);
}

/// The field that an execution's plan is sent in, on Data Center: clients look its id up by its name.
pub const PLAN_FIELD: &str = "customfield_10001";
/// The field that an execution's environments are sent in.
pub const ENVIRONMENTS_FIELD: &str = "customfield_10002";
/// The field that an execution's revision is sent in.
pub const REVISION_FIELD: &str = "customfield_10003";

/// `GET …/rest/api/…/field`: the fields of an execution, by which clients find their ids.
pub async fn fields(_: XrayCaller) -> Result<HttpResponse, XrayError> {
    #[derive(Serialize)]
    struct Field {
        id: &'static str,
        name: &'static str,
        custom: bool,
    }
    let fields = [
        ("project", "Project"),
        ("summary", "Summary"),
        ("description", "Description"),
        ("issuetype", "Issue Type"),
        ("fixVersions", "Fix Version/s"),
        ("labels", "Labels"),
        (PLAN_FIELD, "Test Plan"),
        (ENVIRONMENTS_FIELD, "Test Environments"),
        (REVISION_FIELD, "Revision"),
    ];
    let fields = fields.map(|(id, name)| Field {
        id,
        name,
        custom: id.starts_with("customfield_"),
    });
    Ok(HttpResponse::Ok().json(fields))
}

/// `GET …/api/xraylicense`: a client stops when the app it talks to is not licensed.
pub async fn licence(_: XrayCaller) -> Result<HttpResponse, XrayError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Licence {
        active: bool,
        license_type: &'static str,
    }
    Ok(HttpResponse::Ok().json(Licence {
        active: true,
        license_type: "OPEN_SOURCE",
    }))
}

/// `GET …/rest/api/…/myself`: who the client is; a client greets by that name.
pub async fn myself(caller: XrayCaller, app: Data<App>) -> Result<HttpResponse, XrayError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Myself<'a> {
        account_id: String,
        name: &'a str,
        display_name: &'a str,
        active: bool,
        #[serde(rename = "self")]
        address: String,
    }
    let client = &caller.caller.0;
    let base = &app.config.server.base_url;
    Ok(HttpResponse::Ok().json(Myself {
        account_id: client.id.to_string(),
        name: &client.name,
        display_name: &client.name,
        active: true,
        address: format!("{base}/xray/rest/api/2/myself"),
    }))
}
