//! Pages of a Forge app inside the site: what `forge-host.js` needs to frame them.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::fit::Place;
use super::manifest::Page;
use crate::control::{drawn, find_account};
use crate::model::State;
use crate::page::{Query, View, html, safe, view, whole};
use crate::refusal::Refusal;
use crate::server::Shared;

/// Registers the pages of Forge modules.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/apps/{module}", web::get().to(module_page))
        .route("/_standin/forge-context", web::get().to(context));
}

impl State {
    /// The page of a kind that the site shows: none unless the app is installed through Forge.
    pub(crate) fn forge_page(&self, kind: &str) -> Option<&Page> {
        self.installation(None)?;
        self.forge.manifest.page_of(kind)
    }

    /// The element the page's frame is put into; `id` names it, `more` are further attributes.
    pub(crate) fn forge_frame(&self, page: &Page, resource: &str, id: &str, more: &str) -> String {
        let address = self.forge.manifest.address(resource);
        match (&self.forge.cdn_url, address) {
            (Some(cdn), Some(address)) => format!(
                "<div id=\"{}\" class=\"frame\" data-forge=\"{}\" data-src=\"{}\" {more}></div>",
                safe(id),
                safe(&page.key),
                safe(&format!("{cdn}{address}")),
            ),
            _ => "<p class=\"note\">The app's pages are not here: start with --forge-manifest \
                  or --custom-ui.</p>"
                .to_owned(),
        }
    }
}

/// Links to the app's pages beside issues.
pub(crate) fn links(state: &State) -> String {
    let link = |kind: &str, name: &str| {
        let page = state.forge_page(kind)?;
        Some(format!("<a href=\"/apps/{}\">{name}</a>", safe(&page.key)))
    };
    let all = [
        link("jira:projectPage", "Project"),
        link("jira:dashboardGadget", "Dashboard"),
    ];
    all.into_iter().flatten().collect()
}

/// A page that fills the window: administration, project, dashboard.
async fn module_page(
    shared: web::Data<Shared>,
    module: web::Path<String>,
    query: Query,
) -> HttpResponse {
    let page = shared.read(|state| {
        let view = view(state, &query);
        let page = state
            .installation(None)
            .and_then(|_| state.forge.manifest.page(&module));
        page.map(|page| draw(state, page, &view))
    });
    match page {
        Some(page) => html(page),
        None => HttpResponse::NotFound()
            .content_type("text/html")
            .body("<h1>Page not found</h1>"),
    }
}

/// The whole page around a module.
pub(crate) fn draw(state: &State, page: &Page, view: &View) -> String {
    let wanted = view.text("project");
    let project = state
        .projects
        .iter()
        .find(|it| wanted.is_empty() || it.key == wanted)
        .map(|it| it.key.clone());
    let edits = view.text("edit") == "1";
    let resource = page
        .edit
        .as_ref()
        .filter(|_| edits)
        .unwrap_or(&page.resource);
    let mut more = String::new();
    if let Some(project) = project.as_ref().filter(|_| page.kind == "jira:projectPage") {
        more = format!("data-project=\"{}\"", safe(project));
    }
    if edits {
        more.push_str(" data-edit=\"1\"");
    }
    let frame = state.forge_frame(page, resource, "app-frame", &more);
    let configure = match (&page.edit, edits) {
        (Some(_), false) => format!(
            "<a href=\"/apps/{}?edit=1&amp;as={}\">Configure</a>",
            safe(&page.key),
            safe(&view.account)
        ),
        _ => String::new(),
    };
    let content = format!(
        "<div class=\"list\"><h1>{}</h1>{frame}{configure}</div>",
        safe(&page.title)
    );
    let config = json!({ "account": view.account, "project": project });
    whole(state, view, &page.title, &content, &config)
}

/// What `view.getContext()` answers: `as`, `module`, `issue`, `project`, `edit`, `locale`, `theme`.
async fn context(shared: web::Data<Shared>, query: Query) -> HttpResponse {
    drawn(shared.read(|state| {
        let view = view(state, &query);
        let account = find_account(state, view.text("as"))?;
        let place = Place {
            edit: view.text("edit") == "1",
            ..state.place(
                view.text("module"),
                &account,
                view.text("issue"),
                view.text("project"),
            )?
        };
        let own = state.installation(None);
        let own = own.ok_or_else(|| Refusal::missing("No Forge app is installed."))?;
        let mut context = state.page_context(own, Some(&account), &place);
        let mode = if view.dark { "dark" } else { "light" };
        crate::tokens::set(&mut context, "theme", json!({ "colorMode": mode }));
        if !view.text("locale").is_empty() {
            crate::tokens::set(&mut context, "locale", json!(view.text("locale")));
        }
        Ok::<Value, Refusal>(context)
    }))
}
