//! A tiny app to install in the stand-in: it keeps what it is sent and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use jira_standin::{ForgeOptions, Options, Seed, Standin};
use serde_json::{Value, json};

/// A request the app got.
#[derive(Clone, Debug)]
pub struct Got {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Got {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// The invocation token of a call of Forge's.
    pub fn fit(&self) -> String {
        let header = self.header("authorization").unwrap();
        header.strip_prefix("Bearer ").unwrap().to_owned()
    }

    pub fn token(&self) -> String {
        self.header("authorization")
            .unwrap()
            .strip_prefix("JWT ")
            .unwrap()
            .to_owned()
    }
}

#[derive(Default)]
struct Inner {
    base: String,
    got: Vec<Got>,
    /// Statuses of the next answers to webhooks; 204 when there are none.
    answers: VecDeque<u16>,
    /// The answer to calls of pages: status, content type, body.
    page_answer: (u16, String, String),
    lifecycle_status: Option<u16>,
    /// Calls below `/forge` get no answer.
    silent: bool,
}

/// The running app.
pub struct TinyApp {
    inner: Arc<Mutex<Inner>>,
    server: ServerHandle,
}

impl Drop for TinyApp {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

pub const KEY: &str = "org.example.tiny";

impl TinyApp {
    pub fn start() -> Self {
        let inner = Arc::new(Mutex::new(Inner::default()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        inner.lock().unwrap().base = format!("http://{}", listener.local_addr().unwrap());
        let data = web::Data::from(Arc::clone(&inner));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .default_service(web::to(answer))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            inner,
            server: handle,
        }
    }

    pub fn base(&self) -> String {
        self.inner.lock().unwrap().base.clone()
    }

    pub fn answer_next(&self, statuses: &[u16]) {
        self.inner.lock().unwrap().answers = statuses.iter().copied().collect();
    }

    pub fn fall_silent(&self, silent: bool) {
        self.inner.lock().unwrap().silent = silent;
    }

    pub fn answer_page(&self, status: u16, kind: &str, body: &str) {
        self.inner.lock().unwrap().page_answer = (status, kind.to_owned(), body.to_owned());
    }

    pub fn answer_lifecycle(&self, status: u16) {
        self.inner.lock().unwrap().lifecycle_status = Some(status);
    }

    pub fn got(&self, path: &str) -> Vec<Got> {
        let inner = self.inner.lock().unwrap();
        inner
            .got
            .iter()
            .filter(|it| it.target.starts_with(path))
            .cloned()
            .collect()
    }
}

async fn answer(
    request: HttpRequest,
    bytes: web::Bytes,
    inner: web::Data<Mutex<Inner>>,
) -> HttpResponse {
    if request.path() == "/atlassian-connect.json" {
        let base = inner.lock().unwrap().base.clone();
        return HttpResponse::Ok().json(descriptor(&base));
    }
    if note(&request, &bytes, &inner) {
        std::future::pending::<()>().await;
    }
    let mut inner = inner.lock().unwrap();
    if request.path().starts_with("/ui/") {
        let (status, kind, body) = inner.page_answer.clone();
        let status = actix_web::http::StatusCode::from_u16(status).unwrap();
        return HttpResponse::build(status).content_type(kind).body(body);
    }
    let status = match (request.path(), inner.lifecycle_status) {
        ("/hook" | "/forge/events/jira", _) => inner.answers.pop_front().unwrap_or(204),
        (_, Some(status)) => status,
        _ => 204,
    };
    HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap()).finish()
}

/// Keeps a request; says whether it is to get no answer.
fn note(request: &HttpRequest, bytes: &[u8], inner: &Mutex<Inner>) -> bool {
    let headers = request.headers().iter().map(|(name, value)| {
        (
            name.as_str().to_owned(),
            value.to_str().unwrap_or_default().to_owned(),
        )
    });
    let mut inner = inner.lock().unwrap();
    inner.got.push(Got {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        headers: headers.collect(),
        body: serde_json::from_slice(bytes).unwrap_or_default(),
    });
    inner.silent && request.path().starts_with("/forge/")
}

fn descriptor(base: &str) -> Value {
    let hook = |event: &str| json!({ "event": event, "url": "/hook" });
    json!({
        "key": KEY,
        "name": "Tiny",
        "baseUrl": base,
        "authentication": { "type": "jwt" },
        "apiMigrations": { "signed-install": true, "context-qsh": true, "gdpr": true },
        "scopes": ["READ", "WRITE"],
        "lifecycle": {
            "installed": "/installed", "uninstalled": "/uninstalled",
            "enabled": "/enabled", "disabled": "/disabled",
        },
        "modules": {
            "jiraIssueContexts": [{
                "key": "tests",
                "name": { "value": "Tests" },
                "target": { "type": "web_panel", "url": "/panel?issueKey={issue.key}" },
            }],
            "webhooks": [
                hook("jira:issue_created"), hook("jira:issue_updated"), hook("jira:issue_deleted"),
                hook("comment_created"), hook("comment_deleted"), hook("issuelink_created"),
            ],
        },
    })
}

/// A site with the tiny app installed.
pub async fn installed(seed: Seed) -> (Standin, TinyApp) {
    let app = TinyApp::start();
    let options = Options {
        seed,
        retry_delay_ms: (1, 5),
        ..Options::default()
    };
    let site = Standin::start(options).await.expect("the site starts");
    site.install(&app.base())
        .await
        .expect("the app is installed");
    (site, app)
}

/// A site with the tiny app installed through Forge; `manifest` names a file beside this one.
pub async fn installed_by_forge(manifest: Option<&str>) -> (Standin, TinyApp) {
    let app = TinyApp::start();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/app/");
    let options = Options {
        seed: Seed::Sample,
        forge: ForgeOptions {
            manifest: manifest.map(|name| format!("{folder}{name}").into()),
            event_timeout_ms: 500,
            ..ForgeOptions::default()
        },
        ..Options::default()
    };
    let site = Standin::start(options).await.expect("the site starts");
    site.install_forge(&app.base())
        .await
        .expect("the app hears of it");
    (site, app)
}
