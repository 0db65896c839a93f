//! What every page of ours tells the browser (`connect.md` 6.4).
//!
//! Who may frame a page is decided per site, after the caller is known: a pattern such as
//! `*.atlassian.net` would let every other tenant do it.

use actix_web::HttpResponseBuilder;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use url::Url;

use crate::config::Config;
use crate::domain::site::Site;

/// Makes an answer fit for a page in a frame of `site`; without one, for a page nobody may frame.
pub fn protect(answer: &mut HttpResponseBuilder, config: &Config, site: Option<&Site>) {
    let bridge = origin(&config.connect.bridge_url);
    let ancestors = site.map_or_else(|| "'none'".to_owned(), Site::frame_ancestors);
    let policy = format!(
        "default-src 'none'; script-src 'self' {bridge}; style-src 'self' {bridge}; \
         img-src 'self' data: https://*.atl-paas.net; connect-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors {ancestors}"
    );
    answer
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CACHE_CONTROL, "no-cache, no-store"));
    if config.server.base_url.starts_with("https://") {
        answer.insert_header((
            STRICT_TRANSPORT_SECURITY,
            "max-age=31536000; includeSubDomains",
        ));
    }
}

/// Scheme, host and port of an address; an address that is none allows nothing.
fn origin(address: &str) -> String {
    Url::parse(address).map_or_else(
        |_| "'none'".to_owned(),
        |url| url.origin().ascii_serialization(),
    )
}
