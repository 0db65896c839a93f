//! The host the app's pages are served from: its own origin, the files of the manifest's
//! resources, the platform's script put in front, and the content policy of Custom UI.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use anyhow::Context as _;

use crate::server::Shared;

/// The platform's script, which puts the bridge's near end into a page.
const BRIDGE: &str = "global-bridge.js";

/// Starts the host beside the site; answers its address and its handle.
pub(crate) fn start(
    listener: std::net::TcpListener,
    shared: &Arc<Shared>,
) -> anyhow::Result<ServerHandle> {
    let data = web::Data::from(Arc::clone(shared));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .route(&format!("/{BRIDGE}"), web::get().to(bridge))
            .route("/{resource}/{file:.*}", web::get().to(file))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(0)
    .listen(listener)
    .context("serving the app's pages")?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

async fn bridge() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .body(include_str!("../../web/forge-bridge.js"))
}

async fn file(shared: web::Data<Shared>, path: web::Path<(String, String)>) -> HttpResponse {
    let (resource, name) = path.into_inner();
    let folder = shared.read(|state| state.forge.manifest.folder(&resource).map(Path::to_owned));
    let folder: Option<PathBuf> = shared.options.forge.ui_dir.clone().or(folder);
    let Some(folder) = folder.filter(|_| !name.contains("..") && !name.contains('\\')) else {
        return HttpResponse::NotFound().finish();
    };
    let Ok(bytes) = tokio::fs::read(folder.join(&name)).await else {
        return HttpResponse::NotFound().finish();
    };
    let site = shared.read(|state| state.site.base_url.clone());
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(kind_of(&name))
        .insert_header(("Content-Security-Policy", policy(&site, &shared.own_url)));
    if kind_of(&name).starts_with("text/html") {
        let text = String::from_utf8_lossy(&bytes);
        return answer.body(with_bridge(&text));
    }
    answer.body(bytes)
}

/// The page with the platform's script before everything of its own.
fn with_bridge(page: &str) -> String {
    let script = format!("<script src=\"/{BRIDGE}\"></script>");
    match page.find("<head>") {
        Some(at) => {
            let (before, after) = page.split_at(at + "<head>".len());
            format!("{before}{script}{after}")
        }
        None => format!("{script}{page}"),
    }
}

fn kind_of(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(|it| it.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json" | "map") => "application/json",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// What a Custom UI page may do, when its manifest loosens nothing.
fn policy(site: &str, own_url: &str) -> String {
    [
        "default-src 'self'".to_owned(),
        format!("frame-ancestors 'self' {site} {own_url}"),
        format!("frame-src 'self' {site}"),
        "font-src 'self'".to_owned(),
        format!("img-src 'self' data: blob: {site}"),
        format!("media-src 'self' data: blob: {site}"),
        format!("connect-src 'self' {site}"),
        "script-src 'self'".to_owned(),
        format!("style-src 'self' {site} {own_url}"),
        "form-action 'self'".to_owned(),
        "sandbox allow-popups allow-popups-to-escape-sandbox allow-downloads allow-forms \
         allow-modals allow-pointer-lock allow-same-origin allow-scripts"
            .to_owned(),
    ]
    .join("; ")
}
