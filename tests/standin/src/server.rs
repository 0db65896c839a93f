//! What the parts of a running site share, and the HTTP server around it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::{App as WebApp, HttpServer, dev::ServerHandle, web};
use anyhow::Context as _;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::model::State;
use crate::options::Host;
use crate::tokens::InstallKey;
use crate::{Options, control, forge, install, page, rest, seed, webhooks};

/// The running site as its handlers and tasks see it.
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    pub(crate) clock: Clock,
    pub(crate) http: reqwest::Client,
    pub(crate) key: InstallKey,
    pub(crate) options: Options,
    /// Where the server itself is reached, whatever the site calls itself.
    pub(crate) own_url: String,
    /// Calls to the app are made on this runtime, whichever worker asks for them.
    pub(crate) runtime: tokio::runtime::Handle,
}

impl Shared {
    /// Looks at the state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state and wakes whoever waits for a change.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let out = act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|count| *count += 1);
        out
    }

    /// Waits until the site's clock reads `due_ms`, or something makes waiting needless.
    pub(crate) async fn reach(&self, due_ms: i64, needless: impl Fn(&State) -> bool) {
        let mut changed = self.watch();
        loop {
            let left = due_ms.saturating_sub(self.clock.now_ms());
            if left <= 0 || self.read(&needless) {
                return;
            }
            let gone = if self.clock.is_stopped() {
                changed.changed().await.is_err()
            } else {
                let left = Duration::from_millis(left.unsigned_abs());
                let waited = tokio::time::timeout(left, changed.changed()).await;
                waited.is_ok_and(|changed| changed.is_err())
            };
            if gone {
                return;
            }
        }
    }

    /// Tells of every change from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

/// A running server with its tasks.
pub(crate) struct Running {
    pub(crate) shared: Arc<Shared>,
    server: ServerHandle,
    cdn: Option<ServerHandle>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // The command is sent at once; nobody needs to wait for its completion.
        drop(self.server.stop(false));
        if let Some(cdn) = &self.cdn {
            drop(cdn.stop(false));
        }
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Starts the server and the delivery of webhooks.
pub(crate) fn start(options: Options) -> anyhow::Result<Running> {
    let listener = std::net::TcpListener::bind(&options.listen)
        .with_context(|| format!("listening on {}", options.listen))?;
    let address = listener
        .local_addr()
        .context("reading the address listened on")?;
    let own_url = format!("http://{address}");
    let base_url = options.base_url.clone().unwrap_or_else(|| own_url.clone());
    let clock = Clock::default();
    let (outgoing, queue) = mpsc::unbounded_channel();
    let side = forge::Side::new(&options.forge)?;
    let mut state = seed::site(&base_url, &clock, options.enforce_limits, side);
    state.forge.api_url = format!("{own_url}/ex/jira/{}", state.site.cloud_id);
    state.limits.pool = options.points_per_hour;
    seed::fill(&mut state, options.seed)?;
    state.outgoing = Some(outgoing);
    let (calls, forge_queue) = mpsc::unbounded_channel();
    state.forge.outgoing = Some(calls);
    let cdn = if options.forge.manifest.is_some() || options.forge.ui_dir.is_some() {
        let place = format!("{}:0", address.ip());
        let listener = std::net::TcpListener::bind(&place)
            .with_context(|| format!("listening on {place} for the app's pages"))?;
        let port = listener.local_addr().context("reading the address")?.port();
        state.forge.cdn_url = Some(format!("http://{}:{port}", address.ip()));
        Some(listener)
    } else {
        None
    };
    let http = reqwest::Client::builder()
        .timeout(Duration::from_millis(options.webhook_timeout_ms))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .context("building the HTTP client")?;
    let shared = Arc::new(Shared {
        state: Mutex::new(state),
        changed: watch::channel(0).0,
        clock,
        http,
        key: InstallKey::generate()?,
        options,
        own_url,
        runtime: tokio::runtime::Handle::current(),
    });
    let data = web::Data::from(Arc::clone(&shared));
    let server = HttpServer::new(move || {
        WebApp::new()
            .app_data(data.clone())
            .app_data(web::PayloadConfig::new(25 * 1024 * 1024))
            .configure(forge::routes::routes)
            .configure(forge::page::routes)
            .configure(control::routes)
            .configure(page::routes)
            .default_service(web::to(rest::handle))
    })
    .workers(2)
    .disable_signals()
    .shutdown_timeout(0)
    .listen(listener)
    .context("serving")?
    .run();
    let handle = server.handle();
    let serving = tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the stand-in's server stopped");
        }
    });
    let cdn = match cdn {
        Some(listener) => Some(forge::cdn::start(listener, &shared)?),
        None => None,
    };
    let mut tasks = vec![
        serving,
        tokio::spawn(webhooks::run(Arc::clone(&shared), queue)),
        tokio::spawn(forge::deliver::run(Arc::clone(&shared), forge_queue)),
        tokio::spawn(forge::install::run_schedule(Arc::clone(&shared))),
    ];
    if let Some(app_url) = shared.options.app_url.clone() {
        let shared = Arc::clone(&shared);
        tasks.push(tokio::spawn(async move {
            if shared.options.host != Host::Forge {
                install::when_ready(&shared, &app_url).await;
            }
            if shared.options.host != Host::Connect {
                forge::install::when_ready(&shared, &app_url).await;
            }
        }));
    }
    Ok(Running {
        shared,
        server: handle,
        cdn,
        tasks,
    })
}
