//! The pages' scripts, styles and the app's sign, carried in the binary.
//!
//! An address holds a hash of the content, so a browser may keep a file for ever and a new build is
//! a new address. A page of the build before may still ask for its own hash while a deploy is under
//! way: it gets what this build has, not to be kept. Files stand in the binary compressed as well
//! (`ui/build.mjs`).

use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::Problem;

#[derive(RustEmbed)]
#[folder = "ui/dist"]
struct Files;

/// The address of a file, below `root` (the path the service stands under, mostly empty).
#[must_use]
pub fn address(root: &str, name: &str) -> String {
    let hash = Files::get(name).map_or_else(String::new, |file| hash_of(&file));
    format!("{root}/assets/{hash}/{name}")
}

/// `GET /assets/{hash}/{name}`
pub async fn show(
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (hash, name) = path.into_inner();
    let unknown = || Problem::not_found("There is no such file.");
    let kind = content_type(&name).ok_or_else(unknown)?;
    let plain = Files::get(&name).ok_or_else(unknown)?;
    let caching = if hash_of(&plain) == hash {
        "public, max-age=31536000, immutable"
    } else {
        "no-store"
    };
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(kind)
        .insert_header((CACHE_CONTROL, caching))
        .insert_header((VARY, "Accept-Encoding"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    let compressed = takes_gzip(&request).then(|| Files::get(&format!("{name}.gz")));
    Ok(match compressed.flatten() {
        Some(file) => answer
            .insert_header((CONTENT_ENCODING, "gzip"))
            .body(file.data),
        None => answer.body(plain.data),
    })
}

fn hash_of(file: &EmbeddedFile) -> String {
    URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash())
}

fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')? {
        (_, "js") => Some("text/javascript; charset=utf-8"),
        (_, "svg") => Some("image/svg+xml"),
        (_, "css") => Some("text/css; charset=utf-8"),
        _ => None,
    }
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(ACCEPT_ENCODING);
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            parts.next() == Some("gzip") && parts.all(|part| part != "q=0")
        })
}
