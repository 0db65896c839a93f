//! The pages a browser opens: the list of issues, an issue, and the app's pages in a frame.
//!
//! Frames run in the published bridge: `connect-host.js` here, and `/bridge/all.js` (the published
//! `iframe.js` and what the CDN adds to it) in the app's page. Without `bridge_dir` the pages work
//! and say that the panel is missing.

use std::fmt::Write as _;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::control::find_account;
use crate::forge;
use crate::frames::{self, Module};
use crate::model::State;
use crate::page_issue;
use crate::scheme;
use crate::seed;
use crate::server::Shared;

/// Registers the pages and their files.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(front))
        .route("/browse/{key}", web::get().to(issue))
        .route("/admin", web::get().to(admin))
        .route("/plugins/servlet/ac/{app}/{module}", web::get().to(module))
        .route("/bridge/{file:.*}", web::get().to(bridge))
        .route("/_standin/avatar/{account}", web::get().to(avatar))
        .route("/_standin/type/{id}.svg", web::get().to(type_icon))
        .route("/_standin/project/{key}.svg", web::get().to(project_icon));
}

/// What the address of a page asks for.
pub(crate) struct View {
    pub(crate) account: String,
    pub(crate) dark: bool,
    /// The width of the side column, and of a panel in the main one, if asked for.
    pub(crate) width: Option<u32>,
    pub(crate) query: Vec<(String, String)>,
}

pub(crate) type Query = web::Query<Vec<(String, String)>>;

pub(crate) fn view(state: &State, query: &[(String, String)]) -> View {
    let text = |name: &str| {
        query
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    };
    View {
        account: find_account(state, text("as"))
            .unwrap_or_else(|_refusal| seed::DEVELOPER.to_owned()),
        dark: text("theme") == "dark",
        width: text("width").parse().ok(),
        query: query.to_vec(),
    }
}

impl View {
    /// A parameter of the address; empty without it.
    pub(crate) fn text(&self, name: &str) -> &str {
        let found = self.query.iter().find(|(own, _)| own == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// Text made safe for HTML.
pub(crate) fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The frame of the app on a page: its facts for `host.js`.
pub(crate) fn frame_json(state: &State, module: &Module, issue: Option<u64>, view: &View) -> Value {
    let custom: Vec<(String, String)> = view
        .query
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("ac.")?.to_owned(), value.clone())))
        .collect();
    match (
        state.installed_app(),
        state.module_url(module, issue, &view.account, &custom),
    ) {
        (Some(app), Ok(url)) => {
            json!({ "addonKey": app.key, "moduleKey": module.key, "url": url })
        }
        _ => Value::Null,
    }
}

/// Links to the app's pages beside issues, by the way it came to the site.
fn links(state: &State) -> String {
    let of_forge = forge::page::links(state);
    if of_forge.is_empty() {
        state
            .installed_app()
            .map_or_else(String::new, frames::links)
    } else {
        of_forge
    }
}

/// A whole page around its content.
pub(crate) fn whole(
    state: &State,
    view: &View,
    title: &str,
    content: &str,
    config: &Value,
) -> String {
    let mode = if view.dark { "dark" } else { "light" };
    let people: Vec<String> = state
        .accounts
        .iter()
        .filter(|it| !it.is_app)
        .map(|it| {
            let chosen = if it.id == view.account {
                " selected"
            } else {
                ""
            };
            format!(
                "<option value=\"{}\"{chosen}>{}</option>",
                safe(&it.id),
                safe(&it.name)
            )
        })
        .collect();
    // `</` must not end the script early.
    let config = config.to_string().replace("</", "<\\/");
    format!(
        r#"<!doctype html>
<html lang="en" data-color-mode="{mode}" data-theme="light:light dark:dark spacing:spacing">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - {site}</title>
<link rel="icon" href="/_standin/project/SHOP.svg">
<link rel="stylesheet" href="/bridge/themes/atlaskit-tokens_light.css">
<link rel="stylesheet" href="/bridge/themes/atlaskit-tokens_dark.css">
<link rel="stylesheet" href="/bridge/page.css">
</head>
<body{width}>
<header>
<a class="site" href="/">{site}</a>
<nav><a href="/">Issues</a>{more}<a href="/admin?as=ada">Apps</a></nav>
<label>Seen by <select data-param="as">{people}</select></label>
<button id="theme" type="button">Light or dark</button>
</header>
{content}
<div id="flags"></div>
<script type="application/json" id="host-config">{config}</script>
<script src="/bridge/jquery.js"></script>
<script>window.AJS = {{ $: window.jQuery }};</script>
<script src="/bridge/connect-host.js"></script>
<script src="/bridge/host.js"></script>
<script src="/bridge/forge-host.js"></script>
</body>
</html>
"#,
        people = people.concat(),
        more = links(state),
        title = safe(title),
        site = safe(&state.site.name),
        width = view.width.map_or_else(String::new, |it| {
            format!(" style=\"--side: {it}px; --panel: {}px\"", it + 2)
        }),
    )
}

pub(crate) fn html(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("Cache-Control", "no-store"))
        .body(body)
}

async fn front(shared: web::Data<Shared>, query: Query) -> HttpResponse {
    html(shared.read(|state| {
        let view = view(state, &query);
        let mut content = "<div class=\"list\">".to_owned();
        for project in &state.projects {
            if !state.may(&view.account, project.id, "BROWSE_PROJECTS") {
                continue;
            }
            let _ = write!(
                content,
                "<h2>{} ({})</h2>",
                safe(&project.name),
                project.key
            );
            let of = state.issues.values().filter(|it| it.project == project.id);
            of.for_each(|it| content.push_str(&page_issue::row(state, it.id, &view)));
        }
        content.push_str("</div>");
        let config = json!({ "account": view.account });
        whole(state, &view, "Issues", &content, &config)
    }))
}

async fn issue(shared: web::Data<Shared>, key: web::Path<String>, query: Query) -> HttpResponse {
    let with_bridge = shared.options.bridge_dir.is_some();
    let page = shared.read(|state| {
        let view = view(state, &query);
        let id = state.visible_issue(&view.account, &key).ok()?;
        page_issue::page(state, &view, id, with_bridge)
    });
    match page {
        Some(page) => html(page),
        None => HttpResponse::NotFound().content_type("text/html").body(
            "<h1>We couldn't find that issue</h1><p>It is not there, or you may not see it.</p>",
        ),
    }
}

async fn admin(shared: web::Data<Shared>, query: Query) -> HttpResponse {
    let of_forge = shared.read(|state| {
        let page = state.forge_page("jira:adminPage")?;
        Some(forge::page::draw(state, page, &view(state, &query)))
    });
    if let Some(page) = of_forge {
        return html(page);
    }
    app_page(&shared, &query, frames::admin_module)
}

async fn module(
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
    query: Query,
) -> HttpResponse {
    let wanted = path.into_inner().1;
    app_page(&shared, &query, |app| {
        frames::modules(app).into_iter().find(|it| it.key == wanted)
    })
}

/// A page of the app that fills the window.
fn app_page(
    shared: &Shared,
    query: &[(String, String)],
    choose: impl FnOnce(&crate::model::App) -> Option<Module>,
) -> HttpResponse {
    html(shared.read(|state| {
        let view = view(state, query);
        let module = state.installed_app().and_then(choose);
        let frame = module.as_ref().map(|it| frame_json(state, it, None, &view));
        let title = module.map_or_else(|| "No such page".to_owned(), |it| it.name);
        let content = format!(
            "<div class=\"list\"><h1>{}</h1><div id=\"app-frame\" class=\"frame\"></div></div>",
            safe(&title)
        );
        let project = state.projects.first().map(|it| it.key.clone());
        let config = json!({ "account": view.account, "frame": frame, "project": project });
        whole(state, &view, &title, &content, &config)
    }))
}

/// The bridge's files: the stand-in's own, and the published ones from `bridge_dir`.
async fn bridge(
    request: HttpRequest,
    shared: web::Data<Shared>,
    file: web::Path<String>,
) -> HttpResponse {
    let own = match file.as_str() {
        "page.css" => Some(("text/css", include_str!("../web/page.css"))),
        "host.js" => Some(("text/javascript", include_str!("../web/host.js"))),
        "forge-host.js" => Some(("text/javascript", include_str!("../web/forge-host.js"))),
        _ => None,
    };
    if let Some((kind, text)) = own {
        return script(kind, text.to_owned());
    }
    let dist = "atlassian-connect-js/dist";
    let name = file.as_str();
    let plain = !name.contains("..") && !name.contains('\\');
    let (path, kind) = match name {
        "jquery.js" => ("jquery/dist/jquery.js".to_owned(), "text/javascript"),
        "connect-host.js" => (format!("{dist}/connect-host.js"), "text/javascript"),
        "all.js" => (format!("{dist}/iframe.js"), "text/javascript"),
        name if plain
            && std::path::Path::new(name)
                .extension()
                .is_some_and(|it| it == "css") =>
        {
            (format!("{dist}/{name}"), "text/css")
        }
        _ => return HttpResponse::NotFound().finish(),
    };
    let Some(directory) = &shared.options.bridge_dir else {
        return HttpResponse::NotFound().body("The bridge is not installed.");
    };
    let text = match tokio::fs::read_to_string(directory.join(&path)).await {
        Ok(text) => text,
        Err(error) => {
            tracing::warn!(path, %error, "a file of the bridge cannot be read");
            return HttpResponse::NotFound().finish();
        }
    };
    if name != "all.js" {
        return script(kind, text);
    }
    let host = request.connection_info().host().to_owned();
    let scheme = request.connection_info().scheme().to_owned();
    script(kind, all_js(&text, &format!("{scheme}://{host}/bridge")))
}

/// The bridge of the frame: it looks for style sheets and its own script tag here, not at the CDN.
fn all_js(published: &str, here: &str) -> String {
    let local = published
        .replace("\"https://\" + CDN_DOMAIN", &format!("\"{here}\""))
        .replace("/connect-cdn.atl-paas.net/all", "/bridge/all");
    format!("{local}\n{}", include_str!("../web/bridge-extras.js"))
}

fn script(kind: &str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(format!("{kind}; charset=utf-8"))
        .insert_header(("Access-Control-Allow-Origin", "*"))
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
        .body(text)
}

fn svg(body: String) -> HttpResponse {
    HttpResponse::Ok().content_type("image/svg+xml").body(body)
}

fn square(colour: &str, sign: &str) -> HttpResponse {
    svg(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="2" fill="{colour}"/>{sign}</svg>"#
    ))
}

async fn type_icon(id: web::Path<String>) -> HttpResponse {
    let line = |path: &str| {
        format!(
            r##"<path d="{path}" fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>"##
        )
    };
    match id.as_str() {
        scheme::EPIC => square("#904ee2", &line("M9 3 5 9h3l-1 4 4-6H8z")),
        scheme::STORY => square(
            "#63ba3c",
            r##"<path d="M5 3h6v10L8 10l-3 3z" fill="#fff"/>"##,
        ),
        scheme::BUG => square(
            "#e5493a",
            r##"<circle cx="8" cy="8" r="3.5" fill="#fff"/>"##,
        ),
        scheme::SUBTASK => square("#4bade8", &line("M4 4h4v4M8 8h4v4H8z")),
        _ => square("#4bade8", &line("M4.5 8.5 7 11l4.5-5.5")),
    }
}

async fn project_icon(key: web::Path<String>) -> HttpResponse {
    let first = key
        .chars()
        .next()
        .filter(char::is_ascii_alphabetic)
        .unwrap_or('J');
    square(
        "#0c66e4",
        &format!(
            r##"<text x="8" y="12" font-size="11" font-family="sans-serif" font-weight="bold" text-anchor="middle" fill="#fff">{first}</text>"##
        ),
    )
}

async fn avatar(shared: web::Data<Shared>, account: web::Path<String>) -> HttpResponse {
    let name = shared.read(|state| state.account(&account).map(|it| it.name.clone()));
    let name = name.unwrap_or_else(|| "?".to_owned());
    let initials: String = name
        .split(' ')
        .filter_map(|word| word.chars().next())
        .take(2)
        .collect();
    let colours = ["#0055cc", "#216e4e", "#5e4db2", "#a54800", "#206a83"];
    let place = name
        .bytes()
        .fold(0_usize, |sum, byte| sum + usize::from(byte))
        % colours.len();
    let colour = colours.get(place).copied().unwrap_or("#0055cc");
    svg(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="16" fill="{colour}"/><text x="16" y="21" font-size="13" font-family="sans-serif" font-weight="600" text-anchor="middle" fill="#fff">{}</text></svg>"##,
        safe(&initials)
    ))
}
