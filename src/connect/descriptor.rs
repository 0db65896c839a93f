//! The descriptor: what the app is and which of its addresses Jira calls.
//!
//! `atlassian-connect.json` at the root of the project is the template. The key and every use of
//! our address are filled in once, at start-up, because they differ from one installation of the
//! service to another. Add a module to the template only when its page exists.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, STRICT_TRANSPORT_SECURITY};
use actix_web::web::Data;
use serde_json::{Value, json};

use super::Connect;

const TEMPLATE: &str = include_str!("../../atlassian-connect.json");

/// Why there is no descriptor.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    /// The template is broken.
    #[error("atlassian-connect.json is not what it should be")]
    Template(#[from] serde_json::Error),
}

/// The descriptor of the app as it runs here, as JSON text.
pub fn render(base_url: &str, app_key: &str) -> Result<String, DescriptorError> {
    let mut descriptor: serde_json::Map<String, Value> = serde_json::from_str(TEMPLATE)?;
    let mut fill = |field: &str, value: Value| descriptor.insert(field.to_owned(), value);
    fill("key", json!(app_key));
    fill("baseUrl", json!(base_url));
    fill("vendor", json!({ "name": "Touchstone", "url": base_url }));
    fill(
        "links",
        json!({ "self": format!("{base_url}/atlassian-connect.json") }),
    );
    Ok(serde_json::to_string_pretty(&descriptor)?)
}

/// `GET /atlassian-connect.json`: open to anyone.
pub async fn show(connect: Data<Connect>) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("application/json")
        .insert_header((CACHE_CONTROL, "no-cache"));
    if connect.base_url.starts_with("https://") {
        answer.insert_header((
            STRICT_TRANSPORT_SECURITY,
            "max-age=31536000; includeSubDomains",
        ));
    }
    answer.body(connect.descriptor.clone())
}

#[cfg(test)]
#[path = "descriptor_tests.rs"]
mod descriptor_tests;
