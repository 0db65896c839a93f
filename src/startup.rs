//! From configuration to a running service, and back down again.
//!
//! Order: database (schema brought up to date under a lock) → queues → listener → workers. Stop:
//! no new requests, running ones get ten seconds, workers finish their batch and give up their
//! lanes. Tests start the very same service with a listener and a clock of their own.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App as WebApp, HttpServer};
use anyhow::Context;
use secrecy::SecretString;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::app::keep_runs::make_room;
use crate::app::sites::Sites;
use crate::clock::Clock;
use crate::config::{Config, Secrets};
use crate::connect::Connect;
use crate::crypto::Seal;
use crate::forge::Forge;
use crate::metrics::Metrics;
use crate::store::{Dialect, InboxWriter, Store, outbox as outbox_store};
use crate::{inbox, jira, outbox, web};

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Answers requests and works off the queues.
    All,
    /// Answers requests only.
    Web,
    /// Works off the queues only; answers nothing but health.
    Worker,
}

/// Seconds running requests get when the service stops.
const STOP_S: u64 = 10;

/// A running service.
#[derive(Debug)]
pub struct Running {
    /// What the requests and workers share.
    pub app: Arc<App>,
    listening: Vec<Listening>,
    workers: JoinSet<()>,
    stop: CancellationToken,
}

/// A server on one listener.
#[derive(Debug)]
struct Listening {
    handle: ServerHandle,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Listening {
    fn start(server: Server) -> Self {
        Self {
            handle: server.handle(),
            server: tokio::spawn(server),
        }
    }
}

/// Opens the database and starts everything `role` asks for on `listener`.
pub async fn start(
    config: Config,
    role: Role,
    clock: Clock,
    listener: TcpListener,
) -> anyhow::Result<Running> {
    let app = Arc::new(open(config, clock).await?);
    if app.config.server.insecure_sites {
        tracing::warn!(
            "TOUCHSTONE_INSECURE_SITES is on: plain http and loopback sites are let in. \
             For tests and the demo only."
        );
    }
    let mut listening = vec![Listening::start(serve(&app, role, listener)?)];
    if let Some(address) = app.config.server.metrics_listen {
        let listener = TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address} for /metrics"))?;
        listening.push(Listening::start(serve_operator(&app, listener)?));
    }
    let (stop, mut workers) = (CancellationToken::new(), JoinSet::new());
    if role != Role::Web {
        start_workers(&app, &stop, &mut workers).await?;
    }
    Ok(Running {
        app,
        listening,
        workers,
        stop,
    })
}

/// Everything but the listener and the workers: what a command needs to use cases on the database.
pub async fn open(config: Config, clock: Clock) -> anyhow::Result<App> {
    let seal = Arc::new(Seal::from_config(&secret_key(&config.secrets)?)?);
    let url = &config.database.url;
    Store::migrate(url)
        .await
        .context("the database cannot be prepared")?;
    let store = Store::open(url, config.database.connections)
        .await
        .context("the database cannot be opened")?;
    let room = make_room(&store, clock.now_ms()).await;
    if let Err(error) = room {
        tracing::warn!("the run table could not be parted, which the sweep does later: {error:?}");
    }
    let metrics = Arc::new(Metrics::default());
    Ok(App {
        inbox: InboxWriter::start(&store, &metrics),
        sites: Sites::new(store.clone(), Arc::clone(&seal)),
        jira: jira::Client::new(jira_settings(&config), clock.clone(), Arc::clone(&metrics))?,
        store,
        clock,
        seal,
        outbox_filled: tokio::sync::Notify::new(),
        metrics,
        config,
    })
}

fn jira_settings(config: &Config) -> jira::Settings {
    jira::Settings {
        app_key: config.connect.app_key.clone(),
        is_insecure: config.server.insecure_sites,
        points_per_hour: config.jira.points_per_hour,
    }
}

async fn start_workers(
    app: &Arc<App>,
    stop: &CancellationToken,
    workers: &mut JoinSet<()>,
) -> anyhow::Result<()> {
    let appliers = match app.store.dialect() {
        Dialect::Sqlite => {
            // Alone with its file, this process owns what a killed one still seems to hold.
            let txn = app.store.write().await?;
            outbox_store::release_all(&*txn).await?;
            txn.commit().await?;
            1
        }
        Dialect::Postgres => 2,
    };
    for _ in 0..appliers {
        workers.spawn(inbox::work(Arc::clone(app), stop.clone()));
    }
    workers.spawn(outbox::work(Arc::clone(app), stop.clone()));
    workers.spawn(outbox::look(Arc::clone(app), stop.clone()));
    workers.spawn(inbox::sweep(Arc::clone(app), stop.clone()));
    workers.spawn(inbox::plan(Arc::clone(app), stop.clone()));
    Ok(())
}

fn serve(app: &Arc<App>, role: Role, listener: TcpListener) -> anyhow::Result<Server> {
    let threads = match app.config.server.threads {
        0 => std::thread::available_parallelism().map_or(2, Into::into),
        threads => threads,
    };
    let shared = Data::from(Arc::clone(app));
    let connect = Data::new(Connect::new(&app.config)?);
    let forge = Data::new(Forge::new(&app.config)?);
    let limits = Data::new(web::api::v1::RateLimits::default());
    if role != Role::Worker {
        let (forge, now_s) = (forge.clone(), app.clock.now_s());
        tokio::spawn(async move { forge.load_keys(now_s).await });
    }
    let server = HttpServer::new(move || {
        WebApp::new()
            .app_data(shared.clone())
            .app_data(connect.clone())
            .app_data(forge.clone())
            .app_data(limits.clone())
            .configure(|routes| web::router::configure(routes, role, connect.base_path()))
            .configure(|routes| {
                if shared.config.server.metrics_listen.is_none() {
                    web::router::for_operator(routes);
                }
            })
            .default_service(actix_web::web::to(web::router::unknown))
            .wrap(from_fn(web::api::v1::publish_limits))
            .wrap(from_fn(web::json_only::json_only))
            .wrap(from_fn(web::metrics::measure))
    })
    .workers(threads)
    .shutdown_timeout(STOP_S)
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

fn serve_operator(app: &Arc<App>, listener: TcpListener) -> anyhow::Result<Server> {
    let shared = Data::from(Arc::clone(app));
    let server = HttpServer::new(move || {
        WebApp::new()
            .app_data(shared.clone())
            .configure(web::router::for_operator)
            .default_service(actix_web::web::to(web::router::unknown))
    })
    .workers(1)
    .shutdown_timeout(STOP_S)
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

/// The key ring, from the variable or the file.
pub fn secret_key(secrets: &Secrets) -> anyhow::Result<SecretString> {
    match (&secrets.secret_key, &secrets.secret_key_file) {
        (Some(key), _) => Ok(key.clone()),
        (None, Some(file)) => Ok(std::fs::read_to_string(file)
            .with_context(|| format!("the secret key cannot be read from {}", file.display()))?
            .trim()
            .into()),
        (None, None) => anyhow::bail!(
            "there is no secret key to seal Jira's secrets with; set TOUCHSTONE_SECRET_KEY to 32 \
             bytes in base64 (`openssl rand -base64 32`) or TOUCHSTONE_SECRET_KEY_FILE to a file \
             with them"
        ),
    }
}

impl Running {
    /// Waits until the process is told to stop (Ctrl-C or SIGTERM), then stops in order.
    pub async fn until_told(self) -> anyhow::Result<()> {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
        self.stop().await
    }

    /// Stops in order: no new requests, running ones finish, workers give up their lanes.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for listening in self.listening {
            listening.handle.stop(true).await;
            listening.server.await??;
        }
        self.stop.cancel();
        while self.workers.join_next().await.is_some() {}
        Ok(())
    }

    /// Ends at once, as a killed process would: nothing is finished, nothing is given up.
    pub fn kill(mut self) {
        self.workers.abort_all();
        for listening in self.listening {
            listening.server.abort();
            drop(listening.handle.stop(false));
        }
    }
}
